//! Sums over groups of features that are alike, for `l1` and `lP`.
//!
//! Hölder's inequality gives `|Σ_{f∈g} x_f| ≤ |g|^{1 − 1/p} ‖x_g‖_p`, so that the
//! sums, each divided by that power of the size of its group, have norm `‖x‖_p` at
//! most, and nearly that where the features of a group tend to be equal.

use super::Map;
use crate::number::powers::LIBRARY_ERROR as SLACK;

/// Samples by which features are compared.
const SAMPLES: usize = 128;
/// Group of a feature that has none yet.
const NO_GROUP: usize = usize::MAX;

/// A partition of the features.
pub(super) struct Groups {
    /// Group of each feature.
    of: Vec<usize>,
    /// What the sum of each group is multiplied by, `|g|^{1/p − 1}` or less.
    shares: Vec<f64>,
}

impl Groups {
    /// At most so many groups for centered samples, in the norm with exponent `p`:
    /// around the features that spread most, those that are nearest to them.
    pub(super) fn new(rows: &[Vec<f64>], width: usize, groups: usize, p: f64) -> Self {
        let rows: Vec<&Vec<f64>> = rows.iter().step_by((rows.len() / SAMPLES).max(1)).collect();
        let size = width.div_ceil(groups);
        let columns: Vec<Vec<f32>> = (0..width).map(|f| rows.iter().map(|r| r[f] as f32).collect()).collect();
        let spread = |f: &usize| columns[*f].iter().map(|x| x * x).sum::<f32>();
        let mut free: Vec<usize> = (0..width).collect();
        free.sort_by(|a, b| spread(b).total_cmp(&spread(a)));
        let (mut of, mut count) = (vec![NO_GROUP; width], 0);
        while let Some(&seed) = free.first() {
            let distance =
                |f: usize| -> f32 { columns[f].iter().zip(&columns[seed]).map(|(a, b)| (a - b).abs()).sum() };
            let mut near: Vec<(f32, usize)> = free.iter().map(|&f| (distance(f), f)).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            // The seed goes first even where others equal it.
            of[seed] = count;
            for f in near.iter().map(|n| n.1).filter(|&f| f != seed).take(size - 1) {
                of[f] = count;
            }
            free.retain(|&f| of[f] == NO_GROUP);
            count += 1;
        }
        let mut sizes = vec![0.0; count];
        of.iter().for_each(|&g| sizes[g] += 1.0);
        // One in l1, exactly; else a power of the mathematical library, with room.
        let share = |size: &f64| if p == 1.0 { 1.0 } else { size.powf(1.0 / p - 1.0) * (1.0 - SLACK) };
        Self { of, shares: sizes.iter().map(share).collect() }
    }
}

impl Map for Groups {
    fn width(&self) -> usize {
        self.shares.len()
    }

    fn apply(&self, x: &[f64], out: &mut [f32]) {
        let mut sums = vec![0.0; self.shares.len()];
        for (&g, x) in self.of.iter().zip(x) {
            sums[g] += x;
        }
        for ((o, s), share) in out.iter_mut().zip(sums).zip(&self.shares) {
            *o = (s * share) as f32;
        }
    }

    fn stretch(&self) -> f64 {
        1.0
    }

    fn error(&self, norm: f64) -> f64 {
        // Rounding of differences, sums and products in binary64, then to binary32,
        // which may underflow.
        let terms = self.of.len() as f64;
        norm * (f64::from(f32::EPSILON) + (terms + 8.0) * f64::EPSILON) + terms * f64::from(f32::from_bits(1))
    }
}
