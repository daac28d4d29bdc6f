//! Optimal robust memorization for `1 < p < ∞`: Yu, Gao & Zhang, "Optimal
//! Robust Memorization with ReLU Neural Networks", ICLR 2024, Theorem B.3.
//!
//! **Guarantee.** For every budget `μ < λ_p/2` and any number of labels, on
//! every closed ball `‖x − x_i‖_p ≤ μ` the network is constant and equal to
//! `y_i`, in real arithmetic and as executed.
//!
//! **Method.** `|t|^p` on `[0, R]` is replaced by a piecewise linear `φ` with
//! `0 ≤ φ(t) − t^p ≤ ε` and `nε` at most half of `(λ−μ)^p − μ^p`; then
//! `Σ_j φ(|z_j − z_kj|)` separates own from enemy balls, and the running label
//! is raised to `y_k` by a ramp between the two values. It is enough that
//! `R = λ − μ`, or the range of the features where that is smaller: one
//! difference beyond it belongs to an enemy, whatever the others are, and `φ`
//! goes on rising. Two ways are known:
//!
//! - *hinges*: `φ` interpolates at knots; `O(√(R^p/ε))` neurons per feature in
//!   one layer, depth `3N + 1`, for every real `p > 1`;
//! - *sawtooth*, for `p = 2`: Yarotsky's squares ("Error bounds for
//!   approximations with deep ReLU networks", 2017), `m = O(log(nR²/γ))` layers
//!   of `2n + 1` neurons, `O(N n m)` parameters, depth `(m + 3)N + 1`.
//!
//! The one with fewer parameters is built unless one is asked for.
//!
//! **Floating point.** As for `yu2024-l1`; slopes are rounded so that `φ` stays
//! above `t^p`, and what that adds counts towards `ε`.

use super::{
    Accuracy, Bound, BuiltNetwork, Construction, Labels, Options,
    frame::Frame,
    power::{Hinges, MOST, NoHinges, power_down, power_up},
    ramps::{Ramps, Sum, sawtooth_error},
    stream::Stream,
};
use crate::{
    Budget, Dataset, Error, Norm,
    network::Schedule,
    number::{add_up, div_down, mul_down, mul_up, sub_down, whole},
};

pub(super) const ENTRY: Construction = Construction {
    every_p: true,
    schedule: Some(Schedule::Sequential),
    bounds: &[Bound {
        norm: None,
        labels: Labels::Any,
        formula: "O(N n p² log(n/γ))",
        value: |q| {
            let p = exponent(q.norm);
            q.big_n() * q.n() * p * p * (q.n() / (1.0 - q.ratio)).ln().max(1.0)
        },
        accuracy: Accuracy::Order,
        condition: "1 < p < ∞ (γ = 1 − ρ in units of λ)",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem B.3",
    }],
    ..Construction::new(
        "yu2024-lp",
        "Yu, Gao & Zhang, ICLR 2024, Theorem B.3",
        &[Norm::L2],
        |data, budget, options, _| build(data, budget, options),
    )
};

/// How `|t|^p` is approximated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approximation {
    /// Hinges, in one layer.
    Hinges,
    /// Yarotsky's sawtooth, `p = 2` only.
    Sawtooth,
}

/// Builds the smaller of the two networks for `p = 2`, that of hinges for
/// other norms.
///
/// # Errors
/// [`Error::Unsuitable`] when the norm is no `l_p` with `1 < p < ∞`;
/// [`Error::TooFine`] when the format leaves no gap between the balls.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    let p = exponent(budget.norm());
    if p != 2.0 {
        return yu2024_lp(data, budget, options, p, Approximation::Hinges);
    }
    let hinges = ramps(data, budget, options, p, Approximation::Hinges);
    let sawtooth = squares(data, budget, options);
    let ramps = match (hinges, sawtooth) {
        (Ok(hinges), Ok(sawtooth)) if sawtooth.cost() < hinges.cost() => sawtooth,
        (Ok(hinges), _) => hinges,
        (Err(_), Ok(sawtooth)) => sawtooth,
        (Err(error), Err(_)) => return Err(error),
    };
    Ok(Box::new(Stream::new(ramps.steps(options.head), Schedule::Sequential)))
}

/// `p`.
fn exponent(norm: Norm) -> f64 {
    match norm {
        Norm::L1 => 1.0,
        Norm::L2 => 2.0,
        Norm::Lp(p) => p,
        Norm::Linf => f64::INFINITY,
    }
}

/// Builds the network with one approximation, for a real `p > 1` whose
/// distances and radii `budget` holds.
///
/// # Errors
/// [`Error::Unsuitable`] when `p` is not above 1, or the sawtooth is asked for
/// another `p` than 2; [`Error::TooFine`] when the format leaves no gap between
/// the balls.
pub fn yu2024_lp(
    data: &Dataset,
    budget: &Budget,
    options: Options,
    p: f64,
    approximation: Approximation,
) -> Result<Box<dyn BuiltNetwork>, Error> {
    let unsuitable = |why: String| Err(Error::Unsuitable { construction: ENTRY.name, why });
    if !(p > 1.0 && p.is_finite()) {
        return unsuitable(format!("p is {p}; expected a finite number above 1"));
    }
    if approximation == Approximation::Sawtooth && p != 2.0 {
        return unsuitable(format!("the sawtooth approximates squares; p is {p}"));
    }
    let steps = ramps(data, budget, options, p, approximation)?.steps(options.head);
    Ok(Box::new(Stream::new(steps, Schedule::Sequential)))
}

