//! Progress bars on a terminal, nothing when piped.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use indelible::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows one bar at a time on stderr. indicatif draws nothing unless stderr is
/// a terminal.
#[derive(Debug, Default)]
pub struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn current(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bar {
    fn busy(&self, what: &str) {
        let bar = ProgressBar::new_spinner().with_message(what.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        *self.current() = Some(bar);
    }

    fn begin(&self, what: &str, total: u64) {
        let bar = ProgressBar::new(total).with_message(what.to_string());
        if let Ok(style) = ProgressStyle::with_template("{msg:>12} {wide_bar} {percent:>3} %  {eta} left") {
            bar.set_style(style);
        }
        *self.current() = Some(bar);
    }

    fn advance(&self, units: u64) {
        self.current().iter().for_each(|bar| bar.inc(units));
    }

    fn end(&self) {
        self.current().take().iter().for_each(ProgressBar::finish_and_clear);
    }
}
