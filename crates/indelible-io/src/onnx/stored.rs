//! Recognises the compact forms that compare with stored rows, exactly the
//! graphs that stand for a [`Prototypes`] or [`MaxAffine`], by their structure and not
//! by their names.

use indelible::{
    Features, Precision,
    network::{Layer, LayerBuilder, MaxAffine, Measure, Pool, PowerCurve, Prototypes},
};

use super::{
    OnnxError,
    graph::{Graph, bytes, dims, int_attribute, integers, operator, singles_after},
    proto::{Node, data_type},
    recurrence::{Body, Formats, Scope, check_names, float_format},
};

fn unlike(why: &str) -> OnnxError {
    OnnxError::Structure(format!("the network is no compact network of indelible: {why}"))
}

/// The constant integer that `node` reads as `name`, a vector of one element
/// as ONNX has axes and ends.
fn integer(graph: &Graph, node: &Node, name: &str) -> Result<i64, OnnxError> {
    let tensor = graph.tensor(node, name)?;
    match (&integers(tensor)?[..], &dims(tensor)?[..]) {
        ([value], [1]) => Ok(*value),
        _ => Err(operator(node, " with more than one index".into())),
    }
}

/// Follows a ReduceMax over axis 1 that keeps it.
fn reduced<'a>(scope: &'a impl Scope, name: &str) -> Result<&'a str, OnnxError> {
    let (node, [input]) = scope.expect(name, "ReduceMax", &["axes", "keepdims"])?;
    let along = node.attribute.iter().find(|a| a.name == "axes").is_some_and(|a| a.ints == [1]);
    if along && int_attribute(node, "keepdims", 1) == 1 {
        Ok(input)
    } else {
        Err(operator(node, " of another arrangement".into()))
    }
}

/// The matrix of stored rows: codes that pass through `table`, or numbers.
fn stored(
    formats: &mut Formats<'_>,
    node: &Node,
    name: &str,
    table: Option<&str>,
    shape: [usize; 2],
) -> Result<Features, OnnxError> {
    let tensor = formats.graph.tensor(node, name)?;
    if let Some(table) = table {
        let levels = formats.vector(node, table, &[256])?;
        if dims(tensor)? != shape {
            return Err(unlike("its codes are not one row per step"));
        }
        return Ok(Features::Coded { codes: bytes(tensor)?.to_vec().into(), levels: levels.into() });
    }
    let precision = float_format(tensor)?;
    formats.check(tensor, &shape, precision)?;
    Ok(match precision {
        Precision::F32 => Features::F32(singles_after(vec![], tensor)?.into()),
        Precision::F64 => Features::F64(super::graph::numbers(tensor)?.0.into()),
    })
}

/// Follows codes back through their table; gives the table and the codes.
fn decoded<'a>(scope: &'a impl Scope, name: &'a str) -> Result<(Option<&'a str>, &'a str), OnnxError> {
    if scope.producer(name).is_none_or(|node| node.op_type != "Gather") {
        return Ok((None, name));
    }
    let (gather, [table, code]) = scope.expect(name, "Gather", &["axis"])?;
    let (cast, [codes]) = scope.expect(code, "Cast", &["to"])?;
    let plain =
        int_attribute(gather, "axis", 0) == 0 && int_attribute(cast, "to", 0) == i64::from(data_type::INT32);
    if plain { Ok((Some(table), codes)) } else { Err(operator(gather, " of another arrangement".into())) }
}

/// Number of features that the input is declared with.
fn features(graph: &Graph) -> Result<usize, OnnxError> {
    // With a third dimension axis 1 would not be that of the features.
    graph
        .features
        .filter(|n| *n > 0 && graph.rank == Some(2))
        .ok_or_else(|| unlike("its input is not declared as [batch, features]"))
}

