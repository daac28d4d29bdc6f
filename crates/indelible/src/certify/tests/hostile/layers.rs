//! Intervals and separable sums of layers.

use super::{Dyadic, Exact, Machine, Random, SIZES, Sizes, inside, number, power_of_two, range, rounds};
use crate::{
    Dataset, Features, Norm, Precision, Radii,
    certify::{
        Claim, Domain,
        arithmetic::Interval,
        layers::{BoundedLayers, on_box, propagate},
    },
    network::{Layer, LayerBuilder, Model, StoredNetwork},
};

/// Any layers; weights are often ±1, so that terms cancel.
fn network(random: &mut Random, precision: Precision) -> StoredNetwork {
    let sizes = random.of(&SIZES);
    let (depth, mut inputs) = (1 + random.below(4), 1 + random.below(3));
    let running = random.below(3) == 0;
    let layers = (0..depth)
        .map(|l| {
            let mut layer = LayerBuilder::new(inputs);
            let outputs = 1 + random.below(4);
            for _ in 0..outputs {
                for column in 0..inputs {
                    let plain = l > 0 && random.below(3) == 0;
                    let weight = match random.below(4) {
                        0 => 0.0,
                        _ if running && random.below(2) == 0 => random.of(&[1.0, -1.0]),
                        _ => number(random, if plain { Sizes::Plain } else { sizes }, precision),
                    };
                    layer.weight(column, weight);
                }
                layer.bias(if random.below(3) == 0 { 0.0 } else { number(random, sizes, precision) });
            }
            inputs = outputs;
            layer.finish()
        })
        .collect();
    StoredNetwork::new(precision, layers).unwrap()
}

/// 1, or a power of two near an end of the format.
fn unit(random: &mut Random, precision: Precision) -> f64 {
    let (smallest, largest, digits) = range(precision);
    power_of_two(match random.below(4) {
        0 | 1 => 0,
        2 => smallest + digits + random.below(20) as i32,
        _ => largest - 4 - random.below(20) as i32,
    })
}

/// One of the constructions' weights, at times another one.
fn spoilt(random: &mut Random, precision: Precision, w: f64) -> f64 {
    match random.below(120) {
        0 => number(random, Sizes::Anywhere, precision),
        1 => number(random, Sizes::Plain, precision),
        _ => w,
    }
}

/// A number of the format between `-unit` and `unit`.
fn place(random: &mut Random, precision: Precision, unit: f64) -> f64 {
    precision.round((random.unit() * 2.0 - 1.0) * unit)
}

/// Layers as the constructions make them: one-sided differences, sums of them
/// or a tree of maxima, a running maximum, a head; all scaled by a power of
/// two, sometimes with one weight spoilt.
fn distances(random: &mut Random, precision: Precision) -> StoredNetwork {
    let most = random.of(&[3, 3, 7]);
    let n = 1 + random.below(most);
    let unit = unit(random, precision);
    let mut first = LayerBuilder::new(n);
    let most = random.of(&[3, 3, 9]);
    let steps = 1 + random.below(most);
    for _ in 0..steps {
        for j in 0..n {
            let center = place(random, precision, unit);
            for sign in [1.0, -1.0] {
                let weight = spoilt(random, precision, sign);
                first.weight(j, weight).bias(-sign * center);
            }
        }
    }
    let second = measured(random, precision, unit, (steps, n));
    let each = second.outputs() / steps;
    let mut layers = vec![first.finish(), second];
    let slope =
        precision.round((1.0 + 3.0 * random.unit()) / unit).clamp(-precision.largest(), precision.largest());
    layers.extend((0..steps).map(|step| raised(random, precision, slope, (step, steps, each))));
    let mut head = LayerBuilder::new(2);
    let offset = spoilt(random, precision, -1.0);
    head.weight(0, 1.0).weight(1, 1.0).bias(offset);
    head.weight(0, -1.0).weight(1, -1.0).bias(1.0);
    layers.push(head.finish());
    StoredNetwork::new(precision, layers).unwrap()
}

