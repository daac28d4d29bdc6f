//! Proofs about networks, and attacks.

use std::{sync::Arc, time::Duration};

use indelible::{
    Norm, Radii,
    certify::{Certificate, Config, RobustRadius, Verdict, certify_with, radii_at_ratio, robust_radii},
    network::Model,
};
use indelible_decide::{Collision, find_collision};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    data::{Data, indices},
    failure::Failure,
    network::Network,
    run::Run,
    separation::norm_of,
};

/// What was shown of each sample, under the names of `certify --json`.
///
/// `verdict` is 0 for certified, 1 for refuted, 2 for misclassified, 3 for
/// undecided; `margin` NaN where nothing was certified; `predicted` the class of
/// the network that a sample gets that is misclassified, or the point of
/// `points` that refutes it, else −1.
pub fn certificate<'py>(py: Python<'py>, found: &Certificate) -> PyResult<Bound<'py, PyDict>> {
    let samples = found.verdicts.len();
    let (mut verdict, mut margin, mut predicted) =
        (vec![3u8; samples], vec![f64::NAN; samples], vec![None; samples]);
    let points = PyDict::new(py);
    for (i, decided) in found.verdicts.iter().enumerate() {
        match decided {
            Verdict::Certified { margin: known, .. } => (verdict[i], margin[i]) = (0, *known),
            Verdict::Refuted { point, predicted: class, .. } => {
                (verdict[i], predicted[i]) = (1, *class);
                points.set_item(i, PyArray1::from_slice(py, point))?;
            }
            Verdict::Misclassified { predicted: class } => (verdict[i], predicted[i]) = (2, *class),
            _ => {}
        }
    }
    let said = PyDict::new(py);
    said.set_item("norm", found.norm.to_string())?;
    said.set_item("precision", found.precision.to_string())?;
    said.set_item("samples", found.samples)?;
    said.set_item("certified", found.certified)?;
    said.set_item("exact", found.exact)?;
    said.set_item("refuted", found.refuted)?;
    said.set_item("misclassified", found.misclassified)?;
    said.set_item("undecided", found.undecided)?;
    said.set_item("smallest_margin", found.smallest_margin)?;
    let engines = PyDict::new(py);
    for (engine, count) in found.engines() {
        engines.set_item(engine.to_string(), count)?;
    }
    said.set_item("engines", engines)?;
    said.set_item("verdict", PyArray1::from_vec(py, verdict))?;
    said.set_item("margin", PyArray1::from_vec(py, margin))?;
    said.set_item("predicted", indices(py, predicted))?;
    said.set_item("points", points)?;
    Ok(said)
}

/// Parts of a ball that are looked at for one question of [`robustness`], unless
/// asked otherwise: every sample is asked about many times.
const BRANCHES: usize = 64;

/// How much is tried.
#[derive(FromPyObject)]
pub struct Effort(Option<usize>, Option<f64>);

impl Effort {
    /// `branches` parts of a ball at most, or as many as `timeout` allows.
    fn config(&self, branches: usize) -> Result<Config, Failure> {
        let mut config = Config { branches, ..Config::default() };
        if let Some(seconds) = self.1 {
            let timeout = Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero());
            if timeout.is_none() {
                return Err(Failure::value(format!(
                    "timeout is {seconds}; expected a number of seconds above 0"
                )));
            }
            (config.timeout, config.branches) = (timeout, usize::MAX);
        }
        config.branches = self.0.unwrap_or(config.branches);
        Ok(config)
    }
}

/// One radius for each sample, or one for all.
#[derive(FromPyObject)]
enum Given<'py> {
    PerSample(PyReadonlyArray1<'py, f64>),
    Uniform(f64),
}

/// The radii that are asked about: given, or for each sample a ratio of half the
/// distance to its nearest enemy; else those that the file claims.
#[derive(FromPyObject)]
pub struct Asked<'py>(Option<Given<'py>>, Option<f64>);

