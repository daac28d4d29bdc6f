//! Outputs of networks of others on a box, in real arithmetic and as executed.

use super::{
    arithmetic::{Interval, magnitude},
    graph, layers,
    together::Together,
};
use crate::{
    Enclosure, Precision,
    network::{Layer, Model, StoredNetwork},
    number::{add_up, mul_up},
};

/// Bounds of all outputs on a box.
pub(super) struct OutputBounds {
    pub outputs: Vec<Interval>,
    /// The terms of the outputs, where these are sums that a runtime may go on with.
    together: Option<Together>,
    precision: Precision,
}

impl OutputBounds {
    /// Bounds of the outputs of layers or a graph for all inputs between pairs of ends, one
    /// per feature; `None` where none is known: for other forms, where a value may overflow
    /// or an end is no number of the format.
    pub fn new(model: &Model, ends: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let (precision, largest) = (model.precision(), model.precision().largest());
        let input: Vec<Interval> = ends.map(|(lower, upper)| Interval { lower, upper }).collect();
        let fits = |x: &Interval| -largest <= x.lower && x.lower <= x.upper && x.upper <= largest;
        if input.len() != model.inputs() || !input.iter().all(fits) {
            return None;
        }
        let (outputs, together) = match model {
            Model::Layers(network) => of_layers(network, input)?,
            Model::Graph(graph) => graph::outputs(graph, input)?,
            _ => return None,
        };
        let finite = outputs.iter().all(|x| x.lower.is_finite() && x.upper.is_finite());
        finite.then_some(Self { outputs, together, precision })
    }

    /// By how much output `output` may be off from its difference with a number of size
    /// `taken`, where a runtime takes that away before its sum is complete, beyond what
    /// rounding the difference once may do; `None` where no bound is known.
    pub fn error(&self, output: usize, taken: f64) -> Option<f64> {
        let Some(Together { sizes, roundings }) = &self.together else { return Some(0.0) };
        let roundings = roundings + Together::MORE + 2;
        let size = add_up(add_up(sizes[output], taken), Together::underflow(roundings, self.precision));
        Together { sizes: vec![], roundings }.error(size, self.precision)
    }
}

/// The outputs of layers, and the terms of these sums.
fn of_layers(network: &StoredNetwork, input: Vec<Interval>) -> Option<(Vec<Interval>, Option<Together>)> {
    let mut sums = layers::propagate(network, input.clone())?;
    let outputs = sums.pop()?;
    let last: &Layer = network.layers().last()?;
    let read = sums.pop().map_or(input, |sums| sums.into_iter().map(Interval::relu).collect());
    let sizes = last.rows().map(|row| {
        row.terms().fold(row.bias.abs(), |size, (c, w)| add_up(size, mul_up(w.abs(), magnitude(read[c]))))
    });
    let roundings = last.rows().map(|row| row.columns.len()).max().unwrap_or(0) + 1;
    Some((outputs, Some(Together { sizes: sizes.collect(), roundings })))
}

/// Bounds of every output of `model` for all points between `lower` and `upper`, one number
/// of the format per feature each: of the real values, and of what is computed in the
/// network's format, in any order of sums. `None` where no bound is known: for other
/// forms than layers and graphs, where a value may overflow, or where the box is none.
#[must_use]
pub fn output_bounds(model: &Model, lower: &[f64], upper: &[f64]) -> Option<Vec<Enclosure>> {
    if lower.len() != upper.len() {
        return None;
    }
    let ends = lower.iter().copied().zip(upper.iter().copied());
    let bounds = OutputBounds::new(model, ends)?;
    Some(bounds.outputs.into_iter().map(|x| Enclosure { lower: x.lower, upper: x.upper }).collect())
}
