//! What sums `Σ_j φ(|x_j − c_j|)` of a stored curve can be at given distances.
//!
//! The curve is compared with `a t^p` once, on every difference that can
//! occur: `a t^p − below ≤ φ(t)` up to a cut and `φ(t) ≤ a t^p + above`
//! everywhere. Then the distance alone, in the norm with exponent `p`, bounds
//! the sum over all features: either all differences lie below the cut, or one
//! alone gives the value there. The curve is linear and the power convex
//! between two bends, so the gap between them is widest above at a place where
//! the slopes agree, and widest below at a bend.

use crate::{
    Enclosure, Norm, Precision,
    certify::arithmetic::{Interval, IntervalArithmetic, plus, product},
    network::PowerCurve,
    number::{
        add_down, add_up, div_down, div_up, mul_down, mul_up, powers::Exponent, sqrt_up, sub_down, sub_up,
    },
};

/// Powers beyond these say nothing: they may have left the normal range.
const SMALL: f64 = 1e-250;
const LARGE: f64 = 1e250;

/// Bounds of the sums of one curve over `n` features.
#[derive(Clone, Debug)]
pub(in crate::certify) struct CurveSums {
    exponent: Exponent,
    /// `a`.
    factor: Interval,
    /// What rounding adds to `a t^p`, relative to it.
    steps: f64,
    /// `n` times `below` and `above`, with rounding errors that are relative
    /// to nothing.
    below: f64,
    above: f64,
    /// Not above `φ`, as computed but for relative errors, of any computed
    /// difference beyond the cut.
    beyond: f64,
    /// `n` times what takes the place of `below` where no cut is made.
    uncut: f64,
    /// Relative rounding error of a sum over features.
    gamma: f64,
    /// Relative and absolute rounding error of a distance.
    unit: f64,
    shift: f64,
    features: f64,
}

impl CurveSums {
    /// Bounds for balls of `norm` where no difference exceeds `range`; `None`
    /// when none are known.
    pub fn new(
        curve: &PowerCurve,
        precision: Precision,
        features: usize,
        range: f64,
        norm: Norm,
    ) -> Option<Self> {
        if !curve.is_valid(precision) || !range.is_finite() || range < 0.0 {
            return None;
        }
        let exponent = Exponent::new(match (curve, norm) {
            (PowerCurve::Hinges { .. }, Norm::Lp(p)) => p,
            _ => 2.0,
        });
        let arithmetic = IntervalArithmetic { precision };
        let (n, unit) = (features as f64, precision.unit_roundoff());
        let tiny = precision.smallest_subnormal();
        let mut sums = Self {
            exponent,
            factor: Interval::point(1.0),
            steps: 0.0,
            below: 0.0,
            above: 0.0,
            beyond: f64::INFINITY,
            uncut: f64::INFINITY,
            gamma: 0.0,
            unit: mul_up(4.0, unit),
            shift: 0.0,
            features: n,
        };
        // Differences are rounded.
        let range = mul_up(range, add_up(1.0, sums.unit));
        let (most, rounding) = match curve {
            PowerCurve::Hinges { knots, weights } => {
                // A difference, a product, a sum over hinges and one over features.
                sums.gamma = arithmetic.gamma(features.checked_add(knots.len())?.checked_add(6)?)?;
                // A product may underflow.
                (sums.beside_hinges(knots, weights, range), mul_up(2.0 * knots.len() as f64, tiny))
            }
            &PowerCurve::Sawtooth { inverse, levels } => {
                sums.gamma = arithmetic.gamma(features.checked_add(4)?)?;
                sums.factor = Interval { lower: mul_down(inverse, inverse), upper: mul_up(inverse, inverse) };
                // No distance is known from a factor that may be 0, or less after rounding.
                if !(sums.factor.lower > SMALL && sums.factor.upper < LARGE) {
                    return None;
                }
                // A product by `inverse` may underflow.
                sums.shift = mul_up(n, div_up(mul_up(2.0, tiny), inverse));
                // Beyond 1 the first tooth falls below 0, the others are 0 and
                // the rest is at least g, give or take three roundings.
                let largest = mul_up(inverse, range);
                sums.beyond = if largest <= 1.0 { f64::INFINITY } else { sub_down(1.0, sums.unit) };
                let most = mul_up(2.0, largest).max(2.0);
                // Up to 1 every tooth is exact: doubling is, and 2 − v for
                // 1 ≤ v ≤ 2. What is left after tooth s is at most
                // g² + 4^−(s+1), and is rounded to nearest once.
                let rounded = mul_up(1.02, unit);
                sums.steps = mul_up(rounded, levels as f64);
                sums.above = PowerCurve::share(levels + 1);
                (most, add_up(mul_up(rounded, 1.0 / 11.0), mul_up(2.0 * (levels as f64 + 1.0), tiny)))
            }
        };
        for gap in [&mut sums.below, &mut sums.uncut, &mut sums.above] {
            *gap = mul_up(n, add_up(*gap, rounding));
        }
        sums.beyond = sub_down(sums.beyond, rounding);
        // Nothing on the way to the sum may overflow.
        let finite = sums.below.is_finite() && sums.above.is_finite();
        (finite && mul_up(4.0 * n, most) <= precision.largest()).then_some(sums)
    }

