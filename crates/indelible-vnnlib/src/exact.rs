//! What a network computes at a point, as exact binary fractions.

use std::cmp::Ordering;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use indelible::network::{Arithmetic, Inexact, Model};

/// The outputs of `model` at a point in real arithmetic, exactly. Where the file
/// has numbers that are known to lie in a range only, such as the quotients of a
/// normalisation, each output is a range as well. `None` when `point` is not one
/// finite number per input.
///
/// Memory and time grow with the depth: a product adds the bits of its factors.
#[must_use]
pub fn real_outputs(model: &Model, point: &[f64]) -> Option<Vec<[RBig; 2]>> {
    if point.len() != model.inputs() || !point.iter().all(|x| x.is_finite()) {
        return None;
    }
    let input: Vec<Range> = point.iter().map(|x| Range::of(*x)).collect();
    Some(model.evaluate_in(&mut Reals, &input).iter().map(|y| [y.lower.value(), y.upper.value()]).collect())
}

/// `mantissa · 2^exponent`.
#[derive(Clone, Debug)]
struct Dyadic {
    mantissa: IBig,
    exponent: i64,
}

impl Dyadic {
    /// The value of a finite number.
    fn of(x: f64) -> Self {
        const FRACTION: u64 = (1 << 52) - 1;
        let bits = x.to_bits();
        let field = bits >> 52 & 0x7ff;
        let size = if field == 0 { bits & FRACTION } else { bits & FRACTION | 1 << 52 };
        let zeros = if size == 0 { 0 } else { size.trailing_zeros() };
        let size = IBig::from(size >> zeros);
        // The field has 11 bits.
        let exponent = i64::from(u16::try_from(field.max(1)).unwrap_or(0)) - 1075 + i64::from(zeros);
        Self { mantissa: if x.is_sign_negative() { -size } else { size }, exponent }
    }

    /// The mantissa for an exponent that is not larger.
    fn at(&self, exponent: i64) -> IBig {
        let shift = usize::try_from(self.exponent - exponent).unwrap_or(0);
        &self.mantissa << shift
    }

    fn is_zero(&self) -> bool {
        self.mantissa == IBig::ZERO
    }

    fn is_negative(&self) -> bool {
        self.mantissa < IBig::ZERO
    }

    fn plus(&self, other: &Self) -> Self {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        let exponent = self.exponent.min(other.exponent);
        Self { mantissa: self.at(exponent) + other.at(exponent), exponent }
    }

    fn times(&self, other: &Self) -> Self {
        Self { mantissa: &self.mantissa * &other.mantissa, exponent: self.exponent + other.exponent }
    }

    fn negated(&self) -> Self {
        Self { mantissa: -self.mantissa.clone(), exponent: self.exponent }
    }

