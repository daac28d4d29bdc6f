//! Which row of another class decides around a sample, by the scores of all rows.
//!
//! Of rows `a` of the own class with weights `λ_a ≥ 0`, and a row `b` of another
//! one, the largest own score leads that of `b` on the ball of radius `r` by at
//! least
//!
//! ```text
//! (Σ λ_a (s_a(x) − s_b(x)) − r ‖Σ λ_a (w_a − w_b)‖) / Σ λ_a
//! ```
//!
//! in the dual norm, since a largest number is no smaller than a mean. With one
//! row each this is what geometry says, without the triangle inequality; with
//! several it is the dual of the program whose value is the largest radius.

use std::ops::Range;

use super::{Checker, Rounding};
use crate::{
    Norm,
    matrix::product_transposed,
    network::NetworkForm,
    number::{add_up, mul_up, sqrt_up, sub_down},
};

/// Rows that are decoded together.
const TILE: usize = 512;
/// Own rows that are tried against each other one.
const OWN: usize = 3;
/// More than `√(n 2⁻¹⁰⁷⁴)` for every number `n` of squares that underflow.
const UNDERFLOWN: f64 = 1e-150;

/// All rows as rivals of each other.
pub(super) struct Rivals<'a> {
    pub checker: &'a Checker<'a>,
    /// The norm of differences of rows.
    dual: Norm,
    /// An upper bound of each row in it.
    lengths: Vec<f64>,
}

/// A row of another class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rival {
    /// What is asked about it and the best own row.
    pub value: f64,
    pub row: usize,
}

/// What is asked about a pair of rows, given how far its scores are apart at the
/// sample, the distance of the rows, and what executing adds: a number that grows
/// with the first and falls with the others.
pub(super) type Value<'a> = &'a dyn Fn(f64, f64, Rounding) -> f64;

impl<'a> Rivals<'a> {
    pub fn new(checker: &'a Checker<'a>) -> Self {
        let dual = match checker.claim.norm.enclosing() {
            Norm::L1 => Norm::Linf,
            Norm::L2 => Norm::L2,
            Norm::Linf | Norm::Lp(_) => Norm::L1,
        };
        let mut row = vec![0.0; checker.scores.inputs()];
        let lengths = (0..checker.scores.biases().len())
            .map(|k| {
                checker.scores.copy_row(k, &mut row);
                length_up(row.iter().copied(), dual)
            })
            .collect();
        Self { checker, dual, lengths }
    }

    /// Scores of all rows at some points, one point after the other, in binary64.
    pub fn scores(&self, points: &[f64]) -> Vec<f64> {
        let (n, biases) = (self.checker.scores.inputs(), self.checker.scores.biases());
        let (count, width) = (points.len() / n, biases.len());
        let mut all = vec![0.0; count * width];
        for start in (0..width).step_by(TILE) {
            let tile = TILE.min(width - start);
            let mut weights = vec![0.0; tile * n];
            for (k, row) in weights.chunks_mut(n).enumerate() {
                self.checker.scores.copy_row(start + k, row);
            }
            let products = product_transposed(points, &weights, (count, n, tile));
            for (all, products) in all.chunks_mut(width).zip(products.chunks(tile)) {
                for ((score, product), bias) in all[start..].iter_mut().zip(products).zip(&biases[start..]) {
                    *score = product + bias;
                }
            }
        }
        all
    }

    /// How far a computed score at a point of this length may be off.
    pub fn error(&self, length: f64) -> f64 {
        let n = self.checker.scores.inputs();
        let size = add_up(mul_up(self.checker.longest, length), self.checker.largest_bias);
        // γ for any order of n products and a bias, and what underflows.
        let relative = 2.0 * (n + 8) as f64 * f64::EPSILON;
        add_up(mul_up(size, relative), f64::MIN_POSITIVE)
    }

