//! Quantizers of samples with codes of their own.

use super::{Coding, Quantizer, Sums};
use crate::{Norm, separation::exact::ExactSum};

impl Quantizer {
    /// A quantizer of samples with codes of one table.
    pub(super) fn of_levels(levels: &[f64], norm: Norm, width: usize) -> Self {
        let (first, last) = (levels[0], levels[255]);
        // Halves, so that the difference cannot overflow; a level that is evenly
        // spaced gets its own code.
        let unit = (last / 2.0 - first / 2.0) / 127.5;
        let largest = first.abs().max(last.abs());
        let slack = 8.0 * f64::EPSILON * (largest + 256.0 * unit) + 8.0 * f64::from_bits(1);
        // The cast saturates; what it loses is part of the error.
        let code = |v: &f64| ((v / 2.0 - first / 2.0) / unit * 2.0).round() as u8;
        let codes: Vec<u8> = levels.iter().map(code).collect();
        let errors: Vec<f64> = levels
            .iter()
            .zip(&codes)
            .map(|(v, &q)| (v - first - f64::from(q) * unit).abs() + slack)
            // Levels so far apart that their difference overflows: nothing is known.
            .map(|error| if error.is_nan() { f64::INFINITY } else { error })
            .collect();
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
