//! Networks that answer differently in other orders of summation, fused or not,
//! or in real arithmetic: never certified (what they are made of: Szász et al.,
//! *No Soundness in the Real World*, ICML 2025, fooled verifiers with such).

use super::{Dyadic, Exact, Machine, Random};
use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, Verdict, certify},
    network::{LayerBuilder, Model, StoredNetwork, predicted_class},
};

/// A sum of products with the features, and a bias.
struct Sum {
    terms: Vec<f64>,
    bias: f64,
}

/// Two sums whose difference decides, at features `x`.
struct Hostile {
    name: &'static str,
    x: Vec<f64>,
    sums: [Sum; 2],
}

fn two(exponent: i32) -> f64 {
    2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

fn sum(terms: &[f64], bias: f64) -> Sum {
    Sum { terms: terms.to_vec(), bias }
}

/// Those of a format with so many digits, whose numbers go down to `2^small` and
/// stay below `2^large`.
fn all(digits: i32, small: i32, large: i32) -> Vec<Hostile> {
    let (big, unit, ones) = (two(digits + 2), two(-digits), |n: usize| vec![1.0; n]);
    // Its square has one digit too many.
    let odd = 1.0 + two(-(digits + 1) / 2);
    let square = match digits {
        24 => f64::from((odd * odd) as f32),
        _ => odd * odd,
    };
    let small_enough = two(digits / 2 - 3);
    let mut ulps = vec![unit; 64];
    ulps[0] = 1.0;
    let halves = (0..40).map(|k| if k % 2 == 0 { two(digits - 1) } else { -two(digits - 1) });
    vec![
        Hostile { name: "cancels", x: ones(3), sums: [sum(&[big, 1.0, -big], 0.0), sum(&[0.0; 3], 0.5)] },
        Hostile {
            name: "cancels in time",
            x: ones(3),
            sums: [sum(&[small_enough, 1.0, -small_enough], 0.0), sum(&[0.0; 3], 0.5)],
        },
        Hostile { name: "vanishes", x: ones(3), sums: [sum(&[0.0; 3], 0.5), sum(&[big, 1.0, -big], 0.0)] },
        Hostile {
            name: "many small ones",
            x: ones(64),
            sums: [sum(&ulps, 0.0), sum(&[0.0; 64], 1.0 + 8.0 * unit)],
        },
        Hostile {
            name: "no small ones",
            x: ones(64),
            sums: [sum(&[0.0; 64], 1.0 + 8.0 * unit), sum(&ulps, 0.0)],
        },
        Hostile { name: "fused", x: vec![odd], sums: [sum(&[odd], -square), sum(&[0.0], unit * two(-4))] },
        Hostile {
            name: "not fused",
            x: vec![odd],
            sums: [sum(&[0.0], unit * two(-4)), sum(&[odd], -square)],
        },
        Hostile {
            name: "underflows",
            x: vec![two(small / 2 - 4); 2],
            sums: [sum(&[two(small / 2 - 4), two(small / 2 - 4)], 0.0), sum(&[0.0; 2], 0.0)],
        },
        Hostile {
            name: "overflows",
            x: vec![1.5; 4],
            sums: [
                sum(&[two(large - 1), two(large - 1), -two(large - 1), -two(large - 1)], 1.0),
                sum(&[0.0; 4], 0.5),
            ],
        },
        Hostile {
            name: "long and alternating",
            x: ones(41),
            sums: [sum(&halves.chain([0.75]).collect::<Vec<_>>(), 0.0), sum(&[0.0; 41], 0.5)],
        },
        Hostile { name: "ties", x: ones(1), sums: [sum(&[1.0], 0.0), sum(&[1.0], 0.0)] },
        Hostile { name: "last place", x: vec![odd], sums: [sum(&[odd], 0.0), sum(&[0.0], square)] },
    ]
}

/// The sums as outputs, or behind a ReLU and a layer that passes them on.
fn model(hostile: &Hostile, precision: Precision, hidden: bool, factor: f64) -> Model {
    let mut first = LayerBuilder::new(hostile.x.len());
    for sum in &hostile.sums {
        sum.terms.iter().enumerate().for_each(|(column, w)| {
            first.weight(column, *w);
        });
        first.bias(sum.bias);
    }
    let mut layers = vec![first.finish()];
    if hidden {
        let mut last = LayerBuilder::new(2);
        for column in 0..2 {
            last.weight(column, factor).bias(0.0);
        }
        layers.push(last.finish());
    }
    Model::Layers(StoredNetwork::new(precision, layers).unwrap())
}

/// The labels that executions give at a point: real arithmetic, and many orders.
fn labels(model: &Model, x: &[f64], precision: Precision, random: &mut Random) -> Vec<Option<usize>> {
    let exactly: Vec<Dyadic> = x.iter().map(|v| Dyadic::of(*v)).collect();
    let real = model.evaluate_in(&mut Exact, &exactly);
    // A tie is no label.
    let mut all = vec![if real[0] == real[1] { None } else { Some(usize::from(real[1] > real[0])) }];
    for _ in 0..200 {
        let outputs = model.evaluate_in(&mut Machine::new(precision, random), x);
        all.push(if outputs[0] == outputs[1] { None } else { predicted_class(&outputs, 2) });
    }
    all
}

#[test]
fn what_some_order_breaks_is_not_certified() {
    let mut random = Random::new(0x0F0A_7ED5_EED0_0003);
    let (mut broken, mut kept) = (0, 0);
    for (precision, digits, small, large) in
        [(Precision::F32, 24, -149, 128), (Precision::F64, 53, -1074, 1024)]
    {
        for hostile in all(digits, small, large) {
            for (hidden, factor) in [(false, 1.0), (true, 1.0), (true, two(40)), (true, two(-40))] {
                let model = model(&hostile, precision, hidden, factor);
                let found = labels(&model, &hostile.x, precision, &mut random);
                for class in 0..2 {
                    let breaks = found.iter().any(|label| *label != Some(class));
                    for (norm, radius) in [(Norm::Linf, 0.0), (Norm::L2, 0.0), (Norm::L1, two(small))] {
                        let x = Features::F64(hostile.x.clone().into());
                        let data = Dataset::new(x, hostile.x.len(), vec![0], vec!["1".into()]).unwrap();
                        let (map, radii) = ([class], Radii::Uniform(radius));
                        let claim = Claim {
                            model: &model,
                            data: &data,
                            classes: &map,
                            network_classes: 2,
                            norm,
                            radii: &radii,
                            tie_margin: 0.0,
                        };
                        let verdict = certify(&claim, &Silent).unwrap().verdicts.remove(0);
                        let certified = matches!(verdict, Verdict::Certified { .. });
                        assert!(
                            !(certified && breaks),
                            "{} {precision} {hidden} {factor:e} {norm} {radius:e}: {verdict:?}",
                            hostile.name
                        );
                        broken += usize::from(breaks);
                        kept += usize::from(certified);
                    }
                }
            }
        }
    }
    assert!(broken > 300 && kept > 20, "{broken} break, {kept} are certified");
}
