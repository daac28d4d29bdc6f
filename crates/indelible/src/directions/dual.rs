//! Dual vectors: the directions that see a difference at its full length.
//!
//! `u_j = sign(v_j) |v_j|^(p−1)` attains `u·v = ‖u‖_q ‖v‖_p`: the signs for p = 1, the
//! vector itself for p = 2, and in the limit one coordinate for the sup norm.

use crate::{Norm, Precision};

/// Entries of a direction with few bits are integers up to this, times a power
/// of two.
const LEVELS: f64 = 127.0;

/// One direction without its zeros; its dual norm is about ½ to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Direction {
    pub weights: Vec<(usize, f64)>,
}

impl Direction {
    /// The dual vector of `v` with few bits, without the entries that carry less
    /// than `least` of what the largest carries; `None` for no vector.
    pub fn sparse(v: &[f32], norm: Norm, least: f32) -> Option<Self> {
        let largest = v.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        if !(largest > 0.0 && largest.is_finite()) {
            return None;
        }
        // Of the sum u·v an entry carries |v_j|^p.
        let p = exponent(norm);
        let bound = if least >= 1.0 { 1.0 } else { f64::from(least).powf(1.0 / p) };
        let mut weights: Vec<(usize, f64)> = vec![];
        for (feature, &x) in v.iter().enumerate() {
            let share = f64::from(x.abs() / largest);
            let size = (share.powf(p - 1.0) * LEVELS).round();
            if share >= bound && share > 0.0 && size > 0.0 {
                weights.push((feature, if x < 0.0 { -size } else { size }));
            }
        }
        if least >= 1.0 || norm == Norm::Linf {
            weights.truncate(1);
        }
        if norm == Norm::L1 || weights.len() == 1 {
            weights.iter_mut().for_each(|(_, w)| *w = w.signum());
        }
        Some(Self { weights: halved(weights, norm) })
    }

    /// The dual vector of a difference in the numbers of the format.
    pub fn of_pair(v: &[f64], norm: Norm, precision: Precision) -> Self {
        let largest = v.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let p = exponent(norm);
        let mut weights: Vec<(usize, f64)> = vec![];
        for (feature, &x) in v.iter().enumerate() {
            let share = (x / largest).abs();
            let size = match norm {
                Norm::L1 => 1.0,
                Norm::L2 => share,
                Norm::Lp(_) | Norm::Linf => share.powf(p - 1.0),
            };
            if share > 0.0 && size > 0.0 {
                weights.push((feature, if x < 0.0 { -size } else { size }));
            }
        }
        if norm == Norm::Linf {
            weights.retain(|&(feature, _)| v[feature].abs() == largest);
            weights.truncate(1);
        }
        let mut weights = halved(weights, norm);
        weights.iter_mut().for_each(|(_, w)| *w = precision.round(*w));
        weights.retain(|(_, w)| *w != 0.0);
        Self { weights }
    }

    /// The dual norm, about.
    pub fn length(&self, norm: Norm) -> f64 {
        length(&self.weights, norm)
    }
}

/// The exponent of a norm, at most 64: larger ones pick out one coordinate.
pub(super) fn exponent(norm: Norm) -> f64 {
    match norm {
        Norm::L1 => 1.0,
        Norm::L2 => 2.0,
        Norm::Lp(p) => p.min(Norm::LARGEST_EXPONENT),
        Norm::Linf => Norm::LARGEST_EXPONENT,
    }
}

/// The dual norm of some weights, about.
fn length(weights: &[(usize, f64)], norm: Norm) -> f64 {
    let largest = weights.iter().fold(0.0f64, |m, (_, w)| m.max(w.abs()));
    let p = exponent(norm);
    if norm == Norm::L1 || largest == 0.0 {
        return largest;
    }
    let q = p / (p - 1.0);
    largest * weights.iter().map(|(_, w)| (w.abs() / largest).powf(q)).sum::<f64>().powf(1.0 / q)
}

/// The same times the power of two that brings the dual norm to 1 or, at most
/// by half, below.
fn halved(mut weights: Vec<(usize, f64)>, norm: Norm) -> Vec<(usize, f64)> {
    let length = length(&weights, norm);
    if length > 0.0 && length.is_finite() {
        let power = 2f64.powi(-exponent_of(length));
        weights.iter_mut().for_each(|(_, w)| *w *= power);
    }
    weights
}

/// The smallest `e` with `2^e ≥ x`, but for rounding.
#[expect(clippy::cast_possible_truncation, reason = "an exponent of binary64")]
fn exponent_of(x: f64) -> i32 {
    x.log2().ceil() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The dual vector sees nearly the whole length of a vector.
        #[test]
        fn dual_vectors_attain_the_length(
            v in prop::collection::vec(-5.0f64..5.0, 1..12),
            norm in prop::sample::select(vec![Norm::L1, Norm::L2, Norm::Lp(1.5), Norm::Lp(3.0)]),
        ) {
            prop_assume!(v.iter().any(|x| x.abs() > 1e-3));
            let p = exponent(norm);
            let largest = v.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            let size = largest * v.iter().map(|x| (x.abs() / largest).powf(p)).sum::<f64>().powf(1.0 / p);
            let seen = |direction: &Direction| {
                let sum: f64 = direction.weights.iter().map(|&(f, w)| w * v[f]).sum();
                sum / direction.length(norm)
            };
            let own = Direction::of_pair(&v, norm, Precision::F64);
            prop_assert!(own.length(norm) > 0.49 && own.length(norm) < 1.01);
            prop_assert!(seen(&own) >= size * (1.0 - 1e-6), "{} {size}", seen(&own));
            let short: Vec<f32> = v.iter().map(|&x| x as f32).collect();
            let sparse = Direction::sparse(&short, norm, 0.0).unwrap();
            prop_assert!(sparse.length(norm) > 0.49 && sparse.length(norm) < 1.01);
            prop_assert!(seen(&sparse) >= size * 0.97, "{} {size}", seen(&sparse));
        }
    }
}
