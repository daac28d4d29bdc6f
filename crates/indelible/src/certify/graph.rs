//! Certificates for piecewise-linear graphs: intervals, carried forward node by
//! node over the box around the ball.
//!
//! Each vector of the graph gets intervals that contain its numbers in real
//! arithmetic and as executed, for every point of the box and every order of
//! summation, as `arithmetic` says of sums, also where a runtime puts sums together
//! (`together`). What is not a sum loses nothing:
//! selecting, maxima and clipping are exact in every arithmetic. What they leave
//! undecided is asked of linear bounds.

use super::{
    Answers, Claim, Config, Domain, Effort, Engine, Verdict, Watch,
    arithmetic::{Interval, IntervalArithmetic, magnitude},
    linear, of_samples,
    program::Program,
    together::Together,
};
use crate::{
    Error, Precision,
    network::{Activation, AffineMap, Graph, Groups, Inexact, NetworkForm, Operation, RowBuffer},
    number::{add_up, mul_up},
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
    Some(with_terms(graph, input)?.0)
}

/// The outputs, and their terms where they are sums that a runtime may go on with.
pub(super) fn outputs(graph: &Graph, input: Vec<Interval>) -> Option<(Vec<Interval>, Option<Together>)> {
    let (mut vectors, mut together) = with_terms(graph, input)?;
    Some((vectors.pop()?, together.pop()?))
}

/// The numbers of every vector, and the terms of those that are sums.
type WithTerms = (Vec<Vec<Interval>>, Vec<Option<Together>>);

fn with_terms(graph: &Graph, input: Vec<Interval>) -> Option<WithTerms> {
    let arithmetic = IntervalArithmetic { precision: graph.precision() };
    let mut vectors = vec![input];
    let mut together: Vec<Option<Together>> = vec![None];
    for node in graph.nodes() {
        let read: Vec<&[Interval]> = node.reads.iter().map(|&v| vectors[v].as_slice()).collect();
        let mut result = apply(arithmetic, &node.operation, &read)?;
        let before: Vec<Option<&Together>> = node.reads.iter().map(|&v| together[v].as_ref()).collect();
        let terms = terms(&node.operation, &read, &before, arithmetic.precision);
        let goes_on = before.iter().any(Option::is_some) && adds_to_sums(&node.operation);
        if let (Some(terms), true) = (&terms, goes_on) {
            for (x, size) in result.iter_mut().zip(&terms.sizes) {
                // Put together, partial sums may be as large as all terms.
                if *size > graph.precision().largest() / 2.0 {
                    return None;
                }
                *x = x.widened(terms.error(*size, arithmetic.precision)?);
            }
        }
        together.push(terms);
        if result.iter().any(|x| !(x.lower.is_finite() && x.upper.is_finite())) {
            return None;
        }
        vectors.push(result);
    }
    Some((vectors, together))
}

/// Whether an operation scales numbers or adds others to them.
fn adds_to_sums(operation: &Operation) -> bool {
    match operation {
        Operation::Rescale(_) | Operation::Sum => true,
        Operation::Affine(AffineMap::Rows(layer)) => layer.is_diagonal(),
        _ => false,
    }
}

/// The terms of what an operation gives, where it is the sums of a matrix or goes on
/// with them.
fn terms(
    operation: &Operation,
    read: &[&[Interval]],
    before: &[Option<&Together>],
    precision: Precision,
) -> Option<Together> {
    let size = |vector: usize, i: usize| match before[vector] {
        Some(together) => together.sizes[i],
        None => magnitude(read[vector][i]),
    };
    let earlier = before.iter().flatten().map(|together| together.roundings).max();
    let goes_on = || Some(earlier? + Together::MORE);
    let (sizes, roundings): (Vec<f64>, usize) = match operation {
        Operation::Affine(map) => {
            let (mut buffer, mut most, mut sizes) = (RowBuffer::default(), 0, vec![]);
            let is_matrix = !adds_to_sums(operation);
            for index in 0..map.outputs() {
                let row = map.row(index, &mut buffer);
                most = most.max(row.columns.len());
                let of = |c: usize| if is_matrix { magnitude(read[0][c]) } else { size(0, c) };
                let terms = row.terms().map(|(c, w)| mul_up(w.abs(), of(c)));
                sizes.push(terms.fold(row.bias.abs(), add_up));
            }
            (sizes, if is_matrix { most + 1 } else { goes_on().unwrap_or(0) + 2 })
        }
        Operation::Rescale(rescaling) => {
            let each = rescaling.factors.iter().zip(&rescaling.shifts).enumerate();
            let of = |(i, (f, t))| add_up(mul_up(magnitude(range(f)), size(0, i)), magnitude(range(t)));
            (each.map(of).collect(), goes_on()? + 3)
        }
        Operation::Sum => {
            let of = |i| (0..read.len()).map(|vector| size(vector, i)).fold(0.0, add_up);
            ((0..read[0].len()).map(of).collect(), goes_on()? + read.len())
        }
        Operation::Select(indices) => {
            let all: Vec<f64> = (0..read.len())
                .flat_map(|v| (0..read[v].len()).map(move |i| (v, i)))
                .map(|(v, i)| size(v, i))
                .collect();
            (indices.iter().map(|&i| all[i]).collect(), earlier?)
        }
        _ => return None,
    };
    let underflow = Together::underflow(roundings, precision);
    Some(Together { sizes: sizes.into_iter().map(|size| add_up(size, underflow)).collect(), roundings })
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
