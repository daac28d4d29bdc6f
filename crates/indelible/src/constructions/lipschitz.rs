//! Lipschitz-controlled robust memorization without the log factor, for the
//! sup norm and the sum norm and any number of labels.
//!
//! **Guarantee.** For two labels the function of `yu2024-lipschitz`. For more,
//! the logits
//!
//! ```text
//! f_c(x) = max(−1, max over the samples k of class c of 1 − (2/λ) ‖x − x_k‖),
//! ```
//!
//! 1 on their own samples and −1 on all others, each with Lipschitz constant
//! `2/λ`. The right logit leads on every ball of radius `μ < λ/2`, by at least
//! `2(1 − ρ)` where the logits are not cut off.
//!
//! **Size.** With `N₊` the size of the rarer of two classes (`N` for more) and
//! `ℓ = ⌈log₂ n⌉` in the sup norm, `0` in the sum norm: depth `N₊ + ℓ + 2`,
//! width about `5n`, at most `12 n N₊` nonzero parameters, for `L` classes
//! `O(LN)` more.
//!
//! **Method.** A pipeline: a sample starts in every layer, and its tree of
//! maxima runs down the layers that follow while the next samples start. `z`
//! is passed on once per sample instead of once per layer of a tree.
//!
//! **Floating point.** As for `yu2024-lipschitz`.

use super::{
    Accuracy, AtLeast, Bound, BuiltNetwork, Construction, Heads, Labels, Options, heads,
    stream::Stream,
    yu2024_lipschitz::{self, binary, only_logits, steps},
};
use crate::{Budget, Dataset, Error, Norm, network::Schedule};

pub(super) const ENTRY: Construction = Construction {
    per_sample: false,
    heads: Heads::ScalarForTwo,
    schedule: Some(Schedule::Pipelined),
    tight_lipschitz: true,
    bounds: &[Bound {
        norm: Some(Norm::Linf),
        labels: Labels::Two,
        formula: "12 n N₊, N₊ ≤ N/2",
        value: |q| 12.0 * q.n() * (q.big_n() / 2.0).floor(),
        accuracy: Accuracy::Explicit,
        condition: "p = ∞, two labels; N₊ samples of the rarer one",
        source: "this library",
    }],
    at_least: |data, _| at_least(data),
    ..Construction::new(
        "lipschitz",
        "Theorem 5.2 without the log factor, for any number of labels",
        &[Norm::Linf, Norm::L1],
        |data, budget, options, _| build(data, budget, options),
    )
};

/// What no network falls below.
fn at_least(data: &Dataset) -> AtLeast {
    if data.classes() == 2 {
        return yu2024_lipschitz::at_least(data);
    }
    AtLeast::of_steps(data.features(), data.samples())
}

/// Builds the network.
///
/// # Errors
/// [`Error::Unsuitable`] for one radius per sample, and for a scalar head
/// unless there are two classes; [`Error::TooFine`] when the format leaves no
/// margin.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    let steps = if data.classes() == 2 {
        binary(ENTRY.name, data, budget, options)?
    } else {
        only_logits(ENTRY.name, options)?;
        let each = ((0..data.samples()).collect(), data.labels().to_vec());
        steps(ENTRY.name, data, budget, options, each, heads::shifted(data.classes(), -1.0))?
    };
    Ok(Box::new(Stream::new(steps, Schedule::Pipelined)))
}
