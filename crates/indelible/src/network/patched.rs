//! A network of others with a memory that changes its outputs near some samples.

use super::{Arithmetic, Evaluator, Head, Model, NetworkForm, Size};
use crate::{Error, Precision, parallel};

/// A network and a memory, which gives one score per output, 0 where it knows nothing:
///
/// ```text
/// y_c = network_c(x) − lift · (Σ_a score_a(x) − score_c(x))
/// ```
///
/// A score of class `c` lowers all outputs but that of `c`. Where all scores are +0 the
/// outputs are those of the network to the bit: `0 − 0` and `lift · 0` are +0, and
/// `v − 0 = v` for every number `v`, −0 and infinities among them (`v + 0` would turn −0
/// into +0).
#[derive(Clone, Debug)]
pub struct Patched {
    network: Box<Model>,
    memory: Box<Model>,
    lift: f64,
}

impl Patched {
    /// `network` with `memory`, each unit of whose scores lowers the other outputs by `lift`.
    ///
    /// # Errors
    /// [`Error::BadForm`] when the network is not one of layers and no graph, the memory is
    /// neither prototypes nor cells with logits, the two differ in their format or their
    /// numbers of features or outputs, there is one output, or `lift` is no positive
    /// finite number of the format.
    pub fn new(network: Model, memory: Model, lift: f64) -> Result<Self, Error> {
        let bad = |why: String| Err(Error::BadForm { form: "patched", why });
        if !matches!(network, Model::Layers(_) | Model::Graph(_)) {
            return bad("its network is a compact form; expected layers or a graph".into());
        }
        let scores = match &memory {
            Model::Prototypes(_) => true,
            Model::Cells(cells) => cells.head() == Head::Logits,
            _ => false,
        };
        if !scores {
            return bad("its memory is neither prototypes nor cells with one score per class".into());
        }
        let shape = |model: &Model| (model.inputs(), model.outputs(), model.precision());
        if shape(&network) != shape(&memory) {
            let [(n, l, p), (m, k, q)] = [shape(&network), shape(&memory)];
            return bad(format!(
                "its memory reads {m} features and gives {k} scores in {q}, the network {n} and {l} in {p}"
            ));
        }
        if network.outputs() < 2 {
            return bad("it has one output; expected one for each class".into());
        }
        if !(lift > 0.0 && network.precision().holds(lift)) {
            return bad(format!("outputs are lowered by {lift}; expected a positive number of its format"));
        }
        Ok(Self { network: Box::new(network), memory: Box::new(memory), lift })
    }

    /// The network that was patched: layers or a graph.
    #[must_use]
    pub fn network(&self) -> &Model {
        &self.network
    }

    /// What gives the scores: prototypes or cells.
    #[must_use]
    pub fn memory(&self) -> &Model {
        &self.memory
    }

    /// By how much a score of 1 lowers the outputs of other classes, in their units.
    #[must_use]
    pub fn lift(&self) -> f64 {
        self.lift
    }

    /// The outputs at one point `x`, `n` numbers, as `arithmetic` has them.
    pub(super) fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &[A::Number]) -> Vec<A::Number> {
        let outputs = self.network.evaluate_in(arithmetic, x);
        let scores = self.memory.evaluate_in(arithmetic, x);
        let (zero, all) = (arithmetic.number(0.0), arithmetic.sum(&scores));
        let lowered = |(output, score): (&A::Number, &A::Number)| {
            let others = arithmetic.minus(&all, score);
            let taken = arithmetic.dot(&zero, &[(self.lift, others)]);
            arithmetic.minus(output, &taken)
        };
        outputs.iter().zip(&scores).map(lowered).collect()
    }

    /// Lowers a row of outputs by what a row of scores says, as a machine of the format does.
    fn lower(&self, outputs: &mut [f64], scores: &[f64]) {
        // A sum, difference or product of binary32 numbers that is rounded to binary64 and
        // then to binary32 is rounded as if at once.
        let precision: Precision = self.network.precision();
        let all = scores.iter().fold(0.0, |all, score| precision.round(all + score));
        for (output, score) in outputs.iter_mut().zip(scores) {
            let taken = precision.round(self.lift * precision.round(all - score));
            *output = precision.round(*output - taken);
        }
    }

    pub(super) fn evaluator(&self) -> Box<dyn Evaluator + '_> {
        let (network, memory) = (self.network.evaluator(), self.memory.evaluator());
        Box::new(PatchedEvaluator { patched: self, network, memory })
    }
}

impl NetworkForm for Patched {
    fn inputs(&self) -> usize {
        self.network.inputs()
    }

    fn outputs(&self) -> usize {
        self.network.outputs()
    }

    fn precision(&self) -> Precision {
        self.network.precision()
    }

    /// Side by side: the deeper of the two, the widths and the parameters of both, `lift`
    /// being one.
    fn size(&self) -> Size {
        let (network, memory) = (self.network.size(), self.memory.size());
        let both = network.then(memory).with(self.lift);
        let (depth, width) = (network.depth.max(memory.depth), network.width + memory.width);
        Size { depth, width, all: both.all + 1, ..both }
    }
}

/// Both, prepared.
struct PatchedEvaluator<'a> {
    patched: &'a Patched,
    network: Box<dyn Evaluator + 'a>,
    memory: Box<dyn Evaluator + 'a>,
}

impl Evaluator for PatchedEvaluator<'_> {
    fn inputs(&self) -> usize {
        self.network.inputs()
    }

    fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        let (mut outputs, scores) = (self.network.outputs(inputs), self.memory.outputs(inputs));
        let count = self.patched.network.outputs();
        parallel::each_chunk_mut(&mut outputs, count, |row, outputs| {
            self.patched.lower(outputs, &scores[row * count..][..count]);
        });
        outputs
    }

    fn batch(&self) -> usize {
        self.network.batch().min(self.memory.batch())
    }
}
