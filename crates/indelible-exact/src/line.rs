//! Lines along which samples of different labels do not coincide.

use dashu_int::IBig;
use indelible::{Dataset, Norm, number::random::Random};
use rayon::prelude::*;

use crate::{
    Error,
    places::{Places, axes, length},
};

/// Weights of a direction are integers up to this size.
const LARGEST_WEIGHT: usize = 1 << 15;
/// Up to so many features every one of them is tried as a direction.
const MOST_AXES: usize = 64;
/// Rounds in which the best direction is changed a little, less each time, and
/// how many changes are tried in each.
const ROUNDS: [u32; 4] = [1, 3, 5, 7];
const CHANGES: usize = 16;
/// So many directions, best first, are looked at exactly.
const LOOKED_AT: usize = 8;

/// A direction and the places of all samples along it, exactly.
#[derive(Clone, Debug)]
pub struct Line {
    /// Integer weights, one per feature.
    pub(crate) weights: Vec<i64>,
    pub(crate) norm: Norm,
    /// An upper bound of the dual norm of the weights.
    pub(crate) dual: f64,
    /// Places are multiples of `2^resolution`.
    pub(crate) resolution: i64,
    /// Samples in the order of their places.
    pub(crate) runs: Vec<Run>,
}

/// Neighbours along a line that have one label.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) class: usize,
    /// The first and the last place, in `2^resolution`.
    pub(crate) first: IBig,
    pub(crate) last: IBig,
}

impl Line {
    /// The line with these integer weights.
    ///
    /// # Errors
    /// [`indelible::Error::NoEnemies`] when all samples have one label,
    /// [`Error::NoLine`] when two with different labels coincide,
    /// [`Error::BadNorm`] for a norm other than l1, l2 and linf.
    ///
    /// # Panics
    /// When there is not one weight per feature.
    pub fn through(data: &Dataset, weights: Vec<i64>, norm: Norm) -> Result<Self, Error> {
        assert_eq!(weights.len(), data.features(), "one weight per feature");
        let Places { mut weights, duals, resolution, of } = Places::new(data, vec![weights], norm)?;
        let along = of.into_iter().next().unwrap_or_default();
        let mut places: Vec<(IBig, usize)> = along.into_iter().zip(data.labels().iter().copied()).collect();
        places.par_sort_unstable();
        let mut runs: Vec<Run> = vec![];
        for (at, class) in places {
            match runs.last_mut() {
                Some(run) if run.class == class => run.last = at,
                Some(run) if run.last == at => return Err(Error::NoLine { tried: 1 }),
                _ => runs.push(Run { class, first: at.clone(), last: at }),
            }
        }
        if runs.len() < 2 {
            return Err(indelible::Error::NoEnemies.into());
        }
        let (weights, dual) = (weights.pop().unwrap_or_default(), duals.first().copied().unwrap_or(0.0));
        Ok(Self { weights, norm, dual, resolution, runs })
    }

    /// The best of `directions` random directions, of the features themselves
    /// where these are few, and of small changes of the best: the one along which
    /// the closest samples of different labels are furthest apart, in units of
    /// its dual norm. Candidates are compared in binary64; the line that is given
    /// is exact. The same seed gives the same line.
    ///
    /// # Errors
    /// As of [`Line::through`]; [`Error::NoLine`] when no candidate serves.
    pub fn search(data: &Dataset, norm: Norm, directions: usize, seed: u64) -> Result<Self, Error> {
        if data.labels().iter().all(|class| *class == data.labels()[0]) {
            return Err(indelible::Error::NoEnemies.into());
        }
        if let Norm::Lp(_) = norm {
            return Err(Error::BadNorm { given: norm });
        }
        let n = data.features();
        let mut random = Random::new(seed);
        let mut candidates: Vec<Vec<i64>> = if n <= MOST_AXES { axes(n) } else { vec![] };
        if n > 1 {
            candidates.extend((0..directions.max(1)).map(|_| any_direction(n, &mut random)));
        }
        let mut ranked = ranked(data, norm, candidates);
        for shift in ROUNDS {
            let Some((_, best)) = ranked.first().filter(|_| n > 1 && directions > 0) else { break };
            let changes = (0..CHANGES).map(|_| changed(best, shift, &mut random)).collect();
            ranked.extend(self::ranked(data, norm, changes));
            ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        }
        let tried = ranked.len();
        for (_, weights) in ranked.into_iter().take(LOOKED_AT) {
            match Self::through(data, weights, norm) {
                Err(Error::NoLine { .. }) => {}
                found => return found,
            }
        }
        Err(Error::NoLine { tried })
    }

