//! Queries decided: by proof for the network as stored, or by a point that was
//! checked.

use std::time::{Duration, Instant};

use dashu_ratio::RBig;
use indelible::{
    Dataset, Features, Norm, Precision, Progress, Radii,
    certify::{BoxAnswer, BoxQuery, Claim, Condition, Config, Verdict, answer, certify_with},
    network::Model,
    number::{Enclosure, sub_up},
};

use crate::{
    error::QueryError,
    exact::real_outputs,
    number::{down, enclosure, exact, up},
    query::{Constraint, Query, Role, Variable},
    region::{Region, regions},
};

/// How far a query is looked into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Parts of every box that are bounded at most (default: no limit but time).
    pub parts: usize,
    /// Time in all (default: none). Which queries are decided then depends on the
    /// machine.
    pub timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { parts: usize::MAX, timeout: None }
    }
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// There is a point that was checked exactly and as executed.
    Sat(Witness),
    /// There is none: no real point in real arithmetic, and none as executed in the
    /// network's format, sums in any order.
    Unsat {
        /// By how much at least some constraint of every alternative fails at every
        /// point of that alternative's box; not finite where constraints of the
        /// inputs alone exclude all.
        margin: f64,
        /// What proved it; nothing where the inputs alone decide.
        engines: Vec<String>,
    },
    /// Neither was shown.
    Unknown {
        /// Why, in words.
        why: String,
    },
    /// Neither was shown in time.
    TimedOut,
}

/// A point at which the constraints hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    /// The inputs, numbers of the network's format; of several networks, those of one
    /// after those of another.
    pub inputs: Vec<f64>,
    /// The outputs as executed in that format, in the same order.
    pub outputs: Vec<f64>,
}

/// A network, and the places of its input and its output among the tensors of a query.
pub(crate) struct Side<'m> {
    pub model: &'m Model,
    pub places: [usize; 2],
}

/// An answer and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// Parts of boxes that were bounded.
    pub parts: usize,
    /// Time, in seconds.
    pub seconds: f64,
}

/// Whether a point answers `query` with yes: in real arithmetic, exactly, and as
/// executed in the format of `model`. `point` must be numbers of that format. What
/// is known in a range only counts where all of the range does.
///
/// # Errors
/// [`QueryError::Unfit`] where the query is not about one network with the inputs
/// and outputs of `model`.
pub fn check(query: &Query, model: &Model, point: &[f64]) -> Result<Option<Witness>, QueryError> {
    let places = fitting(query, model)?;
    Ok(confirmed(query, &[Side { model, places }], point))
}