/// What was shown, and the names of the network's classes.
#[pyfunction]
#[pyo3(signature = (network, data, norm, asked, effort, run))]
pub fn certify<'py>(
    py: Python<'py>,
    network: &Network,
    data: &Data,
    norm: Option<&str>,
    asked: Asked<'py>,
    effort: Effort,
    run: Run,
) -> PyResult<(Bound<'py, PyDict>, Vec<String>)> {
    let config = effort.config(Config::default().branches)?;
    let (network, data) = (Arc::clone(&network.network), Arc::clone(&data.dataset));
    let norm = norm.map(norm_of).transpose()?.or(network.metadata.norm).unwrap_or(Norm::Linf);
    let Asked(given, ratio) = asked;
    let given = match given {
        Some(Given::Uniform(radius)) => Some(Radii::Uniform(radius)),
        Some(Given::PerSample(radii)) => Some(Radii::PerSample(radii.as_slice()?.to_vec())),
        None => None,
    };
    let (found, classes, radii) = run.go(py, move |progress| {
        let radii = match (given, ratio) {
            (Some(radii), _) => radii,
            (None, Some(ratio)) => radii_at_ratio(&network.model, &data, norm, ratio, progress)?,
            (None, None) => network.claimed_radii(&data, norm)?,
        };
        let classes = network.signature().match_classes(&data)?;
        let claim = classes.claim(&network.model, &data, norm, &radii);
        let found = certify_with(&claim, &config, progress)?;
        Ok((found, classes.names, radii))
    })?;
    let said = certificate(py, &found)?;
    match &radii {
        Radii::Uniform(radius) => said.set_item("radius", *radius)?,
        Radii::PerSample(radii) => said.set_item("radius", PyArray1::from_slice(py, radii))?,
    }
    Ok((said, classes))
}

/// For each sample whether it is right, the largest radius that was certified
/// and the smallest that was attacked.
#[pyfunction]
#[pyo3(signature = (network, data, norm, rounds, effort, run))]
pub fn robustness<'py>(
    py: Python<'py>,
    network: &Network,
    data: &Data,
    norm: Option<&str>,
    rounds: usize,
    effort: Effort,
    run: Run,
) -> PyResult<Bound<'py, PyDict>> {
    let config = effort.config(BRANCHES)?;
    let (network, data) = (Arc::clone(&network.network), Arc::clone(&data.dataset));
    let norm = norm.map(norm_of).transpose()?.or(network.metadata.norm).unwrap_or(Norm::Linf);
    let found = run.go(py, move |progress| {
        let classes = network.signature().match_classes(&data)?;
        let radii = Radii::Uniform(0.0);
        let claim = classes.claim(&network.model, &data, norm, &radii);
        Ok(robust_radii(&claim, &config, rounds, progress)?)
    })?;
    let column = |value: fn(&RobustRadius) -> f64| PyArray1::from_vec(py, found.iter().map(value).collect());
    let said = PyDict::new(py);
    said.set_item("norm", norm.to_string())?;
    said.set_item("correct", PyArray1::from_vec(py, found.iter().map(|r| r.correct).collect()))?;
    said.set_item("certified", column(|r| r.certified))?;
    said.set_item("attacked", column(|r| r.attacked))?;
    Ok(said)
}

/// Two points that the first layer of a network cannot tell apart, or nothing.
#[pyfunction]
pub fn refute<'py>(
    py: Python<'py>,
    network: &Network,
    data: &Data,
    norm: &str,
    radius: f64,
    run: Run,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let (network, data, norm) = (Arc::clone(&network.network), Arc::clone(&data.dataset), norm_of(norm)?);
    let found = run.go(py, move |progress| {
        let Model::Layers(layers) = &network.model else {
            return Err(Failure::value(
                "the network is in compact form; refute takes layers of Gemm, MatMul, Add and Relu",
            ));
        };
        let classes = network.signature().match_classes(&data)?;
        let found = find_collision(layers, &data, &classes.map, classes.names.len(), norm, radius, progress)?;
        let label = |sample: usize| classes.names.get(classes.map[data.labels()[sample]]).cloned();
        let name = |class: Option<usize>| class.and_then(|class| classes.names.get(class)).cloned();
        Ok(found.map(|found| (found.samples.map(label), found.predicted.map(name), found)))
    })?;
    let Some((labels, names, Collision { samples, points, wrong, .. })) = found else { return Ok(None) };
    let said = PyDict::new(py);
    said.set_item("samples", samples)?;
    said.set_item("labels", labels)?;
    said.set_item("predicted", names)?;
    said.set_item("misclassified", wrong)?;
    said.set_item("points", PyArray2::from_vec2(py, &points).map_err(|e| Failure::value(e.to_string()))?)?;
    Ok(Some(said))
}
