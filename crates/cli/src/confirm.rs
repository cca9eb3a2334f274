//! The question. The default answer is no, and without a terminal there is none.

use std::io;

use dialoguer::Confirm;
use nks_core::approval::Consent;

use crate::failure::{Failure, Kind};
use crate::screen::{Screen, can_ask};

/// What came of the question.
pub(crate) enum Answer {
    /// Yes.
    Given(Consent),
    /// No.
    Declined,
    /// There was nobody to ask.
    NoTerminal,
}

/// Asks `question` unless `--yes` answers it. Ctrl-C is a failure of kind `Interrupted`.
pub(crate) fn confirm(screen: &Screen, question: &str, yes: bool) -> Result<Answer, Failure> {
    if let Some(consent) = Consent::from_flag(yes) {
        return Ok(Answer::Given(consent));
    }
    if !can_ask() {
        return Ok(Answer::NoTerminal);
    }
    match Confirm::new()
        .with_prompt(question)
        .default(false)
        .wait_for_newline(true)
        .interact()
    {
        Ok(answer) => Ok(Consent::from_answer(answer).map_or(Answer::Declined, Answer::Given)),
        Err(dialoguer::Error::IO(problem)) if problem.kind() == io::ErrorKind::Interrupted => {
            // The question hid the cursor, and nothing else would bring it back.
            let _ = dialoguer::console::Term::stderr().show_cursor();
            Err(Failure::new(
                Kind::Interrupted,
                screen.say("interrupted-nothing-changed", &[]),
            ))
        }
        Err(dialoguer::Error::IO(problem)) => Err(problem.into()),
    }
}
