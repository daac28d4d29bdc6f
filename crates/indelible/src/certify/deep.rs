//! Certificates for layers on balls of any norm: sums of curves, followed back.
//!
//! Meant are all executions: real arithmetic, and the network's format with
//! sums in any order, fused or not. In each of them a sum is
//! `Σ w_c v_c + b + e` with `|e|` at most what `rounding` says, if nothing
//! overflows; a network in which something may gets no certificate here. What
//! is proved for all values that keep these equations holds for them all.
//!
//! Forward, every unit gets an interval, and where it is `Σ_j g_j(x_j) + c` on
//! the ball (see [`Separable`]) it is kept as that. A unit that is surely on,
//! or reads one feature, stays separable behind its ReLU; the others are
//! bounded by following their sums back ([`Point::lower`]): a unit that counts
//! positively is at least its sum and at least 0, one that counts negatively
//! is one of the two, and equal terms cancel. So `F + relu(g − F)` is seen to
//! be a maximum, a tree of maxima one of its leaves, and the difference of two
//! affine scores what it is.

use std::rc::Rc;

use super::{
    Claim, Verdict, ball,
    curve::Ball,
    interval::{Arithmetic, Interval, plus, product},
    rounding::{Rounding, Term, grid, rounding},
    scalar_margin,
    separable::{Separable, behind_relu, bounds, bounds_on_box, held_lower},
    slopes::magnitude,
};
use crate::{
    Norm,
    network::{Layer, Row, StoredNetwork},
    number::{add_down, add_up, mul_down, mul_up, sqrt_up, sub_down, sub_up},
};

/// Units that are tried both ways in one sum.
const MOST_OPEN: usize = 4;
/// Weights that may be looked at for one bound.
const MOST_WORK: usize = 400_000;
/// As much for the margin of a sample, where nothing else was enough.
const MOST_FINAL_WORK: usize = 20_000_000;

/// Cuts of the ball for a sum of curves, where nothing else was enough.
const MOST_SPLITS: usize = 4;

/// How a sum is followed back.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// In parts that read nothing in common.
    Apart,
    /// As one.
    Joint,
    /// As one, through all units that are surely on, so that their roundings
    /// cancel with their values, and the ball cut where curves have two tops.
    Careful,
}

impl Way {
    fn splits(self) -> usize {
        if self == Self::Careful { MOST_SPLITS } else { 0 }
    }
}

/// Units of a layer with weights.
type Terms = Vec<(usize, f64)>;

/// What is known of a unit on the ball.
#[derive(Clone, Debug)]
struct Unit {
    /// Its sum before the ReLU.
    sum: Interval,
    value: Interval,
    shape: Option<Rc<Separable>>,
    /// Its sum at the center of the ball, about.
    center: f64,
    /// How far a computed sum may lie from the exact one of what it reads.
    slack: f64,
    /// A power of two that its value is a multiple of as executed.
    grid: f64,
}

/// Certified or undecided.
pub(super) fn verdict(claim: &Claim<'_>, network: &StoredNetwork, sample: usize) -> Verdict {
    match margin(claim, network, sample) {
        Some(margin) if margin > 0.0 => Verdict::Certified { margin, exact: false },
        _ => Verdict::Undecided,
    }
}

/// By how much the right label leads on the whole ball.
fn margin(claim: &Claim<'_>, network: &StoredNetwork, sample: usize) -> Option<f64> {
    let class = claim.classes[claim.data.labels()[sample]];
    let (point, outputs) = Point::through(claim, network, sample)?;
    if let [scalar] = &outputs[..] {
        return Some(scalar_margin(scalar.lower, scalar.upper, class, claim.network_classes));
    }
    let own = outputs.get(class)?;
    let mut least = f64::INFINITY;
    for (other, output) in outputs.iter().enumerate().filter(|(c, _)| *c != class) {
        let mut lead = sub_down(own.lower, output.upper);
        if lead <= 0.0 {
            lead = lead.max(point.lead(network, class, other));
        }
        least = least.min(lead);
        if least <= 0.0 {
            return Some(least);
        }
    }
    Some(least)
}

