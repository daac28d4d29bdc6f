//! Certificates for the recurrence over samples, exact and in time that
//! allows for 60,000 of them.
//!
//! Let `T` be the number that stands for a sample's label. On the sample's
//! ball the output is exactly `T`, in real arithmetic and in floating point,
//! when
//!
//! 1. every step `k` with `value_k > T` adds exactly 0: some feature differs
//!    from the center so much, on the whole ball, that `scale_k` times that
//!    one violation reaches `value_k`. Other violations only add to it, and
//!    rounding is monotone, so `value_k − scale_k E_k ≤ 0` in any order;
//! 2. some step with `value_k = T` has no violation anywhere on the ball:
//!    every threshold holds exactly, so `E_k` is exactly 0.
//!
//! Then no step lifts the running label above `T`, and that one lifts it to
//! `T`: for `0 ≤ F ≤ T` a number of the format and `T < 2²²` an integer,
//! `fl(F + fl(T − F)) = T`. (For `F ≥ T/2` the difference is exact; else its
//! error is at most half a unit in the last place of `T`, and a tie goes to
//! `T`, whose last bit is 0; just below a power of two the spacing is half and
//! so is the error.) All other steps, having `value_k ≤ T`, keep it in `[0, T]`.
//!
//! Condition 1 is asked for each pair of a ball and a step. `screen` settles
//! nearly all by a few rounded comparisons; what is left is looked at exactly.

use rayon::prelude::*;

use super::{Claim, Engine, Verdict, ball, screen::Screen};
use crate::{
    Precision, Progress,
    network::Recurrence,
    number::{div_up, mul_down, sub_down, sub_up},
};

/// Integers below this are exact and even in their last place in both formats.
const LARGEST_TARGET: f64 = (1 << 22) as f64;
/// Balls that are looked at together, against all steps.
pub(super) const BALLS: usize = 64;

/// A box that contains a ball and its rounded points, before and after
/// clipping.
pub(super) struct Ball {
    pub raw: Vec<(f64, f64)>,
    pub clipped: Vec<(f64, f64)>,
}

impl Ball {
    pub fn new(claim: &Claim<'_>, recurrence: &Recurrence, sample: usize) -> Self {
        let x = claim.data.row(sample);
        let raw: Vec<(f64, f64)> = ball(&x, claim.radii.of(sample), recurrence.precision).collect();
        let clipped = raw
            .iter()
            .zip(&recurrence.minima)
            .map(|(&(lower, upper), &m)| (lower.max(m), upper.max(m)))
            .collect();
        Self { raw, clipped }
    }

    /// What step `step` reads.
    pub fn seen_by(&self, step: usize) -> &[(f64, f64)] {
        if step == 0 { &self.raw } else { &self.clipped }
    }
}

/// One verdict per sample, certified or undecided.
pub(super) fn verdicts(claim: &Claim<'_>, recurrence: &Recurrence, progress: &dyn Progress) -> Vec<Verdict> {
    let samples = claim.data.samples();
    let undecided = || vec![Verdict::Undecided; samples];
    if recurrence.scales.iter().any(|s| *s <= 0.0) {
        return undecided();
    }
    // In the reals and in floating point alike, a step is silenced by one
    // feature that differs by its reach or more.
    let Some(reaches) = (0..recurrence.steps()).map(|k| reach(recurrence, k)).collect::<Option<Vec<f64>>>()
    else {
        return undecided();
    };
    progress.begin("certify", samples as u64);
    let checker = Checker { claim, recurrence, screen: Screen::new(claim, recurrence, &reaches), reaches };
    let found: Vec<(usize, Verdict)> = checker
        .screen
        .order()
        .par_chunks(BALLS)
        .flat_map_iter(|samples| {
            let verdicts = checker.verdicts(samples);
            progress.advance(samples.len() as u64);
            samples.iter().copied().zip(verdicts)
        })
        .collect();
    progress.end();
    let mut verdicts = undecided();
    for (sample, verdict) in found {
        verdicts[sample] = verdict;
    }
    verdicts
}

