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

use super::{
    AtLeast, BuiltNetwork, Construction, Heads, Options, Yu2024Linf, heads, ramps::Ramps,
    yu2024_lipschitz::only_logits,
};
use crate::{
    Budget, Dataset, Error, Norm, Precision,
    network::{
        Clipping, Layer, LayerBuilder, Measure, Model, Network, Pool, PrototypeParts, Prototypes, Schedule,
        Size, sizes_of_layers,
    },
    number::div_up,
    parallel,
};

pub(super) const ENTRY: Construction = Construction {
    heads: Heads::Logits,
    at_least: |data, _| at_least(data),
    ..Construction::new(
        "wide",
        "Theorems 4.8 and B.2 in three or four layers",
        &[Norm::Linf, Norm::L1],
        |data, budget, options, _| build(data, budget, options),
    )
};

/// The network; see the [module documentation](self). Thresholds are found
/// when layers are asked for: the compact form needs none.
#[derive(Clone, Debug)]
struct Wide {
    data: Dataset,
    options: Options,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Largest(Yu2024Linf),
    Sum(Ramps),
}

/// What no network falls below: two thresholds per feature, which may be 0, and
/// those that every sample reads.
fn at_least(data: &Dataset) -> AtLeast {
    let (n, samples) = (data.features(), data.samples());
    AtLeast { nonzero: 2 * n + (2 * n + 2) * samples, all: (n + 1) * 2 * n + (2 * n + 1) * samples }
}

/// Builds the network.
///
/// # Errors
/// [`Error::Unsuitable`] for a scalar head; [`Error::TooFine`] when the format
/// cannot hold it.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    only_logits(ENTRY.name, options)?;
    Ok(Box::new(made(data, budget, options)?))
}

fn made(data: &Dataset, budget: &Budget, options: Options) -> Result<Wide, Error> {
    let kind = if budget.norm() == Norm::L1 {
        Kind::Sum(Ramps::distance(data, budget, options)?)
    } else {
        Kind::Largest(Yu2024Linf::with_clipping(data, budget, options, false)?)
    };
    Ok(Wide { data: data.clone(), options, kind })
}

/// The thresholds `t` of one feature, as bits, increasing and each once: of
/// the neurons `relu(x − t)`, and of the neurons `relu(t − x)`.
type Sides = [Vec<u64>; 2];

/// Both zeros are one threshold.
fn bits(threshold: f64) -> u64 {
    (threshold + 0.0).to_bits()
}

impl Wide {
    /// The thresholds of sample `k` in feature `j`: of `relu(x − t)` and of
    /// `relu(t − x)`.
    fn ends(&self, k: usize, j: usize) -> [u64; 2] {
        match &self.kind {
            Kind::Largest(inner) => {
                let (lower, upper) = inner.stored_threshold(k, j);
                [bits(upper), bits(lower)]
            }
            Kind::Sum(ramps) => [bits(ramps.frame.center(k, j, true)); 2],
        }
    }

    fn thresholds_of(&self, j: usize) -> Sides {
        let mut sides = [vec![], vec![]];
        for k in 0..self.data.samples() {
            for (side, threshold) in sides.iter_mut().zip(self.ends(k, j)) {
                side.push(threshold);
            }
        }
        for side in &mut sides {
            side.sort_unstable();
            side.dedup();
            side.shrink_to_fit();
        }
        sides
    }

    /// All neurons of the first layer, feature by feature.
    fn thresholds(&self) -> Vec<Sides> {
        parallel::map(self.data.features(), |j| self.thresholds_of(j))
    }

