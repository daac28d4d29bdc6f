//! Piecewise linear functions of the size of a difference, in place of powers.

use crate::{Precision, number::Real};

/// A continuous, convex, never falling function `φ` of `t ≥ 0` with
/// `φ(t) ≥ 0`, which stands in for a multiple of `t^p` (Yu, Gao & Zhang, ICLR
/// 2024, Theorem B.3).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PowerCurve {
    /// `Σ_h weights_h · relu(t − knots_h)`; knots and weights are not negative.
    Hinges {
        /// Where it bends.
        knots: Vec<f64>,
        /// By how much the slope rises there, one number per knot.
        weights: Vec<f64>,
    },
    /// Yarotsky's approximation of the square of `g_1 = inverse · t`, for `t`
    /// up to `1/inverse`:
    ///
    /// ```text
    /// tooth_s = min(2 g_s, 2 − 2 g_s),   g_{s+1} = relu(tooth_s)
    /// φ       = relu(g_1 − Σ_{s = 1..levels} 4^−s · tooth_s)
    /// ```
    Sawtooth {
        /// What the difference is multiplied by, positive.
        inverse: f64,
        /// Number of teeth, from 1 to [`PowerCurve::MOST_LEVELS`].
        levels: usize,
    },
}

/// A [`PowerCurve`] in the format it is executed in.
pub(super) enum Executed<T> {
    Hinges(Vec<(T, T)>),
    Sawtooth { inverse: T, shares: Vec<T> },
}

impl PowerCurve {
    /// Teeth of a sawtooth at most: `4^−s` stays a normal number of binary32.
    pub const MOST_LEVELS: usize = 60;

    /// Whether its numbers are numbers of `precision` in the ranges that the
    /// variants say.
    #[must_use]
    pub fn is_valid(&self, precision: Precision) -> bool {
        let holds = |v: &f64| *v >= 0.0 && precision.holds(*v);
        match self {
            Self::Hinges { knots, weights } => {
                !knots.is_empty()
                    && knots.len() == weights.len()
                    && knots.iter().all(holds)
                    && weights.iter().all(holds)
            }
            Self::Sawtooth { inverse, levels } => {
                *inverse > 0.0 && holds(inverse) && (1..=Self::MOST_LEVELS).contains(levels)
            }
        }
    }

    /// `4^−s`.
    #[must_use]
    pub fn share(level: usize) -> f64 {
        (0..level).fold(1.0, |share, _| share / 4.0)
    }

    /// The curve with its numbers in the format it is executed in.
    pub(super) fn executed<T: Real>(&self) -> Executed<T> {
        match self {
            Self::Hinges { knots, weights } => {
                let pair = |(&k, &w): (&f64, &f64)| (T::from_f64(k), T::from_f64(w));
                Executed::Hinges(knots.iter().zip(weights).map(pair).collect())
            }
            Self::Sawtooth { inverse, levels } => Executed::Sawtooth {
                inverse: T::from_f64(*inverse),
                shares: (1..=*levels).map(|s| T::from_f64(Self::share(s))).collect(),
            },
        }
    }
}

impl<T: Real> Executed<T> {
    /// `φ` of each of some sizes.
    #[inline(always)]
    pub fn at<const K: usize>(&self, sizes: [T; K]) -> [T; K] {
        match self {
            Self::Hinges(hinges) => {
                let mut values = [T::default(); K];
                for &(knot, weight) in hinges {
                    for (value, &t) in values.iter_mut().zip(&sizes) {
                        *value = *value + weight * (t - knot).relu();
                    }
                }
                values
            }
            Self::Sawtooth { inverse, shares } => {
                let two = T::from_f64(2.0);
                let mut g = sizes.map(|t| *inverse * t);
                let mut values = g;
                for &share in shares {
                    for (value, g) in values.iter_mut().zip(&mut g) {
                        let (rising, falling) = (*g + *g, two - (*g + *g));
                        let tooth = if falling < rising { falling } else { rising };
                        *value = *value - share * tooth;
                        *g = tooth.relu();
                    }
                }
                values.map(T::relu)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Between the square and 4^−(m+1) above it, up to 1; a line beyond.
        #[test]
        fn teeth_approximate_squares(levels in 1usize..12, t in 0.0f64..1.5) {
            let curve = PowerCurve::Sawtooth { inverse: 1.0, levels };
            let [value] = curve.executed::<f64>().at([t]);
            if t <= 1.0 {
                let above = value - t * t;
                prop_assert!(above >= -1e-15 && above <= PowerCurve::share(levels + 1) + 1e-15, "{above}");
            } else {
                prop_assert!((value - (1.5 * t - 0.5)).abs() <= 1e-15);
            }
        }
    }
}
