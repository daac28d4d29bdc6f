//! Directions in front of a network: a Gemm and a Relu each, of which the network
//! behind knows nothing.
//!
//! ```text
//! directions.a0 = Gemm(x, directions.W0ᵀ, directions.b0)
//! directions.z0 = Relu(directions.a0)
//! ```
//!
//! and a second pair that reads the first, where directions lie among few. Behind
//! them stands a network as it is written without directions, which reads the last of
//! these values for `x`.

use std::borrow::Cow;

use indelible::network::{Layer, LayerBuilder};

use super::{
    OnnxError,
    graph::{dims, numbers},
    proto,
    scaled::rename,
    tensors::declared_precision,
    write::{Initializer, float_type, int_attribute, node, rows, write_matrix},
};

/// What the name of the graph begins with; the name without directions follows.
const PREFIX: &str = "projected.";
/// What the names of all values and tensors begin with.
const OWN: &str = "directions.";
/// Layers of directions, at most.
const MOST: usize = 2;

fn named(what: char, index: usize) -> String {
    format!("{OWN}{what}{index}")
}

/// The nodes of so many layers.
fn nodes(count: usize) -> Vec<proto::Node> {
    (0..count)
        .flat_map(|index| {
            let read = index.checked_sub(1).map_or("x".into(), |before| named('z', before));
            let (sum, weights, biases) = (named('a', index), named('W', index), named('b', index));
            [
                node("Gemm", &[&read, &weights, &biases], &sum).with(int_attribute("transB", 1)),
                node("Relu", &[&sum], &named('z', index)),
            ]
        })
        .collect()
}

/// Puts directions in front of a graph that is to be written.
pub(super) fn put_in_front(graph: &mut proto::Graph, layers: &[Layer]) {
    let Some((first, last)) = layers.first().zip(layers.len().checked_sub(1)) else { return };
    rename(graph, "x", &named('z', last));
    graph.node.splice(0..0, nodes(layers.len()));
    graph.input = vec![rows("x", float_type(declared_precision(graph)), first.inputs())];
    graph.name.insert_str(0, PREFIX);
}

/// The tensors of directions, in the format of `graph`.
pub(super) fn tensors<'a>(graph: &proto::Graph, layers: &'a [Layer]) -> Vec<Initializer<'a>> {
    let precision = declared_precision(graph);
    let both = |(index, layer): (usize, &'a Layer)| {
        let shape = [layer.outputs(), layer.inputs()];
        [
            Initializer::new(named('W', index), &shape, float_type(precision), move |out| {
                write_matrix(out, precision, layer)
            }),
            Initializer::numbers(named('b', index), &shape[..1], precision, Cow::Borrowed(layer.biases())),
        ]
    };
    layers.iter().enumerate().flat_map(both).collect()
}

/// Takes directions off a graph whose name says that it has some; none where it has
/// none.
///
/// # Errors
/// When there are none in front of it, or anything behind them reads what comes
/// before.
pub(super) fn take_off(graph: &mut proto::Graph) -> Result<Vec<Layer>, OnnxError> {
    let Some(name) = graph.name.strip_prefix(PREFIX) else { return Ok(vec![]) };
    graph.name = name.to_owned();
    let unlike =
        |why: &str| OnnxError::Structure(format!("the directions are not as indelible writes them: {why}"));
    let begins = |count: &usize| graph.node.get(..2 * count) == Some(&nodes(*count)[..]);
    let count =
        (1..=MOST).rev().find(begins).ok_or_else(|| unlike("it does not begin with Gemm and Relu"))?;
    graph.node.drain(..2 * count);
    let precision = declared_precision(graph);
    let mut take = |name: String| {
        let at = graph.initializer.iter().position(|tensor| tensor.name == name);
        let tensor =
            at.map(|at| graph.initializer.remove(at)).ok_or_else(|| unlike("a tensor is missing"))?;
        let (values, own) = numbers(&tensor)?;
        let holds = own == precision && values.iter().all(|v| precision.holds(*v));
        let format = || unlike("its numbers are of another format than the input");
        holds.then_some(()).ok_or_else(format)?;
        Ok::<_, OnnxError>((dims(&tensor)?, values))
    };
    let mut layers: Vec<Layer> = vec![];
    for index in 0..count {
        let ((shape, weights), (length, biases)) = (take(named('W', index))?, take(named('b', index))?);
        let [m, n] = shape[..] else { return Err(unlike("the weights are no matrix")) };
        let fits = layers.last().is_none_or(|before| before.outputs() == n);
        if length != [m] || m == 0 || n == 0 || !fits {
            return Err(unlike("its tensors do not belong together"));
        }
        let mut layer = LayerBuilder::new(n);
        for (row, &bias) in weights.chunks_exact(n).zip(&biases) {
            for (column, &weight) in row.iter().enumerate() {
                layer.weight(column, weight);
            }
            layer.bias(bias);
        }
        layers.push(layer.finish());
    }
    let last = named('z', count - 1);
    if knows_before(graph, true, &last) {
        return Err(unlike("the network behind them knows what comes before"));
    }
    let (Some(first), Some(end)) = (layers.first(), layers.last()) else { return Ok(layers) };
    let float = float_type(precision);
    if graph.input != [rows("x", float, first.inputs())] {
        return Err(unlike("the input is not declared as [batch, features]"));
    }
    graph.input = vec![rows("x", float, end.outputs())];
    rename(graph, &last, "x");
    Ok(layers)
}

/// Whether a graph or one in it names anything of the directions or in front of them,
/// but for nodes that read `last` and, in the outermost graph, the input.
fn knows_before(graph: &proto::Graph, outermost: bool, last: &str) -> bool {
    let made = |name: &String| name == "x" || name.starts_with(OWN);
    let declared = graph.input.iter().skip(usize::from(outermost)).chain(&graph.output);
    declared.map(|value| &value.name).chain(graph.initializer.iter().map(|t| &t.name)).any(made)
        || graph.node.iter().any(|node| {
            let mut bodies = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
            node.input.iter().any(|name| name != last && made(name))
                || node.output.iter().any(made)
                || bodies.any(|body| knows_before(body, false, last))
        })
}
