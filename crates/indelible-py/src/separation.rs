//! How far apart classes are.

use std::sync::Arc;

use indelible::{
    Enclosure, Norm,
    separation::{self, ClosePair, NearestEnemies, Neighbour, Pairs},
};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::{
    data::{Data, indices},
    failure::Failure,
    run::Run,
};

/// Both ends of a distance, and the pair that has it.
type Bounded = (f64, f64, Option<(usize, usize)>);

/// One number per sample.
pub type Numbers<'py> = Bound<'py, PyArray1<f64>>;
/// Lower and upper ends, and numbers of samples.
type Enemies<'py> = (Numbers<'py>, Numbers<'py>, Bound<'py, PyArray1<i64>>);
/// The same with a row per sample.
type Rows<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<i64>>);

/// The norm of a name.
pub fn norm_of(name: &str) -> Result<Norm, Failure> {
    Ok(name.parse::<Norm>()?)
}

/// Lower end, upper end and pair of the separation bound.
#[pyfunction]
pub fn separation_bound(py: Python<'_>, data: &Data, norm: &str, run: Run) -> PyResult<Bounded> {
    let (data, norm) = (Arc::clone(&data.dataset), norm_of(norm)?);
    let found = run.go(py, move |progress| Ok(separation::separation(&data, norm, progress)))?;
    Ok((found.distance.lower, found.distance.upper, found.pair))
}

fn arrays<'py>(py: Python<'py>, found: &NearestEnemies) -> Enemies<'py> {
    let ends = |end: fn(&Enclosure) -> f64| PyArray1::from_vec(py, found.distances.iter().map(end).collect());
    (ends(|d| d.lower), ends(|d| d.upper), indices(py, found.indices.iter().copied()))
}

/// For each sample the nearest one with another label; with `base`, the nearest
/// one of it.
#[pyfunction]
#[pyo3(signature = (data, base, norm, run))]
pub fn nearest_enemies<'py>(
    py: Python<'py>,
    data: &Data,
    base: Option<&Data>,
    norm: &str,
    run: Run,
) -> PyResult<Enemies<'py>> {
    let (data, norm) = (Arc::clone(&data.dataset), norm_of(norm)?);
    let base = base.map(|base| Arc::clone(&base.dataset));
    let found = run.go(py, move |progress| match base {
        Some(base) => Ok(separation::nearest_enemies_between(&data, &base, norm, progress)?),
        None => Ok(separation::nearest_enemies(&data, norm, progress)),
    })?;
    Ok(arrays(py, &found))
}

/// For each sample the `k` nearest ones with other labels, in rows: infinite
/// and −1 where there are fewer.
#[pyfunction]
pub fn k_nearest_enemies<'py>(
    py: Python<'py>,
    data: &Data,
    k: usize,
    norm: &str,
    run: Run,
) -> PyResult<Rows<'py>> {
    let (data, norm) = (Arc::clone(&data.dataset), norm_of(norm)?);
    let near = run.go(py, move |progress| Ok(separation::k_nearest_enemies(&data, norm, k, progress)))?;
    rows(py, &near, k)
}

/// For each sample the `k` nearest others, or the nearest ones of `base`,
/// whatever their labels.
#[pyfunction]
#[pyo3(signature = (data, base, k, norm, run))]
pub fn k_nearest<'py>(
    py: Python<'py>,
    data: &Data,
    base: Option<&Data>,
    k: usize,
    norm: &str,
    run: Run,
) -> PyResult<Rows<'py>> {
    let (data, norm) = (Arc::clone(&data.dataset), norm_of(norm)?);
    let base = base.map(|base| Arc::clone(&base.dataset));
    let near = run.go(py, move |progress| match base {
        Some(base) => Ok(separation::k_nearest_between(&data, &base, norm, k, progress)?),
        None => Ok(separation::k_nearest(&data, norm, k, progress)),
    })?;
    rows(py, &near, k)
}