    /// The norm whose distances bound the sums.
    pub fn norm(&self) -> Norm {
        match self.exponent.value {
            2.0 => Norm::L2,
            p => Norm::Lp(p),
        }
    }

    /// Sets how far `Σ w relu(t − knot)` is at most below `t^p` up to the cut,
    /// below it and above it on `[0, range]`, and what is known beyond the cut;
    /// returns the largest value.
    fn beside_hinges(&mut self, knots: &[f64], weights: &[f64], range: f64) -> f64 {
        let mut hinges: Vec<(f64, f64)> = knots.iter().copied().zip(weights.iter().copied()).collect();
        hinges.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ends = hinges.iter().skip(1).map(|h| h.0.min(range)).chain([range]);
        let first = hinges.first().map_or(range, |h| h.0.min(range));
        let mut below = self.power(first).upper;
        let (mut above, mut value, mut slope) = (0.0_f64, Interval::ZERO, Interval::ZERO);
        let mut last = (first, value, slope);
        for (&(knot, weight), end) in hinges.iter().zip(ends) {
            let start = knot.min(range);
            slope = plus(slope, Interval::point(weight));
            above = above.max(self.most_above(start, end, value, slope));
            below = below.max(sub_up(self.power(start).upper, value.lower));
            last = (start, value, slope);
            value = along(value, slope, start, end);
        }
        // The cut: the last place where the line behind the last bend is not
        // below the power, about; whatever is found is a cut.
        let (start, at_start, slope) = last;
        let gap = |t: f64| sub_up(self.power(t).upper, along(at_start, slope, start, t).lower);
        let (mut low, mut high) = (start, range);
        let uncut = below.max(gap(range)).max(0.0);
        if uncut > below {
            for _ in 0..100 {
                let middle = low + (high - low) / 2.0;
                if gap(middle) <= below { low = middle } else { high = middle }
            }
            // A difference just beyond may be rounded to one just below.
            let near = mul_down(low, sub_down(1.0, self.unit));
            self.beyond = if near >= start { along(at_start, slope, start, near).lower } else { 0.0 };
        }
        (self.below, self.uncut, self.above) = (below.max(0.0), uncut, above);
        value.upper
    }

    /// A bound above of `value + slope (t − start) − t^p` for `t` from `start`
    /// to `end`: a concave function lies below each of its tangents.
    fn most_above(&self, start: f64, end: f64, value: Interval, slope: Interval) -> f64 {
        let p = self.exponent.value;
        let guess = (slope.upper / p).powf(1.0 / (p - 1.0));
        let place = if guess.is_nan() { start } else { guess.clamp(start, end) };
        let power = self.power(place);
        let along = mul_up(slope.upper, sub_up(place, start));
        let here = sub_up(add_up(value.upper, along), power.lower);
        if place == 0.0 {
            return add_up(here, mul_up(slope.upper, end));
        }
        let falling = Interval {
            lower: div_down(mul_down(p, power.lower), place),
            upper: div_up(mul_up(p, power.upper), place),
        };
        let right = mul_up(sub_up(slope.upper, falling.lower).max(0.0), sub_up(end, place));
        let left = mul_up(sub_up(falling.upper, slope.lower).max(0.0), sub_up(place, start));
        add_up(here, right.max(left))
    }

