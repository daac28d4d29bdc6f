//! Recognises the compact form: exactly the graph that stands for a
//! [`Recurrence`], by its structure and not by its names.

use indelible::{Features, Precision, network::Recurrence};

use super::{
    OnnxError,
    graph::{Graph, bytes, dims, int_attribute, integers, numbers, only_attributes, operator, singles_after},
    proto::{self, Node, data_type},
};

/// What one step reads, by name.
struct Step<'a> {
    point: &'a str,
    center: &'a str,
    radius: &'a str,
    scale: &'a str,
    value: &'a str,
    axes: &'a str,
}

/// Values that a scope knows by the nodes that compute them.
pub(super) trait Scope {
    fn producer(&self, name: &str) -> Option<&Node>;

    /// The node that computes `name`, which must be an `op` with `N` inputs and
    /// none but the `known` attributes.
    fn expect<'a, const N: usize>(
        &'a self,
        name: &str,
        op: &str,
        known: &[&str],
    ) -> Result<(&'a Node, [&'a str; N]), OnnxError> {
        let node = self.producer(name).ok_or_else(|| unlike(&format!("'{name}' is not computed by {op}")))?;
        if node.op_type != op {
            return Err(operator(node, format!(" where {op} was expected")));
        }
        only_attributes(node, known)?;
        let inputs: Vec<&str> = node.input.iter().map(String::as_str).collect();
        let inputs = inputs.try_into().map_err(|_| operator(node, " with these inputs".into()))?;
        Ok((node, inputs))
    }

    /// Follows `value − scale · Σ relu(|point − center| − radius)` back from
    /// its name.
    #[allow(private_interfaces, reason = "steps are read here only")]
    fn level(&self, name: &str) -> Result<Step<'_>, OnnxError> {
        let (_, [value, penalty]) = self.expect(name, "Sub", &[])?;
        let (_, [scale, total]) = self.expect(penalty, "Mul", &[])?;
        let (sum, [violation, axes]) = self.expect(total, "ReduceSum", &["keepdims"])?;
        if int_attribute(sum, "keepdims", 1) != 1 {
            return Err(operator(sum, " without keepdims".into()));
        }
        let (_, [excess]) = self.expect(violation, "Relu", &[])?;
        let (_, [size, radius]) = self.expect(excess, "Sub", &[])?;
        let (_, [difference]) = self.expect(size, "Abs", &[])?;
        let (_, [point, center]) = self.expect(difference, "Sub", &[])?;
        Ok(Step { point, center, radius, scale, value, axes })
    }
}

impl Scope for Graph {
    fn producer(&self, name: &str) -> Option<&Node> {
        Graph::producer(self, name)
    }
}

/// The body of the Scan; names from outside are resolved in `outer`.
pub(super) struct Body<'a> {
    pub(super) graph: &'a proto::Graph,
}

impl Scope for Body<'_> {
    fn producer(&self, name: &str) -> Option<&Node> {
        self.graph.node.iter().find(|node| node.output.first().is_some_and(|output| output == name))
    }
}

/// Reads a recurrence, or says where the graph differs from one.
pub(super) fn read(graph: &Graph, opset: Option<i64>) -> Result<Recurrence, OnnxError> {
    if opset.is_none_or(|version| version < 13) {
        return Err(unlike("its operator set is older than 13"));
    }
    let mut last = graph.output.as_str();
    let mut targets = None;
    let mut formats = Formats { graph, precision: None };
    match graph.producer(last).map(|node| node.op_type.as_str()) {
        Some("Neg") => {
            let (_, [distance]) = graph.expect(last, "Neg", &[])?;
            let (_, [offset]) = graph.expect(distance, "Abs", &[])?;
            let (node, [running, names]) = graph.expect(offset, "Sub", &[])?;
            let classes = dims(graph.tensor(node, names)?)?.last().copied().unwrap_or(0);
            if classes < 2 {
                return Err(unlike("it has fewer than two logits"));
            }
            targets = Some(formats.vector(node, names, &[1, classes])?);
            last = running;
        }
        Some("Identity") => last = graph.expect::<1>(last, "Identity", &[])?.1[0],
        _ => {}
    }
    let scan = match graph.producer(last) {
        Some(node) if node.op_type == "Scan" => Some(node),
        _ => None,
    };
    let first = match scan {
        Some(node) => node.input.first().map_or("", String::as_str),
        None => last,
    };
    let (first_node, [level]) = graph.expect(first, "Relu", &[])?;
    let step = graph.level(level)?;
    if step.point != graph.input {
        return Err(unlike("its first step does not read the input"));
    }
    formats.axes(first_node, step.axes)?;
    let n = dims(graph.tensor(first_node, step.center)?)?.first().copied().unwrap_or(0);
    if n == 0 || graph.features != Some(n) || graph.rank != Some(2) {
        return Err(unlike("its input is not declared as [batch, features]"));
    }
    let first_center = formats.vector(first_node, step.center, &[n])?;
    let mut radii = formats.vector(first_node, step.radius, &[1])?;
    let mut scales = formats.vector(first_node, step.scale, &[1])?;
    let mut values = formats.vector(first_node, step.value, &[1])?;
    let (minima, centers) = match scan {
        Some(node) => {
            let rest = Rest::read(graph, &mut formats, node, n)?;
            radii.extend(rest.radii);
            scales.extend(rest.scales);
            values.extend(rest.values);
            (rest.minima, rest.centers)
        }
        None => (first_center.clone(), Centers::None),
    };
    let precision = formats.precision.unwrap_or(Precision::F32);
    let centers = centers.with_first(&first_center, precision)?;
    Ok(Recurrence { precision, minima, centers, radii, scales, values, targets })
}

