//! The compact form of prototypes: a Scan over the steps.
//!
//! ```text
//! total = Scan over rows, radii, tops, scales, hot:
//!     level = Relu(top − scale · measure(point, row, radius))
//!     after = pool(before, level · Cast(hot))
//! y     = the Gemms of the head, a Relu between two
//! ```
//!
//! `point` is the input, or `Max(x, minima)`. 8-bit centers are bytes with a
//! table, the accumulator of a step is a row of bytes with one 1. The schedule
//! of the layers that the form stands for is part of the name of the graph.

use std::io::Write;

use indelible::network::{
    Clipping, Layer, LayerBuilder, Measure, NetworkForm, Pool, PowerCurve, PrototypeParts, Prototypes,
    Schedule,
};

use super::{
    Metadata, OnnxError,
    proto::{self, data_type},
    tensors::{Tensors, all_nodes, declared_features, declared_precision},
    write::{
        Dim, Fill, Initializer, Stored, body_attribute, decode, float_type, form_graph, int_attribute,
        integers, node, push_layer, reduce_max, reduce_sum, stored_rows, value, write_matrix, write_model,
    },
};

/// Name of the graph, followed by the schedule.
pub(super) const NAME: &str = "indelible.prototypes";

/// What the nodes depend on.
#[derive(Clone, Copy)]
struct Description {
    stored: Stored,
    features: usize,
    accumulators: usize,
    outputs: usize,
    layers: usize,
    clipped: bool,
    measure: MeasureKind,
    pool: Pool,
    schedule: Schedule,
}

/// A measure without its numbers.
#[derive(Clone, Copy, PartialEq)]
enum MeasureKind {
    Largest,
    Sum,
    Violations,
    Hinges,
    Sawtooth(usize),
}

impl MeasureKind {
    fn of(measure: &Measure) -> Option<Self> {
        Some(match measure {
            Measure::Largest => Self::Largest,
            Measure::Sum => Self::Sum,
            Measure::Violations => Self::Violations,
            Measure::Power(PowerCurve::Hinges { .. }) => Self::Hinges,
            Measure::Power(PowerCurve::Sawtooth { levels, .. }) => Self::Sawtooth(*levels),
            _ => return None,
        })
    }
}

/// The whole graph but for its tensors.
fn graph(form: &Description) -> proto::Graph {
    let mut nodes = vec![
        node("Slice", &["x", "start", "end", "axis"], "feature"),
        node("Mul", &["feature", "zeros"], "nothing"),
    ];
    if form.clipped {
        nodes.push(node("Max", &["x", "minima"], "clipped"));
    }
    nodes.push(scan(form));
    let mut value = "total".to_string();
    for index in 0..form.layers {
        let names = (&*format!("W{index}"), &*format!("b{index}"));
        value = push_layer(&mut nodes, &value, names, index, index + 1 == form.layers);
    }
    let name = format!("{NAME}.{}", form.schedule);
    form_graph(name, nodes, form.stored.precision, form.features, form.outputs)
}

/// The Scan over all steps.
fn scan(form: &Description) -> proto::Node {
    let float = float_type(form.stored.precision);
    let mut nodes = vec![];
    if form.stored.coded {
        nodes.extend(decode("row", "center"));
    }
    let center = if form.stored.coded { "center" } else { "row" };
    let point = if form.clipped { "clipped" } else { "x" };
    nodes.push(node("Sub", &[point, center], "difference"));
    nodes.push(node("Abs", &["difference"], "size"));
    nodes.extend(measured(form.measure));
    nodes.push(node("Mul", &["scale", "measured"], "penalty"));
    nodes.push(node("Sub", &["top", "penalty"], "height"));
    nodes.push(node("Relu", &["height"], "level"));
    let mut cast = node("Cast", &["flags"], "own");
    cast.attribute.push(int_attribute("to", i64::from(float)));
    nodes.push(cast);
    nodes.push(node("Mul", &["level", "own"], "levels_of_step"));
    match form.pool {
        Pool::Max => nodes.push(node("Max", &["before", "levels_of_step"], "after")),
        Pool::Raise => nodes.extend([
            node("Sub", &["levels_of_step", "before"], "lift"),
            node("Relu", &["lift"], "increment"),
            node("Add", &["before", "increment"], "after"),
        ]),
        _ => nodes.push(node("Add", &["before", "levels_of_step"], "after")),
    }
    let accumulators = |name: &str| value(name, float, &[Dim::Name("batch"), Dim::Size(form.accumulators)]);
    let scalar = |name: &str| value(name, float, &[Dim::Size(1)]);
    let body = proto::Graph {
        node: nodes,
        name: "step".into(),
        input: vec![
            accumulators("before"),
            value("row", form.stored.data_type(), &[Dim::Size(form.features)]),
            scalar("radius"),
            scalar("top"),
            scalar("scale"),
            value("flags", data_type::UINT8, &[Dim::Size(form.accumulators)]),
        ],
        output: vec![accumulators("after")],
        ..Default::default()
    };
    let mut scan = node("Scan", &["nothing", "rows", "radii", "tops", "scales", "hot"], "total");
    scan.attribute.push(body_attribute(body));
    scan.attribute.push(int_attribute("num_scan_inputs", 5));
    scan
}

