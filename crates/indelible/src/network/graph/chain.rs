//! A graph that is a chain of affine maps and ReLUs as layers.

use super::{
    Activation, Graph, Node, Operation,
    affine::{AffineMap, RowBuffer},
};
use crate::network::{Layer, LayerBuilder, StoredNetwork};

/// Weights that convolutions are written out to, at most, all of them together.
const MOST_WRITTEN_OUT: usize = 1 << 22;

impl Graph {
    /// The graph as layers, where it is a chain of affine maps, selections and
    /// ReLUs whose convolutions are not too large to be written out; else the
    /// graph itself.
    ///
    /// The layers mean the same in every arithmetic. Two affine maps without a
    /// ReLU between them are two layers, the value `v` passing as
    /// `relu(v) − relu(−v)`, which is `v` exactly.
    ///
    /// # Errors
    /// The graph, where it is no such chain.
    pub fn into_layers(self) -> Result<StoredNetwork, Self> {
        let chained = |(index, node): (usize, &Node)| node.reads == [index] && is_link(&node.operation);
        let written: Option<usize> = self.nodes.iter().map(|node| written_out(&node.operation)).sum();
        let is_chain = self.nodes.iter().enumerate().all(chained);
        if !is_chain || self.goes_on_with_sums() || written.is_none_or(|count| count > MOST_WRITTEN_OUT) {
            return Err(self);
        }
        let mut chain =
            Chain { layers: vec![], affine: None, active: false, selection: None, width: self.widths[0] };
        for node in self.nodes {
            match node.operation {
                Operation::Affine(map) => chain.push(into_layer(map)),
                Operation::Select(indices) => chain.select(indices),
                _ => chain.relu(),
            }
        }
        Ok(StoredNetwork { precision: self.precision, layers: chain.finish() })
    }
}

impl Graph {
    /// Whether sums are scaled or shifted number by number before a ReLU: a runtime
    /// may do that while it adds, which layers would not say.
    fn goes_on_with_sums(&self) -> bool {
        let mut in_sums = false;
        self.nodes.iter().any(|node| match &node.operation {
            Operation::Affine(AffineMap::Rows(layer)) if layer.is_diagonal() => in_sums,
            Operation::Affine(_) => {
                in_sums = true;
                false
            }
            Operation::Select(_) => false,
            _ => {
                in_sums = false;
                false
            }
        })
    }
}

fn is_link(operation: &Operation) -> bool {
    matches!(operation, Operation::Affine(_) | Operation::Select(_) | Operation::Activation(Activation::Relu))
}

/// At most how many weights are written out for an operation.
fn written_out(operation: &Operation) -> Option<usize> {
    match operation {
        Operation::Affine(map @ AffineMap::Convolution(c)) => {
            (c.weights.len() / c.biases.len().max(1)).checked_mul(map.outputs())
        }
        _ => Some(0),
    }
}

fn into_layer(map: AffineMap) -> Layer {
    let (inputs, mut buffer) = (map.inputs(), RowBuffer::default());
    match map {
        AffineMap::Rows(layer) => layer,
        map @ AffineMap::Convolution(_) => {
            let mut layer = LayerBuilder::new(inputs);
            for index in 0..map.outputs() {
                let row = map.row(index, &mut buffer);
                row.terms().for_each(|(column, weight)| {
                    layer.weight(column, weight);
                });
                layer.bias(row.bias);
            }
            layer.finish()
        }
    }
}

/// Layers so far, and what is not yet one.
struct Chain {
    layers: Vec<Layer>,
    /// An affine map with no ReLU behind it yet.
    affine: Option<Layer>,
    /// Whether the values at hand have passed a ReLU.
    active: bool,
    /// The values at hand, among those that the next layer reads.
    selection: Option<Vec<usize>>,
    /// Length of what the next layer reads.
    width: usize,
}

impl Chain {
    fn push(&mut self, map: Layer) {
        let map = match self.selection.take() {
            Some(selection) if is_distinct(&selection, self.width) => {
                rebuilt(self.width, map.rows(), |column, out| {
                    out.push((selection[column], 1.0));
                })
            }
            Some(selection) => {
                let selected = selecting(self.width, &selection);
                self.push(selected);
                map
            }
            None => map,
        };
        self.width = map.outputs();
        self.active = false;
        self.affine = Some(match self.affine.take() {
            Some(before) => {
                self.layers.push(with_negative(&before));
                of_difference(&map)
            }
            None => map,
        });
    }

    fn select(&mut self, indices: Vec<usize>) {
        if let Some(affine) = &self.affine {
            let rows = indices.iter().map(|&index| affine.row(index));
            self.affine = Some(rebuilt(affine.inputs(), rows, |column, out| out.push((column, 1.0))));
            self.width = indices.len();
            return;
        }
        self.selection = Some(match self.selection.take() {
            Some(before) => indices.into_iter().map(|index| before[index]).collect(),
            None => indices,
        });
    }

    fn relu(&mut self) {
        if self.active {
            return;
        }
        self.settle();
        self.layers.extend(self.affine.take());
        self.active = true;
    }

    /// Makes the values at hand an affine map of what was before.
    fn settle(&mut self) {
        if let Some(selection) = self.selection.take() {
            self.push(selecting(self.width, &selection));
        } else if self.affine.is_none() {
            let all: Vec<usize> = (0..self.width).collect();
            self.push(selecting(self.width, &all));
        }
    }

    fn finish(mut self) -> Vec<Layer> {
        self.settle();
        self.layers.extend(self.affine.take());
        self.layers
    }
}

fn is_distinct(selection: &[usize], width: usize) -> bool {
    let mut seen = vec![false; width];
    selection.iter().all(|&index| !std::mem::replace(&mut seen[index], true))
}

fn selecting(width: usize, selection: &[usize]) -> Layer {
    let mut layer = LayerBuilder::new(width);
    for &index in selection {
        layer.weight(index, 1.0).bias(0.0);
    }
    layer.finish()
}

/// Rows whose columns become the columns, with signs, that `becomes` says.
fn rebuilt<'a>(
    inputs: usize,
    rows: impl Iterator<Item = crate::network::Row<'a>>,
    becomes: impl Fn(usize, &mut Vec<(usize, f64)>),
) -> Layer {
    let (mut layer, mut columns) = (LayerBuilder::new(inputs), vec![]);
    for row in rows {
        for (column, weight) in row.terms() {
            columns.clear();
            becomes(column, &mut columns);
            for (column, sign) in &columns {
                layer.weight(*column, sign * weight);
            }
        }
        layer.bias(row.bias);
    }
    layer.finish()
}

/// `x ↦ (W x + b, −W x − b)`.
fn with_negative(map: &Layer) -> Layer {
    let mut layer = LayerBuilder::new(map.inputs());
    for sign in [1.0, -1.0] {
        for row in map.rows() {
            for (column, weight) in row.terms() {
                layer.weight(column, sign * weight);
            }
            layer.bias(sign * row.bias);
        }
    }
    layer.finish()
}

/// `(p, q) ↦ W (p − q) + b`.
fn of_difference(map: &Layer) -> Layer {
    rebuilt(2 * map.inputs(), map.rows(), |column, out| {
        out.extend([(column, 1.0), (column + map.inputs(), -1.0)])
    })
}
