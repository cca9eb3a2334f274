//! What nodes have answered about the places of one image.

use nks_fixer::{Image, Input, Verdict, refusal};

use crate::origin;

/// What is known of where an image is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// Some places have not been asked for.
    Unasked(Vec<String>),
    /// It is here; and in the other place, too, where there is one.
    Found { at: String, also: Option<String> },
    /// It can be pulled from none of its places.
    Refused(Vec<Refused>),
    /// It could not be found out.
    Unclear(Refused),
}

/// A place from which an image could not be pulled, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) place: String,
    pub(crate) words: String,
}

impl Refused {
    fn of(place: &str, words: &str) -> Self {
        Self {
            place: place.to_owned(),
            words: words.to_owned(),
        }
    }

    pub(crate) fn why(&self) -> refusal::Refusal {
        refusal::of(&self.place, &self.words)
    }

    /// `ghcr.io/acme/api:1.2 (not found)`
    pub(crate) fn told(&self) -> String {
        [&self.place, " (", &refusal::cause(&self.words), ")"].concat()
    }
}

/// Looks at the answers of a namespace. A place that could not be asked for leaves it open, unless a likelier one has it.
pub(crate) fn search(input: &Input, namespace: &str, image: &Image) -> Search {
    let mut unasked = Vec::new();
    let mut pulled = Vec::new();
    let mut refused = Vec::new();
    let mut unclear = None;
    for place in origin::places(image) {
        match input.image_probe(namespace, &place) {
            None => unasked.push(place),
            Some(Verdict::Pulled) if unclear.is_none() => pulled.push(place),
            Some(Verdict::Pulled) => {}
            Some(Verdict::Failed(words)) => refused.push(Refused::of(&place, words)),
            Some(Verdict::Unknown(words)) => unclear = Some(Refused::of(&place, words)),
        }
    }
    if !unasked.is_empty() {
        return Search::Unasked(unasked);
    }
    let mut pulled = pulled.into_iter();
    match (pulled.next(), unclear) {
        (Some(at), _) => Search::Found {
            at,
            also: pulled.next(),
        },
        (None, Some(unclear)) => Search::Unclear(unclear),
        (None, None) => Search::Refused(refused),
    }
}
