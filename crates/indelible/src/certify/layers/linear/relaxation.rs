//! Bounds of every sum on one ball, and sums followed back to the input.
//!
//! Meant are all executions: real arithmetic, and the network's format with
//! sums in any order, fused or not. In each of them a sum of layer `d` is
//! `z = W v + b + e` with `|e_i|` at most a number that is known before, and
//! `v = relu(z)` of the layer before. What is proved of all numbers that keep
//! these relations holds for all executions.
//!
//! **Followed back** (Zhang et al., CROWN, NeurIPS 2018; Singh et al., DeepPoly,
//! POPL 2019). A row `a·v` over units of a layer is bounded below by
//! `c·z + Σ d_i` over their sums, where for **any** numbers `c_i`
//!
//! ```text
//! d_i = min over l_i ≤ z ≤ u_i of  a_i relu(z) − c_i z  =  min(0, −c_i l_i, (a_i − c_i) u_i)
//! ```
//!
//! for `l_i ≤ 0 ≤ u_i`. Slopes, and multipliers of constraints on signs of sums,
//! are choices of `c`; that they were computed with roundings plays no part.
//! Then `c·z = (c W) v + c·b + c·e`, and the computed matrix `A` in place of `c W`
//! is off by `γ |c||W|`, which costs `γ Σ_i |c_i| Σ_j |W_ij| max|v_j|`: as much as
//! a larger `e`.

use super::{
    node::{Node, Sign},
    region::Region,
    sum::{Sum, gamma, row_sums},
};
use crate::{
    certify::matrices::{DenseLayer, DenseNetwork, product},
    number::{add_down, add_up, mul_up, sub_down, sub_up},
};

/// What is known of the sums of a layer.
#[derive(Debug, Default)]
pub(in crate::certify) struct LayerBounds {
    /// Lower bounds, one per neuron.
    pub lower: Vec<f64>,
    /// Upper bounds.
    pub upper: Vec<f64>,
    /// How far a sum, as executed and as followed back here, may lie from
    /// `W v + b`.
    loss: Vec<f64>,
    /// At least the sum of sizes of what the layer reads.
    reach: f64,
}

/// A network on the ball of one sample.
#[derive(Debug)]
pub(in crate::certify) struct Relaxation<'a> {
    pub network: &'a DenseNetwork,
    pub region: &'a Region,
    /// One per layer, the last one with bounds of the outputs.
    pub bounds: Vec<LayerBounds>,
}

/// Rows of coefficients over the sums of a layer, row after row, with what is
/// added to each.
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
    /// For every hidden layer that was passed the coefficients of its units,
    /// row after row.
    pub units: Vec<Vec<f64>>,
    /// Those of the inputs.
    pub inputs: Vec<f64>,
}

impl<'a> Relaxation<'a> {
    /// Bounds of all sums; `None` where one may overflow in some order.
    pub fn new(network: &'a DenseNetwork, region: &'a Region) -> Option<Self> {
        let mut all = Self { network, region, bounds: Vec::with_capacity(network.layers.len()) };
        for (depth, layer) in network.layers.iter().enumerate() {
            let bounds = all.by_intervals(depth, layer)?;
            all.bounds.push(bounds);
            // Intervals of the first layer are as close as a box allows.
            if depth + 1 < network.layers.len() && (depth > 0 || !region.is_box()) {
                all.sharpen(depth, layer);
            }
        }
        Some(all)
    }

