//! Exact sums of binary64 products: a fixed-point number wide enough for all
//! of them (Kulisch's accumulator, with the lazy carries of R. Neal, "Fast
//! exact summation using small and large superaccumulators", 2015).

use std::cmp::Ordering;

use crate::{Enclosure, number::two_sum};

/// Position of bit 0: the product of two smallest subnormal numbers.
const LOWEST: i32 = -2148;
/// 32-bit digits: 2148 bits below the point, 2048 above, 64 for carries.
const DIGITS: usize = 135;
/// Additions before carries must be resolved; a digit has room for 2^31.
const LAZY: u32 = 1 << 28;

/// The power of the differences that is summed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Power {
    /// Absolute values: the norm `l1`.
    One,
    /// Squares: the square of the norm `l2`.
    Two,
}

/// A sum of products of binary64 numbers, without rounding.
#[derive(Clone)]
pub(super) struct ExactSum {
    digits: [i64; DIGITS],
    pending: u32,
}

/// Sign, 53-bit integer and exponent of a finite number `±m·2^e`.
pub(super) fn parts(x: f64) -> (bool, u64, i32) {
    let bits = x.to_bits();
    let field = ((bits >> 52) & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (m, e) = if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
    (x.is_sign_negative(), m, e)
}

impl ExactSum {
    /// Zero.
    pub(super) fn new() -> Self {
        Self { digits: [0; DIGITS], pending: 0 }
    }

    /// Adds `a`, which must be finite.
    pub(super) fn add(&mut self, a: f64) {
        self.add_product(a, 1.0);
    }

    /// Adds `a·b`, both finite.
    pub(super) fn add_product(&mut self, a: f64, b: f64) {
        let ((sa, ma, ea), (sb, mb, eb)) = (parts(a), parts(b));
        let product = u128::from(ma) * u128::from(mb);
        if product == 0 {
            return;
        }
        // Not below 0: both exponents are at least −1074.
        let position = (ea + eb - LOWEST) as usize;
        let (digit, shift) = (position / 32, position % 32);
        let low = (product & u128::from(u64::MAX)) << shift;
        let high = (product >> 64) << shift;
        let negative = sa != sb;
        for (at, value) in [(digit, low), (digit + 2, high)] {
            for (k, place) in self.digits[at..at + 3].iter_mut().enumerate() {
                let part = ((value >> (32 * k)) & 0xffff_ffff) as i64;
                *place += if negative { -part } else { part };
            }
        }
        self.pending += 1;
        if self.pending >= LAZY {
            self.carry();
        }
    }

    /// Adds `|a − b|` or its square, both finite.
    pub(super) fn add_difference(&mut self, power: Power, a: f64, b: f64) {
        let (h, l) = two_sum(a, -b);
        match power {
            Power::One => {
                self.add(a.max(b));
                self.add(-a.min(b));
            }
            Power::Two if l == 0.0 && h.is_finite() => self.add_product(h, h),
            Power::Two => {
                self.add_product(a, a);
                self.add_product(b, b);
                self.add_product(-a, b);
                self.add_product(-a, b);
            }
        }
    }

    /// Brings every digit but the last into `0..2^32`.
    fn carry(&mut self) {
        let mut carry = 0;
        for digit in &mut self.digits[..DIGITS - 1] {
            let value = *digit + carry;
            carry = value >> 32;
            *digit = value & 0xffff_ffff;
        }
        self.digits[DIGITS - 1] += carry;
        self.pending = 0;
    }

    /// Which of two sums is larger.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let (mut difference, mut other) = (self.clone(), other.clone());
        difference.carry();
        other.carry();
        for (a, b) in difference.digits.iter_mut().zip(&other.digits) {
            *a -= b;
        }
        difference.sign()
    }

    /// The sign of the sum.
    fn sign(&mut self) -> Ordering {
        self.carry();
        // All digits but the last are non-negative, so the last has the sign.
        match self.digits[DIGITS - 1].cmp(&0) {
            Ordering::Equal if self.digits.iter().any(|&d| d != 0) => Ordering::Greater,
            sign => sign,
        }
    }

    /// `(m, e)` with `m·2^e ≤ sum < (m + 1)·2^e` and `m ≥ 2^63`; `None` for 0.
    /// The sum must not be negative.
    fn leading(&mut self) -> Option<(u64, i32)> {
        self.carry();
        let top = self.digits.iter().rposition(|&d| d != 0)?;
        let digit = |k: usize| u128::try_from(self.digits[k]).unwrap_or(0);
        let at = |back: usize| if top >= back { digit(top - back) } else { 0 };
        let window = (at(0) << 64) | (at(1) << 32) | at(2);
        let shift = 64 - window.leading_zeros() as i32;
        let below = LOWEST + 32 * (top as i32 - 2);
        // The digit at the top is not 0, so that 64 bits are left.
        let m = if shift >= 0 { window >> shift } else { window << -shift };
        Some((m as u64, below + shift))
    }

    /// The tightest enclosure of the sum, or of its root where squares were
    /// summed. The sum must not be negative.
    pub(super) fn enclosure(&mut self, power: Power) -> Enclosure {
        let Some((m, e)) = self.leading() else { return Enclosure::exact(0.0) };
        let mut lower = match power {
            Power::One => scaled(m >> 11, e + 11),
            Power::Two => {
                let (m, e) = if e % 2 == 0 { (m as f64, e) } else { (m as f64 * 2.0, e - 1) };
                // The root is below 2^33, so its 53-bit integer part comes after
                // a scaling by 2^20.
                scaled((m.sqrt() * 1_048_576.0) as u64, e / 2 - 20)
            }
        };
        let side = |x: f64| {
            let mut rest = self.clone();
            rest.add_product(-x, if power == Power::One { 1.0 } else { x });
            rest.sign()
        };
        while side(lower) == Ordering::Less {
            lower = lower.next_down();
        }
        while lower < f64::MAX && side(lower.next_up()) != Ordering::Less {
            lower = lower.next_up();
        }
        let upper = if side(lower) == Ordering::Equal { lower } else { lower.next_up() };
        Enclosure { lower, upper }
    }
}

