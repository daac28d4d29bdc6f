//! Optimal robust memorization in the sup norm: Yu, Gao & Zhang, "Optimal
//! Robust Memorization with ReLU Neural Networks", ICLR 2024, Theorem 4.8.
//!
//! **Guarantee.** For every budget `μ < λ_∞/2` and any number of labels, on
//! every closed ball `‖x − x_i‖_∞ ≤ μ` the network is constant and equal to
//! `y_i` — in real arithmetic and as executed in the stored format, in any
//! summation order.
//!
//! **Size.** Width `3n + 1`, depth `2N + 1`, `(8n + 5)N − 3` nonzero
//! parameters less the thresholds that happen to be 0, whatever λ, μ and L.
//! A logit head adds one layer and at most `6L` parameters. The largest
//! parameter grows like `L/γ`, `γ = λ − 2μ`.
//!
//! **Method.** With `z = relu(x − m)`, `m_j = min_i x_ij` (harmless clipping),
//! and for every sample `k`
//!
//! ```text
//! E_k = Σ_j relu(z_j − (z_kj + μ)) + relu((z_kj − μ) − z_j)
//! F_k = F_{k−1} + relu(y_k − (y_k/γ) E_k − F_{k−1}),   F_0 = 0
//! ```
//!
//! inside the ball of `k`, `E_k = 0` lifts the running label to `y_k`; inside
//! an enemy's ball some coordinate violates by at least γ and nothing changes.
//! Layer `A_k` holds `z`, the `2n` violations and `F_{k−1}`; layer `B_k` holds
//! `z`, `F_{k−1}` and the increment.
//!
//! **Floating point.** Every threshold is stored rounded away from the ball,
//! so the violations of the own ball are exactly 0. `γ_k` is replaced by a
//! lower bound `g_k` of the largest single violation after rounding, and the
//! weight `w_k ≥ y_k/g_k` is rounded up: one violation alone brings the sum to
//! 0 or below, and the others only lower it, in whatever order they are added,
//! because rounding is monotone.

use crate::{
    Budget, Dataset, Error, Features, Norm, Precision,
    network::{Head, Layer, LayerBuilder, Measure, Model, Network, Schedule},
    number::{add_up, div_up, sub_down, sub_up},
    parallel,
};

use super::{
    Accuracy, Bound, BuiltNetwork, Construction, Labels, Options,
    frame::stored_rows,
    heads,
    stream::{Stages, Steps, Stored, Stream},
};

pub(super) const ENTRY: Construction = Construction {
    schedule: Some(Schedule::Sequential),
    bounds: &[Bound {
        norm: None,
        labels: Labels::Any,
        formula: "(8n + 5) N − 3",
        value: |q| (8.0 * q.n() + 5.0) * q.big_n() - 3.0,
        accuracy: Accuracy::Explicit,
        condition: "p = ∞, any labels; depth 2N + 1, width 3n + 1",
        source: "Yu, Gao & Zhang, ICLR 2024, Theorem 4.8 (O(Nn)); count: this library",
    }],
    ..Construction::new(
        "yu2024-linf",
        "Yu, Gao & Zhang, ICLR 2024, Theorem 4.8",
        &[Norm::Linf],
        |data, budget, options, _| Ok(Box::new(Yu2024Linf::new(data, budget, options)?)),
    )
};

/// Labels must be exact and even in their last place in binary32; see the
/// module documentation.
const MOST_CLASSES: usize = 1 << 22;

/// The network of the theorem, one pair of layers per sample.
#[derive(Clone, Debug)]
pub struct Yu2024Linf {
    data: Dataset,
    budget: Budget,
    options: Options,
    /// `m_j` in the stored format, not above any sample.
    minima: Vec<f64>,
    /// Lower bounds `g_k` of what an enemy's ball violates, in the format.
    pub(super) gaps: Vec<f64>,
    /// `w_k`, one weight per sample.
    weights: Vec<f64>,
    /// Whether all samples but the first see `z` instead of the features.
    clip: bool,
}

impl Yu2024Linf {
    /// The network that memorizes `data` within `budget` (norm `l_∞`).
    ///
    /// Takes one pass over the data; where the format is so coarse that the
    /// simple bound on rounding leaves no room, one pass over the pairs of
    /// enemies.
    ///
    /// # Errors
    /// [`Error::TooFine`] when the stored format cannot hold the network.
    pub fn new(data: &Dataset, budget: &Budget, options: Options) -> Result<Self, Error> {
        Self::with_clipping(data, budget, options, true)
    }

