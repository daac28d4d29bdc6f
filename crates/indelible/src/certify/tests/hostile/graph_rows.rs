//! Linear bounds of graphs: every number in between, on random parts of the
//! ball, with random choices.

use super::{
    Ball, Dyadic, Exact, Machine, Random, SIZES, assert_within,
    graph::{graph, within},
    number, rounds, row_holds, sign,
};
use crate::{
    Norm, Precision, Silent,
    certify::{
        Verdict, certify,
        linear::{Region, Relaxation, Sign},
        lipschitz_bound,
        program::{Hinge, Map, Program, Step},
    },
    network::{Arithmetic, Graph, Model, predicted_class},
};

const NORMS: [Norm; 4] = [Norm::L1, Norm::L2, Norm::Lp(3.0), Norm::Linf];

/// The graph of the first nodes.
fn first(graph: &Graph, nodes: usize) -> Graph {
    use crate::network::NetworkForm;
    Graph::new(graph.precision(), graph.width(0), graph.nodes()[..nodes].to_vec()).unwrap()
}

/// The numbers of every vector of the graph in one execution.
fn vectors<A: Arithmetic>(
    graph: &Graph,
    mut run: impl FnMut(&Graph) -> Vec<A::Number>,
) -> Vec<Vec<A::Number>> {
    (1..=graph.nodes().len()).map(|nodes| run(&first(graph, nodes))).collect()
}

fn hinge_at(hinge: &Hinge, z: &Dyadic) -> Dyadic {
    let moved = z.minus(&Dyadic::of(hinge.kink));
    let slope = if moved.is_negative() { hinge.left } else { hinge.right };
    Dyadic::of(hinge.value).plus(&moved.times(&Dyadic::of(slope)))
}

/// The numbers of every vector of the program, those of the graph given: what the
/// program has besides is exact.
fn of_program(
    graph: &Graph,
    program: &Program<'_>,
    input: Vec<Dyadic>,
    known: &[Vec<Dyadic>],
) -> Vec<Vec<Dyadic>> {
    let ends: Vec<usize> = (1..=graph.nodes().len())
        .map(|nodes| Program::of_graph(&first(graph, nodes)).unwrap().steps.len())
        .collect();
    let mut all = vec![input];
    for (index, step) in program.steps.iter().enumerate() {
        let given = ends.iter().position(|end| *end == index + 1).map(|node| known[node].clone());
        let values = given.unwrap_or_else(|| match step {
            Step::Hinges(hinges) => {
                all[hinges.read].iter().enumerate().map(|(i, z)| hinge_at(&hinges.at(i), z)).collect()
            }
            Step::Affine(affine) => {
                let mut sums: Vec<Dyadic> = affine.biases.iter().map(|b| Dyadic::of(*b)).collect();
                for (vector, map) in &affine.parts {
                    let Map::Entries(entries) = map else { panic!("only the graph has weights") };
                    for e in entries {
                        let term = all[*vector][e.input].times(&Dyadic::of(e.weight));
                        sums[e.output] = sums[e.output].plus(&term);
                    }
                }
                sums
            }
        });
        all.push(values);
    }
    all
}

/// Where the numbers in front of hinges lie, some of them.
fn signs(random: &mut Random, program: &Program<'_>, all: &[Vec<Dyadic>]) -> Vec<Sign> {
    let known = random.below(3);
    let mut signs = vec![];
    for place in program.hinges() {
        for (i, z) in all[place.hinges.read].iter().enumerate() {
            let kink = Dyadic::of(place.hinges.at(i).kink);
            let known = random.below(3) < known;
            signs.push(sign(random, known, z, &kink));
        }
    }
    signs
}

#[test]
fn numbers_of_graphs_lie_within_their_bounds() {
    let mut random = Random::new(0x6AF1_4B0D_5EED_0003);
    let (mut bounded, mut sharp) = (0, 0);
    for _ in 0..rounds(2_000) {
        let precision = random.of(&[Precision::F32, Precision::F64]);
        let graph = graph(&mut random, precision);
        let program = Program::of_graph(&graph).unwrap();
        let (norm, sizes) = (random.of(&NORMS), random.of(&SIZES));
        let ball = Ball::anywhere(&mut random, graph.width(0), norm, sizes);
        let model = Model::Graph(graph.clone());
        let Some(region) = Region::new(&ball.claim(&model, &[0], 2), 0) else { continue };
        let Some(mut relaxation) = Relaxation::new(&program, &region) else { continue };
        if random.coin() {
            relaxation.sharpen_slopes();
        }
        bounded += 1;
        for _ in 0..3 {
            let x = ball.point(&mut random);
            let context = (&graph, &ball, &x);
            let exactly: Vec<Dyadic> = x.iter().map(|v| Dyadic::of(*v)).collect();
            let rounded: Vec<f64> = x.iter().map(|v| precision.round(*v)).collect();
            // Every part of the graph is executed in the same way.
            let way = Random::new(random.next());
            let executed = vectors::<Machine<'_>>(&graph, |part| {
                part.evaluate_in(&mut Machine::new(precision, &mut way.clone()), &rounded)
            });
            let executed: Vec<Vec<Dyadic>> =
                executed.iter().map(|vector| vector.iter().map(|v| Dyadic::of(*v)).collect()).collect();
            let real =
                vectors::<Exact>(&within(&mut random, &graph), |part| part.evaluate_in(&mut Exact, &exactly));
            let rounded = rounded.iter().map(|v| Dyadic::of(*v)).collect();
            for (input, known) in [(rounded, executed), (exactly, real)] {
                let all = of_program(&graph, &program, input, &known);
                for (known, values) in relaxation.bounds.iter().zip(&all) {
                    assert_within(values, known.lower.iter().zip(&known.upper), &context);
                }
                for place in program.hinges() {
                    let moved = |(i, z): (usize, &Dyadic)| z.minus(&Dyadic::of(place.hinges.at(i).kink));
                    let moved: Vec<Dyadic> = all[place.hinges.read].iter().enumerate().map(moved).collect();
                    let limits = relaxation.limits[place.start..].iter().map(|(low, high)| (low, high));
                    assert_within(&moved, limits, &context);
                }
                let signs = |random: &mut Random| signs(random, &program, &all);
                let (followed, last) = ((&relaxation, program.steps.len()), all.last().unwrap());
                sharp += usize::from(row_holds(&mut random, followed, last, signs, &context));
            }
        }
    }
    assert!(bounded > 800 && sharp > 4_000, "{bounded} graphs had bounds, {sharp} rows");
}

