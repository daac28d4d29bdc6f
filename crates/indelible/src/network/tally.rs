//! The compact form of constructions that measure how far the input is from
//! every stored sample.

use rayon::prelude::*;

use super::{Layer, PowerCurve, power_curve::Executed};
use crate::{Error, Features, Precision, number::Real};

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
pub enum Combine {
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
pub struct Tally {
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
    pub combine: Combine,
    /// One or two affine layers, a ReLU between two; the first reads the
    /// accumulators.
    pub head: Vec<Layer>,
}

/// Inputs that share one decoded block of centers.
const INPUTS_PER_TASK: usize = 32;
/// Steps whose centers are decoded at once.
const STEPS_PER_BLOCK: usize = 64;
/// Features between two looks at whether the step can still matter.
const LANES: usize = 16;

impl Tally {
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
        let start = step * self.features;
        for (j, o) in out.iter_mut().enumerate() {
            *o = self.centers.at(start + j);
        }
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
        Ok(match self.precision {
            Precision::F32 => self.run::<f32>(inputs),
            Precision::F64 => self.run::<f64>(inputs),
        })
    }

    fn run<T: Real>(&self, inputs: &[f64]) -> Vec<f64> {
        let rows = INPUTS_PER_TASK * self.features;
        inputs.par_chunks(rows).flat_map_iter(|rows| self.run_task::<T>(rows)).collect()
    }

    /// Evaluates a few rows in one thread.
    fn run_task<T: Real>(&self, rows: &[f64]) -> Vec<f64> {
        let n = self.features;
        let mut points: Vec<T> = rows.iter().map(|&x| T::from_f64(x)).collect();
        if let Some(minima) = &self.minima {
            for row in points.chunks_exact_mut(n) {
                for (x, &m) in row.iter_mut().zip(minima) {
                    let m = T::from_f64(m);
                    *x = if *x < m { m } else { *x };
                }
            }
        }
        let count = self.accumulator_count();
        let mut accumulators = vec![T::default(); rows.len() / n * count];
        let mut block = vec![T::default(); STEPS_PER_BLOCK * n];
        let measure = self.executed();
        let mut center = vec![0.0; n];
        for start in (0..self.steps()).step_by(STEPS_PER_BLOCK) {
            let end = (start + STEPS_PER_BLOCK).min(self.steps());
            for (k, out) in (start..end).zip(block.chunks_exact_mut(n)) {
                self.copy_center(k, &mut center);
                for (o, &c) in out.iter_mut().zip(&center) {
                    *o = T::from_f64(c);
                }
            }
            for (x, mine) in points.chunks_exact(n).zip(accumulators.chunks_exact_mut(count)) {
                for (k, c) in (start..end).zip(block.chunks_exact(n)) {
                    let a = &mut mine[self.accumulators[k]];
                    let floor = if self.combine == Combine::Max { *a } else { T::default() };
                    let level = self.level(k, &measure, x, c, floor);
                    *a = match self.combine {
                        Combine::Max if level < *a => *a,
                        Combine::Max => level,
                        Combine::Sum => *a + level,
                    };
                }
            }
        }
        accumulators.chunks_exact(count).flat_map(|a| self.head_of(a)).collect()
    }

    fn executed<T: Real>(&self) -> Measured<T> {
        match &self.measure {
            Measure::Largest => Measured::Largest,
            Measure::Sum => Measured::Sum,
            Measure::Violations => Measured::Violations,
            Measure::Power(curve) => Measured::Power(curve.executed()),
        }
    }

    /// The level of step `k`, or 0 where it is not above `floor`.
    fn level<T: Real>(&self, k: usize, measure: &Measured<T>, x: &[T], center: &[T], floor: T) -> T {
        let (radius, top, scale) =
            (T::from_f64(self.radii[k]), T::from_f64(self.tops[k]), T::from_f64(self.scales[k]));
        let of = |lanes: &[T; LANES]| {
            let measured = match measure {
                Measured::Violations => total(lanes),
                Measured::Largest => (lanes.iter().copied().fold(T::default(), larger) - radius).relu(),
                _ => (total(lanes) - radius).relu(),
            };
            top - scale * measured
        };
        let mut lanes = [T::default(); LANES];
        for (xs, cs) in x.chunks(LANES).zip(center.chunks(LANES)) {
            let mut sizes = [T::default(); LANES];
            for ((size, &x), &c) in sizes.iter_mut().zip(xs).zip(cs) {
                *size = (x - c).abs();
            }
            match measure {
                Measured::Largest => {
                    for (lane, d) in lanes.iter_mut().zip(sizes) {
                        *lane = larger(*lane, d);
                    }
                }
                Measured::Sum => add(&mut lanes[..xs.len()], sizes),
                Measured::Violations => add(&mut lanes[..xs.len()], sizes.map(|d| (d - radius).relu())),
                // Borders of images agree; a curve is 0 at 0.
                Measured::Power(_) if sizes.iter().all(|d| *d == T::default()) => continue,
                Measured::Power(curve) => add(&mut lanes[..xs.len()], curve.at(sizes)),
            }
            if of(&lanes) <= floor {
                return T::default();
            }
        }
        of(&lanes).relu()
    }

    fn head_of<T: Real>(&self, accumulators: &[T]) -> Vec<f64> {
        let mut values = accumulators.to_vec();
        for (index, layer) in self.head.iter().enumerate() {
            values = layer
                .rows()
                .map(|row| {
                    let sum = row
                        .columns
                        .iter()
                        .zip(row.weights)
                        .fold(T::from_f64(row.bias), |sum, (&c, &w)| sum + T::from_f64(w) * values[c]);
                    if index + 1 < self.head.len() { sum.relu() } else { sum }
                })
                .collect();
        }
        values.into_iter().map(T::to_f64).collect()
    }
}

/// A [`Measure`] in the format it is executed in.
enum Measured<T> {
    Largest,
    Sum,
    Violations,
    Power(Executed<T>),
}

#[inline(always)]
fn larger<T: Real>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

#[inline(always)]
fn add<T: Real>(lanes: &mut [T], more: [T; LANES]) {
    for (lane, more) in lanes.iter_mut().zip(more) {
        *lane = *lane + more;
    }
}

#[inline(always)]
fn total<T: Real>(lanes: &[T; LANES]) -> T {
    lanes.iter().fold(T::default(), |total, &lane| total + lane)
}
