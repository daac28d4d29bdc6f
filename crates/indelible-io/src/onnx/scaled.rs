//! The map of the features in front of a network: two nodes of which the network
//! behind knows nothing.
//!
//! ```text
//! scaling.moved = Sub(x, scaling.offsets)
//! scaling.x     = Mul(scaling.moved, scaling.factors)
//! ```
//!
//! Behind them stands a network as it is written without a map, which reads
//! `scaling.x` for `x`.

use indelible::network::Scaling;

use super::{
    OnnxError,
    graph::numbers,
    proto,
    tensors::{declared_features, declared_precision},
    write::{Initializer, node},
};

/// What the name of the graph begins with; the name without a map follows.
const PREFIX: &str = "scaled.";

const OFFSETS: &str = "scaling.offsets";
const FACTORS: &str = "scaling.factors";
const MOVED: &str = "scaling.moved";
const SCALED: &str = "scaling.x";

/// The two nodes of the map.
fn nodes() -> [proto::Node; 2] {
    [node("Sub", &["x", OFFSETS], MOVED), node("Mul", &[MOVED, FACTORS], SCALED)]
}

/// Puts the map in front of a graph that is to be written.
pub(super) fn put_in_front(graph: &mut proto::Graph) {
    rename(graph, "x", SCALED);
    graph.node.splice(0..0, nodes());
    graph.name.insert_str(0, PREFIX);
}

/// The tensors of the map, in the format of `graph`.
pub(super) fn tensors<'a>(graph: &proto::Graph, scaling: &'a Scaling) -> [Initializer<'a>; 2] {
    let (precision, shape) = (declared_precision(graph), [scaling.features()]);
    [
        Initializer::numbers(OFFSETS, &shape, precision, scaling.offsets()),
        Initializer::numbers(FACTORS, &shape, precision, scaling.factors()),
    ]
}

/// Takes the map off a graph whose name says that it has one.
///
/// # Errors
/// When there is none in front of it, or anything behind it reads what comes
/// before.
pub(super) fn take_off(graph: &mut proto::Graph) -> Result<Option<Scaling>, OnnxError> {
    let Some(name) = graph.name.strip_prefix(PREFIX) else { return Ok(None) };
    graph.name = name.to_owned();
    let unlike = |why: &str| {
        OnnxError::Structure(format!("the map of the features is not as indelible writes it: {why}"))
    };
    if graph.node.get(..2) != Some(&nodes()[..]) {
        return Err(unlike("it does not begin with Sub and Mul"));
    }
    graph.node.drain(..2);
    let mut take = |name: &str| {
        let at = graph.initializer.iter().position(|tensor| tensor.name == name);
        let tensor =
            at.map(|at| graph.initializer.remove(at)).ok_or_else(|| unlike("a tensor is missing"))?;
        match numbers(&tensor)? {
            (values, precision) if tensor.dims.len() == 1 && values.iter().all(|v| precision.holds(*v)) => {
                Ok((values, precision))
            }
            _ => Err(unlike("a tensor is no vector")),
        }
    };
    let ((offsets, first), (factors, second)) = (take(OFFSETS)?, take(FACTORS)?);
    if knows_before(graph, true) {
        return Err(unlike("the network behind it knows what comes before"));
    }
    if first != second || first != declared_precision(graph) {
        return Err(unlike("its numbers are of another format than the input"));
    }
    // A row of any other shape would be stretched to something else.
    if declared_features(graph) != Some(offsets.len()) {
        return Err(unlike("the input is no row of as many features"));
    }
    rename(graph, SCALED, "x");
    Scaling::new(offsets, factors).map(Some).map_err(|e| unlike(&e.to_string()))
}

/// Whether a graph or one in it names anything of the map or in front of it, but
/// for nodes that read its result and, in the outermost graph, the input.
fn knows_before(graph: &proto::Graph, outermost: bool) -> bool {
    let before = |name: &String| ["x", OFFSETS, FACTORS, MOVED].contains(&name.as_str());
    let made = |name: &String| before(name) || name == SCALED;
    let declared = graph.input.iter().skip(usize::from(outermost)).chain(&graph.output);
    declared.map(|value| &value.name).chain(graph.initializer.iter().map(|t| &t.name)).any(made)
        || graph.node.iter().any(|node| {
            let mut bodies = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
            node.input.iter().any(before)
                || node.output.iter().any(made)
                || bodies.any(|body| knows_before(body, false))
        })
}

/// Has every node read `to` for `from`.
pub(super) fn rename(graph: &mut proto::Graph, from: &str, to: &str) {
    for node in &mut graph.node {
        for input in node.input.iter_mut().filter(|input| *input == from) {
            to.clone_into(input);
        }
        for body in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
            rename(body, from, to);
        }
    }
}
