//! What stands behind the logits and changes no label: softmax, the position of
//! the largest, names of classes.

use indelible::network::{AffineMap, LayerBuilder, Operation};

use super::{
    Reader, constant, first, movement,
    value::{Computed, Constant, Data, Stage, Tail, Value},
};
use crate::onnx::{
    OnnxError,
    graph::{int_attribute, is_default, only_attributes, operator},
    proto::{Graph, Node},
};

/// Numbers that are not farther apart than this may be equal behind a Softmax, a LogSoftmax
/// or a Sigmoid: 64 units roundoff of binary32. Why no more is needed stands in
/// `docs/certificates.md`.
const TIE_MARGIN: f64 = 1.0 / 262_144.0;

/// Operators that change nothing of a row but its shape, or do where they keep its order.
const MOVES: [&str; 6] = ["Identity", "Reshape", "Squeeze", "Flatten", "Unsqueeze", "Transpose"];

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

impl Reader<'_> {
    /// The logits that all outputs stand behind, or are beside a label. Values of another
    /// kind beside a label are left out.
    pub(super) fn logits(&mut self, outputs: &[Value], file: &Graph) -> Option<Computed> {
        let label = outputs.iter().find_map(|value| match value {
            Value::Tail(Tail { logits, stage: Stage::Label }) => Some(logits.vector),
            _ => None,
        });
        let mut tails = vec![];
        let mut beside = vec![];
        for (value, output) in outputs.iter().zip(&file.output) {
            match value {
                Value::Tail(tail) => tails.push(tail.clone()),
                Value::Computed(x) if label.is_some_and(|label| label != x.vector) => {
                    beside.push(&output.name)
                }
                Value::Computed(logits) => {
                    tails.push(Tail { logits: logits.clone(), stage: Stage::Probabilities });
                }
                Value::Constant(_) => return None,
            }
        }
        let first = &tails.first()?.logits;
        let complete = |stage| matches!(stage, Stage::Probabilities | Stage::Label);
        let same = tails.iter().all(|tail| tail.logits.vector == first.vector && complete(tail.stage));
        let differ = tails.len() == 1 || tails.len() == 2 && tails[0].stage != tails[1].stage;
        if !(same && differ && beside.len() <= 1) {
            return None;
        }
        let notes =
            beside.iter().map(|name| format!("output '{name}' is left out: a label stands beside it"));
        self.notes.extend(notes);
        Some(first.clone())
    }

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
        if op == "ArgMax" {
            self.note(node, "a label is the position of the largest output");
        } else {
            self.makes_ties(node, op);
        }
        Ok(Value::Tail(Tail { logits, stage }))
    }

    /// Notes that what a node does to the outputs may make them equal.
    pub(super) fn makes_ties(&mut self, node: &Node, what: &str) {
        self.tie_margin = TIE_MARGIN;
        let why = "it does not change which output is the largest, but may make equal what is within 2^-18; nothing is proved there";
        self.notes.push(format!("{what} (node '{}') at the end is left out: {why}", node.name));
    }

    pub(super) fn note(&mut self, node: &Node, why: &str) {
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
        let axis = movement::place(node, asked, shape.len())?;
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
            ("Cast", [Some(Value::Tail(tail))]) if plain && tail.stage == Stage::Label => tail.clone(),
            (op, [Some(Value::Tail(tail)), ..]) if plain && MOVES.contains(&op) => {
                self.moved_tail(node, tail, inputs)?
            }
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
            // Probabilities over their sum, which is one positive number for all.
            ("ZipMap" | "Normalizer", [Some(Value::Tail(tail))])
                if node.domain == "ai.onnx.ml" && tail.stage == Stage::Probabilities =>
            {
                tail.clone()
            }
            _ => return Err(refused()),
        };
        Ok(vec![Value::Tail(result)])
    }

    /// What only changes the shape of a row, or of a label.
    fn moved_tail(&self, node: &Node, tail: &Tail, inputs: &[Option<Value>]) -> Result<Tail, OnnxError> {
        if tail.stage == Stage::Label {
            return Ok(tail.clone());
        }
        let parameters = movement::Parameters { node, inputs: inputs.iter().map(constant).collect() };
        let mut moved = movement::moved(node, self.opset, &tail.logits.shape, &parameters)?;
        let moved = moved.pop().filter(|moved| moved.indices.iter().enumerate().all(|(i, &at)| i == at));
        let shape = moved.map(|moved| moved.shape);
        let all = tail.logits.shape.iter().product::<usize>();
        let shape = shape.filter(|shape| shape.iter().product::<usize>() == all);
        let shape = shape.ok_or_else(|| operator(node, " behind a Softmax, ArgMax or Sigmoid".into()))?;
        Ok(Tail { logits: Computed { shape, ..tail.logits.clone() }, ..*tail })
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

    /// Two logits for the sign of a number, whose Sigmoid is compared with one half: 0 and
    /// the number itself.
    pub(super) fn by_sign(&mut self, vector: usize) -> Computed {
        let mut logits = LayerBuilder::new(1);
        logits.bias(0.0);
        logits.weight(0, 1.0).bias(0.0);
        self.tie_margin = TIE_MARGIN;
        self.notes.push(
            "Sigmoid at the end is left out: above one half is the second class, below it the first; numbers within 2^-18 of 0 it may make one half, there nothing is proved"
                .into(),
        );
        let logits = Operation::Affine(AffineMap::Rows(logits.finish()));
        self.push(logits, vec![vector], vec![1, 2])
    }

    pub(super) fn named(&mut self, names: &Constant) {
        self.classes = match &names.data {
            Data::Integers(values) => Some(values.iter().map(i64::to_string).collect()),
            Data::Texts(values) => Some(values.clone()),
            Data::Numbers(..) => None,
        };
    }
}
