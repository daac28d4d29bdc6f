//! Certified balls of recurrences.

use super::{Dyadic, Random, power_of_two, range, rounds, sums::shuffle};
use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, Verdict, recurrence::verdicts},
    network::{Model, Recurrence},
    number::{add_down, mul_up, sub_up},
};

/// Some recurrence around some of the samples.
fn recurrence(
    random: &mut Random,
    precision: Precision,
    data: &Dataset,
    unit: f64,
    radius: f64,
) -> Recurrence {
    let n = data.features();
    let number = |random: &mut Random, a: f64| precision.round(a * (2.0 * random.unit() - 1.0));
    let (mut centers, mut radii, mut scales, mut values) = (vec![], vec![], vec![], vec![]);
    for _ in 0..1 + random.below(5) {
        if random.below(2) == 0 {
            let own = random.below(data.samples());
            centers.extend(data.row(own).into_iter().map(|v| precision.round(v)));
            radii.push(precision.round_up(mul_up(radius, 1.0001)).min(precision.largest()));
            values.push((data.labels()[own] + 1) as f64);
            let scale = precision.round(1.0 / unit.max(1e-300));
            scales.push(scale.clamp(precision.smallest_subnormal(), precision.largest()));
        } else {
            centers.extend((0..n).map(|_| number(random, unit)));
            let value = match random.below(4) {
                0 => 3.0,
                1 => precision.round(1.0 + 3.0 * random.unit()),
                2 => 1e6,
                _ => precision.round(-random.unit()),
            };
            radii.push(number(random, unit * 0.5).abs() * if random.below(6) == 0 { -1.0 } else { 1.0 });
            let gap = number(random, unit).abs().max(precision.smallest_subnormal());
            let scale = precision.round(value.abs().max(1.0) / gap);
            values.push(value);
            scales.push(if scale.is_finite() { scale } else { precision.largest() });
        }
    }
    let minima = data.minima();
    let minima = (0..n)
        .map(|j| match random.below(3) {
            0 => number(random, unit),
            _ => precision.round_down(minima[j]).max(-precision.largest()),
        })
        .collect();
    Recurrence {
        precision,
        minima,
        centers: Features::F64(centers.into()),
        radii,
        scales,
        values,
        targets: None,
    }
}

/// What step `k` reads.
fn clipped(recurrence: &Recurrence, k: usize, x: &[f64]) -> Vec<f64> {
    let clip = |(x, m): (&f64, &f64)| if k == 0 { *x } else { x.max(*m) };
    x.iter().zip(&recurrence.minima).map(clip).collect()
}

fn recurred(random: &mut Random, recurrence: &Recurrence, x: &[f64]) -> f64 {
    let round = |v: f64| recurrence.precision.round(v);
    let mut label = 0.0;
    let mut center = vec![0.0; x.len()];
    for k in 0..recurrence.steps() {
        recurrence.copy_center(k, &mut center);
        let z = clipped(recurrence, k, x);
        let mut terms: Vec<f64> = (z.iter().zip(&center))
            .map(|(z, c)| round(round(z - c).abs() - recurrence.radii[k]).max(0.0))
            .collect();
        shuffle(random, &mut terms);
        let far = terms.into_iter().fold(0.0, |sum, term| round(sum + term));
        let (value, scale) = (recurrence.values[k], recurrence.scales[k]);
        let level = match (random.below(2), recurrence.precision) {
            (0, _) => round(value - round(scale * far)),
            (_, Precision::F32) => f64::from((-(scale as f32)).mul_add(far as f32, value as f32)),
            (_, Precision::F64) => (-scale).mul_add(far, value),
        };
        label = round(label + round(level - label).max(0.0));
    }
    label
}

fn recurred_exactly(recurrence: &Recurrence, x: &[f64]) -> Dyadic {
    let mut label = Dyadic::of(0.0);
    let mut center = vec![0.0; x.len()];
    for k in 0..recurrence.steps() {
        recurrence.copy_center(k, &mut center);
        let radius = Dyadic::of(recurrence.radii[k]);
        let far = clipped(recurrence, k, x).iter().zip(&center).fold(Dyadic::of(0.0), |sum, (&z, &c)| {
            sum.plus(&Dyadic::of(z).minus(&Dyadic::of(c)).abs().minus(&radius).relu())
        });
        let level = Dyadic::of(recurrence.values[k]).minus(&Dyadic::of(recurrence.scales[k]).times(&far));
        label = label.plus(&level.minus(&label).relu());
    }
    label
}

/// A certified ball of a recurrence gets exactly its label everywhere.
#[test]
fn certified_recurrences_keep_their_labels() {
    let mut random = Random::new(0xFEED_F00D_1234_5678);
    let mut certified = 0;
    for _ in 0..rounds(6_000) {
        let precision = random.of(&[Precision::F32, Precision::F32, Precision::F64]);
        let (smallest, largest, digits) = range(precision);
        let scale = match random.below(5) {
            0 => 0,
            1 => largest - 1,
            2 => smallest + 3,
            3 => smallest + digits,
            _ => smallest + random.below((largest - smallest) as usize) as i32,
        };
        let unit = power_of_two(scale);
        let (n, samples) = (1 + random.below(3), 1 + random.below(3));
        let coarse = random.below(2) == 0;
        let values: Vec<f64> = (0..n * samples)
            .map(|_| {
                let t = 2.0 * random.unit() - 1.0;
                unit * if coarse { (t * 8.0).round() / 8.0 } else { t }
            })
            .collect();
        let names = vec!["a".into(), "b".into(), "c".into()];
        let data = Dataset::new(Features::F64(values.into()), n, (0..samples).collect(), names).unwrap();
        let radius =
            if random.below(3) == 0 { 0.0 } else { (unit * random.unit() * random.of(&[0.25, 0.9])).abs() };
        let recurrence = recurrence(&mut random, precision, &data, unit, radius);
        let model = Model::Recurrence(recurrence.clone());
        let radii = Radii::Uniform(radius);
        let (classes, norm) = (&[0, 1, 2], Norm::Linf);
        let claim = Claim { model: &model, data: &data, classes, network_classes: 3, norm, radii: &radii };
        for (sample, verdict) in verdicts(&claim, &recurrence, &Silent).into_iter().enumerate() {
            if !matches!(verdict, Verdict::Certified { .. }) {
                continue;
            }
            certified += 1;
            let label = (data.labels()[sample] + 1) as f64;
            for _ in 0..10 {
                let x: Vec<f64> = data
                    .row(sample)
                    .iter()
                    .map(|&x| {
                        let (a, b) = (sub_up(x, radius), add_down(x, radius));
                        let inner = match random.below(3) {
                            0 => a,
                            1 => b,
                            _ => a + random.unit() * (b - a),
                        };
                        if a <= b { inner.clamp(a, b) } else { x }
                    })
                    .collect();
                let rounded: Vec<f64> = x.iter().map(|&v| precision.round(v)).collect();
                let exact = recurred_exactly(&recurrence, &x).minus(&Dyadic::of(label));
                let executed = recurred(&mut random, &recurrence, &rounded);
                assert!(exact == Dyadic::of(0.0) && executed == label, "{recurrence:?} {x:?} {executed}");
            }
        }
    }
    assert!(certified > 200, "{certified} balls were certified");
}
