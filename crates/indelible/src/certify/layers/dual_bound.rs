//! Upper bounds of sums of piecewise linear functions over a ball, by duality.
//!
//! For curves `g_j` of different features, every `λ ≥ 0` and every point
//! `x + t` of the ball,
//!
//! ```text
//! Σ_j g_j(x_j + t_j) ≤ λ + Σ_j max_t (g_j(x_j + t) − λ (|t|/r)^p),
//! ```
//!
//! so `λ` may be sought in plain arithmetic; only the value for the one that
//! was found is rounded upward.

use super::piecewise_linear::PiecewiseLinear;
use crate::{
    Norm,
    certify::arithmetic::{Interval, product},
    network::dual_norm_up,
    number::{add_down, add_up, div_down, div_up, mul_down, mul_up, powers::Exponent, sub_down, sub_up},
};

/// A ball of a norm.
pub(super) struct NormBall {
    center: Vec<f64>,
    radius: f64,
    norm: Norm,
    /// `p`, infinite for the sup norm.
    p: f64,
    /// `p`, where it is more than 1 and finite.
    exponent: Option<Exponent>,
}

impl NormBall {
    pub fn new(center: Vec<f64>, radius: f64, norm: Norm) -> Self {
        let p = match norm {
            Norm::L1 => 1.0,
            Norm::L2 => 2.0,
            Norm::Lp(p) => p,
            Norm::Linf => f64::INFINITY,
        };
        let exponent = matches!(norm, Norm::L2 | Norm::Lp(_)).then(|| Exponent::new(p));
        Self { center, radius, norm, p, exponent }
    }

    /// `λ (|t|/r)^p`, about.
    fn cost(&self, t: f64, lambda: f64) -> f64 {
        let share = t.abs() / self.radius;
        lambda
            * match self.p {
                1.0 => share,
                2.0 => share * share,
                p => share.powf(p),
            }
    }
}

/// A place where the sum of the curves of one feature bends, or the center,
/// relative to which places are given.
struct Bend {
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
struct Piece<'a>(&'a [Bend]);

impl Bend {
    /// All places of one feature.
    fn all(ball: &NormBall, terms: &[(f64, &PiecewiseLinear)]) -> Vec<Self> {
        let center = terms.first().map_or(0.0, |(_, f)| ball.center[f.feature]);
        let mut places: Vec<f64> = terms.iter().flat_map(|(_, f)| f.places()).chain([center]).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let (values, error) = PiecewiseLinear::values(terms, &places);
        (places.into_iter().zip(values))
            .map(|(x, value)| {
                let exact = Interval::difference(x, center);
                let size = exact.lower.max(-exact.upper).max(0.0);
                let share = div_down(size, ball.radius);
                let value = add_up(value, error);
                // Where something overflowed nothing is known.
                let value = if value.is_finite() { value } else { f64::INFINITY };
                Self { t: x - center, exact, share, value }
            })
            .collect()
    }

    /// The slope of the way to another, about.
    fn slope(&self, to: &Self) -> f64 {
        (to.value - self.value) / (to.t - self.t)
    }
}

