//! The compact form of a network of cells: gathers instead of sparse matrices.
//!
//! ```text
//! v   = Relu(signs · (Gather(xᵀ, features) − thresholds))      one row per constraint
//! I_i = Relu(1 − scales_i · ReduceSum(Gather(v, members_i)))   per group i of cells
//! s   = Σ_i (ids == classes_i) I_i                             one row per class
//! ```
//!
//! Cells with equally many constraints form groups, so nothing is padded, and
//! a group has at most [`GROUP`] constraints in all, which bounds what lies in
//! memory at once: about `batch · (n + 3T + 2·GROUP)` numbers. All rows run
//! along the batch, so that gathering copies whole rows.
//!
//! Reading takes the tensors by name, makes the graph anew and compares: what
//! is not exactly this form is refused.

use indelible::{
    Precision,
    network::{Cell, CellNetwork, Constraint, Head, Network, Side},
};

use super::{
    Metadata, OnnxError,
    graph::{dims, integers, numbers},
    proto::{self, data_type},
    write::{Initializer, float_type, int_attribute, matrix, node, write_model},
};

/// Name of the graph, by which the form is recognised.
pub(super) const NAME: &str = "indelible.cells";
/// Constraints of a group of cells at most, if it has more than one cell.
const GROUP: usize = 4096;
/// Features that a file may declare, so that sizes can be multiplied.
const MOST_FEATURES: usize = 1 << 31;