    fn first(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.data.features());
        for (feature, sides) in self.thresholds().iter().enumerate() {
            for (side, sign) in sides.iter().zip([1.0, -1.0]) {
                for &threshold in side {
                    layer.weight(feature, sign).bias(-sign * f64::from_bits(threshold));
                }
            }
        }
        layer.finish()
    }

    /// One row per sample: its thresholds, all with one weight, and a bias.
    fn second(&self) -> Layer {
        let thresholds = self.thresholds();
        let mut starts = vec![0];
        for side in thresholds.iter().flatten() {
            starts.push(starts[starts.len() - 1] + side.len());
        }
        let mut layer = LayerBuilder::new(starts[2 * self.data.features()]);
        for k in 0..self.data.samples() {
            let (weight, bias) = self.neuron(k);
            for (j, sides) in thresholds.iter().enumerate() {
                for (i, (side, threshold)) in sides.iter().zip(self.ends(k, j)).enumerate() {
                    if let Ok(place) = side.binary_search(&threshold) {
                        layer.weight(starts[2 * j + i] + place, weight);
                    }
                }
            }
            layer.bias(bias);
        }
        layer.finish()
    }

    /// The weights and the bias of sample `k` in the second layer.
    fn neuron(&self, k: usize) -> (f64, f64) {
        match &self.kind {
            Kind::Largest(_) => (-self.scale(k), 1.0),
            Kind::Sum(ramps) => (1.0, -ramps.thresholds[k]),
        }
    }

    /// The size of the first two layers, `2nN` weights of which are not made.
    fn size_of_two(&self) -> Size {
        let (n, samples) = (self.data.features(), self.data.samples());
        let of_feature = |j: usize| {
            let sides = self.thresholds_of(j);
            let all = sides.iter().flatten();
            let neurons = all.clone().count();
            Size {
                width: neurons,
                nonzero: neurons + all.clone().filter(|t| **t != 0).count(),
                all: (n + 1) * neurons,
                max_abs: all.fold(1.0, |m: f64, t| m.max(f64::from_bits(*t).abs())),
                ..Size::NONE
            }
        };
        let first = parallel::map(n, of_feature)
            .into_iter()
            .fold(Size::NONE, |a, b| Size { width: a.width + b.width, ..a.then(b) });
        let second = (0..samples).map(|k| self.neuron(k)).fold(Size::NONE, |size, (weight, bias)| {
            let size = size.with(weight).with(bias);
            Size { nonzero: size.nonzero + (2 * n - 1) * usize::from(weight != 0.0), ..size }
        });
        let second = Size { width: samples, all: (first.width + 1) * samples, ..second };
        Size { depth: 2, ..first.then(second) }
    }

    /// `1/g_k`, rounded up.
    fn scale(&self, k: usize) -> f64 {
        let precision = self.options.precision;
        match &self.kind {
            Kind::Largest(inner) => precision.round_up(div_up(1.0, inner.gaps[k])),
            Kind::Sum(ramps) => ramps.scale(k),
        }
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
            (_, 1) => self.second(),
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

    fn size(&self) -> Size {
        self.size_of_two().then(sizes_of_layers(self, 2))
    }
}

/// The balls of all samples as steps, in the order of the samples: the indicator of step `k`
/// is exactly 1 on the ball of sample `k` and exactly 0 on those of its enemies.
///
/// # Errors
/// [`Error::NormNotSupported`] but for the sup norm and the sum norm; [`Error::TooFine`] when
/// the format cannot hold it.
pub fn ball_indicators(data: &Dataset, budget: &Budget, precision: Precision) -> Result<Prototypes, Error> {
    ENTRY.serves_norm(budget.norm())?;
    made(data, budget, Options { precision, ..Options::default() })?.steps()
}

impl Wide {
    /// The compact form.
    fn steps(&self) -> Result<Prototypes, Error> {
        let samples = self.data.samples();
        let (centers, measure, radii, scales) = match &self.kind {
            Kind::Largest(inner) => {
                let (centers, radii, gaps) = inner.stored_balls()?;
                let precision = self.options.precision;
                let scales = gaps.iter().map(|&gap| precision.round_up(div_up(1.0, gap))).collect();
                (centers, Measure::Violations, radii, scales)
            }
            Kind::Sum(ramps) => {
                let all: Vec<usize> = (0..samples).collect();
                let scales = (0..samples).map(|k| self.scale(k)).collect();
                (ramps.frame.stored_rows(&all), Measure::Sum, ramps.thresholds.clone(), scales)
            }
        };
        Prototypes::new(PrototypeParts {
            precision: self.options.precision,
            features: self.data.features(),
            clipping: Clipping::None,
            centers,
            measure,
            radii,
            tops: vec![1.0; samples],
            scales,
            accumulators: self.data.labels().to_vec(),
            pool: Pool::Sum,
            schedule: Schedule::Pipelined,
            head: heads::shifted(self.data.classes(), 0.0),
        })
    }
}

impl BuiltNetwork for Wide {
    fn compact(&self) -> Result<Model, Error> {
        self.steps().map(Model::Prototypes)
    }
}
