//! Why a network of cells gives a sample its label.

use std::sync::Arc;

use indelible::{cells::OpenedCells, network::Side};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    data::{Data, indices},
    failure::Failure,
    network::Network,
    run::Run,
};

/// The cell that holds the ball of `sample`, and whom its constraints keep out.
#[pyfunction]
pub fn explain<'py>(
    py: Python<'py>,
    network: &Network,
    data: &Data,
    sample: usize,
    run: Run,
) -> PyResult<Bound<'py, PyDict>> {
    let (onnx, data) = (Arc::clone(&network.network), Arc::clone(&data.dataset));
    let (radius, directions, found) = run.go(py, move |progress| {
        progress.busy("explaining");
        let metadata = &onnx.metadata;
        let claimed = metadata.radii.as_ref().map(|radii| (radii, metadata.norm));
        let opened = OpenedCells::new(&onnx.model, claimed, &data)?;
        let samples = data.samples();
        if sample >= samples {
            return Err(Failure::value(format!("the sample is {sample}; expected 0 to {}", samples - 1)));
        }
        let classes = onnx.signature().match_classes(&data)?;
        let found = opened.balls()?.explain(opened.cells(), &classes.map, sample).ok_or_else(|| {
            Failure::value(format!(
                "no cell of its class holds the ball of sample {sample}: the network does not recognise it"
            ))
        })?;
        Ok((opened.radii().of(sample), !opened.cells().directions().is_empty(), found))
    })?;
    let said = PyDict::new(py);
    said.set_item("radius", radius)?;
    said.set_item("radius_units", if network.network.model.has_scaled_balls() { "scaled" } else { "raw" })?;
    said.set_item("directions", directions)?;
    said.set_item("cell", found.cell)?;
    said.set_item("cells", found.cells)?;
    said.set_item("samples_in_cell", found.samples_in_cell)?;
    let mut constraints = vec![];
    for reason in found.reasons {
        let constraint = PyDict::new(py);
        constraint.set_item("feature", reason.constraint.feature)?;
        constraint.set_item("side", if reason.constraint.side == Side::AtLeast { ">=" } else { "<=" })?;
        constraint.set_item("threshold", reason.constraint.threshold)?;
        constraint.set_item("value", reason.value)?;
        constraint.set_item("excludes", indices(py, reason.excluded))?;
        constraints.push(constraint);
    }
    said.set_item("constraints", constraints)?;
    Ok(said)
}
