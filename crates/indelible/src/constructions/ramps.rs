//! Ramps on a sum over features, or on the largest of them, and steps that lift
//! the running label where it stays small.
//!
//! `V_k = relu(Σ_j φ(|z_j − z_kj|) − θ_k)` is exactly 0 on the ball of sample
//! `k` and at least `g_k` on every enemy's ball; the step offers
//! `y_k − (y_k/g_k) V_k`. With `φ(t) = t` this is Theorem B.2 of Yu, Gao &
//! Zhang (ICLR 2024), with `φ ≈ t^p` Theorem B.3. For `p = ∞` the largest
//! `|z_j − z_kj|` stands in place of the sum.

use super::{
    Options,
    distances::{Distances, tree_level, tree_widths},
    frame::Frame,
    heads,
    power::Hinges,
    stream::{Stages, Steps, Stored},
};
use crate::{
    Budget, Dataset, Error, Norm,
    network::{Head, Layer, LayerBuilder, Measure, PowerCurve},
    number::{add_down, add_up, div_up, mul_down, mul_up, sub_down},
};

/// How `Σ_j φ` is computed, or what stands in its place.
#[derive(Clone, Debug)]
pub(super) enum Sum {
    /// The largest difference, by a tree of maxima.
    Largest,
    /// A sum of hinges, in one layer.
    Hinges(Hinges),
    /// `R²` times Yarotsky's approximation of squares on `[0, 1]`.
    Sawtooth {
        /// `1/R`, rounded down.
        inverse: f64,
        /// Teeth are refined so often.
        levels: usize,
    },
}

/// What the steps of one network measure.
#[derive(Clone, Debug)]
pub(super) struct Ramps {
    /// The samples as centers.
    pub frame: Frame,
    sum: Sum,
    /// `θ_k`.
    pub thresholds: Vec<f64>,
    /// `w_k = y_k/g_k`.
    pub weights: Vec<f64>,
}

/// `a (1 + γ)`, rounded up.
fn grown(a: f64, gamma: f64) -> f64 {
    mul_up(a, add_up(1.0, gamma))
}

impl Ramps {
    /// Chooses thresholds and weights from bounds of the exact sums: `own(k)`
    /// above those on the own ball, `enemy(k)` below those on enemies' balls,
    /// of which computing makes at most `roundings` relative errors and
    /// `error` besides.
    pub fn new(
        frame: Frame,
        budget: &Budget,
        sum: Sum,
        (roundings, error): (usize, f64),
        bounds: impl Fn(usize) -> (f64, f64),
    ) -> Result<Self, Error> {
        let gamma = frame.gamma(roundings)?;
        let (mut thresholds, mut weights) = (vec![], vec![]);
        for k in 0..frame.data.samples() {
            let (own, enemy) = bounds(k);
            let threshold = div_up(grown(add_up(own, error), gamma), sub_down(1.0, gamma));
            let threshold = frame.precision.round_up(threshold);
            let gap = if budget.clearance(k).is_finite() {
                let enemy = mul_down(sub_down(enemy, error), sub_down(1.0, gamma));
                frame.precision.round_down(sub_down(enemy, grown(threshold, gamma)))
            } else {
                1.0
            };
            let weight = frame.precision.round_up(div_up((frame.data.labels()[k] + 1) as f64, gap));
            if !(gap > 0.0 && weight.is_finite() && threshold.is_finite()) {
                return Err(frame.no_gap(k));
            }
            thresholds.push(threshold);
            weights.push(weight);
        }
        Ok(Self { frame, sum, thresholds, weights })
    }

    /// The steps whose sum is the distance itself, for `p = 1`.
    pub fn distance(data: &Dataset, budget: &Budget, options: Options) -> Result<Self, Error> {
        let frame = Frame::new(data, budget.radii(), options.precision)?;
        let (roundings, error) = (2 * data.features() + 2, frame.total_error());
        Self::new(frame, budget, Sum::Hinges(Hinges::distance()), (roundings, error), |k| {
            (budget.radii().of(k), budget.clearance(k))
        })
    }

    /// The ramps on the largest difference, for `p = ∞`.
    pub fn largest(data: &Dataset, budget: &Budget, options: Options) -> Result<Self, Error> {
        let frame = Frame::new(data, budget.radii(), options.precision)?;
        let error = Distances::error(&frame, Norm::Linf)?;
        // The neurons that the tree ends in and the threshold are added in any order.
        Self::new(frame, budget, Sum::Largest, (4, error), |k| (budget.radii().of(k), budget.clearance(k)))
    }

    /// `1/g_k`, rounded up: times `V_k` it is at least 1 on enemies' balls.
    pub fn scale(&self, k: usize) -> f64 {
        // y_k/g_k is what is kept, and y_k ≥ 1.
        self.frame.precision.round_up(div_up(self.weights[k], (self.frame.data.labels()[k] + 1) as f64))
    }

    /// Nonzero parameters of one step and what it passes on.
    pub fn cost(&self) -> usize {
        let (n, stages) = (self.frame.data.features(), self.widths().len());
        (0..stages).map(|s| self.stage(0, s, false).nonzero()).sum::<usize>() + n * (stages + 1)
    }

