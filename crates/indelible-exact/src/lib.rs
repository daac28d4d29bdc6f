//! Memorizers of the literature as ReLU networks over integers of any size.
//!
//! What the theory of memorization calls a parameter is a real number, and the
//! famous counts rest on it: √N parameters memorize N samples when each may hold
//! √N bits. This crate builds such networks, counts their parameters and bits,
//! evaluates them without rounding and proves them on balls.
//!
//! ```text
//! samples → a line → a memorizer → its plan → exact network → text
//! ```
//!
//! - [`Line`]: a direction along which no two samples with different labels
//!   coincide, and how much room it leaves.
//! - [`Cuts`]: the same with integers between the runs, in the largest unit that
//!   leaves one apart from the next.
//! - [`Memorizer`]: the constructions, one file each, listed in [`SHELF`]; on data each is a
//!   [`Plan`]: from cuts along the line, from the cells of a lattice, or sample by sample.
//! - [`ExactNetwork`]: layers with integer weights; [`ExactNetwork::certified`]
//!   proves balls and knows nothing of how the network was made.
//! - [`read`], [`write()`]: the network as a text.
//!
//! *When not to use it.* These networks are of theoretical interest. What ships
//! is built by `indelible::constructions`. See `docs/exact.md`.

mod bit_extraction;
mod builder;
mod cuts;
mod digits;
mod egosi2025;
mod error;
mod floats;
mod floor;
mod kim2025;
mod kim2025_ii;
mod lattice;
mod line;
mod memorizer;
mod network;
mod number;
mod park2021;
mod places;
mod plan;
mod proof;
mod text;
mod vardi2022;
mod zhang2017;

pub use self::{
    cuts::Cuts,
    error::Error,
    line::Line,
    memorizer::{Memorizer, SHELF},
    network::{ExactLayer, ExactNetwork, ExactSize, Neuron},
    plan::Plan,
    text::{read, write},
};

/// The examples of the page that the package shows are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
