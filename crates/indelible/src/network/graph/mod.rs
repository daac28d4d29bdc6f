//! Piecewise-linear graphs: what networks of others come to.

mod affine;
mod chain;
mod evaluate;
mod operation;

use super::{Arithmetic, Evaluator, NetworkForm, Size};
use crate::{Error, Precision};

pub use affine::{AffineMap, Convolution, RowBuffer, Window};
pub use operation::{Activation, Groups, Operation, Rescaling};

/// One node: what it reads and what it does with that.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The vectors it reads: 0 is the input of the graph, `k` what node `k − 1`
    /// gives. More than one where the operation takes several.
    pub reads: Vec<usize>,
    /// What it computes.
    pub operation: Operation,
}

/// A graph of affine maps, piecewise-linear functions of one number, maxima,
/// sums and selections, without a circle.
///
/// Vector 0 is the input; node `k` reads vectors up to `k` and gives vector
/// `k + 1`. The last vector is the output. All stored numbers are numbers of
/// the format, which operations are executed in, sums in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    precision: Precision,
    nodes: Vec<Node>,
    /// Length of every vector.
    widths: Vec<usize>,
}

impl Graph {
    /// The graph of these nodes, which reads `inputs` numbers.
    ///
    /// # Errors
    /// [`Error::BadForm`] when there is no node or no input, a node reads what
    /// is not computed before it or of another length than it takes, or a
    /// number is no finite number of the format.
    pub fn new(precision: Precision, inputs: usize, nodes: Vec<Node>) -> Result<Self, Error> {
        let bad = |why: String| Error::BadForm { form: "graph", why };
        if inputs == 0 || nodes.is_empty() {
            return Err(bad("there is no input or no node".into()));
        }
        let mut widths = vec![inputs];
        for (index, node) in nodes.iter().enumerate() {
            let at = |why: String| bad(format!("node {index}: {why}"));
            let read: Option<Vec<usize>> = node.reads.iter().map(|&v| widths.get(v).copied()).collect();
            let read = read.ok_or_else(|| at("it reads what is not computed before".into()))?;
            let width = node.operation.width(&read).map_err(at)?;
            if !node.operation.holds(precision) {
                return Err(bad(format!("a number of node {index} is no finite number of {precision}")));
            }
            widths.push(width);
        }
        Ok(Self { precision, nodes, widths })
    }

    /// The nodes; each reads only what stands before it.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Length of vector `index`: of the input for 0, of what node `index − 1`
    /// gives else.
    ///
    /// # Panics
    /// When there is no such vector.
    #[must_use]
    pub fn width(&self, index: usize) -> usize {
        self.widths[index]
    }

    /// The outputs at one point `x`, `n` numbers, as `arithmetic` has them.
    ///
    /// # Panics
    /// When `x` has another length.
    pub fn evaluate_in<A: Arithmetic>(&self, arithmetic: &mut A, x: &[A::Number]) -> Vec<A::Number> {
        assert_eq!(x.len(), self.widths[0], "one number per feature");
        let mut vectors = vec![x.to_vec()];
        for node in &self.nodes {
            let read: Vec<&[A::Number]> = node.reads.iter().map(|&v| vectors[v].as_slice()).collect();
            let result = node.operation.evaluate_in(arithmetic, &read);
            vectors.push(result);
        }
        vectors.pop().unwrap_or_default()
    }
}

impl NetworkForm for Graph {
    fn inputs(&self) -> usize {
        self.widths.first().copied().unwrap_or(0)
    }

    fn outputs(&self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    /// Depth is the largest number of affine maps on a way from the input to
    /// the output, width the longest vector that an activation or a maximum
    /// gives, and parameters are the stored ones: those of a kernel count once.
    fn size(&self) -> Size {
        let mut total = Size::NONE;
        let mut depths = vec![0usize];
        for (index, node) in self.nodes.iter().enumerate() {
            let before = node.reads.iter().map(|&v| depths[v]).max().unwrap_or(0);
            let parameters = node.operation.parameters();
            depths.push(before + parameters.depth);
            let width = if node.operation.is_activation() { self.widths[index + 1] } else { 0 };
            total = total.then(Size { width, ..parameters });
        }
        Size { depth: depths.last().copied().unwrap_or(0), ..total }
    }
}

impl Evaluator for &Graph {
    fn inputs(&self) -> usize {
        NetworkForm::inputs(*self)
    }

    fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        evaluate::outputs(self, inputs)
    }

