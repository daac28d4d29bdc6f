//! Closed balls over the rationals, and the linear programs on them.

use dashu_ratio::RBig;
use indelible::Norm;

use crate::{
    Error,
    affine::{AffineFunction, Neuron},
    clock::Clock,
    linear_program::{LinearProgram, Optimum},
    rational::{absolute, is_negative, is_positive},
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
        match self.norm {
            Norm::L1 => weights.iter().map(absolute).max().unwrap_or_default(),
            _ => weights.iter().fold(RBig::ZERO, |sum, w| sum + absolute(w)),
        }
    }

    /// The distance from the centre to `x`.
    pub(crate) fn distance(&self, x: &[RBig]) -> RBig {
        let gaps = self.centre.iter().zip(x).map(|(c, v)| absolute(&(v - c)));
        match self.norm {
            Norm::L1 => gaps.fold(RBig::ZERO, |sum, g| sum + g),
            _ => gaps.max().unwrap_or_default(),
        }
    }

    /// Whether `x` lies in the ball, decided exactly.
    pub(crate) fn contains(&self, x: &[RBig]) -> bool {
        if self.norm == Norm::L2 {
            let squares = self.centre.iter().zip(x).map(|(c, v)| (v - c).sqr());
            return squares.fold(RBig::ZERO, |sum, s| sum + s) <= self.radius.sqr();
        }
        self.distance(x) <= *self.radius
    }

    /// A point of the ball that maximises `gradient·x`.
    pub(crate) fn corner(&self, gradient: &[RBig]) -> Vec<RBig> {
        let mut point = self.centre.to_vec();
        let step = |x: &mut RBig, g: &RBig| {
            if is_positive(g) {
                *x += self.radius;
            } else if is_negative(g) {
                *x -= self.radius;
            }
        };
        if self.norm == Norm::L1 {
            let steepest = (0..gradient.len()).max_by_key(|&f| absolute(&gradient[f]));
            if let Some(f) = steepest {
                step(&mut point[f], &gradient[f]);
            }
        } else {
            for (x, g) in point.iter_mut().zip(gradient) {
                step(x, g);
            }
        }
        point
    }

    /// Maximises `part − Σ |output| relu(before)` over the ball, exactly.
    ///
    /// # Errors
    /// When the clock runs out.
    pub(crate) fn maximise(
        &self,
        part: &AffineFunction,
        concave: &[&Neuron],
        clock: &Clock,
    ) -> Result<(RBig, Vec<RBig>), Error> {
        let is_used =
            |f: usize| !part.gradient[f].is_zero() || concave.iter().any(|v| !v.weights[f].is_zero());
        let steps = self.steps(&(0..self.centre.len()).filter(|&f| is_used(f)).collect::<Vec<usize>>());
        let mut program = steps.program(part, concave);
        if self.norm == Norm::L1 {
            let mut row = vec![RBig::NEG_ONE; steps.columns.len()];
            row.resize(program.objective.len(), RBig::ZERO);
            program.rows.push((self.radius.clone(), row));
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
    fn steps(&self, used: &[usize]) -> Steps {
        let mut start = self.centre.to_vec();
        let mut columns: Vec<(usize, bool)> = used.iter().map(|&f| (f, false)).collect();
        if self.norm == Norm::L1 {
            columns.extend(used.iter().map(|&f| (f, true)));
            return Steps { start, columns, longest: None };
        }
        for &f in used {
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
    /// The slope of `weights·x` along every step.
    fn along(&self, weights: &[RBig]) -> Vec<RBig> {
        let slope = |&(f, back): &(usize, bool)| if back { -weights[f].clone() } else { weights[f].clone() };
        self.columns.iter().map(slope).collect()
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
        let mut program = LinearProgram {
            constant: part.at(&self.start),
            objective: self.along(&part.gradient),
            rows: Vec::with_capacity(concave.len() + 1),
            upper: vec![self.longest.clone(); steps],
        };
        program.objective.resize(width, RBig::ZERO);
        program.upper.resize(width, None);
        for (own, neuron) in (steps..).zip(concave) {
            // The relu is t ≥ max(0, v). Where v > 0 at the start, t is
            // written v + s with s ≥ 0, so that 0 is feasible either way.
            let v = neuron.before(&self.start);
            let mut row = self.along(&neuron.weights);
            program.objective[own] = neuron.output.clone();
            if is_positive(&v) {
                program.constant += &neuron.output * &v;
                for (slope, w) in program.objective.iter_mut().zip(&row) {
                    *slope += &neuron.output * w;
                }
            } else {
                for w in &mut row {
                    *w = -std::mem::take(w);
                }
            }
            row.resize(width, RBig::ZERO);
            row[own] = RBig::ONE;
            program.rows.push((absolute(&v), row));
        }
        program
    }
}