#[test]
fn graphs_that_are_certified_keep_their_label() {
    let mut random = Random::new(0x6AF1_4B0D_5EED_0004);
    let (mut certified, mut refuted, mut undecided) = (0, 0, 0);
    for _ in 0..rounds(1_500) {
        let precision = random.of(&[Precision::F32, Precision::F64]);
        let graph = graph(&mut random, precision);
        let norm = random.of(&NORMS);
        let ball = Ball::plain(&mut random, graph.width(0), norm);
        let model = Model::Graph(graph.clone());
        let classes = model.outputs().max(2);
        let Some(label) = predicted_class(&model.evaluate(&ball.center).unwrap(), classes) else { continue };
        match certify(&ball.claim(&model, &[label], classes), &Silent).unwrap().verdicts[0] {
            Verdict::Certified { .. } => certified += 1,
            Verdict::Refuted { .. } => {
                refuted += 1;
                continue;
            }
            _ => {
                undecided += 1;
                continue;
            }
        }
        for _ in 0..8 {
            let x = ball.point(&mut random);
            let rounded: Vec<f64> = x.iter().map(|v| precision.round(*v)).collect();
            let executed = graph.evaluate_in(&mut Machine::new(precision, &mut random), &rounded);
            assert_eq!(predicted_class(&executed, classes), Some(label), "{graph:?} {ball:?} at {x:?}");
            let exactly: Vec<Dyadic> = x.iter().map(|v| Dyadic::of(*v)).collect();
            let outputs = within(&mut random, &graph).evaluate_in(&mut Exact, &exactly);
            let right = match &outputs[..] {
                [y] => {
                    let half = Dyadic::of((label + 1) as f64 - 0.5);
                    let above = Dyadic::of((label + 1) as f64 + 0.5);
                    (label == 0 || *y > half) && (label + 1 == classes || *y < above)
                }
                all => (0..all.len()).all(|c| c == label || all[label] > all[c]),
            };
            assert!(right, "{graph:?} {ball:?} at {x:?} exactly: {outputs:?}");
        }
    }
    assert!(
        certified > 300 && refuted > 20,
        "{certified} certified, {refuted} refuted, {undecided} undecided"
    );
}

#[test]
fn graphs_are_no_steeper_than_their_bound() {
    let mut random = Random::new(0x6AF1_4B0D_5EED_0005);
    let (mut finite, mut steep) = (0, 0);
    for _ in 0..rounds(1_500) {
        let precision = random.of(&[Precision::F32, Precision::F64]);
        let graph = graph(&mut random, precision);
        let (n, norm, sizes) =
            (graph.width(0), random.of(&[Norm::L1, Norm::L2, Norm::Linf]), random.of(&SIZES));
        let bound = lipschitz_bound(&Model::Graph(graph.clone()), norm);
        if bound.is_infinite() {
            continue;
        }
        finite += 1;
        let meant = within(&mut random, &graph);
        for _ in 0..4 {
            let from: Vec<f64> = (0..n).map(|_| number(&mut random, sizes, precision)).collect();
            let to: Vec<f64> =
                from.iter().map(|x| random.of(&[*x, x * 1.01, -x, x + random.clone().unit()])).collect();
            let [from, to] = [from, to].map(|x| x.iter().map(|v| Dyadic::of(*v)).collect::<Vec<_>>());
            let [a, b] = [&from, &to].map(|x| meant.evaluate_in(&mut Exact, x));
            let moved = from.iter().zip(&to).map(|(a, b)| a.minus(b).abs());
            let zero = Dyadic::of(0.0);
            // Squares in the Euclidean norm.
            let distance = match norm {
                Norm::L1 => moved.fold(zero, |sum, d| sum.plus(&d)),
                Norm::L2 => moved.fold(zero, |sum, d| sum.plus(&d.times(&d))),
                _ => moved.fold(zero, |most, d| most.max(d)),
            };
            for (a, b) in a.iter().zip(&b) {
                let change = a.minus(b).abs();
                let slope = Dyadic::of(bound);
                let (change, most) = match norm {
                    Norm::L2 => (change.times(&change), slope.times(&slope).times(&distance)),
                    _ => (change, slope.times(&distance)),
                };
                assert!(change <= most, "{graph:?} {norm} is steeper than {bound:e}");
                steep += usize::from(change > Dyadic::of(0.0));
            }
        }
    }
    assert!(finite > 800 && steep > 1_000, "{finite} graphs had bounds, {steep} outputs changed");
}
