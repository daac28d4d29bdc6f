//! Sketches: a few numbers per sample whose distances are lower bounds of the
//! samples' distances, and tell most pairs apart.
//!
//! A linear map `P` with `‖P x‖ ≤ σ ‖x‖` for all x gives
//! `‖x − x'‖ ≥ ‖P x − P x'‖ / σ`. In `l2` the rows of P are directions in which
//! the samples spread most; in `l1` and `lP` they are sums over groups of features
//! that are alike. Both keep most of the distance of samples whose features depend
//! on each other, as those of images do, and are not used where they do not.

mod groups;
mod principal;

use std::{borrow::Cow, ops::RangeInclusive};

use self::{groups::Groups, principal::Principal};
use super::{
    kernel::project::LANES,
    metric::Reals,
    relation::Pairs,
    trial::{Judges, length, spread_out},
};
use crate::{Dataset, Features, Norm, number::powers::LIBRARY_ERROR as SLACK, parallel};

/// Features for which a sketch is tried: with more, roundings of sums in
/// binary32 would not be few.
const FEATURES: RangeInclusive<usize> = 192..=1 << 20;
/// Fewest samples for which it is.
const SAMPLES: usize = 1500;
/// Samples that a sketch is judged by, and those whose nearest ones among them
/// are looked for.
const JUDGES: usize = 192;
const FEW: usize = 24;
/// A sketch is used if it puts this part of these pairs beyond the nearest.
const PROMISING: f64 = 0.5;
/// Numbers per sketch, at most.
const NUMBERS: usize = 96;
/// The same in `lP`, where few sums keep less of a distance.
const POWERS: usize = 192;
/// Numbers that a coarser sketch may have.
const FEWER: [usize; 5] = [16, 24, 32, 48, 64];
/// A sketch with more numbers than this needs no finer one behind it.
const FINE: usize = 64;
/// Samples that are nearer than those of the trial are expected: the nearest of
/// all at this part of the distance, the closest pair at that part of the least.
const NEARER: f64 = 0.85;
const CLOSEST: f64 = 0.5;
/// A pair that a sketch does not tell apart costs as much as so many of its
/// numbers, about.
const SURVIVOR: f64 = 1000.0;

/// Sketches of samples, or these themselves.
pub(super) struct Sketch<'a> {
    pub(super) queries: Cow<'a, Dataset>,
    pub(super) base: Cow<'a, Dataset>,
    /// Distances of sketches are at most this many times those of samples, and
    /// twice the error more.
    pub(super) stretch: f64,
    pub(super) error: f64,
}

/// A way to make sketches.
trait Map: Sync {
    /// Numbers per sketch.
    fn width(&self) -> usize;

    /// Into `out`, the sketch of [placed](Centering::place) features.
    fn apply(&self, x: &[f64], out: &mut [f32]);

    /// `σ`: how much longer a sketch may be than a sample.
    fn stretch(&self) -> f64;

    /// Bounds the norm of the error of a sketch of features whose norm is at
    /// most `norm`.
    fn error(&self, norm: f64) -> f64;
}

/// Where samples lie: what is subtracted from features, and the power of two
/// that they are multiplied by then.
struct Centering {
    center: Vec<f64>,
    scale: f64,
}

impl Centering {
    /// That of some samples; `None` where it is of no use.
    fn new(rows: &[Vec<f64>]) -> Option<Self> {
        let width = rows.first()?.len();
        let count = rows.len() as f64;
        let center: Vec<f64> = (0..width).map(|f| rows.iter().map(|r| r[f] / count).sum()).collect();
        let gaps = rows.iter().flat_map(|r| r.iter().zip(&center).map(|(x, c)| (x - c).abs()));
        let largest = gaps.fold(0.0, f64::max);
        if !(1e-200..1e200).contains(&largest) {
            return None;
        }
        // A power of two, exactly.
        let scale = f64::from_bits((2046 << 52) - (largest.to_bits() >> 52 << 52));
        Some(Self { center, scale })
    }

    /// Centers and scales a sample, and pads it with zeros to a multiple of the
    /// lanes of kernels.
    fn place(&self, x: &mut Vec<f64>) {
        for (x, c) in x.iter_mut().zip(&self.center) {
            *x = (*x - c) * self.scale;
        }
        x.resize(x.len().next_multiple_of(LANES), 0.0);
    }
}

impl<'a> Sketch<'a> {
    /// The samples themselves.
    pub(super) fn none(queries: &'a Dataset, base: &'a Dataset) -> Self {
        Self { queries: Cow::Borrowed(queries), base: Cow::Borrowed(base), stretch: 1.0, error: 0.0 }
    }

    /// Sketches of queries and base samples, if they promise to help with the
    /// pairs that count: the one to begin with, and where that has few numbers
    /// a finer one for what it does not tell apart. `few` says that only the
    /// closest pair matters.
    pub(super) fn chain(reals: Reals, norm: Norm, pairs: Pairs, few: bool) -> Vec<Self> {
        Self::promising(reals, norm, pairs, few).unwrap_or_default()
    }

