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
mod groups;
mod inactive;
mod levels;

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
    sync::OnceLock,
};

pub(super) use self::curve_sums::CurveSums;
use self::{
    groups::Groups,
    inactive::{Inactive, silent_from},
};
use super::{
    Answers, Claim, Engine, Verdict, Watch,
    arithmetic::{Interval, IntervalArithmetic},
    of_samples,
};
use crate::{
    Dataset, Enclosure, Features, Norm,
    network::{Measure, NetworkForm, Pool, Prototypes},
    number::{add_up, div_up, mul_up, sub_down, sub_up},
    parallel,
    separation::{NearestEnemies, nearest_enemies_between},
};

/// What searches among the stored rows found; it depends on no radius.
pub(super) struct Searched {
    /// For each sample the nearest center that is not of its own group.
    pub near: NearestEnemies,
    /// For each center how far the nearest sample of another group is, if that
    /// was asked.
    back: OnceLock<Option<Vec<f64>>>,
}

impl Searched {
    /// `None` where no sample is certified.
    pub fn new(claim: &Claim<'_>, prototypes: &Prototypes, watch: &Watch<'_>) -> Option<Self> {
        let checker = Checker::new(claim, prototypes)?;
        let [base, queries] = checker.datasets()?;
        let near = nearest_enemies_between(&queries, &base, checker.norm(), watch).ok()?;
        Some(Self { near, back: OnceLock::new() })
    }

    fn back(&self, checker: &Checker<'_>, watch: &Watch<'_>) -> Option<&[f64]> {
        let search = || {
            let [base, queries] = checker.datasets()?;
            let back = nearest_enemies_between(&base, &queries, checker.norm(), watch).ok()?;
            Some(back.distances.iter().map(|d| d.lower).collect())
        };
        self.back.get_or_init(search).as_deref()
    }

    /// What silences single steps, where knowing the nearest center is not enough for
    /// some sample; `None` where that is not known.
    fn inactive(&self, checker: &Checker<'_>, watch: &Watch<'_>) -> Option<Option<Inactive>> {
        let near = &self.near.distances;
        if !parallel::any(near.len(), |sample| !checker.is_settled(sample, near[sample].lower)) {
            return Some(None);
        }
        let back = self.back(checker, watch)?;
        Some(Some(Inactive::new(back.iter().copied(), &checker.silents)))
    }
}

/// One verdict per sample, certified or undecided; `None` where none is certified.
pub(super) fn verdicts(
    claim: &Claim<'_>,
    prototypes: &Prototypes,
    searched: &Searched,
    watch: &Watch<'_>,
) -> Option<Answers> {
    let checker = Checker::new(claim, prototypes)?;
    let near = &searched.near.distances;
    let inactive = searched.inactive(&checker, watch)?;
    Some(of_samples(claim, watch, |sample| {
        let accumulators = checker.accumulators(sample, near[sample], inactive.as_ref());
        let outputs = accumulators.and_then(|all| checker.head(all));
        let proved = |outputs: Vec<_>| Verdict::of_outputs(claim, sample, &outputs, Engine::Prototypes);
        outputs.map_or(Verdict::Undecided, proved)
    }))
}

/// Bounds of all outputs on the ball of every sample, where they are known; `None`
/// where nothing is. Of the steps of a sample's group only those are looked at whose
/// center it is: what a memory does not hold is likely to be far from all centers.
pub(super) fn outputs(
    claim: &Claim<'_>,
    prototypes: &Prototypes,
    searched: &Searched,
    watch: &Watch<'_>,
) -> Option<Vec<Option<Vec<Interval>>>> {
    let mut checker = Checker::new(claim, prototypes)?;
    checker.at_center = Some(steps_by_center(prototypes));
    let near = &searched.near.distances;
    let inactive = searched.inactive(&checker, watch)?;
    Some(parallel::map(near.len(), |sample| {
        let accumulators = checker.accumulators(sample, near[sample], inactive.as_ref());
        accumulators.and_then(|all| checker.head(all))
    }))
}

/// The steps by a number that equal centers have in common.
fn steps_by_center(prototypes: &Prototypes) -> HashMap<u64, Vec<usize>> {
    let mut center = vec![0.0; prototypes.inputs()];
    let mut found: HashMap<u64, Vec<usize>> = HashMap::new();
    for k in 0..prototypes.steps() {
        prototypes.copy_center(k, &mut center);
        found.entry(number_of(center.iter().copied())).or_default().push(k);
    }
    found
}

