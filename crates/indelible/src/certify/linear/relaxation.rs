//! Numbers followed back to the input.
//!
//! Meant are all executions: real arithmetic, and the network's format with
//! sums in any order, fused or not. In each of them an affine map gives
//! `z = Σ M v + b + e` with `|e_i|` at most a number that is known before, and a
//! hinge `f(z)` (`program`). What is proved of all numbers that keep these
//! relations holds for all executions.
//!
//! **Followed back** (Zhang et al., CROWN, NeurIPS 2018; Singh et al., DeepPoly,
//! POPL 2019; on graphs Xu et al., NeurIPS 2020). A row `a·v` over hinges
//! `v = f(z)` that bend at `k` is bounded below by `Σ a_i f_i(k_i) + c·(z − k) + Σ d_i`,
//! where for **any** numbers `c_i`
//!
//! ```text
//! d_i = min over l_i ≤ z ≤ u_i of  a_i (f_i(z) − f_i(k_i)) − c_i (z − k_i)
//!     = min(0, (a_i left_i − c_i) (l_i − k_i), (a_i right_i − c_i) (u_i − k_i))
//! ```
//!
//! for `l_i ≤ k_i ≤ u_i`. Slopes, and multipliers of constraints on signs of sums,
//! are choices of `c`; that they were computed with roundings plays no part.
//! Then `c·z = (c M) v + c·b + c·e`, and the computed matrix `A` in place of `c M`
//! is off by `γ |c||M|`, which costs `γ Σ_i |c_i| Σ_j |M_ij| max|v_j|`: as much as
//! a larger `e`. Where several steps read a vector their coefficients are added,
//! and what that rounds costs `u |A_j| max|v_j|` each time.

use super::{
    bounds::{VectorBounds, by_intervals, of_hinges},
    node::{Node, Sign},
    region::Region,
    sum::Sum,
};
use crate::{
    certify::program::{Affine, Hinge, Hinges, Lengths, Program, Step},
    number::{add_down, mul_up, sub_down, sub_up},
};

/// Numbers of coefficients that are followed back together, about.
const MOST_AT_ONCE: usize = 1 << 20;
/// Rows that are, at most.
pub(super) const MOST_ROWS: usize = 512;
/// Numbers that rows may pass through to sharpen the bounds of one vector.
const MOST_WORK: u64 = 1 << 27;

/// A network on the ball of one sample.
#[derive(Debug)]
pub(in crate::certify) struct Relaxation<'a> {
    pub program: &'a Program<'a>,
    pub region: &'a Region,
    /// One per vector, the input first.
    pub bounds: Vec<VectorBounds>,
    /// For every hinge of the program how far the number that it reads may lie
    /// from the kink, below (at most 0 where it may) and above.
    pub limits: Vec<(f64, f64)>,
}

/// Rows of coefficients over the numbers of a vector, row after row, with what
/// is added to each.
#[derive(Debug)]
pub(in crate::certify) struct Rows {
    pub coefficients: Vec<f64>,
    pub base: Vec<Sum>,
}

/// What following rows back gave.
#[derive(Debug)]
pub(in crate::certify) struct Pass {
    /// A lower bound of every row.
    pub bounds: Vec<f64>,
    /// For every step of hinges that was passed the coefficients of what it
    /// gives, row after row; empty for others.
    pub units: Vec<Vec<f64>>,
    /// Those of the inputs.
    pub inputs: Vec<f64>,
    /// How many steps were passed.
    pub steps: usize,
}

/// Rows on their way back.
struct Trace<'a> {
    base: Vec<Sum>,
    /// Coefficients of every vector, as far as they are known.
    vectors: Vec<Option<Vec<f64>>>,
    /// What was added to a base, at most.
    terms: usize,
    nodes: Option<&'a [&'a Node]>,
}