fn rows<'py>(py: Python<'py>, near: &[Vec<Neighbour>], k: usize) -> PyResult<Rows<'py>> {
    let samples = near.len();
    let place = |(row, column): (&Vec<Neighbour>, usize)| row.get(column).copied();
    let found: Vec<Option<Neighbour>> =
        near.iter().flat_map(|row| (0..k).map(move |column| (row, column))).map(place).collect();
    let ends = |end: fn(&Enclosure) -> f64| {
        let end = |n: &Option<Neighbour>| n.as_ref().map_or(f64::INFINITY, |n| end(&n.distance));
        PyArray1::from_vec(py, found.iter().map(end).collect()).reshape([samples, k])
    };
    let numbers = indices(py, found.iter().map(|n| n.map(|n| n.index))).reshape([samples, k])?;
    Ok((ends(|d| d.lower)?, ends(|d| d.upper)?, numbers))
}

/// How many pairs are at distance `radius` or less, and the first `limit` of
/// them with both ends of their distance; with `base`, pairs of a sample and one
/// of it.
#[pyfunction]
#[pyo3(signature = (data, base, radius, norm, all, limit, run))]
#[allow(
    clippy::type_complexity,
    clippy::too_many_arguments,
    reason = "what Python passes, and a tuple that it takes apart at once"
)]
pub fn pairs_within<'py>(
    py: Python<'py>,
    data: &Data,
    base: Option<&Data>,
    radius: f64,
    norm: &str,
    all: bool,
    limit: usize,
    run: Run,
) -> PyResult<(u64, Bound<'py, PyArray2<i64>>, Numbers<'py>, Numbers<'py>)> {
    let (data, norm) = (Arc::clone(&data.dataset), norm_of(norm)?);
    let base = base.map(|base| Arc::clone(&base.dataset));
    let which = if all { Pairs::All } else { Pairs::Enemies };
    let found = run.go(py, move |progress| {
        Ok(match base {
            Some(base) => {
                separation::pairs_within_between(&data, &base, norm, radius, which, limit, progress)?
            }
            None => separation::pairs_within(&data, norm, radius, which, limit, progress)?,
        })
    })?;
    let samples = indices(py, found.pairs.iter().flat_map(|close| [close.pair.0, close.pair.1]));
    let ends = |end: fn(&Enclosure) -> f64| {
        PyArray1::from_vec(py, found.pairs.iter().map(|close| end(&close.distance)).collect())
    };
    Ok((found.count, samples.reshape([found.pairs.len(), 2])?, ends(|d| d.lower), ends(|d| d.upper)))
}

/// For each sample the `k` nearest ones of `base` with other labels, in rows, among
/// those not farther away than `up_to` says for each: infinite and −1 where there
/// are fewer.
#[pyfunction]
pub fn k_nearest_enemies_between<'py>(
    py: Python<'py>,
    data: &Data,
    base: &Data,
    k: usize,
    up_to: PyReadonlyArray1<'py, f64>,
    norm: &str,
    run: Run,
) -> PyResult<Rows<'py>> {
    let (data, base, norm) = (Arc::clone(&data.dataset), Arc::clone(&base.dataset), norm_of(norm)?);
    let up_to = up_to.as_slice()?.to_vec();
    let near = run.go(py, move |progress| {
        Ok(separation::k_nearest_enemies_between(&data, &base, norm, k, &up_to, progress)?)
    })?;
    rows(py, &near, k)
}

/// Both ends of the distance of the closest pair of a sample and one of `base` with
/// another label, and the pair, where it is not farther apart than `up_to`;
/// infinite where there is none.
#[pyfunction]
pub fn closest_enemies_between(
    py: Python<'_>,
    data: &Data,
    base: &Data,
    up_to: f64,
    norm: &str,
    run: Run,
) -> PyResult<Bounded> {
    let (data, base, norm) = (Arc::clone(&data.dataset), Arc::clone(&base.dataset), norm_of(norm)?);
    let found = run.go(py, move |progress| {
        Ok(separation::closest_enemies_between(&data, &base, norm, up_to, progress)?)
    })?;
    let near = |found: ClosePair| (found.distance.lower, found.distance.upper, Some(found.pair));
    Ok(found.map_or((f64::INFINITY, f64::INFINITY, None), near))
}
