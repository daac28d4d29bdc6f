//! Balls behind a map of the features, and certificates of networks that have one.

use super::{Dyadic, Exact, Machine, Random, Sizes, number, rounds};
use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, Config, RobustRadius, ScaledBalls, Verdict, attack, certify, robust_radii},
    network::{LayerBuilder, Model, Scaled, ScaledBall, Scaling, ScalingMap, StoredNetwork},
    number::{div_up, mul_down},
};

const NORMS: [Norm; 3] = [Norm::Linf, Norm::L1, Norm::L2];

/// Whether the norm of some numbers is at most `radius`, exactly.
fn within(sizes: impl Iterator<Item = Dyadic>, radius: f64, norm: Norm) -> bool {
    let radius = Dyadic::of(radius);
    let mut sizes = sizes.map(|size| size.abs());
    match norm {
        Norm::Linf => sizes.all(|size| size <= radius),
        Norm::L1 => sizes.fold(Dyadic::of(0.0), |sum, size| sum.plus(&size)) <= radius,
        _ => sizes.fold(Dyadic::of(0.0), |sum, size| sum.plus(&size.times(&size))) <= radius.times(&radius),
    }
}

/// A map of `n` features with numbers of some sizes.
fn scaling(random: &mut Random, n: usize, sizes: Sizes) -> Option<Scaling> {
    let offsets = (0..n).map(|_| number(random, sizes, Precision::F32)).collect();
    let factors = (0..n).map(|_| number(random, sizes, Precision::F32).abs()).collect();
    Scaling::new(offsets, factors).ok()
}

/// A point of a ball behind the map, in front of it: numbers of binary64, at the
/// edge or anywhere.
fn point(random: &mut Random, scaling: &Scaling, x: &[f64], radius: f64) -> Vec<f64> {
    let alone = random.below(x.len());
    let share = random.of(&[1.0, 1.0, 0.5, 1.0 / x.len() as f64]);
    let spread = random.coin();
    let moved = x.iter().zip(scaling.factors()).enumerate().map(|(j, (&x, &w))| {
        let half = div_up(radius, w) * share;
        let sign = if random.coin() { 1.0 } else { -1.0 };
        let unit = random.of(&[1.0, 1.0, 0.0, 0.25]);
        if spread || j == alone { x + sign * half * unit } else { x }
    });
    moved.collect()
}

/// A map and a sample in front of it, in one of the formats.
#[derive(Debug)]
struct Mapped {
    scaling: Scaling,
    precision: Precision,
    norm: Norm,
    x: Vec<f64>,
    radius: f64,
}

impl Mapped {
    fn draw(random: &mut Random) -> Option<Self> {
        let precision = random.of(&[Precision::F32, Precision::F32, Precision::F64]);
        let sizes = random.of(&[Sizes::Plain, Sizes::Plain, Sizes::Mixed, Sizes::Underflow, Sizes::Overflow]);
        let (n, norm) = (1 + random.below(3), random.of(&NORMS));
        let scaling = scaling(random, n, sizes)?;
        // Samples need not be numbers of the format.
        let x: Vec<f64> = (0..n).map(|_| number(random, sizes, Precision::F64) * 1.1).collect();
        let radius = number(random, Sizes::Plain, Precision::F64).abs() * random.of(&[0.0, 1e-6, 0.1]);
        x.iter().all(|x| x.is_finite()).then_some(Self { scaling, precision, norm, x, radius })
    }

    /// How far a point is from the sample, measured in units of `scaling`, if it lies in
    /// the ball.
    fn holds(&self, point: &[f64], scaling: &Scaling) -> bool {
        let moves = point.iter().zip(&self.x).zip(scaling.factors());
        let moves = moves.map(|((&a, &b), &w)| Dyadic::of(a).minus(&Dyadic::of(b)).times(&Dyadic::of(w)));
        point.iter().all(|x| x.is_finite()) && within(moves, self.radius, self.norm)
    }