    /// `t^p` for `t ≥ 0`.
    fn power(&self, t: f64) -> Interval {
        let [power] = self.exponent.raise([t]);
        let error = mul_up(2.0, self.exponent.error);
        let (lower, upper) = (mul_down(power, sub_down(1.0, error)), mul_up(power, add_up(1.0, error)));
        match (lower > SMALL, upper < LARGE) {
            _ if t == 0.0 => Interval::ZERO,
            (true, true) => Interval { lower, upper },
            (true, false) => Interval { lower: LARGE.min(lower), upper: f64::INFINITY },
            (false, true) => Interval { lower: 0.0, upper: upper.max(2.0 * SMALL) },
            (false, false) => Interval { lower: 0.0, upper: f64::INFINITY },
        }
    }

    /// A number not below `v^(1/p)`.
    fn root_up(&self, v: f64) -> f64 {
        self.near_root(v, |t| self.power(t).lower >= v, |t, step| mul_up(t, add_up(1.0, step)))
            .unwrap_or(f64::INFINITY)
    }

    /// A number not above `v^(1/p)`.
    fn root_down(&self, v: f64) -> f64 {
        self.near_root(v, |t| self.power(t).upper <= v, |t, step| mul_down(t, sub_down(1.0, step)))
            .unwrap_or(0.0)
    }

    /// The first number that `holds`, from `v^(1/p)` on in growing steps.
    fn near_root(&self, v: f64, holds: impl Fn(f64) -> bool, on: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let mut t = v.max(0.0).powf(1.0 / self.exponent.value);
        let mut step = f64::EPSILON;
        while !holds(t) {
            t = on(t, step);
            step *= 2.0;
            if !(t.is_finite() && step < 0.5) {
                return None;
            }
        }
        Some(t)
    }

    /// How far points of a ball of `norm` with this radius may be from its
    /// center here, features being moved by up to `roundings` besides.
    pub fn reach(&self, radius: f64, norm: Norm, roundings: impl Iterator<Item = f64>) -> f64 {
        let p = self.exponent.value;
        let inside = match norm {
            Norm::L1 => true,
            Norm::L2 => p >= 2.0,
            Norm::Lp(q) => q <= p,
            Norm::Linf => false,
        };
        // A ball of any norm lies in that of the sup norm.
        let radius = if inside { radius } else { mul_up(radius, self.root_up(self.features)) };
        // No norm exceeds the sum, nor one with p ≥ 2 the Euclidean.
        let (sum, squares) =
            roundings.fold((0.0, 0.0), |(sum, squares), r| (add_up(sum, r), add_up(squares, mul_up(r, r))));
        add_up(radius, if p >= 2.0 { sum.min(sqrt_up(squares)) } else { sum })
    }

    /// A number not above the share of one difference in `distance^p`.
    pub fn share(&self, difference: f64) -> f64 {
        self.power(difference.max(0.0)).lower
    }

    /// A number that shares must reach for the distance to be at least `distance`.
    pub fn enough(&self, distance: f64) -> f64 {
        self.power(distance.max(0.0)).upper
    }

    /// The distance of two points whose differences lie in these intervals.
    pub fn distance(&self, differences: impl Iterator<Item = (f64, f64)>) -> Enclosure {
        let (mut lower, mut upper, mut sum, mut largest) = (0.0, 0.0, 0.0, 0.0_f64);
        for (least, most) in differences {
            lower = add_down(lower, self.power(least.max(0.0)).lower);
            upper = add_up(upper, self.power(most).upper);
            sum = add_up(sum, most);
            largest = largest.max(least);
        }
        // The norm lies between the largest difference and their sum.
        Enclosure { lower: self.root_down(lower).max(largest), upper: self.root_up(upper).min(sum) }
    }

    /// The computed sum at distances from `nearest` to `farthest`, and that in
    /// real arithmetic.
    pub fn between(&self, nearest: f64, farthest: f64) -> Interval {
        let near = sub_down(mul_down(nearest.max(0.0), sub_down(1.0, self.unit)), self.shift);
        let far = add_up(mul_up(farthest.max(0.0), add_up(1.0, self.unit)), self.shift);
        let least = mul_down(mul_down(self.factor.lower, self.power(near.max(0.0)).lower), 1.0 - self.steps);
        let most = mul_up(mul_up(self.factor.upper, self.power(far).upper), add_up(1.0, self.steps));
        let least = sub_down(least, self.below).min(self.beyond).max(sub_down(least, self.uncut));
        Interval {
            lower: mul_down(least, sub_down(1.0, self.gamma)).max(0.0),
            upper: mul_up(add_up(most, self.above), add_up(1.0, self.gamma)),
        }
    }

