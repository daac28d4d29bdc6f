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
    certify::arithmetic::{Coefficients, Interval, magnitude, merged, scaled},
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

/// How, and how many more weights may be looked at.
struct Search {
    way: Way,
    work: usize,
}

/// Units of a layer with weights.
pub(super) type Terms = Vec<(usize, f64)>;

/// Separable functions with weights.
type Held = Vec<(f64, Rc<Separable>)>;

/// A sum of units that is to be bounded from below.
#[derive(Clone, Debug, Default)]
struct Query {
    terms: Terms,
    /// Separable units met on the way.
    held: Held,
    /// What is added, roundings taken off.
    base: f64,
}

/// A lower bound, as far as nothing overflowed on the way to it.
fn known(bound: f64) -> f64 {
    if bound.is_finite() { bound } else { f64::NEG_INFINITY }
}

impl BoundedLayers<'_> {
    /// A lower bound of `base` and `terms`, units of the last layer.
    pub(super) fn sum_lower(&self, terms: Terms, base: f64) -> f64 {
        let query = Query { terms, held: vec![], base };
        known(self.lower(self.layers.len(), query, &mut Search { way: Way::Apart, work: MOST_WORK }))
    }

    /// A lower bound of the difference of two outputs of the network, all of
    /// whose layers are known; no closer one is looked for where it is above `enough`.
    pub(in crate::certify) fn lead(
        &self,
        network: &StoredNetwork,
        (own, other): (usize, usize),
        enough: f64,
    ) -> f64 {
        let Some(last) = network.layers().last() else { return f64::NEG_INFINITY };
        let depth = self.layers.len();
        let query = self.substituted(depth, last, &[(own, 1.0), (other, -1.0)], Query::default());
        let mut lead = f64::NEG_INFINITY;
        for way in [Way::Careful, Way::Joint] {
            let mut search = Search { way, work: MOST_FINAL_WORK };
            lead = lead.max(known(self.lower(depth, query.clone(), &mut search)));
            if lead > enough {
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
    fn lower(&self, depth: usize, mut query: Query, search: &mut Search) -> f64 {
        query.terms.retain(|&(c, w)| w != 0.0 && !self.units[depth][c].value.is_zero());
        let plain = self.plain(depth, &query, &query.terms);
        let Query { terms, mut held, base } = query;
        let splits = if search.way == Way::Careful { MOST_SPLITS } else { 0 };
        let held_lower = |held: &[_]| held_lower(&self.ball, held, splits);
        if search.way != Way::Apart {
            let rest = self.take_separable(depth, terms, &mut held, search.way);
            return plain.max(if rest.is_empty() {
                add_down(base, held_lower(&held))
            } else {
                self.followed(depth, Query { terms: rest, held, base }, search)
            });
        }
        let mut others: Vec<Query> = vec![];
        for part in self.parts(depth, terms) {
            let mut mine = vec![];
            let rest = self.take_separable(depth, part, &mut mine, search.way);
            if rest.is_empty() {
                held.extend(mine);
            } else {
                others.push(Query { terms: rest, held: mine, base: 0.0 });
            }
        }
        let start = if held.is_empty() { base } else { add_down(base, held_lower(&held)) };
        let total = others.into_iter().fold(start, |sum, part| {
            let apart = self.terms_lower(depth, 0.0, &part.terms);
            let apart = match (part.held.is_empty(), part.terms.len()) {
                (true, 1) => return add_down(sum, apart),
                (true, _) => apart,
                (false, _) => add_down(apart, held_lower(&part.held)),
            };
            add_down(sum, apart.max(self.followed(depth, part, search)))
        });
        plain.max(total)
    }

    /// `base` and the least that each of `terms` can be.
    fn terms_lower(&self, depth: usize, base: f64, terms: &[(usize, f64)]) -> f64 {
        terms.iter().fold(base, |sum, &term| add_down(sum, self.least(depth, term)))
    }

    /// As much of the base and the held units of a query and of `terms`, where
    /// nothing is held.
    fn plain(&self, depth: usize, query: &Query, terms: &[(usize, f64)]) -> f64 {
        if query.held.is_empty() { self.terms_lower(depth, query.base, terms) } else { f64::NEG_INFINITY }
    }

    /// Moves separable units to `held` and returns the others.
    fn take_separable(&self, depth: usize, mut terms: Terms, held: &mut Held, way: Way) -> Terms {
        terms.retain(|&(c, w)| {
            let unit = &self.units[depth][c];
            let passed = way == Way::Careful && depth > 0 && unit.sum.lower >= 0.0;
            let taken = unit.shape.as_ref().filter(|_| !passed);
            held.extend(taken.map(|shape| (w, Rc::clone(shape))));
            taken.is_none()
        });
        terms
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
    fn followed(&self, depth: usize, query: Query, search: &mut Search) -> f64 {
        let mut best = self.plain(depth, &query, &query.terms);
        let Query { terms, held, base } = query;
        if depth == 0 || terms.len() < 2 && held.is_empty() {
            return best;
        }
        let units = &self.units[depth];
        let (fixed, open): (Terms, Terms) = terms.into_iter().partition(|(c, _)| units[*c].sum.lower >= 0.0);
        let (mut tried, mut raised): (Terms, Terms) = open.into_iter().partition(|(_, w)| *w < 0.0);
        // At least its sum and at least 0: a single one is taken both ways.
        let choices: Vec<Terms> = if search.way == Way::Apart && raised.len() == 1 {
            vec![vec![], raised]
        } else {
            raised.retain(|(c, _)| units[*c].center > 0.0);
            vec![raised]
        };
        // The widest are tried both ways; of the others only the bound counts.
        tried.sort_by(|a, b| self.least(depth, *a).total_cmp(&self.least(depth, *b)));
        let rest = tried.split_off(MOST_OPEN.min(tried.len()));
        let start = Query { terms: vec![], held, base: self.terms_lower(depth, base, &rest) };
        for choice in choices {
            let fixed = [&fixed[..], &choice].concat();
            best = best.max(self.least_of_ways(depth, (&fixed, &tried), &start, search));
        }
        best
    }

    /// The least bound of `start` and the sums of `fixed` and each part of `tried`.
    fn least_of_ways(
        &self,
        depth: usize,
        (fixed, tried): (&Terms, &Terms),
        start: &Query,
        search: &mut Search,
    ) -> f64 {
        let layer = self.layers[depth - 1];
        let cost: usize = fixed.iter().chain(tried).map(|&(c, _)| layer.row(c).columns.len() + 1).sum();
        match search.work.checked_sub(cost << tried.len()) {
            Some(left) => search.work = left,
            None => return f64::NEG_INFINITY,
        }
        let mut worst = f64::INFINITY;
        for on in 0..1usize << tried.len() {
            let chosen = tried.iter().enumerate().filter(|(bit, _)| on >> bit & 1 == 1).map(|(_, t)| *t);
            let chosen: Terms = fixed.iter().copied().chain(chosen).collect();
            let mut bound = self.plain(depth, start, &chosen);
            if chosen.len() >= 2 || on > 0 || !start.held.is_empty() {
                let next = self.substituted(depth - 1, layer, &chosen, start.clone());
                bound = bound.max(self.lower(depth - 1, next, search));
            }
            worst = worst.min(bound);
            if worst == f64::NEG_INFINITY {
                break;
            }
        }
        worst
    }

    /// `query` and the sums of `terms`, units of `layer` that are on, in terms
    /// of what it reads. A coefficient that is not exact costs what it may be
    /// off by.
    fn substituted(&self, depth: usize, layer: &Layer, terms: &[(usize, f64)], mut query: Query) -> Query {
        let mut next = Coefficients::new();
        for &(c, w) in terms {
            let row = layer.row(c);
            next.extend(row.terms().map(|(i, v)| (i, scaled(w, Interval::point(v)))));
            let lost = mul_up(w.abs(), self.units[depth + 1][c].slack);
            query.base = sub_down(add_down(query.base, mul_down(w, row.bias)), lost);
        }
        for (column, weight) in merged(next) {
            let size = magnitude(self.units[depth][column].value);
            query.base = sub_down(query.base, mul_up(sub_up(weight.upper, weight.lower), size));
            query.terms.push((column, weight.lower));
        }
        if query.base.is_nan() || query.terms.iter().any(|(_, w)| !w.is_finite()) {
            return Query { base: f64::NEG_INFINITY, ..Query::default() };
        }
        query
    }
}
