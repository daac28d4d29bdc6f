//! How training sets are drawn, and how far down the list of neighbours one
//! looks.

use crate::{
    Error,
    number::{add_up, mul_up, sub_up},
};

/// What is neglected is at most this, 2⁻⁵³, unless fewer neighbours are asked for.
const NEGLIGIBLE: f64 = f64::EPSILON / 2.0;
/// As many neighbours as are looked at unless more are asked for.
const MOST: usize = 1024;

/// Random training sets, every sample in them with the same probability,
/// independently of the others; and how many neighbours of a point are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    share: f64,
    neighbours: usize,
}

impl Sampling {
    /// Every sample with probability `share`; Feldman and Zhang take 0.7, and 1
    /// means to leave out one. Without `neighbours` so many are looked at that
    /// the rest matters less than 2⁻⁵³, but 1,024 at most.
    ///
    /// # Errors
    /// When `share` is not above 0 and up to 1, or `neighbours` is below 2.
    pub fn new(share: f64, neighbours: Option<usize>) -> Result<Self, Error> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::BadShare { given: share });
        }
        if let Some(given @ 0..2) = neighbours {
            return Err(Error::TooFewNeighbours { given });
        }
        let enough = || (2..MOST).find(|&k| Self { share, neighbours: k }.tail() <= NEGLIGIBLE);
        Ok(Self { share, neighbours: neighbours.or_else(enough).unwrap_or(MOST) })
    }

    /// The probability that a sample is in the training set.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.share
    }

    /// How many neighbours of a point are looked at, itself left out.
    #[must_use]
    pub fn neighbours(&self) -> usize {
        self.neighbours
    }

    /// `(1 − s)^(K − 1)`, rounded up: the last of `K` neighbours matters where all
    /// before it are absent, and what comes behind it matters only there, too.
    fn tail(&self) -> f64 {
        let absent = sub_up(1.0, self.share);
        (1..self.neighbours).fold(1.0, |tail, _| if tail == 0.0 { 0.0 } else { mul_up(tail, absent) })
    }

    /// A bound of the error of every score of `samples` samples: of what is
    /// neglected, and of rounding.
    ///
    /// With `u = 2⁻⁵³`, a step of the recursion adds at most `3u` and shrinks
    /// what was there by `1 − s`, so that `q` is off by at most `4u/s`; the power
    /// `(1 − s)^k` by `2ku` of itself, at most `u/s`; the product by `u` more. The
    /// probability of a label is a sum from the near end, each of whose terms that
    /// still count, `40/s` at most, adds half a unit.
    #[must_use]
    pub fn error(&self, samples: usize) -> f64 {
        let neglected = if self.neighbours >= samples { 0.0 } else { self.tail() };
        add_up(neglected, 64.0 * NEGLIGIBLE / self.share).min(1.0)
    }
}
