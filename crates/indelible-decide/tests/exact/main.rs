//! Small networks, exactly.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers that a test makes are small"
)]

mod collision;
mod decide;
mod hard;
