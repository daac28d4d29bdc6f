//! Radii of maxima of affine scores: every point within is right, and close
//! beyond one is wrong.

use super::{Dyadic, Exact, Machine, Random, inside, rounds};
use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, Config, Domain, Verdict, certify_with, claim::distance_up, robust_radii},
    network::{MaxAffine, Model, predicted_class},
};

/// Rows of three classes around the origin, as `nearest` has them, and anything.
fn scores(random: &mut Random, precision: Precision, n: usize) -> MaxAffine {
    let count = 3 + random.below(12);
    let mut rows = vec![];
    let mut biases = vec![];
    let anything = random.below(4) == 0;
    for _ in 0..count {
        let row: Vec<f64> = (0..n).map(|_| precision.round(2.0 * random.unit() - 1.0)).collect();
        let half = row.iter().map(|w| w * w).sum::<f64>() / 2.0;
        let bias = if anything { random.unit() } else { 8.0 - half };
        biases.push(precision.round(bias));
        rows.extend(row);
    }
    let ends = vec![1, 2 + random.below(count - 2), count];
    MaxAffine::new(precision, n, Features::F64(rows.into()), biases, ends).unwrap()
}

/// Behind an origin, in the middle of what is read or below it.
fn moved(random: &mut Random, scores: MaxAffine, n: usize) -> MaxAffine {
    let least = random.of(&[0.0, -0.5, -1.0, -1000.0, 0.3]);
    let m = (0..n).map(|_| Precision::F32.round(least + 0.1 * random.unit()));
    let m = m.collect();
    scores.with_origin(m).unwrap()
}

/// Behind an origin every point of a certified ball is right, in real arithmetic and
/// as executed, also where the origin cuts the ball.
#[test]
fn origins_move_balls() {
    let mut random = Random::new(0x0121_61A0_0000_0001);
    let (mut certified, mut cut, mut refuted) = (0, 0, 0);
    for _ in 0..rounds(400) {
        let (precision, n) = (random.of(&[Precision::F32, Precision::F64]), 1 + random.below(4));
        let plain = scores(&mut random, precision, n);
        let scores = moved(&mut random, plain, n);
        let origin = scores.origin().unwrap().to_vec();
        let far = random.of(&[1.0, 1.0, 30.0]);
        let x: Vec<f64> = (0..3 * n).map(|at| origin[at % n] + far * (2.0 * random.unit() - 0.5)).collect();
        let model = Model::MaxAffine(scores);
        let label = |x: &[f64]| predicted_class(&model.evaluate(x).unwrap(), 3).unwrap();
        let labels: Vec<usize> = x.chunks(n).map(label).collect();
        let names = ["1", "2", "3"].map(String::from).to_vec();
        let data = Dataset::new(Features::F64(x.into()), n, labels, names).unwrap();
        let norm = random.of(&[Norm::L2, Norm::Linf, Norm::L1, Norm::Lp(3.0)]);
        let radius = random.of(&[0.0, 1e-3, 0.02, 0.1, 0.5]);
        let radii = Radii::Uniform(radius);
        let claim = Claim {
            model: &model,
            data: &data,
            classes: &[0, 1, 2],
            network_classes: 3,
            norm,
            radii: &radii,
            tie_margin: 0.0,
        };
        let verdicts = certify_with(&claim, &Config::default(), &Silent).unwrap().verdicts;
        for (sample, verdict) in verdicts.iter().enumerate() {
            refuted += usize::from(matches!(verdict, Verdict::Refuted { .. }));
            if !matches!(verdict, Verdict::Certified { .. }) {
                continue;
            }
            certified += 1;
            let (center, class) = (data.row(sample), data.labels()[sample]);
            cut += usize::from(center.iter().zip(&origin).any(|(x, m)| x - radius < *m));
            for _ in 0..12 {
                let point = around(&mut random, &center, radius, norm);
                if !inside(&point, &center, radius, norm) {
                    continue;
                }
                let exactly: Vec<Dyadic> = point.iter().map(|v| Dyadic::of(*v)).collect();
                let real = model.evaluate_in(&mut Exact, &exactly);
                let best = (0..3).filter(|c| *c != class).all(|c| real[class] > real[c]);
                assert!(best, "{model:?} {norm} around {center:?} {radius} at {point:?}");
                let rounded: Vec<f64> = point.iter().map(|v| precision.round(*v)).collect();
                let executed = model.evaluate_in(&mut Machine::new(precision, &mut random), &rounded);
                assert_eq!(predicted_class(&executed, 3), Some(class), "{model:?} {center:?} {point:?}");
            }
        }
    }
    assert!(certified > 300 && cut > 50 && refuted > 20, "{certified} certified, {cut} cut, {refuted}");
}

