//! A depth-2 network over the rationals and its exact range on a ball.
//!
//! `F(x) = c + Σ_i a_i relu(w_i·x + b_i)`. Its maximum on a ball is found
//! exactly: neurons that keep their sign on the ball are linear or zero there;
//! `a relu(u) = max(0, a u)` for `a > 0`, so those that change sign are
//! enumerated; `−|a| relu(u)` is concave, so those with `a < 0` become rows of
//! a linear program. Two neurons need at most two programs of one row.

use dashu_ratio::RBig;

use indelible::Norm;

use crate::{
    Error,
    clock::Clock,
    linear_program::{Optimum, Program},
    rational::{absolute, dot, is_negative, is_positive},
};

/// `output · relu(weights·x + bias)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neuron {
    pub output: RBig,
    pub weights: Vec<RBig>,
    pub bias: RBig,
}

/// `offset + Σ neurons`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub neurons: Vec<Neuron>,
    pub offset: RBig,
}

/// A closed ball of the sup norm or the 1-norm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ball<'a> {
    pub centre: &'a [RBig],
    pub radius: &'a RBig,
    pub norm: Norm,
}

/// An affine function `gradient·x + constant`.
#[derive(Clone)]
struct Affine {
    gradient: Vec<RBig>,
    constant: RBig,
}

impl Affine {
    fn add(&mut self, factor: &RBig, weights: &[RBig], bias: &RBig) {
        for (g, w) in self.gradient.iter_mut().zip(weights) {
            if !w.is_zero() {
                *g += factor * w;
            }
        }
        self.constant += factor * bias;
    }

    fn at(&self, x: &[RBig]) -> RBig {
        dot(&self.gradient, x) + &self.constant
    }
}

impl Neuron {
    /// `weights·x + bias`.
    pub(crate) fn before(&self, x: &[RBig]) -> RBig {
        dot(&self.weights, x) + &self.bias
    }
}

impl Candidate {
    /// `F(x)`.
    pub(crate) fn value(&self, x: &[RBig]) -> RBig {
        let mut sum = self.offset.clone();
        for neuron in &self.neurons {
            let u = neuron.before(x);
            if is_positive(&u) {
                sum += &neuron.output * u;
            }
        }
        sum
    }

    /// The largest value on `ball` and a point of the ball that has it.
    ///
    /// # Errors
    /// When the clock runs out.
    pub(crate) fn maximum(&self, ball: Ball<'_>, clock: &Clock) -> Result<(RBig, Vec<RBig>), Error> {
        let mut base =
            Affine { gradient: vec![RBig::ZERO; ball.centre.len()], constant: self.offset.clone() };
        let (mut convex, mut concave) = (Vec::new(), Vec::new());
        for neuron in &self.neurons {
            let middle = neuron.before(ball.centre);
            let spread = ball.radius * ball.dual(&neuron.weights);
            if neuron.output.is_zero() || !is_positive(&(&middle + &spread)) {
                continue;
            }
            if !is_negative(&(&middle - &spread)) {
                base.add(&neuron.output, &neuron.weights, &neuron.bias);
            } else if is_positive(&neuron.output) {
                convex.push(neuron);
            } else {
                concave.push(neuron);
            }
        }
        let mut best: Option<(RBig, Vec<RBig>)> = None;
        let mut active = vec![false; convex.len()];
        loop {
            clock.check()?;
            let mut part = base.clone();
            for (neuron, _) in convex.iter().zip(&active).filter(|(_, on)| **on) {
                part.add(&neuron.output, &neuron.weights, &neuron.bias);
            }
            let bound = part.at(ball.centre) + ball.radius * ball.dual(&part.gradient);
            if best.as_ref().is_none_or(|(value, _)| bound > *value) {
                let (value, point) = if concave.is_empty() {
                    (bound, ball.corner(&part.gradient))
                } else {
                    ball.maximise(&part, &concave, clock)?
                };
                if best.as_ref().is_none_or(|(v, _)| value > *v) {
                    best = Some((value, point));
                }
            }
            if !advance(&mut active) {
                break;
            }
        }
        Ok(best.unwrap_or_else(|| (self.offset.clone(), ball.centre.to_vec())))
    }

