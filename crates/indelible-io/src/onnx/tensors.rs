//! Reading compact forms: the comparison of a file's graph with the one that the
//! form has, and the tensors of the file by the names that they have there.
//!
//! A compact form is described once, by the function that makes its graph. Its
//! reader makes that graph anew and compares, whatever the values are called:
//! what is not exactly this form is refused.

use std::collections::{BTreeMap, HashMap};

use indelible::{Features, Precision};

use super::{
    OnnxError,
    graph::{bad, bytes, dims, integers, is_default, numbers, operator, singles},
    proto::{self, data_type},
};

/// Features that a file may declare, so that sizes can be multiplied.
const MOST_FEATURES: usize = 1 << 31;

/// Tensors by the name that they have in the form, each of which must be used
/// exactly once.
pub(super) struct Tensors<'a> {
    /// What the form is called in refusals.
    form: &'static str,
    file: &'a proto::Graph,
    left: BTreeMap<String, &'a proto::Tensor>,
    precision: Option<Precision>,
}

impl<'a> Tensors<'a> {
    /// The tensors of `file`, whose nodes must be those of one of the
    /// `descriptions`, and that description. The operator set must be one of
    /// `opsets`.
    pub fn new<D>(
        form: &'static str,
        file: &'a proto::Graph,
        (opset, opsets): (i64, std::ops::RangeInclusive<i64>),
        descriptions: impl IntoIterator<Item = D>,
        graph: impl Fn(&D) -> proto::Graph,
    ) -> Result<(Self, D), OnnxError> {
        let mut tensors = Self { form, file, left: BTreeMap::new(), precision: None };
        if !opsets.contains(&opset) {
            let (first, last) = (opsets.start(), opsets.end());
            return Err(tensors.unlike(&format!("its operator set is not one of {first} to {last}")));
        }
        let mut of_file = Names::default();
        let nodes = of_file.graph(file, false);
        let mut known: Vec<String> = vec![];
        for description in descriptions {
            let expected = graph(&description);
            let mut of_form = Names::default();
            if of_form.graph(&expected, false) == nodes {
                tensors.take_in(&of_form, &of_file)?;
                return Ok((tensors, description));
            }
            known.extend(all_nodes(&expected).map(|node| node.op_type.clone()));
        }
        let strange =
            all_nodes(file).find(|node| !is_default(&node.domain) || !known.contains(&node.op_type));
        Err(strange.map_or_else(|| tensors.unlike(NODES), |node| operator(node, String::new())))
    }

    /// Calls the tensors of the file as the form calls them.
    fn take_in(&mut self, of_form: &Names<'_>, of_file: &Names<'_>) -> Result<(), OnnxError> {
        let names: HashMap<usize, &str> = of_form.0.iter().map(|(name, number)| (*number, *name)).collect();
        for tensor in &self.file.initializer {
            let number = of_file.0.get(tensor.name.as_str());
            let Some(name) = number.and_then(|number| names.get(number)) else {
                return Err(self.unlike(&format!("tensor '{}' has no place in it", tensor.name)));
            };
            if self.left.insert((*name).to_string(), tensor).is_some() {
                return Err(self.unlike(&format!("the name '{}' is given twice", tensor.name)));
            }
        }
        Ok(())
    }

    /// The error about a file that is not of this form.
    pub fn unlike(&self, why: &str) -> OnnxError {
        OnnxError::Structure(format!("the network is no {} of indelible: {why}", self.form))
    }

    /// The number of features of the one input, declared as `[batch, features]`.
    pub fn features(&self) -> Result<usize, OnnxError> {
        declared_features(self.file)
            .filter(|n| (1..=MOST_FEATURES).contains(n))
            .ok_or_else(|| self.unlike("its input is not declared as [batch, features]"))
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<&'a proto::Tensor, OnnxError> {
        let found = self.left.remove(name);
        let tensor = found.ok_or_else(|| self.unlike(&format!("'{name}' is missing")))?;
        if dims(tensor)? == shape {
            return Ok(tensor);
        }
        Err(bad(tensor, format!("its shape is {:?}; expected {shape:?}", tensor.dims)))
    }

