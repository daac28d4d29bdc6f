//! Indelible builds ReLU networks that provably memorize a labelled dataset
//! robustly: every sample keeps its label under every perturbation up to a
//! chosen radius. It proves this for the network as stored, in real and in
//! floating-point arithmetic, and it proves the same of networks that others
//! made.
//!
//! The library is a compiler from datasets to networks; a value walks this
//! line once, left to right:
//!
//! ```text
//! dataset → separation → budget → construction → network → certificate
//! (samples, (how far    (which   (a theorem,    (layers   (a verdict for
//!  labels)   apart,      radius)  one file       or a      every sample,
//!            exactly)             each)          compact   about the stored
//!                                                form)     numbers)
//! ```
//!
//! # When not to use it
//!
//! - To classify new data: outside all balls the network may give any label.
//! - For a radius of half the distance between two samples of different labels
//!   or more: no network has it, and [`Budget`] says so.
//! - To train: nothing here follows a gradient of a loss.
//! - To read or write files: the crate `indelible-io` does. Whether a network of
//!   depth 2 and a given width exists is the question of `indelible-decide`.
//!
//! # A first example
//!
//! Six points of the plane in two classes, nine tenths of the largest radius
//! that any network can have, and the construction of sparse, merged cells.
//!
//! ```
//! use indelible::{
//!     Budget, Dataset, Features, Norm, Silent,
//!     certify::{Claim, certify},
//!     constructions::{Construction, Options},
//!     network::predicted_class,
//!     separation::separation,
//! };
//!
//! // The samples, row after row, and a label for each: an index of its name.
//! let values = vec![0.0, 0.0, 2.0, 1.0, 3.0, 0.0, 1.0, 3.0, 5.0, 5.0, 4.0, 4.0];
//! let names = vec!["low".to_string(), "high".to_string()];
//! let data = Dataset::new(Features::F64(values.into()), 2, vec![0, 0, 0, 1, 1, 1], names)?;
//!
//! // How far apart the classes are: exactly 2, between samples 1 and 3.
//! let apart = separation(&data, Norm::Linf, &Silent);
//! assert_eq!((apart.distance.lower, apart.pair), (2.0, Some((1, 3))));
//!
//! // Every radius below half of that is possible; 0.9 of it is chosen.
//! let budget = Budget::from_ratio(0.9, &apart)?;
//!
//! // The network, and what a file would hold of it.
//! let built = Construction::named("cells")?.build(&data, &budget, Options::default())?;
//! let model = built.compact()?;
//!
//! // The proof looks at the stored numbers and at nothing else.
//! let claim = Claim {
//!     model: &model,
//!     data: &data,
//!     classes: &[0, 1],
//!     network_classes: 2,
//!     norm: budget.norm(),
//!     radii: budget.radii(),
//!     tie_margin: 0.0,
//! };
//! assert!(certify(&claim, &Silent)?.holds());
//!
//! // A corner of the ball around sample 1: (2, 1) is low.
//! assert_eq!(predicted_class(&model.evaluate(&[2.875, 1.875])?, 2), Some(0));
//! # Ok::<(), indelible::Error>(())
//! ```
//!
//! # The rooms
//!
//! In the order of the line; a room knows only rooms above it in this list, and
//! `tests/architecture.rs` keeps it so. What can go wrong is an [`error`],
//! known to all.
//!
//! - [`number`], [`norm`], [`progress`], [`text`]: outward rounding, enclosures and
//!   the two formats; norms; who is told how far work is; numbers for people.
//! - [`dataset`]: samples and labels, the exact numbers that floats denote.
//! - [`separation`]: closest enemies, exactly and fast.
//! - [`scores`]: who is memorized and who influences whom, for the
//!   nearest-neighbour rule.
//! - [`budget`]: which radius every sample gets.
//! - [`width`]: how wide a first layer must be, from below and from above.
//! - [`network`]: layers and the compact forms, what each computes (written
//!   once), sizes, evaluation.
//! - [`certify`]: proofs about a network as stored, attacks, Lipschitz bounds.
//! - [`generalization`]: how far the labels of held-out points are right, of networks and
//!   of the nearest-neighbour rule.
//! - [`directions`]: every norm as the sup norm of a few numbers.
//! - [`cells`]: boxes that recognise balls, few and sparse.
//! - [`constructions`]: theorems as code, one file each, listed in
//!   [`REGISTRY`](constructions::REGISTRY).
//! - [`patch`](mod@patch): a memory for a trained network of others.
//! - [`bounds`]: what the literature proves necessary and sufficient.
//! - [`classes`]: which output of a network belongs to which class of the data.
//! - [`fit`](mod@fit): the whole line in one call.
//!
//! # Which guarantee rests on what
//!
//! | what is said | rests on |
//! |---|---|
//! | *separation* is this distance, of this pair | [`number`], and [`separation`], which takes every pair into account and compares without rounding |
//! | a *width* reaches this ratio, or cannot | [`width`], which bounds what a projection and weights on pairs show, and [`number`]; not their search |
//! | *certified*: every point of the ball, rounded or not, gets the label | [`certify`], [`number`], for compact forms the exact search of [`separation`], what [`network`] says a form computes, and IEEE-754 arithmetic of the machine |
//! | the nearest-neighbour rule is *certified* within this radius | [`separation`], [`number`] and [`generalization`] |
//! | *refuted*: this point of the ball gets another label | [`network`], which evaluates it, and [`number`], by which it lies in the ball |
//! | the network has this size, this Lipschitz bound | [`network`]; [`certify`] and [`number`] |
//!
//! Not trusted by any certificate: [`constructions`] and the search of [`cells`]
//! and [`directions`] (a mistake there gives a network that is not certified), what a file claims of
//! itself (its radii are the question that is asked, its class names say which
//! output belongs to which label), vector instructions beyond what tests against
//! their portable twins show, and mathematical libraries.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        reason = "numbers that a test makes are small"
    )
)]

pub mod bounds;
pub mod budget;
pub mod cells;
pub mod certify;
pub mod classes;
pub mod constructions;
pub mod dataset;
pub mod directions;
pub mod error;
pub mod fit;
pub mod generalization;
mod isa;
mod matrix;
pub mod network;
pub mod norm;
pub mod number;
mod parallel;
pub mod patch;
pub mod progress;
pub mod scores;
pub mod separation;
pub mod text;
pub mod width;

pub use budget::{Budget, Radii};
pub use dataset::{Buffer, Dataset, Features};
pub use error::Error;
pub use norm::Norm;
pub use number::{Enclosure, Precision};
pub use progress::{Progress, Silent};

/// The examples of the page that the package shows are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
