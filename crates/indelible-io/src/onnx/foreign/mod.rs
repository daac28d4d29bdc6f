//! Reads networks of others: a graph of operators, one after the other, becomes
//! a piecewise-linear graph, and layers where it is a chain of them.
//!
//! A sample goes through alone: the first dimension of an input of two or more
//! is taken as a batch of one. Values that do not depend on the input are
//! computed while reading, all others become vectors of the network. What
//! would be rounded in that is not computed but kept as an operation
//! (`arithmetic`), or refused. An operator that is not understood completely is
//! refused by name.

mod activations;
mod arithmetic;
mod constants;
mod interface;
mod joins;
mod linear_models;
mod movement;
mod padding;
mod products;
mod resizing;
mod spatial;
mod tails;
mod value;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use indelible::{
    Precision,
    network::{Activation, Graph, Model, Node as GraphNode, Operation},
};

use self::{
    interface::{Input, Sample},
    value::{Computed, Constant, Data, MOST, Value, count},
};
use super::{
    OnnxError,
    graph::{is_default, operator},
    proto::{Graph as File, Node, Tensor},
};

/// A network and what was found beside it.
#[derive(Debug)]
pub(super) struct Foreign {
    pub model: Model,
    /// What was left out, in words.
    pub notes: Vec<String>,
    /// Logits that are not farther apart than this may be equal behind what was left out.
    pub tie_margin: f64,
    /// Names of the classes, where the graph looks them up.
    pub classes: Option<Vec<String>>,
}

/// Reads the network in `file`. What no output needs is not looked at.
pub(super) fn read(file: &File, opset: i64) -> Result<Foreign, OnnxError> {
    let live = live(file);
    let input = interface::input(file)?;
    let mut first_error = None;
    for sample in &input.shapes {
        match Reader::new(file, opset, (&input, sample), &live)?.run(file, &live) {
            Ok(foreign) => return Ok(foreign),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or(OnnxError::Missing("input")))
}

/// The nodes that some output needs, in their order.
fn live(file: &File) -> Vec<&Node> {
    let mut needed: HashSet<&str> = file.output.iter().map(|output| output.name.as_str()).collect();
    let mut nodes = vec![];
    for node in file.node.iter().rev() {
        if node.output.iter().any(|name| !name.is_empty() && needed.contains(name.as_str())) {
            needed.extend(node.input.iter().map(String::as_str));
            nodes.push(node);
        }
    }
    nodes.reverse();
    nodes
}

/// A graph being read.
struct Reader<'f> {
    opset: i64,
    /// The one format of all numbers.
    precision: Precision,
    /// Whether the first axis of every computed value is a batch.
    batched: bool,
    tensors: HashMap<&'f str, &'f Tensor>,
    values: HashMap<String, Value>,
    /// How often each name is read.
    uses: HashMap<&'f str, usize>,
    /// The names of the outputs.
    outputs: Vec<&'f str>,
    nodes: Vec<GraphNode>,
    /// Numbers in all values so far.
    numbers: usize,
    /// Length of the input.
    features: usize,
    notes: Vec<String>,
    tie_margin: f64,
    classes: Option<Vec<String>>,
}

