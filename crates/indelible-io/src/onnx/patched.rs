//! A network of others with a memory beside it, in one file.
//!
//! ```text
//! all nodes of the network, untouched                    → network
//! Reshape(input, [−1, n])                                → x
//! all nodes of the memory, cells or prototypes, from x   → y, one score per output
//! Mul(Sub(ReduceSum(y), y), lift)                        → taken
//! Reshape(taken, Shape(network))                         → fitted
//! Sub(network, fitted)                                   → the output, named as before
//! ```
//!
//! Names that begin with `indelible.memory/` are the memory's. Whoever runs the file runs
//! the network's own nodes; a difference is taken because `v − 0` is `v` to the bit, which
//! `v + 0` is not for −0.

use std::io::Write;

use indelible::{
    Precision,
    network::{Model, Patched, Schedule},
};

use super::{
    Metadata, OnnxError, cells, foreign,
    graph::{dims, integers as integers_of, is_default, numbers},
    proto, prototypes,
    write::{IR_VERSION, Initializer, float_type, integers, node, rows, signed_integers, write_message},
};

/// Name of the graph.
pub(super) const NAME: &str = "indelible.patched";
/// How the names of everything begin that the memory adds.
const PREFIX: &str = "indelible.memory/";
/// The operator set in which the memory begins.
const FIRST_OPSET: i64 = 13;
/// Operators that mean the same from operator set 7 up to that one.
const UNCHANGED: [&str; 24] = [
    "Abs",
    "Add",
    "AveragePool",
    "Concat",
    "Constant",
    "Conv",
    "Div",
    "Flatten",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Identity",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Neg",
    "Relu",
    "Reshape",
    "Shape",
    "Sub",
    "Sum",
    "Transpose",
];

fn named(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{PREFIX}{name}") }
}

fn is_memory(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Gives every name in a graph and in those inside its nodes its prefix.
fn prefix(graph: &mut proto::Graph) {
    for value in graph.input.iter_mut().chain(&mut graph.output) {
        value.name = named(&value.name);
    }
    for node in &mut graph.node {
        node.name = named(&node.name);
        node.input.iter_mut().chain(&mut node.output).for_each(|name| *name = named(name));
        for body in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
            prefix(body);
        }
    }
}

/// Whether a node and those inside it name nothing that is not the memory's.
fn keeps_to_itself(node: &proto::Node) -> bool {
    let mut bodies = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
    node.input.iter().chain(&node.output).all(|name| name.is_empty() || is_memory(name))
        && bodies.all(|body| body.node.iter().all(keeps_to_itself))
}

/// The nodes around the memory, from the input `x` to the output `y` of the network.
fn joints(x: &str, y: &str) -> ([proto::Node; 1], [proto::Node; 6]) {
    let joint = |op: &str, inputs: [&str; 2], output: &str| {
        let inputs = inputs.map(named);
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        node(op, &inputs, &named(output))
    };
    let difference =
        proto::Node { output: vec![y.into()], ..joint("Sub", ["network", "fitted"], "difference") };
    let behind = [
        joint("ReduceSum", ["y", "of_scores"], "all_scores"),
        joint("Sub", ["all_scores", "y"], "other_scores"),
        joint("Mul", ["other_scores", "lift"], "taken"),
        joint("Shape", ["network", ""], "shape"),
        joint("Reshape", ["taken", "shape"], "fitted"),
        difference,
    ];
    ([node("Reshape", &[x, &named("row_shape")], &named("x"))], behind)
}

