//! Writes networks as ONNX files, layer by layer.

use std::io::{self, Write};

use indelible::{
    Features, Precision,
    network::{Layer, Model, Network, Recurrence},
};
use prost::Message;

use super::{
    Metadata, OnnxError, cells,
    proto::{self, attribute_type, data_type},
    write_stored::{write_max_affine, write_prototypes},
};

/// Largest message that protobuf readers take.
pub(crate) const LIMIT: u64 = (1 << 31) - 1;
/// Operator set that is written.
const OPSET: i64 = 17;
/// IR version that belongs to it.
const IR_VERSION: i64 = 8;

/// Fills one tensor with its bytes, little-endian.
pub(super) type Fill<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

/// A tensor whose bytes are made while writing.
pub(super) struct Initializer<'a> {
    head: proto::Tensor,
    bytes: u64,
    fill: Fill<'a>,
}

impl<'a> Initializer<'a> {
    pub(super) fn new(name: impl Into<String>, dims: &[usize], data_type: i32, fill: Fill<'a>) -> Self {
        let dims: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        let bytes = dims.iter().product::<i64>() as u64 * element_bytes(data_type);
        let head = proto::Tensor { dims, data_type, name: name.into(), ..Default::default() };
        Self { head, bytes, fill }
    }

    /// Numbers rounded to `precision`, which holds them all.
    pub(super) fn numbers(
        name: impl Into<String>,
        dims: &[usize],
        precision: Precision,
        values: &'a [f64],
    ) -> Self {
        let fill: Fill<'a> = Box::new(move |out| write_numbers(out, precision, values.iter().copied()));
        Self::new(name, dims, float_type(precision), fill)
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

/// Number of bytes that [`write_dense`] would write, less the few hundred for
/// names and metadata.
#[must_use]
pub fn dense_bytes(network: &dyn Network) -> u64 {
    let element = element_bytes(float_type(network.precision()));
    indelible::network::size(network).all as u64 * element
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
    let depth = network.depth();
    let precision = network.precision();
    let mut nodes = Vec::new();
    let mut initializers = Vec::new();
    let mut value = "x".to_string();
    for index in 0..depth {
        let (rows, columns) = {
            let layer = network.layer(index);
            (layer.outputs(), layer.inputs())
        };
        let (weights, biases) = (format!("W{index}"), format!("b{index}"));
        value = push_layer(&mut nodes, &value, (&weights, &biases), index, index + 1 == depth);
        initializers.push(Initializer::new(
            weights,
            &[rows, columns],
            float_type(precision),
            Box::new(move |out| write_matrix(out, precision, &network.layer(index))),
        ));
        initializers.push(Initializer::new(
            biases,
            &[rows],
            float_type(precision),
            Box::new(move |out| write_numbers(out, precision, network.layer(index).biases().iter().copied())),
        ));
    }
    let graph = proto::Graph {
        node: nodes,
        name: "indelible".into(),
        input: vec![matrix("x", precision, "batch", network.inputs())],
        output: vec![matrix("y", precision, "batch", network.outputs())],
        ..Default::default()
    };
    write_model(graph, &initializers, metadata, out)
}

/// Adds the nodes of layer `index`, which reads `value`: a Gemm with these
/// weights and biases and, unless it is the last one, a Relu. Returns the name
/// of what comes out.
pub(super) fn push_layer(
    nodes: &mut Vec<proto::Node>,
    value: &str,
    (weights, biases): (&str, &str),
    index: usize,
    last: bool,
) -> String {
    let sum = if last { "y".to_string() } else { format!("a{index}") };
    let mut gemm = node("Gemm", &[value, weights, biases], &sum);
    gemm.attribute.push(int_attribute("transB", 1));
    nodes.push(gemm);
    if last {
        return sum;
    }
    let active = format!("h{index}");
    nodes.push(node("Relu", &[&sum], &active));
    active
}

/// Writes `model`: layers as [`write_dense`] does, a compact form as a Scan
/// over its steps, cells by gathering or, for
/// [`MaxAffine`](indelible::network::MaxAffine), as one product with all rows.
///
/// The input `x` has shape `[batch, n]`, the output `y` shape
/// `[batch, outputs]`; 8-bit rows are stored as bytes with a table.
///
/// # Errors
/// When the file would be larger than 2 GiB, the form cannot say what the
/// network does, or writing fails.
pub fn write_compact(model: &Model, metadata: &Metadata, out: &mut dyn Write) -> Result<(), OnnxError> {
    match model {
        Model::Layers(network) => write_dense(network, metadata, out),
        Model::Recurrence(recurrence) => write_recurrence(recurrence, metadata, out),
        Model::Cells(network) => cells::write(network, metadata, out),
        Model::Prototypes(prototypes) => write_prototypes(prototypes, metadata, out),
        Model::MaxAffine(scores) => write_max_affine(scores, metadata, out),
    }
}

/// Writes `recurrence` as a Scan over its steps.
fn write_recurrence(
    recurrence: &Recurrence,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (n, precision) = (recurrence.inputs(), recurrence.precision);
    let rest = recurrence.steps().saturating_sub(1);
    let mut first_center = vec![0.0; n];
    recurrence.copy_center(0, &mut first_center);

    let mut nodes = step_nodes("first_", "x", "first_center", None, "running_first");
    nodes.push(node("Max", &["x", "minima"], "clipped"));
    let mut initializers = vec![
        Initializer::new("axes", &[1], data_type::INT64, Box::new(|out| out.write_all(&1i64.to_le_bytes()))),
        Initializer::numbers("minima", &[n], precision, &recurrence.minima),
        Initializer::numbers("first_center", &[n], precision, &first_center),
        Initializer::numbers("first_radius", &[1], precision, &recurrence.radii[..1]),
        Initializer::numbers("first_scale", &[1], precision, &recurrence.scales[..1]),
        Initializer::numbers("first_value", &[1], precision, &recurrence.values[..1]),
    ];
    let mut running = "running_first";
    if rest > 0 {
        let (center_type, table) = match &recurrence.centers {
            Features::Coded { codes, levels } => {
                initializers.push(Initializer::numbers("levels", &[256], precision, levels));
                let fill: Fill<'_> = Box::new(move |out| out.write_all(&codes[n..]));
                initializers.push(Initializer::new("centers", &[rest, n], data_type::UINT8, fill));
                (data_type::UINT8, true)
            }
            centers => {
                let fill: Fill<'_> = Box::new(move |out| {
                    write_numbers(out, precision, (n..centers.len()).map(|position| centers.at(position)))
                });
                initializers.push(Initializer::new("centers", &[rest, n], float_type(precision), fill));
                (float_type(precision), false)
            }
        };
        initializers.push(Initializer::numbers("radii", &[rest, 1], precision, &recurrence.radii[1..]));
        initializers.push(Initializer::numbers("scales", &[rest, 1], precision, &recurrence.scales[1..]));
        initializers.push(Initializer::numbers("values", &[rest, 1], precision, &recurrence.values[1..]));
        nodes.push(scan(precision, n, center_type, table));
        running = "running_last";
    }
    match &recurrence.targets {
        None => nodes.push(node("Identity", &[running], "y")),
        Some(targets) => {
            initializers.push(Initializer::numbers("targets", &[1, targets.len()], precision, targets));
            nodes.push(node("Sub", &[running, "targets"], "offset"));
            nodes.push(node("Abs", &["offset"], "distance"));
            nodes.push(node("Neg", &["distance"], "y"));
        }
    }
    let graph = proto::Graph {
        node: nodes,
        name: "indelible".into(),
        input: vec![matrix("x", precision, "batch", n)],
        output: vec![matrix("y", precision, "batch", recurrence.outputs())],
        ..Default::default()
    };
    write_model(graph, &initializers, metadata, out)
}

