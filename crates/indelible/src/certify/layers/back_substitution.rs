//! Sums of units, followed back to the input of the network.
//!
//! A unit that counts positively is at least its sum and at least 0, one that
//! counts negatively is one of the two, and equal terms cancel. So
//! `F + relu(g − F)` is seen to be a maximum, a tree of maxima one of its
//! leaves, and the difference of two affine scores what it is.

use std::rc::Rc;

use super::{
    bounded::BoundedLayers,
    separable::{Separable, held_lower},
};
use crate::{
    certify::arithmetic::{Interval, magnitude, plus, product},
    network::{Layer, StoredNetwork},
    number::{add_down, mul_down, mul_up, sub_down, sub_up},
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
pub(super) type Terms = Vec<(usize, f64)>;

/// A sum of units that is to be bounded from below.
#[derive(Clone, Debug, Default)]
struct Query {
    terms: Terms,
    /// Separable units met on the way, with their weights.
    held: Vec<(f64, Rc<Separable>)>,
    /// What is added, roundings taken off.
    base: f64,
}

impl BoundedLayers<'_> {
    /// A lower bound of `base` and `terms`, units of the last layer.
    pub(super) fn sum_lower(&self, terms: Terms, base: f64) -> f64 {
        let mut work = MOST_WORK;
        self.lower(self.layers.len(), Query { terms, held: vec![], base }, Way::Apart, &mut work)
    }

    /// A lower bound of the difference of two outputs of the network, all of
    /// whose layers are known.
    pub(in crate::certify) fn lead(&self, network: &StoredNetwork, own: usize, other: usize) -> f64 {
        let Some(last) = network.layers().last() else { return f64::NEG_INFINITY };
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
                add_down(base, held_lower(&self.ball, &held, way.splits()))
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
        let start =
            if held.is_empty() { base } else { add_down(base, held_lower(&self.ball, &held, way.splits())) };
        let total = others.into_iter().fold(start, |sum, part| {
            let apart = self.plain(depth, 0.0, &part.terms);
            let apart = match (part.held.is_empty(), part.terms.len()) {
                (true, 1) => return add_down(sum, apart),
                (true, _) => apart,
                (false, _) => add_down(apart, held_lower(&self.ball, &part.held, way.splits())),
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
            let lost = mul_up(magnitude(w), self.units[depth + 1][c].slack);
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
