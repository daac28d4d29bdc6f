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
    affine::{AffineFunction, Neuron},
    clock::Clock,
    instance::{Demand, Finding, Instance, interval},
    network::RationalNetwork,
    rational::{absolute, is_negative},
};

/// Margins asked for before one as small as the solver likes: networks with
/// room to spare survive rounding, and their counterexamples are better cuts.
const MARGINS: [(&str, u8); 2] = [("m4", 4), ("m64", 64)];

/// Longest time limit handed to the solver, in milliseconds: it takes 32 bits.
const LONGEST: u128 = 4_000_000_000;

/// A solver process that holds the points of one pattern.
pub(crate) struct Session {
    context: Context,
    program: String,
    clock: Clock,
    classes: usize,
    /// Output sign of each neuron.
    positive: Vec<bool>,
    /// One selector per demand asserted.
    selectors: Vec<SExpr>,
    /// The network that is looked for, as terms of the solver.
    offset: SExpr,
    margin: SExpr,
    biases: Vec<SExpr>,
    weights: Vec<Vec<SExpr>>,
}

impl Session {
    /// Starts the solver for networks with the given output signs.
    pub(crate) fn start(program: &str, positive: &[bool], instance: &Instance<'_>) -> Result<Self, Error> {
        instance.clock.check()?;
        Self::declare(program, positive, instance).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                Error::SolverMissing { program: program.into() }
            } else {
                failure(program, &error, &instance.clock)
            }
        })
    }

    /// Starts the solver, declares the unknowns of the network and says what
    /// may be assumed about them.
    fn declare(program: &str, positive: &[bool], instance: &Instance<'_>) -> io::Result<Self> {
        let mut context =
            ContextBuilder::new().solver(program).solver_args(arguments(&instance.clock)).build()?;
        context.set_option(":produce-unsat-cores", context.true_())?;
        context.set_logic("QF_LRA")?;
        let real = context.real_sort();
        let offset = context.declare_const("c", real)?;
        let margin = context.declare_const("t", real)?;
        assert(&mut context, |c| c.gt(margin, c.decimal(0.0)))?;
        for (name, part) in MARGINS {
            let wide = context.declare_const(name, context.bool_sort())?;
            assert(&mut context, |c| {
                c.imp(wide, c.gte(margin, c.rdiv(c.decimal(1.0), number(c, &RBig::from(part)))))
            })?;
        }
        let (mut biases, mut weights) = (Vec::new(), Vec::new());
        for i in 0..positive.len() {
            biases.push(context.declare_const(format!("b{i}"), real)?);
            let row = (0..instance.data.features()).map(|f| context.declare_const(format!("w{i}_{f}"), real));
            weights.push(row.collect::<io::Result<Vec<SExpr>>>()?);
        }
        // Neurons of one sign can change places: sort them by bias.
        for i in 1..positive.len() {
            if positive[i] == positive[i - 1] {
                assert(&mut context, |c| c.lte(biases[i - 1], biases[i]))?;
            }
        }
        Ok(Self {
            context,
            program: program.into(),
            clock: instance.clock,
            classes: instance.data.classes(),
            positive: positive.to_vec(),
            selectors: Vec::new(),
            offset,
            margin,
            biases,
            weights,
        })
    }

    /// Tells the solver about one more demand.
    fn assert_demand(&mut self, demand: &Demand) -> io::Result<()> {
        let index = self.selectors.len();
        let context = &mut self.context;
        let real = context.real_sort();
        let selector = context.declare_const(format!("s{index}"), context.bool_sort())?;
        let (lower, upper) = interval(demand.class, self.classes);
        let mut terms = vec![self.offset];
        for (i, (bias, weights)) in self.biases.iter().zip(&self.weights).enumerate() {
            let u = context.declare_const(format!("u{index}_{i}"), real)?;
            assert(context, |c| c.eq(u, before(c, *bias, weights, &demand.point)))?;
            let r = context.declare_const(format!("r{index}_{i}"), real)?;
            let zero = context.decimal(0.0);
            // A bound from below may not count on more than a positive neuron
            // gives, nor on less than a negative one takes; from above it is
            // the other way round.
            let (at_most, at_least) = if self.positive[i] { (&lower, &upper) } else { (&upper, &lower) };
            if at_most.is_some() {
                assert(context, |c| c.or(c.lte(r, zero), c.lte(r, u)))?;
            }
            if at_least.is_some() {
                assert(context, |c| c.and(c.gte(r, zero), c.gte(r, u)))?;
            }
            terms.push(if self.positive[i] { r } else { context.negate(r) });
        }
        let (value, margin) = (context.plus_many(terms), self.margin);
        if let Some(bound) = lower {
            assert(context, |c| c.imp(selector, c.gt(value, c.plus(number(c, &bound), margin))))?;
        }
        if let Some(bound) = upper {
            assert(context, |c| c.imp(selector, c.lt(value, c.sub(number(c, &bound), margin))))?;
        }
        self.selectors.push(selector);
        Ok(())
    }

    /// Asks for a network that meets the chosen ones of `demands`, which begin
    /// with those that earlier calls gave.
    pub(crate) fn solve(&mut self, demands: &[Demand], chosen: &[usize]) -> Result<Finding, Error> {
        for demand in &demands[self.selectors.len()..] {
            self.assert_demand(demand).map_err(|e| failure(&self.program, &e, &self.clock))?;
        }
        for wide in MARGINS.iter().map(|(name, _)| Some(*name)).chain([None]) {
            self.clock.check()?;
            match self.ask(chosen, wide).map_err(|e| failure(&self.program, &e, &self.clock))? {
                Reply::Found(finding) => return Ok(finding),
                Reply::NeedsMargin => {}
                Reply::Unknown => {
                    self.clock.check()?;
                    let reason = "it answered 'unknown'".into();
                    return Err(Error::SolverGaveUp { program: self.program.clone(), reason });
                }
            }
        }
        // The last rung of the ladder assumes no margin, so it has returned.
        Ok(Finding::Core(chosen.to_vec()))
    }

    /// The same with the margin that the assumption `wide` stands for.
    fn ask(&mut self, chosen: &[usize], wide: Option<&str>) -> io::Result<Reply> {
        if let Some(left) = self.clock.left() {
            let limit = self.context.atom(left.as_millis().clamp(1, LONGEST).to_string());
            self.context.set_option(":timeout", limit)?;
        }
        let assumed = wide.map(|name| self.context.atom(name));
        let assumptions = chosen.iter().map(|&i| self.selectors[i]).chain(assumed);
        match self.context.check_assuming(assumptions)? {
            Response::Sat => Ok(Reply::Found(Finding::Network(self.network()?))),
            Response::Unknown => Ok(Reply::Unknown),
            Response::Unsat => {
                let core = self.context.get_unsat_core()?;
                let core = self.context.get_list(core).unwrap_or_default();
                let names = || core.iter().filter_map(|&e| self.context.get_atom(e));
                if names().any(|name| Some(name) == wide) {
                    return Ok(Reply::NeedsMargin);
                }
                let indices = names().filter_map(|name| name.strip_prefix('s')?.parse().ok());
                Ok(Reply::Found(Finding::Core(indices.collect())))
            }
        }
    }

    /// Reads the network out of the solver's model.
    fn network(&mut self) -> io::Result<RationalNetwork> {
        let context = &mut self.context;
        let unknowns = [&self.offset].into_iter().chain(&self.biases).chain(self.weights.iter().flatten());
        let wanted: Vec<SExpr> = unknowns.copied().collect();
        let count = wanted.len();
        let query = context.list(vec![context.atom("get-value"), context.list(wanted)]);
        context.raw_send(query)?;
        let answer = context.raw_recv()?;
        let value = |&pair: &SExpr| match context.get_list(pair)? {
            [_, value] => parse(context, *value),
            _ => None,
        };
        let pairs = context.get_list(answer).filter(|pairs| pairs.len() == count);
        let values = pairs.and_then(|pairs| pairs.iter().map(value).collect::<Option<Vec<RBig>>>());
        let mut values = values
            .ok_or_else(|| io::Error::other(format!("unexpected answer {}", context.display(answer))))?
            .into_iter();
        let offset = values.next().unwrap_or_default();
        let biases: Vec<RBig> = values.by_ref().take(self.biases.len()).collect();
        let neuron = |(constant, (positive, weights)): (RBig, (&bool, &Vec<SExpr>))| Neuron {
            output: if *positive { RBig::ONE } else { RBig::NEG_ONE },
            before: AffineFunction { gradient: values.by_ref().take(weights.len()).collect(), constant },
        };
        let neurons = biases.into_iter().zip(self.positive.iter().zip(&self.weights)).map(neuron).collect();
        Ok(RationalNetwork { neurons, offset })
    }
}

