//! What the network reads: the points of a ball, rounded to its format.

use super::sum::{Sum, gamma};
use crate::{
    Norm, Precision,
    certify::{Claim, Domain, ball},
    number::{add_down, add_up, mul_down, mul_up, sqrt_up},
};

/// A box, and for norms other than the sup norm a ball, that contain every
/// point of the ball of a sample and every number that rounding makes of one.
#[derive(Debug)]
pub(in crate::certify) struct Region {
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    precision: Precision,
    ball: Option<Ball>,
}

/// A ball of a norm.
#[derive(Debug)]
struct Ball {
    center: Vec<f64>,
    radius: f64,
    norm: Norm,
}

/// More than `√(n 2⁻¹⁰⁷⁴)` for every number `n` of squares that underflow.
const UNDERFLOWN: f64 = 1e-150;

impl Region {
    /// That of a sample; `None` where a number may be out of the format's range.
    pub fn new(claim: &Claim<'_>, sample: usize) -> Option<Self> {
        let precision = claim.model.precision();
        let (center, radius) = (claim.data.row(sample), claim.radii.of(sample));
        let (lower, upper): (Vec<f64>, Vec<f64>) = ball(&center, radius, precision).unzip();
        if !in_range(&lower, &upper, precision) {
            return None;
        }
        // The norm of a rounding is at most the sum of its sizes.
        let moved = lower.iter().zip(&upper).map(|(a, b)| {
            let relative = mul_up(a.abs().max(b.abs()), precision.unit_roundoff());
            add_up(relative, precision.smallest_subnormal())
        });
        let moved = match claim.norm {
            Norm::L2 => sqrt_up(moved.fold(0.0, |sum, m| add_up(sum, mul_up(m, m)))),
            Norm::L1 | Norm::Lp(_) | Norm::Linf => moved.fold(0.0, add_up),
        };
        // A larger ball where the dual norm is no sum, largest or root.
        let ball = match claim.norm.enclosing() {
            Norm::Linf | Norm::Lp(_) => None,
            norm @ (Norm::L1 | Norm::L2) => Some(Ball { center, radius: add_up(radius, moved), norm }),
        };
        Some(Self { lower, upper, precision, ball })
    }

    /// The part of it with valid inputs, and what rounding makes of them.
    pub fn within(mut self, domain: &Domain) -> Self {
        let precision = self.precision;
        for (feature, (lower, upper)) in self.lower.iter_mut().zip(&mut self.upper).enumerate() {
            let (least, most) = domain.range(feature);
            *lower = lower.max(least.min(precision.round(least)));
            *upper = upper.min(most.max(precision.round(most)));
        }
        self
    }

    /// The points between `lower` and `upper`, and every number that rounding to
    /// the format makes of one; `None` where one may be out of its range.
    pub fn of_box(lower: &[f64], upper: &[f64], precision: Precision) -> Option<Self> {
        let lower: Vec<f64> = lower.iter().map(|&x| x.min(precision.round(x))).collect();
        let upper: Vec<f64> = upper.iter().map(|&x| x.max(precision.round(x))).collect();
        in_range(&lower, &upper, precision).then_some(Self { lower, upper, precision, ball: None })
    }

    /// Whether nothing but the box is known.
    pub fn is_box(&self) -> bool {
        self.ball.is_none()
    }

    /// A lower bound of `a·x` over the region, proved.
    pub fn least(&self, a: &[f64]) -> f64 {
        let n = a.len();
        let (lower, upper) = (&self.lower[..n], &self.upper[..n]);
        let sum = Sum::of(n, |i| a[i] * if a[i] > 0.0 { lower[i] } else { upper[i] });
        let on_box = sum.lower(a.len());
        self.ball.as_ref().map_or(on_box, |ball| on_box.max(ball.least(a)))
    }

    /// A point where `a·x` is least, about.
    pub fn argmin(&self, a: &[f64], out: &mut Vec<f64>) {
        let corner = a.iter().zip(&self.lower).zip(&self.upper);
        match &self.ball {
            None => out.extend(corner.map(|((&a, &lower), &upper)| match a {
                _ if a > 0.0 => lower,
                _ if a < 0.0 => upper,
                _ => (lower + upper) / 2.0,
            })),
            Some(Ball { center, radius, norm: Norm::L2 }) => {
                let size = a.iter().map(|a| a * a).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
                out.extend(center.iter().zip(a).map(|(x, a)| x - radius * a / size));
            }
            Some(Ball { center, radius, .. }) => {
                let largest = (0..a.len()).max_by(|i, j| a[*i].abs().total_cmp(&a[*j].abs()));
                let moved = |(j, x): (usize, &f64)| {
                    if Some(j) == largest { x - radius * a[j].signum() } else { *x }
                };
                out.extend(center.iter().enumerate().map(moved));
            }
        }
    }
}

/// Whether the numbers of a box stay well within the range of the format.
fn in_range(lower: &[f64], upper: &[f64], precision: Precision) -> bool {
    let largest = precision.largest() / 4.0;
    lower.iter().all(|x| *x >= -largest) && upper.iter().all(|x| *x <= largest)
}

impl Ball {
    /// `a·x ≥ a·center − radius ‖a‖`, in the dual norm.
    fn least(&self, a: &[f64]) -> f64 {
        let center = &self.center[..a.len()];
        let sum = Sum::of(a.len(), |i| a[i] * center[i]);
        let dual = match self.norm {
            Norm::L1 => a.iter().fold(0.0, |most: f64, a| most.max(a.abs())),
            // Others have no ball; none of these has a larger dual norm than that.
            Norm::Linf | Norm::Lp(_) => a.iter().fold(0.0, |sum, a| add_up(sum, a.abs())),
            Norm::L2 => {
                let squares = a.iter().map(|a| a * a).sum::<f64>();
                add_up(sqrt_up(mul_up(squares, 1.0 + gamma(a.len()))), UNDERFLOWN)
            }
        };
        let bound = add_down(sum.lower(a.len()), mul_down(-self.radius, dual));
        if bound.is_nan() { f64::NEG_INFINITY } else { bound }
    }
}
