//! What outputs must do: rows over the outputs that must all be positive.

use super::{goal::Goal, relaxation::Rows};
use crate::certify::{Claim, program::Program};

/// Rows over the outputs and what is added to each. Where all are positive the
/// label of the sample is given and no other, or what else was asked holds.
#[derive(Debug)]
pub(in crate::certify) struct Question {
    outputs: usize,
    rows: Vec<(Vec<f64>, f64)>,
}

impl Question {
    /// The question about a sample; `None` where the network has no such class
    /// or no other one.
    pub fn new(claim: &Claim<'_>, outputs: usize, sample: usize) -> Option<Self> {
        let class = claim.class(sample);
        let mut rows = vec![];
        if outputs == 1 {
            // Halves are exact up to 2⁵².
            let label = (class + 1) as f64;
            if class > 0 {
                rows.push((vec![1.0], 0.5 - label));
            }
            if class + 1 < claim.network_classes {
                rows.push((vec![-1.0], label + 0.5));
            }
        } else if class < outputs {
            for other in (0..outputs).filter(|other| *other != class) {
                let mut row = vec![0.0; outputs];
                (row[class], row[other]) = (1.0, -1.0);
                rows.push((row, -claim.tie_margin));
            }
        }
        (!rows.is_empty() && class < claim.network_classes).then_some(Self { outputs, rows })
    }

    /// These rows over the outputs, and what is added to each.
    pub fn of_rows(outputs: usize, rows: Vec<(Vec<f64>, f64)>) -> Self {
        Self { outputs, rows }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

impl Goal for Question {
    fn vector(&self, program: &Program<'_>) -> usize {
        program.steps.len()
    }

    fn rows(&self, numbers: &[usize]) -> Rows {
        let mut rows = Rows::zero(numbers.len(), self.outputs);
        let places = rows.coefficients.chunks_mut(self.outputs).zip(&mut rows.base);
        for ((place, base), number) in places.zip(numbers) {
            if let Some((coefficients, added)) = self.rows.get(*number) {
                place.copy_from_slice(coefficients);
                base.add(*added);
            }
        }
        rows
    }
}