/// From `size` to `measured`.
fn measured(measure: MeasureKind) -> Vec<proto::Node> {
    let mut nodes = match measure {
        MeasureKind::Violations => {
            return vec![
                node("Sub", &["size", "radius"], "excess"),
                node("Relu", &["excess"], "violations"),
                reduce_sum("violations", "axis", "measured"),
            ];
        }
        MeasureKind::Largest => vec![reduce_max("size", "distance")],
        MeasureKind::Sum => vec![reduce_sum("size", "axis", "distance")],
        MeasureKind::Hinges => vec![
            node("Unsqueeze", &["size", "last"], "sizes"),
            node("Sub", &["sizes", "knots"], "beyond"),
            node("Relu", &["beyond"], "hinges"),
            node("MatMul", &["hinges", "rises"], "powers"),
            unkept(reduce_sum("powers", "axis", "distance")),
        ],
        MeasureKind::Sawtooth(levels) => teeth(levels),
    };
    nodes.push(node("Sub", &["distance", "radius"], "excess"));
    nodes.push(node("Relu", &["excess"], "measured"));
    nodes
}

/// Drops the axis that is summed over.
fn unkept(mut sum: proto::Node) -> proto::Node {
    sum.attribute.push(int_attribute("keepdims", 0));
    sum
}

/// From `size` to `distance` by a sawtooth.
fn teeth(levels: usize) -> Vec<proto::Node> {
    let mut nodes = vec![node("Mul", &["size", "inverse"], "part1")];
    let mut left = "part1".to_string();
    for level in 1..=levels {
        let name = |what: &str| format!("{what}{level}");
        let (part, rising, falling) = (name("part"), name("rising"), name("falling"));
        let (tooth, taken, rest) = (name("tooth"), name("taken"), name("rest"));
        nodes.push(node("Add", &[&part, &part], &rising));
        nodes.push(node("Sub", &["two", &rising], &falling));
        nodes.push(node("Min", &[&rising, &falling], &tooth));
        nodes.push(node("Mul", &[&tooth, &name("share")], &taken));
        nodes.push(node("Sub", &[&left, &taken], &rest));
        if level < levels {
            nodes.push(node("Relu", &[&tooth], &format!("part{}", level + 1)));
        }
        left = rest;
    }
    nodes.push(node("Relu", &[&left], "powers"));
    nodes.push(reduce_sum("powers", "axis", "distance"));
    nodes
}

