//! Upper bounds of Lipschitz constants of networks as stored.
//!
//! The bound holds for every output of the network as a function of its input,
//! differences of inputs measured in a norm: `|y_c(x) − y_c(x')| ≤ K ‖x − x'‖`
//! in real arithmetic.
//!
//! For layers, the gradient of a sum of units is followed back through the
//! layers. A unit is on or off, so what a sum of few units can be are a few
//! affine functions of the layer before; each is followed back in turn, equal
//! terms cancelling. Thus `F + relu(g − F)` is seen to be as steep as the
//! steeper of `F` and `g`, not as steep as both together. Where that takes too
//! long the sizes of all weights are multiplied instead.

use rayon::prelude::*;

use crate::{
    Norm,
    network::{Layer, Measure, Model, Network, Recurrence, Scores, StoredNetwork, Tally},
    number::{add_up, mul_up, sqrt_up},
};

/// Units that are taken both on and off in one sum.
const MOST_OPEN: usize = 6;
/// Weights that may be looked at for one output.
const MOST_WORK: usize = 20_000_000;

/// An upper bound of the Lipschitz constant of every output, inputs measured
/// in `norm`; infinite when none was found.
///
/// For distances to stored rows (`lipschitz`, `nearest`) and the norm they
/// were made for, the bound is the constant itself.
#[must_use]
pub fn lipschitz_bound(model: &Model, norm: Norm) -> f64 {
    // The bound for a norm that is nowhere larger holds for the norm itself.
    let norm = norm.enclosing();
    let bound = match model {
        Model::Layers(network) => of_layers(network, norm),
        Model::Recurrence(recurrence) => of_recurrence(recurrence, norm),
        Model::Cells(cells) => {
            let layers = (0..cells.depth()).map(|index| cells.layer(index)).collect();
            of_layers(&StoredNetwork { precision: cells.precision(), layers }, norm)
        }
        Model::Tally(tally) => of_tally(tally, norm),
        Model::Scores(scores) => of_scores(scores, norm),
    };
    if bound.is_nan() { f64::INFINITY } else { bound }
}

/// The norm of a gradient, dual to that of the inputs, rounded up.
fn dual(gradient: impl Iterator<Item = f64>, norm: Norm) -> f64 {
    let sizes = gradient.map(f64::abs);
    match norm {
        Norm::Linf | Norm::Lp(_) => sizes.fold(0.0, add_up),
        Norm::L1 => sizes.fold(0.0, f64::max),
        Norm::L2 => sqrt_up(sizes.fold(0.0, |sum, g| add_up(sum, mul_up(g, g)))),
    }
}

/// How steep the measures of a difference are: `Σ_j |d_j|` or `max_j |d_j|`.
fn steepness(measure: Measure, n: usize, norm: Norm) -> f64 {
    match (measure, norm) {
        (Measure::Largest, _) | (_, Norm::L1) => 1.0,
        (_, Norm::Linf | Norm::Lp(_)) => n as f64,
        (_, Norm::L2) => sqrt_up(n as f64),
    }
}

/// A head of layers multiplies what it reads by at most this.
fn of_head(head: &[Layer], accumulators: &[f64]) -> f64 {
    let mut bounds = accumulators.to_vec();
    for layer in head {
        bounds = layer
            .rows()
            .map(|row| {
                row.columns
                    .iter()
                    .zip(row.weights)
                    .fold(0.0, |sum, (&c, &w)| add_up(sum, mul_up(w.abs(), bounds[c])))
            })
            .collect();
    }
    bounds.into_iter().fold(0.0, f64::max)
}

fn of_recurrence(recurrence: &Recurrence, norm: Norm) -> f64 {
    // A maximum is as steep as the steepest step; −|F − t| as steep as F.
    let scale = recurrence.scales.iter().fold(0.0, |m: f64, s| m.max(s.abs()));
    mul_up(scale, steepness(Measure::Violations, recurrence.inputs(), norm))
}

fn of_tally(tally: &Tally, norm: Norm) -> f64 {
    let mut accumulators = vec![0.0_f64; tally.accumulator_count()];
    for (&a, &scale) in tally.accumulators.iter().zip(&tally.scales) {
        accumulators[a] = match tally.combine {
            crate::network::Combine::Max => accumulators[a].max(scale),
            crate::network::Combine::Sum => add_up(accumulators[a], scale),
        };
    }
    let each = steepness(tally.measure, tally.features, norm);
    let steep: Vec<f64> = accumulators.into_iter().map(|a| mul_up(a, each)).collect();
    // The label head −|F − t| is written with two weights that cancel.
    match &tally.head[..] {
        [first, _] if first.inputs() == 1 => {
            let size =
                first.rows().flat_map(|row| row.weights.to_vec()).fold(0.0, |m: f64, w| m.max(w.abs()));
            let second = &tally.head[1];
            let plain = second.rows().all(|row| {
                matches!(row.weights, [w] if w.abs() <= 1.0)
                    || matches!(row.weights, [a, b] if *a == 1.0 && *b == -2.0)
            });
            if plain { mul_up(size, steep[0]) } else { of_head(&tally.head, &steep) }
        }
        head => of_head(head, &steep),
    }
}

