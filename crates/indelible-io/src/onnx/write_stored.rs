//! Writes the compact forms that compare with stored rows: [`Prototypes`] and
//! [`MaxAffine`].

use std::io::Write;

use indelible::{
    Features, Precision,
    network::{Layer, MaxAffine, Measure, Pool, PowerCurve, Prototypes},
};

use super::{
    Metadata, OnnxError,
    proto::{self, attribute_type, data_type},
    write::{
        Dim, Fill, Initializer, float_type, int_attribute, matrix, node, push_layer, value, write_matrix,
        write_model, write_numbers,
    },
};

/// The rows as one tensor, 8-bit codes with their table; gives the nodes that
/// turn `stored` into numbers named `numbers`.
fn rows<'a>(
    features: &'a Features,
    shape: [usize; 2],
    precision: Precision,
    initializers: &mut Vec<Initializer<'a>>,
) -> i32 {
    match features {
        Features::Coded { codes, levels } => {
            initializers.push(Initializer::numbers("levels", &[256], precision, levels));
            let fill: Fill<'a> = Box::new(move |out| out.write_all(codes));
            initializers.push(Initializer::new("rows", &shape, data_type::UINT8, fill));
            data_type::UINT8
        }
        rows => {
            let fill: Fill<'a> = Box::new(move |out| {
                write_numbers(out, precision, (0..rows.len()).map(|position| rows.at(position)))
            });
            initializers.push(Initializer::new("rows", &shape, float_type(precision), fill));
            float_type(precision)
        }
    }
}

/// Looks codes up in the table.
fn decode(codes: &str, numbers: &str) -> Vec<proto::Node> {
    let mut cast = node("Cast", &[codes], "code");
    cast.attribute.push(int_attribute("to", i64::from(data_type::INT32)));
    vec![cast, node("Gather", &["levels", "code"], numbers)]
}

/// The largest along the features, or along the scores of a class.
fn reduce_max(input: &str, output: &str) -> proto::Node {
    let mut reduce = node("ReduceMax", &[input], output);
    reduce.attribute.push(proto::Attribute {
        name: "axes".into(),
        ints: vec![1],
        r#type: attribute_type::INTS,
        ..Default::default()
    });
    reduce
}

/// A small constant of int64.
fn integers<'a>(name: impl Into<String>, values: Vec<i64>) -> Initializer<'a> {
    let count = values.len();
    let fill: Fill<'a> =
        Box::new(move |out| values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes())));
    Initializer::new(name, &[count], data_type::INT64, fill)
}

/// Writes `scores` as a Gemm over all rows and a ReduceMax per class.
///
/// The input `x` has shape `[batch, n]`, the output `y` shape
/// `[batch, classes]`; 8-bit rows are stored as bytes with a table.
///
/// # Errors
/// When a class has no row, the file would be larger than 2 GiB, or writing
/// fails.
pub(super) fn write_max_affine(
    scores: &MaxAffine,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (n, precision, count) = (scores.features, scores.precision, scores.biases.len());
    let mut initializers = vec![];
    let stored = rows(&scores.rows, [count, n], precision, &mut initializers);
    initializers.push(Initializer::numbers("biases", &[count], precision, &scores.biases));
    initializers.push(integers("axis", vec![1]));
    let mut nodes = vec![];
    let coded = stored == data_type::UINT8;
    if coded {
        nodes.extend(decode("rows", "numbers"));
    }
    let mut gemm = node("Gemm", &["x", if coded { "numbers" } else { "rows" }, "biases"], "scores");
    gemm.attribute.push(int_attribute("transB", 1));
    nodes.push(gemm);
    let mut best = vec![];
    for class in 0..scores.ends.len() {
        let range = scores.class_rows(class);
        if range.is_empty() {
            return Err(OnnxError::Structure(format!(
                "class {class} has no sample, which the compact form cannot say; use the dense form"
            )));
        }
        let (start, end) = (format!("start{class}"), format!("end{class}"));
        initializers.push(integers(&start, vec![range.start as i64]));
        initializers.push(integers(&end, vec![range.end as i64]));
        let (own, largest) = (format!("scores{class}"), format!("best{class}"));
        nodes.push(node("Slice", &["scores", &start, &end, "axis"], &own));
        nodes.push(reduce_max(&own, &largest));
        best.push(largest);
    }
    let best: Vec<&str> = best.iter().map(String::as_str).collect();
    let mut concat = node("Concat", &best, "best");
    concat.attribute.push(int_attribute("axis", 1));
    nodes.push(concat);
    nodes.push(node("Relu", &["best"], "y"));
    let graph = graph(nodes, precision, n, scores.ends.len());
    write_model(graph, &initializers, metadata, out)
}

