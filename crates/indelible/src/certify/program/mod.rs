//! What a network does, as affine maps and hinges.
//!
//! Layers and graphs come to the same few steps, so that linear bounds and
//! gradients know two kinds only: affine maps of vectors (dense layers,
//! convolutions, residual sums, selections) and hinges, functions of one number
//! that bend once. A function that bends twice is two of them, and a maximum is
//! `max(a, b) = b + relu(a − b)`, which is true of the numbers of every execution.

mod lower;
mod map;
mod run;
mod step;

pub(super) use lower::is_dense;
pub(super) use map::Lengths;
#[cfg(test)]
pub(super) use map::Map;
pub(super) use step::{Affine, Hinge, HingeStep, Hinges, Program, Rounding, Step};
