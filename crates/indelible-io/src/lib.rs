//! Formats around the library `indelible`: datasets in, networks in and out.
//!
//! - [`dataset`]: labelled datasets from IDX, NPY, NPZ, CSV, Parquet and Arrow files.
//! - [`onnx`]: networks as ONNX files, in and out.
//! - [`npy`]: arrays out, for whatever is computed per sample.
//! - [`atomic_file`]: files that appear complete or not at all.
//! - [`read_text`]: a text, also a compressed one.
//! - [`digest`](fn@digest): a fingerprint of a dataset, whatever file it came from.
//! - [`fit_to_file`], [`fit_to_bytes`]: from a dataset to a proved file in one call.
//! - [`Error`]: what can go wrong, each in one line that names the file; [`DataError`]: what is wrong in it.

pub mod atomic_file;
pub mod dataset;
mod digest;
mod error;
mod fit;
pub mod npy;
pub mod onnx;
mod text;

pub use atomic_file::{AtomicFile, remove_unfinished};
pub use digest::digest;
pub use error::{DataError, Error};
pub use fit::{FittedBytes, FittedFile, fit_to_bytes, fit_to_file};
pub use text::read_text;

/// The examples of the page that the package shows are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
