//! What is tried out on a few samples: how fine the codes of real ones should be,
//! and what tables of powers should tell apart.

use super::{Coding, Quantizer, Sums};
use crate::{
    Dataset, Norm,
    isa::Isa,
    parallel,
    separation::{
        kernel::rows,
        relation::Pairs,
        trial::{Judges, length, spread_out},
    },
};

/// Samples that units are tried on.
const SAMPLES: usize = 192;
/// Samples whose nearest ones among these are looked for.
const FEW: usize = 24;
/// As many for powers.
const POWER_SAMPLES: usize = 256;
const POWER_FEW: usize = 32;
/// Units tried are halved this many times.
const HALVINGS: usize = 8;

impl Quantizer {
    /// The quantizer with the unit that leaves out most pairs of a few samples: a
    /// small unit errs little, a large one cuts off little.
    pub(super) fn of_samples(data: &Dataset, norm: Norm, pairs: Pairs, width: usize) -> Self {
        let chosen: Vec<usize> = spread_out(data.samples(), SAMPLES).collect();
        let range = |f: usize| {
            let mut column: Vec<f64> = chosen.iter().map(|&i| data.value(i, f)).collect();
            column.sort_unstable_by(f64::total_cmp);
            (column[0], column[column.len() / 2], column[column.len() - 1])
        };
        let ranges: Vec<(f64, f64, f64)> = (0..width).map(range).collect();
        let spread = ranges.iter().fold(0.0f64, |m, r| m.max(r.2 - r.0));
        // What codes cover must not overflow; the rest is cut off.
        let spread = if spread > 0.0 { spread.min(1e307) } else { 1.0 };
        let trial = Trial::new(data, norm, pairs, &chosen, width, spread);
        let candidate = |halving: usize| {
            // Other samples lie a little outside the range of the chosen ones.
            let unit = (1.25 * spread / 255.0 / f64::from(1u32 << halving)).max(f64::MIN_POSITIVE);
            let offset = |&(low, median, high): &(f64, f64, f64)| {
                let middle = if high - low <= 255.0 * unit { low / 2.0 + high / 2.0 } else { median };
                // The median gets a code without error: many features have a
                // number that they nearly always are.
                let code = ((median - middle) / unit + 127.5).round().clamp(0.0, 255.0);
                (median - code * unit).clamp(-f64::MAX, f64::MAX)
            };
            let offsets: Vec<f64> = ranges.iter().map(offset).collect();
            // What is cut off lies within 255 units: a few roundings of that.
            let slack = 8.0 * f64::EPSILON * 256.0 * unit + 8.0 * f64::from_bits(1);
            Self { norm, sums: Sums::Squares, width, unit, coding: Coding::Offsets(offsets), slack }
        };
        let scores: Vec<f64> = parallel::map(HALVINGS + 1, |h| trial.score(&candidate(h), data));
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        candidate((0..=HALVINGS).zip(scores).find(|(_, score)| *score == most).map_or(0, |(h, _)| h))
    }

    /// What is typically the largest difference between the codes of near samples.
    pub(super) fn largest_gap(&self, data: &Dataset, pairs: Pairs, p: f64) -> f64 {
        let chosen: Vec<usize> = spread_out(data.samples(), POWER_SAMPLES).collect();
        let (codes, _) = self.coded(data, &chosen);
        let labels: Vec<usize> = chosen.iter().map(|&i| data.labels()[i]).collect();
        let powers: Vec<f64> = (0..256).map(|k| (f64::from(k) / 255.0).powf(p)).collect();
        let rows: Vec<&[u8]> = codes.chunks_exact(self.padded()).collect();
        // The largest difference to the nearest of the samples that count.
        let mut largest: Vec<u8> = (0..rows.len().min(POWER_FEW))
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
        f64::from(largest.get(largest.len() / 2).copied().unwrap_or(255).max(1))
    }

    /// The codes of some samples, row after row, and bounds of their errors.
    fn coded(&self, data: &Dataset, samples: &[usize]) -> (Vec<u8>, Vec<f64>) {
        let mut codes = vec![0; self.padded() * samples.len()];
        let rows = codes.chunks_exact_mut(self.padded()).zip(samples);
        let errors = rows.map(|(row, &i)| self.code(data, i, row)).collect();
        (codes, errors)
    }
}

/// A few samples and how near they are to each other.
struct Trial<'a> {
    chosen: &'a [usize],
    norm: Norm,
    /// Those of each of the first samples.
    judges: Vec<Judges>,
    /// The unit of their distances.
    spread: f64,
}

/// The norm of differences of codes, roughly.
fn distance(norm: Norm, a: &[u8], b: &[u8]) -> f64 {
    let sum = |squares| f64::from(rows::sum(Isa::best(), squares, a, b));
    match norm {
        Norm::L1 => sum(false),
        Norm::L2 => sum(true).sqrt(),
        Norm::Lp(_) | Norm::Linf => length(norm, a.iter().zip(b).map(|(&a, &b)| f64::from(a.abs_diff(b)))),
    }
}

impl<'a> Trial<'a> {
    fn new(data: &Dataset, norm: Norm, pairs: Pairs, chosen: &'a [usize], width: usize, spread: f64) -> Self {
        let labels: Vec<usize> = chosen.iter().map(|&i| data.labels()[i]).collect();
        let rows: Vec<Vec<f64>> =
            chosen.iter().map(|&i| (0..width).map(|f| data.value(i, f) / spread).collect()).collect();
        let distance = |k: usize, j: usize| length(norm, rows[k].iter().zip(&rows[j]).map(|(a, b)| a - b));
        Self { chosen, norm, judges: pairs.nearest_judges(&labels, FEW, distance), spread }
    }

    /// How near the lower bounds of a quantizer come to putting all samples beyond
    /// the nearest ones.
    fn score(&self, quantizer: &Quantizer, data: &Dataset) -> f64 {
        let (codes, mut errors) = quantizer.coded(data, self.chosen);
        errors.iter_mut().for_each(|error| *error /= self.spread);
        let rows: Vec<&[u8]> = codes.chunks_exact(quantizer.padded()).collect();
        let unit = quantizer.unit / self.spread;
        let mut score = 0.0;
        for (k, Judges { samples, nearest }) in self.judges.iter().enumerate() {
            for &j in samples {
                let bound = unit * distance(self.norm, rows[k], rows[j]) - errors[k] - errors[j];
                score += (bound / nearest).clamp(0.0, 1.0);
            }
        }
        score
    }
}
