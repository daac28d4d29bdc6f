//! Searches over all pairs: nearest samples of every query, the closest pair,
//! pairs within a radius. What they find depends only on the order that the
//! metric puts distances in, so it is the same for every pruner, block size
//! and number of threads.

mod closest;
mod guesses;
mod mutual;
mod nearest;
mod within;

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    metric::{Limit, Metric},
    relation::Relation,
};
use crate::{Progress, parallel};

pub(super) use self::{
    closest::{Closest, ClosestUpTo},
    nearest::{Nearest, NearestAndClosest, NearestIndices, NearestUpTo},
    within::Within,
};

/// What progress calls the work.
const WORK: &str = "comparing samples";
/// Queries that one task handles.
pub(super) const TILE: usize = 256;

/// A search that works with every metric and pruner.
pub(super) trait Search {
    /// What it finds.
    type Output;

    /// Whether only pairs are of interest that are nearer than the nearest samples
    /// of nearly all queries.
    fn few(&self) -> bool {
        false
    }

    /// Whether it can be shown each pair of one set once, for both of its samples.
    fn mutual(&self) -> bool {
        false
    }

    /// Searches.
    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output;
}

/// What a search does with the pairs it is shown.
pub(super) trait Collector<M: Metric> {
    /// How near base samples must be to query `i` to be of interest now.
    fn limit(&self, i: usize) -> Limit<M::Distance>;

    /// Where pairs count for both of their samples, how near queries must be to base samples
    /// to be of interest to these now; else nothing.
    fn base_limits(&self, _base: Range<usize>, _limits: &mut Vec<Limit<M::Distance>>) {}

    /// Whether a pair taken for one query may change the limits of others.
    fn shared(&self) -> bool {
        false
    }

    /// Takes note of a pair within the limit of `i`, or of `j` where pairs count for both.
    /// Pairs of one query come in ascending order of `j`.
    fn take(&mut self, i: usize, j: usize, distance: M::Distance);
}

/// A sample that is probably near a query: the smaller the sum, the nearer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    pub(super) sum: u32,
    /// `None` before the first guess.
    pub(super) sample: Option<usize>,
}

/// Finds pairs that may be within the limits of a search, leaving out what
/// certainly is not.
pub(super) trait Pruner<M: Metric>: Sync {
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

    /// Shows the collector every pair of `queries` with samples of the block that
    /// counts and is within its limit.
    fn scan(&self, block: &Self::Block, queries: Range<usize>, collector: &mut impl Collector<M>);
}

/// What a mutex holds, also where a thread that held it has panicked: then no
/// result comes of it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The blocks of base samples, in order.
fn blocks(samples: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..samples).step_by(size).map(move |start| start..(start + size).min(samples))
}

/// The pairs of queries and base samples that [`each_tile`] goes through.
fn pairs<M: Metric, P: Pruner<M>>(pruner: &P, relation: &Relation) -> u64 {
    let stop = |base: &Range<usize>| relation.stop(base, relation.queries.len()) as u64;
    blocks(relation.base.len(), pruner.block_size()).map(|base| base.len() as u64 * stop(&base)).sum()
}

/// Calls `scan`, in parallel, for the tiles of `size` queries that may meet a block of
/// base samples, whose first is named; one block after the other.
fn each_tile<M: Metric, P: Pruner<M>>(
    pruner: &P,
    relation: &Relation,
    size: usize,
    progress: &dyn Progress,
    scan: impl Fn((&P::Block, usize), Range<usize>) + Sync,
) {
    for base in blocks(relation.base.len(), pruner.block_size()) {
        let (start, count) = (base.start, base.len() as u64);
        let stop = relation.stop(&base, relation.queries.len());
        let block = pruner.block(base);
        parallel::each(stop.div_ceil(size), &|tile| {
            let range = tile * size..((tile + 1) * size).min(stop);
            let done = range.len() as u64 * count;
            scan((&block, start), range);
            progress.advance(done);
        });
    }
}
