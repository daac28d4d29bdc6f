//! Networks: affine layers with a ReLU between each two, sparse, made one
//! layer at a time.
//!
//! A construction never holds its network: it implements [`Network`] and says
//! what any one layer is. Counting ([`size`]), evaluating ([`evaluate`]) and
//! writing walk the layers, so a network of hundreds of millions of parameters
//! needs the memory of its largest layer. What a file holds is read back as a
//! [`Model`].

mod arithmetic;
mod cells;
mod evaluate;
mod form;
mod graph;
mod image;
mod inexact;
mod layer;
mod max_affine;
mod maxima;
mod patched;
mod power_curve;
mod projected;
mod prototypes;
mod scaling;
mod scaling_ball;
mod schedule;
mod size;
mod spectral;

pub use arithmetic::Arithmetic;
#[cfg(test)]
pub(crate) use arithmetic::Rounded;
pub use cells::{Cell, CellEvaluator, CellNetwork, Constraint, Side};
pub use evaluate::evaluate;
pub use form::{Evaluator, NetworkForm};
pub use graph::{
    Activation, AffineMap, Convolution, Graph, Groups, Node, Operation, Rescaling, RowBuffer, Window,
};
pub use image::{BallImage, Image};
pub(crate) use image::{dual_norm_up, norm_up};
pub use inexact::Inexact;
#[cfg(test)]
pub(crate) use layer::through;
pub use layer::{Layer, LayerBuilder, Row};
pub use max_affine::MaxAffine;
pub(crate) use maxima::{groups_after, levels, maxima};
pub use patched::Patched;
pub use power_curve::PowerCurve;
pub use projected::Projected;
pub use prototypes::{Clipping, Measure, Pool, PrototypeParts, Prototypes};
pub use scaling::{Scaled, Scaling};
pub(crate) use scaling_ball::{ScaledBall, ScalingMap};
pub use schedule::Schedule;
pub use size::{Size, size};
pub(crate) use size::{size_of_hidden, sizes_of_layers};
pub use spectral::spectral_norm_up;

use crate::{Error, Precision, number::whole};

/// A ReLU network given layer by layer.
///
/// Layer 0 reads the features; a ReLU follows every layer but the last. All
/// weights and biases are numbers of [`Network::precision`].
pub trait Network: Sync {
    /// The format in which weights are stored and the network is executed.
    fn precision(&self) -> Precision;
    /// Number of features it reads, `n`.
    fn inputs(&self) -> usize;
    /// Number of outputs: 1 for a scalar head, `L` for logits.
    fn outputs(&self) -> usize;
    /// Number of affine layers: hidden layers and the output layer.
    fn depth(&self) -> usize;
    /// Affine layer `index`, `0 ≤ index < depth`.
    fn layer(&self, index: usize) -> Layer;
    /// Its size, the same as [`size`] finds by making every layer.
    fn size(&self) -> Size {
        size(self)
    }
}

/// How outputs become a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// One output `F(x)`; the label is the integer of `1..=L` nearest to it.
    Scalar,
    /// `L` outputs; the label is the position of the largest.
    Logits,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Logits => "logits",
        })
    }
}

/// The class index `0..classes` that a row of outputs denotes, `None` when an
/// output is NaN or there are no classes.
///
/// One output is a scalar head. Among equally large logits the first counts;
/// a scalar exactly between two integers counts as the smaller one.
#[must_use]
pub fn predicted_class(outputs: &[f64], classes: usize) -> Option<usize> {
    if classes == 0 || outputs.iter().any(|v| v.is_nan()) {
        return None;
    }
    if let [scalar] = outputs {
        let nearest = (scalar - 0.5).ceil().clamp(1.0, classes as f64);
        return Some(whole(nearest) - 1);
    }
    let mut best = 0;
    for (c, v) in outputs.iter().enumerate() {
        if *v > outputs[best] {
            best = c;
        }
    }
    Some(best)
}

/// A network of layers held in memory, as read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredNetwork {
    precision: Precision,
    layers: Vec<Layer>,
}

impl StoredNetwork {
    /// The network of these affine layers, first to last, stored and executed
    /// in `precision`.
    ///
    /// # Errors
    /// [`Error::BadForm`] when there is no layer, one reads another number of
    /// values than the one before it gives or none, or a weight or bias is no
    /// finite number of the format.
    pub fn new(precision: Precision, layers: Vec<Layer>) -> Result<Self, Error> {
        let bad = |why: String| Err(Error::BadForm { form: "layers", why });
        if layers.is_empty() || layers.iter().any(|layer| layer.inputs() == 0 || layer.outputs() == 0) {
            return bad("there is no layer, or one without an input or an output".into());
        }
        if let Some(at) = layers.windows(2).position(|pair| pair[0].outputs() != pair[1].inputs()) {
            let (gets, reads) = (layers[at].outputs(), layers[at + 1].inputs());
            return bad(format!("layer {} reads {reads} values but gets {gets}", at + 1));
        }
        if let Some(at) = layers.iter().position(|layer| !layer.holds(precision)) {
            return bad(format!("a number of layer {at} is no finite number of {precision}"));
        }
        Ok(Self { precision, layers })
    }

