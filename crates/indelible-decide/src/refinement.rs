//! Solve on points, check on balls, add the counterexample.

use dashu_ratio::RBig;
use indelible::Dataset;

use crate::{
    Config, Error, ShallowNetwork,
    clock::Clock,
    instance::{Demand, Finding, Instance, shared_point},
    network::RationalNetwork,
    point_solver::PointSolver,
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

/// What a refinement ends with.
pub(crate) enum Outcome {
    /// A network memorizes; its stored form, where a format holds one.
    Network(Option<ShallowNetwork>),
    /// Points that no network of the width memorizes.
    Impossible(Vec<Demand>),
}

/// A question and how to answer it.
pub(crate) struct Refinement<'a> {
    pub data: &'a Dataset,
    pub instance: &'a Instance,
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
    Impossible(PointSolver, Vec<usize>),
}

impl Refinement<'_> {
    /// Decides the question.
    ///
    /// # Errors
    /// When the solver fails or the clock runs out.
    pub(crate) fn run(&mut self) -> Result<Outcome, Error> {
        if let Some(constant) = constant(self.instance) {
            return Ok(Outcome::Network(self.store(constant)?));
        }
        if let Some(pair) = shared_point(self.instance, self.data) {
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
            End::Impossible(mut solver, mut core) => {
                if self.config.minimise {
                    core = shrink(&mut solver, core, self.clock)?;
                }
                Outcome::Impossible(core.iter().map(|&i| solver.demands()[i].clone()).collect())
            }
        })
    }

    /// One pattern after the other: solve, check, add.
    fn refine(&mut self, width: usize) -> Result<End, Error> {
        let instance = self.instance;
        let mut solver = PointSolver::new(width, instance.features(), instance.classes, &self.config.solver);
        solver.extend((0..instance.points.len().min(FIRST)).map(|i| instance.centre(i)).collect());
        let mut cores = Vec::new();
        let mut exists = false;
        for pattern in 0..solver.patterns() {
            let mut retries = 0;
            loop {
                let all: Vec<usize> = (0..solver.demands().len()).collect();
                let net = match solver.solve(pattern, &all, self.clock)? {
                    Finding::Network(net) => net,
                    Finding::Core(core) => {
                        cores.extend(core);
                        break;
                    }
                };
                self.rounds += 1;
                let wrong = instance.violations(&net, &RBig::ZERO, BATCH, self.clock)?;
                if !wrong.is_empty() {
                    solver.extend(wrong);
                    continue;
                }
                if let Some(network) = self.store(net.clone())? {
                    return Ok(End::Stored(network));
                }
                exists = true;
                retries += 1;
                let mut tight = instance.violations(&net, &tight_margin(), BATCH, self.clock)?;
                tight.retain(|d| !solver.demands().contains(d));
                if tight.is_empty() || retries > RETRIES {
                    break;
                }
                solver.extend(tight);
            }
        }
        if exists {
            return Ok(End::Exact);
        }
        cores.sort_unstable();
        cores.dedup();
        Ok(End::Impossible(solver, cores))
    }

    /// The network as floats that memorize, where there are such.
    fn store(&self, net: RationalNetwork) -> Result<Option<ShallowNetwork>, Error> {
        store(&net.padded(self.width, self.instance.features()), self.instance, self.data, self.clock)
    }
}

/// A margin below this is asked to grow before a network is called unstorable.
fn tight_margin() -> RBig {
    RBig::from_parts(1.into(), 4096u16.into())
}

/// The network that says one label, when only one occurs.
fn constant(instance: &Instance) -> Option<RationalNetwork> {
    let class = *instance.labels.first()?;
    instance
        .labels
        .iter()
        .all(|&y| y == class)
        .then(|| RationalNetwork { neurons: Vec::new(), offset: integer(class + 1) })
}

/// Drops demands until each that is left is needed. When the time runs out
/// the set reached so far is still a refutation.
fn shrink(solver: &mut PointSolver, mut core: Vec<usize>, clock: &Clock) -> Result<Vec<usize>, Error> {
    let mut position = 0;
    while position < core.len() {
        let mut fewer = core.clone();
        let candidate = fewer.remove(position);
        match solver.impossible(&fewer, clock) {
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
