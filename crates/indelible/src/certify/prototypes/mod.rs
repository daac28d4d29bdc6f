//! Certificates for levels of samples, combined per class.
//!
//! How far a stored center is from a sample bounds its level on the whole
//! ball: `E` lies within the radius of the ball of that distance, give or take
//! what rounding does. (Sums of curves are bounded by distances in
//! `curve_sums`.) Distances to the centers of other classes come from the exact
//! search for nearest enemies, so that it is enough to look at the nearest one.
//! Where steps differ, the distances from the centers to samples of other
//! classes are searched, too (`inactive`); only where this does not settle a
//! sample, every step is looked at.

mod curve_sums;
mod inactive;

use rayon::prelude::*;

pub(super) use self::curve_sums::CurveSums;
use self::inactive::{Inactive, is_silenced, silent_from};
use super::{
    Claim, Engine, Verdict,
    arithmetic::{Interval, IntervalArithmetic},
    ball, verdict_of,
};
use crate::{
    Dataset, Enclosure, Features, Norm, Precision, Progress,
    network::{Measure, Pool, Prototypes},
    number::{add_down, add_up, div_up, mul_down, mul_up, sqrt_up, sub_down, sub_up},
    separation::nearest_enemies_between,
};

/// From this share of what silences a step by a bound on, it is looked at
/// exactly.
const NEARLY: f64 = 0.9;

/// One verdict per sample, certified or undecided.
pub(super) fn verdicts(claim: &Claim<'_>, prototypes: &Prototypes, progress: &dyn Progress) -> Vec<Verdict> {
    let samples = claim.data.samples();
    let undecided = || vec![Verdict::Undecided; samples];
    let Some(checker) = Checker::new(claim, prototypes) else { return undecided() };
    let Some(base) = as_dataset(&prototypes.centers, prototypes.features, &checker.groups) else {
        return undecided();
    };
    // Queries carry the group of their own steps, or one that no step has.
    let labels: Vec<usize> = (0..samples).map(|i| checker.own_group(i).unwrap_or(base.classes())).collect();
    let names = (0..=base.classes()).map(|c| c.to_string()).collect();
    let Ok(queries) = Dataset::new(claim.data.storage().clone(), prototypes.features, labels, names) else {
        return undecided();
    };
    let norm = checker.norm();
    let Ok(near) = nearest_enemies_between(&queries, &base, norm, progress) else { return undecided() };
    let near = near.distances;
    let hard = |(sample, near): (usize, &Enclosure)| !checker.is_settled(sample, near.lower);
    let inactive = if near.par_iter().enumerate().any(hard) {
        let Ok(back) = nearest_enemies_between(&base, &queries, norm, progress) else { return undecided() };
        Some(Inactive::new(back.distances.iter().map(|d| d.lower), &checker.silents))
    } else {
        None
    };
    progress.begin("certify", samples as u64);
    let verdicts = near
        .into_par_iter()
        .enumerate()
        .map(|(sample, distance)| {
            let verdict = checker.verdict(sample, distance, inactive.as_ref());
            progress.advance(1);
            verdict
        })
        .collect();
    progress.end();
    verdicts
}

/// Stored rows as samples, whatever order their table of levels has.
pub(super) fn as_dataset(rows: &Features, width: usize, groups: &[usize]) -> Option<Dataset> {
    let names: Vec<String> = (0..groups.iter().max().map_or(1, |g| g + 1)).map(|c| c.to_string()).collect();
    Dataset::new(rows.clone(), width, groups.to_vec(), names.clone())
        .or_else(|_| {
            let values: Vec<f64> = (0..rows.len()).map(|at| rows.at(at)).collect();
            Dataset::new(Features::F64(values.into()), width, groups.to_vec(), names)
        })
        .ok()
}

/// Whether all numbers are finite numbers of the format, one of each for every
/// step, and every layer reads what there is.
fn is_whole(prototypes: &Prototypes) -> bool {
    let holds = |values: &[f64]| values.iter().all(|v| prototypes.precision.holds(*v));
    let (n, steps) = (prototypes.features, prototypes.steps());
    let tables = [&prototypes.radii, &prototypes.tops, &prototypes.scales];
    let numbers = tables.iter().all(|values| values.len() == steps && holds(values))
        && prototypes.minima.as_ref().is_none_or(|minima| minima.len() == n && holds(minima))
        && holds_rows(&prototypes.centers, prototypes.precision);
    let head = prototypes.head.windows(2).all(|pair| pair[0].outputs() == pair[1].inputs())
        && prototypes
            .head
            .iter()
            .all(|layer| holds(layer.biases()) && layer.rows().all(|row| holds(row.weights)));
    let known = |a: &usize| *a < prototypes.accumulator_count();
    let accumulators = prototypes.accumulators.len() == steps && prototypes.accumulators.iter().all(known);
    n > 0 && prototypes.centers.len() == n * steps && numbers && head && accumulators
}

