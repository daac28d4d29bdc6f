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

use super::interval::{Interval, product};
use crate::{
    Norm,
    number::{add_up, div_down, div_up, mul_down, mul_up, powers::Exponent, sub_down, sub_up},
};

/// Bends of one curve, at most.
const MOST_POINTS: usize = 1 << 13;

/// A continuous function of one feature on the range of a ball.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub feature: usize,
    /// Where it bends and its values there, both ends of the range included.
    points: Vec<(f64, f64)>,
    range: Interval,
}

/// The error of a value between two bends, computed to nearest, relative to
/// the larger of the values there: at most eight roundings of numbers up to
/// twice as large.
const BETWEEN: f64 = 8.0 * f64::EPSILON;

/// The value at `x` on the line through two points, to nearest.
fn between(a: (f64, f64), b: (f64, f64), x: f64) -> f64 {
    a.1 + (x - a.0) / (b.0 - a.0) * (b.1 - a.1)
}

impl Curve {
    fn new(feature: usize, points: Vec<(f64, f64)>) -> Self {
        let values = || points.iter().map(|p| p.1);
        let lower = values().fold(f64::INFINITY, f64::min);
        let upper = values().fold(f64::NEG_INFINITY, f64::max);
        Self { feature, points, range: Interval { lower, upper } }
    }

    /// The feature itself, from `lower` to `upper`.
    pub fn identity(feature: usize, lower: f64, upper: f64) -> Self {
        let mut points = vec![(lower, lower), (upper, upper)];
        points.dedup();
        Self::new(feature, points)
    }

    /// Its least and its largest value.
    pub fn range(&self) -> Interval {
        self.range
    }

    /// The largest size of a value.
    fn size(&self) -> f64 {
        self.range.lower.abs().max(self.range.upper.abs())
    }

    /// `Σ w f` of curves of one feature at increasing `places` within the
    /// range, to nearest, and a number that no error exceeds.
    fn values(terms: &[(f64, &Self)], places: &[f64]) -> (Vec<f64>, f64) {
        let mut sums = vec![0.0; places.len()];
        let (mut size, mut weights) = (0.0, 0.0);
        for (w, f) in terms {
            size = add_up(size, mul_up(w.abs(), f.size()));
            weights = add_up(weights, w.abs());
            let mut next = 0;
            for (sum, &x) in sums.iter_mut().zip(places) {
                while f.points.get(next).is_some_and(|p| p.0 < x) {
                    next += 1;
                }
                let value = match (f.points.get(next), next.checked_sub(1).and_then(|i| f.points.get(i))) {
                    (Some(&b), Some(&a)) if b.0 != x => between(a, b, x),
                    (Some(b), _) => b.1,
                    (None, a) => a.map_or(f64::NAN, |a| a.1),
                };
                *sum += w * value;
            }
        }
        // One rounding per product and sum, of sizes that add up to `size`.
        let relative = add_up(BETWEEN, mul_up((terms.len() + 2) as f64, f64::EPSILON));
        let tiny = mul_up(add_up(mul_up(4.0, weights), 2.0 * terms.len() as f64), f64::from_bits(1));
        let error = add_up(mul_up(size, relative), tiny);
        (sums, if size < f64::MAX / 8.0 { error } else { f64::INFINITY })
    }

    /// `Σ w f` of curves of one feature and a number not below the distance
    /// from the exact sum; `None` when it has too many bends.
    pub fn sum(feature: usize, terms: &[(f64, &Self)]) -> Option<(Self, f64)> {
        let first = terms.first()?.1;
        let (low, high) = (first.points.first()?.0, first.points.last()?.0);
        // Most curves do not bend within the ball: together they are a line.
        let (straight, mut parts): (Vec<_>, Vec<_>) =
            terms.iter().copied().partition(|(_, f)| f.points.len() <= 2);
        let ends = if low < high { vec![low, high] } else { vec![low] };
        let (line, error) = Self::values(&straight, &ends);
        let line = Self::new(feature, ends.into_iter().zip(line).collect());
        if parts.is_empty() {
            return Some((line, error));
        }
        parts.push((1.0, &line));
        let mut places: Vec<f64> = parts.iter().flat_map(|(_, f)| f.points.iter().map(|p| p.0)).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        if places.len() > MOST_POINTS {
            return None;
        }
        let (values, more) = Self::values(&parts, &places);
        Some((Self::new(feature, places.into_iter().zip(values).collect()), add_up(error, more)))
    }