/// Of the one-sided differences of `n` features for each step one value: their
/// sum less a threshold; or two that add up to a maximum of sums.
fn measured(random: &mut Random, precision: Precision, unit: f64, (steps, n): (usize, usize)) -> Layer {
    let maximum = random.below(2) == 0;
    let mut layer = LayerBuilder::new(2 * n * steps);
    for step in 0..steps {
        let at = 2 * n * step;
        if maximum && n > 1 {
            for column in at..at + 2 * n {
                let weight = spoilt(random, precision, if column < at + 2 { 1.0 } else { -1.0 });
                layer.weight(column, weight);
            }
            layer.bias(0.0);
            for column in at + 2..at + 2 * n {
                layer.weight(column, 1.0);
            }
            layer.bias(0.0);
        } else {
            for column in at..at + 2 * n {
                let weight = spoilt(random, precision, 1.0);
                layer.weight(column, weight);
            }
            layer.bias(-place(random, precision, unit).abs());
        }
    }
    layer.finish()
}

/// A step of a running maximum of offers: what it is so far, its increment by
/// the offer of `step`, and `each` values of every later step, which pass on.
fn raised(
    random: &mut Random,
    precision: Precision,
    slope: f64,
    (step, steps, each): (usize, usize, usize),
) -> Layer {
    let held = if step == 0 { 0 } else { 2 };
    let left = (steps - step) * each;
    let mut layer = LayerBuilder::new(held + left);
    for column in 0..held {
        layer.weight(column, 1.0);
    }
    layer.bias(0.0);
    for column in 0..held {
        layer.weight(column, -1.0);
    }
    for column in held..held + each {
        let weight = spoilt(random, precision, -slope);
        layer.weight(column, weight);
    }
    layer.bias(f64::from(1 + random.below(3) as u8));
    for column in held + each..held + left {
        layer.weight(column, 1.0).bias(0.0);
    }
    layer.finish()
}

/// Affine scores of two classes and a tree of maxima for each, at times with
/// one weight spoilt; scores of few digits are exact.
fn scores(random: &mut Random, precision: Precision) -> StoredNetwork {
    let most = random.of(&[3, 3, 7]);
    let n = 1 + random.below(most);
    let (_, largest, digits) = range(precision);
    let scale = random.of(&[0, 0, 0, largest / 3, -largest / 3]);
    let (unit, square) = (power_of_two(scale), power_of_two(2 * scale));
    let bits = random.of(&[2, 5, digits]);
    let spoil = |random: &mut Random, w: f64| match random.below(100) {
        0 => number(random, Sizes::Plain, precision),
        _ => w,
    };
    let most = random.of(&[5, 5, 12]);
    let counts = [1 + random.below(most), 1 + random.below(most)];
    let around = random.of(&[0.0, 0.0, 3.0, 1000.0, 1_048_576.0]);
    let mut first = LayerBuilder::new(n);
    for _ in 0..counts[0] + counts[1] {
        let mut sum = 0.0;
        for column in 0..n {
            let steps = power_of_two(bits - 2);
            let place = around + ((2.0 * random.unit() - 1.0) * steps).round() / steps;
            let weight = spoil(random, precision.round(place * unit));
            first.weight(column, weight);
            sum += place * place;
        }
        first.bias(precision.round((random.of(&[0.0, 1.5, 4.0]) - sum / 2.0) * square));
    }
    let mut layers = vec![first.finish()];
    // How many neurons add up to each value.
    let mut groups = counts.map(|count| vec![1; count]);
    while groups.iter().any(|g| g.len() > 1) {
        let mut layer = LayerBuilder::new(groups.iter().flatten().sum());
        let mut at = 0;
        for class in &mut groups {
            for pair in class.chunks(2) {
                let (a, b) = (pair[0], pair.get(1).copied().unwrap_or(0));
                for column in at..at + a + b {
                    let weight = spoil(random, if column < at + a { 1.0 } else { -1.0 });
                    layer.weight(column, weight);
                }
                layer.bias(0.0);
                if b > 0 {
                    for column in at + a..at + a + b {
                        layer.weight(column, 1.0);
                    }
                    layer.bias(0.0);
                }
                at += a + b;
            }
            *class = class.chunks(2).map(<[_]>::len).collect();
        }
        layers.push(layer.finish());
    }
    let mut head = LayerBuilder::new(groups.iter().flatten().sum());
    let mut at = 0;
    for class in groups {
        for column in at..at + class[0] {
            head.weight(column, 1.0);
        }
        head.bias(0.0);
        at += class[0];
    }
    layers.push(head.finish());
    StoredNetwork::new(precision, layers).unwrap()
}

