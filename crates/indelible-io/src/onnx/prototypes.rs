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

use std::{borrow::Cow, io::Write, ops::RangeInclusive};

use indelible::network::{
    Clipping, Layer, LayerBuilder, Measure, NetworkForm, Pool, PowerCurve, PrototypeParts, Prototypes,
    Schedule,
};

use super::{
    OnnxError,
    proto::{self, data_type},
    tensors::{Tensors, all_nodes},
    write::{
        Heading, Initializer, Stored, decode, float_type, form_graph, int_attribute, integers, node,
        push_layer, push_weights, reduce_max, rows, scan, stored_rows, vector, write_model,
    },
};

/// Name of the graph, followed by the schedule.
pub(super) const NAME: &str = "indelible.prototypes";

/// What the nodes depend on.
#[derive(Clone)]
struct Description {
    stored: Stored,
    features: usize,
    accumulators: usize,
    outputs: usize,
    layers: usize,
    clipped: bool,
    /// Its numbers do not matter.
    measure: Measure,
    pool: Pool,
    schedule: Schedule,
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
    nodes.push(steps(form));
    let mut value = "total".to_string();
    for index in 0..form.layers {
        value = push_layer(&mut nodes, &value, index, form.layers);
    }
    let name = format!("{NAME}.{}", form.schedule);
    form_graph(name, nodes, form.stored.precision, form.features, form.outputs)
}

/// The Scan over all steps.
fn steps(form: &Description) -> proto::Node {
    let float = float_type(form.stored.precision);
    let mut nodes = vec![];
    if form.stored.coded {
        nodes.extend(decode("row", "center"));
    }
    let center = if form.stored.coded { "center" } else { "row" };
    let point = if form.clipped { "clipped" } else { "x" };
    nodes.push(node("Sub", &[point, center], "difference"));
    nodes.push(node("Abs", &["difference"], "size"));
    nodes.extend(measured(&form.measure).unwrap_or_default());
    nodes.push(node("Mul", &["scale", "measured"], "penalty"));
    nodes.push(node("Sub", &["top", "penalty"], "height"));
    nodes.push(node("Relu", &["height"], "level"));
    nodes.push(node("Cast", &["flags"], "own").with(int_attribute("to", float)));
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
    let scalar = |name: &str| vector(name, float, 1);
    let body = proto::Graph {
        node: nodes,
        name: "step".into(),
        input: vec![
            rows("before", float, form.accumulators),
            vector("row", form.stored.data_type(), form.features),
            scalar("radius"),
            scalar("top"),
            scalar("scale"),
            vector("flags", data_type::UINT8, form.accumulators),
        ],
        output: vec![rows("after", float, form.accumulators)],
        ..Default::default()
    };
    scan(body, &["nothing", "rows", "radii", "tops", "scales", "hot"], "total")
}

/// From `size` to `measured`, where the measure is known.
fn measured(measure: &Measure) -> Option<Vec<proto::Node>> {
    let sum = |input: &str, output: &str| node("ReduceSum", &[input, "axis"], output);
    let mut nodes = match measure {
        Measure::Violations => {
            return Some(vec![
                node("Sub", &["size", "radius"], "excess"),
                node("Relu", &["excess"], "violations"),
                sum("violations", "measured"),
            ]);
        }
        Measure::Largest => vec![reduce_max("size", "distance")],
        Measure::Sum => vec![sum("size", "distance")],
        Measure::Power(PowerCurve::Hinges { .. }) => vec![
            node("Unsqueeze", &["size", "last"], "sizes"),
            node("Sub", &["sizes", "knots"], "beyond"),
            node("Relu", &["beyond"], "hinges"),
            node("MatMul", &["hinges", "rises"], "powers"),
            sum("powers", "distance").with(int_attribute("keepdims", 0)),
        ],
        Measure::Power(PowerCurve::Sawtooth { levels, .. }) => teeth(*levels),
        _ => return None,
    };
    nodes.push(node("Sub", &["distance", "radius"], "excess"));
    nodes.push(node("Relu", &["excess"], "measured"));
    Some(nodes)
}