/// Whether all stored values are finite numbers of the format.
pub(super) fn holds_rows(rows: &Features, precision: Precision) -> bool {
    match rows {
        Features::Coded { levels, .. } => levels.len() == 256 && levels.iter().all(|v| precision.holds(*v)),
        Features::F32(values) => values.iter().all(|v| v.is_finite()),
        Features::F64(values) => values.iter().all(|v| precision.holds(*v)),
    }
}

/// A number that no difference of a feature of a center and of a point of a
/// ball, or of what rounding makes of it, exceeds.
fn largest_difference(claim: &Claim<'_>, prototypes: &Prototypes) -> f64 {
    let n = prototypes.features;
    let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); 2 * n];
    let mut take = |row: &[f64], offset: usize| {
        for (end, &v) in ends[offset..].iter_mut().zip(row) {
            *end = (end.0.min(v), end.1.max(v));
        }
    };
    let mut row = vec![0.0; n];
    for sample in 0..claim.data.samples() {
        claim.data.copy_row(sample, &mut row);
        take(&row, 0);
    }
    for step in 0..prototypes.steps() {
        prototypes.copy_center(step, &mut row);
        take(&row, n);
    }
    let (samples, centers) = ends.split_at(n);
    let apart = |(x, c): (&(f64, f64), &(f64, f64))| sub_up(x.1, c.0).max(sub_up(c.1, x.0));
    let largest = samples.iter().zip(centers).map(apart).fold(0.0, f64::max);
    let size = samples.iter().fold(0.0, |m: f64, x| m.max(x.0.abs()).max(x.1.abs()));
    let (radius, unit) = (claim.radii.largest(), prototypes.precision.unit_roundoff());
    let rounding = add_up(mul_up(add_up(size, radius), unit), prototypes.precision.smallest_subnormal());
    mul_up(add_up(add_up(largest, radius), rounding), add_up(1.0, mul_up(4.0, unit)))
}

/// Everything about the claim that all samples share.
struct Checker<'a> {
    claim: &'a Claim<'a>,
    prototypes: &'a Prototypes,
    arithmetic: IntervalArithmetic,
    /// Steps of one group are of one class: its accumulator, or the top that
    /// stands for it where there is but one accumulator.
    groups: Vec<usize>,
    /// Whether groups are tops.
    by_top: bool,
    /// Whether all steps have the same radius, top and scale.
    uniform: bool,
    /// For each step a distance at which it is silent, whatever the rounding.
    silents: Vec<f64>,
    /// The largest of them.
    silent: f64,
    /// The largest center in size.
    largest_center: f64,
    /// What is known of sums of a curve.
    sums: Option<CurveSums>,
    /// A bound on the relative error of a sum over features.
    gamma: f64,
    /// The same of the distance that decides: of the sum, or of the largest
    /// difference alone, which adding violations to only raises.
    distance_gamma: f64,
}

