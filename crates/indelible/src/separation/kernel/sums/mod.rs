//! Sums over the absolute differences of codes, a panel of samples at a time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

use super::{Barriers, PANEL, PanelSums, ROWS};
use crate::isa::Isa;

/// Codes of one sample that stand together in a panel.
pub const GROUP: usize = 8;

/// What is summed.
#[derive(Clone, Copy)]
pub enum Term<'a> {
    /// `|a − b|`.
    Gap,
    /// `table[|a − b|]`.
    Entry(&'a [u8; 256]),
    /// `Σ_k max(0, |a − b| − starts[k])`, at most 255.
    Hinges(&'a [u8; HINGES]),
}

/// Hinges of a term.
pub const HINGES: usize = 4;

/// See [`Term::Hinges`].
#[inline(always)]
pub(super) fn hinges(gap: u8, starts: &[u8; HINGES]) -> u8 {
    starts.iter().fold(0, |sum: u8, &start| sum.saturating_add(gap.saturating_sub(start)))
}

/// The sums below one of their two barriers: bit `s` of mask `r` says whether that of query `r`
/// and sample `s` is, and `sums` has those.
///
/// Group `g` of sample `s` stands at `(64 g + s)·8` of `panel`; `rows` are the
/// queries, row after row, of as many codes. Sums must stay below 2^31.
#[inline]
pub fn near(
    isa: Isa,
    term: Term,
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    sums: &mut PanelSums,
) -> [u64; ROWS] {
    assert_eq!(panel.len(), rows.len() / ROWS * PANEL);
    assert_eq!(rows.len() % (ROWS * GROUP), 0);
    match (isa, term) {
        // SAFETY: the value exists only where the processor has the set, and
        // the lengths were checked.
        #[cfg(target_arch = "x86_64")]
        (Isa::Avx512Bytes, _) => unsafe { avx512::near(term, panel, rows, barriers, sums) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        (Isa::Avx512 | Isa::Avx2, Term::Gap) => unsafe { avx2::gaps(panel, rows, barriers, sums) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        (Isa::Avx512 | Isa::Avx2, Term::Hinges(starts)) => unsafe {
            avx2::hinges(starts, panel, rows, barriers, sums)
        },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        (Isa::NeonProducts, Term::Gap) => unsafe { neon::gaps_times_one(panel, rows, barriers, sums) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        (Isa::Neon, Term::Gap) => unsafe { neon::gaps(panel, rows, barriers, sums) },
        // SAFETY: likewise.
        #[cfg(target_arch = "aarch64")]
        (Isa::NeonProducts | Isa::Neon, Term::Hinges(starts)) => unsafe {
            neon::hinges(starts, panel, rows, barriers, sums)
        },
        (_, Term::Gap) => portable(panel, rows, barriers, sums, u32::from),
        (_, Term::Hinges(starts)) => {
            portable(panel, rows, barriers, sums, |gap| u32::from(hinges(gap, starts)))
        }
        // Other sets have no instruction that looks up 256 bytes, and going
        // without one is as fast as putting it together.
        (_, Term::Entry(table)) => {
            portable(panel, rows, barriers, sums, |gap| u32::from(table[usize::from(gap)]))
        }
    }
}

/// See [`near`]; `term` says what of a difference is summed.
fn portable(
    panel: &[u8],
    rows: &[u8],
    barriers: &Barriers,
    out: &mut PanelSums,
    term: impl Fn(u8) -> u32,
) -> [u64; ROWS] {
    let mut masks = [0; ROWS];
    for (r, row) in rows.chunks_exact(rows.len() / ROWS).enumerate() {
        let mut sums = [0; PANEL];
        for (a, b) in row.as_chunks::<GROUP>().0.iter().zip(panel.chunks_exact(GROUP * PANEL)) {
            for (sum, b) in sums.iter_mut().zip(b.as_chunks::<GROUP>().0) {
                *sum += a.iter().zip(b).map(|(&a, &b)| term(u8::abs_diff(a, b))).sum::<u32>();
            }
        }
        for (s, sum) in sums.iter().enumerate() {
            masks[r] |= u64::from(*sum < barriers.queries[r].max(barriers.samples[s])) << s;
        }
        out[r] = sums;
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{Operands, barriers},
        *,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_kernels_agree_with_the_definition(
            groups in 1usize..12,
            seed in any::<u64>(),
            limits in prop::array::uniform6(0u32..20_000),
            entries in prop::collection::vec(any::<u8>(), 256),
            starts in prop::array::uniform4(any::<u8>()),
        ) {
            let codes = Operands::new(groups, GROUP, seed, false);
            let barriers = barriers(limits, seed, 20_000);
            let mut table = [0; 256];
            table.copy_from_slice(&entries);
            let near = |term| {
                let (panel, rows) = (&codes.panel, &codes.queries);
                move |isa, sums: &mut PanelSums| near(isa, term, panel, rows, &barriers, sums)
            };
            codes.check(&barriers, |a, b| u32::from(a.abs_diff(b)), near(Term::Gap))?;
            let entry = |a: u8, b: u8| u32::from(table[usize::from(a.abs_diff(b))]);
            codes.check(&barriers, entry, near(Term::Entry(&table)))?;
            let hinges = |a: u8, b: u8| {
                let over = starts.map(|start| u32::from(a.abs_diff(b)).saturating_sub(u32::from(start)));
                over.iter().sum::<u32>().min(255)
            };
            codes.check(&barriers, hinges, near(Term::Hinges(&starts)))?;
        }
    }
}
