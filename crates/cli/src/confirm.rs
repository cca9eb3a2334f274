//! The question. The default answer is no, and without a terminal there is none.
//!
//! It is answered as kubectl's are, by a line: a person can correct it before Return, and the terminal stays as it was
//! whatever ends the program.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::sync::Arc;
use std::thread;

use nks_core::approval::{Consent, GuardedConsent};
use nks_core::plan::{Act, Plan};
use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::interrupt::Interrupt;
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

/// How a question is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    /// `--yes`
    pub(crate) yes: bool,
    /// Standard input was used for something else: the answer is typed on the terminal that the program runs on.
    pub(crate) stdin_is_taken: bool,
}

/// Where answers are typed.
enum Keyboard {
    Stdin,
    Terminal(File),
}

impl Keyboard {
    /// `None` where there is nobody to ask.
    fn find(asking: Asking) -> Option<Self> {
        if !asking.stdin_is_taken {
            return can_ask().then_some(Self::Stdin);
        }
        let terminal = File::open("/dev/tty").ok()?;
        io::stderr()
            .is_terminal()
            .then_some(Self::Terminal(terminal))
    }

    /// Keys pressed before the diff was shown are no answer to it.
    fn forget(&self) {
        let _ = match self {
            Self::Stdin => tcflush(io::stdin(), QueueSelector::IFlush),
            Self::Terminal(terminal) => tcflush(terminal, QueueSelector::IFlush),
        };
    }

    /// One line; empty at the end.
    fn line(&self) -> io::Result<String> {
        let mut line = String::new();
        match self {
            Self::Stdin => io::stdin().read_line(&mut line)?,
            // A terminal gives a line at a time, so the reader holds nothing back.
            Self::Terminal(terminal) => BufReader::new(terminal).read_line(&mut line)?,
        };
        Ok(line)
    }
}

/// Asks `question` unless `--yes` answers it. Ctrl-C is a failure of kind `Interrupted`.
pub(crate) async fn confirm(
    screen: &Screen,
    question: &str,
    asking: Asking,
    interrupt: &Interrupt,
) -> Result<Answer, Failure> {
    if let Some(consent) = Consent::from_flag(asking.yes) {
        return Ok(Answer::Given(consent));
    }
    let Some(keyboard) = Keyboard::find(asking) else {
        return Ok(Answer::NoTerminal);
    };
    keyboard.forget();
    let keyboard = Arc::new(keyboard);
    loop {
        let mut stderr = anstream::stderr();
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let line = match interrupt.or(screen, typed(Arc::clone(&keyboard))).await {
            Ok(line) => line,
            Err(failure) => {
                screen.note("");
                return Err(failure);
            }
        };
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" | "예" | "네" => {
                return Ok(Consent::from_answer(true).map_or(Answer::Declined, Answer::Given));
            }
            "" | "n" | "no" | "아니요" | "아니오" => return Ok(Answer::Declined),
            _ => screen.note(&screen.say("answer-yes-or-no", &[])),
        }
    }
}

/// Asks about each object that decides what others may do, or that is deleted. `None` where one answer is no, or there is nobody to ask.
pub(crate) async fn confirm_guarded(
    screen: &Screen,
    plan: &Plan,
    asking: Asking,
    interrupt: &Interrupt,
) -> Result<Option<Vec<GuardedConsent>>, Failure> {
    let asking = Asking {
        yes: false,
        ..asking
    };
    let mut consents = Vec::new();
    for patch in plan.guarded() {
        let object = patch.id.to_string();
        let values = [("object", &*object)];
        let deleted = patch.act() == Act::Delete;
        let question = if deleted {
            screen.say("guarded-deletion-question", &values)
        } else {
            screen.say("guarded-question", &values)
        };
        match confirm(screen, &question, asking, interrupt).await? {
            Answer::Given(_) => consents.extend(GuardedConsent::from_answer(&patch.id, true)),
            Answer::Declined => {
                screen.note(&screen.say("guarded-declined", &values));
                return Ok(None);
            }
            Answer::NoTerminal => {
                screen.note(&if deleted {
                    screen.say("guarded-deletion-no-terminal", &values)
                } else {
                    screen.say("guarded-no-terminal", &values)
                });
                return Ok(None);
            }
        }
    }
    Ok(Some(consents))
}

/// One line; empty at the end. It is read on a thread of its own, which the program does not wait for: meanwhile the lease
/// is renewed, and Ctrl-C is heard.
async fn typed(keyboard: Arc<Keyboard>) -> Result<String, Failure> {
    let (answer, answered) = oneshot::channel();
    thread::spawn(move || {
        // Nobody listens any more after Ctrl-C.
        let _ = answer.send(keyboard.line());
    });
    let line = answered.await.map_err(io::Error::other)??;
    Ok(line)
}
