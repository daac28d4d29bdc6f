//! Branch and bound over the signs of sums.
//!
//! Every execution has a sum of a neuron that is at least 0 or at most 0; where
//! a row is positive on both parts of a ball it is on the ball. Neurons are
//! chosen by what their lines lose, the best few by the bounds that they give
//! (Bunel et al., JMLR 2020; De Palma et al., 2021).

use std::time::Instant;

use super::{
    ascent::Climb,
    node::{Node, Sign},
    question::Question,
    relaxation::Relaxation,
};

/// Parts that are bounded together.
const TOGETHER: usize = 16;
/// Neurons that are tried for a part.
const TRIED: usize = 4;
/// Steps for better choices of each part.
const STEPS: i32 = 8;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(in crate::certify) struct Limit {
    /// Parts that are bounded, at most.
    pub branches: usize,
    /// A point in time, where there is one.
    pub until: Option<Instant>,
}

/// How a search ended.
#[derive(Debug)]
pub(in crate::certify) enum Ending<T> {
    /// Every row is at least so large on the whole ball, which is positive.
    Holds(f64),
    /// A point at which it is not was found.
    Fails(T),
    /// Neither.
    Open,
}

/// Bounds the rows of `open` on parts of the ball. `tried` may find points
/// among some for which a bound is least. Also says how many parts were bounded.
pub(in crate::certify) fn search<T>(
    relaxation: &Relaxation<'_>,
    question: &Question,
    mut open: Vec<Node>,
    limit: Limit,
    tried: impl Fn(&[f64]) -> Option<T>,
) -> (Ending<T>, usize) {
    let (mut least, mut branches) = (f64::INFINITY, 0);
    while !open.is_empty() {
        if branches >= limit.branches || limit.until.is_some_and(|until| Instant::now() >= until) {
            return (Ending::Open, branches);
        }
        let part = open.split_off(open.len() - TOGETHER.min(open.len()));
        branches += part.len();
        let mut climbs: Vec<Climb> = part.into_iter().map(Climb::new).collect();
        relaxation.climb(question, &mut climbs, STEPS);
        least = climbs.iter().filter(|c| c.bound > 0.0).fold(least, |least, c| least.min(c.bound));
        climbs.retain(|climb| climb.bound <= 0.0);
        let mut points = vec![];
        climbs.iter().for_each(|climb| relaxation.region.argmin(&climb.inputs, &mut points));
        if let Some(found) = tried(&points) {
            return (Ending::Fails(found), branches);
        }
        let chosen: Vec<Vec<usize>> = climbs.iter().map(|climb| candidates(relaxation, climb)).collect();
        if chosen.iter().any(Vec::is_empty) {
            return (Ending::Open, branches);
        }
        let children: Vec<Node> = (climbs.iter().zip(&chosen))
            .flat_map(|(climb, neurons)| neurons.iter().map(move |&neuron| (climb, neuron)))
            .flat_map(|(climb, neuron)| [Sign::On, Sign::Off].map(|sign| climb.node.with(neuron, sign)))
            .collect();
        let bounds = relaxation.of_nodes(question, &children.iter().collect::<Vec<_>>()).bounds;
        let mut children = children.into_iter().zip(bounds);
        for neurons in &chosen {
            let mut pairs: Vec<[(Node, f64); 2]> = vec![];
            for _ in neurons {
                pairs.extend(children.next().zip(children.next()).map(|(on, off)| [on, off]));
            }
            for (node, bound) in best(pairs).into_iter().flatten() {
                if bound > 0.0 {
                    least = least.min(bound);
                } else {
                    open.push(node);
                }
            }
        }
    }
    (Ending::Holds(least), branches)
}

/// The pair whose parts need the least.
fn best(pairs: Vec<[(Node, f64); 2]>) -> Option<[(Node, f64); 2]> {
    let rank = |pair: &[(Node, f64); 2]| {
        let [on, off] = pair.each_ref().map(|(_, bound)| bound.min(0.0));
        (on.min(off), on + off)
    };
    pairs.into_iter().reduce(|best, pair| {
        let (a, b) = (rank(&best), rank(&pair));
        if b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).is_gt() { pair } else { best }
    })
}

/// The neurons of unknown sign whose lines lose most, most first.
fn candidates(relaxation: &Relaxation<'_>, climb: &Climb) -> Vec<usize> {
    let known = relaxation.bounds.iter().flat_map(|known| known.lower.iter().zip(&known.upper));
    let mut scored: Vec<(f64, usize)> = (climb.units.iter().zip(known).zip(climb.node.signs.iter()))
        .enumerate()
        .filter(|(_, ((_, (l, u)), sign))| **sign == Sign::Open && **l < 0.0 && **u > 0.0)
        .map(|(neuron, ((a, (l, u)), _))| (a.abs() * u * l / (u - l), neuron))
        .collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    scored.truncate(TRIED);
    scored.into_iter().map(|(_, neuron)| neuron).collect()
}
