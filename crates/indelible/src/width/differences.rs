//! Differences of enemies, as rows of a matrix.

use std::collections::HashSet;

use super::{ascent::squares, orthonormal::images};
use crate::{Dataset, separation::NearestEnemies};

/// Pairs that a search starts with.
const FIRST: usize = 3000;

/// Pairs of enemies and their differences.
#[derive(Clone, Debug)]
pub(super) struct Differences {
    /// Smaller index first; no pair twice.
    pub pairs: Vec<(usize, usize)>,
    /// `(x_i − x_j)·scale`, rounded, row after row.
    pub rows: Vec<f64>,
    /// A power of two that makes the closest of the first pairs about 1 apart.
    scale: f64,
    seen: HashSet<(usize, usize)>,
}

impl Differences {
    /// The closest among the nearest enemies of all samples.
    pub fn of_nearest(data: &Dataset, near: &NearestEnemies) -> Self {
        Self::of_closest(data, near, FIRST)
    }

    /// So many of them at most.
    pub fn of_closest(data: &Dataset, near: &NearestEnemies, most: usize) -> Self {
        let least = near.distances.iter().map(|d| d.upper).fold(f64::INFINITY, f64::min);
        let exponent = least.log2().round().clamp(-1000.0, 1000.0);
        let mut all = Self { pairs: vec![], rows: vec![], scale: (-exponent).exp2(), seen: HashSet::new() };
        all.add_closest(data, near, most);
        all
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// What a length of 1 stands for, in the units of the features.
    pub fn unit(&self) -> f64 {
        1.0 / self.scale
    }

    /// Adds the closest among nearest enemies that are not there yet, up to
    /// `most`. Returns how many there were.
    pub fn add_closest(&mut self, data: &Dataset, near: &NearestEnemies, most: usize) -> usize {
        let mut order: Vec<(f64, usize, usize)> = near
            .indices
            .iter()
            .zip(&near.distances)
            .enumerate()
            .filter_map(|(i, (j, distance))| j.map(|j| (distance.upper, i.min(j), i.max(j))))
            .collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let before = self.len();
        for (_, i, j) in order {
            if self.len() - before < most && self.seen.insert((i, j)) {
                self.pairs.push((i, j));
                self.rows.extend(difference(data, (i, j)).map(|x| x * self.scale));
            }
        }
        self.len() - before
    }

    /// The first pairs, and of the others so many at most: those that are closest through `rows`.
    pub fn with_closest(mut self, first: usize, rows: &[f64], features: usize, most: usize) -> Self {
        let lengths: Vec<f64> = squares(&images(&self.rows, rows, features), rows.len() / features).collect();
        let mut order: Vec<usize> = (first..self.len()).collect();
        order.sort_unstable_by(|&a, &b| lengths[a].total_cmp(&lengths[b]).then(a.cmp(&b)));
        order.truncate(most);
        order.splice(..0, 0..first);
        self.rows = order.iter().flat_map(|&k| &self.rows[k * features..][..features]).copied().collect();
        self.pairs = order.into_iter().map(|k| self.pairs[k]).collect();
        self
    }
}

/// `x_i − x_j`, each feature rounded once.
pub(super) fn difference(data: &Dataset, (i, j): (usize, usize)) -> impl Iterator<Item = f64> {
    data.row(i).into_iter().zip(data.row(j)).map(|(a, b)| a - b)
}
