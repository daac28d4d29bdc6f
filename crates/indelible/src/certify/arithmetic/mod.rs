//! Intervals that contain every result, and what rounding does to one sum.

mod interval;
mod rounding;

pub(super) use interval::{
    Coefficients, Interval, IntervalArithmetic, magnitude, merged, plus, product, scaled,
};
pub(super) use rounding::{Rounding, Term, grid, rounding};
