//! The compact form of a network of cells: gathers instead of sparse matrices.
//!
//! ```text
//! p   = Relu(Gemm(x, dimensionsᵀ, shifts))                     only with two layers of directions; else x
//! z   = Relu(Gemm(p, directionsᵀ, biases))                     only with directions; else x
//! v   = Relu(signs · (Gather(zᵀ, features) − thresholds))      one row per constraint
//! I_i = Relu(1 − scales_i · ReduceSum(Gather(v, members_i)))   per group i of cells
//! s   = Σ_i (ids == classes_i) I_i                             one row per class
//! ```
//!
//! Cells with equally many constraints form groups, so nothing is padded, and
//! a group has at most [`GROUP`] constraints in all, which bounds what lies in
//! memory at once: about `batch · (n + 3T + 2·GROUP)` numbers. All rows run
//! along the batch, so that gathering copies whole rows.

use indelible::{
    Precision,
    network::{Cell, CellNetwork, Constraint, Head, Layer, LayerBuilder, Network, Side},
};

use super::{
    OnnxError, proto,
    tensors::{Tensors, declared_precision},
    write::{
        Heading, Initializer, float_type, form_graph, int_attribute, integers, node, write_matrix,
        write_model,
    },
};

/// Name of the graph, by which the form is recognised.
pub(super) const NAME: &str = "indelible.cells";
/// Weights and biases of the layers of directions, the last first.
const LAYERS: [[&str; 2]; 2] = [["directions", "biases"], ["dimensions", "shifts"]];
/// Constraints of a group of cells at most, if it has more than one cell.
const GROUP: usize = 4096;

/// Writes `network`; the input `x` has shape `[batch, n]`, the output `y`
/// shape `[batch, outputs]`.
///
/// # Errors
/// When the file would be larger than 2 GiB, or writing fails.
pub(super) fn write(
    network: &CellNetwork,
    heading: Heading<'_>,
    out: &mut dyn std::io::Write,
) -> Result<(), OnnxError> {
    let (graph, tensors) = parts(network);
    write_model(graph, tensors, heading, out)
}

/// The graph and its tensors.
pub(super) fn parts(network: &CellNetwork) -> (proto::Graph, Vec<Initializer<'_>>) {
    let precision = network.precision();
    let groups = groups(network);
    let described = Described {
        precision,
        classes: network.classes(),
        head: network.head(),
        groups: groups.len(),
        directions: network.directions().len(),
    };
    let graph = graph(&described, network.inputs());
    let constraints = network.constraints();
    let count = constraints.len();
    let column = |name, number: fn(&Constraint) -> f64| {
        Initializer::numbers(name, &[count, 1], precision, constraints.iter().map(number).collect::<Vec<_>>())
    };
    let mut tensors = vec![
        integers("features", &[count], constraints.iter().map(|c| c.feature).collect()),
        column("thresholds", |constraint| constraint.threshold),
        column("signs", |constraint| sign(constraint.side)),
        Initializer::numbers("one", &[1], precision, vec![1.0]),
        integers("axis", &[1], vec![0]),
        integers("ids", &[network.classes(), 1], (0..network.classes()).collect()),
    ];
    for (layer, names) in network.directions().iter().rev().zip(LAYERS) {
        tensors.extend(of_directions(layer, names, precision));
    }
    for (i, cells) in groups.iter().enumerate() {
        let (size, width) = (cells.len(), network.members_of(cells.start).len());
        let members =
            (0..width).flat_map(|j| cells.clone().map(move |k| network.members_of(k)[j] as usize)).collect();
        let classes = network.classes_of_cells()[cells.clone()].to_vec();
        tensors.push(integers(format!("members_{i}"), &[width, size], members));
        let scales = &network.scales()[cells.clone()];
        tensors.push(Initializer::numbers(format!("scales_{i}"), &[size, 1], precision, scales));
        tensors.push(integers(format!("classes_{i}"), &[1, size], classes));
    }
    if network.head() == Head::Scalar {
        let shape = [1, network.classes()];
        tensors.push(Initializer::numbers("numbers", &shape, precision, numbers(network.classes())));
    }
    (graph, tensors)
}

