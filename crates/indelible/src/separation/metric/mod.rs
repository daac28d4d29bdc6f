//! What a distance between two samples is, exactly: one type per way to
//! compute it.

mod codes_linf;
mod codes_lp;
mod codes_sum;
mod reals_linf;
mod reals_lp;
mod reals_sum;

use std::{cmp::Ordering, ops::Range, sync::Arc};

use super::kernel::{
    filter::Window,
    reals::{CHUNK, Stretch},
};
use crate::{Dataset, Enclosure, dataset::Features, isa::Isa, parallel};

pub(super) use self::{
    codes_linf::CodesLinf, codes_lp::CodesLp, codes_sum::CodesSum, reals_linf::RealsLinf, reals_lp::RealsLp,
    reals_sum::RealsSum,
};

/// How near a candidate must be to be of interest.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit<D> {
    /// Every distance is of interest.
    None,
    /// Distances below this one.
    Below(D),
    /// Distances up to this one.
    UpTo(D),
}

/// Distances between queries `i` and base samples `j` that are known well
/// enough to be put in order: results depend on this order alone, never on
/// the way in which candidates were found.
pub(super) trait Metric: Sync {
    /// A distance.
    type Distance: Copy + Send + Sync;

    /// The distance of `i` and `j` if it is within `limit`.
    fn within(&self, i: usize, j: usize, limit: Limit<Self::Distance>) -> Option<Self::Distance>;

    /// Which distance is larger.
    fn compare(&self, a: &Self::Distance, b: &Self::Distance) -> Ordering;

    /// The tightest enclosure of a distance by binary64 numbers.
    fn enclosure(&self, distance: &Self::Distance) -> Enclosure;

    /// A distance `t` such that `d ≤ t` exactly when `d ≤ radius`, for the
    /// distance `d` of any pair (`radius ≥ 0`, finite).
    fn threshold(&self, radius: f64) -> Self::Distance;
}

/// A sup-norm distance that is within a limit only if every feature is, which
/// codes of the features decide, perhaps with some doubt.
pub(super) trait Windowed: Metric {
    /// Asks for base sample `j`, whose distance will be taken soon.
    fn prefetch(&self, _j: usize) {}

    /// Codes of base samples, feature by feature; see [`transpose`].
    fn columns(&self, samples: Range<usize>, features: &[usize], stride: usize) -> Vec<u8>;

    /// For some features, the window that a sample's code lies in if the sample
    /// is within `limit` of query `i`; a limit that admits something.
    fn windows(&self, i: usize, limit: Limit<Self::Distance>, features: &[usize], out: &mut Vec<Window>);

    /// A number for a limit, the smaller the fewer distances it admits:
    /// infinite if it admits all, negative if it admits none.
    fn reach(&self, limit: Limit<Self::Distance>) -> f64;
}

/// A distance that is a sum over features, or the root of one.
pub(super) trait Summed: Metric {
    /// A number that is not below a distance, and 0 only for a distance of 0.
    fn above(&self, distance: &Self::Distance) -> f64;

    /// A number such that a pair that is farther apart is certainly out of a
    /// limit: infinite if it admits all, negative if it admits none.
    fn reach(&self, limit: Limit<Self::Distance>) -> f64 {
        let (Limit::Below(bound) | Limit::UpTo(bound)) = limit else { return f64::INFINITY };
        let above = self.above(&bound);
        if above == 0.0 && matches!(limit, Limit::Below(_)) { -1.0 } else { above }
    }

    /// The smallest sum of absolute values or squares over quantized codes that
    /// is out of a limit, for samples that these represent exactly; `None` where
    /// that is not known.
    fn barrier(&self, _limit: Limit<Self::Distance>) -> Option<u128> {
        None
    }
}

/// Codes of queries and base samples with one table of levels, row after row.
#[derive(Clone, Copy)]
pub(super) struct Codes<'a> {
    queries: &'a [u8],
    base: &'a [u8],
    /// Features per sample.
    width: usize,
    levels: &'a Arc<[f64]>,
}

impl<'a> Codes<'a> {
    /// The codes of two datasets of one width, if they have the same levels.
    pub(super) fn shared(queries: &'a Dataset, base: &'a Dataset) -> Option<Self> {
        match (queries.storage(), base.storage()) {
            (Features::Coded { codes: a, levels }, Features::Coded { codes: b, levels: other })
                if levels == other =>
            {
                Some(Self { queries: a, base: b, width: base.features(), levels })
            }
            _ => None,
        }
    }

    /// The codes of query `i`.
    #[inline]
    fn query(&self, i: usize) -> &'a [u8] {
        &self.queries[i * self.width..(i + 1) * self.width]
    }

    /// The number that a code stands for.
    fn level(&self, code: u8) -> f64 {
        self.levels[usize::from(code)]
    }

    /// The codes of query `i` and base sample `j`.
    #[inline]
    pub(super) fn pair(&self, i: usize, j: usize) -> (&'a [u8], &'a [u8]) {
        (self.query(i), &self.base[j * self.width..(j + 1) * self.width])
    }
}

/// Queries and base samples of one width in any storage, and the instructions
/// that they are compared with.
#[derive(Clone, Copy)]
pub(super) struct Reals<'a> {
    pub(super) queries: &'a Dataset,
    pub(super) base: &'a Dataset,
    pub(super) isa: Isa,
}

impl<'a> Reals<'a> {
    /// The features of query `i` and base sample `j`, times `scale`, in stretches.
    #[inline]
    fn stretches(&self, i: usize, j: usize, scale: f64) -> impl Iterator<Item = Stretch<'a>> + use<'a> {
        let (width, features) = (self.base.features(), [self.queries.storage(), self.base.storage()]);
        (0..width).step_by(CHUNK).map(move |at| Stretch {
            features,
            starts: [i * width + at, j * width + at],
            count: CHUNK.min(width - at),
            scale,
        })
    }
}

/// Whether a distance that compares to a limit's as `ordering` is within it.
fn allows<D>(limit: Limit<D>, ordering: impl FnOnce(D) -> Ordering) -> bool {
    match limit {
        Limit::None => true,
        Limit::Below(bound) => ordering(bound) == Ordering::Less,
        Limit::UpTo(bound) => ordering(bound) != Ordering::Greater,
    }
}

/// Largest absolute value in a storage.
fn magnitude(features: &Features) -> f64 {
    match features {
        Features::Coded { levels, .. } => levels.iter().fold(0.0, |m, v| m.max(v.abs())),
        Features::F32(values) => f64::from(values.iter().fold(0.0f32, |m, v| m.max(v.abs()))),
        Features::F64(values) => values.iter().fold(0.0, |m, v| m.max(v.abs())),
    }
}

/// Codes of some features of a range of samples, transposed: row `s` of the
/// result holds the codes of feature `features[s]`, padded with zeros to
/// `stride`; `code` gives that of a sample and a feature.
fn transpose(
    samples: Range<usize>,
    features: &[usize],
    stride: usize,
    code: impl Fn(usize, usize) -> u8 + Sync,
) -> Vec<u8> {
    let mut codes = vec![0; features.len() * stride];
    // A few features at a time share the cache lines that they are read from.
    parallel::each_chunk_mut(&mut codes, stride * 32, |place, out| {
        let features = features.iter().skip(place * 32).take(32);
        for (k, j) in samples.clone().enumerate() {
            for (s, &f) in features.clone().enumerate() {
                out[s * stride + k] = code(j, f);
            }
        }
    });
    codes
}
