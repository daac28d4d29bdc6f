//! Does a small network exist, and does a given one fail?
//!
//! Deciding whether a network of depth 2 and width 2 memorizes a dataset
//! robustly is NP-hard (Yu, Gao & Zhang, ICLR 2024, Theorem 4.1). [`decide`]
//! decides it all the same, exactly, for the sizes at which that is possible:
//!
//! 1. put the question about finitely many points to an SMT solver (linear
//!    real arithmetic);
//! 2. check the network it finds on the whole balls, over the rationals;
//! 3. add the points at which it fails, and ask again.
//!
//! A network that passes the check is a proof of *yes*; a finite set of points
//! that no network memorizes is a proof of *no*, a [`Refutation`]. A time limit
//! makes the answer *unknown*. See `docs/decide.md`.
//!
//! ```
//! use indelible::{Dataset, Features, Norm};
//! use indelible_decide::{Answer, Config, decide};
//!
//! // The points 0, 1, 2 with alternating labels: one neuron makes one crossing,
//! // and two are needed.
//! let names = vec!["a".into(), "b".into()];
//! let data = Dataset::new(Features::F64(vec![0.0, 1.0, 2.0].into()), 1, vec![0, 1, 0], names)?;
//! let decision = decide(&data, Norm::Linf, 0.25, 1, &Config::default())?;
//! let Answer::No(refutation) = decision.answer else { panic!("one neuron is not enough") };
//! assert_eq!(refutation.samples().collect::<Vec<_>>(), [0, 1, 2]);
//! # Ok::<(), indelible_decide::Error>(())
//! ```
//!
//! Beside it stand [`hard`], datasets on which deciding is hard; [`witness`],
//! datasets on which a narrow first layer must fail; and [`find_collision`],
//! which looks for the points at which the first layer of a given network does.
//!
//! Widths above 1 need an SMT solver, z3, as a program. Everything else about a
//! network that somebody has (files, any depth, any norm) is the business of
//! `indelible::certify`; this crate is for questions small enough to be settled.

mod affine;
mod ball;
mod clock;
mod collision;
mod config;
mod decision;
mod error;
pub mod hard;
mod instance;
mod linear_program;
mod network;
mod one_neuron;
mod point_solver;
mod rational;
mod refinement;
mod refutation;
mod row_space;
mod shallow;
mod smt;
pub mod witness;

pub use self::{
    collision::{Collision, find_collision},
    config::{Config, LARGEST_WIDTH},
    decision::{Answer, Decision, decide, smallest_width},
    error::Error,
    refutation::Refutation,
    shallow::ShallowNetwork,
};

/// The examples of the page that the package shows are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
