//! What rounding can do to one sum of the network, in any order.
//!
//! Two facts keep the bound close. In execution every number of the network is
//! a multiple of some power of two, its *grid*: numbers of a format that are
//! not small are, sums and products of multiples are again, and rounding a
//! multiple gives one. And multiples of `g` up to `2^p g` are numbers of a
//! format with `p` digits, so sums that stay below are exact: maxima of scores
//! of similar size, `relu(a − b) + b`, lose nothing. Where a sum is not exact,
//! each of its roundings is off by at most half the gap between numbers of the
//! size that a partial sum can have.

use super::interval::{Interval, IntervalArithmetic, magnitude};
use crate::{
    Precision,
    number::{add_down, add_up, mul_down, mul_up},
};

/// A number that a sum reads and the weight it counts with.
#[derive(Clone, Copy, Debug)]
pub(in crate::certify) struct Term {
    pub weight: f64,
    pub value: Interval,
    pub grid: f64,
}

/// What is known of a computed sum.
#[derive(Clone, Copy, Debug)]
pub(in crate::certify) struct Rounding {
    /// How far it may lie from the exact sum of the same numbers.
    pub slack: f64,
    /// A power of two it is a multiple of.
    pub grid: f64,
}

/// The power of two not above `|x|`, or at most the smallest normal number.
fn floor(x: f64) -> f64 {
    let power = f64::from_bits(x.to_bits() & f64::INFINITY.to_bits());
    if power == 0.0 { f64::MIN_POSITIVE.min(x.abs()) } else { power }
}

/// The largest power of two that `x` is a multiple of; infinite for 0.
fn lowest_bit(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY;
    }
    let bits = x.abs().to_bits();
    let below = f64::from_bits(bits & (bits - 1));
    if bits & ((1 << 52) - 1) == 0 { x.abs() } else { x.abs() - below }
}

/// A power of two that all numbers of the format in an interval are multiples
/// of.
pub(in crate::certify) fn grid(precision: Precision, value: Interval) -> f64 {
    let least = value.lower.max(-value.upper);
    if least > 0.0 && least.is_finite() {
        (floor(least) * (2.0 * precision.unit_roundoff())).max(precision.smallest_subnormal())
    } else {
        precision.smallest_subnormal()
    }
}