/// A number that equal rows have in common, and others hardly ever.
fn number_of(row: impl Iterator<Item = f64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Both zeros are one.
    row.for_each(|v| hasher.write_u64((v + 0.0).to_bits()));
    hasher.finish()
}

/// Rows with classes that are named by number, whatever order their table of
/// levels has.
pub(super) fn labelled(rows: &Features, width: usize, labels: Vec<usize>, classes: usize) -> Option<Dataset> {
    let names: Vec<String> = (0..classes).map(|c| c.to_string()).collect();
    let values = || (0..rows.len()).map(|at| rows.at(at)).collect::<Vec<f64>>();
    Dataset::new(rows.clone(), width, labels.clone(), names.clone())
        .or_else(|_| Dataset::new(Features::F64(values().into()), width, labels, names))
        .ok()
}

/// A number that no difference of a feature of a center and of a point of a
/// ball, or of what rounding makes of it, exceeds.
fn largest_difference(claim: &Claim<'_>, prototypes: &Prototypes) -> f64 {
    let n = prototypes.inputs();
    // The least and the largest value of each feature.
    let ends = |rows: usize, copy: &dyn Fn(usize, &mut [f64])| {
        let (mut row, mut ends) = (vec![0.0; n], vec![(f64::INFINITY, f64::NEG_INFINITY); n]);
        for i in 0..rows {
            copy(i, &mut row);
            ends.iter_mut().zip(&row).for_each(|(end, v)| *end = (v.min(end.0), v.max(end.1)));
        }
        ends
    };
    let samples = ends(claim.data.samples(), &|i, row| claim.data.copy_row(i, row));
    let centers = ends(prototypes.steps(), &|k, row| prototypes.copy_center(k, row));
    let apart = |(x, c): (&(f64, f64), &(f64, f64))| sub_up(x.1, c.0).max(sub_up(c.1, x.0));
    let largest = samples.iter().zip(&centers).map(apart).fold(0.0, f64::max);
    let size = samples.iter().fold(0.0, |m: f64, x| m.max(x.0.abs()).max(x.1.abs()));
    let (radius, unit) = (claim.radii.largest(), prototypes.precision().unit_roundoff());
    let rounding = add_up(mul_up(add_up(size, radius), unit), prototypes.precision().smallest_subnormal());
    mul_up(add_up(add_up(largest, radius), rounding), add_up(1.0, mul_up(4.0, unit)))
}

/// Everything about the claim that all samples share.
struct Checker<'a> {
    claim: &'a Claim<'a>,
    prototypes: &'a Prototypes,
    arithmetic: IntervalArithmetic,
    groups: Groups,
    /// Whether all steps have the same radius, top and scale, and are pooled by
    /// the largest level.
    alike: bool,
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
    /// The steps by their centers, where of a sample's group no others are looked at.
    at_center: Option<HashMap<u64, Vec<usize>>>,
}

