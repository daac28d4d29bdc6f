//! Certified balls of recurrences.

use super::{Dyadic, Exact, Machine, Random, power_of_two, range, rounds};
use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{
        Answers, Claim, Verdict, Watch,
        prototypes::{Searched, verdicts},
    },
    network::{
        Clipping, LayerBuilder, Measure, Model, Pool, PrototypeParts, Prototypes, Schedule, predicted_class,
    },
    number::{add_down, mul_up, sub_up},
};

fn answers(claim: &Claim<'_>, prototypes: &Prototypes) -> Option<Answers> {
    let watch = Watch { progress: &Silent, found: &|_, _, _| {} };
    verdicts(claim, prototypes, &Searched::new(claim, prototypes, &watch)?, &watch)
}

/// Some recurrence around some of the samples.
fn recurrence(
    random: &mut Random,
    precision: Precision,
    data: &Dataset,
    unit: f64,
    radius: f64,
) -> Prototypes {
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
    let steps = values.len();
    let mut head = LayerBuilder::new(1);
    head.weight(0, 1.0).bias(0.0);
    let clipping = if random.below(2) == 0 { Clipping::All(minima) } else { Clipping::AllButFirst(minima) };
    Prototypes::new(PrototypeParts {
        precision,
        features: n,
        clipping,
        centers: Features::F64(centers.into()),
        measure: Measure::Violations,
        radii,
        tops: values,
        scales,
        accumulators: vec![0; steps],
        pool: random.of(&[Pool::Max, Pool::Raise, Pool::Raise]),
        schedule: Schedule::Sequential,
        head: vec![head.finish()],
    })
    .unwrap()
}

/// A certified ball of a recurrence gets its label everywhere, and one output
/// where this was said.
#[test]
fn certified_recurrences_keep_their_labels() {
    let mut random = Random::new(0xFEED_F00D_1234_5678);
    let (mut certified, mut constants) = (0, 0);
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
        let model = Model::Prototypes(recurrence.clone());
        let radii = Radii::Uniform(radius);
        let (classes, norm) = (&[0, 1, 2], Norm::Linf);
        let claim = Claim {
            model: &model,
            data: &data,
            classes,
            network_classes: 3,
            norm,
            radii: &radii,
            tie_margin: 0.0,
        };
        for (sample, (verdict, _)) in answers(&claim, &recurrence).into_iter().flatten().enumerate() {
            let Verdict::Certified { exact: constant, .. } = verdict else { continue };
            certified += 1;
            constants += usize::from(constant);
            let mut only = None;
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
                let exactly: Vec<Dyadic> = x.iter().map(|&v| Dyadic::of(v)).collect();
                let exact = model.evaluate_in(&mut Exact, &exactly)[0].minus(&Dyadic::of(label));
                let mut machine = Machine::new(precision, &mut random);
                let executed = model.evaluate_in(&mut machine, &rounded)[0];
                // The label is the nearest of 1, 2 and 3.
                let half = |off: &Dyadic, end: f64| label == end || !off.at_least(0.5);
                let nearest = half(&exact, 3.0) && half(&exact.negated(), 1.0);
                let same = exact == Dyadic::of(executed - label) && *only.get_or_insert(executed) == executed;
                let right = nearest
                    && predicted_class(&[executed], 3) == Some(label as usize - 1)
                    && (same || !constant);
                assert!(right, "{recurrence:?} {x:?} {executed}");
            }
        }
    }
    assert!(certified > 200 && constants > 200, "{certified} balls were certified, {constants} exactly");
}
