//! Sums of real powers of differences of coded samples: integers, one per
//! pair of codes.

use std::cmp::Ordering;

use super::{Codes, Limit, Metric, Summed, allows};
use crate::{Enclosure, number::powers::Exponent};

/// `Σ |a − b|^p` of samples with codes of one table.
///
/// Powers of differences of levels are taken once, with a small relative
/// error, as integers; sums of them are exact and do not depend on the order.
pub struct CodesLp<'a> {
    codes: Codes<'a>,
    exponent: Exponent,
    /// Power of the difference of codes `a` and `b` at `256 a + b`, times `2^FRACTION`.
    powers: Vec<u128>,
    /// Differences were divided by this power of two.
    scale: f64,
    /// Bounds the relative error of a sum.
    error: f64,
}

/// Bits behind the point. Powers are at most 1, and sums of 2^30 of them fit
/// in 128 bits.
const FRACTION: i32 = 97;
/// The least power, so that its 53 bits are integer ones.
const LEAST: f64 = 1.0 / (1u64 << (FRACTION - 53)) as f64;

impl<'a> CodesLp<'a> {
    /// Distances between rows of codes; `None` where powers of differences of
    /// levels are too far apart.
    pub fn new(codes: Codes<'a>, p: f64) -> Option<Self> {
        let Codes { width, levels, .. } = codes;
        let exponent = Exponent::new(p);
        let spread = levels[255] - levels[0];
        if !(1e-100..1e100).contains(&spread) || width >= 1 << 30 {
            return None;
        }
        // The power of two above the spread, so that no quotient is above 1.
        let scale = f64::from_bits((spread.to_bits() >> 52 << 52) + (1 << 52));
        let mut powers = Vec::with_capacity(256 * 256);
        for a in levels.iter() {
            for b in levels.iter() {
                let [power] = exponent.raise([(a - b).abs() / scale]);
                if a != b && power < LEAST {
                    return None;
                }
                // Exact: at least 53 of the bits stand before the point.
                powers.push((power * 2f64.powi(FRACTION)) as u128);
            }
        }
        // A rounded difference changes its power by p as much.
        let error = exponent.error + 2.0 * (p + 8.0) * f64::EPSILON;
        Some(Self { codes, exponent, powers, scale, error })
    }
}

impl Metric for CodesLp<'_> {
    type Distance = u128;

    fn within(&self, i: usize, j: usize, limit: Limit<u128>) -> Option<u128> {
        let (a, b) = self.codes.pair(i, j);
        let power = |(&a, &b): (&u8, &u8)| self.powers[256 * usize::from(a) + usize::from(b)];
        let sum: u128 = a.iter().zip(b).map(power).sum();
        allows(limit, |bound| sum.cmp(&bound)).then_some(sum)
    }

    fn compare(&self, a: &u128, b: &u128) -> Ordering {
        a.cmp(b)
    }

    fn enclosure(&self, distance: &u128) -> Enclosure {
        if *distance == 0 {
            return Enclosure::exact(0.0);
        }
        // Brought into the range of roots by a power of two whose root is one.
        let (mut sum, mut scale) = (*distance as f64 * 2f64.powi(-FRACTION), self.scale);
        let step = self.exponent.raise([2.0])[0];
        let mut error = 2.0 * self.error + 4.0 * f64::EPSILON;
        while sum * step < 1.0 {
            sum *= step;
            scale /= 2.0;
            error += 2.0 * self.exponent.error + f64::EPSILON;
        }
        let (lower, upper) = self.exponent.root(sum * (1.0 - error), sum * (1.0 + error));
        Enclosure { lower: lower * scale, upper: upper * scale }
    }

    fn threshold(&self, radius: f64) -> u128 {
        let [power] = self.exponent.raise([radius / self.scale]);
        let raised = power * (1.0 + 3.0 * self.error) * 2f64.powi(FRACTION);
        // Powers that are too small round to 0, below every distance but 0; the
        // cast saturates above all.
        raised as u128
    }
}

impl Summed for CodesLp<'_> {
    fn above(&self, distance: &u128) -> f64 {
        // Far above all errors: only the work depends on it.
        let sum = *distance as f64 * 2f64.powi(-FRACTION);
        sum.powf(1.0 / self.exponent.value) * self.scale * (1.0 + 1e-9)
    }
}
