//! Indelible builds ReLU networks that provably memorize a labelled dataset
//! robustly: every sample keeps its label under every perturbation up to a
//! chosen radius.
//!
//! The library is a compiler from datasets to networks; a value walks this
//! line once, left to right:
//!
//! ```text
//! dataset → separation → construction → network → certificate
//! ```
//!
//! - [`dataset`]: samples and labels, the exact numbers that floats denote.
//! - [`norm`], [`number`]: norms; outward rounding and enclosures.
//! - [`separation`]: how far apart the classes are, exactly.
//! - [`budget`]: which radius every sample gets.
//! - [`cells`]: boxes that recognise balls, few and sparse.
//! - [`constructions`]: theorems as code, one file each.
//! - [`network`]: layers, sizes, evaluation.
//! - [`certify`]: proofs about a network as stored, which trust no builder.
//! - [`bounds`]: what the literature proves necessary and sufficient.

pub mod bounds;
pub mod budget;
pub mod cells;
pub mod certify;
pub mod constructions;
pub mod dataset;
pub mod error;
mod isa;
pub mod network;
pub mod norm;
pub mod number;
pub mod progress;
pub mod separation;

pub use budget::{Budget, Radii};
pub use dataset::{Buffer, Dataset, Features};
pub use error::Error;
pub use norm::Norm;
pub use number::{Enclosure, Precision};
pub use progress::{Progress, Silent};
