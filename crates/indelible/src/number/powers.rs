//! Powers with real exponents and a proved error, the same bits on every
//! machine.
//!
//! An exponent is a binary number `w + Σ b_k 2^-k`, so a power is a product of
//! repeated square roots, `t^w · Π t^(2^-k)` over the bits that are set.
//! IEEE-754 roots and products are rounded correctly; roots halve relative
//! errors, so each factor is off by two roundings at most, however deep.

use super::whole;

/// Bounds the relative error of powers of the mathematical library, generously: for
/// what guides a search and what is bounded with room to spare.
pub(crate) const LIBRARY_ERROR: f64 = 1e-9;

/// A real exponent from 1 to 1000.
#[derive(Clone, Debug)]
pub(crate) struct Exponent {
    /// The number.
    pub(crate) value: f64,
    /// Its integer part.
    whole: usize,
    /// The bits behind the point, the first one first, up to the last set one.
    bits: Vec<bool>,
    /// Bounds the relative error of a power.
    pub(crate) error: f64,
}

impl Exponent {
    /// # Panics
    /// When the exponent is not from 1 to 1000.
    pub(crate) fn new(p: f64) -> Self {
        assert!(
            (1.0..=1000.0).contains(&p),
            "the exponent of a norm is {p}; expected a number from 1 to 1000"
        );
        let mut bits = Vec::new();
        let mut rest = p.fract();
        while rest > 0.0 {
            rest *= 2.0;
            bits.push(rest >= 1.0);
            rest -= if rest >= 1.0 { 1.0 } else { 0.0 };
        }
        let set = bits.iter().filter(|&&b| b).count() as f64;
        // A product of `whole` factors has a rounding less than factors; a root
        // has two, and one more when it is multiplied. Twice that leaves room
        // for products of errors.
        let error = (p.trunc() + 3.0 * set) * f64::EPSILON;
        Self { value: p, whole: whole(p), bits, error }
    }

    /// `t^p` for each number, with relative errors up to `error`, as long as
    /// neither numbers nor powers leave the normal range; exactly 0 for 0.
    #[inline(always)]
    pub(crate) fn raise<const K: usize>(&self, t: [f64; K]) -> [f64; K] {
        let mut power = [1.0; K];
        let mut square = t;
        let mut whole = self.whole;
        loop {
            if whole & 1 == 1 {
                power = std::array::from_fn(|k| power[k] * square[k]);
            }
            whole >>= 1;
            if whole == 0 {
                break;
            }
            square = square.map(|s| s * s);
        }
        let mut root = t;
        for &bit in &self.bits {
            root = root.map(f64::sqrt);
            if bit {
                power = std::array::from_fn(|k| power[k] * root[k]);
            }
        }
        power
    }

    /// Numbers not above and not below `x^(1/p)`, for `x` in the enclosure
    /// `lower..=upper` with `2^-p ≤ lower` and `upper < 2^60`.
    pub(crate) fn root(&self, lower: f64, upper: f64) -> (f64, f64) {
        // Bisection on our own powers alone: nothing of it depends on a
        // mathematical library.
        let bisect = |below: &dyn Fn(f64) -> bool| {
            let (mut low, mut high) = (0.25f64.to_bits(), 2f64.powi(61).to_bits());
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if below(f64::from_bits(middle)) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            (f64::from_bits(low), f64::from_bits(high))
        };
        let power = |t: f64| self.raise([t])[0];
        let slack = 2.0 * self.error;
        let (below, _) = bisect(&|t| power(t) * (1.0 + slack) <= lower);
        let (_, above) = bisect(&|t| power(t) * (1.0 - slack) < upper);
        (below, above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn powers_are_near_those_of_the_mathematical_library(p in 1.0f64..40.0, t in 1e-3f64..1e3) {
            let exponent = Exponent::new(p);
            let [power] = exponent.raise([t]);
            let expected = t.powf(p);
            prop_assert!((power - expected).abs() <= (exponent.error + 1e-15) * expected, "{} {}", power, expected);
        }

        #[test]
        fn roots_enclose(p in 1.0f64..900.0, t in 0.6f64..1.0) {
            let exponent = Exponent::new(p);
            let [power] = exponent.raise([t]);
            let (lower, upper) = exponent.root(power, power);
            prop_assert!(lower <= t && t <= upper);
            prop_assert!(upper - lower <= 8.0 * (exponent.error + f64::EPSILON) * t);
        }
    }

    #[test]
    fn simple_powers_are_exact() {
        assert_eq!(Exponent::new(3.0).raise([5.0, 0.0]), [125.0, 0.0]);
        assert_eq!(Exponent::new(2.5).raise([4.0]), [32.0]);
        assert_eq!(Exponent::new(1.75).raise([16.0]), [128.0]);
    }
}
