//! What is asked about a network.

use std::collections::BTreeMap;

use dashu_ratio::RBig;
use indelible::{
    Precision,
    number::{add_down, random::Random, sub_up},
};

use super::{family::Family, subject::Subject};
use crate::{
    number::exact,
    query::{Constraint, NetworkDeclaration, Query, Role, Tensor, Variable, Version},
};

/// Questions about a network.
pub(super) const QUESTIONS: usize = 4;

/// A question, with a point that may answer it with yes.
pub(super) struct Asked {
    pub query: Query,
    pub candidate: Option<Vec<f64>>,
    /// The radius, in shares of half the distance to the nearest enemy: from 1 on
    /// no network keeps both labels.
    pub distance: f64,
}

/// A part of the question: constraints that hold together.
type All = Vec<Constraint>;

/// Question `which` about a network, the even ones expected to have no answer and
/// the odd ones to have one.
pub(super) fn question(
    family: Family,
    subject: &Subject,
    which: usize,
    random: &mut Random,
) -> Option<Asked> {
    // The closest pair of a ladder are the first two.
    let samples = if family == Family::Ladder { 2 } else { subject.data.samples() };
    let sample = random.below(samples);
    // The lead of a memory may fall to nothing at the ends of a ball, and that of a
    // trained network beside it does not.
    let last = if family == Family::Trained { 0.75 } else { 0.999 };
    let within = subject.radius * [random.of(&[0.25, 0.5, 0.75, 0.9]), 0.0, last][which.min(2)];
    let (enemy, distance) = subject.enemy(sample);
    // A point of the enemy's ball is in a ball of this radius.
    let beyond = distance - subject.radius * if which == 1 { 0.5 } else { last };
    let radius = if which.is_multiple_of(2) { within } else { beyond };
    match family {
        Family::Pair => pair(subject, (sample, enemy, distance), which, within),
        Family::Range | Family::Tolerance => range(family, subject, (sample, distance), which, random),
        Family::Regions => {
            regions(subject, (sample, enemy, distance), which, radius, within.max(subject.radius * 0.5))
        }
        Family::Equivalence => equivalence(subject, (sample, distance), which, (within, beyond), random),
        Family::Unconstrained if which % 2 == 1 => {
            let x = subject.data.row(sample);
            let query = asked(subject, in_box(&ends(&x, radius)?)?, vec![vec![]]);
            Some(Asked { query, candidate: Some(x), distance: 2.0 * radius / distance })
        }
        _ => {
            let ends = ends(&subject.data.row(sample), radius)?;
            let candidate = (which % 2 == 1).then(|| clamped(&subject.data.row(enemy), &ends));
            let query = asked(subject, in_box(&ends)?, beaten(subject, sample));
            Some(Asked { query, candidate, distance: 2.0 * radius / distance })
        }
    }
}

/// The ball of a sample or that of its nearest enemy: a point in both shows that no
/// network keeps both labels.
fn pair(
    subject: &Subject,
    (sample, enemy, distance): (usize, usize, f64),
    which: usize,
    within: f64,
) -> Option<Asked> {
    let radius = match which {
        1 => distance / 2.0 * (1.0 + 1.0 / 64.0),
        3 => distance / 2.0 * (1.0 + 8.0 * Precision::F32.unit_roundoff()),
        _ => within,
    };
    let (a, b) = (subject.data.row(sample), subject.data.row(enemy));
    let both = [ends(&a, radius)?, ends(&b, radius)?];
    let middle: Vec<f64> = a.iter().zip(&b).map(|(a, b)| Precision::F32.round(a / 2.0 + b / 2.0)).collect();
    let mut alternatives = vec![];
    for (who, ends) in [sample, enemy].into_iter().zip(&both) {
        let inside = in_box(ends)?;
        alternatives.extend(beaten(subject, who).into_iter().map(|all| [inside.clone(), all].concat()));
    }
    let candidate = (which % 2 == 1).then(|| clamped(&middle, &both[0]));
    Some(Asked { query: asked(subject, vec![], alternatives), candidate, distance: 2.0 * radius / distance })
}

/// Points of a box that are tried to find one where two networks disagree.
const TRIED: usize = 1024;