    /// The same thresholds and weights, with all samples reading the features
    /// themselves unless `clip`.
    pub(super) fn with_clipping(
        data: &Dataset,
        budget: &Budget,
        options: Options,
        clip: bool,
    ) -> Result<Self, Error> {
        let precision = options.precision;
        let too_fine = |why: String| Error::TooFine { precision, why };
        if data.classes() > MOST_CLASSES {
            return Err(too_fine(format!("{} classes, at most {MOST_CLASSES} are exact", data.classes())));
        }
        let minima: Vec<f64> = data.minima().into_iter().map(|m| precision.round_down(m)).collect();
        let (data, budget) = (data.clone(), budget.clone());
        let mut network = Self { data, budget, options, minima, gaps: vec![], weights: vec![], clip };
        let (data, budget) = (&network.data, &network.budget);
        let reaches: Vec<f64> = parallel::map(data.samples(), |k| network.reach(k));
        let excess =
            reaches.iter().enumerate().fold(0.0_f64, |e, (k, r)| e.max(sub_up(*r, budget.radii().of(k))));
        if !excess.is_finite() {
            return Err(too_fine("a threshold is out of its range".into()));
        }
        let mut gaps: Vec<f64> = reaches
            .iter()
            .enumerate()
            .map(|(k, reach)| {
                let clearance = budget.clearance(k);
                if clearance.is_finite() { sub_down(sub_down(clearance, excess), *reach) } else { 1.0 }
            })
            .collect();
        if gaps.iter().any(|gap| precision.round_down(*gap) <= 0.0) {
            gaps = parallel::map(data.samples(), |k| network.smallest_violation(k));
        }
        network.gaps = gaps.into_iter().map(|gap| precision.round_down(gap)).collect();
        network.weights = network.weights(&network.gaps)?;
        Ok(network)
    }

    /// `y_k/g_k`, rounded up, for each of `gaps`.
    fn weights(&self, gaps: &[f64]) -> Result<Vec<f64>, Error> {
        let weight = |(k, &gap): (usize, &f64)| {
            let weight = self.options.precision.round_up(div_up(self.value(k), gap));
            if gap > 0.0 && weight.is_finite() { Ok(weight) } else { Err(self.no_gap(k, gap)) }
        };
        gaps.iter().enumerate().map(weight).collect()
    }

    /// The number that stands for the label of sample `k`.
    fn value(&self, k: usize) -> f64 {
        (self.data.labels()[k] + 1) as f64
    }

    /// The ends of a ball in one feature, inputs rounded to the format included.
    fn ends(&self, x: f64, radius: f64) -> (f64, f64) {
        let precision = self.options.precision;
        let (lower, upper) = (sub_down(x, radius), add_up(x, radius));
        (lower.min(precision.round(lower)), upper.max(precision.round(upper)))
    }

    /// Stored thresholds around feature `j` of sample `k`: numbers of the
    /// format between which the image of the ball lies, both for real inputs
    /// and for inputs and differences rounded to the format. `shift` is what
    /// is taken off the input first.
    fn thresholds(&self, x: f64, radius: f64, shift: f64) -> (f64, f64) {
        let precision = self.options.precision;
        let (lower, upper) = self.ends(x, radius);
        (precision.round_down(sub_down(lower, shift)), precision.round_up(sub_up(upper, shift)))
    }

    /// What is taken off feature `j` before sample `k` sees it.
    fn shift(&self, k: usize, j: usize) -> f64 {
        if self.clip && k > 0 { self.minima[j] } else { 0.0 }
    }

    /// The thresholds of sample `k`, feature by feature, as its neurons use
    /// them.
    fn stored_thresholds(&self, k: usize) -> Vec<(f64, f64)> {
        (0..self.data.features()).map(|j| self.stored_threshold(k, j)).collect()
    }

    /// Those of feature `j`.
    pub(super) fn stored_threshold(&self, k: usize, j: usize) -> (f64, f64) {
        self.thresholds(self.data.value(k, j), self.budget.radii().of(k), self.shift(k, j))
    }