    /// Shape of the matrix `name`, which stays.
    pub fn shape(&self, name: &str) -> Result<[usize; 2], OnnxError> {
        self.dims(name, "matrix")
    }

    /// The length of the vector `name`, which stays.
    pub fn length(&self, name: &str) -> Result<usize, OnnxError> {
        self.dims(name, "vector").map(|[length]| length)
    }

    fn dims<const RANK: usize>(&self, name: &str, kind: &str) -> Result<[usize; RANK], OnnxError> {
        let tensor = self.left.get(name).ok_or_else(|| self.unlike(&format!("'{name}' is missing")))?;
        dims(tensor)?.try_into().map_err(|_| self.unlike(&format!("'{name}' is no {kind}")))
    }

    fn one_precision(&mut self, tensor: &proto::Tensor, precision: Precision) -> Result<(), OnnxError> {
        if *self.precision.get_or_insert(precision) == precision {
            return Ok(());
        }
        Err(bad(tensor, format!("it is {precision}; expected one format in the whole network")))
    }

    /// The one format of all numbers.
    pub fn precision(&self) -> Precision {
        self.precision.unwrap_or(Precision::F32)
    }

    /// The numbers of a tensor of this shape.
    pub fn numbers(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f64>, OnnxError> {
        let tensor = self.take(name, shape)?;
        let (values, precision) = numbers(tensor)?;
        self.one_precision(tensor, precision)?;
        Ok(values)
    }

    /// Numbers that must be these. What the file holds is looked at first: a shape alone
    /// may promise anything.
    pub fn fixed_numbers(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl IntoIterator<Item = f64>,
    ) -> Result<(), OnnxError> {
        if self.numbers(name, shape)?.into_iter().eq(values) {
            return Ok(());
        }
        Err(self.unlike(&format!("'{name}' holds other numbers than its form has")))
    }

    /// Integers from 0 to `end`, not included.
    pub fn below(&mut self, name: &str, shape: &[usize], end: usize) -> Result<Vec<usize>, OnnxError> {
        let tensor = self.take(name, shape)?;
        integers(tensor)?
            .iter()
            .map(|&v| usize::try_from(v).ok().filter(|v| *v < end))
            .collect::<Option<_>>()
            .ok_or_else(|| bad(tensor, format!("an integer is not between 0 and {end}")))
    }

    /// Integers that must be these.
    pub fn fixed(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl IntoIterator<Item = usize>,
    ) -> Result<(), OnnxError> {
        if self.below(name, shape, usize::MAX)?.into_iter().eq(values) {
            return Ok(());
        }
        Err(self.unlike(&format!("'{name}' holds other integers than its form has")))
    }

    /// The bytes of a tensor of this shape.
    pub fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<&'a [u8], OnnxError> {
        bytes(self.take(name, shape)?)
    }

    /// A matrix of stored rows: bytes with the table `levels` where `coded`, or
    /// numbers.
    pub fn rows(&mut self, name: &str, shape: [usize; 2], coded: bool) -> Result<Features, OnnxError> {
        if coded {
            let levels = self.numbers("levels", &[256])?;
            let codes = self.bytes(name, &shape)?;
            return Ok(Features::Coded { codes: codes.to_vec().into(), levels: levels.into() });
        }
        let tensor = self.take(name, &shape)?;
        if tensor.data_type == data_type::FLOAT {
            self.one_precision(tensor, Precision::F32)?;
            return Ok(Features::F32(singles(tensor)?.into()));
        }
        let (values, precision) = numbers(tensor)?;
        self.one_precision(tensor, precision)?;
        Ok(Features::F64(values.into()))
    }

