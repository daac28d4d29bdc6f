//! Benchmarks: every family has instances of both kinds, nothing that is tried
//! refutes an answer, and the same seed gives the same bytes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, path::Path};

use indelible::{Dataset, Silent, number::random::Random};
use indelible_io::{
    dataset::{ReadOptions, read},
    onnx,
};
use indelible_vnnlib::{
    Query,
    benchmark::{Benchmark, BenchmarkOptions, Family, Truth, generate},
    check, parse,
};

fn iris() -> Dataset {
    read(Path::new("iris"), &ReadOptions::default()).unwrap()
}

fn made(data: &Dataset, seed: u64, count: usize) -> Benchmark {
    let options = BenchmarkOptions { seed, count, families: Family::all(data), trained: None };
    generate(data, &options, &Silent).unwrap()
}

/// Points at the ends of single inputs that constraints name, and between.
fn points(query: &Query, inputs: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let all = || query.common.iter().chain(query.alternatives.iter().flatten());
    let mut ends: Vec<Vec<f64>> = vec![vec![]; inputs];
    for constraint in all() {
        let mut terms = constraint.terms.iter();
        if let (Some((v, a)), None) = (terms.next(), terms.next())
            && v.tensor == 0
        {
            ends[v.element].push((&constraint.bound / a).to_f64().value());
        }
    }
    let mut any = |ends: &Vec<f64>| {
        let (a, b) = (ends[random.below(ends.len())], ends[random.below(ends.len())]);
        let share = random.of(&[0.0, 0.0, 0.5, 1.0, 0.3]);
        f64::from(num(a + share * (b - a)))
    };
    (0..40).map(|_| ends.iter().map(&mut any).collect()).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is what it is for")]
fn num(x: f64) -> f32 {
    x as f32
}

#[test]
fn every_answer_stands() {
    let data = iris();
    let families = Family::all(&data);
    let count = 8 * families.len();
    let benchmark = made(&data, 11, count);
    assert_eq!(benchmark.instances.len() + benchmark.left_out, count);
    assert!(benchmark.left_out * 8 <= count, "{} left out", benchmark.left_out);
    let networks: BTreeMap<_, _> = benchmark.networks.iter().cloned().collect();
    let mut random = Random::new(5);
    let mut kinds = BTreeMap::<Family, [usize; 2]>::new();
    for instance in &benchmark.instances {
        let model = onnx::read(networks[&instance.network].clone()).unwrap().model;
        let query = parse(&instance.first).unwrap();
        let second = parse(&instance.second).unwrap();
        assert_eq!((&query.common, &query.alternatives), (&second.common, &second.alternatives));
        match &instance.truth {
            Truth::Sat(witness) => {
                kinds.entry(instance.family).or_default()[0] += 1;
                assert!(check(&query, &model, &witness.inputs).unwrap().is_some(), "{}", instance.name);
                assert!(check(&second, &model, &witness.inputs).unwrap().is_some(), "{}", instance.name);
            }
            _ => {
                kinds.entry(instance.family).or_default()[1] += 1;
                for point in points(&query, model.inputs(), &mut random) {
                    assert_eq!(check(&query, &model, &point).unwrap(), None, "{}", instance.name);
                }
            }
        }
    }
    assert!(kinds.len() >= 12, "{kinds:?}");
    assert!(kinds.values().all(|[sat, unsat]| *sat > 0 && *unsat > 0), "{kinds:?}");
    // Some answers are closer to the boundary than a replay can tell.
    assert!(benchmark.instances.iter().any(|instance| !instance.tolerance_safe));
    assert!(benchmark.instances.iter().filter(|instance| instance.tolerance_safe).count() * 3 > count);
}

#[test]
fn the_same_seed_gives_the_same_benchmark() {
    let data = iris();
    let with = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let made = pool.install(|| made(&data, seed, 40));
        format!("{:?} {:?}", made.networks, made.instances)
    };
    assert_eq!(with(1, 3), with(4, 3));
    assert_ne!(with(4, 3), with(4, 4));
}
