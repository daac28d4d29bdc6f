//! Networks put together layer by layer from named affine sums.

use std::collections::BTreeMap;

use dashu_int::IBig;

use crate::{
    Cuts,
    network::{ExactLayer, ExactNetwork, Neuron},
};

/// An affine function of the neurons of the layer that was closed last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    weights: BTreeMap<usize, IBig>,
    bias: IBig,
}

impl Sum {
    /// The value of a neuron.
    pub(crate) fn of(neuron: usize) -> Self {
        Self { weights: BTreeMap::from([(neuron, IBig::ONE)]), bias: IBig::ZERO }
    }

    /// A number.
    pub(crate) fn number(bias: IBig) -> Self {
        Self { weights: BTreeMap::new(), bias }
    }

    /// With `factor` times another sum.
    pub(crate) fn plus(mut self, factor: &IBig, other: &Self) -> Self {
        for (column, weight) in &other.weights {
            *self.weights.entry(*column).or_default() += factor * weight;
        }
        self.weights.retain(|_, weight| *weight != IBig::ZERO);
        self.bias += factor * &other.bias;
        self
    }

    /// With a number added.
    pub(crate) fn and(mut self, number: &IBig) -> Self {
        self.bias += number;
        self
    }

    fn neuron(self) -> Neuron {
        Neuron { weights: self.weights.into_iter().collect(), bias: self.bias }
    }
}

/// A network whose last layer is open.
#[derive(Debug)]
pub(crate) struct Builder {
    exponent: i64,
    layers: Vec<ExactLayer>,
    open: Vec<Neuron>,
}

impl Builder {
    /// A first layer of one neuron, the place along the line in the units of the
    /// cuts; it is neuron 0 of the layer that was closed last.
    pub(crate) fn on(cuts: &Cuts) -> Self {
        let columns = cuts.weights.iter().enumerate().filter(|(_, weight)| **weight != 0);
        let place = Neuron {
            weights: columns.map(|(column, weight)| (column, IBig::from(*weight))).collect(),
            bias: cuts.shift.clone(),
        };
        let first = ExactLayer { inputs: cuts.weights.len(), neurons: vec![place] };
        Self { exponent: cuts.exponent, layers: vec![first], open: vec![] }
    }

    /// Adds a neuron to the open layer, the positive part of `sum`.
    pub(crate) fn push(&mut self, sum: Sum) -> usize {
        self.open.push(sum.neuron());
        self.open.len() - 1
    }

    /// Closes the open layer.
    pub(crate) fn close(&mut self) {
        let inputs = self.layers.last().map_or(0, |layer| layer.neurons.len());
        self.layers.push(ExactLayer { inputs, neurons: std::mem::take(&mut self.open) });
    }

    /// The network that gives `output`.
    pub(crate) fn finish(mut self, output: Sum) -> ExactNetwork {
        self.push(output);
        self.close();
        ExactNetwork { exponent: self.exponent, layers: self.layers }
    }
}
