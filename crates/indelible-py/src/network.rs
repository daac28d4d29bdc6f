//! Networks: read, asked, written.

use std::{io::Write, path::PathBuf, sync::Arc};

use bytes::Bytes;
use indelible::{
    Radii,
    network::{Model, predicted_class},
};
use indelible_io::{AtomicFile, onnx};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};

use crate::{
    data::{Data, indices},
    failure::Failure,
    run::Run,
};

/// Outputs, row after row, and the class of each row.
type Predicted<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<i64>>);

/// A network as a file holds it.
#[pyclass(frozen, module = "indelible._native")]
pub struct Network {
    pub network: Arc<onnx::Network>,
    /// The file, where all of it is here.
    bytes: Option<Bytes>,
}

impl Network {
    /// A network and the file that it was read from.
    pub fn of(bytes: Bytes) -> Result<Self, Failure> {
        let network = onnx::read(bytes.clone())?;
        Ok(Self { network: Arc::new(network), bytes: Some(bytes) })
    }

    fn file(&self) -> Result<&Bytes, Failure> {
        let gone = "the network was opened from a file and is not held as one; copy that file";
        self.bytes.as_ref().ok_or_else(|| Failure::value(gone))
    }
}

#[pymethods]
impl Network {
    /// The network of an ONNX file given as its bytes.
    #[new]
    fn new(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let bytes = Bytes::copy_from_slice(bytes);
        py.detach(|| Self::of(bytes)).map_err(PyErr::from)
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>,)> {
        Ok((PyBytes::new(py, self.file()?),))
    }

    /// The network of the ONNX file at `path`.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let network = py.detach(|| onnx::open(&path)).map_err(Failure::from)?;
        Ok(Self { network: Arc::new(network), bytes: None })
    }

    /// The bytes of its file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, self.file()?))
    }

    /// Writes its file, all of it or nothing.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let bytes = self.file()?;
        py.detach(|| {
            let mut file = AtomicFile::create(&path)?;
            let failed = |source| indelible_io::Error::Io { action: "write", path: path.clone(), source };
            file.write_all(bytes).map_err(failed)?;
            file.commit()
        })
        .map_err(|error: indelible_io::Error| Failure::from(error).into())
    }

    /// What it is and what its file says of it.
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (network, model) = (&self.network, &self.network.model);
        let size = model.size();
        let said = PyDict::new(py);
        said.set_item("inputs", model.inputs())?;
        said.set_item("outputs", model.outputs())?;
        said.set_item("form", network.form())?;
        said.set_item("precision", model.precision().to_string())?;
        said.set_item("depth", size.depth)?;
        said.set_item("width", size.width)?;
        said.set_item("nonzero", size.nonzero)?;
        said.set_item("all", size.all)?;
        said.set_item("max_abs", size.max_abs)?;
        said.set_item("scaling", scaling_of(py, model))?;
        let metadata = &network.metadata;
        said.set_item("version", metadata.version.as_deref())?;
        said.set_item("construction", metadata.construction.as_deref())?;
        said.set_item("norm", metadata.norm.map(|norm| norm.to_string()))?;
        match &metadata.radii {
            Some(Radii::PerSample(radii)) => said.set_item("radius", PyArray1::from_slice(py, radii))?,
            Some(Radii::Uniform(radius)) => said.set_item("radius", *radius)?,
            None => said.set_item("radius", py.None())?,
        }
        said.set_item("ratio", metadata.ratio)?;
        said.set_item("classes", metadata.classes.as_ref())?;
        said.set_item("features", metadata.features.as_ref())?;
        said.set_item("dataset", metadata.dataset.as_deref())?;
        said.set_item("left_out", &network.notes)?;
        Ok(said)
    }

    /// The outputs for every sample, in rows, and the class that each denotes
    /// of `classes` ones, −1 for NaN.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        data: &Data,
        classes: usize,
        run: Run,
    ) -> PyResult<Predicted<'py>> {
        let (network, data) = (Arc::clone(&self.network), Arc::clone(&data.dataset));
        let (samples, width) = (data.samples(), network.model.outputs());
        let outputs = run.go(py, move |progress| {
            network.signature().match_features(&data)?;
            let evaluator = network.model.evaluator();
            let mut outputs = Vec::with_capacity(samples * width);
            progress.begin("predict", samples as u64);
            for start in (0..samples).step_by(evaluator.batch()) {
                let end = (start + evaluator.batch()).min(samples);
                outputs.extend(evaluator.evaluate_samples(&data, start..end)?);
                progress.advance((end - start) as u64);
            }
            progress.end();
            Ok(outputs)
        })?;
        let predicted = indices(py, outputs.chunks(width).map(|row| predicted_class(row, classes)));
        Ok((PyArray1::from_vec(py, outputs).reshape([samples, width])?, predicted))
    }
}

/// Offsets and factors of the map of the features in front of a network, if there is one.
fn scaling_of<'py>(py: Python<'py>, model: &Model) -> Option<[Bound<'py, PyArray1<f64>>; 2]> {
    let Model::Scaled(scaled) = model else { return None };
    let scaling = scaled.scaling();
    Some([scaling.offsets(), scaling.factors()].map(|numbers| PyArray1::from_slice(py, numbers)))
}