/// All steps but the first.
struct Rest<'a> {
    minima: Vec<f64>,
    centers: Centers<'a>,
    radii: Vec<f64>,
    scales: Vec<f64>,
    values: Vec<f64>,
}

/// Centers as stored: bytes with a table, or numbers.
enum Centers<'a> {
    Codes(&'a [u8], Vec<f64>),
    Numbers(&'a proto::Tensor),
    None,
}

impl Centers<'_> {
    /// All centers from `first` on: as codes where the table knows its values.
    fn with_first(self, first: &[f64], precision: Precision) -> Result<Features, OnnxError> {
        let narrow = |values: &mut dyn Iterator<Item = f64>| match precision {
            Precision::F32 => Features::F32(values.map(|v| v as f32).collect::<Vec<_>>().into()),
            Precision::F64 => Features::F64(values.collect::<Vec<_>>().into()),
        };
        Ok(match self {
            Self::None => narrow(&mut first.iter().copied()),
            Self::Codes(rest, levels) => {
                let code = |v: &f64| levels.iter().position(|l| l == v).and_then(|c| u8::try_from(c).ok());
                match first.iter().map(code).collect::<Option<Vec<u8>>>() {
                    Some(codes) => {
                        Features::Coded { codes: [&codes, rest].concat().into(), levels: levels.into() }
                    }
                    None => {
                        narrow(&mut first.iter().copied().chain(rest.iter().map(|&c| levels[usize::from(c)])))
                    }
                }
            }
            Self::Numbers(tensor) => match precision {
                Precision::F32 => {
                    Features::F32(singles_after(first.iter().map(|&v| v as f32).collect(), tensor)?.into())
                }
                Precision::F64 => Features::F64([first, &numbers(tensor)?.0].concat().into()),
            },
        })
    }
}

