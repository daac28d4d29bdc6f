//! The compact form that Theorem 4.8 had first, a recurrence over the samples;
//! it is read, and no longer written.
//!
//! ```text
//! F_0 = Relu(value − scale · Σ Relu(|x − center| − radius))       the first sample
//! F_k = F_{k−1} + Relu((value − scale · Σ …) − F_{k−1})           a Scan, x clipped
//! y   = F, or −|F − targets|
//! ```

use indelible::{
    Features, Precision,
    network::{Clipping, Layer, LayerBuilder, Measure, Pool, PrototypeParts, Prototypes, Schedule},
};

use super::{
    OnnxError, proto,
    tensors::{Tensors, all_nodes},
    write::{Stored, decode, float_type, form_graph, node, rows, scan, vector},
};

/// What the nodes depend on.
struct Description {
    stored: Stored,
    features: usize,
    /// Whether there is more than one sample.
    several: bool,
    targets: Option<usize>,
}

/// The whole graph but for its tensors.
fn graph(form: &Description) -> proto::Graph {
    let mut nodes = step("first_", "x", "first_center", None, "running_first");
    nodes.push(node("Max", &["x", "minima"], "clipped"));
    let mut running = "running_first";
    if form.several {
        nodes.push(samples(form));
        running = "running_last";
    }
    match form.targets {
        None => nodes.push(node("Identity", &[running], "y")),
        Some(_) => nodes.extend([
            node("Sub", &[running, "targets"], "offset"),
            node("Abs", &["offset"], "distance"),
            node("Neg", &["distance"], "y"),
        ]),
    }
    let outputs = form.targets.unwrap_or(1);
    form_graph("indelible".into(), nodes, form.stored.precision, form.features, outputs)
}

/// The Scan over all samples but the first.
fn samples(form: &Description) -> proto::Node {
    let mut nodes = Vec::new();
    if form.stored.coded {
        nodes.extend(decode("center", "center_value"));
    }
    let center = if form.stored.coded { "center_value" } else { "center" };
    nodes.extend(step("", "clipped", center, Some("running"), "running_next"));
    let float = float_type(form.stored.precision);
    let scalar = |name: &str| vector(name, float, 1);
    let body = proto::Graph {
        node: nodes,
        name: "step".into(),
        input: vec![
            rows("running", float, 1),
            vector("center", form.stored.data_type(), form.features),
            scalar("radius"),
            scalar("scale"),
            scalar("value"),
        ],
        output: vec![rows("running_next", float, 1)],
        ..Default::default()
    };
    scan(body, &["running_first", "centers", "radii", "scales", "values"], "running_last")
}

/// The nodes of one step: from the point `x` and a center to the running
/// label. Without a previous label it starts from 0.
fn step(prefix: &str, x: &str, center: &str, previous: Option<&str>, next: &str) -> Vec<proto::Node> {
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
        Some(previous) => nodes.extend([
            node("Sub", &[&name("level"), previous], &name("lift")),
            node("Relu", &[&name("lift")], &name("increment")),
            node("Add", &[previous, &name("increment")], next),
        ]),
    }
    nodes
}

/// Reads a recurrence, or says where the file differs from one.
pub(super) fn read(file: &proto::Graph, opset: i64) -> Result<Prototypes, OnnxError> {
    let has = |op: &str| all_nodes(file).any(|node| node.op_type == op);
    let any = Description {
        stored: Stored::of(file),
        features: 0,
        several: has("Scan"),
        targets: has("Neg").then_some(0),
    };
    let (mut tensors, any) =
        Tensors::new("compact network of a recurrence", file, (opset, 13..=25), [any], graph)?;
    let n = tensors.features()?;
    tensors.fixed("axes", &[1], [1])?;
    let minima = tensors.numbers("minima", &[n])?;
    let first = tensors.numbers("first_center", &[n])?;
    let mut radii = tensors.numbers("first_radius", &[1])?;
    let mut scales = tensors.numbers("first_scale", &[1])?;
    let mut tops = tensors.numbers("first_value", &[1])?;
    let centers = if any.several {
        let [rest, _] = tensors.shape("centers")?;
        radii.extend(tensors.numbers("radii", &[rest, 1])?);
        scales.extend(tensors.numbers("scales", &[rest, 1])?);
        tops.extend(tensors.numbers("values", &[rest, 1])?);
        after(&first, tensors.rows("centers", [rest, n], any.stored.coded)?, tensors.precision())
    } else {
        narrow(first.iter().copied(), tensors.precision())
    };
    let mut targets = None;
    if any.targets.is_some() {
        let [_, classes] = tensors.shape("targets")?;
        targets = Some(tensors.numbers("targets", &[1, classes])?);
    }
    let precision = tensors.precision();
    tensors.finish(&graph(&Description {
        stored: Stored { precision, ..any.stored },
        features: n,
        targets: targets.as_ref().map(Vec::len),
        ..any
    }))?;
    let steps = tops.len();
    Prototypes::new(PrototypeParts {
        precision,
        features: n,
        clipping: Clipping::AllButFirst(minima),
        centers,
        measure: Measure::Violations,
        radii,
        tops,
        scales,
        accumulators: vec![0; steps],
        pool: Pool::Raise,
        schedule: Schedule::Sequential,
        head: head(targets.as_deref()),
    })
    .map_err(|e| tensors.unlike(&e.to_string()))
}

/// Numbers in the format.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the format is meant")]
fn narrow(values: impl Iterator<Item = f64>, precision: Precision) -> Features {
    match precision {
        Precision::F32 => Features::F32(values.map(|v| v as f32).collect::<Vec<_>>().into()),
        Precision::F64 => Features::F64(values.collect::<Vec<_>>().into()),
    }
}

/// All centers: as codes where their table knows those of the first.
fn after(first: &[f64], rest: Features, precision: Precision) -> Features {
    if let Features::Coded { codes, levels } = &rest {
        let code = |v: &f64| levels.iter().position(|l| l == v).and_then(|c| u8::try_from(c).ok());
        if let Some(own) = first.iter().map(code).collect::<Option<Vec<u8>>>() {
            return Features::Coded { codes: [&own, &codes[..]].concat().into(), levels: levels.clone() };
        }
    }
    narrow(first.iter().copied().chain((0..rest.len()).map(|at| rest.at(at))), precision)
}

/// The running label `F` itself, or `−|F − t|` for each target `t` by way of
/// `relu(F − t)` and `relu(t − F)`, of which one is 0: nothing but `F − t` is
/// rounded, as in the file.
fn head(targets: Option<&[f64]>) -> Vec<Layer> {
    let mut label = LayerBuilder::new(1);
    let Some(targets) = targets else {
        label.weight(0, 1.0).bias(0.0);
        return vec![label.finish()];
    };
    let mut logits = LayerBuilder::new(2 * targets.len());
    for (c, &target) in targets.iter().enumerate() {
        label.weight(0, 1.0).bias(-target);
        label.weight(0, -1.0).bias(target);
        logits.weight(2 * c, -1.0).weight(2 * c + 1, -1.0).bias(0.0);
    }
    vec![label.finish(), logits.finish()]
}
