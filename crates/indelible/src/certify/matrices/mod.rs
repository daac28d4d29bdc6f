//! Layers as dense matrices, for engines that work by matrix products.

mod product;

pub(super) use product::{product, product_transposed};

use crate::{
    Precision,
    network::{Layer, Network, StoredNetwork},
};

/// Numbers that are held at most: 256 MiB.
const MOST_NUMBERS: usize = 1 << 25;
/// Layers of networks that are taken for dense, at most: followed back from
/// every layer, products grow with the square of the depth.
const MOST_LAYERS: usize = 64;
/// Of so many numbers of a matrix one at least is not 0.
const SPARSEST: usize = 4;

/// An affine layer `x ↦ W x + b`.
#[derive(Debug)]
pub(super) struct DenseLayer {
    pub inputs: usize,
    pub outputs: usize,
    /// `W` by rows, of shape `outputs × inputs`.
    pub weights: Vec<f64>,
    pub biases: Vec<f64>,
    /// The most weights of a row that are not 0.
    pub terms: usize,
}

/// Affine layers, a ReLU between each two.
#[derive(Debug)]
pub(super) struct DenseNetwork {
    pub precision: Precision,
    pub layers: Vec<DenseLayer>,
}

impl DenseLayer {
    /// `None` where a row reads an input twice: one number of a matrix is one
    /// product of the execution.
    fn of(layer: &Layer) -> Option<Self> {
        let mut weights = vec![0.0; layer.inputs() * layer.outputs()];
        let mut terms = 0;
        for (row, dense) in layer.rows().zip(weights.chunks_mut(layer.inputs())) {
            if row.columns.windows(2).any(|pair| pair[0] >= pair[1]) {
                return None;
            }
            row.terms().for_each(|(column, weight)| dense[column] = weight);
            terms = terms.max(row.columns.len());
        }
        let (inputs, outputs, biases) = (layer.inputs(), layer.outputs(), layer.biases().to_vec());
        Some(Self { inputs, outputs, weights, biases, terms })
    }
}

impl DenseNetwork {
    /// The layers of `network`; `None` where they are many, large or sparse, so
    /// that matrices are no way to look at them.
    pub fn of(network: &StoredNetwork) -> Option<Self> {
        let layers = network.layers();
        let numbers: usize = layers.iter().map(|layer| layer.inputs() * layer.outputs()).sum();
        let used: usize = layers.iter().map(Layer::nonzero).sum();
        let fits = layers.len() <= MOST_LAYERS && numbers <= MOST_NUMBERS;
        if !fits || used < numbers / SPARSEST {
            return None;
        }
        let layers = layers.iter().map(DenseLayer::of).collect::<Option<_>>()?;
        Some(Self { precision: network.precision(), layers })
    }
}
