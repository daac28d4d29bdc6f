//! The whole line in one call.

use crate::common::dataset;
use indelible::{
    Dataset, Error, Norm, Silent,
    classes::{ClassError, Signature},
    constructions::{Construction, REGISTRY},
    fit::{Draft, FitOptions, Form, Radius, Store, Stored, fit, fit_into},
    network::predicted_class,
};

fn data() -> Dataset {
    let values = vec![0.0, 0.0, 1.0, 3.0, 2.0, 1.0, 5.0, 5.0, 3.0, 0.0, 4.0, 4.0];
    dataset(2, values, vec![0, 1, 0, 1, 0, 1])
}

#[test]
fn every_construction_fits_and_is_proved() {
    let data = data();
    for construction in REGISTRY {
        for &norm in construction.norms {
            for form in [None, Some(Form::Dense), Some(Form::Compact)] {
                let options =
                    FitOptions { construction: Some(construction), norm, form, ..FitOptions::default() };
                let fitted = fit(&data, &options, &Silent).unwrap();
                assert!(fitted.certificate.unwrap().holds(), "{} {norm} {form:?}", construction.name);
                assert!(fitted.reason.is_none() && form.is_none_or(|form| form == fitted.form));
                assert_eq!(fitted.lipschitz.attaining().is_some(), construction.tight_lipschitz);
                let outputs = fitted.model.evaluate(&data.row(3)).unwrap();
                assert_eq!(predicted_class(&outputs, fitted.classes.names.len()), Some(1));
            }
        }
    }
}

#[test]
fn the_smallest_is_chosen_and_says_why() {
    let data = data();
    for radius in [Radius::Ratio(0.5), Radius::Uniform(0.1), Radius::PerSample(0.5)] {
        let fitted = fit(&data, &FitOptions { radius, ..FitOptions::default() }, &Silent).unwrap();
        let reason = fitted.reason.unwrap();
        assert!(reason.others.iter().all(|other| other.nonzero >= fitted.size.nonzero), "{reason}");
        assert!(reason.to_string().starts_with("fewest nonzero parameters that certifies; others: "));
        let named: Vec<&str> = fitted.seconds.iter().map(|(name, _)| *name).collect();
        assert_eq!(named, ["separation", "build", "write", "certify"]);
    }
}

#[test]
fn what_cannot_be_fitted_is_an_error() {
    let data = data();
    let ask = |options: FitOptions| fit(&data, &options, &Silent).unwrap_err();
    let large = FitOptions { radius: Radius::Uniform(10.0), ..FitOptions::default() };
    assert!(matches!(ask(large), Error::RadiusTooLarge { .. }));
    let wrong = FitOptions {
        construction: Construction::named("yu2024-linf").ok(),
        norm: Norm::L2,
        ..FitOptions::default()
    };
    assert!(matches!(ask(wrong), Error::NormNotSupported { .. }));
}

/// A store that takes no layers, and knows what was kept.
#[derive(Default)]
struct NoLayers {
    prepared: bool,
    kept: usize,
}

#[derive(Debug)]
enum Refusal {
    Layers,
    Library(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl Store for NoLayers {
    type Error = Refusal;

    fn prepare(&mut self) -> Result<(), Refusal> {
        self.prepared = true;
        Ok(())
    }

    fn store(&mut self, draft: Draft<'_>) -> Result<Stored, Refusal> {
        assert!(self.prepared && self.kept == 0);
        let model = draft.compact.ok_or(Refusal::Layers)?;
        Ok(Stored { model, classes: None, features: None })
    }

    fn commit(&mut self) -> Result<(), Refusal> {
        self.kept += 1;
        Ok(())
    }
}

#[test]
fn a_form_that_cannot_be_stored_makes_room_for_the_next() {
    let mut store = NoLayers::default();
    let fitted = fit_into(&data(), &FitOptions::default(), &mut store, &Silent);
    // Without names, classes called "1" and "2" are no logits 0 and 1.
    assert!(matches!(fitted, Err(Refusal::Library(Error::Classes(ClassError::NumberOutOfRange { .. })))));
    assert_eq!(store.kept, 0);
    let data =
        Dataset::new(data().storage().clone(), 2, data().labels().to_vec(), vec!["a".into(), "b".into()]);
    let fitted = fit_into(&data.unwrap(), &FitOptions::default(), &mut store, &Silent).unwrap();
    assert_eq!((fitted.form, store.kept), (Form::Compact, 1));
    let dense = FitOptions { form: Some(Form::Dense), ..FitOptions::default() };
    let refused = fit_into(&self::data(), &dense, &mut NoLayers::default(), &Silent);
    assert!(matches!(refused, Err(Refusal::Layers)));
}

#[test]
fn classes_are_matched_by_name_number_or_order() {
    let named = |names: &[&str]| {
        let names = names.iter().map(ToString::to_string).collect();
        Dataset::new(data().storage().clone(), 2, data().labels().to_vec(), names).unwrap()
    };
    let names = ["b".to_string(), "a".to_string(), "c".to_string()];
    let known = Signature { outputs: 3, classes: Some(&names), features: None, tie_margin: 0.0 };
    assert_eq!(known.match_classes(&named(&["a", "b"])).unwrap().map, [1, 0]);
    let nameless = Signature { outputs: 3, classes: None, features: None, tie_margin: 0.0 };
    assert_eq!(nameless.match_classes(&named(&["2", "0"])).unwrap().map, [2, 0]);
    assert_eq!(nameless.match_classes(&named(&["a", "b", "c"])).unwrap().map, [0, 1, 2]);
    for (signature, names, text) in [
        (known, ["a", "d"], "the network knows no class 'd' of the data; it knows b, a, c"),
        (nameless, ["1", "3"], "its outputs mean the labels 0 to 2; the data have 3"),
        (nameless, ["a", "b"], "the network has 3 classes without names and the data have 2: a, b"),
    ] {
        let error = signature.match_classes(&named(&names)).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}
