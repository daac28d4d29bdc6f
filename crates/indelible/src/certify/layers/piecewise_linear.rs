//! Piecewise linear functions of one feature.
//!
//! On the ball of a sample a neuron that reads one feature is such a function,
//! given by the values at its bends, binary64 numbers between which it is
//! linear; what rounding puts between the curve and the function meant is
//! returned beside it.

use std::{ops::Deref, rc::Rc};

use crate::{
    certify::arithmetic::{Interval, magnitude},
    number::{add_up, mul_up, sub_up},
};

/// Bends of one curve, at most.
const MOST_POINTS: usize = 1 << 13;

/// A place and the value there.
type Point = (f64, f64);

/// A continuous function of one feature on the range of a ball.
#[derive(Clone, Debug)]
pub(super) struct PiecewiseLinear {
    pub feature: usize,
    /// Where it bends and its values there, both ends of the range included.
    points: Points,
    /// Its least and its largest value.
    pub range: Interval,
}

/// Most curves are lines: with these kept in place, a dense `nearest` of 300 × 20 is
/// certified in 0.8 of the time.
#[derive(Clone, Debug)]
enum Points {
    One([Point; 1]),
    Two([Point; 2]),
    More(Rc<[Point]>),
}

impl Deref for Points {
    type Target = [Point];

    fn deref(&self) -> &[Point] {
        match self {
            Self::One(points) => points,
            Self::Two(points) => points,
            Self::More(points) => points,
        }
    }
}

impl From<&[Point]> for Points {
    fn from(points: &[Point]) -> Self {
        match *points {
            [one] => Self::One([one]),
            [first, last] => Self::Two([first, last]),
            _ => Self::More(points.into()),
        }
    }
}

/// The error of a value between two bends, computed to nearest, relative to
/// the larger of the values there: at most eight roundings of numbers up to
/// twice as large.
const BETWEEN: f64 = 8.0 * f64::EPSILON;

/// The value at `x` on the line through two points, to nearest.
fn between(a: (f64, f64), b: (f64, f64), x: f64) -> f64 {
    a.1 + (x - a.0) / (b.0 - a.0) * (b.1 - a.1)
}

impl PiecewiseLinear {
    fn new(feature: usize, points: &[Point]) -> Self {
        let values = || points.iter().map(|p| p.1);
        let lower = values().fold(f64::INFINITY, f64::min);
        let upper = values().fold(f64::NEG_INFINITY, f64::max);
        Self { feature, points: points.into(), range: Interval { lower, upper } }
    }

    /// The feature itself, from `lower` to `upper`.
    pub fn identity(feature: usize, lower: f64, upper: f64) -> Self {
        let ends = [(lower, lower), (upper, upper)];
        Self::new(feature, if lower == upper { &ends[..1] } else { &ends })
    }

    /// Where it bends and the ends of its range, increasing.
    pub fn places(&self) -> impl Iterator<Item = f64> {
        self.points.iter().map(|p| p.0)
    }

    /// The ends of its range where it is a line and not a point.
    pub fn ends(&self) -> Option<(f64, f64)> {
        match self.points[..] {
            [(low, _), (high, _)] if low < high => Some((low, high)),
            _ => None,
        }
    }

    /// A number that no error of `Σ w f` exceeds, where all is computed to nearest.
    fn error(terms: &[(f64, &Self)]) -> f64 {
        // To nearest as well: each of these operations takes off a rounding at most.
        let (mut size, mut weights) = (0.0, 0.0);
        for (w, f) in terms {
            size += w.abs() * magnitude(f.range);
            weights += w.abs();
        }
        let roundings = (terms.len() + 2) as f64;
        let growth = add_up(1.0, mul_up(roundings, 2.0 * f64::EPSILON));
        let lost = mul_up(roundings, f64::from_bits(1));
        let (size, weights) = (add_up(mul_up(size, growth), lost), mul_up(weights, growth));
        // One rounding per product and sum, of sizes that add up to `size`.
        let relative = add_up(BETWEEN, mul_up(roundings, f64::EPSILON));
        let tiny = mul_up(add_up(mul_up(4.0, weights), 2.0 * terms.len() as f64), f64::from_bits(1));
        let error = add_up(mul_up(size, relative), tiny);
        if size < f64::MAX / 8.0 { error } else { f64::INFINITY }
    }

