//! The question about finitely many points, put to an SMT solver.
//!
//! Linear real arithmetic (SMT-LIB logic `QF_LRA`) answers it exactly. The
//! output weights are ±1 (their size moves into the first layer), so a network
//! is its first layer, its offset and a *pattern*: how many neurons count
//! positively. For every point and neuron a variable `r` stands for
//! `relu(u)`, where `u` is the value before the ReLU. A bound `F > α` needs
//! only `r ≤ relu(u)` for positive neurons (`r ≤ 0` or `r ≤ u`: the solver
//! branches) and `r ≥ relu(u)` for negative ones (`r ≥ 0` and `r ≥ u`: linear);
//! for `F < β` it is the other way round. Asking for no more than that, z3 is
//! several times faster than with `r = relu(u)`, and tens of times faster than
//! with the `2^W` cases of each point written out.

use std::{io, time::Duration};

use dashu_ratio::RBig;
use easy_smt::{Context, ContextBuilder, Response, SExpr, SExprData};

use crate::{
    Error,
    affine::Neuron,
    clock::Clock,
    instance::{Demand, Finding, interval},
    network::RationalNetwork,
    rational::{absolute, is_negative},
};

/// Margins asked for before one as small as the solver likes: networks with
/// room to spare survive rounding, and their counterexamples are better cuts.
const MARGINS: [(&str, u8); 2] = [("m4", 4), ("m64", 64)];

/// Longest time limit handed to the solver, in milliseconds: it takes 32 bits.
const LONGEST: u128 = 4_000_000_000;

/// The network that is looked for, as terms of the solver.
struct Unknowns {
    offset: SExpr,
    margin: SExpr,
    biases: Vec<SExpr>,
    weights: Vec<Vec<SExpr>>,
}

impl Unknowns {
    /// Declares the unknowns of a network with the given output signs, and what
    /// may be assumed about them.
    fn declare(context: &mut Context, positive: &[bool], features: usize) -> io::Result<Self> {
        context.set_option(":produce-unsat-cores", context.true_())?;
        context.set_logic("QF_LRA")?;
        let real = context.real_sort();
        let offset = context.declare_const("c", real)?;
        let margin = context.declare_const("t", real)?;
        let zero = context.decimal(0.0);
        let positive_margin = context.gt(margin, zero);
        context.assert(positive_margin)?;
        for (name, part) in MARGINS {
            let wide = context.declare_const(name, context.bool_sort())?;
            let size = context.rdiv(context.decimal(1.0), number(context, &RBig::from(part)));
            let enough = context.imp(wide, context.gte(margin, size));
            context.assert(enough)?;
        }
        let (mut biases, mut weights) = (Vec::new(), Vec::new());
        for i in 0..positive.len() {
            biases.push(context.declare_const(format!("b{i}"), real)?);
            let mut row = Vec::with_capacity(features);
            for f in 0..features {
                row.push(context.declare_const(format!("w{i}_{f}"), real)?);
            }
            weights.push(row);
        }
        // Neurons of one sign can change places: sort them by bias.
        for i in 1..positive.len() {
            if positive[i] == positive[i - 1] {
                let sorted = context.lte(biases[i - 1], biases[i]);
                context.assert(sorted)?;
            }
        }
        Ok(Self { offset, margin, biases, weights })
    }
}

/// A solver process that holds the points of one pattern.
pub(crate) struct Session {
    context: Context,
    program: String,
    features: usize,
    classes: usize,
    /// Output sign of each neuron.
    positive: Vec<bool>,
    /// One selector per demand asserted.
    selectors: Vec<SExpr>,
    unknowns: Unknowns,
}

impl Session {
    /// Starts the solver for networks with the given output signs.
    ///
    /// # Errors
    /// When the solver cannot be started.
    pub(crate) fn start(
        program: &str,
        positive: &[bool],
        features: usize,
        classes: usize,
        clock: &Clock,
    ) -> Result<Self, Error> {
        clock.check()?;
        let failed = |error: io::Error| -> Error {
            if error.kind() == io::ErrorKind::NotFound {
                Error::SolverMissing { program: program.into() }
            } else {
                failure(program, &error, clock)
            }
        };
        let mut builder = ContextBuilder::new();
        builder.solver(program).solver_args(arguments(clock));
        let mut context = builder.build().map_err(failed)?;
        let unknowns = Unknowns::declare(&mut context, positive, features).map_err(failed)?;
        Ok(Self {
            context,
            program: program.into(),
            features,
            classes,
            positive: positive.to_vec(),
            selectors: Vec::new(),
            unknowns,
        })
    }