/// Writes the network in `original` with the memory of `patched`; as of
/// [`write_patched`](super::write_patched).
pub(super) fn write(
    original: proto::Model,
    patched: &Patched,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    if !original.functions.is_empty() {
        let what = "the network defines functions of its own, beside which no memory is written";
        return Err(OnnxError::Structure(what.into()));
    }
    let mut network = original.graph.ok_or(OnnxError::Missing("graph"))?;
    let opset = super::default_opset(&original.opset_import)?;
    let (input, output) = ends(&network)?;
    let used = network.node.iter().flat_map(|node| node.input.iter().chain(&node.output));
    if used.chain(network.initializer.iter().map(|tensor| &tensor.name)).any(|name| is_memory(name)) {
        let what = "the network has a memory already; patch the network that it was made from";
        return Err(OnnxError::Structure(what.into()));
    }
    refuse_tail(&foreign::read(&network, opset)?)?;
    for name in network.node.iter_mut().flat_map(|node| node.input.iter_mut().chain(&mut node.output)) {
        if *name == output {
            *name = named("network");
        }
    }
    let (mut memory, tensors) = match patched.memory() {
        Model::Prototypes(prototypes) => prototypes::parts(prototypes)?,
        Model::Cells(network) => cells::parts(network),
        _ => return Err(OnnxError::Structure("memories of this form are not written".into())),
    };
    prefix(&mut memory);
    let (before, behind) = joints(&input, &output);
    let (precision, sets) = (patched.memory().precision(), raised(&network, &original.opset_import, opset)?);
    network.node.extend(before.into_iter().chain(memory.node).chain(behind));
    network.name = NAME.into();
    let mut tensors: Vec<Initializer<'_>> = tensors.into_iter().map(|tensor| tensor.renamed(named)).collect();
    let features = i64::try_from(patched.memory().inputs()).unwrap_or(i64::MAX);
    tensors.push(signed_integers(named("row_shape"), vec![-1, features]));
    tensors.push(integers(named("of_scores"), &[1], vec![1]));
    tensors.push(Initializer::numbers(named("lift"), &[1], precision, vec![patched.lift()]));
    let of_others = Metadata::of_others(&original.metadata_props).cloned();
    let model = proto::Model {
        ir_version: original.ir_version.max(IR_VERSION),
        graph: None,
        opset_import: sets,
        metadata_props: of_others.chain(metadata.entries()).collect(),
        ..original
    };
    write_message(&model, &network, &tensors, out)
}

/// The operator sets of a network, the default one raised to where the memory begins.
fn raised(
    network: &proto::Graph,
    sets: &[proto::OperatorSet],
    opset: i64,
) -> Result<Vec<proto::OperatorSet>, OnnxError> {
    let changed = network.node.iter().find(|node| !UNCHANGED.contains(&node.op_type.as_str()));
    if let (..FIRST_OPSET, Some(node)) = (opset, changed) {
        let op = &node.op_type;
        return Err(OnnxError::Structure(format!(
            "operator set {opset} is too old for a memory, and {op} means something else in newer ones; expected {FIRST_OPSET} or newer, as onnx.version_converter makes it"
        )));
    }
    let raise = |set: &proto::OperatorSet| match is_default(&set.domain) {
        true => proto::OperatorSet { version: set.version.max(FIRST_OPSET), ..set.clone() },
        false => set.clone(),
    };
    Ok(sets.iter().map(raise).collect())
}

/// The names of the one input that is no tensor, and of the one output.
fn ends(graph: &proto::Graph) -> Result<(String, String), OnnxError> {
    let given = |value: &&proto::ValueInfo| graph.initializer.iter().all(|tensor| tensor.name != value.name);
    let inputs: Vec<&proto::ValueInfo> = graph.input.iter().filter(given).collect();
    match (&inputs[..], &graph.output[..]) {
        ([input], [output]) => Ok((input.name.clone(), output.name.clone())),
        (inputs, outputs) => Err(OnnxError::Structure(format!(
            "the network has {} inputs and {} outputs; a memory needs one of each",
            inputs.len(),
            outputs.len()
        ))),
    }
}

/// A memory lowers logits: what stands behind them would see other numbers.
fn refuse_tail(network: &foreign::Foreign) -> Result<(), OnnxError> {
    match network.notes.first() {
        Some(note) => Err(OnnxError::Structure(format!(
            "a memory needs the outputs in front of what is left out here: {note}; export the network without it"
        ))),
        None => Ok(()),
    }
}

/// The nodes of a file with a memory.
struct Split<'a> {
    network: &'a [proto::Node],
    memory: &'a [proto::Node],
}

