//! The balls as a network sees them: real points and the numbers of the format
//! that rounding turns them into, or their images under directions.

use crate::{
    Dataset, Precision, Radii,
    network::{Constraint, Side},
    number::{add_up, div_up, mul_up, sub_down},
};

/// All balls of a task and the format of the network.
#[derive(Clone, Copy)]
pub(super) struct Balls<'a> {
    pub data: &'a Dataset,
    pub radii: &'a Radii,
    pub precision: Precision,
    /// How far balls reach, where `data` are images under directions.
    pub spread: Option<Spread<'a>>,
}

/// How far the image of a ball reaches along each direction.
#[derive(Clone, Copy)]
pub(super) struct Spread<'a> {
    /// Of a ball of radius 1.
    pub lengths: &'a [f64],
    /// What roundings add.
    pub errors: &'a [f64],
}

/// Ends of a ball in one feature.
pub(super) type Ends = (f64, f64);

impl Balls<'_> {
    /// Ends of the ball of `sample` in `feature`, rounded points included.
    #[inline]
    pub fn ends(&self, sample: usize, feature: usize) -> Ends {
        self.ends_around(self.data.value(sample, feature), sample, feature)
    }

    /// The same for a `sample` whose `feature` is `x`, known from its whole row.
    #[inline]
    pub fn ends_around(&self, x: f64, sample: usize, feature: usize) -> Ends {
        let radius = self.radii.of(sample);
        if let Some(Spread { lengths, errors }) = self.spread {
            let reach = add_up(mul_up(radius, lengths[feature]), errors[feature]);
            return (sub_down(x, reach), add_up(x, reach));
        }
        let (lower, upper) = (sub_down(x, radius), add_up(x, radius));
        (lower.min(self.precision.round(lower)), upper.max(self.precision.round(upper)))
    }

    /// Whether the whole ball of `sample` satisfies all `constraints`.
    pub fn satisfies(&self, sample: usize, constraints: &[Constraint]) -> bool {
        constraints.iter().all(|c| holds(c, self.ends(sample, c.feature)))
    }

    /// The thresholds that hug a ball with these ends from below and above, in
    /// the format; infinite where it has none.
    pub fn tight(&self, (lower, upper): Ends) -> Ends {
        (self.precision.round_down(lower), self.precision.round_up(upper))
    }

    /// The least slack whose scale the format holds.
    pub fn least_slack(&self) -> f64 {
        let slack = self.precision.round_up(div_up(1.0, self.precision.largest()));
        if scale(self.precision, slack).is_finite() { slack } else { self.precision.next_up(slack) }
    }
}

/// The smallest scale of the format that a violation of `slack` or more turns
/// into 1 or more, before and after rounding.
pub(super) fn scale(precision: Precision, slack: f64) -> f64 {
    precision.round_up(div_up(1.0, slack))
}

/// Whether a constraint holds on a whole ball: every violation is exactly 0,
/// rounded or not.
#[inline]
pub(super) fn holds(constraint: &Constraint, (lower, upper): Ends) -> bool {
    match constraint.side {
        Side::AtLeast => lower >= constraint.threshold,
        Side::AtMost => upper <= constraint.threshold,
    }
}

/// Whether every point of a ball violates a constraint by `slack` or more. The
/// slack is a number of the format, so the rounded violation reaches it, too.
#[inline]
pub(super) fn excludes(constraint: &Constraint, (lower, upper): Ends, slack: f64) -> bool {
    match constraint.side {
        Side::AtLeast => sub_down(constraint.threshold, upper) >= slack,
        Side::AtMost => sub_down(lower, constraint.threshold) >= slack,
    }
}
