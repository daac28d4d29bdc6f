//! A depth-2 network over the rationals and its exact range on a ball.
//!
//! `F(x) = c + Σ_i a_i relu(w_i·x + b_i)`. Its maximum on a ball is found
//! exactly: neurons that keep their sign on the ball are linear or zero there;
//! `a relu(u) = max(0, a u)` for `a > 0`, so those that change sign are
//! enumerated; `−|a| relu(u)` is concave, so those with `a < 0` become rows of
//! a linear program. Two neurons need at most two programs of one row.

use dashu_ratio::RBig;
use indelible::Precision;

use crate::{
    Error,
    affine::{AffineFunction, Neuron},
    ball::RationalBall,
    clock::Clock,
    rational::{exact, is_positive, nearest, sum},
};

/// `offset + Σ neurons`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RationalNetwork {
    pub neurons: Vec<Neuron>,
    pub offset: RBig,
}

impl RationalNetwork {
    /// `F(x)`.
    pub(crate) fn value(&self, x: &[RBig]) -> RBig {
        let terms = self.neurons.iter().map(|neuron| &neuron.output * neuron.before.at(x).max(RBig::ZERO));
        sum(terms) + &self.offset
    }

    /// The network with every parameter rounded to `precision`, where all are
    /// finite.
    pub(crate) fn rounded(&self, precision: Precision) -> Option<Self> {
        let mut short = self.clone();
        let neurons = short.neurons.iter_mut();
        let numbers =
            neurons.flat_map(|n| n.before.gradient.iter_mut().chain([&mut n.before.constant, &mut n.output]));
        for number in numbers.chain([&mut short.offset]) {
            *number = nearest(number, precision).map(exact)?;
        }
        Some(short)
    }

    /// A network of at least `width` neurons that computes the same.
    pub(crate) fn padded(mut self, width: usize, features: usize) -> Self {
        let before = AffineFunction { gradient: vec![RBig::ZERO; features], constant: RBig::ZERO };
        self.neurons.resize(width.max(self.neurons.len()), Neuron { output: RBig::ZERO, before });
        self
    }

    /// The largest value on `ball` and a point of the ball that has it, unless
    /// the clock runs out.
    pub(crate) fn maximum(&self, ball: RationalBall<'_>, clock: &Clock) -> Result<(RBig, Vec<RBig>), Error> {
        let gradient = vec![RBig::ZERO; ball.centre.len()];
        let mut base = AffineFunction { gradient, constant: self.offset.clone() };
        let (mut convex, mut concave) = (Vec::new(), Vec::new());
        for neuron in &self.neurons {
            let middle = neuron.before.at(ball.centre);
            let spread = ball.radius * ball.dual(&neuron.before.gradient);
            if neuron.output.is_zero() || middle <= -&spread {
                continue;
            }
            if middle >= spread {
                base.add(&neuron.output, &neuron.before);
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
                part.add(&neuron.output, &neuron.before);
            }
            let bound = part.at(ball.centre) + ball.radius * ball.dual(&part.gradient);
            let is_better = |value: &RBig| best.as_ref().is_none_or(|(most, _)| value > most);
            if is_better(&bound) {
                let found = if concave.is_empty() {
                    (bound, ball.corner(&part.gradient))
                } else {
                    ball.maximise(&part, &concave, clock)?
                };
                if is_better(&found.0) {
                    best = Some(found);
                }
            }
            if !advance(&mut active) {
                return Ok(best.unwrap_or_else(|| (self.offset.clone(), ball.centre.to_vec())));
            }
        }
    }

    /// The smallest value on `ball` and a point of the ball that has it, unless
    /// the clock runs out.
    pub(crate) fn minimum(&self, ball: RationalBall<'_>, clock: &Clock) -> Result<(RBig, Vec<RBig>), Error> {
        let mut negated = Self { offset: -&self.offset, ..self.clone() };
        for neuron in &mut negated.neurons {
            neuron.output = -&neuron.output;
        }
        let (value, point) = negated.maximum(ball, clock)?;
        Ok((-value, point))
    }
}

/// The next subset in binary order; `false` after the last one.
fn advance(subset: &mut [bool]) -> bool {
    subset.iter_mut().any(|on| {
        *on = !*on;
        *on
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible::Norm;
    use proptest::prelude::*;

    fn network(outputs: &[i64], weights: &[[i64; 2]], biases: &[i64]) -> RationalNetwork {
        RationalNetwork {
            neurons: outputs
                .iter()
                .zip(weights)
                .zip(biases)
                .map(|((&a, w), &b)| Neuron {
                    output: RBig::from(a),
                    before: AffineFunction {
                        gradient: w.iter().map(|&v| RBig::from(v)).collect(),
                        constant: RBig::from(b),
                    },
                })
                .collect(),
            offset: RBig::from(1),
        }
    }

    /// Where a piecewise-linear function on a polygon can be extremal: the
    /// pairwise intersections of the kinks and the edges.
    fn meeting_points(net: &RationalNetwork, edges: &[[i64; 3]]) -> Vec<Vec<RBig>> {
        let mut lines: Vec<[RBig; 3]> =
            edges.iter().map(|e| [RBig::from(e[0]), RBig::from(e[1]), RBig::from(e[2])]).collect();
        for n in &net.neurons {
            let [x, y] = &n.before.gradient[..] else { panic!("a network in the plane") };
            lines.push([x.clone(), y.clone(), n.before.constant.clone()]);
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
            let net = network(&outputs, &weights, &biases);
            let [x, y] = centre;
            let edges: Vec<[i64; 3]> = if l1 {
                vec![[1, 1, -x - y - radius], [1, 1, -x - y + radius], [1, -1, y - x - radius], [1, -1, y - x + radius]]
            } else {
                vec![[1, 0, -x - radius], [1, 0, -x + radius], [0, 1, -y - radius], [0, 1, -y + radius]]
            };
            let centre: Vec<RBig> = centre.iter().map(|&v| RBig::from(v)).collect();
            let radius = RBig::from(radius);
            let ball = RationalBall { centre: &centre, radius: &radius, norm: if l1 { Norm::L1 } else { Norm::Linf } };
            let values: Vec<RBig> = meeting_points(&net, &edges)
                .into_iter()
                .filter(|p| ball.distance(p) <= radius)
                .map(|p| net.value(&p))
                .collect();
            let clock = Clock::start(None);
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