/// A point at some distance from another.
fn around(random: &mut Random, center: &[f64], radius: f64, norm: Norm) -> Vec<f64> {
    let way: Vec<f64> = center.iter().map(|_| 2.0 * random.unit() - 1.0).collect();
    let length = distance_up(&way, &vec![0.0; way.len()], norm).max(1e-9);
    let share = radius * (1.0 - 1e-9) / length * random.of(&[1.0, 1.0, 0.9]);
    center.iter().zip(way).map(|(x, u)| x + share * u).collect()
}

#[test]
fn radii_enclose_the_truth() {
    let mut random = Random::new(0x2EA2_E575_EED0_0004);
    let (mut found, mut close, mut clipped) = (0, 0, 0);
    for _ in 0..rounds(250) {
        let (precision, n) = (random.of(&[Precision::F32, Precision::F64]), 1 + random.below(5));
        let scores = scores(&mut random, precision, n);
        let model = Model::MaxAffine(scores);
        let norm = random.of(&[Norm::L2, Norm::L2, Norm::Linf, Norm::L1, Norm::Lp(1.5), Norm::Lp(4.0)]);
        let x: Vec<f64> = (0..4 * n).map(|_| precision.round(2.0 * random.unit() - 1.0)).collect();
        let label = |x: &[f64]| predicted_class(&model.evaluate(x).unwrap(), 3).unwrap();
        let labels: Vec<usize> = x.chunks(n).map(label).collect();
        let names = ["1", "2", "3"].map(String::from).to_vec();
        let data = Dataset::new(Features::F64(x.into()), n, labels, names).unwrap();
        let none = Radii::Uniform(0.0);
        let claim = Claim {
            model: &model,
            data: &data,
            classes: &[0, 1, 2],
            network_classes: 3,
            norm,
            radii: &none,
            tie_margin: 0.0,
        };
        let domain = if random.below(3) == 0 { Domain::same(-1.0, 1.0).unwrap() } else { Domain::default() };
        let config = Config { domain: domain.clone(), ..Config::default() };
        let radii = robust_radii(&claim, &config, 1, &Silent).unwrap();
        for (sample, radius) in radii.iter().enumerate() {
            let (center, class) = (data.row(sample), data.labels()[sample]);
            assert!(radius.correct && radius.certified < radius.attacked, "{radius:?}");
            clipped += usize::from(!domain.is_everything());
            found += usize::from(radius.certified > 0.0 && domain.is_everything());
            close += usize::from(radius.attacked < 1.01 * radius.certified && domain.is_everything());
            for _ in 0..12 {
                let point = around(&mut random, &center, radius.certified, norm);
                if !inside(&point, &center, radius.certified, norm) {
                    continue;
                }
                let exactly: Vec<Dyadic> = point.iter().map(|v| Dyadic::of(*v)).collect();
                let real = model.evaluate_in(&mut Exact, &exactly);
                let best = (0..3).filter(|c| *c != class).all(|c| real[class] > real[c]);
                assert!(best, "{model:?} {norm} around {center:?} {radius:?} at {point:?}");
                let rounded: Vec<f64> = point.iter().map(|v| precision.round(*v)).collect();
                let executed = model.evaluate_in(&mut Machine::new(precision, &mut random), &rounded);
                assert_eq!(predicted_class(&executed, 3), Some(class), "{model:?} {center:?} {point:?}");
            }
        }
        // One by one the verdicts say the same.
        let asked = Radii::PerSample(radii.iter().map(|r| r.certified * (1.0 - 1e-6)).collect());
        let verdicts = certify_with(&Claim { radii: &asked, ..claim }, &config, &Silent).unwrap().verdicts;
        for (radius, verdict) in radii.iter().zip(&verdicts).filter(|(radius, _)| radius.certified > 1e-3) {
            assert!(matches!(verdict, Verdict::Certified { .. }), "{radius:?} {verdict:?}");
        }
        let beyond = |r: f64| if r.is_finite() { 1.01 * r } else { 0.0 };
        let asked = Radii::PerSample(radii.iter().map(|r| beyond(r.attacked)).collect());
        let verdicts = certify_with(&Claim { radii: &asked, ..claim }, &config, &Silent).unwrap().verdicts;
        for (radius, verdict) in radii.iter().zip(&verdicts).filter(|(r, _)| r.attacked.is_finite()) {
            assert!(!matches!(verdict, Verdict::Certified { .. }), "{radius:?} {verdict:?}");
        }
    }
    assert!(found > 300 && 4 * close > found && clipped > 100, "{found} found, {close} close, {clipped}");
}
