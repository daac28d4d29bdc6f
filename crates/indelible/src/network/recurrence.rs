//! The compact form: a network that tells one stored sample after the other
//! from its input, written as a recurrence.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::{
    Error, Features, Precision,
    isa::{Isa, Loop},
    number::{Real, two_sum},
};

use super::{
    Head, LayerBuilder, Schedule, Size,
    early::{FEW, MANY, copy_ordered, folded, order_by_spread},
    schedule::{StepSize, Stream, largest_of},
};

/// The recurrence of Yu, Gao & Zhang (ICLR 2024), Theorem 4.8, with one cell
/// per step `k = 0..K`:
///
/// ```text
/// c(x)  = max(x, m)                               (step 0 reads x itself)
/// E_k   = Σ_j relu(|c(x)_j − centers_kj| − radii_k)
/// F_k   = F_{k−1} + relu((values_k − scales_k · E_k) − F_{k−1}),   F_{−1} = 0
/// ```
///
/// The output is `F_{K−1}`, or `−|F_{K−1} − t_c|` for each target `t_c`.
/// All numbers are numbers of `precision`; every operation is executed in it,
/// the sum over `j` in any order.
#[derive(Clone, Debug)]
pub struct Recurrence {
    /// The format it is stored and executed in.
    pub precision: Precision,
    /// `m`, one value per feature (`n`).
    pub minima: Vec<f64>,
    /// `K × n` centers, row after row. A table of levels need not be
    /// increasing here.
    pub centers: Features,
    /// One radius per step.
    pub radii: Vec<f64>,
    /// One scale per step.
    pub scales: Vec<f64>,
    /// One value per step: the number that stands for its label.
    pub values: Vec<f64>,
    /// The targets `t_c` of a logit head, `None` for a scalar head.
    pub targets: Option<Vec<f64>>,
}

impl Recurrence {
    /// Number of features, `n`.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.minima.len()
    }

    /// Number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.targets.as_ref().map_or(1, Vec::len)
    }

    /// Number of steps, `K`.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.values.len()
    }

    /// Which head it has.
    #[must_use]
    pub fn head(&self) -> Head {
        if self.targets.is_some() { Head::Logits } else { Head::Scalar }
    }

    /// Center of step `step`, exactly, into `out` of length `n`.
    ///
    /// # Panics
    /// When `step` is out of range or `out` has another length.
    pub fn copy_center(&self, step: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.inputs());
        self.centers.copy(step * self.inputs(), out);
    }

    /// Size of the layered network that computes the same function: two
    /// hidden layers per step, `3n + 1` and `n + 2` wide, one-sided thresholds
    /// `center ± radius`, the weights of a step being `scales_k`; a logit head
    /// adds one layer.
    #[must_use]
    pub fn layered_size(&self) -> Size {
        let (n, steps) = (self.inputs(), self.steps());
        let classes = self.targets.as_ref().map(Vec::len);
        let (zero_thresholds, largest_threshold) = self.thresholds();
        let zero_minima = self.minima.iter().filter(|m| **m == 0.0).count();
        let zero_values = self.values.iter().filter(|y| **y == 0.0).count();
        let zero_scales = self.scales.iter().filter(|s| **s == 0.0).count();
        let scalar = (8 * n + 5) * steps - 3;
        let missing = zero_thresholds + zero_minima + zero_values + 2 * n * zero_scales;
        let (head_nonzero, head_all, head_width, head_depth) = match classes {
            // The output layer becomes L + 1 neurons of two weights each (one
            // where there is but one step) with L biases; then two weights and
            // a bias per logit.
            Some(l) => {
                let reads = if steps == 1 { 1 } else { 2 };
                ((reads + 4) * l, 3 * (l + 1) + (l + 2) * l - 3, l + 1, 1)
            }
            None => (0, 0, 0, 0),
        };
        let all_scalar = (0..steps)
            .map(|k| {
                let reads = if k == 0 { n } else { n + 2 };
                let gives = if k + 1 == steps { 2 } else { n + 2 };
                (reads + 1) * (3 * n + 1) + (3 * n + 2) * gives
            })
            .sum::<usize>()
            + 3;
        let max_abs = [&self.minima, &self.scales, &self.values]
            .into_iter()
            .chain(&self.targets)
            .flatten()
            .fold(largest_threshold.max(1.0), |m, v| m.max(v.abs()));
        Size {
            depth: 2 * steps + 1 + head_depth,
            width: (3 * n + 1).max(head_width),
            nonzero: scalar + head_nonzero - missing,
            all: all_scalar + head_all,
            max_abs,
        }
    }

    /// Size of the layered network that begins a step with every layer: one
    /// layer of one-sided thresholds per step, the increment in the next.
    #[must_use]
    pub fn pipelined_size(&self) -> Size {
        let (n, steps) = (self.inputs(), self.steps());
        let (zeros, largest_threshold) = self.thresholds();
        let nonzero = |values: &[f64]| values.iter().filter(|v| **v != 0.0).count();
        let own = 4 * n * steps - zeros + 2 * n * nonzero(&self.scales) + nonzero(&self.values);
        let max_abs = largest_threshold.max(largest_of(&self.scales)).max(largest_of(&self.values));
        let mut label = LayerBuilder::new(1);
        label.weight(0, 1.0).bias(0.0);
        let mut head = vec![];
        if let Some(targets) = &self.targets {
            let mut logits = LayerBuilder::new(targets.len() + 1);
            for (c, &target) in targets.iter().enumerate() {
                label.weight(0, 1.0).bias(-target);
                logits.weight(0, 1.0).weight(c + 1, -2.0).bias(-target);
            }
            head.push(logits.finish());
        }
        head.insert(0, label.finish());
        let stream = Stream {
            features: n,
            minima: &self.minima,
            stages: vec![2 * n],
            steps: StepSize { nonzero: own, max_abs },
            accumulators: &vec![0; steps],
            head: &head,
        };
        stream.size(Schedule::Pipelined)
    }

    /// How many of the `2nK` thresholds are 0, and the largest in size.
    fn thresholds(&self) -> (usize, f64) {
        let n = self.inputs();
        (0..self.steps())
            .into_par_iter()
            .map_init(
                || vec![0.0; n],
                |center, k| {
                    self.copy_center(k, center);
                    let mut zeros = 0;
                    let mut largest = 0.0_f64;
                    for (c, m) in center.iter().zip(&self.minima) {
                        // Later steps read z = x − m, so their thresholds are c − m ± r.
                        let shift = if k == 0 { 0.0 } else { *m };
                        let (s, e) = two_sum(*c, -shift);
                        for r in [self.radii[k], -self.radii[k]] {
                            zeros += usize::from(e == 0.0 && s + r == 0.0);
                            largest = largest.max((s + r).abs());
                        }
                    }
                    (zeros, largest)
                },
            )
            .reduce(|| (0, 0.0), |a, b| (a.0 + b.0, a.1.max(b.1)))
    }
}