    /// The least value over all rows of other classes but those of `known`, each
    /// with the best of a few own rows for it; `None` where there is none.
    pub fn least(
        &self,
        class: usize,
        (scores, error): (&[f64], f64),
        known: &[Rival],
        value: Value<'_>,
    ) -> Option<Rival> {
        let range = self.checker.scores.class_rows(class);
        let own = best(scores, range.clone(), OWN);
        let &first = own.first()?;
        let lead = |own: usize, other: usize| lead(scores, error, own, other);
        // Rows are not farther apart than both their lengths.
        let bound = |other: usize| {
            let apart = add_up(self.lengths[first], self.lengths[other]);
            value(lead(first, other), apart, self.rounding(first).and(self.rounding(other)))
        };
        let mut open: Vec<(f64, usize)> = (0..scores.len())
            .filter(|row| !range.contains(row) && known.iter().all(|known| known.row != *row))
            .map(|row| (bound(row), row))
            .collect();
        let &(_, nearest) = open.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
        let mut rows = Rows::new(self.checker.scores.inputs());
        let mut exact = |row: usize, enough: f64| {
            let mut best = f64::NEG_INFINITY;
            for &own in &own {
                let rounding = self.rounding(own).and(self.rounding(row));
                best = best.max(value(lead(own, row), self.apart(own, row, &mut rows), rounding));
                if best >= enough {
                    break;
                }
            }
            Rival { value: best, row }
        };
        let mut least = exact(nearest, f64::INFINITY);
        open.retain(|(bound, _)| *bound < least.value);
        open.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (bound, other) in open {
            if bound >= least.value {
                break;
            }
            let found = exact(other, least.value);
            if found.value < least.value {
                least = found;
            }
        }
        Some(least)
    }

    /// An upper bound of the distance of two rows, in the dual norm.
    fn apart(&self, own: usize, other: usize, rows: &mut Rows) -> f64 {
        self.checker.scores.copy_row(own, &mut rows.own);
        self.checker.scores.copy_row(other, &mut rows.other);
        self.length_of(rows.own.iter().zip(&rows.other).map(|(a, b)| a - b))
    }

    /// How far the score of a row as executed may be off.
    pub fn rounding(&self, row: usize) -> Rounding {
        self.checker.roundings[row]
    }

    /// An upper bound of a row's length in the dual norm.
    pub fn length(&self, row: usize) -> f64 {
        self.lengths[row]
    }

    /// An upper bound of the length of a vector in the dual norm, each of whose
    /// numbers may have been rounded once.
    pub fn length_of(&self, vector: impl ExactSizeIterator<Item = f64>) -> f64 {
        length_up(vector, self.dual)
    }
}

/// By how much one computed score leads another at least, where each may be off
/// by `error`.
pub(super) fn lead(scores: &[f64], error: f64, own: usize, other: usize) -> f64 {
    sub_down(sub_down(scores[own], scores[other]), mul_up(2.0, error))
}

/// An upper bound of a norm that is a sum, a largest number or a root, of numbers
/// that may have been rounded once.
fn length_up(vector: impl ExactSizeIterator<Item = f64>, norm: Norm) -> f64 {
    // Of n sums, n squares, and the numbers themselves.
    let relative = 1.0 + 2.0 * (vector.len() + 8) as f64 * f64::EPSILON;
    let length = match norm {
        Norm::Linf => vector.fold(0.0, |most: f64, v| most.max(v.abs())),
        Norm::L1 => vector.fold(0.0, |sum, v| sum + v.abs()),
        Norm::L2 | Norm::Lp(_) => {
            let squares = vector.fold(0.0, |sum, v| sum + v * v);
            add_up(sqrt_up(squares), UNDERFLOWN)
        }
    };
    let bound = add_up(mul_up(length, relative), f64::MIN_POSITIVE);
    if bound.is_nan() { f64::INFINITY } else { bound }
}

/// Two rows.
struct Rows {
    own: Vec<f64>,
    other: Vec<f64>,
}

impl Rows {
    fn new(n: usize) -> Self {
        Self { own: vec![0.0; n], other: vec![0.0; n] }
    }
}

/// The rows with the largest scores, `most` at most, the largest first.
pub(super) fn best(scores: &[f64], rows: Range<usize>, most: usize) -> Vec<usize> {
    let mut best: Vec<usize> = vec![];
    for row in rows {
        let place = best.partition_point(|b| scores[*b] >= scores[row]);
        if place < most {
            best.insert(place, row);
            best.truncate(most);
        }
    }
    best
}
