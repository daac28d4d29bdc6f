//! Panels of 512 inputs seen along directions: one column per direction, computed
//! layer by layer.

use std::sync::Arc;

use crate::{
    isa::{Isa, Loop},
    network::Layer,
    number::Real,
};

use super::{
    Bits, GROUP, Literal, PANEL,
    panel::{Panel, Values},
};

/// The weights of a direction and its bias, as the format has them.
type Neuron<T> = (Vec<(usize, T)>, T);

/// A panel whose columns are the outputs of the last of some layers, with what they
/// are computed from.
#[derive(Clone)]
pub(super) struct Projected<T> {
    isa: Isa,
    /// Groups of all features.
    groups: Arc<[usize]>,
    features: Values<T>,
    /// Layer by layer one neuron per column; nothing where there is no direction.
    neurons: Arc<[Vec<Neuron<T>>]>,
    /// The outputs of every layer.
    outputs: Vec<Values<T>>,
}

impl<T: Real> Projected<T> {
    /// An empty panel; `groups` are those of the directions of the last of `layers`
    /// that occur. There is a layer.
    pub fn new(isa: Isa, layers: &[Layer], groups: &[usize]) -> Self {
        let all = |width: usize| (0..width.div_ceil(GROUP)).collect::<Vec<usize>>();
        let features: Arc<[usize]> = all(layers.first().map_or(0, Layer::inputs)).into();
        let mut neurons = vec![];
        let mut outputs = vec![];
        for (index, layer) in layers.iter().enumerate() {
            let own = if index + 1 < layers.len() { all(layer.outputs()) } else { groups.to_vec() };
            neurons.push(
                own.iter()
                    .flat_map(|group| GROUP * group..GROUP * (group + 1))
                    .map(|k| neuron(layer, k))
                    .collect(),
            );
            outputs.push(Values::new(own.len()));
        }
        Self {
            isa,
            features: Values::new(features.len()),
            groups: features,
            neurons: neurons.into(),
            outputs,
        }
    }

    /// Takes at most 512 `rows` of `width` numbers.
    pub fn fill<S: Copy>(&mut self, rows: &[S], width: usize, round: &impl Fn(S) -> T) {
        self.features.fill(rows, width, &self.groups, round);
        let mut before = &self.features;
        for (outputs, neurons) in self.outputs.iter_mut().zip(self.neurons.iter()) {
            for (out, (terms, bias)) in outputs.columns.iter_mut().zip(neurons) {
                self.isa.run(Project { features: &before.columns, terms, bias: *bias, out });
            }
            before = outputs;
        }
    }

    /// The columns that constraints are on.
    fn last(&self) -> &Values<T> {
        self.outputs.last().unwrap_or(&self.features)
    }
}

/// Neuron `index` of a layer, nothing where it has fewer.
fn neuron<T: Real>(layer: &Layer, index: usize) -> Neuron<T> {
    if index >= layer.outputs() {
        return (vec![], T::default());
    }
    let row = layer.row(index);
    (row.terms().map(|(column, w)| (column, T::from_f64(w))).collect(), T::from_f64(row.bias))
}

/// One direction of all inputs of a panel, and its ReLU. Sums start from the
/// bias and go on in the order of the weights, as those of layers do.
struct Project<'a, T> {
    features: &'a [[T; PANEL]],
    terms: &'a [(usize, T)],
    bias: T,
    out: &'a mut [T; PANEL],
}

/// Inputs whose sums stay in registers.
const LANES: usize = 64;

impl<T: Real> Loop for Project<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { features, terms, bias, out } = self;
        for (part, out) in out.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut sums = [bias; LANES];
            for &(column, weight) in terms {
                let values = &features[column].as_chunks::<LANES>().0[part];
                for (sum, &x) in sums.iter_mut().zip(values) {
                    *sum = *sum + weight * x;
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = sum.relu();
            }
        }
    }
}

impl<T: Real> Panel for Projected<T> {
    type Value = T;

    fn silent(&self, literals: &[Literal], out: &mut [Bits]) {
        self.last().silent(literals, out);
    }

    #[inline(always)]
    fn value(&self, column: usize, input: usize) -> T {
        self.last().value(column, input)
    }
}