    /// Checks that no tensor is left and that the file declares its values as
    /// `expected` does.
    pub fn finish(&self, expected: &proto::Graph) -> Result<(), OnnxError> {
        if let Some(tensor) = self.left.values().next() {
            return Err(self.unlike(&format!("tensor '{}' has no place in it", tensor.name)));
        }
        let neutral = |graph| Names::default().graph(graph, true);
        if neutral(expected) == neutral(self.file) { Ok(()) } else { Err(self.unlike(NODES)) }
    }
}

const NODES: &str = "its nodes, inputs or outputs are not those of its form";

/// The nodes of a graph and of those inside its nodes.
pub(super) fn all_nodes(graph: &proto::Graph) -> impl Iterator<Item = &proto::Node> {
    graph.node.iter().flat_map(|node| {
        let inside = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
        std::iter::once(node).chain(inside.flat_map(|graph| &graph.node))
    })
}

/// Names of values, numbered as they come.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, usize>);

impl<'a> Names<'a> {
    /// What `name` is called where names do not matter.
    fn neutral(&mut self, name: &'a str) -> String {
        let next = self.0.len();
        if name.is_empty() { String::new() } else { self.0.entry(name).or_insert(next).to_string() }
    }

    fn all(&mut self, names: &'a [String]) -> Vec<String> {
        names.iter().map(|name| self.neutral(name)).collect()
    }

    /// The graph with neutral names and without its tensors: two graphs are one
    /// but for the names of values and nodes where these are equal. What they
    /// declare of values counts only if `declared`.
    fn graph(&mut self, graph: &'a proto::Graph, declared: bool) -> proto::Graph {
        proto::Graph {
            input: self.values(&graph.input, declared),
            node: graph.node.iter().map(|node| self.node(node, declared)).collect(),
            output: self.values(&graph.output, declared),
            sparse_initializer: graph.sparse_initializer.clone(),
            ..Default::default()
        }
    }

    fn values(&mut self, values: &'a [proto::ValueInfo], declared: bool) -> Vec<proto::ValueInfo> {
        let neutral = |value: &'a proto::ValueInfo| proto::ValueInfo {
            name: self.neutral(&value.name),
            r#type: value.r#type.clone().filter(|_| declared),
        };
        values.iter().map(neutral).collect()
    }

    fn node(&mut self, node: &'a proto::Node, declared: bool) -> proto::Node {
        proto::Node {
            attribute: node.attribute.iter().map(|a| self.attribute(a, declared)).collect(),
            input: self.all(&node.input),
            output: self.all(&node.output),
            name: String::new(),
            op_type: node.op_type.clone(),
            domain: if is_default(&node.domain) { String::new() } else { node.domain.clone() },
            overload: node.overload.clone(),
        }
    }

    fn attribute(&mut self, attribute: &'a proto::Attribute, declared: bool) -> proto::Attribute {
        let Some(body) = &attribute.g else { return attribute.clone() };
        // The body of a Scan holds no tensors of its own.
        let tensors = body.initializer.clone();
        let body = proto::Graph { initializer: tensors, ..self.graph(body, declared) };
        proto::Attribute { name: attribute.name.clone(), g: Some(body), ..Default::default() }
    }
}

/// The number of features of the one input, where it is declared as
/// `[batch, features]`.
pub(super) fn declared_features(file: &proto::Graph) -> Option<usize> {
    let [input] = &file.input[..] else { return None };
    match &input.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?.dim[..] {
        [_, features] => usize::try_from(features.dim_value?).ok(),
        _ => None,
    }
}

/// The format that the one input of `file` is declared in.
pub(super) fn declared_precision(file: &proto::Graph) -> Precision {
    let tensor = file.input.first().and_then(|input| input.r#type.as_ref()?.tensor_type.as_ref());
    match tensor {
        Some(tensor) if tensor.elem_type == data_type::DOUBLE => Precision::F64,
        _ => Precision::F32,
    }
}