    /// The curve with `shift` added, and the error.
    pub fn shifted(&self, shift: f64) -> (Self, f64) {
        let mut error = 0.0_f64;
        let mut points = self.points.clone();
        for (_, v) in &mut points {
            let (lower, upper) = (sub_down(*v, -shift), sub_up(*v, -shift));
            error = error.max(sub_up(upper, lower));
            *v = lower;
        }
        (Self::new(self.feature, points), error)
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
                    let here = between((before, u), (x, v), zero).abs();
                    let size = mul_up(u.abs().max(v.abs()), BETWEEN);
                    error = error.max(add_up(here, add_up(size, f64::MIN_POSITIVE)));
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
        (Self::new(self.feature, kept), error)
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

/// A place where the sum of the curves of one feature bends, or the center,
/// relative to which places are given.
struct Point {
    /// The place, and as an enclosure.
    t: f64,
    exact: Interval,
    /// `|t|/r`, rounded down.
    share: f64,
    /// An upper bound of the sum.
    value: f64,
}

/// The sum of the curves of one feature, or a part of it.
#[derive(Clone, Copy)]
struct Piece<'a>(&'a [Point]);

impl Point {
    /// All places of one feature.
    fn all(ball: &Ball, terms: &[(f64, &Curve)]) -> Vec<Self> {
        let center = terms.first().map_or(0.0, |(_, f)| ball.center[f.feature]);
        let mut places: Vec<f64> =
            terms.iter().flat_map(|(_, f)| f.points.iter().map(|p| p.0)).chain([center]).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let (values, error) = Curve::values(terms, &places);
        (places.into_iter().zip(values))
            .map(|(x, value)| {
                let exact = Interval { lower: sub_down(x, center), upper: sub_up(x, center) };
                let size = exact.lower.max(-exact.upper).max(0.0);
                let share = div_down(size, ball.radius);
                Self { t: x - center, exact, share, value: add_up(value, error) }
            })
            .collect()
    }
}

impl Piece<'_> {
    fn largest(&self) -> f64 {
        self.0.iter().map(|p| p.value).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Where on a piece `value − λ (|t|/r)^p` is largest, about.
    fn top(a: &Point, b: &Point, lambda: f64, radius: f64, p: f64) -> f64 {
        let slope = (b.value - a.value) / (b.t - a.t);
        let share = slope.abs() * radius / (lambda * p);
        let share = if p == 2.0 { share } else { share.powf(1.0 / (p - 1.0)) };
        let t = share.min(2.0) * radius * slope.signum();
        if t.is_nan() { a.t } else { t.clamp(a.t.min(b.t), b.t.max(a.t)) }
    }

    /// `max_t (g − λ (|t|/r)^p)`, about.
    fn guess(&self, lambda: f64, radius: f64, p: f64) -> f64 {
        let ends = self.0.iter().map(|point| point.value - cost(point.t, lambda, radius, p));
        let within = self.0.windows(2).map(|w| Self::guess_within(&w[0], &w[1], lambda, radius, p));
        ends.chain(within).fold(f64::NEG_INFINITY, f64::max)
    }

    /// As [`guess`](Self::guess), between two bends.
    fn guess_within(a: &Point, b: &Point, lambda: f64, radius: f64, p: f64) -> f64 {
        if p == 1.0 {
            return f64::NEG_INFINITY;
        }
        let t = Self::top(a, b, lambda, radius, p);
        let part = (t - a.t) / (b.t - a.t);
        a.value + part * (b.value - a.value) - cost(t, lambda, radius, p)
    }

    /// The bend between two maxima of `g − λ (|t|/r)^p` that lies lowest below
    /// the lower one, and how deep.
    fn valley(&self, lambda: f64, radius: f64, p: f64) -> Option<(f64, usize)> {
        let here: Vec<f64> = self.0.iter().map(|at| at.value - cost(at.t, lambda, radius, p)).collect();
        let within: Vec<f64> =
            self.0.windows(2).map(|w| Self::guess_within(&w[0], &w[1], lambda, radius, p)).collect();
        // The largest value on the right of each bend.
        let mut right = here.clone();
        for i in (0..within.len()).rev() {
            right[i] = here[i].max(within[i]).max(right[i + 1]);
        }
        let mut left = here.first()?.max(*within.first()?);
        let mut deepest = None;
        for i in 1..within.len() {
            let depth = left.min(right[i]) - here[i];
            if depth > 0.0 && deepest.is_none_or(|(most, _)| depth > most) {
                deepest = Some((depth, i));
            }
            left = left.max(here[i]).max(within[i]);
        }
        deepest
    }

    /// `max_t (g − λ (|t|/r)^p)`, rounded upward.
    fn bound(&self, lambda: f64, ball: &Ball) -> f64 {
        let Some(exponent) = &ball.exponent else {
            // |t| and g are linear on every piece: the ends decide.
            return self
                .0
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
        match self.0 {
            [one] => one.value,
            points => points.windows(2).map(|w| ends(&w[0], &w[1])).fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// `λ (|t|/r)^p`, about.
fn cost(t: f64, lambda: f64, radius: f64, p: f64) -> f64 {
    let share = t.abs() / radius;
    lambda
        * if p == 1.0 {
            share
        } else if p == 2.0 {
            share * share
        } else {
            share.powf(p)
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
const STEPS: usize = 40;
/// `(√5 − 1)/2`.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// A number not below `Σ w f` on the ball.
///
/// Where a curve has two tops, the bound may be that of a mixture of points.
/// So up to `splits` times the ball is cut in two at a bend between them.
pub(super) fn upper(ball: &Ball, mut terms: Vec<(f64, &Curve)>, splits: usize) -> f64 {
    terms.sort_by_key(|(_, f)| f.feature);
    let features: Vec<Vec<Point>> =
        terms.chunk_by(|a, b| a.1.feature == b.1.feature).map(|same| Point::all(ball, same)).collect();
    let pieces: Vec<Piece<'_>> = features.iter().map(|points| Piece(points)).collect();
    upper_of_pieces(ball, &pieces, splits)
}

/// As [`upper`], where every feature stays in its piece.
fn upper_of_pieces(ball: &Ball, pieces: &[Piece<'_>], splits: usize) -> f64 {
    let free = pieces.iter().map(Piece::largest).fold(0.0, add_up);
    let p = match ball.norm {
        Norm::L1 => 1.0,
        Norm::L2 => 2.0,
        Norm::Lp(p) => p,
        Norm::Linf => return free,
    };
    if pieces.len() < 2 || ball.radius == 0.0 {
        return free;
    }
    let Some(lambda) = multiplier(ball, pieces, p, free) else { return free };
    let bound = pieces.iter().map(|piece| piece.bound(lambda, ball)).fold(lambda, add_up);
    let bound = if bound.is_nan() { free } else { free.min(bound) };
    if splits == 0 {
        return bound;
    }
    let valleys = pieces.iter().enumerate().filter_map(|(j, piece)| {
        let (depth, at) = piece.valley(lambda, ball.radius, p)?;
        Some((depth, j, at))
    });
    let Some((_, j, at)) = valleys.max_by(|a, b| a.0.total_cmp(&b.0)) else { return bound };
    let halves = [&pieces[j].0[..=at], &pieces[j].0[at..]].map(|half| {
        let mut pieces = pieces.to_vec();
        pieces[j] = Piece(half);
        upper_of_pieces(ball, &pieces, splits - 1)
    });
    bound.min(halves[0].max(halves[1]))
}

/// The best `λ`, about; `None` where `free`, the bound for 0, is as good.
fn multiplier(ball: &Ball, features: &[Piece<'_>], p: f64, free: f64) -> Option<f64> {
    let guess = |lambda: f64| lambda + features.iter().map(|f| f.guess(lambda, ball.radius, p)).sum::<f64>();
    // For p = 1 the best λ is a slope; else it lies below p times the largest.
    let mut slopes: Vec<f64> = features
        .iter()
        .flat_map(|f| f.0.windows(2))
        .map(|w| ((w[1].value - w[0].value) / (w[1].t - w[0].t)).abs() * ball.radius)
        .filter(|slope| slope.is_finite() && *slope > 0.0)
        .collect();
    slopes.sort_by(|a, b| b.total_cmp(a));
    slopes.dedup();
    let &steepest = slopes.first()?;
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
    // The bound is convex in λ: its least value by golden sections, on a
    // logarithmic scale.
    let (mut low, mut high) = (steepest.log2() - 24.0, (steepest * p).log2() + 12.0);
    if p == 1.0 && slopes.len() <= 4 {
        (low, high) = (0.0, 0.0);
    }
    let (mut a, mut b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_a, mut at_b) = (consider(a.exp2()), consider(b.exp2()));
    for _ in 0..STEPS {
        if high - low < 1e-7 {
            break;
        }
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - GOLDEN * (high - low);
            at_a = consider(a.exp2());
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + GOLDEN * (high - low);
            at_b = consider(b.exp2());
        }
    }
    let lambda = best.1;
    (lambda > 0.0 && lambda.is_finite()).then_some(lambda)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `−2x + 3.75 relu(y − 3)` on the disc of radius 5 is 10 at (−5, 0) and
    /// once more where y bends upward; a mixture of both exceeds it.
    #[test]
    fn two_tops_are_told_apart() {
        let ball = Ball::new(vec![0.0, 0.0], 5.0, Norm::L2);
        let x = Curve::identity(0, -5.0, 5.0);
        let (y, _) = Curve::identity(1, -5.0, 5.0).shifted(-3.0);
        let (y, _) = y.relu();
        let bound = |splits| upper(&ball, vec![(-2.0, &x), (3.75, &y)], splits);
        assert!(bound(0) > 10.1, "{}", bound(0));
        assert!((10.0..10.0 + 1e-9).contains(&bound(1)), "{}", bound(1));
    }
}
