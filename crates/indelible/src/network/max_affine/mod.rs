//! The compact form of the nearest neighbour in the Euclidean norm: maxima of
//! affine scores.

mod evaluate;

use rayon::prelude::*;

use super::Size;
use crate::{Error, Features, Precision, isa::Isa};

/// One affine score per stored row, and per class the largest of its scores:
///
/// ```text
/// s_k = rows_k · x + biases_k
/// y_c = max(0, max of s_k over the rows k of class c)
/// ```
///
/// Rows are sorted by class: class `c` has those up to `ends_c`, from where
/// the class before ends. All numbers are numbers of `precision`; sums are
/// executed in it in any order.
#[derive(Clone, Debug)]
pub struct MaxAffine {
    /// The format it is stored and executed in.
    pub precision: Precision,
    /// Number of features, `n`.
    pub features: usize,
    /// `K × n` weights, row after row. A table of levels need not be
    /// increasing here.
    pub rows: Features,
    /// One bias per row.
    pub biases: Vec<f64>,
    /// For each class where its rows end; not decreasing, the last is `K`.
    pub ends: Vec<usize>,
}

impl MaxAffine {
    /// The rows of class `class`.
    #[must_use]
    pub fn class_rows(&self, class: usize) -> std::ops::Range<usize> {
        let start = if class == 0 { 0 } else { self.ends[class - 1] };
        start..self.ends[class]
    }

    /// Row `row`, exactly, into `out` of length `n`.
    ///
    /// # Panics
    /// When `row` is out of range or `out` has another length.
    pub fn copy_row(&self, row: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.features);
        self.rows.copy(row * self.features, out);
    }

    /// Size of the layered network: the scores, then per class a tree of
    /// maxima `relu(a − b) + b` whose levels are folded into one layer each.
    #[must_use]
    pub fn layered_size(&self) -> Size {
        let (count, n) = (self.biases.len(), self.features);
        let (nonzero_rows, largest) = (0..self.rows.len())
            .into_par_iter()
            .with_min_len(1 << 16)
            .map(|at| self.rows.at(at).abs())
            .fold(|| (0, 1.0), |(count, m): (usize, f64), v| (count + usize::from(v != 0.0), m.max(v)))
            .reduce(|| (0, 1.0), |a, b| (a.0 + b.0, a.1.max(b.1)));
        let mut groups: Vec<Vec<usize>> =
            (0..self.ends.len()).map(|c| vec![1; self.class_rows(c).len()]).collect();
        let (mut nonzero, mut all) = (0, 0);
        let mut before = count;
        let mut width = count;
        let mut depth = 1;
        while groups.iter().any(|g| g.len() > 1) {
            let mut now = 0;
            for group in &mut groups {
                nonzero += group
                    .chunks(2)
                    .map(|pair| match pair {
                        [a, b] => a + 2 * b,
                        rest => rest.iter().sum(),
                    })
                    .sum::<usize>();
                *group = group.chunks(2).map(<[usize]>::len).collect();
                now += group.iter().sum::<usize>();
            }
            all += (before + 1) * now;
            width = width.max(now);
            before = now;
            depth += 1;
        }
        nonzero += groups.iter().flatten().sum::<usize>();
        all += (before + 1) * self.ends.len();
        let biases = self.biases.iter().filter(|b| **b != 0.0).count();
        Size {
            depth: depth + 1,
            width,
            nonzero: nonzero_rows + biases + nonzero,
            all: (n + 1) * count + all,
            max_abs: self.biases.iter().fold(largest, |m, b| m.max(b.abs())),
        }
    }

    /// Outputs for `inputs` (row after row, `n` values each), row after row,
    /// every operation executed in the format. Rows are shared among the
    /// threads of the current rayon pool; the result does not depend on their
    /// number.
    ///
    /// # Errors
    /// When the inputs are not rows of `n` values.
    pub fn evaluate(&self, inputs: &[f64]) -> Result<Vec<f64>, Error> {
        if !inputs.len().is_multiple_of(self.features) {
            return Err(Error::InputWidth { expected: self.features, given: inputs.len() });
        }
        Ok(self.outputs_with(Isa::best(), inputs))
    }

    /// The same for whole rows, with one instruction set.
    pub(super) fn outputs_with(&self, isa: Isa, inputs: &[f64]) -> Vec<f64> {
        match self.precision {
            Precision::F32 => evaluate::outputs::<f32>(self, isa, inputs),
            Precision::F64 => evaluate::outputs::<f64>(self, isa, inputs),
        }
    }
}
