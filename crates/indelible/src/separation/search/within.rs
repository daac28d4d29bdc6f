//! Pairs within a radius.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use rayon::prelude::*;

use super::{Limit, Metric, Screen, TILE, Tally, blocks};
use crate::{Progress, separation::relation::Relation};

/// A found pair: query, base sample, distance.
type Found<D> = (usize, usize, D);

/// The number of pairs found and the lexicographically first of them.
struct Within<D> {
    bound: D,
    keep: usize,
    count: u64,
    pairs: Vec<Found<D>>,
}

/// Keeps the lexicographically first pairs.
fn first_of<D>(pairs: &mut Vec<Found<D>>, keep: usize) {
    pairs.sort_unstable_by_key(|&(i, j, _)| (i, j));
    pairs.truncate(keep);
}

impl<M: Metric> Tally<M> for Within<M::Distance> {
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

/// The number of pairs that count and have a distance up to `radius`, and the
/// lexicographically first `keep` of them.
pub(in crate::separation) fn within<M: Metric, S: Screen<M>>(
    metric: &M,
    screen: &S,
    relation: &Relation,
    radius: f64,
    keep: usize,
    progress: &dyn Progress,
) -> (u64, Vec<Found<M::Distance>>) {
    let (queries, samples) = (relation.queries.len(), relation.base.len());
    let bound = metric.threshold(radius);
    let count = AtomicU64::new(0);
    let kept = Mutex::new(Vec::new());
    let mut total = 0;
    for base in blocks(samples, screen.block_size()) {
        total += base.len() as u64 * relation.stop(&base, queries) as u64;
    }
    progress.begin("comparing samples", total);
    for base in blocks(samples, screen.block_size()) {
        let size = base.len() as u64;
        let stop = relation.stop(&base, queries);
        let block = screen.block(base);
        (0..stop.div_ceil(TILE)).into_par_iter().for_each(|tile| {
            let range = tile * TILE..((tile + 1) * TILE).min(stop);
            let done = range.len() as u64 * size;
            let mut tally = Within { bound, keep, count: 0, pairs: Vec::new() };
            screen.scan(&block, range, &mut tally);
            count.fetch_add(tally.count, Ordering::Relaxed);
            if !tally.pairs.is_empty() {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.append(&mut tally.pairs);
                first_of(&mut kept, keep);
            }
            progress.advance(done);
        });
    }
    progress.end();
    (count.into_inner(), kept.into_inner().unwrap_or_else(PoisonError::into_inner))
}