/// Executes the network on `x`, rounded to the format, in some order.
fn executed(random: &mut Random, model: &Model, x: &[f64]) -> Vec<f64> {
    let precision = model.precision();
    let rounded: Vec<f64> = x.iter().map(|&x| precision.round(x)).collect();
    model.evaluate_in(&mut Machine::new(precision, random), &rounded)
}

/// The outputs in the reals.
fn exact(model: &Model, x: &[f64]) -> Vec<Dyadic> {
    let x: Vec<Dyadic> = x.iter().map(|&x| Dyadic::of(x)).collect();
    model.evaluate_in(&mut Exact, &x)
}

/// Whether an output, executed and exact, lies within a bound.
fn holds(bound: Interval, executed: f64, exact: &Dyadic) -> bool {
    let floats = bound.lower <= executed && executed <= bound.upper;
    floats && exact.at_least(bound.lower) && exact.negated().at_least(-bound.upper)
}

/// Intervals carried forward contain every execution.
#[test]
fn boxes_contain_their_outputs() {
    let mut random = Random::new(0x9E37_79B9_7F4A_7C15);
    let mut bounded = 0;
    for _ in 0..rounds(6_000) {
        let precision = random.of(&[Precision::F32, Precision::F32, Precision::F64]);
        let network = network(&mut random, precision);
        let (kind, sizes) = (random.below(5), random.of(&SIZES));
        let ends: Vec<(f64, f64)> = (0..network.layers()[0].inputs())
            .map(|_| {
                let a = number(&mut random, sizes, precision);
                let b = match kind {
                    0 => a,
                    1 => number(&mut random, sizes, precision),
                    2 => precision.round(a * 1.5),
                    3 => precision.round(a * (1.0 + 1e-3)),
                    _ => precision.next_up(a),
                };
                let b = if b.is_finite() { b } else { a };
                (a.min(b), a.max(b))
            })
            .collect();
        let input = ends.iter().map(|&(lower, upper)| Interval { lower, upper }).collect();
        let Some(bounds) = propagate(&network, input).and_then(|mut sums| sums.pop()) else { continue };
        bounded += 1;
        let model = Model::Layers(network);
        for _ in 0..12 {
            let x: Vec<f64> = ends
                .iter()
                .map(|&(a, b)| match random.below(3) {
                    0 => a,
                    1 => b,
                    _ => {
                        let t = random.unit();
                        precision.round(a * (1.0 - t) + b * t).clamp(a, b)
                    }
                })
                .collect();
            let outputs = executed(&mut random, &model, &x);
            for ((bound, y), exact) in bounds.iter().zip(outputs).zip(exact(&model, &x)) {
                assert!(holds(*bound, y, &exact), "{model:?} at {x:?}: {y:e} in {bound:?}");
            }
        }
    }
    assert!(bounded > 1_000, "{bounded} networks had bounds");
}

/// A point of the ball, at its surface more often than not.
pub(super) fn point_of(random: &mut Random, center: &[f64], radius: f64, norm: Norm) -> Vec<f64> {
    let kind = random.below(4);
    let only = random.below(center.len());
    let direction: Vec<f64> = (0..center.len())
        .map(|j| match kind {
            0 => f64::from(u8::from(j == only)) * random.of(&[1.0, -1.0]),
            1 => random.of(&[1.0, -1.0]),
            _ => 2.0 * random.unit() - 1.0,
        })
        .collect();
    let p = match norm {
        Norm::L1 => 1.0,
        Norm::L2 => 2.0,
        Norm::Lp(p) => p,
        Norm::Linf => 1e9,
    };
    let largest = direction.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
    let size = largest * direction.iter().map(|d| (d.abs() / largest).powf(p)).sum::<f64>().powf(1.0 / p);
    let share = if random.below(3) == 0 { random.unit() } else { 1.0 };
    let mut length = radius * share;
    for _ in 0..4 {
        let x: Vec<f64> = center.iter().zip(&direction).map(|(c, d)| c + d / size * length).collect();
        if x.iter().all(|v| v.is_finite()) && inside(&x, center, radius, norm) {
            return x;
        }
        length *= 1.0 - 1e-15;
    }
    center.to_vec()
}

