//! From a dataset to a proved network.

use std::sync::Arc;

use indelible::{
    Dataset, Error, Precision, Radii,
    constructions::{Construction, Options},
    fit::{FitOptions, Form, Radius},
    network::Head,
    separation::describe_conflicts,
};
use indelible_io::{FittedBytes, fit_to_bytes};
use numpy::PyArray1;
use pyo3::{prelude::*, types::PyDict};

use crate::{
    certify::certificate,
    data::{Data, scaling_of},
    failure::Failure,
    network::Network,
    run::Run,
    separation::norm_of,
};

/// One of the values that an option may have.
pub fn choice<T: Copy>(option: &str, given: &str, values: &[(&str, T)]) -> Result<T, Failure> {
    let found = values.iter().find(|(name, _)| *name == given).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<String> = values.iter().map(|(name, _)| format!("'{name}'")).collect();
        Failure::value(format!("{option} is '{given}'; expected {}", names.join(" or ")))
    })
}

/// The precision of a name.
pub fn precision_of(name: &str) -> Result<Precision, Failure> {
    choice("precision", name, &[("f32", Precision::F32), ("f64", Precision::F64)])
}

/// What is asked of a fit.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Asked {
    construction: Option<String>,
    norm: String,
    radius: Option<f64>,
    ratio: f64,
    per_sample: bool,
    head: String,
    precision: String,
    form: String,
    prove: bool,
    scale: Option<String>,
}

impl Asked {
    fn options(&self, data: &Dataset) -> Result<FitOptions, Failure> {
        Ok(FitOptions {
            scaling: self.scale.as_deref().map(|scale| scaling_of(scale, data)).transpose()?,
            construction: self.construction.as_deref().map(Construction::named).transpose()?,
            norm: norm_of(&self.norm)?,
            radius: match self.radius {
                Some(radius) => Radius::Uniform(radius),
                None if self.per_sample => Radius::PerSample(self.ratio),
                None => Radius::Ratio(self.ratio),
            },
            network: Options {
                head: choice("head", &self.head, &[("logits", Head::Logits), ("scalar", Head::Scalar)])?,
                precision: precision_of(&self.precision)?,
            },
            form: choice(
                "form",
                &self.form,
                &[("auto", None), ("dense", Some(Form::Dense)), ("compact", Some(Form::Compact))],
            )?,
            certify: self.prove,
            directions: false,
        })
    }
}

/// The network, and what is known about it under the names of `build --json`.
#[pyfunction]
pub fn fit<'py>(
    py: Python<'py>,
    data: &Data,
    asked: Asked,
    run: Run,
) -> PyResult<(Network, Bound<'py, PyDict>)> {
    let data = Arc::clone(&data.dataset);
    let options = asked.options(&data)?;
    let (network, fitted) = run.go(py, move |progress| {
        let fitted = fit_to_bytes(&data, &options, progress).map_err(|error| match error {
            indelible_io::Error::Library(Error::Inseparable { .. }) => {
                Failure::value(describe_conflicts(&data))
            }
            error => error.into(),
        });
        let FittedBytes { fitted, bytes } = fitted?;
        Ok((Network::of(bytes)?, fitted))
    })?;
    let said = PyDict::new(py);
    said.set_item("construction", fitted.construction.name)?;
    said.set_item("reason", fitted.reason.as_ref().map(ToString::to_string))?;
    match fitted.budget.radii() {
        Radii::Uniform(radius) => said.set_item("radius", *radius)?,
        Radii::PerSample(radii) => said.set_item("radius", PyArray1::from_slice(py, radii))?,
    }
    said.set_item("ratio", fitted.budget.ratio())?;
    said.set_item("form", fitted.form.to_string())?;
    let closest = fitted.budget.separation();
    said.set_item("separation", (closest.distance.lower, closest.distance.upper, closest.pair))?;
    let proof = fitted.certificate.as_ref();
    said.set_item("certificate", proof.map(|proof| certificate(py, proof)).transpose()?)?;
    said.set_item("lipschitz", fitted.lipschitz.bound)?;
    let seconds = PyDict::new(py);
    for (name, taken) in &fitted.seconds {
        seconds.set_item(name, taken)?;
    }
    said.set_item("seconds", seconds)?;
    Ok((network, said))
}
