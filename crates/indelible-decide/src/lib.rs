//! Does a small network exist?
//!
//! Deciding whether a network of depth 2 and width 2 memorizes a dataset
//! robustly is NP-hard (Yu, Gao & Zhang, ICLR 2024, Theorem 4.1). This module
//! decides it all the same, exactly, for the sizes at which that is possible:
//!
//! 1. put the question about finitely many points to an SMT solver (linear
//!    real arithmetic);
//! 2. check the network it finds on the whole balls, over the rationals;
//! 3. add the points at which it fails, and ask again.
//!
//! A network that passes the check is a proof of *yes*; a finite set of points
//! that no network memorizes is a proof of *no*. A time limit makes the answer
//! *unknown*. See `docs/decide.md`.

mod ball;
mod clock;
mod collision;
mod error;
pub mod hard;
mod instance;
mod linear_program;
mod one_neuron;
mod point_solver;
mod rational;
mod refinement;
mod refutation;
mod shallow;
mod smt;
pub mod witness;

use std::time::Duration;

use indelible::{Dataset, Norm};

use self::{
    clock::Clock,
    instance::Task,
    refinement::{Outcome, Search},
};

pub use self::{
    collision::{Collision, refute},
    error::Error,
    refutation::Refutation,
    shallow::ShallowNetwork,
};

/// The largest width that is decided: the conditions of a point have `2^W`
/// cases.
pub const LARGEST_WIDTH: usize = 12;

/// How to decide.
#[derive(Clone, Debug)]
pub struct Config {
    /// The solver program, z3 or one that takes its arguments. Default `z3`.
    pub solver: String,
    /// Time limit; the answer is *unknown* when it runs out. Default none.
    pub timeout: Option<Duration>,
    /// Whether to drop points from a refutation until each is needed.
    /// Default yes.
    pub minimise: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { solver: "z3".into(), timeout: None, minimise: true }
    }
}

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
    check_question(norm, radius, width)?;
    let clock = Clock::start(config.timeout);
    decide_by(data, &Task::new(data, norm, radius), radius, width, config, &clock)
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
    check_question(norm, radius, 1)?;
    let clock = Clock::start(config.timeout);
    let task = Task::new(data, norm, radius);
    let mut decisions = Vec::new();
    for width in 1..=LARGEST_WIDTH {
        let decision = decide_by(data, &task, radius, width, config, &clock)?;
        let no = matches!(decision.answer, Answer::No(_));
        decisions.push(decision);
        if !no {
            break;
        }
    }
    Ok(decisions)
}

/// Checks what the user may get wrong about a question.
fn check_question(norm: Norm, radius: f64, width: usize) -> Result<(), Error> {
    if width == 0 || width > LARGEST_WIDTH {
        return Err(Error::BadWidth { given: width, largest: LARGEST_WIDTH });
    }
    if !matches!(norm, Norm::Linf | Norm::L1) {
        return Err(Error::BadNorm { given: norm });
    }
    if !(radius.is_finite() && radius >= 0.0) {
        return Err(indelible::Error::BadRadius { given: radius }.into());
    }
    Ok(())
}

/// Decides one width by a clock that already runs.
fn decide_by(
    data: &Dataset,
    task: &Task,
    radius: f64,
    width: usize,
    config: &Config,
    clock: &Clock,
) -> Result<Decision, Error> {
    let before = clock.elapsed();
    let mut search = Search { data, task, width, config, clock, rounds: 0 };
    let answer = match search.run() {
        Ok(Outcome::Network(network)) => Answer::Yes(network),
        Ok(Outcome::Impossible(points)) => Answer::No(Refutation::new(task, width, radius, points)),
        Err(error) if error.is_time_out() => Answer::Unknown { reason: error.to_string() },
        Err(error) => return Err(error),
    };
    let rounds = search.rounds;
    Ok(Decision { answer, width, rounds, elapsed: clock.elapsed().saturating_sub(before) })
}