/// What is proved on balls holds at every point found by a climb along outputs
/// and down along the lead.
#[test]
fn balls_contain_their_outputs() {
    let mut random = Random::new(0x0DDB_A115_0DDB_A115);
    let (mut bounded, mut sharp) = (0, 0);
    for round in 0..rounds(1_500) {
        let precision = random.of(&[Precision::F32, Precision::F64]);
        let made = [network, distances, scores][round % 3];
        let network = made(&mut random, precision);
        let n = network.layers()[0].inputs();
        let norm = random.of(&[Norm::L1, Norm::L2, Norm::Lp(3.0), Norm::Lp(4.0), Norm::Linf]);
        let unit = unit(&mut random, precision);
        let center: Vec<f64> = (0..n).map(|_| (2.0 * random.unit() - 1.0) * unit).collect();
        let radius = match random.below(4) {
            0 => 0.0,
            1 => unit * random.unit() * 1e-6,
            _ => unit * random.unit(),
        };
        let labels = vec![0];
        let data = Dataset::new(Features::F64(center.clone().into()), n, labels, vec!["1".into()]).unwrap();
        let model = Model::Layers(network.clone());
        let radii = Radii::Uniform(radius);
        let claim = Claim {
            model: &model,
            data: &data,
            classes: &[0],
            network_classes: 2,
            norm,
            radii: &radii,
            tie_margin: 0.0,
        };
        let sums = on_box(&claim, &Domain::default(), &network, 0).filter(|_| random.below(4) > 0);
        let Some(layers) = BoundedLayers::through(&claim, &network, 0, sums.as_deref()) else { continue };
        let bounds: Vec<Interval> = layers.outputs().collect();
        bounded += 1;
        let lead = if bounds.len() > 1 { layers.lead(&network, (0, 1), 0.0) } else { f64::NEG_INFINITY };
        sharp += usize::from(lead > f64::NEG_INFINITY);
        for attempt in 0..6 {
            let mut x = point_of(&mut random, &center, radius, norm);
            // The last climbs go down along the lead.
            let height = |outputs: &[f64]| match outputs {
                [a, b, ..] if attempt > 3 => a - b,
                _ => outputs[attempt % outputs.len()],
            };
            let mut found = height(&executed(&mut random, &model, &x));
            for _ in 0..12 {
                let other = point_of(&mut random, &center, radius, norm);
                let share = random.unit();
                let other: Vec<f64> = x.iter().zip(&other).map(|(a, b)| a + share * (b - a)).collect();
                let output = height(&executed(&mut random, &model, &other));
                let better = if attempt < 3 { output > found } else { output < found };
                if better && inside(&other, &center, radius, norm) {
                    (x, found) = (other, output);
                }
            }
            let outputs = executed(&mut random, &model, &x);
            let reals = exact(&model, &x);
            for ((bound, y), exact) in bounds.iter().zip(&outputs).zip(&reals) {
                assert!(
                    holds(*bound, *y, exact),
                    "{network:?} {norm} {radius:e} at {x:?}: {y:e} in {bound:?}"
                );
            }
            if let ([a, b, ..], [ra, rb, ..]) = (&outputs[..], &reals[..]) {
                let floats = Dyadic::of(*a).minus(&Dyadic::of(*b));
                assert!(
                    floats.at_least(lead),
                    "{network:?} {norm} {radius:e} at {x:?}: {a:e} {b:e} {lead:e}"
                );
                assert!(ra.minus(rb).at_least(lead), "{network:?} {norm} {radius:e} at {x:?}: {lead:e}");
            }
        }
    }
    assert!(bounded > 300 && sharp > 100, "{bounded} networks had bounds, {sharp} a lead");
}