impl<'a> Relaxation<'a> {
    /// Bounds of all numbers; `None` where one may overflow in some order.
    pub fn new(program: &'a Program<'a>, region: &'a Region) -> Option<Self> {
        let (lower, upper) = (region.lower.clone(), region.upper.clone());
        let input = VectorBounds { lower, upper, is_box: region.is_box(), ..VectorBounds::default() };
        let mut all = Self { program, region, bounds: vec![input], limits: vec![] };
        for step in &program.steps {
            match step {
                Step::Affine(affine) => {
                    // Intervals of sums of the input are as close as a box allows.
                    let close = match &affine.parts[..] {
                        [(vector, _)] => all.bounds.get(*vector)?.is_box,
                        _ => false,
                    };
                    let bounds = by_intervals(affine, &all.bounds, program.precision)?;
                    all.bounds.push(bounds);
                    if !close && all.bounds.len() < program.widths.len() {
                        all.sharpen();
                    }
                }
                Step::Hinges(hinges) => {
                    let read = all.bounds.get(hinges.read)?;
                    let bounds = of_hinges(hinges, read, program.precision)?;
                    let limits = read.lower.iter().zip(&read.upper).enumerate();
                    let limits = limits.map(|(i, (l, u))| {
                        let kink = hinges.at(i).kink;
                        (sub_down(*l, kink), sub_up(*u, kink))
                    });
                    all.limits.extend(limits);
                    all.bounds.push(bounds);
                }
            }
        }
        Some(all)
    }

    /// Closer bounds of those numbers of the last vector that a hinge bends
    /// within, followed back to the input.
    fn sharpen(&mut self) {
        let Some(vector) = self.bounds.len().checked_sub(1) else { return };
        let Some(known) = self.bounds.last() else { return };
        let kinks = self.kinks(vector);
        let bends = |i: &usize| {
            kinks.iter().any(|hinges| {
                let kink = hinges.at(*i).kink;
                known.lower[*i] < kink && known.upper[*i] > kink
            })
        };
        let open: Vec<usize> = (0..known.lower.len()).filter(bends).collect();
        let passed: usize = self.program.widths.iter().take(vector + 1).sum();
        if (open.len() as u64).saturating_mul(2 * passed as u64) > MOST_WORK {
            return;
        }
        let width = known.lower.len();
        let all: Vec<(usize, f64)> = open.iter().flat_map(|&i| [(i, 1.0), (i, -1.0)]).collect();
        let mut found = vec![];
        for part in all.chunks((MOST_AT_ONCE / self.program.widest()).clamp(16, MOST_ROWS)) {
            let mut rows = Rows::zero(part.len(), width);
            for (row, (neuron, sign)) in rows.coefficients.chunks_mut(width).zip(part) {
                row[*neuron] = *sign;
            }
            found.extend(self.followed(vector, rows, None).bounds);
        }
        let Some(known) = self.bounds.last_mut() else { return };
        for (&(neuron, sign), bound) in all.iter().zip(found) {
            if sign > 0.0 {
                known.lower[neuron] = known.lower[neuron].max(bound);
            } else {
                known.upper[neuron] = known.upper[neuron].min(-bound);
            }
        }
    }

    /// The hinges that read a vector, and those that read such hinges.
    fn kinks(&self, vector: usize) -> Vec<&Hinges> {
        let mut from = vec![vector];
        let mut found = vec![];
        for place in self.program.hinges() {
            if from.contains(&place.hinges.read) {
                from.push(place.step + 1);
                found.push(place.hinges);
            }
        }
        found
    }

    /// Lower bounds of rows over the numbers of `vector`, bounds of which and of
    /// all before are known, with what their steps lose. `nodes` has one entry
    /// per row, or is left out.
    pub fn followed(&self, vector: usize, rows: Rows, nodes: Option<&[&Node]>) -> Pass {
        let Rows { coefficients, base } = rows;
        let mut vectors: Vec<Option<Vec<f64>>> = vec![None; vector];
        vectors.push(Some(coefficients));
        let mut trace = Trace { base, vectors, terms: 8, nodes };
        let mut units: Vec<Vec<f64>> = vec![];
        let places: Vec<_> = self.program.hinges().filter(|place| place.step < vector).collect();
        let mut places = places.iter().rev();
        for (index, step) in self.program.steps.iter().enumerate().take(vector).rev() {
            let hinges = match step {
                Step::Affine(_) => None,
                Step::Hinges(hinges) => Some((hinges, places.next().map_or(0, |place| place.start))),
            };
            let c = trace.vectors[index + 1].take();
            match (step, hinges, c) {
                (Step::Affine(affine), _, Some(c)) => self.through_affine(index, affine, &c, &mut trace),
                (_, Some((hinges, start)), Some(a)) => {
                    let c = self.through_hinges(index, (hinges, start), &a, &mut trace);
                    self.add(&mut trace, hinges.read, c);
                    units.push(a);
                }
                (_, Some(_), None) => units.push(vec![]),
                _ => {}
            }
        }
        units.reverse();
        let inputs = self.region.lower.len();
        let a = match trace.vectors.first_mut().and_then(Option::take) {
            Some(a) => a,
            None => vec![0.0; trace.base.len() * inputs],
        };
        let bounds = trace.base.iter().zip(a.chunks(inputs));
        let bounds = bounds.map(|(base, a)| add_down(base.lower(trace.terms), self.region.least(a)));
        let bounds = bounds.map(|bound| if bound.is_nan() { f64::NEG_INFINITY } else { bound });
        Pass { bounds: bounds.collect(), units, inputs: a, steps: vector }
    }