    /// The steps, which raise a running label.
    pub fn steps(self, head: Head) -> Steps {
        let data = &self.frame.data;
        Steps {
            precision: self.frame.precision,
            minima: self.frame.minima.clone(),
            tops: data.labels().iter().map(|label| (label + 1) as f64).collect(),
            scales: self.weights.clone(),
            accumulators: vec![0; data.samples()],
            head: heads::running_label(head, data.classes()),
            stages: Box::new(self),
        }
    }

    /// Stage `stage ≥ 1` of the largest difference: a level of the tree, or what it ends in
    /// less the threshold.
    fn largest_stage(&self, k: usize, stage: usize) -> Layer {
        let n = self.frame.data.features();
        let widths = tree_widths(n);
        if stage < widths.len() {
            return tree_level(n, stage - 1);
        }
        let last = widths.last().copied().unwrap_or(0);
        let mut layer = LayerBuilder::new(last);
        for column in 0..last {
            layer.weight(column, 1.0);
        }
        layer.bias(-self.thresholds[k]);
        layer.finish()
    }

    /// Stage `stage ≥ 1` of the sawtooth.
    fn sawtooth_stage(&self, k: usize, stage: usize, inverse: f64, levels: usize) -> Layer {
        let n = self.frame.data.features();
        if stage == 1 {
            let mut layer = LayerBuilder::new(2 * n);
            for j in 0..n {
                for bias in [0.0, -0.5] {
                    layer.weight(2 * j, inverse).weight(2 * j + 1, inverse).bias(bias);
                }
            }
            for column in 0..2 * n {
                layer.weight(column, inverse);
            }
            layer.bias(0.0);
            return layer.finish();
        }
        let mut layer = LayerBuilder::new(2 * n + 1);
        let last = stage == levels + 1;
        if !last {
            for j in 0..n {
                for bias in [0.0, -0.5] {
                    layer.weight(2 * j, 2.0).weight(2 * j + 1, -4.0).bias(bias);
                }
            }
        }
        let share = 0.25f64.powi(i32::try_from(stage - 1).unwrap_or(i32::MAX));
        for j in 0..n {
            layer.weight(2 * j, -2.0 * share).weight(2 * j + 1, 4.0 * share);
        }
        layer.weight(2 * n, 1.0).bias(if last { -self.thresholds[k] } else { 0.0 });
        layer.finish()
    }
}

impl Stages for Ramps {
    fn widths(&self) -> Vec<usize> {
        let n = self.frame.data.features();
        match &self.sum {
            Sum::Largest => [tree_widths(n), vec![1]].concat(),
            Sum::Hinges(hinges) => vec![2 * n * hinges.knots.len(), 1],
            Sum::Sawtooth { levels, .. } => [vec![2 * n], vec![2 * n + 1; *levels], vec![1]].concat(),
        }
    }

    fn stage(&self, k: usize, stage: usize, raw: bool) -> Layer {
        match &self.sum {
            Sum::Largest | Sum::Sawtooth { .. } if stage == 0 => self.frame.one_sided(k, raw, &[0.0]),
            Sum::Largest => self.largest_stage(k, stage),
            Sum::Hinges(hinges) if stage == 0 => self.frame.one_sided(k, raw, &hinges.knots),
            Sum::Hinges(hinges) => {
                let n = self.frame.data.features();
                let mut layer = LayerBuilder::new(2 * n * hinges.knots.len());
                for (pair, &weight) in std::iter::repeat_n(&hinges.weights, n).flatten().enumerate() {
                    layer.weight(2 * pair, weight).weight(2 * pair + 1, weight);
                }
                layer.bias(-self.thresholds[k]);
                layer.finish()
            }
            Sum::Sawtooth { inverse, levels } => self.sawtooth_stage(k, stage, *inverse, *levels),
        }
    }

    fn stored(&self) -> Result<Stored, Error> {
        let measure = match &self.sum {
            Sum::Largest => Measure::Largest,
            Sum::Hinges(hinges) if *hinges == Hinges::distance() => Measure::Sum,
            Sum::Hinges(Hinges { knots, weights, .. }) => {
                Measure::Power(PowerCurve::Hinges { knots: knots.clone(), weights: weights.clone() })
            }
            &Sum::Sawtooth { inverse, levels } => Measure::Power(PowerCurve::Sawtooth { inverse, levels }),
        };
        let all: Vec<usize> = (0..self.thresholds.len()).collect();
        Ok((self.frame.stored_rows(&all), measure, self.thresholds.clone(), self.weights.clone()))
    }
}

/// The error that rounding adds to the sawtooth's sum of `n` squares, inputs
/// being off by `inputs` in all.
///
/// A tooth doubles what its argument is off by and adds a few units; weights
/// fall by four. Each of the sums has at most `2n + 2` roundings of terms that
/// add up to at most `8n` in size.
pub(super) fn sawtooth_error(n: usize, levels: usize, inputs: f64, unit: f64, gamma: f64) -> f64 {
    let features = n as f64;
    let teeth = add_up(mul_up(2.0, inputs), mul_up(8.0 * features, unit));
    let sums = mul_up(8.0 * features * add_down(levels as f64, 2.0), gamma);
    add_up(teeth, sums)
}
