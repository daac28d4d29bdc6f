//! Optimal robust memorization in three layers, all samples side by side.
//!
//! **Guarantee.** For every budget `μ < λ/2`, in the sup norm or the sum norm,
//! and any number of labels: on every ball the logit of the own class is at
//! least 1 and every other one exactly 0, in real arithmetic and as executed.
//!
//! **Size.** With `T ≤ 2nN` different thresholds, in the sup norm depth 3,
//! width `max(T, N)` and `2T + (2n + 2)N` nonzero parameters, in the sum norm
//! one layer and `2N` more, less thresholds that are 0. Equal thresholds of a
//! feature are shared between samples: 8-bit features need at most 512 each,
//! however many samples there are.
//!
//! **Method.** Thresholds on the features themselves, one indicator
//! `I_k = relu(1 − E_k/γ)` per sample, with `E_k` as in `yu2024-linf` (or
//! `relu(E_k − μ)` as in `yu2024-l1`), and per class their sum.
//!
//! **Floating point.** Thresholds and weights are rounded as there, so every
//! indicator is exactly 1 on its own ball and exactly 0 on enemies' balls. A
//! sum of numbers that are not negative, one of them 1, is at least 1 in every
//! order.

use std::collections::BTreeMap;

use super::{Construction, Options, Yu2024Linf, ramps::Ramps, yu2024_lipschitz::only_logits};
use crate::{
    Budget, Dataset, Error, Norm, Precision,
    network::{Combine, Layer, LayerBuilder, Measure, Model, Network, Tally},
    number::div_up,
};

/// One neuron of the first layer: `relu(x_feature − at)`, or
/// `relu(at − x_feature)` where `below`; `at` as bits, for ordering.
type Threshold = (usize, bool, u64);

/// The network; see the [module documentation](self).
#[derive(Clone, Debug)]
struct Wide {
    data: Dataset,
    options: Options,
    /// The neurons of the first layer and where they are.
    thresholds: BTreeMap<Threshold, usize>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Largest(Yu2024Linf),
    Sum(Ramps),
}

/// Builds the network.
///
/// # Errors
/// [`Error::Unsuitable`] for a scalar head; [`Error::TooFine`] when the format
/// cannot hold it.
pub(super) fn build(
    data: &Dataset,
    budget: &Budget,
    options: Options,
) -> Result<Box<dyn Construction>, Error> {
    only_logits("wide", options)?;
    let kind = if budget.norm() == Norm::L1 {
        Kind::Sum(Ramps::distance(data, budget, options)?)
    } else {
        Kind::Largest(Yu2024Linf::with_clipping(data, budget, options, false)?)
    };
    let mut wide = Wide { data: data.clone(), options, thresholds: BTreeMap::new(), kind };
    for k in 0..data.samples() {
        for threshold in wide.used_by(k) {
            wide.thresholds.insert(threshold, 0);
        }
    }
    wide.thresholds.values_mut().enumerate().for_each(|(position, place)| *place = position);
    Ok(Box::new(wide))
}

impl Wide {
    /// The thresholds of sample `k`, feature by feature, upper end first.
    fn used_by(&self, k: usize) -> Vec<Threshold> {
        // Both zeros are one threshold.
        let bits = |t: f64| (t + 0.0).to_bits();
        let ends: Vec<(f64, f64)> = match &self.kind {
            Kind::Largest(inner) => inner.stored_thresholds(k),
            Kind::Sum(ramps) => (0..self.data.features())
                .map(|j| {
                    let center = ramps.frame().center(k, j, true);
                    (center, center)
                })
                .collect(),
        };
        ends.into_iter()
            .enumerate()
            .flat_map(|(j, (lower, upper))| [(j, false, bits(upper)), (j, true, bits(lower))])
            .collect()
    }