/// Writes `prototypes`; the input `x` has shape `[batch, n]`, the output `y`
/// shape `[batch, outputs]`.
///
/// # Errors
/// When the first step reads another point than the others, the file would be
/// larger than 2 GiB, or writing fails.
pub(super) fn write(
    prototypes: &Prototypes,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (n, precision, steps) = (prototypes.inputs(), prototypes.precision(), prototypes.steps());
    let count = prototypes.accumulator_count();
    let cannot = |what: &str| OnnxError::Structure(format!("the compact form cannot say {what}"));
    if matches!(prototypes.clipping, Clipping::AllButFirst(_)) {
        return Err(cannot("that the first step is not clipped"));
    }
    let measure =
        MeasureKind::of(&prototypes.measure).ok_or_else(|| cannot("how differences are measured"))?;
    let zeros = vec![0.0; count];
    let mut tensors = vec![
        integers("axis", &[1], vec![1]),
        integers("start", &[1], vec![0]),
        integers("end", &[1], vec![1]),
        Initializer::numbers("zeros", &[1, count], precision, &zeros),
    ];
    let stored = stored_rows("rows", &prototypes.centers, [steps, n], precision, &mut tensors);
    let hot: Fill<'_> = Box::new(move |out| {
        let mut row = vec![0u8; count];
        prototypes.accumulators.iter().try_for_each(|&a| {
            row.fill(0);
            row[a] = 1;
            out.write_all(&row)
        })
    });
    tensors.push(Initializer::numbers("radii", &[steps, 1], precision, &prototypes.radii));
    tensors.push(Initializer::numbers("tops", &[steps, 1], precision, &prototypes.tops));
    tensors.push(Initializer::numbers("scales", &[steps, 1], precision, &prototypes.scales));
    tensors.push(Initializer::new("hot", &[steps, count], data_type::UINT8, hot));
    if let Some(minima) = prototypes.clipping.minima() {
        tensors.push(Initializer::numbers("minima", &[n], precision, minima));
    }
    match &prototypes.measure {
        Measure::Power(PowerCurve::Hinges { knots, weights }) => {
            tensors.push(integers("last", &[1], vec![2]));
            tensors.push(Initializer::numbers("knots", &[knots.len()], precision, knots));
            tensors.push(Initializer::numbers("rises", &[knots.len(), 1], precision, weights));
        }
        Measure::Power(PowerCurve::Sawtooth { inverse, levels }) => {
            tensors.push(Initializer::number("inverse", precision, *inverse));
            tensors.push(Initializer::number("two", precision, 2.0));
            let share =
                |level| Initializer::number(format!("share{level}"), precision, PowerCurve::share(level));
            tensors.extend((1..=*levels).map(share));
        }
        _ => {}
    }
    for (index, layer) in prototypes.head.iter().enumerate() {
        let shape = [layer.outputs(), layer.inputs()];
        let fill: Fill<'_> = Box::new(move |out| write_matrix(out, precision, layer));
        tensors.push(Initializer::new(format!("W{index}"), &shape, float_type(precision), fill));
        let name = format!("b{index}");
        tensors.push(Initializer::numbers(name, &[layer.outputs()], precision, layer.biases()));
    }
    let form = Description {
        stored,
        features: n,
        accumulators: count,
        outputs: prototypes.outputs(),
        layers: prototypes.head.len(),
        clipped: prototypes.clipping.minima().is_some(),
        measure,
        pool: prototypes.pool,
        schedule: prototypes.schedule,
    };
    write_model(graph(&form), &tensors, metadata, out)
}

/// Reads prototypes, or says where the file differs from them; `schedule` is
/// that of a file which does not say it itself.
pub(super) fn read(
    file: &proto::Graph,
    opset: Option<i64>,
    schedule: Schedule,
) -> Result<Prototypes, OnnxError> {
    let (mut tensors, any) = Tensors::new(
        "compact network of prototypes",
        file,
        (opset, 13..=17),
        candidates(file, schedule),
        graph,
    )?;
    let n = declared_features(file)
        .ok_or_else(|| tensors.unlike("its input is not declared as [batch, features]"))?;
    let [steps, count] = tensors.shape("hot")?;
    tensors.fixed("axis", &[1], &[1])?;
    tensors.fixed("start", &[1], &[0])?;
    tensors.fixed("end", &[1], &[1])?;
    tensors.fixed_numbers("zeros", &[1, count], &vec![0.0; count])?;
    let centers = tensors.rows("rows", [steps, n], any.stored.coded)?;
    let radii = tensors.numbers("radii", &[steps, 1])?;
    let tops = tensors.numbers("tops", &[steps, 1])?;
    let scales = tensors.numbers("scales", &[steps, 1])?;
    let flags = tensors.bytes("hot", &[steps, count])?;
    let accumulators = accumulators(&tensors, flags, count)?;
    let minima = if any.clipped { Some(tensors.numbers("minima", &[n])?) } else { None };
    let curve = read_curve(&mut tensors, any.measure)?;
    let head = read_head(&mut tensors, count, any.layers)?;
    tensors.finish(&graph(&Description {
        stored: Stored { precision: tensors.precision(), ..any.stored },
        features: n,
        accumulators: count,
        outputs: head.last().map_or(0, Layer::outputs),
        ..any
    }))?;
    let measure = match (curve, any.measure) {
        (Some(curve), _) => Measure::Power(curve),
        (None, MeasureKind::Violations) => Measure::Violations,
        (None, MeasureKind::Sum) => Measure::Sum,
        (None, _) => Measure::Largest,
    };
    Prototypes::new(PrototypeParts {
        precision: tensors.precision(),
        features: n,
        clipping: minima.map_or(Clipping::None, Clipping::All),
        centers,
        measure,
        radii,
        tops,
        scales,
        accumulators,
        pool: any.pool,
        schedule: any.schedule,
        head,
    })
    .map_err(|e| tensors.unlike(&e.to_string()))
}