/// Whether two networks, whose outputs stand one behind the other, ever choose other
/// classes on the ball of a sample; the last question is whether an output of one is ever
/// off from that of the other by half as much as it is at the sample.
fn equivalence(
    subject: &Subject,
    (sample, distance): (usize, f64),
    which: usize,
    (within, beyond): (f64, f64),
    random: &mut Random,
) -> Option<Asked> {
    let x = subject.data.row(sample);
    let radius = if which == 1 { beyond } else { within.max(subject.radius * 0.5) };
    let ends = ends(&x, radius)?;
    let classes = subject.model.outputs() / 2;
    let (alternatives, candidate) = if which == 3 {
        (apart(&subject.model.evaluate(&x).ok()?, classes)?, Some(x))
    } else {
        let candidate = if which == 1 { disagreement(subject, &ends, random) } else { None };
        (disagreeing(classes), candidate)
    };
    let query = asked(subject, in_box(&ends)?, alternatives);
    Some(Asked { query, candidate, distance: 2.0 * radius / distance })
}

/// One network chooses a class and the other another one: one alternative for each two.
fn disagreeing(classes: usize) -> Vec<All> {
    // Of the outputs that begin at `first`, no one is above that of `class`.
    let chooses = |first: usize, class: usize| {
        let others = (0..classes).filter(move |k| *k != class);
        others.map(move |k| {
            let terms =
                BTreeMap::from([(output(first + k), RBig::ONE), (output(first + class), RBig::NEG_ONE)]);
            Constraint { terms, bound: RBig::ZERO, strict: false }
        })
    };
    let pairs = (0..classes).flat_map(|a| (0..classes).filter(move |b| *b != a).map(move |b| (a, b)));
    pairs.map(|(a, b)| chooses(0, a).chain(chooses(classes, b)).collect()).collect()
}

/// A point of a box where the two networks choose other classes.
fn disagreement(subject: &Subject, ends: &[(f64, f64)], random: &mut Random) -> Option<Vec<f64>> {
    let points: Vec<f64> = (0..TRIED)
        .flat_map(|_| {
            ends.iter()
                .map(|(l, u)| Precision::F32.round(l + random.unit() * (u - l)).clamp(*l, *u))
                .collect::<Vec<_>>()
        })
        .collect();
    let outputs = subject.model.evaluate(&points).ok()?;
    let classes = subject.model.outputs() / 2;
    let best = |y: &[f64]| (0..y.len()).max_by(|a, b| y[*a].total_cmp(&y[*b]));
    let mut rows = points.chunks(ends.len()).zip(outputs.chunks(2 * classes));
    rows.find(|(_, y)| best(&y[..classes]) != best(&y[classes..])).map(|(x, _)| x.to_vec())
}

/// Of the output in which two networks differ most at a point, they differ by half of
/// that; nothing where all are the same.
fn apart(y: &[f64], classes: usize) -> Option<Vec<All>> {
    let difference = |k: usize| y[k] - y[classes + k];
    let most = (0..classes).max_by(|a, b| difference(*a).abs().total_cmp(&difference(*b).abs()))?;
    let half = exact(difference(most).abs() / 2.0).filter(|half| *half > RBig::ZERO)?;
    let signed = |sign: i8| {
        let terms =
            BTreeMap::from([(output(most), RBig::from(-sign)), (output(classes + most), RBig::from(sign))]);
        vec![Constraint { terms, bound: -half.clone(), strict: false }]
    };
    Some(vec![signed(1), signed(-1)])
}

/// How large or small outputs get on the ball of a sample, compared with what they
/// are at the sample.
fn range(
    family: Family,
    subject: &Subject,
    (sample, distance): (usize, f64),
    which: usize,
    random: &mut Random,
) -> Option<Asked> {
    let x = subject.data.row(sample);
    let values = subject.model.evaluate(&x).ok()?;
    let own = subject.data.labels()[sample];
    let other = (own + 1) % values.len();
    // Below and above the tolerance of 10⁻⁴.
    let step =
        if family == Family::Tolerance { 0.5f64.powi(15) } else { random.of(&[0.5, 0.125, 1.0 / 64.0]) };
    let radius = subject.radius * 0.9;
    let ends = ends(&x, radius)?;
    let at_most = |k: usize, v: f64| Some(vec![bounded(output(k), 1, exact(v)?)]);
    let at_least = |k: usize, v: f64| Some(vec![bounded(output(k), -1, exact(-v)?)]);
    let alternatives = match which {
        0 => vec![at_most(own, values[own] - step)?],
        1 => vec![at_most(own, values[own] + step)?],
        2 => vec![at_least(other, values[other] + step)?, at_most(own, values[own] - step)?],
        _ => {
            let both = [at_least(other, values[other] - step)?, at_least(own, values[own] - step)?].concat();
            vec![at_most(own, values[own] - step)?, both]
        }
    };
    let query = asked(subject, in_box(&ends)?, alternatives);
    Some(Asked { query, candidate: (which % 2 == 1).then_some(x), distance: 2.0 * radius / distance })
}

