//! Small networks against the truth: every pattern of signs, in whole numbers.
//!
//! Two features and whole weights; what a network computes is affine where no sum
//! changes its sign, so that its least lead over a box is taken at a corner of one
//! of the parts. Places are multiples of 1/8; all numbers here are eight times as
//! large, and exact. So are the executions: no sum is rounded.

use super::{Random, rounds};
use crate::{
    Dataset, Features, Norm, Precision, Radii, Silent,
    certify::{Claim, Config, Domain, Verdict, certify_with},
    network::{LayerBuilder, Model, StoredNetwork},
};

const SCALE: i128 = 8;

/// `a x + b y + c`.
type Form = [i128; 3];
/// `(x, y)` over a positive common denominator.
type Place = [i128; 3];

fn at(form: &Form, place: &Place) -> i128 {
    form.iter().zip(place).map(|(f, p)| f * p).sum()
}

fn reduced(place: Place) -> Place {
    let gcd = place.iter().fold(0i128, |a, b| {
        let (mut a, mut b) = (a, b.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    });
    place.map(|p| p / gcd)
}

/// The part of a polygon where a form is at least 0.
fn clipped(polygon: &[Place], form: &Form) -> Vec<Place> {
    let mut kept = vec![];
    for (i, here) in polygon.iter().enumerate() {
        let next = &polygon[(i + 1) % polygon.len()];
        let (a, b) = (at(form, here), at(form, next));
        if a >= 0 {
            kept.push(*here);
        }
        if a > 0 && b < 0 || a < 0 && b > 0 {
            // Values have to be compared over the denominators of both.
            let (a, b) = (a.abs(), b.abs());
            let place: Vec<i128> = here.iter().zip(next).map(|(h, n)| h * b + n * a).collect();
            kept.push(reduced([place[0], place[1], place[2]]));
        }
    }
    kept
}

/// A layer by rows: weights and bias, whole numbers.
type Rows = Vec<(Vec<i128>, i128)>;

/// The least lead of `class` over a polygon, as a fraction.
fn least(layers: &[Rows], units: &[Form], polygon: &[Place], class: usize, least_so_far: &mut (i128, i128)) {
    let forms: Vec<Form> = layers[0]
        .iter()
        .map(|(weights, bias)| {
            let mut form = [0, 0, SCALE * bias];
            for (w, unit) in weights.iter().zip(units) {
                form.iter_mut().zip(unit).for_each(|(f, u)| *f += w * u);
            }
            form
        })
        .collect();
    if let [_] = layers {
        for (other, form) in forms.iter().enumerate().filter(|(other, _)| *other != class) {
            assert_ne!(other, class);
            let lead: Vec<i128> = forms[class].iter().zip(form).map(|(a, b)| a - b).collect();
            for place in polygon {
                let value = (at(&[lead[0], lead[1], lead[2]], place), place[2]);
                if value.0 * least_so_far.1 < least_so_far.0 * value.1 {
                    *least_so_far = value;
                }
            }
        }
        return;
    }
    signs(&forms, &[], polygon, &mut |units, polygon| {
        least(&layers[1..], units, polygon, class, least_so_far);
    });
}

/// Every pattern of signs of some forms, with the part of the polygon that has it.
fn signs(forms: &[Form], units: &[Form], polygon: &[Place], found: &mut dyn FnMut(&[Form], &[Place])) {
    if polygon.is_empty() {
        return;
    }
    let Some((form, rest)) = forms.split_first() else { return found(units, polygon) };
    for (sign, unit) in [(1, *form), (-1, [0; 3])] {
        let units: Vec<Form> = units.iter().copied().chain([unit]).collect();
        signs(rest, &units, &clipped(polygon, &form.map(|f| sign * f)), found);
    }
}

fn random_layers(random: &mut Random) -> Vec<Rows> {
    let mut widths = vec![2];
    (0..1 + random.below(2)).for_each(|_| widths.push(1 + random.below(4)));
    widths.push(2 + random.below(2));
    let mut whole = |most: usize| random.below(2 * most + 1) as i128 - most as i128;
    let layer = |pair: &[usize]| -> Rows {
        (0..pair[1]).map(|_| ((0..pair[0]).map(|_| whole(3)).collect(), whole(5))).collect()
    };
    widths.windows(2).map(layer).collect()
}

fn model(layers: &[Rows], precision: Precision) -> Model {
    let layer = |rows: &Rows| {
        let mut layer = LayerBuilder::new(rows[0].0.len());
        for (weights, bias) in rows {
            weights.iter().enumerate().for_each(|(column, w)| {
                layer.weight(column, *w as f64);
            });
            layer.bias(*bias as f64);
        }
        layer.finish()
    };
    Model::Layers(StoredNetwork::new(precision, layers.iter().map(layer).collect()).unwrap())
}

#[test]
fn verdicts_agree_with_all_patterns_of_signs() {
    let mut random = Random::new(0x0E2A_71E5_0F51_6245);
    let (mut certified, mut refuted, mut undecided, mut tight) = (0, 0, 0, 0);
    let networks = rounds(1_000);
    for _ in 0..networks {
        let layers = random_layers(&mut random);
        let model = model(&layers, random.of(&[Precision::F32, Precision::F64]));
        let center = [0; 2].map(|_| random.below(33) as i128 - 16);
        let radius = 1 + random.below(12) as i128;
        let clip = random.of(&[false, true]);
        // A range that holds the sample.
        let range = center.map(|x| {
            let (below, above) = (random.below(9) as i128, random.below(9) as i128);
            if clip { (x - below, x + above) } else { (i128::MIN / 4, i128::MAX / 4) }
        });
        let side = |axis: usize| {
            let (lower, upper) = range[axis];
            ((center[axis] - radius).max(lower), (center[axis] + radius).min(upper))
        };
        let (x, y) = (side(0), side(1));
        let polygon = [[x.0, y.0, 1], [x.1, y.0, 1], [x.1, y.1, 1], [x.0, y.1, 1]];
        let real = |v: i128| v as f64 / SCALE as f64;
        let point = center.map(real);
        let outputs = model.evaluate(&point).unwrap();
        // Mostly the label that the sample gets.
        let predicted = crate::network::predicted_class(&outputs, outputs.len()).unwrap();
        let class = if random.below(8) == 0 { random.below(outputs.len()) } else { predicted };
        let mut truth = (i128::from(i64::MAX), 1);
        least(&layers, &[[1, 0, 0], [0, 1, 0]], &polygon, class, &mut truth);
        let data = Dataset::new(Features::F64(point.to_vec().into()), 2, vec![0], vec!["1".into()]).unwrap();
        let domain = match clip {
            true => Domain::each(range.map(|(lower, upper)| (real(lower), real(upper))).to_vec()).unwrap(),
            false => Domain::default(),
        };
        let (map, radii, config) =
            ([class], Radii::Uniform(real(radius)), Config { domain, ..Config::default() });
        let network_classes = outputs.len();
        let claim = Claim {
            model: &model,
            data: &data,
            classes: &map,
            network_classes,
            norm: Norm::Linf,
            radii: &radii,
            tie_margin: 0.0,
        };
        let said = certify_with(&claim, &config, &Silent).unwrap().verdicts.remove(0);
        let least = truth.0 as f64 / truth.1 as f64 / SCALE as f64;
        let what =
            || format!("{layers:?} at {point:?} within {radius}/8 of {range:?}: {said:?}, truth {least}");
        match &said {
            Verdict::Certified { margin, .. } => {
                certified += 1;
                tight += usize::from(*margin > 0.5 * least);
                assert!(truth.0 > 0 && *margin <= least, "{}", what());
            }
            Verdict::Refuted { point, .. } => {
                refuted += 1;
                assert!(truth.0 <= 0 && config.domain.contains(point), "{}", what());
            }
            Verdict::Misclassified { .. } => assert!(truth.0 <= 0, "{}", what()),
            Verdict::Undecided => undecided += 1,
        }
    }
    let counts = format!("{certified} certified, {refuted} refuted, {undecided} undecided, {tight} tight");
    assert!(certified > networks / 4 && refuted > networks / 10 && tight > certified / 4, "{counts}");
    // Ties remain: 0 is no lead, and no other label either.
    assert!(undecided < networks / 4, "{counts}");
}