/// A sum of units that is to be bounded from below.
#[derive(Clone, Debug, Default)]
struct Query {
    terms: Terms,
    /// Separable units met on the way, with their weights.
    held: Vec<(f64, Rc<Separable>)>,
    /// What is added, roundings taken off.
    base: f64,
}

/// The layers up to one on the ball of one sample.
pub(super) struct Point<'a> {
    arithmetic: Arithmetic,
    geometry: Ball,
    layers: Vec<&'a Layer>,
    /// Inputs first, then the units of each layer.
    units: Vec<Vec<Unit>>,
}

impl<'a> Point<'a> {
    /// All layers but the last, and bounds of the outputs; `None` where
    /// something may overflow.
    pub(super) fn through(
        claim: &Claim<'_>,
        network: &'a StoredNetwork,
        sample: usize,
    ) -> Option<(Self, Vec<Interval>)> {
        let (last, hidden) = network.layers.split_last()?;
        let mut point = Self::inputs(claim, network, sample)?;
        for layer in hidden {
            point.push(layer)?;
        }
        let outputs = point.sums(last, false)?;
        Some((point, outputs.into_iter().map(|unit| unit.sum).collect()))
    }

    fn inputs(claim: &Claim<'_>, network: &StoredNetwork, sample: usize) -> Option<Self> {
        let precision = network.precision;
        let x = claim.data.row(sample);
        let radius = claim.radii.of(sample);
        // Differences of places and of values must not overflow either.
        let largest = precision.largest() / 4.0;
        let units = ball(&x, radius, precision)
            .enumerate()
            .map(|(j, (lower, upper))| {
                if lower < -largest || upper > largest {
                    return None;
                }
                let value = Interval { lower, upper };
                let shape = Some(Rc::new(Separable::feature(j, lower, upper)));
                let grid = grid(precision, value);
                Some(Unit { sum: value, value, shape, center: x[j], slack: 0.0, grid })
            })
            .collect::<Option<Vec<_>>>()?;
        // What the network reads lies in a ball that is larger by a rounding.
        let moved = units.iter().map(|unit: &Unit| {
            let rounding = mul_up(magnitude(unit.value), precision.unit_roundoff());
            add_up(rounding, precision.smallest_subnormal())
        });
        let moved = match claim.norm {
            Norm::L2 => sqrt_up(moved.fold(0.0, |sum, m| add_up(sum, mul_up(m, m)))),
            Norm::L1 | Norm::Lp(_) | Norm::Linf => moved.fold(0.0, add_up),
        };
        let geometry = Ball::new(x, add_up(radius, moved), claim.norm);
        Some(Self { arithmetic: Arithmetic { precision }, geometry, layers: vec![], units: vec![units] })
    }

    /// What rounding does to a row's sum of what it reads; `None` where a sum
    /// may overflow in some order.
    fn rounding(&self, depth: usize, row: Row<'_>) -> Option<Rounding> {
        let units = self.units.get(depth)?;
        let terms = || row.columns.iter().zip(row.weights).filter(|(c, _)| !units[**c].value.is_zero());
        let all = terms().map(|(&c, &weight)| Term { weight, value: units[c].value, grid: units[c].grid });
        rounding(self.arithmetic, all, row.bias, |sign| {
            // What is behind a ReLU is not negative.
            if depth == 0 {
                return None;
            }
            let same = terms().filter(|(_, w)| **w * sign > 0.0).map(|(&c, &w)| (c, -w * sign)).collect();
            let query = Query { terms: same, held: vec![], base: -(row.bias * sign).max(0.0) };
            let mut work = MOST_WORK;
            Some(-self.lower(depth, query, Way::Apart, &mut work))
        })
    }

    /// Adds a hidden layer; `None` where something may overflow.
    fn push(&mut self, layer: &'a Layer) -> Option<()> {
        let units = self.sums(layer, true)?;
        self.layers.push(layer);
        self.units.push(units);
        Some(())
    }

    /// The neurons of a layer that reads the last one, a ReLU behind it or not.
    fn sums(&self, layer: &Layer, relu: bool) -> Option<Vec<Unit>> {
        let depth = self.layers.len();
        (0..layer.outputs()).map(|index| self.unit(depth, layer, index, relu)).collect()
    }

