//! Piecewise linear functions of one feature, and their maxima over a ball.
//!
//! On the ball of a sample a neuron that reads one feature is such a function.
//! A [`Curve`] gives it by the values at its bends, binary64 numbers between
//! which it is linear; what rounding puts between the curve and the function
//! meant is returned beside it. [`upper`] bounds a sum of curves of different
//! features: for every `λ ≥ 0` and every point `x + t` of the ball,
//!
//! ```text
//! Σ_j g_j(x_j + t_j) ≤ λ + Σ_j max_t (g_j(x_j + t) − λ (|t|/r)^p),
//! ```
//!
//! so `λ` may be sought in plain arithmetic; only the value for the one that
//! was found is rounded upward.

use super::interval::{Interval, plus, product};
use crate::{
    Norm,
    number::{add_up, div_down, div_up, mul_down, mul_up, sub_down, sub_up},
    separation::power::Exponent,
};

/// Bends of one curve, at most.
const MOST_POINTS: usize = 1 << 13;

/// A continuous function of one feature on the range of a ball.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub feature: usize,
    /// Where it bends and its values there, both ends of the range included.
    points: Vec<(f64, f64)>,
}

impl Curve {
    /// The feature itself, from `lower` to `upper`.
    pub fn identity(feature: usize, lower: f64, upper: f64) -> Self {
        let mut points = vec![(lower, lower), (upper, upper)];
        points.dedup();
        Self { feature, points }
    }

    /// An enclosure of the value at `x`, which lies within the range.
    fn at(&self, x: f64) -> Interval {
        let next = self.points.partition_point(|p| p.0 < x);
        let (Some(&b), true) = (self.points.get(next), next > 0) else {
            let end = if next == 0 { self.points.first() } else { self.points.last() };
            return Interval::point(end.map_or(f64::NAN, |p| p.1));
        };
        if b.0 == x {
            return Interval::point(b.1);
        }
        let a = self.points[next - 1];
        let share = Interval {
            lower: div_down(sub_down(x, a.0), sub_up(b.0, a.0)),
            upper: div_up(sub_up(x, a.0), sub_down(b.0, a.0)),
        };
        let rise = Interval { lower: sub_down(b.1, a.1), upper: sub_up(b.1, a.1) };
        let value = plus(Interval::point(a.1), product(share, rise));
        value.intersect(Interval { lower: a.1.min(b.1), upper: a.1.max(b.1) })
    }

    /// `Σ w f` of curves of one feature and a number not below the distance
    /// from the exact sum; `None` when it has too many bends.
    pub fn sum(feature: usize, terms: &[(f64, &Self)]) -> Option<(Self, f64)> {
        let first = terms.first()?.1;
        let (low, high) = (first.points.first()?.0, first.points.last()?.0);
        // Most curves do not bend within the ball: their sum has two values.
        let (straight, bent): (Vec<_>, Vec<_>) = terms.iter().partition(|(_, f)| f.points.len() <= 2);
        let total = |terms: &[&(f64, &Self)], x: f64| {
            terms.iter().fold(Interval::ZERO, |sum, (w, f)| plus(sum, product(Interval::point(*w), f.at(x))))
        };
        let (at_low, at_high) = (total(&straight, low), total(&straight, high));
        let mut places: Vec<f64> = bent.iter().flat_map(|(_, f)| f.points.iter().map(|p| p.0)).collect();
        places.extend([low, high]);
        places.sort_by(f64::total_cmp);
        places.dedup();
        if places.len() > MOST_POINTS {
            return None;
        }
        let mut error = 0.0_f64;
        let points = places
            .into_iter()
            .map(|x| {
                let line = if x == low {
                    at_low
                } else if x == high {
                    at_high
                } else {
                    let share = Interval {
                        lower: div_down(sub_down(x, low), sub_up(high, low)),
                        upper: div_up(sub_up(x, low), sub_down(high, low)),
                    };
                    let rise = plus(at_high, Interval { lower: -at_low.upper, upper: -at_low.lower });
                    plus(at_low, product(share, rise))
                };
                let value = plus(line, total(&bent, x));
                error = error.max(sub_up(value.upper, value.lower));
                (x, value.lower)
            })
            .collect();
        Some((Self { feature, points }, error))
    }

    /// The curve with `shift` added, and the error.
    pub fn shifted(mut self, shift: f64) -> (Self, f64) {
        let mut error = 0.0_f64;
        for (_, v) in &mut self.points {
            let (lower, upper) = (sub_down(*v, -shift), sub_up(*v, -shift));
            error = error.max(sub_up(upper, lower));
            *v = lower;
        }
        (self, error)
    }