    /// Runs of one label along the line, K.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The norm in which distances from the line's samples are measured.
    #[must_use]
    pub fn norm(&self) -> Norm {
        self.norm
    }

    /// Below this radius no two balls of different labels meet along the line;
    /// rounded down.
    #[must_use]
    pub fn radius(&self) -> f64 {
        let gaps = self.runs.windows(2).map(|pair| &pair[1].first - &pair[0].last);
        gaps.min().map_or(0.0, |gap| self.length(&gap) / 2.0)
    }

    /// The same with places that have so many binary digits more.
    pub(crate) fn finer(&self, digits: usize) -> Self {
        let mut line = self.clone();
        line.resolution -= i64::try_from(digits).unwrap_or(i64::MAX);
        for run in &mut line.runs {
            run.first <<= digits;
            run.last <<= digits;
        }
        line
    }

    /// How far points must move at least for their place to move by `places`;
    /// rounded down.
    pub(crate) fn length(&self, places: &IBig) -> f64 {
        length(places, self.resolution, self.dual)
    }
}

/// A random direction over `n` features.
pub(crate) fn any_direction(n: usize, random: &mut Random) -> Vec<i64> {
    changed(&vec![0; n], 0, random)
}

/// A direction: `weights` with noise of at most `LARGEST_WEIGHT / 2^shift`, no
/// weight of 0.
fn changed(weights: &[i64], shift: u32, random: &mut Random) -> Vec<i64> {
    let half = LARGEST_WEIGHT / 2;
    let mut noise = || {
        let sum: usize = (0..4).map(|_| random.below(half)).sum();
        i64::try_from(sum).unwrap_or(0) - i64::try_from(LARGEST_WEIGHT).unwrap_or(0)
    };
    let largest = i64::try_from(LARGEST_WEIGHT).unwrap_or(0);
    let one = |weight: &i64| match (weight + (noise() >> shift)).clamp(-largest, largest) {
        0 => 1,
        other => other,
    };
    weights.iter().map(one).collect()
}

/// Directions with how far enemies stay apart along them, furthest first; in
/// binary64.
fn ranked(data: &Dataset, norm: Norm, candidates: Vec<Vec<i64>>) -> Vec<(f64, Vec<i64>)> {
    let mut ranked: Vec<(f64, Vec<i64>)> =
        candidates.into_par_iter().map(|weights| (room(data, norm, &weights), weights)).collect();
    // Stable, so that the order among equals is that of the candidates.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
}

fn room(data: &Dataset, norm: Norm, weights: &[i64]) -> f64 {
    let weights: Vec<f64> = weights.iter().map(|w| *w as f64).collect();
    let mut row = vec![0.0; data.features()];
    let place = |i: usize| {
        data.copy_row(i, &mut row);
        row.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>()
    };
    let mut places: Vec<(f64, usize)> =
        (0..data.samples()).map(place).zip(data.labels().iter().copied()).collect();
    places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let enemies = places.windows(2).filter(|pair| pair[0].1 != pair[1].1);
    let gap = enemies.map(|pair| pair[1].0 - pair[0].0).fold(f64::INFINITY, f64::min);
    let sizes = weights.iter().map(|w| w.abs());
    gap / match norm {
        Norm::L1 => sizes.fold(0.0, f64::max),
        Norm::L2 | Norm::Lp(_) => sizes.map(|w| w * w).sum::<f64>().sqrt(),
        Norm::Linf => sizes.sum::<f64>(),
    }
}
