//! What single steps give on the ball of a sample.

use super::{Checker, groups::is_small_integer, inactive::is_silenced};
use crate::{
    Enclosure, Norm,
    certify::{arithmetic::Interval, ball},
    network::{Measure, NetworkForm, Pool},
    number::{add_down, add_up, mul_down, mul_up, sqrt_up, sub_down, sub_up},
};

/// From this share of what silences a step by a bound on, it is looked at
/// exactly.
const NEARLY: f64 = 0.9;

impl Checker<'_> {
    /// How far a point of the ball, and what rounding makes of it, is from the
    /// sample, as `measure` sees it.
    pub(super) fn reach(&self, sample: usize, x: &[f64]) -> f64 {
        let radius = self.claim.radii.of(sample);
        let n = x.len() as f64;
        let unit = self.prototypes.precision().unit_roundoff();
        let tiny = self.prototypes.precision().smallest_subnormal();
        if matches!(self.prototypes.measure, Measure::Largest | Measure::Violations) {
            let ends = ball(x, radius, self.prototypes.precision()).zip(x);
            return ends
                .fold(0.0, |r: f64, ((lower, upper), &x)| r.max(sub_up(upper, x)).max(sub_up(x, lower)));
        }
        let rounding = x.iter().map(|x| add_up(mul_up(add_up(x.abs(), radius), unit), tiny));
        if let Some(sums) = &self.sums {
            return sums.reach(radius, self.claim.norm, rounding);
        }
        let radius = match self.claim.norm.enclosing() {
            Norm::L1 => radius,
            Norm::L2 => mul_up(radius, sqrt_up(n)),
            Norm::Linf | Norm::Lp(_) => mul_up(radius, n),
        };
        rounding.fold(radius, add_up)
    }

    /// The level of step `k` at distances between `nearest` and `farthest`.
    pub(super) fn level(&self, k: usize, nearest: f64, farthest: f64) -> Option<Interval> {
        let prototypes = self.prototypes;
        if prototypes.scales[k] == 0.0 {
            return Some(Interval::point(prototypes.tops[k]).relu());
        }
        let (less, more) = (sub_down(1.0, self.distance_gamma), add_up(1.0, self.distance_gamma));
        let measured = match &self.sums {
            Some(sums) => sums.between(nearest, farthest),
            None => Interval { lower: mul_down(nearest.max(0.0), less), upper: mul_up(farthest, more) },
        };
        let least = sub_down(measured.lower, prototypes.radii[k]);
        let most = sub_up(measured.upper, prototypes.radii[k]).max(0.0);
        let most = match &prototypes.measure {
            Measure::Violations => mul_up(mul_up(most, prototypes.inputs() as f64), add_up(1.0, self.gamma)),
            _ => most,
        };
        let unit = prototypes.precision().unit_roundoff();
        let excess = Interval {
            lower: mul_down(least.max(0.0), 1.0 - 2.0 * unit),
            upper: mul_up(most, 1.0 + 2.0 * unit),
        };
        let penalty = self.arithmetic.product(-prototypes.scales[k], excess);
        Some(self.arithmetic.sum(&[Interval::point(prototypes.tops[k]), penalty])?.relu())
    }

    /// The level of a step that holds the whole ball within its radius: its
    /// top, exactly. Else by distance; `reach` as [`Checker::reach`] gives it.
    pub(super) fn own_level(&self, sample: usize, k: usize, x: &[f64], reach: f64) -> Option<Interval> {
        let prototypes = self.prototypes;
        let mut center = vec![0.0; prototypes.inputs()];
        prototypes.copy_center(k, &mut center);
        if prototypes.measure == Measure::Violations {
            let holds = ball(x, self.claim.radii.of(sample), prototypes.precision()).zip(&center).all(
                |((lower, upper), &c)| {
                    sub_up(upper, c) <= prototypes.radii[k] && sub_up(c, lower) <= prototypes.radii[k]
                },
            );
            if holds {
                return Some(Interval::point(prototypes.tops[k]).relu());
            }
        }
        let far = self.distance(x, &center);
        self.level(k, sub_down(far.lower, reach), add_up(far.upper, reach))
    }

    /// The distance of two points as `measure` takes it.
    pub(super) fn distance(&self, x: &[f64], center: &[f64]) -> Enclosure {
        let differences =
            x.iter().zip(center).map(|(&x, &c)| (sub_down(x.max(c), x.min(c)), sub_up(x.max(c), x.min(c))));
        if let Some(sums) = &self.sums {
            return sums.distance(differences);
        }
        let (lower, upper) = match &self.prototypes.measure {
            Measure::Sum => differences.fold((0.0, 0.0), |(a, b), (l, u)| (-add_up(-a, -l), add_up(b, u))),
            _ => differences.fold((0.0, 0.0), |(a, b): (f64, f64), (l, u)| (a.max(l), b.max(u))),
        };
        Enclosure { lower, upper }
    }

    /// What `A ← A + relu(level − A)` makes of levels whose largest lies in
    /// `largest`, each operation rounded; `largest` itself where the pool takes
    /// maxima.
    ///
    /// `A` never falls. A rise from `A` to a level `l` ends within 3 units in
    /// the last place of `l`, so `A` is always as near to the largest level so
    /// far. Where that is an integer `T` below 2²² the end is exactly `T`:
    /// `T − A` is off by at most half a unit of itself, the sum is as near to
    /// `T`, and `T` is even in its last place, so that ties go to it; and no
    /// rise to a smaller level goes beyond `T`, for rounding is monotone.
    pub(super) fn raised(&self, largest: Interval) -> Interval {
        let exact = largest.lower == largest.upper && is_small_integer(largest.lower);
        if self.prototypes.pool != Pool::Raise || exact {
            return largest;
        }
        let room = 8.0 * self.prototypes.precision().unit_roundoff();
        let tiny = self.prototypes.precision().smallest_subnormal();
        Interval {
            lower: sub_down(mul_down(largest.lower, 1.0 - room), tiny).max(0.0),
            upper: add_up(mul_up(largest.upper, 1.0 + room), tiny),
        }
    }

    /// Whether step `k` is silent on the ball, seen from as few features as
    /// show it.
    pub(super) fn is_silent(&self, k: usize, sample: usize, x: &[f64], reach: f64) -> bool {
        let distance = add_up(self.silents[k], reach);
        let enough = self.sums.as_ref().map_or(distance, |sums| sums.enough(distance));
        let start = k * self.prototypes.inputs();
        let mut far = 0.0;
        x.iter().enumerate().any(|(j, &x)| {
            let c = self.prototypes.centers.at(start + j);
            let difference = sub_down(x.max(c), x.min(c));
            far = match (&self.sums, &self.prototypes.measure) {
                (Some(sums), _) => add_down(far, sums.share(difference)),
                (None, Measure::Sum) => add_down(far, difference),
                _ => difference,
            };
            far >= enough || far >= NEARLY * enough && self.silenced_by(k, sample, x, c)
        })
    }

    /// Whether one feature silences step `k` by itself: the exact ends of the
    /// ball, and every rounding that is monotone.
    pub(super) fn silenced_by(&self, k: usize, sample: usize, x: f64, c: f64) -> bool {
        let ends = ball(&[x], self.claim.radii.of(sample), self.prototypes.precision()).next();
        matches!(self.prototypes.measure, Measure::Largest | Measure::Violations)
            && ends.is_some_and(|(lower, upper)| {
                is_silenced(self.prototypes, k, sub_down(lower, c).max(sub_down(c, upper)))
            })
    }
}
