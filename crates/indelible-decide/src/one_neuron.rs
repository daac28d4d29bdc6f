//! Width 1: one linear program, no solver.
//!
//! A network of width 1 is `F = max(c, h)` or `F = min(c, h)` with an affine
//! `h`. With `max`, the smallest class that occurs may be read off `c`, and
//! memorizing means: `h` lies below the upper end of that class on its points
//! and inside the interval of the class on all others. (Were `c` below the
//! interval of the smallest class, raising it into the interval would change
//! no label.) These are linear conditions on `h`. With `min` it is the mirror
//! image. A dataset of two classes that a hyperplane separates is the case
//! `L = 2`.

use std::collections::BTreeSet;

use dashu_ratio::RBig;

use crate::{
    Error,
    affine::{AffineFunction, Neuron},
    instance::{Demand, Finding, Instance, interval},
    linear_program::LinearProgram,
    network::RationalNetwork,
    rational::{half, is_positive},
};

/// How the constant and the affine function are combined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Extremum {
    /// `F = max(c, h)`.
    Max,
    /// `F = min(c, h)`.
    Min,
}

/// The network of width 1 and the given kind with the largest margin on the
/// chosen demands (at least one), or those that forbid it.
pub(crate) fn solve(
    instance: &Instance<'_>,
    demands: &[Demand],
    chosen: &[usize],
    extremum: Extremum,
) -> Result<Finding, Error> {
    // The class that the constant serves, and a demand that says so.
    let found = chosen.iter().map(|&i| (demands[i].class, i));
    let served = if extremum == Extremum::Max { found.min() } else { found.max() };
    let (class, server) = served.unwrap_or_default();
    let features = instance.data.features();
    // The margin `t` is maximised. Unknowns: `h = Σ (p_f − q_f) x_f + b⁺ − b⁻`,
    // written `p_1, q_1, p_2, …, b⁺, b⁻`, and `s = t + shift`, where the shift
    // makes 0 feasible.
    let classes = instance.data.classes();
    let shift = RBig::from(classes + 1);
    let margin = 2 * features + 2;
    let mut program = LinearProgram {
        objective: AffineFunction { gradient: vec![RBig::ZERO; margin + 1], constant: -&shift },
        rows: Vec::new(),
        upper: vec![None; margin + 1],
    };
    program.objective.gradient[margin] = RBig::ONE;
    program.upper[margin] = Some(&shift + half());
    let one = RBig::ONE;
    // The demand of each row.
    let mut owners = Vec::new();
    for &index in chosen {
        let demand = &demands[index];
        let (lower, upper) = interval(demand.class, classes);
        let on_constant = demand.class == class;
        let lower = lower.filter(|_| !(on_constant && extremum == Extremum::Max));
        let upper = upper.filter(|_| !(on_constant && extremum == Extremum::Min));
        // h − bound − t ≥ 0, or bound − h − t ≥ 0.
        for (bound, sign) in [(lower, RBig::ONE), (upper, RBig::NEG_ONE)] {
            let Some(bound) = bound else { continue };
            let slopes = demand.point.iter().chain([&one]).map(|x| &sign * x);
            let mut gradient: Vec<RBig> = slopes.flat_map(|slope| [slope.clone(), -slope]).collect();
            gradient.push(RBig::NEG_ONE);
            program.rows.push(AffineFunction { gradient, constant: &shift - sign * bound });
            owners.push(index);
        }
    }
    // The margin is bounded, so the optimum exists.
    let Some(optimum) = program.maximise(&instance.clock)? else { return Ok(Finding::Core(Vec::new())) };
    if is_positive(&optimum.value) {
        return Ok(Finding::Network(network(&optimum.point[..margin], extremum, RBig::from(class + 1))));
    }
    let used = owners.into_iter().zip(&optimum.multipliers).filter(|(_, m)| !m.is_zero());
    let core: BTreeSet<usize> = used.map(|(index, _)| index).chain([server]).collect();
    Ok(Finding::Core(core.into_iter().collect()))
}

/// `max(c, h) = c + relu(h − c)` or `min(c, h) = c − relu(c − h)`, with `h` as
/// in [`solve`].
fn network(h: &[RBig], extremum: Extremum, constant: RBig) -> RationalNetwork {
    let output = if extremum == Extremum::Max { RBig::ONE } else { RBig::NEG_ONE };
    let mut gradient: Vec<RBig> = h.chunks_exact(2).map(|pair| (&pair[0] - &pair[1]) * &output).collect();
    let bias = gradient.pop().unwrap_or_default() - &constant * &output;
    let before = AffineFunction { gradient, constant: bias };
    RationalNetwork { neurons: vec![Neuron { output, before }], offset: constant }
}
