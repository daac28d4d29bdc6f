//! Sums of a matrix that a machine begins with what is added to them later, or
//! scales part by part.

use super::{Ball, Dyadic, Machine, Random, Sizes::Plain, number, power_of_two, rounds};
use crate::{
    Norm, Precision,
    certify::{
        arithmetic::Interval,
        graph::propagate,
        linear::{Region, Relaxation},
        program::Program,
    },
    network::{Activation, AffineMap, Arithmetic, Graph, LayerBuilder, Model, Node, Operation},
};

/// `factor · (w · x + bias) + shift`, and `large x₀` behind a ReLU, which is added.
struct Sums {
    weights: Vec<f64>,
    bias: f64,
    factor: f64,
    shift: f64,
    large: Option<f64>,
}

impl Sums {
    fn new(random: &mut Random, precision: Precision) -> Self {
        let digits = if precision == Precision::F32 { 24 } else { 53 };
        // Numbers among which the terms are lost one by one and not together.
        let size = power_of_two(digits - 3 + random.below(6) as i32);
        let share = power_of_two(-(random.below(8) as i32));
        let count = 1 + random.below(96);
        let weights = (0..count).map(|_| share * number(random, Plain, precision).abs()).collect();
        let any = number(random, Plain, precision);
        Self {
            weights,
            bias: random.of(&[0.0, any, size, -size]),
            factor: random.of(&[1.0, 0.5, any]),
            shift: random.of(&[0.0, any, size, -size]),
            large: random.coin().then_some(size),
        }
    }

    /// Node by node.
    fn graph(&self, precision: Precision) -> Graph {
        let n = self.weights.len();
        let affine = |n: usize, weights: &[f64], bias: f64, reads: usize| {
            let mut rows = LayerBuilder::new(n);
            weights.iter().enumerate().for_each(|(j, w)| {
                rows.weight(j, *w);
            });
            rows.bias(bias);
            Node { reads: vec![reads], operation: Operation::Affine(AffineMap::Rows(rows.finish())) }
        };
        let mut nodes =
            vec![affine(n, &self.weights, self.bias, 0), affine(1, &[self.factor], self.shift, 1)];
        if let Some(large) = self.large {
            nodes.push(affine(n, &[large], 0.0, 0));
            nodes.push(Node { reads: vec![3], operation: Operation::Activation(Activation::Relu) });
            nodes.push(Node { reads: vec![2, 4], operation: Operation::Sum });
        }
        Graph::new(precision, n, nodes).unwrap()
    }

    /// All at once.
    fn executed(&self, machine: &mut Machine<'_>, random: &mut Random, x: &[f64]) -> f64 {
        let mut parts: Vec<Vec<(f64, f64)>> = vec![vec![]; 1 + random.below(4)];
        for (w, x) in self.weights.iter().zip(x) {
            let part = random.below(parts.len());
            parts[part].push((*w, *x));
        }
        let scaled = machine.dot(&0.0, &[(self.factor, self.bias)]);
        let mut start = machine.sum(&[scaled, self.shift]);
        if let Some(large) = self.large {
            let added = machine.dot(&0.0, &[(large, x[0])]).max(0.0);
            start = machine.sum(&[start, added]);
        }
        let parts: Vec<(f64, f64)> =
            parts.iter().map(|terms| (self.factor, machine.dot(&0.0, terms))).collect();
        machine.dot(&start, &parts)
    }
}

#[test]
fn sums_put_together_lie_within_their_bounds() {
    let mut random = Random::new(0x706E_7468_6572_0001);
    let (mut lines, mut apart) = (0, 0);
    for _ in 0..rounds(3_000) {
        let precision = random.of(&[Precision::F32, Precision::F64]);
        let sums = Sums::new(&mut random, precision);
        let graph = sums.graph(precision);
        let x: Vec<f64> = sums.weights.iter().map(|_| number(&mut random, Plain, precision).abs()).collect();
        let input = x.iter().map(|&x| Interval::point(x)).collect();
        let Some(intervals) = propagate(&graph, input) else { continue };
        let ball = Ball::new(x.clone(), Norm::Linf, 0.0);
        let (model, program) = (Model::Graph(graph.clone()), Program::of_graph(&graph).unwrap());
        let region = Region::new(&ball.claim(&model, &[0], 2), 0).unwrap();
        let relaxation = Relaxation::new(&program, &region);
        let of_lines = relaxation.as_ref().map(|relaxation| {
            let last = relaxation.bounds.last().unwrap();
            (last.lower[0], last.upper[0])
        });
        lines += usize::from(of_lines.is_some());
        let of_intervals = intervals.last().map(|last| (last[0].lower, last[0].upper));
        let plain = graph.evaluate_in(&mut Machine::new(precision, &mut random), &x)[0];
        for _ in 0..4 {
            let mut order = Random::new(random.next());
            let y = sums.executed(&mut Machine::new(precision, &mut order.clone()), &mut order, &x);
            apart += usize::from((y - plain).abs() > 4.0 * precision.unit_roundoff() * plain.abs());
            for (lower, upper) in [of_intervals, of_lines].into_iter().flatten() {
                let y = Dyadic::of(y);
                let inside = y.at_least(lower) && y.negated().at_least(-upper);
                assert!(inside, "{graph:?} at {x:?}: {y:?} in {lower:e} {upper:e}");
            }
        }
    }
    assert!(lines > 2_500 && apart > 300, "{lines} graphs had bounds, {apart} sums were apart");
}
