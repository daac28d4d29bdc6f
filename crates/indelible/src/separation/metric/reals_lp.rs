//! Sums of real powers of differences of samples in any storage.

use std::cmp::Ordering;

use super::{Limit, Metric, Reals, Summed, allows};
use crate::{
    Enclosure,
    number::powers::Exponent,
    separation::{
        exact::factors,
        kernel::reals::{AddingPowers, Gather, Gathering, LANES},
    },
};

/// A sum of powers: `sum·2^(p·shift)`.
#[derive(Clone, Copy, Debug)]
pub struct PowerDistance {
    /// Sum of the powers of the differences times `2^-shift`, of which the
    /// largest is from 1/2 to 1.
    sum: f64,
    shift: i32,
    /// The same as a power of two and a number from 1 to 2 (or 0), which put
    /// distances in order.
    key: (i64, f64),
}

/// Distances between samples of two datasets of one width.
pub struct RealsLp<'a> {
    reals: Reals<'a>,
    exponent: Exponent,
    /// Bounds the relative error of a sum and of its key.
    error: f64,
}

/// Exponent `e` with `2^(e − 1) ≤ x < 2^e`, for finite `x > 0`.
fn magnitude(x: f64) -> i32 {
    let field = ((x.to_bits() >> 52) & 0x7ff) as i32;
    if field > 0 { field - 1022 } else { -1010 - x.to_bits().leading_zeros() as i32 }
}

impl<'a> RealsLp<'a> {
    /// Distances from queries to base samples, for an exponent `p` from 1 to 1000.
    pub fn new(reals: Reals<'a>, p: f64) -> Self {
        let exponent = Exponent::new(p);
        // Per term the power, and p times the rounding of the difference; the
        // additions; a power of two with 53 roots for the key; and what
        // underflows, which is far less than one rounding.
        let terms = reals.base.features() as f64;
        let error = exponent.error + (p + terms + 3.0 * 53.0 + 16.0) * f64::EPSILON;
        Self { reals, exponent, error }
    }

    /// The distance that a sum and its shift stand for.
    fn distance(&self, sum: f64, shift: i32) -> PowerDistance {
        PowerDistance { sum, shift, key: self.key(sum, shift) }
    }

    /// `sum·2^(p·shift)` as a power of two and a number from 1 to 2.
    fn key(&self, sum: f64, shift: i32) -> (i64, f64) {
        if sum == 0.0 {
            return (i64::MIN, 0.0);
        }
        // p·shift = whole + fraction exactly, with p = m·2^-52·2^e, e ≤ 9.
        let bits = self.exponent.value.to_bits();
        let m = i128::from(bits & ((1 << 52) - 1) | 1 << 52);
        let e = (bits >> 52) as i32 - 1023;
        let product = (m * i128::from(shift)) << e;
        let whole = product >> 52;
        let fraction = (product - (whole << 52)) as f64 * f64::EPSILON;
        let [power] = Exponent::new(1.0 + fraction).raise([2.0]);
        let value = sum * (power / 2.0);
        let up = magnitude(value) - 1;
        let [a, b] = factors(-up);
        // Far from the ends of the range: |p·shift| is below 2^22.
        (whole as i64 + i64::from(up), value * a * b)
    }
}

impl Metric for RealsLp<'_> {
    type Distance = PowerDistance;

    fn within(&self, i: usize, j: usize, limit: Limit<PowerDistance>) -> Option<PowerDistance> {
        let largest = |scale: f64| {
            let mut lanes = [0.0; LANES];
            for stretch in self.reals.stretches(i, j, scale) {
                lanes = self.reals.isa.run(Gathering { what: Gather::Largest, stretch, lanes });
            }
            lanes.iter().fold(0.0f64, |m, &l| m.max(l))
        };
        let (mut scale, mut spread) = (1.0, largest(1.0));
        if spread == f64::INFINITY {
            // Subnormal numbers lose bits, but do not matter beside this.
            (scale, spread) = (0.25, largest(0.25));
        }
        let distance = if spread == 0.0 {
            self.distance(0.0, 0)
        } else {
            let shift = magnitude(spread);
            let mut lanes = [0.0; LANES];
            for stretch in self.reals.stretches(i, j, scale) {
                let (exponent, factors) = (&self.exponent, factors(-shift));
                lanes = self.reals.isa.run(AddingPowers { exponent, factors, stretch, lanes });
            }
            self.distance(lanes.iter().sum(), if scale == 1.0 { shift } else { shift + 2 })
        };
        allows(limit, |bound| self.compare(&distance, &bound)).then_some(distance)
    }

    fn compare(&self, a: &PowerDistance, b: &PowerDistance) -> Ordering {
        a.key.0.cmp(&b.key.0).then(a.key.1.total_cmp(&b.key.1))
    }

    fn enclosure(&self, &PowerDistance { sum, shift, .. }: &PowerDistance) -> Enclosure {
        if sum == 0.0 {
            return Enclosure::exact(0.0);
        }
        let (lower, upper) = self.exponent.root(sum * (1.0 - 3.0 * self.error), sum * (1.0 + self.error));
        let [a, b] = factors(shift);
        // Products with powers of two are rounded only where they are subnormal.
        let (lower, upper) = (lower * a * b, upper * a * b);
        let subnormal = lower < f64::MIN_POSITIVE;
        Enclosure {
            lower: if subnormal { lower.next_down().max(0.0) } else { lower.min(f64::MAX) },
            upper: if subnormal { upper.next_up() } else { upper },
        }
    }

    fn threshold(&self, radius: f64) -> PowerDistance {
        if radius == 0.0 {
            return self.distance(0.0, 0);
        }
        let shift = magnitude(radius);
        let [a, b] = factors(-shift);
        let [power] = self.exponent.raise([radius * a * b]);
        // What cannot be told from the radius counts as within.
        self.distance(power * (1.0 + 4.0 * self.error), shift)
    }
}

impl Summed for RealsLp<'_> {
    fn above(&self, &PowerDistance { sum, shift, .. }: &PowerDistance) -> f64 {
        if sum == 0.0 {
            return 0.0;
        }
        let [a, b] = factors(shift);
        // Far above all errors: only the work depends on it.
        let root = sum.powf(1.0 / self.exponent.value) * (1.0 + 1e-9 + 2.0 * self.error);
        (root * a * b).next_up()
    }
}
