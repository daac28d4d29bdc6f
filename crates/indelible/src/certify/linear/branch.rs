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
    refine::Part,
    relaxation::Relaxation,
};

/// Parts that are bounded together.
const TOGETHER: usize = 16;
/// Neurons that are tried for a part.
const TRIED: usize = 4;
/// Steps for better choices of each part.
const STEPS: i32 = 8;
/// Steps where nothing is left to split.
const LEAF_STEPS: i32 = 100;

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
        // Where every hinge is on one side only better multipliers are left.
        let (mut leaves, splittable): (Vec<Climb>, Vec<Climb>) =
            climbs.into_iter().partition(|climb| candidates(relaxation, climb).is_empty());
        relaxation.climb(question, &mut leaves, LEAF_STEPS);
        if leaves.iter().any(|climb| climb.bound <= 0.0) {
            return (Ending::Open, branches);
        }
        least = leaves.iter().fold(least, |least, leaf| least.min(leaf.bound));
        let climbs = splittable;
        let chosen: Vec<Vec<usize>> = climbs.iter().map(|climb| candidates(relaxation, climb)).collect();
        let children: Vec<Node> = (climbs.iter().zip(&chosen))
            .flat_map(|(climb, neurons)| neurons.iter().map(move |&neuron| (climb, neuron)))
            .flat_map(|(climb, neuron)| [Sign::On, Sign::Off].map(|sign| climb.node.with(neuron, sign)))
            .collect();
        let bounds = relaxation.of_nodes(question, &children.iter().collect::<Vec<_>>()).bounds;
        let mut children = children.into_iter().zip(bounds);
        let mut parts: Vec<Part<'_>> = vec![];
        for (climb, neurons) in climbs.iter().zip(&chosen) {
            let mut pairs: Vec<(usize, [(Node, f64); 2])> = vec![];
            for &neuron in neurons {
                pairs.extend(children.next().zip(children.next()).map(|(on, off)| (neuron, [on, off])));
            }
            let Some((split, pair)) = best(pairs) else { continue };
            for (node, bound) in pair {
                if bound > 0.0 {
                    least = least.min(bound);
                } else {
                    parts.push(Part { node, split, units: &climb.units });
                }
            }
        }
        relaxation.refine(&mut parts);
        open.extend(parts.into_iter().filter(|part| !part.is_empty()).map(|part| part.node));
    }
    (Ending::Holds(least), branches)
}

/// The hinge whose two parts need the least, with these.
fn best(pairs: Vec<(usize, [(Node, f64); 2])>) -> Option<(usize, [(Node, f64); 2])> {
    let rank = |(_, pair): &(usize, [(Node, f64); 2])| {
        let [on, off] = pair.each_ref().map(|(_, bound)| bound.min(0.0));
        (on.min(off), on + off)
    };
    pairs.into_iter().reduce(|best, pair| {
        let (a, b) = (rank(&best), rank(&pair));
        if b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).is_gt() { pair } else { best }
    })
}

/// The hinges that are on neither side and whose lines lose most, most first.
fn candidates(relaxation: &Relaxation<'_>, climb: &Climb) -> Vec<usize> {
    let limits = relaxation.limits_on(Some(&climb.node));
    let mut scored: Vec<(f64, usize)> = vec![];
    for place in relaxation.program.hinges() {
        for (i, &(l, u)) in limits[place.start..].iter().take(place.width).enumerate() {
            let (at, hinge) = (place.start + i, place.hinges.at(i));
            if climb.node.signs[at] == Sign::Open && l < 0.0 && u > 0.0 && hinge.left != hinge.right {
                let bend = climb.units[at].abs() * (hinge.right - hinge.left).abs();
                scored.push((bend * u * l / (u - l), at));
            }
        }
    }
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    scored.truncate(TRIED);
    scored.into_iter().map(|(_, neuron)| neuron).collect()
}