    /// How far from `center` the map takes a point: exactly, and as executed.
    fn images(&self, random: &mut Random, point: &[f64], center: &[f64]) -> [Vec<Dyadic>; 2] {
        let reals: Vec<Dyadic> = point.iter().map(|&x| Dyadic::of(x)).collect();
        let read: Vec<f64> = point.iter().map(|&x| self.precision.round(x)).collect();
        let executed = self.scaling.map_in(&mut Machine::new(self.precision, random), &read);
        let mut evaluated = point.to_vec();
        self.scaling.execute(&mut evaluated, self.precision);
        assert_eq!(evaluated, executed);
        let from =
            |image: Vec<Dyadic>| image.iter().zip(center).map(|(z, &c)| z.minus(&Dyadic::of(c))).collect();
        let executed = executed.into_iter().map(Dyadic::of).collect();
        [self.scaling.map_in(&mut Exact, &reals), executed].map(from)
    }
}

#[test]
fn balls_behind_a_map_hold_what_it_makes_of_balls() {
    let mut random = Random::new(0x853c_49e6_748f_ea9b);
    let (mut held, mut near) = (0, 0);
    for _ in 0..rounds(20_000) {
        let Some(mapped) = Mapped::draw(&mut random) else { continue };
        let Mapped { scaling, precision, norm, x, radius } = &mapped;
        let data = Dataset::new(Features::F64(x.clone().into()), x.len(), vec![0], vec!["a".into()]).unwrap();
        let balls = ScaledBalls::new(scaling, *precision, &data, *norm, &Radii::Uniform(*radius)).unwrap();
        if !balls.bounded[0] {
            continue;
        }
        let (center, around) = (balls.data.row(0), balls.radii[0]);
        assert!(around >= *radius);
        for _ in 0..4 {
            let point = point(&mut random, scaling, x, *radius);
            if !mapped.holds(&point, scaling) {
                continue;
            }
            held += 1;
            let images = mapped.images(&mut random, &point, &center);
            for off in &images {
                assert!(within(off.iter().cloned(), around, *norm), "{mapped:?} {point:?} {balls:?}");
            }
            near += usize::from(!within(images[0].iter().cloned(), mul_down(around, 0.999), *norm));
        }
    }
    // The bound is not idle: many points come near to it.
    assert!(held > rounds(8_000) && near > rounds(500), "{held} {near}");
}

/// The first class up to `at`, measured behind `x ↦ (x − 100) / 64`.
fn threshold(at: f64, precision: Precision) -> Model {
    let mut layer = LayerBuilder::new(1);
    layer.weight(0, -1.0).bias(at);
    layer.bias(0.0);
    let network = StoredNetwork::new(precision, vec![layer.finish()]).unwrap();
    let scaling = Scaling::new(vec![100.0], vec![1.0 / 64.0]).unwrap();
    Model::Scaled(Scaled::new(scaling, Model::Layers(network)).unwrap())
}

#[test]
fn verdicts_are_about_the_whole_network() {
    let names = vec!["below".to_string(), "above".into()];
    // Behind the map: 0, 2, −1.
    let values = Features::F64(vec![100.0, 228.0, 36.0].into());
    let data = Dataset::new(values, 1, vec![0, 1, 1], names).unwrap();
    for (precision, norm) in [(Precision::F32, Norm::Linf), (Precision::F64, Norm::L2)] {
        let model = threshold(1.0, precision);
        let ask = |radius: f64| {
            let radii = Radii::Uniform(radius);
            let claim = Claim {
                model: &model,
                data: &data,
                classes: &[0, 1],
                network_classes: 2,
                norm,
                radii: &radii,
                tie_margin: 0.0,
            };
            (certify(&claim, &Silent).unwrap().verdicts, attack(&claim, 0).unwrap())
        };
        let (verdicts, attacked) = ask(0.999);
        assert!(
            matches!(verdicts[..2], [Verdict::Certified { .. }, Verdict::Certified { .. }]),
            "{verdicts:?}"
        );
        assert_eq!(verdicts[2], Verdict::Misclassified { predicted: Some(0) });
        assert_eq!(attacked, None);
        let (verdicts, attacked) = ask(1.01);
        for (verdict, x) in verdicts[..2].iter().zip([100.0, 228.0]) {
            let Verdict::Refuted { point, .. } = verdict else { panic!("{verdict:?}") };
            // The point is one of the raw ball, and on the other side of 164.
            assert!((point[0] - x).abs() <= 1.01 * 64.0 && (point[0] > 164.0) == (x < 164.0), "{point:?}");
        }
        assert!(attacked.is_some_and(|found| found.point[0] > 164.0));
    }
}

