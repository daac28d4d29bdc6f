//! What stands behind the logits and changes no label: softmax, the position of
//! the largest, names of classes.

use indelible::network::{Activation, AffineMap, LayerBuilder, Operation};

use super::{
    Reader, constant, first,
    value::{Computed, Constant, Data, Stage, Tail, Value},
};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, is_default, only_attributes, operator},
    proto::Node,
};

/// A number that is not farther than this from 0 decides nothing: its Sigmoid is one half
/// but for some units in the last place of binary32, and rounding may have the last word.
/// Beyond it stands 16 of them or more on the side of the number.
const UNDECIDED: f64 = 1.0 / 262_144.0;

/// ZipMap of `ai.onnx.ml` over the logits themselves, which it gives names.
pub(super) fn scores(node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
    let logits = first(node, inputs)?.clone();
    several(node, logits.shape.iter().product())?;
    Ok(Value::Tail(Tail { logits, stage: Stage::Probabilities }))
}

/// Refuses one number alone, which is no logit: it is the largest whatever it is.
fn several(node: &Node, all: usize) -> Result<(), OnnxError> {
    match all {
        1 => Err(operator(node, " of one number, which is the largest whatever it is".into())),
        _ => Ok(()),
    }
}

/// The logits that all outputs stand behind, or are beside a label.
pub(super) fn logits(outputs: &[&Value]) -> Option<Computed> {
    let tail = |value: &&Value| match value {
        Value::Tail(tail) => Some(tail.clone()),
        Value::Computed(logits) => Some(Tail { logits: logits.clone(), stage: Stage::Probabilities }),
        Value::Constant(_) => None,
    };
    let tails: Vec<Tail> = outputs.iter().map(tail).collect::<Option<_>>()?;
    let first = &tails.first()?.logits;
    let complete = |stage| matches!(stage, Stage::Probabilities | Stage::Label);
    let same = tails.iter().all(|tail| tail.logits.vector == first.vector && complete(tail.stage));
    let differ = tails.len() == 1 || tails.len() == 2 && tails[0].stage != tails[1].stage;
    (same && differ).then(|| first.clone())
}

