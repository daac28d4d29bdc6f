//! Arrays of numpy as datasets.

use std::{slice, sync::Arc};

use indelible::{Buffer, Dataset, Features, Precision, network::Scaling, separation};
use indelible_io::dataset::{OnConflict, without_conflicts};
use numpy::{Element, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::failure::Failure;

/// The numbers of an array, row after row, which stay where they are.
struct Memory<T> {
    start: *const T,
    len: usize,
    /// Keeps them there.
    _array: Py<PyArray2<T>>,
}

// SAFETY: a shared slice of plain numbers; the reference to the array is only
// dropped, for which PyO3 waits until the thread is attached to Python.
unsafe impl<T: Sync> Send for Memory<T> {}
// SAFETY: as above; nothing is written.
unsafe impl<T: Sync> Sync for Memory<T> {}

impl<T> AsRef<[T]> for Memory<T> {
    fn as_ref(&self) -> &[T] {
        // SAFETY: `start` and `len` are those of a slice of the array, which
        // `_array` keeps alive. As with a mapped file, nobody may change the
        // numbers while a dataset is used: the functions of the package say so.
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }
}

/// The numbers of an array in C order.
fn shared<T: Element + 'static>(array: &PyReadonlyArray2<'_, T>) -> PyResult<Buffer<T>> {
    let values = array.as_slice()?;
    let (start, len) = (values.as_ptr(), values.len());
    Ok(Buffer::shared(Memory { start, len, _array: (**array).clone().unbind() }))
}

/// An array of a type that is kept as it is.
#[derive(FromPyObject)]
enum Values<'py> {
    Bytes(PyReadonlyArray2<'py, u8>),
    Singles(PyReadonlyArray2<'py, f32>),
    Doubles(PyReadonlyArray2<'py, f64>),
}

/// A labelled dataset.
#[pyclass(frozen, module = "indelible._native")]
pub struct Data {
    pub dataset: Arc<Dataset>,
}

#[pymethods]
impl Data {
    /// Samples `values` in C order, a class index for each, the names of the
    /// classes and perhaps of the features. With `unit`, bytes k are k/255.
    #[new]
    #[pyo3(signature = (values, labels, classes, features=None, unit=false))]
    fn new(
        values: Values<'_>,
        labels: PyReadonlyArray1<'_, i64>,
        classes: Vec<String>,
        features: Option<Vec<String>>,
        unit: bool,
    ) -> PyResult<Self> {
        let (values, width) = match &values {
            Values::Bytes(array) if unit => (Features::unit_codes(shared(array)?), array.shape()[1]),
            Values::Bytes(array) => (Features::integer_codes(shared(array)?), array.shape()[1]),
            Values::Singles(array) => (Features::F32(shared(array)?), array.shape()[1]),
            Values::Doubles(array) => (Features::F64(shared(array)?), array.shape()[1]),
        };
        let class = |&label: &i64| usize::try_from(label).unwrap_or(usize::MAX);
        let labels = labels.as_slice()?.iter().map(class).collect();
        let mut dataset = Dataset::new(values, width, labels, classes).map_err(Failure::from)?;
        if let Some(features) = features {
            dataset = dataset.with_feature_names(features).map_err(Failure::from)?;
        }
        Ok(Self { dataset: Arc::new(dataset) })
    }

    /// Number of samples.
    #[getter]
    fn samples(&self) -> usize {
        self.dataset.samples()
    }

    /// Number of features.
    #[getter]
    fn features(&self) -> usize {
        self.dataset.features()
    }

    /// The samples behind the map of their features, or of those of `other`, that
    /// `scale` names, in binary64.
    #[pyo3(signature = (scale, other=None))]
    fn behind(&self, py: Python<'_>, scale: &str, other: Option<&Data>) -> PyResult<Self> {
        let dataset = Arc::clone(&self.dataset);
        let other = Arc::clone(other.map_or(&self.dataset, |other| &other.dataset));
        let images = py.detach(|| -> Result<Dataset, Failure> {
            Ok(scaling_of(scale, &other)?.images(&dataset, Precision::F64)?)
        });
        Ok(Self { dataset: Arc::new(images?) })
    }

    /// The fingerprint that networks carry of the data they were built from.
    fn digest(&self, py: Python<'_>) -> String {
        let dataset = Arc::clone(&self.dataset);
        py.detach(|| indelible_io::digest(&dataset))
    }

    /// Without samples that equal one with another label: those with the label
    /// of the `first` stay, or none. With the numbers of those left out.
    fn without_conflicts<'py>(
        &self,
        py: Python<'py>,
        first: bool,
    ) -> PyResult<(Self, Bound<'py, PyArray1<i64>>)> {
        let dataset = Arc::clone(&self.dataset);
        let what = if first { OnConflict::First } else { OnConflict::Drop };
        let kept = py.detach(|| without_conflicts((*dataset).clone(), what)).map_err(Failure::from)?;
        Ok((Self { dataset: Arc::new(kept.0) }, indices(py, kept.1)))
    }

    /// Pairs of equal samples with different labels, `limit` at most.
    fn conflicts(&self, py: Python<'_>, limit: usize) -> Vec<(usize, usize)> {
        py.detach(|| separation::conflicts(&self.dataset, limit))
    }
}

/// The map of the features of some data that has this name.
pub fn scaling_of(name: &str, data: &Dataset) -> Result<Scaling, Failure> {
    match name {
        "minmax" => Ok(Scaling::min_max(data)?),
        "standard" => Ok(Scaling::standard(data)?),
        _ => Err(Failure::value(format!("scale is '{name}'; expected 'minmax' or 'standard'"))),
    }
}

/// Numbers of samples, −1 for none.
pub fn indices<'py, I: Into<Option<usize>>>(
    py: Python<'py>,
    samples: impl IntoIterator<Item = I>,
) -> Bound<'py, PyArray1<i64>> {
    let number = |sample: I| sample.into().and_then(|sample| i64::try_from(sample).ok()).unwrap_or(-1);
    PyArray1::from_vec(py, samples.into_iter().map(number).collect())
}
