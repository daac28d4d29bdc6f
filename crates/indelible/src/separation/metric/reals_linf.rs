//! Sup-norm distances of samples in any storage, exactly.

use std::{cmp::Ordering, ops::Range};

use super::{
    Limit, Metric, Reals, Windowed, allows,
    codes_linf::{compare_differences, difference},
    transpose,
};
use crate::{
    Enclosure, number, parallel,
    separation::kernel::{
        filter::Window,
        reals::{CHUNK, Gather, Gathering, LANES},
    },
};

/// Sup-norm distances between samples of two datasets of one width.
pub struct RealsLinf<'a> {
    reals: Reals<'a>,
    /// How each feature is coded for pruners.
    coding: Vec<Coding>,
}

/// Codes `⌊(x − low)·scale⌋`, cut off at 0 and 255: a larger number never has
/// a smaller code, as every rounding is monotone.
#[derive(Clone, Copy)]
struct Coding {
    low: f64,
    scale: f64,
}

impl Coding {
    #[inline]
    fn code(self, x: f64) -> u8 {
        // The cast saturates and makes 0 of NaN, which is 0·∞: a feature
        // without spread.
        ((x - self.low) * self.scale) as u8
    }
}

impl<'a> RealsLinf<'a> {
    /// Distances from queries to base samples.
    pub fn new(reals: Reals<'a>) -> Self {
        let base = reals.base;
        let width = base.features();
        let empty = || vec![(f64::INFINITY, f64::NEG_INFINITY); width];
        let add = |ranges: &mut Vec<(f64, f64)>, j: usize| {
            for (f, range) in ranges.iter_mut().enumerate() {
                let x = base.value(j, f);
                *range = (range.0.min(x), range.1.max(x));
            }
        };
        let ranges = parallel::fold(base.samples(), empty, add, |a, b| {
            a.iter().zip(&b).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1))).collect()
        });
        let coding = ranges.iter().map(|&(low, high)| Coding { low, scale: 255.9 / (high - low) }).collect();
        Self { reals, coding }
    }

    /// Exact distance over those of some features where the rounded difference
    /// is at least `largest`.
    fn exact(&self, i: usize, j: usize, features: Range<usize>, largest: f64) -> (bool, f64, f64) {
        let mut best = (false, 0.0, 0.0);
        for f in features {
            let (a, b) = (self.reals.queries.value(i, f), self.reals.base.value(j, f));
            let (a, b) = if a < b { (b, a) } else { (a, b) };
            if a - b >= largest {
                let gap = difference(a, b);
                if compare_differences(gap, best) == Ordering::Greater {
                    best = gap;
                }
            }
        }
        best
    }
}

impl Metric for RealsLinf<'_> {
    /// Whether it is halved, and two numbers whose sum it is.
    type Distance = (bool, f64, f64);

    fn within(&self, i: usize, j: usize, limit: Limit<Self::Distance>) -> Option<Self::Distance> {
        // Rounding is monotone: a larger rounded difference is a larger one.
        let barrier = match limit {
            Limit::Below((false, h, _)) | Limit::UpTo((false, h, _)) => h,
            _ => f64::INFINITY,
        };
        // The largest rounded difference, and the features from which on it occurs.
        let (mut largest, mut first) = (0.0, 0);
        for (start, stretch) in (0..).step_by(CHUNK).zip(self.reals.stretches(i, j, 1.0)) {
            let lanes = self.reals.isa.run(Gathering { what: Gather::Largest, stretch, lanes: [0.0; LANES] });
            let spread = lanes.iter().fold(0.0, |m: f64, &l| m.max(l));
            if spread > barrier {
                return None;
            }
            if spread == barrier {
                // Equally far when rounded: nearly always a tie, settled here.
                let gap = self.exact(i, j, start..start + stretch.count, spread);
                if !allows(limit, |bound| compare_differences(gap, bound)) {
                    return None;
                }
            }
            if spread > largest {
                (largest, first) = (spread, start);
            }
        }
        let distance = self.exact(i, j, first..self.reals.base.features(), largest);
        allows(limit, |bound| compare_differences(distance, bound)).then_some(distance)
    }

    fn compare(&self, a: &Self::Distance, b: &Self::Distance) -> Ordering {
        compare_differences(*a, *b)
    }

    fn enclosure(&self, &(halved, h, l): &Self::Distance) -> Enclosure {
        if halved {
            Enclosure { lower: f64::MAX, upper: f64::INFINITY }
        } else {
            Enclosure { lower: number::add_down(h, l), upper: number::add_up(h, l) }
        }
    }

    fn threshold(&self, radius: f64) -> Self::Distance {
        (false, radius, 0.0)
    }
}

impl Windowed for RealsLinf<'_> {
    fn columns(&self, samples: Range<usize>, features: &[usize], stride: usize) -> Vec<u8> {
        transpose(samples, features, stride, |j, f| self.coding[f].code(self.reals.base.value(j, f)))
    }

    fn windows(&self, i: usize, limit: Limit<Self::Distance>, features: &[usize], out: &mut Vec<Window>) {
        let bound = match limit {
            Limit::Below((false, h, l)) | Limit::UpTo((false, h, l)) => number::add_up(h, l),
            _ => f64::INFINITY,
        };
        out.clear();
        out.extend(features.iter().map(|&f| {
            let x = self.reals.queries.value(i, f);
            let coding = self.coding[f];
            let low = coding.code(number::sub_down(x, bound));
            Window { low, span: coding.code(number::add_up(x, bound)) - low }
        }));
    }

    fn reach(&self, limit: Limit<Self::Distance>) -> f64 {
        match limit {
            Limit::None => f64::INFINITY,
            Limit::Below((false, 0.0, _)) => -1.0,
            Limit::Below((true, ..)) | Limit::UpTo((true, ..)) => f64::MAX,
            Limit::Below((false, h, _)) | Limit::UpTo((false, h, _)) => h,
        }
    }
}
