//! A few samples that ways to code all of them are tried out on, and how near
//! these come to each other.

use super::relation::Pairs;
use crate::{Norm, parallel};

/// Fewest samples that say how near the nearest one is.
const TELLING: usize = 16;

/// At most `count` of so many samples, spread evenly, whatever order they are in.
pub(super) fn spread_out(samples: usize, count: usize) -> impl ExactSizeIterator<Item = usize> + Clone {
    let count = count.min(samples);
    (0..count).map(move |k| k * samples / count)
}

/// How much the codes of each feature spread over some samples, given row after row: their variance
/// times the square of how many samples there are.
pub(super) fn spreads(rows: impl Iterator<Item = impl AsRef<[u8]>>, width: usize) -> Vec<u64> {
    let (mut count, mut sums) = (0, vec![(0u64, 0u64); width]);
    for row in rows {
        count += 1;
        for (sum, &code) in sums.iter_mut().zip(row.as_ref()) {
            *sum = (sum.0 + u64::from(code), sum.1 + u64::from(code).pow(2));
        }
    }
    sums.into_iter().map(|(sum, squares)| count * squares - sum * sum).collect()
}

/// The norm of differences, roughly: it only guides a choice.
pub(super) fn length(norm: Norm, gaps: impl Iterator<Item = f64>) -> f64 {
    match norm {
        Norm::L1 => gaps.map(f64::abs).sum(),
        Norm::L2 => gaps.map(|g| g * g).sum::<f64>().sqrt(),
        Norm::Lp(p) => gaps.map(|g| g.abs().powf(p)).sum::<f64>().powf(1.0 / p),
        Norm::Linf => gaps.fold(0.0, |m: f64, g| m.max(g.abs())),
    }
}

/// The samples that show how near others come to one of a few, and how near
/// the nearest of them is that does not equal it; infinitely far where all do.
pub(super) struct Judges {
    pub(super) samples: Vec<usize>,
    pub(super) nearest: f64,
}

impl Pairs {
    /// The judges of each of the first `few` of some samples with these labels.
    pub(super) fn nearest_judges(
        self,
        labels: &[usize],
        few: usize,
        distance: impl Fn(usize, usize) -> f64 + Sync,
    ) -> Vec<Judges> {
        let judges = |k: usize| {
            let samples = self.judges(labels, k);
            let distances = samples.iter().map(|&j| distance(k, j));
            let nearest = distances.filter(|&d| d > 0.0).fold(f64::INFINITY, f64::min);
            Judges { samples, nearest }
        };
        parallel::map(few.min(labels.len()), judges)
    }

    /// Of a few samples with these labels, those that show how near others come
    /// to sample `k` of them: the ones that its pairs with count, as twins with
    /// its own label say nothing of enemies; all others where these are few.
    pub(super) fn judges(self, labels: &[usize], k: usize) -> Vec<usize> {
        let others = || (0..labels.len()).filter(|&j| j != k);
        let counting: Vec<usize> =
            others().filter(|&j| self == Self::All || labels[j] != labels[k]).collect();
        if counting.len() < TELLING { others().collect() } else { counting }
    }
}
