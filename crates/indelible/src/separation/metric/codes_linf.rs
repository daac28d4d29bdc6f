//! Sup-norm distances of coded samples: every difference of two levels gets
//! its rank among all of them, and a distance is the largest rank.

use std::{
    cmp::{Ordering, Reverse},
    ops::Range,
};

use super::{Codes, Limit, Metric, Windowed, transpose};
use crate::{
    Enclosure, number,
    separation::{
        kernel::{filter::Window, rows},
        trial::{spread_out, spreads},
    },
};

/// Features handled at a time, where early exits are tried.
const CHUNK: usize = 64;
/// Samples that say where differences are large.
const SAMPLES: usize = 256;
/// Chunks that are asked for before they are needed.
const AHEAD: usize = 2;

/// Sup-norm distances of samples with codes of one table.
pub struct CodesLinf<'a> {
    codes: Codes<'a>,
    /// `rank[256 a + b]`: place of `|levels[a] − levels[b]|` among the
    /// different values of such differences; equal values have equal ranks,
    /// and 0 has rank 0.
    rank: Vec<u16>,
    /// Two codes with that difference, larger first, per rank.
    pairs: Vec<(u8, u8)>,
    /// Smallest difference of codes that may have a rank as high as the lowest of a given one.
    near: Vec<u8>,
    /// Smallest difference of codes that has the given rank or a higher one.
    first: Vec<u16>,
    /// Smallest difference of codes from which on all have the given rank or a
    /// higher one.
    sure: Vec<u16>,
    /// Where chunks begin, those first whose codes spread most: most pairs are told apart there.
    chunks: Vec<usize>,
}

/// `a − b` as an unevaluated sum of two numbers; halved where it overflows,
/// which happens only to numbers that can be halved exactly.
pub fn difference(a: f64, b: f64) -> (bool, f64, f64) {
    let (h, l) = number::two_sum(a, -b);
    let halved = !h.is_finite();
    let (h, l) = if halved { number::two_sum(a / 2.0, -b / 2.0) } else { (h, l) };
    (halved, h, l)
}

/// Which of two [`difference`]s is larger, both non-negative.
pub fn compare_differences(a: (bool, f64, f64), b: (bool, f64, f64)) -> Ordering {
    // The first number is the difference rounded, so it decides when it differs.
    a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.partial_cmp(&b.2).unwrap_or(Ordering::Equal))
}

/// Where chunks of features begin, those first whose codes spread most over a few base samples.
fn chunks(codes: Codes) -> Vec<usize> {
    let samples = codes.base.len().checked_div(codes.width).unwrap_or(0);
    let rows = spread_out(samples, SAMPLES).map(|j| &codes.base[j * codes.width..]);
    let spreads = spreads(rows, codes.width);
    let spread = |start: usize| spreads[start..].iter().take(CHUNK).sum::<u64>();
    let mut starts: Vec<usize> = (0..codes.width).step_by(CHUNK).collect();
    starts.sort_by_key(|&start| Reverse(spread(start)));
    starts
}

impl<'a> CodesLinf<'a> {
    /// Distances between rows of codes.
    pub fn new(codes: Codes<'a>) -> Self {
        let gap = |&(a, b): &(u8, u8)| difference(codes.level(a), codes.level(b));
        let mut sorted: Vec<(u8, u8)> = (1..=255u8).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
        sorted.sort_by(|p, q| compare_differences(gap(p), gap(q)));
        let (mut rank, mut pairs) = (vec![0; 256 * 256], vec![(0, 0)]);
        for pair in sorted {
            let last = pairs[pairs.len() - 1];
            if last == (0, 0) || compare_differences(gap(&last), gap(&pair)) != Ordering::Equal {
                pairs.push(pair);
            }
            let (a, b) = (usize::from(pair.0), usize::from(pair.1));
            // At most 256·255/2 ranks and 0.
            let place = (pairs.len() - 1) as u16;
            (rank[256 * a + b], rank[256 * b + a]) = (place, place);
        }
        let (mut first, mut sure) = (vec![256u16; pairs.len() + 1], vec![0u16; pairs.len() + 1]);
        for a in 0..=255u16 {
            for b in 0..=a {
                let (place, gap) = (usize::from(rank[usize::from(256 * a + b)]), a - b);
                first[place] = first[place].min(gap);
                sure[place + 1] = sure[place + 1].max(gap + 1);
            }
        }
        for r in (0..pairs.len()).rev() {
            first[r] = first[r].min(first[r + 1]);
        }
        for r in 1..sure.len() {
            sure[r] = sure[r].max(sure[r - 1]);
        }
        let lowest =
            |gap: u16| (0..=255 - gap).map(|b| rank[usize::from(256 * (b + gap) + b)]).min().unwrap_or(0);
        // Differences are at most 255.
        let near = (0..=255).map(|gap| first[usize::from(lowest(gap))] as u8).collect();
        Self { codes, rank, pairs, near, first, sure, chunks: chunks(codes) }
    }