impl<'a> Checker<'a> {
    fn new(claim: &'a Claim<'a>, prototypes: &'a Prototypes) -> Option<Self> {
        let arithmetic = IntervalArithmetic { precision: prototypes.precision() };
        let n = prototypes.inputs();
        if prototypes.radii.iter().any(|radius| *radius < 0.0) {
            return None;
        }
        // Clipping moves no point away from a center, and no sample at all.
        if let Some(minima) = prototypes.clipping.minima() {
            let centers = &prototypes.centers;
            if !(0..centers.len()).all(|at| centers.at(at) >= minima[at % n])
                || claim.data.minima().iter().zip(minima).any(|(x, m)| m > x)
            {
                return None;
            }
        }
        let groups = Groups::new(prototypes);
        let unit = prototypes.precision().unit_roundoff();
        let gamma = arithmetic.gamma(n + 4)?;
        let distance_gamma = if prototypes.measure == Measure::Sum { gamma } else { arithmetic.gamma(4)? };
        // With a larger error no distance silences a step.
        if mul_up(2.0, distance_gamma) >= 1.0 {
            return None;
        }
        // More levels than this are not added up in a sum of known error.
        arithmetic.gamma(prototypes.steps())?;
        let sums = match &prototypes.measure {
            Measure::Power(curve) => {
                let range = largest_difference(claim, prototypes);
                Some(CurveSums::new(curve, prototypes.precision(), n, range, claim.norm)?)
            }
            _ => None,
        };
        let silents: Vec<f64> = parallel::map(prototypes.steps(), |k| {
            let (top, scale) = (prototypes.tops[k], prototypes.scales[k]);
            if top <= 0.0 {
                return 0.0;
            }
            if scale == 0.0 {
                return f64::INFINITY;
            }
            // scale (D (1−γ) − r) (1−3u) ≥ top.
            let violation = mul_up(div_up(top, scale), 1.0 + 8.0 * unit);
            let needed = add_up(prototypes.radii[k], violation);
            let bound = div_up(needed, sub_down(1.0, mul_up(2.0, distance_gamma)));
            match (&sums, &prototypes.measure) {
                (Some(sums), _) => sums.distance_for(needed),
                (None, Measure::Sum) => bound,
                (None, _) => silent_from(prototypes, k, bound),
            }
        });
        let largest_center = match &prototypes.centers {
            Features::Coded { levels, .. } => levels.iter().fold(0.0, |m: f64, v| m.max(v.abs())),
            centers => (0..centers.len()).map(|at| centers.at(at).abs()).fold(0.0, f64::max),
        };
        let mut all = [&prototypes.tops, &prototypes.scales, &prototypes.radii].into_iter();
        let uniform = all.all(|values| values.windows(2).all(|pair| pair[0] == pair[1]));
        let alike = uniform && prototypes.pool != Pool::Sum && !groups.by_top();
        Some(Self {
            claim,
            prototypes,
            arithmetic,
            groups,
            alike,
            silent: silents.iter().copied().fold(0.0, f64::max),
            silents,
            largest_center,
            sums,
            gamma,
            distance_gamma,
            at_center: None,
        })
    }

    /// The centers, and the samples, with the group of each.
    fn datasets(&self) -> Option<[Dataset; 2]> {
        let (n, groups) = (self.prototypes.inputs(), &self.groups.of_steps);
        let count = groups.iter().max().map_or(1, |group| group + 1);
        let base = labelled(&self.prototypes.centers, n, groups.clone(), count)?;
        // Samples carry the group of their own steps, or one that no step has.
        let own = |i| self.own_group(i).filter(|group| *group < count).unwrap_or(count);
        let labels = (0..self.claim.data.samples()).map(own).collect();
        Some([base, labelled(self.claim.data.storage(), n, labels, count + 1)?])
    }

    /// The norm of the distances that decide.
    fn norm(&self) -> Norm {
        match (&self.sums, &self.prototypes.measure) {
            (Some(sums), _) => sums.norm(),
            (None, Measure::Sum) => Norm::L1,
            (None, _) => Norm::Linf,
        }
    }

    /// The group of steps that is to recognise a sample, if there is one.
    fn own_group(&self, sample: usize) -> Option<usize> {
        self.groups.of_class(self.claim.class(sample))
    }

    /// Whether no difference and no sum of differences can overflow on the
    /// ball, so that what is computed is near the truth.
    fn in_range(&self, sample: usize, x: &[f64]) -> bool {
        let own = x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let difference = add_up(add_up(own, self.claim.radii.of(sample)), self.largest_center);
        mul_up(2.0 * x.len() as f64, difference) <= self.prototypes.precision().largest()
    }

    /// Whether the distance to the nearest center that is not of the own group
    /// is enough to know.
    fn is_settled(&self, sample: usize, nearest: f64) -> bool {
        let reach = || self.reach(sample, &self.claim.data.row(sample));
        self.alike || sub_down(nearest, reach()) >= self.silent
    }

