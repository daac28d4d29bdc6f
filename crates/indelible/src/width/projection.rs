//! What a projection shows: enemies stay apart in fewer dimensions.
//!
//! Let `P` have `m` rows, `V` its kernel. For every `v` in `V`,
//! `‖PΔ‖ = ‖P(Δ − v)‖ ≤ ‖P‖‖Δ − v‖`, so that `dist(Δ, V) ≥ ‖PΔ‖/‖P‖`, whether
//! the rows are orthonormal or not. `‖P‖² = ‖PPᵀ‖` is at most the largest sum of
//! absolute values in a row of `PPᵀ`. The images `Px_i` are rounded; the pair
//! search is exact on what they were rounded to, and every difference of two is
//! off by at most the errors of both.

use crate::{
    Dataset, Error, Features, Norm, Progress,
    matrix::product_transposed,
    number::{add_up, div_down, mul_up, sqrt_up, sub_down},
    parallel,
    separation::separation,
};

/// Samples whose images are computed together.
const BLOCK: usize = 512;

/// The first layer of a network, without its biases: `x ↦ P x`.
#[derive(Clone, Debug)]
pub struct Projection {
    rows: Vec<f64>,
    features: usize,
}

impl Projection {
    /// Takes finite weights by rows, of length `features`; `None` where they are
    /// no such rows.
    #[must_use]
    pub fn new(rows: Vec<f64>, features: usize) -> Option<Self> {
        let fits = features > 0 && !rows.is_empty() && rows.len().is_multiple_of(features);
        (fits && rows.iter().all(|x| x.is_finite())).then_some(Self { rows, features })
    }

    /// The weights by rows, of shape [`width`](Self::width) × features.
    #[must_use]
    pub fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// The number of rows, `m`.
    #[must_use]
    pub fn width(&self) -> usize {
        self.rows.len() / self.features
    }

    /// The samples as they look through the projection, rounded to binary64.
    ///
    /// # Errors
    /// When the samples have another number of features, or an image overflows.
    pub(super) fn images(&self, data: &Dataset) -> Result<Dataset, Error> {
        if data.features() != self.features {
            return Err(Error::FeatureMismatch { queries: data.features(), base: self.features });
        }
        let (width, features) = (self.width(), self.features);
        let mut images = vec![0.0; data.samples() * width];
        parallel::each_chunk_mut(&mut images, BLOCK * width, |block, out| {
            let count = out.len() / width;
            let mut samples = vec![0.0; count * features];
            for (k, row) in samples.chunks_mut(features).enumerate() {
                data.copy_row(block * BLOCK + k, row);
            }
            out.copy_from_slice(&product_transposed(&samples, &self.rows, (count, features, width)));
        });
        Dataset::new(Features::F64(images.into()), width, data.labels().to_vec(), data.class_names().to_vec())
    }

    /// A distance that the differences of all enemies keep from the kernel of
    /// the projection, in l2; 0 where nothing is shown.
    ///
    /// # Errors
    /// As `images`.
    pub(super) fn least_distance(&self, data: &Dataset, progress: &dyn Progress) -> Result<f64, Error> {
        let images = match self.images(data) {
            // Through these rows a sample is beyond the largest number.
            Err(Error::NotFinite { .. }) => return Ok(0.0),
            images => images?,
        };
        let apart = separation(&images, Norm::L2, progress).distance.lower;
        let kept = sub_down(apart, mul_up(2.0, self.error(data)));
        let norm = self.norm();
        Ok(if kept > 0.0 && norm > 0.0 && norm.is_finite() { div_down(kept, norm) } else { 0.0 })
    }

    /// A bound of `‖P‖₂`.
    fn norm(&self) -> f64 {
        let (width, features) = (self.width(), self.features);
        let gram = product_transposed(&self.rows, &self.rows, (width, features, width));
        let lengths: Vec<f64> = self.rows.chunks(features).map(length_up).collect();
        // What underflows is at most the smallest number for each product.
        let tiny = features as f64 * f64::MIN_POSITIVE;
        let largest = gram
            .chunks(width)
            .zip(&lengths)
            .map(|(row, length)| {
                row.iter().zip(&lengths).fold(0.0, |sum, (entry, other)| {
                    let error = rounding(features, mul_up(*length, *other));
                    add_up(sum, add_up(entry.abs(), add_up(error, tiny)))
                })
            })
            // Where something overflowed, nothing is known.
            .map(|sum| if sum.is_nan() { f64::INFINITY } else { sum })
            .fold(0.0, f64::max);
        sqrt_up(largest)
    }