impl<'a> Rest<'a> {
    fn read(graph: &'a Graph, formats: &mut Formats<'_>, scan: &Node, n: usize) -> Result<Self, OnnxError> {
        only_attributes(scan, &["body", "num_scan_inputs"])?;
        let body = scan.attribute.iter().find_map(|a| a.g.as_ref().filter(|_| a.name == "body"));
        let (Some(body), 4) = (body, int_attribute(scan, "num_scan_inputs", 0)) else {
            return Err(operator(scan, " of another arrangement".into()));
        };
        let [_, centers, radii, scales, values] = &scan.input[..] else {
            return Err(operator(scan, " with these inputs".into()));
        };
        check_names(graph, body)?;
        let scope = Body { graph: body };
        let inputs: Vec<&str> = body.input.iter().map(|v| v.name.as_str()).collect();
        let ([running, center, radius, scale, value], [next]) = (&inputs[..], &body.output[..]) else {
            return Err(operator(scan, " with another number of values in its body".into()));
        };
        let (_, [before, increment]) = scope.expect(&next.name, "Add", &[])?;
        let (_, [lift]) = scope.expect(increment, "Relu", &[])?;
        let (lift_node, [level, taken]) = scope.expect(lift, "Sub", &[])?;
        let step = scope.level(level)?;
        let same = before == *running
            && taken == *running
            && step.radius == *radius
            && step.scale == *scale
            && step.value == *value;
        if !same {
            return Err(operator(lift_node, " with its operands in another order".into()));
        }
        formats.axes(lift_node, step.axes)?;
        let (clip, [input, minima]) = graph.expect(step.point, "Max", &[])?;
        if input != graph.input {
            return Err(operator(clip, " of something else than the input".into()));
        }
        let minima = formats.vector(clip, minima, &[n])?;
        let count = dims(graph.tensor(scan, values)?)?.first().copied().unwrap_or(0);
        let centers = if step.center == *center {
            let tensor = graph.tensor(scan, centers)?;
            formats.check(tensor, &[count, n], float_format(tensor)?)?;
            Centers::Numbers(tensor)
        } else {
            let (gather, [table, code]) = scope.expect(step.center, "Gather", &["axis"])?;
            let (cast, [source]) = scope.expect(code, "Cast", &["to"])?;
            let plain = int_attribute(gather, "axis", 0) == 0
                && int_attribute(cast, "to", 0) == i64::from(data_type::INT32)
                && source == *center;
            if !plain {
                return Err(operator(gather, " of another arrangement".into()));
            }
            let levels = formats.vector(gather, table, &[256])?;
            let tensor = graph.tensor(scan, centers)?;
            if dims(tensor)? != [count, n] {
                return Err(unlike("its codes are not one row per step"));
            }
            Centers::Codes(bytes(tensor)?, levels)
        };
        Ok(Self {
            minima,
            centers,
            radii: formats.vector(scan, radii, &[count, 1])?,
            scales: formats.vector(scan, scales, &[count, 1])?,
            values: formats.vector(scan, values, &[count, 1])?,
        })
    }
}

/// In the body every name has one meaning too, and none hides one outside.
pub(super) fn check_names(graph: &Graph, body: &proto::Graph) -> Result<(), OnnxError> {
    if !body.initializer.is_empty() || !body.sparse_initializer.is_empty() {
        return Err(unlike("the body of its Scan has initializers"));
    }
    let inputs = body.input.iter().map(|v| &v.name);
    let mut names: Vec<&String> = inputs.chain(body.node.iter().flat_map(|node| &node.output)).collect();
    names.sort();
    if names.windows(2).any(|pair| pair[0] == pair[1]) || names.iter().any(|name| graph.knows(name)) {
        return Err(unlike("a name in the body of its Scan is given twice"));
    }
    match body.node.iter().find(|node| !super::graph::is_default(&node.domain)) {
        Some(node) => Err(operator(node, String::new())),
        None => Ok(()),
    }
}

/// Reads constants, which must all be of one format.
pub(super) struct Formats<'a> {
    pub(super) graph: &'a Graph,
    pub(super) precision: Option<Precision>,
}

impl Formats<'_> {
    /// The constant `name` of exactly this shape.
    pub(super) fn vector(&mut self, node: &Node, name: &str, shape: &[usize]) -> Result<Vec<f64>, OnnxError> {
        let tensor = self.graph.tensor(node, name)?;
        let (values, precision) = numbers(tensor)?;
        self.check(tensor, shape, precision)?;
        Ok(values)
    }

    /// A tensor must have this shape and the one format of the network.
    pub(super) fn check(
        &mut self,
        tensor: &proto::Tensor,
        shape: &[usize],
        precision: Precision,
    ) -> Result<(), OnnxError> {
        let bad = |why| Err(OnnxError::Tensor { name: tensor.name.clone(), why });
        if dims(tensor)? != shape {
            return bad(format!("its shape is {:?}; expected {shape:?}", tensor.dims));
        }
        if self.precision.is_some_and(|known| known != precision) {
            return bad(format!("it is {precision}; expected one format in the whole network"));
        }
        self.precision = Some(precision);
        Ok(())
    }

    /// Sums must run over the features.
    fn axes(&self, node: &Node, name: &str) -> Result<(), OnnxError> {
        if integers(self.graph.tensor(node, name)?)? == [1] {
            Ok(())
        } else {
            Err(unlike("its sums do not run over the features"))
        }
    }
}

/// The format of a float or double tensor.
pub(super) fn float_format(tensor: &proto::Tensor) -> Result<Precision, OnnxError> {
    match tensor.data_type {
        data_type::FLOAT => Ok(Precision::F32),
        data_type::DOUBLE => Ok(Precision::F64),
        other => Err(OnnxError::Tensor { name: tensor.name.clone(), why: format!("element type {other}") }),
    }
}

fn unlike(why: &str) -> OnnxError {
    OnnxError::Structure(format!(
        "the network has a Scan or Abs but is no compact network of indelible: {why}"
    ))
}
