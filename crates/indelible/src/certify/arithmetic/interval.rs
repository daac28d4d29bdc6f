//! Intervals that contain a real result and every floating-point result.
//!
//! An [`Interval`] of a neuron contains its value in real arithmetic and in
//! the network's format, for all points of a ball and for every order of
//! summation, with or without fused multiply-add.
//!
//! What is used of floating point: rounding to nearest is monotone; adding an
//! exact 0 is exact; a sum of `t` numbers in any order is `Σ v_i (1 + θ_i)`
//! with `|θ_i| ≤ γ = (t−1)u / (1 − (t−1)u)` (Higham, *Accuracy and Stability of
//! Numerical Algorithms*, §4.2); sums of numbers of the format do not underflow,
//! and fused products are taken to such numbers where they are small.

use crate::{
    Precision,
    number::{add_down, add_up, div_up, mul_down, mul_up, sub_down, sub_up},
};

/// A closed interval `[lower, upper]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::certify) struct Interval {
    pub lower: f64,
    pub upper: f64,
}

impl Interval {
    pub const ZERO: Self = Self { lower: 0.0, upper: 0.0 };

    pub const fn point(value: f64) -> Self {
        Self { lower: value, upper: value }
    }

    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// `relu` of every value.
    pub fn relu(self) -> Self {
        Self { lower: self.lower.max(0.0), upper: self.upper.max(0.0) }
    }

    /// The mirror image at 0.
    pub fn negated(self) -> Self {
        Self { lower: -self.upper, upper: -self.lower }
    }

    pub fn intersect(self, other: Self) -> Self {
        Self { lower: self.lower.max(other.lower), upper: self.upper.min(other.upper) }
    }

    /// The smallest interval that contains both.
    pub fn hull(self, other: Self) -> Self {
        Self { lower: self.lower.min(other.lower), upper: self.upper.max(other.upper) }
    }

    /// The larger of two numbers.
    pub fn max(self, other: Self) -> Self {
        Self { lower: self.lower.max(other.lower), upper: self.upper.max(other.upper) }
    }

    /// With room for an error of up to `error`.
    pub fn widened(self, error: f64) -> Self {
        Self { lower: sub_down(self.lower, error), upper: add_up(self.upper, error) }
    }

    /// `a − b`.
    pub fn difference(a: f64, b: f64) -> Self {
        Self { lower: sub_down(a, b), upper: sub_up(a, b) }
    }
}

/// Products below this are taken outward to numbers of the format; well above
/// 2⁻¹²⁴.
const SMALL_PRODUCT: f64 = 1e-30;

/// Floating-point arithmetic of one format, on intervals.
#[derive(Clone, Copy, Debug)]
pub(in crate::certify) struct IntervalArithmetic {
    pub precision: Precision,
}

impl IntervalArithmetic {
    /// `w · x`, exact (as in a fused multiply-add or in the reals) or rounded.
    pub fn product(self, w: f64, x: Interval) -> Interval {
        match w {
            1.0 => x,
            -1.0 => x.negated(),
            _ if w >= 0.0 => self.or_rounded(mul_down(w, x.lower), mul_up(w, x.upper)),
            _ => self.or_rounded(mul_down(w, x.upper), mul_up(w, x.lower)),
        }
    }

    /// The hull of an interval and of its values rounded to the format.
    ///
    /// Small ends are moved to numbers of the format. A fused product is not
    /// one, and where the sum it goes into is subnormal the rounding error is
    /// not relative to anything; but rounding is monotone, so the sum does not
    /// exceed that with the number above in its place, and adding numbers of
    /// the format is exact down there. From 2⁻¹²⁴ on in binary32 the error is
    /// relative again. (In binary64 products this small are rounded outward to
    /// the next number already.)
    fn or_rounded(self, lower: f64, upper: f64) -> Interval {
        let (precision, small) = (self.precision, |x: f64| x.abs() < SMALL_PRODUCT);
        Interval {
            lower: if small(lower) { precision.round_down(lower) } else { lower.min(precision.round(lower)) },
            upper: if small(upper) { precision.round_up(upper) } else { upper.max(precision.round(upper)) },
        }
    }

    /// `γ` for values that go through `roundings` roundings; `None` when there
    /// are too many for a bound.
    pub fn gamma(self, roundings: usize) -> Option<f64> {
        let error = mul_up(roundings as f64, self.precision.unit_roundoff());
        (error < 0.5).then(|| div_up(error, sub_down(1.0, error)))
    }

