//! Ctrl-C.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, Kind};
use crate::screen::Screen;

/// Ctrl-C, noticed at the next point where stopping is clean.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen. From here on Ctrl-C ends nothing by itself.
    pub(crate) fn listen() -> Self {
        let raised = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&raised);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                flag.store(true, Ordering::Relaxed);
            }
        });
        Self(raised)
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Runs something that changes nothing; Ctrl-C drops it.
    pub(crate) async fn or<T>(
        &self,
        screen: &Screen,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let interrupted = || {
            let said = screen.say("interrupted-nothing-changed", &[]);
            Err(Failure::new(Kind::Interrupted, said))
        };
        // It may have been pressed between two pieces of work.
        if self.raised() {
            return interrupted();
        }
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => interrupted(),
        }
    }
}
