//! Formats around the library `indelible`: datasets in, networks in and out.
//!
//! - [`onnx`]: networks as ONNX files.

pub mod onnx;
