//! Bit extraction from as few numbers as it takes: Vardi, Yehudai & Shamir, "On
//! the Optimal Memorization Power of ReLU Neural Networks", ICLR 2022, Theorem
//! 3.1 (Õ(√N) parameters).
//!
//! **Guarantee.** That of the cuts: exactly `y_i` on every ball of their radius.
//!
//! **Size.** For K runs in groups of g, with cuts of κ bits and labels of c,
//! κ > c: depth `4 + c + (g − 1)(κ + 2)`, at most
//! `n + 8⌈K/g⌉ + (g − 2)(16κ + 12c + 13) + 15κ + 16c + 6` nonzero parameters for
//! g ≥ 3; the g that makes this least is about √(8K/(16κ + 12c + 13)), which gives
//! √K times a factor √κ. Numbers of `max((g − 1)κ, gc)` bits.
//!
//! **Method.** See `bit_extraction.rs`. Ours in this: the source stores for every
//! sample the integer below its place and takes digits off in a block of its own
//! width; here cuts between runs are stored, one less than runs, which leaves
//! room for balls, and the count is exact.
//!
//! **Floating point.** None: integers of any size.

use crate::{Cuts, Memorizer, bit_extraction::over, bit_extraction::parameters};

pub(crate) const ENTRY: Memorizer = Memorizer {
    name: "vardi2022",
    source: "Vardi, Yehudai & Shamir, ICLR 2022, Theorem 3.1; cuts, radius and count: this library",
    formula: "n + 8⌈K/g⌉ + (g − 2)(16κ + 12c + 13) + 15κ + 16c + 6, g about √(8K/(16κ + 12c + 13))",
    is_provable: true,
    most_unnamed: usize::MAX,
    shape: |_, line, radius, bits| Ok(over(Cuts::new(line, radius)?.with_key_bits(bits), fewest)),
};

/// The size of groups with the fewest parameters: the count first falls and then
/// grows but for the rounding of K/g, so what is near the root is looked at.
pub(crate) fn fewest(cuts: &Cuts) -> usize {
    let runs = cuts.runs();
    let item = 16 * cuts.key_bits + 12 * cuts.label_bits() + 13;
    let root = (8 * runs / item).isqrt();
    let near = 1..=(2 * root + 3).min(runs);
    near.min_by_key(|g| parameters(cuts, *g)).unwrap_or(1)
}
