//! Sparse, merged cells: hundreds of times fewer parameters than one box per
//! sample, in every norm (ours; see [`crate::cells`] for how cells are found and
//! [`crate::directions`] for what they look at in other norms than the sup norm).
//!
//! **Guarantee.** For every budget `μ < λ_p/2`, one radius for all samples or
//! one each, and any number of labels: on every closed ball `‖x − x_i‖_p ≤ μ_i`
//! the score of the sample's label is at least 1 and every other score is
//! exactly 0 — in real arithmetic and as executed in the stored format, in any
//! summation order. With a scalar head the output is exactly `y_i`.
//!
//! **Size.** With `T` distinct constraints, `K` cells of `q_k` constraints,
//! `C = Σ q_k`, and `L` labels: depth 3, width `max(T, K)`,
//! `2T + C + 2K` nonzero parameters less the thresholds that are 0. A scalar
//! head adds two layers and `4L` parameters. The largest parameter is the
//! largest of 1, the thresholds and the scales `1/slack_k`; a scalar head has
//! weights up to `L`.
//!
//! In other norms than the sup norm a layer of `m` directions stands in front:
//! one layer more, and the nonzero entries of the directions with a bias each.
//!
//! **Method.** [`CellNetwork`]. Inside the own cell every
//! violation is exactly 0, so its indicator is exactly 1. In an enemy's ball
//! one violation alone is a number of at least `slack_k`, and `scale_k` times
//! it at least 1; the others only add to it, and rounding is monotone, so
//! `1 − scale_k Σ v ≤ 0` in whatever order the sum is taken.

use crate::{
    Budget, Dataset, Error, Norm, Progress, cells,
    directions::{Projection, dictionary, dictionary_among_few},
    network::{Cell, CellNetwork, Constraint, Layer, LayerBuilder, Model, Network},
};

use super::{AtLeast, BuiltNetwork, Construction, Options};

pub(super) const ENTRY: Construction = Construction {
    largest_dense: 1 << 20,
    largest_unnamed: |norm| if matches!(norm, Norm::Linf | Norm::L1) { usize::MAX } else { MOST_UNNAMED },
    at_least: |_, _| AT_LEAST,
    every_p: true,
    ..Construction::new(
        "cells",
        "sparse, merged cells",
        &[Norm::Linf, Norm::L1, Norm::L2],
        |data, budget, options, progress| Ok(Box::new(cell_network(data, budget, options, progress)?)),
    )
};

/// Numbers for which directions are looked for in the other norms unless cells are
/// asked for by name: more than five times those of MNIST, which take a few minutes.
const MOST_UNNAMED: usize = 1 << 28;
/// Numbers for which directions among few dimensions are tried beside those of all
/// features: 1,300 MNIST images. On all of them few dimensions were dearer.
const MOST_COMPARED: usize = 1 << 20;
/// Integers up to this are exact in binary32.
const MOST_CLASSES: usize = 1 << 24;

/// One cell of one constraint; what data need shows only when cells are found.
const AT_LEAST: AtLeast = AtLeast { nonzero: 4, all: 4 };

/// The network of cells that memorizes `data` within `budget`: depth 3 (5 with a
/// scalar head), `2T + C + 2K` nonzero parameters for `K` cells of `C` constraints,
/// `T` of them distinct; indicators are exactly 0 or 1 on all balls. In other
/// norms than the sup norm it has a layer of directions in front. `progress` is told
/// how far the search is.
///
/// # Errors
/// [`Error::TooFine`] when the stored format cannot hold the network.
pub fn cell_network(
    data: &Dataset,
    budget: &Budget,
    options: Options,
    progress: &dyn Progress,
) -> Result<CellNetwork, Error> {
    let Options { head, precision } = options;
    if data.classes() > MOST_CLASSES {
        let why = format!("{} classes, at most {MOST_CLASSES} are exact", data.classes());
        return Err(Error::TooFine { precision, why });
    }
    // A ball of any norm lies in that of the sup norm with the same radius,
    // which is enough where there is no enemy.
    if budget.norm() == Norm::Linf || budget.distance(0).is_infinite() {
        let cells = cells::cover(data, budget, precision, progress)?;
        return CellNetwork::new(precision, data.features(), data.classes(), head, &cells);
    }
    let over = |projection: Projection| {
        let cells = cells::cover_images(&projection, budget.radii(), precision, progress)?;
        let (layers, cells) = without_needless(projection.layers, cells);
        let count = layers.last().map_or(0, Layer::outputs);
        CellNetwork::new(precision, count, data.classes(), head, &cells)?.with_directions(layers)
    };
    let all = dictionary(data, budget, precision, progress).and_then(over);
    if data.samples().saturating_mul(data.features()) > MOST_COMPARED {
        return all;
    }
    let few = dictionary_among_few(data, budget, precision, progress);
    match (all, few.and_then(|few| few.map(over).transpose())) {
        // The cheaper one, dimensions counted.
        (Ok(all), Ok(Some(few))) if all.size().nonzero <= few.size().nonzero => Ok(all),
        (_, Ok(Some(few))) => Ok(few),
        (all, _) => all,
    }
}

/// The directions that some cell has a constraint on, and the cells over them.
fn without_needless(mut layers: Vec<Layer>, cells: Vec<Cell>) -> (Vec<Layer>, Vec<Cell>) {
    let mut used: Vec<usize> =
        cells.iter().flat_map(|cell| &cell.constraints).map(|constraint| constraint.feature).collect();
    used.sort_unstable();
    used.dedup();
    if let Some(directions) = layers.last_mut() {
        let mut layer = LayerBuilder::new(directions.inputs());
        for &direction in &used {
            let row = directions.row(direction);
            row.terms().for_each(|(feature, weight)| {
                layer.weight(feature, weight);
            });
            layer.bias(row.bias);
        }
        *directions = layer.finish();
    }
    let renamed = |c: Constraint| Constraint { feature: used.partition_point(|d| *d < c.feature), ..c };
    let cells = cells.into_iter().map(|cell| {
        let constraints = cell.constraints.into_iter().map(renamed).collect();
        Cell { constraints, ..cell }
    });
    (layers, cells.collect())
}

impl BuiltNetwork for CellNetwork {
    fn compact(&self) -> Result<Model, Error> {
        Ok(Model::Cells(self.clone()))
    }
}
