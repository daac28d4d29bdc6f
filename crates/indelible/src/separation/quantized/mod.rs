//! Samples quantized to 8 bits: codes whose distances, times a unit, are the
//! distances of the samples up to an error that is known per sample.
//!
//! Let `c` cut every feature off at the ends of the range that the codes
//! cover, which makes no distance larger. If `c(x) = o + s·q + r` and
//! `c(x') = o + s·q' + r'` then, by the triangle inequality,
//! `‖x − x'‖ ≥ ‖c(x) − c(x')‖ ≥ s·‖q − q'‖ − ‖r‖ − ‖r'‖`. Distances of codes
//! are integers and cost a quarter of those of binary32 numbers or less.

mod powers;
mod samples;

use self::powers::Powers;

use super::{exact::ExactSum, kernel::rows, relation::Pairs};
use crate::{Dataset, Norm, dataset::Features, isa::Isa, number::powers::LIBRARY_ERROR as SLACK};

/// Features that are quantized at most, so that sums of 255² stay below 2^31;
/// leaving out features only lowers distances of codes.
const MOST: usize = 32_768;

/// How samples of a dataset are coded.
pub(super) struct Quantizer {
    norm: Norm,
    pub(super) sums: Sums,
    /// Features that are quantized.
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
    /// Powers, bounded from below.
    Powers(Powers),
}

impl Sums {
    /// The sum over the codes of two samples.
    pub(super) fn between(&self, isa: Isa, a: &[u8], b: &[u8]) -> u32 {
        match self {
            Self::Absolute => rows::sum(isa, false, a, b),
            Self::Squares => rows::sum(isa, true, a, b),
            Self::Powers(powers) => powers.between(isa, a, b),
        }
    }
}

enum Coding {
    /// Code and error of each level; the levels are the same for all samples.
    Table { codes: Vec<u8>, errors: Vec<f64>, constant: Option<f64> },
    /// The number that code 0 of each feature stands for.
    Offsets(Vec<f64>),
}

impl Quantizer {
    /// A quantizer for samples like those of `data`, in a norm but `linf`; `table`
    /// says that all have its levels, `pairs` which pairs should be told apart, and
    /// `isa` with what codes are compared.
    pub(super) fn new(data: &Dataset, norm: Norm, pairs: Pairs, table: bool, isa: Isa) -> Self {
        let width = data.features().min(MOST);
        let mut quantizer = match data.storage() {
            Features::Coded { levels, .. } if table => Self::of_levels(levels, norm, width),
            _ => Self::of_samples(data, norm, pairs, width),
        };
        quantizer.sums = match norm {
            Norm::L1 => Sums::Absolute,
            Norm::Lp(p) => Sums::Powers(Powers::new(p, quantizer.largest_gap(data, pairs, p), isa)),
            Norm::L2 | Norm::Linf => Sums::Squares,
        };
        quantizer
    }

    /// A quantizer of samples with codes of one table.
    fn of_levels(levels: &[f64], norm: Norm, width: usize) -> Self {
        let (first, last) = (levels[0], levels[255]);
        // Halves, so that the difference cannot overflow; a level that is evenly
        // spaced gets its own code.
        let unit = (last / 2.0 - first / 2.0) / 127.5;
        let largest = first.abs().max(last.abs());
        let slack = 8.0 * f64::EPSILON * (largest + 256.0 * unit) + 8.0 * f64::from_bits(1);
        // The cast saturates; what it loses is part of the error.
        let code = |v: &f64| ((v / 2.0 - first / 2.0) / unit * 2.0).round() as u8;
        let codes: Vec<u8> = levels.iter().map(code).collect();
        let error = |(v, &q): (&f64, &u8)| {
            let error = (v - first - f64::from(q) * unit).abs() + slack;
            // Levels so far apart that their difference overflows: nothing is known.
            if error.is_nan() { f64::INFINITY } else { error }
        };
        let errors: Vec<f64> = levels.iter().zip(&codes).map(error).collect();
        let mut quantizer =
            Self { norm, sums: Sums::Squares, width, unit, coding: Coding::Offsets(Vec::new()), slack };
        let worst = errors.iter().fold(0.0f64, |m, &e| m.max(e));
        let constant = if evenly_spaced(levels) {
            Some(0.0)
        } else {
            // Evenly spaced levels that were rounded: all samples are as good.
            (worst < 1e-3 * unit)
                .then(|| quantizer.total((0..width).map(|_| quantizer.term(worst)).sum(), 0.0))
        };
        quantizer.coding = Coding::Table { codes, errors, constant };
        quantizer
    }

