//! Settles most pairs of a ball and a step by a few comparisons.
//!
//! A pair is settled when one feature shows, whatever the rounding, that the
//! ball stays at least the step's reach away from its center. Pairs that stay
//! open are looked at exactly by the caller, so nothing rests on the order of
//! features or on which pairs happen to be settled here.

use super::{Claim, ball};
use crate::{
    Features, Precision,
    network::Recurrence,
    number::{Real, add_up, mul_up, sub_down, sub_up},
};

/// Features compared between two looks at the result.
const CHUNK: usize = 64;
/// Steps whose center is given to the kernel at once stay in the cache while
/// all balls of a task pass over them.
const STEPS: usize = 64;

/// A copy of balls and centers with the features in an order that settles
/// pairs early. Memory: the centers once more, and the samples.
pub(super) struct Screen {
    /// Steps ordered by falling value, so that those above a label come first.
    steps: Vec<usize>,
    values: Vec<f64>,
    reaches: Vec<f64>,
    /// How far a ball and its rounded points reach from the stored sample.
    extents: Vec<f64>,
    kind: Kind,
    /// Whether clipping moves no point of a ball past its upper end, so that
    /// distances to clipped points are not below those to the box. Without it
    /// nothing is settled here.
    usable: bool,
}

enum Kind {
    /// 8-bit samples and centers: distances are looked up by code difference.
    Codes {
        samples: Vec<u8>,
        centers: Vec<u8>,
        width: usize,
        gaps: Vec<f64>,
    },
    Singles(Rows<f32>),
    Doubles(Rows<f64>),
}

/// Rows of one floating-point format, padded to whole chunks.
struct Rows<T> {
    samples: Vec<T>,
    centers: Vec<T>,
    width: usize,
    precision: Precision,
}

impl Screen {
    pub fn new(claim: &Claim<'_>, recurrence: &Recurrence, reaches: &[f64]) -> Self {
        let data = claim.data;
        let n = data.features();
        let mut steps: Vec<usize> = (0..recurrence.steps()).collect();
        steps.sort_by(|&a, &b| recurrence.values[b].total_cmp(&recurrence.values[a]).then(a.cmp(&b)));
        let order = order_by_spread(claim);
        let width = n.next_multiple_of(CHUNK);
        let (kind, extents) = match (data.storage(), &recurrence.centers) {
            (Features::Coded { codes, levels }, Features::Coded { codes: stored, levels: table }) => {
                let permuted = |codes: &[u8], rows: &mut dyn Iterator<Item = usize>| {
                    let mut out = Vec::with_capacity(rows.size_hint().0 * width);
                    for row in rows {
                        out.extend(order.iter().map(|&j| codes[row * n + j]));
                        out.resize(out.len().next_multiple_of(width), 0);
                    }
                    out
                };
                let samples = permuted(codes, &mut (0..data.samples()));
                let centers = permuted(stored, &mut steps.iter().copied());
                let gaps = gaps_by_code(levels, table);
                let extents = extents(claim, recurrence.precision, |x| x);
                (Kind::Codes { samples, centers, width, gaps }, extents)
            }
            _ => match recurrence.precision {
                Precision::F32 => (
                    Kind::Singles(Rows::new(claim, recurrence, &order, &steps, width)),
                    extents(claim, Precision::F32, |x| f64::from(x as f32)),
                ),
                Precision::F64 => (
                    Kind::Doubles(Rows::new(claim, recurrence, &order, &steps, width)),
                    extents(claim, Precision::F64, |x| x),
                ),
            },
        };
        let usable = clipping_is_harmless(claim, recurrence);
        Self {
            values: steps.iter().map(|&k| recurrence.values[k]).collect(),
            reaches: steps.iter().map(|&k| reaches[k]).collect(),
            steps,
            extents,
            kind,
            usable,
        }
    }

    /// For each of `samples` the steps with a value above its target that are
    /// not settled.
    pub fn open_pairs(&self, samples: &[usize], targets: &[f64]) -> Vec<Vec<usize>> {
        let mut open = vec![vec![]; samples.len()];
        let above: Vec<usize> =
            targets.iter().map(|target| self.values.partition_point(|value| value > target)).collect();
        let extent = samples.iter().map(|&i| self.extents[i]).fold(0.0, f64::max);
        let most = above.iter().copied().max().unwrap_or(0);
        let mut found = Vec::new();
        for start in (0..most).step_by(STEPS) {
            let distances: Vec<f64> =
                self.reaches[start..most.min(start + STEPS)].iter().map(|r| add_up(*r, extent)).collect();
            let block = Block::new(&self.kind, &distances);
            for (position, &sample) in samples.iter().enumerate() {
                let count = above[position].saturating_sub(start).min(distances.len());
                found.clear();
                if self.usable {
                    self.collect_open(sample, start, &block, count, &mut found);
                } else {
                    found.extend(0..count);
                }
                open[position].extend(found.iter().map(|offset| self.steps[start + offset]));
            }
        }
        open
    }

