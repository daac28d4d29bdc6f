//! `Σ|a − b|` and `Σ(a − b)²` of samples in any storage: enclosed quickly,
//! and compared without rounding where enclosures overlap.

use std::cmp::Ordering;

use super::{Limit, Metric, Summed, allows, magnitude};
use crate::{
    Dataset, Enclosure, Features,
    number::{self, two_sum},
    separation::{
        exact::ExactSum,
        kernel::{
            Isa,
            reals::{CHUNK, Gather, LANES, Stretch, gather, gather_exactly},
        },
    },
};

/// The power of the differences that is summed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::separation) enum Power {
    /// Absolute values: the norm `l1`.
    One,
    /// Squares: the square of the norm `l2`.
    Two,
}

/// Where a distance comes from, to compute it again without rounding.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Query and base sample.
    Pair(usize, usize),
    /// A radius.
    Radius(f64),
}

/// Enclosure of the scaled sum, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(in crate::separation) struct SumDistance {
    lower: f64,
    upper: f64,
    /// Whether it is known that the sum cannot be had without rounding.
    rounded: bool,
    source: Source,
}

/// Distances between samples of two datasets of one width.
pub(in crate::separation) struct RealsSum<'a> {
    queries: &'a Dataset,
    base: &'a Dataset,
    power: Power,
    isa: Isa,
    /// A power of two that brings all values far from overflow.
    scale: f64,
    /// Bounds the relative error of a sum.
    relative: f64,
    /// Bounds what underflow adds to it.
    absolute: f64,
}

impl<'a> RealsSum<'a> {
    /// Distances from samples of `queries` to samples of `base`.
    pub(in crate::separation) fn new(
        queries: &'a Dataset,
        base: &'a Dataset,
        power: Power,
        isa: Isa,
    ) -> Self {
        let largest = magnitude(queries.storage()).max(magnitude(base.storage()));
        let scale = if largest == 0.0 || (1e-100..1e100).contains(&largest) {
            1.0
        } else {
            2f64.powi(-(largest.log2() as i32).clamp(-1000, 1000))
        };
        let terms = queries.features() as f64;
        // A term has three roundings, and there is one for each addition;
        // twice that bounds the rounding of the bounds as well. Underflow of
        // scaled values and of squares adds at most 2^-1073 per term.
        let relative = (terms + 8.0) * f64::EPSILON;
        let absolute = terms * 2f64.powi(-1070);
        Self { queries, base, power, isa, scale, relative, absolute }
    }

    fn enclose(&self, sum: f64) -> (f64, f64) {
        let lower = sum * (1.0 - self.relative) - self.absolute;
        (lower.max(0.0), sum * (1.0 + self.relative) + self.absolute)
    }

    fn terms(&self, i: usize, j: usize) -> impl Iterator<Item = (f64, f64)> {
        (0..self.queries.features()).map(move |f| (self.queries.value(i, f), self.base.value(j, f)))
    }

    /// The sum itself, not scaled.
    fn exact(&self, source: Source) -> ExactSum {
        let mut sum = ExactSum::new();
        match (source, self.power) {
            (Source::Radius(r), Power::One) => sum.add(r),
            (Source::Radius(r), Power::Two) => sum.add_product(r, r),
            (Source::Pair(i, j), Power::One) => self.terms(i, j).for_each(|(a, b)| sum.add_distance(a, b)),
            (Source::Pair(i, j), Power::Two) => {
                self.terms(i, j).for_each(|(a, b)| sum.add_squared_difference(a, b));
            }
        }
        sum
    }

    /// The sum itself, not scaled, where it needs no rounding.
    fn easy(&self, source: Source) -> Option<f64> {
        let mut lanes = [0.0; LANES];
        match source {
            Source::Radius(r) if self.power == Power::One => return Some(r),
            Source::Radius(r) => {
                let features = Features::F64(vec![r, 0.0].into());
                let stretch = |start| Stretch { features: &features, start, scale: 1.0 };
                if !gather_exactly(self.isa, true, stretch(0), stretch(1), 1, &mut lanes) {
                    return None;
                }
            }
            Source::Pair(i, j) => {
                let width = self.queries.features();
                let squares = self.power == Power::Two;
                for start in (0..width).step_by(CHUNK) {
                    let (a, b) = self.stretches(i, j, start, 1.0);
                    if !gather_exactly(self.isa, squares, a, b, CHUNK.min(width - start), &mut lanes) {
                        return None;
                    }
                }
            }
        }
        lanes.iter().try_fold(0.0, |sum, &lane| {
            let (sum, error) = two_sum(sum, lane);
            (error == 0.0 && sum.is_finite()).then_some(sum)
        })
    }

    /// The same distance, as a single number where that is possible.
    fn tightened(&self, mut distance: SumDistance) -> SumDistance {
        if distance.rounded || distance.lower == distance.upper {
            return distance;
        }
        distance.rounded = true;
        if let Some(sum) = self.easy(distance.source) {
            let factor = if self.power == Power::One { 1.0 } else { self.scale };
            let scaled = sum * self.scale * factor;
            if scaled == 0.0 && sum == 0.0 || scaled.is_normal() {
                (distance.lower, distance.upper, distance.rounded) = (scaled, scaled, false);
            }
        }
        distance
    }

