//! Bit extraction from groups of ∛K runs: the grouping of Park, Lee, Yun & Shin,
//! "Provable Memorization via Deep Neural Networks using Sub-linear Parameters",
//! COLT 2021, who memorize with O(N^⅔) parameters.
//!
//! **Guarantee.** That of the cuts: exactly `y_i` on every ball of their radius.
//!
//! **Size.** As of `vardi2022` with `g = ⌈∛K⌉`, so that about K^⅔ groups have
//! words of ∛K (κ + c) bits: shorter numbers, more of them.
//!
//! **Method.** The grouping is theirs, the decoder is that of `vardi2022`. Their
//! networks first compress the places to a range of about N^{4/3} and give every
//! place of it a label; here the places are compared with cuts instead.

use crate::{
    Cuts, Memorizer,
    bit_extraction::{build, depth, parameters},
};

pub(crate) const ENTRY: Memorizer = Memorizer {
    name: "park2021",
    source: "Park, Lee, Yun & Shin, COLT 2021 (the grouping); decoder: this library",
    formula: "n + 8⌈K/g⌉ + (g − 2)(16κ + 12c + 13) + 15κ + 16c + 6, g = ⌈∛K⌉",
    group: Some(group),
    build,
    parameters,
    depth,
};

/// The smallest g with g³ ≥ K.
fn group(cuts: &Cuts) -> usize {
    let runs = cuts.runs();
    (1..=runs).find(|g| g.saturating_mul(*g).saturating_mul(*g) >= runs).unwrap_or(1)
}
