//! Lower bounds of conditions on a box.

use std::time::Instant;

use super::{BoxAnswer, BoxQuery, Condition};
use crate::{
    certify::{
        Engine,
        arithmetic::{Interval, plus, product},
        graph,
        layers::propagate,
        linear::{Ending, Limit, Question, Region, Relaxation, search},
        program::{Program, is_dense},
    },
    network::{Graph, Layer, Model, StoredNetwork},
    number::{Enclosure, add_down, mul_up, sub_down, sub_up},
};

/// Weights and biases of dense layers whose intervals are looked at as well, at
/// most: small networks reach some answers exactly.
const SMALL: usize = 4096;

/// How a network is bounded on boxes.
pub(super) struct Bounder<'a> {
    /// What linear bounds and gradients are computed of, where they can be.
    pub program: Option<Program<'a>>,
    layers: Option<&'a StoredNetwork>,
    graph: Option<&'a Graph>,
}

/// What is known of a box.
#[derive(Debug)]
pub(super) struct Bounds {
    /// By how much at least some condition of every alternative fails; `−∞`
    /// where nothing is known.
    pub least: f64,
    /// What showed it.
    pub engine: Engine,
    /// Coefficients of the inputs in the bound of the condition that comes
    /// nearest to failing of the alternative that does least; empty where they
    /// are not known.
    pub weights: Vec<f64>,
}

impl Bounds {
    const NONE: Self = Self { least: f64::NEG_INFINITY, engine: Engine::Intervals, weights: vec![] };
}

impl<'a> Bounder<'a> {
    pub fn of(model: &'a Model) -> Self {
        match model {
            Model::Layers(network) => {
                let program = Program::of_layers(network);
                let size = network.layers().iter().map(Layer::nonzero).sum::<usize>();
                let exactly = program.is_none() || !is_dense(network) || size <= SMALL;
                Self { program, layers: exactly.then_some(network), graph: None }
            }
            Model::Graph(graph) => {
                Self { program: Program::of_graph(graph), layers: None, graph: Some(graph) }
            }
            _ => Self { program: None, layers: None, graph: None },
        }
    }

    /// Bounds on the box between `lower` and `upper`.
    pub fn bounds(&self, query: &BoxQuery, lower: &[f64], upper: &[f64]) -> Bounds {
        let by_intervals = self.by_intervals(query, lower, upper);
        if by_intervals.least > 0.0 {
            return by_intervals;
        }
        let by_lines = self.program.as_ref().and_then(|program| by_lines(program, query, lower, upper));
        by_lines.unwrap_or(by_intervals)
    }

    fn by_intervals(&self, query: &BoxQuery, lower: &[f64], upper: &[f64]) -> Bounds {
        let precision = match (self.layers, self.graph) {
            (Some(layers), _) => crate::network::Network::precision(layers),
            (_, Some(graph)) => crate::network::NetworkForm::precision(graph),
            _ => return Bounds::NONE,
        };
        let largest = precision.largest();
        let ends = lower.iter().zip(upper).map(|(&lower, &upper)| Interval {
            lower: lower.min(precision.round(lower)),
            upper: upper.max(precision.round(upper)),
        });
        let input: Vec<Interval> = ends.collect();
        if !input.iter().all(|x| x.lower >= -largest && x.upper <= largest) {
            return Bounds::NONE;
        }
        let all = match (self.layers, self.graph) {
            (Some(layers), _) => propagate(layers, input.clone()),
            (_, Some(graph)) => graph::propagate(graph, input.clone()),
            _ => None,
        };
        let Some(outputs) = all.and_then(|mut all| all.pop()) else { return Bounds::NONE };
        let fails = |condition: &Condition| {
            let sum = plus(form(&condition.inputs, &input), form(&condition.outputs, &outputs));
            not_nan(sub_down(sum.lower, condition.bound.upper))
        };
        let least =
            query.alternatives.iter().map(|all| all.iter().map(fails).fold(f64::NEG_INFINITY, f64::max));
        Bounds { least: least.fold(f64::INFINITY, f64::min), engine: Engine::Intervals, weights: vec![] }
    }

