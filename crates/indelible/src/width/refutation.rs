//! What weights on pairs of enemies exclude: no projection to so few dimensions
//! keeps all of them far apart.
//!
//! Let `α ≥ 0`, `Σα = 1`, `M = Σ α_k Δ_k Δ_kᵀ`. For orthonormal rows `P` the
//! smallest `‖PΔ_k‖²` is at most `Σ α_k ‖PΔ_k‖² = tr(P M Pᵀ)`, which is at most
//! the sum of the `m` largest eigenvalues of `M` (Ky Fan). Where
//! `M ⪯ tI + Z` with `Z ⪰ 0`, that sum is at most `m t + tr Z`.
//!
//! `t` and `Z = Σ w_i v_i v_iᵀ` are guessed from the largest eigenvectors, and a
//! triangle `R` with `RᵀR` near `tI + Z − M` from Cholesky's process. That
//! `tI + Z − M ⪰ −δI` is then read off the residual alone:
//! `A = RᵀR + E` gives `A ⪰ −‖E‖_F I`. So the bound is `m (t + δ) + tr Z`, and
//! `δ` counts every rounding: of `M`, of `Z`, of `A`, of `RᵀR`. Matrices have
//! been scaled by powers of two, so that their entries are near 1 or below and
//! what underflows stays below `2^-900`.

use super::{
    differences::difference,
    orthonormal::{random_rows, turn},
    projection::rounding,
};
use crate::{
    Dataset,
    matrix::{product, transposed_product},
    number::{add_down, add_up, div_up, mul_down, mul_up, sqrt_up},
    parallel,
};

/// More than everything that underflows in an entry of a matrix.
const UNDERFLOW: f64 = 1e-270;
/// Steps of subspace iteration to the largest eigenvectors.
const STEPS: usize = 60;
/// Eigenvectors beyond those that count: the more, the faster the steps.
const EXTRA: usize = 4;

/// Weights on pairs of enemies.
#[derive(Clone, Debug)]
pub struct Refutation {
    /// Pairs of enemies.
    pub pairs: Vec<(usize, usize)>,
    /// Their weights, 0 or more, in any scale.
    pub weights: Vec<f64>,
}

impl Refutation {
    /// A number that the smallest distance of these pairs from a subspace of
    /// codimension `rows` cannot exceed, in l2, rounded up; infinite where
    /// nothing is shown: where a pair has one label or is not there, a weight
    /// is negative or no number, or all are 0.
    #[must_use]
    pub fn largest_distance(&self, data: &Dataset, rows: usize) -> f64 {
        let Some(form) = Form::new(self, data) else { return f64::INFINITY };
        let count = rows.min(form.size);
        let sum = form.eigenvalues(count);
        mul_up(sqrt_up(sum), form.unit)
    }
}

/// `M`, scaled.
struct Form {
    /// Features.
    size: usize,
    /// `√w_k Δ_k / unit`, rounded, in rows: `M` is the sum of their outer
    /// products over `total`.
    rows: Vec<f64>,
    /// The sum of all weights, rounded down.
    total: f64,
    /// A power of two: lengths are multiples of it.
    unit: f64,
}

impl Form {
    fn new(refutation: &Refutation, data: &Dataset) -> Option<Self> {
        let Refutation { pairs, weights } = refutation;
        let labels = data.labels();
        let enemies =
            |&(i, j): &(usize, usize)| labels.get(i).zip(labels.get(j)).is_some_and(|(a, b)| a != b);
        let usable = |w: &f64| *w >= 0.0 && w.is_finite();
        if pairs.len() != weights.len() || !pairs.iter().all(enemies) || !weights.iter().all(usable) {
            return None;
        }
        let heaviest = weights.iter().copied().fold(0.0, f64::max);
        // Any weights are allowed: those whose roots are these numbers, and of
        // what weighs next to nothing none.
        let used: Vec<((usize, usize), f64)> = pairs
            .iter()
            .zip(weights)
            .map(|(pair, weight)| (*pair, (weight / heaviest).sqrt()))
            .filter(|(_, root)| *root >= 1e-5)
            .collect();
        let longest = used
            .iter()
            .flat_map(|(pair, _)| difference(data, *pair))
            .fold(0.0, |most, x| f64::max(most, x.abs()));
        if used.is_empty() || !(1e-150..1e150).contains(&longest) {
            return None;
        }
        let unit = longest.log2().floor().exp2();
        let total = used.iter().fold(0.0, |sum, (_, root)| add_down(sum, mul_down(*root, *root)));
        let rows = used
            .iter()
            .flat_map(|&(pair, root)| difference(data, pair).map(move |x| x / unit * root))
            .collect();
        Some(Self { size: data.features(), rows, total, unit })
    }

