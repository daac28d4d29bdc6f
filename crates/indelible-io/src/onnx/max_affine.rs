//! The compact form of maxima of affine scores: one product with all rows.
//!
//! ```text
//! scores = Gemm(x, rowsᵀ, biases)
//! best_c = ReduceMax(Slice(scores, start_c, end_c))   per class c
//! y      = Relu(Concat(best_0, best_1, …))
//! ```
//!
//! Behind an origin `Relu(Sub(x, origin))` stands for `x`.

use std::io::Write;

use indelible::network::{MaxAffine, NetworkForm};

use super::{
    OnnxError, proto,
    tensors::{Tensors, all_nodes},
    write::{
        Heading, Initializer, Stored, decode, form_graph, int_attribute, integers, node, reduce_max,
        stored_rows, write_model,
    },
};

/// Name of the graph.
pub(super) const NAME: &str = "indelible.max_affine";

/// What the nodes depend on.
struct Description {
    stored: Stored,
    features: usize,
    classes: usize,
    /// Whether there is an origin.
    moved: bool,
}

/// The whole graph but for its tensors.
fn graph(form: &Description) -> proto::Graph {
    let mut nodes = vec![];
    if form.stored.coded {
        nodes.extend(decode("rows", "numbers"));
    }
    let rows = if form.stored.coded { "numbers" } else { "rows" };
    if form.moved {
        nodes.push(node("Sub", &["x", "origin"], "from_origin"));
        nodes.push(node("Relu", &["from_origin"], "moved"));
    }
    let read = if form.moved { "moved" } else { "x" };
    nodes.push(node("Gemm", &[read, rows, "biases"], "scores").with(int_attribute("transB", 1)));
    let mut best = vec![];
    for class in 0..form.classes {
        let (own, largest) = (format!("scores{class}"), format!("best{class}"));
        let (start, end) = (format!("start{class}"), format!("end{class}"));
        nodes.push(node("Slice", &["scores", &start, &end, "axis"], &own));
        nodes.push(reduce_max(&own, &largest));
        best.push(largest);
    }
    let best: Vec<&str> = best.iter().map(String::as_str).collect();
    nodes.push(node("Concat", &best, "best").with(int_attribute("axis", 1)));
    nodes.push(node("Relu", &["best"], "y"));
    form_graph(NAME.into(), nodes, form.stored.precision, form.features, form.classes)
}

/// Writes `scores`; the input `x` has shape `[batch, n]`, the output `y` shape
/// `[batch, classes]`.
///
/// # Errors
/// When a class has no row, the file would be larger than 2 GiB, or writing
/// fails.
pub(super) fn write(scores: &MaxAffine, heading: Heading<'_>, out: &mut dyn Write) -> Result<(), OnnxError> {
    let (n, precision, count) = (scores.inputs(), scores.precision(), scores.biases().len());
    let mut tensors = vec![];
    let stored = stored_rows("rows", scores.rows(), [count, n], precision, &mut tensors);
    tensors.push(Initializer::numbers("biases", &[count], precision, scores.biases()));
    tensors.push(integers("axis", &[1], vec![1]));
    if let Some(origin) = scores.origin() {
        tensors.push(Initializer::numbers("origin", &[n], precision, origin));
    }
    for class in 0..scores.classes() {
        let range = scores.class_rows(class);
        if range.is_empty() {
            return Err(OnnxError::Structure(format!(
                "class {class} has no sample, which the compact form cannot say; use the dense form"
            )));
        }
        tensors.push(integers(format!("start{class}"), &[1], vec![range.start]));
        tensors.push(integers(format!("end{class}"), &[1], vec![range.end]));
    }
    let moved = scores.origin().is_some();
    let form = Description { stored, features: n, classes: scores.classes(), moved };
    write_model(graph(&form), tensors, heading, out)
}

/// Reads maxima of scores, or says where the file differs from them.
pub(super) fn read(file: &proto::Graph, opset: i64) -> Result<MaxAffine, OnnxError> {
    let classes = all_nodes(file).filter(|node| node.op_type == "Slice").count();
    let moved = all_nodes(file).any(|node| node.op_type == "Sub");
    let any = Description { stored: Stored::of(file), features: 0, classes, moved };
    let (mut tensors, any) = Tensors::new("compact network of scores", file, (opset, 13..=17), [any], graph)?;
    let n = tensors.features()?;
    let count = tensors.length("biases")?;
    let biases = tensors.numbers("biases", &[count])?;
    let rows = tensors.rows("rows", [count, n], any.stored.coded)?;
    let origin = any.moved.then(|| tensors.numbers("origin", &[n])).transpose()?;
    tensors.fixed("axis", &[1], [1])?;
    let mut ends = vec![];
    for class in 0..classes {
        let from = tensors.below(&format!("start{class}"), &[1], usize::MAX)?;
        let to = tensors.below(&format!("end{class}"), &[1], usize::MAX)?;
        match (&from[..], &to[..]) {
            (&[from], &[to]) if from == ends.last().copied().unwrap_or(0) && from < to => ends.push(to),
            _ => return Err(tensors.unlike(&format!("class {class} does not continue the one before"))),
        }
    }
    let stored = Stored { precision: tensors.precision(), ..any.stored };
    tensors.finish(&graph(&Description { stored, features: n, ..any }))?;
    let scores = MaxAffine::new(tensors.precision(), n, rows, biases, ends);
    let scores = match origin {
        Some(origin) => scores.and_then(|scores| scores.with_origin(origin)),
        None => scores,
    };
    scores.map_err(|e| tensors.unlike(&e.to_string()))
}