/// The balls of all samples at once, that of one with a radius of its own.
fn regions(
    subject: &Subject,
    (sample, enemy, distance): (usize, usize, f64),
    which: usize,
    radius: f64,
    others: f64,
) -> Option<Asked> {
    let mut alternatives = vec![];
    let mut candidate = None;
    for i in 0..subject.data.samples() {
        let ends = ends(&subject.data.row(i), if i == sample { radius } else { others })?;
        if i == sample && which % 2 == 1 {
            candidate = Some(clamped(&subject.data.row(enemy), &ends));
        }
        let inside = in_box(&ends)?;
        alternatives.extend(beaten(subject, i).into_iter().map(|all| [inside.clone(), all].concat()));
    }
    Some(Asked { query: asked(subject, vec![], alternatives), candidate, distance: 2.0 * radius / distance })
}

/// The ends of the ball around a point, as numbers of binary32 within it.
fn ends(x: &[f64], radius: f64) -> Option<Vec<(f64, f64)>> {
    let precision = Precision::F32;
    let each = x.iter().map(|&x| {
        let (lower, upper) =
            (precision.round_up(sub_up(x, radius)), precision.round_down(add_down(x, radius)));
        (lower <= upper && lower.is_finite() && upper.is_finite()).then_some((lower, upper))
    });
    each.collect()
}

/// The point of a box that is nearest.
fn clamped(x: &[f64], ends: &[(f64, f64)]) -> Vec<f64> {
    x.iter().zip(ends).map(|(x, (lower, upper))| Precision::F32.round(*x).max(*lower).min(*upper)).collect()
}

fn output(element: usize) -> Variable {
    Variable { tensor: 1, element }
}

/// `sign · variable ≤ bound`.
fn bounded(variable: Variable, sign: i8, bound: RBig) -> Constraint {
    Constraint { terms: BTreeMap::from([(variable, RBig::from(sign))]), bound, strict: false }
}

/// The inputs lie in a box.
fn in_box(ends: &[(f64, f64)]) -> Option<All> {
    let mut all = vec![];
    for (element, (lower, upper)) in ends.iter().enumerate() {
        let variable = Variable { tensor: 0, element };
        all.push(bounded(variable, -1, exact(-lower)?));
        all.push(bounded(variable, 1, exact(*upper)?));
    }
    Some(all)
}

/// Some other class scores at least as high as that of a sample.
fn beaten(subject: &Subject, sample: usize) -> Vec<All> {
    let own = subject.data.labels()[sample];
    let others = (0..subject.model.outputs()).filter(|k| *k != own);
    let beats = |k: usize| {
        let terms = BTreeMap::from([(output(own), RBig::ONE), (output(k), RBig::NEG_ONE)]);
        vec![Constraint { terms, bound: RBig::ZERO, strict: false }]
    };
    others.map(beats).collect()
}

/// The query of version 1.0. A single alternative is no choice.
fn asked(subject: &Subject, mut common: All, mut alternatives: Vec<All>) -> Query {
    if let [_] = alternatives.as_slice() {
        common.extend(alternatives.drain(..).flatten());
        alternatives.push(vec![]);
    }
    let tensor = |name: &str, role, len: usize| Tensor {
        name: name.into(),
        role,
        element: "Real".into(),
        shape: vec![len],
        onnx_name: None,
    };
    Query {
        version: Version::V1,
        networks: vec![NetworkDeclaration { name: String::new(), kinship: None, tensors: vec![0, 1] }],
        tensors: vec![
            tensor("X", Role::Input, subject.model.inputs()),
            tensor("Y", Role::Output, subject.model.outputs()),
        ],
        common,
        alternatives,
    }
}

/// The same query in version 2.0, about a network `N` that reads rows.
pub(super) fn second(query: &Query) -> Query {
    let mut query = Query { version: Version::V2, ..query.clone() };
    query.networks.iter_mut().for_each(|network| network.name = "N".into());
    for tensor in &mut query.tensors {
        tensor.element = "float32".into();
        tensor.shape.insert(0, 1);
    }
    query
}

/// The query with `by` taken off the bound of every constraint on outputs.
pub(super) fn tightened(query: &Query, by: &RBig) -> Query {
    let mut query = query.clone();
    let on_outputs = |constraint: &&mut Constraint| constraint.terms.keys().any(|v| v.tensor == 1);
    let all = query.common.iter_mut().chain(query.alternatives.iter_mut().flatten());
    all.filter(on_outputs).for_each(|constraint| constraint.bound -= by);
    query
}
