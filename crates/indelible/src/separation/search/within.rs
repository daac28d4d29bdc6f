//! Pairs within a radius.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{Collector, Limit, Metric, Pruner, Search, each_tile};
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

/// Keeps the lexicographically first pairs.
fn first_of<D>(pairs: &mut Vec<(usize, usize, D)>, keep: usize) {
    pairs.sort_unstable_by_key(|&(i, j, _)| (i, j));
    pairs.truncate(keep);
}

impl<M: Metric> Collector<M> for Near<M::Distance> {
    fn limit(&self, _: usize) -> Limit<M::Distance> {
        Limit::UpTo(self.bound)
    }

    fn shared(&self) -> bool {
        false
    }

    fn take(&mut self, i: usize, j: usize, distance: M::Distance) {
        self.count += 1;
        if self.keep > 0 {
            self.pairs.push((i, j, distance));
            if self.pairs.len() >= self.keep.saturating_mul(2).max(1024) {
                first_of(&mut self.pairs, self.keep);
            }
        }
    }
}

impl Search for Within<'_> {
    type Output = (u64, Vec<(usize, usize, Enclosure)>);

    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output {
        let (bound, keep) = (metric.threshold(self.radius), self.keep);
        let count = AtomicU64::new(0);
        let kept = Mutex::new(Vec::new());
        each_tile(pruner, relation, self.progress, |block, queries| {
            let mut near = Near { bound, keep, count: 0, pairs: Vec::new() };
            pruner.scan(block, queries, &mut near);
            count.fetch_add(near.count, Ordering::Relaxed);
            if !near.pairs.is_empty() {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.append(&mut near.pairs);
                first_of(&mut kept, keep);
            }
        });
        let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        let enclosed = kept.into_iter().map(|(i, j, distance)| (i, j, metric.enclosure(&distance)));
        (count.into_inner(), enclosed.collect())
    }
}
