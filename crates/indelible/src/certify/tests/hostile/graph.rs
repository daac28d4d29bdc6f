//! Intervals of graphs.

use super::{Dyadic, Exact, Machine, Random, SIZES, Sizes, number, rounds};
use crate::{
    Enclosure, Precision,
    certify::{arithmetic::Interval, graph::propagate},
    network::{
        Activation, AffineMap, Convolution, Graph, Groups, Inexact, Layer, LayerBuilder, Node, Operation,
        Rescaling, Window,
    },
};

fn layer(random: &mut Random, inputs: usize, sizes: Sizes, precision: Precision) -> Layer {
    let mut layer = LayerBuilder::new(inputs);
    for _ in 0..1 + random.below(4) {
        for column in 0..inputs {
            if random.below(3) > 0 {
                layer.weight(column, number(random, sizes, precision));
            }
        }
        layer.bias(if random.coin() { 0.0 } else { number(random, sizes, precision) });
    }
    layer.finish()
}

fn convolution(random: &mut Random, inputs: usize, sizes: Sizes, precision: Precision) -> Convolution {
    let (kernel, strides, pads) = (1 + random.below(inputs.min(3)), 1 + random.below(2), random.below(2));
    let places = (inputs + pads - kernel) / strides + 1;
    let window = Window {
        channels: 1,
        image: [1, inputs],
        kernel: [1, kernel],
        strides: [1, strides],
        dilations: [1, 1],
        pads: [0, pads],
        places: [1, places],
    };
    let weights = (0..kernel).map(|_| number(random, sizes, precision)).collect();
    Convolution { window, groups: 1, weights, biases: vec![number(random, sizes, precision)] }
}

/// A number of the format, or one somewhere beside it.
fn inexact(random: &mut Random, sizes: Sizes, precision: Precision) -> Inexact {
    let stored = number(random, sizes, precision);
    if random.coin() {
        return Inexact::exact(stored);
    }
    let ends = [stored * (1.0 - 1e-7), stored * (1.0 + 1e-7)];
    Inexact { stored, range: Enclosure { lower: ends[0].min(ends[1]), upper: ends[0].max(ends[1]) } }
}

fn activation(random: &mut Random, sizes: Sizes, precision: Precision) -> Activation {
    match random.below(4) {
        0 => Activation::Relu,
        1 => {
            let any = number(random, sizes, precision);
            Activation::Leaky(vec![random.of(&[-1.0, 0.5, any])])
        }
        2 => {
            let ends = [number(random, sizes, precision), number(random, sizes, precision)];
            Activation::Clip { lower: ends[0].min(ends[1]), upper: ends[0].max(ends[1]) }
        }
        _ => Activation::Clip { lower: f64::NEG_INFINITY, upper: number(random, sizes, precision) },
    }
}

/// Any graph: mostly a chain, some nodes reading what stands before.
pub(super) fn graph(random: &mut Random, precision: Precision) -> Graph {
    let sizes = random.of(&SIZES);
    let inputs = 1 + random.below(4);
    let (mut nodes, mut widths) = (vec![], vec![inputs]);
    for last in 0..1 + random.below(6) {
        let width = widths[last];
        let (reads, operation, length) = match random.below(8) {
            0 | 1 => {
                let layer = layer(random, width, sizes, precision);
                let length = layer.outputs();
                (vec![last], Operation::Affine(AffineMap::Rows(layer)), length)
            }
            2 => {
                let map = AffineMap::Convolution(convolution(random, width, sizes, precision));
                let length = map.outputs();
                (vec![last], Operation::Affine(map), length)
            }
            3 => {
                let mut numbers = |_| inexact(random, sizes, precision);
                let factors = (0..width).map(&mut numbers).collect();
                let shifts = (0..width).map(&mut numbers).collect();
                (vec![last], Operation::Rescale(Rescaling { factors, shifts }), width)
            }
            4 => (vec![last], Operation::Activation(activation(random, sizes, precision)), width),
            5 => {
                let other = random.below(widths.len());
                let all = width + widths[other];
                let mut groups = Groups::default();
                for _ in 0..1 + random.below(3) {
                    let members: Vec<usize> = (0..1 + random.below(3)).map(|_| random.below(all)).collect();
                    groups.push(members);
                }
                let length = groups.len();
                (vec![last, other], Operation::Max(groups), length)
            }
            6 => {
                let other = random.below(widths.len());
                let indices: Vec<usize> =
                    (0..1 + random.below(4)).map(|_| random.below(width + widths[other])).collect();
                let length = indices.len();
                (vec![other, last], Operation::Select(indices), length)
            }
            _ => {
                let fitting: Vec<usize> = (0..widths.len()).filter(|&v| widths[v] == width).collect();
                (vec![last, random.of(&fitting)], Operation::Sum, width)
            }
        };
        nodes.push(Node { reads, operation });
        widths.push(length);
    }
    Graph::new(precision, inputs, nodes).unwrap()
}

