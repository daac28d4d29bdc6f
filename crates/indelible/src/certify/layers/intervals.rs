//! Intervals of affine layers and ReLUs, carried forward.
//!
//! Two refinements make them sharp enough for networks with a running label.
//! Sums are bounded as `interval` says. And where a neuron reads exactly one
//! unit that may be on or off, it is a maximum (or minimum) of two affine
//! functions of the layer before that; both are bounded with equal terms
//! cancelled, so that `F + relu(g − F)` is seen to be `max(F, g)`.

use crate::{
    certify::{
        Claim,
        arithmetic::{Interval, IntervalArithmetic, plus, product},
        ball,
    },
    network::{Layer, Network, StoredNetwork},
    number::{add_up, mul_up},
};

/// Products that sharpening a neuron may take beyond four per input of the
/// layer before; networks of others can be dense in both layers.
const MOST_EXTRA_WORK: usize = 64;

/// The sums of every layer on the box around the ball of a sample; `None` where
/// a value may overflow.
pub(in crate::certify) fn on_box(
    claim: &Claim<'_>,
    network: &StoredNetwork,
    sample: usize,
) -> Option<Vec<Vec<Interval>>> {
    let x = claim.data.row(sample);
    let input: Vec<Interval> = ball(&x, claim.radii.of(sample), network.precision())
        .map(|(lower, upper)| Interval { lower, upper })
        .collect();
    let largest = network.precision().largest();
    if input.iter().any(|x| x.lower < -largest || x.upper > largest) {
        return None;
    }
    propagate(network, input)
}

/// What one layer gives and what is known of the layer that made it.
struct Stage<'a> {
    layer: &'a Layer,
    /// What it reads.
    inputs: &'a [Interval],
    /// Its sums before the ReLU.
    sums: &'a [Interval],
}

/// The sums of every layer, before its ReLU, for all inputs in a box; `None`
/// where a value may overflow.
pub(in crate::certify) fn propagate(
    network: &StoredNetwork,
    input: Vec<Interval>,
) -> Option<Vec<Vec<Interval>>> {
    let arithmetic = IntervalArithmetic { precision: network.precision() };
    let mut values = input;
    let mut inputs = vec![];
    let mut all: Vec<Vec<Interval>> = vec![];
    let mut terms = Vec::new();
    for (l, layer) in network.layers().iter().enumerate() {
        let before = (l.checked_sub(1).and_then(|l| network.layers().get(l)).zip(all.last()))
            .map(|(layer, sums)| Stage { layer, inputs: &inputs, sums });
        let mut sums = Vec::with_capacity(layer.outputs());
        for index in 0..layer.outputs() {
            let row = layer.row(index);
            if let ([column], [1.0], 0.0) = (row.columns, row.weights, row.bias) {
                sums.push(values[*column]);
                continue;
            }
            let pairs = row.columns.iter().zip(row.weights).map(|(&c, &w)| (w, values[c]));
            let plain = arithmetic.affine(pairs, row.bias, &mut terms)?;
            let sharper = before.as_ref().and_then(|stage| refined(arithmetic, stage, layer, index, &values));
            sums.push(sharper.map_or(plain, |sharper| plain.intersect(sharper)));
        }
        inputs = std::mem::replace(&mut values, sums.iter().map(|s| s.relu()).collect());
        all.push(sums);
    }
    Some(all)
}