    /// How many demands it holds.
    pub(crate) fn len(&self) -> usize {
        self.selectors.len()
    }

    /// Adds a demand.
    ///
    /// # Errors
    /// When the solver fails.
    pub(crate) fn add(&mut self, demand: &Demand, clock: &Clock) -> Result<(), Error> {
        self.assert_demand(demand).map_err(|e| failure(&self.program, &e, clock))
    }

    fn assert_demand(&mut self, demand: &Demand) -> io::Result<()> {
        let index = self.selectors.len();
        let context = &mut self.context;
        let real = context.real_sort();
        let selector = context.declare_const(format!("s{index}"), context.bool_sort())?;
        let (lower, upper) = interval(demand.class, self.classes);
        let mut terms = vec![self.unknowns.offset];
        for (i, (bias, weights)) in self.unknowns.biases.iter().zip(&self.unknowns.weights).enumerate() {
            let u = context.declare_const(format!("u{index}_{i}"), real)?;
            let definition = context.eq(u, before(context, *bias, weights, &demand.point));
            context.assert(definition)?;
            let r = context.declare_const(format!("r{index}_{i}"), real)?;
            let zero = context.decimal(0.0);
            // A bound from below may not count on more than a positive neuron
            // gives, nor on less than a negative one takes; from above it is
            // the other way round.
            let (at_most, at_least) = if self.positive[i] { (&lower, &upper) } else { (&upper, &lower) };
            if at_most.is_some() {
                let tight = context.or(context.lte(r, zero), context.lte(r, u));
                context.assert(tight)?;
            }
            if at_least.is_some() {
                let above = context.and(context.gte(r, zero), context.gte(r, u));
                context.assert(above)?;
            }
            terms.push(if self.positive[i] { r } else { context.negate(r) });
        }
        let value = context.plus_many(terms);
        if let Some(bound) = lower {
            let bound = context.plus(number(context, &bound), self.unknowns.margin);
            let condition = context.imp(selector, context.gt(value, bound));
            context.assert(condition)?;
        }
        if let Some(bound) = upper {
            let bound = context.sub(number(context, &bound), self.unknowns.margin);
            let condition = context.imp(selector, context.lt(value, bound));
            context.assert(condition)?;
        }
        self.selectors.push(selector);
        Ok(())
    }

    /// Asks for a network that meets the demands with the given indices.
    ///
    /// # Errors
    /// When the solver fails, gives up, or the clock runs out.
    pub(crate) fn solve(&mut self, demands: &[usize], clock: &Clock) -> Result<Finding, Error> {
        let chosen: Vec<SExpr> = demands.iter().map(|&i| self.selectors[i]).collect();
        let ladder: Vec<Option<&str>> = MARGINS.iter().map(|(name, _)| Some(*name)).chain([None]).collect();
        for wide in ladder {
            clock.check()?;
            let program = self.program.clone();
            let failed = |e: io::Error| failure(&program, &e, clock);
            if let Some(left) = clock.left() {
                let limit = left.as_millis().clamp(1, LONGEST).to_string();
                let limit = self.context.atom(limit);
                self.context.set_option(":timeout", limit).map_err(failed)?;
            }
            let assumed = wide.map(|name| self.context.atom(name));
            let assumptions = chosen.iter().copied().chain(assumed);
            match self.context.check_assuming(assumptions).map_err(failed)? {
                Response::Sat => return Ok(Finding::Network(self.network(clock)?)),
                Response::Unknown => {
                    clock.check()?;
                    return Err(Error::SolverGaveUp {
                        program: self.program.clone(),
                        reason: "it answered 'unknown'".into(),
                    });
                }
                Response::Unsat => {
                    let core = self.context.get_unsat_core().map_err(failed)?;
                    let names = self.names(core);
                    let needs_margin = wide.is_some_and(|name| names.iter().any(|n| n == name));
                    if !needs_margin {
                        let core = names
                            .iter()
                            .filter_map(|n| n.strip_prefix('s').and_then(|d| d.parse().ok()))
                            .collect();
                        return Ok(Finding::Core(core));
                    }
                }
            }
        }
        // The last rung of the ladder assumes no margin, so it has returned.
        Ok(Finding::Core(demands.to_vec()))
    }

    /// The atoms of a list.
    fn names(&self, list: SExpr) -> Vec<String> {
        let items = self.context.get_list(list).unwrap_or_default();
        items.iter().filter_map(|&e| self.context.get_atom(e).map(str::to_owned)).collect()
    }

