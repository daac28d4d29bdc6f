//! Sums over features for coded samples whose levels lie on a common grid:
//! integers, without rounding.

use std::cmp::Ordering;

use super::{Codes, Limit, Metric, Summed, allows};
use crate::{
    Enclosure,
    separation::exact::{ExactSum, Power, parts},
};

/// `Σ|a − b|` or `Σ(a − b)²` of samples with codes of one table, in units of
/// the grid (of its square).
pub struct CodesSum<'a> {
    codes: Codes<'a>,
    power: Power,
    /// `levels[c] = grid[c]·unit`, up to a common shift; the unit is a power of two.
    grid: Vec<i64>,
    unit: f64,
}

/// The levels as integers `(level − levels[0])·2^−e`, and `e`; `None` where
/// they are too far apart for 62 bits or too large or small for products.
fn on_grid(levels: &[f64]) -> Option<(Vec<i64>, i32)> {
    let exponent = levels.iter().filter(|&&v| v != 0.0).map(|&v| lowest_bit(v)).min().unwrap_or(0);
    if !(-800..=800).contains(&exponent) {
        return None;
    }
    let unit = 2f64.powi(-exponent);
    let limit = 2f64.powi(61);
    let scaled: Vec<f64> = levels.iter().map(|v| v * unit).collect();
    if scaled.iter().any(|v| v.abs() > limit) {
        return None;
    }
    // Integers below 2^61 by the choice of the exponent: the casts are exact.
    let origin = scaled[0] as i64;
    Some((scaled.iter().map(|&v| v as i64 - origin).collect(), exponent))
}

/// A sum of fewer than 2^32 numbers: two 64-bit sums are faster than one of 128.
fn sum_in_halves(terms: impl Iterator<Item = u64>) -> u128 {
    let (low, high) = terms.fold((0u64, 0u64), |(low, high), t| (low + (t & 0xffff_ffff), high + (t >> 32)));
    (u128::from(high) << 32) + u128::from(low)
}

/// Exponent of the lowest bit that is set in `v`, not 0.
fn lowest_bit(v: f64) -> i32 {
    let (_, m, e) = parts(v);
    // At most 52, below an exponent of a binary64 number.
    e + m.trailing_zeros() as i32
}

impl<'a> CodesSum<'a> {
    /// Distances between rows of codes; `None` where the levels do not lie on a
    /// grid that is coarse enough.
    pub fn new(codes: Codes<'a>, power: Power) -> Option<Self> {
        let (grid, exponent) = on_grid(codes.levels)?;
        let bits = |v: u64| u64::BITS - v.leading_zeros();
        let spread = bits(grid[255].unsigned_abs());
        let terms = bits(codes.width as u64);
        let needed = terms + if power == Power::Two { 2 * spread } else { spread };
        let unit = 2f64.powi(exponent);
        (needed < 128 && codes.width < 1 << 32).then_some(Self { codes, power, grid, unit })
    }
}

impl Metric for CodesSum<'_> {
    type Distance = u128;

    fn within(&self, i: usize, j: usize, limit: Limit<u128>) -> Option<u128> {
        let (a, b) = self.codes.pair(i, j);
        let gap = |(&a, &b): (&u8, &u8)| self.grid[usize::from(a)].abs_diff(self.grid[usize::from(b)]);
        let gaps = a.iter().zip(b).map(gap);
        let sum = match self.power {
            Power::One => sum_in_halves(gaps),
            Power::Two if self.grid[255] <= i64::from(u32::MAX) => sum_in_halves(gaps.map(|g| g * g)),
            Power::Two => gaps.map(|g| u128::from(g) * u128::from(g)).sum(),
        };
        allows(limit, |bound| sum.cmp(&bound)).then_some(sum)
    }

    fn compare(&self, a: &u128, b: &u128) -> Ordering {
        a.cmp(b)
    }

    fn enclosure(&self, distance: &u128) -> Enclosure {
        let mut sum = ExactSum::new();
        let unit = self.unit;
        for k in 0..4 {
            // 32 bits at a time: every cast and product is exact.
            let part = ((distance >> (32 * k)) & 0xffff_ffff) as f64 * 2f64.powi(32 * k);
            match self.power {
                Power::One => sum.add_product(part, unit),
                Power::Two => sum.add_product(part * unit, unit),
            }
        }
        sum.enclosure(self.power)
    }

    fn threshold(&self, radius: f64) -> u128 {
        // Exact, or below 1, where the integer part is 0 in any case.
        let scaled = radius / self.unit;
        match self.power {
            // A cast saturates, above every distance.
            Power::One => scaled as u128,
            Power::Two if scaled >= 2f64.powi(64) => u128::MAX,
            Power::Two if scaled < 1.0 => 0,
            Power::Two => {
                // scaled = m·2^-e, and the square of m has 106 bits.
                let e = -lowest_bit(scaled).min(0);
                let m = (scaled * 2f64.powi(e)) as u128;
                (m * m) >> (2 * e)
            }
        }
    }
}

impl Summed for CodesSum<'_> {
    fn above(&self, distance: &u128) -> f64 {
        if *distance == 0 {
            return 0.0;
        }
        let sum = (*distance as f64).next_up();
        let sum = if self.power == Power::One { sum } else { sum.sqrt().next_up() };
        // A product with a power of two, rounded only where it overflows.
        sum * self.unit
    }

    fn barrier(&self, limit: Limit<u128>) -> Option<u128> {
        // Codes without error stand for multiples of a 255th of the spread.
        let (codes, spread) = (255u128, u128::from(self.grid[255].unsigned_abs()));
        let (above, below) = match self.power {
            Power::One => (codes, spread),
            Power::Two => (codes * codes, spread * spread),
        };
        Some(match limit {
            Limit::None => u128::MAX,
            Limit::Below(bound) => bound.checked_mul(above)?.div_ceil(below),
            Limit::UpTo(bound) => bound.checked_mul(above)? / below + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn thresholds_are_exact_squares() {
        let levels: Arc<[f64]> = (0..256).map(f64::from).collect();
        let codes = Codes { queries: &[0], base: &[0], width: 1, levels: &levels };
        let metric = CodesSum::new(codes, Power::Two).expect("integers lie on a grid");
        for t in 1..2000u128 {
            let root = (t as f64).sqrt();
            let expected = if root * root == t as f64 && root.fract() == 0.0 {
                t
            } else {
                // The root was rounded: its exact square is below or above t.
                let mut s = ExactSum::new();
                s.add_product(root, root);
                let mut whole = ExactSum::new();
                whole.add(t as f64);
                if s.compare(&whole) == Ordering::Less { t - 1 } else { t }
            };
            assert_eq!(metric.threshold(root), expected, "t = {t}");
        }
        assert_eq!(metric.threshold(0.0), 0);
        assert_eq!(metric.threshold(1e300), u128::MAX);
        assert_eq!(metric.threshold(2f64.powi(60)), 1 << 120);
    }

    #[test]
    fn unit_levels_lie_on_a_grid_and_wild_ones_do_not() {
        let unit: Vec<f64> = (0..=255u8).map(|k| f64::from(f32::from(k) / 255.0)).collect();
        let (grid, exponent) = on_grid(&unit).expect("binary32 numbers in the unit interval");
        for (g, v) in grid.iter().zip(&unit) {
            assert_eq!(*g as f64 * 2f64.powi(exponent), *v);
        }
        let wild: Vec<f64> = (0..256).map(|k| 2f64.powi(k - 100)).collect();
        assert!(on_grid(&wild).is_none());
    }
}
