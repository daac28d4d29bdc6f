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
//! bounded by following their sums back (`back_substitution`). Units that only those read
//! that are 0 on the whole box around the ball are left out: in a network that
//! takes the samples in turn that is nearly all.

use std::rc::Rc;

use super::{
    back_substitution::Terms,
    bounded::{BoundedLayers, Unit},
    dual_bound::NormBall,
    separable::{Separable, behind_relu, bounds, bounds_on_box},
};
use crate::{
    Norm,
    certify::{
        Claim,
        arithmetic::{Interval, IntervalArithmetic, Rounding, Term, grid, magnitude, rounding},
        ball, margin_of,
    },
    network::{Layer, Network, Row, StoredNetwork},
    number::{add_up, mul_up, sqrt_up, sub_down},
};

/// For every hidden layer which units are read by a unit that may be on, and
/// by an output in the end.
fn read(hidden: &[Layer], last: &Layer, sums: &[Vec<Interval>]) -> Vec<Vec<bool>> {
    let mut all: Vec<Vec<bool>> = hidden.iter().map(|layer| vec![false; layer.outputs()]).collect();
    let (mut layer, mut counts) = (last, vec![true; last.outputs()]);
    for ((below, sums), units) in hidden.iter().zip(sums).zip(&mut all).rev() {
        for (row, _) in layer.rows().zip(&counts).filter(|(_, counts)| **counts) {
            row.columns.iter().for_each(|&c| units[c] = true);
        }
        counts = units.iter().zip(sums).map(|(read, sum)| *read && sum.upper > 0.0).collect();
        layer = below;
    }
    all
}

/// By how much the right label leads on the whole ball, if it does; `on_box` may
/// hold intervals of all sums on the box around the ball.
pub(super) fn margin(
    claim: &Claim<'_>,
    network: &StoredNetwork,
    sample: usize,
    on_box: Option<&[Vec<Interval>]>,
) -> Option<f64> {
    let bounded = BoundedLayers::through(claim, network, sample, on_box)?;
    let outputs: Vec<Interval> = bounded.outputs().collect();
    margin_of(claim, sample, &outputs, |other| {
        bounded.lead(network, (claim.class(sample), other), claim.tie_margin)
    })
}

impl<'a> BoundedLayers<'a> {
    /// All layers on the ball of a sample; `None` where something may overflow.
    pub(in crate::certify) fn through(
        claim: &Claim<'_>,
        network: &'a StoredNetwork,
        sample: usize,
        on_box: Option<&[Vec<Interval>]>,
    ) -> Option<Self> {
        let (last, hidden) = network.layers().split_last()?;
        let mut bounded = Self::inputs(claim, network, sample)?;
        let read = on_box.map(|sums| read(hidden, last, sums));
        for (index, layer) in hidden.iter().enumerate() {
            let known = on_box.zip(read.as_ref()).map(|(sums, read)| (&sums[index][..], &read[index][..]));
            let units = (0..layer.outputs()).map(|unit| match known {
                // Nothing else is asked of it.
                Some((sums, read)) if !read[unit] || sums[unit].upper <= 0.0 => {
                    let (sum, value) = (sums[unit], sums[unit].relu());
                    Some(Unit { sum, value, shape: None, center: 0.0, slack: f64::INFINITY, grid: 0.0 })
                }
                _ => bounded.unit(layer, unit, true),
            });
            let units = units.collect::<Option<_>>()?;
            bounded.layers.push(layer);
            bounded.units.push(units);
        }
        let outputs =
            (0..last.outputs()).map(|unit| bounded.unit(last, unit, false)).collect::<Option<_>>()?;
        bounded.units.push(outputs);
        Some(bounded)
    }

    fn inputs(claim: &Claim<'_>, network: &StoredNetwork, sample: usize) -> Option<Self> {
        let precision = network.precision();
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
        let ball = NormBall::new(x, add_up(radius, moved), claim.norm);
        let arithmetic = IntervalArithmetic { precision };
        Some(Self { arithmetic, ball, layers: vec![], units: vec![units] })
    }

    /// What rounding does to a row's sum of what it reads; `None` where a sum
    /// may overflow in some order.
    fn rounding(&self, depth: usize, row: Row<'_>) -> Option<Rounding> {
        let units = self.units.get(depth)?;
        let terms = || row.terms().filter(|(c, _)| !units[*c].value.is_zero());
        let all = terms().map(|(c, weight)| Term { weight, value: units[c].value, grid: units[c].grid });
        rounding(self.arithmetic, all, row.bias, |sign| {
            // What is behind a ReLU is not negative.
            if depth == 0 {
                return None;
            }
            let same = terms().filter(|(_, w)| w * sign > 0.0).map(|(c, w)| (c, -w * sign)).collect();
            Some(-self.sum_lower(same, -(row.bias * sign).max(0.0)))
        })
    }

    /// A neuron of a layer that reads the last one, a ReLU behind it or not;
    /// `None` where something may overflow.
    fn unit(&self, layer: &Layer, index: usize, relu: bool) -> Option<Unit> {
        let (depth, row) = (self.layers.len(), layer.row(index));
        let below = &self.units[depth];
        if let ([column], [1.0], 0.0) = (row.columns, row.weights, row.bias)
            && below[*column].value.lower >= 0.0
        {
            let unit = &below[*column];
            return Some(Unit { sum: unit.value, center: unit.center.max(0.0), slack: 0.0, ..unit.clone() });
        }
        let Rounding { slack, grid: multiple } = self.rounding(depth, row)?;
        let used: Terms = row.terms().filter(|(c, _)| !below[*c].value.is_zero()).collect();
        let pairs = used.iter().map(|&(c, w)| (w, below[c].value));
        let mut sum = self.arithmetic.affine(pairs, row.bias, &mut vec![])?;
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
            Some(bounds_on_box(shape)).filter(decided).unwrap_or_else(|| bounds(&self.ball, shape))
        });
        let sharp = match (&shape, clean) {
            (Some(shape), Some(clean)) => clean.widened(shape.error),
            _ if used.len() > 1 => {
                let bound = |sign: f64| {
                    let terms = used.iter().map(|&(c, w)| (c, sign * w)).collect();
                    self.sum_lower(terms, sub_down(sign * row.bias, slack))
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
}
