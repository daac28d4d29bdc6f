//! Solve on points, check on balls, add the counterexample.

use dashu_ratio::RBig;

use indelible::Dataset;

use crate::{
    Config, Error, ShallowNetwork,
    ball::Candidate,
    clock::Clock,
    instance::{Demand, Task, shared_point},
    point_solver::{Finite, Found, padded},
    rational::integer,
    shallow::store,
};

/// Samples that are demanded before the first counterexample.
const FIRST: usize = 64;

/// Counterexamples added per round.
const BATCH: usize = 16;

/// How often a network that memorizes but whose rounded form does not is put
/// back with its tightest points as demands.
const RETRIES: usize = 8;

/// What a search ends with.
pub(crate) enum Outcome {
    /// A network memorizes; its stored form, where a format holds one.
    Network(Option<ShallowNetwork>),
    /// Points that no network of the width memorizes.
    Impossible(Vec<Demand>),
}

/// A question and how to answer it.
pub(crate) struct Search<'a> {
    pub data: &'a Dataset,
    pub task: &'a Task,
    pub width: usize,
    pub config: &'a Config,
    pub clock: &'a Clock,
    /// Networks checked on the balls so far.
    pub rounds: usize,
}

/// What the refinement of one engine ends with.
enum End {
    Stored(ShallowNetwork),
    /// A network exists, but none was found that a format holds.
    Exact,
    Impossible(Finite, Vec<usize>),
}

impl Search<'_> {
    /// Decides the question.
    ///
    /// # Errors
    /// When the solver fails or the clock runs out.
    pub(crate) fn run(&mut self) -> Result<Outcome, Error> {
        if let Some(constant) = constant(self.task) {
            return Ok(Outcome::Network(self.store(constant)?));
        }
        if let Some(pair) = shared_point(self.task, self.data) {
            return Ok(Outcome::Impossible(pair.into()));
        }
        // What one neuron can do needs no solver, and every width can do it.
        let narrow = self.refine(1)?;
        let end = match narrow {
            End::Stored(_) => narrow,
            _ if self.width == 1 => narrow,
            End::Exact => match self.refine(self.width)? {
                End::Impossible(..) => End::Exact,
                end => end,
            },
            End::Impossible(..) => self.refine(self.width)?,
        };
        Ok(match end {
            End::Stored(network) => Outcome::Network(Some(network)),
            End::Exact => Outcome::Network(None),
            End::Impossible(mut finite, mut core) => {
                if self.config.minimise {
                    core = shrink(&mut finite, core, self.clock)?;
                }
                Outcome::Impossible(core.iter().map(|&i| finite.demands()[i].clone()).collect())
            }
        })
    }

    /// One pattern after the other: solve, check, add.
    fn refine(&mut self, width: usize) -> Result<End, Error> {
        let task = self.task;
        let mut finite = Finite::new(width, task.features(), task.classes, &self.config.solver);
        finite.extend((0..task.points.len().min(FIRST)).map(|i| task.centre(i)).collect());
        let mut cores = Vec::new();
        let mut exists = false;
        for pattern in 0..finite.patterns() {
            let mut retries = 0;
            loop {
                let all: Vec<usize> = (0..finite.demands().len()).collect();
                let net = match finite.solve(pattern, &all, self.clock)? {
                    Found::Network(net) => net,
                    Found::Core(core) => {
                        cores.extend(core);
                        break;
                    }
                };
                self.rounds += 1;
                let wrong = task.violations(&net, &RBig::ZERO, BATCH, self.clock)?;
                if !wrong.is_empty() {
                    finite.extend(wrong);
                    continue;
                }
                if let Some(network) = self.store(net.clone())? {
                    return Ok(End::Stored(network));
                }
                exists = true;
                retries += 1;
                let mut tight = task.violations(&net, &tight_margin(), BATCH, self.clock)?;
                tight.retain(|d| !finite.demands().contains(d));
                if tight.is_empty() || retries > RETRIES {
                    break;
                }
                finite.extend(tight);
            }
        }
        if exists {
            return Ok(End::Exact);
        }
        cores.sort_unstable();
        cores.dedup();
        Ok(End::Impossible(finite, cores))
    }

    /// The network as floats that memorize, where there are such.
    fn store(&self, net: Candidate) -> Result<Option<ShallowNetwork>, Error> {
        store(&padded(net, self.width, self.task.features()), self.task, self.data, self.clock)
    }
}

/// A margin below this is asked to grow before a network is called unstorable.
fn tight_margin() -> RBig {
    RBig::from_parts(1.into(), 4096u16.into())
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
