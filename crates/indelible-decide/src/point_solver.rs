//! Which networks of a width meet a growing, finite set of demands.

use std::collections::BTreeSet;

use indelible::Precision;

use crate::{
    Error,
    instance::{Demand, Finding, Instance},
    network::RationalNetwork,
    one_neuron::{self, Extremum},
    smt::Session,
};

/// The demands made so far, and one engine per pattern of output signs.
pub(crate) struct PointSolver<'a> {
    instance: &'a Instance<'a>,
    /// The solver program.
    program: &'a str,
    pub demands: Vec<Demand>,
    engines: Vec<Engine>,
}

/// What decides a pattern.
enum Engine {
    /// Width 1: a linear program.
    OneNeuron(Extremum),
    /// Wider: a solver process, started when it is first needed.
    Smt { positive: Vec<bool>, session: Option<Box<Session>> },
}

impl<'a> PointSolver<'a> {
    /// No demands yet. Patterns with as many positive as negative neurons come
    /// first: they are the most expressive.
    pub(crate) fn new(width: usize, instance: &'a Instance<'a>, program: &'a str) -> Self {
        let engines = if width == 1 {
            vec![Engine::OneNeuron(Extremum::Max), Engine::OneNeuron(Extremum::Min)]
        } else {
            let mut counts: Vec<usize> = (0..=width).collect();
            counts.sort_by_key(|&k| (2 * k).abs_diff(width));
            let signs = counts.into_iter().map(|k| (0..width).map(|i| i < k).collect());
            signs.map(|positive| Engine::Smt { positive, session: None }).collect()
        };
        Self { instance, program, demands: Vec::new(), engines }
    }

    /// Number of patterns.
    pub(crate) fn patterns(&self) -> usize {
        self.engines.len()
    }

    /// A network of the pattern that meets the demands with the given indices,
    /// in ascending order.
    pub(crate) fn solve(&mut self, pattern: usize, chosen: &[usize]) -> Result<Finding, Error> {
        let found = match &mut self.engines[pattern] {
            Engine::OneNeuron(extremum) => {
                one_neuron::solve(self.instance, &self.demands, chosen, *extremum)?
            }
            Engine::Smt { positive, session } => {
                let session = match session {
                    Some(session) => session,
                    None => session.insert(Box::new(Session::start(self.program, positive, self.instance)?)),
                };
                session.solve(&self.demands, chosen)?
            }
        };
        Ok(match found {
            Finding::Network(net) => Finding::Network(self.in_short_numbers(net, chosen)),
            core => core,
        })
    }

    /// The network in short numbers, where they still meet the chosen demands.
    fn in_short_numbers(&self, net: RationalNetwork, chosen: &[usize]) -> RationalNetwork {
        let classes = self.instance.data.classes();
        let is_met = |short: &RationalNetwork| chosen.iter().all(|&i| self.demands[i].met_by(short, classes));
        let formats = [Precision::F32, Precision::F64];
        formats.iter().filter_map(|&p| net.rounded(p)).find(is_met).unwrap_or(net)
    }

    /// Whether no network of any pattern meets the chosen demands: then those
    /// that already forbid it, in ascending order.
    pub(crate) fn impossible(&mut self, chosen: &[usize]) -> Result<Option<Vec<usize>>, Error> {
        let mut union = BTreeSet::new();
        for pattern in 0..self.patterns() {
            match self.solve(pattern, chosen)? {
                Finding::Network(_) => return Ok(None),
                Finding::Core(core) => union.extend(core),
            }
        }
        Ok(Some(union.into_iter().collect()))
    }
}
