//! What exists, what is necessary, what constructions take.

use std::{sync::Arc, time::Duration};

use indelible::{
    Budget, Error,
    bounds::{self, Question, Row},
    constructions::{Options, REGISTRY},
    fit::{Trial, serving},
    network::Network as _,
    separation::{describe_conflicts, separation},
};
use indelible_decide::{Answer, Config, Decision, smallest_width};
use pyo3::{prelude::*, types::PyDict};

use crate::{data::Data, failure::Failure, fit::precision_of, run::Run, separation::norm_of};

/// Seconds that deciding may take, and the solver.
#[derive(FromPyObject)]
pub struct Solving(Option<f64>, String);

/// Whether a network of depth 2 and `width` hidden neurons (`None`: the smallest
/// number that suffices) memorizes the data.
#[pyfunction]
#[pyo3(signature = (data, width, radius, norm, solving, run))]
pub fn decide<'py>(
    py: Python<'py>,
    data: &Data,
    width: Option<usize>,
    radius: f64,
    norm: &str,
    solving: Solving,
    run: Run,
) -> PyResult<Bound<'py, PyDict>> {
    let (data, norm) = (Arc::clone(&data.dataset), norm_of(norm)?);
    let limit = |seconds: f64| {
        let bad =
            |_| Failure::value(format!("timeout is {seconds}; expected a number of seconds, 0 or more"));
        Duration::try_from_secs_f64(seconds).map_err(bad)
    };
    let Solving(timeout, solver) = solving;
    let config = Config::default().solver(solver).timeout(timeout.map(limit).transpose()?);
    let asked = Arc::clone(&data);
    let decisions = run.go(py, move |progress| {
        progress.busy("deciding");
        Ok(match width {
            Some(width) => vec![indelible_decide::decide(&asked, norm, radius, width, &config)?],
            None => smallest_width(&asked, norm, radius, &config)?,
        })
    })?;
    let said = PyDict::new(py);
    let Some(Decision { answer, width, .. }) = decisions.last() else { return Ok(said) };
    said.set_item("width", width)?;
    said.set_item("rounds", decisions.iter().map(|d| d.rounds).sum::<usize>())?;
    match answer {
        Answer::Yes(network) => {
            said.set_item("answer", "yes")?;
            said.set_item("precision", network.as_ref().map(|network| network.precision().to_string()))?;
        }
        Answer::No(refutation) => {
            let class = |class: usize| data.class_names().get(class).map_or("", String::as_str);
            let points: Vec<(usize, &str, Vec<String>)> =
                refutation.points().map(|(sample, c, point)| (sample, class(c), point)).collect();
            said.set_item("answer", "no")?;
            said.set_item("points", points)?;
            said.set_item("proof", refutation.to_string())?;
        }
        Answer::Unknown { reason } => {
            said.set_item("answer", "unknown")?;
            said.set_item("reason", reason)?;
        }
    }
    Ok(said)
}

fn object<'py>(py: Python<'py>, row: &Row) -> PyResult<Bound<'py, PyDict>> {
    let said = PyDict::new(py);
    said.set_item("kind", row.kind.to_string())?;
    said.set_item("quantity", row.quantity.to_string())?;
    said.set_item("formula", row.formula)?;
    said.set_item("value", row.value)?;
    said.set_item("bits_per_parameter", row.bits_per_parameter)?;
    said.set_item("bits", row.bits())?;
    said.set_item("accuracy", row.accuracy.to_string())?;
    said.set_item("robust", row.robust)?;
    said.set_item("condition", row.condition)?;
    said.set_item("built", row.built)?;
    said.set_item("source", row.source)?;
    Ok(said)
}

/// What is necessary and what suffices for these numbers of samples, features
/// and classes; with `data`, for theirs, and what the constructions take.
#[pyfunction]
#[pyo3(signature = (numbers, data, norm, ratio, run))]
pub fn bounds_table<'py>(
    py: Python<'py>,
    numbers: (usize, usize, usize),
    data: Option<&Data>,
    norm: &str,
    ratio: f64,
    run: Run,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let (norm, data) = (norm_of(norm)?, data.map(|data| Arc::clone(&data.dataset)));
    let (samples, features, classes) =
        data.as_ref().map_or(numbers, |data| (data.samples(), data.features(), data.classes()));
    let question = Question { samples, features, classes, norm, ratio };
    let rows = run.go(py, move |progress| {
        let mut rows = bounds::table(&question)?;
        if let Some(data) = data {
            let budget = Budget::from_ratio(ratio, &separation(&data, norm, progress)).map_err(|error| match error {
                Error::NoEnemies => Failure::value(
                    "all samples have one label, so there is no largest radius to count constructions at; give samples, features and classes instead",
                ),
                Error::Inseparable { .. } => Failure::value(describe_conflicts(&data)),
                error => error.into(),
            })?;
            rows.extend(bounds::needed(&data, &budget, progress)?);
            rows.extend(bounds::measured(&data, &budget)?);
        }
        Ok(rows)
    })?;
    rows.iter().map(|row| object(py, row)).collect()
}

/// All constructions side by side: the radius, what is known of each, and of
/// those that cannot be built why.
#[pyfunction]
#[allow(clippy::type_complexity, reason = "a tuple that Python takes apart at once")]
pub fn compare<'py>(
    py: Python<'py>,
    data: &Data,
    norm: &str,
    ratio: f64,
    precision: &str,
    run: Run,
) -> PyResult<(f64, Vec<Bound<'py, PyDict>>, Vec<(&'static str, String)>)> {
    let (data, norm) = (Arc::clone(&data.dataset), norm_of(norm)?);
    let options = Options { precision: precision_of(precision)?, ..Options::default() };
    let (radius, rows, refused) = run.go(py, move |progress| {
        serving(&data, norm, false, options.head)?;
        let budget = Budget::from_ratio(ratio, &separation(&data, norm, progress)).map_err(|error| match error {
            Error::NoEnemies => Failure::value(
                "all samples have one label, so there is no largest radius to compare at; expected two labels or more",
            ),
            Error::Inseparable { .. } => Failure::value(describe_conflicts(&data)),
            error => error.into(),
        })?;
        let (mut rows, mut refused) = (vec![], vec![]);
        for construction in REGISTRY.iter().filter(|construction| construction.serves_norm(norm).is_ok()) {
            match Trial::of(construction, &data, &budget, options, progress) {
                Ok(row) => rows.push(row),
                Err(Error::Unsuitable { why, .. }) => refused.push((construction.name, why)),
                Err(error) => refused.push((construction.name, error.to_string())),
            }
        }
        Ok((budget.radii().smallest(), rows, refused))
    })?;
    let row = |row: &Trial| {
        let said = PyDict::new(py);
        said.set_item("construction", row.construction.name)?;
        said.set_item("depth", row.size.depth)?;
        said.set_item("width", row.size.width)?;
        said.set_item("nonzero", row.size.nonzero)?;
        said.set_item("all", row.size.all)?;
        said.set_item("bits_per_parameter", row.precision.bits())?;
        said.set_item("bits", row.bits())?;
        said.set_item("max_abs_parameter", row.size.max_abs)?;
        said.set_item("lipschitz", row.lipschitz)?;
        said.set_item("certified", row.certified)?;
        said.set_item("form", row.form.to_string())?;
        said.set_item("build_seconds", row.build_seconds)?;
        said.set_item("certify_seconds", row.certify_seconds)?;
        Ok(said)
    };
    Ok((radius, rows.iter().map(row).collect::<PyResult<_>>()?, refused))
}