fn graph(nodes: Vec<proto::Node>, precision: Precision, inputs: usize, outputs: usize) -> proto::Graph {
    proto::Graph {
        node: nodes,
        name: "indelible".into(),
        input: vec![matrix("x", precision, "batch", inputs)],
        output: vec![matrix("y", precision, "batch", outputs)],
        ..Default::default()
    }
}

/// Writes `prototypes` as a Scan over its steps.
///
/// The input `x` has shape `[batch, n]`, the output `y` shape
/// `[batch, outputs]`; 8-bit centers are stored as bytes with a table, the
/// accumulator of a step as a row of bytes with one 1.
///
/// # Errors
/// When the file would be larger than 2 GiB, or writing fails.
pub(super) fn write_prototypes(
    prototypes: &Prototypes,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (n, precision, steps) = (prototypes.features, prototypes.precision, prototypes.steps());
    let count = prototypes.accumulator_count();
    let zeros = vec![0.0; count];
    let mut initializers = vec![
        integers("axis", vec![1]),
        integers("start", vec![0]),
        integers("end", vec![1]),
        Initializer::numbers("zeros", &[1, count], precision, &zeros),
    ];
    let stored = rows(&prototypes.centers, [steps, n], precision, &mut initializers);
    let hot: Fill<'_> = Box::new(move |out| {
        let mut row = vec![0u8; count];
        prototypes.accumulators.iter().try_for_each(|&a| {
            row.fill(0);
            row[a] = 1;
            out.write_all(&row)
        })
    });
    initializers.push(Initializer::numbers("radii", &[steps, 1], precision, &prototypes.radii));
    initializers.push(Initializer::numbers("tops", &[steps, 1], precision, &prototypes.tops));
    initializers.push(Initializer::numbers("scales", &[steps, 1], precision, &prototypes.scales));
    initializers.push(Initializer::new("hot", &[steps, count], data_type::UINT8, hot));
    let mut nodes = vec![
        node("Slice", &["x", "start", "end", "axis"], "feature"),
        node("Mul", &["feature", "zeros"], "nothing"),
    ];
    let mut point = "x";
    if let Some(minima) = &prototypes.minima {
        initializers.push(Initializer::numbers("minima", &[n], precision, minima));
        nodes.push(node("Max", &["x", "minima"], "clipped"));
        point = "clipped";
    }
    if let Measure::Power(curve) = &prototypes.measure {
        push_constants(&mut initializers, curve, precision);
    }
    nodes.push(scan(prototypes, point, stored));
    let mut value = "total".to_string();
    for (index, layer) in prototypes.head.iter().enumerate() {
        let (weights, biases) = (format!("W{index}"), format!("b{index}"));
        let last = index + 1 == prototypes.head.len();
        value = push_layer(&mut nodes, &value, (&weights, &biases), index, last);
        let shape = [layer.outputs(), layer.inputs()];
        let fill: Fill<'_> = Box::new(move |out| write_matrix(out, precision, layer));
        initializers.push(Initializer::new(weights, &shape, float_type(precision), fill));
        initializers.push(Initializer::numbers(biases, &[layer.outputs()], precision, layer.biases()));
    }
    let outputs = prototypes.head.last().map_or(0, Layer::outputs);
    write_model(graph(nodes, precision, n, outputs), &initializers, metadata, out)
}

/// The constants that the nodes of a curve read.
fn push_constants<'a>(initializers: &mut Vec<Initializer<'a>>, curve: &'a PowerCurve, precision: Precision) {
    match curve {
        PowerCurve::Hinges { knots, weights } => {
            let count = knots.len();
            initializers.push(integers("last", vec![2]));
            initializers.push(Initializer::numbers("knots", &[count], precision, knots));
            initializers.push(Initializer::numbers("rises", &[count, 1], precision, weights));
        }
        PowerCurve::Sawtooth { inverse, levels } => {
            let mut scalar = |name: String, value: f64| {
                let fill: Fill<'a> = Box::new(move |out| write_numbers(out, precision, [value].into_iter()));
                initializers.push(Initializer::new(name, &[1], float_type(precision), fill));
            };
            scalar("inverse".into(), *inverse);
            scalar("two".into(), 2.0);
            for level in 1..=*levels {
                scalar(format!("share{level}"), PowerCurve::share(level));
            }
        }
    }
}

