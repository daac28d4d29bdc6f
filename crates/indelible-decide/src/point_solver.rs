//! Which networks of a width meet a growing, finite set of demands.

use crate::{
    Error,
    ball::{Candidate, Neuron},
    clock::Clock,
    instance::{Demand, simplified},
    one_neuron::{Ramp, Shape, ramp},
    smt::{Session, Verdict},
};

/// The demands made so far, and one engine per pattern of output signs.
pub(crate) struct Finite {
    demands: Vec<Demand>,
    features: usize,
    classes: usize,
    engines: Vec<Engine>,
}

/// What decides a pattern.
enum Engine {
    /// Width 1: a linear program.
    Linear(Shape),
    /// Wider: a solver process, started when it is first needed.
    Smt { program: String, positive: Vec<bool>, session: Option<Box<Session>> },
}

/// What an engine says about some demands.
pub(crate) enum Found {
    /// A network that meets them.
    Network(Candidate),
    /// None of the pattern does; already these demands forbid it.
    Core(Vec<usize>),
}

impl Finite {
    /// No demands yet. Patterns with as many positive as negative neurons come
    /// first: they are the most expressive.
    pub(crate) fn new(width: usize, features: usize, classes: usize, program: &str) -> Self {
        let engines = if width == 1 {
            vec![Engine::Linear(Shape::Max), Engine::Linear(Shape::Min)]
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
    pub(crate) fn solve(&mut self, pattern: usize, chosen: &[usize], clock: &Clock) -> Result<Found, Error> {
        match &mut self.engines[pattern] {
            Engine::Linear(shape) => {
                let some: Vec<Demand> = chosen.iter().map(|&i| self.demands[i].clone()).collect();
                Ok(match ramp(&some, self.features, self.classes, *shape, clock)? {
                    Ramp::Found(net) => Found::Network(simplified(net, &some, self.classes)),
                    Ramp::Impossible(core) => Found::Core(core.iter().map(|&i| chosen[i]).collect()),
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
                Ok(match session.solve(chosen, clock)? {
                    Verdict::Found(net) => Found::Network(simplified(
                        net,
                        chosen.iter().map(|&i| &self.demands[i]),
                        self.classes,
                    )),
                    Verdict::Impossible(core) => Found::Core(core),
                })
            }
        }
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
                Found::Network(_) => return Ok(None),
                Found::Core(core) => union.extend(core),
            }
        }
        union.sort_unstable();
        union.dedup();
        Ok(Some(union))
    }
}

/// A network of `width` neurons that computes what `net` does.
pub(crate) fn padded(mut net: Candidate, width: usize, features: usize) -> Candidate {
    while net.neurons.len() < width {
        net.neurons.push(Neuron {
            output: dashu_ratio::RBig::ZERO,
            weights: vec![dashu_ratio::RBig::ZERO; features],
            bias: dashu_ratio::RBig::ZERO,
        });
    }
    net
}
