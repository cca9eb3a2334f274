//! Where a node can pull Flannel instead, as far as nodes have been asked.

use nks_fixer::{Input, Verdict, naming};

use crate::reason;

/// What is known of the references under which one image may be found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The first that a node can pull.
    Here(String),
    /// These have to be asked for before anything can be said.
    Ask(Vec<String>),
    /// A node can pull none of them.
    Nowhere,
    /// A node can pull none of those of which it could tell, and could not tell of all.
    Unclear,
}

/// Looks for an image under `references`, the one to be preferred first, for a workload of `namespace`.
pub(crate) fn search(input: &Input, namespace: &str, references: &[String]) -> Found {
    let mut unasked = Vec::new();
    let mut unclear = false;
    for reference in references {
        match input.image_probe(namespace, reference) {
            None => unasked.push(reference.clone()),
            // One that would be preferred has to be asked for first.
            Some(Verdict::Pulled) if unasked.is_empty() => return Found::Here(reference.clone()),
            Some(Verdict::Unknown(_)) => unclear = true,
            Some(Verdict::Pulled | Verdict::Failed(_)) => {}
        }
    }
    match (unasked.is_empty(), unclear) {
        (false, _) => Found::Ask(unasked),
        (true, true) => Found::Unclear,
        (true, false) => Found::Nowhere,
    }
}

/// What nodes answered that could not pull, reference by reference: `ghcr.io/… (not found), docker.io/… (i/o timeout)`.
pub(crate) fn answers(input: &Input, namespace: &str, references: &[String]) -> String {
    let said = references.iter().filter_map(|reference| {
        let why = match input.image_probe(namespace, reference)? {
            Verdict::Pulled => return None,
            Verdict::Failed(why) => reason::of_refusal(why),
            Verdict::Unknown(why) => reason::of_silence(why),
        };
        Some([reference, " (", &why, ")"].concat())
    });
    let said: Vec<String> = said.collect();
    naming::list(said.iter().map(String::as_str))
}

/// The nodes that were asked for `references`.
pub(crate) fn asked(input: &Input, namespace: &str, references: &[String]) -> String {
    let answers = input.objects.iter().filter(|object| {
        let is_of = |image: &str| references.iter().any(|reference| reference == image);
        object.kind == "ImageProbe"
            && object.namespace == namespace
            && object.text("/image").is_some_and(is_of)
    });
    naming::list(answers.filter_map(|answer| answer.text("/node")))
}