/// Two factors whose product is `2^e`, `|e| ≤ 2000`.
pub(super) fn factors(e: i32) -> [f64; 2] {
    let power = |e: i32| f64::from_bits(((1023 + e) as u64) << 52);
    [power(e / 2), power(e - e / 2)]
}

/// `m·2^e` for `0 < m < 2^53`: exact, but rounded where the result is subnormal,
/// and the largest finite number where it is too large.
fn scaled(m: u64, e: i32) -> f64 {
    // What is beyond these powers is 0 or too large; the first factor leaves the
    // product in the normal range, so that there is one rounding only.
    let [a, b] = factors(e.clamp(-1200, 1200));
    (m as f64 * a * b).min(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>().prop_filter("finite", |x| x.is_finite()),
            -10.0..10.0,
            Just(0.0),
            Just(f64::MAX),
            Just(f64::from_bits(1)),
        ]
    }

    proptest! {
        #[test]
        fn one_number_is_itself(a in any_finite()) {
            let mut sum = ExactSum::new();
            sum.add(a.abs());
            prop_assert_eq!(sum.enclosure(Power::One), Enclosure::exact(a.abs()));
        }

        #[test]
        fn order_does_not_matter_and_nothing_is_lost(mut terms in prop::collection::vec((any_finite(), any_finite()), 1..40)) {
            let total = |terms: &[(f64, f64)]| {
                let mut sum = ExactSum::new();
                for &(a, b) in terms {
                    sum.add_product(a, b);
                }
                sum
            };
            let forward = total(&terms);
            terms.reverse();
            let backward = total(&terms);
            prop_assert_eq!(forward.compare(&backward), Ordering::Equal);
            let negated: Vec<_> = terms.iter().map(|&(a, b)| (-a, b)).collect();
            let mut zero = forward.clone();
            for (a, b) in negated {
                zero.add_product(a, b);
            }
            prop_assert_eq!(zero.sign(), Ordering::Equal);
        }

        #[test]
        fn sums_of_two_round_as_ieee_says(a in any_finite(), b in any_finite()) {
            let (a, b) = (a.abs(), b.abs());
            let mut sum = ExactSum::new();
            sum.add(a);
            sum.add(b);
            let expected = Enclosure { lower: crate::number::add_down(a, b), upper: crate::number::add_up(a, b) };
            prop_assert_eq!(sum.enclosure(Power::One), expected);
        }

        #[test]
        fn squares_have_exact_roots(a in any_finite()) {
            let mut sum = ExactSum::new();
            sum.add_product(a, a);
            prop_assert_eq!(sum.enclosure(Power::Two), Enclosure::exact(a.abs()));
        }

        #[test]
        fn roots_are_tight(a in any_finite(), b in any_finite()) {
            let mut sum = ExactSum::new();
            sum.add_difference(Power::Two, a, b);
            sum.add_difference(Power::Two, b, 3.0);
            let Enclosure { lower, upper } = sum.enclosure(Power::Two);
            let square = |x: f64| {
                let mut s = ExactSum::new();
                s.add_product(x, x);
                s
            };
            prop_assert!(square(lower).compare(&sum) != Ordering::Greater);
            if upper.is_finite() {
                prop_assert!(square(upper).compare(&sum) != Ordering::Less);
            }
            prop_assert!(lower == upper || lower.next_up() == upper);
        }

        #[test]
        fn differences_agree(a in any_finite(), b in any_finite()) {
            let mut sum = ExactSum::new();
            sum.add_difference(Power::One, a, b);
            let (larger, smaller) = if a < b { (b, a) } else { (a, b) };
            let expected =
                Enclosure { lower: crate::number::sub_down(larger, smaller), upper: crate::number::sub_up(larger, smaller) };
            prop_assert_eq!(sum.enclosure(Power::One), expected);
        }
    }
}
