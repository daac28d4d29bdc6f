//! What an affine layer makes of a ball, in real arithmetic and as executed.
//!
//! A neuron `w·x + b` maps the ball `‖x − c‖_p ≤ r` onto the interval around
//! `w·c + b` that reaches `r ‖w‖_q` to both sides, `1/p + 1/q = 1` (Hölder). What a
//! network computes differs from that by roundings: of the `k` features that
//! are read, of their products and of the sums, at most `k + 2` of them on the
//! way of any term, each relative and at most the unit roundoff `u`, so
//! `γ_{k+2} (Σ|w_j||x_j| + |b|)` in all, `γ_k = ku/(1 − ku)`, in any order, fused or
//! not (Higham, Accuracy and Stability of Numerical Algorithms, §3.1); where
//! products or features are below the normal range, a few times the smallest
//! number for each. The same holds for the sums taken here in binary64.

use super::Layer;
use crate::{
    Norm, Precision,
    number::{add_up, div_down, div_up, mul_up, powers::Exponent, sqrt_up, sub_down},
};

/// The images of balls of one norm under the neurons of a layer, each followed
/// by a ReLU.
#[derive(Clone, Debug)]
pub struct BallImage<'a> {
    layer: &'a Layer,
    precision: Precision,
    neurons: Vec<Neuron>,
}

/// What is known of one neuron.
#[derive(Clone, Copy, Debug)]
struct Neuron {
    /// The dual norm of its weights, rounded up.
    length: f64,
    /// What sums in binary64 may lack, as a share.
    lacking: f64,
    /// Roundings as a share of the size of all terms.
    relative: f64,
    /// Roundings below the normal range.
    absolute: f64,
}

/// The image of one ball under one neuron, before the ReLU: the interval around
/// `center` that reaches `reach + error` to both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Image {
    /// About `w·c + b`.
    pub center: f64,
    /// How far the points of the ball reach, `r ‖w‖_q` rounded up.
    pub reach: f64,
    /// How far what is computed, and `center` itself, may lie from the truth;
    /// infinite where something may overflow.
    pub error: f64,
}

impl<'a> BallImage<'a> {
    /// Prepares the neurons of `layer`, executed in `precision`, for balls of
    /// `norm`.
    #[must_use]
    pub fn new(layer: &'a Layer, precision: Precision, norm: Norm) -> Self {
        let neurons = layer.rows().map(|row| {
            let largest = row.weights.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
            let terms = row.weights.len() + 4;
            let lacking = 2.0 * gamma(terms, Precision::F64);
            let tiny = mul_up(4.0 * terms as f64, precision.smallest_subnormal());
            Neuron {
                length: dual_norm_up(row.weights, norm),
                lacking,
                relative: add_up(gamma(terms, precision), lacking),
                absolute: mul_up(tiny, add_up(1.0, largest)),
            }
        });
        Self { layer, precision, neurons: neurons.collect() }
    }

    /// The dual norm of the weights of neuron `neuron`, rounded up: how far a
    /// ball of radius 1 reaches.
    ///
    /// # Panics
    /// When there is no such neuron.
    #[must_use]
    pub fn length(&self, neuron: usize) -> f64 {
        self.neurons[neuron].length
    }

    /// The image of the ball of radius `radius` around `x`, `n` numbers.
    ///
    /// # Panics
    /// When there is no such neuron or `x` has fewer numbers.
    #[inline]
    #[must_use]
    pub fn of(&self, neuron: usize, x: &[f64], radius: f64) -> Image {
        let row = self.layer.row(neuron);
        let (mut sum, mut size) = (0.0, 0.0);
        for (&c, &w) in row.columns.iter().zip(row.weights) {
            let product = w * x[c];
            sum += product;
            size += product.abs();
        }
        let Neuron { length, lacking, relative, absolute } = self.neurons[neuron];
        let reach = mul_up(radius, length);
        let size = add_up(mul_up(size, add_up(1.0, lacking)), absolute);
        let whole = add_up(add_up(size, reach), row.bias.abs());
        let error = add_up(mul_up(whole, relative), absolute);
        // Half, so that no partial sum is rounded to infinity either.
        let fits = add_up(whole, error) <= self.precision.largest() / 2.0;
        Image { center: sum + row.bias, reach, error: if fits { error } else { f64::INFINITY } }
    }

    /// Ends of all values that the neuron and its ReLU can have on the ball of
    /// radius `radius` around `x`; infinite where something may overflow.
    ///
    /// # Panics
    /// As for [`BallImage::of`].
    #[inline]
    #[must_use]
    pub fn ends(&self, neuron: usize, x: &[f64], radius: f64) -> (f64, f64) {
        let Image { center, reach, error } = self.of(neuron, x, radius);
        let width = add_up(reach, error);
        if !width.is_finite() {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        (sub_down(center, width).max(0.0), add_up(center, width).max(0.0))
    }
}

/// `γ_k = ku/(1 − ku)`, rounded up; infinite where `ku` is not below ½.
fn gamma(k: usize, precision: Precision) -> f64 {
    let ku = mul_up(k as f64, precision.unit_roundoff());
    if ku < 0.5 { div_up(ku, sub_down(1.0, ku)) } else { f64::INFINITY }
}

/// The norm of some weights that is dual to `norm`, rounded up: how much
/// `w·x` changes at most where `x` changes by 1.
#[must_use]
pub(crate) fn dual_norm_up(weights: &[f64], norm: Norm) -> f64 {
    let sizes = weights.iter().map(|w| w.abs());
    match norm {
        Norm::Linf => norm_up(sizes, Norm::L1),
        Norm::L1 => norm_up(sizes, Norm::Linf),
        Norm::L2 => norm_up(sizes, Norm::L2),
        // Norms fall as their exponent grows: a smaller one is safe.
        Norm::Lp(p) => {
            let dual = div_down(p, add_up(p, -1.0)).clamp(1.0, Norm::LARGEST_EXPONENT);
            norm_up(sizes, Norm::lp(dual).unwrap_or(Norm::L1))
        }
    }
}

/// A number not below the norm of a vector with entries of these sizes, close
/// to it.
pub(crate) fn norm_up(sizes: impl Iterator<Item = f64> + Clone, norm: Norm) -> f64 {
    match norm {
        Norm::Linf => sizes.fold(0.0, f64::max),
        Norm::L1 => sizes.fold(0.0, add_up),
        Norm::L2 => sqrt_up(sizes.fold(0.0, |sum, d| add_up(sum, mul_up(d, d)))),
        Norm::Lp(p) => {
            let exponent = Exponent::new(p);
            let largest = sizes.clone().fold(0.0, f64::max);
            if largest == 0.0 || !largest.is_finite() {
                return largest;
            }
            // Powers below this may have left the normal range.
            let power = |d: f64| {
                let [power] = exponent.raise([div_up(d, largest).min(1.0)]);
                mul_up(power, add_up(1.0, mul_up(2.0, exponent.error))).max(1e-250)
            };
            let sum = sizes.map(power).fold(0.0, add_up);
            mul_up(largest, exponent.root(1.0, sum).1)
        }
    }
}
