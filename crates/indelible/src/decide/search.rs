//! Solve on points, check on balls, add the counterexample.

use super::{
    ball::Candidate,
    clock::Clock,
    finite::{Finite, Found},
    rational::integer,
    task::{Demand, Task, shared_point},
};
use crate::Error;

/// Samples that are demanded before the first counterexample.
const FIRST: usize = 64;

/// Counterexamples added per round.
const BATCH: usize = 16;

/// What a search ends with.
pub(crate) enum Outcome {
    /// A network that memorizes.
    Network(Candidate),
    /// Points that no network of the width memorizes.
    Impossible(Vec<Demand>),
}

/// A search and how many networks it checked.
pub(crate) struct Search {
    pub outcome: Outcome,
    pub rounds: usize,
}

/// Decides whether a network of `width` neurons memorizes the task.
///
/// # Errors
/// When the solver fails or the clock runs out.
pub(crate) fn search(
    task: &Task,
    width: usize,
    program: &str,
    minimise: bool,
    clock: &Clock,
) -> Result<Search, Error> {
    if let Some(constant) = constant(task) {
        return Ok(Search { outcome: Outcome::Network(constant), rounds: 0 });
    }
    if let Some(pair) = shared_point(task, clock)? {
        return Ok(Search { outcome: Outcome::Impossible(pair.into()), rounds: 0 });
    }
    // What one neuron can do needs no solver, and every width can do it.
    let (ramp, mut rounds) = refine(task, Finite::new(1, task.features(), task.classes, program), clock)?;
    let mut end = ramp;
    if width > 1 && matches!(end, End::Impossible { .. }) {
        let wide = refine(task, Finite::new(width, task.features(), task.classes, program), clock)?;
        end = wide.0;
        rounds += wide.1;
    }
    let outcome = match end {
        End::Network(net) => Outcome::Network(net),
        End::Impossible { mut finite, core } => {
            let core = if minimise { shrink(&mut finite, core, clock)? } else { core };
            Outcome::Impossible(core.iter().map(|&i| finite.demands()[i].clone()).collect())
        }
    };
    Ok(Search { outcome, rounds })
}

/// What the refinement ends with.
enum End {
    Network(Candidate),
    Impossible { finite: Finite, core: Vec<usize> },
}

/// One pattern after the other: solve, check, add.
fn refine(task: &Task, mut finite: Finite, clock: &Clock) -> Result<(End, usize), Error> {
    finite.extend((0..task.points.len().min(FIRST)).map(|i| task.centre(i)).collect());
    let mut cores = Vec::new();
    let mut rounds = 0;
    for pattern in 0..finite.patterns() {
        loop {
            let all: Vec<usize> = (0..finite.demands().len()).collect();
            match finite.solve(pattern, &all, clock)? {
                Found::Network(net) => {
                    rounds += 1;
                    let wrong = task.violations(&net, BATCH, clock)?;
                    if wrong.is_empty() {
                        return Ok((End::Network(net), rounds));
                    }
                    finite.extend(wrong);
                }
                Found::Core(core) => {
                    cores.extend(core);
                    break;
                }
            }
        }
    }
    cores.sort_unstable();
    cores.dedup();
    Ok((End::Impossible { finite, core: cores }, rounds))
}

/// The network that says one label, when only one occurs.
fn constant(task: &Task) -> Option<Candidate> {
    let class = *task.labels.first()?;
    task.labels
        .iter()
        .all(|&y| y == class)
        .then(|| Candidate { neurons: Vec::new(), offset: integer(class + 1) })
}

/// Drops demands until each that is left is needed. When the time runs out
/// the set reached so far is still a refutation.
fn shrink(finite: &mut Finite, mut core: Vec<usize>, clock: &Clock) -> Result<Vec<usize>, Error> {
    let mut position = 0;
    while position < core.len() {
        let mut fewer = core.clone();
        let candidate = fewer.remove(position);
        match finite.impossible(&fewer, clock) {
            Ok(Some(smaller)) => {
                position = smaller.partition_point(|&i| i < candidate);
                core = smaller;
            }
            Ok(None) => position += 1,
            Err(error) if error.is_time_out() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(core)
}
