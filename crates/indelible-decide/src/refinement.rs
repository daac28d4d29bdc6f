//! Solve on points, check on balls, add the counterexample.

use std::collections::BTreeSet;

use dashu_ratio::RBig;

use crate::{
    Answer, Config, Error, Refutation, ShallowNetwork,
    instance::{Demand, Finding, Instance},
    network::RationalNetwork,
    point_solver::PointSolver,
};

/// Samples that are demanded before the first counterexample.
const FIRST: usize = 64;

/// How often a network that memorizes but whose rounded form does not is put
/// back with its tightest points as demands.
const RETRIES: usize = 8;

/// A question and how to answer it.
pub(crate) struct Refinement<'a> {
    pub instance: &'a Instance<'a>,
    pub radius: f64,
    pub width: usize,
    pub config: &'a Config,
    /// Networks checked on the balls so far.
    pub rounds: usize,
}

/// What the refinement of one width ends with.
enum End<'a> {
    /// A network exists; its stored form, where one was found that a format
    /// holds.
    Exists(Option<ShallowNetwork>),
    /// Already the demands with these indices forbid it.
    Impossible(PointSolver<'a>, Vec<usize>),
}

impl<'a> Refinement<'a> {
    /// Decides the question, unless the solver fails or the clock runs out.
    pub(crate) fn run(&mut self) -> Result<Answer, Error> {
        let labels = self.instance.data.labels();
        if labels.iter().all(|y| y == &labels[0]) {
            let constant = RationalNetwork { neurons: Vec::new(), offset: RBig::from(labels[0] + 1) };
            return Ok(Answer::Yes(self.store(constant)?));
        }
        if let Some(pair) = self.instance.shared_point() {
            return Ok(self.no(pair.into()));
        }
        // What one neuron can do needs no solver, and every width can do it.
        let mut end = self.refine(1)?;
        if self.width > 1 && !matches!(end, End::Exists(Some(_))) {
            end = match (end, self.refine(self.width)?) {
                (narrow @ End::Exists(_), End::Impossible(..)) => narrow,
                (_, wide) => wide,
            };
        }
        match end {
            End::Exists(network) => Ok(Answer::Yes(network)),
            End::Impossible(mut solver, mut core) => {
                if self.config.minimise {
                    core = shrink(&mut solver, core)?;
                }
                Ok(self.no(core.iter().map(|&i| solver.demands[i].clone()).collect()))
            }
        }
    }

    /// The answer that no network gives these points their class.
    fn no(&self, demands: Vec<Demand>) -> Answer {
        Answer::No(Refutation::new(self.instance, self.width, self.radius, demands))
    }

    /// One pattern after the other: solve, check, add.
    fn refine(&mut self, width: usize) -> Result<End<'a>, Error> {
        let instance = self.instance;
        let mut solver = PointSolver::new(width, instance, &self.config.solver);
        let centres = instance.points.iter().take(FIRST).enumerate();
        solver.demands.extend(centres.map(|(i, x)| instance.demand(x.clone(), i)));
        let mut cores = BTreeSet::new();
        let mut exists = false;
        for pattern in 0..solver.patterns() {
            let mut retries = 0;
            loop {
                let all: Vec<usize> = (0..solver.demands.len()).collect();
                let net = match solver.solve(pattern, &all)? {
                    Finding::Network(net) => net,
                    Finding::Core(core) => {
                        cores.extend(core);
                        break;
                    }
                };
                self.rounds += 1;
                let wrong = instance.violations(&net, &RBig::ZERO)?;
                if !wrong.is_empty() {
                    solver.demands.extend(wrong);
                    continue;
                }
                if let Some(network) = self.store(net.clone())? {
                    return Ok(End::Exists(Some(network)));
                }
                exists = true;
                retries += 1;
                // A margin below this is asked to grow before a network is
                // called unstorable.
                let tight = RBig::from_parts(1.into(), 4096u16.into());
                let mut tight = instance.violations(&net, &tight)?;
                tight.retain(|d| !solver.demands.contains(d));
                if tight.is_empty() || retries > RETRIES {
                    break;
                }
                solver.demands.extend(tight);
            }
        }
        if exists {
            return Ok(End::Exists(None));
        }
        Ok(End::Impossible(solver, cores.into_iter().collect()))
    }

    /// The network as floats that memorize, where there are such.
    fn store(&self, net: RationalNetwork) -> Result<Option<ShallowNetwork>, Error> {
        ShallowNetwork::storing(&net.padded(self.width, self.instance.data.features()), self.instance)
    }
}

/// Drops demands until each that is left is needed. When the time runs out
/// the set reached so far is still a refutation.
fn shrink(solver: &mut PointSolver<'_>, mut core: Vec<usize>) -> Result<Vec<usize>, Error> {
    let mut position = 0;
    while position < core.len() {
        let mut fewer = core.clone();
        let candidate = fewer.remove(position);
        match solver.impossible(&fewer) {
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
