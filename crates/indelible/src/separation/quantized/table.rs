//! Tables of powers of differences of codes.

use super::{Quantizer, SLACK, Sums};
use crate::{
    Dataset,
    separation::{relation::Pairs, trial::spread_out},
};

/// Samples that nearest ones are looked for among.
const SAMPLES: usize = 256;
/// Samples whose nearest ones are looked for.
const FEW: usize = 32;

impl Quantizer {
    /// The table of powers, in units such that it is used up to what is the
    /// largest difference between near samples.
    pub(super) fn table(&self, data: &Dataset, pairs: Pairs, p: f64) -> Sums {
        let chosen: Vec<usize> = spread_out(data.samples(), SAMPLES).collect();
        let mut codes = vec![0; self.padded() * chosen.len()];
        for (row, &i) in codes.chunks_exact_mut(self.padded()).zip(&chosen) {
            self.code(data, i, row);
        }
        let labels: Vec<usize> = chosen.iter().map(|&i| data.labels()[i]).collect();
        let powers: Vec<f64> = (0..256).map(|k| (f64::from(k) / 255.0).powf(p)).collect();
        let rows: Vec<&[u8]> = codes.chunks_exact(self.padded()).collect();
        // The largest difference to the nearest of the samples that count.
        let mut largest: Vec<u8> = (0..rows.len().min(FEW))
            .filter_map(|i| {
                let distance = |j: usize| -> f64 {
                    rows[i].iter().zip(rows[j]).map(|(&a, &b)| powers[usize::from(a.abs_diff(b))]).sum()
                };
                let judges = pairs.judges(&labels, i).into_iter();
                let nearest = judges.min_by(|&j, &k| distance(j).total_cmp(&distance(k)))?;
                rows[i].iter().zip(rows[nearest]).map(|(a, b)| a.abs_diff(*b)).max()
            })
            .collect();
        largest.sort_unstable();
        let typical = f64::from(largest.get(largest.len() / 2).copied().unwrap_or(255).max(1));
        // Entries are lower bounds, whatever the mathematical library rounds to; the
        // cast rounds down, too, and saturates.
        let entry = |k: usize| (255.0 * (k as f64 / typical).powf(p) * (1.0 - SLACK)) as u8;
        Sums::Table { entries: Box::new(std::array::from_fn(entry)), typical, p }
    }
}
