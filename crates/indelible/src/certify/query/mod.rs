//! Questions about a box: does the network ever do one of several things there?
//!
//! [`answer`] takes a [`BoxQuery`]: a box of inputs, and alternatives, each a
//! conjunction of linear conditions on inputs and outputs. *Never* was shown for
//! every real point of the box in real arithmetic, and for every number of the
//! format that rounding turns one into, as executed, sums in any order. A point
//! at which an alternative is met counts once the caller has confirmed it, who
//! may know the conditions exactly.
//!
//! On a box, every output and every condition has bounds (`bounds`). Where these
//! do not decide, points are tried (`tries`), and the box is halved at the input
//! that matters most (Wang et al., `ReluVal`, USENIX Security 2018); with many
//! inputs, parts are told apart by the signs of sums instead, as for the balls of
//! samples.

mod bounds;
mod tries;

use std::time::Instant;

use self::{
    bounds::{Bounder, Bounds},
    tries::{Tries, corner_of},
};
use super::{Config, Engine};
use crate::{Error, Progress, network::Model, number::Enclosure, parallel};

/// Boxes that are looked at together.
const TOGETHER: usize = 32;
/// Inputs up to which boxes are halved before signs of sums are assumed.
const FEW_INPUTS: usize = 24;

/// `Σ a_j x_j + Σ c_k y_k ≤ bound` for inputs `x` and outputs `y`, each number
/// known to lie in a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Coefficients of inputs.
    pub inputs: Vec<(usize, Enclosure)>,
    /// Coefficients of outputs.
    pub outputs: Vec<(usize, Enclosure)>,
    /// What the sum is not above.
    pub bound: Enclosure,
}

/// Is there a point of a box at which all conditions of one alternative hold?
#[derive(Clone, Debug, PartialEq)]
pub struct BoxQuery {
    lower: Vec<f64>,
    upper: Vec<f64>,
    alternatives: Vec<Vec<Condition>>,
}

impl BoxQuery {
    /// The question about the points between `lower` and `upper`, one of each
    /// per input of a network with `outputs` outputs.
    ///
    /// # Errors
    /// [`Error::BadForm`] where the box is empty or no box, or a condition is
    /// about an input or output that is not there, names one twice, or has a number
    /// that is none.
    pub fn new(
        lower: Vec<f64>,
        upper: Vec<f64>,
        outputs: usize,
        alternatives: Vec<Vec<Condition>>,
    ) -> Result<Self, Error> {
        let bad = |why: String| Err(Error::BadForm { form: "query", why });
        if lower.len() != upper.len() || lower.is_empty() {
            return bad(format!(
                "{} lower and {} upper ends; expected one per input",
                lower.len(),
                upper.len()
            ));
        }
        if let Some(j) = lower.iter().zip(&upper).position(|(l, u)| l.is_nan() || u.is_nan() || l > u) {
            return bad(format!("input {j} lies between {} and {}", lower[j], upper[j]));
        }
        for condition in alternatives.iter().flatten() {
            let numbers = || {
                condition.inputs.iter().chain(&condition.outputs).map(|(_, a)| *a).chain([condition.bound])
            };
            if numbers().any(|a| !(a.lower.is_finite() && a.upper.is_finite() && a.lower <= a.upper)) {
                return bad("a number of a condition is not finite".into());
            }
            if is_repeated(&condition.inputs) || is_repeated(&condition.outputs) {
                return bad("a condition names an input or an output twice".into());
            }
            if condition.inputs.iter().any(|(j, _)| *j >= lower.len())
                || condition.outputs.iter().any(|(k, _)| *k >= outputs)
            {
                return bad(format!(
                    "a condition is about more than {} inputs and {outputs} outputs",
                    lower.len()
                ));
            }
        }
        Ok(Self { lower, upper, alternatives })
    }

    /// The lower ends of the box.
    #[must_use]
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// The upper ends.
    #[must_use]
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// The output `c` where the question is whether another one is ever at least
    /// as large: every alternative says `y_c − y_k ≤ 0` for some `k`.
    #[must_use]
    pub fn kept_class(&self) -> Option<usize> {
        let (one, less) = (Enclosure::exact(1.0), Enclosure::exact(-1.0));
        let class = |alternative: &Vec<Condition>| match alternative.as_slice() {
            [Condition { inputs, outputs, bound }]
                if inputs.is_empty() && *bound == Enclosure::exact(0.0) =>
            {
                match outputs.as_slice() {
                    [(c, a), (_, b)] | [(_, b), (c, a)] if *a == one && *b == less => Some(*c),
                    _ => None,
                }
            }
            _ => None,
        };
        let first = class(self.alternatives.first()?)?;
        self.alternatives.iter().all(|all| class(all) == Some(first)).then_some(first)
    }
}

/// Whether a number is named twice.
fn is_repeated(terms: &[(usize, Enclosure)]) -> bool {
    let mut named: Vec<usize> = terms.iter().map(|(number, _)| *number).collect();
    named.sort_unstable();
    named.windows(2).any(|pair| pair[0] == pair[1])
}

