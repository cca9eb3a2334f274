//! Why an image could not be pulled, in few words.

use nks_fixer::{Waiting, refusal};

/// The longest reason given, in characters.
const MOST_CHARACTERS: usize = 120;

/// The reason that tells most: a cause where one of the kubelets gives one, and else what kubectl shows.
pub(crate) fn of_waitings<'a>(waitings: impl Iterator<Item = Waiting<'a>> + Clone) -> String {
    let cause = waitings
        .clone()
        .find_map(|waiting| refusal::short_cause(waiting.message));
    let shown = waitings.clone().next().map(|waiting| waiting.reason);
    shortened(cause.or(shown).unwrap_or_default())
}

/// Why a node that was asked could not pull.
pub(crate) fn of_refusal(message: &str) -> String {
    shortened(refusal::short_cause(message).unwrap_or(message))
}

/// Why a node that was asked could not tell. That is no chain of causes.
pub(crate) fn of_silence(message: &str) -> String {
    shortened(message)
}

fn shortened(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}
