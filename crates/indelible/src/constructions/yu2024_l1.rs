//! Optimal robust memorization in the sum norm: Yu, Gao & Zhang, "Optimal
//! Robust Memorization with ReLU Neural Networks", ICLR 2024, Theorem B.2.
//!
//! **Guarantee.** For every budget `μ < λ_1/2` and any number of labels, on
//! every closed ball `‖x − x_i‖_1 ≤ μ` the network is constant and equal to
//! `y_i`, in real arithmetic and as executed.
//!
//! **Size.** Depth `3N + 1`, width `3n + 1`, `(9n + 8)N − 2n − 4` nonzero
//! parameters for `N ≥ 2`, less two for each feature of a sample but the first
//! that is at its minimum. A logit head adds one layer and `6L` parameters.
//!
//! **Method.** `E_k = Σ_j |z_j − z_kj|` is the distance itself, so the running
//! label is raised to `y_k − (y_k/γ) relu(E_k − μ)`; one layer more per sample
//! than in the sup norm.
//!
//! **Floating point.** Computed sums differ from the distance by a bound that
//! is proved from the sizes of the features. The threshold is raised by it, so
//! that `relu(E_k − μ)` is exactly 0 on the own ball, and `γ` lowered.

use super::{Accuracy, Bound, BuiltNetwork, Construction, Labels, Options, ramps::Ramps, stream::Stream};
use crate::{Budget, Dataset, Error, Norm, network::Schedule};

pub(super) const ENTRY: Construction = Construction {
    schedule: Some(Schedule::Sequential),
    bounds: &[Bound {
        norm: None,
        labels: Labels::Any,
        formula: "O(N n)",
        value: |q| q.big_n() * q.n(),
        accuracy: Accuracy::Order,
        condition: "p = 1, any labels",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem B.2",
    }],
    ..Construction::new(
        "yu2024-l1",
        "Yu, Gao & Zhang, ICLR 2024, Theorem B.2",
        &[Norm::L1],
        |data, budget, options, _| build(data, budget, options),
    )
};

/// Builds the network.
///
/// # Errors
/// [`Error::TooFine`] when the format leaves no gap between the balls.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    let steps = Ramps::distance(data, budget, options)?.steps(options.head);
    Ok(Box::new(Stream::new(steps, Schedule::Sequential)))
}