/// What rounding does to a sum of `terms` and `bias`, if nothing overflows;
/// `None` where something may.
///
/// `positive(sign)` may bound the sum of all terms of one sign where no part of
/// it can be larger; it is asked where that may show that less is rounded.
pub(in crate::certify) fn rounding(
    arithmetic: IntervalArithmetic,
    terms: impl Iterator<Item = Term> + Clone,
    bias: f64,
    positive: impl Fn(f64) -> Option<f64>,
) -> Option<Rounding> {
    let precision = arithmetic.precision;
    let (unit, smallest) = (precision.unit_roundoff(), precision.smallest_subnormal());
    // Sizes of all terms, of the largest, of those whose products may be
    // rounded, and of the sums of the terms of either sign.
    let (mut size, mut largest, mut inexact) = (bias.abs(), bias.abs(), 0.0);
    let (mut above, mut below) = (bias.max(0.0), (-bias).max(0.0));
    let (mut lower, mut upper) = (bias, bias);
    let (mut count, mut fine) = (usize::from(bias != 0.0), lowest_bit(bias));
    for Term { weight, value, grid } in terms {
        let (a, b) = if weight > 0.0 { (value.lower, value.upper) } else { (value.upper, value.lower) };
        let (least, most) = (mul_down(weight, a), mul_up(weight, b));
        let part = mul_up(weight.abs(), magnitude(value));
        let step = lowest_bit(weight) * grid;
        size = add_up(size, part);
        largest = part.max(largest);
        if step < smallest || weight.abs() != lowest_bit(weight) && part > step / unit {
            inexact = add_up(inexact, part);
        }
        above = add_up(above, most.max(0.0));
        below = add_up(below, (-least).max(0.0));
        upper = add_up(upper, most);
        lower = add_down(lower, least);
        fine = fine.min(step.max(smallest));
        count += 1;
    }
    let sums = count.saturating_sub(1);
    let tiny = if inexact > 0.0 { mul_up(4.0 * (count + 1) as f64, smallest) } else { 0.0 };
    let gamma = arithmetic.gamma(sums + usize::from(inexact > 0.0))?;
    let relative = add_up(mul_up(size, gamma), tiny);
    // Half, so that no partial sum is rounded to infinity either. An infinite
    // size without a rounding leaves no number.
    let reached = add_up(size, relative);
    if reached.is_nan() || reached > precision.largest() / 2.0 {
        return None;
    }
    if sums == 0 && inexact == 0.0 {
        return Some(Rounding { slack: 0.0, grid: fine });
    }
    // Rounding to nearest is off by at most half the gap between numbers of the
    // size, and not off where all multiples of the grid are such numbers.
    let off = |size: f64| {
        if inexact == 0.0 && size <= fine / unit { 0.0 } else { mul_up(unit, floor(size)) }
    };
    let whole = add_up(upper.abs().max(lower.abs()), relative);
    let mut slack = add_up(add_up(mul_up(inexact, unit), off(whole)), tiny);
    if count > 2 {
        let mut partial = above.max(below);
        if off(largest) < off(add_up(partial, relative)) {
            let closer = |sign: f64, plain: f64| positive(sign).map_or(plain, |sum| plain.min(sum));
            partial = closer(1.0, above).max(closer(-1.0, below));
        }
        slack = add_up(slack, mul_up((sums - 1) as f64, off(add_up(partial, relative))));
    }
    Some(Rounding { slack: slack.min(relative), grid: fine })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{certify::tests::Machine, network::Arithmetic, number::random::Random};
    use proptest::prelude::*;

    fn of(terms: &[(f64, f64)], bias: f64) -> Rounding {
        let precision = Precision::F32;
        let terms = terms.iter().map(|&(weight, x)| {
            let value = Interval::point(x);
            Term { weight, value, grid: grid(precision, value) }
        });
        rounding(IntervalArithmetic { precision }, terms, bias, |_| None).unwrap()
    }

    proptest! {
        #[test]
        fn sums_in_any_order_are_no_farther_off_and_on_the_grid(
            terms in prop::collection::vec((-8i16..8, any::<i16>(), -3i32..12), 1..7),
            digits in 0u32..3,
            bias in -2i8..3,
            choice in any::<u64>(),
        ) {
            // Weights with few bits or many; values of similar size or not.
            let terms: Vec<(f32, f32)> = terms
                .iter()
                .map(|&(w, v, e)| {
                    let w = [f32::from(w.signum()), f32::from(w), f32::from(w) / 3.0][digits as usize];
                    (w, (24_000.0 + f32::from(v) / 4.0) * 2f32.powi(e))
                })
                .filter(|(w, _)| *w != 0.0)
                .collect();
            let bias = f32::from(bias);
            let wide: Vec<(f64, f64)> = terms.iter().map(|&(w, v)| (w.into(), v.into())).collect();
            let bound = of(&wide, bias.into());
            let mut random = Random::new(choice);
            let computed = Machine::new(Precision::F32, &mut random).dot(&f64::from(bias), &wide);
            // Products of binary32 numbers are exact, and their sums nearly.
            let exact: f64 = wide.iter().map(|(w, v)| w * v).sum::<f64>() + f64::from(bias);
            let near = wide.iter().map(|(w, v)| (w * v).abs()).sum::<f64>() * 1e-15;
            prop_assert!((computed - exact).abs() <= bound.slack + near, "{bound:?}");
            let multiple = computed / bound.grid;
            prop_assert_eq!(multiple, multiple.round());
        }
    }

    #[test]
    fn maxima_of_numbers_of_similar_size_are_exact() {
        let (a, b) = (40.0 + 2f64.powi(-18), 33.0 + 3.0 * 2f64.powi(-18));
        assert_eq!(of(&[(1.0, a), (-1.0, b)], 0.0).slack, 0.0);
        assert_eq!(of(&[(1.0, a), (1.0, -b), (1.0, b)], 0.0).slack, 2f64.powi(-18));
        // One rounding of a number between 64 and 128.
        assert_eq!(of(&[(1.0, a), (1.0, b)], 0.0).slack, 2f64.powi(-18));
    }

    #[test]
    fn sums_of_whole_numbers_are_exact_up_to_their_digits() {
        let of = |value: f64| {
            let term = |weight: f64| Term { weight, value: Interval { lower: 0.0, upper: value }, grid: 1.0 };
            let arithmetic = IntervalArithmetic { precision: Precision::F32 };
            rounding(arithmetic, [3.0, -7.0, 1.0].map(term).into_iter(), 2.0, |_| None).unwrap()
        };
        assert_eq!((of(100.0).slack, of(100.0).grid), (0.0, 1.0));
        assert!(of(1e7).slack > 0.0);
    }
}
