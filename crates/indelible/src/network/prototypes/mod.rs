//! The compact form of constructions that measure how far the input is from
//! every stored sample.

mod evaluate;
mod size;

use super::{Layer, PowerCurve};
use crate::{Error, Features, Precision, isa::Isa};

/// How a step measures the difference of its input and its center.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// `relu(max_j |x_j − c_j| − r)`.
    Largest,
    /// `relu(Σ_j |x_j − c_j| − r)`.
    Sum,
    /// `Σ_j relu(|x_j − c_j| − r)`.
    Violations,
    /// `relu(Σ_j φ(|x_j − c_j|) − r)`.
    Power(PowerCurve),
}

/// How levels become an accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The largest level.
    Max,
    /// The sum of all levels.
    Sum,
}

/// A comparison with one stored center per step `k = 0..K`:
///
/// ```text
/// c(x)    = max(x, m)                            (x itself without minima)
/// E_k     = what `measure` says about c(x), centers_k and radii_k
/// level_k = relu(tops_k − scales_k · E_k)
/// A_a     = max or sum of level_k over the steps with accumulators_k = a
/// y       = the layers of `head`, which read A
/// ```
///
/// All numbers are numbers of `precision`; every operation is executed in it,
/// sums over hinges, over features and over steps in any order. Scales are not
/// negative.
#[derive(Clone, Debug)]
pub struct Prototypes {
    /// The format it is stored and executed in.
    pub precision: Precision,
    /// Number of features, `n`.
    pub features: usize,
    /// `m`, one value per feature, where the input is clipped.
    pub minima: Option<Vec<f64>>,
    /// `K × n` centers, row after row. A table of levels need not be
    /// increasing here.
    pub centers: Features,
    /// How differences are measured.
    pub measure: Measure,
    /// One radius per step.
    pub radii: Vec<f64>,
    /// One top per step.
    pub tops: Vec<f64>,
    /// One scale per step, not negative.
    pub scales: Vec<f64>,
    /// The accumulator of each step.
    pub accumulators: Vec<usize>,
    /// How levels are combined.
    pub pool: Pool,
    /// One or two affine layers, a ReLU between two; the first reads the
    /// accumulators.
    pub head: Vec<Layer>,
}

impl Prototypes {
    /// Number of features, `n`.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.features
    }

    /// Number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.head.last().map_or(0, Layer::outputs)
    }

    /// Number of steps, `K`.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.tops.len()
    }

    /// Number of accumulators.
    #[must_use]
    pub fn accumulator_count(&self) -> usize {
        self.head.first().map_or(0, Layer::inputs)
    }

    /// Center of step `step`, exactly, into `out` of length `n`.
    ///
    /// # Panics
    /// When `step` is out of range or `out` has another length.
    pub fn copy_center(&self, step: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.features);
        self.centers.copy(step * self.features, out);
    }

    /// Outputs for `inputs` (row after row, `n` values each), row after row.
    ///
    /// Inputs are rounded to the format and every operation is executed in it.
    /// A step is left as soon as it can no longer change its accumulator.
    /// Rows are shared among the threads of the current rayon pool; the result
    /// does not depend on their number.
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