    /// How far the number that each hinge reads may lie from its kink on a part of
    /// the ball.
    pub(super) fn limits_on<'b>(&'b self, node: Option<&'b Node>) -> &'b [(f64, f64)] {
        node.and_then(|node| node.limits.as_deref()).unwrap_or(&self.limits)
    }

    /// Follows rows over the outputs of an affine map back to what it reads. A
    /// row that is no number any more has no bound.
    fn through_affine(&self, step: usize, affine: &Affine<'_>, c: &[f64], trace: &mut Trace<'_>) {
        let known = &self.bounds[step + 1];
        let outputs = affine.biases.len();
        let underflow = mul_up(f64::MIN_POSITIVE, known.reach);
        trace.terms += 2 * outputs + 2;
        for (row, base) in c.chunks(outputs).zip(&mut trace.base) {
            for ((c, bias), loss) in row.iter().zip(&affine.biases).zip(&known.loss) {
                base.add(c * bias);
                base.add(-c.abs() * loss);
            }
            base.add(-underflow);
        }
        for (vector, map) in &affine.parts {
            let inputs = self.program.widths[*vector];
            let a = map.back(c, Lengths { rows: trace.base.len(), inputs, outputs });
            for (row, base) in a.chunks(inputs).zip(&mut trace.base) {
                if !row.iter().all(|a| a.is_finite()) {
                    base.add(f64::NAN);
                }
            }
            self.add(trace, *vector, a);
        }
    }

    /// Adds coefficients to those of a vector.
    fn add(&self, trace: &mut Trace<'_>, vector: usize, more: Vec<f64>) {
        let Some(sum) = &mut trace.vectors[vector] else {
            trace.vectors[vector] = Some(more);
            return;
        };
        let known = &self.bounds[vector];
        let width = known.lower.len();
        trace.terms += width;
        let rows = sum.chunks_mut(width).zip(more.chunks(width));
        for ((sum, more), base) in rows.zip(&mut trace.base) {
            for (i, (sum, more)) in sum.iter_mut().zip(more).enumerate() {
                if *more != 0.0 {
                    *sum += more;
                    base.add(-f64::EPSILON * sum.abs() * known.size(i));
                }
            }
        }
    }

    /// Coefficients of what hinges read, of rows over what they give.
    fn through_hinges(
        &self,
        step: usize,
        (hinges, start): (&Hinges, usize),
        a: &[f64],
        trace: &mut Trace<'_>,
    ) -> Vec<f64> {
        let loss = &self.bounds[step + 1].loss;
        let width = self.program.widths[step + 1];
        trace.terms += 4 * width;
        let mut c = Vec::with_capacity(a.len());
        for (row, (a, base)) in a.chunks(width).zip(&mut trace.base).enumerate() {
            let node = trace.nodes.and_then(|nodes| nodes.get(row)).copied();
            let limits = &self.limits_on(node)[start..start + width];
            for (i, (&a, &limits)) in a.iter().zip(limits).enumerate() {
                let hinge = hinges.at(i);
                let (sign, choice) = node.map_or((Sign::Open, None), |node| node.at(start + i));
                let line = Line::below(a, &hinge, sign.limited(limits), (sign, choice));
                base.add(line.lost);
                base.size += line.rounded;
                if hinge.kink != 0.0 || hinge.value != 0.0 {
                    base.add(a * hinge.value);
                    base.add(-line.slope * hinge.kink);
                }
                if let Some(loss) = loss.get(i) {
                    base.add(-a.abs() * loss);
                }
                c.push(line.slope);
            }
        }
        c
    }
}