    /// Reads the network out of the solver's model.
    fn network(&mut self, clock: &Clock) -> Result<RationalNetwork, Error> {
        let mut wanted = vec![self.unknowns.offset];
        wanted.extend(&self.unknowns.biases);
        wanted.extend(self.unknowns.weights.iter().flatten());
        let values = self.values(&wanted).map_err(|e| failure(&self.program, &e, clock))?;
        let (offset, rest) = values.split_at(1);
        let (biases, weights) = rest.split_at(self.unknowns.biases.len());
        let neurons = biases
            .iter()
            .zip(&self.positive)
            .enumerate()
            .map(|(i, (bias, positive))| Neuron {
                output: if *positive { RBig::ONE } else { RBig::NEG_ONE },
                weights: weights[i * self.features..(i + 1) * self.features].to_vec(),
                bias: bias.clone(),
            })
            .collect();
        Ok(RationalNetwork { neurons, offset: offset[0].clone() })
    }

    fn values(&mut self, wanted: &[SExpr]) -> io::Result<Vec<RBig>> {
        let context = &mut self.context;
        let query = context.list(vec![context.atom("get-value"), context.list(wanted.to_vec())]);
        context.raw_send(query)?;
        let answer = context.raw_recv()?;
        let unexpected = || io::Error::other(format!("unexpected answer {}", context.display(answer)));
        let pairs = context.get_list(answer).filter(|p| p.len() == wanted.len()).ok_or_else(unexpected)?;
        pairs
            .iter()
            .map(|&pair| match context.get_list(pair) {
                Some([_, value]) => parse(context, *value).ok_or_else(unexpected),
                _ => Err(unexpected()),
            })
            .collect()
    }
}

/// The arguments of z3: SMT-LIB on standard input, and a limit after which it
/// ends itself should it not honour the limit of a query.
fn arguments(clock: &Clock) -> Vec<String> {
    let mut arguments = vec!["-smt2".to_owned(), "-in".to_owned()];
    if let Some(left) = clock.left() {
        let seconds = (left + Duration::from_secs(2)).as_secs().min(1_000_000);
        arguments.push(format!("-T:{seconds}"));
    }
    arguments
}

/// What an input or output error of the solver's pipe means.
fn failure(program: &str, error: &io::Error, clock: &Clock) -> Error {
    if let Err(timed_out) = clock.check() {
        return timed_out;
    }
    let detail = match error.kind() {
        io::ErrorKind::BrokenPipe => "it ended before it answered".to_owned(),
        _ => {
            let text = error.to_string();
            let ended = text.contains("Failed to parse solver output");
            if ended {
                "it ended before it answered".to_owned()
            } else {
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            }
        }
    };
    Error::SolverFailed { program: program.into(), detail }
}

/// `bias + weights·point` as a term; coordinates that are 0 are left out.
fn before(context: &Context, bias: SExpr, weights: &[SExpr], point: &[RBig]) -> SExpr {
    let mut terms = vec![bias];
    for (w, x) in weights.iter().zip(point) {
        if !x.is_zero() {
            terms.push(context.times(number(context, x), *w));
        }
    }
    if terms.len() == 1 { bias } else { context.plus_many(terms) }
}

/// A rational as an SMT-LIB term.
fn number(context: &Context, value: &RBig) -> SExpr {
    let size = absolute(value);
    let numerator = context.atom(format!("{}.0", size.numerator()));
    let term = if size.is_int() {
        numerator
    } else {
        context.rdiv(numerator, context.atom(format!("{}.0", size.denominator())))
    };
    if is_negative(value) { context.negate(term) } else { term }
}

/// A rational out of an SMT-LIB term: a decimal, `(- a)` or `(/ a b)`.
fn parse(context: &Context, term: SExpr) -> Option<RBig> {
    match context.get(term) {
        SExprData::Atom(text) => {
            let whole = text.strip_suffix(".0").unwrap_or(text);
            whole.parse::<dashu_int::IBig>().ok().map(RBig::from)
        }
        SExprData::List([head, value]) if context.get_atom(*head) == Some("-") => {
            Some(-parse(context, *value)?)
        }
        SExprData::List([head, a, b]) if context.get_atom(*head) == Some("/") => {
            let (a, b) = (parse(context, *a)?, parse(context, *b)?);
            (!b.is_zero()).then(|| a / b)
        }
        _ => None,
    }
}
