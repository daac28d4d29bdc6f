//! How steep an output of affine layers and ReLUs can be.
//!
//! Almost everywhere the gradient of a sum of units is that of the units that
//! are on, `Σ w_c ∇u_c`. It is followed back layer by layer, each coefficient
//! an interval that contains it, equal columns added up. Where few units may
//! be on or off, all ways are tried in turn, so that `F + relu(g − F)` is seen
//! to be as steep as the steeper of `F` and `g`, and a tree of maxima as its
//! steepest leaf. Where they are many, each counts from nothing to all, but
//! those that read one and the same number are taken together: the slopes of
//! `relu(z − c) + relu(c − z)` are −1 and 1, wherever `z` is.

use crate::{
    certify::arithmetic::{Coefficients, Interval, magnitude, merged, plus, product, scaled},
    certify::deep_stack::on_deep_stack,
    network::{Layer, Row},
    number::{add_up, div_down, div_up, mul_up},
    parallel,
};

/// Units that are tried both on and off in one sum.
const MOST_OPEN: usize = 6;
/// Weights that may be looked at for one output.
const MOST_WORK: usize = 20_000_000;

/// The size of a gradient, rounded up.
type Dual<'a> = dyn Fn(&[(usize, Interval)]) -> f64 + Sync + 'a;

/// What the layers read.
pub(super) struct Inputs<'a> {
    /// The size of a gradient in what the layers read.
    pub dual: &'a Dual<'a>,
    /// Whether inputs are never negative.
    pub positive: bool,
}

/// For every output of `layers`, a ReLU between each two, an upper bound of
/// the size of its gradient, infinite when none was found.
pub(super) fn steepest(layers: &[Layer], inputs: &Inputs<'_>) -> Vec<f64> {
    let Some((last, before)) = layers.split_last() else { return vec![] };
    let sizes = sizes(before, inputs);
    let rows: Vec<Row<'_>> = last.rows().collect();
    parallel::map_each(&rows, |row| {
        let search = |most_open| {
            let mut search =
                GradientSearch { layers: before, sizes: &sizes, inputs, most_open, work: MOST_WORK };
            on_deep_stack(before.len(), move || search.steepest(before.len(), weights(*row)))
                .unwrap_or(f64::INFINITY)
        };
        // Without trying units both ways the work is the network once.
        search(0).min(search(MOST_OPEN))
    })
}

/// For every layer and neuron a bound that multiplies sizes of weights.
fn sizes(layers: &[Layer], inputs: &Inputs<'_>) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = vec![];
    for layer in layers {
        let size = |terms: Coefficients| match all.last() {
            None => (inputs.dual)(&terms),
            Some(before) => weighed(&terms, before),
        };
        let sizes = layer.rows().map(|row| size(weights(row))).collect();
        all.push(sizes);
    }
    all
}

/// The gradient of a neuron in what it reads.
fn weights(row: Row<'_>) -> Coefficients {
    nonzero(row.terms().map(|(c, w)| (c, Interval::point(w))).collect())
}

/// `Σ |w_c| sizes_c`, rounded up.
pub(super) fn weighed(terms: &[(usize, Interval)], sizes: &[f64]) -> f64 {
    terms.iter().fold(0.0, |sum, &(c, w)| add_up(sum, mul_up(magnitude(w), sizes[c])))
}

/// Adds up the coefficients of equal columns and drops those that are 0.
fn nonzero(terms: Coefficients) -> Coefficients {
    let mut terms = merged(terms);
    terms.retain(|(_, w)| !w.is_zero());
    terms
}

struct GradientSearch<'a> {
    layers: &'a [Layer],
    sizes: &'a [Vec<f64>],
    inputs: &'a Inputs<'a>,
    most_open: usize,
    work: usize,
}

impl GradientSearch<'_> {
    /// The steepest that a sum of units of layer `depth` (inputs for 0) can be.
    fn steepest(&mut self, depth: usize, terms: Coefficients) -> f64 {
        if terms.iter().any(|(_, w)| !(w.lower.is_finite() && w.upper.is_finite())) {
            return f64::INFINITY;
        }
        if depth == 0 {
            return bounded((self.inputs.dual)(&terms));
        }
        let plain = bounded(weighed(&terms, &self.sizes[depth - 1]));
        let layer = &self.layers[depth - 1];
        let cost: usize = terms.iter().map(|&(c, _)| layer.row(c).columns.len() + 1).sum();
        // What is never negative passes a ReLU unchanged.
        let passes = |c: usize| {
            let row = layer.row(c);
            (depth > 1 || self.inputs.positive) && row.bias >= 0.0 && row.weights.iter().all(|w| *w >= 0.0)
        };
        let (fixed, open): (Coefficients, Coefficients) = terms.into_iter().partition(|(c, _)| passes(*c));
        let ways = if open.len() > self.most_open { 1 } else { 1 << open.len() };
        match cost.checked_mul(ways).and_then(|cost| self.work.checked_sub(cost)) {
            Some(left) => self.work = left,
            None => return plain,
        }
        if open.len() > self.most_open {
            let mut next = substituted(layer, fixed.into_iter());
            next.extend(hull(layer, &open));
            return self.steepest(depth - 1, nonzero(next)).min(plain);
        }
        let mut steepest = 0.0_f64;
        for on in 0..ways {
            let chosen = open.iter().enumerate().filter(|(bit, _)| on >> bit & 1 == 1).map(|(_, t)| *t);
            let next = nonzero(substituted(layer, fixed.iter().copied().chain(chosen)));
            steepest = steepest.max(self.steepest(depth - 1, next));
            if steepest >= plain {
                return plain;
            }
        }
        steepest
    }
}

