//! Sums over groups of features that are alike, for `l1`.
//!
//! `Σ_g |Σ_{f∈g} x_f| ≤ Σ_f |x_f|`, nearly with equality where the features of
//! a group tend to differ in one direction.

use super::Map;

/// Samples by which features are compared.
const SAMPLES: usize = 128;
/// Group of a feature that has none yet.
const NO_GROUP: usize = usize::MAX;

/// A partition of the features.
pub(super) struct Groups {
    /// Group of each feature.
    of: Vec<usize>,
    count: usize,
}

impl Groups {
    /// At most so many groups for centered samples: around the features that spread
    /// most, those that are nearest to them.
    pub(super) fn new(rows: &[Vec<f64>], width: usize, groups: usize) -> Self {
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
        Self { of, count }
    }
}

impl Map for Groups {
    fn width(&self) -> usize {
        self.count
    }

    fn apply(&self, x: &[f64], out: &mut [f32]) {
        let mut sums = vec![0.0; self.count];
        for (&g, x) in self.of.iter().zip(x) {
            sums[g] += x;
        }
        for (o, s) in out.iter_mut().zip(sums) {
            *o = s as f32;
        }
    }

    fn stretch(&self) -> f64 {
        1.0
    }

    fn error(&self, norm: f64) -> f64 {
        // Rounding of differences and sums in binary64, then to binary32, which
        // may underflow.
        let terms = self.of.len() as f64;
        norm * (f64::from(f32::EPSILON) + (terms + 8.0) * f64::EPSILON) + terms * f64::from(f32::from_bits(1))
    }
}
