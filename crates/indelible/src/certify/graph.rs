//! Certificates for piecewise-linear graphs: intervals, carried forward node by
//! node over the box around the ball.
//!
//! Each vector of the graph gets intervals that contain its numbers in real
//! arithmetic and as executed, for every point of the box and every order of
//! summation, as `arithmetic` says of sums. What is not a sum loses nothing:
//! selecting, maxima and clipping are exact in every arithmetic. What they leave
//! undecided is asked of linear bounds.

use super::{
    Answers, Claim, Config, Domain, Effort, Engine, Verdict, Watch,
    arithmetic::{Interval, IntervalArithmetic},
    linear, of_samples,
    program::Program,
};
use crate::{
    Error,
    network::{Activation, Graph, Groups, Inexact, NetworkForm, Operation, RowBuffer},
};

/// One verdict per sample.
pub(super) fn verdicts(
    claim: &Claim<'_>,
    graph: &Graph,
    config: &Config,
    watch: &Watch<'_>,
) -> Result<Answers, Error> {
    let by_intervals = |sample| by_intervals(claim, &config.domain, graph, sample);
    let Some(program) = Program::of_graph(graph) else {
        return Ok(of_samples(claim, watch, by_intervals));
    };
    linear::verdicts(claim, &program, config, watch, |sample, linear| match by_intervals(sample) {
        Verdict::Undecided => linear.verdict(sample),
        first => Ok((first, Effort::default())),
    })
}

/// The verdict about a sample, certified or undecided.
fn by_intervals(claim: &Claim<'_>, domain: &Domain, graph: &Graph, sample: usize) -> Verdict {
    let largest = graph.precision().largest();
    let x = claim.data.row(sample);
    let input: Vec<Interval> = domain
        .part(&x, claim.radii.of(sample), graph.precision())
        .map(|(lower, upper)| Interval { lower, upper })
        .collect();
    if input.iter().any(|x| x.lower < -largest || x.upper > largest) {
        return Verdict::Undecided;
    }
    let outputs = propagate(graph, input).and_then(|mut all| all.pop());
    outputs
        .map_or(Verdict::Undecided, |outputs| Verdict::of_outputs(claim, sample, &outputs, Engine::Intervals))
}

/// The numbers of every vector of the graph, the input first; `None` where one
/// may overflow.
pub(super) fn propagate(graph: &Graph, input: Vec<Interval>) -> Option<Vec<Vec<Interval>>> {
    let arithmetic = IntervalArithmetic { precision: graph.precision() };
    let mut vectors = vec![input];
    for node in graph.nodes() {
        let read: Vec<&[Interval]> = node.reads.iter().map(|&v| vectors[v].as_slice()).collect();
        let result = apply(arithmetic, &node.operation, &read)?;
        if result.iter().any(|x| !(x.lower.is_finite() && x.upper.is_finite())) {
            return None;
        }
        vectors.push(result);
    }
    Some(vectors)
}

fn apply(
    arithmetic: IntervalArithmetic,
    operation: &Operation,
    read: &[&[Interval]],
) -> Option<Vec<Interval>> {
    let all = || read.iter().flat_map(|vector| vector.iter().copied());
    Some(match operation {
        Operation::Affine(map) => {
            let (mut buffer, mut terms) = (RowBuffer::default(), vec![]);
            let mut sum = |index| {
                let row = map.row(index, &mut buffer);
                let pairs = row.terms().map(|(c, w)| (w, read[0][c]));
                arithmetic.affine(pairs, row.bias, &mut terms)
            };
            (0..map.outputs()).map(&mut sum).collect::<Option<_>>()?
        }
        Operation::Rescale(rescaling) => {
            let each = all().zip(rescaling.factors.iter().zip(&rescaling.shifts));
            each.map(|(x, (factor, shift))| {
                // A product is largest and smallest at the ends.
                let ends = [factor.range.lower, factor.range.upper].map(|f| arithmetic.product(f, x));
                arithmetic.sum(&[ends[0].hull(ends[1]), range(shift)])
            })
            .collect::<Option<_>>()?
        }
        Operation::Activation(activation) => {
            all().enumerate().map(|(i, x)| activated(arithmetic, activation, x, i)).collect()
        }
        Operation::Max(groups) => maxima(groups, &all().collect::<Vec<_>>()),
        Operation::Select(indices) => {
            let all: Vec<Interval> = all().collect();
            indices.iter().map(|&i| all[i]).collect()
        }
        Operation::Sum => {
            let terms = |i: usize| read.iter().map(|vector| vector[i]).collect::<Vec<_>>();
            (0..read[0].len()).map(|i| arithmetic.sum(&terms(i))).collect::<Option<_>>()?
        }
    })
}

fn range(number: &Inexact) -> Interval {
    Interval { lower: number.range.lower, upper: number.range.upper }
}

fn activated(arithmetic: IntervalArithmetic, activation: &Activation, x: Interval, index: usize) -> Interval {
    match activation {
        Activation::Relu => x.relu(),
        Activation::Leaky(slopes) => {
            let negative = Interval { lower: x.lower.min(0.0), upper: x.upper.min(0.0) };
            let below = arithmetic.product(Activation::slope(slopes, index), negative);
            match (x.lower >= 0.0, x.upper <= 0.0) {
                (true, _) => x,
                (_, true) => below,
                _ => below.hull(x.relu()),
            }
        }
        Activation::Clip { lower, upper } => {
            Interval { lower: x.lower.max(*lower).min(*upper), upper: x.upper.max(*lower).min(*upper) }
        }
    }
}

fn maxima(groups: &Groups, all: &[Interval]) -> Vec<Interval> {
    let largest = |group: &[usize]| group.iter().map(|&i| all[i]).reduce(Interval::max);
    groups.iter().filter_map(largest).collect()
}
