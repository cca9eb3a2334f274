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
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