/// Runs of cells with equally many constraints, together at most [`GROUP`].
fn groups(network: &CellNetwork) -> Vec<std::ops::Range<usize>> {
    let mut groups: Vec<std::ops::Range<usize>> = Vec::new();
    for k in 0..network.cells() {
        let width = network.members_of(k).len();
        match groups.last_mut() {
            Some(last)
                if network.members_of(last.start).len() == width && (last.len() + 1) * width <= GROUP =>
            {
                last.end = k + 1;
            }
            _ => groups.push(k..k + 1),
        }
    }
    groups
}

/// The classes as numbers.
fn numbers(classes: usize) -> Vec<f64> {
    (1..=classes).map(|class| class as f64).collect()
}

fn sign(side: Side) -> f64 {
    match side {
        Side::AtLeast => -1.0,
        Side::AtMost => 1.0,
    }
}

/// A layer of directions, as a matrix of one row each and a vector of biases.
fn of_directions<'a>(
    layer: &'a Layer,
    [weights, biases]: [&'static str; 2],
    precision: Precision,
) -> [Initializer<'a>; 2] {
    let shape = [layer.outputs(), layer.inputs()];
    let matrix = Initializer::new(weights, &shape, float_type(precision), move |out| {
        write_matrix(out, precision, layer)
    });
    [matrix, Initializer::numbers(biases, &shape[..1], precision, layer.biases())]
}

/// What the nodes depend on.
#[derive(Clone, Copy)]
struct Described {
    precision: Precision,
    classes: usize,
    head: Head,
    groups: usize,
    /// Layers of directions, at most two.
    directions: usize,
}

/// The whole graph of `n` features but for its tensors.
fn graph(&Described { precision, classes, head, groups, directions }: &Described, n: usize) -> proto::Graph {
    let mut nodes = vec![];
    if directions > 1 {
        nodes.push(node("Gemm", &["x", "dimensions", "shifts"], "shadows").with(int_attribute("transB", 1)));
        nodes.push(node("Relu", &["shadows"], "place"));
    }
    if directions > 0 {
        let from = if directions > 1 { "place" } else { "x" };
        nodes.push(node("Gemm", &[from, "directions", "biases"], "images").with(int_attribute("transB", 1)));
        nodes.push(node("Relu", &["images"], "coordinates"));
    }
    nodes.extend([
        node("Transpose", &[if directions > 0 { "coordinates" } else { "x" }], "columns"),
        node("Gather", &["columns", "features"], "values"),
        node("Sub", &["values", "thresholds"], "differences"),
        node("Mul", &["differences", "signs"], "excesses"),
        node("Relu", &["excesses"], "violations"),
    ]);
    for i in 0..groups {
        let name = |s: &str| format!("{s}_{i}");
        nodes.extend([
            node("Gather", &["violations", &name("members")], &name("gathered")),
            node("ReduceSum", &[&name("gathered"), "axis"], &name("total"))
                .with(int_attribute("keepdims", 0)),
            node("Mul", &[&name("scales"), &name("total")], &name("penalty")),
            node("Sub", &["one", &name("penalty")], &name("level")),
            node("Relu", &[&name("level")], &name("indicator")),
            node("Equal", &["ids", &name("classes")], &name("same")),
            node("Cast", &[&name("same")], &name("belongs")).with(int_attribute("to", float_type(precision))),
            node("MatMul", &[&name("belongs"), &name("indicator")], &name("part")),
        ]);
        if i > 0 {
            let before = if i == 1 { "part_0".into() } else { format!("score_{}", i - 1) };
            nodes.push(node("Add", &[&before, &name("part")], &name("score")));
        }
    }
    let mut last = if groups == 1 { "part_0".to_string() } else { format!("score_{}", groups.max(1) - 1) };
    if head == Head::Scalar {
        nodes.extend([
            node("Sub", &["one", &last], "missing"),
            node("Relu", &["missing"], "absent"),
            node("Sub", &["one", "absent"], "present"),
            node("Relu", &["present"], "cut"),
            node("MatMul", &["numbers", "cut"], "label"),
        ]);
        last = "label".into();
    }
    nodes.push(node("Transpose", &[&last], "y"));
    let outputs = if head == Head::Scalar { 1 } else { classes };
    form_graph(NAME.into(), nodes, precision, n, outputs)
}

