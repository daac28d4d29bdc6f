//! Rows of length 1 at right angles, and the space in which a quadratic form is
//! largest: for the search, where nothing rests on it.

use crate::{
    matrix::{product, product_transposed, transposed_product},
    number::random::Random,
    parallel,
};

/// Pairs that are multiplied together.
const BLOCK: usize = 512;
/// Weights of such a share of the largest one are next to nothing.
const LIGHT: f64 = 1e-14;

/// Gram and Schmidt's process, twice; a row that depends on earlier ones is
/// replaced by the first coordinate axes that do not.
pub(super) fn orthonormalize(rows: &mut [f64], width: usize) {
    let mut axis = 0;
    for at in 0..rows.len() / width {
        loop {
            let (earlier, rest) = rows.split_at_mut(at * width);
            let row = &mut rest[..width];
            let before = length(row);
            for _ in 0..2 {
                for other in earlier.chunks(width) {
                    let part = dot(row, other);
                    row.iter_mut().zip(other).for_each(|(x, o)| *x -= part * o);
                }
            }
            let after = length(row);
            if after > 1e-6 * before {
                row.iter_mut().for_each(|x| *x /= after);
                break;
            }
            row.fill(0.0);
            row[axis % width] = 1.0;
            axis += 1;
        }
    }
}

/// `Σ a b`, in eight sums side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    rest + sums.iter().sum::<f64>()
}

fn length(row: &[f64]) -> f64 {
    row.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Rows that look random, at right angles.
pub(super) fn random_rows(count: usize, width: usize) -> Vec<f64> {
    let mut random = Random::new(1);
    let mut rows: Vec<f64> = (0..count * width).map(|_| random.unit() - 0.5).collect();
    orthonormalize(&mut rows, width);
    rows
}

/// Values of `P Δ_k` for every difference `Δ_k`, `k` by row of `P`.
pub(super) fn images(differences: &[f64], rows: &[f64], width: usize) -> Vec<f64> {
    let count = rows.len() / width;
    let mut images = vec![0.0; differences.len() / width * count];
    parallel::each_chunk_mut(&mut images, BLOCK * count, |block, out| {
        let pairs = out.len() / count;
        let part = &differences[block * BLOCK * width..][..pairs * width];
        out.copy_from_slice(&product_transposed(part, rows, (pairs, width, count)));
    });
    images
}

/// `P M` for `M = Σ α_k Δ_k Δ_kᵀ`.
pub(super) fn times_form(differences: &[f64], weights: &[f64], rows: &[f64], width: usize) -> Vec<f64> {
    weighted_form(&images(differences, rows, width), weights, differences, width)
}

/// `P M` from the images `P Δ_k`, without pairs whose weights are next to nothing.
pub(super) fn weighted_form(images: &[f64], weights: &[f64], differences: &[f64], width: usize) -> Vec<f64> {
    let count = images.len() / weights.len().max(1);
    let least = LIGHT * weights.iter().copied().fold(0.0, f64::max);
    let heavy: Vec<usize> = (0..weights.len()).filter(|&k| weights[k] > least).collect();
    let parts = parallel::map_chunks(&heavy, BLOCK, |pairs| {
        let weighted = |&k: &usize| images[k * count..][..count].iter().map(move |x| x * weights[k]);
        let weighted: Vec<f64> = pairs.iter().flat_map(weighted).collect();
        let theirs: Vec<f64> =
            pairs.iter().flat_map(|&k| &differences[k * width..][..width]).copied().collect();
        transposed_product(&weighted, &theirs, (count, pairs.len(), width))
    });
    let mut sum = vec![0.0; count * width];
    for part in parts {
        sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
    sum
}

/// Turns the rows towards the space in which a symmetric form is largest, by
/// so many steps of subspace iteration; within that space towards its
/// eigenvectors, the largest first. `times` multiplies rows with the form.
/// Returns about their eigenvalues.
pub(super) fn turn(
    times: impl Fn(&[f64]) -> Vec<f64>,
    rows: &mut Vec<f64>,
    width: usize,
    steps: usize,
) -> Vec<f64> {
    for _ in 0..steps {
        *rows = times(rows);
        orthonormalize(rows, width);
    }
    let count = rows.len() / width;
    let mut small = product_transposed(&times(rows), rows, (count, width, count));
    let vectors = diagonalize(&mut small, count);
    *rows = product(&vectors, rows, (count, count, width));
    orthonormalize(rows, width);
    (0..count).map(|i| small[i * count + i]).collect()
}

/// Jacobi's process on a symmetric matrix of `n` rows: what is left has its
/// eigenvalues on the diagonal, in falling order; returns eigenvectors as rows.
fn diagonalize(matrix: &mut [f64], n: usize) -> Vec<f64> {
    const SWEEPS: usize = 12;
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    for _ in 0..SWEEPS {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| i * n + j)).map(|at| matrix[at].powi(2)).sum();
        let on: f64 = (0..n).map(|i| matrix[i * n + i].powi(2)).sum();
        if off <= 1e-24 * on {
            break;
        }
        for i in 0..n {
            for j in i + 1..n {
                rotate(matrix, &mut vectors, n, (i, j));
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| matrix[b * n + b].total_cmp(&matrix[a * n + a]));
    let sorted = order.iter().flat_map(|&i| vectors[i * n..][..n].to_vec()).collect();
    let values: Vec<f64> = order.iter().map(|&i| matrix[i * n + i]).collect();
    matrix.fill(0.0);
    values.into_iter().enumerate().for_each(|(i, value)| matrix[i * n + i] = value);
    sorted
}

/// One rotation, which makes the entry of row `i` and column `j` 0.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], n: usize, (i, j): (usize, usize)) {
    let entry = matrix[i * n + j];
    if entry == 0.0 {
        return;
    }
    let ratio = (matrix[j * n + j] - matrix[i * n + i]) / (2.0 * entry);
    let tangent = ratio.signum() / (ratio.abs() + ratio.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for k in 0..n {
        let (a, b) = (matrix[k * n + i], matrix[k * n + j]);
        matrix[k * n + i] = cosine * a - sine * b;
        matrix[k * n + j] = sine * a + cosine * b;
    }
    for values in [matrix, vectors] {
        for k in 0..n {
            let (a, b) = (values[i * n + k], values[j * n + k]);
            values[i * n + k] = cosine * a - sine * b;
            values[j * n + k] = sine * a + cosine * b;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_orthonormal_whatever_they_were() {
        let mut rows = vec![1.0, 1.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0];
        orthonormalize(&mut rows, 3);
        let gram = product_transposed(&rows, &rows, (3, 3, 3));
        for (at, g) in gram.iter().enumerate() {
            assert!((g - f64::from(u8::from(at % 4 == 0))).abs() < 1e-12, "{gram:?}");
        }
    }

    #[test]
    fn a_form_is_turned_to_its_eigenvectors() {
        // Differences along the axes, so that the form is diagonal: 9, 4, 1, 0.
        let differences = vec![3.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let mut rows = random_rows(2, 4);
        let times = |rows: &[f64]| times_form(&differences, &[1.0; 3], rows, 4);
        let values = turn(times, &mut rows, 4, 60);
        assert!((values[0] - 9.0).abs() < 1e-9 && (values[1] - 4.0).abs() < 1e-9, "{values:?}");
        assert!((rows[0].abs() - 1.0).abs() < 1e-6 && (rows[5].abs() - 1.0).abs() < 1e-6, "{rows:?}");
    }
}