    fn unit(&self, depth: usize, layer: &Layer, index: usize, relu: bool) -> Option<Unit> {
        let row = layer.row(index);
        let below = &self.units[depth];
        if let ([column], [1.0], 0.0) = (row.columns, row.weights, row.bias)
            && below[*column].value.lower >= 0.0
        {
            let unit = &below[*column];
            return Some(Unit { sum: unit.value, center: unit.center.max(0.0), slack: 0.0, ..unit.clone() });
        }
        let Rounding { slack, grid: multiple } = self.rounding(depth, row)?;
        let used: Terms = (row.columns.iter().copied().zip(row.weights.iter().copied()))
            .filter(|(c, _)| !below[*c].value.is_zero())
            .collect();
        let mut terms: Vec<Interval> =
            used.iter().map(|&(c, w)| self.arithmetic.product(w, below[c].value)).collect();
        terms.push(Interval::point(row.bias));
        let mut sum = self.arithmetic.sum(&terms)?;
        if relu && sum.upper <= 0.0 && sum.lower.is_finite() {
            let (value, center) = (Interval::ZERO, sum.upper);
            return Some(Unit { sum, value, shape: None, center, slack, grid: multiple });
        }
        let shapes: Option<Vec<(f64, &Separable)>> =
            used.iter().map(|&(c, w)| Some((w, below[c].shape.as_deref()?))).collect();
        let mut shape = shapes.and_then(|shapes| Separable::sum(&shapes, row.bias, slack)).map(Rc::new);
        // Where a box decides whether the unit is on, the ball is not looked at.
        let decided = |clean: &Interval| relu && (clean.lower >= 0.0 || clean.upper < 0.0);
        let clean = shape.as_ref().map(|shape| {
            Some(bounds_on_box(shape)).filter(decided).unwrap_or_else(|| bounds(&self.geometry, shape))
        });
        let sharp = match (&shape, clean) {
            (Some(shape), Some(clean)) => Interval {
                lower: sub_down(clean.lower, shape.error),
                upper: add_up(clean.upper, shape.error),
            },
            _ if used.len() > 1 => {
                let bound = |sign: f64| {
                    let terms = used.iter().map(|&(c, w)| (c, sign * w)).collect();
                    let base = sub_down(sign * row.bias, slack);
                    let mut work = MOST_WORK;
                    self.lower(depth, Query { terms, held: vec![], base }, Way::Apart, &mut work)
                };
                Interval { lower: bound(1.0), upper: -bound(-1.0) }
            }
            _ => sum,
        };
        sum = sum.intersect(sharp);
        if !(sum.lower.is_finite() && sum.upper.is_finite()) {
            return None;
        }
        let value = if relu { sum.relu() } else { sum };
        if relu && sum.lower < 0.0 {
            shape = shape.zip(clean).and_then(|(shape, clean)| behind_relu(&shape, clean)).map(Rc::new);
        }
        let center = used.iter().fold(row.bias, |sum, &(c, w)| {
            sum + w * if depth == 0 { below[c].center } else { below[c].center.max(0.0) }
        });
        let grid = multiple.max(grid(self.arithmetic.precision, value));
        Some(Unit { sum, value, shape, center, slack, grid })
    }

    /// A lower bound of the difference of two outputs of the network whose
    /// hidden layers these are.
    pub(super) fn lead(&self, network: &StoredNetwork, own: usize, other: usize) -> f64 {
        let Some(last) = network.layers.last() else { return f64::NEG_INFINITY };
        let depth = self.layers.len();
        let query = self.substituted(depth, last, &[(own, 1.0), (other, -1.0)], Query::default());
        let mut lead = f64::NEG_INFINITY;
        for way in [Way::Careful, Way::Joint] {
            let mut work = MOST_FINAL_WORK;
            lead = lead.max(self.lower(depth, query.clone(), way, &mut work));
            if lead > 0.0 {
                break;
            }
        }
        lead
    }

    /// A lower bound of `w v`.
    fn least(&self, depth: usize, (c, w): (usize, f64)) -> f64 {
        let value = self.units[depth][c].value;
        mul_down(w, if w > 0.0 { value.lower } else { value.upper })
    }