/// Reads a network of cells, or says where the file differs from one.
pub(super) fn read(file: &proto::Graph, opset: i64) -> Result<CellNetwork, OnnxError> {
    let groups = file.node.iter().filter(|node| node.op_type == "Equal").count();
    let directions = file.node.iter().filter(|node| node.op_type == "Gemm").count();
    let precision = declared_precision(file);
    let described = [Head::Logits, Head::Scalar].map(|head| Described {
        precision,
        classes: 0,
        head,
        groups,
        directions,
    });
    let nodes = |described: &Described| graph(described, 0);
    let (mut tensors, described) =
        Tensors::new("compact network of cells", file, (opset, 13..=25), described, nodes)?;
    let head = described.head;
    let features = tensors.features()?;
    let (mut layers, mut n) = (vec![], features);
    for names in LAYERS[..directions.min(LAYERS.len())].iter().rev() {
        let layer = read_directions(&mut tensors, *names, n)?;
        n = layer.outputs();
        layers.push(layer);
    }
    let [classes, _] = tensors.shape("ids")?;
    let [count, _] = tensors.shape("thresholds")?;
    tensors.fixed("ids", &[classes, 1], 0..classes)?;
    tensors.fixed("axis", &[1], [0])?;
    tensors.fixed_numbers("one", &[1], [1.0])?;
    let constraints = read_constraints(&mut tensors, count, n)?;
    let cells = read_cells(&mut tensors, &constraints, classes, groups)?;
    if head == Head::Scalar {
        tensors.fixed_numbers("numbers", &[1, classes], numbers(classes))?;
    }
    let precision = tensors.precision();
    tensors.finish(&graph(&Described { precision, classes, ..described }, features))?;
    // A cell that names both copies counts the violation twice.
    if CellNetwork::has_equal(&constraints) {
        return Err(tensors.unlike("a constraint is there twice"));
    }
    CellNetwork::new(precision, n, classes, head, &cells)
        .and_then(|cells| if layers.is_empty() { Ok(cells) } else { cells.with_directions(layers) })
        .map_err(|e| tensors.unlike(&e.to_string()))
}

/// A layer of directions that reads `n` numbers.
fn read_directions(
    tensors: &mut Tensors<'_>,
    [weights, biases]: [&'static str; 2],
    n: usize,
) -> Result<Layer, OnnxError> {
    let count = tensors.length(biases)?;
    let weights = tensors.numbers(weights, &[count, n])?;
    let biases = tensors.numbers(biases, &[count])?;
    let mut layer = LayerBuilder::new(n);
    for (row, bias) in weights.chunks_exact(n.max(1)).zip(biases) {
        for (feature, &weight) in row.iter().enumerate() {
            layer.weight(feature, weight);
        }
        layer.bias(bias);
    }
    Ok(layer.finish())
}

/// `count` constraints on `n` features, or directions.
fn read_constraints(tensors: &mut Tensors<'_>, count: usize, n: usize) -> Result<Vec<Constraint>, OnnxError> {
    let features = tensors.below("features", &[count], n)?;
    let thresholds = tensors.numbers("thresholds", &[count, 1])?;
    let signs = tensors.numbers("signs", &[count, 1])?;
    (features.iter().zip(thresholds).zip(signs))
        .map(|((&feature, threshold), sign)| {
            let side = [Side::AtLeast, Side::AtMost].into_iter().find(|s| self::sign(*s) == sign)?;
            Some(Constraint { feature, side, threshold })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| tensors.unlike("a sign is neither 1 nor -1"))
}

/// The cells of so many groups.
fn read_cells(
    tensors: &mut Tensors<'_>,
    constraints: &[Constraint],
    classes: usize,
    groups: usize,
) -> Result<Vec<Cell>, OnnxError> {
    let mut cells = Vec::new();
    for group in 0..groups {
        let [width, size] = tensors.shape(&format!("members_{group}"))?;
        let members = tensors.below(&format!("members_{group}"), &[width, size], constraints.len())?;
        let scales = tensors.numbers(&format!("scales_{group}"), &[size, 1])?;
        let of_cells = tensors.below(&format!("classes_{group}"), &[1, size], classes)?;
        for (k, (&scale, &class)) in scales.iter().zip(&of_cells).enumerate() {
            let members: Vec<usize> = (0..width).map(|j| members[j * size + k]).collect();
            if !members.windows(2).all(|pair| pair[0] < pair[1]) {
                return Err(tensors.unlike("a cell has its constraints twice or out of order"));
            }
            cells.push(Cell { class, scale, constraints: members.iter().map(|&t| constraints[t]).collect() });
        }
    }
    Ok(cells)
}