    /// `relu` of the curve, and the error. A bend at zero that is not a
    /// binary64 number is put beside it: between the neighbouring bends the
    /// result then differs by at most the curve's size at that place.
    pub fn relu(&self) -> (Self, f64) {
        let mut error = 0.0_f64;
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(self.points.len() + 1);
        for (i, &(x, v)) in self.points.iter().enumerate() {
            if let Some(&(before, u)) = i.checked_sub(1).and_then(|i| self.points.get(i))
                && (u < 0.0 && v > 0.0 || u > 0.0 && v < 0.0)
            {
                let zero = before + (x - before) * (u / (u - v));
                if before < zero && zero < x {
                    let here = self.at(zero);
                    error = error.max(here.lower.abs().max(here.upper.abs()));
                    points.push((zero, 0.0));
                } else {
                    error = error.max(u.abs().min(v.abs()));
                }
            }
            points.push((x, v.max(0.0)));
        }
        // Bends within a run of zeros are none.
        let flat = |i: usize| points.get(i).is_some_and(|p| p.1 == 0.0);
        let kept = (0..points.len())
            .filter(|&i| i == 0 || i + 1 == points.len() || !(flat(i - 1) && flat(i) && flat(i + 1)))
            .map(|i| points[i])
            .collect();
        (Self { feature: self.feature, points: kept }, error)
    }
}

/// A ball for curves.
pub(super) struct Ball {
    pub center: Vec<f64>,
    pub radius: f64,
    pub norm: Norm,
    /// `p`, where it is more than 1 and finite.
    exponent: Option<Exponent>,
}

impl Ball {
    pub fn new(center: Vec<f64>, radius: f64, norm: Norm) -> Self {
        let exponent = match norm {
            Norm::L1 | Norm::Linf => None,
            Norm::L2 => Some(Exponent::new(2.0)),
            Norm::Lp(p) => Some(Exponent::new(p)),
        };
        Self { center, radius, norm, exponent }
    }
}

/// The curves of one feature: upper bounds of their sum where one bends and at
/// the center, relative to which places are given.
struct Feature {
    points: Vec<Point>,
}

struct Point {
    /// The place, and as an enclosure.
    t: f64,
    exact: Interval,
    /// `|t|/r`, rounded down.
    share: f64,
    value: f64,
}

impl Feature {
    fn new(ball: &Ball, terms: &[(f64, &Curve)]) -> Self {
        let center = terms.first().map_or(0.0, |(_, f)| ball.center[f.feature]);
        let mut places: Vec<f64> =
            terms.iter().flat_map(|(_, f)| f.points.iter().map(|p| p.0)).chain([center]).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let points = places
            .into_iter()
            .map(|x| {
                let exact = Interval { lower: sub_down(x, center), upper: sub_up(x, center) };
                let size = exact.lower.max(-exact.upper).max(0.0);
                let value = terms
                    .iter()
                    .fold(0.0, |sum, (w, f)| add_up(sum, product(Interval::point(*w), f.at(x)).upper));
                Point { t: x - center, exact, share: div_down(size, ball.radius), value }
            })
            .collect();
        Self { points }
    }

