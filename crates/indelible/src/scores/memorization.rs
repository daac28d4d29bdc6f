//! How much each sample is memorized, and what it does for the others.

use std::cmp::Ordering;

use super::{Sampling, closed_form::Chances, neighbours::each_part};
use crate::{Dataset, Error, Norm, Progress, parallel};

/// What is known of one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleScore {
    /// `mem(i)`: how much more often its label is right when it is there. 0: its
    /// neighbours say it anyway; 1: nobody else does.
    pub memorization: f64,
    /// `P[h_S(x_i) = y_i | i ∉ S]`.
    pub unseen: f64,
    /// The other label that is most probable without it, and how probable; the
    /// first that occurs among equally probable ones. `None` where all neighbours
    /// have its label.
    pub rival: Option<(usize, f64)>,
    /// `Σ_j infl(i, j)` over the other samples `j`, each as a point that is not
    /// in the training set itself: so many of them more are right, on average,
    /// when this one is there.
    pub support: f64,
    /// The nearest other sample.
    pub nearest: Option<usize>,
}

/// The scores of all samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Memorization {
    /// One for each sample.
    pub samples: Vec<SampleScore>,
}

/// A label that is right more rarely than this where its sample is not there is
/// in doubt.
const DOUBTFUL: f64 = 0.05;

impl Memorization {
    /// The samples whose label nobody else supports and that support nobody else:
    /// `P[h_S(x_i) = y_i | i ∉ S] < 0.05`, and a support of 0 or less. What is
    /// rare has the first alone; the neighbour of a wrong label has neither.
    /// Those that do most harm first, and smaller indices first among equals.
    #[must_use]
    pub fn suspects(&self) -> Vec<usize> {
        let is_suspect = |score: &SampleScore| score.unseen < DOUBTFUL && score.support <= 0.0;
        self.sorted(is_suspect, |a, b| a.support.total_cmp(&b.support))
    }

    /// The `count` samples of the largest memorization, largest first; among equals
    /// those of larger support, then smaller indices first.
    #[must_use]
    pub fn most_memorized(&self, count: usize) -> Vec<usize> {
        let mut all = self.sorted(
            |_| true,
            |a, b| b.memorization.total_cmp(&a.memorization).then(b.support.total_cmp(&a.support)),
        );
        all.truncate(count);
        all
    }

    /// The samples that are `kept`, in an order of their scores and then of their
    /// numbers.
    fn sorted(
        &self,
        kept: impl Fn(&SampleScore) -> bool,
        order: impl Fn(&SampleScore, &SampleScore) -> Ordering,
    ) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.samples.len()).filter(|&i| kept(&self.samples[i])).collect();
        all.sort_by(|&a, &b| order(&self.samples[a], &self.samples[b]));
        all
    }
}

/// How much every sample of `data` is memorized by the nearest-neighbour rule.
///
/// ```
/// use indelible::{Dataset, Features, Norm, Silent, scores::{Sampling, memorization}};
///
/// // 0 and 1 say "a", 1.5 says "b": nobody else does.
/// let features = Features::F64(vec![0.0, 1.0, 1.5].into());
/// let data = Dataset::new(features, 1, vec![0, 0, 1], vec!["a".into(), "b".into()])?;
/// let found = memorization(&data, Norm::L2, &Sampling::new(0.5, None)?, &Silent)?;
/// // Without sample 0 its label is right where 1 is there: with probability 1/2.
/// assert_eq!((found.samples[0].unseen, found.samples[0].memorization), (0.5, 0.5));
/// assert_eq!((found.samples[2].unseen, found.samples[2].memorization), (0.0, 1.0));
/// assert_eq!(found.samples[2].rival, Some((0, 0.75)));
/// # Ok::<(), indelible::Error>(())
/// ```
///
/// # Errors
/// None that a dataset can cause.
pub fn memorization(
    data: &Dataset,
    norm: Norm,
    sampling: &Sampling,
    progress: &dyn Progress,
) -> Result<Memorization, Error> {
    let chances = Chances::new(sampling.share());
    let labels = data.labels();
    let mut samples = Vec::with_capacity(data.samples());
    let mut support = vec![0.0; data.samples()];
    // A sample is among its own neighbours.
    let per_sample = sampling.neighbours().saturating_add(1).min(data.samples());
    each_part(data, data, norm, per_sample, progress, |range, near| {
        let first = range.start;
        let scored: Vec<(SampleScore, Others)> = parallel::map(near.len() / per_sample, |at| {
            score(chances, labels, first + at, &near[at * per_sample..(at + 1) * per_sample])
        });
        // In the order of the samples, whichever thread was done first.
        for (score, others) in scored {
            for (i, value) in others.samples.into_iter().zip(others.influences) {
                support[i] += value;
            }
            samples.push(score);
        }
    })?;
    samples.iter_mut().zip(support).for_each(|(score, support)| score.support = support);
    Ok(Memorization { samples })
}

/// The neighbours of a sample without itself, and what each does for it.
struct Others {
    samples: Vec<usize>,
    influences: Vec<f64>,
}

/// The scores of sample `i` with these neighbours, its support left out.
fn score(chances: Chances, labels: &[usize], i: usize, near: &[usize]) -> (SampleScore, Others) {
    let right = |samples: &[usize]| samples.iter().map(|&j| labels[j] == labels[i]).collect::<Vec<bool>>();
    let mut influences = vec![];
    chances.influences(&right(near), &mut influences);
    let place = near.iter().position(|&j| j == i);
    // So many equal samples before it that it never answers.
    let memorization = place.map_or(0.0, |place| influences[place]);
    let mut samples = near.to_vec();
    samples.remove(place.unwrap_or(near.len() - 1));
    let unseen = chances.influences(&right(&samples), &mut influences);
    let mut found = vec![];
    chances.labels(samples.iter().map(|&j| labels[j]), &mut found);
    let others = found.into_iter().filter(|(label, _)| *label != labels[i]);
    let rival = others.reduce(|best, other| if other.1 > best.1 { other } else { best });
    let nearest = samples.first().copied();
    let score = SampleScore { memorization, unseen, rival, support: 0.0, nearest };
    (score, Others { samples, influences })
}
