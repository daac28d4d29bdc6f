//! Lipschitz-controlled robust memorization of two labels in the sup norm: Yu,
//! Gao & Zhang, "Optimal Robust Memorization with ReLU Neural Networks", ICLR
//! 2024, Theorem 5.2.
//!
//! **Guarantee.** With the samples `x_k` of the rarer label,
//!
//! ```text
//! F(x) = max(−1, max_k 1 − (2/λ) ‖x − x_k‖_∞)
//! ```
//!
//! is 1 on the samples of that label and −1 on the others, and its Lipschitz
//! constant in the sup norm is `2/λ`, which no memorizer with these values can
//! undercut. So the sign of `F` is right on every ball of radius `μ < λ/2`:
//! all budgets at once, with margin `1 − ρ`. The logits are `F` and `−F`; the
//! scalar head is `1.5 ± F/2`, whose nearest integer is the label.
//!
//! **Size.** With `N₊` samples of the rarer label and `ℓ = ⌈log₂ n⌉`, depth
//! `(ℓ + 2) N₊ + 1`, width at most `3n + 1`, `O(N₊ n log n)` nonzero
//! parameters, none larger than `max(2, 2/λ)` and the largest feature above
//! its minimum.
//!
//! **Method.** One sample after the other: `|z_j − z_kj|` in one layer, their
//! maximum by a tree of `ℓ` layers (`max(a, b) = relu(a − b) + b`), then
//! `F + 1` is raised to `2 − (2/λ) E_k`; `z = relu(x − m)` passes on all the
//! way, which is what costs `n log n` (see `lipschitz` for a network without
//! it).
//!
//! **Floating point.** `2/λ` is rounded down, so the constant is kept; what
//! rounding does to distances comes off the margin, and a format without
//! enough of it is refused.

use super::{
    Accuracy, AtLeast, Bound, BuiltNetwork, Construction, Labels, Options,
    distances::Distances,
    frame::Frame,
    heads,
    stream::{Steps, Stream},
};
use crate::{
    Budget, Dataset, Error, Norm, Radii,
    network::{Head, Layer, Schedule},
    number::{add_up, div_down, mul_up, sub_down},
};

pub(super) const ENTRY: Construction = Construction {
    labels: Labels::Two,
    per_sample: false,
    schedule: Some(Schedule::Sequential),
    tight_lipschitz: true,
    bounds: &[Bound {
        norm: None,
        labels: Labels::Two,
        formula: "O(N n log n)",
        value: |q| q.big_n() * q.n() * q.n().log2().max(1.0),
        accuracy: Accuracy::Order,
        condition: "p = ∞, two labels; every radius below λ/2 at once, parameters bounded by 2/λ",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem 5.2",
    }],
    at_least: |data, _| at_least(data),
    ..Construction::new(
        "yu2024-lipschitz",
        "Yu, Gao & Zhang, ICLR 2024, Theorem 5.2",
        &[Norm::Linf],
        |data, budget, options, _| build(data, budget, options),
    )
};

/// Builds the network.
///
/// # Errors
/// [`Error::Unsuitable`] unless there are two classes and one radius;
/// [`Error::TooFine`] when the format leaves no margin.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    Ok(Box::new(Stream::new(binary(ENTRY.name, data, budget, options)?, Schedule::Sequential)))
}

/// What no network falls below.
pub(super) fn at_least(data: &Dataset) -> AtLeast {
    AtLeast::of_steps(data.features(), rarer(data).1.len())
}

/// The rarer of two labels that occurs, and its samples.
fn rarer(data: &Dataset) -> (usize, Vec<usize>) {
    let of =
        |class: usize| -> Vec<usize> { (0..data.samples()).filter(|&i| data.labels()[i] == class).collect() };
    let (no, yes) = (of(0), of(1));
    let positive = usize::from(no.is_empty() || !yes.is_empty() && yes.len() < no.len());
    (positive, if positive == 1 { yes } else { no })
}

/// The steps for the rarer of two labels.
pub(super) fn binary(
    name: &'static str,
    data: &Dataset,
    budget: &Budget,
    options: Options,
) -> Result<Steps, Error> {
    only_two(name, data)?;
    let (positive, samples) = rarer(data);
    let accumulators = vec![0; samples.len()];
    let head = heads::sign(options.head, positive);
    steps(name, data, budget, options, (samples, accumulators), head)
}

/// Steps with slope `2/λ` for `samples`, with an accumulator for each.
pub(super) fn steps(
    name: &'static str,
    data: &Dataset,
    budget: &Budget,
    options: Options,
    (samples, accumulators): (Vec<usize>, Vec<usize>),
    head: Vec<Layer>,
) -> Result<Steps, Error> {
    let Radii::Uniform(radius) = *budget.radii() else {
        let why = "its slope is one for all samples; it serves one radius, not one per sample".into();
        return Err(Error::Unsuitable { construction: name, why });
    };
    let frame = Frame::new(data, budget.radii(), options.precision)?;
    // Without enemies every slope will do.
    let found = budget.distance(0);
    let separation = if found.is_finite() { found } else { add_up(mul_up(2.0, radius), 2.0) };
    let scale = options.precision.round_down(div_down(2.0, separation));
    let error = Distances::error(&frame, budget.norm())?;
    // Offers lie within [−1, 2] where they matter and are rounded a few times.
    let slack = div_down(mul_up(16.0, options.precision.unit_roundoff()), -scale);
    let room = sub_down(sub_down(separation / 2.0, radius), add_up(error, -slack));
    if !(room > 0.0 && scale > 0.0 && scale.is_finite()) {
        return Err(frame.no_gap(0));
    }
    Ok(Distances { frame, norm: budget.norm(), samples, scale }.steps(2.0, accumulators, head))
}

/// Only two labels can be told apart by a sign.
pub(super) fn only_two(name: &'static str, data: &Dataset) -> Result<(), Error> {
    if data.classes() == 2 {
        return Ok(());
    }
    let why = format!("it tells two classes apart; the data have {}", data.classes());
    Err(Error::Unsuitable { construction: name, why })
}

/// Only logits can be had from scores of several classes.
pub(super) fn only_logits(name: &'static str, options: Options) -> Result<(), Error> {
    if options.head == Head::Logits {
        return Ok(());
    }
    let why = "it gives one score per class; expected the logit head".into();
    Err(Error::Unsuitable { construction: name, why })
}
