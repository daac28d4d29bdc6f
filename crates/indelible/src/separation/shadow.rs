//! 8-bit shadows of samples: codes whose distances, times a unit, are the
//! distances of the samples up to an error that is known per sample.
//!
//! If `x = o + s·q + r` and `x' = o + s·q' + r'` then, by the triangle
//! inequality, `‖x − x'‖ ≥ s·‖q − q'‖ − ‖r‖ − ‖r'‖`. Distances of codes are
//! integers and cost a quarter of those of binary32 numbers or less.

use super::exact::ExactSum;
use crate::{Dataset, Norm, dataset::Features};

/// Features that are shadowed at most, so that sums of 255² stay below 2^31;
/// leaving out features only lowers distances of codes.
const MOST: usize = 32_768;
/// Samples that the unit is chosen by.
const SAMPLES: usize = 256;
/// Samples whose nearest ones are looked at to choose a table.
const FEW: usize = 32;
/// Bounds the relative error of powers of the mathematical library, generously.
const SLACK: f64 = 1e-9;
/// Units tried are halved this many times.
const HALVINGS: i32 = 8;

/// How samples of a dataset are coded.
pub(super) struct Shadow {
    norm: Norm,
    pub(super) sums: Sums,
    /// Features that are shadowed.
    width: usize,
    /// The real number that a difference of 1 between codes stands for.
    pub(super) unit: f64,
    coding: Coding,
    /// Bounds the rounding error of a coded feature.
    slack: f64,
}

/// What is summed over the differences of codes.
pub(super) enum Sums {
    /// Absolute values.
    Absolute,
    /// Squares.
    Squares,
    /// `⌊255·(|difference|/typical)^p⌋`, at most 255.
    Table { entries: Box<[u8; 256]>, typical: f64, p: f64 },
}

enum Coding {
    /// Code and error of each level; the levels are the same for all samples.
    Table { codes: Vec<u8>, errors: Vec<f64>, constant: Option<f64> },
    /// The number that code 0 of each feature stands for.
    Offsets(Vec<f64>),
}

impl Shadow {
    /// Shadows for samples like those of `data`, in a norm but `linf`; `table`
    /// says that all have its levels.
    pub(super) fn new(data: &Dataset, norm: Norm, table: bool) -> Self {
        let width = data.features().min(MOST);
        let mut shadow = match data.storage() {
            Features::Coded { levels, .. } if table => Self::of_levels(levels, norm, width),
            _ => Self::of_samples(data, norm, width),
        };
        shadow.sums = match norm {
            Norm::L1 => Sums::Absolute,
            Norm::Lp(p) => shadow.table(data, p),
            Norm::L2 | Norm::Linf => Sums::Squares,
        };
        shadow
    }

    /// The table of powers, in units such that it is used up to what is the
    /// largest difference between near samples.
    fn table(&self, data: &Dataset, p: f64) -> Sums {
        let chosen = spread_out(data.samples(), SAMPLES);
        let mut codes = vec![0; self.padded() * chosen.len()];
        for (row, &i) in codes.chunks_exact_mut(self.padded()).zip(&chosen) {
            self.code(data, i, row);
        }
        let powers: Vec<f64> = (0..256).map(|k| (f64::from(k) / 255.0).powf(p)).collect();
        let rows: Vec<&[u8]> = codes.chunks_exact(self.padded()).collect();
        // The largest difference to the nearest of the other samples.
        let mut largest: Vec<u8> = (0..rows.len().min(FEW))
            .filter_map(|i| {
                let distance = |j: usize| -> f64 {
                    rows[i].iter().zip(rows[j]).map(|(&a, &b)| powers[usize::from(a.abs_diff(b))]).sum()
                };
                let others = (0..rows.len()).filter(|&j| j != i);
                let nearest = others.min_by(|&j, &k| distance(j).total_cmp(&distance(k)))?;
                rows[i].iter().zip(rows[nearest]).map(|(a, b)| a.abs_diff(*b)).max()
            })
            .collect();
        largest.sort_unstable();
        let typical = f64::from(largest.get(largest.len() / 2).copied().unwrap_or(255).max(1));
        // Entries are lower bounds, whatever the mathematical library rounds to.
        let entry = |k: usize| (255.0 * (k as f64 / typical).powf(p) * (1.0 - SLACK)) as u8;
        Sums::Table { entries: Box::new(std::array::from_fn(entry)), typical, p }
    }

    /// Codes per sample: features, padded to a multiple of 8.
    pub(super) fn padded(&self) -> usize {
        self.width.next_multiple_of(8)
    }

