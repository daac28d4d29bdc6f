//! The shelf against its formulas, in exact arithmetic.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "numbers that a test makes are small"
)]

mod hostile;
mod sizes;
mod texts;

use indelible::{Dataset, Features, number::random::Random};

/// Samples of `n` features, integers below `end`, with random labels of `classes`.
pub(crate) fn random_data(samples: usize, n: usize, end: usize, classes: usize, seed: u64) -> Dataset {
    let mut random = Random::new(seed);
    let values: Vec<f64> = (0..samples * n).map(|_| random.below(end) as f64).collect();
    let labels = (0..samples).map(|i| if i < classes { i } else { random.below(classes) }).collect();
    dataset(values, n, labels)
}

pub(crate) fn dataset(values: Vec<f64>, n: usize, labels: Vec<usize>) -> Dataset {
    let classes = labels.iter().max().unwrap() + 1;
    let names = (0..classes).map(|c| c.to_string()).collect();
    Dataset::new(Features::F64(values.into()), n, labels, names).unwrap()
}
