//! Products of matrices that are held by rows, in binary64.
//!
//! An entry is a sum of products in some order, fused or not: with `k` terms it
//! is off by at most `γ_k Σ|a||b|` and what underflows. Nothing else is assumed
//! of it where a proof rests on it. The order depends on the instruction set,
//! not on the number of threads.

/// `a b`, of shapes `rows × inner` and `inner × columns`.
pub(crate) fn product(a: &[f64], b: &[f64], shape: (usize, usize, usize)) -> Vec<f64> {
    let (_, inner, columns) = shape;
    multiply((a, inner, 1), (b, columns, 1), shape)
}

/// `a bᵀ`, for `b` of shape `columns × inner`.
pub(crate) fn product_transposed(a: &[f64], b: &[f64], shape: (usize, usize, usize)) -> Vec<f64> {
    let (_, inner, _) = shape;
    multiply((a, inner, 1), (b, 1, inner), shape)
}

/// `aᵀ b`, for `a` of shape `inner × rows`.
pub(crate) fn transposed_product(a: &[f64], b: &[f64], shape: (usize, usize, usize)) -> Vec<f64> {
    let (rows, _, columns) = shape;
    multiply((a, 1, rows), (b, columns, 1), shape)
}

/// A matrix, and the steps from row to row and from column to column.
type Strided<'a> = (&'a [f64], usize, usize);

fn multiply(a: Strided<'_>, b: Strided<'_>, shape: (usize, usize, usize)) -> Vec<f64> {
    let (rows, inner, columns) = shape;
    assert!(a.0.len() == rows * inner && b.0.len() == inner * columns, "{shape:?}");
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
            a.0.as_ptr(),
            step(a.1),
            step(a.2),
            b.0.as_ptr(),
            step(b.1),
            step(b.2),
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

    fn transpose(a: &[f64], columns: usize) -> Vec<f64> {
        (0..columns).flat_map(|c| a.iter().skip(c).step_by(columns).copied()).collect()
    }

    #[test]
    fn products_are_those_of_plain_loops() {
        let mut random = Random::new(7);
        for shape in [(1, 1, 1), (3, 5, 2), (1, 9, 40), (17, 33, 65), (0, 3, 2), (2, 0, 3)] {
            let (rows, inner, columns) = shape;
            let mut numbers = |n: usize| (0..n).map(|_| random.below(64) as f64 - 32.0).collect::<Vec<f64>>();
            let (a, b) = (numbers(rows * inner), numbers(inner * columns));
            // Whole numbers: exact in every order.
            let right = plain(&a, &b, shape);
            assert_eq!(product(&a, &b, shape), right);
            assert_eq!(product_transposed(&a, &transpose(&b, columns), shape), right);
            assert_eq!(transposed_product(&transpose(&a, inner), &b, shape), right);
        }
    }
}
