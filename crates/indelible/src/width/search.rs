//! The search for a projection that keeps enemies apart and for weights that
//! exclude better ones. Nothing that is proved rests on it.
//!
//! Rows take the closest pairs that are known further apart (`ascent.rs`); then
//! all pairs are looked at in the image, the closest become known, and so on. The weights
//! of a smooth minimum at the end are where the refutation starts: multiplicative updates
//! that favour pairs which the largest eigenvectors of `M(α)` leave close.

use super::{
    Projection, Refutation,
    ascent::{Ascent, soft_weights, squares},
    differences::Differences,
    orthonormal::{images, orthonormalize, random_rows, times_form, turn},
};
use crate::{Dataset, Error, Norm, Progress, separation::nearest_enemies};

/// Rounds of looking at all pairs.
const ROUNDS: usize = 12;
/// Pairs that a round adds.
const ADDED: usize = 2000;
/// Steps of a round.
const STEPS: usize = 300;
/// Steps where a first guess will do.
const FEW_STEPS: usize = 100;
/// Pairs that are known are taken this much further apart than all are to be.
const SPARE_SHARE: f64 = 1.02;
/// Rounds end when all pairs keep this share of what the known ones keep.
const ENOUGH: f64 = 0.999;
/// Pairs that get weights of the refutation beside those of the start.
const WEIGHED: usize = 3000;
/// How wide the smooth minimum is that these weights start with, relative to it.
const SMOOTH: f64 = 0.3;
/// Eigenvectors that are followed beyond twice those that count.
const SPARE: usize = 8;
/// Steps of the refutation.
pub(super) const UPDATES: usize = 150;

/// What a search found.
pub(super) struct Found {
    pub projection: Projection,
    pub refutation: Refutation,
}

/// Looks for both, from the closest enemies on.
pub(super) fn search(
    data: &Dataset,
    close: &Differences,
    width: usize,
    progress: &dyn Progress,
) -> Result<Found, Error> {
    let features = data.features();
    let mut known = close.clone();
    let rows = start(&known, width, features);
    let Climbed { rows, last, .. } = climb(data, &mut known, rows, None, progress)?;
    progress.busy(&format!("what {width} dimensions cannot keep"));
    let known = known.with_closest(close.len(), &last, features, WEIGHED);
    let weights = soft_weights(&images(&known.rows, &last, features), width, SMOOTH);
    let weights = exclude_from(&known.rows, weights, (last, features), UPDATES);
    progress.end();
    let projection = Projection::new(rows, features)
        .or_else(|| Projection::new(random_rows(width, features), features))
        .ok_or(Error::BadWidth)?;
    Ok(Found { projection, refutation: Refutation { pairs: known.pairs, weights } })
}

/// Where rounds of steps end.
pub(super) struct Climbed {
    /// How far all enemies stay apart through `rows`, about; 0 where that was not asked.
    pub kept: f64,
    /// The rows that keep most.
    pub rows: Vec<f64>,
    /// The rows of the last round.
    pub last: Vec<f64>,
}

/// Rounds of steps and of looking at all pairs, whose closest become known. Where a
/// distance is `wanted`, until it is kept, or not even between pairs that are known.
pub(super) fn climb(
    data: &Dataset,
    known: &mut Differences,
    mut rows: Vec<f64>,
    wanted: Option<f64>,
    progress: &dyn Progress,
) -> Result<Climbed, Error> {
    let features = data.features();
    let width = rows.len() / features;
    let mut best: Option<(f64, Vec<f64>)> = None;
    let enough = wanted.map_or(f64::INFINITY, |wanted| SPARE_SHARE * wanted / known.unit());
    for round in 0..ROUNDS {
        progress.busy(&format!("a projection to {width}, round {}", round + 1));
        let ascent = Ascent { steps: STEPS, gentle: round > 0, enough };
        let apart = ascent.ascend(&known.rows, &mut rows, features) * known.unit();
        let Some(projection) = Projection::new(rows.clone(), features) else { break };
        if wanted.is_some_and(|wanted| apart < wanted) {
            break;
        }
        let near = nearest_enemies(&projection.images(data)?, Norm::L2, progress);
        let kept = near.distances.iter().map(|d| d.lower).fold(f64::INFINITY, f64::min);
        if best.as_ref().is_none_or(|(before, _)| kept > *before) {
            best = Some((kept, rows.clone()));
        }
        let done = wanted.map_or(kept >= ENOUGH * apart, |wanted| kept >= wanted);
        if done || known.add_closest(data, &near, ADDED) == 0 {
            break;
        }
    }
    progress.end();
    let (kept, chosen) = best.unwrap_or_else(|| (0.0, rows.clone()));
    Ok(Climbed { kept, rows: chosen, last: rows })
}

/// Rows through which the pairs that are known stay `distance` apart; `None` where a few
/// steps do not find any.
pub(super) fn sketched(
    known: &Differences,
    (width, features): (usize, usize),
    distance: f64,
) -> Option<Vec<f64>> {
    let mut rows = start(known, width, features);
    let enough = distance / known.unit();
    let ascent = Ascent { steps: FEW_STEPS, gentle: false, enough };
    (ascent.ascend(&known.rows, &mut rows, features) >= enough).then_some(rows)
}

/// Rows to begin with: towards the space in which pairs differ most.
pub(super) fn start(known: &Differences, width: usize, features: usize) -> Vec<f64> {
    let even = vec![1.0; known.len()];
    let mut rows = random_rows(width, features);
    turn(|rows| times_form(&known.rows, &even, rows, features), &mut rows, features, 10);
    rows
}

/// Weights for which the sum of the `width` largest eigenvalues of `M` is small.
pub(super) fn exclude(
    differences: &[f64],
    start: Vec<f64>,
    (width, features): (usize, usize),
    updates: usize,
) -> Vec<f64> {
    exclude_from(differences, start, (random_rows(width, features), features), updates)
}

/// The same from rows that may be near the largest eigenvectors.
fn exclude_from(
    differences: &[f64],
    start: Vec<f64>,
    (mut rows, features): (Vec<f64>, usize),
    updates: usize,
) -> Vec<f64> {
    let width = rows.len() / features;
    // More vectors than count, so that one that takes over is among them.
    rows.extend(random_rows((width + SPARE).min(features - width), features));
    orthonormalize(&mut rows, features);
    let mut weights = start;
    // Every pair stays in the game.
    let floor = 1e-9 / weights.len() as f64;
    weights.iter_mut().for_each(|w| *w = w.max(floor));
    let mut best = (f64::INFINITY, weights.clone());
    for update in 0..updates {
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        let times = |rows: &[f64]| times_form(differences, &weights, rows, features);
        let steps = if update == 0 { 20 } else { 3 };
        let value: f64 = turn(times, &mut rows, features, steps).iter().take(width).sum();
        if value < best.0 {
            best = (value, weights.clone());
        }
        let image = images(differences, &rows[..width * features], features);
        let rate = 4.0 / (1.0 + update as f64 / 5.0);
        for (weight, q) in weights.iter_mut().zip(squares(&image, width)) {
            *weight *= (rate * (1.0 - q / value).clamp(-4.0, 4.0)).exp();
        }
    }
    best.1
}