    /// How far the thresholds of sample `k` lie from its features at most.
    fn reach(&self, k: usize) -> f64 {
        let radius = self.budget.radii().of(k);
        let mut reach = 0.0_f64;
        for (j, &m) in self.minima.iter().enumerate() {
            let x = self.data.value(k, j);
            let clipped = if self.clip { m } else { 0.0 };
            for shift in [self.shift(k, j), clipped] {
                let (lower, upper) = self.thresholds(x, radius, shift);
                reach = reach.max(sub_up(upper, sub_down(x, shift))).max(sub_up(sub_up(x, shift), lower));
            }
        }
        reach
    }

    /// For every sample how far its stored center lies from it at most, and how
    /// far its ball, inputs rounded to the format, reaches from that center.
    fn around_centers(&self, centers: &Features) -> (Vec<f64>, Vec<f64>) {
        let n = self.data.features();
        let both = parallel::map(self.data.samples(), |k| {
            let radius = self.budget.radii().of(k);
            let (mut drift, mut reach) = (0.0_f64, 0.0_f64);
            for j in 0..n {
                let (x, center) = (self.data.value(k, j), centers.at(k * n + j));
                let (lower, upper) = self.ends(x, radius);
                drift = drift.max(sub_up(x, center)).max(sub_up(center, x));
                reach = reach.max(sub_up(upper, center)).max(sub_up(center, lower));
            }
            (drift, reach)
        });
        both.into_iter().unzip()
    }

    /// The smallest, over the enemies of sample `k`, of the largest violation
    /// that every point of the enemy's ball commits in one feature; 1 without
    /// enemies.
    fn smallest_violation(&self, k: usize) -> f64 {
        let radii = self.budget.radii();
        let labels = self.data.labels();
        let mut smallest = f64::INFINITY;
        for i in (0..self.data.samples()).filter(|&i| labels[i] != labels[k]) {
            let mut largest = f64::NEG_INFINITY;
            for j in 0..self.data.features() {
                let shift = self.shift(k, j);
                let (lower, upper) = self.thresholds(self.data.value(k, j), radii.of(k), shift);
                let (other_lower, other_upper) = self.thresholds(self.data.value(i, j), radii.of(i), shift);
                largest = largest.max(sub_down(other_lower, upper)).max(sub_down(lower, other_upper));
                if largest >= smallest {
                    break;
                }
            }
            smallest = smallest.min(largest);
        }
        if smallest.is_finite() { smallest } else { 1.0 }
    }

    /// `A_k`: `z`, the violations above and below, `F_{k−1}`. The first reads
    /// the features themselves, the others what `B_{k−1}` gives. `F_0 = 0` is
    /// kept as a neuron without weights so that all have one shape.
    fn violations(&self, k: usize) -> Layer {
        let n = self.data.features();
        let mut layer = LayerBuilder::new(if k == 0 { n } else { n + 2 });
        for j in 0..n {
            layer.weight(j, 1.0).bias(if k == 0 { -self.minima[j] } else { 0.0 });
        }
        let thresholds = self.stored_thresholds(k);
        for (j, (_, upper)) in thresholds.iter().enumerate() {
            layer.weight(j, 1.0).bias(-upper);
        }
        for (j, (lower, _)) in thresholds.iter().enumerate() {
            layer.weight(j, -1.0).bias(*lower);
        }
        if k > 1 {
            layer.weight(n, 1.0);
        }
        if k > 0 {
            layer.weight(n + 1, 1.0);
        }
        layer.bias(0.0);
        layer.finish()
    }

    /// `B_k`: `z` (not in the last), `F_{k−1}`, the increment.
    fn increment(&self, k: usize) -> Layer {
        let n = self.data.features();
        let mut layer = LayerBuilder::new(3 * n + 1);
        if k + 1 < self.data.samples() {
            for j in 0..n {
                layer.weight(j, 1.0).bias(0.0);
            }
        }
        let carried = if k > 0 { 1.0 } else { 0.0 };
        layer.weight(3 * n, carried).bias(0.0);
        for j in n..3 * n {
            layer.weight(j, -self.weights[k]);
        }
        layer.weight(3 * n, -carried).bias(self.value(k));
        layer.finish()
    }

    /// What the shared head is here: `F_N` is the sum of what `B_N` gives.
    fn output(&self) -> Layer {
        let carried = if self.data.samples() > 1 { 1.0 } else { 0.0 };
        let mut layer = LayerBuilder::new(2);
        for row in self.head()[0].rows() {
            layer.weight(0, carried).weight(1, 1.0).bias(row.bias);
        }
        layer.finish()
    }

