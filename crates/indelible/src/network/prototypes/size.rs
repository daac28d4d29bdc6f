//! Sizes of the layers that prototypes stand for.

use super::{
    super::{
        LayerBuilder, Schedule, Size, groups_after, levels, maxima,
        schedule::{StepLayers, StepSize, head_size, largest_in, largest_of},
    },
    Measure, Pool, PowerCurve, PrototypeParts,
};
use crate::{Features, network::Layer, parallel};

impl PrototypeParts {
    /// Size of the layered network for the same function.
    ///
    /// Levels of which the largest counts are offered one step after the
    /// other, as the schedule says; levels that are added up stand side by side,
    /// equal thresholds shared, but for powers and largest differences, which have a
    /// block of their own for every step. Thresholds are one-sided, `center ± radius`.
    /// Where all radii are 0, a sum of sizes needs no layer of its own.
    pub(super) fn layered_size(&self) -> Size {
        match (self.pool, &self.measure) {
            (Pool::Sum, Measure::Sum | Measure::Violations) => self.side_by_side_size(),
            (Pool::Sum, _) => self.block_size(),
            _ => self.sequence_size(),
        }
    }

    /// Whether the radii are taken off sums in a layer of its own.
    fn has_ramp(&self) -> bool {
        match self.measure {
            Measure::Sum => self.radii.iter().any(|r| *r != 0.0),
            Measure::Power(_) => true,
            Measure::Largest | Measure::Violations => false,
        }
    }

    /// The stages of a step, how many of their weights are the same for all steps, and how many
    /// neurons read what the last one gives.
    fn stages(&self) -> (Vec<usize>, usize, usize) {
        let n = self.features;
        match &self.measure {
            Measure::Violations => (vec![2 * n], 2 * n, 2 * n),
            Measure::Sum if self.has_ramp() => (vec![2 * n, 1], 4 * n, 1),
            Measure::Sum => (vec![2 * n], 2 * n, 2 * n),
            Measure::Largest => {
                let (stages, weights) = tree(n);
                let read = stages.last().copied().unwrap_or(0);
                (stages, 2 * n + weights, read)
            }
            Measure::Power(curve) => {
                let (stages, weights) = curve_stages(curve, n);
                (stages, weights, 1)
            }
        }
    }

    /// What the centers of all steps, their radii where `ramp`, scales and tops come to;
    /// every step but the first reads features less `minima`, and has `weights` besides.
    fn steps_size(&self, minima: &[f64], ramp: bool, weights: usize, read: usize) -> StepSize {
        let n = self.features;
        let curve_weights = match &self.measure {
            Measure::Power(PowerCurve::Hinges { weights, .. }) => largest_of(weights),
            // A tooth is taken off with 4, the last one in quarters.
            Measure::Power(PowerCurve::Sawtooth { inverse, levels }) => {
                inverse.max(if *levels > 1 { 4.0 } else { 1.0 })
            }
            _ => 0.0,
        };
        // Codes stand for few thresholds, unless every step has a radius of its own.
        let by_code = match (&self.centers, &self.measure) {
            (_, Measure::Violations) => None,
            (Features::Coded { codes, levels }, _) => {
                let of = |j: usize| levels.iter().map(|level| self.counted(0, level - minima[j])).collect();
                Some((codes, parallel::flat_map(n, of)))
            }
            _ => None,
        };
        parallel::map_with(
            self.tops.len(),
            || vec![0.0; n],
            |center, k| {
                let same = StepSize { nonzero: weights, max_abs: curve_weights };
                let mut size = match &by_code {
                    // The first step reads the features, the others x − m.
                    Some((codes, counted)) if k > 0 => (0..n)
                        .map(|j| counted[256 * j + usize::from(codes[k * n + j])])
                        .fold(same, StepSize::and),
                    _ => {
                        self.centers.copy(k * self.features, center);
                        let shifts = minima.iter().map(|m| if k == 0 { 0.0 } else { *m });
                        center
                            .iter()
                            .zip(shifts)
                            .map(|(c, m)| self.counted(k, c - m))
                            .fold(same, StepSize::and)
                    }
                };
                if ramp {
                    size = size.and(StepSize::of(self.radii[k]));
                }
                if self.scales[k] != 0.0 {
                    size.nonzero += read;
                }
                size.max_abs = size.max_abs.max(self.scales[k].abs());
                size.and(StepSize::of(self.tops[k]))
            },
        )
        .into_iter()
        .fold(StepSize::default(), StepSize::and)
    }

    fn sequence_size(&self) -> Size {
        let n = self.features;
        let zeros = vec![0.0; n];
        let minima = self.clipping.minima().unwrap_or(&zeros);
        let (stages, weights, read) = self.stages();
        let steps = self.steps_size(minima, self.has_ramp(), weights, read);
        if self.schedule == Schedule::Sequential && self.measure == Measure::Violations {
            return self.theorem_size(minima, steps);
        }
        let (accumulators, head) = (&self.accumulators[..], &self.head[..]);
        StepLayers { features: n, minima, stages, steps, accumulators, head }.size(self.schedule)
    }

    /// How many steps every accumulator has.
    fn steps_of_accumulators(&self) -> Vec<usize> {
        let mut of = vec![0; self.head.first().map_or(0, Layer::inputs)];
        for &accumulator in &self.accumulators {
            of[accumulator] += 1;
        }
        of
    }