/// The Scan over all steps but the first.
fn scan(precision: Precision, n: usize, center_type: i32, table: bool) -> proto::Node {
    let mut nodes = Vec::new();
    let mut center = "center";
    if table {
        let mut cast = node("Cast", &["center"], "code");
        cast.attribute.push(int_attribute("to", i64::from(data_type::INT32)));
        nodes.push(cast);
        nodes.push(node("Gather", &["levels", "code"], "center_value"));
        center = "center_value";
    }
    nodes.extend(step_nodes("", "clipped", center, Some("running"), "running_next"));
    let float = float_type(precision);
    let scalar = |name: &str| value(name, float, &[Dim::Size(1)]);
    let running = |name: &str| value(name, float, &[Dim::Name("batch"), Dim::Size(1)]);
    let body = proto::Graph {
        node: nodes,
        name: "step".into(),
        input: vec![
            running("running"),
            value("center", center_type, &[Dim::Size(n)]),
            scalar("radius"),
            scalar("scale"),
            scalar("value"),
        ],
        output: vec![running("running_next")],
        ..Default::default()
    };
    let inputs = ["running_first", "centers", "radii", "scales", "values"];
    let mut scan = node("Scan", &inputs, "running_last");
    scan.attribute.push(proto::Attribute {
        name: "body".into(),
        g: Some(body),
        r#type: attribute_type::GRAPH,
        ..Default::default()
    });
    scan.attribute.push(int_attribute("num_scan_inputs", 4));
    scan
}

