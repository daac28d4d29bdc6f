//! The closest pair.

use std::{cmp::Ordering, sync::Mutex};

use super::{Collector, Limit, Metric, Pruner, Search, TILE, WORK, each_tile, lock, pairs};
use crate::{Enclosure, Progress, separation::relation::Relation};

/// Finds the closest pair that counts, `(distance, query, base sample)`; the
/// lexicographically first among equally close ones.
pub struct Closest<'a>(pub &'a dyn Progress);

/// The closest pair found so far.
struct Best<'a, M: Metric> {
    metric: &'a M,
    /// How near a pair must be before one was found.
    first: Limit<M::Distance>,
    /// Distance, query, base sample.
    found: Option<(M::Distance, usize, usize)>,
}

impl<M: Metric> Collector<M> for Best<'_, M> {
    fn limit(&self, i: usize) -> Limit<M::Distance> {
        match self.found {
            None => self.first,
            // A pair (i, ·) that is equally close comes first only if i does.
            Some((distance, first, _)) if i <= first => Limit::UpTo(distance),
            Some((distance, ..)) => Limit::Below(distance),
        }
    }

    fn shared(&self) -> bool {
        true
    }

    fn take(&mut self, i: usize, j: usize, distance: M::Distance) {
        let nearer = self.found.is_none_or(|(d, first, second)| {
            self.metric.compare(&distance, &d).then((i, j).cmp(&(first, second))) == Ordering::Less
        });
        if nearer {
            self.found = Some((distance, i, j));
        }
    }
}

impl Search for Closest<'_> {
    type Output = Option<(Enclosure, usize, usize)>;

    fn few(&self) -> bool {
        true
    }

    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output {
        ClosestUpTo { up_to: f64::INFINITY, progress: self.0 }.run(metric, pruner, relation)
    }
}

/// The same among the pairs that are not farther apart than `up_to`, where that is
/// finite.
pub struct ClosestUpTo<'a> {
    pub up_to: f64,
    pub progress: &'a dyn Progress,
}

impl Search for ClosestUpTo<'_> {
    type Output = Option<(Enclosure, usize, usize)>;

    fn few(&self) -> bool {
        true
    }

    fn run<M: Metric, P: Pruner<M>>(self, metric: &M, pruner: &P, relation: &Relation) -> Self::Output {
        let Self { up_to, progress } = self;
        let first = if up_to.is_finite() { Limit::UpTo(metric.threshold(up_to)) } else { Limit::None };
        // A shared bound only spares work; it decides nothing.
        let shared = Mutex::new(Best { metric, first, found: None });
        progress.begin(WORK, pairs(pruner, relation));
        each_tile(pruner, relation, TILE, progress, |(block, _), queries| {
            let mut best = Best { metric, first, found: lock(&shared).found };
            pruner.scan(block, queries, &mut best);
            if let Some((distance, i, j)) = best.found {
                lock(&shared).take(i, j, distance);
            }
        });
        progress.end();
        let found = lock(&shared).found;
        found.map(|(distance, i, j)| (metric.enclosure(&distance), i, j))
    }
}
