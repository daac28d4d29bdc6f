//! Theorems as code: one file per construction, named for its source.
//!
//! A construction takes a dataset and a [`Budget`](crate::Budget) and gives the network of
//! its theorem, layer by layer, and where there is one its compact form.
//! [`REGISTRY`] lists them all. What is special about one stands in its own
//! file, in the `ENTRY` that the registry takes over: nobody else asks for a
//! construction by its name.

mod bound;
mod cells;
mod condensed;
mod construction;
mod distances;
mod euclidean;
mod frame;
mod heads;
mod li2022;
mod lipschitz;
mod nearest;
mod over_directions;
mod pipelined;
mod power;
mod projected;
mod ramps;
mod registry;
mod serves;
mod stream;
mod wide;
mod yu2024_l1;
mod yu2024_linf;
mod yu2024_lipschitz;
mod yu2024_lp;

pub use bound::{Accuracy, Bound, Question};
pub use cells::cell_network;
pub use construction::{AtLeast, Construction};
pub use over_directions::over_directions;
pub use registry::REGISTRY;
pub use serves::{Heads, Labels};
pub use wide::ball_indicators;
pub use yu2024_linf::Yu2024Linf;
pub use yu2024_lp::{Approximation, yu2024_lp};

use crate::{
    Error, Precision,
    network::{Head, Model, Network},
};

/// What a construction may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Scalar output or logits; logits unless said otherwise.
    pub head: Head,
    /// Format of weights and execution; binary32 unless said otherwise.
    pub precision: Precision,
}

impl Default for Options {
    fn default() -> Self {
        Self { head: Head::Logits, precision: Precision::F32 }
    }
}

/// A network built by a construction.
pub trait BuiltNetwork: Network {
    /// The same function in a compact form, for sizes where layers are too
    /// many to write.
    ///
    /// # Errors
    /// When there is none, or the format cannot hold it.
    fn compact(&self) -> Result<Model, Error>;
}

impl std::fmt::Debug for dyn BuiltNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Construction({} -> {}, depth {})", self.inputs(), self.outputs(), self.depth())
    }
}