    fn batch(&self) -> usize {
        256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Inexact;
    use crate::network::{LayerBuilder, Model, Rounded};

    /// A convolution of two groups, a residual connection and a maximum, over
    /// an image of 2 × 3 × 4.
    fn graph(precision: Precision) -> Graph {
        let value = |at: usize| precision.round(((at * 7919 + at * at * 31) % 1009) as f64 / 503.0 - 1.0);
        let window = Window {
            channels: 2,
            image: [3, 4],
            kernel: [2, 3],
            strides: [1, 2],
            dilations: [1, 1],
            pads: [1, 1],
            places: [3, 2],
        };
        let convolution = Convolution {
            window,
            groups: 2,
            weights: (0..24).map(value).collect(),
            biases: (30..34).map(value).collect(),
        };
        let mut rows = LayerBuilder::new(24);
        for row in 0..24 {
            (0..24).filter(|c| (row + c) % 3 == 0).for_each(|c| {
                rows.weight(c, value(row * 24 + c));
            });
            rows.bias(value(row));
        }
        let mut groups = Groups::default();
        (0..12).for_each(|g| groups.push([g, g + 12, 47 - g]));
        let third = Inexact {
            stored: precision.round(1.0 / 3.0),
            range: crate::Enclosure { lower: 0.333, upper: 0.334 },
        };
        let node = |reads: &[usize], operation| Node { reads: reads.to_vec(), operation };
        let nodes = vec![
            node(&[0], Operation::Affine(AffineMap::Convolution(convolution))),
            node(&[1], Operation::Activation(Activation::Leaky(vec![0.25]))),
            node(&[2], Operation::Affine(AffineMap::Rows(rows.finish()))),
            node(&[3, 0], Operation::Sum),
            node(&[4, 2], Operation::Max(groups)),
            node(
                &[5],
                Operation::Rescale(Rescaling {
                    factors: vec![third; 12],
                    shifts: vec![Inexact::exact(0.5); 12],
                }),
            ),
            node(&[6], Operation::Activation(Activation::Clip { lower: -1.0, upper: 2.0 })),
            node(&[7, 1], Operation::Select(vec![35, 0, 11, 12])),
        ];
        Graph::new(precision, 24, nodes).unwrap()
    }

    #[test]
    fn evaluation_is_what_the_graph_means() {
        let x: Vec<f64> = (0..24).map(|i| f64::from((i * 37 % 29) as u8) / 7.0 - 2.0).collect();
        let single = graph(Precision::F32);
        let numbers: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let meant = single.evaluate_in(&mut Rounded::<f32>::default(), &numbers);
        let found = Model::Graph(single).evaluate(&x).unwrap();
        assert_eq!(found, meant.into_iter().map(f64::from).collect::<Vec<_>>());
        let double = graph(Precision::F64);
        let meant = double.evaluate_in(&mut Rounded::<f64>::default(), &x);
        assert_eq!(Model::Graph(double).evaluate(&x).unwrap(), meant);
    }

    #[test]
    fn graphs_that_do_not_fit_are_refused() {
        let good = graph(Precision::F64);
        for (index, _) in good.nodes().iter().enumerate() {
            let mut nodes = good.nodes().to_vec();
            nodes[index].reads[0] = index + 1;
            assert!(Graph::new(Precision::F64, 24, nodes).is_err(), "node {index} reads itself");
        }
        assert!(Graph::new(Precision::F64, 23, good.nodes().to_vec()).is_err());
        assert!(Graph::new(Precision::F64, 24, vec![]).is_err());
        assert!(Graph::new(Precision::F32, 24, good.nodes().to_vec()).is_err(), "numbers of binary64");
    }

    #[test]
    fn chains_become_layers_that_mean_the_same() {
        let nodes = graph(Precision::F64).nodes()[..1].to_vec();
        let relu = || Operation::Activation(Activation::Relu);
        let select = Operation::Select((0..24).rev().collect());
        let mut rows = LayerBuilder::new(24);
        (0..5).for_each(|row| {
            rows.weight(row, 1.5).weight(row + 7, -0.75).bias(0.25);
        });
        let rows = Operation::Affine(AffineMap::Rows(rows.finish()));
        let kinds = [select.clone(), relu(), select, relu(), rows, Operation::Select(vec![4, 4, 0])];
        let more =
            kinds.into_iter().enumerate().map(|(at, operation)| Node { reads: vec![at + 1], operation });
        let graph = Graph::new(Precision::F64, 24, nodes.into_iter().chain(more).collect()).unwrap();
        let x: Vec<f64> = (0..48).map(|i| f64::from((i * 37 % 29) as u8) / 8.0 - 2.0).collect();
        let expected = Model::Graph(graph.clone()).evaluate(&x).unwrap();
        let layers = graph.into_layers().unwrap();
        assert_eq!(layers.layers().len(), 2);
        assert_eq!(Model::Layers(layers).evaluate(&x).unwrap(), expected);
        assert!(super::tests::graph(Precision::F64).into_layers().is_err());
    }
}
