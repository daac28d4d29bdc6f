//! The two inner loops of evaluation, a panel at a time: columns of 8-bit
//! codes compared with limits, and cells left open by their literals.

use super::{Bits, PANEL, WORDS};
use crate::isa::{Isa, Loop};

/// The codes of a column that a literal silences.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub column: usize,
    /// 0 to 256.
    pub code: usize,
    /// Whether they are those below `code`, not those from it on.
    pub below: bool,
}

/// For every literal the inputs that it silences.
///
/// # Panics
/// When there are fewer `columns` than a limit says, or not as many `out` as
/// `limits`.
pub(super) fn compare(isa: Isa, columns: &[[u8; PANEL]], limits: &[Limit], out: &mut [Bits]) {
    assert_eq!(limits.len(), out.len());
    match isa {
        // SAFETY: the value exists only where the processor has the set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Bytes | Isa::Avx512 => unsafe { wide::compare_avx512(columns, limits, out) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { wide::compare_avx2(columns, limits, out) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        Isa::NeonProducts | Isa::Neon => unsafe { arm::compare(columns, limits, out) },
        Isa::Portable => compare_with(columns, limits, out, below),
    }
}

/// Pairs of a cell and one of the first `count` inputs that none of its
/// literals silences, cell after cell, input after input. Cell `k` has its
/// literals at `ends[k − 1]..ends[k]` of `members`.
///
/// # Panics
/// When there are fewer `silent` than a member says, or `members` end early.
pub(super) fn open(
    isa: Isa,
    members: &[u32],
    ends: &[usize],
    silent: &[Bits],
    count: usize,
    out: &mut Vec<(u32, u32)>,
) {
    isa.run(Open { members, ends, silent, count, out });
}

/// The loop that all instruction sets share; `below` says which codes of a
/// column are less than a number.
#[inline(always)]
fn compare_with(
    columns: &[[u8; PANEL]],
    limits: &[Limit],
    out: &mut [Bits],
    below: impl Fn(&[u8; PANEL], u8) -> Bits,
) {
    for (limit, out) in limits.iter().zip(out) {
        // A limit of 256 lies above every code.
        *out = u8::try_from(limit.code).map_or([u64::MAX; WORDS], |code| below(&columns[limit.column], code));
        if !limit.below {
            *out = out.map(|word| !word);
        }
    }
}

/// Which codes are less than `limit`.
#[inline(always)]
fn below(column: &[u8; PANEL], limit: u8) -> Bits {
    let mut out = Bits::default();
    for (word, part) in out.iter_mut().zip(column.as_chunks::<64>().0) {
        *word = packed(&part.map(|code| u8::from(code < limit)));
    }
    out
}

/// See [`open`].
struct Open<'a> {
    members: &'a [u32],
    ends: &'a [usize],
    silent: &'a [Bits],
    count: usize,
    out: &'a mut Vec<(u32, u32)>,
}

impl Loop for Open<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { members, ends, silent, count, out } = self;
        let mut present = Bits::default();
        for i in 0..count {
            present[i / 64] |= 1 << (i % 64);
        }
        out.clear();
        let mut start = 0;
        for (cell, &end) in (0..).zip(ends) {
            let mut open = present;
            for &literal in &members[start..end] {
                let silent = &silent[literal as usize];
                for w in 0..WORDS {
                    open[w] &= !silent[w];
                }
            }
            start = end;
            if open == [0; WORDS] {
                continue;
            }
            for (first, mut word) in (0..).step_by(64).zip(open) {
                while word != 0 {
                    out.push((cell, first + word.trailing_zeros()));
                    word &= word - 1;
                }
            }
        }
    }
}

/// Bit `i` is byte `i`, which is 0 or 1. Eight bytes at a time are multiplied
/// by a number that moves byte `j` to bit `56 + j` and lets no two bits meet.
#[inline(always)]
pub(super) fn packed(bytes: &[u8; 64]) -> u64 {
    let eight = |(k, b): (usize, &[u8; 8])| {
        (u64::from_le_bytes(*b).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * k)
    };
    bytes.as_chunks::<8>().0.iter().enumerate().map(eight).fold(0, |word, bits| word | bits)
}

