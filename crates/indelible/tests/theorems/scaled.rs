//! The whole line behind a map of the features: data whose columns have wildly
//! different units.

use crate::common::dataset;
use indelible::{
    Dataset, Error, Norm, Precision, Silent,
    certify::lipschitz_bound,
    constructions::{Options, REGISTRY},
    fit::{FitOptions, Form, Radius, fit},
    network::{Head, Model, Scaling, predicted_class},
    number::random::Random,
};

/// Millimetres, tonnes, years, and a column of one value.
fn data() -> Dataset {
    let mut random = Random::new(7);
    let mut values = vec![];
    for _ in 0..24 {
        let unit = |random: &mut Random| random.unit();
        values.extend([
            1e-3 * unit(&mut random),
            4e6 * unit(&mut random),
            2000.0 + (30.0 * unit(&mut random)).floor(),
            7.25,
        ]);
    }
    dataset(4, values, (0..24).map(|i| i % 2).collect())
}

/// A raw point whose distance behind the map is at most `radius`: in one feature
/// at the edge, or in all a little.
fn point(random: &mut Random, scaling: &Scaling, x: &[f64], radius: f64) -> Vec<f64> {
    let alone = random.below(2 * x.len());
    let share = if alone < x.len() { 1.0 } else { 1.0 / x.len() as f64 };
    let sign = |random: &mut Random| if random.coin() { 1.0 - 1e-12 } else { -1.0 + 1e-12 };
    let mut point = x.to_vec();
    for (j, (x, w)) in point.iter_mut().zip(scaling.factors()).enumerate() {
        if alone >= scaling.features() || j == alone {
            *x += sign(random) * share * radius / w;
        }
    }
    point
}

#[test]
fn every_construction_keeps_its_balls_behind_a_map() {
    let data = data();
    let mut random = Random::new(11);
    for scaling in [Scaling::min_max(&data).unwrap(), Scaling::standard(&data).unwrap()] {
        for construction in REGISTRY {
            for &norm in construction.norms {
                for (form, precision) in [
                    (Form::Dense, Precision::F32),
                    (Form::Compact, Precision::F32),
                    (Form::Compact, Precision::F64),
                ] {
                    let options = FitOptions {
                        construction: Some(construction),
                        norm,
                        form: Some(form),
                        network: Options { head: Head::Logits, precision },
                        scaling: Some(scaling.clone()),
                        ..FitOptions::default()
                    };
                    let what = format!("{} {norm} {form:?} {precision}", construction.name);
                    let fitted = match fit(&data, &options, &Silent) {
                        // Powers ask for more digits than binary32 has.
                        Err(Error::TooFine { precision: Precision::F32, .. }) if norm != Norm::Linf => {
                            continue;
                        }
                        fitted => fitted.unwrap_or_else(|e| panic!("{what}: {e}")),
                    };
                    assert!(fitted.certificate.as_ref().unwrap().holds(), "{what}");
                    assert_eq!(fitted.size, fitted.model.size());
                    let radius = fitted.budget.radii().largest();
                    let points: Vec<f64> = (0..2 * data.samples())
                        .flat_map(|i| point(&mut random, &scaling, &data.row(i % data.samples()), radius))
                        .collect();
                    let outputs = fitted.model.evaluate(&points).unwrap();
                    for (i, outputs) in outputs.chunks(fitted.model.outputs()).enumerate() {
                        let predicted = predicted_class(outputs, fitted.classes.names.len());
                        assert_eq!(predicted, Some(data.labels()[i % data.samples()]), "{what} {i}");
                    }
                }
            }
        }
    }
}

/// Without the map the largest possible radius is that of the narrowest column.
#[test]
fn a_radius_per_sample_and_the_free_choice_have_a_map_too() {
    let data = data();
    let scaling = Scaling::min_max(&data).unwrap();
    for radius in [Radius::PerSample(0.9), Radius::Ratio(0.99), Radius::Uniform(0.01)] {
        let options = FitOptions { radius, scaling: Some(scaling.clone()), ..FitOptions::default() };
        let fitted = fit(&data, &options, &Silent).unwrap();
        assert!(fitted.certificate.unwrap().holds());
        let Model::Scaled(scaled) = &fitted.model else { panic!("{:?}", fitted.model) };
        // What is measured in raw units is as much steeper as the largest factor says.
        let steepest = scaling.factors().iter().copied().fold(0.0, f64::max);
        let (inner, whole) =
            (lipschitz_bound(scaled.inner(), Norm::Linf), lipschitz_bound(&fitted.model, Norm::Linf));
        assert!(whole >= inner * steepest && whole <= inner * steepest * (1.0 + 1e-9));
    }
}

/// Years around 10⁹ leave binary32 nothing to tell them apart by.
#[test]
fn what_rounding_swallows_is_refused() {
    let far: Vec<f64> = (0..8).map(|i| 1e9 + f64::from(i)).collect();
    let data = dataset(1, far, (0..8).map(|i| i % 2).collect());
    let scaling = Some(Scaling::min_max(&data).unwrap());
    let mut options = FitOptions { scaling, ..FitOptions::default() };
    let refused = fit(&data, &options, &Silent).unwrap_err();
    assert!(matches!(refused, Error::TooFine { precision: Precision::F32, .. }), "{refused}");
    assert!(refused.to_string().contains("--precision f64"), "{refused}");
    options.network.precision = Precision::F64;
    assert!(fit(&data, &options, &Silent).unwrap().certificate.unwrap().holds());
}
