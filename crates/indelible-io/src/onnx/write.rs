//! Writes networks as ONNX files, layer by layer; the nodes and tensors that
//! files of all forms are made of.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use indelible::{
    Features, Precision,
    network::{Layer, Network, Scaling},
};
use prost::Message;

use super::{
    Metadata, OnnxError, projected,
    proto::{self, attribute_type, data_type},
    scaled,
    tensors::{all_nodes, declared_precision},
};

/// Largest message that protobuf readers take.
pub(crate) const LIMIT: u64 = (1 << 31) - 1;
/// Operator set that is written.
const OPSET: i64 = 17;
/// IR version that belongs to it.
pub(super) const IR_VERSION: i64 = 8;

/// Fills one tensor with its bytes, little-endian.
type Fill<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

/// A tensor whose bytes are made while writing.
pub(super) struct Initializer<'a> {
    head: proto::Tensor,
    bytes: u64,
    fill: Fill<'a>,
}

impl<'a> Initializer<'a> {
    pub(super) fn new(
        name: impl Into<String>,
        dims: &[usize],
        data_type: i32,
        fill: impl Fn(&mut dyn Write) -> io::Result<()> + 'a,
    ) -> Self {
        let bytes = dims.iter().product::<usize>() as u64 * element_bytes(data_type);
        let dims = dims.iter().copied().map(integer).collect();
        let head = proto::Tensor { dims, data_type, name: name.into(), ..Default::default() };
        Self { head, bytes, fill: Box::new(fill) }
    }

    /// Numbers rounded to `precision`, which holds them all.
    pub(super) fn numbers(
        name: impl Into<String>,
        dims: &[usize],
        precision: Precision,
        values: impl Into<Cow<'a, [f64]>>,
    ) -> Self {
        let values = values.into();
        Self::new(name, dims, float_type(precision), move |out| {
            write_numbers(out, precision, values.iter().copied())
        })
    }

    /// The same tensor under another name.
    pub(super) fn renamed(mut self, rename: impl Fn(&str) -> String) -> Self {
        self.head.name = rename(&self.head.name);
        self
    }

    /// Length of the tensor message.
    fn encoded_len(&self) -> u64 {
        self.head.encoded_len() as u64 + 1 + varint_len(self.bytes) + self.bytes
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_length(out, 5, self.encoded_len())?;
        out.write_all(&self.head.encode_to_vec())?;
        write_length(out, 9, self.bytes)?;
        (self.fill)(out)
    }
}

/// Writes `network` with one Gemm per layer and a Relu between each two, every
/// layer as a dense matrix.
///
/// The input `x` has shape `[batch, n]`, the output `y` shape
/// `[batch, outputs]`. Needs the memory of one layer.
///
/// # Errors
/// When the file would be larger than 2 GiB, or writing fails.
pub fn write_dense(network: &dyn Network, metadata: &Metadata, out: &mut dyn Write) -> Result<(), OnnxError> {
    write_dense_behind(None, network, metadata, out)
}

/// The same with a map of the features in front of the first layer, where one is
/// given.
///
/// # Errors
/// As of [`write_dense`].
pub fn write_dense_behind(
    scaling: Option<&Scaling>,
    network: &dyn Network,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (depth, precision) = (network.depth(), network.precision());
    let (mut nodes, mut initializers) = (Vec::new(), Vec::new());
    let mut value = "x".to_string();
    for index in 0..depth {
        value = push_layer(&mut nodes, &value, index, depth);
        push_weights(&mut initializers, index, precision, move || Cow::Owned(network.layer(index)));
    }
    let graph = form_graph("indelible".into(), nodes, precision, network.inputs(), network.outputs());
    write_model(graph, initializers, Heading { metadata, scaling, directions: &[] }, out)
}

/// What a file says beside the network itself.
#[derive(Clone, Copy)]
pub(super) struct Heading<'a> {
    pub metadata: &'a Metadata,
    /// The map in front of the network.
    pub scaling: Option<&'a Scaling>,
    /// The layers of directions between that and the network.
    pub directions: &'a [Layer],
}

/// Adds the nodes of layer `index` of `depth`, which reads `value`: a Gemm and,
/// unless it is the last one, a Relu. Returns the name of what comes out.
pub(super) fn push_layer(nodes: &mut Vec<proto::Node>, value: &str, index: usize, depth: usize) -> String {
    let last = index + 1 == depth;
    let sum = if last { "y".to_string() } else { format!("a{index}") };
    let inputs = [value, &format!("W{index}"), &format!("b{index}")];
    nodes.push(node("Gemm", &inputs, &sum).with(int_attribute("transB", 1)));
    if last {
        return sum;
    }
    let active = format!("h{index}");
    nodes.push(node("Relu", &[&sum], &active));
    active
}

