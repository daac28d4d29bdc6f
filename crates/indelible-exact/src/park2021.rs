//! Bit extraction from groups of ∛K runs: the grouping of Park, Lee, Yun & Shin,
//! "Provable Memorization via Deep Neural Networks using Sub-linear Parameters",
//! COLT 2021, who memorize with O(N^⅔) parameters.
//!
//! `vardi2022` with `g = ⌈∛K⌉`, so that about K^⅔ groups have words of ∛K (κ + c) bits:
//! shorter numbers, more of them. Everything else is said there. Their networks first
//! compress the places to a range of about N^{4/3} and give every place of it a label; here
//! the places are compared with cuts instead.

use crate::{Cuts, Memorizer, bit_extraction::over, vardi2022};

pub(crate) const ENTRY: Memorizer = Memorizer {
    name: "park2021",
    source: "Park, Lee, Yun & Shin, COLT 2021 (the grouping); decoder: this library",
    formula: "that of vardi2022 with g = ⌈∛K⌉",
    shape: |_, line, radius, bits| Ok(over(Cuts::new(line, radius)?.with_key_bits(bits), cube_root)),
    ..vardi2022::ENTRY
};

/// The smallest g with g³ ≥ K.
fn cube_root(cuts: &Cuts) -> usize {
    let runs = cuts.runs();
    (1..=runs).find(|g| g.saturating_mul(*g).saturating_mul(*g) >= runs).unwrap_or(1)
}
