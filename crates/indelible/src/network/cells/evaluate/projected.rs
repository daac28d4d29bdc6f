//! Panels of 512 inputs seen along directions: one column per direction.

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

/// A panel whose columns are the outputs of a layer of directions, with the
/// features that they are computed from.
#[derive(Clone)]
pub(super) struct Projected<T> {
    isa: Isa,
    /// Groups of all features.
    groups: Arc<[usize]>,
    features: Values<T>,
    /// One per column; nothing where there is no direction.
    neurons: Arc<[Neuron<T>]>,
    directions: Values<T>,
}

impl<T: Real> Projected<T> {
    /// An empty panel; `groups` are those of the directions that occur.
    pub fn new(isa: Isa, layer: &Layer, groups: &[usize]) -> Self {
        let all: Arc<[usize]> = (0..layer.inputs().div_ceil(GROUP)).collect();
        let columns = groups.iter().flat_map(|group| GROUP * group..GROUP * (group + 1));
        let neuron = |direction: usize| {
            if direction >= layer.outputs() {
                return (vec![], T::default());
            }
            let row = layer.row(direction);
            (row.terms().map(|(column, w)| (column, T::from_f64(w))).collect(), T::from_f64(row.bias))
        };
        Self {
            isa,
            features: Values::new(all.len()),
            groups: all,
            neurons: columns.map(neuron).collect(),
            directions: Values::new(groups.len()),
        }
    }

    /// Takes at most 512 `rows` of `width` numbers.
    pub fn fill<S: Copy>(&mut self, rows: &[S], width: usize, round: &impl Fn(S) -> T) {
        self.features.fill(rows, width, &self.groups, round);
        for (out, (terms, bias)) in self.directions.columns.iter_mut().zip(self.neurons.iter()) {
            self.isa.run(Project { features: &self.features.columns, terms, bias: *bias, out });
        }
    }
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
        self.directions.silent(literals, out);
    }

    #[inline(always)]
    fn value(&self, column: usize, input: usize) -> T {
        self.directions.value(column, input)
    }
}
