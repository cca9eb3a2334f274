//! What a node answered when it was asked for an image.

use crate::input::Input;

/// Whether a node can pull an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It can: it has just done so.
    Pulled,
    /// It cannot, and why, in the words of its container runtime.
    Failed(&'a str),
    /// It could not be found out, and why.
    Unknown(&'a str),
}

impl Input {
    /// The answer to [`Step::probe_image`](crate::Step::probe_image) for a workload of `namespace`; `None` before anybody
    /// asked. Of several nodes that were asked, one that cannot decides.
    pub fn image_probe(&self, namespace: &str, image: &str) -> Option<Verdict<'_>> {
        let answers = self.objects.iter().filter(|object| {
            object.kind == "ImageProbe"
                && object.namespace == namespace
                && object.text("/image") == Some(image)
        });
        let verdicts = answers.map(|answer| {
            let why = answer.text("/message").unwrap_or_default();
            match answer.text("/verdict") {
                Some("pulled") => Verdict::Pulled,
                Some("failed") => Verdict::Failed(why),
                _ => Verdict::Unknown(why),
            }
        });
        verdicts.reduce(|one, other| if one == Verdict::Pulled { other } else { one })
    }

    /// Index of the workload as which a node was asked for an image of `namespace`: with its pull secrets. `None` before
    /// anybody asked, and where the workload is not supplied.
    pub fn image_probe_like(&self, namespace: &str, image: &str) -> Option<u32> {
        let mut answers = self.objects.iter();
        let answer = answers.find(|object| {
            object.kind == "ImageProbe"
                && object.namespace == namespace
                && object.text("/image") == Some(image)
        })?;
        let uid = answer.text("/metadata/ownerReferences/0/uid")?;
        let mut all = self.indexed().filter(|(_, object)| object.uid == uid);
        all.next().map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_tells_as_whom_was_asked() {
        let probe = |image: &str, owner: &str| {
            json!({"apiVersion": "probe.nks/v1", "kind": "ImageProbe", "image": image, "verdict": "pulled",
                "metadata": {"name": image, "namespace": "shop", "ownerReferences": [{"uid": owner}]}})
        };
        let input = Input::of_values([
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "uid": "w"}}),
            probe("x:1", "w"),
            probe("x:2", "gone"),
        ]);
        let like = |image: &str| input.image_probe_like("shop", image);
        assert_eq!(
            [like("x:1"), like("x:2"), like("x:3")],
            [Some(0), None, None]
        );
    }

    #[test]
    fn an_answer_is_of_one_image_in_one_namespace() {
        let probe = |name: &str, image: &str, verdict: &str| {
            json!({"apiVersion": "probe.nks/v1", "kind": "ImageProbe", "metadata": {"name": name, "namespace": "shop"},
                "image": image, "node": "n", "verdict": verdict, "message": "why"})
        };
        let input = Input::of_values([
            probe("a", "x:1", "pulled"),
            probe("b", "x:2", "failed"),
            probe("c", "x:3", "pulled"),
            probe("d", "x:3", "unknown"),
        ]);
        assert_eq!(input.image_probe("shop", "x:1"), Some(Verdict::Pulled));
        assert_eq!(
            input.image_probe("shop", "x:2"),
            Some(Verdict::Failed("why"))
        );
        assert_eq!(
            input.image_probe("shop", "x:3"),
            Some(Verdict::Unknown("why"))
        );
        assert_eq!(input.image_probe("shop", "x:4"), None);
        assert_eq!(input.image_probe("bank", "x:1"), None);
    }
}
