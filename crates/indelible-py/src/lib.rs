//! The part of the Python package `indelible` that is written in Rust: numpy
//! arrays become datasets, answers become numpy arrays and dictionaries, and
//! long work leaves Python free. It only translates; what is computed is
//! computed by `indelible`, `indelible-io` and `indelible-decide`.
//!
//! What users see is the package in the folder `python`, which says the shapes,
//! units and errors of each function.

mod certify;
mod data;
mod explain;
mod failure;
mod fit;
mod network;
mod run;
mod separation;
mod theory;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<data::Data>()?;
    module.add_class::<network::Network>()?;
    module.add_function(wrap_pyfunction!(separation::separation_bound, module)?)?;
    module.add_function(wrap_pyfunction!(separation::nearest_enemies, module)?)?;
    module.add_function(wrap_pyfunction!(separation::k_nearest_enemies, module)?)?;
    module.add_function(wrap_pyfunction!(separation::k_nearest, module)?)?;
    module.add_function(wrap_pyfunction!(separation::pairs_within, module)?)?;
    module.add_function(wrap_pyfunction!(separation::k_nearest_enemies_between, module)?)?;
    module.add_function(wrap_pyfunction!(separation::closest_enemies_between, module)?)?;
    module.add_function(wrap_pyfunction!(fit::fit, module)?)?;
    module.add_function(wrap_pyfunction!(certify::certify, module)?)?;
    module.add_function(wrap_pyfunction!(certify::robustness, module)?)?;
    module.add_function(wrap_pyfunction!(certify::refute, module)?)?;
    module.add_function(wrap_pyfunction!(explain::explain, module)?)?;
    module.add_function(wrap_pyfunction!(theory::decide, module)?)?;
    module.add_function(wrap_pyfunction!(theory::bounds_table, module)?)?;
    module.add_function(wrap_pyfunction!(theory::compare, module)?)
}