impl<'f> Reader<'f> {
    fn new(
        file: &'f File,
        opset: i64,
        (Input { name: input, precision, .. }, Sample { shape, batched }): (&Input, &Sample),
        live: &[&'f Node],
    ) -> Result<Self, OnnxError> {
        let mut tensors = HashMap::new();
        for tensor in &file.initializer {
            if tensors.insert(tensor.name.as_str(), tensor).is_some() || tensor.name == *input {
                return Err(twice(&tensor.name));
            }
        }
        let mut uses = HashMap::new();
        let read = live.iter().flat_map(|node| &node.input);
        for name in read.chain(file.output.iter().map(|output| &output.name)) {
            *uses.entry(name.as_str()).or_default() += 1;
        }
        let features = count(shape).ok_or(OnnxError::Missing("input of a size that can be read"))?;
        let value = Computed { vector: 0, shape: shape.to_vec(), sole: false };
        Ok(Self {
            opset,
            precision: *precision,
            batched: *batched,
            tensors,
            values: HashMap::from([(input.clone(), Value::Computed(value))]),
            uses,
            outputs: file.output.iter().map(|output| output.name.as_str()).collect(),
            nodes: vec![],
            numbers: features,
            features,
            notes: vec![],
            tie_margin: 0.0,
            classes: None,
        })
    }

    fn run(mut self, file: &File, live: &[&Node]) -> Result<Foreign, OnnxError> {
        for &node in live {
            let named = Node {
                name: if node.name.is_empty() {
                    node.output.first().cloned().unwrap_or_default()
                } else {
                    node.name.clone()
                },
                ..node.clone()
            };
            let inputs = self.inputs(&named)?;
            let results = self.node(&named, inputs)?;
            self.keep(&named, results)?;
        }
        self.finish(file)
    }

    /// The values that a node reads, `None` for those that are left out.
    fn inputs(&self, node: &Node) -> Result<Vec<Option<Value>>, OnnxError> {
        let value = |name: &String| {
            if name.is_empty() {
                return Ok(None);
            }
            if let Some(value) = self.values.get(name) {
                let mut value = value.clone();
                if let Value::Computed(computed) = &mut value {
                    computed.sole &= self.uses.get(name.as_str()) == Some(&1);
                }
                return Ok(Some(value));
            }
            let dangling = || OnnxError::Dangling { node: node.name.clone(), name: name.clone() };
            let tensor = self.tensors.get(name.as_str()).ok_or_else(dangling)?;
            Ok(Some(Value::Constant(Rc::new(Constant::of(tensor)?))))
        };
        node.input.iter().map(value).collect()
    }

    /// Gives the results of a node their names.
    fn keep(&mut self, node: &Node, results: Vec<Value>) -> Result<(), OnnxError> {
        for (position, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if self.tensors.contains_key(name.as_str()) || self.values.contains_key(name) {
                return Err(twice(name));
            }
            if let Some(value) = results.get(position) {
                self.numbers = self.numbers.saturating_add(value.len());
                if self.numbers > 4 * MOST {
                    return Err(operator(node, format!(": more than {} numbers in all values", 4 * MOST)));
                }
                self.values.insert(name.clone(), value.clone());
            } else if self.uses.contains_key(name.as_str()) {
                return Err(operator(node, format!(" with output '{name}'")));
            }
        }
        if node.output.iter().all(String::is_empty) {
            return Err(operator(node, " without outputs".into()));
        }
        Ok(())
    }

    /// The results of one node.
    fn node(&mut self, node: &Node, inputs: Vec<Option<Value>>) -> Result<Vec<Value>, OnnxError> {
        if inputs.iter().flatten().any(|value| matches!(value, Value::Tail(_))) {
            return self.behind(node, &inputs);
        }
        match (node.domain.as_str(), node.op_type.as_str()) {
            ("ai.onnx.ml", "Scaler") => return Ok(vec![self.scaler(node, &inputs)?]),
            ("ai.onnx.ml", "LinearClassifier") => return self.linear_classifier(node, &inputs),
            ("ai.onnx.ml", "LinearRegressor") => return Ok(vec![self.linear_regressor(node, &inputs)?]),
            ("ai.onnx.ml", "ArrayFeatureExtractor") => return Ok(vec![self.columns(node, &inputs)?]),
            ("ai.onnx.ml", "ZipMap") => return Ok(vec![tails::scores(node, &inputs)?]),
            (domain, _) if !is_default(domain) => return Err(operator(node, String::new())),
            _ => {}
        }
        let computed = inputs.iter().flatten().any(|value| matches!(value, Value::Computed(_)));
        if !computed {
            return constants::folded(self, node, &inputs);
        }
        let op = node.op_type.as_str();
        if movement::OPERATORS.contains(&op) {
            return self.movement(node, &inputs);
        }
        let result = match op {
            "Shape" | "Size" => return constants::shape(node, &inputs),
            "Cast" => self.cast(node, &inputs),
            "Gemm" => self.gemm(node, &inputs),
            "MatMul" => self.mat_mul(node, &inputs),
            "Add" | "Sub" | "Mul" | "Div" => self.binary(node, &inputs),
            "Sum" | "Concat" | "Max" | "Min" => self.join(node, &inputs),
            "Where" => self.choose(node, &inputs),
            "BatchNormalization" => self.batch_normalization(node, &inputs),
            "Conv" => self.convolution(node, &inputs),
            "ConvTranspose" => self.transposed_convolution(node, &inputs),
            "AveragePool" | "GlobalAveragePool" | "MaxPool" | "GlobalMaxPool" => self.pool(node, &inputs),
            "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" => self.reduce(node, &inputs),
            "Pad" => self.pad(node, &inputs),
            "Relu" | "LeakyRelu" | "PRelu" | "Clip" | "HardSigmoid" | "Abs" | "Neg" => {
                self.activation(node, &inputs)
            }
            "Resize" | "Upsample" => self.enlarged(node, &inputs),
            "Softmax" | "LogSoftmax" | "ArgMax" | "Sigmoid" => self.tail(node, &inputs),
            _ => Err(operator(node, String::new())),
        };
        Ok(vec![result?])
    }

    /// Adds a node to the network.
    fn push(&mut self, operation: Operation, reads: Vec<usize>, shape: Vec<usize>) -> Computed {
        self.nodes.push(GraphNode { reads, operation });
        Computed { vector: self.nodes.len(), shape, sole: true }
    }

    /// The numbers of `value` at `indices`, laid out as `shape`; the same vector
    /// where none of them moves.
    fn select(&mut self, value: &Computed, indices: Vec<usize>, shape: Vec<usize>) -> Computed {
        let count = value.shape.iter().product::<usize>();
        if indices.len() == count && indices.iter().enumerate().all(|(i, &index)| i == index) {
            return Computed { shape, ..value.clone() };
        }
        self.push(Operation::Select(indices), vec![value.vector], shape)
    }

    fn activate(&mut self, value: &Computed, activation: Activation) -> Computed {
        self.push(Operation::Activation(activation), vec![value.vector], value.shape.clone())
    }

    /// A constant as numbers of the one format.
    fn numbers(&self, node: &Node, constant: &Constant) -> Result<Vec<f64>, OnnxError> {
        match &constant.data {
            Data::Numbers(values, Some(precision)) if *precision == self.precision => Ok(values.clone()),
            Data::Numbers(_, precision) => {
                let given = precision.map_or_else(|| "float16".into(), |precision| precision.to_string());
                let why = format!(
                    " with numbers of {given} in a network of {}; expected one format",
                    self.precision
                );
                Err(operator(node, why))
            }
            _ => Err(operator(node, " with integers".into())),
        }
    }

    /// Refuses a result of this shape that mixes the samples of a batch. A Reshape at
    /// the end may: it writes the numbers of one sample behind those of the one before.
    fn keeps_batch(&self, node: &Node, shape: &[usize]) -> Result<(), OnnxError> {
        let ends =
            |name: &String| self.outputs.contains(&name.as_str()) && self.uses.get(name.as_str()) == Some(&1);
        let at_end = node.op_type == "Reshape" && node.output.iter().all(ends);
        if self.batched && shape.first() != Some(&1) && !at_end {
            return Err(operator(node, format!(" to the shape {shape:?} for one sample of a batch")));
        }
        Ok(())
    }

    fn movement(&mut self, node: &Node, inputs: &[Option<Value>]) -> Result<Vec<Value>, OnnxError> {
        let Some(Value::Computed(value)) = inputs.first().and_then(Option::as_ref) else {
            return Err(operator(node, " with a shape or place that depends on the input".into()));
        };
        let parameters = movement::Parameters { node, inputs: inputs.iter().map(constant).collect() };
        let moved = movement::moved(node, self.opset, &value.shape, &parameters)?;
        for moved in &moved {
            self.keeps_batch(node, &moved.shape)?;
        }
        let order = node.attribute.iter().find(|a| a.name == "perm").map(|a| a.ints.as_slice());
        let first = order.and_then(<[i64]>::first).copied();
        if self.batched && node.op_type == "Transpose" && value.shape.len() > 1 && first != Some(0) {
            return Err(operator(node, " of the samples of a batch".into()));
        }
        Ok(moved
            .into_iter()
            .map(|moved| Value::Computed(self.select(value, moved.indices, moved.shape)))
            .collect())
    }
}

fn constant(value: &Option<Value>) -> Option<&Constant> {
    match value {
        Some(Value::Constant(constant)) => Some(constant),
        _ => None,
    }
}

/// The one computed input of a node, which must be the first.
fn first<'v>(node: &Node, inputs: &'v [Option<Value>]) -> Result<&'v Computed, OnnxError> {
    match inputs {
        [Some(Value::Computed(value)), others @ ..]
            if !others.iter().flatten().any(|other| matches!(other, Value::Computed(_))) =>
        {
            Ok(value)
        }
        _ => Err(operator(node, " of this arrangement".into())),
    }
}

