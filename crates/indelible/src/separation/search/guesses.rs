//! Distances that nearest samples do not exceed, found quickly before the search: of samples that
//! are probably near, and of those beside a sample in the order of the data.

use std::ops::Range;

use super::{Guess, Limit, Metric, Pruner, TILE, blocks};
use crate::{Progress, parallel, separation::relation::Relation};

/// In the order of the data, samples that are so near in a set are looked at for a bound,
/// until so many more than are asked for were found: in sorted data and on grids these are the
/// nearest, which would otherwise come one step nearer with every sample.
const BESIDE: usize = 32;
const MORE: usize = 3;
/// For more samples per query no such bound is looked for.
const MOST: usize = 16;
/// A guess takes about this part of the time of a search.
const QUICK: u64 = 2;

/// A search for guesses among some of the base samples.
pub(super) struct Guessing<'a, P> {
    pruner: &'a P,
    queries: usize,
    base: Vec<Range<usize>>,
}

impl<'a, P> Guessing<'a, P> {
    /// That in the first of every `step` blocks; in none where no quick way is known.
    pub(super) fn new<M: Metric>(pruner: &'a P, relation: &Relation, step: usize) -> Self
    where
        P: Pruner<M>,
    {
        let blocks = blocks(relation.base.len(), pruner.block_size()).step_by(step);
        let base = blocks.filter(|_| step < usize::MAX && pruner.guesses()).collect();
        Self { pruner, queries: relation.queries.len(), base }
    }

    /// Pairs that take as long.
    pub(super) fn work(&self) -> u64 {
        let pairs = self.base.iter().map(|base| base.len() as u64 / QUICK).sum::<u64>();
        pairs * self.queries as u64
    }

    /// A guess for each query.
    pub(super) fn run<M: Metric>(&self, progress: &dyn Progress) -> Vec<Guess>
    where
        P: Pruner<M>,
    {
        let mut guesses = vec![Guess { sum: u32::MAX, sample: None }; self.queries];
        for base in &self.base {
            let block = self.pruner.block(base.clone());
            parallel::each_chunk_mut(&mut guesses, TILE, |tile, guesses| {
                self.pruner.guess(&block, tile * TILE..tile * TILE + guesses.len(), guesses);
                progress.advance(guesses.len() as u64 * (base.len() as u64 / QUICK));
            });
        }
        guesses
    }
}

/// Among the samples beside query `i`, where queries and base samples are one set, the last of its
/// `per_query` nearest: its distance, which those of all samples do not exceed, and its index.
pub(super) fn beside<M: Metric>(
    metric: &M,
    relation: &Relation,
    i: usize,
    per_query: usize,
) -> Option<(M::Distance, usize)> {
    if per_query > MOST || !relation.is_one_set() {
        return None;
    }
    let near = (1..=BESIDE).flat_map(|step| [i.checked_sub(step), i.checked_add(step)]);
    let counting = near.flatten().filter(|&j| j < relation.base.len() && relation.counts(i, j));
    let counting = counting.take(per_query + MORE);
    let mut found: Vec<(M::Distance, usize)> =
        counting.filter_map(|j| Some((metric.within(i, j, Limit::None)?, j))).collect();
    found.sort_by(|(a, j), (b, k)| metric.compare(a, b).then(j.cmp(k)));
    found.get(per_query - 1).copied()
}