/// What the solver says to a question.
enum Reply {
    Found(Finding),
    /// Only the margin that was assumed is impossible.
    NeedsMargin,
    Unknown,
}

/// Asserts a term.
fn assert(context: &mut Context, term: impl FnOnce(&Context) -> SExpr) -> io::Result<()> {
    let term = term(context);
    context.assert(term)
}

/// The arguments of z3: SMT-LIB on standard input, and a limit after which it
/// ends itself should it not honour the limit of a query.
fn arguments(clock: &Clock) -> Vec<String> {
    let limit = clock.left().map(|left| (left + Duration::from_secs(2)).as_secs().min(1_000_000));
    let fixed = ["-smt2".to_owned(), "-in".to_owned()];
    fixed.into_iter().chain(limit.map(|seconds| format!("-T:{seconds}"))).collect()
}

/// What an input or output error of the solver's pipe means.
fn failure(program: &str, error: &io::Error, clock: &Clock) -> Error {
    if let Err(timed_out) = clock.check() {
        return timed_out;
    }
    let text = error.to_string();
    let ended = error.kind() == io::ErrorKind::BrokenPipe || text.contains("Failed to parse solver output");
    let detail = if ended {
        "it ended before it answered".to_owned()
    } else {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    Error::SolverFailed { program: program.into(), detail }
}

/// `bias + weights·point` as a term; coordinates that are 0 are left out.
fn before(context: &Context, bias: SExpr, weights: &[SExpr], point: &[RBig]) -> SExpr {
    let factors = weights.iter().zip(point).filter(|(_, x)| !x.is_zero());
    let products = factors.map(|(w, x)| context.times(number(context, x), *w));
    context.plus_many([bias].into_iter().chain(products))
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
