//! Layers that can be changed, and two networks side by side.

use indelible::network::{Layer, LayerBuilder};

/// A layer by rows, which can be changed.
#[derive(Clone)]
pub(crate) struct Rows {
    pub inputs: usize,
    /// Column and weight of each term, and the bias.
    pub rows: Vec<(Vec<(usize, f64)>, f64)>,
}

impl Rows {
    pub fn of(layer: &Layer) -> Self {
        Self {
            inputs: layer.inputs(),
            rows: layer.rows().map(|row| (row.terms().collect(), row.bias)).collect(),
        }
    }

    pub fn all(layers: &[Layer]) -> Vec<Self> {
        layers.iter().map(Self::of).collect()
    }

    pub fn identity(width: usize) -> Self {
        Self { inputs: width, rows: (0..width).map(|i| (vec![(i, 1.0)], 0.0)).collect() }
    }

    pub fn finish(mut self) -> Layer {
        let mut layer = LayerBuilder::new(self.inputs);
        for (terms, bias) in &mut self.rows {
            terms.sort_by_key(|(column, _)| *column);
            terms.iter().for_each(|(column, weight)| {
                layer.weight(*column, *weight);
            });
            layer.bias(*bias);
        }
        layer.finish()
    }

    /// Terms of every row, changed.
    pub fn map(&mut self, change: impl Fn(&[(usize, f64)]) -> Vec<(usize, f64)>) {
        self.rows.iter_mut().for_each(|(terms, _)| *terms = change(terms));
    }

    /// `x ↦ (W x + b, −W x − b)`.
    pub fn with_negative(&self) -> Self {
        let negated = self
            .rows
            .iter()
            .map(|(terms, bias)| (terms.iter().map(|(column, w)| (*column, -w)).collect::<Vec<_>>(), -bias));
        Self { inputs: self.inputs, rows: self.rows.iter().cloned().chain(negated).collect() }
    }

    /// Reads `v` as `relu(v) − relu(−v)`.
    pub fn of_difference(&mut self) {
        let width = self.inputs;
        self.inputs = 2 * width;
        self.map(|terms| {
            terms.iter().flat_map(|(column, w)| [(*column, *w), (column + width, -w)]).collect()
        });
    }

    /// Reads numbers that stand `by` places further on.
    fn shifted(mut self, by: usize) -> Self {
        self.map(|terms| terms.iter().map(|(column, w)| (column + by, *w)).collect());
        self
    }
}

/// Puts a layer in front of layer `at` that changes nothing: `x = relu(x) − relu(−x)`,
/// or behind a ReLU what it gives.
pub(crate) fn identity(rows: &mut Vec<Rows>, at: usize) {
    let Some(layer) = rows.get_mut(at) else { return };
    let new = Rows::identity(layer.inputs);
    let new = if at == 0 {
        layer.of_difference();
        new.with_negative()
    } else {
        new
    };
    rows.insert(at, new);
}

/// What two networks beside each other give.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    /// The outputs of both.
    Both,
    /// This much times those of the first, and those of the second.
    Sum(f64),
}

/// Two networks that read the same inputs; the shorter one is filled up with layers
/// that change nothing. For sums they have the same number of outputs.
pub(crate) fn together(first: &[Layer], second: &[Layer], ending: Ending) -> Vec<Layer> {
    joined(Rows::all(first), Rows::all(second), ending).into_iter().map(Rows::finish).collect()
}

/// The same with layers that can be changed.
pub(crate) fn joined(mut first: Vec<Rows>, mut second: Vec<Rows>, ending: Ending) -> Vec<Rows> {
    let depth = first.len().max(second.len());
    for network in [&mut first, &mut second] {
        while (1..depth).contains(&network.len()) {
            identity(network, network.len() - 1);
        }
    }
    let mut layers = vec![];
    for (index, (mut a, b)) in first.into_iter().zip(second).enumerate() {
        // Both read the inputs; further on, each what it gave itself.
        let by = if index == 0 { 0 } else { a.inputs };
        let (inputs, b) = (if index == 0 { a.inputs } else { a.inputs + b.inputs }, b.shifted(by));
        a.inputs = inputs;
        match ending {
            Ending::Sum(factor) if index + 1 == depth => {
                for ((terms, bias), (more, added)) in a.rows.iter_mut().zip(b.rows) {
                    terms.iter_mut().for_each(|(_, w)| *w *= factor);
                    *bias = indelible::Precision::F32.round(*bias * factor + added);
                    terms.extend(more);
                }
            }
            _ => a.rows.extend(b.rows),
        }
        layers.push(a);
    }
    layers
}