    /// The smallest value on `ball` and a point of the ball that has it.
    ///
    /// # Errors
    /// When the clock runs out.
    pub(crate) fn minimum(&self, ball: Ball<'_>, clock: &Clock) -> Result<(RBig, Vec<RBig>), Error> {
        let negated = Self {
            neurons: self.neurons.iter().map(|n| Neuron { output: -n.output.clone(), ..n.clone() }).collect(),
            offset: -self.offset.clone(),
        };
        let (value, point) = negated.maximum(ball, clock)?;
        Ok((-value, point))
    }
}

/// The next subset in binary order; `false` after the last one.
fn advance(subset: &mut [bool]) -> bool {
    for on in subset {
        *on = !*on;
        if *on {
            return true;
        }
    }
    false
}

impl Ball<'_> {
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

    /// A point of the ball that maximises `gradient·x`.
    fn corner(&self, gradient: &[RBig]) -> Vec<RBig> {
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
    fn maximise(
        &self,
        part: &Affine,
        concave: &[&Neuron],
        clock: &Clock,
    ) -> Result<(RBig, Vec<RBig>), Error> {
        let n = self.centre.len();
        let used: Vec<usize> = (0..n)
            .filter(|&f| !part.gradient[f].is_zero() || concave.iter().any(|v| !v.weights[f].is_zero()))
            .collect();
        // x = start + Σ_c step_c e_{feature_c}, every step ≥ 0.
        let mut start = self.centre.to_vec();
        let mut columns: Vec<(usize, bool)> = used.iter().map(|&f| (f, false)).collect();
        let mut bound = None;
        if self.norm == Norm::L1 {
            columns.extend(used.iter().map(|&f| (f, true)));
        } else {
            for &f in &used {
                start[f] -= self.radius;
            }
            bound = Some(self.radius * RBig::from(2));
        }
        let along = |weights: &[RBig]| -> Vec<RBig> {
            columns
                .iter()
                .map(|&(f, back)| if back { -weights[f].clone() } else { weights[f].clone() })
                .collect()
        };
        let moves = columns.len();
        let width = moves + concave.len();
        let mut program = Program {
            constant: part.at(&start),
            objective: along(&part.gradient),
            rows: Vec::new(),
            upper: vec![bound; moves],
        };
        program.objective.resize(width, RBig::ZERO);
        program.upper.resize(width, None);
        for (j, neuron) in concave.iter().enumerate() {
            // The relu is t ≥ max(0, v). Where v > 0 at the start, t is
            // written v + s with s ≥ 0, so that 0 is feasible either way.
            let v = neuron.before(&start);
            let weights = along(&neuron.weights);
            program.objective[moves + j] = neuron.output.clone();
            let mut row = vec![RBig::ZERO; width];
            row[moves + j] = RBig::ONE;
            if is_positive(&v) {
                program.constant += &neuron.output * &v;
                for (c, w) in weights.into_iter().enumerate() {
                    program.objective[c] += &neuron.output * &w;
                    row[c] = w;
                }
                program.rows.push((v, row));
            } else {
                for (c, w) in weights.into_iter().enumerate() {
                    row[c] = -w;
                }
                program.rows.push((-v, row));
            }
        }
        if self.norm == Norm::L1 {
            let mut row = vec![RBig::NEG_ONE; moves];
            row.resize(width, RBig::ZERO);
            program.rows.push((self.radius.clone(), row));
        }
        // The ball is bounded and every output here is negative: the optimum
        // exists; the centre is a safe answer to an impossible question.
        let Some(Optimum { value, point, .. }) = program.maximise(clock)? else {
            return Ok((part.at(self.centre), self.centre.to_vec()));
        };
        let mut x = start;
        for (&(f, back), step) in columns.iter().zip(&point) {
            if back {
                x[f] -= step;
            } else {
                x[f] += step;
            }
        }
        Ok((value, x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(outputs: &[i64], weights: &[[i64; 2]], biases: &[i64]) -> Candidate {
        Candidate {
            neurons: outputs
                .iter()
                .zip(weights)
                .zip(biases)
                .map(|((&a, w), &b)| Neuron {
                    output: RBig::from(a),
                    weights: w.iter().map(|&v| RBig::from(v)).collect(),
                    bias: RBig::from(b),
                })
                .collect(),
            offset: RBig::from(1),
        }
    }

    /// Where a piecewise-linear function on a polygon can be extremal: the
    /// pairwise intersections of the kinks and the edges.
    fn meeting_points(net: &Candidate, edges: &[[i64; 3]]) -> Vec<Vec<RBig>> {
        let mut lines: Vec<[RBig; 3]> =
            edges.iter().map(|e| [RBig::from(e[0]), RBig::from(e[1]), RBig::from(e[2])]).collect();
        for n in &net.neurons {
            lines.push([n.weights[0].clone(), n.weights[1].clone(), n.bias.clone()]);
        }
        let mut points = Vec::new();
        for (i, p) in lines.iter().enumerate() {
            for q in &lines[..i] {
                let det = &p[0] * &q[1] - &p[1] * &q[0];
                if !det.is_zero() {
                    points.push(vec![
                        (&p[1] * &q[2] - &q[1] * &p[2]) / &det,
                        (&q[0] * &p[2] - &p[0] * &q[2]) / &det,
                    ]);
                }
            }
        }
        points
    }

    proptest! {
        /// The range equals the one found by trying every meeting point.
        #[test]
        fn the_range_is_exact_in_the_plane(
            neurons in prop::collection::vec((-3i64..4, prop::array::uniform2(-4i64..5), -5i64..6), 1..5),
            centre in prop::array::uniform2(-3i64..4),
            radius in 0i64..4,
            l1 in any::<bool>(),
        ) {
            let outputs: Vec<i64> = neurons.iter().map(|n| n.0).collect();
            let weights: Vec<[i64; 2]> = neurons.iter().map(|n| n.1).collect();
            let biases: Vec<i64> = neurons.iter().map(|n| n.2).collect();
            let net = candidate(&outputs, &weights, &biases);
            let [x, y] = centre;
            let edges: Vec<[i64; 3]> = if l1 {
                vec![[1, 1, -x - y - radius], [1, 1, -x - y + radius], [1, -1, y - x - radius], [1, -1, y - x + radius]]
            } else {
                vec![[1, 0, -x - radius], [1, 0, -x + radius], [0, 1, -y - radius], [0, 1, -y + radius]]
            };
            let centre: Vec<RBig> = centre.iter().map(|&v| RBig::from(v)).collect();
            let radius = RBig::from(radius);
            let ball = Ball { centre: &centre, radius: &radius, norm: if l1 { Norm::L1 } else { Norm::Linf } };
            let values: Vec<RBig> = meeting_points(&net, &edges)
                .into_iter()
                .filter(|p| ball.distance(p) <= radius)
                .map(|p| net.value(&p))
                .collect();
            let clock = Clock::endless();
            let (high, top) = net.maximum(ball, &clock).unwrap();
            let (low, bottom) = net.minimum(ball, &clock).unwrap();
            prop_assert_eq!(Some(&high), values.iter().max());
            prop_assert_eq!(Some(&low), values.iter().min());
            prop_assert!(ball.distance(&top) <= radius && ball.distance(&bottom) <= radius);
            prop_assert_eq!(net.value(&top), high);
            prop_assert_eq!(net.value(&bottom), low);
        }
    }
}
