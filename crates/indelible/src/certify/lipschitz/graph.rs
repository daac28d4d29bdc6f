//! How steep an output of a graph can be.
//!
//! Almost everywhere the gradient of an output is the sum over all ways from the
//! input of products of weights and of slopes of what bends. Two bounds of its
//! size are taken. Forward, every number of every vector has the size of its
//! gradient at most `Σ |w|` times those of what it reads; where that is still the
//! input, moved and scaled, the size is the dual norm itself. Backward, every
//! number has an interval that contains its coefficient in the output, and the
//! size is that of the coefficients of the input.

use crate::{
    certify::arithmetic::{Coefficients, Interval, magnitude, merged, plus, product, scaled},
    network::{Activation, Graph, Groups, Inexact, NetworkForm, Operation, RowBuffer},
    number::{add_up, mul_up},
    parallel,
};

/// The size of a gradient, rounded up.
type Dual<'a> = dyn Fn(&[(usize, Interval)]) -> f64 + Sync + 'a;

/// Numbers that may be looked at on the way back from all outputs.
const MOST_WORK: usize = 1 << 28;

/// For every output of the graph an upper bound of the size of its gradient,
/// infinite where something overflows.
pub(super) fn steepest(graph: &Graph, dual: &Dual<'_>) -> Vec<f64> {
    let known = |size: f64| if size.is_nan() { f64::INFINITY } else { size };
    let forward: Vec<f64> = sizes(graph, dual).into_iter().map(known).collect();
    if products(graph).saturating_mul(graph.outputs()) > MOST_WORK {
        return forward;
    }
    parallel::map(forward.len(), |output| {
        let terms: Coefficients = gradient(graph, output).into_iter().enumerate().collect();
        known(dual(&terms)).min(forward[output])
    })
}

/// About how many products one evaluation takes.
pub(in crate::certify) fn products(graph: &Graph) -> usize {
    graph.nodes().iter().map(|node| cost(&node.operation)).sum()
}

/// About how many numbers a node multiplies.
fn cost(operation: &Operation) -> usize {
    match operation {
        Operation::Affine(map) => {
            let mut buffer = RowBuffer::default();
            (0..map.outputs()).map(|index| map.row(index, &mut buffer).columns.len() + 1).sum()
        }
        _ => 1,
    }
}

/// What is known of the numbers of a vector.
enum Steepness {
    /// Each is one of the input, times a number of a range, and a constant.
    Moved(Coefficients),
    /// The sizes of their gradients, at most.
    Sizes(Vec<f64>),
}

impl Steepness {
    fn size(&self, index: usize, dual: &Dual<'_>) -> f64 {
        match self {
            Self::Moved(terms) => dual(&terms[index..=index]),
            Self::Sizes(sizes) => sizes[index],
        }
    }
}

fn range(number: &Inexact) -> Interval {
    Interval { lower: number.range.lower, upper: number.range.upper }
}

/// Sizes of the gradients of the outputs, forward.
fn sizes(graph: &Graph, dual: &Dual<'_>) -> Vec<f64> {
    let input = (0..graph.inputs()).map(|i| (i, Interval::point(1.0))).collect();
    let mut vectors = vec![Steepness::Moved(input)];
    for node in graph.nodes() {
        let read: Vec<&Steepness> = node.reads.iter().map(|&v| &vectors[v]).collect();
        let widths: Vec<usize> = node.reads.iter().map(|&v| graph.width(v)).collect();
        let next = of_node(&node.operation, &read, &widths, dual);
        vectors.push(next);
    }
    let outputs = graph.outputs();
    vectors.last().map_or(vec![], |last| (0..outputs).map(|i| last.size(i, dual)).collect())
}

