//! How far a linear map stretches the Euclidean norm.

use super::Layer;
use crate::{
    number::{add_up, mul_up, sqrt_up},
    parallel,
};

/// A bound of the spectral norm `‖W‖₂` of the weights of a layer, rounded up:
/// `‖W‖² = ‖W Wᵀ‖` is at most the largest sum of absolute values in a row of `W Wᵀ`.
/// For rows of length 1 at right angles it is 1 but for rounding. Infinite where a
/// neuron reads a number twice or something overflows.
#[must_use]
pub fn spectral_norm_up(layer: &Layer) -> f64 {
    if layer.rows().any(|row| row.columns.windows(2).any(|pair| pair[0] >= pair[1])) {
        return f64::INFINITY;
    }
    let sums = parallel::map_with(
        layer.outputs(),
        || vec![0.0; layer.inputs()],
        |dense, index| {
            dense.fill(0.0);
            let own = layer.row(index);
            own.terms().for_each(|(column, weight)| dense[column] = weight);
            layer.rows().map(|other| product_up(dense, other.terms())).fold(0.0, add_up)
        },
    );
    // NaN where infinities of unlike signs met.
    let larger = |most: f64, sum: f64| if sum.is_nan() { f64::INFINITY } else { most.max(sum) };
    sqrt_up(sums.into_iter().fold(0.0, larger))
}

/// A bound of the size of a product of two rows.
fn product_up(dense: &[f64], terms: impl Iterator<Item = (usize, f64)>) -> f64 {
    let (mut sum, mut size, mut count) = (0.0, 0.0, 0_usize);
    for (column, weight) in terms {
        let product: f64 = dense[column] * weight;
        sum += product;
        size += product.abs();
        count += 1;
    }
    // A product and at most `count` sums, of the sum and of its size.
    let rounded = mul_up(size, 2.0 * (count + 4) as f64 * f64::EPSILON);
    // What underflows is below the smallest normal number for each product.
    let tiny = (count + 1) as f64 * f64::MIN_POSITIVE;
    add_up(sum.abs(), add_up(rounded, tiny))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::LayerBuilder;

    fn layer(rows: &[&[f64]]) -> Layer {
        let mut layer = LayerBuilder::new(rows[0].len());
        for row in rows {
            row.iter().enumerate().for_each(|(column, &weight)| {
                layer.weight(column, weight);
            });
            layer.bias(1.0);
        }
        layer.finish()
    }

    #[test]
    fn norms_are_bounded_from_above_and_closely_where_rows_are_at_right_angles() {
        for (rows, norm, slack) in [
            (&[&[0.6, 0.8][..], &[-0.8, 0.6]][..], 1.0, 1e-14),
            (&[&[3.0, 4.0]], 5.0, 1e-14),
            // ‖W‖² is the larger root of t² − 3t + 1, the largest sum in a row of W Wᵀ is 3.
            (&[&[1.0, 0.0], &[1.0, 1.0]], ((3.0 + 5f64.sqrt()) / 2.0).sqrt(), 0.1141),
            (&[&[0.0, 0.0]], 0.0, 1e-150),
            (&[&[1e-200, 0.0]], 1e-200, 1e-150),
        ] {
            let found = spectral_norm_up(&layer(rows));
            assert!(norm <= found && found <= norm + slack, "{rows:?}: {found} of {norm}");
        }
        assert_eq!(spectral_norm_up(&layer(&[&[1e200, -1e200], &[1e200, 1e200]])), f64::INFINITY);
    }
}