/// The graph with numbers of their ranges in the place of those that stand for
/// them.
pub(super) fn within(random: &mut Random, graph: &Graph) -> Graph {
    let mut nodes = graph.nodes().to_vec();
    for node in &mut nodes {
        if let Operation::Rescale(Rescaling { factors, shifts }) = &mut node.operation {
            for number in factors.iter_mut().chain(shifts) {
                let Enclosure { lower, upper } = number.range;
                number.stored = random.of(&[lower, upper, number.stored]);
            }
        }
    }
    // Ends of ranges need not be numbers of binary32.
    Graph::new(Precision::F64, graph.width(0), nodes).unwrap()
}

/// Intervals contain every execution, and the exact value for every number of
/// each range.
#[test]
fn intervals_of_graphs_contain_their_outputs() {
    let mut random = Random::new(0x2545_F491_4F6C_DD1D);
    let mut bounded = 0;
    for _ in 0..rounds(3_000) {
        let precision = random.of(&[Precision::F32, Precision::F32, Precision::F64]);
        let graph = graph(&mut random, precision);
        let sizes = random.of(&[Sizes::Plain, Sizes::Plain, Sizes::Mixed, Sizes::Underflow]);
        let ends: Vec<[f64; 2]> = (0..graph.width(0))
            .map(|_| {
                let a = number(&mut random, sizes, precision);
                let any = number(&mut random, sizes, precision);
                let b = random.of(&[
                    a,
                    precision.round(a * 1.001).clamp(-precision.largest(), precision.largest()),
                    any,
                ]);
                [a.min(b), a.max(b)]
            })
            .collect();
        let input = ends.iter().map(|&[lower, upper]| Interval { lower, upper }).collect();
        let Some(all) = propagate(&graph, input) else { continue };
        bounded += 1;
        let bounds = all.last().unwrap();
        for _ in 0..4 {
            let x: Vec<f64> = ends
                .iter()
                .map(|&[lower, upper]| {
                    let inside = precision.round(lower + random.unit() * (upper - lower)).clamp(lower, upper);
                    random.of(&[lower, upper, inside])
                })
                .collect();
            let executed = graph.evaluate_in(&mut Machine::new(precision, &mut random), &x);
            let reals: Vec<Dyadic> = x.iter().map(|&x| Dyadic::of(x)).collect();
            let exact = within(&mut random, &graph).evaluate_in(&mut Exact, &reals);
            for ((bound, executed), exact) in bounds.iter().zip(executed).zip(exact) {
                assert!(
                    bound.lower <= executed && executed <= bound.upper,
                    "{bound:?} {executed} {graph:?} {x:?}"
                );
                assert!(
                    exact.at_least(bound.lower) && exact.negated().at_least(-bound.upper),
                    "{bound:?} {graph:?} {x:?}"
                );
            }
        }
    }
    assert!(bounded > rounds(1_000), "{bounded}");
}
