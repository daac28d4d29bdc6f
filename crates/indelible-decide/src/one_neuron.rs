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

use dashu_ratio::RBig;

use crate::{
    Error,
    affine::Neuron,
    clock::Clock,
    instance::{Demand, Finding, interval},
    linear_program::LinearProgram,
    network::RationalNetwork,
    rational::{half, integer, is_positive},
};

/// How the constant and the affine function are combined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Extremum {
    /// `F = max(c, h)`.
    Max,
    /// `F = min(c, h)`.
    Min,
}

/// The network of width 1 and the given kind with the largest margin, or
/// demands (at least one is given) that forbid it.
///
/// # Errors
/// When the clock runs out.
pub(crate) fn solve(
    demands: &[Demand],
    features: usize,
    classes: usize,
    extremum: Extremum,
    clock: &Clock,
) -> Result<Finding, Error> {
    // The class that the constant serves, and a demand that says so.
    let found = demands.iter().enumerate().map(|(i, d)| (d.class, i));
    let served = if extremum == Extremum::Max { found.min() } else { found.max() };
    let (class, server) = served.unwrap_or_default();
    let (program, owners) = margin_program(demands, features, classes, extremum, class);
    // The margin is bounded, so the optimum exists.
    let Some(optimum) = program.maximise(clock)? else { return Ok(Finding::Core(Vec::new())) };
    if !is_positive(&optimum.value) {
        let used = owners.into_iter().zip(&optimum.multipliers);
        let mut core: Vec<usize> =
            used.filter_map(|(index, m)| (!m.is_zero()).then_some(index)).chain([server]).collect();
        core.sort_unstable();
        core.dedup();
        return Ok(Finding::Core(core));
    }
    Ok(Finding::Network(network(&optimum.point, features, extremum, integer(class + 1))))
}

/// The program that maximises the margin `t`, and the demand of each row.
///
/// Unknowns: `h = Σ (p_f − q_f) x_f + b⁺ − b⁻`, written `p_1, q_1, p_2, …, b⁺,
/// b⁻`, and `s = t + shift`, where the shift makes 0 feasible.
fn margin_program(
    demands: &[Demand],
    features: usize,
    classes: usize,
    extremum: Extremum,
    served: usize,
) -> (LinearProgram, Vec<usize>) {
    let shift = integer(classes + 1);
    let (bias, margin) = (2 * features, 2 * features + 2);
    let mut program = LinearProgram {
        constant: -shift.clone(),
        objective: vec![RBig::ZERO; margin + 1],
        rows: Vec::new(),
        upper: vec![None; margin + 1],
    };
    program.objective[margin] = RBig::ONE;
    program.upper[margin] = Some(&shift + half());
    let mut owners = Vec::new();
    for (index, demand) in demands.iter().enumerate() {
        let (lower, upper) = interval(demand.class, classes);
        let on_constant = demand.class == served;
        let lower = lower.filter(|_| !(on_constant && extremum == Extremum::Max));
        let upper = upper.filter(|_| !(on_constant && extremum == Extremum::Min));
        // h − bound − t ≥ 0, or bound − h − t ≥ 0.
        for (bound, sign) in [(lower, RBig::ONE), (upper, RBig::NEG_ONE)] {
            let Some(bound) = bound else { continue };
            let mut row = vec![RBig::ZERO; margin + 1];
            for (f, x) in demand.point.iter().enumerate() {
                row[2 * f] = &sign * x;
                row[2 * f + 1] = -(&sign * x);
            }
            row[bias] = sign.clone();
            row[bias + 1] = -sign.clone();
            row[margin] = RBig::NEG_ONE;
            program.rows.push((&shift - sign * bound, row));
            owners.push(index);
        }
    }
    (program, owners)
}

/// `max(c, h) = c + relu(h − c)` or `min(c, h) = c − relu(c − h)`, with `h` as
/// in [`margin_program`].
fn network(h: &[RBig], features: usize, extremum: Extremum, constant: RBig) -> RationalNetwork {
    let output = if extremum == Extremum::Max { RBig::ONE } else { RBig::NEG_ONE };
    let signed = |pair: &[RBig]| (&pair[0] - &pair[1]) * &output;
    let weights = h.chunks_exact(2).take(features).map(signed).collect();
    let bias = signed(&h[2 * features..]) - &constant * &output;
    RationalNetwork { neurons: vec![Neuron { output, weights, bias }], offset: constant }
}