    /// `Σ w f` of curves of one feature at increasing `places` within the
    /// range, to nearest, and a number that no error exceeds.
    pub fn values(terms: &[(f64, &Self)], places: &[f64]) -> (Vec<f64>, f64) {
        let mut sums = vec![0.0; places.len()];
        for (w, f) in terms {
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
        (sums, Self::error(terms))
    }

    /// The same of lines or points, which all have one range, at its ends and at
    /// `place` within it.
    pub fn values_of_lines(terms: &[(f64, &Self)], place: f64) -> ([f64; 3], f64) {
        let mut sums = [0.0; 3];
        for (w, f) in terms {
            let (Some(&first), Some(&last)) = (f.points.first(), f.points.last()) else { continue };
            let middle = if f.points.len() > 1 { between(first, last, place) } else { first.1 };
            for (sum, value) in sums.iter_mut().zip([first.1, middle, last.1]) {
                *sum += w * value;
            }
        }
        (sums, Self::error(terms))
    }

    /// `Σ w f` of curves of one feature and a number not below the distance
    /// from the exact sum; `None` when it has too many bends.
    pub fn sum(feature: usize, terms: &[(f64, &Self)]) -> Option<(Self, f64)> {
        let first = terms.first()?.1;
        let (low, high) = (first.points.first()?.0, first.points.last()?.0);
        // Most curves do not bend within the ball: together they are a line.
        let is_line = |(_, f): &(f64, &Self)| f.points.len() <= 2;
        let line_of = |terms: &[_]| {
            let ([first, _, last], error) = Self::values_of_lines(terms, low);
            let ends = [(low, first), (high, last)];
            (Self::new(feature, if low < high { &ends } else { &ends[..1] }), error)
        };
        if terms.iter().all(is_line) {
            return Some(line_of(terms));
        }
        let (straight, mut parts): (Vec<_>, Vec<_>) = terms.iter().copied().partition(is_line);
        let (line, error) = line_of(&straight);
        parts.push((1.0, &line));
        let mut places: Vec<f64> = parts.iter().flat_map(|(_, f)| f.places()).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        if places.len() > MOST_POINTS {
            return None;
        }
        let (values, more) = Self::values(&parts, &places);
        let points: Vec<Point> = places.into_iter().zip(values).collect();
        Some((Self::new(feature, &points), add_up(error, more)))
    }

    /// The curve with `shift` added, and the error.
    pub fn shifted(&self, shift: f64) -> (Self, f64) {
        let mut error = 0.0_f64;
        let moved = self.points.iter().map(|&(x, v)| {
            let Interval { lower, upper } = Interval::difference(v, -shift);
            error = error.max(sub_up(upper, lower));
            (x, lower)
        });
        let points: Vec<Point> = moved.collect();
        (Self::new(self.feature, &points), error)
    }

    /// `relu` of the curve, and the error. A bend at zero that is not a
    /// binary64 number is put beside it: between the neighbouring bends the
    /// result then differs by at most the curve's size at that place.
    pub fn relu(&self) -> (Self, f64) {
        let mut error = 0.0_f64;
        let mut points: Vec<Point> = Vec::with_capacity(self.points.len() + 1);
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
        let kept: Vec<Point> = (0..points.len())
            .filter(|&i| i == 0 || i + 1 == points.len() || !(flat(i - 1) && flat(i) && flat(i + 1)))
            .map(|i| points[i])
            .collect();
        (Self::new(self.feature, &kept), error)
    }
}
