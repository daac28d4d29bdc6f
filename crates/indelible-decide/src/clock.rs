//! The time that a decision may take.

use std::time::{Duration, Instant};

use crate::Error;

/// Counts the time since it was started, up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    limit: Option<Duration>,
}

impl Clock {
    /// Starts now; `None` is no limit.
    pub(crate) fn start(limit: Option<Duration>) -> Self {
        Self { start: Instant::now(), limit }
    }

    /// Time that has gone by.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Time that is left; `None` is no limit.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.limit.map(|l| l.saturating_sub(self.elapsed()))
    }

    /// Fails when no time is left.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.left().is_some_and(|left| left.is_zero()) { Err(Error::TimedOut) } else { Ok(()) }
    }
}
