//! Attacks on the engines: random networks full of numbers at the ends of their
//! format, executed in random orders of summation, fused or not, and in exact
//! arithmetic; what was claimed must hold each time.
//!
//! `INDELIBLE_FUZZ` multiplies the number of networks.

mod curves;
mod layers;
mod recurrence;
mod sums;

use std::cmp::Ordering;

use dashu_int::IBig;

use crate::{Precision, number::add_up};

/// `mantissa · 2^exponent`.
#[derive(Clone, Debug)]
struct Dyadic {
    mantissa: IBig,
    exponent: i64,
}

impl Dyadic {
    fn of(x: f64) -> Self {
        assert!(x.is_finite(), "{x}");
        let field = i64::try_from(x.to_bits() >> 52 & 0x7ff).unwrap();
        let fraction = i64::try_from(x.to_bits() & ((1 << 52) - 1)).unwrap();
        let (size, exponent) =
            if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
        Self { mantissa: IBig::from(if x.is_sign_negative() { -size } else { size }), exponent }
    }

    fn at(&self, exponent: i64) -> IBig {
        self.mantissa.clone() << usize::try_from(self.exponent - exponent).unwrap()
    }

    fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { mantissa: self.at(exponent) + other.at(exponent), exponent }
    }

    fn times(&self, other: &Self) -> Self {
        Self { mantissa: &self.mantissa * &other.mantissa, exponent: self.exponent + other.exponent }
    }

    fn negated(&self) -> Self {
        Self { mantissa: -self.mantissa.clone(), exponent: self.exponent }
    }

    fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    fn is_negative(&self) -> bool {
        self.mantissa < IBig::ZERO
    }

    fn abs(&self) -> Self {
        if self.is_negative() { self.negated() } else { self.clone() }
    }

    fn relu(&self) -> Self {
        if self.is_negative() { Self::of(0.0) } else { self.clone() }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let exponent = self.exponent.min(other.exponent);
        self.at(exponent).cmp(&other.at(exponent))
    }

    /// Whether it is at least `x`, which may be infinite.
    fn at_least(&self, x: f64) -> bool {
        x == f64::NEG_INFINITY || x.is_finite() && self.compare(&Self::of(x)) != Ordering::Less
    }
}

/// Random bits.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next()).unwrap() % n
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 13) as f64 / (1u64 << 40) as f64
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// How often a test tries.
pub(super) fn rounds(usual: usize) -> usize {
    std::env::var("INDELIBLE_FUZZ")
        .ok()
        .and_then(|s| s.parse().ok())
        .map_or(usual, |more: usize| usual * more)
}

/// The exponents of the smallest and the largest number, and the digits.
fn range(precision: Precision) -> (i32, i32, i32) {
    match precision {
        Precision::F32 => (-149, 127, 24),
        Precision::F64 => (-1074, 1023, 53),
    }
}

fn power_of_two(exponent: i32) -> f64 {
    2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

/// Where the sizes of a network's numbers lie.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sizes {
    Plain,
    /// Products near the smallest number.
    Underflow,
    /// Some near the largest.
    Overflow,
    Anywhere,
    /// Plain, a few anywhere.
    Mixed,
}

const SIZES: [Sizes; 5] = [Sizes::Plain, Sizes::Underflow, Sizes::Overflow, Sizes::Anywhere, Sizes::Mixed];

fn number(random: &mut Random, sizes: Sizes, precision: Precision) -> f64 {
    let (smallest, largest, digits) = range(precision);
    let bits = match random.below(4) {
        few @ 0..3 => few as i32 + 1,
        _ => 1 + random.below(digits as usize) as i32,
    };
    let mantissa = 1 + random.below(1 << bits.min(50));
    let plain = random.below(3) as i32 - bits;
    let anywhere = smallest + random.below((largest - smallest) as usize) as i32 - bits;
    let exponent = match sizes {
        Sizes::Plain => plain,
        Sizes::Underflow => smallest / 2 - 2 + random.below(4) as i32,
        Sizes::Overflow if random.below(2) == 0 => largest - bits - random.below(5) as i32,
        Sizes::Anywhere => anywhere,
        Sizes::Mixed if random.below(4) == 0 => anywhere,
        Sizes::Overflow | Sizes::Mixed => plain,
    };
    let value = precision.round(mantissa as f64 * power_of_two(exponent)).min(precision.largest());
    if random.below(2) == 0 { -value } else { value }
}

/// The numbers used above are what they are called.
#[test]
fn exact_numbers_are_exact() {
    for x in [0.0, 1.0, -0.1, f64::MAX, f64::from_bits(1), 1e-310] {
        assert_eq!(Dyadic::of(x).minus(&Dyadic::of(x)).mantissa, IBig::ZERO);
        assert!(Dyadic::of(x).at_least(x) && !Dyadic::of(x).at_least(x.next_up()));
    }
    let third = Dyadic::of(1.0 / 3.0);
    assert!(third.plus(&third).plus(&third).compare(&Dyadic::of(1.0)) == Ordering::Less);
    assert_eq!(add_up(1.0, 2.0), 3.0);
}
