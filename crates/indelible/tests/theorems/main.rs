//! What the library promises, against plain twins, exact arithmetic and hostile
//! data. One program: a test program links the whole library.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers that a test makes are small"
)]

mod bounds;
mod cells;
mod common;
mod constructions;
mod counts;
mod directions;
mod fit;
mod lipschitz;
mod overflow;
mod patch;
mod scaled;
mod scores;
mod separation;
mod separation_blocks;
mod separation_lp;
mod width;
mod yu2024_linf;
