//! Certificates for maxima of affine scores, by geometry.
//!
//! With `b_k = C − ‖w_k‖²/2 + β_k` the difference of two scores is
//!
//! ```text
//! s_k(x) − s_j(x) = (‖x − w_j‖² − ‖x − w_k‖²)/2 + β_k − β_j,
//! ```
//!
//! and it changes by at most `‖w_k − w_j‖` per unit. Around a sample at distance
//! `τ` from its own row, with radius `μ` and other rows at distance `d ≥ μ` and
//! more, the own score leads by at least
//! `d²/2 − μd − τ²/2 − μτ − (max β − min β)`, which grows with `d`. So the
//! nearest row of another class decides, and the exact search finds it.
//! Rounding of a score is bounded by the nonzero terms of its sum.
//!
//! That is as good as can be where a sample has a row of its own. What it leaves
//! undecided is looked at by the scores of all rows (`rivals`, `game`), each with the
//! rounding of its own sum.
//!
//! Behind an origin the balls are larger by what rounding adds to them, and the
//! same is asked of those (`moved`).

mod game;
mod moved;
mod outlook;
mod rivals;

pub(super) use self::outlook::radii;
use super::{
    Answers, Claim, Config, Engine, Verdict, Watch, arithmetic::IntervalArithmetic, claim::distance_up,
    of_samples, prototypes::labelled,
};
use crate::{
    Error, Norm, Precision,
    network::{MaxAffine, NetworkForm},
    number::{add_down, add_up, mul_down, mul_up, sqrt_up, sub_down},
    parallel,
    separation::nearest_enemies_between,
};

/// How far scores as executed may be off: so much per unit of the length of a point,
/// and so much wherever it is.
#[derive(Clone, Copy, Debug)]
struct Rounding {
    slope: f64,
    constant: f64,
}

impl Rounding {
    /// Of the difference of two scores.
    fn and(self, other: Self) -> Self {
        Self { slope: add_up(self.slope, other.slope), constant: add_up(self.constant, other.constant) }
    }

    /// Of a mean with this share of `other`.
    fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |a, b| add_up(mul_up(a, 1.0 - share), mul_up(b, share));
        Self { slope: mix(self.slope, other.slope), constant: mix(self.constant, other.constant) }
    }

    /// At a point of this length.
    fn at(self, far: f64) -> f64 {
        add_up(mul_up(self.slope, far), self.constant)
    }
}

/// What all samples share.
struct Checker<'a> {
    claim: &'a Claim<'a>,
    scores: &'a MaxAffine,
    /// `max β − min β`.
    spread: f64,
    /// `max_k γ_k ‖w_k‖` and `max_k γ_k |b_k|`, `γ_k` for the nonzero terms.
    slope: f64,
    constant: f64,
    /// The same of each row.
    roundings: Vec<Rounding>,
    /// For each row an upper bound of its length, and the largest of them.
    lengths: Vec<f64>,
    longest: f64,
    /// `max_k |b_k|`.
    largest_bias: f64,
}

/// One verdict per sample, certified or undecided; `None` where none is certified.
pub(super) fn verdicts(
    claim: &Claim<'_>,
    scores: &MaxAffine,
    config: &Config,
    watch: &Watch<'_>,
) -> Result<Option<Answers>, Error> {
    if let Some(origin) = scores.origin() {
        return moved::verdicts(claim, (scores, origin), config, watch);
    }
    let Some(checker) = Checker::new(claim, scores) else { return Ok(None) };
    let Some(mut answers) = checker.by_geometry(watch) else { return Ok(None) };
    outlook::refine(&checker, config, &mut answers, watch)?;
    Ok(Some(answers))
}

impl<'a> Checker<'a> {
    /// What the nearest rows say.
    fn by_geometry(&self, watch: &Watch<'_>) -> Option<Answers> {
        let Self { claim, scores, .. } = *self;
        let (data, classes) = (claim.data, scores.classes());
        // Queries carry the network's class.
        let labels: Vec<usize> = (0..data.samples()).map(|sample| claim.class(sample)).collect();
        let groups = (0..classes).flat_map(|c| scores.class_rows(c).map(move |_| c)).collect();
        let base = labelled(scores.rows(), scores.inputs(), groups, classes)?;
        let queries = labelled(data.storage(), scores.inputs(), labels.clone(), classes)?;
        let near = nearest_enemies_between(&queries, &base, Norm::L2, watch).ok()?.distances;
        // The row that a sample has where rows are samples sorted by class.
        let mut next: Vec<usize> = (0..classes).map(|c| scores.class_rows(c).start).collect();
        let mut take = |class: usize| {
            next[class] += 1;
            next[class] - 1
        };
        let own: Vec<usize> = labels.iter().map(|&class| take(class)).collect();
        Some(of_samples(claim, watch, |sample| {
            let margin = self.margin(sample, own[sample], near[sample].lower);
            Verdict::of(claim, margin, false, Engine::MaxAffine)
        }))
    }