    /// The samples by rising extent. Those looked at together share the largest
    /// extent among them, which then is close to each one's own.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.extents.len()).collect();
        order.sort_by(|&a, &b| self.extents[a].total_cmp(&self.extents[b]).then(a.cmp(&b)));
        order
    }

    /// Adds those of the first `count` steps of a block that are open for
    /// `sample`, counted from `start`.
    fn collect_open(&self, sample: usize, start: usize, block: &Block, count: usize, open: &mut Vec<usize>) {
        match (&self.kind, block) {
            (Kind::Codes { samples, centers, width, .. }, Block::Codes(differences)) => {
                let ball = &samples[sample * width..][..*width];
                let centers = &centers[start * width..][..count * width];
                far_codes(ball, centers, &differences[..count], open);
            }
            (Kind::Singles(rows), Block::Distances(d)) => rows.collect(sample, start, &d[..count], open),
            (Kind::Doubles(rows), Block::Distances(d)) => rows.collect(sample, start, &d[..count], open),
            (_, _) => open.extend(0..count),
        }
    }
}

/// What settles the steps of a block.
enum Block {
    /// The code difference that shows it, 256 where none does.
    Codes(Vec<u16>),
    /// The distance that shows it.
    Distances(Vec<f64>),
}

impl Block {
    fn new(kind: &Kind, distances: &[f64]) -> Self {
        match kind {
            Kind::Codes { gaps, .. } => Self::Codes(
                distances.iter().map(|d| gaps.partition_point(|gap| gap < d).min(256) as u16).collect(),
            ),
            _ => Self::Distances(distances.to_vec()),
        }
    }
}

