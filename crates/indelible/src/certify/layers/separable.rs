//! Sums of functions of single features, up to a known error.
//!
//! Distances in the sum norm and sums of approximated powers are of this kind,
//! and so is every unit that reads them and is surely on. The error counts
//! roundings of the network's own arithmetic and those of the curves here.

use std::rc::Rc;

use super::{
    dual_bound::{NormBall, upper},
    piecewise_linear::PiecewiseLinear,
};
use crate::{
    certify::arithmetic::{Interval, plus, scaled},
    number::{add_up, mul_up, sub_up},
};

/// `Σ_j g_j(x_j) + constant` on the ball, but for `error`.
#[derive(Clone, Debug, Default)]
pub(super) struct Separable {
    /// At most one curve per feature, in order.
    curves: Vec<PiecewiseLinear>,
    constant: f64,
    pub error: f64,
}

impl Separable {
    /// A feature between two numbers.
    pub fn feature(feature: usize, lower: f64, upper: f64) -> Self {
        let curve = PiecewiseLinear::identity(feature, lower, upper);
        Self { curves: vec![curve], ..Self::default() }
    }

    /// `Σ w f + bias`, with another error of `slack`; `None` when a curve
    /// bends too often.
    pub fn sum(terms: &[(f64, &Self)], bias: f64, slack: f64) -> Option<Self> {
        let mut curves: Vec<(f64, &PiecewiseLinear)> =
            terms.iter().flat_map(|(w, f)| f.curves.iter().map(move |curve| (*w, curve))).collect();
        curves.sort_by_key(|(_, curve)| curve.feature);
        let mut error = terms.iter().fold(slack, |sum, (w, f)| add_up(sum, mul_up(w.abs(), f.error)));
        let constant = terms
            .iter()
            .fold(Interval::point(bias), |sum, (w, f)| plus(sum, scaled(*w, Interval::point(f.constant))));
        error = add_up(error, sub_up(constant.upper, constant.lower));
        let curves = curves
            .chunk_by(|a, b| a.1.feature == b.1.feature)
            .map(|same| match same {
                [(1.0, curve)] => Some((*curve).clone()),
                _ => {
                    let (curve, lost) = PiecewiseLinear::sum(same[0].1.feature, same)?;
                    error = add_up(error, lost);
                    Some(curve)
                }
            })
            .collect::<Option<_>>()?;
        let all = Self { curves, constant: constant.lower, error };
        (all.constant.is_finite() && all.error.is_finite()).then_some(all)
    }

    /// `relu` of a function of one feature.
    fn relu(self) -> Self {
        let [curve] = &self.curves[..] else {
            return Self { curves: vec![], constant: self.constant.max(0.0), error: self.error };
        };
        let (shifted, lost) = curve.shifted(self.constant);
        let (bent, more) = shifted.relu();
        let error = add_up(self.error, add_up(lost, more));
        Self { curves: vec![bent], constant: 0.0, error }
    }
}

/// What is separable of `relu(f + e)`, `|e|` being at most the error of `f`.
///
/// A ReLU brings two numbers no farther apart, so behind it the error is that
/// of `relu(f)`; and this is `f` where `f` is not negative, but for what
/// rounding left of its bound.
pub(super) fn behind_relu(shape: &Separable, clean: Interval) -> Option<Separable> {
    if shape.curves.len() <= 1 {
        return Some(shape.clone().relu());
    }
    let below = (-clean.lower).max(0.0);
    (below <= shape.error).then(|| Separable { error: add_up(shape.error, below), ..shape.clone() })
}

/// A lower bound of `Σ w f` on the ball, which may be cut in two `splits` times.
pub(super) fn held_lower(ball: &NormBall, terms: &[(f64, Rc<Separable>)], splits: usize) -> f64 {
    let mut most = 0.0;
    let mut curves = vec![];
    for (w, f) in terms {
        most = add_up(most, add_up(mul_up(-w, f.constant), mul_up(w.abs(), f.error)));
        curves.extend(f.curves.iter().map(|curve| (-w, curve)));
    }
    -add_up(most, upper(ball, curves, splits))
}

/// Bounds of a separable function on the smallest box around the ball, its
/// error aside.
pub(super) fn bounds_on_box(shape: &Separable) -> Interval {
    shape.curves.iter().fold(Interval::point(shape.constant), |sum, curve| plus(sum, curve.range))
}

/// Bounds of a separable function on the ball, its error aside.
pub(super) fn bounds(ball: &NormBall, shape: &Separable) -> Interval {
    let of = |sign: f64| {
        let curves = shape.curves.iter().map(|curve| (sign, curve)).collect();
        add_up(sign * shape.constant, upper(ball, curves, 0))
    };
    Interval { lower: -of(-1.0), upper: of(1.0) }
}
