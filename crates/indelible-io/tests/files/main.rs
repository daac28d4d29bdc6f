//! Files of every format, sound and broken, read as a user would.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers that a test makes are small"
)]

mod arrow;
mod bad_input;
mod cells;
mod common;
mod doubtful;
mod earlier;
mod mnist;
mod onnx;
mod parquet;
mod patched;
mod reading;
mod tables;
mod writing;
