//! The search for a projection that keeps enemies apart and for weights that
//! exclude better ones. Nothing that is proved rests on it.
//!
//! Over some pairs, `min_k ‖PΔ_k‖²` is replaced by a smooth minimum whose
//! gradient is `2 P M(α)`, the weights `α` being larger the closer a pair is.
//! Steps along it, made orthonormal again, while the minimum gets sharper; then
//! all pairs are looked at in the image, and the closest are added. The weights
//! of the end are where the refutation starts: multiplicative updates that
//! favour pairs which the largest eigenvectors of `M(α)` leave close.

use super::{
    Projection, Refutation,
    differences::Differences,
    orthonormal::{images, orthonormalize, random_rows, times_form, turn},
};
use crate::{Dataset, Error, Norm, Progress, separation::nearest_enemies};

/// Rounds of looking at all pairs.
const ROUNDS: usize = 6;
/// Pairs that a round adds.
const ADDED: usize = 1500;
/// Steps of a round.
const STEPS: usize = 120;
/// Steps where a first guess will do.
const FEW_STEPS: usize = 40;
/// Pairs that are known are taken this much further apart than all are to be.
const SPARE_SHARE: f64 = 1.02;
/// How wide the smooth minimum is at first and at the end, relative to it.
const WIDTHS: (f64, f64) = (0.3, 0.01);
/// Rounds end when all pairs keep this share of what the known ones keep.
const ENOUGH: f64 = 0.999;
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
    let Climbed { rows, last, mut weights, .. } = climb(data, &mut known, rows, None, progress)?;
    weights.resize(known.len(), 0.0);
    progress.busy(&format!("what {width} dimensions cannot keep"));
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
    /// The rows of the last round, and the weights of its pairs.
    pub last: Vec<f64>,
    weights: Vec<f64>,
}

/// A distance that is to be kept, and for how many rounds that is tried.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub distance: f64,
    pub rounds: usize,
}

/// Rounds of steps and of looking at all pairs, whose closest become known. Where a
/// distance is `wanted`, until it is kept, or not even between pairs that are known.
pub(super) fn climb(
    data: &Dataset,
    known: &mut Differences,
    mut rows: Vec<f64>,
    wanted: Option<Wanted>,
    progress: &dyn Progress,
) -> Result<Climbed, Error> {
    let features = data.features();
    let width = rows.len() / features;
    let mut best: Option<(f64, Vec<f64>)> = None;
    let mut weights = vec![1.0; known.len()];
    let enough = wanted.map_or(f64::INFINITY, |wanted| SPARE_SHARE * wanted.distance / known.unit());
    for round in 0..wanted.map_or(ROUNDS, |wanted| wanted.rounds) {
        progress.busy(&format!("a projection to {width}, round {}", round + 1));
        let least;
        (least, weights) = ascend(&known.rows, &mut rows, features, (STEPS, enough * enough));
        let apart = least.sqrt() * known.unit();
        let Some(projection) = Projection::new(rows.clone(), features) else { break };
        if wanted.is_some_and(|wanted| apart < wanted.distance) {
            break;
        }
        let near = nearest_enemies(&projection.images(data)?, Norm::L2, progress);
        let kept = near.distances.iter().map(|d| d.lower).fold(f64::INFINITY, f64::min);
        if best.as_ref().is_none_or(|(before, _)| kept > *before) {
            best = Some((kept, rows.clone()));
        }
        let done = wanted.map_or(kept >= ENOUGH * apart, |wanted| kept >= wanted.distance);
        if done || known.add_closest(data, &near, ADDED) == 0 {
            break;
        }
    }
    progress.end();
    let (kept, chosen) = best.unwrap_or_else(|| (0.0, rows.clone()));
    Ok(Climbed { kept, rows: chosen, last: rows, weights })
}

