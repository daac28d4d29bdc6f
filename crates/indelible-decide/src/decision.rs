//! The question, put to the search, and its answer.

use std::time::Duration;

use indelible::{Dataset, Norm};

use crate::{
    Config, Error, LARGEST_WIDTH, Refutation, ShallowNetwork, clock::Clock, config::check_width,
    instance::Instance, refinement::Refinement,
};

/// The answer for one width.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A network of the width memorizes. `None` when it exists over the reals
    /// but neither binary32 nor binary64 was found to hold one.
    Yes(Option<ShallowNetwork>),
    /// No network of the width does, and this is why.
    No(Refutation),
    /// Not decided in time.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// A decision and the work it took.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// The width it is for.
    pub width: usize,
    /// How many networks were checked on the balls.
    pub rounds: usize,
    /// The time it took.
    pub elapsed: Duration,
}

/// Decides whether a network of depth 2, `width` hidden neurons and scalar
/// head memorizes `data` with `radius` (0: plain memorization) in `norm`.
///
/// # Errors
/// When the norm is not `linf` or `l1`, the radius is negative or no number,
/// the width is 0 or above [`LARGEST_WIDTH`], or the solver is missing or
/// fails.
pub fn decide(
    data: &Dataset,
    norm: Norm,
    radius: f64,
    width: usize,
    config: &Config,
) -> Result<Decision, Error> {
    check_width(width)?;
    decide_by(&Instance::new(data, norm, radius, Clock::start(config.timeout))?, radius, width, config)
}

/// Decides width 1, 2, … until the answer is not *no*: the last decision is
/// the smallest width that suffices, or the first that is open. The time limit
/// is for all widths together.
///
/// # Errors
/// As [`decide`]; when no width up to [`LARGEST_WIDTH`] suffices the last
/// decision is *no*.
pub fn smallest_width(
    data: &Dataset,
    norm: Norm,
    radius: f64,
    config: &Config,
) -> Result<Vec<Decision>, Error> {
    let instance = Instance::new(data, norm, radius, Clock::start(config.timeout))?;
    let mut decisions = Vec::new();
    for width in 1..=LARGEST_WIDTH {
        let decision = decide_by(&instance, radius, width, config)?;
        let no = matches!(decision.answer, Answer::No(_));
        decisions.push(decision);
        if !no {
            break;
        }
    }
    Ok(decisions)
}

/// Decides one width by a clock that already runs.
fn decide_by(instance: &Instance<'_>, radius: f64, width: usize, config: &Config) -> Result<Decision, Error> {
    let before = instance.clock.elapsed();
    let mut refinement = Refinement { instance, radius, width, config, rounds: 0 };
    let answer = match refinement.run() {
        Err(error) if error.is_time_out() => Answer::Unknown { reason: error.to_string() },
        answer => answer?,
    };
    let elapsed = instance.clock.elapsed().saturating_sub(before);
    Ok(Decision { answer, width, rounds: refinement.rounds, elapsed })
}
