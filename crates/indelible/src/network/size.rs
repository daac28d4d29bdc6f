//! How large a network is, counted layer by layer.

use crate::parallel;

use super::{Layer, Network};

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

impl Size {
    /// Of no layer.
    pub(crate) const NONE: Self = Self { depth: 0, width: 0, nonzero: 0, all: 0, max_abs: 0.0 };

    /// With one parameter more.
    pub(crate) fn with(self, parameter: f64) -> Self {
        Self {
            nonzero: self.nonzero + usize::from(parameter != 0.0),
            max_abs: self.max_abs.max(parameter.abs()),
            ..self
        }
    }

    /// Of layers and of those that follow them.
    pub(crate) fn then(self, next: Self) -> Self {
        Self {
            depth: self.depth + next.depth,
            width: self.width.max(next.width),
            nonzero: self.nonzero + next.nonzero,
            all: self.all + next.all,
            max_abs: if self.max_abs > next.max_abs { self.max_abs } else { next.max_abs },
        }
    }
}

/// Counts `network`, making each layer once and keeping none.
#[must_use]
pub fn size<N: Network + ?Sized>(network: &N) -> Size {
    sizes_of_layers(network, 0)
}

/// Counts the layers of `network` from layer `first` on.
pub(crate) fn sizes_of_layers<N: Network + ?Sized>(network: &N, first: usize) -> Size {
    let depth = network.depth();
    let sizes = parallel::map(depth.saturating_sub(first), |place| {
        let index = first + place;
        let layer = network.layer(index);
        Size {
            depth: 1,
            width: if index + 1 == depth { 0 } else { layer.outputs() },
            nonzero: layer.nonzero(),
            all: (layer.inputs() + 1) * layer.outputs(),
            max_abs: layer.max_abs(),
        }
    });
    sizes.into_iter().fold(Size::NONE, Size::then)
}

/// The size of hidden layers.
pub(crate) fn size_of_hidden(layers: &[Layer]) -> Size {
    layers.iter().fold(Size::NONE, |size, layer| {
        size.then(Size {
            depth: 1,
            width: layer.outputs(),
            nonzero: layer.nonzero(),
            all: (layer.inputs() + 1) * layer.outputs(),
            max_abs: layer.max_abs(),
        })
    })
}
