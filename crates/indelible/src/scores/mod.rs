//! Who is memorized, and who influences whom, for the nearest-neighbour rule.
//!
//! Feldman and Zhang (NeurIPS 2020) ask, over random training sets `S`, how much
//! the label of a sample depends on its being there,
//!
//! ```text
//! mem(i)     = P[h_S(x_i) = y_i | i ∈ S] − P[h_S(x_i) = y_i | i ∉ S]
//! infl(i, j) = P[h_S(x_j) = y_j | i ∈ S] − P[h_S(x_j) = y_j | i ∉ S]
//! ```
//!
//! and estimate it with thousands of trained networks. For the rule that gives a
//! point the label of the nearest sample there is nothing to estimate. Sort the
//! samples by their distance from `x`: the first that is in `S` answers. With
//! each in `S` with probability `s`, independently, the `k`-th answers with
//! probability `s (1 − s)^k` (counted from 0), and everything follows from the
//! labels of the neighbours in their order; the file `closed_form.rs` has the
//! recursion.
//!
//! # Ties
//!
//! Among equally near samples that of the smallest index answers, as everywhere in
//! [`separation`](crate::separation), and which distance is smaller, or that two
//! are equal, is decided without rounding in `l1`, `l2` and `linf`. An empty
//! training set is right about nothing.
//!
//! # What is exact
//!
//! The order of the neighbours. Scores are then sums of at most as many terms as
//! neighbours are looked at, in binary64; [`Sampling::error`] bounds what is
//! neglected and what is rounded.
//!
//! # Memory
//!
//! Some numbers per sample, and at most 2²¹ neighbours at a time.

mod closed_form;
mod influence;
mod memorization;
mod neighbours;
mod sampling;

pub use self::{
    influence::{Influence, influence},
    memorization::{Memorization, SampleScore, memorization},
    sampling::Sampling,
};