    /// Every layer of `network`, which may take much memory.
    #[must_use]
    pub fn of(network: &dyn Network) -> Self {
        let layers = (0..network.depth()).map(|index| network.layer(index)).collect();
        Self { precision: network.precision(), layers }
    }

    /// The affine layers, first to last; never empty, and each reads what the
    /// one before it gives.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }
}

impl Network for StoredNetwork {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn inputs(&self) -> usize {
        self.layers.first().map_or(0, Layer::inputs)
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, Layer::outputs)
    }

    fn depth(&self) -> usize {
        self.layers.len()
    }

    fn layer(&self, index: usize) -> Layer {
        self.layers[index].clone()
    }
}

/// What a file describes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Model {
    /// Affine layers and ReLUs.
    Layers(StoredNetwork),
    /// Cells of one-sided constraints.
    Cells(CellNetwork),
    /// Levels of samples, combined per class.
    Prototypes(Prototypes),
    /// Maxima of affine scores.
    MaxAffine(MaxAffine),
    /// A piecewise-linear graph.
    Graph(Graph),
    /// Any other form but one with a memory, behind an affine map of every feature.
    Scaled(Scaled),
    /// One of the first five behind directions.
    Projected(Projected),
    /// Layers or a graph, with a memory that changes outputs near some samples.
    Patched(Patched),
}

impl Model {
    fn form(&self) -> &dyn NetworkForm {
        match self {
            Self::Layers(network) => network,
            Self::Cells(cells) => cells,
            Self::Prototypes(prototypes) => prototypes,
            Self::MaxAffine(scores) => scores,
            Self::Graph(graph) => graph,
            Self::Scaled(scaled) => scaled,
            Self::Projected(projected) => projected,
            Self::Patched(patched) => patched,
        }
    }

    /// Number of features it reads.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.form().inputs()
    }

    /// Number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.form().outputs()
    }

    /// The format in which it is executed.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.form().precision()
    }

    /// Its size: of the layers, or of the layered network that a compact form
    /// stands for.
    #[must_use]
    pub fn size(&self) -> Size {
        self.form().size()
    }

    /// The network prepared for many inputs.
    #[must_use]
    pub fn evaluator(&self) -> Box<dyn Evaluator + '_> {
        match self {
            Self::Layers(network) => Box::new(network),
            Self::Cells(cells) => Box::new(CellEvaluator::new(cells)),
            Self::Prototypes(prototypes) => Box::new(prototypes::PrototypeEvaluator::new(prototypes)),
            Self::MaxAffine(scores) => Box::new(scores),
            Self::Graph(graph) => Box::new(graph),
            Self::Scaled(scaled) => {
                let Scaled { scaling, inner, .. } = scaled;
                Box::new(scaling::ScalingEvaluator::new(scaling, inner.precision(), inner.evaluator()))
            }
            Self::Projected(projected) => Box::new(projected::ProjectingEvaluator::new(projected)),
            Self::Patched(patched) => patched.evaluator(),
        }
    }

    /// Outputs for `inputs` (row after row, `n` values each), row after row,
    /// in the network's own format. What is prepared for this is thrown away;
    /// see [`Model::evaluator`].
    ///
    /// # Errors
    /// When the inputs are not rows of `n` values.
    pub fn evaluate(&self, inputs: &[f64]) -> Result<Vec<f64>, Error> {
        self.evaluator().evaluate(inputs)
    }

    /// Whether balls around samples are measured behind a map of the features
    /// rather than in their own units.
    #[must_use]
    pub fn has_scaled_balls(&self) -> bool {
        matches!(self, Self::Scaled(scaled) if !scaled.raw)
    }

    /// The same network where balls around samples are measured in the units of the
    /// features, also in front of a map.
    #[must_use]
    pub fn with_raw_balls(self) -> Self {
        match self {
            Self::Scaled(scaled) => Self::Scaled(Scaled { raw: true, ..scaled }),
            other => other,
        }
    }

    /// The outputs at one point `x`, `n` numbers, as `arithmetic` has them:
    /// what the network means.
    ///
    /// # Panics
    /// When `x` has another length.
    pub fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &[A::Number]) -> Vec<A::Number> {
        assert_eq!(x.len(), self.inputs(), "one number per feature");
        match self {
            Self::Layers(network) => layer::through(arithmetic, &network.layers, x.to_vec()),
            Self::Cells(cells) => cells.evaluate_in(arithmetic, x),
            Self::Prototypes(prototypes) => prototypes.evaluate_in(arithmetic, x),
            Self::MaxAffine(scores) => scores.evaluate_in(arithmetic, x),
            Self::Graph(graph) => graph.evaluate_in(arithmetic, x),
            Self::Scaled(scaled) => {
                let z = scaled.scaling.map_in(arithmetic, x);
                scaled.inner.evaluate_in(arithmetic, &z)
            }
            Self::Projected(projected) => projected.evaluate_in(arithmetic, x),
            Self::Patched(patched) => patched.evaluate_in(arithmetic, x),
        }
    }
}

