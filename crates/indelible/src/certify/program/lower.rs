//! Layers and graphs as programs.

use super::{
    map::{Entry, Map},
    step::{Affine, Hinge, Hinges, Program, Rounding, Step},
};
use crate::{
    Precision,
    network::{
        Activation, AffineMap, Graph, Groups, Inexact, Layer, Network, NetworkForm, Operation, Rescaling,
        RowBuffer, StoredNetwork,
    },
    number::sub_up,
};

/// Numbers of matrices that are held at most: 256 MiB.
const MOST_NUMBERS: usize = 1 << 25;
/// Weights and biases of sparse layers that are taken, at most.
const MOST_WEIGHTS: usize = 1 << 22;
/// Layers that are taken at most: followed back from every layer, products grow
/// with the square of the depth.
const MOST_LAYERS: usize = 64;
/// Of so many numbers of a matrix one at least is not 0.
const SPARSEST: usize = 4;
/// Numbers of all vectors of a graph, at most.
const MOST_UNITS: usize = 1 << 20;
/// Steps of a graph, at most.
const MOST_STEPS: usize = 512;

impl<'a> Program<'a> {
    /// The layers of `network`, a ReLU between each two; `None` where they are
    /// many, or large and sparse.
    pub fn of_layers(network: &'a StoredNetwork) -> Option<Self> {
        let layers = network.layers();
        let weights = layers.iter().map(Layer::nonzero).sum::<usize>();
        if layers.len() > MOST_LAYERS || weights > MOST_WEIGHTS && !is_dense(network) {
            return None;
        }
        let mut lowered = Lowered::new(Network::precision(network), Network::inputs(network));
        for (index, layer) in layers.iter().enumerate() {
            let read = lowered.last();
            lowered.layer(read, layer, Map::Layer(layer));
            if index + 1 < layers.len() {
                let read = lowered.last();
                lowered.hinges(read, vec![Hinge::RELU]);
            }
        }
        Some(lowered.program)
    }

    /// The nodes of `graph`; `None` where they are many.
    pub fn of_graph(graph: &'a Graph) -> Option<Self> {
        let nodes = graph.nodes();
        let units = (0..=nodes.len()).map(|v| graph.width(v)).sum::<usize>();
        if units > MOST_UNITS || nodes.len() > MOST_STEPS {
            return None;
        }
        let mut lowered = Lowered::new(graph.precision(), graph.width(0));
        // The vector of the program that each vector of the graph is.
        let mut at = vec![0];
        for (index, node) in nodes.iter().enumerate() {
            let reads: Vec<usize> = node.reads.iter().map(|&v| at[v]).collect();
            lowered.node(&reads, &node.operation, graph.width(index + 1));
            at.push(lowered.last());
        }
        (lowered.program.steps.len() <= MOST_STEPS).then_some(lowered.program)
    }
}

/// Whether most of the weights of dense layers are looked at when the layers of
/// `network` are: a quarter of them is not 0, and they fit into memory.
pub(in crate::certify) fn is_dense(network: &StoredNetwork) -> bool {
    let layers = network.layers();
    let numbers: usize = layers.iter().map(|layer| layer.inputs() * layer.outputs()).sum();
    let used: usize = layers.iter().map(Layer::nonzero).sum();
    layers.len() <= MOST_LAYERS && numbers <= MOST_NUMBERS && used >= numbers / SPARSEST
}

/// A program that is being made.
struct Lowered<'a> {
    program: Program<'a>,
    /// Numbers of its matrices.
    numbers: usize,
}

/// A number of a vector.
type Place = (usize, usize);

impl<'a> Lowered<'a> {
    fn new(precision: Precision, inputs: usize) -> Self {
        Self { program: Program { precision, widths: vec![inputs], steps: vec![] }, numbers: 0 }
    }

    fn last(&self) -> usize {
        self.program.steps.len()
    }

    fn push(&mut self, step: Step<'a>, width: usize) {
        self.program.steps.push(step);
        self.program.widths.push(width);
    }

    fn hinges(&mut self, read: usize, shapes: Vec<Hinge>) {
        let width = self.program.widths[read];
        self.push(Step::Hinges(Hinges { read, shapes }), width);
    }