    fn largest(&self) -> f64 {
        self.points.iter().map(|p| p.value).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Where on a piece `value − λ (|t|/r)^p` is largest, about.
    fn top(a: &Point, b: &Point, lambda: f64, radius: f64, p: f64) -> f64 {
        let slope = (b.value - a.value) / (b.t - a.t);
        let share = (slope.abs() * radius / (lambda * p)).powf(1.0 / (p - 1.0));
        let t = share.min(2.0) * radius * slope.signum();
        if t.is_nan() { a.t } else { t.clamp(a.t.min(b.t), b.t.max(a.t)) }
    }

    /// `max_t (g − λ (|t|/r)^p)`, about.
    fn guess(&self, lambda: f64, radius: f64, p: f64) -> f64 {
        let cost = |t: f64| {
            let share = t.abs() / radius;
            lambda
                * if p == 1.0 {
                    share
                } else if p == 2.0 {
                    share * share
                } else {
                    share.powf(p)
                }
        };
        let mut best = f64::NEG_INFINITY;
        for point in &self.points {
            best = best.max(point.value - cost(point.t));
        }
        if p > 1.0 {
            for w in self.points.windows(2) {
                let t = Self::top(&w[0], &w[1], lambda, radius, p);
                let part = (t - w[0].t) / (w[1].t - w[0].t);
                best = best.max(w[0].value + part * (w[1].value - w[0].value) - cost(t));
            }
        }
        best
    }

    /// `max_t (g − λ (|t|/r)^p)`, rounded upward.
    fn bound(&self, lambda: f64, ball: &Ball) -> f64 {
        let Some(exponent) = &ball.exponent else {
            // |t| and g are linear on every piece: the ends decide.
            return self
                .points
                .iter()
                .map(|point| sub_up(point.value, mul_down(lambda, point.share)))
                .fold(f64::NEG_INFINITY, f64::max);
        };
        let ends = |a: &Point, b: &Point| {
            let tangent =
                Tangent::new(Self::top(a, b, lambda, ball.radius, exponent.value), ball.radius, exponent);
            let end = |point: &Point| sub_up(point.value, mul_down(lambda, tangent.below(point.exact)));
            end(a).max(end(b))
        };
        match &self.points[..] {
            [one] => one.value,
            points => points.windows(2).map(|w| ends(&w[0], &w[1])).fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// A line that lies below `(|t|/r)^p`, touching it at about one place.
struct Tangent {
    place: f64,
    value: f64,
    slope: Interval,
}

impl Tangent {
    fn new(place: f64, radius: f64, exponent: &Exponent) -> Self {
        let flat = Self { place: 0.0, value: 0.0, slope: Interval::ZERO };
        let size = place.abs();
        let share = Interval { lower: div_down(size, radius), upper: div_up(size, radius) };
        let raised = exponent.raise([share.lower, share.upper]);
        // Powers that may have left the normal range say nothing.
        if !(raised[0] > 1e-250 && raised[1] < 1e250 && share.lower > 1e-250) {
            return flat;
        }
        // An error of the power and one of rounding here; p t^p / t is the slope.
        let (less, more) = (sub_down(1.0, exponent.error), add_up(1.0, exponent.error));
        let (lower, upper) = (mul_down(raised[0], less), mul_up(raised[1], more));
        let steep = |power: f64, size: f64, up: bool| {
            if up {
                div_up(mul_up(exponent.value, power), size)
            } else {
                div_down(mul_down(exponent.value, power), size)
            }
        };
        let slope = Interval { lower: steep(lower, size, false), upper: steep(upper, size, true) };
        let slope = if place < 0.0 { Interval { lower: -slope.upper, upper: -slope.lower } } else { slope };
        Self { place, value: lower, slope }
    }

    /// A number not above the line at `t`. Of the lines with a slope within
    /// `slope` one is a tangent; the lower one counts on either side, and what
    /// is concave in `t` has its least value at an end of a piece.
    fn below(&self, t: Interval) -> f64 {
        let way = Interval { lower: sub_down(t.lower, self.place), upper: sub_up(t.upper, self.place) };
        sub_down(self.value, -product(self.slope, way).lower)
    }
}

/// Steps of the search for `λ`.
const STEPS: usize = 48;

/// A number not below `Σ w f` on the ball.
pub(super) fn upper(ball: &Ball, mut terms: Vec<(f64, &Curve)>) -> f64 {
    terms.sort_by_key(|(_, f)| f.feature);
    let features: Vec<Feature> =
        terms.chunk_by(|a, b| a.1.feature == b.1.feature).map(|same| Feature::new(ball, same)).collect();
    let free = features.iter().map(Feature::largest).fold(0.0, add_up);
    let p = match ball.norm {
        Norm::L1 => 1.0,
        Norm::L2 => 2.0,
        Norm::Lp(p) => p,
        Norm::Linf => return free,
    };
    if features.len() < 2 || ball.radius == 0.0 {
        return free;
    }
    let guess = |lambda: f64| lambda + features.iter().map(|f| f.guess(lambda, ball.radius, p)).sum::<f64>();
    // For p = 1 the best λ is a slope; else it lies below p times the largest.
    let mut slopes: Vec<f64> = features
        .iter()
        .flat_map(|f| f.points.windows(2))
        .map(|w| ((w[1].value - w[0].value) / (w[1].t - w[0].t)).abs() * ball.radius)
        .filter(|slope| slope.is_finite() && *slope > 0.0)
        .collect();
    slopes.sort_by(|a, b| b.total_cmp(a));
    slopes.dedup();
    let Some(&steepest) = slopes.first() else { return free };
    let mut best = (free, 0.0);
    let mut consider = |lambda: f64| {
        let value = guess(lambda);
        if value < best.0 {
            best = (value, lambda);
        }
        value
    };
    if p == 1.0 {
        for &slope in slopes.iter().take(4) {
            consider(slope);
        }
    }
    // The bound is convex in λ: a search by thirds, on a logarithmic scale.
    let (mut low, mut high) = (steepest.log2() - 24.0, (steepest * p).log2() + 12.0);
    if p == 1.0 && slopes.len() <= 4 {
        (low, high) = (0.0, 0.0);
    }
    for _ in 0..STEPS {
        if high - low < 1e-7 {
            break;
        }
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if consider(a.exp2()) <= consider(b.exp2()) { high = b } else { low = a }
    }
    let lambda = best.1;
    if !(lambda > 0.0 && lambda.is_finite()) {
        return free;
    }
    let bound = features.iter().map(|f| f.bound(lambda, ball)).fold(lambda, add_up);
    if bound.is_nan() { free } else { free.min(bound) }
}