/// The descriptions, but for sizes, that may be that of `file`: by which
/// operators it has, and with every measure and pool where that does not tell.
fn candidates(file: &proto::Graph, schedule: Schedule) -> Vec<Description> {
    let count = |op: &str| all_nodes(file).filter(|node| node.op_type == op).count();
    let measures = match (count("Min"), count("Unsqueeze")) {
        (0, 0) => vec![MeasureKind::Violations, MeasureKind::Sum, MeasureKind::Largest],
        (0, _) => vec![MeasureKind::Hinges],
        (levels, _) => vec![MeasureKind::Sawtooth(levels)],
    };
    let schedule = [Schedule::Sequential, Schedule::Pipelined]
        .into_iter()
        .find(|known| file.name == format!("{NAME}.{known}"))
        .unwrap_or(schedule);
    let any = Description {
        stored: Stored { precision: declared_precision(file), coded: count("Gather") > 0 },
        features: 0,
        accumulators: 0,
        outputs: 0,
        layers: count("Gemm"),
        clipped: file.node.iter().any(|node| node.op_type == "Max"),
        measure: MeasureKind::Largest,
        pool: Pool::Max,
        schedule,
    };
    let pools = [Pool::Max, Pool::Sum, Pool::Raise];
    measures.into_iter().flat_map(|measure| pools.map(|pool| Description { measure, pool, ..any })).collect()
}

/// The position of the one 1 in every row of flags.
fn accumulators(tensors: &Tensors<'_>, flags: &[u8], count: usize) -> Result<Vec<usize>, OnnxError> {
    flags
        .chunks_exact(count.max(1))
        .map(|row| {
            let one = row.iter().position(|flag| *flag == 1);
            let alone = row.iter().filter(|flag| **flag != 0).count() == 1;
            one.filter(|_| alone)
                .ok_or_else(|| tensors.unlike("a step belongs to more or less than one score"))
        })
        .collect()
}

/// The curve of a measure, if it has one.
fn read_curve(tensors: &mut Tensors<'_>, measure: MeasureKind) -> Result<Option<PowerCurve>, OnnxError> {
    if measure == MeasureKind::Hinges {
        let count = tensors.length("knots")?;
        tensors.fixed("last", &[1], &[2])?;
        let knots = tensors.numbers("knots", &[count])?;
        return Ok(Some(PowerCurve::Hinges { knots, weights: tensors.numbers("rises", &[count, 1])? }));
    }
    let MeasureKind::Sawtooth(levels) = measure else { return Ok(None) };
    let inverse = tensors.numbers("inverse", &[1])?[0];
    tensors.fixed_numbers("two", &[1], &[2.0])?;
    for level in 1..=levels {
        tensors.fixed_numbers(&format!("share{level}"), &[1], &[PowerCurve::share(level)])?;
    }
    Ok(Some(PowerCurve::Sawtooth { inverse, levels }))
}

/// So many layers of the head, the first of which reads `count` accumulators.
fn read_head(tensors: &mut Tensors<'_>, count: usize, depth: usize) -> Result<Vec<Layer>, OnnxError> {
    let mut layers: Vec<Layer> = vec![];
    for index in 0..depth {
        let [outputs, inputs] = tensors.shape(&format!("W{index}"))?;
        if inputs != layers.last().map_or(count, Layer::outputs) || inputs == 0 {
            return Err(tensors.unlike("a layer of its head reads another number of values than it gets"));
        }
        let weights = tensors.numbers(&format!("W{index}"), &[outputs, inputs])?;
        let biases = tensors.numbers(&format!("b{index}"), &[outputs])?;
        let mut layer = LayerBuilder::new(inputs);
        for (row, bias) in weights.chunks_exact(inputs).zip(biases) {
            for (column, weight) in row.iter().enumerate() {
                layer.weight(column, *weight);
            }
            layer.bias(bias);
        }
        layers.push(layer.finish());
    }
    Ok(layers)
}
