//! Queries about piecewise-linear networks in VNN-LIB.
//!
//! - [`parse()`]: texts of VNN-LIB 1.0 and 2.0 as a [`Query`], every number an exact
//!   rational; [`Query::to_text`] writes both versions.
//! - [`decide()`]: the answer, proved for the network as stored or shown by a point
//!   that [`check()`] has found right in exact arithmetic and as executed;
//!   [`decide_all()`] for queries about several networks.
//! - [`benchmark`]: instances for makers of verifiers, with answers that were shown
//!   in this way.
//! - [`witness_inputs`], [`witness_text`]: points as solvers print them.

pub mod benchmark;
mod decide;
mod error;
mod exact;
mod formula;
mod number;
mod parse;
mod query;
mod region;
mod rows;
mod several;
mod syntax;
mod witness;
mod write;

pub use self::{
    decide::{Answer, Decision, Limits, Witness, check, decide},
    error::QueryError,
    exact::real_outputs,
    parse::parse,
    query::{Constraint, Kinship, NetworkDeclaration, Query, Role, Tensor, Variable, Version},
    several::decide_all,
    witness::{witness_inputs, witness_text},
};

/// The examples of the page that the package shows are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
