//! Reads a chain of Gemm, MatMul, Add and Relu as affine layers.

use indelible::{
    Precision,
    network::{Layer, LayerBuilder, StoredNetwork},
};

use super::{
    OnnxError,
    graph::{Graph, bad, dims, int_attribute, integers, numbers, only_attributes, operator},
    proto::{Node, Tensor},
};

/// An affine map being put together: per output its nonzero weights.
struct Affine {
    inputs: usize,
    rows: Vec<Vec<(usize, f64)>>,
    biases: Vec<f64>,
    /// An Add may still give it its bias.
    open: bool,
}

/// Layers so far, with one affine map that still may get a bias.
struct Chain {
    precision: Option<Precision>,
    layers: Vec<Layer>,
    affine: Option<Affine>,
    /// Whether the value at hand has passed a Relu since the last affine map.
    active: bool,
    width: Option<usize>,
}

/// Reads the whole graph, which must be one chain from its input to its output.
pub(super) fn read(graph: &Graph) -> Result<StoredNetwork, OnnxError> {
    let mut chain = Chain {
        precision: None,
        layers: vec![],
        affine: None,
        active: false,
        width: graph.declared.features,
    };
    let mut value = graph.input.as_str();
    // Other shapes would be broadcast row by row.
    let mut flat = graph.declared.flat;
    for node in &graph.nodes {
        let follows = node.input.iter().filter(|name| *name == value).count();
        if let Some(name) = node.input.iter().find(|name| !name.is_empty() && !graph.knows(name)) {
            return Err(OnnxError::Dangling { node: node.name.clone(), name: name.clone() });
        }
        let op = node.op_type.as_str();
        if !["Gemm", "MatMul", "Add", "Relu", "Flatten", "Reshape", "Identity"].contains(&op) {
            return Err(operator(node, String::new()));
        }
        if follows != 1 {
            return Err(operator(node, " where it does not continue the chain from the input".into()));
        }
        match op {
            "Flatten" | "Reshape" => flat = true,
            "Gemm" if graph.declared.rank.is_none() => flat = true,
            "Gemm" | "MatMul" | "Add" if !flat => {
                return Err(operator(node, " on an input of this shape; flatten it first".into()));
            }
            _ => {}
        }
        match op {
            "Gemm" => chain.gemm(graph, node, value)?,
            "MatMul" => chain.mat_mul(graph, node, value)?,
            "Add" => chain.add(graph, node, value)?,
            "Relu" => chain.relu(node)?,
            "Reshape" => reshape(graph, node, value)?,
            "Flatten" => flatten(node)?,
            _ => only_attributes(node, &[])?,
        }
        value = &node.output[0];
    }
    if value != graph.output {
        let output = &graph.output;
        return Err(OnnxError::Structure(format!(
            "the output '{output}' is not the end of the chain, '{value}'"
        )));
    }
    chain.finish()
}

impl Chain {
    /// `alpha · A B + beta · C` with `A` the value at hand.
    fn gemm(&mut self, graph: &Graph, node: &Node, value: &str) -> Result<(), OnnxError> {
        only_attributes(node, &["alpha", "beta", "transA", "transB"])?;
        let unit =
            |name: &str| node.attribute.iter().find(|a| a.name == name).is_none_or(|a| a.f == Some(1.0));
        if !unit("alpha") || !unit("beta") || int_attribute(node, "transA", 0) != 0 {
            return Err(operator(node, " with alpha, beta or transA".into()));
        }
        let (Some(matrix), true, ..=3) = (node.input.get(1), node.input[0] == value, node.input.len()) else {
            return Err(operator(node, " of this arrangement".into()));
        };
        let transposed = int_attribute(node, "transB", 0) != 0;
        let mut affine = self.matrix(graph, node, matrix, transposed)?;
        if let Some(bias) = node.input.get(2).filter(|name| !name.is_empty()) {
            affine.biases = self.vector(graph, node, bias, affine.biases.len())?;
        }
        affine.open = false;
        self.push(affine)
    }

