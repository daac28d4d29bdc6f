//! Exact arithmetic of binary fractions: sums and products of floating-point
//! numbers as real numbers.

use std::cmp::Ordering;

use dashu_int::IBig;

use crate::network::Arithmetic;

/// `mantissa · 2^exponent`.
#[derive(Clone, Debug)]
pub(super) struct Dyadic {
    mantissa: IBig,
    exponent: i64,
}

impl Dyadic {
    pub fn of(x: f64) -> Self {
        assert!(x.is_finite(), "{x}");
        let field = i64::try_from(x.to_bits() >> 52 & 0x7ff).unwrap();
        let fraction = i64::try_from(x.to_bits() & ((1 << 52) - 1)).unwrap();
        let (size, exponent) =
            if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
        if size == 0 {
            return Self { mantissa: IBig::ZERO, exponent: 0 };
        }
        // Small numbers are quick.
        let zeros = size.trailing_zeros();
        let size = size >> zeros;
        let mantissa = IBig::from(if x.is_sign_negative() { -size } else { size });
        Self { mantissa, exponent: exponent + i64::from(zeros) }
    }

    fn at(&self, exponent: i64) -> IBig {
        self.mantissa.clone() << usize::try_from(self.exponent - exponent).unwrap()
    }

    pub fn plus(&self, other: &Self) -> Self {
        if self.mantissa == IBig::ZERO {
            return other.clone();
        }
        let exponent = self.exponent.min(other.exponent);
        Self { mantissa: self.at(exponent) + other.at(exponent), exponent }
    }

    pub fn times(&self, other: &Self) -> Self {
        Self { mantissa: &self.mantissa * &other.mantissa, exponent: self.exponent + other.exponent }
    }

    pub fn negated(&self) -> Self {
        Self { mantissa: -self.mantissa.clone(), exponent: self.exponent }
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    pub fn is_negative(&self) -> bool {
        self.mantissa < IBig::ZERO
    }

    pub fn abs(&self) -> Self {
        if self.is_negative() { self.negated() } else { self.clone() }
    }

    /// Whether it is at least `x`, which may be infinite.
    pub fn at_least(&self, x: f64) -> bool {
        x == f64::NEG_INFINITY || x.is_finite() && *self >= Self::of(x)
    }
}

impl Ord for Dyadic {
    fn cmp(&self, other: &Self) -> Ordering {
        let exponent = self.exponent.min(other.exponent);
        self.at(exponent).cmp(&other.at(exponent))
    }
}

impl PartialOrd for Dyadic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Dyadic {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Dyadic {}

/// The real numbers, of which binary fractions are enough.
pub(super) struct Exact;

impl Arithmetic for Exact {
    type Number = Dyadic;

    fn number(&mut self, value: f64) -> Dyadic {
        Dyadic::of(value)
    }

    fn minus(&mut self, a: &Dyadic, b: &Dyadic) -> Dyadic {
        a.minus(b)
    }

    fn max(&mut self, a: &Dyadic, b: &Dyadic) -> Dyadic {
        a.max(b).clone()
    }

    fn min(&mut self, a: &Dyadic, b: &Dyadic) -> Dyadic {
        a.min(b).clone()
    }

    fn abs(&mut self, a: &Dyadic) -> Dyadic {
        a.abs()
    }

    fn sum(&mut self, terms: &[Dyadic]) -> Dyadic {
        terms.iter().fold(Dyadic::of(0.0), |sum, term| sum.plus(term))
    }

    fn dot(&mut self, start: &Dyadic, terms: &[(f64, Dyadic)]) -> Dyadic {
        terms.iter().fold(start.clone(), |sum, (w, v)| sum.plus(&Dyadic::of(*w).times(v)))
    }

    fn relu(&mut self, a: &Dyadic) -> Dyadic {
        if a.is_negative() { Dyadic::of(0.0) } else { a.clone() }
    }
}

#[test]
fn exact_numbers_are_exact() {
    for x in [0.0, 1.0, -0.1, f64::MAX, f64::from_bits(1), 1e-310] {
        assert_eq!(Dyadic::of(x).minus(&Dyadic::of(x)), Dyadic::of(0.0));
        assert!(Dyadic::of(x).at_least(x) && !Dyadic::of(x).at_least(x.next_up()));
    }
    let third = Dyadic::of(1.0 / 3.0);
    assert!(third.plus(&third).plus(&third) < Dyadic::of(1.0));
}
