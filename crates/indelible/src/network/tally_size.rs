//! Sizes of the layers that a [`Tally`] stands for.

use rayon::prelude::*;

use super::{
    Combine, Measure, Schedule, Size, Tally,
    schedule::{StepSize, Stream, head_size, largest_in, largest_of},
};
use crate::Features;

impl Tally {
    /// Size of the layered network for the same function.
    ///
    /// Levels of which the largest counts are offered one step after the
    /// other, as `schedule` says; levels that are added up stand side by side,
    /// equal thresholds shared. Thresholds are one-sided, `center ± radius`.
    /// Where all radii are 0, a sum needs no layer of its own.
    #[must_use]
    pub fn layered_size(&self, schedule: Schedule) -> Size {
        match self.combine {
            Combine::Max => self.stream_size(schedule),
            Combine::Sum => self.side_by_side_size(),
        }
    }

    /// Whether the radii are taken off sums in a layer of its own.
    fn has_ramp(&self) -> bool {
        self.measure == Measure::Sum && self.radii.iter().any(|r| *r != 0.0)
    }

    fn stream_size(&self, schedule: Schedule) -> Size {
        let n = self.features;
        let zeros;
        let minima = match &self.minima {
            Some(minima) => minima,
            None => {
                zeros = vec![0.0; n];
                &zeros
            }
        };
        // Stages, their weights that are the same for all steps, and how many
        // neurons the offer reads.
        let (stages, weights, read) = match self.measure {
            Measure::Violations => (vec![2 * n], 2 * n, 2 * n),
            Measure::Sum if self.has_ramp() => (vec![2 * n, 1], 4 * n, 1),
            Measure::Sum => (vec![2 * n], 2 * n, 2 * n),
            Measure::Largest => {
                let (stages, weights) = tree(n);
                let read = stages.last().copied().unwrap_or(0);
                (stages, 2 * n + weights, read)
            }
        };
        let steps = (0..self.steps())
            .into_par_iter()
            .map_init(
                || vec![0.0; n],
                |center, k| {
                    self.copy_center(k, center);
                    let (mut nonzero, mut max_abs) = (weights, 0.0_f64);
                    for (&c, &m) in center.iter().zip(minima) {
                        // The first step reads the features, the others x − m.
                        let c = if k == 0 { c } else { c - m };
                        for threshold in self.thresholds(k, c) {
                            nonzero += usize::from(threshold != 0.0);
                            max_abs = max_abs.max(threshold.abs());
                        }
                    }
                    if self.has_ramp() {
                        nonzero += usize::from(self.radii[k] != 0.0);
                        max_abs = max_abs.max(self.radii[k].abs());
                    }
                    if self.scales[k] != 0.0 {
                        nonzero += read;
                    }
                    nonzero += usize::from(self.tops[k] != 0.0);
                    StepSize { nonzero, max_abs: max_abs.max(self.scales[k].abs()).max(self.tops[k].abs()) }
                },
            )
            .reduce(StepSize::default, |a, b| StepSize {
                nonzero: a.nonzero + b.nonzero,
                max_abs: a.max_abs.max(b.max_abs),
            });
        let (accumulators, head) = (&self.accumulators[..], &self.head[..]);
        Stream { features: n, minima, stages, steps, accumulators, head }.size(schedule)
    }

    /// Both ends of what step `k` leaves alone around a coordinate `c` of its
    /// center.
    fn thresholds(&self, k: usize, c: f64) -> [f64; 2] {
        let radius = if self.measure == Measure::Violations { self.radii[k] } else { 0.0 };
        [self.precision.round(c - radius), self.precision.round(c + radius)]
    }