    fn head(&self) -> Vec<Layer> {
        heads::running_label(self.options.head, self.data.classes())
    }
}

impl Network for Yu2024Linf {
    fn precision(&self) -> Precision {
        self.options.precision
    }

    fn inputs(&self) -> usize {
        self.data.features()
    }

    fn outputs(&self) -> usize {
        match self.options.head {
            Head::Scalar => 1,
            Head::Logits => self.data.classes(),
        }
    }

    fn depth(&self) -> usize {
        2 * self.data.samples() + 1 + usize::from(self.options.head == Head::Logits)
    }

    fn layer(&self, index: usize) -> Layer {
        match index / 2 {
            k if k < self.data.samples() && index.is_multiple_of(2) => self.violations(k),
            k if k < self.data.samples() => self.increment(k),
            _ if index.is_multiple_of(2) => self.output(),
            _ => self.head()[1].clone(),
        }
    }
}

impl BuiltNetwork for Yu2024Linf {
    /// `F + relu(l − F)` is the larger of the two.
    fn compact(&self) -> Result<Model, Error> {
        self.clone().stream(Schedule::Sequential).compact()
    }
}

/// The steps of the theorem.
impl Stages for Yu2024Linf {
    fn widths(&self) -> Vec<usize> {
        vec![2 * self.data.features()]
    }

    fn stage(&self, step: usize, _stage: usize, _raw: bool) -> Layer {
        let mut layer = LayerBuilder::new(self.data.features());
        for (j, (lower, upper)) in self.stored_thresholds(step).into_iter().enumerate() {
            layer.weight(j, 1.0).bias(-upper);
            layer.weight(j, -1.0).bias(lower);
        }
        layer.finish()
    }

    fn stored(&self) -> Result<Stored, Error> {
        let (centers, radii, gaps) = self.stored_balls()?;
        Ok((centers, Measure::Violations, radii, self.weights(&gaps)?))
    }
}

impl Yu2024Linf {
    /// The same function in layers that begin as `schedule` says.
    pub(super) fn stream(self, schedule: Schedule) -> Stream {
        let steps = Steps {
            precision: self.options.precision,
            minima: self.minima.clone(),
            tops: (0..self.data.samples()).map(|k| self.value(k)).collect(),
            scales: self.weights.clone(),
            accumulators: vec![0; self.data.samples()],
            head: self.head(),
            stages: Box::new(self),
        };
        Stream::new(steps, schedule)
    }

    fn no_gap(&self, k: usize, gap: f64) -> Error {
        let why = format!("around sample {k} it leaves a gap of {gap:e} between the balls");
        Error::TooFine { precision: self.options.precision, why }
    }

    /// Each sample as a center with one radius for all features, instead of two
    /// thresholds per feature, and the gap to its enemies' balls:
    /// `|c(x) − x_k| − r_k` is the larger of the two violations. `r_k` covers
    /// what rounding the input, the center and the difference may add.
    pub(super) fn stored_balls(&self) -> Result<(Features, Vec<f64>, Vec<f64>), Error> {
        let precision = self.options.precision;
        let radii = self.budget.radii();
        let too_fine = |why: String| Error::TooFine { precision, why };
        let all: Vec<usize> = (0..self.data.samples()).collect();
        let centers = stored_rows(&self.data, precision, &all);
        let (drifts, reaches) = self.around_centers(&centers);
        if drifts.iter().any(|d| !d.is_finite()) {
            return Err(too_fine("a feature is out of its range".into()));
        }
        let excess = reaches
            .iter()
            .enumerate()
            .map(|(k, r)| add_up(sub_up(*r, radii.of(k)), drifts[k]))
            .fold(0.0_f64, f64::max);
        let (mut stored_radii, mut gaps) = (vec![], vec![]);
        for (k, reach) in reaches.iter().enumerate() {
            let radius = precision.round_up(*reach);
            let clearance = self.budget.clearance(k);
            let distance = if clearance.is_finite() {
                precision.round_down(sub_down(sub_down(clearance, excess), drifts[k]))
            } else {
                add_up(radius, 1.0)
            };
            let gap = precision.round_down(sub_down(distance, radius));
            if !(gap > 0.0 && radius.is_finite()) {
                return Err(self.no_gap(k, gap));
            }
            stored_radii.push(radius);
            gaps.push(gap);
        }
        Ok((centers, stored_radii, gaps))
    }
}