/// Rows through which so many of the pairs that are known, the closest, stay `distance`
/// apart; `None` where a few steps do not find any.
pub(super) fn sketched(
    known: &Differences,
    pairs: usize,
    (width, features): (usize, usize),
    distance: f64,
) -> Option<Vec<f64>> {
    let mut rows = start(known, width, features);
    let differences = &known.rows[..known.len().min(pairs) * features];
    let enough = distance / known.unit();
    let (least, _) = ascend(differences, &mut rows, features, (FEW_STEPS, enough * enough));
    (least.sqrt() >= enough).then_some(rows)
}

/// Rows to begin with: towards the space in which pairs differ most.
pub(super) fn start(known: &Differences, width: usize, features: usize) -> Vec<f64> {
    let even = vec![1.0; known.len()];
    let mut rows = random_rows(width, features);
    turn(|rows| times_form(&known.rows, &even, rows, features), &mut rows, features, 10);
    rows
}

/// So many steps along the gradient of the smooth minimum, or fewer where the minimum,
/// squared, is `enough`. Returns it and the weights of the end.
fn ascend(
    differences: &[f64],
    rows: &mut Vec<f64>,
    features: usize,
    (steps, enough): (usize, f64),
) -> (f64, Vec<f64>) {
    let width = rows.len() / features;
    let count = differences.len() / features;
    let mut step = 1.0;
    let mut image = images(differences, rows, features);
    let mut state = smooth_minimum(&image, width, WIDTHS.0);
    let mut best = (least(&image, width), rows.clone());
    for at in 0..steps {
        if best.0 >= enough {
            break;
        }
        let sharp = WIDTHS.0 * (WIDTHS.1 / WIDTHS.0).powf(at as f64 / (steps - 1) as f64);
        state = smooth_minimum(&image, width, sharp);
        let gradient = gradient(differences, &image, &state.1, (width, count, features));
        // Moved by the whole gradient over its scale, rows become those of a power iteration.
        let scale: f64 = gradient.iter().zip(&*rows).map(|(g, r)| g * r).sum::<f64>() / width as f64;
        for _ in 0..6 {
            let mut moved: Vec<f64> = rows.iter().zip(&gradient).map(|(r, g)| r + step * g / scale).collect();
            orthonormalize(&mut moved, features);
            let moved_image = images(differences, &moved, features);
            let value = smooth_minimum(&moved_image, width, sharp).0;
            if value >= state.0 {
                (*rows, image) = (moved, moved_image);
                step = (step * 1.3).min(16.0);
                break;
            }
            step *= 0.5;
        }
        let now = least(&image, width);
        if now > best.0 {
            best = (now, rows.clone());
        }
    }
    *rows = best.1;
    (best.0, state.1)
}

/// `P M(α)` from the images `PΔ`.
fn gradient(
    differences: &[f64],
    image: &[f64],
    weights: &[f64],
    (width, count, features): (usize, usize, usize),
) -> Vec<f64> {
    let mut weighted = image.to_vec();
    for (row, weight) in weighted.chunks_mut(width).zip(weights) {
        row.iter_mut().for_each(|x| *x *= weight);
    }
    crate::matrix::transposed_product(&weighted, differences, (width, count, features))
}

/// Squared lengths of the rows.
fn squares(image: &[f64], width: usize) -> impl Iterator<Item = f64> {
    image.chunks(width).map(|row| row.iter().map(|x| x * x).sum::<f64>())
}

fn least(image: &[f64], width: usize) -> f64 {
    squares(image, width).fold(f64::INFINITY, f64::min)
}

/// `−τ log Σ exp(−q_k/τ)` for the squared lengths `q` and `τ` of `sharp` times
/// their minimum, and the weights of its gradient, which sum to 1.
fn smooth_minimum(image: &[f64], width: usize, sharp: f64) -> (f64, Vec<f64>) {
    let lengths: Vec<f64> = squares(image, width).collect();
    let least = lengths.iter().copied().fold(f64::INFINITY, f64::min);
    let typical = lengths.iter().sum::<f64>() / lengths.len().max(1) as f64;
    let scale = sharp * least.max(1e-6 * typical).max(f64::MIN_POSITIVE);
    let mut weights: Vec<f64> = lengths.iter().map(|q| ((least - q) / scale).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    (least - scale * sum.ln(), weights)
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