    fn side_by_side_size(&self) -> Size {
        let (n, steps) = (self.features, self.steps());
        let errors = self.radius_errors();
        let (distinct, zero, largest) = (0..n)
            .into_par_iter()
            .map(|j| self.distinct_thresholds(j, &errors))
            .reduce(|| (0, 0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1, a.2.max(b.2)));
        let count = |values: &[f64]| values.iter().filter(|v| **v != 0.0).count();
        let ramp = self.measure == Measure::Sum;
        // Sums and levels, each with a bias.
        let levels = if ramp {
            2 * n * steps + count(&self.radii) + count(&self.scales) + count(&self.tops)
        } else {
            2 * n * count(&self.scales) + count(&self.tops)
        };
        let mut of = vec![0; self.accumulator_count()];
        for &accumulator in &self.accumulators {
            of[accumulator] += 1;
        }
        let (head_nonzero, head_all, head_width) = head_size(&self.head, steps, |c| of[c]);
        let all = (n + 1) * distinct + (distinct + 1) * steps + if ramp { (steps + 1) * steps } else { 0 };
        let tables = [&self.scales, &self.tops].into_iter().chain(ramp.then_some(&self.radii));
        let largest = tables.fold(largest.max(1.0), |m, values| m.max(largest_of(values)));
        Size {
            depth: if ramp { 3 } else { 2 } + self.head.len(),
            width: distinct.max(steps).max(head_width),
            nonzero: 2 * distinct - zero + levels + head_nonzero,
            all: all + head_all,
            max_abs: largest.max(largest_in(&self.head)),
        }
    }

    /// How many one-sided thresholds feature `j` has, how many of them are 0,
    /// and the largest in size.
    ///
    /// The radii of a file are rounded outward step by step; thresholds that
    /// differ by this rounding alone are one.
    fn distinct_thresholds(&self, j: usize, errors: &[f64]) -> (usize, usize, f64) {
        let steps = 0..self.steps();
        let mut centers: Vec<(f64, usize)> = match &self.centers {
            // With one radius few values stand for all.
            Features::Coded { codes, levels } if self.has_one_radius() => {
                let mut seen = [false; 256];
                steps.for_each(|k| seen[usize::from(codes[k * self.features + j])] = true);
                levels.iter().zip(seen).filter(|(_, seen)| *seen).map(|(level, _)| (*level, 0)).collect()
            }
            centers => steps.map(|k| (centers.at(k * self.features + j), k)).collect(),
        };
        centers.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        centers.dedup_by(|b, a| a.0 == b.0 && self.radii[a.1] == self.radii[b.1]);
        let mut found = (0, 0, 0.0);
        for end in [0, 1] {
            let mut side: Vec<(f64, f64)> =
                centers.iter().map(|&(c, k)| (self.thresholds(k, c)[end], errors[k])).collect();
            side.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            side.dedup_by(|b, a| b.0 - a.0 <= a.1 + b.1);
            found.0 += side.len();
            found.1 += side.iter().filter(|(t, error)| t.abs() <= *error).count();
            found.2 = side.iter().fold(found.2, |m: f64, (t, _)| m.max(t.abs()));
        }
        found
    }

    /// For each step how far its radius may have been rounded outward: a few
    /// units of its largest coordinate and of the radius.
    fn radius_errors(&self) -> Vec<f64> {
        let unit = 4.0 * self.precision.unit_roundoff();
        let largest = |center: &mut Vec<f64>, k: usize| {
            self.copy_center(k, center);
            unit * (largest_of(center) + self.radii[k].abs())
        };
        (0..self.steps()).into_par_iter().map_init(|| vec![0.0; self.features], largest).collect()
    }

    /// Whether all radii are one, but for rounding relative to the largest
    /// center.
    fn has_one_radius(&self) -> bool {
        let Features::Coded { levels, .. } = &self.centers else { return false };
        let (low, high) =
            self.radii.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), r| (low.min(*r), high.max(*r)));
        high - low <= 4.0 * self.precision.unit_roundoff() * (largest_of(levels) + high)
    }
}

/// Widths of the levels of a tree of maxima over `n` one-sided pairs, and the
/// weights of all levels but the first.
fn tree(n: usize) -> (Vec<usize>, usize) {
    let mut groups = vec![2; n];
    let (mut widths, mut weights) = (vec![2 * n], 0);
    while groups.len() > 1 {
        // max(a, b) = relu(a − b) + b: b is read twice.
        weights += groups.chunks(2).map(|pair| pair[0] + pair.get(1).map_or(0, |b| 2 * b)).sum::<usize>();
        groups = groups.chunks(2).map(<[usize]>::len).collect();
        widths.push(groups.iter().sum());
    }
    (widths, weights)
}