/// From `size` to `distance`: the curve of every difference, summed.
fn curve_nodes(curve: &PowerCurve) -> Vec<proto::Node> {
    match curve {
        PowerCurve::Hinges { .. } => {
            let mut sum = node("ReduceSum", &["powers", "axis"], "distance");
            sum.attribute.push(int_attribute("keepdims", 0));
            vec![
                node("Unsqueeze", &["size", "last"], "sizes"),
                node("Sub", &["sizes", "knots"], "beyond"),
                node("Relu", &["beyond"], "hinges"),
                node("MatMul", &["hinges", "rises"], "powers"),
                sum,
            ]
        }
        PowerCurve::Sawtooth { levels, .. } => {
            let mut nodes = vec![node("Mul", &["size", "inverse"], "part1")];
            let mut left = "part1".to_string();
            for level in 1..=*levels {
                let name = |what: &str| format!("{what}{level}");
                let (part, rising, falling) = (name("part"), name("rising"), name("falling"));
                let (tooth, taken, rest) = (name("tooth"), name("taken"), name("rest"));
                nodes.push(node("Add", &[&part, &part], &rising));
                nodes.push(node("Sub", &["two", &rising], &falling));
                nodes.push(node("Min", &[&rising, &falling], &tooth));
                nodes.push(node("Mul", &[&tooth, &name("share")], &taken));
                nodes.push(node("Sub", &[&left, &taken], &rest));
                if level < *levels {
                    nodes.push(node("Relu", &[&tooth], &format!("part{}", level + 1)));
                }
                left = rest;
            }
            nodes.push(node("Relu", &[&left], "powers"));
            nodes.push(node("ReduceSum", &["powers", "axis"], "distance"));
            nodes
        }
    }
}

/// The Scan over all steps.
fn scan(prototypes: &Prototypes, point: &str, stored: i32) -> proto::Node {
    let float = float_type(prototypes.precision);
    let mut nodes = vec![];
    let mut center = "row";
    if stored == data_type::UINT8 {
        nodes.extend(decode("row", "center"));
        center = "center";
    }
    nodes.push(node("Sub", &[point, center], "difference"));
    nodes.push(node("Abs", &["difference"], "size"));
    match &prototypes.measure {
        Measure::Violations => {
            nodes.push(node("Sub", &["size", "radius"], "excess"));
            nodes.push(node("Relu", &["excess"], "violations"));
            nodes.push(node("ReduceSum", &["violations", "axis"], "measured"));
        }
        measure => {
            match measure {
                Measure::Largest => nodes.push(reduce_max("size", "distance")),
                Measure::Power(curve) => nodes.extend(curve_nodes(curve)),
                _ => nodes.push(node("ReduceSum", &["size", "axis"], "distance")),
            }
            nodes.push(node("Sub", &["distance", "radius"], "excess"));
            nodes.push(node("Relu", &["excess"], "measured"));
        }
    }
    nodes.push(node("Mul", &["scale", "measured"], "penalty"));
    nodes.push(node("Sub", &["top", "penalty"], "height"));
    nodes.push(node("Relu", &["height"], "level"));
    let mut cast = node("Cast", &["flags"], "own");
    cast.attribute.push(int_attribute("to", i64::from(float)));
    nodes.push(cast);
    nodes.push(node("Mul", &["level", "own"], "levels_of_step"));
    let pool = match prototypes.pool {
        Pool::Max => "Max",
        Pool::Sum => "Add",
    };
    nodes.push(node(pool, &["before", "levels_of_step"], "after"));
    let count = prototypes.accumulator_count();
    let accumulators = |name: &str| value(name, float, &[Dim::Name("batch"), Dim::Size(count)]);
    let scalar = |name: &str| value(name, float, &[Dim::Size(1)]);
    let body = proto::Graph {
        node: nodes,
        name: "step".into(),
        input: vec![
            accumulators("before"),
            value("row", stored, &[Dim::Size(prototypes.features)]),
            scalar("radius"),
            scalar("top"),
            scalar("scale"),
            value("flags", data_type::UINT8, &[Dim::Size(count)]),
        ],
        output: vec![accumulators("after")],
        ..Default::default()
    };
    let mut scan = node("Scan", &["nothing", "rows", "radii", "tops", "scales", "hot"], "total");
    scan.attribute.push(proto::Attribute {
        name: "body".into(),
        g: Some(body),
        r#type: attribute_type::GRAPH,
        ..Default::default()
    });
    scan.attribute.push(int_attribute("num_scan_inputs", 5));
    scan
}