    /// `None` where nothing can be proved of any sample.
    fn new(claim: &'a Claim<'a>, scores: &'a MaxAffine) -> Option<Self> {
        let (n, classes) = (scores.inputs(), scores.classes());
        let known = |sample: usize| claim.class(sample) < classes;
        // One output is a scalar, which means a class by its size.
        if classes == 1 && claim.network_classes > 1 || !(0..claim.data.samples()).all(known) {
            return None;
        }
        let arithmetic = IntervalArithmetic { precision: scores.precision() };
        let inexact = 1.01 * n as f64 * f64::EPSILON;
        // β from below, negated, and from above, γ ‖w‖, γ |b| and ‖w‖ of each row.
        let each: Vec<[f64; 5]> = parallel::map_with(
            scores.biases().len(),
            || vec![0.0; n],
            |row, k| {
                scores.copy_row(k, row);
                let bias = scores.biases()[k];
                let square: f64 = row.iter().map(|w| w * w).sum();
                let nonzero = row.iter().filter(|w| **w != 0.0).count();
                // Inputs, products and sums are rounded.
                let gamma = arithmetic.gamma(nonzero + 3).unwrap_or(f64::INFINITY);
                // A square may vanish in binary64.
                let vanished = n as f64 * f64::from_bits(1);
                let low = sub_down(mul_down(square, 1.0 - inexact), vanished).max(0.0);
                let high = add_up(mul_up(square, 1.0 + inexact), vanished);
                let (length, size) = (sqrt_up(high), mul_up(gamma, bias.abs()));
                let shift = [add_up(-bias, -low / 2.0), add_up(bias, high / 2.0)];
                [shift[0], shift[1], mul_up(gamma, length), size, length]
            },
        );
        let most = |part: usize, start: f64| each.iter().map(|e| e[part]).fold(start, f64::max);
        let tiny = tiny(n, scores.precision(), most(4, 0.0));
        let rounding = |e: &[f64; 5]| Rounding { slope: e[2], constant: add_up(e[3], tiny) };
        let checker = Self {
            claim,
            scores,
            spread: add_up(most(1, f64::NEG_INFINITY), most(0, f64::NEG_INFINITY)),
            slope: most(2, 0.0),
            constant: most(3, 0.0),
            roundings: each.iter().map(rounding).collect(),
            lengths: each.iter().map(|e| e[4]).collect(),
            longest: most(4, 0.0),
            largest_bias: scores.biases().iter().fold(0.0, |m, b| m.max(b.abs())),
        };
        (checker.spread.is_finite() && checker.slope.is_finite()).then_some(checker)
    }

    /// By how much more a ball of the Euclidean norm must have as its radius to
    /// contain one of the norm.
    fn stretch(&self) -> f64 {
        match self.claim.norm.enclosing() {
            Norm::Linf | Norm::Lp(_) => sqrt_up(self.scores.inputs() as f64),
            Norm::L1 | Norm::L2 => 1.0,
        }
    }

    /// How far a score as executed may be off at a point of this length; `None`
    /// where something may overflow.
    fn error(&self, far: f64) -> Option<f64> {
        let precision = self.scores.precision();
        let tiny = tiny(self.scores.inputs(), precision, self.longest);
        // Neither a rounded input nor a partial sum may overflow.
        let sums = add_up(mul_up(self.longest, far), self.largest_bias);
        let fits = mul_up(4.0, sums.max(far)) < precision.largest();
        fits.then(|| add_up(add_up(mul_up(self.slope, far), self.constant), tiny))
    }

    /// By how much the own score leads on the whole ball, computed or exact;
    /// `guess` may be the own row.
    fn margin(&self, sample: usize, guess: usize, nearest: f64) -> Option<f64> {
        let x = self.claim.data.row(sample);
        let radius = mul_up(self.claim.radii.of(sample), self.stretch());
        let range = self.scores.class_rows(self.claim.class(sample));
        let mut row = vec![0.0; x.len()];
        let mut distance = |k: usize| {
            self.scores.copy_row(k, &mut row);
            (k, distance_up(&row, &x, Norm::L2))
        };
        // Any row of the class is one that leads; which is best `rivals` finds.
        let (own, drift) = range.contains(&guess).then(|| distance(guess))?;
        self.scores.copy_row(own, &mut row);
        let far = add_up(length_up(&x), radius);
        let error = self.error(far)?;
        // Against the cut at 0: the own score on the whole ball.
        let terms = row.iter().zip(&x).map(|(&w, &x)| mul_down(w, x));
        let at = terms.fold(self.scores.biases()[own], add_down);
        let above_cut = sub_down(sub_down(at, mul_up(radius, self.lengths[own])), error);
        if nearest.is_infinite() {
            return Some(above_cut);
        }
        if nearest < radius {
            return None;
        }
        let lead = mul_down(nearest, sub_down(nearest / 2.0, radius));
        let lost = add_up(mul_up(drift, add_up(drift / 2.0, radius)), self.spread);
        let lead = sub_down(sub_down(lead, lost), mul_up(2.0, error));
        Some(lead.min(above_cut))
    }
}

/// What underflow may add to a score of rows of this length at most: inputs and
/// products are off by half of the smallest number each.
fn tiny(features: usize, precision: Precision, longest: f64) -> f64 {
    mul_up(mul_up(2.0 * features as f64 + 2.0, precision.smallest_subnormal()), add_up(longest, 1.0))
}

/// A number not below the Euclidean length of a point.
fn length_up(x: &[f64]) -> f64 {
    sqrt_up(x.iter().fold(0.0, |sum, v| add_up(sum, mul_up(*v, *v))))
}
