//! Pairs within a radius.

use std::sync::Mutex;

use super::{Collector, Limit, Metric, Pruner, Search, TILE, WORK, each_tile, lock, pairs};
use crate::{Enclosure, Progress, separation::relation::Relation};

/// Finds the number of pairs that count and have a distance up to `radius`, and
/// the lexicographically first `keep` of them: query, base sample, distance.
pub struct Within<'a> {
    pub radius: f64,
    pub keep: usize,
    pub progress: &'a dyn Progress,
}

/// The number of pairs found and the lexicographically first of them.
struct Near<D> {
    bound: D,
    keep: usize,
    count: u64,
    pairs: Vec<(usize, usize, D)>,
}

impl<D> Near<D> {
    /// Keeps the lexicographically first pairs.
    fn trim(&mut self) {
        self.pairs.sort_unstable_by_key(|&(i, j, _)| (i, j));
        self.pairs.truncate(self.keep);
    }
}

impl<M: Metric> Collector<M> for Near<M::Distance> {
    fn limit(&self, _: usize) -> Limit<M::Distance> {
        Limit::UpTo(self.bound)
    }

    fn take(&mut self, i: usize, j: usize, distance: M::Distance) {
        self.count += 1;
        if self.keep > 0 {
            self.pairs.push((i, j, distance));
            if self.pairs.len() >= self.keep.saturating_mul(2).max(1024) {
                self.trim();
            }
        }
    }
}

impl Search for Within<'_> {
    type Output = (u64, Vec<(usize, usize, Enclosure)>);

    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output {
        let (bound, keep) = (metric.threshold(self.radius), self.keep);
        let empty = || Near { bound, keep, count: 0, pairs: Vec::new() };
        let total = Mutex::new(empty());
        self.progress.begin(WORK, pairs(pruner, relation));
        each_tile(pruner, relation, TILE, self.progress, |(block, _), queries| {
            let mut near = empty();
            pruner.scan(block, queries, &mut near);
            let mut total = lock(&total);
            total.count += near.count;
            if !near.pairs.is_empty() {
                total.pairs.append(&mut near.pairs);
                total.trim();
            }
        });
        self.progress.end();
        let Near { count, pairs, .. } = &*lock(&total);
        (*count, pairs.iter().map(|&(i, j, distance)| (i, j, metric.enclosure(&distance))).collect())
    }
}