/// Adds the weights and biases of layer `index`, which is made when it is written.
pub(super) fn push_weights<'a>(
    tensors: &mut Vec<Initializer<'a>>,
    index: usize,
    precision: Precision,
    layer: impl Fn() -> Cow<'a, Layer> + Copy + 'a,
) {
    let (made, float) = (layer(), float_type(precision));
    let shape = [made.outputs(), made.inputs()];
    tensors.push(Initializer::new(format!("W{index}"), &shape, float, move |out| {
        write_matrix(out, precision, &layer())
    }));
    tensors.push(Initializer::new(format!("b{index}"), &shape[..1], float, move |out| {
        write_numbers(out, precision, layer().biases().iter().copied())
    }));
}

/// How rows are stored.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    /// The format of all numbers.
    pub precision: Precision,
    /// Whether rows are bytes with the table `levels`.
    pub coded: bool,
}

impl Stored {
    /// How those of a file of a compact form are.
    pub fn of(file: &proto::Graph) -> Self {
        let coded = all_nodes(file).any(|node| node.op_type == "Gather");
        Self { precision: declared_precision(file), coded }
    }

    /// The element type of the rows.
    pub fn data_type(self) -> i32 {
        if self.coded { data_type::UINT8 } else { float_type(self.precision) }
    }
}

/// The rows as the tensor `name`, 8-bit codes with their table.
pub(super) fn stored_rows<'a>(
    name: &str,
    features: &'a Features,
    shape: [usize; 2],
    precision: Precision,
    tensors: &mut Vec<Initializer<'a>>,
) -> Stored {
    let stored = Stored { precision, coded: matches!(features, Features::Coded { .. }) };
    if let Features::Coded { levels, .. } = features {
        tensors.push(Initializer::numbers("levels", &[256], precision, &levels[..]));
    }
    tensors.push(Initializer::new(name, &shape, stored.data_type(), move |out| match features {
        Features::Coded { codes, .. } => out.write_all(codes),
        rows => write_numbers(out, precision, (0..rows.len()).map(|position| rows.at(position))),
    }));
    stored
}

/// Looks codes up in the table.
pub(super) fn decode(codes: &str, numbers: &str) -> [proto::Node; 2] {
    let cast = node("Cast", &[codes], "code").with(int_attribute("to", data_type::INT32));
    [cast, node("Gather", &["levels", "code"], numbers)]
}

/// The largest along axis 1.
pub(super) fn reduce_max(input: &str, output: &str) -> proto::Node {
    node("ReduceMax", &[input], output).with(proto::Attribute {
        name: "axes".into(),
        ints: vec![1],
        r#type: attribute_type::INTS,
        ..Default::default()
    })
}