    /// Decides by the signs of sums; `None` where that is no way to look at the
    /// network or the question.
    pub fn by_signs(
        &self,
        query: &BoxQuery,
        branches: usize,
        until: Option<Instant>,
        tried: &dyn Fn(&[f64]) -> Option<Vec<f64>>,
    ) -> Option<BoxAnswer> {
        let program = self.program.as_ref()?;
        let region = Region::of_box(&query.lower, &query.upper, program.precision)?;
        let relaxation = Relaxation::new(program, &region)?;
        let all = rows(query, &relaxation)?;
        let (bounds, _) = relaxation.bounds_of(&all.question);
        // One condition of every alternative, the one that comes nearest to failing.
        let mut chosen = vec![];
        for range in &all.ranges {
            chosen.push(range.clone().max_by(|a, b| bounds[*a].total_cmp(&bounds[*b]))?);
        }
        let open = chosen.into_iter().map(|row| relaxation.root(row)).collect();
        let (ending, parts) = search(&relaxation, &all.question, open, Limit { branches, until }, tried);
        Some(match ending {
            Ending::Holds(margin) => BoxAnswer::Never { margin, parts, engine: Engine::BranchAndBound },
            Ending::Fails(point) => BoxAnswer::Met { point, parts },
            Ending::Open => BoxAnswer::Open { parts, timed_out: false },
        })
    }
}

/// All conditions as rows over the outputs that are positive where they fail, and
/// which rows belong to each alternative.
struct ConditionRows {
    question: Question,
    ranges: Vec<std::ops::Range<usize>>,
}

/// `None` where the outputs have no bounds.
fn rows(query: &BoxQuery, relaxation: &Relaxation<'_>) -> Option<ConditionRows> {
    let known = relaxation.bounds.last()?;
    let input: Vec<Interval> = relaxation
        .region
        .lower
        .iter()
        .zip(&relaxation.region.upper)
        .map(|(&lower, &upper)| Interval { lower, upper })
        .collect();
    let (mut rows, mut ranges) = (vec![], vec![]);
    for alternative in &query.alternatives {
        let start = rows.len();
        for condition in alternative {
            let mut row = vec![0.0; known.lower.len()];
            let mut added = sub_down(form(&condition.inputs, &input).lower, condition.bound.upper);
            for (k, a) in &condition.outputs {
                let middle = a.lower / 2.0 + a.upper / 2.0;
                let size = known.lower.get(*k)?.abs().max(known.upper.get(*k)?.abs());
                let off = sub_up(a.upper, middle).max(sub_up(middle, a.lower));
                added = sub_down(added, mul_up(off, size));
                *row.get_mut(*k)? += middle;
            }
            rows.push((row, not_nan(added)));
        }
        ranges.push(start..rows.len());
    }
    Some(ConditionRows { question: Question::of_rows(known.lower.len(), rows), ranges })
}

/// Bounds by linear bounds of all sums.
fn by_lines(program: &Program<'_>, query: &BoxQuery, lower: &[f64], upper: &[f64]) -> Option<Bounds> {
    let region = Region::of_box(lower, upper, program.precision)?;
    let relaxation = Relaxation::new(program, &region)?;
    let all = rows(query, &relaxation)?;
    let (bounds, inputs) = relaxation.bounds_of(&all.question);
    let mut worst: Option<(f64, usize)> = None;
    for range in &all.ranges {
        let best = range.clone().map(|row| (bounds[row], row)).max_by(|a, b| a.0.total_cmp(&b.0));
        let best = best.unwrap_or((f64::NEG_INFINITY, 0));
        if worst.is_none_or(|worst| best.0 < worst.0) {
            worst = Some(best);
        }
    }
    let (least, row) = worst.unwrap_or((f64::INFINITY, 0));
    let weights = inputs.chunks(lower.len()).nth(row).map(<[f64]>::to_vec).unwrap_or_default();
    Some(Bounds { least, engine: Engine::LinearBounds, weights })
}

/// `Σ a_j x_j`, rounded outward.
fn form(terms: &[(usize, Enclosure)], x: &[Interval]) -> Interval {
    let term = |(j, a): &(usize, Enclosure)| {
        let a = Interval { lower: a.lower, upper: a.upper };
        x.get(*j).map_or(Interval { lower: f64::NEG_INFINITY, upper: f64::INFINITY }, |x| product(a, *x))
    };
    terms.iter().map(term).fold(Interval::ZERO, |sum, term| {
        let sum = plus(sum, term);
        Interval { lower: not_nan(sum.lower), upper: sum.upper }
    })
}

/// A lower bound, `−∞` where it is none.
fn not_nan(bound: f64) -> f64 {
    if bound.is_nan() { f64::NEG_INFINITY } else { add_down(bound, 0.0) }
}
