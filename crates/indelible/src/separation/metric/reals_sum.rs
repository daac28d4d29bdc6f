//! `Σ|a − b|` and `Σ(a − b)²` of samples in any storage: enclosed quickly,
//! and compared without rounding where enclosures overlap.

use std::cmp::Ordering;

use super::{Limit, Metric, Reals, Summed, allows, magnitude};
use crate::{
    Enclosure,
    number::{self, two_sum},
    separation::{
        exact::{ExactSum, Power},
        kernel::reals::{Gather, Gathering, GatheringExactly, LANES},
    },
};

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
pub struct SumDistance {
    lower: f64,
    upper: f64,
    /// Whether it is known that the sum cannot be had without rounding.
    rounded: bool,
    source: Source,
}

/// Distances between samples of two datasets of one width.
pub struct RealsSum<'a> {
    reals: Reals<'a>,
    power: Power,
    /// A power of two that brings all values far from overflow.
    scale: f64,
    /// Bounds the relative error of a sum.
    relative: f64,
    /// Bounds what underflow adds to it.
    absolute: f64,
}

impl<'a> RealsSum<'a> {
    /// Distances from queries to base samples.
    pub fn new(reals: Reals<'a>, power: Power) -> Self {
        let Reals { queries, base, .. } = reals;
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
        Self { reals, power, scale, relative, absolute }
    }

    fn enclose(&self, sum: f64) -> (f64, f64) {
        let lower = sum * (1.0 - self.relative) - self.absolute;
        (lower.max(0.0), sum * (1.0 + self.relative) + self.absolute)
    }

    /// The sum itself, not scaled.
    fn exact(&self, source: Source) -> ExactSum {
        let mut sum = ExactSum::new();
        let mut add = |a, b| sum.add_difference(self.power, a, b);
        match source {
            Source::Radius(r) => add(r, 0.0),
            Source::Pair(i, j) => {
                let Reals { queries, base, .. } = self.reals;
                (0..base.features()).for_each(|f| add(queries.value(i, f), base.value(j, f)));
            }
        }
        sum
    }

    /// The sum itself, not scaled, where it needs no rounding.
    fn easy(&self, source: Source) -> Option<f64> {
        let squares = self.power == Power::Two;
        match source {
            Source::Radius(r) if !squares => Some(r),
            Source::Radius(r) => {
                let square = r * r;
                // The error of a square that is not tiny is a binary64 number.
                (r == 0.0 || square > 1e-200 && r.mul_add(r, -square) == 0.0).then_some(square)
            }
            Source::Pair(i, j) => {
                let gather =
                    |lanes, stretch| self.reals.isa.run(GatheringExactly { squares, stretch, lanes });
                let lanes = self.reals.stretches(i, j, 1.0).try_fold([0.0; LANES], gather)?;
                lanes.iter().try_fold(0.0, |sum, &lane| {
                    let (sum, error) = two_sum(sum, lane);
                    (error == 0.0 && sum.is_finite()).then_some(sum)
                })
            }
        }
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

    /// Whether two pairs have equal samples.
    fn same(&self, a: Source, b: Source) -> bool {
        let Reals { queries, base, isa } = self.reals;
        let zero = |stretch| {
            let lanes = [0.0; LANES];
            isa.run(Gathering { what: Gather::Largest, stretch, lanes }) == lanes
        };
        let equal =
            |data, i, j| i == j || Reals { queries: data, base: data, isa }.stretches(i, j, 1.0).all(zero);
        match (a, b) {
            (Source::Pair(i, j), Source::Pair(k, l)) => equal(queries, i, k) && equal(base, j, l),
            _ => false,
        }
    }
}

impl Metric for RealsSum<'_> {
    type Distance = SumDistance;

    fn within(&self, i: usize, j: usize, limit: Limit<SumDistance>) -> Option<SumDistance> {
        let barrier = match limit {
            Limit::Below(bound) | Limit::UpTo(bound) => bound.upper,
            Limit::None => f64::INFINITY,
        };
        let what = if self.power == Power::One { Gather::Sum } else { Gather::Squares };
        let mut lanes = [0.0; LANES];
        for stretch in self.reals.stretches(i, j, self.scale) {
            lanes = self.reals.isa.run(Gathering { what, stretch, lanes });
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
        match (self.power, self.easy(distance.source)) {
            (Power::One, Some(sum)) => Enclosure::exact(sum),
            (Power::Two, Some(0.0)) => Enclosure::exact(0.0),
            (Power::Two, Some(sum)) if sum > 1e-200 => {
                let root = sum.sqrt();
                // The error of the square is a binary64 number: its sign is right.
                match root.mul_add(root, -sum).total_cmp(&0.0) {
                    Ordering::Less => Enclosure { lower: root, upper: root.next_up() },
                    Ordering::Equal => Enclosure::exact(root),
                    Ordering::Greater => Enclosure { lower: root.next_down(), upper: root },
                }
            }
            _ => self.exact(distance.source).enclosure(self.power),
        }
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
    fn above(&self, distance: &SumDistance) -> f64 {
        if distance.lower == 0.0 && self.easy(distance.source) == Some(0.0) {
            return 0.0;
        }
        let sum = if self.power == Power::One { distance.upper } else { number::sqrt_up(distance.upper) };
        // A quotient by a power of two; it may be rounded where it is subnormal.
        (sum / self.scale).next_up()
    }
}