/// The nodes of one step: from the point `x` and a center to the running
/// label. Without a previous label it starts from 0.
fn step_nodes(prefix: &str, x: &str, center: &str, previous: Option<&str>, next: &str) -> Vec<proto::Node> {
    let name = |s: &str| format!("{prefix}{s}");
    let mut nodes = vec![
        node("Sub", &[x, center], &name("difference")),
        node("Abs", &[&name("difference")], &name("size")),
        node("Sub", &[&name("size"), &name("radius")], &name("excess")),
        node("Relu", &[&name("excess")], &name("violation")),
        node("ReduceSum", &[&name("violation"), "axes"], &name("total")),
        node("Mul", &[&name("scale"), &name("total")], &name("penalty")),
        node("Sub", &[&name("value"), &name("penalty")], &name("level")),
    ];
    match previous {
        None => nodes.push(node("Relu", &[&name("level")], next)),
        Some(previous) => {
            nodes.push(node("Sub", &[&name("level"), previous], &name("lift")));
            nodes.push(node("Relu", &[&name("lift")], &name("increment")));
            nodes.push(node("Add", &[previous, &name("increment")], next));
        }
    }
    nodes
}

/// Writes the model message: everything small at once, then the initializers
/// one after the other.
pub(super) fn write_model(
    graph: proto::Graph,
    initializers: &[Initializer<'_>],
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let model = proto::Model {
        ir_version: IR_VERSION,
        producer_name: "indelible".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: None,
        opset_import: vec![proto::OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: metadata.entries(),
        functions: vec![],
    };
    let (model, graph) = (model.encode_to_vec(), graph.encode_to_vec());
    let tensors: u64 = initializers
        .iter()
        .map(|tensor| {
            let length = tensor.encoded_len();
            1 + varint_len(length) + length
        })
        .sum();
    let graph_bytes = graph.len() as u64 + tensors;
    let bytes = model.len() as u64 + 1 + varint_len(graph_bytes) + graph_bytes;
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

pub(super) fn int_attribute(name: &str, i: i64) -> proto::Attribute {
    proto::Attribute { name: name.into(), i: Some(i), r#type: attribute_type::INT, ..Default::default() }
}

/// One dimension of a declared shape.
pub(super) enum Dim<'a> {
    Name(&'a str),
    Size(usize),
}

pub(super) fn matrix(name: &str, precision: Precision, rows: &str, columns: usize) -> proto::ValueInfo {
    value(name, float_type(precision), &[Dim::Name(rows), Dim::Size(columns)])
}

pub(super) fn value(name: &str, elem_type: i32, dims: &[Dim<'_>]) -> proto::ValueInfo {
    let dim = dims
        .iter()
        .map(|dim| match dim {
            Dim::Name(name) => proto::Dimension { dim_value: None, dim_param: Some((*name).into()) },
            Dim::Size(size) => proto::Dimension { dim_value: Some(*size as i64), dim_param: None },
        })
        .collect();
    let tensor_type = Some(proto::TensorType { elem_type, shape: Some(proto::Shape { dim }) });
    proto::ValueInfo { name: name.into(), r#type: Some(proto::Type { tensor_type }) }
}
