//! The program as a user runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers that a test makes are small"
)]

mod cells;
mod common;
mod compare;
mod generalize;
mod line;
mod mnist;
mod readme;
mod refusals;
mod scaled;
mod separation_files;
mod shelf;
mod small;
mod verifiers;