    /// `A B` with `A` the value at hand.
    fn mat_mul(&mut self, graph: &Graph, node: &Node, value: &str) -> Result<(), OnnxError> {
        only_attributes(node, &[])?;
        match &node.input[..] {
            [left, matrix] if left == value => {
                let affine = self.matrix(graph, node, matrix, false)?;
                self.push(affine)
            }
            _ => Err(operator(node, " with the matrix on the left".into())),
        }
    }

    /// Adds a constant vector: the bias of a MatMul before it, or an affine map
    /// of its own.
    fn add(&mut self, graph: &Graph, node: &Node, value: &str) -> Result<(), OnnxError> {
        only_attributes(node, &[])?;
        let [a, b] = &node.input[..] else { return Err(operator(node, " of this arrangement".into())) };
        let constant = if a == value { b } else { a };
        let width = self.known_width(node)?;
        let biases = self.vector(graph, node, constant, width)?;
        if let Some(affine) = self.affine.as_mut().filter(|affine| affine.open) {
            (affine.biases, affine.open) = (biases, false);
            return Ok(());
        }
        self.push(Affine { biases, open: false, ..Affine::identity(width) })
    }

    fn known_width(&self, node: &Node) -> Result<usize, OnnxError> {
        self.width.ok_or_else(|| operator(node, " before the number of features is known".into()))
    }

    fn relu(&mut self, node: &Node) -> Result<(), OnnxError> {
        only_attributes(node, &[])?;
        if self.active {
            return Ok(());
        }
        if self.affine.is_none() {
            self.push(Affine::identity(self.known_width(node)?))?;
        }
        self.close();
        self.active = true;
        Ok(())
    }

    /// Takes over the next affine map. Where no Relu stands between it and the
    /// one before, the value `v` passes as `relu(v) − relu(−v)`, which is `v`
    /// exactly, in any arithmetic.
    fn push(&mut self, affine: Affine) -> Result<(), OnnxError> {
        if let Some(width) = self.width.filter(|width| *width != affine.inputs) {
            let (layer, inputs) = (self.layers.len(), affine.inputs);
            return Err(OnnxError::Structure(format!(
                "layer {layer} reads {inputs} values but gets {width}"
            )));
        }
        self.width = Some(affine.biases.len());
        self.affine = Some(match self.affine.take() {
            Some(before) => {
                self.layers.push(before.with_negative().layer());
                affine.of_difference()
            }
            None => affine,
        });
        self.active = false;
        Ok(())
    }

    /// Makes the affine map at hand a layer.
    fn close(&mut self) {
        if let Some(affine) = self.affine.take() {
            self.layers.push(affine.layer());
        }
    }

    fn finish(mut self) -> Result<StoredNetwork, OnnxError> {
        if let Some(width) = self.width.filter(|_| self.active) {
            self.push(Affine::identity(width))?;
        }
        self.close();
        if self.layers.is_empty() {
            return Err(OnnxError::Missing("layer"));
        }
        StoredNetwork::new(self.precision.unwrap_or(Precision::F32), self.layers)
            .map_err(|e| OnnxError::Structure(e.to_string()))
    }

