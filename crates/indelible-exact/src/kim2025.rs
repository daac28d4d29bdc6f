//! Robust memorization with the parameters of plain memorization: Kim, Moon & Yun, "The
//! Cost of Robustness: Tighter Bounds on Parameter Complexity for Robust Memorization in
//! ReLU Nets", NeurIPS 2025, Theorem 4.2 (i): ρ up to 1/(5N√n), p = 2, all entries Õ(√N)
//! beside those of the projection. Of the source the statement and a sketch of the proof
//! were at hand.
//!
//! **Guarantee.** Exactly `y_i` on every ball of a radius that a lattice leaves room for: in l2
//! `λ/(4N√n)` at least where nothing is projected (ρ = 1/(2N√n)), mostly more.
//!
//! **Size.** With `m = min(n, max(⌈864 ln N⌉, ⌈10 ln n⌉))` rows of W weights that are not 0
//! and cells of `r = ⌈log₂ R⌉` bits along each: `r + 1` layers and `W + m + m(14r − 10)` nonzero
//! parameters in front of what `vardi2022` takes for the K runs of keys, κ = mr bits or one
//! more, without its n; for r = 1 `6m` in place of `m(14r − 10)`; less shifts that are 0.
//! Places have `r` bits and those that the gap between balls takes.
//!
//! **Method.** Rows project the samples; every place is shifted so that the widest gap that the
//! samples leave modulo the width of a cell, 1/N of it at least, lies around the walls; one
//! layer a bit makes the number `k_j` of the cell, in 4 neurons (5 in the source), and the key is
//! `1 + Σ_j R^{j−1} k_j`. Enemies have different keys, and each ball has one. Then bit extraction
//! (`bit_extraction.rs`) from keys in place of places.
//!
//! Ours in this: the source projects at random, by orthonormal rows, and scales by
//! `(11/9) √n/(λ/2)`. For all data of fewer than `864 ln N` features that keeps every
//! dimension, and here the features themselves are taken then; beyond, rows of random integers.
//! Cells are as wide as the data allow. (iii) of the theorem projects and then takes the
//! construction of Yu et al.; `projected` of the library is that with a projection chosen for the
//! data.
//!
//! **Floating point.** None: integers of any size.

use crate::{Memorizer, bit_extraction::over, lattice, vardi2022};

pub(crate) const ENTRY: Memorizer = Memorizer {
    name: "kim2025",
    source: "Kim, Moon & Yun, NeurIPS 2025, Theorem 4.2 (i); cells, cuts and count: this library",
    formula: "W + m + m(14r − 10) + that of vardi2022 for the runs of keys, without n",
    is_provable: true,
    most_unnamed: 1 << 20,
    shape: |data, line, radius, bits| {
        Ok(over(lattice::cuts(data, line, radius)?.with_key_bits(bits), vardi2022::fewest))
    },
};
