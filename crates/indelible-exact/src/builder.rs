//! Networks put together layer by layer from named affine sums.

use std::collections::BTreeMap;

use dashu_int::IBig;

use crate::{
    network::{ExactLayer, ExactNetwork, Neuron},
    places::Rows,
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
    /// What every layer passes on besides, not negative.
    pub carried: Vec<Sum>,
}

impl Builder {
    /// A first layer of these rows, which is the layer that was closed last.
    pub(crate) fn on(rows: &Rows) -> Self {
        let first = ExactLayer { inputs: rows.features(), neurons: rows.neurons() };
        Self { exponent: rows.exponent, layers: vec![first], open: vec![], carried: vec![] }
    }

    /// Adds a neuron to the open layer, the positive part of `sum`.
    pub(crate) fn push(&mut self, sum: Sum) -> usize {
        self.open.push(sum.neuron());
        self.open.len() - 1
    }

    /// Adds a neuron that passes on what is not negative.
    pub(crate) fn pass(&mut self, sum: &mut Sum) {
        *sum = Sum::of(self.push(std::mem::take(sum)));
    }

    /// Closes the open layer.
    pub(crate) fn close(&mut self) {
        let mut carried = std::mem::take(&mut self.carried);
        carried.iter_mut().for_each(|sum| self.pass(sum));
        self.carried = carried;
        let inputs = self.layers.last().map_or(0, |layer| layer.neurons.len());
        self.layers.push(ExactLayer { inputs, neurons: std::mem::take(&mut self.open) });
    }

    /// The network that gives `output`.
    pub(crate) fn finish(mut self, output: Sum) -> ExactNetwork {
        self.carried.clear();
        self.push(output);
        self.close();
        ExactNetwork { exponent: self.exponent, layers: self.layers }
    }
}
