//! Which networks of a width meet a growing, finite set of demands.

use indelible::Precision;

use crate::{
    Error,
    clock::Clock,
    instance::{Demand, Finding},
    network::RationalNetwork,
    one_neuron::{self, Extremum},
    smt::Session,
};

/// The demands made so far, and one engine per pattern of output signs.
pub(crate) struct PointSolver {
    demands: Vec<Demand>,
    features: usize,
    classes: usize,
    engines: Vec<Engine>,
}

/// What decides a pattern.
enum Engine {
    /// Width 1: a linear program.
    OneNeuron(Extremum),
    /// Wider: a solver process, started when it is first needed.
    Smt { program: String, positive: Vec<bool>, session: Option<Box<Session>> },
}

impl PointSolver {
    /// No demands yet. Patterns with as many positive as negative neurons come
    /// first: they are the most expressive.
    pub(crate) fn new(width: usize, features: usize, classes: usize, program: &str) -> Self {
        let engines = if width == 1 {
            vec![Engine::OneNeuron(Extremum::Max), Engine::OneNeuron(Extremum::Min)]
        } else {
            let mut counts: Vec<usize> = (0..=width).collect();
            counts.sort_by_key(|&k| (2 * k).abs_diff(width));
            counts
                .into_iter()
                .map(|k| Engine::Smt {
                    program: program.into(),
                    positive: (0..width).map(|i| i < k).collect(),
                    session: None,
                })
                .collect()
        };
        Self { demands: Vec::new(), features, classes, engines }
    }

    /// Number of patterns.
    pub(crate) fn patterns(&self) -> usize {
        self.engines.len()
    }

    /// The demands made.
    pub(crate) fn demands(&self) -> &[Demand] {
        &self.demands
    }

    /// Makes more demands.
    pub(crate) fn extend(&mut self, demands: Vec<Demand>) {
        self.demands.extend(demands);
    }

    /// A network of the pattern that meets the demands with the given indices.
    ///
    /// # Errors
    /// When the solver fails or the clock runs out.
    pub(crate) fn solve(
        &mut self,
        pattern: usize,
        chosen: &[usize],
        clock: &Clock,
    ) -> Result<Finding, Error> {
        let found = match &mut self.engines[pattern] {
            Engine::OneNeuron(extremum) => {
                let some: Vec<Demand> = chosen.iter().map(|&i| self.demands[i].clone()).collect();
                one_neuron::solve(&some, self.features, self.classes, *extremum, clock).map(|found| {
                    match found {
                        Finding::Core(core) => Finding::Core(core.iter().map(|&i| chosen[i]).collect()),
                        found => found,
                    }
                })
            }
            Engine::Smt { program, positive, session } => {
                let session = match session {
                    Some(session) => session,
                    None => {
                        let fresh = Session::start(program, positive, self.features, self.classes, clock)?;
                        session.insert(Box::new(fresh))
                    }
                };
                for demand in &self.demands[session.len()..] {
                    session.add(demand, clock)?;
                }
                session.solve(chosen, clock)
            }
        }?;
        Ok(match found {
            Finding::Network(net) => Finding::Network(self.in_short_numbers(net, chosen)),
            core => core,
        })
    }

    /// The network in short numbers, where they still meet the chosen demands.
    fn in_short_numbers(&self, net: RationalNetwork, chosen: &[usize]) -> RationalNetwork {
        let is_met =
            |short: &RationalNetwork| chosen.iter().all(|&i| self.demands[i].met_by(short, self.classes));
        let formats = [Precision::F32, Precision::F64];
        formats.iter().filter_map(|&p| net.rounded(p)).find(is_met).unwrap_or(net)
    }

    /// Whether no network of any pattern meets the chosen demands: then those
    /// that already forbid it, in ascending order.
    ///
    /// # Errors
    /// When the solver fails or the clock runs out.
    pub(crate) fn impossible(
        &mut self,
        chosen: &[usize],
        clock: &Clock,
    ) -> Result<Option<Vec<usize>>, Error> {
        let mut union = Vec::new();
        for pattern in 0..self.patterns() {
            match self.solve(pattern, chosen, clock)? {
                Finding::Network(_) => return Ok(None),
                Finding::Core(core) => union.extend(core),
            }
        }
        union.sort_unstable();
        union.dedup();
        Ok(Some(union))
    }
}
