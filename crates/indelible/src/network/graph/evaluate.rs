//! Evaluation in the graph's own floating-point format.

use super::{Activation, Graph, Operation, Rescaling, affine::RowBuffer};
use crate::{Precision, number::Real, parallel};

/// Outputs for whole rows of inputs, each of which goes through the nodes alone.
pub(super) fn outputs(graph: &Graph, inputs: &[f64]) -> Vec<f64> {
    match graph.precision {
        Precision::F32 => rows::<f32>(graph, inputs),
        Precision::F64 => rows::<f64>(graph, inputs),
    }
}

fn rows<T: Real>(graph: &Graph, inputs: &[f64]) -> Vec<f64> {
    let width = |index: Option<&usize>| index.copied().unwrap_or(0);
    let (n, outputs) = (width(graph.widths.first()), width(graph.widths.last()));
    let mut results = vec![0.0; inputs.len() / n * outputs];
    parallel::each_chunk_mut(&mut results, outputs, |row, results| {
        for (result, value) in results.iter_mut().zip(through::<T>(graph, &inputs[row * n..][..n])) {
            *result = value.to_f64();
        }
    });
    results
}

/// One input through all nodes. A vector is let go behind the last node that
/// reads it.
fn through<T: Real>(graph: &Graph, x: &[f64]) -> Vec<T> {
    let mut last = vec![0; graph.nodes.len() + 1];
    for (index, node) in graph.nodes.iter().enumerate() {
        node.reads.iter().for_each(|&v| last[v] = index);
    }
    let mut vectors: Vec<Vec<T>> = vec![x.iter().map(|&x| T::from_f64(x)).collect()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let read: Vec<&[T]> = node.reads.iter().map(|&v| vectors[v].as_slice()).collect();
        let result = apply(&node.operation, &read);
        for &v in node.reads.iter().filter(|v| last[**v] == index) {
            vectors[v] = vec![];
        }
        vectors.push(result);
    }
    vectors.pop().unwrap_or_default()
}

fn apply<T: Real>(operation: &Operation, read: &[&[T]]) -> Vec<T> {
    match operation {
        Operation::Affine(map) => {
            let mut buffer = RowBuffer::default();
            (0..map.outputs())
                .map(|index| {
                    let row = map.row(index, &mut buffer);
                    let products = row.terms().map(|(c, w)| T::from_f64(w) * read[0][c]);
                    products.fold(T::from_f64(row.bias), |sum, product| sum + product)
                })
                .collect()
        }
        Operation::Rescale(Rescaling { factors, shifts }) => {
            let each = read[0].iter().zip(factors.iter().zip(shifts));
            each.map(|(&x, (f, t))| T::from_f64(f.stored) * x + T::from_f64(t.stored)).collect()
        }
        Operation::Activation(activation) => {
            read[0].iter().enumerate().map(|(i, &x)| activated(activation, x, i)).collect()
        }
        Operation::Max(groups) => {
            let all = read.concat();
            let largest = |group: &[usize]| group.iter().map(|&i| all[i]).reduce(larger);
            groups.iter().filter_map(largest).collect()
        }
        Operation::Select(indices) => match read {
            [one] => indices.iter().map(|&i| one[i]).collect(),
            several => {
                let all = several.concat();
                indices.iter().map(|&i| all[i]).collect()
            }
        },
        Operation::Sum => (0..read[0].len())
            .map(|i| read.iter().map(|vector| vector[i]).reduce(|a, b| a + b).unwrap_or_default())
            .collect(),
    }
}

fn activated<T: Real>(activation: &Activation, x: T, index: usize) -> T {
    match activation {
        Activation::Relu => x.relu(),
        Activation::Leaky(slopes) if x < T::default() => T::from_f64(Activation::slope(slopes, index)) * x,
        Activation::Leaky(_) => x,
        Activation::Clip { lower, upper } => {
            let (lower, upper) = (T::from_f64(*lower), T::from_f64(*upper));
            let raised = if x < lower { lower } else { x };
            if raised > upper { upper } else { raised }
        }
    }
}

/// The larger of two; no number where one of them is none.
fn larger<T: Real>(a: T, b: T) -> T {
    match a.partial_cmp(&b) {
        Some(std::cmp::Ordering::Less) => b,
        Some(_) => a,
        None => a + b,
    }
}