    /// See [`Sketch::chain`].
    fn promising(reals: Reals, norm: Norm, pairs: Pairs, few: bool) -> Option<Vec<Self>> {
        let Reals { base, isa, .. } = reals;
        let width = base.features();
        if !FEATURES.contains(&width) || base.samples() < SAMPLES {
            return None;
        }
        let chosen = spread_out(base.samples(), JUDGES.max(principal::SAMPLES));
        let labels: Vec<usize> = chosen.clone().map(|i| base.labels()[i]).collect();
        let mut rows: Vec<Vec<f64>> = chosen.map(|i| base.row(i)).collect();
        let centering = Centering::new(&rows)?;
        rows.iter_mut().for_each(|row| centering.place(row));
        let trial = Trial::new(&rows, &labels, pairs, norm);
        let (finest, coarser): (Box<dyn Map>, Vec<Box<dyn Map>>) = match norm {
            Norm::L1 | Norm::Lp(_) => {
                let (p, most) = if let Norm::Lp(p) = norm { (p, POWERS) } else { (1.0, NUMBERS) };
                let map = |count: usize| Box::new(Groups::new(&rows, width, count, p)) as Box<dyn Map>;
                (map(most), FEWER.into_iter().map(map).collect())
            }
            Norm::L2 => {
                let all = Principal::new(&rows, width, isa);
                let map = |&count: &usize| Box::new(all.first(count)) as Box<dyn Map>;
                (map(&NUMBERS), FEWER.iter().map(map).collect())
            }
            Norm::Linf => return None,
        };
        let (most, limit) = match few {
            true => (Limit::Closest(1.0), Limit::Closest(CLOSEST)),
            false => (Limit::Nearest(1.0), Limit::Nearest(NEARER)),
        };
        if trial.passing(&*finest, most) >= 1.0 - PROMISING {
            return None;
        }
        let cost = |map: &dyn Map| map.width() as f64 + SURVIVOR * trial.passing(map, limit);
        let best = coarser.into_iter().map(|map| (cost(&*map), map)).min_by(|a, b| a.0.total_cmp(&b.0));
        let best = best.filter(|(least, _)| *least < cost(&*finest)).map(|(_, map)| map);
        let chain = match best {
            Some(map) if few || map.width() > FINE => vec![map],
            Some(map) => vec![map, finest],
            None => vec![finest],
        };
        chain.iter().map(|map| Self::of(&**map, &centering, reals, norm)).collect()
    }

    /// The sketches that a map makes; `None` where numbers are too large.
    fn of(map: &dyn Map, centering: &Centering, reals: Reals, norm: Norm) -> Option<Self> {
        let Reals { queries, base, .. } = reals;
        let same = std::ptr::eq(queries, base);
        let (base, base_norm) = apply(map, centering, base, norm)?;
        let (queries, queries_norm) =
            if same { (base.clone(), base_norm) } else { apply(map, centering, queries, norm)? };
        Some(Self {
            queries: Cow::Owned(queries),
            base: Cow::Owned(base),
            stretch: map.stretch() * centering.scale * (1.0 + 4.0 * f64::EPSILON),
            error: map.error(base_norm.max(queries_norm)),
        })
    }
}

/// Some placed samples, and how near those that count come to a few of them.
struct Trial<'a> {
    rows: Vec<&'a Vec<f64>>,
    judges: Vec<Judges>,
    norm: Norm,
}

/// How near pairs of a trial must be to matter.
#[derive(Clone, Copy)]
enum Limit {
    /// This part of the distance of the nearest sample.
    Nearest(f64),
    /// This part of the least distance.
    Closest(f64),
}

impl<'a> Trial<'a> {
    fn new(rows: &'a [Vec<f64>], labels: &[usize], pairs: Pairs, norm: Norm) -> Self {
        let step = (rows.len() / JUDGES).max(1);
        let rows: Vec<&Vec<f64>> = rows.iter().step_by(step).take(JUDGES).collect();
        let labels: Vec<usize> = labels.iter().copied().step_by(step).take(JUDGES).collect();
        let distance = |k: usize, j: usize| length(norm, rows[k].iter().zip(rows[j]).map(|(a, b)| a - b));
        let judges = pairs.nearest_judges(&labels, FEW, distance);
        Self { rows, judges, norm }
    }

    /// The part of the pairs that a sketch does not put beyond the limit; all where
    /// there are none.
    fn passing(&self, map: &dyn Map, limit: Limit) -> f64 {
        let mut sketches = vec![vec![0.0; map.width()]; self.rows.len()];
        for (row, sketch) in self.rows.iter().zip(&mut sketches) {
            map.apply(row, sketch);
        }
        let least = self.judges.iter().map(|j| j.nearest).fold(f64::INFINITY, f64::min);
        let (mut beyond, mut total) = (0, 0);
        for (k, Judges { samples, nearest }) in self.judges.iter().enumerate() {
            let limit = match limit {
                Limit::Nearest(part) => part * nearest,
                Limit::Closest(part) => part * least,
            };
            let gap = |j: usize| sketches[k].iter().zip(&sketches[j]).map(|(a, b)| f64::from(a - b));
            beyond += samples.iter().filter(|&&j| length(self.norm, gap(j)) > limit * map.stretch()).count();
            total += samples.len();
        }
        if total == 0 { 1.0 } else { 1.0 - beyond as f64 / total as f64 }
    }
}

