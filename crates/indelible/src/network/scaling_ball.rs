//! What an affine map of every feature makes of a ball, in real arithmetic and as
//! executed.
//!
//! Let `z = (x − m) ∘ w`, `u` the unit roundoff and `η` the smallest number of the
//! format. For a real `x'` with `‖w ∘ (x' − x)‖ ≤ μ` every feature has
//! `|x'_j − x_j| ≤ r = μ/w_j`. A machine rounds `x'_j` (off by at most
//! `e = u (|x_j| + r) + η`), takes `m_j` away (off by at most `e + u D`,
//! `D = |x_j − m_j| + r + e`) and multiplies by `w_j` (off by at most
//! `δ_j = w_j (e + u D) + u w_j D (1 + u) + η`). So what the network behind reads,
//! in real arithmetic or as executed, lies within `μ + ‖δ + |z − c|‖` of the number
//! `c` that stands for `z`.
//!
//! Where balls are measured in front of the map, `‖x' − x‖ ≤ ρ`, every feature has
//! `|x'_j − x_j| ≤ r = ρ` and `‖w ∘ (x' − x)‖ ≤ μ = ρ max w`, and what the network behind
//! reads lies in the box of half widths `w_j ρ + δ_j + |z_j − c_j|` around `c` as well.

use super::Scaling;
use crate::{
    Norm, Precision,
    network::norm_up,
    number::{add_up, div_up, mul_down, mul_up, sub_down, sub_up},
};

/// A map, the format in which it is executed, and whether balls are measured in front
/// of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScalingMap<'a> {
    pub scaling: &'a Scaling,
    pub precision: Precision,
    pub raw: bool,
}

/// What holds the image of a ball: another one, and a box with the same center.
#[derive(Debug)]
pub(crate) struct ScaledBall {
    /// Numbers of the format.
    pub center: Vec<f64>,
    pub radius: f64,
    /// The half width of the box in each feature.
    pub halves: Vec<f64>,
}

impl ScalingMap<'_> {
    /// The image of the ball around `x`; `None` where numbers are too large for the
    /// format.
    pub fn image(&self, x: &[f64], norm: Norm, radius: f64) -> Option<ScaledBall> {
        let &Self { scaling, precision, raw } = self;
        let (u, smallest, largest) =
            (precision.unit_roundoff(), precision.smallest_subnormal(), precision.largest() / 2.0);
        let (mut center, mut moved, mut halves) = (vec![], vec![], vec![]);
        for (&x, (m, w)) in x.iter().zip(scaling.pairs()) {
            let half = if raw { radius } else { div_up(radius, w) };
            let size = add_up(x.abs(), half);
            let read = add_up(mul_up(u, size), smallest);
            let (low, high) = (sub_down(x, m), sub_up(x, m));
            let difference = add_up(add_up(low.abs().max(high.abs()), half), read);
            let subtracted = add_up(read, mul_up(u, difference));
            let product = mul_up(w, mul_up(difference, add_up(1.0, u)));
            let error = add_up(add_up(mul_up(w, subtracted), mul_up(u, product)), smallest);
            // Half of the largest number leaves room for every rounding above.
            if !(size < largest && difference < largest && product < largest) {
                return None;
            }
            let c = precision.round((x - m) * w);
            let off = sub_up(c, mul_down(w, low)).max(sub_up(mul_up(w, high), c));
            center.push(c);
            moved.push(add_up(off, error));
            halves.push(add_up(mul_up(w, half), add_up(off, error)));
        }
        let steepest = scaling.factors().iter().copied().fold(0.0, f64::max);
        let radius = if raw { mul_up(steepest, radius) } else { radius };
        let radius = add_up(radius, norm_up(moved.iter().copied(), norm));
        radius.is_finite().then_some(ScaledBall { center, radius, halves })
    }
}
