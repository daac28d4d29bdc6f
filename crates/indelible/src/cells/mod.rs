//! Boxes that recognise balls: few, sparse, merged.
//!
//! A cell is a box given by a few one-sided constraints on single features. A
//! set of cells memorizes a dataset robustly when every ball lies wholly in a
//! cell of its own label, and violates, everywhere in the ball, some
//! constraint of every other cell by a positive slack. Real data need few
//! constraints per cell and few cells per class; [`cover`] finds such cells.
//!
//! How: `grid` chooses a few thresholds per feature and writes down, as bits,
//! on which side of each every ball lies; `grow` grows a cell around a seed
//! by counting those bits (`kernel`); `cover` covers all balls by cells
//! from many seeds, most balls per parameter first. Balls that the grid cannot
//! tell apart get constraints off it (`off_grid`).
//!
//! In other norms than the sup norm a ball is no box, but its images under
//! directions are intervals: cells over [`directions`](crate::directions).
//!
//! Not a classifier: nothing here asks what lies between the balls.

mod balls;
mod bits;
mod cover;
mod draft;
mod explain;
mod grid;
mod grow;
mod kernel;
mod membership;
mod off_grid;
mod shorten;
mod thresholds;

use std::sync::Mutex;

use crate::{
    Budget, Dataset, Error, Precision, Progress, Radii,
    directions::Projection,
    network::{Cell, Constraint, Side},
    number::sub_down,
};

pub use explain::{BallsOfCells, ConstraintReason, Explanation, OpenedCells, sign};
pub use membership::samples_in_cells;

use balls::{Balls, Spread};
use cover::Finder;
use draft::Draft;
use grid::Grid;

/// Cells that memorize `data` within `budget` (norm `l_∞`) as networks of
/// `precision` execute them.
///
/// **Guarantee.** Every ball, numbers of the format that rounding turns its
/// points into included, satisfies all constraints of some cell of its class;
/// and it violates some constraint of every cell of another class by a number
/// of the format that the cell's scale turns into 1 or more.
///
/// Cells are merged; where merging does not clearly pay, the cells without
/// merging are grown, too, and the cheaper set is returned, counted as the
/// nonzero parameters of the network; of more than 1,024 balls some tell
/// whether that is worth while. The result does not depend on the number
/// of threads.
///
/// Memory: two bit matrices of at most 256 MiB in all for up to a million
/// samples, over directions 512 MiB. Time: at most proportional to the pairs of enemies times features.
///
/// # Errors
/// [`Error::TooFine`] when the format cannot tell some ball from an enemy's.
pub fn cover(
    data: &Dataset,
    budget: &Budget,
    precision: Precision,
    progress: &dyn Progress,
) -> Result<Vec<Cell>, Error> {
    let balls = Balls { data, radii: budget.radii(), precision, spread: None };
    let first = data.labels()[0];
    if data.labels().iter().all(|&class| class == first) {
        return Ok(vec![everything(&balls, first)?]);
    }
    let gap = (0..data.samples())
        .map(|k| sub_down(budget.clearance(k), budget.radii().of(k)))
        .fold(f64::INFINITY, f64::min)
        .max(0.0);
    cheaper(&balls, gap, progress)
}

/// Cells over directions: the same for the images of all balls that a
/// projection gives, whatever their norm. Features of constraints are
/// directions.
///
/// # Errors
/// As for [`cover`].
pub fn cover_images(
    projection: &Projection,
    radii: &Radii,
    precision: Precision,
    progress: &dyn Progress,
) -> Result<Vec<Cell>, Error> {
    let Projection { images, lengths, errors, gap, .. } = projection;
    let balls = Balls { data: images, radii, precision, spread: Some(Spread { lengths, errors }) };
    cheaper(&balls, *gap, progress)
}