/// The smallest distance that was found such that one feature at that distance
/// or more from the center, exact or rounded, makes `scale · violation` reach
/// the value: `scale · (d − radius) ≥ value` in the reals, and with `d` and the
/// difference rounded to the format. `None` when there is no finite one.
fn reach(recurrence: &Recurrence, step: usize) -> Option<f64> {
    let precision = recurrence.precision;
    let (radius, scale, value) = (recurrence.radii[step], recurrence.scales[step], recurrence.values[step]);
    if value <= 0.0 {
        return Some(0.0);
    }
    let enough = |d: f64| {
        let rounded = precision.round(precision.round(d) - radius);
        let violation = sub_down(d, radius).min(rounded);
        violation > 0.0 && mul_down(scale, violation) >= value
    };
    let violation = div_up(value, scale);
    let mut d = precision.round_up(crate::number::add_up(radius, violation));
    // Rounding costs a few units in the last place; more means no bound.
    for _ in 0..8 {
        if !d.is_finite() {
            return None;
        }
        if enough(d) {
            return Some(d);
        }
        d = precision.next_up(d);
    }
    None
}

struct Checker<'a> {
    claim: &'a Claim<'a>,
    recurrence: &'a Recurrence,
    screen: Screen,
    reaches: Vec<f64>,
}

impl Checker<'_> {
    /// Verdicts for a few samples.
    fn verdicts(&self, samples: &[usize]) -> Vec<Verdict> {
        let targets: Vec<f64> = samples.iter().map(|&i| self.target(i)).collect();
        let open = self.screen.open_pairs(samples, &targets);
        let mut center = vec![0.0; self.recurrence.inputs()];
        let mut verdict = |sample: usize, target: f64, steps: Vec<usize>| {
            let ball = Ball::new(self.claim, self.recurrence, sample);
            let silent = steps.into_iter().all(|step| {
                self.recurrence.copy_center(step, &mut center);
                self.silenced(&ball, step, &center)
            });
            if silent && self.recognised(&ball, sample, target) {
                self.head(sample, target)
            } else {
                Verdict::Undecided
            }
        };
        samples
            .iter()
            .zip(targets)
            .zip(open)
            .map(|((&sample, target), steps)| verdict(sample, target, steps))
            .collect()
    }

    /// The number that stands for the label of a sample.
    fn target(&self, sample: usize) -> f64 {
        (self.claim.classes[self.claim.data.labels()[sample]] + 1) as f64
    }

    /// Condition 1 for one ball and one step, exactly.
    fn silenced(&self, ball: &Ball, step: usize, center: &[f64]) -> bool {
        ball.seen_by(step)
            .iter()
            .zip(center)
            .any(|(&(lower, upper), &c)| sub_down(lower, c).max(sub_down(c, upper)) >= self.reaches[step])
    }

    /// Condition 2: some step for `target` holds the whole ball. The step of
    /// the sample's own number is tried first.
    fn recognised(&self, ball: &Ball, sample: usize, target: f64) -> bool {
        let mut center = vec![0.0; self.recurrence.inputs()];
        let mut holds = |step: usize| {
            self.recurrence.values[step] == target && {
                self.recurrence.copy_center(step, &mut center);
                let radius = self.recurrence.radii[step];
                ball.seen_by(step)
                    .iter()
                    .zip(&center)
                    .all(|(&(lower, upper), &c)| sub_up(upper, c) <= radius && sub_up(c, lower) <= radius)
            }
        };
        let steps = self.recurrence.steps();
        target < LARGEST_TARGET && (sample < steps && holds(sample) || (0..steps).any(holds))
    }

    /// The verdict when the running label ends at exactly `target`.
    fn head(&self, sample: usize, target: f64) -> Verdict {
        let class = self.claim.classes[self.claim.data.labels()[sample]];
        let Some(targets) = &self.recurrence.targets else {
            return if class < self.claim.network_classes {
                Verdict::Certified { margin: 0.5, exact: true, engine: Engine::Prototypes }
            } else {
                Verdict::Undecided
            };
        };
        let Some(own) = targets.get(class) else { return Verdict::Undecided };
        let farthest = distance(self.recurrence.precision, target, *own).1;
        let nearest = targets
            .iter()
            .enumerate()
            .filter(|(c, _)| *c != class)
            .map(|(_, other)| distance(self.recurrence.precision, target, *other).0)
            .fold(f64::INFINITY, f64::min);
        let margin = sub_down(nearest, farthest);
        if margin > 0.0 {
            Verdict::Certified { margin, exact: true, engine: Engine::Prototypes }
        } else {
            Verdict::Undecided
        }
    }
}

/// `|a − b|`, exact and rounded: the smaller and the larger of the two.
fn distance(precision: Precision, a: f64, b: f64) -> (f64, f64) {
    let (lower, upper) = if a >= b { (sub_down(a, b), sub_up(a, b)) } else { (sub_down(b, a), sub_up(b, a)) };
    (lower.min(precision.round(lower)), upper.max(precision.round(upper)))
}