/// What lies in front of the map within the radius, measured there.
#[test]
fn balls_and_boxes_hold_images_of_raw_balls() {
    let mut random = Random::new(0x2545_f491_4f6c_dd1d);
    let (mut held, mut near) = (0, 0);
    for _ in 0..rounds(20_000) {
        let Some(mapped) = Mapped::draw(&mut random) else { continue };
        let Mapped { scaling, precision, norm, x, radius } = &mapped;
        let map = ScalingMap { scaling, precision: *precision, raw: true };
        let Some(image) = map.image(x, *norm, *radius) else { continue };
        let ScaledBall { center, radius: around, halves } = &image;
        let plain = Scaling::new(vec![0.0; x.len()], vec![1.0; x.len()]).unwrap();
        for _ in 0..4 {
            let point = point(&mut random, &plain, x, *radius);
            if !mapped.holds(&point, &plain) {
                continue;
            }
            held += 1;
            for off in mapped.images(&mut random, &point, center) {
                assert!(
                    within(off.iter().cloned(), *around, *norm),
                    "{mapped:?} {point:?} {center:?} {around}"
                );
                for (off, &half) in off.iter().zip(halves) {
                    assert!(off.abs() <= Dyadic::of(half), "{mapped:?} {point:?} {half}");
                }
                near += usize::from(
                    off.iter().zip(halves).any(|(off, &half)| off.abs() > Dyadic::of(mul_down(half, 0.999))),
                );
            }
        }
    }
    assert!(held > rounds(8_000) && near > rounds(2_000), "{held} {near}");
}

/// Two features of which one is squeezed: raw balls are boxes behind the map, and
/// what the other feature alone decides is proved up to its own distance.
#[test]
fn raw_radii_are_proved_as_they_are_measured() {
    let mut layer = LayerBuilder::new(2);
    // The class is that of the first feature, below 1 behind the map, 164 in front.
    layer.weight(0, -1.0).bias(1.0);
    layer.bias(0.0);
    let network = StoredNetwork::new(Precision::F32, vec![layer.finish()]).unwrap();
    let scaling = Scaling::new(vec![100.0, 0.0], vec![1.0 / 64.0, 1.0]).unwrap();
    let model = Model::Scaled(Scaled::new(scaling, Model::Layers(network)).unwrap()).with_raw_balls();
    let names = vec!["below".to_string(), "above".into()];
    let values = Features::F64(vec![100.0, 5.0, 228.0, -5.0].into());
    let data = Dataset::new(values, 2, vec![0, 1], names).unwrap();
    assert!(!model.has_scaled_balls());
    for norm in NORMS {
        let ask = |radius: f64| {
            let radii = Radii::Uniform(radius);
            let claim = Claim {
                model: &model,
                data: &data,
                classes: &[0, 1],
                network_classes: 2,
                norm,
                radii: &radii,
                tie_margin: 0.0,
            };
            let found = robust_radii(&claim, &Config::default(), 24, &Silent).unwrap();
            (certify(&claim, &Silent).unwrap().verdicts, attack(&claim, 0).unwrap(), found)
        };
        let (verdicts, attacked, found) = ask(63.9);
        assert!(verdicts.iter().all(|v| matches!(v, Verdict::Certified { .. })), "{norm} {verdicts:?}");
        assert_eq!(attacked, None);
        // Points are tried on the way to the other sample, 128 and 10 away.
        for RobustRadius { certified, attacked, .. } in found {
            assert!(
                certified > 63.0 && certified <= 64.0 && (64.0..69.5).contains(&attacked),
                "{norm} {certified} {attacked}"
            );
        }
        let (verdicts, attacked, _) = ask(70.0);
        for (verdict, x) in verdicts.iter().zip([100.0, 228.0]) {
            let Verdict::Refuted { point, .. } = verdict else { panic!("{norm} {verdict:?}") };
            assert!((point[0] - x).abs() <= 70.0 && (point[0] > 164.0) == (x < 164.0), "{point:?}");
        }
        assert!(attacked.is_some());
    }
}