    fn of_levels(levels: &[f64], norm: Norm, width: usize) -> Self {
        let (first, last) = (levels[0], levels[255]);
        // Halves, so that the difference cannot overflow; a level that is evenly
        // spaced gets its own code.
        let unit = (last / 2.0 - first / 2.0) / 127.5;
        let largest = first.abs().max(last.abs());
        let slack = rounding(largest, 256.0 * unit);
        let code = |v: &f64| ((v / 2.0 - first / 2.0) / unit * 2.0).round() as u8;
        let codes: Vec<u8> = levels.iter().map(code).collect();
        let errors: Vec<f64> = levels
            .iter()
            .zip(&codes)
            .map(|(v, &q)| (v - first - f64::from(q) * unit).abs() + slack)
            .collect();
        let mut shadow =
            Self { norm, sums: Sums::Squares, width, unit, coding: Coding::Offsets(Vec::new()), slack };
        let worst = errors.iter().fold(0.0f64, |m, &e| m.max(e));
        let constant = if evenly_spaced(levels) {
            Some(0.0)
        } else {
            // Evenly spaced levels that were rounded: all samples are as good.
            (worst < 1e-3 * unit).then(|| shadow.total((0..width).map(|_| worst)))
        };
        shadow.coding = Coding::Table { codes, errors, constant };
        shadow
    }

    fn of_samples(data: &Dataset, norm: Norm, width: usize) -> Self {
        let chosen = spread_out(data.samples(), SAMPLES);
        let count = chosen.len();
        let mut ranges = Vec::with_capacity(width);
        let mut values = vec![0.0; count];
        for f in 0..width {
            for (value, &i) in values.iter_mut().zip(&chosen) {
                *value = data.value(i, f);
            }
            values.sort_unstable_by(f64::total_cmp);
            ranges.push((values[0], values[count / 2], values[count - 1]));
        }
        let spread = ranges.iter().fold(0.0f64, |m, r| m.max(r.2 - r.0));
        let spread = if spread > 0.0 && spread.is_finite() { spread } else { 1.0 };
        // Heavy tails are cut off where that serves most samples better.
        let mut best: Option<(f64, Self)> = None;
        let mut codes = vec![0; width.next_multiple_of(8)];
        for halving in 0..=HALVINGS {
            // Other samples lie a little outside the range of the chosen ones.
            let unit = (1.25 * spread / 255.0 * 2f64.powi(-halving)).max(f64::MIN_POSITIVE);
            let offset = |&(low, median, high): &(f64, f64, f64)| {
                let middle = if high - low <= 255.0 * unit { low / 2.0 + high / 2.0 } else { median };
                (middle - 127.5 * unit).clamp(-f64::MAX, f64::MAX)
            };
            let offsets: Vec<f64> = ranges.iter().map(offset).collect();
            let largest = offsets.iter().fold(0.0f64, |m, o| m.max(o.abs()));
            let slack = rounding(largest, 256.0 * unit);
            let shadow =
                Self { norm, sums: Sums::Squares, width, unit, coding: Coding::Offsets(offsets), slack };
            let mut errors: Vec<f64> = chosen.iter().map(|&i| shadow.code(data, i, &mut codes)).collect();
            errors.sort_unstable_by(f64::total_cmp);
            let median = errors[count / 2];
            if best.as_ref().is_none_or(|(least, _)| median < *least) {
                best = Some((median, shadow));
            }
        }
        match best {
            Some((_, shadow)) => shadow,
            None => Self {
                norm,
                sums: Sums::Squares,
                width: 0,
                unit: 1.0,
                coding: Coding::Offsets(Vec::new()),
                slack: 0.0,
            },
        }
    }

    /// An upper bound of the norm of errors.
    fn total(&self, errors: impl Iterator<Item = f64>) -> f64 {
        let growth = 1.0 + (self.width as f64 + 8.0) * f64::EPSILON;
        match self.norm {
            Norm::L1 => errors.sum::<f64>() * growth,
            _ => self.norm_of_errors(errors.map(|e| e * e).sum::<f64>().sqrt() * growth),
        }
    }

    /// Bounds the norm of errors whose Euclidean norm, but for underflow, is
    /// below a number.
    fn norm_of_errors(&self, norm: f64) -> f64 {
        let norm = norm + f64::MIN_POSITIVE.sqrt();
        match self.norm {
            // Hölder's inequality; above 2, norms only get smaller.
            Norm::Lp(p) if p < 2.0 => norm * (self.width as f64).powf(1.0 / p - 0.5) * (1.0 + SLACK),
            _ => norm,
        }
    }

