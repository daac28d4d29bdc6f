//! Optimal robust memorization, pipelined, in the sup norm and the sum norm.
//!
//! **Guarantee.** That of `yu2024-linf` and `yu2024-l1`, whose functions these
//! networks compute.
//!
//! **Size.** In the sup norm depth `N + 2`, width at most `3n + 2` and
//! `(7n + 5)N − 4` nonzero parameters for `N ≥ 2` (`6n + 2` for one sample),
//! less thresholds that happen to be 0; in the sum norm depth `N + 3`, width at
//! most `3n + 3` and `(7n + 7)N − 4`. A logit head adds one layer and at most
//! `6L` parameters.
//!
//! **Method.** The increment for sample `k` is computed in the same layer as
//! the differences to sample `k + 1`, so that `z` is passed on once per sample
//! and not twice: half the depth, and `n` weights per sample less.
//!
//! **Floating point.** As for `yu2024-linf` and `yu2024-l1`: the same
//! thresholds and weights.

use super::{
    Accuracy, Bound, BuiltNetwork, Construction, Labels, Options, Yu2024Linf, ramps::Ramps, stream::Stream,
};
use crate::{Budget, Dataset, Error, Norm, network::Schedule};

pub(super) const ENTRY: Construction = Construction {
    schedule: Some(Schedule::Pipelined),
    bounds: &[Bound {
        norm: Some(Norm::Linf),
        labels: Labels::Any,
        formula: "(7n + 5) N − 4",
        value: |q| (7.0 * q.n() + 5.0) * q.big_n() - 4.0,
        accuracy: Accuracy::Explicit,
        condition: "p = ∞, any labels; depth N + 2, width 3n + 2",
        source: "this library",
    }],
    ..Construction::new(
        "pipelined",
        "Theorems 4.8 and B.2 at half the depth",
        &[Norm::Linf, Norm::L1],
        |data, budget, options, _| build(data, budget, options),
    )
};

/// Builds the network.
///
/// # Errors
/// [`Error::TooFine`] when the format cannot hold it.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    if budget.norm() == Norm::L1 {
        let steps = Ramps::distance(data, budget, options)?.steps(options.head);
        return Ok(Box::new(Stream::new(steps, Schedule::Pipelined)));
    }
    Ok(Box::new(Yu2024Linf::new(data, budget, options)?.stream(Schedule::Pipelined)))
}