    /// Bounds of the sums of a layer by intervals of what it reads.
    fn by_intervals(&self, depth: usize, layer: &DenseLayer) -> Option<LayerBounds> {
        let (mut middle, mut half, mut size) = (vec![], vec![], vec![]);
        let mut add = |lower: f64, upper: f64| {
            let center = lower / 2.0 + upper / 2.0;
            middle.push(center);
            half.push(sub_up(upper, center).max(sub_up(center, lower)));
            size.push(lower.abs().max(upper.abs()));
        };
        match depth.checked_sub(1).and_then(|before| self.bounds.get(before)) {
            None => self.region.lower.iter().zip(&self.region.upper).for_each(|(l, u)| add(*l, *u)),
            Some(known) => {
                known.lower.iter().zip(&known.upper).for_each(|(l, u)| add(l.max(0.0), u.max(0.0)));
            }
        }
        let precision = self.network.precision;
        // Every product and every sum is rounded, at most, and underflows by at
        // most half the smallest number, which later roundings less than double.
        let roundings = layer.terms + 1;
        let relative = mul_up(roundings as f64, precision.unit_roundoff());
        if relative > 0.25 {
            return None;
        }
        let relative = add_up(relative, mul_up(2.0, mul_up(relative, relative)));
        let tiny = mul_up(4.0 * (roundings + 1) as f64, precision.smallest_subnormal());
        // Of matrix products with as many terms as the layer has neurons.
        let ours = gamma(layer.outputs);
        let sums = gamma(layer.inputs);
        let mut bounds =
            LayerBounds { reach: size.iter().fold(0.0, |sum, s| add_up(sum, *s)), ..LayerBounds::default() };
        for (weights, bias) in layer.weights.chunks(layer.inputs).zip(&layer.biases) {
            let [center, around, read] = row_sums(weights, &middle, &half, &size);
            // An upper bound of Σ|w||v| + |b|.
            let read = add_up(add_up(mul_up(read, 1.0 + sums), bias.abs()), f64::MIN_POSITIVE);
            let error = add_up(mul_up(read, relative), tiny);
            // Half of the largest number: no partial sum overflows either.
            let fits = add_up(read, error) <= precision.largest() / 2.0;
            if !fits {
                return None;
            }
            // `|middle|` and `half` are at most twice the size.
            let off = add_up(add_up(error, mul_up(read, 4.0 * sums)), add_up(around, f64::MIN_POSITIVE));
            bounds.lower.push(sub_down(add_down(center, *bias), off));
            bounds.upper.push(add_up(add_up(center, *bias), off));
            bounds.loss.push(add_up(error, mul_up(read, ours)));
        }
        Some(bounds)
    }

    /// Closer bounds of those sums of a layer whose sign is not known, followed
    /// back to the input.
    fn sharpen(&mut self, depth: usize, layer: &DenseLayer) {
        let Some(known) = self.bounds.get(depth) else { return };
        let open: Vec<usize> =
            (0..layer.outputs).filter(|&i| known.lower[i] < 0.0 && known.upper[i] > 0.0).collect();
        let all: Vec<(usize, f64)> = open.iter().flat_map(|&i| [(i, 1.0), (i, -1.0)]).collect();
        let mut found = vec![];
        for part in all.chunks(MOST_ROWS) {
            let mut rows = Rows::zero(part.len(), layer.outputs);
            for (row, (neuron, sign)) in rows.coefficients.chunks_mut(layer.outputs).zip(part) {
                row[*neuron] = *sign;
            }
            found.extend(self.followed(depth, rows, None).bounds);
        }
        let Some(known) = self.bounds.get_mut(depth) else { return };
        for (&(neuron, sign), bound) in all.iter().zip(found) {
            if sign > 0.0 {
                known.lower[neuron] = known.lower[neuron].max(bound);
            } else {
                known.upper[neuron] = known.upper[neuron].min(-bound);
            }
        }
    }

    /// Lower bounds of rows over the sums of layer `depth`, whose loss is known,
    /// as are bounds of the sums of all layers before. `nodes` has one entry per
    /// row, or is left out.
    pub fn followed(&self, depth: usize, rows: Rows, nodes: Option<&[&Node]>) -> Pass {
        let Rows { coefficients: mut c, mut base } = rows;
        let mut units = vec![vec![]; depth];
        let mut terms = 8;
        for (depth, (layer, known)) in
            self.network.layers.iter().zip(&self.bounds).enumerate().take(depth + 1).rev()
        {
            // Two terms of the bias and the loss, one of the ReLU before.
            terms += 3 * layer.outputs + layer.inputs + 2;
            let a = self.through_layer(&mut base, &c, layer, known);
            let Some(before) = depth.checked_sub(1) else {
                let bounds = base.iter().zip(a.chunks(layer.inputs));
                let bounds = bounds.map(|(base, a)| add_down(base.lower(terms), self.region.least(a)));
                let bounds = bounds.map(|bound| if bound.is_nan() { f64::NEG_INFINITY } else { bound });
                return Pass { bounds: bounds.collect(), units, inputs: a };
            };
            c = self.through_relu(before, &a, &mut base, nodes);
            units[before] = a;
        }
        // There is a layer always.
        Pass { bounds: vec![f64::NEG_INFINITY; base.len()], units, inputs: c }
    }