    /// Codes sample `i` of a dataset into `out`, padded with zeros, and bounds
    /// the norm of the error: 0 only if there is none and the unit is a 255th of
    /// the spread of the levels.
    pub(super) fn code(&self, data: &Dataset, i: usize, out: &mut [u8]) -> f64 {
        let start = i * data.features();
        out[self.width..].fill(0);
        match (&self.coding, data.storage()) {
            (Coding::Table { codes, errors, constant }, Features::Coded { codes: row, .. }) => {
                let row = &row[start..start + self.width];
                for (o, &c) in out.iter_mut().zip(row) {
                    *o = codes[usize::from(c)];
                }
                // The first and the last level have no error: black and white.
                if row.iter().fold(true, |both, c| both & (c.wrapping_add(1) <= 1)) {
                    return 0.0;
                }
                constant.unwrap_or_else(|| self.total(row.iter().map(|&c| errors[usize::from(c)])))
            }
            (Coding::Offsets(offsets), Features::F32(values)) => {
                let row = &values[start..start + self.width];
                self.round(row.iter().map(|&v| f64::from(v)), offsets, out)
            }
            (Coding::Offsets(offsets), Features::F64(values)) => {
                self.round(values[start..start + self.width].iter().copied(), offsets, out)
            }
            (Coding::Offsets(offsets), Features::Coded { codes, levels }) => {
                let row = &codes[start..start + self.width];
                self.round(row.iter().map(|&c| levels[usize::from(c)]), offsets, out)
            }
            // Levels without codes: nothing is known.
            (Coding::Table { .. }, _) => f64::INFINITY,
        }
    }

    /// Rounds a row to codes, and bounds the norm of the error.
    fn round(&self, row: impl Iterator<Item = f64>, offsets: &[f64], out: &mut [u8]) -> f64 {
        let mut largest = 0.0f64;
        let inverse = 1.0 / self.unit;
        let absolute = self.norm == Norm::L1;
        // Four sums, so that additions do not wait for each other.
        let mut sums = [0.0; 4];
        for (k, ((x, &o), out)) in row.zip(offsets).zip(out).enumerate() {
            largest = largest.max(x.abs());
            let code = ((x - o) * inverse).round_ties_even() as u8;
            *out = code;
            let error = (x - o - f64::from(code) * self.unit).abs();
            sums[k % 4] += if absolute { error } else { error * error };
        }
        let slack = self.slack + 8.0 * f64::EPSILON * largest;
        let width = self.width as f64;
        let growth = 1.0 + (width + 8.0) * f64::EPSILON;
        let sum = sums.iter().sum::<f64>();
        if absolute {
            (sum + width * slack) * growth
        } else {
            self.norm_of_errors((sum.sqrt() + width.sqrt() * slack) * growth)
        }
    }

    /// A sum over codes such that pairs with this or a larger one have a
    /// distance above `reach`, given the sum of their errors.
    pub(super) fn barrier(&self, reach: f64, errors: f64) -> u32 {
        let bound = (reach + errors) / self.unit * (1.0 + 8.0 * f64::EPSILON);
        let sum = match &self.sums {
            Sums::Absolute => bound,
            Sums::Squares => bound * bound * (1.0 + 2.0 * f64::EPSILON),
            Sums::Table { typical, p, .. } => 255.0 * (bound / typical).powf(*p) * (1.0 + SLACK),
        };
        // The cast rounds down and saturates.
        (sum as u32).saturating_add(1)
    }
}

/// Whether levels are evenly spaced, exactly.
fn evenly_spaced(levels: &[f64]) -> bool {
    let (first, last) = (levels[0], levels[255]);
    levels.iter().enumerate().all(|(k, &level)| {
        // 255 (level − first) = k (last − first)
        let (mut left, mut right) = (ExactSum::new(), ExactSum::new());
        left.add_product(255.0, level);
        left.add_product(k as f64, first);
        right.add_product(255.0, first);
        right.add_product(k as f64, last);
        left.compare(&right).is_eq()
    })
}

/// At most `count` of so many samples, spread evenly.
fn spread_out(samples: usize, count: usize) -> Vec<usize> {
    let count = count.min(samples);
    (0..count).map(|k| k * samples / count).collect()
}

/// Bounds the rounding error of coding numbers up to `largest` by codes that
/// span `span`.
fn rounding(largest: f64, span: f64) -> f64 {
    8.0 * f64::EPSILON * (largest + span) + 8.0 * f64::from_bits(1)
}
