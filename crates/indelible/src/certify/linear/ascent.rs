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
    goal::Goal,
    node::{Node, Sign},
    question::Question,
    relaxation::{MOST_ROWS, Pass, Relaxation},
};
use crate::certify::program::{HingeStep, Step};

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
        let signs = vec![Sign::Open; self.limits.len()].into();
        Node { row, signs, choices: first_choices(&self.limits), limits: None }
    }

    /// A node with the slopes that are taken without a choice.
    pub(super) fn without_choices(&self, node: &Node) -> Node {
        let mut choices = first_choices(self.limits_on(Some(node)));
        let signs = choices.iter_mut().zip(&node.signs);
        signs.filter(|(_, sign)| **sign != Sign::Open).for_each(|(choice, _)| *choice = 0.0);
        Node { choices, ..node.clone() }
    }

    /// What following the rows of some nodes back gives.
    pub(super) fn of_nodes(&self, goal: &impl Goal, nodes: &[&Node]) -> Pass {
        let numbers: Vec<usize> = nodes.iter().map(|node| node.row).collect();
        self.followed(goal.vector(self.program), goal.rows(&numbers), Some(nodes))
    }

    /// Lower bounds of all rows of a question, with the coefficients that the
    /// inputs have in each, row after row.
    pub fn bounds_of(&self, question: &Question) -> (Vec<f64>, Vec<f64>) {
        let (mut bounds, mut inputs) = (vec![], vec![]);
        let all: Vec<usize> = (0..question.len()).collect();
        for numbers in all.chunks(MOST_ROWS) {
            let pass = self.followed(question.vector(self.program), question.rows(numbers), None);
            bounds.extend(pass.bounds);
            inputs.extend(pass.inputs);
        }
        (bounds, inputs)
    }

    /// Climbs until every bound is positive, for `steps` steps at most. Those
    /// that are positive go no further.
    pub(super) fn climb(&self, goal: &impl Goal, climbs: &mut [Climb], steps: i32) {
        for step in 0..=steps {
            let mut open: Vec<&mut Climb> = climbs.iter_mut().filter(|climb| climb.bound <= 0.0).collect();
            if open.is_empty() {
                return;
            }
            let nodes: Vec<&Node> = open.iter().map(|climb| &climb.node).collect();
            let pass = self.of_nodes(goal, &nodes);
            let gradients = if step < steps { self.gradients(&nodes, &pass) } else { vec![] };
            drop(nodes);
            for (row, climb) in open.iter_mut().enumerate() {
                climb.bound = climb.bound.max(pass.bounds[row]);
                climb.units.clear();
                for (units, place) in pass.units.iter().zip(self.program.hinges()) {
                    match units.get(row * place.width..(row + 1) * place.width) {
                        Some(units) => climb.units.extend_from_slice(units),
                        None => climb.units.resize(place.start + place.width, 0.0),
                    }
                }
                climb.units.resize(self.limits.len(), 0.0);
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
        for place in self.program.hinges() {
            let range = place.start..place.start + place.width;
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
        let mut least = vec![];
        for a in pass.inputs.chunks(self.region.lower.len()) {
            self.region.argmin(a, &mut least);
        }
        let mut values = vec![least];
        let mut all = vec![vec![0.0; self.limits.len()]; nodes.len()];
        let mut places = self.program.hinges().zip(&pass.units);
        for step in self.program.steps.iter().take(pass.steps) {
            let next = match step {
                Step::Affine(affine) => affine.forward(&values, &self.program.widths, nodes.len()),
                Step::Hinges(_) => match places.next() {
                    Some((place, units)) => {
                        let mut next = values[place.hinges.read].clone();
                        for (row, next) in next.chunks_mut(place.width).enumerate() {
                            let units = units.get(row * place.width..(row + 1) * place.width).unwrap_or(&[]);
                            self.lines(place, (nodes[row], units), next, &mut all[row][place.start..]);
                        }
                        next
                    }
                    None => vec![],
                },
            };
            values.push(next);
        }
        all
    }

    /// What the lines in place of some hinges give for the numbers `values`, which
    /// become that, and the derivatives by the choices.
    fn lines(
        &self,
        place: HingeStep<'_>,
        (node, units): (&Node, &[f64]),
        values: &mut [f64],
        gradient: &mut [f64],
    ) {
        let limits = &self.limits_on(Some(node))[place.start..];
        for (i, ((value, a), gradient)) in values.iter_mut().zip(units).zip(gradient).enumerate() {
            let hinge = place.hinges.at(i);
            let z = *value - hinge.kink;
            let (sign, choice) = node.at(place.start + i);
            let (l, u) = sign.limited(limits[i]);
            let bend = hinge.right - hinge.left;
            let (moved, slope) = match sign {
                Sign::On => (hinge.right * z, -z),
                Sign::Off => (hinge.left * z, z),
                Sign::Open if l >= 0.0 => (hinge.right * z, 0.0),
                Sign::Open if u <= 0.0 => (hinge.left * z, 0.0),
                Sign::Open if a * bend < 0.0 => {
                    (hinge.left * l + (hinge.right * u - hinge.left * l) / (u - l) * (z - l), 0.0)
                }
                Sign::Open => ((hinge.left + choice.unwrap_or(0.0) * bend) * z, a * bend * z),
            };
            (*value, *gradient) = (hinge.value + moved, slope);
        }
    }
}

/// The flatter side of each hinge, or the steeper one, whichever loses less.
fn first_choices(limits: &[(f64, f64)]) -> Box<[f64]> {
    limits.iter().map(|(l, u)| f64::from(u8::from(*u > -l))).collect()
}