/// Decides `query` about `model`.
///
/// # Errors
/// [`QueryError::Unfit`] where the query is not about one network with the inputs
/// and outputs of `model`, in its format.
pub fn decide(
    query: &Query,
    model: &Model,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<Decision, QueryError> {
    let started = Instant::now();
    let places = fitting(query, model)?;
    let mut parts = 0;
    let answer = decided(query, model, places, (limits, started), &mut parts, progress)?;
    Ok(Decision { answer, parts, seconds: started.elapsed().as_secs_f64() })
}

/// The tensors of the input and of the output of the one network of a query.
fn fitting(query: &Query, model: &Model) -> Result<[usize; 2], QueryError> {
    if query.networks.len() != 1 {
        return Err(QueryError::Unfit(format!(
            "the query is about {} networks, and one was given",
            query.networks.len()
        )));
    }
    tensors_of(query, 0, model)
}

/// The tensors of the input and of the output of a network of a query, where they are
/// those of `model`.
pub(crate) fn tensors_of(query: &Query, network: usize, model: &Model) -> Result<[usize; 2], QueryError> {
    let unfit = |why: String| Err(QueryError::Unfit(why));
    if query.tensors_of(network, Role::Hidden).next().is_some() {
        return unfit(
            "the query is about values within the network; inputs and outputs can be decided here".into(),
        );
    }
    let mut places = [0; 2];
    let sides = [(Role::Input, "input", model.inputs()), (Role::Output, "output", model.outputs())];
    for ((role, side, given), place) in sides.into_iter().zip(&mut places) {
        let all: Vec<_> = query.tensors_of(network, role).collect();
        let [(tensor, known)] = all.as_slice() else {
            return unfit(format!("the query has {} {side}s; one can be decided here", all.len()));
        };
        if known.len() != given {
            return unfit(format!(
                "the {side} of the query has {} elements; the network's has {given}",
                known.len()
            ));
        }
        let fits = match known.element.as_str() {
            "Real" | "real" => true,
            "float32" => model.precision() == Precision::F32,
            "float64" => model.precision() == Precision::F64,
            _ => false,
        };
        if !fits {
            let (name, element) = (&known.name, &known.element);
            return unfit(format!(
                "{name} is declared as {element}; the network computes in {}",
                model.precision()
            ));
        }
        *place = *tensor;
    }
    Ok(places)
}

fn decided(
    query: &Query,
    model: &Model,
    places: [usize; 2],
    (limits, started): (&Limits, Instant),
    parts: &mut usize,
    progress: &dyn Progress,
) -> Result<Answer, QueryError> {
    let (mut margin, mut engines, mut unknown) = (f64::INFINITY, vec![], None);
    let side = [Side { model, places }];
    let until = limits.timeout.and_then(|timeout| started.checked_add(timeout));
    for region in regions(query, places[0], model.inputs()) {
        if let Some(j) = region.lower.iter().zip(&region.upper).position(|(l, u)| l.is_none() || u.is_none())
        {
            unknown = Some(format!("input {j} has no bounds in some alternative"));
            continue;
        }
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Ok(Answer::TimedOut);
        }
        let config = Config { branches: limits.parts, timeout, ..Config::default() };
        let asked = boxed(&region, model, places)?;
        let confirm = |point: &[f64]| confirmed(query, &side, point).is_some();
        match about_box(model, &asked, &config, &confirm, progress)? {
            BoxAnswer::Never { margin: least, parts: more, engine } => {
                *parts += more;
                margin = margin.min(least);
                let engine = engine.to_string();
                if !engines.contains(&engine) {
                    engines.push(engine);
                }
            }
            BoxAnswer::Met { point, parts: more } => {
                *parts += more;
                if let Some(witness) = confirmed(query, &side, &point) {
                    return Ok(Answer::Sat(witness));
                }
                unknown = Some("a point was found and could not be checked".into());
            }
            BoxAnswer::Open { parts: more, timed_out } => {
                *parts += more;
                if timed_out && until.is_some() {
                    return Ok(Answer::TimedOut);
                }
                unknown = Some("neither a proof nor a point was found".into());
            }
            _ => unknown = Some("neither a proof nor a point was found".into()),
        }
    }
    Ok(unknown.map_or(Answer::Unsat { margin, engines }, |why| Answer::Unknown { why }))
}

/// The question about a region, rounded outward.
fn boxed(region: &Region<'_>, model: &Model, [input, output]: [usize; 2]) -> Result<BoxQuery, QueryError> {
    let terms = |constraint: &Constraint, tensor: usize| -> Vec<(usize, Enclosure)> {
        let own = constraint.terms.iter().filter(|(variable, _)| variable.tensor == tensor);
        own.map(|(variable, a)| (variable.element, enclosure(a))).collect()
    };
    let condition = |constraint: &&Constraint| Condition {
        inputs: terms(constraint, input),
        outputs: terms(constraint, output),
        bound: enclosure(&constraint.bound),
    };
    let alternatives = region.alternatives.iter().map(|all| all.iter().map(condition).collect()).collect();
    let lower = region.lower.iter().map(|end| end.as_ref().map_or(f64::NEG_INFINITY, down)).collect();
    let upper = region.upper.iter().map(|end| end.as_ref().map_or(f64::INFINITY, up)).collect();
    BoxQuery::new(lower, upper, model.outputs(), alternatives).map_err(|e| QueryError::Unfit(e.to_string()))
}

/// What is found about a box: at once, by the engines for balls of samples where
/// the question is whether a class is kept, and then part by part.
fn about_box(
    model: &Model,
    asked: &BoxQuery,
    config: &Config,
    confirm: &(dyn Fn(&[f64]) -> bool + Sync),
    progress: &dyn Progress,
) -> Result<BoxAnswer, QueryError> {
    let unfit = |e: indelible::Error| QueryError::Unfit(e.to_string());
    let started = Instant::now();
    let at_once = Config { branches: 1, ..config.clone() };
    let first = answer(model, asked, &at_once, confirm, progress).map_err(unfit)?;
    if !matches!(first, BoxAnswer::Open { .. }) {
        return Ok(first);
    }
    if let Some(found) = by_claim(model, asked, config, confirm, progress) {
        return Ok(found);
    }
    if !matches!(model, Model::Layers(_) | Model::Graph(_)) {
        return Ok(first);
    }
    let timeout = config.timeout.map(|timeout| timeout.saturating_sub(started.elapsed()));
    answer(model, asked, &Config { timeout, ..config.clone() }, confirm, progress).map_err(unfit)
}