/// From `size` to `distance` by a sawtooth.
fn teeth(levels: usize) -> Vec<proto::Node> {
    let mut nodes = vec![node("Mul", &["size", "inverse"], "part1")];
    let mut left = "part1".to_string();
    for level in 1..=levels {
        let name = |what: &str| format!("{what}{level}");
        let (part, rising, falling) = (name("part"), name("rising"), name("falling"));
        let (tooth, taken, rest) = (name("tooth"), name("taken"), name("rest"));
        nodes.extend([
            node("Add", &[&part, &part], &rising),
            node("Sub", &["two", &rising], &falling),
            node("Min", &[&rising, &falling], &tooth),
            node("Mul", &[&tooth, &name("share")], &taken),
            node("Sub", &[&left, &taken], &rest),
        ]);
        if level < levels {
            nodes.push(node("Relu", &[&tooth], &format!("part{}", level + 1)));
        }
        left = rest;
    }
    nodes.push(node("Relu", &[&left], "powers"));
    nodes.push(node("ReduceSum", &["powers", "axis"], "distance"));
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
    heading: Heading<'_>,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (graph, tensors) = parts(prototypes)?;
    write_model(graph, tensors, heading, out)
}

/// The graph and its tensors.
///
/// # Errors
/// When the first step reads another point than the others, or it is not known how
/// differences are measured.
pub(super) fn parts(prototypes: &Prototypes) -> Result<(proto::Graph, Vec<Initializer<'_>>), OnnxError> {
    let (n, precision, steps) = (prototypes.inputs(), prototypes.precision(), prototypes.steps());
    let count = prototypes.accumulator_count();
    let cannot = |what: &str| OnnxError::Structure(format!("the compact form cannot say {what}"));
    if matches!(prototypes.clipping, Clipping::AllButFirst(_)) {
        return Err(cannot("that the first step is not clipped"));
    }
    if measured(&prototypes.measure).is_none() {
        return Err(cannot("how differences are measured"));
    }
    let mut tensors = vec![
        integers("axis", &[1], vec![1]),
        integers("start", &[1], vec![0]),
        integers("end", &[1], vec![1]),
        Initializer::numbers("zeros", &[1, count], precision, vec![0.0; count]),
    ];
    let stored = stored_rows("rows", &prototypes.centers, [steps, n], precision, &mut tensors);
    tensors.push(Initializer::numbers("radii", &[steps, 1], precision, &prototypes.radii));
    tensors.push(Initializer::numbers("tops", &[steps, 1], precision, &prototypes.tops));
    tensors.push(Initializer::numbers("scales", &[steps, 1], precision, &prototypes.scales));
    tensors.push(Initializer::new("hot", &[steps, count], data_type::UINT8, move |out| {
        let mut row = vec![0u8; count];
        prototypes.accumulators.iter().try_for_each(|&a| {
            row.fill(0);
            row[a] = 1;
            out.write_all(&row)
        })
    }));
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
            tensors.push(Initializer::numbers("inverse", &[1], precision, vec![*inverse]));
            tensors.push(Initializer::numbers("two", &[1], precision, vec![2.0]));
            for level in 1..=*levels {
                let share = vec![PowerCurve::share(level)];
                tensors.push(Initializer::numbers(format!("share{level}"), &[1], precision, share));
            }
        }
        _ => {}
    }
    for (index, layer) in prototypes.head.iter().enumerate() {
        push_weights(&mut tensors, index, precision, move || Cow::Borrowed(layer));
    }
    let form = Description {
        stored,
        features: n,
        accumulators: count,
        outputs: prototypes.outputs(),
        layers: prototypes.head.len(),
        clipped: prototypes.clipping.minima().is_some(),
        measure: prototypes.measure.clone(),
        pool: prototypes.pool,
        schedule: prototypes.schedule,
    };
    Ok((graph(&form), tensors))
}

/// Reads prototypes, or says where the file differs from them; `schedule` is
/// that of a file which does not say it itself.
pub(super) fn read(file: &proto::Graph, opset: i64, schedule: Schedule) -> Result<Prototypes, OnnxError> {
    read_in(file, (opset, 13..=17), schedule)
}