/// A Scan that carries the first of its inputs through `body`, which gets a row
/// of each of the others.
pub(super) fn scan(body: proto::Graph, inputs: &[&str], output: &str) -> proto::Node {
    let (name, r#type) = ("body".into(), attribute_type::GRAPH);
    let body = proto::Attribute { name, g: Some(body), r#type, ..Default::default() };
    let count = integer(inputs.len().saturating_sub(1));
    node("Scan", inputs, output).with(body).with(int_attribute("num_scan_inputs", count))
}

/// An integer of the format; no file holds so many of anything that it matters
/// where it ends.
fn integer(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A tensor of integers.
pub(super) fn integers<'a>(name: impl Into<String>, dims: &[usize], values: Vec<usize>) -> Initializer<'a> {
    Initializer::new(name, dims, data_type::INT64, move |out| {
        let bytes: Vec<u8> = values.iter().flat_map(|&v| integer(v).to_le_bytes()).collect();
        out.write_all(&bytes)
    })
}

/// The same of which some may be negative.
pub(super) fn signed_integers<'a>(name: impl Into<String>, values: Vec<i64>) -> Initializer<'a> {
    Initializer::new(name, &[values.len()], data_type::INT64, move |out| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        out.write_all(&bytes)
    })
}

/// A graph with one input `x` of shape `[batch, inputs]` and one output `y` of
/// shape `[batch, outputs]`.
pub(super) fn form_graph(
    name: String,
    nodes: Vec<proto::Node>,
    precision: Precision,
    inputs: usize,
    outputs: usize,
) -> proto::Graph {
    proto::Graph {
        node: nodes,
        name,
        input: vec![rows("x", float_type(precision), inputs)],
        output: vec![rows("y", float_type(precision), outputs)],
        ..Default::default()
    }
}

/// Writes the model message: everything small at once, then the initializers
/// one after the other.
pub(super) fn write_model<'a>(
    mut graph: proto::Graph,
    mut initializers: Vec<Initializer<'a>>,
    heading: Heading<'a>,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    if !heading.directions.is_empty() {
        projected::put_in_front(&mut graph, heading.directions);
        initializers.extend(projected::tensors(&graph, heading.directions));
    }
    if let Some(scaling) = heading.scaling {
        scaled::put_in_front(&mut graph);
        initializers.extend(scaled::tensors(&graph, scaling));
    }
    let model = proto::Model {
        ir_version: IR_VERSION,
        producer_name: "indelible".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: None,
        opset_import: vec![proto::OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: heading.metadata.entries(),
        functions: vec![],
    };
    write_message(&model, &graph, &initializers, out)
}

/// The same of a model that says everything but its graph, and a graph that may have
/// tensors of its own.
pub(super) fn write_message(
    model: &proto::Model,
    graph: &proto::Graph,
    initializers: &[Initializer<'_>],
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (model, graph) = (model.encode_to_vec(), graph.encode_to_vec());
    let field = |length: u64| 1 + varint_len(length) + length;
    let tensors: u64 = initializers.iter().map(|tensor| field(tensor.encoded_len())).sum();
    let graph_bytes = graph.len() as u64 + tensors;
    let bytes = model.len() as u64 + field(graph_bytes);
    if bytes > LIMIT {
        return Err(OnnxError::TooLarge { bytes });
    }
    out.write_all(&model)?;
    write_length(out, 7, graph_bytes)?;
    out.write_all(&graph)?;
    for tensor in initializers {
        tensor.write(out)?;
    }
    Ok(())
}

/// A layer as a dense matrix, row after row.
pub(super) fn write_matrix(out: &mut dyn Write, precision: Precision, layer: &Layer) -> io::Result<()> {
    let mut dense = vec![0.0; layer.inputs()];
    for row in layer.rows() {
        dense.fill(0.0);
        for (&column, &weight) in row.columns.iter().zip(row.weights) {
            dense[column] = weight;
        }
        write_numbers(out, precision, dense.iter().copied())?;
    }
    Ok(())
}

/// Numbers in the format, little-endian, through a small buffer.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the format is meant")]
pub(super) fn write_numbers(
    out: &mut dyn Write,
    precision: Precision,
    values: impl Iterator<Item = f64>,
) -> io::Result<()> {
    const BLOCK: usize = 1 << 16;
    let mut bytes = Vec::with_capacity(BLOCK + 8);
    for v in values {
        match precision {
            Precision::F32 => bytes.extend_from_slice(&(v as f32).to_le_bytes()),
            Precision::F64 => bytes.extend_from_slice(&v.to_le_bytes()),
        }
        if bytes.len() >= BLOCK {
            out.write_all(&bytes)?;
            bytes.clear();
        }
    }
    out.write_all(&bytes)
}

/// The head of a length-delimited field.
fn write_length(out: &mut dyn Write, tag: u8, length: u64) -> io::Result<()> {
    let mut bytes = vec![tag << 3 | 2];
    prost::encoding::encode_varint(length, &mut bytes);
    out.write_all(&bytes)
}

fn varint_len(value: u64) -> u64 {
    prost::encoding::encoded_len_varint(value) as u64
}

pub(super) fn float_type(precision: Precision) -> i32 {
    match precision {
        Precision::F32 => data_type::FLOAT,
        Precision::F64 => data_type::DOUBLE,
    }
}

fn element_bytes(data_type: i32) -> u64 {
    match data_type {
        data_type::UINT8 => 1,
        data_type::FLOAT => 4,
        _ => 8,
    }
}

pub(super) fn node(op: &str, inputs: &[&str], output: &str) -> proto::Node {
    proto::Node {
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        name: output.into(),
        op_type: op.into(),
        ..Default::default()
    }
}

impl proto::Node {
    pub(super) fn with(mut self, attribute: proto::Attribute) -> Self {
        self.attribute.push(attribute);
        self
    }
}

pub(super) fn int_attribute(name: &str, value: impl Into<i64>) -> proto::Attribute {
    let (name, i) = (name.into(), Some(value.into()));
    proto::Attribute { name, i, r#type: attribute_type::INT, ..Default::default() }
}

/// Declares `name` as a vector of so many values.
pub(super) fn vector(name: &str, elem_type: i32, size: usize) -> proto::ValueInfo {
    let size = proto::Dimension { dim_value: Some(integer(size)), dim_param: None };
    declared(name, elem_type, vec![size])
}

/// Declares `name` as rows of so many values, one per point of a batch.
pub(super) fn rows(name: &str, elem_type: i32, size: usize) -> proto::ValueInfo {
    let batch = proto::Dimension { dim_value: None, dim_param: Some("batch".into()) };
    let size = proto::Dimension { dim_value: Some(integer(size)), dim_param: None };
    declared(name, elem_type, vec![batch, size])
}

fn declared(name: &str, elem_type: i32, dim: Vec<proto::Dimension>) -> proto::ValueInfo {
    let tensor_type = Some(proto::TensorType { elem_type, shape: Some(proto::Shape { dim }) });
    proto::ValueInfo { name: name.into(), r#type: Some(proto::Type { tensor_type }) }
}