/// Writes `network`; the input `x` has shape `[batch, n]`, the output `y`
/// shape `[batch, outputs]`.
///
/// # Errors
/// When the file would be larger than 2 GiB, or writing fails.
pub(super) fn write(
    network: &CellNetwork,
    metadata: &Metadata,
    out: &mut dyn std::io::Write,
) -> Result<(), OnnxError> {
    let precision = network.precision();
    let groups = groups(network);
    let graph = graph(precision, network.inputs(), network.classes(), network.head(), groups.len());
    let constraints = network.constraints();
    let thresholds: Vec<f64> = constraints.iter().map(|c| c.threshold).collect();
    let signs: Vec<f64> = constraints.iter().map(|c| sign(c.side)).collect();
    let names: Vec<f64> = (1..=network.classes()).map(|c| c as f64).collect();
    let count = constraints.len();
    let mut tensors = vec![
        whole("features", &[count], constraints.iter().map(|c| c.feature).collect()),
        Initializer::numbers("thresholds", &[count, 1], precision, &thresholds),
        Initializer::numbers("signs", &[count, 1], precision, &signs),
        Initializer::numbers("one", &[1], precision, &[1.0]),
        whole("axis", &[1], vec![0]),
        whole("ids", &[network.classes(), 1], (0..network.classes()).collect()),
    ];
    for (i, cells) in groups.iter().enumerate() {
        let (size, width) = (cells.len(), network.members_of(cells.start).len());
        let members =
            (0..width).flat_map(|j| cells.clone().map(move |k| network.members_of(k)[j] as usize)).collect();
        let classes = network.classes_of_cells()[cells.clone()].to_vec();
        tensors.push(whole(format!("members_{i}"), &[width, size], members));
        tensors.push(Initializer::numbers(
            format!("scales_{i}"),
            &[size, 1],
            precision,
            &network.scales()[cells.clone()],
        ));
        tensors.push(whole(format!("classes_{i}"), &[1, size], classes));
    }
    if network.head() == Head::Scalar {
        tensors.push(Initializer::numbers("numbers", &[1, network.classes()], precision, &names));
    }
    write_model(graph, &tensors, metadata, out)
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

fn sign(side: Side) -> f64 {
    match side {
        Side::AtLeast => -1.0,
        Side::AtMost => 1.0,
    }
}

/// A tensor of integers.
fn whole<'a>(name: impl Into<String>, dims: &[usize], values: Vec<usize>) -> Initializer<'a> {
    Initializer::new(
        name,
        dims,
        data_type::INT64,
        Box::new(move |out| {
            let bytes: Vec<u8> = values.iter().flat_map(|&v| (v as i64).to_le_bytes()).collect();
            out.write_all(&bytes)
        }),
    )
}

/// The whole graph but for its tensors.
fn graph(precision: Precision, n: usize, classes: usize, head: Head, groups: usize) -> proto::Graph {
    let mut nodes = vec![
        node("Transpose", &["x"], "columns"),
        node("Gather", &["columns", "features"], "values"),
        node("Sub", &["values", "thresholds"], "differences"),
        node("Mul", &["differences", "signs"], "excesses"),
        node("Relu", &["excesses"], "violations"),
    ];
    for i in 0..groups {
        let name = |s: &str| format!("{s}_{i}");
        let mut sum = node("ReduceSum", &[&name("gathered"), "axis"], &name("total"));
        sum.attribute.push(int_attribute("keepdims", 0));
        let mut cast = node("Cast", &[&name("same")], &name("belongs"));
        cast.attribute.push(int_attribute("to", i64::from(float_type(precision))));
        nodes.extend([
            node("Gather", &["violations", &name("members")], &name("gathered")),
            sum,
            node("Mul", &[&name("scales"), &name("total")], &name("penalty")),
            node("Sub", &["one", &name("penalty")], &name("level")),
            node("Relu", &[&name("level")], &name("indicator")),
            node("Equal", &["ids", &name("classes")], &name("same")),
            cast,
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
    proto::Graph {
        node: nodes,
        name: NAME.into(),
        input: vec![matrix("x", precision, "batch", n)],
        output: vec![matrix("y", precision, "batch", outputs)],
        ..Default::default()
    }
}

/// Tensors by name, each of which must be used exactly once.
struct Tensors<'a> {
    left: Vec<&'a proto::Tensor>,
    precision: Option<Precision>,
}

impl<'a> Tensors<'a> {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<&'a proto::Tensor, OnnxError> {
        let place = self
            .left
            .iter()
            .position(|t| t.name == name)
            .ok_or_else(|| unlike(&format!("'{name}' is missing")))?;
        let tensor = self.left.swap_remove(place);
        if dims(tensor)? == shape {
            Ok(tensor)
        } else {
            Err(wrong(tensor, format!("its shape is {:?}; expected {shape:?}", tensor.dims)))
        }
    }

    /// Shape of the tensor `name`, which stays.
    fn shape(&self, name: &str) -> Result<Option<[usize; 2]>, OnnxError> {
        let Some(tensor) = self.left.iter().find(|t| t.name == name) else { return Ok(None) };
        match dims(tensor)?[..] {
            [a, b] => Ok(Some([a, b])),
            _ => Err(wrong(tensor, format!("its shape is {:?}; expected a matrix", tensor.dims))),
        }
    }

    fn numbers(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f64>, OnnxError> {
        let tensor = self.take(name, shape)?;
        let (values, precision) = numbers(tensor)?;
        if *self.precision.get_or_insert(precision) != precision {
            return Err(wrong(
                tensor,
                format!("it is {precision}; expected one format in the whole network"),
            ));
        }
        Ok(values)
    }

    /// Integers from 0 to `end`, not included.
    fn below(&mut self, name: &str, shape: &[usize], end: usize) -> Result<Vec<usize>, OnnxError> {
        let tensor = self.take(name, shape)?;
        let values = integers(tensor)?;
        if Some(values.len()) != shape.iter().try_fold(1usize, |p, d| p.checked_mul(*d)) {
            return Err(wrong(tensor, format!("it holds {} integers for the shape {shape:?}", values.len())));
        }
        values
            .iter()
            .map(|&v| usize::try_from(v).ok().filter(|v| *v < end))
            .collect::<Option<_>>()
            .ok_or_else(|| wrong(tensor, format!("an integer is not between 0 and {end}")))
    }

    /// A tensor of integers that must be these.
    fn fixed(&mut self, name: &str, shape: &[usize], count: usize) -> Result<(), OnnxError> {
        if self.below(name, shape, count)?.into_iter().eq(0..count) {
            Ok(())
        } else {
            Err(unlike(&format!("'{name}' does not count from 0")))
        }
    }
}

/// Reads a network of cells, or says where the graph differs from one.
pub(super) fn read(file: &proto::Graph, opset: Option<i64>) -> Result<CellNetwork, OnnxError> {
    if opset.is_none_or(|version| version < 13) {
        return Err(unlike("its operator set is older than 13"));
    }
    let mut tensors = Tensors { left: file.initializer.iter().collect(), precision: None };
    let n = declared(&file.input).ok_or_else(|| unlike("its input is not declared as [batch, features]"))?;
    let [classes, _] = tensors.shape("ids")?.ok_or_else(|| unlike("'ids' is missing"))?;
    let [count, _] = tensors.shape("thresholds")?.ok_or_else(|| unlike("'thresholds' is missing"))?;
    tensors.fixed("ids", &[classes, 1], classes)?;
    tensors.fixed("axis", &[1], 1)?;
    if tensors.numbers("one", &[1])? != [1.0] {
        return Err(unlike("its one is another number"));
    }
    let features = tensors.below("features", &[count], n)?;
    let thresholds = tensors.numbers("thresholds", &[count, 1])?;
    let signs = tensors.numbers("signs", &[count, 1])?;
    let constraints: Vec<Constraint> = (features.iter().zip(thresholds).zip(signs))
        .map(|((&feature, threshold), sign)| {
            let side = [Side::AtLeast, Side::AtMost].into_iter().find(|s| self::sign(*s) == sign)?;
            Some(Constraint { feature, side, threshold })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| unlike("a sign is neither 1 nor -1"))?;
    let mut cells = Vec::new();
    let mut groups = 0;
    while let Some([width, size]) = tensors.shape(&format!("members_{groups}"))? {
        let members = tensors.below(&format!("members_{groups}"), &[width, size], count)?;
        let scales = tensors.numbers(&format!("scales_{groups}"), &[size, 1])?;
        let of_cells = tensors.below(&format!("classes_{groups}"), &[1, size], classes)?;
        for (k, (&scale, &class)) in scales.iter().zip(&of_cells).enumerate() {
            let members: Vec<usize> = (0..width).map(|j| members[j * size + k]).collect();
            if !members.windows(2).all(|pair| pair[0] < pair[1]) {
                return Err(unlike("a cell has its constraints twice or out of order"));
            }
            cells.push(Cell { class, scale, constraints: members.iter().map(|&t| constraints[t]).collect() });
        }
        groups += 1;
    }
    let head = if tensors.shape("numbers")?.is_some() { Head::Scalar } else { Head::Logits };
    if head == Head::Scalar
        && !tensors.numbers("numbers", &[1, classes])?.into_iter().eq((1..=classes).map(|c| c as f64))
    {
        return Err(unlike("its numbers are not those of the labels"));
    }
    let precision = tensors.precision.unwrap_or(Precision::F32);
    if let Some(tensor) = tensors.left.first() {
        return Err(unlike(&format!("tensor '{}' has no place in it", tensor.name)));
    }
    let expected = graph(precision, n, classes, head, groups);
    let same = expected.node == file.node
        && expected.input == file.input
        && expected.output == file.output
        && file.sparse_initializer.is_empty();
    if !same {
        return Err(unlike("its nodes, inputs or outputs are not those of its form"));
    }
    // A cell that names both copies counts the violation twice.
    if CellNetwork::has_equal(&constraints) {
        return Err(unlike("a constraint is there twice"));
    }
    CellNetwork::new(precision, n, classes, head, &cells).map_err(|e| unlike(&e.to_string()))
}

/// The number of features of the one input.
fn declared(inputs: &[proto::ValueInfo]) -> Option<usize> {
    let [input] = inputs else { return None };
    let shape = input.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let [_, features] = &shape.dim[..] else { return None };
    usize::try_from(features.dim_value?).ok().filter(|n| (1..=MOST_FEATURES).contains(n))
}

fn wrong(tensor: &proto::Tensor, why: String) -> OnnxError {
    OnnxError::Tensor { name: tensor.name.clone(), why }
}

fn unlike(why: &str) -> OnnxError {
    OnnxError::Structure(format!("the graph is called '{NAME}' but is no network of cells: {why}"))
}
