//! A spinner for what takes time: on stderr, only on a terminal, gone when it is done.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::screen::can_ask;

/// A spinner that is cleared when it is dropped. Without a terminal it shows nothing.
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// Starts one with a text.
    pub(crate) fn start(text: String) -> Self {
        let plain = std::env::var_os("TERM").is_some_and(|term| term == "dumb") || !can_ask();
        let bar = ProgressBar::with_draw_target(
            None,
            if plain {
                ProgressDrawTarget::hidden()
            } else {
                ProgressDrawTarget::stderr()
            },
        );
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(text);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Changes the text.
    pub(crate) fn set(&self, text: String) {
        self.0.set_message(text);
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
