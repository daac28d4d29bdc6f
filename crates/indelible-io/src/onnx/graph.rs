//! A decoded ONNX graph with its names resolved.

use std::collections::{HashMap, HashSet};

use indelible::Precision;

use super::{
    OnnxError,
    proto::{self, data_type},
};

/// Whether a domain is that of the standard operators.
pub(super) fn is_default(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// A graph in which every name has one meaning: the input, an initializer or
/// the output of one node.
pub(super) struct Graph {
    pub nodes: Vec<proto::Node>,
    /// Name of the one input.
    pub input: String,
    pub declared: Declared,
    /// Name of the one output.
    pub output: String,
    tensors: HashMap<String, proto::Tensor>,
    computed: HashSet<String>,
}

impl Graph {
    pub fn new(graph: proto::Graph) -> Result<Self, OnnxError> {
        if !graph.sparse_initializer.is_empty() {
            return Err(OnnxError::Structure("sparse initializers are not understood".into()));
        }
        let mut tensors: HashMap<String, proto::Tensor> = HashMap::new();
        for tensor in graph.initializer {
            if let Some(other) = tensors.insert(tensor.name.clone(), tensor) {
                return Err(OnnxError::Structure(format!("the name '{}' is given twice", other.name)));
            }
        }
        let inputs: Vec<&proto::ValueInfo> =
            graph.input.iter().filter(|v| !tensors.contains_key(&v.name)).collect();
        let [input] = inputs[..] else {
            let count = inputs.len();
            return Err(OnnxError::Structure(format!("the network has {count} inputs; expected one")));
        };
        let [output] = &graph.output[..] else {
            let count = graph.output.len();
            return Err(OnnxError::Structure(format!("the network has {count} outputs; expected one")));
        };
        let declared = declared(input)?;
        let (input, output) = (input.name.clone(), output.name.clone());
        let mut nodes = Vec::with_capacity(graph.node.len());
        let mut computed = HashSet::new();
        for mut node in graph.node {
            if node.name.is_empty() {
                node.name = node.output.first().cloned().unwrap_or_default();
            }
            if !is_default(&node.domain) {
                return Err(operator(&node, String::new()));
            }
            let [result] = &node.output[..] else {
                return Err(operator(&node, format!(" with {} outputs", node.output.len())));
            };
            if *result == input || tensors.contains_key(result) || computed.contains(result) {
                return Err(OnnxError::Structure(format!("the name '{result}' is given twice")));
            }
            let result = result.clone();
            if node.op_type == "Constant" {
                let tensor = constant(&node)?;
                tensors.insert(result, tensor);
            } else {
                computed.insert(result);
                nodes.push(node);
            }
        }
        Ok(Self { nodes, input, declared, output, tensors, computed })
    }

    /// The initializer that `node` reads as `name`.
    pub fn tensor(&self, node: &proto::Node, name: &str) -> Result<&proto::Tensor, OnnxError> {
        if self.computed.contains(name) || name == self.input {
            return Err(operator(node, " of two computed values: branches".into()));
        }
        self.tensors
            .get(name)
            .ok_or_else(|| OnnxError::Dangling { node: node.name.clone(), name: name.into() })
    }

    /// Whether any name of the graph is `name`.
    pub fn knows(&self, name: &str) -> bool {
        name == self.input || self.tensors.contains_key(name) || self.computed.contains(name)
    }
}

/// What the declaration of the input says.
#[derive(Default)]
pub(super) struct Declared {
    /// Number of features: the product of all dimensions but the first.
    pub features: Option<usize>,
    pub rank: Option<usize>,
    /// Whether the last dimension holds all features, so that rows need not be
    /// flattened.
    pub flat: bool,
}

/// Most features that are believed: more than any dataset has, and little
/// enough to allocate.
const MOST_FEATURES: usize = 1 << 24;

fn declared(input: &proto::ValueInfo) -> Result<Declared, OnnxError> {
    let Some(tensor) = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()) else {
        return Ok(Declared::default());
    };
    if tensor.elem_type != data_type::FLOAT && tensor.elem_type != data_type::DOUBLE {
        let (name, kind) = (&input.name, tensor.elem_type);
        let what = format!("input '{name}' has element type {kind}; expected float (1) or double (11)");
        return Err(OnnxError::Structure(what));
    }
    let Some(shape) = &tensor.shape else { return Ok(Declared::default()) };
    let size = |dim: &proto::Dimension| dim.dim_value.and_then(|size| usize::try_from(size).ok());
    let features =
        shape.dim.iter().skip(1).map(size).try_fold(1usize, |product, size| product.checked_mul(size?));
    if let Some(count) = features.filter(|features| !(1..=MOST_FEATURES).contains(features)) {
        let what = format!("is declared with {count} features; expected 1 to {MOST_FEATURES}");
        return Err(OnnxError::Structure(format!("input '{}' {what}", input.name)));
    }
    let rank = shape.dim.len();
    let flat = rank == 2 || rank > 2 && features.is_some() && shape.dim.last().and_then(size) == features;
    Ok(Declared { features, rank: Some(rank), flat })
}

/// The error about an operator that is not understood.
pub(super) fn operator(node: &proto::Node, why: String) -> OnnxError {
    let domain = if is_default(&node.domain) { String::new() } else { format!("{}.", node.domain) };
    OnnxError::Operator { operator: domain + &node.op_type, node: node.name.clone(), why }
}

