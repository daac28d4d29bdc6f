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
    ball::{Candidate, Neuron},
    clock::Clock,
    instance::{Demand, interval},
    linear_program::Program,
    rational::{half, integer, is_positive},
};

/// Which end of the labels the constant serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// `F = max(c, h)`.
    Max,
    /// `F = min(c, h)`.
    Min,
}

/// What a linear program says about a finite set of demands.
pub(crate) enum Ramp {
    /// A network of width 1 that meets all of them.
    Found(Candidate),
    /// None does; already these (indices) cannot be met together.
    Impossible(Vec<usize>),
}

/// The network of width 1 and the given shape with the largest margin, or
/// demands (at least one is given) that forbid it.
///
/// # Errors
/// When the clock runs out.
pub(crate) fn ramp(
    demands: &[Demand],
    features: usize,
    classes: usize,
    shape: Shape,
    clock: &Clock,
) -> Result<Ramp, Error> {
    // The class that the constant serves, and a demand that says so.
    let found = demands.iter().enumerate().map(|(i, d)| (d.class, i));
    let served = if shape == Shape::Max { found.min() } else { found.max() };
    let (extreme, server) = served.unwrap_or_default();
    // Unknowns: h = Σ (p_f − q_f) x_f + b⁺ − b⁻ and the margin t = s − shift.
    let shift = integer(classes + 1);
    let (plus, margin) = (2 * features, 2 * features + 2);
    let mut program = Program {
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
        let on_constant = demand.class == extreme;
        let lower = lower.filter(|_| !(on_constant && shape == Shape::Max));
        let upper = upper.filter(|_| !(on_constant && shape == Shape::Min));
        for (bound, above) in [(lower, true), (upper, false)] {
            let Some(bound) = bound else { continue };
            // h − bound − t ≥ 0, or bound − h − t ≥ 0.
            let sign = if above { RBig::ONE } else { RBig::NEG_ONE };
            let mut row = vec![RBig::ZERO; margin + 1];
            for (f, x) in demand.point.iter().enumerate() {
                row[2 * f] = &sign * x;
                row[2 * f + 1] = -(&sign * x);
            }
            row[plus] = sign.clone();
            row[plus + 1] = -sign.clone();
            row[margin] = RBig::NEG_ONE;
            program.rows.push((&shift - sign * bound, row));
            owners.push(index);
        }
    }
    // The margin is bounded, so the optimum exists.
    let Some(optimum) = program.maximise(clock)? else { return Ok(Ramp::Impossible(Vec::new())) };
    if !is_positive(&optimum.value) {
        let mut core: Vec<usize> = owners
            .into_iter()
            .zip(&optimum.multipliers)
            .filter_map(|(index, m)| (!m.is_zero()).then_some(index))
            .collect();
        core.push(server);
        core.sort_unstable();
        core.dedup();
        return Ok(Ramp::Impossible(core));
    }
    let weights: Vec<RBig> =
        (0..features).map(|f| &optimum.point[2 * f] - &optimum.point[2 * f + 1]).collect();
    let bias = &optimum.point[plus] - &optimum.point[plus + 1];
    let constant = integer(extreme + 1);
    // max(c, h) = c + relu(h − c); min(c, h) = c − relu(c − h).
    let neuron = match shape {
        Shape::Max => Neuron { output: RBig::ONE, weights, bias: bias - &constant },
        Shape::Min => Neuron {
            output: RBig::NEG_ONE,
            weights: weights.into_iter().map(|w| -w).collect(),
            bias: &constant - bias,
        },
    };
    Ok(Ramp::Found(Candidate { neurons: vec![neuron], offset: constant }))
}
