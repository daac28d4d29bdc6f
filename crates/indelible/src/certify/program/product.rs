//! Products of matrices that are held by rows, in binary64.
//!
//! An entry is a sum of products in some order, fused or not: with `k` terms it
//! is off by at most `γ_k Σ|a||b|` and what underflows. Nothing else is assumed
//! of it where a proof rests on it. The order depends on the instruction set,
//! not on the number of threads.

/// Shapes of a product: `rows × inner` times `inner × columns`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub rows: usize,
    pub inner: usize,
    pub columns: usize,
}

/// `a b`, for `b` of shape `inner × columns`.
pub(super) fn product(a: &[f64], b: &[f64], shape: (usize, usize, usize)) -> Vec<f64> {
    let (rows, inner, columns) = shape;
    multiply(a, b, (columns, 1), Shape { rows, inner, columns })
}

/// `a bᵀ`, for `b` of shape `columns × inner`.
pub(super) fn product_transposed(a: &[f64], b: &[f64], shape: (usize, usize, usize)) -> Vec<f64> {
    let (rows, inner, columns) = shape;
    multiply(a, b, (1, inner), Shape { rows, inner, columns })
}

/// The product, steps from row to row and from column to column of `b` given.
fn multiply(a: &[f64], b: &[f64], steps: (usize, usize), shape: Shape) -> Vec<f64> {
    let Shape { rows, inner, columns } = shape;
    assert!(
        a.len() == rows * inner && b.len() == inner * columns,
        "{shape:?} of {} and {}",
        a.len(),
        b.len()
    );
    let mut out = vec![0.0; rows * columns];
    // Slices have at most isize::MAX bytes, so that steps within them fit.
    let step = |step: usize| isize::try_from(step).unwrap_or(isize::MAX);
    // SAFETY: `a`, `b` and `out` have the lengths of their shapes, which was
    // checked above; with these steps no index reaches beyond; `out` is ours.
    unsafe {
        matrixmultiply::dgemm(
            rows,
            inner,
            columns,
            1.0,
            a.as_ptr(),
            step(inner),
            1,
            b.as_ptr(),
            step(steps.0),
            step(steps.1),
            0.0,
            out.as_mut_ptr(),
            step(columns),
            1,
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::random::Random;

    fn plain(a: &[f64], b: &[f64], (rows, inner, columns): (usize, usize, usize)) -> Vec<f64> {
        let entry = |r: usize, c: usize| (0..inner).map(|k| a[r * inner + k] * b[k * columns + c]).sum();
        (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))).map(|(r, c)| entry(r, c)).collect()
    }

    #[test]
    fn products_are_those_of_plain_loops() {
        let mut random = Random::new(7);
        for shape in [(1, 1, 1), (3, 5, 2), (1, 9, 40), (17, 33, 65), (0, 3, 2), (2, 0, 3)] {
            let (rows, inner, columns) = shape;
            let mut numbers = |n: usize| (0..n).map(|_| random.below(64) as f64 - 32.0).collect::<Vec<f64>>();
            let (a, b) = (numbers(rows * inner), numbers(inner * columns));
            let transposed: Vec<f64> = (0..columns)
                .flat_map(|c| (0..inner).map(move |k| (k, c)))
                .map(|(k, c)| b[k * columns + c])
                .collect();
            // Whole numbers: exact in every order.
            assert_eq!(product(&a, &b, shape), plain(&a, &b, shape));
            assert_eq!(product_transposed(&a, &transposed, shape), plain(&a, &b, shape));
        }
    }
}