    fn node(&mut self, reads: &[usize], operation: &'a Operation, width: usize) {
        match operation {
            Operation::Affine(map @ AffineMap::Rows(layer)) => self.layer(reads[0], layer, Map::Graph(map)),
            Operation::Affine(map) => self.convolution(reads[0], map),
            Operation::Rescale(rescaling) => self.rescaling(reads[0], rescaling),
            Operation::Activation(activation) => self.activation(reads[0], activation),
            Operation::Max(groups) => self.maxima(reads, groups),
            Operation::Select(indices) => {
                let places = self.places(reads);
                let terms = indices.iter().enumerate().map(|(output, &i)| (output, places[i], 1.0));
                self.entries(terms, vec![0.0; width], (Rounding::None, true));
            }
            Operation::Sum => {
                let terms = reads.iter().flat_map(|&v| (0..width).map(move |i| (i, (v, i), 1.0)));
                self.entries(terms, vec![0.0; width], (Rounding::Sums(reads.len().saturating_sub(1)), true));
            }
        }
    }

    /// The numbers of some vectors, one after the other.
    fn places(&self, reads: &[usize]) -> Vec<Place> {
        reads.iter().flat_map(|&v| (0..self.program.widths[v]).map(move |i| (v, i))).collect()
    }

    /// An affine map of few numbers: output, place that is read and weight.
    fn entries(
        &mut self,
        terms: impl Iterator<Item = (usize, Place, f64)>,
        biases: Vec<f64>,
        (rounding, elementwise): (Rounding, bool),
    ) {
        let mut parts: Vec<(usize, Vec<Entry>)> = vec![];
        let (mut of_outputs, mut unit) = (vec![0usize; biases.len()], true);
        for (output, (vector, input), weight) in terms {
            of_outputs[output] += 1;
            unit &= weight.abs() == 1.0;
            let entry = Entry { output, input, weight };
            match parts.iter_mut().find(|(v, _)| *v == vector) {
                Some((_, entries)) => entries.push(entry),
                None => parts.push((vector, vec![entry])),
            }
        }
        let mut column = 0;
        for (vector, entries) in &parts {
            let mut of_inputs = vec![0usize; self.program.widths[*vector]];
            entries.iter().for_each(|e| of_inputs[e.input] += 1);
            column = of_inputs.into_iter().fold(column, usize::max);
        }
        let width = biases.len();
        let affine = Affine {
            parts: parts.into_iter().map(|(v, entries)| (v, Map::Entries(entries))).collect(),
            biases,
            rounding,
            elementwise,
            terms: of_outputs.into_iter().max().unwrap_or(0),
            column: if unit && column <= 1 { 0 } else { column },
        };
        self.push(Step::Affine(affine), width);
    }

    /// A layer, as a matrix where many of its numbers are not 0; `rows` are its
    /// rows.
    fn layer(&mut self, read: usize, layer: &Layer, rows: Map<'a>) {
        let (inputs, outputs) = (layer.inputs(), layer.outputs());
        let numbers = inputs * outputs;
        let (mut roundings, is_diagonal) = (0, layer.is_diagonal());
        let (mut dense, mut weights) = (self.numbers + numbers <= MOST_NUMBERS, 0);
        for row in layer.rows() {
            roundings = roundings.max(row.columns.len() + 1);
            weights += row.columns.len();
            // One number of a matrix is one product of the execution.
            dense &= row.columns.windows(2).all(|pair| pair[0] < pair[1]);
        }
        dense &= weights >= numbers / SPARSEST;
        let map = if dense {
            self.numbers += numbers;
            let mut matrix = vec![0.0; numbers];
            for (row, matrix) in layer.rows().zip(matrix.chunks_mut(inputs)) {
                row.terms().for_each(|(column, weight)| matrix[column] = weight);
            }
            Map::Dense(matrix)
        } else {
            rows
        };
        let affine = Affine {
            parts: vec![(read, map)],
            biases: layer.biases().to_vec(),
            rounding: Rounding::Sums(roundings),
            elementwise: is_diagonal,
            terms: inputs.max(roundings),
            column: if dense { outputs } else { weights },
        };
        self.push(Step::Affine(affine), outputs);
    }

    fn convolution(&mut self, read: usize, map: &'a AffineMap) {
        let (mut buffer, mut biases, mut most) = (RowBuffer::default(), vec![], 0);
        for index in 0..map.outputs() {
            let row = map.row(index, &mut buffer);
            biases.push(row.bias);
            most = most.max(row.columns.len());
        }
        let affine = Affine {
            parts: vec![(read, Map::Graph(map))],
            rounding: Rounding::Sums(most + 1),
            elementwise: false,
            terms: most,
            // Every output reads an input once at most.
            column: biases.len(),
            biases,
        };
        self.push(Step::Affine(affine), map.outputs());
    }