    /// A bound of the sum of the `count` largest eigenvalues of `M`.
    fn eigenvalues(&self, count: usize) -> f64 {
        let trace = squares_up(&self.rows);
        let bound = if count < self.size { self.partial(count, trace).min(trace) } else { trace };
        div_up(bound, self.total)
    }

    /// The same for the sum of outer products of the rows, of fewer eigenvalues
    /// than there are.
    fn partial(&self, count: usize, trace: f64) -> f64 {
        let size = self.size;
        let pairs = self.rows.len() / size;
        let form = transposed_product(&self.rows, &self.rows, (size, pairs, size));
        let mut vectors = random_rows((count + EXTRA).min(size), size);
        let values =
            turn(|rows| product(rows, &form, (rows.len() / size, size, size)), &mut vectors, size, STEPS);
        let least = values[count - 1].max(0.0);
        let middle = f64::midpoint(least, values.get(count).map_or(0.0, |next| next.clamp(0.0, least)));
        let mut outer = vectors[..count * size].to_vec();
        for (vector, value) in outer.chunks_mut(size).zip(&values) {
            let root = (value - middle).max(0.0).sqrt();
            vector.iter_mut().for_each(|x| *x *= root);
        }
        let squares = squares_up(&outer);
        let mut difference = transposed_product(&outer, &outer, (size, count, size));
        difference.iter_mut().zip(&form).for_each(|(z, m)| *z -= m);
        // Of `M` with rows rounded three times each, of `Z`, and of their
        // difference and its diagonal.
        let added = size as f64 * (trace + middle);
        let rounded = [
            rounding(pairs + 16, trace),
            rounding(count + 8, squares),
            rounding(16, add_up(add_up(trace, squares), added)),
            UNDERFLOW * (size * size) as f64,
        ];
        let rounded = rounded.into_iter().fold(0.0, add_up);
        let largest = values.first().copied().unwrap_or(0.0).max(trace * 1e-9);
        let shifts =
            (0..).map(|k| largest * 1e-9 * 10f64.powi(k)).take_while(|shift| *shift <= 2.0 * largest);
        for shift in shifts {
            let level = middle + shift;
            let mut lifted = difference.clone();
            lifted.iter_mut().step_by(size + 1).for_each(|x| *x += level);
            if let Some(residual) = residual(&lifted, size) {
                let level = add_up(level, add_up(rounded, residual));
                return add_up(mul_up(count as f64, level), squares);
            }
        }
        f64::INFINITY
    }
}

/// A bound of `‖A − RᵀR‖_F` for the triangle `R` of Cholesky's process;
/// `None` where it meets a pivot that is not positive.
fn residual(matrix: &[f64], size: usize) -> Option<f64> {
    let triangle = cholesky(matrix.to_vec(), size)?;
    let again = transposed_product(&triangle, &triangle, (size, size, size));
    let differences: Vec<f64> = matrix.iter().zip(&again).map(|(a, b)| a - b).collect();
    let off = sqrt_up(squares_up(&differences));
    let rounded = rounding(size + 8, squares_up(&triangle));
    Some(add_up(mul_up(off, 1.0 + 4.0 * f64::EPSILON), add_up(rounded, UNDERFLOW * (size * size) as f64)))
}

/// The upper triangle `R`, by rows, zeros below.
fn cholesky(mut matrix: Vec<f64>, size: usize) -> Option<Vec<f64>> {
    for k in 0..size {
        let (above, below) = matrix.split_at_mut((k + 1) * size);
        let row = &mut above[k * size..];
        let pivot = row[k];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        let root = pivot.sqrt();
        row[..k].fill(0.0);
        row[k..].iter_mut().for_each(|x| *x /= root);
        let row = &*row;
        parallel::each_chunk_mut(below, size, |place, other| {
            let i = k + 1 + place;
            let factor = row[i];
            other[i..].iter_mut().zip(&row[i..]).for_each(|(x, r)| *x -= factor * r);
        });
    }
    Some(matrix)
}

/// The sum of all squares, rounded up; infinite where that is not known.
fn squares_up(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().map(|x| x * x).sum();
    let up = add_up(add_up(sum, rounding(2 * values.len() + 16, sum)), UNDERFLOW * values.len() as f64);
    if up.is_nan() { f64::INFINITY } else { up }
}