/// The tensor of a Constant node.
fn constant(node: &proto::Node) -> Result<proto::Tensor, OnnxError> {
    match &node.attribute[..] {
        [proto::Attribute { name, t: Some(tensor), .. }] if name == "value" => {
            Ok(proto::Tensor { name: node.output.first().cloned().unwrap_or_default(), ..tensor.clone() })
        }
        _ => Err(operator(node, " (only tensor values are)".into())),
    }
}

/// The integer attribute `name`, or its default.
pub(super) fn int_attribute(node: &proto::Node, name: &str, default: i64) -> i64 {
    node.attribute.iter().find(|a| a.name == name).map_or(default, |a| a.i.unwrap_or(0))
}

/// Refuses attributes other than `known`.
pub(super) fn only_attributes(node: &proto::Node, known: &[&str]) -> Result<(), OnnxError> {
    for (position, attribute) in node.attribute.iter().enumerate() {
        let again = node.attribute[..position].iter().any(|earlier| earlier.name == attribute.name);
        if again || !known.contains(&attribute.name.as_str()) {
            return Err(operator(node, format!(" with attribute '{}'", attribute.name)));
        }
    }
    Ok(())
}

/// Shape of a tensor.
pub(super) fn dims(tensor: &proto::Tensor) -> Result<Vec<usize>, OnnxError> {
    let dim = |&d: &i64| usize::try_from(d).map_err(|_| bad(tensor, format!("a dimension is {d}")));
    tensor.dims.iter().map(dim).collect()
}

/// The error about one tensor.
pub(super) fn bad(tensor: &proto::Tensor, why: String) -> OnnxError {
    OnnxError::Tensor { name: tensor.name.clone(), why }
}

/// Number of elements that the shape of a tensor asks for.
fn elements(tensor: &proto::Tensor) -> Result<usize, OnnxError> {
    dims(tensor)?
        .into_iter()
        .try_fold(1usize, usize::checked_mul)
        .ok_or_else(|| bad(tensor, "its shape is too large".into()))
}

/// The payload of a tensor with `width` bytes per element.
fn raw(tensor: &proto::Tensor, width: usize) -> Result<Option<&[u8]>, OnnxError> {
    if !tensor.external_data.is_empty() || tensor.data_location != 0 {
        let why = "its data are in another file; expected one file with everything in it";
        return Err(bad(tensor, why.into()));
    }
    let Some(data) = &tensor.raw_data else { return Ok(None) };
    if elements(tensor)?.checked_mul(width) == Some(data.len()) {
        return Ok(Some(data));
    }
    let (count, shape) = (data.len(), &tensor.dims);
    Err(bad(tensor, format!("it holds {count} bytes, its shape {shape:?} asks for another number")))
}

/// The elements of a tensor: of its raw data, which `decode` takes, or of the
/// field `listed`. They must be as many as its shape asks for.
fn values<T: Clone, const S: usize>(
    tensor: &proto::Tensor,
    listed: &[T],
    decode: fn([u8; S]) -> T,
) -> Result<Vec<T>, OnnxError> {
    let values: Vec<T> = match raw(tensor, S)? {
        Some(data) => data.as_chunks().0.iter().map(|bytes| decode(*bytes)).collect(),
        None => listed.to_vec(),
    };
    if values.len() == elements(tensor)? {
        return Ok(values);
    }
    let (count, shape) = (values.len(), &tensor.dims);
    Err(bad(tensor, format!("it holds {count} numbers, its shape {shape:?} asks for another number")))
}

/// All numbers of a tensor must be finite.
fn finite(tensor: &proto::Tensor, mut values: impl Iterator<Item = f64>) -> Result<(), OnnxError> {
    match values.position(|value| !value.is_finite()) {
        Some(position) => Err(bad(tensor, format!("element {position} is no finite number"))),
        None => Ok(()),
    }
}

/// The numbers of a float tensor, all finite.
pub(super) fn singles(tensor: &proto::Tensor) -> Result<Vec<f32>, OnnxError> {
    let values = values(tensor, &tensor.float_data, f32::from_le_bytes)?;
    finite(tensor, values.iter().copied().map(f64::from))?;
    Ok(values)
}

/// The numbers of a float or double tensor, all finite, and their format.
pub(super) fn numbers(tensor: &proto::Tensor) -> Result<(Vec<f64>, Precision), OnnxError> {
    if tensor.data_type == data_type::FLOAT {
        return Ok((singles(tensor)?.into_iter().map(f64::from).collect(), Precision::F32));
    }
    if tensor.data_type != data_type::DOUBLE {
        let why = format!("element type {}; expected float (1) or double (11)", tensor.data_type);
        return Err(bad(tensor, why));
    }
    let values = values(tensor, &tensor.double_data, f64::from_le_bytes)?;
    finite(tensor, values.iter().copied())?;
    Ok((values, Precision::F64))
}

/// The bytes of a tensor of unsigned bytes.
pub(super) fn bytes(tensor: &proto::Tensor) -> Result<&[u8], OnnxError> {
    if tensor.data_type != data_type::UINT8 {
        return Err(bad(tensor, format!("element type {}; expected unsigned bytes (2)", tensor.data_type)));
    }
    raw(tensor, 1)?.ok_or_else(|| bad(tensor, "it holds no raw data".into()))
}

/// The integers of a small int64 tensor.
pub(super) fn integers(tensor: &proto::Tensor) -> Result<Vec<i64>, OnnxError> {
    if tensor.data_type != data_type::INT64 {
        return Err(bad(tensor, format!("element type {}; expected int64 (7)", tensor.data_type)));
    }
    values(tensor, &tensor.int64_data, i64::from_le_bytes)
}