    fn rescaling(&mut self, read: usize, rescaling: &Rescaling) {
        let centers = |all: &[Inexact]| all.iter().map(center).collect::<Vec<_>>();
        let (factors, shifts) = (centers(&rescaling.factors), centers(&rescaling.shifts));
        let spreads = factors.iter().zip(&shifts).map(|(f, t)| [f.1, t.1]).collect();
        let terms = factors.iter().enumerate().map(|(i, (factor, _))| (i, (read, i), *factor));
        let biases = shifts.iter().map(|(shift, _)| *shift).collect();
        self.entries(terms, biases, (Rounding::Rescaled(spreads), true));
    }

    fn activation(&mut self, read: usize, activation: &Activation) {
        match activation {
            Activation::Relu => self.hinges(read, vec![Hinge::RELU]),
            Activation::Leaky(slopes) => {
                let leaky = |&slope: &f64| Hinge { left: slope, ..Hinge::RELU };
                self.hinges(read, slopes.iter().map(leaky).collect());
            }
            Activation::Clip { lower, upper } => {
                let at = |end: f64| Hinge { kink: end, value: end, left: 1.0, right: 1.0 };
                let mut read = read;
                if lower.is_finite() {
                    self.hinges(read, vec![Hinge { left: 0.0, ..at(*lower) }]);
                    read = self.last();
                }
                if upper.is_finite() || !lower.is_finite() {
                    // Without ends it is the identity.
                    let end = if upper.is_finite() { at(*upper) } else { at(0.0) };
                    let right = if upper.is_finite() { 0.0 } else { 1.0 };
                    self.hinges(read, vec![Hinge { right, ..end }]);
                }
            }
        }
    }

    /// Maxima of groups, two numbers at a time.
    fn maxima(&mut self, reads: &[usize], groups: &Groups) {
        let places = self.places(reads);
        let mut groups: Vec<Vec<Place>> =
            groups.iter().map(|group| group.iter().map(|&i| places[i]).collect()).collect();
        while groups.iter().any(|group| group.len() > 1) {
            let pairs: Vec<[Place; 2]> = groups
                .iter()
                .flat_map(|group| group.chunks_exact(2))
                .map(|pair| [pair[0], pair[1]])
                .collect();
            let differences = pairs.iter().enumerate().flat_map(|(i, &[a, b])| [(i, a, 1.0), (i, b, -1.0)]);
            self.entries(differences, vec![0.0; pairs.len()], (Rounding::None, false));
            self.hinges(self.last(), vec![Hinge::RELU]);
            let positive = self.last();
            // `b + relu(a − b)` of each pair, then what is left over of odd groups.
            let mut terms: Vec<(usize, Place, f64)> = vec![];
            for (i, &[_, b]) in pairs.iter().enumerate() {
                terms.extend([(i, b, 1.0), (i, (positive, i), 1.0)]);
            }
            let (mut next, mut alone) = (0, pairs.len());
            let given = positive + 1;
            groups = groups
                .into_iter()
                .map(|group| {
                    let halves = group.len() / 2;
                    let mut left: Vec<Place> = (next..next + halves).map(|i| (given, i)).collect();
                    next += halves;
                    if let [last] = group.chunks_exact(2).remainder() {
                        terms.push((alone, *last, 1.0));
                        left.push((given, alone));
                        alone += 1;
                    }
                    left
                })
                .collect();
            self.entries(terms.into_iter(), vec![0.0; alone], (Rounding::None, false));
        }
        let width = groups.len();
        let terms = groups.into_iter().flatten().enumerate().map(|(i, place)| (i, place, 1.0));
        self.entries(terms, vec![0.0; width], (Rounding::None, false));
    }
}

/// The middle of the range of a number, about, and how far the ends are at most.
fn center(number: &Inexact) -> (f64, f64) {
    let (lower, upper) = (number.range.lower, number.range.upper);
    let middle = if lower == upper { lower } else { lower / 2.0 + upper / 2.0 };
    (middle, sub_up(upper, middle).max(sub_up(middle, lower)))
}
