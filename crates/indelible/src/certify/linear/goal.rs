//! What is asked of numbers of a program.

use super::relaxation::Rows;
use crate::certify::program::Program;

/// Rows over the numbers of a vector that are to be positive.
pub(super) trait Goal {
    /// The vector.
    fn vector(&self, program: &Program<'_>) -> usize;

    /// Some of the rows.
    fn rows(&self, numbers: &[usize]) -> Rows;
}
