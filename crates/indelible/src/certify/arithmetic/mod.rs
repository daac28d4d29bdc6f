//! Intervals that contain every result, and what rounding does to one sum.

mod interval;
mod rounding;

pub(super) use interval::{Interval, IntervalArithmetic, magnitude, plus, product};
pub(super) use rounding::{Rounding, Term, grid, rounding};