impl Rows {
    /// Rows of zeros.
    pub fn zero(rows: usize, width: usize) -> Self {
        Self { coefficients: vec![0.0; rows * width], base: vec![Sum::default(); rows] }
    }
}

/// A line through the kink, with the slope `c`, and by how much a multiple of a
/// hinge may lie below it.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// `c`, a choice.
    slope: f64,
    /// `d`, but for its rounding.
    lost: f64,
    /// A size whose rounding that of `d` is.
    rounded: f64,
}

impl Line {
    /// A line below `a` times a hinge, where the number that it reads is between
    /// `l` below and `u` above the kink.
    fn below(a: f64, hinge: &Hinge, (l, u): (f64, f64), (sign, choice): (Sign, Option<f64>)) -> Self {
        let (left, right) = (a * hinge.left, a * hinge.right);
        let slope = match sign {
            Sign::On => right - choice.unwrap_or(0.0),
            Sign::Off => left + choice.unwrap_or(0.0),
            Sign::Open if l >= 0.0 => right,
            Sign::Open if u <= 0.0 => left,
            Sign::Open if right < left => (right * u - left * l) / (u - l),
            Sign::Open => left + choice.unwrap_or(f64::from(u8::from(u > -l))) * (right - left),
        };
        let below = if l < 0.0 { (left - slope) * l } else { 0.0 };
        let above = if u > 0.0 { (right - slope) * u } else { 0.0 };
        let lost = if below.is_nan() || above.is_nan() { f64::NAN } else { below.min(above).min(0.0) };
        // A product with 0 or ±1 is not rounded.
        let inexact = |slope: f64, product: f64, reach: f64| {
            if [0.0, 1.0, -1.0].contains(&slope) { 0.0 } else { (product * reach).abs() }
        };
        let rounded = inexact(hinge.left, left, l) + inexact(hinge.right, right, u);
        // Such a product may underflow, and what is lost is multiplied.
        let exact = [hinge.left, hinge.right].iter().all(|slope| [0.0, 1.0, -1.0].contains(slope));
        let flushed = if exact { 0.0 } else { mul_up(f64::MIN_POSITIVE, l.abs().max(u.abs())) };
        Self { slope, lost: sub_down(lost, flushed), rounded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn products_that_underflow_are_charged_for_what_they_are_multiplied_by() {
        // a·left is 2.4e-324, which rounds to 0; on z from -1e300 it is 2.4e-24.
        let hinge = Hinge { kink: 0.0, value: 0.0, left: 1e-300, right: 1.0 };
        let line = Line::below(2.4e-24, &hinge, (-1e300, -1e300), (Sign::Open, None));
        assert!(line.slope * -1e300 + line.lost <= -2.4e-24, "{line:?}");
    }

    proptest! {
        #[test]
        fn lines_lie_below(
            a in -5.0f64..5.0, l in -3.0f64..3.0, width in 0.0f64..4.0,
            choice in prop::option::of(-0.5f64..2.0), sign in 0usize..3, share in 0.0f64..=1.0,
            kink in -2.0f64..2.0, value in -2.0f64..2.0,
            slopes in prop::sample::select(vec![[0.0, 1.0], [1.0, 0.0], [0.3, 1.0], [-1.0, 1.0], [2.5, 1.0]]),
        ) {
            let hinge = Hinge { kink, value, left: slopes[0], right: slopes[1] };
            let sign = [Sign::Open, Sign::On, Sign::Off][sign];
            let (lower, upper) = sign.limited((l, l + width));
            prop_assume!(lower <= upper);
            let line = Line::below(a, &hinge, (lower, upper), (sign, choice));
            let z = kink + lower + share * (upper - lower);
            prop_assert!(a * hinge.at(z) >= a * value + line.slope * (z - kink) + line.lost - 1e-12);
        }
    }
}
