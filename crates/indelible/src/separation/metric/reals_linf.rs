//! Sup-norm distances of samples in any storage, exactly.

use std::cmp::Ordering;

use super::{
    CHUNK, Limit, Metric, allows,
    codes_linf::{compare_differences, difference},
    decode,
};
use crate::{Dataset, Enclosure, number};

/// Sup-norm distances between samples of two datasets of one width.
pub(in crate::separation) struct RealsLinf<'a> {
    queries: &'a Dataset,
    base: &'a Dataset,
}

impl<'a> RealsLinf<'a> {
    /// Distances from samples of `queries` to samples of `base`.
    pub(in crate::separation) fn new(queries: &'a Dataset, base: &'a Dataset) -> Self {
        Self { queries, base }
    }

    /// Exact distance over the features where the rounded difference is
    /// `largest`.
    fn exact(&self, i: usize, j: usize, largest: f64) -> (bool, f64, f64) {
        let mut best = (false, 0.0, 0.0);
        for f in 0..self.queries.features() {
            let (a, b) = (self.queries.value(i, f), self.base.value(j, f));
            let (a, b) = if a < b { (b, a) } else { (a, b) };
            if a - b >= largest {
                let gap = difference(a, b);
                if compare_differences(gap, best) == Ordering::Greater {
                    best = gap;
                }
            }
        }
        best
    }
}

impl Metric for RealsLinf<'_> {
    /// Whether it is halved, and two numbers whose sum it is.
    type Distance = (bool, f64, f64);

    fn within(&self, i: usize, j: usize, limit: Limit<Self::Distance>) -> Option<Self::Distance> {
        let width = self.queries.features();
        // Rounding is monotone: a larger rounded difference is a larger one.
        let barrier = match limit {
            Limit::Below((false, h, _)) | Limit::UpTo((false, h, _)) => h,
            _ => f64::INFINITY,
        };
        let (mut a, mut b) = ([0.0; CHUNK], [0.0; CHUNK]);
        let mut largest = 0.0f64;
        for start in (0..width).step_by(CHUNK) {
            let count = CHUNK.min(width - start);
            decode(self.queries.storage(), i * width + start, 1.0, &mut a[..count]);
            decode(self.base.storage(), j * width + start, 1.0, &mut b[..count]);
            let spread = a[..count].iter().zip(&b[..count]).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
            if spread > barrier {
                return None;
            }
            largest = largest.max(spread);
        }
        let distance = self.exact(i, j, largest);
        allows(limit, |bound| compare_differences(distance, bound)).then_some(distance)
    }

    fn compare(&self, a: &Self::Distance, b: &Self::Distance) -> Ordering {
        compare_differences(*a, *b)
    }

    fn enclosure(&self, &(halved, h, l): &Self::Distance) -> Enclosure {
        if halved {
            Enclosure { lower: f64::MAX, upper: f64::INFINITY }
        } else {
            Enclosure { lower: number::add_down(h, l), upper: number::add_up(h, l) }
        }
    }

    fn threshold(&self, radius: f64) -> Self::Distance {
        (false, radius, 0.0)
    }
}
