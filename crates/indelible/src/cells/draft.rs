//! A cell under construction.

use crate::network::{Cell, Constraint};

use super::{
    balls::{Balls, scale},
    bits::{elements, keep, size},
    grid::Grid,
};

/// Literals of the grid and constraints off it that recognise a seed's ball
/// and exclude all enemies.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub class: usize,
    pub seed: usize,
    pub literals: Vec<u32>,
    pub off_grid: Vec<Constraint>,
    /// How far every enemy violates some constraint at least.
    pub slack: f64,
    /// Wanted balls inside, when last counted.
    pub covered: usize,
}

impl Draft {
    /// Parameters of the network that this cell adds: one weight per
    /// constraint, the bias of the indicator and its weight in the class
    /// score. A threshold off the grid has a weight and a bias of its own;
    /// those of the grid are shared by many cells and not counted here.
    pub fn cost(&self) -> usize {
        self.literals.len() + 3 * self.off_grid.len() + 2
    }

    /// Keeps of `wanted`, words of the cell's class, the balls inside.
    pub fn keep_inside(&self, balls: &Balls<'_>, grid: &Grid, wanted: &mut [u64]) {
        let words = grid.words_of(self.class);
        for &literal in &self.literals {
            keep(wanted, &grid.inside(literal)[words.clone()]);
        }
        if !self.off_grid.is_empty() {
            let lost: Vec<usize> = elements(wanted, words.start)
                .filter(|&slot| !balls.satisfies(grid.sample(slot), &self.off_grid))
                .collect();
            for slot in lost {
                wanted[slot / 64 - words.start] &= !(1 << (slot % 64));
            }
        }
    }

    /// Counts again the balls of `wanted` (a set of slots) inside.
    pub fn count(&mut self, balls: &Balls<'_>, grid: &Grid, wanted: &[u64]) {
        let mut inside = wanted[grid.words_of(self.class)].to_vec();
        self.keep_inside(balls, grid, &mut inside);
        self.covered = size(&inside);
    }

    /// The finished cell.
    pub fn cell(&self, balls: &Balls<'_>, grid: &Grid) -> Cell {
        let on_grid = self.literals.iter().map(|&literal| grid.constraint(literal));
        Cell {
            class: self.class,
            scale: scale(balls.precision, self.slack),
            constraints: on_grid.chain(self.off_grid.iter().copied()).collect(),
        }
    }
}
