//! The input and the outputs of a graph.

use indelible::Precision;

use super::{
    Foreign, Reader,
    value::{Computed, MOST, Stage, Tail, Value, count},
};
use crate::onnx::{
    OnnxError,
    graph::{dims, int_attribute},
    proto::{Dimension, Graph as File, ValueInfo, data_type},
};

/// The input as it is declared.
pub(super) struct Input {
    pub name: String,
    pub precision: Precision,
    /// What one sample may look like, the likeliest first.
    pub shapes: Vec<Sample>,
}

/// One sample as a tensor.
pub(super) struct Sample {
    pub shape: Vec<usize>,
    /// Whether the first axis is a batch of any length, of which this is one.
    pub batched: bool,
}

/// The one input of `file` that is no initializer.
pub(super) fn input(file: &File) -> Result<Input, OnnxError> {
    if !file.sparse_initializer.is_empty() {
        return Err(OnnxError::Structure("sparse initializers are not understood".into()));
    }
    let given = |value: &&ValueInfo| file.initializer.iter().all(|tensor| tensor.name != value.name);
    let inputs: Vec<&ValueInfo> = file.input.iter().filter(given).collect();
    let [input] = inputs[..] else {
        let count = inputs.len();
        return Err(OnnxError::Structure(format!("the network has {count} inputs; expected one")));
    };
    let name = input.name.clone();
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let kind = tensor.map_or(0, |tensor| tensor.elem_type);
    let precision = match kind {
        data_type::FLOAT => Precision::F32,
        data_type::DOUBLE => Precision::F64,
        0 => weights_precision(file),
        kind => {
            let what = format!("input '{name}' has element type {kind}; expected float (1) or double (11)");
            return Err(OnnxError::Structure(what));
        }
    };
    let size = |dim: &Dimension| dim.dim_value.and_then(|size| usize::try_from(size).ok()).filter(|&d| d > 0);
    let declared: Option<Vec<Option<usize>>> =
        tensor.and_then(|t| t.shape.as_ref()).map(|shape| shape.dim.iter().map(size).collect());
    let shapes = shapes(file, &name, declared.as_deref());
    let wrong = shapes.iter().find(|sample| count(&sample.shape).is_none());
    if shapes.is_empty() || wrong.is_some() {
        let what = match wrong {
            Some(Sample { shape, .. }) => {
                format!("is declared with shape {shape:?}; expected 1 to {MOST} features")
            }
            None => "does not say how many features it has".into(),
        };
        return Err(OnnxError::Structure(format!("input '{name}' {what}")));
    }
    Ok(Input { name, precision, shapes })
}

fn weights_precision(file: &File) -> Precision {
    let double = file.initializer.iter().any(|tensor| tensor.data_type == data_type::DOUBLE);
    if double { Precision::F64 } else { Precision::F32 }
}

/// What a sample looks like: the first of several dimensions is a batch, of
/// which it is one. Where that is a fixed number greater than 1 it may as well
/// be a part of the sample.
fn shapes(file: &File, name: &str, declared: Option<&[Option<usize>]>) -> Vec<Sample> {
    match declared {
        Some([Some(features)]) => vec![Sample { shape: vec![*features], batched: false }],
        Some([batch, rest @ ..]) if !rest.is_empty() && rest.iter().all(Option::is_some) => {
            let rest: Vec<usize> = rest.iter().flatten().copied().collect();
            let alone = Sample { shape: [&[1], &rest[..]].concat(), batched: *batch != Some(1) };
            let together = batch.filter(|&batch| batch > 1);
            let together =
                together.map(|batch| Sample { shape: [&[batch], &rest[..]].concat(), batched: false });
            std::iter::once(alone).chain(together).collect()
        }
        None | Some([_, None]) => {
            let features = read_first(file, name);
            features.map(|features| Sample { shape: vec![1, features], batched: true }).into_iter().collect()
        }
        _ => vec![],
    }
}

/// How many features the matrix takes that the input meets first.
fn read_first(file: &File, name: &str) -> Option<usize> {
    let node = file.node.iter().find(|node| node.input.iter().any(|input| input == name))?;
    let matrix = file.initializer.iter().find(|tensor| Some(&tensor.name) == node.input.get(1))?;
    let transposed = node.op_type == "Gemm" && int_attribute(node, "transB", 0) != 0;
    match dims(matrix).ok()?[..] {
        [_, features] if transposed => Some(features),
        [features, _] if ["Gemm", "MatMul"].contains(&node.op_type.as_str()) => Some(features),
        _ => None,
    }
}

impl Reader<'_> {
    /// The network, from what the outputs stand for.
    pub(super) fn finish(mut self, file: &File) -> Result<Foreign, OnnxError> {
        let value = |output: &ValueInfo| {
            let unknown =
                || OnnxError::Structure(format!("the output '{}' is computed by no node", output.name));
            self.values.get(&output.name).cloned().ok_or_else(unknown)
        };
        let outputs = file.output.iter().map(value).collect::<Result<Vec<Value>, _>>()?;
        let output = match &outputs[..] {
            [Value::Computed(output)] => output.clone(),
            [Value::Tail(Tail { logits, stage: Stage::Sigmoid })] => self.by_sign(logits.vector),
            [Value::Constant(_)] => {
                return Err(OnnxError::Structure("the output does not depend on the input".into()));
            }
            several => self.logits(several, file).ok_or_else(|| {
                let what = match several.len() {
                    1 => "the network ends in 1 less a Sigmoid, which is no label; expected the Sigmoid, or both".into(),
                    count => {
                        format!("the network has {count} outputs; expected one, or a label and probabilities")
                    }
                };
                OnnxError::Structure(what)
            })?,
        };
        let model = self.network(&output)?;
        let Computed { shape, .. } = output;
        let count: usize = shape.iter().product();
        let classes = self.classes.take().filter(|names| names.len() == count);
        Ok(Foreign { model, notes: self.notes, tie_margin: self.tie_margin, classes })
    }
}
