//! The closest pair.

use std::{
    cmp::Ordering,
    sync::{Mutex, PoisonError},
};

use rayon::prelude::*;

use super::{Limit, Metric, Screen, TILE, Tally, blocks};
use crate::{Progress, separation::relation::Relation};

/// The closest pair found so far.
struct Closest<'a, M: Metric> {
    metric: &'a M,
    best: Option<(M::Distance, usize, usize)>,
}

impl<M: Metric> Tally<M> for Closest<'_, M> {
    fn limit(&self, i: usize) -> Limit<M::Distance> {
        match self.best {
            None => Limit::None,
            // A pair (i, ·) that is equally close comes first only if i does.
            Some((distance, first, _)) if i <= first => Limit::UpTo(distance),
            Some((distance, ..)) => Limit::Below(distance),
        }
    }

    fn shared(&self) -> bool {
        true
    }

    fn take(&mut self, i: usize, j: usize, distance: M::Distance) {
        let nearer = self.best.is_none_or(|(d, first, second)| {
            self.metric.compare(&distance, &d).then((i, j).cmp(&(first, second))) == Ordering::Less
        });
        if nearer {
            self.best = Some((distance, i, j));
        }
    }
}

/// The closest pair that counts, `(distance, query, base sample)`; the
/// lexicographically first among equally close ones.
pub(in crate::separation) fn closest<M: Metric, S: Screen<M>>(
    metric: &M,
    screen: &S,
    relation: &Relation,
    progress: &dyn Progress,
) -> Option<(M::Distance, usize, usize)> {
    let (queries, samples) = (relation.queries.len(), relation.base.len());
    // A shared bound only spares work; it decides nothing.
    let shared = Mutex::new(None);
    let mut total = 0;
    for base in blocks(samples, screen.block_size()) {
        total += base.len() as u64 * relation.stop(&base, queries) as u64;
    }
    progress.begin("comparing samples", total);
    for base in blocks(samples, screen.block_size()) {
        let count = base.len() as u64;
        let stop = relation.stop(&base, queries);
        let block = screen.block(base);
        (0..stop.div_ceil(TILE)).into_par_iter().for_each(|tile| {
            let range = tile * TILE..((tile + 1) * TILE).min(stop);
            let done = range.len() as u64 * count;
            let best = *shared.lock().unwrap_or_else(PoisonError::into_inner);
            let mut tally = Closest { metric, best };
            screen.scan(&block, range, &mut tally);
            if let Some((distance, i, j)) = tally.best {
                let mut best = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let mut merged = Closest { metric, best: *best };
                merged.take(i, j, distance);
                *best = merged.best;
            }
            progress.advance(done);
        });
    }
    progress.end();
    shared.into_inner().unwrap_or_else(PoisonError::into_inner)
}