impl<'a> Checker<'a> {
    fn new(claim: &'a Claim<'a>, prototypes: &'a Prototypes) -> Option<Self> {
        let arithmetic = IntervalArithmetic { precision: prototypes.precision };
        let n = prototypes.features;
        if !is_whole(prototypes) || prototypes.scales.iter().chain(&prototypes.radii).any(|v| *v < 0.0) {
            return None;
        }
        // Clipping moves no point away from a center, and no sample at all.
        if let Some(minima) = &prototypes.minima {
            let samples = claim.data.minima();
            let centers = (0..prototypes.centers.len()).all(|at| prototypes.centers.at(at) >= minima[at % n]);
            if !centers || samples.iter().zip(minima).any(|(x, m)| m > x) {
                return None;
            }
        }
        let same = |values: &[f64]| values.windows(2).all(|pair| pair[0] == pair[1]);
        let by_top =
            prototypes.accumulator_count() == 1 && prototypes.pool == Pool::Max && !same(&prototypes.tops);
        let groups = if by_top {
            let group = |top: f64| {
                (top >= 1.0 && top < (1 << 22) as f64 && top.fract() == 0.0).then(|| top as usize - 1)
            };
            prototypes.tops.iter().map(|&top| group(top)).collect::<Option<_>>()?
        } else {
            prototypes.accumulators.clone()
        };
        let unit = prototypes.precision.unit_roundoff();
        let gamma = arithmetic.gamma(n + 4)?;
        let distance_gamma = arithmetic.gamma(if prototypes.measure == Measure::Sum { n + 4 } else { 4 })?;
        // More levels than this are not added up in a sum of known error.
        arithmetic.gamma(prototypes.steps())?;
        let sums = match &prototypes.measure {
            Measure::Power(curve) => {
                let range = largest_difference(claim, prototypes);
                Some(CurveSums::new(curve, prototypes.precision, n, range, claim.norm)?)
            }
            _ => None,
        };
        let silents: Vec<f64> = (0..prototypes.steps())
            .into_par_iter()
            .map(|k| {
                if prototypes.tops[k] <= 0.0 {
                    return 0.0;
                }
                if prototypes.scales[k] == 0.0 {
                    return f64::INFINITY;
                }
                // scale (D (1−γ) − r) (1−3u) ≥ top.
                let violation = mul_up(div_up(prototypes.tops[k], prototypes.scales[k]), 1.0 + 8.0 * unit);
                let needed = add_up(prototypes.radii[k], violation);
                let bound = div_up(needed, sub_down(1.0, mul_up(2.0, distance_gamma)));
                match (&sums, &prototypes.measure) {
                    (Some(sums), _) => sums.distance_for(needed),
                    (None, Measure::Sum) => bound,
                    (None, _) => silent_from(prototypes, k, bound),
                }
            })
            .collect();
        let silent = silents.iter().copied().fold(0.0, f64::max);
        let largest_center = match &prototypes.centers {
            Features::Coded { levels, .. } => levels.iter().fold(0.0, |m: f64, v| m.max(v.abs())),
            centers => (0..centers.len()).map(|at| centers.at(at).abs()).fold(0.0, f64::max),
        };
        let uniform = same(&prototypes.tops) && same(&prototypes.scales) && same(&prototypes.radii);
        Some(Self {
            claim,
            prototypes,
            arithmetic,
            groups,
            by_top,
            uniform,
            silents,
            silent,
            largest_center,
            sums,
            gamma,
            distance_gamma,
        })
    }

    /// The norm of the distances that decide.
    fn norm(&self) -> Norm {
        match (&self.sums, &self.prototypes.measure) {
            (Some(sums), _) => sums.norm(),
            (None, Measure::Sum) => Norm::L1,
            (None, _) => Norm::Linf,
        }
    }

    fn class(&self, sample: usize) -> usize {
        self.claim.classes[self.claim.data.labels()[sample]]
    }

    /// The group of steps that is to recognise a sample; `None` where all
    /// steps are of one group and it may be either side of them.
    fn own_group(&self, sample: usize) -> Option<usize> {
        (self.by_top || self.prototypes.accumulator_count() > 1).then(|| self.class(sample))
    }