/// Where the network ends and the memory begins; the nodes around it are those that
/// are written.
fn split<'a>(nodes: &'a [proto::Node], input: &str, output: &str) -> Result<Split<'a>, OnnxError> {
    let (before, behind) = joints(input, output);
    let end = nodes.len().checked_sub(behind.len()).ok_or_else(|| unlike("nodes are missing"))?;
    let (nodes, last) = nodes.split_at(end);
    if last != behind {
        return Err(unlike("its last nodes do not take what the memory says from the outputs"));
    }
    let first = nodes.iter().position(|node| *node == before[0]);
    let (network, memory) =
        nodes.split_at(first.ok_or_else(|| unlike("its memory does not read the input as rows"))?);
    let memory = &memory[before.len()..];
    let joined = named("network");
    let reads_memory = |node: &proto::Node| {
        node.input.iter().chain(&node.output).any(|name| is_memory(name) && *name != joined)
    };
    if network.iter().any(reads_memory) || !memory.iter().all(keeps_to_itself) {
        return Err(unlike("the network and its memory read from each other"));
    }
    Ok(Split { network, memory })
}

fn unlike(why: &str) -> OnnxError {
    OnnxError::Structure(format!("the network is none with a memory of indelible: {why}"))
}

/// Reads a network with a memory: both parts by their own readers, and nothing else in
/// the file.
pub(super) fn read(file: &proto::Graph, opset: i64) -> Result<Patched, OnnxError> {
    let (input, output) = ends(file)?;
    let parts = split(&file.node, &input, &output)?;
    let (mut tensors, of_network): (Vec<_>, Vec<_>) =
        file.initializer.iter().cloned().partition(|tensor| is_memory(&tensor.name));
    let mut take = |name: &str| {
        let place = tensors.iter().position(|tensor| tensor.name == named(name));
        place.map(|place| tensors.swap_remove(place)).ok_or_else(|| unlike(&format!("'{name}' is missing")))
    };
    let (shape, axis, lift) = (take("row_shape")?, take("of_scores")?, take("lift")?);
    let renamed = |value: &proto::ValueInfo| proto::ValueInfo { name: named("network"), ..value.clone() };
    let network = proto::Graph {
        node: parts.network.to_vec(),
        initializer: of_network,
        output: file.output.iter().map(renamed).collect(),
        name: String::new(),
        ..file.clone()
    };
    let network = foreign::read(&network, opset)?;
    refuse_tail(&network)?;
    let model = network.model;
    let (features, outputs, precision) = (model.inputs(), model.outputs(), model.precision());
    let rows_of = [-1, i64::try_from(features).unwrap_or(-1)];
    if dims(&shape)? != [2] || integers_of(&shape)? != rows_of {
        return Err(unlike("its memory takes rows of another length than its input has"));
    }
    if dims(&axis)? != [1] || integers_of(&axis)? != [1] {
        return Err(unlike("its scores are added up along another axis"));
    }
    let (lifts, format) = numbers(&lift)?;
    if dims(&lift)? != [1] || format != precision {
        return Err(unlike("what a score takes is not one number of its format"));
    }
    let memory = memory(parts.memory, tensors, (features, outputs, precision), opset)?;
    Patched::new(model, memory, lifts.first().copied().unwrap_or(0.0)).map_err(|e| unlike(&e.to_string()))
}

/// The memory of these nodes and tensors.
fn memory(
    nodes: &[proto::Node],
    tensors: Vec<proto::Tensor>,
    (features, outputs, precision): (usize, usize, Precision),
    opset: i64,
) -> Result<Model, OnnxError> {
    let of_balls = nodes.iter().any(|node| node.op_type == "Scan");
    let name =
        if of_balls { format!("{}.{}", prototypes::NAME, Schedule::Pipelined) } else { cells::NAME.into() };
    let graph = proto::Graph {
        node: nodes.to_vec(),
        name,
        initializer: tensors,
        input: vec![rows(&named("x"), float_type(precision), features)],
        output: vec![rows(&named("y"), float_type(precision), outputs)],
        ..Default::default()
    };
    if of_balls {
        return prototypes::read_sums(&graph, opset).map(Model::Prototypes);
    }
    cells::read(&graph, opset).map(Model::Cells)
}
