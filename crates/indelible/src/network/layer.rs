//! One affine layer, stored by rows without its zeros.

use super::Arithmetic;
use crate::Precision;

/// An affine map `x ↦ W x + b`, `W` of shape `outputs × inputs`, zeros left
/// out.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    inputs: usize,
    /// Row `r` has its entries at `row_ends[r − 1]..row_ends[r]`.
    row_ends: Vec<usize>,
    columns: Vec<usize>,
    weights: Vec<f64>,
    biases: Vec<f64>,
}

/// One row of a layer: the nonzero weights of one neuron and its bias.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The inputs it reads, increasing where the layer was built that way.
    pub columns: &'a [usize],
    /// One nonzero weight per column.
    pub weights: &'a [f64],
    /// The bias, possibly 0.
    pub bias: f64,
}

impl<'a> Row<'a> {
    /// Each column with its weight.
    pub fn terms(self) -> impl Iterator<Item = (usize, f64)> + Clone + use<'a> {
        self.columns.iter().copied().zip(self.weights.iter().copied())
    }
}

impl Layer {
    /// Width of what it reads.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of neurons.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.biases.len()
    }

    /// Neuron `index`.
    ///
    /// # Panics
    /// When `index` is out of range.
    #[inline]
    #[must_use]
    pub fn row(&self, index: usize) -> Row<'_> {
        let start = if index == 0 { 0 } else { self.row_ends[index - 1] };
        let range = start..self.row_ends[index];
        Row { columns: &self.columns[range.clone()], weights: &self.weights[range], bias: self.biases[index] }
    }

    /// All neurons in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.outputs()).map(|r| self.row(r))
    }

    /// One bias per neuron.
    #[must_use]
    pub fn biases(&self) -> &[f64] {
        &self.biases
    }

    /// Whether every neuron reads one input at most.
    #[must_use]
    pub fn is_diagonal(&self) -> bool {
        self.rows().all(|row| row.columns.len() <= 1)
    }

    /// The same rows with other biases.
    ///
    /// # Panics
    /// When there is not one bias per neuron.
    #[must_use]
    pub fn with_biases(self, biases: Vec<f64>) -> Self {
        assert_eq!(biases.len(), self.biases.len(), "one bias per neuron");
        Self { biases, ..self }
    }

    /// Whether all weights and biases are finite numbers of `precision`.
    pub(crate) fn holds(&self, precision: Precision) -> bool {
        self.weights.iter().chain(&self.biases).all(|v| precision.holds(*v))
    }

    /// Number of weights and biases that are not 0.
    #[must_use]
    pub fn nonzero(&self) -> usize {
        self.weights.len() + self.biases.iter().filter(|b| **b != 0.0).count()
    }

    /// Largest absolute value of a weight or bias; 0 when there is none.
    #[must_use]
    pub fn max_abs(&self) -> f64 {
        self.weights.iter().chain(&self.biases).fold(0.0, |m, w| m.max(w.abs()))
    }
}

/// The outputs of `layers`, a ReLU between each two, as `arithmetic` has them.
pub(crate) fn through<A: Arithmetic>(
    arithmetic: &mut A,
    layers: &[Layer],
    input: Vec<A::Number>,
) -> Vec<A::Number> {
    let mut values = input;
    let mut terms = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let hidden = index + 1 < layers.len();
        values = layer
            .rows()
            .map(|row| {
                terms.clear();
                terms.extend(row.terms().map(|(c, w)| (w, values[c].clone())));
                let bias = arithmetic.number(row.bias);
                let sum = arithmetic.dot(&bias, &terms);
                if hidden { arithmetic.relu(&sum) } else { sum }
            })
            .collect();
    }
    values
}

/// Builds a [`Layer`] row by row.
///
/// ```
/// use indelible::network::LayerBuilder;
///
/// let mut layer = LayerBuilder::new(2);
/// layer.weight(0, 1.0).weight(1, -1.0).bias(0.5);
/// layer.bias(3.0);
/// let layer = layer.finish();
/// assert_eq!((layer.outputs(), layer.nonzero()), (2, 4));
/// ```
#[derive(Clone, Debug)]
pub struct LayerBuilder(Layer);

impl LayerBuilder {
    /// A layer that reads `inputs` numbers and has no neuron yet.
    #[must_use]
    pub fn new(inputs: usize) -> Self {
        Self(Layer { inputs, row_ends: vec![], columns: vec![], weights: vec![], biases: vec![] })
    }

    /// Gives the neuron begun last (or since the last bias) a weight; 0 is
    /// left out.
    ///
    /// # Panics
    /// When there is no such input.
    pub fn weight(&mut self, column: usize, weight: f64) -> &mut Self {
        assert!(column < self.0.inputs, "input {column} of {}", self.0.inputs);
        if weight != 0.0 {
            self.0.columns.push(column);
            self.0.weights.push(weight);
        }
        self
    }

    /// Ends the neuron with its bias.
    pub fn bias(&mut self, bias: f64) -> &mut Self {
        self.0.row_ends.push(self.0.columns.len());
        self.0.biases.push(bias);
        self
    }

    /// The layer.
    #[must_use]
    pub fn finish(self) -> Layer {
        self.0
    }
}