/// The sketches of a dataset, and a bound of the norm of its centered
/// samples; `None` where numbers are too large.
fn apply(map: &dyn Map, centering: &Centering, data: &Dataset, norm: Norm) -> Option<(Dataset, f64)> {
    let (width, count) = (data.features(), map.width());
    let mut values = vec![0.0f32; data.samples() * count];
    let norms = parallel::map_chunks_mut(&mut values, count, |i, out| {
        let mut row = data.row(i);
        centering.place(&mut row);
        map.apply(&row, out);
        match norm {
            // Powers may underflow; that of the largest, as often as there are features,
            // is enough: what is bounded by it is rounding.
            Norm::Lp(p) => length(Norm::Linf, row.into_iter()) * (width as f64).powf(1.0 / p) * (1.0 + SLACK),
            _ => length(norm, row.into_iter()),
        }
    });
    let largest = norms.into_iter().fold(0.0, f64::max) * (1.0 + (width as f64 + 8.0) * f64::EPSILON);
    let labels = data.labels().to_vec();
    let sketch =
        Dataset::new(Features::F32(values.into()), count, labels, data.class_names().to_vec()).ok()?;
    largest.is_finite().then_some((sketch, largest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{isa::Isa, number::random::Random};
    use proptest::prelude::*;

    fn both(data: &Dataset) -> Reals<'_> {
        Reals { queries: data, base: data, isa: Isa::best() }
    }

    /// Samples whose features depend on few hidden numbers.
    fn smooth(samples: usize, width: usize, seed: u64, scale: f32, offset: f32) -> Dataset {
        let mut random = Random::new(seed);
        let mut next = || random.unit() as f32 - 0.5;
        let mut values = Vec::new();
        for _ in 0..samples {
            let hidden: Vec<f32> = (0..6).map(|_| next()).collect();
            for f in 0..width {
                let wave = |k: usize| hidden[k] * (f as f32 * 0.02 * (k + 1) as f32).sin();
                values.push(offset + scale * ((0..6).map(wave).sum::<f32>() + 0.01 * next()));
            }
        }
        let labels = (0..samples).map(|i| i % 2).collect();
        Dataset::new(Features::F32(values.into()), width, labels, vec!["a".into(), "b".into()])
            .expect("sound data")
    }

    #[test]
    fn twins_of_the_same_label_promise_nothing() {
        let (half, width) = (SAMPLES, 784);
        let mut random = Random::new(1);
        let one: Vec<f32> = (0..half * width).map(|_| (random.next() >> 29) as f32).collect();
        let values: Vec<f32> = one.iter().copied().chain(one.iter().map(|x| x + 1.0)).collect();
        let labels = (0..2 * half).map(|i| i % half % 2).collect();
        let data = Dataset::new(Features::F32(values.into()), width, labels, vec!["a".into(), "b".into()])
            .expect("sound data");
        for norm in [Norm::L1, Norm::L2] {
            let promising = |pairs| !Sketch::chain(both(&data), norm, pairs, false).is_empty();
            assert!(promising(Pairs::All) && !promising(Pairs::Enemies), "{norm}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]

        #[test]
        fn sketches_are_never_farther_apart_than_samples(
            seed in any::<u64>(),
            scale in prop_oneof![Just(1.0f32), Just(1e-30), Just(1e30)],
            offset in prop_oneof![Just(0.0f32), Just(100.0)],
        ) {
            let data = smooth(SAMPLES, 200, seed, scale, offset * scale);
            for (norm, few) in [Norm::L1, Norm::L2, Norm::Lp(1.5), Norm::Lp(3.0)].map(|n| [(n, false), (n, true)]).concat() {
                let chain = Sketch::chain(both(&data), norm, Pairs::Enemies, few);
                prop_assert!(!chain.is_empty(), "these samples can be sketched");
                let mut kept = 0.0f64;
                for sketch in chain {
                for (i, j) in (0..200).map(|k| (k, 7 * k + 11)) {
                    let gap = |d: &Dataset| length(norm, d.row(i).iter().zip(d.row(j)).map(|(a, b)| a - b));
                    let (long, short) = (gap(&data) * sketch.stretch, gap(&sketch.base));
                    prop_assert!(short <= long * (1.0 + 1e-12) + 2.0 * sketch.error);
                    kept = kept.max((short - 2.0 * sketch.error) / long);
                }
                }
                prop_assert!(kept > 0.8, "{}", kept);
            }
        }
    }
}
