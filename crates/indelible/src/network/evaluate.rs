//! Evaluation in the network's own floating-point format.

use super::{Layer, Network};
use crate::{Error, Precision, number::Real, parallel};

/// Evaluates `network` on `inputs` (row after row, `n` values each) and
/// returns the outputs row after row.
///
/// Inputs are rounded to the network's format; every product and sum is
/// rounded to it, products of a row being added to its bias in the order of
/// the columns. Rows are shared among the threads of the current rayon pool;
/// the result does not depend on their number. Memory beyond inputs and
/// outputs: two layers' values per row, and one layer's weights.
///
/// # Errors
/// When the inputs are not rows of `n` values.
pub fn evaluate(network: &dyn Network, inputs: &[f64]) -> Result<Vec<f64>, Error> {
    let n = network.inputs();
    if n == 0 || !inputs.len().is_multiple_of(n) {
        return Err(Error::InputWidth { expected: n, given: inputs.len() });
    }
    Ok(outputs(network, inputs))
}

/// The same for whole rows.
pub(super) fn outputs(network: &dyn Network, inputs: &[f64]) -> Vec<f64> {
    match network.precision() {
        Precision::F32 => run::<f32>(network, inputs),
        Precision::F64 => run::<f64>(network, inputs),
    }
}

/// Walks the layers with one vector of values per row of inputs.
fn run<T: Real>(network: &dyn Network, inputs: &[f64]) -> Vec<f64> {
    let mut values: Vec<T> = inputs.iter().map(|&x| T::from_f64(x)).collect();
    for index in 0..network.depth() {
        let layer = network.layer(index);
        let hidden = index + 1 < network.depth();
        let rows = values.len() / layer.inputs();
        let mut next = vec![T::default(); rows * layer.outputs()];
        parallel::each_chunk_mut(&mut next, layer.outputs(), |row, out| {
            affine(&layer, &values[row * layer.inputs()..][..layer.inputs()], out, hidden);
        });
        values = next;
    }
    values.into_iter().map(T::to_f64).collect()
}

/// `out = W x + b`, with a ReLU where `hidden`, sums starting from the bias.
pub(super) fn affine<T: Real>(layer: &Layer, x: &[T], out: &mut [T], hidden: bool) {
    for (o, row) in out.iter_mut().zip(layer.rows()) {
        let products = row.columns.iter().zip(row.weights).map(|(&c, &w)| T::from_f64(w) * x[c]);
        let sum = products.fold(T::from_f64(row.bias), |sum, product| sum + product);
        *o = if hidden { sum.relu() } else { sum };
    }
}