    /// Features from `start` on of a pair.
    fn stretches(&self, i: usize, j: usize, start: usize, scale: f64) -> (Stretch<'a>, Stretch<'a>) {
        let width = self.queries.features();
        (
            Stretch { features: self.queries.storage(), start: i * width + start, scale },
            Stretch { features: self.base.storage(), start: j * width + start, scale },
        )
    }

    /// Whether two pairs have equal samples.
    fn same(&self, a: Source, b: Source) -> bool {
        let equal = |data: &Dataset, i: usize, j: usize| {
            let width = data.features();
            let stretch = |start| Stretch { features: data.storage(), start, scale: 1.0 };
            i == j
                || (0..width).step_by(CHUNK).all(|start| {
                    let mut lanes = [0.0; LANES];
                    let (a, b) = (stretch(i * width + start), stretch(j * width + start));
                    gather(self.isa, Gather::Largest, a, b, CHUNK.min(width - start), &mut lanes);
                    lanes == [0.0; LANES]
                })
        };
        match (a, b) {
            (Source::Pair(i, j), Source::Pair(k, l)) => equal(self.queries, i, k) && equal(self.base, j, l),
            _ => false,
        }
    }
}

impl<'a> Metric for RealsSum<'a> {
    type Distance = SumDistance;

    fn within(&self, i: usize, j: usize, limit: Limit<SumDistance>) -> Option<SumDistance> {
        let width = self.queries.features();
        let barrier = match limit {
            Limit::Below(bound) | Limit::UpTo(bound) => bound.upper,
            Limit::None => f64::INFINITY,
        };
        let what = if self.power == Power::One { Gather::Sum } else { Gather::Squares };
        let mut lanes = [0.0; LANES];
        for start in (0..width).step_by(CHUNK) {
            let (a, b) = self.stretches(i, j, start, self.scale);
            gather(self.isa, what, a, b, CHUNK.min(width - start), &mut lanes);
            if self.enclose(lanes.iter().sum()).0 > barrier {
                return None;
            }
        }
        let (lower, upper) = self.enclose(lanes.iter().sum());
        let distance = SumDistance { lower, upper, rounded: false, source: Source::Pair(i, j) };
        // What is found is compared again and again: once as a single number.
        allows(limit, |bound| self.compare(&distance, &bound)).then(|| self.tightened(distance))
    }

    fn compare(&self, a: &SumDistance, b: &SumDistance) -> Ordering {
        if a.upper < b.lower {
            return Ordering::Less;
        } else if a.lower > b.upper {
            return Ordering::Greater;
        }
        let (a, b) = (self.tightened(*a), self.tightened(*b));
        if !a.rounded && !b.rounded {
            a.lower.total_cmp(&b.lower)
        } else if self.same(a.source, b.source) {
            Ordering::Equal
        } else {
            self.exact(a.source).compare(&self.exact(b.source))
        }
    }

    fn enclosure(&self, distance: &SumDistance) -> Enclosure {
        let (lower, upper) = match (self.power, self.easy(distance.source)) {
            (Power::One, Some(sum)) => (sum, sum),
            (Power::Two, Some(0.0)) => (0.0, 0.0),
            (Power::Two, Some(sum)) if sum > 1e-200 => {
                let root = sum.sqrt();
                // The error of the square is a binary64 number: its sign is right.
                match root.mul_add(root, -sum).total_cmp(&0.0) {
                    Ordering::Less => (root, root.next_up()),
                    Ordering::Equal => (root, root),
                    Ordering::Greater => (root.next_down(), root),
                }
            }
            (Power::One, _) => self.exact(distance.source).rounded(),
            (Power::Two, _) => self.exact(distance.source).rounded_root(),
        };
        Enclosure { lower, upper }
    }

    fn threshold(&self, radius: f64) -> SumDistance {
        let scaled = radius * self.scale;
        let (lower, upper) = match self.power {
            Power::One => self.enclose(scaled),
            Power::Two => self.enclose(scaled * scaled),
        };
        // A radius beyond all distances may overflow.
        let lower = if lower.is_finite() { lower } else { f64::MAX };
        SumDistance { lower, upper, rounded: false, source: Source::Radius(radius) }
    }
}

impl Summed for RealsSum<'_> {
    fn reach(&self, limit: Limit<SumDistance>) -> f64 {
        let (Limit::Below(bound) | Limit::UpTo(bound)) = limit else { return f64::INFINITY };
        let none = matches!(limit, Limit::Below(_));
        if none && bound.lower == 0.0 && self.easy(bound.source) == Some(0.0) {
            return -1.0;
        }
        let sum = if self.power == Power::One { bound.upper } else { number::sqrt_up(bound.upper) };
        // A quotient by a power of two; it may be rounded where it is subnormal.
        (sum / self.scale).next_up()
    }

    fn barrier(&self, _: Limit<SumDistance>) -> Option<u128> {
        None
    }
}
