//! Better choices of slopes and multipliers, by gradient steps.
//!
//! A bound that was followed back is the least value, on the region, of a
//! composition of affine maps and lines. At the point where it is least its
//! derivative by the slope of a line is the coefficient of the unit times its
//! sum there; by the multiplier of an assumption it is the sum, with the sign
//! that the assumption does not allow (Xu et al., α-CROWN, ICLR 2021; Wang et
//! al., β-CROWN, NeurIPS 2021). Steps are those of Adam (Kingma & Ba, ICLR 2015).
//! Every bound on the way is a proved one.

use super::{
    node::{Node, Sign},
    question::Question,
    relaxation::{MOST_ROWS, Pass, Relaxation},
};
use crate::certify::matrices::product_transposed;

/// First step of a slope.
const SLOPE_STEP: f64 = 0.25;
/// First step of a multiplier, in units of the largest coefficient of the layer.
const MULTIPLIER_STEP: f64 = 0.2;
/// What is left of a step after each.
const DECAY: f64 = 0.95;
/// Adam's averages.
const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;

/// A node on its way up.
#[derive(Debug)]
pub(super) struct Climb {
    pub node: Node,
    /// The best bound so far.
    pub bound: f64,
    /// Coefficients of all hidden units in the last pass.
    pub units: Vec<f64>,
    /// Those of the inputs.
    pub inputs: Vec<f64>,
    /// Averages of the gradient and its square.
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Climb {
    pub fn new(node: Node) -> Self {
        let neurons = node.signs.len();
        let (first, second) = (vec![0.0; neurons], vec![0.0; neurons]);
        Self { node, bound: f64::NEG_INFINITY, units: vec![], inputs: vec![], first, second }
    }
}

impl Relaxation<'_> {
    /// The node of the whole ball for a row, with the slopes that are taken
    /// without a choice.
    pub fn root(&self, row: usize) -> Node {
        let hidden = self.network.layers.len().saturating_sub(1);
        let known = self.bounds.iter().take(hidden).flat_map(|known| known.lower.iter().zip(&known.upper));
        let choices: Box<[f64]> = known.map(|(l, u)| f64::from(u8::from(*u > -l))).collect();
        Node { row, signs: vec![Sign::Open; choices.len()].into(), choices }
    }

    /// What following the rows of some nodes back gives.
    pub(super) fn of_nodes(&self, question: &Question, nodes: &[&Node]) -> Pass {
        let rows = question.rows(nodes.iter().map(|node| node.row));
        self.followed(self.network.layers.len() - 1, rows, Some(nodes))
    }

    /// Lower bounds of all rows of a question, with the coefficients that the
    /// inputs have in each, row after row.
    pub fn bounds_of(&self, question: &Question) -> (Vec<f64>, Vec<f64>) {
        let (mut bounds, mut inputs) = (vec![], vec![]);
        for start in (0..question.len()).step_by(MOST_ROWS) {
            let rows = question.rows(start..question.len().min(start + MOST_ROWS));
            let pass = self.followed(self.network.layers.len() - 1, rows, None);
            bounds.extend(pass.bounds);
            inputs.extend(pass.inputs);
        }
        (bounds, inputs)
    }

    /// Climbs until every bound is positive, for `steps` steps at most. Those
    /// that are positive go no further.
    pub(super) fn climb(&self, question: &Question, climbs: &mut [Climb], steps: i32) {
        for step in 0..=steps {
            let mut open: Vec<&mut Climb> = climbs.iter_mut().filter(|climb| climb.bound <= 0.0).collect();
            if open.is_empty() {
                return;
            }
            let nodes: Vec<&Node> = open.iter().map(|climb| &climb.node).collect();
            let pass = self.of_nodes(question, &nodes);
            let gradients = if step < steps { self.gradients(&nodes, &pass) } else { vec![] };
            drop(nodes);
            for (row, climb) in open.iter_mut().enumerate() {
                climb.bound = climb.bound.max(pass.bounds[row]);
                climb.units.clear();
                for (units, layer) in pass.units.iter().zip(&self.network.layers) {
                    climb.units.extend_from_slice(&units[row * layer.outputs..(row + 1) * layer.outputs]);
                }
                let inputs = self.region.lower.len();
                climb.inputs = pass.inputs[row * inputs..(row + 1) * inputs].to_vec();
            }
            for (climb, gradient) in open.iter_mut().zip(&gradients) {
                if climb.bound <= 0.0 {
                    self.step(climb, gradient, step);
                }
            }
        }
    }

    /// One step of Adam, number `step` from 0.
    fn step(&self, climb: &mut Climb, gradient: &[f64], step: i32) {
        let (first, second) = (1.0 - FIRST.powi(step + 1), 1.0 - SECOND.powi(step + 1));
        let decay = DECAY.powi(step);
        let mut start = 0;
        for layer in self.network.layers.iter().take(self.network.layers.len() - 1) {
            let range = start..start + layer.outputs;
            start = range.end;
            let largest = climb.units[range.clone()].iter().fold(0.0, |m: f64, a| m.max(a.abs()));
            for i in range {
                let g = gradient[i];
                climb.first[i] = FIRST * climb.first[i] + (1.0 - FIRST) * g;
                climb.second[i] = SECOND * climb.second[i] + (1.0 - SECOND) * g * g;
                if climb.second[i] <= 0.0 {
                    continue;
                }
                let direction = climb.first[i] / first / (climb.second[i] / second).sqrt();
                let choice = &mut climb.node.choices[i];
                let next = match climb.node.signs[i] {
                    Sign::Open => (*choice + SLOPE_STEP * decay * direction).min(1.0),
                    Sign::On | Sign::Off => *choice + MULTIPLIER_STEP * decay * largest * direction,
                };
                // A choice that is no number would be a bound that is none.
                *choice = if next.is_finite() { next.max(0.0) } else { 0.0 };
            }
        }
    }

    /// Derivatives of the bounds of a pass by every choice, about.
    fn gradients(&self, nodes: &[&Node], pass: &Pass) -> Vec<Vec<f64>> {
        let mut values = vec![];
        for a in pass.inputs.chunks(self.region.lower.len()) {
            self.region.argmin(a, &mut values);
        }
        let neurons = nodes.first().map_or(0, |node| node.signs.len());
        let mut all = vec![vec![0.0; neurons]; nodes.len()];
        let mut start = 0;
        for ((layer, known), units) in self.network.layers.iter().zip(&self.bounds).zip(&pass.units) {
            let mut sums =
                product_transposed(&values, &layer.weights, (nodes.len(), layer.inputs, layer.outputs));
            for (row, sums) in sums.chunks_mut(layer.outputs).enumerate() {
                let units = &units[row * layer.outputs..(row + 1) * layer.outputs];
                for (i, (sum, a)) in sums.iter_mut().zip(units).enumerate() {
                    let z = *sum + layer.biases[i];
                    let (sign, choice) = nodes[row].at(start + i);
                    let (l, u) = sign.limited(known.lower[i], known.upper[i]);
                    let (value, gradient) = match sign {
                        Sign::On => (z, -z),
                        Sign::Off => (0.0, z),
                        Sign::Open if l >= 0.0 => (z, 0.0),
                        Sign::Open if u <= 0.0 => (0.0, 0.0),
                        Sign::Open if *a < 0.0 => (u / (u - l) * (z - l), 0.0),
                        Sign::Open => (choice.unwrap_or(0.0) * z, a * z),
                    };
                    *sum = value;
                    all[row][start + i] = gradient;
                }
            }
            start += layer.outputs;
            values = sums;
        }
        all
    }
}
