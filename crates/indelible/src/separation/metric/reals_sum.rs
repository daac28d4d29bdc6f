//! `Σ|a − b|` and `Σ(a − b)²` of samples in any storage: enclosed quickly,
//! and compared without rounding where enclosures overlap.

use std::cmp::Ordering;

use super::{Limit, Metric, Summed, allows, magnitude};
use crate::{
    Dataset, Enclosure,
    number::{self, two_sum},
    separation::{
        exact::ExactSum,
        kernel::{
            Isa,
            reals::{CHUNK, Gather, LANES, Stretch, gather},
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

/// A sum that was computed without any rounding.
fn plain(terms: impl Iterator<Item = (f64, f64)>, power: Power) -> Option<f64> {
    let mut sum = 0.0;
    for (a, b) in terms {
        let (h, l) = two_sum(a, -b);
        // A square is exact when its root has at most 26 bits and it does not underflow.
        let short = h.to_bits().trailing_zeros() >= 27 && (h == 0.0 || h.abs() > 1e-150);
        let term = match power {
            Power::One => h.abs(),
            Power::Two if short => h * h,
            Power::Two => return None,
        };
        let (s, e) = two_sum(sum, term);
        if l != 0.0 || e != 0.0 || !s.is_finite() {
            return None;
        }
        sum = s;
    }
    Some(sum)
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
        match source {
            Source::Radius(r) => plain(std::iter::once((r, 0.0)), self.power),
            Source::Pair(i, j) => plain(self.terms(i, j), self.power),
        }
    }

    /// Whether two pairs have equal samples.
    fn same(&self, a: Source, b: Source) -> bool {
        match (a, b) {
            (Source::Pair(i, j), Source::Pair(k, l)) => {
                (i == k
                    || (0..self.queries.features())
                        .all(|f| self.queries.value(i, f) == self.queries.value(k, f)))
                    && (j == l
                        || (0..self.base.features()).all(|f| self.base.value(j, f) == self.base.value(l, f)))
            }
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
        let stretch =
            |data: &'a Dataset, start| Stretch { features: data.storage(), start, scale: self.scale };
        let mut lanes = [0.0; LANES];
        for start in (0..width).step_by(CHUNK) {
            let (a, b) = (stretch(self.queries, i * width + start), stretch(self.base, j * width + start));
            gather(self.isa, what, a, b, CHUNK.min(width - start), &mut lanes);
            if self.enclose(lanes.iter().sum()).0 > barrier {
                return None;
            }
        }
        let (lower, upper) = self.enclose(lanes.iter().sum());
        let distance = SumDistance { lower, upper, source: Source::Pair(i, j) };
        allows(limit, |bound| self.compare(&distance, &bound)).then_some(distance)
    }

    fn compare(&self, a: &SumDistance, b: &SumDistance) -> Ordering {
        if a.upper < b.lower {
            Ordering::Less
        } else if a.lower > b.upper {
            Ordering::Greater
        } else if self.same(a.source, b.source) {
            Ordering::Equal
        } else if let (Some(a), Some(b)) = (self.easy(a.source), self.easy(b.source)) {
            a.total_cmp(&b)
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
        SumDistance { lower, upper, source: Source::Radius(radius) }
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
