//! How long work reports that it goes on.

/// Receives the progress of long work; called from several threads.
pub trait Progress: Sync {
    /// A piece of work named `what` begins that consists of `total` units.
    fn begin(&self, what: &str, total: u64);
    /// `units` more units are done.
    fn advance(&self, units: u64);
    /// The piece of work is done.
    fn end(&self);
    /// Work of unknown length named `what` goes on from here, in place of what
    /// was said before.
    fn busy(&self, _what: &str) {}
}

/// Reports nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: u64) {}
    fn advance(&self, _units: u64) {}
    fn end(&self) {}
}