    /// A block for every step, all side by side; what each measures is read by one neuron
    /// that takes the radius off.
    fn block_size(&self) -> Size {
        let (n, steps) = (self.features, self.tops.len());
        let (mut stages, mut weights, read) = self.stages();
        if self.measure == Measure::Largest {
            stages.push(1);
            weights += read;
        }
        let own = self.steps_size(&vec![0.0; n], true, weights, 1);
        let of = self.steps_of_accumulators();
        let (head_nonzero, head_all, head_width) = head_size(&self.head, steps, |c| of[c]);
        let widths = stages.iter().map(|width| width * steps).chain([steps]);
        let all =
            widths.clone().scan(n, |before, width| Some((std::mem::replace(before, width) + 1) * width));
        Size {
            depth: stages.len() + 1 + self.head.len(),
            width: widths.max().unwrap_or(0).max(head_width),
            nonzero: own.nonzero + head_nonzero,
            all: all.sum::<usize>() + head_all,
            max_abs: own.max_abs.max(largest_in(&self.head)).max(1.0),
        }
    }

    /// Of the layers as Theorem 4.8 of Yu, Gao & Zhang (ICLR 2024) has them: two
    /// hidden layers per step, `3n + 1` and `n + 2` wide, the running label
    /// and the features passed on up to the last pair.
    fn theorem_size(&self, minima: &[f64], own: StepSize) -> Size {
        let (n, steps) = (self.features, self.tops.len());
        let reads = if steps == 1 { 1 } else { 2 };
        let (head_nonzero, head_all, head_width) = head_size(&self.head, 2, |_| reads);
        let passed = n * (2 * steps - 1) + minima.iter().filter(|m| **m != 0.0).count();
        let all = |k: usize| {
            let reads = if k == 0 { n } else { n + 2 };
            let gives = if k + 1 == steps { 2 } else { n + 2 };
            (reads + 1) * (3 * n + 1) + (3 * n + 2) * gives
        };
        Size {
            depth: 2 * steps + self.head.len(),
            width: (3 * n + 1).max(head_width),
            nonzero: own.nonzero + passed + (4 * (steps - 1)).saturating_sub(1) + head_nonzero,
            all: (0..steps).map(all).sum::<usize>() + head_all,
            max_abs: largest_of(minima).max(own.max_abs).max(largest_in(&self.head)).max(1.0),
        }
    }

    /// The thresholds of step `k` around a coordinate `c`, counted.
    fn counted(&self, k: usize, c: f64) -> StepSize {
        self.thresholds(k, c).map(StepSize::of).fold(StepSize::default(), StepSize::and)
    }

    /// The one-sided thresholds of step `k` around a coordinate `c` of its
    /// center.
    fn thresholds(&self, k: usize, c: f64) -> impl Iterator<Item = f64> {
        let distances = match &self.measure {
            Measure::Violations => &self.radii[k..=k],
            Measure::Power(PowerCurve::Hinges { knots, .. }) => knots,
            _ => &[0.0],
        };
        distances.iter().flat_map(move |d| [c - d, c + d]).map(|t| self.precision.round(t))
    }

    fn side_by_side_size(&self) -> Size {
        let (n, steps) = (self.features, self.tops.len());
        let errors = self.radius_errors();
        let (distinct, zero, largest) = parallel::map(n, |j| self.distinct_thresholds(j, &errors))
            .into_iter()
            .fold((0, 0, 0.0), |a: (usize, usize, f64), b| (a.0 + b.0, a.1 + b.1, a.2.max(b.2)));
        let count = |values: &[f64]| values.iter().filter(|v| **v != 0.0).count();
        let ramp = self.measure == Measure::Sum;
        // Sums and levels, each with a bias.
        let levels = if ramp {
            2 * n * steps + count(&self.radii) + count(&self.scales) + count(&self.tops)
        } else {
            2 * n * count(&self.scales) + count(&self.tops)
        };
        let of = self.steps_of_accumulators();
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
        let steps = 0..self.tops.len();
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
            let mut side: Vec<(f64, f64)> = centers
                .iter()
                .filter_map(|&(c, k)| Some((self.thresholds(k, c).nth(end)?, errors[k])))
                .collect();
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
            self.centers.copy(k * self.features, center);
            unit * (largest_of(center) + self.radii[k].abs())
        };
        parallel::map_with(self.tops.len(), || vec![0.0; self.features], largest)
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

/// Widths of the stages that add up a curve over `n` features, and their
/// weights and biases that are the same for all steps.
fn curve_stages(curve: &PowerCurve, n: usize) -> (Vec<usize>, usize) {
    match curve {
        PowerCurve::Hinges { knots, weights } => {
            let nonzero = weights.iter().filter(|w| **w != 0.0).count();
            (vec![2 * n * knots.len(), 1], 2 * n * (knots.len() + nonzero))
        }
        // Both sides of a difference, then for each tooth two neurons per
        // feature, the second with the bias −1/2, and what is left of the sum.
        PowerCurve::Sawtooth { levels, .. } => {
            let mut widths = vec![2 * n];
            widths.extend(vec![2 * n + 1; *levels]);
            widths.push(1);
            (widths, 2 * n + 7 * n + (levels - 1) * (7 * n + 1) + 2 * n + 1)
        }
    }
}

/// Widths of the levels of a tree of maxima over `n` one-sided pairs, and the
/// weights of all levels but the first.
fn tree(n: usize) -> (Vec<usize>, usize) {
    let (mut widths, mut weights) = (vec![2 * n], 0);
    for level in 0..levels(n) {
        let mut layer = LayerBuilder::new(widths[level]);
        maxima(&mut layer, &groups_after(level, vec![2; n]), &mut 0);
        let layer = layer.finish();
        widths.push(layer.outputs());
        weights += layer.nonzero();
    }
    (widths, weights)
}
