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
    Accuracy, Bound, BuiltNetwork, Construction, Heads, Labels, Options, Yu2024Linf,
    construction::LARGEST_DENSE,
    heads,
    ramps::Ramps,
    stream::{self, Steps, Stream},
};
use crate::{
    Budget, Dataset, Error, Norm,
    network::{Layer, LayerBuilder, Model, Schedule},
};

pub(super) const ENTRY: Construction = Construction {
    name: "pipelined",
    source: "Theorems 4.8 and B.2 at half the depth",
    norms: &[Norm::Linf, Norm::L1],
    every_p: false,
    labels: Labels::Any,
    per_sample: true,
    heads: Heads::Any,
    schedule: Some(Schedule::Pipelined),
    largest_dense: LARGEST_DENSE,
    tight_lipschitz: false,
    bounds: &[Bound {
        norm: Some(Norm::Linf),
        labels: Labels::Any,
        formula: "(7n + 5) N − 4",
        value: |q| (7.0 * q.n() + 5.0) * q.big_n() - 4.0,
        accuracy: Accuracy::Explicit,
        condition: "p = ∞, any labels; depth N + 2, width 3n + 2",
        source: "this library",
    }],
    at_least: |data, _| stream::at_least(data.features(), data.samples()),
    build,
};

/// Builds the network.
///
/// # Errors
/// [`Error::TooFine`] when the format cannot hold it.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    if budget.norm() == Norm::L1 {
        return Ok(Box::new(Stream::pipelined(Ramps::distance(data, budget, options)?, options)));
    }
    let steps = Violations { inner: Yu2024Linf::new(data, budget, options)?, options };
    Ok(Box::new(Stream::pipelined(steps, options)))
}

/// The steps of Theorem 4.8.
#[derive(Clone, Debug)]
struct Violations {
    inner: Yu2024Linf,
    options: Options,
}

impl Steps for Violations {
    fn features(&self) -> usize {
        self.inner.data().features()
    }

    fn count(&self) -> usize {
        self.inner.data().samples()
    }

    fn stages(&self) -> usize {
        1
    }

    fn width(&self, _stage: usize) -> usize {
        2 * self.features()
    }

    fn stage(&self, step: usize, _stage: usize, _raw: bool) -> Layer {
        let mut layer = LayerBuilder::new(self.features());
        for (j, (lower, upper)) in self.inner.stored_thresholds(step).into_iter().enumerate() {
            layer.weight(j, 1.0).bias(-upper);
            layer.weight(j, -1.0).bias(lower);
        }
        layer.finish()
    }

    fn offer(&self, step: usize) -> Layer {
        let mut layer = LayerBuilder::new(self.width(0));
        for column in 0..self.width(0) {
            layer.weight(column, -self.inner.weights()[step]);
        }
        layer.bias(self.inner.value(step));
        layer.finish()
    }

    fn accumulator(&self, _step: usize) -> usize {
        0
    }

    fn accumulators(&self) -> usize {
        1
    }

    fn minima(&self) -> &[f64] {
        self.inner.minima()
    }

    fn head(&self) -> Vec<Layer> {
        heads::running_label(self.options.head, self.inner.data().classes())
    }

    fn compact(&self, schedule: Schedule) -> Result<Model, Error> {
        self.inner.compact_as(schedule)
    }
}