    /// A distance from which on the computed sum is at least `sum`.
    pub fn distance_for(&self, sum: f64) -> f64 {
        let needed = div_up(sum, sub_down(1.0, self.gamma));
        let least = add_up(needed, if needed > self.beyond { self.uncut } else { self.below });
        let power = div_up(div_up(least, sub_down(1.0, self.steps)), self.factor.lower);
        div_up(add_up(self.root_up(power), self.shift), sub_down(1.0, self.unit))
    }
}

/// `value + slope (end − start)`.
fn along(value: Interval, slope: Interval, start: f64, end: f64) -> Interval {
    plus(value, product(slope, Interval::difference(end, start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(curve: &PowerCurve, t: f64) -> f64 {
        match curve {
            PowerCurve::Hinges { knots, weights } => {
                knots.iter().zip(weights).map(|(k, w)| w * (t - k).max(0.0)).sum()
            }
            PowerCurve::Sawtooth { inverse, levels } => {
                let (mut g, mut sum) = (inverse * t, inverse * t);
                for level in 1..=*levels {
                    let tooth = (2.0 * g).min(2.0 - 2.0 * g);
                    sum -= PowerCurve::share(level) * tooth;
                    g = tooth.max(0.0);
                }
                sum
            }
        }
    }

    fn curves() -> impl Strategy<Value = PowerCurve> {
        let hinges = prop::collection::vec((0.0f64..2.0, 0.0f64..3.0), 1..12).prop_map(|pairs| {
            let (knots, weights) = pairs.into_iter().unzip();
            PowerCurve::Hinges { knots, weights }
        });
        let teeth =
            (0.3f64..1.2, 1usize..9).prop_map(|(inverse, levels)| PowerCurve::Sawtooth { inverse, levels });
        prop_oneof![hinges, teeth]
    }

    proptest! {
        /// CurveSums of arbitrary curves lie within the bounds from the distance.
        #[test]
        fn sums_lie_within(
            curve in curves(),
            x in prop::collection::vec(0.0f64..1.6, 1..6),
            p in prop_oneof![Just(2.0), 1.1f64..6.0],
        ) {
            let norm = Norm::lp(p).unwrap();
            let Some(sums) = CurveSums::new(&curve, Precision::F64, x.len(), 1.6, norm) else {
                return Err(TestCaseError::fail("no bounds"));
            };
            let distance = sums.distance(x.iter().map(|&t| (t, t)));
            prop_assert!(distance.lower <= distance.upper && distance.upper <= distance.lower * (1.0 + 1e-12));
            let bounds = sums.between(distance.lower, distance.upper);
            let sum: f64 = x.iter().map(|&t| value(&curve, t)).sum();
            prop_assert!(bounds.lower <= sum && sum <= bounds.upper, "{bounds:?} {sum}");
            let enough = sums.distance_for(sum);
            prop_assert!(enough.is_infinite() || sums.between(enough, 9.0).lower >= sum);
        }

        /// Where the curve is one of the theorem's the bounds are tight.
        #[test]
        fn bounds_of_interpolated_powers_are_tight(count in 1usize..40, p in 1.2f64..5.0) {
            let ends: Vec<f64> = (0..=count).map(|i| i as f64 / count as f64).collect();
            let slopes: Vec<f64> = ends
                .windows(2)
                .map(|e| (e[1].powf(p) - e[0].powf(p)) / (e[1] - e[0]))
                .collect();
            let weights = (0..count).map(|i| if i == 0 { slopes[0] } else { slopes[i] - slopes[i - 1] }).collect();
            let curve = PowerCurve::Hinges { knots: ends[..count].to_vec(), weights };
            let sums = CurveSums::new(&curve, Precision::F64, 1, 1.0, Norm::lp(p).unwrap()).unwrap();
            prop_assert!(sums.below < 1e-12, "{}", sums.below);
            let most = (0..=1000)
                .map(|i| f64::from(i) / 1000.0)
                .map(|t| value(&curve, t) - t.powf(p))
                .fold(0.0, f64::max);
            prop_assert!(sums.above >= most && sums.above <= most * 1.1 + 1e-4, "{} {most}", sums.above);
        }
    }
}