/// Evaluates a [`Recurrence`] on many inputs; made once, it holds a copy of
/// the centers with the features in an order that lets sums end early.
#[derive(Debug)]
pub struct RecurrenceEvaluator<'a> {
    recurrence: &'a Recurrence,
    order: Vec<usize>,
}

/// Steps whose centers are decoded at once: with n = 784 a block of binary32
/// centers takes 200 KB, which stays in the second-level cache.
const STEPS_PER_BLOCK: usize = 64;
/// Inputs that share one decoded block, at most.
const INPUTS_PER_TASK: usize = 256;

impl<'a> RecurrenceEvaluator<'a> {
    /// Prepares `recurrence` for evaluation.
    #[must_use]
    pub fn new(recurrence: &'a Recurrence) -> Self {
        let copy = |step: usize, out: &mut [f64]| recurrence.copy_center(step, out);
        let order = order_by_spread(recurrence.steps(), recurrence.inputs(), copy);
        Self { recurrence, order }
    }

    /// Outputs for `inputs` (row after row, `n` values each), row after row.
    ///
    /// Inputs are rounded to the format and every operation is executed in it.
    /// A sum is left as soon as the step can no longer change `F`: violations
    /// are not negative and rounding is monotone, so the result is what the
    /// whole sum gives. Rows are shared among the threads of the current rayon
    /// pool; the result does not depend on their number.
    ///
    /// # Errors
    /// When the inputs are not rows of `n` values.
    pub fn evaluate(&self, inputs: &[f64]) -> Result<Vec<f64>, Error> {
        let n = self.recurrence.inputs();
        if !inputs.len().is_multiple_of(n) {
            return Err(Error::InputWidth { expected: n, given: inputs.len() });
        }
        Ok(self.outputs_with(Isa::best(), inputs))
    }

    /// The same for whole rows, with one instruction set.
    pub(super) fn outputs_with(&self, isa: Isa, inputs: &[f64]) -> Vec<f64> {
        match self.recurrence.precision {
            Precision::F32 => self.run::<f32>(isa, inputs),
            Precision::F64 => self.run::<f64>(isa, inputs),
        }
    }

