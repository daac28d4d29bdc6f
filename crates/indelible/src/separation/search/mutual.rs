//! The nearest sample of every one of a set, where a pair counts for both of its samples: it is
//! compared once.

use std::{cmp::Ordering, ops::Range, sync::Mutex};

use super::{
    Collector, Limit, Metric, Pruner, WORK, each_tile,
    guesses::{Guessing, beside},
    lock, pairs,
};
use crate::{
    Progress, parallel,
    separation::{kernel::PANEL, relation::Relation},
};

/// One block in so many is searched for guesses.
const SPARSE: usize = 16;
/// Queries that one task handles: what is prepared for the samples of a panel is worth more the
/// more of them there are.
const TILE: usize = 512;

/// Distance and index of a sample.
type Found<D> = Option<(D, usize)>;

/// The nearest sample found so far of each sample, smaller index first among equally near ones.
/// Threads change it; a panel has a lock of its own.
struct All<'a, M: Metric> {
    metric: &'a M,
    panels: Vec<Mutex<Vec<Found<M::Distance>>>>,
}

impl<M: Metric> All<'_, M> {
    /// Takes note of a distance of sample `i` and another one.
    fn take(&self, i: usize, other: usize, distance: M::Distance) {
        let found = &mut lock(&self.panels[i / PANEL])[i % PANEL];
        let nearer = found.is_none_or(|(d, first)| {
            self.metric.compare(&distance, &d).then(other.cmp(&first)) == Ordering::Less
        });
        if nearer {
            *found = Some((distance, other));
        }
    }
}

/// How near another sample, of index `from` or more, must be to be nearer than what was found or
/// come first among equally near ones.
fn limit<D>(found: Found<D>, from: usize) -> Limit<D> {
    match found {
        None => Limit::None,
        Some((distance, first)) if first < from => Limit::Below(distance),
        Some((distance, _)) => Limit::UpTo(distance),
    }
}

/// A tile of queries and a block of base samples.
struct Both<'a, M: Metric> {
    all: &'a All<'a, M>,
    /// The first of each.
    query: usize,
    base: usize,
}

impl<M: Metric> Collector<M> for Both<'_, M> {
    fn limit(&self, i: usize) -> Limit<M::Distance> {
        limit(lock(&self.all.panels[i / PANEL])[i % PANEL], self.base)
    }

    fn base_limits(&self, base: Range<usize>, limits: &mut Vec<Limit<M::Distance>>) {
        // Of one panel.
        let found = lock(&self.all.panels[base.start / PANEL]);
        let start = base.start % PANEL;
        limits.extend(found[start..start + base.len()].iter().map(|&found| limit(found, self.query)));
    }

    fn take(&mut self, i: usize, j: usize, distance: M::Distance) {
        self.all.take(i, j, distance);
        self.all.take(j, i, distance);
    }
}

/// The nearest sample of every one, for a relation that has each pair once.
pub(super) fn find<M: Metric, P: Pruner<M>>(
    metric: &M,
    pruner: &P,
    relation: &Relation,
    progress: &dyn Progress,
) -> Vec<Found<M::Distance>> {
    let samples = relation.queries.len();
    let guessing = Guessing::new(pruner, relation, SPARSE);
    progress.begin(WORK, guessing.work() + pairs(pruner, relation));
    let guesses = guessing.run(progress);
    let first = |i: usize| {
        let guessed = guesses[i].sample.and_then(|j| Some((metric.within(i, j, Limit::None)?, j)));
        let known = [guessed, beside(metric, relation, i, 1)];
        known.into_iter().flatten().min_by(|(a, j), (b, k)| metric.compare(a, b).then(j.cmp(k)))
    };
    let found = parallel::map(samples, first);
    let panels = found.chunks(PANEL).map(|panel| Mutex::new(panel.to_vec())).collect();
    let all = All { metric, panels };
    each_tile(pruner, relation, TILE, progress, |(block, base), queries| {
        pruner.scan(block, queries.clone(), &mut Both { all: &all, query: queries.start, base });
    });
    progress.end();
    all.panels.iter().flat_map(|panel| lock(panel).clone()).collect()
}