/// Bounds a neuron whose units are all on or off, but for at most one unit
/// `p = relu(u)` of unknown state.
///
/// With none, the neuron is an affine function of what the layer before reads.
/// With one, `rest + w p` is `max(rest, rest + w u)` for `w > 0` and the minimum
/// for `w < 0`, in floating point too, because sums are monotone in their
/// terms. `None` where there is nothing to gain, or too much to compute.
fn refined(
    arithmetic: IntervalArithmetic,
    stage: &Stage<'_>,
    layer: &Layer,
    index: usize,
    values: &[Interval],
) -> Option<Interval> {
    let row = layer.row(index);
    if row.columns.len() < 2 {
        return None;
    }
    let used = || row.columns.iter().zip(row.weights).filter(|(c, _)| !values[**c].is_zero());
    let open = |c: usize| stage.sums[c].lower < 0.0;
    let work: usize = used().map(|(&c, _)| stage.layer.row(c).columns.len()).sum();
    let mut units = used().filter(|(c, _)| open(**c));
    let unit = units.next();
    if units.next().is_some() || used().count() < 2 || work > 4 * stage.inputs.len() + MOST_EXTRA_WORK {
        return None;
    }
    // Monotony and the bounds below say nothing about sums that overflow.
    let mut buffer = vec![];
    let without_relu = used().map(|(&c, &w)| (w, if open(c) { stage.sums[c] } else { values[c] }));
    let sum = arithmetic.affine(without_relu, row.bias, &mut buffer)?;
    if !sum.lower.is_finite() || used().any(|(&c, _)| !stage.sums[c].lower.is_finite()) {
        return None;
    }
    let active = substituted(arithmetic, stage, layer, index, values)?;
    let Some((&unit, &weight)) = unit else { return Some(active) };
    let others = used().filter(|(c, _)| **c != unit).map(|(&c, &w)| (w, values[c]));
    let rest = arithmetic.affine(others, row.bias, &mut buffer)?;
    Some(if weight > 0.0 {
        Interval { lower: rest.lower.max(active.lower), upper: rest.upper.max(active.upper) }
    } else {
        Interval { lower: rest.lower.min(active.lower), upper: rest.upper.min(active.upper) }
    })
}

/// Bounds the neuron with all its units taken as their sums, in terms of what
/// the layer before reads. Each coefficient is a sum of products, each with
/// the relative error of all roundings on its way.
fn substituted(
    arithmetic: IntervalArithmetic,
    stage: &Stage<'_>,
    layer: &Layer,
    index: usize,
    values: &[Interval],
) -> Option<Interval> {
    let row = layer.row(index);
    let used = |c: usize| !values[c].is_zero();
    let longest = row
        .columns
        .iter()
        .filter(|c| used(**c))
        .map(|&c| stage.layer.row(c).columns.len() + 1)
        .max()
        .unwrap_or(0);
    // Products and sums of the inner row, product and sums of the outer one.
    let gamma = arithmetic.gamma(longest + row.columns.len() + 2)?;
    let mut coefficients: Vec<(usize, Interval)> = Vec::new();
    let mut constant = widened(row.bias, gamma);
    let mut lost = 0.0;
    for (&c, &w) in row.columns.iter().zip(row.weights).filter(|(c, _)| used(**c)) {
        let inner = stage.layer.row(c);
        for (&i, &v) in inner.columns.iter().zip(inner.weights) {
            if !stage.inputs[i].is_zero() {
                coefficients.push((i, product(Interval::point(w), widened(v, gamma))));
            }
        }
        constant = plus(constant, product(Interval::point(w), widened(inner.bias, gamma)));
        // Products that underflow lose at most a subnormal each.
        let underflow = arithmetic.precision.smallest_subnormal() * (inner.columns.len() + 1) as f64;
        lost = add_up(lost, mul_up(add_up(w.abs(), 1.0), mul_up(2.0, underflow)));
    }
    coefficients.sort_by_key(|(i, _)| *i);
    let mut total = plus(constant, Interval { lower: -lost, upper: lost });
    for same in coefficients.chunk_by(|a, b| a.0 == b.0) {
        let coefficient = same.iter().map(|(_, c)| *c).reduce(plus)?;
        total = plus(total, product(coefficient, stage.inputs[same[0].0]));
    }
    let largest = arithmetic.precision.largest();
    (total.upper < largest && total.lower > -largest).then_some(total)
}

/// `v (1 ± γ)`.
fn widened(v: f64, gamma: f64) -> Interval {
    let error = mul_up(v.abs(), gamma);
    plus(Interval::point(v), Interval { lower: -error, upper: error })
}