    /// A lower bound of the query's sum over units of layer `depth` (inputs
    /// for 0).
    fn lower(&self, depth: usize, query: Query, way: Way, work: &mut usize) -> f64 {
        let Query { mut terms, mut held, base } = query;
        terms.retain(|&(c, w)| w != 0.0 && !self.units[depth][c].value.is_zero());
        let plain = if held.is_empty() { self.plain(depth, base, &terms) } else { f64::NEG_INFINITY };
        if way != Way::Apart {
            let rest = self.take_separable(depth, terms, &mut held, way);
            return plain.max(if rest.is_empty() {
                add_down(base, held_lower(&self.geometry, &held, way.splits()))
            } else {
                self.followed(depth, Query { terms: rest, held, base }, way, work)
            });
        }
        let mut others: Vec<Query> = vec![];
        for part in self.parts(depth, terms) {
            let mut mine = vec![];
            let rest = self.take_separable(depth, part, &mut mine, way);
            if rest.is_empty() {
                held.extend(mine);
            } else {
                others.push(Query { terms: rest, held: mine, base: 0.0 });
            }
        }
        let start = if held.is_empty() {
            base
        } else {
            add_down(base, held_lower(&self.geometry, &held, way.splits()))
        };
        let total = others.into_iter().fold(start, |sum, part| {
            let apart = self.plain(depth, 0.0, &part.terms);
            let apart = match (part.held.is_empty(), part.terms.len()) {
                (true, 1) => return add_down(sum, apart),
                (true, _) => apart,
                (false, _) => add_down(apart, held_lower(&self.geometry, &part.held, way.splits())),
            };
            add_down(sum, apart.max(self.followed(depth, part, way, work)))
        });
        plain.max(total)
    }

    /// `base` and the least that each of `terms` can be.
    fn plain(&self, depth: usize, base: f64, terms: &[(usize, f64)]) -> f64 {
        terms.iter().fold(base, |sum, &term| add_down(sum, self.least(depth, term)))
    }

    /// Moves separable units to `held` and returns the others.
    fn take_separable(
        &self,
        depth: usize,
        terms: Terms,
        held: &mut Vec<(f64, Rc<Separable>)>,
        way: Way,
    ) -> Terms {
        let mut rest = vec![];
        for (c, w) in terms {
            let unit = &self.units[depth][c];
            let passed = way == Way::Careful && depth > 0 && unit.sum.lower >= 0.0;
            match &unit.shape {
                Some(shape) if !passed => held.push((w, Rc::clone(shape))),
                _ => rest.push((c, w)),
            }
        }
        rest
    }