    /// The tensor that `node` reads as `name`, and its numbers, which must be of the
    /// format of all others.
    fn numbers<'g>(
        &mut self,
        graph: &'g Graph,
        node: &Node,
        name: &str,
    ) -> Result<(&'g Tensor, Vec<f64>), OnnxError> {
        let tensor = graph.tensor(node, name)?;
        let (values, precision) = numbers(tensor)?;
        let known = *self.precision.get_or_insert(precision);
        if known != precision {
            return Err(bad(
                tensor,
                format!("it is {precision} in a network of {known}; expected one format"),
            ));
        }
        Ok((tensor, values))
    }

    fn matrix(
        &mut self,
        graph: &Graph,
        node: &Node,
        name: &str,
        transposed: bool,
    ) -> Result<Affine, OnnxError> {
        let (tensor, values) = self.numbers(graph, node, name)?;
        let (outputs, inputs) = match dims(tensor)?[..] {
            [rows, columns] if rows > 0 && columns > 0 && transposed => (rows, columns),
            [rows, columns] if rows > 0 && columns > 0 => (columns, rows),
            _ => return Err(bad(tensor, format!("its shape is {:?}; expected a matrix", tensor.dims))),
        };
        let mut rows = vec![vec![]; outputs];
        for (position, &weight) in values.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            if transposed {
                rows[position / inputs].push((position % inputs, weight));
            } else {
                rows[position % outputs].push((position / outputs, weight));
            }
        }
        Ok(Affine { inputs, rows, biases: vec![0.0; outputs], open: true })
    }

    /// A constant that is added to rows of `width` values.
    fn vector(
        &mut self,
        graph: &Graph,
        node: &Node,
        name: &str,
        width: usize,
    ) -> Result<Vec<f64>, OnnxError> {
        let (tensor, values) = self.numbers(graph, node, name)?;
        let shape = dims(tensor)?;
        let (last, leading) = shape.split_last().map_or((1, &[][..]), |(last, leading)| (*last, leading));
        match leading.iter().all(|&d| d == 1) && leading.len() <= 1 {
            true if last == width => Ok(values),
            true if last == 1 => Ok(vec![values[0]; width]),
            _ => Err(bad(tensor, format!("its shape is {:?}; expected [{width}]", tensor.dims))),
        }
    }
}

impl Affine {
    fn identity(width: usize) -> Self {
        let rows = (0..width).map(|column| vec![(column, 1.0)]).collect();
        Self { inputs: width, rows, biases: vec![0.0; width], open: true }
    }

    /// `x ↦ (W x + b, −W x − b)`.
    fn with_negative(mut self) -> Self {
        let outputs = self.rows.len();
        self.rows.extend_from_within(..);
        self.biases.extend_from_within(..);
        self.rows[outputs..].iter_mut().flatten().for_each(|(_, weight)| *weight = -*weight);
        self.biases[outputs..].iter_mut().for_each(|bias| *bias = -*bias);
        self
    }

    /// `(p, q) ↦ W (p − q) + b`.
    fn of_difference(mut self) -> Self {
        for row in &mut self.rows {
            let negative: Vec<_> = row.iter().map(|(column, w)| (column + self.inputs, -w)).collect();
            row.extend(negative);
        }
        Self { inputs: 2 * self.inputs, ..self }
    }

    fn layer(&self) -> Layer {
        let mut layer = LayerBuilder::new(self.inputs);
        for (row, bias) in self.rows.iter().zip(&self.biases) {
            for &(column, weight) in row {
                layer.weight(column, weight);
            }
            layer.bias(*bias);
        }
        layer.finish()
    }
}

/// Flattening leaves rows as they are as long as it keeps the batch.
fn flatten(node: &Node) -> Result<(), OnnxError> {
    only_attributes(node, &["axis"])?;
    if int_attribute(node, "axis", 1) == 1 { Ok(()) } else { Err(operator(node, " with this axis".into())) }
}

/// A Reshape to `[batch, −1]` or `[−1, n]` leaves rows as they are.
fn reshape(graph: &Graph, node: &Node, value: &str) -> Result<(), OnnxError> {
    only_attributes(node, &["allowzero"])?;
    let [data, shape] = &node.input[..] else { return Err(operator(node, " of this arrangement".into())) };
    let shape = integers(graph.tensor(node, shape)?)?;
    let keeps_rows = match shape[..] {
        [-1, n] => graph.declared.features.is_some_and(|features| usize::try_from(n) == Ok(features)),
        [0 | 1, -1] => true,
        _ => false,
    };
    if keeps_rows && data == value && value == graph.input {
        return Ok(());
    }
    Err(operator(node, format!(" to {shape:?}")))
}