    /// Whether the codes of every sample are its own, and the error that all of
    /// them have then.
    pub(super) fn plain(&self) -> Option<f64> {
        let Coding::Table { codes, constant, .. } = &self.coding else { return None };
        constant.filter(|_| codes.iter().copied().eq(0..=255) && self.width < MOST)
    }

    /// Codes per sample: features, padded to a multiple of 8.
    pub(super) fn padded(&self) -> usize {
        self.width.next_multiple_of(8)
    }

    /// What is summed of an error, for its norm.
    fn term(&self, error: f64) -> f64 {
        if self.norm == Norm::L1 { error } else { error * error }
    }

    /// Bounds the norm of errors that have this sum of [terms](Self::term), give or
    /// take `slack` each.
    fn total(&self, sum: f64, slack: f64) -> f64 {
        let width = self.width as f64;
        let growth = 1.0 + (width + 8.0) * f64::EPSILON;
        let norm = (sum.sqrt() + width.sqrt() * slack) * growth + f64::MIN_POSITIVE.sqrt();
        match self.norm {
            Norm::L1 => (sum + width * slack) * growth,
            // Hölder's inequality; above 2, norms only get smaller.
            Norm::Lp(p) if p < 2.0 => norm * width.powf(1.0 / p - 0.5) * (1.0 + SLACK),
            Norm::L2 | Norm::Lp(_) | Norm::Linf => norm,
        }
    }

    /// Codes sample `i` of a dataset into `out`, padded with zeros, and bounds
    /// the norm of the error: 0 only if there is none and the unit is a 255th of
    /// the spread of the levels.
    pub(super) fn code(&self, data: &Dataset, i: usize, out: &mut [u8]) -> f64 {
        let range = i * data.features()..i * data.features() + self.width;
        out[self.width..].fill(0);
        match (&self.coding, data.storage()) {
            (Coding::Table { codes, errors, constant }, Features::Coded { codes: row, .. }) => {
                let row = &row[range];
                for (o, &c) in out.iter_mut().zip(row) {
                    *o = codes[usize::from(c)];
                }
                // The first and the last level have no error: black and white.
                if row.iter().fold(true, |both, c| both & (c.wrapping_add(1) <= 1)) {
                    return 0.0;
                }
                let term = |&c: &u8| self.term(errors[usize::from(c)]);
                constant.unwrap_or_else(|| self.total(row.iter().map(term).sum(), 0.0))
            }
            (Coding::Offsets(offsets), Features::F32(values)) => {
                self.round(values[range].iter().map(|&v| f64::from(v)), offsets, out)
            }
            (Coding::Offsets(offsets), Features::F64(values)) => {
                self.round(values[range].iter().copied(), offsets, out)
            }
            (Coding::Offsets(offsets), Features::Coded { codes, levels }) => {
                self.round(codes[range].iter().map(|&c| levels[usize::from(c)]), offsets, out)
            }
            // Levels without codes: nothing is known.
            (Coding::Table { .. }, _) => f64::INFINITY,
        }
    }

    /// Rounds a row to codes, and bounds the norm of the error.
    fn round(&self, row: impl Iterator<Item = f64>, offsets: &[f64], out: &mut [u8]) -> f64 {
        let inverse = 1.0 / self.unit;
        let span = 255.0 * self.unit;
        // Four sums, so that additions do not wait for each other.
        let mut sums = [0.0; 4];
        for (k, ((x, &o), out)) in row.zip(offsets).zip(out).enumerate() {
            let inside = (x - o).clamp(0.0, span);
            *out = (inside * inverse).round_ties_even() as u8;
            sums[k % 4] += self.term((inside - f64::from(*out) * self.unit).abs());
        }
        self.total(sums.iter().sum(), self.slack)
    }

    /// What a sum over codes says of the distance of what they stand for: it is
    /// not smaller than this.
    pub(super) fn lower(&self, sum: u32) -> f64 {
        let sum = f64::from(sum);
        let root = match &self.sums {
            Sums::Absolute => sum,
            Sums::Squares => sum.sqrt(),
            Sums::Powers(powers) => powers.root(sum),
        };
        root * self.unit * (1.0 - 8.0 * f64::EPSILON)
    }

    /// A sum over codes such that pairs with this or a larger one have a
    /// distance above `reach`, given the sum of their errors.
    pub(super) fn barrier(&self, reach: f64, errors: f64) -> u32 {
        let bound = (reach + errors) / self.unit * (1.0 + 8.0 * f64::EPSILON);
        let sum = match &self.sums {
            Sums::Absolute => bound,
            Sums::Squares => bound * bound * (1.0 + 2.0 * f64::EPSILON),
            Sums::Powers(powers) => powers.sum(bound),
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