impl Reader<'_> {
    /// A node that may only stand behind all that counts.
    pub(super) fn tail(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Value, OnnxError> {
        let logits = first(node, inputs)?.clone();
        let (op, all) = (node.op_type.as_str(), logits.shape.iter().product::<usize>());
        if inputs.len() != 1 {
            return Err(operator(node, " of this arrangement".into()));
        }
        if op == "Sigmoid" {
            only_attributes(node, &[])?;
            if all != 1 {
                return Err(operator(node, String::new()));
            }
            return Ok(Value::Tail(Tail { logits, stage: Stage::Sigmoid }));
        }
        several(node, all)?;
        self.axis_of_classes(node, &logits)?;
        let stage = if op == "ArgMax" { Stage::Label } else { Stage::Probabilities };
        self.note(node, "it does not change which output is the largest, but for rounding");
        Ok(Value::Tail(Tail { logits, stage }))
    }

    fn note(&mut self, node: &Node, why: &str) {
        self.notes.push(format!("{} (node '{}') at the end is left out: {why}", node.op_type, node.name));
    }

    /// That a Softmax or ArgMax goes over all numbers.
    fn axis_of_classes(&self, node: &Node, logits: &Computed) -> Result<(), OnnxError> {
        let (shape, all) = (&logits.shape, logits.shape.iter().product::<usize>());
        let arg_max = node.op_type == "ArgMax";
        only_attributes(node, if arg_max { &["axis", "keepdims", "select_last_index"] } else { &["axis"] })?;
        let default = match (arg_max, self.opset) {
            (true, _) => 0,
            (false, ..13) => 1,
            (false, _) => -1,
        };
        let asked = int_attribute(node, "axis", default);
        let axis = super::movement::place(node, asked, shape.len())?;
        // Earlier a Softmax went over all axes from this one on.
        let over = if arg_max || self.opset >= 13 { shape[axis] } else { shape[axis..].iter().product() };
        if over != all || int_attribute(node, "select_last_index", 0) != 0 {
            return Err(operator(node, format!(" along axis {axis} of {shape:?}")));
        }
        Ok(())
    }

    /// A node behind a tail.
    pub(super) fn behind(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Vec<Value>, OnnxError> {
        let refused = || operator(node, " behind a Softmax, ArgMax or Sigmoid".into());
        let op = node.op_type.as_str();
        let plain = is_default(&node.domain);
        let result = match (op, inputs) {
            (
                "Identity" | "Cast" | "Reshape" | "Squeeze" | "Flatten" | "Unsqueeze",
                [Some(Value::Tail(tail)), ..],
            ) if plain && (tail.stage == Stage::Label || op != "Cast") => tail.clone(),
            ("Sub", [one, Some(Value::Tail(tail))]) if plain && tail.stage == Stage::Sigmoid => {
                match constant(one) {
                    Some(Constant { data: Data::Numbers(values, _), .. })
                        if values.iter().all(|v| *v == 1.0) =>
                    {
                        Tail { stage: Stage::Complement, ..tail.clone() }
                    }
                    _ => return Err(refused()),
                }
            }
            ("Concat", [Some(Value::Tail(no)), Some(Value::Tail(yes))])
                if plain && (no.stage, yes.stage) == (Stage::Complement, Stage::Sigmoid) =>
            {
                self.two_classes(node, no, yes)?
            }
            ("ArgMax", [Some(Value::Tail(tail))]) if plain && tail.stage == Stage::Probabilities => {
                self.axis_of_classes(node, &tail.logits)?;
                Tail { stage: Stage::Label, ..tail.clone() }
            }
            ("ArrayFeatureExtractor", [names, Some(Value::Tail(tail))])
                if node.domain == "ai.onnx.ml" && tail.stage == Stage::Label =>
            {
                self.named(constant(names).ok_or_else(refused)?);
                tail.clone()
            }
            ("ZipMap", [Some(Value::Tail(tail))])
                if node.domain == "ai.onnx.ml" && tail.stage == Stage::Probabilities =>
            {
                tail.clone()
            }
            _ => return Err(refused()),
        };
        Ok(vec![Value::Tail(result)])
    }

    /// `(1 − σ(z), σ(z))`, of which the second is larger where `z > 0`.
    fn two_classes(&mut self, node: &Node, no: &Tail, yes: &Tail) -> Result<Tail, OnnxError> {
        let axis = int_attribute(node, "axis", 0);
        if no.logits.vector != yes.logits.vector || !(axis == 1 || axis == -1) {
            return Err(operator(node, " of this arrangement".into()));
        }
        let logits = self.by_sign(yes.logits.vector);
        Ok(Tail { logits, stage: Stage::Probabilities })
    }

    /// Two logits for the sign of a number `z`, whose Sigmoid is compared with one half: 0
    /// and `relu(z − t) − relu(−z − t)`, equal up to [`UNDECIDED`], where nothing can be
    /// proved then.
    pub(super) fn by_sign(&mut self, vector: usize) -> Computed {
        let mut hinges = LayerBuilder::new(1);
        hinges.weight(0, 1.0).bias(-UNDECIDED);
        hinges.weight(0, -1.0).bias(-UNDECIDED);
        let mut logits = LayerBuilder::new(2);
        logits.bias(0.0);
        logits.weight(0, 1.0).weight(1, -1.0).bias(0.0);
        let affine = |rows: LayerBuilder| Operation::Affine(AffineMap::Rows(rows.finish()));
        let hinges = self.push(affine(hinges), vec![vector], vec![1, 2]);
        let hinges = self.push(Operation::Activation(Activation::Relu), vec![hinges.vector], vec![1, 2]);
        self.notes.push(
            "Sigmoid at the end is left out: above one half is the second class, below it the first; where rounding may decide (numbers within 2^-18 of 0) nothing is proved, and the first is said"
                .into(),
        );
        self.push(affine(logits), vec![hinges.vector], vec![1, 2])
    }

    fn named(&mut self, names: &Constant) {
        self.classes = match &names.data {
            Data::Integers(values) => Some(values.iter().map(i64::to_string).collect()),
            Data::Texts(values) => Some(values.clone()),
            Data::Numbers(..) => None,
        };
    }
}
