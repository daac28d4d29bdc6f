//! Searches over all pairs: nearest samples of every query, the closest pair,
//! pairs within a radius. What they find depends only on the order that the
//! metric puts distances in, so it is the same for every screen, block size
//! and number of threads.

mod closest;
mod nearest;
mod within;

use std::ops::Range;

use super::metric::{Limit, Metric};

pub(super) use self::{closest::closest, nearest::nearest, within::within};

/// Queries that one task handles.
pub(super) const TILE: usize = 256;

/// What a search does with the pairs it is shown.
pub(super) trait Tally<M: Metric> {
    /// How near base samples must be to query `i` to be of interest now.
    fn limit(&self, i: usize) -> Limit<M::Distance>;

    /// Whether a pair taken for one query may change the limits of others.
    fn shared(&self) -> bool;

    /// Takes note of a pair within the limit of `i`. Pairs of one query come
    /// in ascending order of `j`.
    fn take(&mut self, i: usize, j: usize, distance: M::Distance);
}

/// A sample that is probably near a query: the smaller the sum, the nearer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    pub(super) sum: u32,
    pub(super) sample: usize,
}

impl Guess {
    /// No sample at all.
    pub(super) const NONE: Self = Self { sum: u32::MAX, sample: usize::MAX };
}

/// Finds pairs that may be within the limits of a search, leaving out what
/// certainly is not.
pub(super) trait Screen<M: Metric>: Sync {
    /// What is prepared once for a range of base samples.
    type Block: Sync;

    /// Base samples in a block.
    fn block_size(&self) -> usize;

    /// Prepares a block.
    fn block(&self, base: Range<usize>) -> Self::Block;

    /// Whether it knows a quick way to [`guess`](Self::guess).
    fn guesses(&self) -> bool {
        false
    }

    /// Improves guesses, one per query, of samples that count and are near, by
    /// those of the block.
    fn guess(&self, _: &Self::Block, _queries: Range<usize>, _guesses: &mut [Guess]) {}

    /// Shows the tally every pair of `queries` with samples of the block that
    /// counts and is within its limit.
    fn scan(&self, block: &Self::Block, queries: Range<usize>, tally: &mut impl Tally<M>);
}

/// The blocks of base samples, in order.
fn blocks(samples: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..samples).step_by(size).map(move |start| start..(start + size).min(samples))
}
