//! How large a network is, counted layer by layer.

use rayon::prelude::*;

use super::Network;

/// Size of a network. "Nonzero" counts weights and biases that are not 0,
/// "all" every entry of the dense matrices and bias vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Number of affine layers.
    pub depth: usize,
    /// Number of neurons in the largest hidden layer (0 without one).
    pub width: usize,
    /// Weights and biases that are not 0.
    pub nonzero: usize,
    /// All entries of the dense matrices and bias vectors.
    pub all: usize,
    /// Largest absolute value of a parameter.
    pub max_abs: f64,
}

/// Counts `network`, making each layer once and keeping none.
#[must_use]
pub fn size(network: &dyn Network) -> Size {
    let depth = network.depth();
    let (width, nonzero, all, max_abs) = (0..depth)
        .into_par_iter()
        .map(|index| {
            let layer = network.layer(index);
            let width = if index + 1 == depth { 0 } else { layer.outputs() };
            (width, layer.nonzero(), (layer.inputs() + 1) * layer.outputs(), layer.max_abs())
        })
        .reduce(
            || (0, 0, 0, 0.0),
            |a, b| (a.0.max(b.0), a.1 + b.1, a.2 + b.2, if a.3 > b.3 { a.3 } else { b.3 }),
        );
    Size { depth, width, nonzero, all, max_abs }
}
