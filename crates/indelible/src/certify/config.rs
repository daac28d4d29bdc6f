//! How much is tried, and for which inputs.

use std::time::Duration;

use super::Domain;

/// How much is tried for each sample before it stays undecided. Only layers
/// that are dense are branched on; other forms have engines of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Starts of projected gradient descent (default 10).
    pub restarts: usize,
    /// Steps from each (default 40).
    pub attack_steps: u32,
    /// Steps towards better slopes before branching (default 20).
    pub slope_steps: i32,
    /// Parts of a ball that are bounded at most (default 2000).
    pub branches: usize,
    /// Time for a sample (default none). What is decided then depends on the
    /// machine and on what else it does; without it, on nothing.
    pub timeout: Option<Duration>,
    /// Valid inputs (default all): balls are intersected with them. Where a form
    /// is bounded by distances to what it stores, or followed back on the ball
    /// itself, the whole ball is looked at all the same, which proves as much.
    pub domain: Domain,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            restarts: 10,
            attack_steps: 40,
            slope_steps: 20,
            branches: 2000,
            timeout: None,
            domain: Domain::default(),
        }
    }
}

/// What deciding a sample took. Work that samples share, like a search among
/// stored rows, is not part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effort {
    /// Time, in seconds.
    pub seconds: f64,
    /// Parts of the ball that were bounded.
    pub branches: usize,
}