/// Reads maxima of scores, or says where the graph differs from them.
pub(super) fn read_max_affine(graph: &Graph, opset: Option<i64>) -> Result<MaxAffine, OnnxError> {
    check_opset(opset)?;
    let n = features(graph)?;
    let mut formats = Formats { graph, precision: None };
    let (_, [best]) = graph.expect(&graph.output, "Relu", &[])?;
    let concat = graph.producer(best).filter(|node| node.op_type == "Concat");
    let concat = concat.ok_or_else(|| unlike("its maxima are not put together by Concat"))?;
    super::graph::only_attributes(concat, &["axis"])?;
    if int_attribute(concat, "axis", 0) != 1 {
        return Err(operator(concat, " along another axis".into()));
    }
    let (mut ends, mut scores) = (vec![], None);
    for name in &concat.input {
        let own = reduced(graph, name)?;
        let (slice, [all, start, end, axis]) = graph.expect(own, "Slice", &[])?;
        if scores.is_some_and(|known| known != all) || integer(graph, slice, axis)? != 1 {
            return Err(operator(slice, " of another arrangement".into()));
        }
        scores = Some(all);
        let from = usize::try_from(integer(graph, slice, start)?).ok();
        let to = usize::try_from(integer(graph, slice, end)?).ok();
        match (from, to) {
            (Some(from), Some(to)) if from == ends.last().copied().unwrap_or(0) && from < to => ends.push(to),
            _ => return Err(operator(slice, " that does not continue the one before".into())),
        }
    }
    let scores = scores.ok_or_else(|| unlike("it has no class"))?;
    let (gemm, [input, weights, biases]) = graph.expect(scores, "Gemm", &["transB"])?;
    if int_attribute(gemm, "transB", 0) != 1 || input != graph.input {
        return Err(operator(gemm, " of another arrangement".into()));
    }
    let count = ends.last().copied().unwrap_or(0);
    let (table, rows) = decoded(graph, weights)?;
    let rows = stored(&mut formats, gemm, rows, table, [count, n])?;
    let biases = formats.vector(gemm, biases, &[count])?;
    Ok(MaxAffine { precision: formats.precision.unwrap_or(Precision::F32), features: n, rows, biases, ends })
}

fn check_opset(opset: Option<i64>) -> Result<(), OnnxError> {
    match opset {
        Some(13..=17) => Ok(()),
        _ => Err(unlike("its operator set is not one of 13 to 17")),
    }
}

