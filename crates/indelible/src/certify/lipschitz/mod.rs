//! How steep the outputs of a stored network are: proved upper bounds, and
//! pairs of points that show a lower one.

mod gradients;
mod graph;
mod lower;
mod upper;

use std::borrow::Cow;

use crate::network::{Layer, Model, Network};

pub(super) use graph::products;
pub use lower::{SteepestPair, steepest_pair};
pub use upper::lipschitz_bound;

/// The layers that compute what the model does, a ReLU between each two, where
/// it is given by such.
fn layers(model: &Model) -> Option<Cow<'_, [Layer]>> {
    match model {
        Model::Layers(network) => Some(network.layers().into()),
        Model::Cells(cells) => Some((0..cells.depth()).map(|index| cells.layer(index)).collect()),
        Model::Prototypes(_)
        | Model::MaxAffine(_)
        | Model::Graph(_)
        | Model::Scaled(_)
        | Model::Projected(_)
        | Model::Patched(_) => None,
    }
}