/// The answer as a certificate of one sample: the center of the box, with the
/// smallest ball around it that contains the box. Nothing where the question is
/// another, or the ball does not decide it.
fn by_claim(
    model: &Model,
    asked: &BoxQuery,
    config: &Config,
    confirm: &(dyn Fn(&[f64]) -> bool + Sync),
    progress: &dyn Progress,
) -> Option<BoxAnswer> {
    // Behind a map of the features balls are measured in other units.
    if matches!(model, Model::Scaled(_)) {
        return None;
    }
    let class = asked.kept_class().filter(|_| model.outputs() > 1)?;
    let center: Vec<f64> = asked.lower().iter().zip(asked.upper()).map(|(l, u)| l / 2.0 + u / 2.0).collect();
    let half: Vec<f64> = (center.iter().zip(asked.lower()).zip(asked.upper()))
        .map(|((c, l), u)| sub_up(*u, *c).max(sub_up(*c, *l)))
        .collect();
    let radius = half.iter().copied().fold(0.0, f64::max);
    // Where the box is no ball, balls are for forms that nothing else bounds.
    let is_ball = half.iter().all(|half| *half >= 0.99 * radius);
    if !is_ball && matches!(model, Model::Graph(_)) {
        return None;
    }
    let data =
        Dataset::new(Features::F64(center.into()), asked.lower().len(), vec![0], vec!["kept".into()]).ok()?;
    let radii = Radii::Uniform(radius);
    let network_classes = model.outputs();
    let claim = Claim {
        model,
        data: &data,
        classes: &[class],
        network_classes,
        norm: Norm::Linf,
        radii: &radii,
        tie_margin: 0.0,
    };
    let config = Config { branches: config.branches.min(Config::default().branches), ..config.clone() };
    let mut certificate = certify_with(&claim, &config, progress).ok()?;
    match certificate.verdicts.pop()? {
        Verdict::Certified { margin, engine, .. } => Some(BoxAnswer::Never { margin, parts: 1, engine }),
        Verdict::Refuted { point, .. } => confirm(&point).then_some(BoxAnswer::Met { point, parts: 1 }),
        _ => None,
    }
}

/// What is known of a network at a point.
struct Values {
    places: [usize; 2],
    inputs: Vec<RBig>,
    /// As executed.
    outputs: Vec<RBig>,
}

/// The witness that a point is, the inputs of one network after those of another, where
/// it is one.
pub(crate) fn confirmed(query: &Query, sides: &[Side<'_>], point: &[f64]) -> Option<Witness> {
    let (mut rest, mut outputs, mut known) = (point, vec![], vec![]);
    for Side { model, places } in sides {
        let (inputs, others) = rest.split_at_checked(model.inputs())?;
        rest = others;
        if !inputs.iter().all(|x| model.precision().holds(*x)) {
            return None;
        }
        let computed = model.evaluate(inputs).ok()?;
        let exactly = |values: &[f64]| values.iter().map(|v| exact(*v)).collect::<Option<Vec<RBig>>>();
        known.push(Values { places: *places, inputs: exactly(inputs)?, outputs: exactly(&computed)? });
        outputs.extend(computed);
    }
    if !rest.is_empty() {
        return None;
    }
    let nothing = RBig::ZERO;
    let place = |v: Variable, output: &dyn Fn(usize, usize) -> Option<[RBig; 2]>| {
        let of = known.iter().enumerate().find(|(_, values)| values.places.contains(&v.tensor));
        let value = of.and_then(|(at, values)| match v.tensor {
            tensor if tensor == values.places[0] => {
                values.inputs.get(v.element).map(|x| [x.clone(), x.clone()])
            }
            _ => output(at, v.element),
        });
        value.unwrap_or([nothing.clone(), nothing.clone()])
    };
    let as_executed =
        |at: usize, k: usize| known.get(at)?.outputs.get(k).map(|y: &RBig| [y.clone(), y.clone()]);
    if !query.holds_within(&|v| place(v, &as_executed)) {
        return None;
    }
    let (mut real, mut rest) = (vec![], point);
    for Side { model, .. } in sides {
        let (inputs, others) = rest.split_at_checked(model.inputs())?;
        rest = others;
        real.push(real_outputs(model, inputs)?);
    }
    let really = |at: usize, k: usize| real.get(at)?.get(k).cloned();
    let holds = query.holds_within(&|v| place(v, &really));
    holds.then(|| Witness { inputs: point.to_vec(), outputs })
}
