//! Who influences whom: training samples and points of a test set.

use super::{Sampling, closed_form::Chances, neighbours::each_part};
use crate::{Dataset, Error, Norm, Progress, parallel};

/// What training samples do for the labels of test points.
#[derive(Clone, Debug, PartialEq)]
pub struct Influence {
    /// For every test point the probability that it gets its label.
    pub right: Vec<f64>,
    /// How many training samples stand for each test point in the two below.
    pub neighbours: usize,
    /// The nearest training samples of every test point, nearest first, row
    /// after row.
    pub samples: Vec<usize>,
    /// `infl(i, j)` of each of them, from −1 to 1. That of a sample which is not
    /// there is at most [`Sampling::error`].
    pub values: Vec<f64>,
}

/// The influence of the samples of `train` on the labels of the points of `test`.
/// Classes are matched by their names; a point of a class that `train` does not
/// have is never right.
///
/// # Errors
/// When the two sets have different numbers of features.
pub fn influence(
    train: &Dataset,
    test: &Dataset,
    norm: Norm,
    sampling: &Sampling,
    progress: &dyn Progress,
) -> Result<Influence, Error> {
    let chances = Chances::new(sampling.share());
    let neighbours = sampling.neighbours().min(train.samples());
    let (labels, known) = (test.labels_in(train), train.labels());
    let mut found = Influence { right: vec![], neighbours, samples: vec![], values: vec![] };
    each_part(test, train, norm, neighbours, progress, |range, near| {
        let labels = &labels[range];
        let scored: Vec<(f64, Vec<f64>)> = parallel::map(labels.len(), |at| {
            let near = &near[at * neighbours..(at + 1) * neighbours];
            let right: Vec<bool> = near.iter().map(|&i| known[i] == labels[at]).collect();
            let mut values = vec![];
            (chances.influences(&right, &mut values), values)
        });
        found.samples.extend(near);
        for (right, values) in scored {
            found.right.push(right);
            found.values.extend(values);
        }
    })?;
    Ok(found)
}

impl Influence {
    /// The sum of the influences of each of `samples` training samples: so many
    /// test points more are right, on average, when it is there.
    #[must_use]
    pub fn of_samples(&self, samples: usize) -> Vec<f64> {
        let mut sums = vec![0.0; samples];
        for (&i, value) in self.samples.iter().zip(&self.values) {
            if let Some(sum) = sums.get_mut(i) {
                *sum += value;
            }
        }
        sums
    }

    /// The pairs `(training sample, test point)` of the largest influence and what
    /// it is, largest first; among equal ones the smaller sample and then the
    /// smaller point first.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<(usize, usize, f64)> {
        let mut pairs: Vec<(usize, usize, f64)> = self
            .samples
            .iter()
            .zip(&self.values)
            .enumerate()
            .filter(|(_, (_, value))| **value > 0.0)
            .map(|(at, (&i, &value))| (i, at / self.neighbours, value))
            .collect();
        let order = |a: &(usize, usize, f64), b: &(usize, usize, f64)| {
            b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1)))
        };
        if count < pairs.len() && count > 0 {
            pairs.select_nth_unstable_by(count - 1, order);
        }
        pairs.truncate(count);
        pairs.sort_unstable_by(order);
        pairs
    }
}