/// Reads levels of samples, or says where the graph differs from them.
pub(super) fn read_prototypes(graph: &Graph, opset: Option<i64>) -> Result<Prototypes, OnnxError> {
    check_opset(opset)?;
    let n = features(graph)?;
    let mut formats = Formats { graph, precision: None };
    let (head, total) = read_head(graph, &mut formats)?;
    let scan = graph.producer(total).filter(|node| node.op_type == "Scan");
    let scan = scan.ok_or_else(|| unlike("its head does not follow a Scan"))?;
    super::graph::only_attributes(scan, &["body", "num_scan_inputs"])?;
    let body = scan.attribute.iter().find_map(|a| a.g.as_ref().filter(|_| a.name == "body"));
    let (Some(body), 5) = (body, int_attribute(scan, "num_scan_inputs", 0)) else {
        return Err(operator(scan, " of another arrangement".into()));
    };
    let [nothing, rows, radii, tops, scales, hot] = &scan.input[..] else {
        return Err(operator(scan, " with these inputs".into()));
    };
    check_names(graph, body)?;
    let scope = Body { graph: body };
    let inputs: Vec<&str> = body.input.iter().map(|v| v.name.as_str()).collect();
    let ([before, row, radius, top, scale, flags], [after]) = (&inputs[..], &body.output[..]) else {
        return Err(operator(scan, " with another number of values in its body".into()));
    };
    let last = scope.producer(&after.name).ok_or_else(|| unlike("its body computes nothing"))?;
    let (pool, op) = match last.op_type.as_str() {
        "Max" => (Pool::Max, "Max"),
        _ => (Pool::Sum, "Add"),
    };
    let (node, [previous, levels]) = scope.expect(&after.name, op, &[])?;
    let (_, [level, own]) = scope.expect(levels, "Mul", &[])?;
    let (cast, [own_flags]) = scope.expect(own, "Cast", &["to"])?;
    let (_, [height]) = scope.expect(level, "Relu", &[])?;
    let (_, [own_top, penalty]) = scope.expect(height, "Sub", &[])?;
    let (_, [own_scale, measured]) = scope.expect(penalty, "Mul", &[])?;
    let found = read_measure(graph, &scope, measured)?;
    let (table, code) = decoded(&scope, found.center)?;
    let same = previous == *before
        && own_flags == *flags
        && own_top == *top
        && own_scale == *scale
        && found.radius == *radius
        && code == *row;
    if !same {
        return Err(operator(node, " with its operands in another order".into()));
    }
    let count = head.first().map_or(0, Layer::inputs);
    check_start(graph, &mut formats, nothing, count)?;
    let minima = if found.point == graph.input {
        None
    } else {
        let (clip, [input, minima]) = graph.expect(found.point, "Max", &[])?;
        if input != graph.input {
            return Err(operator(clip, " of something else than the input".into()));
        }
        Some(formats.vector(clip, minima, &[n])?)
    };
    let steps = dims(graph.tensor(scan, tops)?)?.first().copied().unwrap_or(0);
    if steps == 0 {
        return Err(unlike("it has no step"));
    }
    let centers = stored(&mut formats, scan, rows, table, [steps, n])?;
    let radii = formats.vector(scan, radii, &[steps, 1])?;
    let tops = formats.vector(scan, tops, &[steps, 1])?;
    let scales = formats.vector(scan, scales, &[steps, 1])?;
    let precision = formats.precision.unwrap_or(Precision::F32);
    let float = if precision == Precision::F32 { data_type::FLOAT } else { data_type::DOUBLE };
    let hot = graph.tensor(scan, hot)?;
    if dims(hot)? != [steps, count] || int_attribute(cast, "to", 0) != i64::from(float) {
        return Err(operator(cast, " of another arrangement".into()));
    }
    let accumulators = bytes(hot)?
        .chunks_exact(count)
        .map(|row| {
            let one = row.iter().position(|flag| *flag == 1);
            let alone = row.iter().filter(|flag| **flag != 0).count() == 1;
            one.filter(|_| alone).ok_or_else(|| unlike("a step belongs to more or less than one score"))
        })
        .collect::<Result<_, _>>()?;
    if scales.iter().any(|scale| *scale < 0.0) {
        return Err(unlike("a scale is negative"));
    }
    let measure = match found.kind {
        Kind::Largest => Measure::Largest,
        Kind::Sum => Measure::Sum,
        Kind::Violations => Measure::Violations,
        Kind::Power(total) => Measure::Power(read_curve(&mut formats, &scope, total, found.size)?),
    };
    if matches!(&measure, Measure::Power(curve) if !curve.is_valid(precision) || pool == Pool::Sum) {
        return Err(unlike("its sums of powers are of another arrangement"));
    }
    Ok(Prototypes {
        precision,
        features: n,
        minima,
        centers,
        measure,
        radii,
        tops,
        scales,
        accumulators,
        pool,
        head,
    })
}

