//! Layers written with other operators than one Gemm each, which compute the same:
//! for software that is to meet such files.

use std::io::Write;

use indelible::{
    Error, Precision,
    network::{Layer, Network, StoredNetwork},
};

use super::{
    Metadata, OnnxError,
    proto::{self, attribute_type},
    write::{
        Heading, Initializer, float_type, form_graph, int_attribute, node, push_layer, push_weights,
        signed_integers, write_matrix, write_model, write_numbers,
    },
};

/// Writes `network` with one convolution per layer. In turns, a layer is a kernel as
/// wide as the row that it reads, one channel per neuron, and a kernel of one pixel
/// over the channels that come in.
///
/// The input `x` has shape `[batch, n]`, the output `y` shape `[batch, outputs]`.
/// Memory: one layer.
///
/// # Errors
/// When the file would be larger than 2 GiB, or writing fails.
pub fn write_convolutions(
    network: &dyn Network,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (depth, precision) = (network.depth(), network.precision());
    let (mut nodes, mut tensors) = (vec![], vec![]);
    let mut value = "x".to_string();
    for index in 0..depth {
        let layer = network.layer(index);
        let (neurons, reads) = (layer.outputs(), layer.inputs());
        let is_wide = index % 2 == 0;
        if is_wide {
            let (shape, row) = (format!("shape{index}"), format!("row{index}"));
            // The first dimension is that of the batch.
            tensors.push(signed_integers(&*shape, vec![-1, 1, 1, i64::try_from(reads).unwrap_or(i64::MAX)]));
            nodes.push(node("Reshape", &[&value, &shape], &row));
            value = row;
        }
        let kernel = if is_wide { [neurons, 1, 1, reads] } else { [neurons, reads, 1, 1] };
        let [weights, biases, sum] = ["W", "b", "a"].map(|name| format!("{name}{index}"));
        let width = if is_wide { reads } else { 1 };
        nodes.push(node("Conv", &[&value, &weights, &biases], &sum).with(kernel_shape(width)));
        let float = float_type(precision);
        tensors.push(Initializer::new(weights, &kernel, float, move |out| {
            write_matrix(out, precision, &network.layer(index))
        }));
        tensors.push(Initializer::new(biases, &kernel[..1], float, move |out| {
            write_numbers(out, precision, network.layer(index).biases().iter().copied())
        }));
        value = sum;
        if index + 1 < depth {
            let active = format!("h{index}");
            nodes.push(node("Relu", &[&value], &active));
            value = active;
        }
    }
    nodes.push(node("Flatten", &[&value], "y").with(int_attribute("axis", 1)));
    write(nodes, tensors, network, metadata, out)
}

/// A kernel of one row.
fn kernel_shape(width: usize) -> proto::Attribute {
    let ints = vec![1, i64::try_from(width).unwrap_or(i64::MAX)];
    proto::Attribute { name: "kernel_shape".into(), ints, r#type: attribute_type::INTS, ..Default::default() }
}

/// A residual block: `h ↦ h + V relu(U h + c) + d`.
#[derive(Clone, Debug)]
pub struct ResidualBlock {
    /// `U` and `c`.
    pub inner: Layer,
    /// `V` and `d`.
    pub outer: Layer,
}

/// Writes `network` with a residual block behind the ReLU of each hidden layer, where
/// one is given; `blocks` has one entry per hidden layer.
///
/// The input `x` has shape `[batch, n]`, the output `y` shape `[batch, outputs]`.
/// Memory: one layer.
///
/// # Errors
/// [`OnnxError::Structure`] when there is another number of entries, or a block has
/// another width than what it reads, or numbers that the format does not hold; when the
/// file would be larger than 2 GiB, or writing fails.
pub fn write_residual(
    network: &StoredNetwork,
    blocks: &[Option<ResidualBlock>],
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let layers = network.layers();
    if blocks.len() + 1 != layers.len() {
        let (given, hidden) = (blocks.len(), layers.len() - 1);
        return Err(OnnxError::Structure(format!(
            "{given} residual blocks; expected one entry for each of {hidden} hidden layers"
        )));
    }
    let precision = network.precision();
    let (mut nodes, mut tensors, mut value) = (vec![], vec![], "x".to_string());
    // Every product has a number of its own, which is never that of the last one.
    let mut index = 0;
    for (layer, block) in layers.iter().zip(blocks) {
        value = push_layer(&mut nodes, &value, index, usize::MAX);
        push_borrowed(&mut tensors, index, precision, layer);
        index += 1;
        let Some(ResidualBlock { inner, outer }) = block else { continue };
        fits(layer.outputs(), inner, outer, precision)?;
        let active = push_layer(&mut nodes, &value, index, usize::MAX);
        push_borrowed(&mut tensors, index, precision, inner);
        index += 1;
        let (weights, biases, sum, joined) =
            (format!("W{index}"), format!("b{index}"), format!("a{index}"), format!("s{index}"));
        nodes.push(node("Gemm", &[&active, &weights, &biases], &sum).with(int_attribute("transB", 1)));
        nodes.push(node("Add", &[&value, &sum], &joined));
        push_borrowed(&mut tensors, index, precision, outer);
        index += 1;
        value = joined;
    }
    if let Some(last) = layers.last() {
        push_layer(&mut nodes, &value, index, index + 1);
        push_borrowed(&mut tensors, index, precision, last);
    }
    write(nodes, tensors, network, metadata, out)
}

fn push_borrowed<'a>(
    tensors: &mut Vec<Initializer<'a>>,
    index: usize,
    precision: Precision,
    layer: &'a Layer,
) {
    push_weights(tensors, index, precision, move || std::borrow::Cow::Borrowed(layer));
}

/// Whether a block fits behind `width` values, and the format holds its numbers.
fn fits(width: usize, inner: &Layer, outer: &Layer, precision: Precision) -> Result<(), OnnxError> {
    let bad = |why: String| OnnxError::Structure(format!("a residual block: {why}"));
    StoredNetwork::new(precision, vec![inner.clone(), outer.clone()])
        .map_err(|e: Error| bad(e.to_string()))?;
    if inner.inputs() == width && outer.outputs() == width {
        return Ok(());
    }
    Err(bad(format!(
        "reads {} values and gives {}; expected {width} of both",
        inner.inputs(),
        outer.outputs()
    )))
}

fn write<'a>(
    nodes: Vec<proto::Node>,
    tensors: Vec<Initializer<'a>>,
    network: &dyn Network,
    metadata: &'a Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let graph =
        form_graph("indelible".into(), nodes, network.precision(), network.inputs(), network.outputs());
    write_model(graph, tensors, Heading { metadata, scaling: None, directions: &[] }, out)
}