    /// `bias + Σ w · x` of pairs `(w, x)`, in any order, products fused or not;
    /// `None` as of [`sum`](Self::sum). `buffer` is any vector.
    pub fn affine(
        self,
        pairs: impl Iterator<Item = (f64, Interval)>,
        bias: f64,
        buffer: &mut Vec<Interval>,
    ) -> Option<Interval> {
        buffer.clear();
        buffer.extend(pairs.map(|(w, x)| self.product(w, x)));
        buffer.push(Interval::point(bias));
        self.sum(buffer)
    }

    /// The sum of `terms` in any order; `None` when it may overflow upwards or
    /// no bound is known.
    pub fn sum(self, terms: &[Interval]) -> Option<Interval> {
        if let Some(exact) = self.exact_sum(terms) {
            return Some(Interval::point(exact));
        }
        let upper = self.sum_upper(terms.iter().copied())?;
        let lower = -self.sum_upper(terms.iter().map(|t| t.negated())).unwrap_or(f64::INFINITY);
        Some(Interval { lower, upper })
    }

    /// The sum of integers of which no partial sum leaves the integers that the
    /// format holds one by one: nothing is rounded, in any order.
    fn exact_sum(self, terms: &[Interval]) -> Option<f64> {
        let most = 1.0 / self.precision.unit_roundoff();
        let (mut sum, mut size) = (0.0, 0.0);
        for term in terms {
            let value = term.lower;
            size += value.abs();
            // Not even `most` itself: sizes beyond it may round down to it.
            if term.upper != value || value.fract() != 0.0 || size >= most {
                return None;
            }
            sum += value;
        }
        Some(sum)
    }

    /// An upper bound of the sum of `terms`.
    ///
    /// Two bounds are tried. One keeps all terms. The other keeps those that
    /// may be positive and the one that is surely most negative: in any order,
    /// leaving out a term that is not positive can only raise the result. It
    /// is the better one when a large violation meets many small ones.
    fn sum_upper(self, terms: impl Iterator<Item = Interval> + Clone) -> Option<f64> {
        let nonzero = terms.filter(|t| !t.is_zero());
        let positive = nonzero.clone().filter(|t| t.upper > 0.0);
        let least = nonzero.clone().filter(|t| t.upper <= 0.0).map(|t| t.upper).reduce(f64::min);
        let most = self.uppers_summed(positive.clone().map(|t| t.upper))?;
        if most > self.precision.largest() {
            return None;
        }
        if least.is_none() {
            return Some(most);
        }
        let few = self.uppers_summed(positive.map(|t| t.upper).chain(least))?;
        Some(self.uppers_summed(nonzero.map(|t| t.upper)).map_or(few, |all| few.min(all)))
    }

    /// An upper bound of a sum in any order of numbers not above `uppers`, or
    /// of numbers between the exact and the rounded product where `uppers` are
    /// such bounds.
    fn uppers_summed(self, uppers: impl Iterator<Item = f64> + Clone) -> Option<f64> {
        let mut few = uppers.clone();
        match (few.next(), few.next(), few.next()) {
            (None, _, _) => return Some(0.0),
            (Some(one), None, _) => return Some(one),
            // One rounding to nearest, which is monotone.
            (Some(one), Some(two), None) => {
                let sum = add_up(one, two);
                return Some(sum.max(self.precision.round(sum)));
            }
            _ => {}
        }
        let gamma = self.gamma(uppers.clone().count() - 1)?;
        let (more, less) = (add_up(1.0, gamma), sub_down(1.0, gamma));
        Some(uppers.fold(0.0, |sum, upper| {
            add_up(sum, if upper > 0.0 { mul_up(upper, more) } else { mul_up(upper, less) })
        }))
    }
}

/// The largest size of a number in the interval.
pub(in crate::certify) fn magnitude(x: Interval) -> f64 {
    x.lower.abs().max(x.upper.abs())
}

/// The product of two intervals, rounded outward.
pub(in crate::certify) fn product(a: Interval, b: Interval) -> Interval {
    let corners = [(a.lower, b.lower), (a.lower, b.upper), (a.upper, b.lower), (a.upper, b.upper)];
    Interval {
        lower: corners.iter().map(|&(x, y)| mul_down(x, y)).fold(f64::INFINITY, f64::min),
        upper: corners.iter().map(|&(x, y)| mul_up(x, y)).fold(f64::NEG_INFINITY, f64::max),
    }
}