    /// A bound of the distance in l2 between an image and what it was rounded to.
    fn error(&self, data: &Dataset) -> f64 {
        let lengths = self.rows.chunks(self.features).map(length_up);
        let all = sqrt_up(lengths.fold(0.0, |sum, length| add_up(sum, mul_up(length, length))));
        let lengths = parallel::map_with(
            data.samples(),
            || vec![0.0; self.features],
            |row, i| {
                data.copy_row(i, row);
                length_up(row)
            },
        );
        let longest = lengths.into_iter().fold(0.0, f64::max);
        // What underflows is at most the smallest number for each product.
        let tiny = mul_up(self.rows.len() as f64, f64::MIN_POSITIVE);
        add_up(rounding(self.features, mul_up(all, longest)), tiny)
    }
}

/// A bound of `‖row‖₂`.
fn length_up(row: &[f64]) -> f64 {
    let largest = row.iter().fold(0.0, |most, x| f64::max(most, x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let sum: f64 = row.iter().map(|x| (x / largest).powi(2)).sum();
    // Each square is off by three roundings, their sum by one per term.
    let most = mul_up(sum, 1.0 + 2.0 * (row.len() as f64 + 8.0) * f64::EPSILON);
    mul_up(largest, sqrt_up(add_up(most, f64::MIN_POSITIVE)))
}

/// How far a sum of so many products may be from its value, in any order, fused
/// or not, where the absolute products add up to at most `absolute`, besides
/// what underflows: `γ_k = ku/(1 − ku)`, and `ku` is far below 1/2.
pub(super) fn rounding(terms: usize, absolute: f64) -> f64 {
    mul_up(terms as f64 * f64::EPSILON, absolute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Silent, number::random::Random};

    fn data(rows: Vec<f64>, features: usize, labels: Vec<usize>) -> Dataset {
        let names = vec!["a".into(), "b".into()];
        Dataset::new(Features::F64(rows.into()), features, labels, names).unwrap()
    }

    #[test]
    fn scaled_and_skew_rows_show_no_more_than_the_space_they_span() {
        // Along the first two axes the pair is 5 apart, along the third 12.
        let pair = data(vec![0.0; 3].into_iter().chain([3.0, 4.0, 12.0]).collect(), 3, vec![0, 1]);
        for (rows, most) in [
            (vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 5.0),
            (vec![7.0, 0.0, 0.0, 0.0, 7.0, 0.0], 5.0),
            (vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0], 5.0),
            (vec![1e200, 0.0, 0.0, 0.0, 1.0, 0.0], 5.0),
            (vec![0.0, 0.0, 1e-200], 12.0),
            (vec![3.0, 4.0, 12.0], 13.0),
        ] {
            let projection = Projection::new(rows.clone(), 3).unwrap();
            let found = projection.least_distance(&pair, &Silent).unwrap();
            assert!(found <= most, "{rows:?}: {found} of {most}");
        }
        let axes = Projection::new(vec![7.0, 0.0, 0.0, 0.0, 7.0, 0.0], 3).unwrap();
        assert!(axes.least_distance(&pair, &Silent).unwrap() > 5.0 - 1e-9);
    }

    #[test]
    fn lengths_are_bounded_from_above_at_the_ends_of_the_format() {
        let mut random = Random::new(3);
        for scale in [1.0, 1e-310, 1e300, 1e-160] {
            // Multiples of 3, 4, 12 have the length 13 times their factor.
            let factor = scale * (1.0 + random.unit());
            let row = [3.0 * factor, 4.0 * factor, 12.0 * factor];
            assert!(length_up(&row) >= 13.0 * factor * (1.0 - 1e-15), "{row:?}");
            assert!(length_up(&row) <= 13.0 * factor * (1.0 + 1e-12), "{row:?}");
        }
    }

    #[test]
    fn large_values_that_cancel_are_not_taken_for_apart() {
        // 2^60 + 1 is not a binary64 number; both samples are 2^60 in binary64.
        let big = (1u64 << 60) as f64;
        let pair = data(vec![big, 1.0, big, -1.0], 2, vec![0, 1]);
        let skew = Projection::new(vec![0.6, 0.8], 2).unwrap();
        // Exactly 1.6 remain; rounding at this size may show none of it.
        assert!(skew.least_distance(&pair, &Silent).unwrap() <= 1.6);
    }
}
