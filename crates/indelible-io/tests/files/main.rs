//! Files of every format, sound and broken, read as a user would.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bad_input;
mod common;
mod mnist;
mod parquet;
mod reading;
mod writing;