/// The product of a number and an interval, rounded outward.
pub(in crate::certify) fn scaled(w: f64, x: Interval) -> Interval {
    product(Interval::point(w), x)
}

/// The sum of two intervals, rounded outward.
pub(in crate::certify) fn plus(a: Interval, b: Interval) -> Interval {
    Interval { lower: add_down(a.lower, b.lower), upper: add_up(a.upper, b.upper) }
}

/// A sum of numbers that have an index each, with coefficients that lie within.
pub(in crate::certify) type Coefficients = Vec<(usize, Interval)>;

/// Adds up the coefficients of equal indices.
pub(in crate::certify) fn merged(mut terms: Coefficients) -> Coefficients {
    terms.sort_by_key(|(index, _)| *index);
    let sum = |same: &[(usize, Interval)]| same[1..].iter().fold(same[0].1, |sum, (_, w)| plus(sum, *w));
    terms.chunk_by(|a, b| a.0 == b.0).map(|same| (same[0].0, sum(same))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{certify::tests::Machine, network::Arithmetic, number::random::Random};
    use proptest::prelude::*;

    const SINGLE: IntervalArithmetic = IntervalArithmetic { precision: Precision::F32 };

    proptest! {
        #[test]
        fn every_order_lies_inside(
            terms in prop::collection::vec((-1e3f32..1e3, -1e3f32..1e3, 0.0f32..1.0), 1..12),
            choice in any::<u64>(),
        ) {
            let intervals: Vec<Interval> = terms
                .iter()
                .map(|&(a, b, _)| Interval { lower: f64::from(a.min(b)), upper: f64::from(a.max(b)) })
                .collect();
            let values: Vec<f32> =
                terms.iter().map(|&(a, b, t)| (a.min(b) + t * (b - a).abs()).clamp(a.min(b), a.max(b))).collect();
            let exact: f64 = values.iter().map(|&v| f64::from(v)).sum();
            let bound = SINGLE.sum(&intervals).unwrap();
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let computed = Machine::new(Precision::F32, &mut Random::new(choice)).sum(&values);
            prop_assert!(bound.lower <= computed && computed <= bound.upper);
            prop_assert!(bound.lower <= exact + 1e-9 && exact - 1e-9 <= bound.upper);
        }

        #[test]
        fn products_rounded_or_not_lie_inside(w in any::<f32>(), x in any::<f32>()) {
            prop_assume!(w.is_finite() && x.is_finite());
            let bound = SINGLE.product(f64::from(w), Interval::point(f64::from(x)));
            prop_assert!(bound.lower <= f64::from(w * x) && f64::from(w * x) <= bound.upper);
            let exact = f64::from(w) * f64::from(x);
            prop_assert!(bound.lower <= exact && exact <= bound.upper);
        }
    }

    /// Eight fused products of 1 and ½ units of the smallest number: each half
    /// is a tie, and on an odd sum it is rounded up.
    #[test]
    fn fused_products_of_subnormals_lie_inside() {
        let unit = f32::from_bits(1);
        let half = |w: f64| SINGLE.product(w, Interval::point(f64::from(unit)));
        let terms: Vec<Interval> = (0..8).map(|i| half(if i % 2 == 0 { 1.0 } else { 0.5 })).collect();
        let fused = (0..8).fold(0.0f32, |sum, i| unit.mul_add(if i % 2 == 0 { 1.0 } else { 0.5 }, sum));
        assert_eq!(fused, 8.0 * unit);
        let bound = SINGLE.sum(&terms).unwrap();
        assert!(bound.lower <= 4.0 * f64::from(unit) && f64::from(fused) <= bound.upper);
    }

    #[test]
    fn one_large_violation_decides() {
        // 1 − 1·1 − many small terms: at most 0 in every order, exactly.
        let mut terms = vec![Interval::point(1.0), Interval::point(-1.0)];
        terms.extend((0..2000).map(|_| Interval { lower: -1e6, upper: 0.0 }));
        assert_eq!(SINGLE.sum(&terms).unwrap().upper, 0.0);
    }

    #[test]
    fn overflow_is_no_bound() {
        let large = Interval::point(f64::from(f32::MAX));
        assert_eq!(SINGLE.sum(&[large, large]), None);
        assert_eq!(SINGLE.sum(&[large, Interval::point(-1.0)]).map(|s| s.upper), Some(large.upper));
    }
}