impl Piece<'_> {
    fn largest(&self) -> f64 {
        self.0.iter().map(|p| p.value).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Where on a piece `value − λ (|t|/r)^p` is largest, about.
    fn top(a: &Bend, b: &Bend, lambda: f64, ball: &NormBall) -> f64 {
        let (radius, p) = (ball.radius, ball.p);
        let share = a.slope(b).abs() * radius / (lambda * p);
        let share = if p == 2.0 { share } else { share.powf(1.0 / (p - 1.0)) };
        let t = share.min(2.0) * radius * a.slope(b).signum();
        if t.is_nan() { a.t } else { t.clamp(a.t.min(b.t), b.t.max(a.t)) }
    }

    /// `g − λ (|t|/r)^p` at the bends, about.
    fn at_bends(&self, lambda: f64, ball: &NormBall) -> impl Iterator<Item = f64> {
        self.0.iter().map(move |at| at.value - ball.cost(at.t, lambda))
    }

    /// As [`at_bends`](Self::at_bends), the largest value between each two.
    fn within(&self, lambda: f64, ball: &NormBall) -> impl Iterator<Item = f64> {
        self.0.windows(2).map(move |w| {
            let (a, b) = (&w[0], &w[1]);
            if ball.p == 1.0 {
                return f64::NEG_INFINITY;
            }
            let t = Self::top(a, b, lambda, ball);
            let part = (t - a.t) / (b.t - a.t);
            a.value + part * (b.value - a.value) - ball.cost(t, lambda)
        })
    }

    /// `max_t (g − λ (|t|/r)^p)`, about.
    fn guess(&self, lambda: f64, ball: &NormBall) -> f64 {
        self.at_bends(lambda, ball).chain(self.within(lambda, ball)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The bend between two maxima of `g − λ (|t|/r)^p` that lies lowest below
    /// the lower one, and how deep.
    fn valley(&self, lambda: f64, ball: &NormBall) -> Option<(f64, usize)> {
        let here: Vec<f64> = self.at_bends(lambda, ball).collect();
        let within: Vec<f64> = self.within(lambda, ball).collect();
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
    fn bound(&self, lambda: f64, ball: &NormBall) -> f64 {
        let Some(exponent) = &ball.exponent else {
            // |t| and g are linear on every piece: the ends decide.
            let ends = self.0.iter().map(|point| sub_up(point.value, mul_down(lambda, point.share)));
            return ends.fold(f64::NEG_INFINITY, f64::max);
        };
        let ends = |a: &Bend, b: &Bend| {
            let tangent = Tangent::new(Self::top(a, b, lambda, ball), ball.radius, exponent);
            let end = |point: &Bend| sub_up(point.value, mul_down(lambda, tangent.below(point.exact)));
            end(a).max(end(b))
        };
        match self.0 {
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
        let slope = Interval {
            lower: div_down(mul_down(exponent.value, lower), size),
            upper: div_up(mul_up(exponent.value, upper), size),
        };
        let slope = if place < 0.0 { slope.negated() } else { slope };
        Self { place, value: lower, slope }
    }

    /// A number not above the line at `t`. Of the lines with a slope within
    /// `slope` one is a tangent; the lower one counts on either side, and what
    /// is concave in `t` has its least value at an end of a piece.
    fn below(&self, t: Interval) -> f64 {
        let way = Interval { lower: sub_down(t.lower, self.place), upper: sub_up(t.upper, self.place) };
        add_down(self.value, product(self.slope, way).lower)
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
pub(super) fn upper(ball: &NormBall, mut terms: Vec<(f64, &PiecewiseLinear)>, splits: usize) -> f64 {
    if !terms.is_sorted_by_key(|(_, f)| f.feature) {
        terms.sort_by_key(|(_, f)| f.feature);
    }
    if let Some(bound) = upper_of_lines(ball, &terms) {
        return bound;
    }
    let features: Vec<Vec<Bend>> =
        terms.chunk_by(|a, b| a.1.feature == b.1.feature).map(|same| Bend::all(ball, same)).collect();
    let pieces: Vec<Piece<'_>> = features.iter().map(|points| Piece(points)).collect();
    upper_of_pieces(ball, &pieces, splits)
}

/// As [`upper`] where all curves are lines, as most sums of dense layers are: the sum at
/// the center and, by Hölder's inequality, `r` times the dual norm of the slopes. Ten times
/// as fast as a search for `λ`.
fn upper_of_lines(ball: &NormBall, terms: &[(f64, &PiecewiseLinear)]) -> Option<f64> {
    if ball.p.is_infinite() {
        return None;
    }
    let (mut sum, mut slopes) = (0.0, vec![]);
    for same in terms.chunk_by(|a, b| a.1.feature == b.1.feature) {
        let (low, high) = same[0].1.ends()?;
        let center = ball.center[same[0].1.feature];
        if !(low <= center && center <= high && same.iter().all(|(_, f)| f.ends() == Some((low, high)))) {
            return None;
        }
        let ([first, middle, last], error) = PiecewiseLinear::values_of_lines(same, center);
        sum = add_up(sum, add_up(middle, error));
        let rise = add_up(sub_up(last, first).max(sub_up(first, last)), 2.0 * error);
        slopes.push(div_up(rise, sub_down(high, low)));
    }
    let bound = add_up(sum, mul_up(ball.radius, dual_norm_up(&slopes, ball.norm)));
    // Where something overflowed nothing is known.
    Some(if bound.is_finite() { bound } else { f64::INFINITY })
}

/// As [`upper`], where every feature stays in its piece.
fn upper_of_pieces(ball: &NormBall, pieces: &[Piece<'_>], splits: usize) -> f64 {
    let free = pieces.iter().map(Piece::largest).fold(0.0, add_up);
    if ball.p.is_infinite() || pieces.len() < 2 || ball.radius == 0.0 {
        return free;
    }
    let Some(lambda) = multiplier(ball, pieces, free) else { return free };
    let bound = pieces.iter().map(|piece| piece.bound(lambda, ball)).fold(lambda, add_up);
    let bound = if bound.is_nan() { free } else { free.min(bound) };
    if splits == 0 {
        return bound;
    }
    let valleys = pieces.iter().enumerate().filter_map(|(j, piece)| {
        let (depth, at) = piece.valley(lambda, ball)?;
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
fn multiplier(ball: &NormBall, features: &[Piece<'_>], free: f64) -> Option<f64> {
    let p = ball.p;
    let guess = |lambda: f64| lambda + features.iter().map(|f| f.guess(lambda, ball)).sum::<f64>();
    // For p = 1 the best λ is a slope; else it lies below p times the largest.
    let mut slopes: Vec<f64> = features
        .iter()
        .flat_map(|f| f.0.windows(2))
        .map(|w| w[0].slope(&w[1]).abs() * ball.radius)
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
        slopes.iter().take(4).for_each(|&slope| _ = consider(slope));
    }
    // The bound is convex in λ: its least value by golden sections, on a
    // logarithmic scale.
    let (mut low, mut high) = (steepest.log2() - 24.0, (steepest * p).log2() + 12.0);
    if p == 1.0 && slopes.len() <= 4 {
        (low, high) = (0.0, 0.0);
    }
    let mut at = |place: f64| (place, consider(place.exp2()));
    let (mut a, mut b) = (at(high - GOLDEN * (high - low)), at(low + GOLDEN * (high - low)));
    for _ in 0..STEPS {
        if high - low < 1e-7 {
            break;
        }
        if a.1 <= b.1 {
            (high, b) = (b.0, a);
            a = at(high - GOLDEN * (high - low));
        } else {
            (low, a) = (a.0, b);
            b = at(low + GOLDEN * (high - low));
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
        let ball = NormBall::new(vec![0.0, 0.0], 5.0, Norm::L2);
        let x = PiecewiseLinear::identity(0, -5.0, 5.0);
        let (y, _) = PiecewiseLinear::identity(1, -5.0, 5.0).shifted(-3.0);
        let (y, _) = y.relu();
        let bound = |splits| upper(&ball, vec![(-2.0, &x), (3.75, &y)], splits);
        assert!(bound(0) > 10.1, "{}", bound(0));
        assert!((10.0..10.0 + 1e-9).contains(&bound(1)), "{}", bound(1));
    }

    /// A line is largest where Hölder's inequality says, in every norm.
    #[test]
    fn lines_reach_as_far_as_the_dual_norm() {
        let slopes = [3.0, -4.0, 0.5];
        let lines: Vec<PiecewiseLinear> = (0..3).map(|j| PiecewiseLinear::identity(j, -2.0, 2.0)).collect();
        let terms: Vec<_> = slopes.iter().copied().zip(&lines).collect();
        for (norm, dual) in [
            (Norm::L1, 4.0),
            (Norm::L2, f64::sqrt(25.25)),
            (
                Norm::lp(3.0).unwrap(),
                slopes.map(|s: f64| f64::powf(s.abs(), 1.5)).iter().sum::<f64>().cbrt().powi(2),
            ),
        ] {
            let bound = upper(&NormBall::new(vec![0.0; 3], 2.0, norm), terms.clone(), 0);
            assert!((2.0 * dual..2.0 * dual * (1.0 + 1e-12)).contains(&bound), "{norm}: {bound}, {dual}");
        }
    }
}
