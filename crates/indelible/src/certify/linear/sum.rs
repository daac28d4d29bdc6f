//! Sums in plain binary64 with what their rounding can cost.

use crate::number::{add_up, mul_up, sub_down};

/// The unit roundoff of binary64.
const UNIT: f64 = f64::EPSILON / 2.0;

/// Roundings of a term before it is added, and some more.
const EARLIER: usize = 8;

/// An upper bound of `γ_n (1 + γ_n)` for `n` plus a few roundings, where `n` is
/// no larger than anything that fits into memory.
pub(super) fn gamma(n: usize) -> f64 {
    2.0 * (n + EARLIER) as f64 * UNIT
}

/// A sum of terms each of which is rounded at most a few times before it is
/// added; and the sum of their sizes.
///
/// With `n` terms added in any order every term meets at most `n` roundings, so
/// that the sum is off by at most `γ_{n+8} Σ|t|` and what underflows, and `Σ|t|` is
/// at most `(1 + γ_{n+8})` times the computed sum of sizes (Higham, *Accuracy and
/// Stability of Numerical Algorithms*, §4.2).
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::certify) struct Sum {
    pub value: f64,
    pub size: f64,
}

/// Sums that are taken side by side: one after the other each addition waits for the
/// last, which made this a fifth of branch and bound.
const LANES: usize = 8;

impl Sum {
    /// The sum of `count` terms.
    #[inline(always)]
    pub fn of(count: usize, term: impl Fn(usize) -> f64) -> Self {
        let (mut values, mut sizes) = ([0.0; LANES], [0.0; LANES]);
        let whole = count - count % LANES;
        for start in (0..whole).step_by(LANES) {
            for k in 0..LANES {
                let term = term(start + k);
                values[k] += term;
                sizes[k] += term.abs();
            }
        }
        let mut sum = Self { value: values.iter().sum(), size: sizes.iter().sum() };
        (whole..count).for_each(|i| sum.add(term(i)));
        sum
    }

    /// Adds a term.
    pub fn add(&mut self, term: f64) {
        self.value += term;
        self.size += term.abs();
    }

    /// A number not above the exact sum of `terms` terms or fewer; `−∞` where
    /// one of them is no number.
    pub fn lower(self, terms: usize) -> f64 {
        // Products that underflow lose less than the smallest normal number
        // in all.
        let lost = add_up(mul_up(self.size, gamma(terms)), f64::MIN_POSITIVE);
        let bound = sub_down(self.value, lost);
        if bound.is_nan() || self.value.is_infinite() { f64::NEG_INFINITY } else { bound }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::add_down;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bounds_are_below_exact_sums(terms in prop::collection::vec(-1e9f64..1e9, 0..60), scale in -300i32..280) {
            let scale = 10f64.powi(scale);
            let sum = Sum::of(terms.len(), |i| terms[i] * scale);
            let up = terms.iter().fold(0.0, |sum, t| add_up(sum, t * scale));
            let down = terms.iter().fold(0.0, |sum, t| add_down(sum, t * scale));
            let bound = sum.lower(terms.len());
            prop_assert!(bound <= up);
            prop_assert!(bound >= down - 1e-12 * sum.size - 1e-300);
        }
    }

    #[test]
    fn what_is_no_number_bounds_nothing() {
        for terms in [&[f64::NAN][..], &[f64::INFINITY, 1.0], &[f64::INFINITY, f64::NEG_INFINITY]] {
            let mut sum = Sum::default();
            terms.iter().for_each(|t| sum.add(*t));
            assert_eq!(sum.lower(2), f64::NEG_INFINITY);
        }
    }
}