fn of_node(operation: &Operation, read: &[&Steepness], widths: &[usize], dual: &Dual<'_>) -> Steepness {
    let all = || -> Vec<f64> {
        let each = read.iter().zip(widths);
        each.flat_map(|(vector, width)| (0..*width).map(move |i| vector.size(i, dual))).collect()
    };
    match (operation, read) {
        (Operation::Affine(map), [one]) => {
            let mut buffer = RowBuffer::default();
            let mut size = |index: usize| {
                let row = map.row(index, &mut buffer);
                match one {
                    Steepness::Moved(terms) => {
                        let terms = row.terms().map(|(c, w)| (terms[c].0, scaled(w, terms[c].1)));
                        dual(&merged(terms.collect()))
                    }
                    Steepness::Sizes(sizes) => {
                        row.terms().fold(0.0, |sum, (c, w)| add_up(sum, mul_up(w.abs(), sizes[c])))
                    }
                }
            };
            Steepness::Sizes((0..map.outputs()).map(&mut size).collect())
        }
        (Operation::Rescale(rescaling), [Steepness::Moved(terms)]) => {
            let factors = terms.iter().zip(&rescaling.factors);
            Steepness::Moved(factors.map(|((i, w), f)| (*i, product(range(f), *w))).collect())
        }
        (Operation::Rescale(rescaling), _) => {
            let sizes = all().into_iter().zip(&rescaling.factors);
            Steepness::Sizes(sizes.map(|(size, f)| mul_up(magnitude(range(f)), size)).collect())
        }
        (Operation::Select(indices), [Steepness::Moved(terms)]) => {
            Steepness::Moved(indices.iter().map(|&i| terms[i]).collect())
        }
        (Operation::Select(indices), _) => {
            let all = all();
            Steepness::Sizes(indices.iter().map(|&i| all[i]).collect())
        }
        (Operation::Activation(activation), _) => {
            let steep = |(i, size)| mul_up(magnitude(slopes(activation, i)), size);
            Steepness::Sizes(all().into_iter().enumerate().map(steep).collect())
        }
        (Operation::Max(groups), _) => {
            let all = all();
            let most = |group: &[usize]| group.iter().map(|&i| all[i]).fold(0.0, larger);
            Steepness::Sizes(groups.iter().map(most).collect())
        }
        (Operation::Affine(_) | Operation::Sum, _) => {
            let width = widths.first().copied().unwrap_or(0);
            let sum = |i: usize| read.iter().fold(0.0, |sum, vector| add_up(sum, vector.size(i, dual)));
            Steepness::Sizes((0..width).map(sum).collect())
        }
    }
}

/// The larger of two sizes, NaN where one of them is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// All slopes of an activation, at number `index`.
fn slopes(activation: &Activation, index: usize) -> Interval {
    let other = match activation {
        Activation::Leaky(slopes) => Activation::slope(slopes, index),
        Activation::Relu | Activation::Clip { .. } => 0.0,
    };
    Interval::point(1.0).hull(Interval::point(other))
}

/// Intervals of the coefficients of the input in one output.
fn gradient(graph: &Graph, output: usize) -> Vec<Interval> {
    let zeros = |v: usize| vec![Interval::ZERO; graph.width(v)];
    let mut all: Vec<Option<Vec<Interval>>> = vec![None; graph.nodes().len() + 1];
    if let Some(last) = all.last_mut() {
        let mut row = zeros(graph.nodes().len());
        row[output] = Interval::point(1.0);
        *last = Some(row);
    }
    let mut buffer = RowBuffer::default();
    for (index, node) in graph.nodes().iter().enumerate().rev() {
        let Some(c) = all[index + 1].take() else { continue };
        let mut add = |vector: usize, i: usize, more: Interval| {
            if !more.is_zero() {
                let sum = &mut all[vector].get_or_insert_with(|| zeros(vector))[i];
                *sum = plus(*sum, more);
            }
        };
        match &node.operation {
            Operation::Affine(map) => {
                for (i, c) in c.iter().enumerate().filter(|(_, c)| !c.is_zero()) {
                    let row = map.row(i, &mut buffer);
                    row.terms().for_each(|(column, w)| add(node.reads[0], column, scaled(w, *c)));
                }
            }
            Operation::Rescale(rescaling) => {
                let each = c.iter().zip(&rescaling.factors).enumerate();
                each.for_each(|(i, (c, f))| add(node.reads[0], i, product(range(f), *c)));
            }
            Operation::Activation(activation) => {
                let each = c.iter().enumerate();
                each.for_each(|(i, c)| add(node.reads[0], i, product(slopes(activation, i), *c)));
            }
            Operation::Sum => {
                for &vector in &node.reads {
                    c.iter().enumerate().for_each(|(i, c)| add(vector, i, *c));
                }
            }
            Operation::Select(indices) => {
                let places = places(graph, &node.reads);
                indices.iter().zip(&c).for_each(|(&at, c)| add(places[at].0, places[at].1, *c));
            }
            Operation::Max(groups) => of_maxima(groups, &places(graph, &node.reads), &c, add),
        }
    }
    all.into_iter().next().flatten().unwrap_or_else(|| zeros(0))
}

/// One of a group counts, the others do not.
fn of_maxima(
    groups: &Groups,
    places: &[(usize, usize)],
    c: &[Interval],
    mut add: impl FnMut(usize, usize, Interval),
) {
    for (group, c) in groups.iter().zip(c) {
        let counts = if group.len() > 1 { c.hull(Interval::ZERO) } else { *c };
        group.iter().for_each(|&at| add(places[at].0, places[at].1, counts));
    }
}

/// The numbers of some vectors, one after the other.
fn places(graph: &Graph, reads: &[usize]) -> Vec<(usize, usize)> {
    reads.iter().flat_map(|&v| (0..graph.width(v)).map(move |i| (v, i))).collect()
}