/// What was found about a box.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BoxAnswer {
    /// No alternative is met anywhere.
    Never {
        /// By how much at least some condition of every alternative fails.
        margin: f64,
        /// Parts that were bounded.
        parts: usize,
        /// What proved it.
        engine: Engine,
    },
    /// A point of the format that was confirmed.
    Met {
        /// The point.
        point: Vec<f64>,
        /// Parts that were bounded.
        parts: usize,
    },
    /// Neither was shown.
    Open {
        /// Parts that were bounded.
        parts: usize,
        /// Whether time ran out.
        timed_out: bool,
    },
}

/// Answers `query` about `model`, as far as `config` goes: `branches` parts, for
/// `timeout`. `confirm` says of a point whether it meets an alternative.
///
/// Without a timeout the answer depends on nothing but its arguments. Memory: as
/// of [`certify_with`](super::certify_with()), and the boxes that are open, of
/// which there are about as many as one is halved deep.
///
/// # Errors
/// When the box has another number of inputs than the network.
pub fn answer(
    model: &Model,
    query: &BoxQuery,
    config: &Config,
    confirm: &(dyn Fn(&[f64]) -> bool + Sync),
    progress: &dyn Progress,
) -> Result<BoxAnswer, Error> {
    if model.inputs() != query.lower.len() {
        return Err(Error::InputWidth { expected: model.inputs(), given: query.lower.len() });
    }
    let until = config.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let late = || until.is_some_and(|until| Instant::now() >= until);
    let bounder = Bounder::of(model);
    let tries = Tries { model, query, confirm };
    let root = Part { lower: query.lower.clone(), upper: query.upper.clone() };
    let bounds = bounder.bounds(query, &root.lower, &root.upper);
    if bounds.least > 0.0 {
        return Ok(BoxAnswer::Never { margin: bounds.least, parts: 1, engine: bounds.engine });
    }
    if let Some(point) = tries.first(&bounder, config)? {
        return Ok(BoxAnswer::Met { point, parts: 1 });
    }
    if late() {
        return Ok(BoxAnswer::Open { parts: 1, timed_out: true });
    }
    if query.lower.len() > FEW_INPUTS
        && let Some(answer) = bounder.by_signs(query, config.branches, until, &|rows| tries.rows(rows))
    {
        return Ok(match answer {
            BoxAnswer::Open { parts, .. } => BoxAnswer::Open { parts, timed_out: late() },
            answer => answer,
        });
    }
    progress.begin("boxes", 0);
    let answer = halved(&bounder, &tries, (root, bounds), config.branches, &late, progress);
    progress.end();
    answer
}

/// A part of the box.
#[derive(Clone, Debug)]
struct Part {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Part {
    /// Its halves, at the input where coefficients of a bound say that most is
    /// lost; `None` where no input can be halved.
    fn halves(mut self, bounds: &Bounds) -> Option<[Self; 2]> {
        let width = |j: usize| self.upper[j] - self.lower[j];
        let lost = |j: usize| bounds.weights.get(j).map_or(1.0, |weight| weight.abs()) * width(j);
        let middle = |j: usize| self.lower[j] / 2.0 + self.upper[j] / 2.0;
        let widest = |score: &dyn Fn(usize) -> f64| {
            (0..self.lower.len())
                .filter(|&j| middle(j) > self.lower[j] && middle(j) < self.upper[j])
                .map(|j| (score(j), j))
                .filter(|(s, _)| *s > 0.0)
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
        };
        let (_, j) = widest(&lost).or_else(|| widest(&width))?;
        let middle = middle(j);
        let mut other = self.clone();
        self.upper[j] = middle;
        other.lower[j] = middle;
        Some([self, other])
    }
}

/// Halves boxes until each is decided.
fn halved(
    bounder: &Bounder<'_>,
    tries: &Tries<'_>,
    (root, bounds): (Part, Bounds),
    most: usize,
    late: &(dyn Fn() -> bool + Sync),
    progress: &dyn Progress,
) -> Result<BoxAnswer, Error> {
    let (mut margin, mut parts) = (f64::INFINITY, 1);
    let Some(halves) = root.halves(&bounds) else { return Ok(BoxAnswer::Open { parts, timed_out: false }) };
    let mut open: Vec<Part> = halves.into();
    while !open.is_empty() {
        if parts >= most || late() {
            return Ok(BoxAnswer::Open { parts, timed_out: parts < most });
        }
        let taken = open.split_off(open.len() - TOGETHER.min(open.len()));
        parts += taken.len();
        progress.advance(taken.len() as u64);
        let bounds = parallel::map_each(&taken, |part| bounder.bounds(tries.query, &part.lower, &part.upper));
        let looked: Vec<(Part, Bounds)> = taken.into_iter().zip(bounds).collect();
        let mut rows = vec![];
        for (part, bounds) in looked.iter().filter(|(_, bounds)| bounds.least <= 0.0) {
            corner_of(&part.lower, &part.upper, &bounds.weights, &mut rows);
            rows.extend(part.lower.iter().zip(&part.upper).map(|(l, u)| l / 2.0 + u / 2.0));
        }
        if let Some(point) = tries.rows(&rows) {
            return Ok(BoxAnswer::Met { point, parts });
        }
        for (part, bounds) in looked {
            if bounds.least > 0.0 {
                margin = margin.min(bounds.least);
                continue;
            }
            let Some(halves) = part.halves(&bounds) else {
                return Ok(BoxAnswer::Open { parts, timed_out: false });
            };
            open.extend(halves);
        }
    }
    Ok(BoxAnswer::Never { margin, parts, engine: Engine::BranchAndBound })
}