/// The ramps on sums of squares by the sawtooth.
pub(super) fn squares(data: &Dataset, budget: &Budget, options: Options) -> Result<Ramps, Error> {
    ramps(data, budget, options, 2.0, Approximation::Sawtooth)
}

fn ramps(
    data: &Dataset,
    budget: &Budget,
    options: Options,
    p: f64,
    approximation: Approximation,
) -> Result<Ramps, Error> {
    let frame = Frame::new(data, budget.radii(), options.precision)?;
    let radii = budget.radii();
    // One difference of the largest clearance is enough by itself: beyond it
    // the approximation need only rise.
    let clearance = (0..data.samples()).map(|k| budget.clearance(k)).fold(0.0, f64::max);
    let range = frame.largest_difference().min(clearance);
    let room = (0..data.samples())
        .map(|k| sub_down(enemy(budget, p, k), power_up(radii.of(k), p)))
        .fold(f64::INFINITY, f64::min);
    let error = div_down(room, 2.02 * data.features() as f64);
    let tight = frame.too_fine(if room > 0.0 {
        format!("sums of powers of own and enemy balls differ by {room:.2e} only")
    } else {
        format!("the distances to the power {p} leave its range (scale the data so that they are near 1)")
    });
    let largest = if clearance.is_finite() { range.max(clearance) } else { range };
    // Outside of these powers come near the ends of binary64.
    if !(error > 1e-240 && power_up(largest, p) < 1e240) {
        return Err(tight);
    }
    let task = Task { frame, budget, p, range, error, tight };
    match approximation {
        Approximation::Hinges => task.hinges(),
        Approximation::Sawtooth => task.sawtooth(),
    }
}

/// A number that the sum of powers does not fall below on the balls of enemies
/// of sample `k`.
fn enemy(budget: &Budget, p: f64, k: usize) -> f64 {
    match budget.clearance(k) {
        clearance if clearance.is_finite() => power_down(clearance, p),
        _ => mul_up(2.0, power_up(budget.radii().of(k), p)) + 1.0,
    }
}

/// What an approximation has to do.
struct Task<'a> {
    frame: Frame,
    budget: &'a Budget,
    p: f64,
    /// `R`.
    range: f64,
    /// `ε`.
    error: f64,
    /// The error when the format leaves no room.
    tight: Error,
}

impl Task<'_> {
    fn hinges(self) -> Result<Ramps, Error> {
        let Self { frame, budget, p, range, error, tight } = self;
        let precision = frame.precision;
        let hinges = Hinges::power(p, range, error, precision).map_err(|missing| match missing {
            NoHinges::TooFine => tight,
            NoHinges::TooMany => Error::Unsuitable {
                construction: ENTRY.name,
                why: format!("it would need more than {MOST} hinges per feature; choose a smaller radius"),
            },
        })?;
        let n = frame.data.features();
        let above = mul_up(n as f64, hinges.error);
        let noise = mul_up(hinges.slope, frame.total_error());
        // Of the two sides of a difference one is 0. A rounded difference
        // counts p times in its power, whose bounds are rounded, too.
        let roundings = n * hinges.knots.len() + 8 * whole(p.ceil()) + 20;
        Ramps::new(frame, budget, Sum::Hinges(hinges), (roundings, noise), |k| {
            (add_up(power_up(budget.radii().of(k), p), above), enemy(budget, p, k))
        })
    }

    fn sawtooth(self) -> Result<Ramps, Error> {
        let Self { frame, budget, p, range, error, tight } = self;
        let precision = frame.precision;
        let n = frame.data.features();
        let inverse = precision.round_down(div_down(1.0, range));
        let square = (mul_down(inverse, inverse), mul_up(inverse, inverse));
        // Interpolation at 2^m + 1 points is off by 4^−(m+1).
        let mut levels = 1;
        while mul_up(n as f64, 0.25f64.powi(levels + 1)) > mul_down(square.0, mul_down(n as f64, error)) {
            levels += 1;
            if levels > 60 {
                return Err(tight);
            }
        }
        let above = mul_up(n as f64, 0.25f64.powi(levels + 1));
        let levels = levels.unsigned_abs() as usize;
        let gamma = frame.gamma(2 * n + 2)?;
        // Beyond 1 all terms grow in proportion.
        let size = mul_up(inverse, frame.largest_range()).max(1.0);
        let inputs = mul_up(inverse, frame.total_error());
        let unit = precision.unit_roundoff();
        let noise = mul_up(size, sawtooth_error(n, levels, inputs, unit, gamma));
        let sum = Sum::Sawtooth { inverse, levels };
        Ramps::new(frame, budget, sum, (4, noise), |k| {
            let own = add_up(mul_up(square.1, power_up(budget.radii().of(k), p)), above);
            (own, mul_down(square.0, enemy(budget, p, k)))
        })
    }
}