    fn run<T: Real>(&self, isa: Isa, inputs: &[f64]) -> Vec<f64> {
        let n = self.recurrence.inputs();
        let count = (inputs.len() / n).div_ceil(4 * rayon::current_num_threads()).clamp(1, INPUTS_PER_TASK);
        inputs
            .par_chunks(count * n)
            .flat_map_iter(|rows| isa.run(Task::<T> { evaluator: self, rows, format: PhantomData }))
            .collect()
    }

    /// Evaluates a few rows in one thread.
    #[inline(always)]
    fn run_task<T: Real, const LANES: usize>(&self, rows: &[f64]) -> Vec<f64> {
        let r = self.recurrence;
        let n = r.inputs();
        let raw: Vec<T> =
            rows.chunks_exact(n).flat_map(|row| self.order.iter().map(|&j| T::from_f64(row[j]))).collect();
        let minima: Vec<T> = self.order.iter().map(|&j| T::from_f64(r.minima[j])).collect();
        let mut clipped = raw.clone();
        for row in clipped.chunks_exact_mut(n) {
            for (x, &m) in row.iter_mut().zip(&minima) {
                *x = if *x < m { m } else { *x };
            }
        }
        let mut running = vec![T::default(); rows.len() / n];
        let mut block = vec![T::default(); STEPS_PER_BLOCK * n];
        for start in (0..r.steps()).step_by(STEPS_PER_BLOCK) {
            let end = (start + STEPS_PER_BLOCK).min(r.steps());
            copy_ordered(&r.centers, &self.order, start..end, &mut block);
            for (i, f) in running.iter_mut().enumerate() {
                for (k, c) in (start..end).zip(block.chunks_exact(n)) {
                    let x = if k == 0 { &raw } else { &clipped };
                    let step = Step {
                        radius: T::from_f64(r.radii[k]),
                        scale: T::from_f64(r.scales[k]),
                        value: T::from_f64(r.values[k]),
                    };
                    *f = *f + step.increment::<LANES>(&x[i * n..(i + 1) * n], c, *f);
                }
            }
        }
        running.into_iter().flat_map(|f| self.head(f)).collect()
    }

    /// The outputs for one final running label.
    fn head<T: Real>(&self, f: T) -> Vec<f64> {
        match &self.recurrence.targets {
            None => vec![f.to_f64()],
            Some(targets) => targets.iter().map(|&t| -(f - T::from_f64(t)).abs().to_f64()).collect(),
        }
    }
}

/// All steps on a few inputs.
struct Task<'a, T> {
    evaluator: &'a RecurrenceEvaluator<'a>,
    rows: &'a [f64],
    format: PhantomData<T>,
}

impl<T: Real> Loop for Task<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        if self.evaluator.recurrence.inputs() <= 2 * FEW {
            self.evaluator.run_task::<T, FEW>(self.rows)
        } else {
            self.evaluator.run_task::<T, MANY>(self.rows)
        }
    }
}

/// The numbers of one step.
struct Step<T> {
    radius: T,
    scale: T,
    value: T,
}

impl<T: Real> Step<T> {
    /// `relu((value − scale · E) − running)`.
    #[inline(always)]
    fn increment<const LANES: usize>(&self, x: &[T], center: &[T], running: T) -> T {
        let mut lanes = [T::default(); LANES];
        let (xs, xr) = x.as_chunks::<LANES>();
        let (cs, cr) = center.as_chunks::<LANES>();
        // With a scale that is not positive more violation does not mean less
        // increment, and nothing may be skipped.
        let may_stop = self.scale > T::default();
        for (xb, cb) in xs.iter().zip(cs) {
            for ((lane, &x), &c) in lanes.iter_mut().zip(xb).zip(cb) {
                *lane = *lane + ((x - c).abs() - self.radius).relu();
            }
            if may_stop && self.rest(folded(&lanes, |a, b| a + b), running) <= T::default() {
                return T::default();
            }
        }
        for ((lane, &x), &c) in lanes.iter_mut().zip(xr).zip(cr) {
            *lane = *lane + ((x - c).abs() - self.radius).relu();
        }
        self.rest(folded(&lanes, |a, b| a + b), running).relu()
    }

    #[inline(always)]
    fn rest(&self, violation: T, running: T) -> T {
        (self.value - self.scale * violation) - running
    }
}