    /// How far a point of the ball, and what rounding makes of it, is from the
    /// sample, as `measure` sees it.
    fn reach(&self, sample: usize, x: &[f64]) -> f64 {
        let radius = self.claim.radii.of(sample);
        let n = x.len() as f64;
        let unit = self.prototypes.precision.unit_roundoff();
        let tiny = self.prototypes.precision.smallest_subnormal();
        if matches!(self.prototypes.measure, Measure::Largest | Measure::Violations) {
            let ends = ball(x, radius, self.prototypes.precision).zip(x);
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

    /// Whether no difference and no sum of differences can overflow on the
    /// ball, so that what is computed is near the truth.
    fn in_range(&self, sample: usize, x: &[f64]) -> bool {
        let own = x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let difference = add_up(add_up(own, self.claim.radii.of(sample)), self.largest_center);
        mul_up(2.0 * x.len() as f64, difference) <= self.prototypes.precision.largest()
    }

    /// The level of step `k` at distances between `nearest` and `farthest`.
    fn level(&self, k: usize, nearest: f64, farthest: f64) -> Option<Interval> {
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
        let most = match prototypes.measure {
            Measure::Violations => mul_up(mul_up(most, prototypes.features as f64), add_up(1.0, self.gamma)),
            _ => most,
        };
        let unit = prototypes.precision.unit_roundoff();
        let excess = Interval {
            lower: mul_down(least.max(0.0), 1.0 - 2.0 * unit),
            upper: mul_up(most, 1.0 + 2.0 * unit),
        };
        let penalty = self.arithmetic.product(-prototypes.scales[k], excess);
        Some(self.arithmetic.sum(&[Interval::point(prototypes.tops[k]), penalty])?.relu())
    }

    /// The level of a step that holds the whole ball within its radius: its
    /// top, exactly. Else by distance.
    fn own_level(&self, sample: usize, k: usize, x: &[f64]) -> Option<Interval> {
        let prototypes = self.prototypes;
        let mut center = vec![0.0; prototypes.features];
        prototypes.copy_center(k, &mut center);
        if prototypes.measure == Measure::Violations {
            let holds = ball(x, self.claim.radii.of(sample), prototypes.precision).zip(&center).all(
                |((lower, upper), &c)| {
                    sub_up(upper, c) <= prototypes.radii[k] && sub_up(c, lower) <= prototypes.radii[k]
                },
            );
            if holds {
                return Some(Interval::point(prototypes.tops[k]).relu());
            }
        }
        let far = self.distance(x, &center);
        let reach = self.reach(sample, x);
        self.level(k, sub_down(far.lower, reach), add_up(far.upper, reach))
    }

    /// The distance of two points as `measure` takes it.
    fn distance(&self, x: &[f64], center: &[f64]) -> Enclosure {
        let differences =
            x.iter().zip(center).map(|(&x, &c)| (sub_down(x.max(c), x.min(c)), sub_up(x.max(c), x.min(c))));
        if let Some(sums) = &self.sums {
            return sums.distance(differences);
        }
        let (lower, upper) = match self.prototypes.measure {
            Measure::Sum => differences.fold((0.0, 0.0), |(a, b), (l, u)| (-add_up(-a, -l), add_up(b, u))),
            _ => differences.fold((0.0, 0.0), |(a, b): (f64, f64), (l, u)| (a.max(l), b.max(u))),
        };
        Enclosure { lower, upper }
    }

    /// Whether the distance to the nearest center that is not of the own group
    /// is enough to know.
    fn is_settled(&self, sample: usize, nearest: f64) -> bool {
        if self.uniform && self.prototypes.pool == Pool::Max && !self.by_top {
            return true;
        }
        let reach = self.reach(sample, &self.claim.data.row(sample));
        sub_down(nearest, reach) >= self.silent
    }

    fn verdict(&self, sample: usize, nearest: Enclosure, inactive: Option<&Inactive>) -> Verdict {
        let x = self.claim.data.row(sample);
        if !self.in_range(sample, &x) {
            return Verdict::Undecided;
        }
        let accumulators = self.accumulators(sample, &x, nearest, inactive);
        let Some(outputs) = accumulators.and_then(|a| self.head(a)) else { return Verdict::Undecided };
        verdict_of(&outputs, self.class(sample), self.claim.network_classes, Engine::Prototypes)
    }

    /// Bounds of all accumulators on the ball; `nearest` is the distance to
    /// the nearest center that is not of the own group.
    fn accumulators(
        &self,
        sample: usize,
        x: &[f64],
        nearest: Enclosure,
        inactive: Option<&Inactive>,
    ) -> Option<Vec<Interval>> {
        let prototypes = self.prototypes;
        let reach = self.reach(sample, x);
        let far = sub_down(nearest.lower, reach);
        let count = prototypes.accumulator_count();
        let Some(group) = self.own_group(sample) else {
            // All steps are alike: the nearest center decides.
            return if self.uniform && prototypes.pool == Pool::Max {
                Some(vec![self.level(0, far, add_up(nearest.upper, reach))?])
            } else {
                self.all_steps(sample, x)
            };
        };
        let silent =
            far >= self.silent || inactive.is_some_and(|inactive| inactive.around(nearest.lower, reach));
        let settled = silent || self.uniform && prototypes.pool == Pool::Max && !self.by_top;
        if !settled {
            return self.all_steps(sample, x);
        }
        let others = if silent { Interval::ZERO } else { self.level(0, far, f64::MAX)? };
        let others = Interval { lower: 0.0, upper: others.upper };
        let own = self.own(sample, group, x)?;
        if self.by_top {
            let top = (group + 1) as f64;
            return Some(vec![Interval { lower: own.lower, upper: top }]);
        }
        let mut accumulators = vec![others; count];
        let tops = prototypes.tops.iter().copied().fold(0.0, f64::max);
        *accumulators.get_mut(group)? = match prototypes.pool {
            Pool::Max => Interval { lower: own.lower, upper: tops },
            // No smaller than one of its terms.
            Pool::Sum => Interval { lower: own.lower, upper: mul_up(2.0 * prototypes.steps() as f64, tops) },
        };
        Some(accumulators)
    }

    /// The level of the best step of the own group: that of the sample's own
    /// number where it is near, else the best of all.
    fn own(&self, sample: usize, group: usize, x: &[f64]) -> Option<Interval> {
        let good = |level: &Interval| level.lower > 0.0;
        if self.groups.get(sample) == Some(&group)
            && let Some(level) =
                self.own_level(sample, sample, x).filter(|l| good(l) && self.exact_center(sample, x))
        {
            return Some(level);
        }
        (0..self.prototypes.steps())
            .filter(|&k| self.groups[k] == group)
            .filter_map(|k| self.own_level(sample, k, x))
            .max_by(|a, b| a.lower.total_cmp(&b.lower))
    }

    /// Whether the center of step `k` is within rounding of `x`.
    fn exact_center(&self, k: usize, x: &[f64]) -> bool {
        let n = self.prototypes.features;
        x.iter()
            .enumerate()
            .all(|(j, &x)| self.prototypes.centers.at(k * n + j) == self.prototypes.precision.round(x))
    }

    /// Whether step `k` is silent on the ball, seen from as few features as
    /// show it.
    fn is_silent(&self, k: usize, sample: usize, x: &[f64], reach: f64) -> bool {
        let distance = add_up(self.silents[k], reach);
        let enough = self.sums.as_ref().map_or(distance, |sums| sums.enough(distance));
        let start = k * self.prototypes.features;
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
    fn silenced_by(&self, k: usize, sample: usize, x: f64, c: f64) -> bool {
        let ends = ball(&[x], self.claim.radii.of(sample), self.prototypes.precision).next();
        matches!(self.prototypes.measure, Measure::Largest | Measure::Violations)
            && ends.is_some_and(|(lower, upper)| {
                is_silenced(self.prototypes, k, sub_down(lower, c).max(sub_down(c, upper)))
            })
    }

    /// Bounds from every single step.
    fn all_steps(&self, sample: usize, x: &[f64]) -> Option<Vec<Interval>> {
        let prototypes = self.prototypes;
        let reach = self.reach(sample, x);
        let mut terms: Vec<Vec<Interval>> = vec![vec![]; prototypes.accumulator_count()];
        for k in (0..prototypes.steps()).filter(|&k| !self.is_silent(k, sample, x, reach)) {
            let level = self.own_level(sample, k, x)?;
            if level.upper > 0.0 {
                terms[prototypes.accumulators[k]].push(level);
            }
        }
        terms
            .into_iter()
            .map(|levels| match prototypes.pool {
                Pool::Max => Some(levels.into_iter().fold(Interval::ZERO, |a, b| Interval {
                    lower: a.lower.max(b.lower),
                    upper: a.upper.max(b.upper),
                })),
                Pool::Sum => {
                    // Terms are not negative: no sum is below its largest term.
                    let least = levels.iter().map(|l| l.lower).fold(0.0, f64::max);
                    let sum = self.arithmetic.sum(&levels)?;
                    Some(Interval { lower: sum.lower.max(least), upper: sum.upper })
                }
            })
            .collect()
    }

    /// The outputs for given accumulators.
    fn head(&self, accumulators: Vec<Interval>) -> Option<Vec<Interval>> {
        let mut values = accumulators;
        // An infinite accumulator times 0 would be no number.
        if values.iter().any(|v| v.upper > self.prototypes.precision.largest()) {
            return None;
        }
        for (index, layer) in self.prototypes.head.iter().enumerate() {
            values = layer
                .rows()
                .map(|row| {
                    let mut terms: Vec<Interval> = row
                        .columns
                        .iter()
                        .zip(row.weights)
                        .map(|(&c, &w)| self.arithmetic.product(w, values[c]))
                        .collect();
                    terms.push(Interval::point(row.bias));
                    let sum = self.arithmetic.sum(&terms)?;
                    Some(if index + 1 < self.prototypes.head.len() { sum.relu() } else { sum })
                })
                .collect::<Option<_>>()?;
        }
        Some(values)
    }
}