    /// Terms in parts that read no column in common.
    fn parts(&self, depth: usize, terms: Terms) -> Vec<Terms> {
        if depth == 0 {
            return vec![terms];
        }
        let mut parts: Vec<(Vec<usize>, Terms)> = vec![];
        for term in terms {
            let mut columns: Vec<usize> = self.layers[depth - 1].row(term.0).columns.to_vec();
            columns.retain(|c| !self.units[depth - 1][*c].value.is_zero());
            columns.sort_unstable();
            let mut mine = vec![term];
            let mut apart = vec![];
            for (theirs, part) in parts {
                if columns.iter().any(|c| theirs.binary_search(c).is_ok()) {
                    columns.extend(theirs);
                    mine.extend(part);
                } else {
                    apart.push((theirs, part));
                }
            }
            columns.sort_unstable();
            columns.dedup();
            apart.push((columns, mine));
            parts = apart;
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }

    /// As [`lower`](Self::lower), in terms of the layer before.
    fn followed(&self, depth: usize, query: Query, way: Way, work: &mut usize) -> f64 {
        let Query { terms, held, base } = query;
        let plain = if held.is_empty() { self.plain(depth, base, &terms) } else { f64::NEG_INFINITY };
        if depth == 0 || terms.len() < 2 && held.is_empty() {
            return plain;
        }
        let (mut fixed, mut tried, mut raised) = (Terms::new(), Terms::new(), Terms::new());
        for &(c, w) in &terms {
            let unit = &self.units[depth][c];
            if unit.sum.lower >= 0.0 {
                fixed.push((c, w));
            } else if w < 0.0 {
                tried.push((c, w));
            } else {
                raised.push((c, w));
            }
        }
        // At least its sum and at least 0: a single one is taken both ways.
        let choices: Vec<Terms> = match &raised[..] {
            [one] if way == Way::Apart => vec![vec![], vec![*one]],
            _ => vec![raised.iter().copied().filter(|(c, _)| self.units[depth][*c].center > 0.0).collect()],
        };
        // The widest are tried both ways; of the others only the bound counts.
        tried.sort_by(|a, b| self.least(depth, *a).total_cmp(&self.least(depth, *b)));
        let rest = tried.split_off(MOST_OPEN.min(tried.len()));
        let base = self.plain(depth, base, &rest);
        let mut best = plain;
        for choice in choices {
            let fixed: Terms = fixed.iter().copied().chain(choice).collect();
            let bound = self.least_of_ways(
                depth,
                (&fixed, &tried),
                Query { terms: vec![], held: held.clone(), base },
                way,
                work,
            );
            best = best.max(bound);
        }
        best
    }

    /// The least bound of the sums of `fixed` and each part of `tried`.
    fn least_of_ways(
        &self,
        depth: usize,
        (fixed, tried): (&Terms, &Terms),
        start: Query,
        way: Way,
        work: &mut usize,
    ) -> f64 {
        let layer = self.layers[depth - 1];
        let cost: usize = fixed.iter().chain(tried).map(|&(c, _)| layer.row(c).columns.len() + 1).sum();
        match work.checked_sub(cost << tried.len()) {
            Some(left) => *work = left,
            None => return f64::NEG_INFINITY,
        }
        let mut worst = f64::INFINITY;
        for on in 0..1usize << tried.len() {
            let mut chosen = fixed.clone();
            chosen.extend(tried.iter().enumerate().filter(|(bit, _)| on >> bit & 1 == 1).map(|(_, t)| *t));
            let here = if start.held.is_empty() {
                self.plain(depth, start.base, &chosen)
            } else {
                f64::NEG_INFINITY
            };
            let bound = if chosen.len() < 2 && on == 0 && start.held.is_empty() {
                here
            } else {
                let next = self.substituted(depth - 1, layer, &chosen, start.clone());
                here.max(self.lower(depth - 1, next, way, work))
            };
            worst = worst.min(bound);
            if worst == f64::NEG_INFINITY {
                break;
            }
        }
        worst
    }

    /// `start` and the sums of `terms`, units of `layer` that are on, in terms
    /// of what it reads. A coefficient that is not exact costs what it may be
    /// off by.
    fn substituted(&self, depth: usize, layer: &Layer, terms: &[(usize, f64)], start: Query) -> Query {
        let mut query = start;
        let mut next: Vec<(usize, Interval)> = vec![];
        for &(c, w) in terms {
            let row = layer.row(c);
            let w = Interval::point(w);
            next.extend(
                row.columns.iter().zip(row.weights).map(|(&i, &v)| (i, product(w, Interval::point(v)))),
            );
            let slack = match self.units.get(depth + 1) {
                Some(units) => units[c].slack,
                None => self.rounding(depth, row).map_or(f64::INFINITY, |rounding| rounding.slack),
            };
            let lost = mul_up(magnitude(w), slack);
            query.base = sub_down(add_down(query.base, product(w, Interval::point(row.bias)).lower), lost);
        }
        next.sort_by_key(|(column, _)| *column);
        for same in next.chunk_by(|a, b| a.0 == b.0) {
            let weight = same[1..].iter().fold(same[0].1, |sum, (_, w)| plus(sum, *w));
            let size = magnitude(self.units[depth][same[0].0].value);
            query.base = sub_down(query.base, mul_up(sub_up(weight.upper, weight.lower), size));
            query.terms.push((same[0].0, weight.lower));
        }
        if query.base.is_nan() || query.terms.iter().any(|(_, w)| !w.is_finite()) {
            return Query { base: f64::NEG_INFINITY, ..Query::default() };
        }
        query
    }
}
