//! Robust memorization of two labels by an indicator of every ball: Li, Jin, Zhong,
//! Hopcroft & Wang, "Why Robust Generalization in Deep Learning is Difficult: Perspective
//! of Expressive Power", NeurIPS 2022, Theorem 2.2 (p = 2 and ∞). Of the source the
//! statement and a sketch of the proof were at hand.
//!
//! **Guarantee.** For every budget `μ < λ/2`, in the Euclidean or the sup norm: on every
//! ball the logit of the own label is at least 1 and the other one exactly 0, in real
//! arithmetic and as executed. The source asks for `μ < λ/4`; what its network needs is
//! `b > a` below.
//!
//! **Size.** With `m = O(log(nR²/γ))` teeth, in the Euclidean norm depth `m + 4`, width
//! `(2n + 1)N` and `((7m + 6)n + m + 4)N` nonzero parameters; in the sup norm depth
//! `⌈log₂ n⌉ + 4`, width `2nN` and `10nN` for `n` a power of two, fewer for others that are
//! as large; less thresholds that are 0.
//!
//! **Method.** All samples side by side, each with a block of its own. For `p = 2`, with the
//! sawtooth square `f` of Yarotsky (2017), `0 ≤ f(t) − t² ≤ ε`,
//!
//! ```text
//! s_i = Σ_j f(|x_j − x_ij|),   I_i = 1 − min(1, relu(s_i − a)/(b − a)),   F = Σ_i y_i I_i
//! ```
//!
//! with `a = μ² + nε` and `b = (λ − μ)²`. For `p = ∞` the block is `s_i = max_j |x_j − x_ij|`, a
//! tree of maxima, `a = μ`, `b = λ − μ`. `y_i = ±1`, and the label is the sign of `F`: the two
//! logits are the sums of the indicators of either label, whose difference it is.
//!
//! **Floating point.** The source writes the ramp as `relu(s − a) − relu(s − b)`, which
//! leaves the rounding of a large `s`. Here it is `I = relu(1 − relu(s − a)/(b − a))`, one more
//! layer and the same function: exactly 1 on the own ball and exactly 0 on the enemies',
//! with thresholds and slopes rounded as in `yu2024-lp`, whose sawtooth this is.

use super::{
    Accuracy, AtLeast, Bound, BuiltNetwork, Construction, Heads, Labels, Options, heads,
    ramps::Ramps,
    stream::{Stages, append},
    yu2024_lipschitz::{only_logits, only_two},
    yu2024_lp::squares,
};
use crate::{
    Budget, Dataset, Error, Norm, Precision,
    network::{
        self, Clipping, Layer, LayerBuilder, Model, Network, Pool, PrototypeParts, Prototypes, Schedule, Size,
    },
};

pub(super) const ENTRY: Construction = Construction {
    labels: Labels::Two,
    heads: Heads::Logits,
    bounds: &[Bound {
        norm: None,
        labels: Labels::Two,
        formula: "Õ(N n)",
        value: |q| q.big_n() * q.n(),
        accuracy: Accuracy::Order,
        condition: "p = 2 or ∞, two labels; the source asks for a radius below λ/4",
        source: "Li, Jin, Zhong, Hopcroft & Wang, NeurIPS 2022, Theorem 2.2",
    }],
    at_least: |data, _| {
        let (n, samples) = (data.features(), data.samples());
        // Both sides of a difference are read, levels have a slope and a top, and are read.
        AtLeast { nonzero: (4 * n + 3) * samples, all: (n + 1) * 2 * n * samples }
    },
    ..Construction::new(
        "li2022",
        "Li, Jin, Zhong, Hopcroft & Wang, NeurIPS 2022, Theorem 2.2",
        &[Norm::L2, Norm::Linf],
        |data, budget, options, _| build(data, budget, options),
    )
};

/// Builds the network.
///
/// # Errors
/// [`Error::Unsuitable`] unless there are two classes and logits; [`Error::TooFine`] when the
/// format leaves no gap between the balls.
fn build(data: &Dataset, budget: &Budget, options: Options) -> Result<Box<dyn BuiltNetwork>, Error> {
    only_logits(ENTRY.name, options)?;
    only_two(ENTRY.name, data)?;
    let ramps = match budget.norm() {
        Norm::Linf => Ramps::largest(data, budget, options)?,
        _ => squares(data, budget, options)?,
    };
    Ok(Box::new(Blocks { widths: ramps.widths(), ramps }))
}

/// One block per sample, whose last neuron is `relu(s_i − a)`.
struct Blocks {
    ramps: Ramps,
    /// Neurons of a block in each of its layers.
    widths: Vec<usize>,
}

impl Blocks {
    fn labels(&self) -> &[usize] {
        self.ramps.frame.data.labels()
    }

    /// Layer `stage` of all blocks.
    fn side_by_side(&self, stage: usize) -> Layer {
        let samples = self.labels().len();
        let (inputs, stride) = match stage.checked_sub(1) {
            None => (self.inputs(), 0),
            Some(before) => (self.widths[before] * samples, self.widths[before]),
        };
        let mut layer = LayerBuilder::new(inputs);
        for k in 0..samples {
            append(&mut layer, &self.ramps.stage(k, stage, true), k * stride);
        }
        layer.finish()
    }

    fn indicators(&self) -> Layer {
        let samples = self.labels().len();
        let mut layer = LayerBuilder::new(samples);
        for k in 0..samples {
            layer.weight(k, -self.ramps.scale(k)).bias(1.0);
        }
        layer.finish()
    }

    fn scores(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.labels().len());
        for class in 0..2 {
            for (k, _) in self.labels().iter().enumerate().filter(|(_, label)| **label == class) {
                layer.weight(k, 1.0);
            }
            layer.bias(0.0);
        }
        layer.finish()
    }

    fn prototypes(&self) -> Result<Prototypes, Error> {
        let samples = self.labels().len();
        let (centers, measure, radii, _) = self.ramps.stored()?;
        Prototypes::new(PrototypeParts {
            precision: self.precision(),
            features: self.inputs(),
            clipping: Clipping::None,
            centers,
            measure,
            radii,
            tops: vec![1.0; samples],
            scales: (0..samples).map(|k| self.ramps.scale(k)).collect(),
            accumulators: self.labels().to_vec(),
            pool: Pool::Sum,
            schedule: Schedule::Pipelined,
            head: heads::shifted(2, 0.0),
        })
    }
}

impl Network for Blocks {
    fn precision(&self) -> Precision {
        self.ramps.frame.precision
    }

    fn inputs(&self) -> usize {
        self.ramps.frame.data.features()
    }

    fn outputs(&self) -> usize {
        2
    }

    fn depth(&self) -> usize {
        self.widths.len() + 2
    }

    fn layer(&self, index: usize) -> Layer {
        match index.checked_sub(self.widths.len()) {
            None => self.side_by_side(index),
            Some(0) => self.indicators(),
            Some(_) => self.scores(),
        }
    }

    /// That of the compact form: layers hold all samples at once.
    fn size(&self) -> Size {
        self.prototypes().map_or_else(|_| network::size(self), |compact| network::NetworkForm::size(&compact))
    }
}

impl BuiltNetwork for Blocks {
    fn compact(&self) -> Result<Model, Error> {
        self.prototypes().map(Model::Prototypes)
    }
}