fn twice(name: &str) -> OnnxError {
    OnnxError::Structure(format!("the name '{name}' is given twice"))
}

impl Reader<'_> {
    /// The network of all nodes that the output needs.
    fn network(&self, output: &Computed) -> Result<Model, OnnxError> {
        if output.shape.iter().filter(|&&d| d != 1).count() > 1 {
            let what = format!("the output has shape {:?}; expected one row", output.shape);
            return Err(OnnxError::Structure(what));
        }
        let mut needed = vec![false; self.nodes.len() + 1];
        needed[output.vector] = true;
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if needed[index + 1] {
                node.reads.iter().for_each(|&vector| needed[vector] = true);
            }
        }
        let (mut renamed, mut nodes) = (vec![0; needed.len()], vec![]);
        for (index, node) in self.nodes.iter().enumerate().filter(|(index, _)| needed[index + 1]) {
            let reads = node.reads.iter().map(|&vector| renamed[vector]).collect();
            nodes.push(GraphNode { reads, operation: node.operation.clone() });
            renamed[index + 1] = nodes.len();
        }
        if nodes.is_empty() {
            return Err(OnnxError::Missing("layer"));
        }
        let graph = Graph::new(self.precision, self.features, nodes);
        let graph = graph.map_err(|e| OnnxError::Structure(e.to_string()))?;
        Ok(graph.into_layers().map_or_else(Model::Graph, Model::Layers))
    }
}