/// The cheaper of merged and single cells for balls whose enemies stay `gap`
/// apart in some feature.
fn cheaper(balls: &Balls<'_>, gap: f64, progress: &dyn Progress) -> Result<Vec<Cell>, Error> {
    let grid = Grid::new(balls, gap, progress);
    let finder = Finder { balls, grid: &grid, progress, scratch: Mutex::new(vec![]) };
    let finished =
        |cells: &[Draft]| -> Vec<Cell> { cells.iter().map(|cell| cell.cell(balls, &grid)).collect() };
    let merged = finished(&finder.merged()?);
    // A cell has at least one constraint, a bias and a weight in its class
    // score; two thresholds at least are needed to tell two labels apart.
    let single_at_least = 3 * balls.data.samples() + 2;
    if parameters(&merged) <= single_at_least || parameters(&merged) < finder.single_cost()? {
        return Ok(merged);
    }
    let single = finished(&finder.single()?);
    Ok(if parameters(&single) < parameters(&merged) { single } else { merged })
}

/// Nonzero parameters of the logit network of `cells`: one weight and, unless
/// it is 0, one bias per distinct constraint; one weight per constraint of a
/// cell; one bias and one weight in the class score per cell.
#[must_use]
pub fn parameters(cells: &[Cell]) -> usize {
    let mut thresholds: Vec<(usize, Side, u64)> = cells
        .iter()
        .flat_map(|cell| &cell.constraints)
        .map(|c| (c.feature, c.side, (c.threshold + 0.0).to_bits()))
        .collect();
    let constraints = thresholds.len();
    thresholds.sort_unstable();
    thresholds.dedup();
    let biases = thresholds.iter().filter(|t| t.2 != 0).count();
    thresholds.len() + biases + constraints + 2 * cells.len()
}

/// One cell for the only class that occurs, which some constraint must have.
fn everything(balls: &Balls<'_>, class: usize) -> Result<Cell, Error> {
    let least = (0..balls.data.samples()).map(|sample| balls.ends(sample, 0).0).fold(f64::INFINITY, f64::min);
    let threshold = balls.precision.round_down(least);
    if !threshold.is_finite() {
        return Err(Error::TooFine {
            precision: balls.precision,
            why: "a threshold is out of its range".into(),
        });
    }
    let constraint = Constraint { feature: 0, side: Side::AtLeast, threshold };
    Ok(Cell { class, scale: 1.0, constraints: vec![constraint] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Features, Norm, Silent, separation::separation};
    use proptest::prelude::*;

    proptest! {
        /// Merging never costs parameters, whatever the data.
        #[test]
        fn merging_is_never_dearer(
            values in prop::collection::vec(0u8..12, 2..160),
            n in 1usize..4,
            ratio in 0.1f64..0.99,
        ) {
            let rows = values.len() / n;
            prop_assume!(rows > 1);
            let labels: Vec<usize> = values.chunks_exact(n).map(|x| usize::from(x[0] * 7 + x[n - 1]) % 3).collect();
            let names = ["0", "1", "2"].map(String::from).to_vec();
            let codes = values[..rows * n].to_vec();
            let data = Dataset::new(Features::integer_codes(codes.into()), n, labels, names).unwrap();
            let found = separation(&data, Norm::Linf, &Silent);
            prop_assume!(found.pair.is_some());
            let budget = Budget::from_ratio(ratio, &found).unwrap();
            let cells = cover(&data, &budget, Precision::F32, &Silent).unwrap();
            let balls =
                Balls { data: &data, radii: budget.radii(), precision: Precision::F32, spread: None };
            let grid = Grid::new(&balls, 0.5 * (1.0 - ratio), &Silent);
            let finder = Finder { balls: &balls, grid: &grid, progress: &Silent, scratch: Mutex::new(vec![]) };
            let single: Vec<Cell> = finder.single().unwrap().iter().map(|c| c.cell(&balls, &grid)).collect();
            prop_assert_eq!(single.len(), data.samples());
            prop_assert!(parameters(&cells) <= parameters(&single));
        }
    }
}
