//! Points on the way from a held-out point to training samples of other labels.

use crate::{Dataset, Error, Precision, certify::Domain, parallel, separation::Neighbour};

/// Training samples that are approached from each point.
const WAYS: usize = 2;
/// Halvings of a way.
const HALVINGS: usize = 10;
/// Points that are looked at together.
const TOGETHER: usize = 1024;

/// Where points are looked for.
pub(super) struct Way<'a> {
    /// The held-out points.
    pub from: &'a Dataset,
    /// The training samples.
    pub to: &'a Dataset,
    /// The format that points are numbers of.
    pub precision: Precision,
    /// Valid inputs.
    pub domain: &'a Domain,
    /// Whether every feature goes as far as the ball of the sup norm lets it, rather
    /// than all of them the same share of their way.
    pub clipped: bool,
}

impl Way<'_> {
    /// The point at a share of the way.
    fn at(&self, from: &[f64], to: &[f64], share: f64) -> Vec<f64> {
        let widest = || from.iter().zip(to).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let most = if self.clipped { share * widest() } else { f64::INFINITY };
        let moved = |(&a, &b): (&f64, &f64)| {
            let whole = b - a;
            self.precision.round(if self.clipped { a + whole.clamp(-most, most) } else { a + share * whole })
        };
        from.iter().zip(to).map(moved).collect()
    }
}

/// The part of a way whose end is wrong.
struct Part {
    sample: usize,
    enemy: usize,
    low: f64,
    high: f64,
}

/// The smallest distance at which each sample was found to get another label on the
/// ways of `open` samples to `enemies`, infinite where none was; `wrong` says it of a
/// point beside each of some samples.
pub(super) fn approach(
    way: &Way<'_>,
    enemies: &[Vec<Neighbour>],
    open: &[usize],
    distance: impl Fn(&[f64], &[f64]) -> f64 + Sync,
    wrong: impl Fn(&[usize], &[f64]) -> Result<Vec<bool>, Error>,
) -> Result<Vec<f64>, Error> {
    let mut nearest = vec![f64::INFINITY; way.from.samples()];
    // Tries one point of each part; gives which of them are valid and wrong.
    let mut tried = |parts: &[Part], share: fn(&Part) -> f64| -> Result<Vec<bool>, Error> {
        let points = parallel::map_each(parts, |part| {
            let (from, to) = (way.from.row(part.sample), way.to.row(part.enemy));
            let point = way.at(&from, &to, share(part));
            let far = distance(&point, &from);
            let is_valid = point.iter().all(|x| x.is_finite()) && way.domain.contains(&point);
            (point, far, is_valid)
        });
        let samples: Vec<usize> = parts.iter().map(|part| part.sample).collect();
        let rows: Vec<f64> = points.iter().flat_map(|(point, ..)| point.iter().copied()).collect();
        let mut found = wrong(&samples, &rows)?;
        for ((found, (_, far, is_valid)), sample) in found.iter_mut().zip(&points).zip(samples) {
            *found &= is_valid;
            if *found {
                nearest[sample] = nearest[sample].min(*far);
            }
        }
        Ok(found)
    };
    for number in 0..WAYS {
        for open in open.chunks(TOGETHER) {
            let part = |&sample: &usize| {
                let enemy = enemies[sample].get(number)?.index;
                Some(Part { sample, enemy, low: 0.0, high: 1.0 })
            };
            let mut parts: Vec<Part> = open.iter().filter_map(part).collect();
            let mut ends = tried(&parts, |part| part.high)?.into_iter();
            parts.retain(|_| ends.next() == Some(true));
            for _ in 0..HALVINGS {
                let found = tried(&parts, |part| part.low + (part.high - part.low) / 2.0)?;
                for (part, found) in parts.iter_mut().zip(found) {
                    let middle = part.low + (part.high - part.low) / 2.0;
                    *(if found { &mut part.high } else { &mut part.low }) = middle;
                }
            }
        }
    }
    Ok(nearest)
}