    /// One row per sample: its thresholds with `weight(k)`, and `bias(k)`.
    fn sums(&self, weight: impl Fn(usize) -> f64, bias: impl Fn(usize) -> f64) -> Layer {
        let mut layer = LayerBuilder::new(self.thresholds.len());
        for k in 0..self.data.samples() {
            for threshold in self.used_by(k) {
                if let Some(&place) = self.thresholds.get(&threshold) {
                    layer.weight(place, weight(k));
                }
            }
            layer.bias(bias(k));
        }
        layer.finish()
    }

    /// `1/g_k`, rounded up.
    fn scale(&self, k: usize) -> f64 {
        let precision = self.options.precision;
        match &self.kind {
            Kind::Largest(inner) => precision.round_up(div_up(1.0, inner.gaps()[k])),
            // y_k/g_k is what the ramp keeps, and y_k ≥ 1.
            Kind::Sum(ramps) => {
                let (_, weight) = ramps.ramp(k);
                precision.round_up(div_up(weight, (self.data.labels()[k] + 1) as f64))
            }
        }
    }

    fn first(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.data.features());
        for &(feature, below, bits) in self.thresholds.keys() {
            let at = f64::from_bits(bits);
            if below {
                layer.weight(feature, -1.0).bias(at);
            } else {
                layer.weight(feature, 1.0).bias(-at);
            }
        }
        layer.finish()
    }

    fn scores(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.data.samples());
        for c in 0..self.data.classes() {
            for (k, _) in self.data.labels().iter().enumerate().filter(|(_, label)| **label == c) {
                layer.weight(k, 1.0);
            }
            layer.bias(0.0);
        }
        layer.finish()
    }
}

impl Network for Wide {
    fn precision(&self) -> Precision {
        self.options.precision
    }

    fn inputs(&self) -> usize {
        self.data.features()
    }

    fn outputs(&self) -> usize {
        self.data.classes()
    }

    fn depth(&self) -> usize {
        match self.kind {
            Kind::Largest(_) => 3,
            Kind::Sum(_) => 4,
        }
    }

    fn layer(&self, index: usize) -> Layer {
        match (&self.kind, index) {
            (_, 0) => self.first(),
            (Kind::Largest(_), 1) => self.sums(|k| -self.scale(k), |_| 1.0),
            (Kind::Sum(ramps), 1) => self.sums(|_| 1.0, |k| -ramps.ramp(k).0),
            (Kind::Sum(_), 2) => {
                let mut layer = LayerBuilder::new(self.data.samples());
                for k in 0..self.data.samples() {
                    layer.weight(k, -self.scale(k)).bias(1.0);
                }
                layer.finish()
            }
            _ => self.scores(),
        }
    }
}

impl Construction for Wide {
    fn compact(&self) -> Result<Model, Error> {
        let samples = self.data.samples();
        let head = {
            let mut layer = LayerBuilder::new(self.data.classes());
            for c in 0..self.data.classes() {
                layer.weight(c, 1.0).bias(0.0);
            }
            vec![layer.finish()]
        };
        let (centers, measure, radii, scales) = match &self.kind {
            Kind::Largest(inner) => {
                let (centers, radii, gaps) = inner.stored_balls()?;
                let precision = self.options.precision;
                let scales = gaps.iter().map(|&gap| precision.round_up(div_up(1.0, gap))).collect();
                (centers, Measure::Violations, radii, scales)
            }
            Kind::Sum(ramps) => {
                let all: Vec<usize> = (0..samples).collect();
                let radii = (0..samples).map(|k| ramps.ramp(k).0).collect();
                let scales = (0..samples).map(|k| self.scale(k)).collect();
                (ramps.frame().stored_rows(&all), Measure::Sum, radii, scales)
            }
        };
        Ok(Model::Tally(Tally {
            precision: self.options.precision,
            features: self.data.features(),
            minima: None,
            centers,
            measure,
            radii,
            tops: vec![1.0; samples],
            scales,
            accumulators: self.data.labels().to_vec(),
            combine: Combine::Sum,
            head,
        }))
    }
}