/// Reads prototypes that add up hinges of single features or differences, whose operators
/// mean the same in all newer operator sets.
pub(super) fn read_sums(file: &proto::Graph, opset: i64) -> Result<Prototypes, OnnxError> {
    let found = read_in(file, (opset, 13..=super::LAST_OPSET), Schedule::Pipelined)?;
    match found.measure {
        Measure::Violations | Measure::Sum => Ok(found),
        _ => Err(OnnxError::Structure("a memory measures sums; this one does not".into())),
    }
}

fn read_in(
    file: &proto::Graph,
    opsets: (i64, RangeInclusive<i64>),
    schedule: Schedule,
) -> Result<Prototypes, OnnxError> {
    let (mut tensors, any) =
        Tensors::new("compact network of prototypes", file, opsets, candidates(file, schedule), graph)?;
    let n = tensors.features()?;
    let [steps, count] = tensors.shape("hot")?;
    tensors.fixed("axis", &[1], [1])?;
    tensors.fixed("start", &[1], [0])?;
    tensors.fixed("end", &[1], [1])?;
    tensors.fixed_numbers("zeros", &[1, count], std::iter::repeat_n(0.0, count))?;
    let centers = tensors.rows("rows", [steps, n], any.stored.coded)?;
    let radii = tensors.numbers("radii", &[steps, 1])?;
    let tops = tensors.numbers("tops", &[steps, 1])?;
    let scales = tensors.numbers("scales", &[steps, 1])?;
    let flags = tensors.bytes("hot", &[steps, count])?;
    let accumulators = accumulators(&tensors, flags, count)?;
    let minima = if any.clipped { Some(tensors.numbers("minima", &[n])?) } else { None };
    let measure = read_measure(&mut tensors, &any.measure)?;
    let head = read_head(&mut tensors, count, any.layers)?;
    tensors.finish(&graph(&Description {
        stored: Stored { precision: tensors.precision(), ..any.stored },
        features: n,
        accumulators: count,
        outputs: head.last().map_or(0, Layer::outputs),
        ..any.clone()
    }))?;
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
        (0, 0) => vec![Measure::Violations, Measure::Sum, Measure::Largest],
        (0, _) => vec![Measure::Power(PowerCurve::Hinges { knots: vec![], weights: vec![] })],
        (levels, _) => vec![Measure::Power(PowerCurve::Sawtooth { inverse: 0.0, levels })],
    };
    let schedule = [Schedule::Sequential, Schedule::Pipelined]
        .into_iter()
        .find(|known| file.name == format!("{NAME}.{known}"))
        .unwrap_or(schedule);
    let any = Description {
        stored: Stored::of(file),
        features: 0,
        accumulators: 0,
        outputs: 0,
        layers: count("Gemm"),
        clipped: file.node.iter().any(|node| node.op_type == "Max"),
        measure: Measure::Largest,
        pool: Pool::Max,
        schedule,
    };
    let pools = [Pool::Max, Pool::Sum, Pool::Raise];
    let one = |measure: &Measure, pool| Description { measure: measure.clone(), pool, ..any.clone() };
    measures.iter().flat_map(|measure| pools.map(|pool| one(measure, pool))).collect()
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

/// The measure `like` with its numbers.
fn read_measure(tensors: &mut Tensors<'_>, like: &Measure) -> Result<Measure, OnnxError> {
    Ok(match like {
        Measure::Power(PowerCurve::Hinges { .. }) => {
            let count = tensors.length("knots")?;
            tensors.fixed("last", &[1], [2])?;
            let knots = tensors.numbers("knots", &[count])?;
            Measure::Power(PowerCurve::Hinges { knots, weights: tensors.numbers("rises", &[count, 1])? })
        }
        Measure::Power(PowerCurve::Sawtooth { levels, .. }) => {
            let inverse = tensors.numbers("inverse", &[1])?[0];
            tensors.fixed_numbers("two", &[1], [2.0])?;
            for level in 1..=*levels {
                tensors.fixed_numbers(&format!("share{level}"), &[1], [PowerCurve::share(level)])?;
            }
            Measure::Power(PowerCurve::Sawtooth { inverse, levels: *levels })
        }
        plain => plain.clone(),
    })
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