    /// Bounds of all accumulators on the ball; `nearest` is the distance to
    /// the nearest center that is not of the own group.
    fn accumulators(
        &self,
        sample: usize,
        nearest: Enclosure,
        inactive: Option<&Inactive>,
    ) -> Option<Vec<Interval>> {
        let prototypes = self.prototypes;
        let x = &self.claim.data.row(sample)[..];
        if !self.in_range(sample, x) {
            return None;
        }
        let reach = self.reach(sample, x);
        let far = sub_down(nearest.lower, reach);
        let count = prototypes.accumulator_count();
        let Some(group) = self.own_group(sample) else {
            if self.groups.by_top() {
                return None;
            }
            if !self.alike {
                return self.all_steps(sample, x);
            }
            // The nearest center decides.
            let level = self.level(0, far, add_up(nearest.upper, reach))?;
            // None is higher than one that holds the whole ball.
            let own =
                (sample < prototypes.steps()).then(|| self.own_level(sample, sample, x, reach)).flatten();
            let lower = own.map_or(level.lower, |own| own.lower.max(level.lower));
            return Some(vec![self.raised(Interval { lower, ..level })]);
        };
        let silent =
            far >= self.silent || inactive.is_some_and(|inactive| inactive.around(nearest.lower, reach));
        if !(silent || self.alike) {
            return self.all_steps(sample, x);
        }
        let others = if silent { Interval::ZERO } else { self.level(0, far, f64::MAX)? };
        let others = self.raised(Interval { lower: 0.0, upper: others.upper });
        let own = self.own(sample, group, x, reach)?;
        if self.groups.by_top() {
            let top = (self.claim.class(sample) + 1) as f64;
            return Some(vec![self.raised(Interval { lower: own.lower, upper: top })]);
        }
        let mut accumulators = vec![others; count];
        let tops = prototypes.tops.iter().copied().fold(0.0, f64::max);
        *accumulators.get_mut(group)? = match prototypes.pool {
            Pool::Max | Pool::Raise => self.raised(Interval { lower: own.lower, upper: tops }),
            // No smaller than one of its terms.
            Pool::Sum => Interval { lower: own.lower, upper: mul_up(2.0 * prototypes.steps() as f64, tops) },
        };
        Some(accumulators)
    }

    /// The level of the best step of the own group: that of the sample's own
    /// number where it is near, else the best of all.
    fn own(&self, sample: usize, group: usize, x: &[f64], reach: f64) -> Option<Interval> {
        let (groups, centers) = (&self.groups.of_steps, &self.prototypes.centers);
        // Its center is within rounding of the sample.
        let exact = || {
            (sample * x.len()..).zip(x).all(|(at, &x)| centers.at(at) == self.prototypes.precision().round(x))
        };
        if groups.get(sample) == Some(&group)
            && let Some(level) = self.own_level(sample, sample, x, reach).filter(|l| l.lower > 0.0 && exact())
        {
            return Some(level);
        }
        let best = |steps: &mut dyn Iterator<Item = usize>| {
            steps
                .filter(|&k| groups[k] == group)
                .filter_map(|k| self.own_level(sample, k, x, reach))
                .max_by(|a, b| a.lower.total_cmp(&b.lower))
        };
        let Some(at_center) = &self.at_center else { return best(&mut (0..groups.len())) };
        let rounded = x.iter().map(|&x| self.prototypes.precision().round(x));
        let steps = at_center.get(&number_of(rounded));
        // No level is below 0, and none above the largest top.
        let any = || {
            let tops = self.prototypes.tops.iter().copied();
            Interval { lower: 0.0, upper: tops.fold(0.0, f64::max) }
        };
        Some(best(&mut steps.into_iter().flatten().copied()).unwrap_or_else(any))
    }

    /// Bounds from every single step.
    fn all_steps(&self, sample: usize, x: &[f64]) -> Option<Vec<Interval>> {
        let prototypes = self.prototypes;
        let reach = self.reach(sample, x);
        let mut terms: Vec<Vec<Interval>> = vec![vec![]; prototypes.accumulator_count()];
        for k in (0..prototypes.steps()).filter(|&k| !self.is_silent(k, sample, x, reach)) {
            let level = self.own_level(sample, k, x, reach)?;
            if level.upper > 0.0 {
                terms[prototypes.accumulators[k]].push(level);
            }
        }
        terms
            .into_iter()
            .map(|levels| match prototypes.pool {
                Pool::Max | Pool::Raise => {
                    Some(self.raised(levels.into_iter().fold(Interval::ZERO, Interval::max)))
                }
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
        if values.iter().any(|v| v.upper > self.prototypes.precision().largest()) {
            return None;
        }
        for (index, layer) in self.prototypes.head.iter().enumerate() {
            values = layer
                .rows()
                .map(|row| {
                    let pairs = row.terms().map(|(c, w)| (w, values[c]));
                    let sum = self.arithmetic.affine(pairs, row.bias, &mut vec![])?;
                    Some(if index + 1 < self.prototypes.head.len() { sum.relu() } else { sum })
                })
                .collect::<Option<_>>()?;
        }
        Some(values)
    }
}
