//! Closed balls over the rationals, and the linear programs on them.

use dashu_ratio::RBig;
use indelible::Norm;

use crate::{
    Error,
    affine::{AffineFunction, Neuron},
    clock::Clock,
    linear_program::{LinearProgram, Optimum},
    rational::{absolute, is_negative, is_positive, sum},
};

/// A closed ball. Only [`contains`](Self::contains) knows the Euclidean norm;
/// all else is for the sup norm and the 1-norm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RationalBall<'a> {
    pub centre: &'a [RBig],
    pub radius: &'a RBig,
    pub norm: Norm,
}

impl RationalBall<'_> {
    /// `max over the unit ball of weights·d`: the dual norm.
    pub(crate) fn dual(&self, weights: &[RBig]) -> RBig {
        let sizes = weights.iter().map(absolute);
        if self.norm == Norm::L1 { sizes.max().unwrap_or_default() } else { sum(sizes) }
    }

    /// The distance from the centre to `x`.
    pub(crate) fn distance(&self, x: &[RBig]) -> RBig {
        let gaps = self.centre.iter().zip(x).map(|(c, v)| absolute(&(v - c)));
        if self.norm == Norm::L1 { sum(gaps) } else { gaps.max().unwrap_or_default() }
    }

    /// Whether `x` lies in the ball, decided exactly.
    pub(crate) fn contains(&self, x: &[RBig]) -> bool {
        if self.norm == Norm::L2 {
            let squares = self.centre.iter().zip(x).map(|(c, v)| (v - c).sqr());
            return sum(squares) <= self.radius.sqr();
        }
        self.distance(x) <= *self.radius
    }

    /// A point of the ball that maximises `gradient·x`.
    pub(crate) fn corner(&self, gradient: &[RBig]) -> Vec<RBig> {
        let mut point = self.centre.to_vec();
        // In the 1-norm only along the steepest axis.
        let axes = (0..gradient.len()).filter(|_| self.norm == Norm::L1);
        let steepest = axes.max_by_key(|&f| absolute(&gradient[f]));
        for (f, (x, g)) in point.iter_mut().zip(gradient).enumerate() {
            if steepest.is_some_and(|steepest| f != steepest) {
                continue;
            }
            if is_positive(g) {
                *x += self.radius;
            } else if is_negative(g) {
                *x -= self.radius;
            }
        }
        point
    }

    /// Maximises `part − Σ |output| relu(before)` over the ball, exactly, and
    /// says where the maximum is.
    pub(crate) fn maximise(
        &self,
        part: &AffineFunction,
        concave: &[&Neuron],
        clock: &Clock,
    ) -> Result<(RBig, Vec<RBig>), Error> {
        let is_used = |&f: &usize| {
            !part.gradient[f].is_zero() || concave.iter().any(|v| !v.before.gradient[f].is_zero())
        };
        let steps = self.steps((0..self.centre.len()).filter(is_used));
        let mut program = steps.program(part, concave);
        if self.norm == Norm::L1 {
            let mut gradient = vec![RBig::NEG_ONE; steps.columns.len()];
            gradient.resize(program.upper.len(), RBig::ZERO);
            program.rows.push(AffineFunction { gradient, constant: self.radius.clone() });
        }
        // The ball is bounded and every output here is negative: the optimum
        // exists; the centre is a safe answer to an impossible question.
        let Some(Optimum { value, point, .. }) = program.maximise(clock)? else {
            return Ok((part.at(self.centre), self.centre.to_vec()));
        };
        Ok((value, steps.point(&point)))
    }

    /// The ball in the features `used` as steps: from its lowest corner in the
    /// sup norm; from its centre in the 1-norm, forth and back, where the sum
    /// of all steps is at most the radius.
    fn steps(&self, used: impl Iterator<Item = usize>) -> Steps {
        let mut start = self.centre.to_vec();
        let mut columns: Vec<(usize, bool)> = used.map(|f| (f, false)).collect();
        if self.norm == Norm::L1 {
            columns.extend_from_within(..);
            let forth = columns.len() / 2;
            columns[forth..].iter_mut().for_each(|(_, back)| *back = true);
            return Steps { start, columns, longest: None };
        }
        for &(f, _) in &columns {
            start[f] -= self.radius;
        }
        Steps { start, columns, longest: Some(self.radius * RBig::from(2)) }
    }
}

/// Points `x = start ± Σ_c step_c e_{feature_c}`, every step ≥ 0.
struct Steps {
    start: Vec<RBig>,
    /// The feature of each step, and whether it goes back.
    columns: Vec<(usize, bool)>,
    /// The longest step.
    longest: Option<RBig>,
}

impl Steps {
    /// The function of `x` as one of the steps and of `width` numbers in all.
    fn along(&self, function: &AffineFunction, width: usize) -> AffineFunction {
        let slope = |&(f, back): &(usize, bool)| {
            let slope = &function.gradient[f];
            if back { -slope } else { slope.clone() }
        };
        let mut gradient: Vec<RBig> = self.columns.iter().map(slope).collect();
        gradient.resize(width, RBig::ZERO);
        AffineFunction { gradient, constant: function.at(&self.start) }
    }

    /// Where the steps lead.
    fn point(&self, lengths: &[RBig]) -> Vec<RBig> {
        let mut x = self.start.clone();
        for (&(f, back), length) in self.columns.iter().zip(lengths) {
            if back {
                x[f] -= length;
            } else {
                x[f] += length;
            }
        }
        x
    }

    /// `part − Σ |output| relu(before)` as a program in the steps and one
    /// variable per neuron.
    fn program(&self, part: &AffineFunction, concave: &[&Neuron]) -> LinearProgram {
        let steps = self.columns.len();
        let width = steps + concave.len();
        let mut objective = self.along(part, width);
        let mut rows = Vec::with_capacity(concave.len() + 1);
        for (own, neuron) in (steps..).zip(concave) {
            // The relu is t ≥ max(0, v). Where v > 0 at the start, t is
            // written v + s with s ≥ 0, so that 0 is feasible either way.
            let mut v = self.along(&neuron.before, width);
            if is_positive(&v.constant) {
                objective.add(&neuron.output, &v);
            } else {
                v.negate();
            }
            objective.gradient[own] = neuron.output.clone();
            v.gradient[own] = RBig::ONE;
            rows.push(v);
        }
        let mut upper = vec![self.longest.clone(); steps];
        upper.resize(width, None);
        LinearProgram { objective, rows, upper }
    }
}
