//! What every stored form says of itself, and how it is evaluated.

use std::ops::Range;

use super::Size;
use crate::{Dataset, Error, Precision, parallel};

/// A stored form.
pub trait NetworkForm: Sync {
    /// Number of features it reads, `n`.
    fn inputs(&self) -> usize;
    /// Number of outputs.
    fn outputs(&self) -> usize;
    /// The format in which it is stored and executed.
    fn precision(&self) -> Precision;
    /// The size of its layers, or of the layered network that a compact form
    /// stands for.
    fn size(&self) -> Size;
}

/// A stored form prepared for many inputs.
///
/// Inputs are rounded to the format and every operation is executed in it.
/// Rows are shared among the threads of the current rayon pool; results do not
/// depend on their number.
pub trait Evaluator: Sync {
    /// Number of features it reads, `n`.
    fn inputs(&self) -> usize;

    /// Outputs for whole rows of `n` values, row after row.
    fn outputs(&self, inputs: &[f64]) -> Vec<f64>;

    /// Outputs for `inputs` (row after row, `n` values each), row after row.
    ///
    /// # Errors
    /// When the inputs are not rows of `n` values.
    fn evaluate(&self, inputs: &[f64]) -> Result<Vec<f64>, Error> {
        if inputs.len().is_multiple_of(self.inputs()) {
            Ok(self.outputs(inputs))
        } else {
            Err(Error::InputWidth { expected: self.inputs(), given: inputs.len() })
        }
    }

    /// Outputs for some samples of a dataset: what
    /// [`evaluate`](Self::evaluate) gives for their rows.
    ///
    /// # Errors
    /// When the dataset has other features than the network takes.
    ///
    /// # Panics
    /// When a sample is out of range.
    fn evaluate_samples(&self, data: &Dataset, samples: Range<usize>) -> Result<Vec<f64>, Error> {
        let n = data.features();
        if n != self.inputs() {
            return Err(Error::InputWidth { expected: self.inputs(), given: n });
        }
        let mut rows = vec![0.0; samples.len() * n];
        let first = samples.start;
        parallel::each_chunk_mut(&mut rows, n, |place, row| data.copy_row(first + place, row));
        Ok(self.outputs(&rows))
    }

    /// Samples that are best evaluated at once.
    fn batch(&self) -> usize {
        2048
    }
}