/// A bound that is no number is none.
fn bounded(size: f64) -> f64 {
    if size.is_nan() { f64::INFINITY } else { size }
}

/// The gradient in terms of what the layer reads, all of `terms` being on.
fn substituted(layer: &Layer, terms: impl Iterator<Item = (usize, Interval)>) -> Coefficients {
    terms.flat_map(|(c, w)| layer.row(c).terms().map(move |(i, v)| (i, scaled(v, w)))).collect()
}

/// What the gradient can be with each of `open` on or off; units that read one
/// column only are taken together with the others of the column.
fn hull(layer: &Layer, open: &[(usize, Interval)]) -> Coefficients {
    let (mut next, mut single) = (vec![], vec![]);
    for &(c, w) in open {
        let row = layer.row(c);
        let any = w.hull(Interval::ZERO);
        match (row.columns, row.weights) {
            ([column], [v]) if *v != 0.0 => single.push((*column, Hinge::new(w, *v, row.bias))),
            _ => next.extend(substituted(layer, std::iter::once((c, any)))),
        }
    }
    single.sort_by_key(|(column, _)| *column);
    for same in single.chunk_by(|a, b| a.0 == b.0) {
        let hinges = same.iter().map(|(_, hinge)| *hinge).collect();
        next.push((same[0].0, slopes(hinges)));
    }
    next
}

/// `w · relu(v z + b)` as a function of `z`.
#[derive(Clone, Copy)]
struct Hinge {
    /// Where it bends lies within.
    at: Interval,
    /// Its slope where it is on.
    slope: Interval,
    /// Whether it is on above, not below.
    above: bool,
}

impl Hinge {
    fn new(w: Interval, v: f64, b: f64) -> Self {
        Self {
            at: Interval { lower: div_down(-b, v), upper: div_up(-b, v) },
            slope: product(w, Interval::point(v)),
            above: v > 0.0,
        }
    }
}

/// All slopes of a sum of hinges. Hinges whose bends cannot be told apart may
/// bend in any order.
fn slopes(mut hinges: Vec<Hinge>) -> Interval {
    hinges.sort_by(|a, b| a.at.lower.total_cmp(&b.at.lower));
    let mut now =
        hinges.iter().filter(|h| !h.above).fold(Interval::ZERO, |sum, hinge| plus(sum, hinge.slope));
    let mut all = now;
    let mut rest = &hinges[..];
    while let Some(first) = rest.first() {
        let (mut reach, mut count) = (first.at.upper, 0);
        let mut between = now;
        while let Some(Hinge { at, slope, above }) = rest.get(count).filter(|hinge| hinge.at.lower <= reach) {
            reach = reach.max(at.upper);
            // One that is on below goes off here: what it added is taken away.
            let sign = if *above { 1.0 } else { -1.0 };
            let change = Interval { lower: sign * slope.lower, upper: sign * slope.upper };
            now = plus(now, change);
            between = plus(between, Interval { lower: change.lower.min(0.0), upper: change.upper.max(0.0) });
            count += 1;
        }
        rest = &rest[count.max(1)..];
        all = all.hull(between).hull(now);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hinge(w: f64, v: f64, b: f64) -> Hinge {
        Hinge::new(Interval::point(w), v, b)
    }

    #[test]
    fn slopes_of_sums_of_hinges() {
        // |z − 3|, and with the bends of one side moved apart.
        let all = slopes(vec![hinge(1.0, 1.0, -3.0), hinge(1.0, -1.0, 3.0)]);
        assert_eq!(all, Interval { lower: -1.0, upper: 1.0 });
        let all = slopes(vec![hinge(2.0, 1.0, -3.0), hinge(-2.0, 1.0, -4.0)]);
        assert_eq!(all, Interval { lower: 0.0, upper: 2.0 });
        // 1/3 has no exact bend: −relu(3z − 1) + relu(6z − 2) may go either way.
        let all = slopes(vec![hinge(-1.0, 3.0, -1.0), hinge(1.0, 6.0, -2.0)]);
        assert!(all.lower <= 0.0 && all.upper >= 3.0);
        // A descent: relu(−z) off at 0 while −relu(z) comes on.
        let all = slopes(vec![hinge(1.0, -1.0, 0.0), hinge(-1.0, 1.0, 0.0)]);
        assert_eq!(all, Interval { lower: -2.0, upper: 0.0 });
    }
}