/// The loops in wide vectors.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8,
        _mm256_set1_epi8, _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_set1_epi8,
    };

    use super::{Bits, Limit, PANEL, compare_with};

    #[target_feature(enable = "avx512f,avx512bw,avx512dq")]
    pub(super) fn compare_avx512(columns: &[[u8; PANEL]], limits: &[Limit], out: &mut [Bits]) {
        compare_with(columns, limits, out, |column, limit| {
            let limit = _mm512_set1_epi8(limit.cast_signed());
            let mut bits = Bits::default();
            for (word, part) in bits.iter_mut().zip(column.as_chunks::<64>().0) {
                // SAFETY: `part` is 64 bytes long; the load needs no alignment.
                let codes = unsafe { _mm512_loadu_si512(part.as_ptr().cast::<__m512i>()) };
                *word = _mm512_cmplt_epu8_mask(codes, limit);
            }
            bits
        });
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn compare_avx2(columns: &[[u8; PANEL]], limits: &[Limit], out: &mut [Bits]) {
        compare_with(columns, limits, out, |column, limit| {
            let limit = _mm256_set1_epi8(limit.cast_signed());
            let mut bits = Bits::default();
            for (k, part) in column.as_chunks::<32>().0.iter().enumerate() {
                // SAFETY: `part` is 32 bytes long; the load needs no alignment.
                let codes = unsafe { _mm256_loadu_si256(part.as_ptr().cast::<__m256i>()) };
                // max(c, limit) = c exactly where c ≥ limit.
                let reached = _mm256_cmpeq_epi8(_mm256_max_epu8(codes, limit), codes);
                let below = !_mm256_movemask_epi8(reached).cast_unsigned();
                bits[k / 2] |= u64::from(below) << (32 * (k % 2));
            }
            bits
        });
    }
}

/// The loop in vectors of Arm.
#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::{vcltq_u8, vdupq_n_u8, vld1q_u8};

    use super::{Bits, Limit, PANEL, compare_with};
    use crate::isa::neon;

    #[target_feature(enable = "neon")]
    pub(super) fn compare(columns: &[[u8; PANEL]], limits: &[Limit], out: &mut [Bits]) {
        compare_with(columns, limits, out, |column, limit| {
            let limit = vdupq_n_u8(limit);
            let mut bits = Bits::default();
            for (word, part) in bits.iter_mut().zip(column.as_chunks::<64>().0) {
                *word = neon::word(std::array::from_fn(|k| {
                    // SAFETY: 16 of the 64 bytes, from `16 k` on.
                    let codes = unsafe { vld1q_u8(part.as_ptr().add(16 * k)) };
                    vcltq_u8(codes, limit)
                }));
            }
            bits
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::random::Random;

    #[test]
    fn every_limit_silences_its_codes_on_every_instruction_set() {
        let column: [u8; PANEL] = std::array::from_fn(|i| (i.wrapping_mul(151) % 256) as u8);
        let limits: Vec<Limit> =
            (0..=256).flat_map(|code| [true, false].map(|below| Limit { column: 1, code, below })).collect();
        for isa in Isa::available() {
            let mut out = vec![Bits::default(); limits.len()];
            compare(isa, &[[7; PANEL], column], &limits, &mut out);
            for (limit, bits) in limits.iter().zip(&out) {
                for (i, &code) in column.iter().enumerate() {
                    let expected = (usize::from(code) < limit.code) == limit.below;
                    assert_eq!(bits[i / 64] >> (i % 64) & 1 == 1, expected, "{isa:?} {limit:?} {code}");
                }
            }
        }
    }

    #[test]
    fn open_inputs_are_those_that_nothing_silences_on_every_instruction_set() {
        let mut random = Random::new(1);
        let mut word = || random.next() << 11 ^ random.next();
        let silent: Vec<Bits> = (0..50).map(|_| std::array::from_fn(|_| word())).collect();
        let members: Vec<u32> = (0..90).map(|_| (word() % 50) as u32).collect();
        let ends: Vec<usize> = (1..=30).map(|cell| 3 * cell).collect();
        for count in [1, 63, 64, 65, 300, PANEL] {
            let mut expected = Vec::new();
            for cell in 0..30 {
                for input in 0..count as u32 {
                    let hit = |l: &u32| silent[*l as usize][input as usize / 64] >> (input % 64) & 1 == 1;
                    if !members[3 * cell as usize..3 * cell as usize + 3].iter().any(hit) {
                        expected.push((cell, input));
                    }
                }
            }
            for isa in Isa::available() {
                let mut out = vec![(7, 7)];
                open(isa, &members, &ends, &silent, count, &mut out);
                assert_eq!(out, expected, "{isa:?} {count}");
            }
        }
    }
}
