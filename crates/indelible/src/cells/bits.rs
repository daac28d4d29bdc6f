//! Sets of balls as bits; inlined, so that a [`Loop`](crate::isa::Loop) compiles
//! them for its vector instructions.

use crate::number::whole;

/// Number of elements.
#[inline(always)]
pub(super) fn size(set: &[u64]) -> usize {
    set.iter().map(|word| word.count_ones() as usize).sum()
}

/// Size of the intersection.
#[inline(always)]
pub(super) fn size_of_both(a: &[u64], b: &[u64]) -> usize {
    a.iter().zip(b).map(|(a, b)| (a & b).count_ones() as usize).sum()
}

/// Whether `slot` belongs to the set.
#[inline]
pub(super) fn has(set: &[u64], slot: usize) -> bool {
    set[slot / 64] >> (slot % 64) & 1 == 1
}

/// Keeps what `other` has, too.
#[inline(always)]
pub(super) fn keep(set: &mut [u64], other: &[u64]) {
    for (a, b) in set.iter_mut().zip(other) {
        *a &= b;
    }
}

/// Removes what `other` has.
#[inline(always)]
pub(super) fn remove(set: &mut [u64], other: &[u64]) {
    for (a, b) in set.iter_mut().zip(other) {
        *a &= !b;
    }
}

/// Adds `set` to what is in one set or more, and in two or more.
#[inline(always)]
pub(super) fn count_again(set: &[u64], once: &mut [u64], twice: &mut [u64]) {
    for ((once, twice), set) in once.iter_mut().zip(twice).zip(set) {
        *twice |= *once & set;
        *once |= set;
    }
}

/// The elements, each with 64 times `offset` added.
pub(super) fn elements(set: &[u64], offset: usize) -> impl Iterator<Item = usize> {
    set.iter().enumerate().flat_map(move |(position, &word)| {
        let mut word = word;
        std::iter::from_fn(move || {
            let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
            word &= word - 1;
            Some(64 * (offset + position) + bit)
        })
    })
}

/// Writes to `out` the elements, or `most` of them at equal distances starting
/// from the share `start` of a step where there are more. Returns how many
/// elements there are. Elements are slots, fewer than 2^32: a grid has rows of
/// 128 bytes or more for them.
#[inline(always)]
pub(super) fn sample(set: &[u64], offset: usize, most: usize, start: f64, out: &mut Vec<u32>) -> usize {
    out.clear();
    let total = size(set);
    let step = if total <= most { 1.0 } else { total as f64 / most as f64 };
    let start = if total <= most { 0.0 } else { start };
    let wanted = |k: usize| whole((k as f64 + start) * step);
    let mut before = 0;
    for (position, &word) in set.iter().enumerate() {
        let count = word.count_ones() as usize;
        let (mut word, mut at) = (word, before);
        while out.len() < most.min(total) && wanted(out.len()) < before + count {
            while at < wanted(out.len()) {
                word &= word - 1;
                at += 1;
            }
            #[expect(clippy::cast_possible_truncation, reason = "slots are fewer than 2^32")]
            let first = (64 * (offset + position)) as u32;
            out.push(first + word.trailing_zeros());
        }
        before += count;
    }
    total
}

/// Transposes a matrix of 64 × 64 bits, word `r` being row `r` (Warren,
/// *Hacker's Delight*, §7-3).
pub(super) fn transpose(rows: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0x0000_0000_FFFF_FFFF_u64;
    while width != 0 {
        let mut k = 0;
        while k < 64 {
            let t = ((rows[k] >> width) ^ rows[k | width]) & mask;
            rows[k] ^= t << width;
            rows[k | width] ^= t;
            k = ((k | width) + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn samples_are_spread_elements(
            set in prop::collection::vec(any::<u64>(), 1..6),
            most in 1usize..200,
            start in 0.0f64..1.0,
        ) {
            let all: Vec<usize> = (64..64 * (set.len() + 1)).filter(|&s| has(&set, s - 64)).collect();
            prop_assert_eq!(&elements(&set, 1).collect::<Vec<_>>(), &all);
            let mut out = vec![];
            prop_assert_eq!(sample(&set, 1, most, start, &mut out), all.len());
            prop_assert_eq!(out.len(), most.min(all.len()));
            prop_assert!(out.windows(2).all(|w| w[0] < w[1]));
            prop_assert!(out.iter().all(|s| all.contains(&(*s as usize))));
        }

        #[test]
        fn transposing_swaps_indices(rows in prop::collection::vec(any::<u64>(), 64)) {
            let mut turned: [u64; 64] = rows.clone().try_into().unwrap();
            transpose(&mut turned);
            for (r, row) in rows.iter().enumerate() {
                for (c, column) in turned.iter().enumerate() {
                    prop_assert_eq!(column >> r & 1, row >> c & 1);
                }
            }
        }
    }
}
