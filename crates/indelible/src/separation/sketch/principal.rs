//! Inner products with directions in which samples spread most, for `l2`.
//!
//! The directions come from a few steps of subspace iteration on some samples
//! (Halko, Martinsson & Tropp, SIAM Review 2011). Whatever they are, the map
//! they make is bounded by the Gram matrix `G` of the directions as stored:
//! `‖P‖² = ‖G‖ ≤ max_i Σ_j |G_ij|`.

use super::{Map, NUMBERS as DIRECTIONS};
use crate::{
    isa::Isa,
    number::random::Random,
    parallel,
    separation::kernel::project::{LANES, Projection},
};

/// Samples that they are found by.
pub(super) const SAMPLES: usize = 384;
/// Steps of the iteration.
const STEPS: usize = 3;

/// Directions, row after row.
pub(super) struct Principal {
    directions: Vec<f32>,
    /// Features, padded to a multiple of the lanes.
    width: usize,
    stretch: f64,
    isa: Isa,
}

impl Principal {
    /// Directions for centered samples, padded with zeros.
    pub(super) fn new(rows: &[Vec<f64>], width: usize, isa: Isa) -> Self {
        let padded = width.next_multiple_of(LANES);
        let rows: Vec<Vec<f32>> = rows
            .iter()
            .step_by((rows.len() / SAMPLES).max(1))
            .map(|row| row.iter().map(|&x| x as f32).collect())
            .collect();
        let mut random = Random::new(1);
        let mut start = |f: usize| if f < width { random.unit() - 0.5 } else { 0.0 };
        let mut directions: Vec<Vec<f64>> =
            (0..DIRECTIONS).map(|_| (0..padded).map(&mut start).collect()).collect();
        for step in 1..=STEPS {
            let flat = flatten(&directions);
            let mut weights = vec![[0.0; DIRECTIONS]; rows.len()];
            parallel::each_chunk_mut(&mut weights, 1, |at, out| {
                isa.run(Projection { x: &rows[at], directions: &flat, out: &mut out[0] });
            });
            parallel::each_chunk_mut(&mut directions, 1, |d, direction| {
                let direction = &mut direction[0];
                direction.fill(0.0);
                for (row, weights) in rows.iter().zip(&weights) {
                    let weight = f64::from(weights[d]);
                    for (sum, &x) in direction.iter_mut().zip(row) {
                        *sum += weight * f64::from(x);
                    }
                }
            });
            // Once is enough for directions that are improved further.
            orthonormalize(&mut directions, if step < STEPS { 1 } else { 2 });
        }
        let directions = flatten(&directions);
        let stretch = bound(&directions, padded);
        Self { directions, width: padded, stretch, isa }
    }

    /// The first directions alone: those of most spread.
    pub(super) fn first(&self, count: usize) -> Self {
        let directions = self.directions[..count * self.width].to_vec();
        let stretch = bound(&directions, self.width);
        Self { directions, stretch, ..*self }
    }
}

/// Rounded to binary32, one after the other: what is rounded is what is used.
fn flatten(directions: &[Vec<f64>]) -> Vec<f32> {
    directions.iter().flatten().map(|&x| x as f32).collect()
}

/// Gram and Schmidt's process, so many times; what depends on earlier directions
/// becomes 0.
fn orthonormalize(directions: &mut [Vec<f64>], times: usize) {
    for d in 0..directions.len() {
        let (earlier, rest) = directions.split_at_mut(d);
        let direction = &mut rest[0];
        let length = |v: &[f64]| dot(v, v).sqrt();
        let before = length(direction);
        for _ in 0..times {
            for other in earlier.iter() {
                let part = dot(direction, other);
                for (x, o) in direction.iter_mut().zip(other) {
                    *x -= part * o;
                }
            }
        }
        let after = length(direction);
        let factor = if after > 1e-9 * before { 1.0 / after } else { 0.0 };
        direction.iter_mut().for_each(|x| *x *= factor);
    }
}

/// The inner product, in sums that do not wait for each other.
fn dot<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> f64 {
    const SUMS: usize = 16;
    let mut sums = [0.0; SUMS];
    for (a, b) in a.chunks(SUMS).zip(b.chunks(SUMS)) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a.into() * b.into();
        }
    }
    sums.iter().sum()
}

/// A bound of the norm of the map.
fn bound(directions: &[f32], width: usize) -> f64 {
    let rows: Vec<&[f32]> = directions.chunks(width).collect();
    // Products of binary32 numbers are exact; sums of n have n roundings.
    let rounding = (width as f64 + 8.0) * f64::EPSILON;
    // No direction is longer than 2, so that a sum of absolute products is below 4.
    let sums = rows.iter().map(|a| rows.iter().map(|b| dot(a, b).abs() + 4.0 * rounding).sum::<f64>());
    // A NaN would be the largest: with it no sketch promises anything.
    sums.max_by(f64::total_cmp).unwrap_or(0.0).sqrt() * (1.0 + 1e-12)
}

impl Map for Principal {
    fn width(&self) -> usize {
        self.directions.len() / self.width
    }

    fn apply(&self, x: &[f64], out: &mut [f32]) {
        let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        self.isa.run(Projection { x: &x, directions: &self.directions, out });
    }

    fn stretch(&self) -> f64 {
        self.stretch
    }

    fn error(&self, norm: f64) -> f64 {
        // Rounding the features moves a sketch by σ·u·‖x‖; a product sums in
        // lanes, with so many roundings of terms whose absolute values add up
        // to at most σ‖x‖. Underflow adds at most the smallest number per term.
        let u = f64::from(f32::EPSILON);
        let roundings = (self.width / LANES + LANES + 2) as f64;
        let count = (Map::width(self) as f64).sqrt();
        let tiny = f64::from(f32::from_bits(1)) * self.width as f64 * count * 4.0;
        self.stretch * norm * u * (1.0 + count * roundings) + tiny
    }
}
