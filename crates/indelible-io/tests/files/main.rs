//! Files of every format, sound and broken, read as a user would.

mod bad_input;
mod common;
mod mnist;
mod parquet;
mod reading;
mod writing;
