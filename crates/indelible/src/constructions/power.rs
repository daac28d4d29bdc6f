//! `|t|^p` as a sum of hinges.

use crate::{
    Precision,
    number::{add_down, add_up, div_up, mul_down, mul_up, sub_down, sub_up, whole},
};

/// `φ(t) = Σ_h weights_h · relu(t − knots_h)`, which interpolates `t^p` from
/// above: `0 ≤ φ(t) − t^p ≤ error` on `[0, R]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hinges {
    pub knots: Vec<f64>,
    pub weights: Vec<f64>,
    pub error: f64,
    /// The largest slope, `φ'(R)`.
    pub slope: f64,
}

/// Hinges per feature and side, at most.
pub(super) const MOST: usize = 1 << 20;

/// Why there are no hinges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoHinges {
    /// More than [`MOST`] would be needed.
    TooMany,
    /// The format is too coarse.
    TooFine,
}

impl Hinges {
    /// `φ(t) = t`.
    pub fn distance() -> Self {
        Self { knots: vec![0.0], weights: vec![1.0], error: 0.0, slope: 1.0 }
    }

    /// The fewest knots that were found for `error` on `[0, range]`, numbers
    /// of `precision`.
    pub fn power(p: f64, range: f64, error: f64, precision: Precision) -> Result<Self, NoHinges> {
        let estimate = ((p - 1.0) / (2.0 * p) * range.powf(p) / error).sqrt().ceil();
        if !(error > 0.0 && estimate < MOST as f64) {
            return Err(NoHinges::TooMany);
        }
        // The estimate is for small pieces; rounding may ask for more.
        let mut count = whole(estimate).max(1);
        loop {
            let hinges = Self::with_count(p, range, count, precision).ok_or(NoHinges::TooFine)?;
            if hinges.error <= error {
                return Ok(hinges);
            }
            count += count / 8 + 1;
            if count > MOST {
                return Err(NoHinges::TooFine);
            }
        }
    }

    /// `count` pieces of about equal error: `t_i = R (i/count)^(2/p)`.
    pub fn with_count(p: f64, range: f64, count: usize, precision: Precision) -> Option<Self> {
        let at = |i: usize| precision.round_up(range * (i as f64 / count as f64).powf(2.0 / p));
        let ends: Vec<f64> = (0..=count).map(at).collect();
        let (mut knots, mut weights) = (vec![], vec![]);
        // The slope after rounding lies in [low, high].
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        let (mut error, mut excess) = (0.0_f64, 0.0_f64);
        for pair in ends.windows(2).filter(|pair| pair[1] > pair[0]) {
            let (a, b) = (pair[0], pair[1]);
            let slope = div_up(sub_up(power_up(b, p), power_down(a, p)), sub_down(b, a));
            let weight = precision.round_up(sub_up(slope, low)).max(0.0);
            low = add_down(low, weight);
            high = add_up(high, weight);
            knots.push(a);
            weights.push(weight);
            error = error.max(chord_error(a, b, slope, p));
            excess = excess.max(sub_up(high, true_slope_down(a, b, p)));
        }
        let error = add_up(error, mul_up(excess, precision.round_up(range)));
        (error.is_finite() && !knots.is_empty()).then_some(Self { knots, weights, error, slope: high })
    }

    #[cfg(test)]
    fn at(&self, t: f64) -> f64 {
        self.knots.iter().zip(&self.weights).map(|(k, w)| w * (t - k).max(0.0)).sum()
    }
}

/// A bound below on `t^p` for a number `t ≥ 0` that may be negative after
/// rounding.
pub(super) fn power_down(t: f64, p: f64) -> f64 {
    if t <= 0.0 {
        0.0
    } else if p == 2.0 {
        mul_down(t, t)
    } else {
        sub_down(t.powf(p), mul_up(t.powf(p), 8.0 * f64::EPSILON))
    }
}

/// A bound above on `t^p`.
pub(super) fn power_up(t: f64, p: f64) -> f64 {
    if t <= 0.0 {
        0.0
    } else if p == 2.0 {
        mul_up(t, t)
    } else {
        add_up(t.powf(p), mul_up(t.powf(p), 8.0 * f64::EPSILON))
    }
}

/// A bound below on the slope of the chord.
fn true_slope_down(a: f64, b: f64, p: f64) -> f64 {
    let rise = sub_down(power_down(b, p), power_up(a, p));
    -div_up(-rise, sub_up(b, a))
}

/// A bound above on what the chord over `[a, b]` is above `t^p`: the tangent
/// is parallel to it at `(slope/p)^(1/(p−1))`, and whatever point is taken for
/// that one, convexity bounds the error by the slopes there.
fn chord_error(a: f64, b: f64, slope: f64, p: f64) -> f64 {
    let t = (slope / p).powf(1.0 / (p - 1.0)).clamp(a, b);
    let here = sub_up(add_up(power_up(a, p), mul_up(slope, sub_up(t, a))), power_down(t, p));
    // Elsewhere the error is at most that plus the change of slope nearby.
    let slack = mul_up(power_up(b, p), 64.0 * f64::EPSILON);
    add_up(here.max(0.0), slack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hinges_stay_between(
            p in prop_oneof![Just(2.0), 1.05f64..6.0],
            range in 1e-3f64..1e3,
            relative in 1e-5f64..0.5,
            t in 0.0f64..=1.0,
            single in any::<bool>(),
        ) {
            let precision = if single { Precision::F32 } else { Precision::F64 };
            let error = relative * range.powf(p);
            let Ok(hinges) = Hinges::power(p, range, error, precision) else {
                return Err(TestCaseError::fail("no hinges"));
            };
            let t = t * range;
            let (value, exact) = (hinges.at(t), t.powf(p));
            let rounding = 1e-12 * range.powf(p);
            prop_assert!(value >= exact - rounding, "{value} {exact}");
            prop_assert!(value - exact <= error + rounding);
            // O(√(R^p/ε)) of them.
            prop_assert!(hinges.knots.len() as f64 <= 2.0 * (1.0 / relative).sqrt() + 2.0);
        }
    }
}
