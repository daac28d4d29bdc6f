//! Intervals of affine layers and ReLUs, carried forward.
//!
//! Two refinements make them sharp enough for networks with a running label.
//! Sums are bounded as `interval` says. And where a neuron reads exactly one
//! unit that may be on or off, it is a maximum (or minimum) of two affine
//! functions of the layer before that; both are bounded with equal terms
//! cancelled, so that `F + relu(g − F)` is seen to be `max(F, g)`.

use crate::{
    certify::{
        Claim, Domain,
        arithmetic::{Coefficients, Interval, IntervalArithmetic, merged, plus, product, scaled},
    },
    network::{Layer, Network, Row, StoredNetwork},
    number::{add_up, mul_up},
};

/// Products that sharpening a neuron may take beyond four per input of the
/// layer before; networks of others can be dense in both layers.
const MOST_EXTRA_WORK: usize = 64;

/// The sums of every layer on the box around the valid part of the ball of a
/// sample; `None` where a value may overflow.
pub(in crate::certify) fn on_box(
    claim: &Claim<'_>,
    domain: &Domain,
    network: &StoredNetwork,
    sample: usize,
) -> Option<Vec<Vec<Interval>>> {
    let x = claim.data.row(sample);
    let input: Vec<Interval> = domain
        .part(&x, claim.radii.of(sample), network.precision())
        .map(|(lower, upper)| Interval { lower, upper })
        .collect();
    let largest = network.precision().largest();
    if input.iter().any(|x| x.lower < -largest || x.upper > largest) {
        return None;
    }
    propagate(network, input)
}

/// One layer and what is known of it.
struct Stage<'a> {
    arithmetic: IntervalArithmetic,
    layer: &'a Layer,
    /// What it reads.
    inputs: &'a [Interval],
    /// Its sums before the ReLU.
    sums: &'a [Interval],
    /// What is behind it.
    values: &'a [Interval],
}

/// The sums of every layer, before its ReLU, for all inputs in a box; `None`
/// where a value may overflow.
pub(in crate::certify) fn propagate(
    network: &StoredNetwork,
    input: Vec<Interval>,
) -> Option<Vec<Vec<Interval>>> {
    let arithmetic = IntervalArithmetic { precision: network.precision() };
    let (mut values, mut inputs) = (input, vec![]);
    let mut all: Vec<Vec<Interval>> = vec![];
    let mut before = None;
    let mut terms = vec![];
    for layer in network.layers() {
        let stage = before.zip(all.last()).map(|(layer, sums)| Stage {
            arithmetic,
            layer,
            inputs: &inputs,
            sums,
            values: &values,
        });
        let sum = |row: Row<'_>| {
            if let ([column], [1.0], 0.0) = (row.columns, row.weights, row.bias) {
                return Some(values[*column]);
            }
            let pairs = row.terms().map(|(c, w)| (w, values[c]));
            let plain = arithmetic.affine(pairs, row.bias, &mut terms)?;
            let sharper = stage.as_ref().and_then(|stage| stage.refined(row));
            Some(sharper.map_or(plain, |sharper| plain.intersect(sharper)))
        };
        let sums = layer.rows().map(sum).collect::<Option<Vec<Interval>>>()?;
        before = Some(layer);
        inputs = std::mem::replace(&mut values, sums.iter().map(|s| s.relu()).collect());
        all.push(sums);
    }
    Some(all)
}

impl Stage<'_> {
    /// Bounds a neuron whose units are all on or off, but for at most one unit
    /// `p = relu(u)` of unknown state.
    ///
    /// With none, the neuron is an affine function of what the layer reads.
    /// With one, `rest + w p` is `max(rest, rest + w u)` for `w > 0` and the
    /// minimum for `w < 0`, in floating point too, because sums are monotone in
    /// their terms. `None` where there is nothing to gain, or too much to compute.
    fn refined(&self, row: Row<'_>) -> Option<Interval> {
        let Self { arithmetic, layer, sums, values, .. } = *self;
        if row.columns.len() < 2 {
            return None;
        }
        let used = || row.terms().filter(|(c, _)| !values[*c].is_zero());
        let open = |c: usize| sums[c].lower < 0.0;
        let work: usize = used().map(|(c, _)| layer.row(c).columns.len()).sum();
        let mut units = used().filter(|(c, _)| open(*c));
        let unit = units.next();
        if units.next().is_some() || used().count() < 2 || work > 4 * self.inputs.len() + MOST_EXTRA_WORK {
            return None;
        }
        // Monotony and the bounds below say nothing about sums that overflow.
        let mut buffer = vec![];
        let without_relu = used().map(|(c, w)| (w, if open(c) { sums[c] } else { values[c] }));
        let sum = arithmetic.affine(without_relu, row.bias, &mut buffer)?;
        if !sum.lower.is_finite() || used().any(|(c, _)| !sums[c].lower.is_finite()) {
            return None;
        }
        let active = self.substituted(row)?;
        let Some((unit, weight)) = unit else { return Some(active) };
        let others = used().filter(|(c, _)| *c != unit).map(|(c, w)| (w, values[c]));
        let rest = arithmetic.affine(others, row.bias, &mut buffer)?;
        Some(if weight > 0.0 { rest.max(active) } else { rest.negated().max(active.negated()).negated() })
    }

    /// Bounds the neuron with all its units taken as their sums, in terms of
    /// what the layer reads. Each coefficient is a sum of products, each with
    /// the relative error of all roundings on its way.
    fn substituted(&self, row: Row<'_>) -> Option<Interval> {
        let precision = self.arithmetic.precision;
        let used = || {
            let used = row.terms().filter(|(c, _)| !self.values[*c].is_zero());
            used.map(|(c, w)| (w, self.layer.row(c)))
        };
        let longest = used().map(|(_, inner)| inner.columns.len() + 1).max().unwrap_or(0);
        // Products and sums of the inner row, product and sums of the outer one.
        let gamma = self.arithmetic.gamma(longest + row.columns.len() + 2)?;
        let mut coefficients = Coefficients::new();
        let mut constant = widened(row.bias, gamma);
        let mut lost = 0.0;
        for (w, inner) in used() {
            let read = inner.terms().filter(|(i, _)| !self.inputs[*i].is_zero());
            coefficients.extend(read.map(|(i, v)| (i, scaled(w, widened(v, gamma)))));
            constant = plus(constant, scaled(w, widened(inner.bias, gamma)));
            // Products that underflow lose at most a subnormal each.
            let underflow = precision.smallest_subnormal() * (inner.columns.len() + 1) as f64;
            lost = add_up(lost, mul_up(add_up(w.abs(), 1.0), mul_up(2.0, underflow)));
        }
        let total = merged(coefficients)
            .into_iter()
            .fold(constant.widened(lost), |sum, (i, w)| plus(sum, product(w, self.inputs[i])));
        (total.upper < precision.largest() && total.lower > -precision.largest()).then_some(total)
    }
}

/// `v (1 ± γ)`.
fn widened(v: f64, gamma: f64) -> Interval {
    Interval::point(v).widened(mul_up(v.abs(), gamma))
}