impl<N: Network> NetworkForm for N {
    fn inputs(&self) -> usize {
        Network::inputs(self)
    }

    fn outputs(&self) -> usize {
        Network::outputs(self)
    }

    fn precision(&self) -> Precision {
        Network::precision(self)
    }

    fn size(&self) -> Size {
        Network::size(self)
    }
}

impl Evaluator for &StoredNetwork {
    fn inputs(&self) -> usize {
        Network::inputs(*self)
    }

    fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        evaluate::outputs(*self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::{prototypes::PrototypeEvaluator, *};
    use crate::{
        Budget, Dataset, Features, Silent,
        constructions::{Options, REGISTRY},
        isa::Isa,
        separation::separation,
    };

    /// Every compact form gives the same bits with every instruction set, and
    /// for every input alone what it gives among others.
    #[test]
    fn instruction_sets_agree() {
        // Fewer features than lanes, whole lanes, and some left over; tiles of
        // rows and groups of inputs that are not full.
        for (n, samples) in [(1, 7), (16, 33), (37, 20), (64, 90), (150, 70)] {
            let value = |at: usize| ((at * 7919 + at * at * 31) % 1009) as f64 / 1009.0;
            let features = Features::F64((0..n * samples).map(value).collect::<Vec<_>>().into());
            let names = vec!["a".into(), "b".into(), "c".into()];
            let data = Dataset::new(features, n, (0..samples).map(|i| i % 3).collect(), names).unwrap();
            let points: Vec<f64> = (0..29 * n)
                .map(|at| data.row(at / n % samples)[at % n] + 0.01 * value(at * 3 + 1) * (at / n % 5) as f64)
                .collect();
            for (construction, norm) in REGISTRY
                .iter()
                .flat_map(|construction| construction.norms.iter().map(move |&norm| (construction, norm)))
            {
                for precision in [Precision::F32, Precision::F64] {
                    let budget = Budget::from_ratio(0.8, &separation(&data, norm, &Silent)).unwrap();
                    let Ok(network) =
                        construction.build(&data, &budget, Options { head: Head::Logits, precision })
                    else {
                        continue;
                    };
                    let model = network.compact().unwrap();
                    let with = |isa: Isa, points: &[f64]| match &model {
                        Model::Prototypes(prototypes) => {
                            PrototypeEvaluator::new(prototypes).outputs_with(isa, points)
                        }
                        Model::MaxAffine(scores) => scores.outputs_with(isa, points),
                        other => other.evaluate(points).unwrap(),
                    };
                    let all = with(Isa::Portable, &points);
                    for isa in Isa::available() {
                        assert_eq!(
                            with(isa, &points),
                            all,
                            "{} {norm} {precision} {isa:?}",
                            construction.name
                        );
                        let one_by_one: Vec<f64> =
                            points.chunks(n).flat_map(|point| with(isa, point)).collect();
                        assert_eq!(one_by_one, all, "{} {norm} {precision} {isa:?}", construction.name);
                    }
                }
            }
        }
    }

    #[test]
    fn outputs_become_classes() {
        assert_eq!(predicted_class(&[2.4], 3), Some(1));
        assert_eq!(predicted_class(&[2.6], 3), Some(2));
        assert_eq!(predicted_class(&[2.5], 3), Some(1));
        assert_eq!(predicted_class(&[-1e30], 3), Some(0));
        assert_eq!(predicted_class(&[f64::INFINITY], 3), Some(2));
        assert_eq!(predicted_class(&[f64::NAN], 3), None);
        assert_eq!(predicted_class(&[0.0, 1.0, 1.0], 3), Some(1));
        assert_eq!(predicted_class(&[0.0, f64::NAN], 2), None);
    }
}