    fn value(&self) -> RBig {
        let power = UBig::ONE << usize::try_from(self.exponent.unsigned_abs()).unwrap_or(0);
        if self.exponent >= 0 {
            RBig::from(&self.mantissa * IBig::from(power))
        } else {
            RBig::from_parts(self.mantissa.clone(), power)
        }
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

/// Where a real number lies: one number, nearly always.
#[derive(Clone, Debug)]
struct Range {
    lower: Dyadic,
    upper: Dyadic,
}

impl Range {
    fn of(x: f64) -> Self {
        Self { lower: Dyadic::of(x), upper: Dyadic::of(x) }
    }

    fn is_point(&self) -> bool {
        self.lower == self.upper
    }

    fn plus(&self, other: &Self) -> Self {
        if self.is_point() && other.is_point() {
            let sum = self.lower.plus(&other.lower);
            return Self { lower: sum.clone(), upper: sum };
        }
        Self { lower: self.lower.plus(&other.lower), upper: self.upper.plus(&other.upper) }
    }

    fn negated(&self) -> Self {
        Self { lower: self.upper.negated(), upper: self.lower.negated() }
    }

    fn times(&self, other: &Self) -> Self {
        if self.is_point() && other.is_point() {
            let product = self.lower.times(&other.lower);
            return Self { lower: product.clone(), upper: product };
        }
        let mut ends =
            [&self.lower, &self.upper].map(|a| [a.times(&other.lower), a.times(&other.upper)]).concat();
        ends.sort();
        // Four products: there is a largest, and a smallest among the others.
        let upper = ends.pop().unwrap_or_else(|| Dyadic::of(0.0));
        Self { lower: ends.swap_remove(0), upper }
    }
}

/// The real numbers.
struct Reals;

impl Arithmetic for Reals {
    type Number = Range;

    fn number(&mut self, value: f64) -> Range {
        Range::of(value)
    }

    fn minus(&mut self, a: &Range, b: &Range) -> Range {
        a.plus(&b.negated())
    }

    fn max(&mut self, a: &Range, b: &Range) -> Range {
        Range { lower: (&a.lower).max(&b.lower).clone(), upper: (&a.upper).max(&b.upper).clone() }
    }

    fn min(&mut self, a: &Range, b: &Range) -> Range {
        Range { lower: (&a.lower).min(&b.lower).clone(), upper: (&a.upper).min(&b.upper).clone() }
    }

    fn abs(&mut self, a: &Range) -> Range {
        let opposite = a.negated();
        if !a.lower.is_negative() {
            a.clone()
        } else if !opposite.lower.is_negative() {
            opposite
        } else {
            Range { lower: Dyadic::of(0.0), upper: a.upper.clone().max(opposite.upper) }
        }
    }

    fn sum(&mut self, terms: &[Range]) -> Range {
        terms.iter().fold(Range::of(0.0), |sum, term| sum.plus(term))
    }

    fn dot(&mut self, start: &Range, terms: &[(f64, Range)]) -> Range {
        let used = terms.iter().filter(|(_, v)| !(v.lower.is_zero() && v.upper.is_zero()));
        used.fold(start.clone(), |sum, (w, v)| sum.plus(&Range::of(*w).times(v)))
    }

    fn rescale(&mut self, a: &Range, factor: &Inexact, shift: &Inexact) -> Range {
        let range = |number: &Inexact| Range {
            lower: Dyadic::of(number.range.lower),
            upper: Dyadic::of(number.range.upper),
        };
        range(factor).times(a).plus(&range(shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::exact;
    use indelible::{
        Precision,
        network::{LayerBuilder, StoredNetwork},
        number::Enclosure,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_and_products_are_those_of_rationals(
            w in prop::collection::vec(-1e30f64..1e30, 3), x in prop::collection::vec(-1e-30f64..1e30, 3), b in any::<f32>(),
        ) {
            prop_assume!(b.is_finite());
            let mut layer = LayerBuilder::new(3);
            w.iter().enumerate().for_each(|(j, w)| { layer.weight(j, *w); });
            layer.bias(f64::from(b));
            let model = Model::Layers(StoredNetwork::new(Precision::F64, vec![layer.finish()]).unwrap());
            let expected = w.iter().zip(&x).fold(exact(f64::from(b)).unwrap(), |sum, (w, x)| sum + exact(*w).unwrap() * exact(*x).unwrap());
            prop_assert_eq!(real_outputs(&model, &x).unwrap(), vec![[expected.clone(), expected]]);
        }

        #[test]
        fn ranges_contain_what_they_stand_for(f in -3.0f64..3.0, off in 0.0f64..1.0, t in -3.0f64..3.0, x in -3.0f64..3.0) {
            let number = |stored: f64| Inexact { stored, range: Enclosure { lower: stored - off, upper: stored + off } };
            let a = Range { lower: Dyadic::of(x), upper: Dyadic::of(x + off) };
            let y = Reals.rescale(&a, &number(f), &number(t));
            for (f, x, t) in [(f - off, x, t), (f + off, x + off, t - off), (f, x, t + off)] {
                let value = exact(f).unwrap() * exact(x).unwrap() + exact(t).unwrap();
                prop_assert!(y.lower.value() <= value && value <= y.upper.value());
            }
            for sign in [-1.0, 1.0] {
                let size = Reals.abs(&Range { lower: Dyadic::of((sign * x).min(0.5)), upper: Dyadic::of(0.5f64.max(sign * x)) });
                prop_assert!(size.lower.value() <= exact(x.abs()).unwrap() && exact(x.abs()).unwrap() <= size.upper.value());
            }
        }
    }

    #[test]
    fn ends_of_the_format() {
        for x in [0.0, -0.0, 1.0, -0.1, f64::MAX, f64::from_bits(1), 1e-310] {
            assert_eq!(Dyadic::of(x).value(), exact(x).unwrap(), "{x}");
        }
    }
}