    /// Coefficients of what a layer reads, of rows over its sums. A row that is
    /// no number any more has no bound.
    fn through_layer(
        &self,
        base: &mut [Sum],
        c: &[f64],
        layer: &DenseLayer,
        known: &LayerBounds,
    ) -> Vec<f64> {
        let underflow = mul_up(f64::MIN_POSITIVE, known.reach);
        for (row, base) in c.chunks(layer.outputs).zip(base.iter_mut()) {
            for ((c, bias), loss) in row.iter().zip(&layer.biases).zip(&known.loss) {
                base.add(c * bias);
                base.add(-c.abs() * loss);
            }
            base.add(-underflow);
        }
        let a = product(c, &layer.weights, (base.len(), layer.outputs, layer.inputs));
        for (row, base) in a.chunks(layer.inputs).zip(base.iter_mut()) {
            if !row.iter().all(|a| a.is_finite()) {
                base.add(f64::NAN);
            }
        }
        a
    }

    /// Coefficients of the sums of hidden layer `depth`, of rows over its units.
    fn through_relu(&self, depth: usize, a: &[f64], base: &mut [Sum], nodes: Option<&[&Node]>) -> Vec<f64> {
        let Some(known) = self.bounds.get(depth) else { return vec![] };
        let width = known.lower.len();
        let offset = self.offset(depth);
        let mut c = Vec::with_capacity(a.len());
        for (row, (a, base)) in a.chunks(width).zip(base.iter_mut()).enumerate() {
            let node = nodes.and_then(|nodes| nodes.get(row));
            for (i, (&a, (&l, &u))) in a.iter().zip(known.lower.iter().zip(&known.upper)).enumerate() {
                let (sign, choice) = node.map_or((Sign::Open, None), |node| node.at(offset + i));
                let (slope, lost) = line(a, sign.limited(l, u), sign, choice);
                base.add(lost);
                c.push(slope);
            }
        }
        c
    }

    /// Where the neurons of hidden layer `depth` begin when all are numbered.
    pub fn offset(&self, depth: usize) -> usize {
        self.network.layers.iter().take(depth).map(|layer| layer.outputs).sum()
    }
}

/// Rows that are followed back together, at most.
pub(super) const MOST_ROWS: usize = 512;

impl Rows {
    /// Rows of zeros.
    pub fn zero(rows: usize, width: usize) -> Self {
        Self { coefficients: vec![0.0; rows * width], base: vec![Sum::default(); rows] }
    }
}

/// The slope `c` of the line below `a relu(z)` for `l ≤ z ≤ u`, and by how much
/// the function may lie below `c z`: `c` is a choice, that number a bound but for
/// its rounding.
fn line(a: f64, (l, u): (f64, f64), sign: Sign, choice: Option<f64>) -> (f64, f64) {
    let c = match sign {
        Sign::On => a - choice.unwrap_or(0.0),
        Sign::Off => choice.unwrap_or(0.0),
        Sign::Open if l >= 0.0 => a,
        Sign::Open if u <= 0.0 => 0.0,
        Sign::Open if a < 0.0 => a * (u / (u - l)),
        Sign::Open => a * choice.unwrap_or(f64::from(u8::from(u > -l))),
    };
    let left = if l < 0.0 { -c * l } else { 0.0 };
    let right = if u > 0.0 { (a - c) * u } else { 0.0 };
    let lost = if left.is_nan() || right.is_nan() { f64::NAN } else { left.min(right).min(0.0) };
    (c, lost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_lie_below(
            a in -5.0f64..5.0, l in -3.0f64..3.0, width in 0.0f64..4.0,
            choice in prop::option::of(-0.5f64..2.0), sign in 0usize..3, share in 0.0f64..=1.0,
        ) {
            let sign = [Sign::Open, Sign::On, Sign::Off][sign];
            let (lower, upper) = sign.limited(l, l + width);
            prop_assume!(lower <= upper);
            let (c, lost) = line(a, (lower, upper), sign, choice);
            let z = lower + share * (upper - lower);
            prop_assert!(a * z.max(0.0) >= c * z + lost - 1e-12);
        }
    }
}