/// The Gemms behind the Scan, a Relu between two, and what the first reads.
fn read_head<'a>(graph: &'a Graph, formats: &mut Formats<'_>) -> Result<(Vec<Layer>, &'a str), OnnxError> {
    let mut layers = vec![];
    let mut value = graph.output.as_str();
    loop {
        let (gemm, [input, weights, biases]) = graph.expect(value, "Gemm", &["transB"])?;
        let shape = dims(graph.tensor(gemm, weights)?)?;
        let [outputs, inputs] = shape[..] else {
            return Err(operator(gemm, " whose weights are no matrix".into()));
        };
        if int_attribute(gemm, "transB", 0) != 1 || inputs == 0 || outputs == 0 {
            return Err(operator(gemm, " of another arrangement".into()));
        }
        let weights = formats.vector(gemm, weights, &shape)?;
        let biases = formats.vector(gemm, biases, &[outputs])?;
        let mut layer = LayerBuilder::new(inputs);
        for (row, bias) in weights.chunks_exact(inputs).zip(biases) {
            for (column, weight) in row.iter().enumerate() {
                layer.weight(column, *weight);
            }
            layer.bias(bias);
        }
        layers.insert(0, layer.finish());
        if layers.len() > 2 {
            return Err(unlike("its head has more than two layers"));
        }
        if graph.producer(input).is_none_or(|node| node.op_type != "Relu") {
            break value = input;
        }
        value = graph.expect::<1>(input, "Relu", &[])?.1[0];
    }
    if layers.windows(2).any(|pair| pair[0].outputs() != pair[1].inputs()) {
        return Err(unlike("a layer of its head reads another number of values than it gets"));
    }
    Ok((layers, value))
}

/// What a step measures, by name.
struct Measured<'a> {
    kind: Kind<'a>,
    size: &'a str,
    point: &'a str,
    center: &'a str,
    radius: &'a str,
}

enum Kind<'a> {
    Largest,
    Sum,
    Violations,
    /// A sum over curves, by its name.
    Power(&'a str),
}

/// Follows a ReduceSum over the features; `keepdims` is 1 or 0.
fn summed<'a>(graph: &Graph, scope: &'a Body<'_>, name: &str, keepdims: i64) -> Result<&'a str, OnnxError> {
    let (sum, [each, axis]) = scope.expect(name, "ReduceSum", &["keepdims"])?;
    if integer(graph, sum, axis)? == 1 && int_attribute(sum, "keepdims", 1) == keepdims {
        Ok(each)
    } else {
        Err(operator(sum, " of another arrangement".into()))
    }
}

fn read_measure<'a>(graph: &Graph, scope: &'a Body<'_>, name: &str) -> Result<Measured<'a>, OnnxError> {
    let is = |name: &str, op: &str| scope.producer(name).is_some_and(|node| node.op_type == op);
    let (kind, size, radius) = if is(name, "ReduceSum") {
        let each = summed(graph, scope, name, 1)?;
        let (_, [excess]) = scope.expect(each, "Relu", &[])?;
        let (_, [size, radius]) = scope.expect(excess, "Sub", &[])?;
        (Kind::Violations, size, radius)
    } else {
        let (_, [excess]) = scope.expect(name, "Relu", &[])?;
        let (_, [distance, radius]) = scope.expect(excess, "Sub", &[])?;
        if is(distance, "ReduceMax") {
            (Kind::Largest, reduced(scope, distance)?, radius)
        } else {
            let (_, [each, _]) = scope.expect(distance, "ReduceSum", &["keepdims"])?;
            if is(each, "Abs") {
                (Kind::Sum, summed(graph, scope, distance, 1)?, radius)
            } else {
                (Kind::Power(distance), curve_input(scope, each)?, radius)
            }
        }
    };
    let (_, [difference]) = scope.expect(size, "Abs", &[])?;
    let (_, [point, center]) = scope.expect(difference, "Sub", &[])?;
    Ok(Measured { kind, size, point, center, radius })
}

/// The sizes from which powers are computed: what Unsqueeze reads, or the
/// first product.
fn curve_input<'a>(scope: &'a Body<'_>, powers: &str) -> Result<&'a str, OnnxError> {
    let mut name = powers;
    // Every node on the way reads what comes before it first.
    for _ in 0..=3 * PowerCurve::MOST_LEVELS {
        let node = scope.producer(name).ok_or_else(|| unlike("its sums do not come from differences"))?;
        let Some(first) = node.input.first() else { break };
        if scope.producer(first).is_some_and(|node| node.op_type == "Abs") {
            return Ok(first);
        }
        name = first;
    }
    Err(unlike("its sums do not come from differences"))
}

