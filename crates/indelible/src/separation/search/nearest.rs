//! The k nearest base samples of every query.

use std::{cmp::Ordering, ops::Range};

use super::{
    Collector, Limit, Metric, Pruner, Search, TILE, WORK, blocks,
    guesses::{Guessing, beside},
    mutual,
};
use crate::{
    Progress, parallel,
    separation::{Neighbour, relation::Relation},
};

/// Finds the `per_query` (at least 1) nearest base samples of every query,
/// nearest first and smaller index first among equally near ones; fewer where
/// there are fewer. Query `i` has the entries from `i·per_query`.
pub struct Nearest<'a> {
    pub per_query: usize,
    pub progress: &'a dyn Progress,
}

/// One block in so many is searched for guesses.
const SPARSE: usize = 4;

/// The nearest samples found so far, nearest first, of a tile of queries.
struct Tile<'a, M: Metric> {
    metric: &'a M,
    first: usize,
    per_query: usize,
    found: &'a mut [Option<(M::Distance, usize)>],
    /// Distances that nearest samples do not exceed, where that is known.
    bounds: &'a [Option<M::Distance>],
}

impl<M: Metric> Tile<'_, M> {
    fn slots(&self, i: usize) -> Range<usize> {
        let at = (i - self.first) * self.per_query;
        at..at + self.per_query
    }
}

impl<M: Metric> Collector<M> for Tile<'_, M> {
    fn limit(&self, i: usize) -> Limit<M::Distance> {
        // Samples come in ascending order, so an equally near one comes too late.
        match self.found[self.slots(i).end - 1] {
            Some((distance, _)) => Limit::Below(distance),
            None => self.bounds[i].map_or(Limit::None, Limit::UpTo),
        }
    }

    fn take(&mut self, i: usize, j: usize, distance: M::Distance) {
        let range = self.slots(i);
        let slots = &mut self.found[range];
        let place = slots.partition_point(|slot| {
            slot.is_some_and(|(d, _)| self.metric.compare(&d, &distance) != Ordering::Greater)
        });
        if place < slots.len() {
            slots[place..].rotate_right(1);
            slots[place] = Some((distance, j));
        }
    }
}

impl Nearest<'_> {
    /// The distances of the nearest samples, and which they are; where `up_to` has a
    /// finite number for a query, of those up to that distance.
    fn find<M: Metric, P: Pruner<M>>(
        self,
        metric: &M,
        pruner: &P,
        relation: &Relation,
        up_to: &[f64],
    ) -> Vec<Option<(M::Distance, usize)>> {
        let Self { per_query, progress } = self;
        let (queries, samples) = (relation.queries.len(), relation.base.len());
        if relation.is_ascending() {
            return mutual::find(metric, pruner, relation, progress);
        }
        let mut found = vec![None; queries * per_query];
        let guessing = Guessing::new(pruner, relation, if per_query == 1 { SPARSE } else { usize::MAX });
        progress.begin(WORK, queries as u64 * samples as u64 + guessing.work());
        let guesses = guessing.run(progress);
        let bound = |i: usize| {
            let guessed = guesses[i].sample.and_then(|j| metric.within(i, j, Limit::None));
            let given = up_to.get(i).filter(|distance| distance.is_finite()).map(|&d| metric.threshold(d));
            let beside = beside(metric, relation, i, per_query).map(|(distance, _)| distance);
            [guessed, given, beside].into_iter().flatten().min_by(|a, b| metric.compare(a, b))
        };
        let bounds = parallel::map(guesses.len(), bound);
        for base in blocks(samples, pruner.block_size()) {
            let count = base.len() as u64;
            let block = pruner.block(base);
            parallel::each_chunk_mut(&mut found, TILE * per_query, |tile, found| {
                let range = tile * TILE..tile * TILE + found.len() / per_query;
                let done = range.len() as u64 * count;
                let mut tile = Tile { metric, first: range.start, per_query, found, bounds: &bounds };
                pruner.scan(&block, range, &mut tile);
                progress.advance(done);
            });
        }
        progress.end();
        found
    }
}

impl Search for Nearest<'_> {
    type Output = Vec<Option<Neighbour>>;

    fn mutual(&self) -> bool {
        self.per_query == 1
    }

    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output {
        enclosed(metric, self.find(metric, pruner, relation, &[]))
    }
}

/// The neighbours with the enclosures of their distances.
fn enclosed<M: Metric>(metric: &M, found: Vec<Option<(M::Distance, usize)>>) -> Vec<Option<Neighbour>> {
    let enclose =
        |(d, index): &(M::Distance, usize)| Neighbour { index: *index, distance: metric.enclosure(d) };
    parallel::map_each(&found, |entry| entry.as_ref().map(enclose))
}

/// The nearest base sample of every query, and the first of the queries that come
/// nearest to theirs.
pub struct NearestAndClosest<'a>(pub Nearest<'a>);

impl Search for NearestAndClosest<'_> {
    type Output = (Vec<Option<Neighbour>>, Option<usize>);

    fn mutual(&self) -> bool {
        self.0.mutual()
    }

    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output {
        let per_query = self.0.per_query;
        let found = self.0.find(metric, pruner, relation, &[]);
        let firsts = found.iter().step_by(per_query).enumerate();
        let known = firsts.filter_map(|(i, entry)| Some((i, entry.as_ref()?.0)));
        let closest = known.min_by(|(_, a), (_, b)| metric.compare(a, b)).map(|(i, _)| i);
        (enclosed(metric, found), closest)
    }
}

/// The same among the base samples that are not farther from query `i` than
/// `up_to[i]`, where that is finite.
pub struct NearestUpTo<'a> {
    pub nearest: Nearest<'a>,
    pub up_to: &'a [f64],
}

impl Search for NearestUpTo<'_> {
    type Output = Vec<Option<Neighbour>>;

    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output {
        enclosed(metric, self.nearest.find(metric, pruner, relation, self.up_to))
    }
}

/// The same without the distances, which take time to enclose.
pub struct NearestIndices<'a>(pub Nearest<'a>);

impl Search for NearestIndices<'_> {
    type Output = Vec<Option<usize>>;

    fn mutual(&self) -> bool {
        self.0.mutual()
    }

    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output {
        self.0.find(metric, pruner, relation, &[]).into_iter().map(|entry| Some(entry?.1)).collect()
    }
}