/// Adds the positions of those rows of `centers` from which `ball` differs
/// nowhere by the row's difference or more.
///
/// Compiled for several instruction sets: on 60,000 MNIST images the widest is
/// about four times as fast as the baseline of x86-64.
fn far_codes(ball: &[u8], centers: &[u8], differences: &[u16], open: &mut Vec<usize>) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: the processor has what the function was compiled for.
            return unsafe { far_codes_avx512(ball, centers, differences, open) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            return unsafe { far_codes_avx2(ball, centers, differences, open) };
        }
    }
    far_codes_portable(ball, centers, differences, open);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn far_codes_avx512(ball: &[u8], centers: &[u8], differences: &[u16], open: &mut Vec<usize>) {
    far_codes_portable(ball, centers, differences, open);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn far_codes_avx2(ball: &[u8], centers: &[u8], differences: &[u16], open: &mut Vec<usize>) {
    far_codes_portable(ball, centers, differences, open);
}

#[inline(always)]
fn far_codes_portable(ball: &[u8], centers: &[u8], differences: &[u16], open: &mut Vec<usize>) {
    let ball = ball.as_chunks::<CHUNK>().0;
    let rows = centers.as_chunks::<CHUNK>().0.chunks_exact(ball.len());
    for (position, (row, &difference)) in rows.zip(differences).enumerate() {
        let settled = u8::try_from(difference).is_ok_and(|difference| {
            ball.iter().zip(row).any(|(a, b)| {
                let mut far = false;
                for (&a, &b) in a.iter().zip(b) {
                    far |= a.abs_diff(b) >= difference;
                }
                far
            })
        });
        if !settled {
            open.push(position);
        }
    }
}

impl<T: Real> Rows<T> {
    fn new(
        claim: &Claim<'_>,
        recurrence: &Recurrence,
        order: &[usize],
        steps: &[usize],
        width: usize,
    ) -> Self {
        let n = order.len();
        let mut row = vec![0.0; n];
        let mut permute = |out: &mut Vec<T>, fill: &mut dyn FnMut(&mut [f64])| {
            fill(&mut row);
            out.extend(order.iter().map(|&j| T::from_f64(row[j])));
            out.resize(out.len().next_multiple_of(width), T::default());
        };
        let mut samples = Vec::with_capacity(claim.data.samples() * width);
        for i in 0..claim.data.samples() {
            permute(&mut samples, &mut |row| claim.data.copy_row(i, row));
        }
        let mut centers = Vec::with_capacity(steps.len() * width);
        for &k in steps {
            permute(&mut centers, &mut |row| recurrence.copy_center(k, row));
        }
        Self { samples, centers, width, precision: recurrence.precision }
    }

    /// Adds the positions of those steps, counted from `start`, from whose
    /// center no feature of `sample` differs by the distance or more, as far as
    /// a rounded difference can show it: it must exceed the distance by more
    /// than its rounding error.
    fn collect(&self, sample: usize, start: usize, distances: &[f64], open: &mut Vec<usize>) {
        let more = add_up(1.0, 4.0 * self.precision.unit_roundoff());
        let ball = self.samples[sample * self.width..][..self.width].as_chunks::<CHUNK>().0;
        for (position, &distance) in distances.iter().enumerate() {
            let safe = self.precision.round_up(mul_up(distance, more));
            // A difference that overflows is only known to exceed finite numbers.
            if !safe.is_finite() {
                open.push(position);
                continue;
            }
            let safe = T::from_f64(safe);
            let center = &self.centers[(start + position) * self.width..][..self.width];
            let settled = ball.iter().zip(center.as_chunks::<CHUNK>().0).any(|(a, b)| {
                let mut far = false;
                for (&a, &b) in a.iter().zip(b) {
                    far |= (a - b).abs() >= safe;
                }
                far
            });
            if !settled {
                open.push(position);
            }
        }
    }
}

/// The smallest distance between a value of `levels` and a value of `table`
/// whose codes differ by `d` or more, for `d = 0..256`.
fn gaps_by_code(levels: &[f64], table: &[f64]) -> Vec<f64> {
    let mut gaps = vec![f64::INFINITY; 256];
    for (a, &x) in levels.iter().enumerate() {
        for (b, &y) in table.iter().enumerate() {
            let gap = &mut gaps[a.abs_diff(b)];
            *gap = gap.min(sub_down(x, y).max(sub_down(y, x)));
        }
    }
    for d in (0..255).rev() {
        gaps[d] = gaps[d].min(gaps[d + 1]);
    }
    gaps
}

/// For every sample how far its ball and the rounded points of it reach from
/// the sample as `stored` keeps it, over all features.
fn extents(claim: &Claim<'_>, precision: Precision, stored: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut x = vec![0.0; claim.data.features()];
    (0..claim.data.samples())
        .map(|i| {
            claim.data.copy_row(i, &mut x);
            ball(&x, claim.radii.of(i), precision)
                .zip(&x)
                .map(|((lower, upper), &x)| sub_up(upper, stored(x)).max(sub_up(stored(x), lower)))
                .fold(0.0, f64::max)
        })
        .collect()
}

/// Whether every ball's upper end is at or above the minimum it is clipped to.
fn clipping_is_harmless(claim: &Claim<'_>, recurrence: &Recurrence) -> bool {
    claim.data.minima().iter().zip(&recurrence.minima).all(|(x, m)| m <= x)
}

/// Features by falling spread over at most 1,024 samples.
fn order_by_spread(claim: &Claim<'_>) -> Vec<usize> {
    let data = claim.data;
    let n = data.features();
    let stride = data.samples().div_ceil(1024).max(1);
    let mut x = vec![0.0; n];
    let (mut sums, mut squares, mut count) = (vec![0.0; n], vec![0.0; n], 0.0);
    for i in (0..data.samples()).step_by(stride) {
        data.copy_row(i, &mut x);
        count += 1.0;
        for (j, x) in x.iter().enumerate() {
            sums[j] += x;
            squares[j] += x * x;
        }
    }
    let spread = |j: usize| squares[j] / count - (sums[j] / count) * (sums[j] / count);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| spread(b).total_cmp(&spread(a)).then(a.cmp(&b)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Every compiled version settles the same rows, and rightly.
        #[test]
        fn kernels_agree(
            ball in prop::collection::vec(any::<u8>(), 2 * CHUNK),
            centers in prop::collection::vec(any::<u8>(), 6 * CHUNK),
            differences in prop::collection::vec(0u16..=256, 3),
        ) {
            let expected: Vec<usize> = (0..3)
                .filter(|r| {
                    let row = &centers[r * 2 * CHUNK..][..2 * CHUNK];
                    ball.iter().zip(row).all(|(a, b)| u16::from(a.abs_diff(*b)) < differences[*r])
                })
                .collect();
            let (mut chosen, mut portable) = (vec![], vec![]);
            far_codes(&ball, &centers, &differences, &mut chosen);
            far_codes_portable(&ball, &centers, &differences, &mut portable);
            prop_assert_eq!(&chosen, &expected);
            prop_assert_eq!(&portable, &expected);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                let mut open = vec![];
                // SAFETY: the processor has AVX2.
                unsafe { far_codes_avx2(&ball, &centers, &differences, &mut open) };
                prop_assert_eq!(&open, &expected);
            }
        }
    }
}
