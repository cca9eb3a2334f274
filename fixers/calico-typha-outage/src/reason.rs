//! Why an image could not be pulled, in few words.

use nks_fixer::refusal;

/// The cause in one of the messages; `None` where they only say that it will be tried again.
pub(crate) fn cause<'a>(messages: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let mut messages = messages;
    messages.find_map(refusal::known_cause)
}