    /// The codes whose difference from `code` has a rank below `barrier`,
    /// which is not 0.
    #[inline]
    fn window(&self, code: u8, barrier: u16) -> Window {
        // Differences of codes below the first that may reach the barrier are
        // inside; nearly always they are all that is. At most 255, which fits.
        let first = self.first.get(usize::from(barrier)).map_or(255, |&c| c.clamp(1, 256) - 1) as u8;
        let (mut low, mut high) = (code.saturating_sub(first), code.saturating_add(first));
        while high < u8::MAX && self.of(code, high + 1) < barrier {
            high += 1;
        }
        while low > 0 && self.of(code, low - 1) < barrier {
            low -= 1;
        }
        Window { low, span: high - low }
    }

    /// Rank of the difference of two codes.
    #[inline]
    fn of(&self, a: u8, b: u8) -> u16 {
        self.rank[256 * usize::from(a) + usize::from(b)]
    }

    /// The levels whose difference has a rank, larger first.
    fn levels(&self, rank: usize) -> (f64, f64) {
        let (a, b) = self.pairs[rank];
        (self.codes.level(a), self.codes.level(b))
    }

    /// The lowest rank that is out of the limit.
    fn barrier(limit: Limit<u16>) -> u16 {
        match limit {
            Limit::None => u16::MAX,
            Limit::Below(rank) => rank,
            Limit::UpTo(rank) => rank + 1,
        }
    }
}

impl Metric for CodesLinf<'_> {
    type Distance = u16;

    fn within(&self, i: usize, j: usize, limit: Limit<u16>) -> Option<u16> {
        let barrier = Self::barrier(limit);
        let (a, b) = self.codes.pair(i, j);
        // Differences of codes below `small` cannot reach the barrier, and those
        // from `large` on do.
        let at = |differences: &[u16]| differences.get(usize::from(barrier)).copied().unwrap_or(256);
        let (small, large) = (at(&self.first), at(&self.sure));
        let rank = |a: &[u8], b: &[u8]| a.iter().zip(b).fold(0, |m: u16, (&a, &b)| m.max(self.of(a, b)));
        for &start in &self.chunks {
            let end = (start + CHUNK).min(a.len());
            let (a, b) = (&a[start..end], &b[start..end]);
            let spread = u16::from(a.iter().zip(b).fold(0, |m: u8, (&a, &b)| m.max(a.abs_diff(b))));
            if spread >= large || (spread >= small && rank(a, b) >= barrier) {
                return None;
            }
        }
        // The largest difference of codes has the highest rank, but for those that come close.
        let largest = a.iter().zip(b).fold(0, |m: u8, (&a, &b)| m.max(a.abs_diff(b)));
        let near = self.near[usize::from(largest)];
        let ranks = a.iter().zip(b).filter(|(a, b)| a.abs_diff(**b) >= near).map(|(&a, &b)| self.of(a, b));
        ranks.max().or(Some(0)).filter(|&r| r < barrier)
    }

    fn compare(&self, a: &u16, b: &u16) -> Ordering {
        a.cmp(b)
    }

    fn enclosure(&self, distance: &u16) -> Enclosure {
        let (a, b) = self.levels(usize::from(*distance));
        Enclosure { lower: number::sub_down(a, b), upper: number::sub_up(a, b) }
    }

    fn threshold(&self, radius: f64) -> u16 {
        let within = |&(a, b): &(u8, u8)| {
            let gap = difference(self.codes.level(a), self.codes.level(b));
            compare_differences(gap, (false, radius, 0.0)) != Ordering::Greater
        };
        // Rank 0 is distance 0, which every radius admits; ranks fit in 16 bits.
        (self.pairs.partition_point(within).max(1) - 1) as u16
    }
}

impl Windowed for CodesLinf<'_> {
    fn prefetch(&self, j: usize) {
        let row = &self.codes.base[j * self.codes.width..(j + 1) * self.codes.width];
        for &start in self.chunks.iter().take(AHEAD) {
            rows::prefetch(&row[start..(start + CHUNK).min(row.len())]);
        }
    }

    fn columns(&self, samples: Range<usize>, features: &[usize], stride: usize) -> Vec<u8> {
        transpose(samples, features, stride, |j, f| self.codes.base[j * self.codes.width + f])
    }

    fn windows(&self, i: usize, limit: Limit<u16>, features: &[usize], out: &mut Vec<Window>) {
        let barrier = Self::barrier(limit);
        let row = self.codes.query(i);
        out.clear();
        if features.len() < 256 {
            out.extend(features.iter().map(|&f| self.window(row[f], barrier)));
        } else {
            let table: Vec<Window> = (0..=255).map(|code| self.window(code, barrier)).collect();
            out.extend(features.iter().map(|&f| table[usize::from(row[f])]));
        }
    }

    fn reach(&self, limit: Limit<u16>) -> f64 {
        match Self::barrier(limit) {
            0 => -1.0,
            u16::MAX => f64::INFINITY,
            barrier => {
                let (a, b) = self.levels(usize::from(barrier).min(self.pairs.len() - 1));
                a - b
            }
        }
    }
}