fn of_scores(scores: &Scores, norm: Norm) -> f64 {
    let n = scores.features;
    (0..scores.biases.len())
        .into_par_iter()
        .map(|k| dual((k * n..(k + 1) * n).map(|at| scores.rows.at(at)), norm))
        .reduce(|| 0.0, f64::max)
}

fn of_layers(network: &StoredNetwork, norm: Norm) -> f64 {
    let Some((last, before)) = network.layers.split_last() else { return 0.0 };
    let sizes = sizes(network, norm);
    last.rows()
        .map(|row| {
            let terms = row.columns.iter().copied().zip(row.weights.iter().copied()).collect();
            let mut search = Search { layers: before, sizes: &sizes, norm, work: MOST_WORK };
            search.steepest(before.len(), terms)
        })
        .fold(0.0, f64::max)
}

/// For every layer and neuron a bound that multiplies sizes of weights; the
/// layer of inputs comes first.
fn sizes(network: &StoredNetwork, norm: Norm) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = vec![];
    for layer in &network.layers {
        let sizes = layer
            .rows()
            .map(|row| match all.last() {
                None => dual(row.weights.iter().copied(), norm),
                Some(before) => row
                    .columns
                    .iter()
                    .zip(row.weights)
                    .fold(0.0, |sum, (&c, &w)| add_up(sum, mul_up(w.abs(), before[c]))),
            })
            .collect();
        all.push(sizes);
    }
    all
}

struct Search<'a> {
    layers: &'a [Layer],
    sizes: &'a [Vec<f64>],
    norm: Norm,
    work: usize,
}

impl Search<'_> {
    /// The steepest that a sum of units of layer `depth` (inputs for 0) can be.
    fn steepest(&mut self, depth: usize, terms: Vec<(usize, f64)>) -> f64 {
        if depth == 0 {
            return dual(terms.iter().map(|(_, w)| *w), self.norm);
        }
        let layer = &self.layers[depth - 1];
        let plain =
            terms.iter().fold(0.0, |sum, &(c, w)| add_up(sum, mul_up(w.abs(), self.sizes[depth - 1][c])));
        let cost: usize = terms.iter().map(|&(c, _)| layer.row(c).columns.len() + 1).sum();
        // A unit that copies a unit is never off where that one is on.
        let copies = |c: usize| {
            let row = layer.row(c);
            depth > 1 && row.bias >= 0.0 && row.weights.iter().all(|w| *w >= 0.0)
        };
        let open: Vec<(usize, f64)> = terms.iter().copied().filter(|(c, _)| !copies(*c)).collect();
        if open.len() > MOST_OPEN || cost << open.len() > self.work {
            return plain;
        }
        self.work -= cost << open.len();
        let mut steepest = 0.0_f64;
        for on in 0..1usize << open.len() {
            let mut next: Vec<(usize, f64)> = vec![];
            let chosen = open.iter().enumerate().filter(|(bit, _)| on >> bit & 1 == 1).map(|(_, t)| *t);
            for (c, w) in chosen.chain(terms.iter().copied().filter(|(c, _)| copies(*c))) {
                let row = layer.row(c);
                next.extend(row.columns.iter().zip(row.weights).map(|(&column, &v)| (column, w * v)));
            }
            next.sort_by_key(|(column, _)| *column);
            let merged: Vec<(usize, f64)> = next
                .chunk_by(|a, b| a.0 == b.0)
                .map(|same| (same[0].0, same.iter().map(|(_, w)| *w).sum::<f64>()))
                .filter(|(_, w)| *w != 0.0)
                .collect();
            steepest = steepest.max(self.steepest(depth - 1, merged));
            if steepest >= plain {
                return plain;
            }
        }
        // Products and sums above are rounded to nearest, each by half a unit.
        mul_up(steepest, 1.0 + 1e-13).min(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Precision, network::LayerBuilder};

    #[test]
    fn a_maximum_is_as_steep_as_its_steeper_side() {
        // max(3x, 2x + y) = relu(x − y) + 2x + y for x, y ≥ 0.
        let mut first = LayerBuilder::new(2);
        first.weight(0, 1.0).weight(1, -1.0).bias(0.0);
        first.weight(0, 2.0).weight(1, 1.0).bias(10.0);
        let mut last = LayerBuilder::new(2);
        last.weight(0, 1.0).weight(1, 1.0).bias(-10.0);
        let network =
            StoredNetwork { precision: Precision::F64, layers: vec![first.finish(), last.finish()] };
        let bound = lipschitz_bound(&Model::Layers(network), Norm::L1);
        assert!((3.0..3.0 + 1e-9).contains(&bound), "{bound}");
    }
}