/// The curve of which `total` is the sum over the features of `size`.
fn read_curve(
    formats: &mut Formats<'_>,
    scope: &Body<'_>,
    total: &str,
    size: &str,
) -> Result<PowerCurve, OnnxError> {
    let graph = formats.graph;
    let (_, [powers, _]) = scope.expect(total, "ReduceSum", &["keepdims"])?;
    if scope.producer(powers).is_some_and(|node| node.op_type == "MatMul") {
        let (matmul, [hinges, rises]) = scope.expect(summed(graph, scope, total, 0)?, "MatMul", &[])?;
        let (_, [beyond]) = scope.expect(hinges, "Relu", &[])?;
        let (sub, [sizes, knots]) = scope.expect(beyond, "Sub", &[])?;
        let (unsqueeze, [inner, last]) = scope.expect(sizes, "Unsqueeze", &[])?;
        if inner != size || integer(graph, unsqueeze, last)? != 2 {
            return Err(operator(unsqueeze, " of another arrangement".into()));
        }
        let count = dims(graph.tensor(sub, knots)?)?.first().copied().unwrap_or(0);
        let knots = formats.vector(sub, knots, &[count])?;
        let weights = formats.vector(matmul, rises, &[count, 1])?;
        return Ok(PowerCurve::Hinges { knots, weights });
    }
    let (_, [mut left]) = scope.expect(summed(graph, scope, total, 1)?, "Relu", &[])?;
    // Backwards from the last tooth; `part` is what the tooth behind reads.
    let (mut levels, mut behind, mut shares) = (0, None, vec![]);
    while scope.producer(left).is_some_and(|node| node.op_type == "Sub") {
        levels += 1;
        if levels > PowerCurve::MOST_LEVELS {
            return Err(unlike("it has too many teeth"));
        }
        let (_, [before, taken]) = scope.expect(left, "Sub", &[])?;
        let (share_of, [tooth, share]) = scope.expect(taken, "Mul", &[])?;
        shares.push(formats.vector(share_of, share, &[1])?[0]);
        if let Some(part) = behind {
            let (relu, [inner]) = scope.expect(part, "Relu", &[])?;
            if inner != tooth {
                return Err(operator(relu, " of another tooth".into()));
            }
        }
        let (_, [rising, falling]) = scope.expect(tooth, "Min", &[])?;
        let (fall, [two, twice]) = scope.expect(falling, "Sub", &[])?;
        let (add, [part, again]) = scope.expect(rising, "Add", &[])?;
        if twice != rising || part != again || formats.vector(fall, two, &[1])? != [2.0] {
            return Err(operator(add, " of another arrangement".into()));
        }
        behind = Some(part);
        left = before;
        if left == part {
            break;
        }
    }
    let (mul, [inner, inverse]) = scope.expect(left, "Mul", &[])?;
    shares.reverse();
    let expected: Vec<f64> = (1..=levels).map(PowerCurve::share).collect();
    if inner != size || behind != Some(left) || shares != expected {
        return Err(operator(mul, " of another arrangement".into()));
    }
    Ok(PowerCurve::Sawtooth { inverse: formats.vector(mul, inverse, &[1])?[0], levels })
}

/// The accumulators must start from zeros, which one feature times a row of
/// zeros gives for every finite input.
fn check_start(graph: &Graph, formats: &mut Formats<'_>, name: &str, count: usize) -> Result<(), OnnxError> {
    let (mul, [feature, zeros]) = graph.expect(name, "Mul", &[])?;
    let (slice, [input, start, end, axis]) = graph.expect(feature, "Slice", &[])?;
    let first = input == graph.input
        && integer(graph, slice, start)? == 0
        && integer(graph, slice, end)? == 1
        && integer(graph, slice, axis)? == 1;
    let zeros = formats.vector(mul, zeros, &[1, count])?;
    if first && zeros.iter().all(|zero| *zero == 0.0) {
        Ok(())
    } else {
        Err(operator(mul, " of another arrangement".into()))
    }
}
