//! Panels of 512 inputs, one column per feature: numbers of the network's
//! format, or 8-bit codes.

use std::sync::Arc;

use crate::{isa::Isa, number::Real};

use super::{
    super::Side,
    Bits, GROUP, Literal, PANEL,
    kernel::{self, Limit},
};

/// Inputs that can be compared with literals and looked up.
pub(super) trait Panel: Send {
    /// A number of the network's format.
    type Value: Real;

    /// For every literal the inputs on which it alone silences a cell; bits of
    /// inputs that are not there are arbitrary.
    fn silent(&self, literals: &[Literal], out: &mut [Bits]);

    /// The feature of a column at an input.
    fn value(&self, column: usize, input: usize) -> Self::Value;
}

/// How far `x` is beyond a threshold, not positive inside.
#[inline(always)]
pub(super) fn violation<T: Real>(x: T, side: Side, threshold: T) -> T {
    match side {
        Side::AtLeast => threshold - x,
        Side::AtMost => x - threshold,
    }
}

/// A panel of numbers.
#[derive(Clone)]
pub(super) struct Values<T> {
    pub columns: Vec<[T; PANEL]>,
}

impl<T: Real> Values<T> {
    pub fn new(groups: usize) -> Self {
        Self { columns: vec![[T::default(); PANEL]; GROUP * groups] }
    }

    /// Takes the features of `groups` of at most 512 `rows` of `width` numbers.
    pub fn fill<S: Copy>(&mut self, rows: &[S], width: usize, groups: &[usize], round: &impl Fn(S) -> T) {
        let features = groups.iter().flat_map(|group| GROUP * group..GROUP * (group + 1));
        for (column, f) in self.columns.iter_mut().zip(features).filter(|(_, f)| *f < width) {
            for (x, row) in column.iter_mut().zip(rows.chunks_exact(width)) {
                *x = round(row[f]);
            }
        }
    }
}

impl<T: Real> Panel for Values<T> {
    type Value = T;

    fn silent(&self, literals: &[Literal], out: &mut [Bits]) {
        for (literal, out) in literals.iter().zip(out) {
            let (threshold, scale) = (T::from_f64(literal.constraint.threshold), T::from_f64(literal.scale));
            let column = &self.columns[literal.column];
            *out = match literal.constraint.side {
                Side::AtLeast => silenced(column, scale, |x| threshold - x),
                Side::AtMost => silenced(column, scale, |x| x - threshold),
            };
        }
    }

    #[inline(always)]
    fn value(&self, column: usize, input: usize) -> T {
        self.columns[column][input]
    }
}

/// Where a violation alone silences a cell. The answers are bytes first, which
/// compilers fill with vector instructions: a third of the time of shifting
/// bits one by one.
#[inline(always)]
fn silenced<T: Real>(column: &[T; PANEL], scale: T, violation: impl Fn(T) -> T) -> Bits {
    let one = T::from_f64(1.0);
    let mut out = Bits::default();
    for (word, part) in out.iter_mut().zip(column.as_chunks::<64>().0) {
        *word = kernel::packed(&part.map(|x| u8::from(scale * violation(x) >= one)));
    }
    out
}

/// A panel of 8-bit codes.
#[derive(Clone)]
pub(super) struct Codes<T> {
    isa: Isa,
    columns: Vec<[u8; PANEL]>,
    /// What each code denotes, rounded to the format.
    levels: Arc<[T]>,
    /// For every literal the codes that it silences.
    limits: Arc<[Limit]>,
}

impl<T: Real> Codes<T> {
    /// An empty panel for `literals` over `groups`; `levels` increase.
    pub fn new(isa: Isa, levels: &[f64], literals: &[Literal], groups: usize) -> Self {
        let levels: Arc<[T]> = levels.iter().map(|&x| T::from_f64(x)).collect();
        let limits = literals.iter().map(|literal| limit(&levels, literal)).collect();
        Self { isa, columns: vec![[0; PANEL]; GROUP * groups], levels, limits }
    }

    /// Takes the features of `groups` of at most 512 `rows` of `width` codes,
    /// eight rows and eight features at a time.
    pub fn fill(&mut self, rows: &[u8], width: usize, groups: &[usize]) {
        for (columns, &group) in self.columns.as_chunks_mut::<GROUP>().0.iter_mut().zip(groups) {
            for (i, rows) in rows.chunks(GROUP * width).enumerate() {
                let square = square(rows, width, GROUP * group);
                for (column, codes) in columns.iter_mut().zip(transposed(square)) {
                    column[GROUP * i..GROUP * (i + 1)].copy_from_slice(&codes.to_le_bytes());
                }
            }
        }
    }
}

/// Eight features from `first` on of up to eight `rows` of `width` codes, one
/// row in a word; 0 for what is not there.
#[inline(always)]
fn square(rows: &[u8], width: usize, first: usize) -> [u64; GROUP] {
    if rows.len() == GROUP * width && first + GROUP <= width {
        return std::array::from_fn(|k| word(&rows[k * width + first..]));
    }
    let mut square = [0; GROUP];
    for (out, row) in square.iter_mut().zip(rows.chunks_exact(width)) {
        let mut part = [0; GROUP];
        let used = GROUP.min(width - first);
        part[..used].copy_from_slice(&row[first..first + used]);
        *out = u64::from_le_bytes(part);
    }
    square
}

/// The first eight codes.
#[inline(always)]
fn word(codes: &[u8]) -> u64 {
    codes.first_chunk().map_or(0, |codes| u64::from_le_bytes(*codes))
}

/// Rows and columns exchanged, a row in a word: quarters, then pairs, then
/// bytes of two words are swapped (Warren, Hacker's Delight, §7–3).
#[inline(always)]
fn transposed(mut rows: [u64; GROUP]) -> [u64; GROUP] {
    let mut exchange = |low: usize, high: usize, mask: u64| {
        let shift = 8 * (high - low);
        let swapped = (rows[low] >> shift ^ rows[high]) & mask;
        rows[high] ^= swapped;
        rows[low] ^= swapped << shift;
    };
    for low in [0, 1, 2, 3] {
        exchange(low, low + 4, 0x0000_0000_ffff_ffff);
    }
    for low in [0, 1, 4, 5] {
        exchange(low, low + 2, 0x0000_ffff_0000_ffff);
    }
    for low in [0, 2, 4, 6] {
        exchange(low, low + 1, 0x00ff_00ff_00ff_00ff);
    }
    rows
}

/// The codes that `literal` silences. Differences rounded to nearest and
/// products with a positive scale are monotone in the code, so they are the
/// first or the last ones.
fn limit<T: Real>(levels: &[T], literal: &Literal) -> Limit {
    let (threshold, scale) = (T::from_f64(literal.constraint.threshold), T::from_f64(literal.scale));
    let side = literal.constraint.side;
    let silent = |x: &T| scale * violation(*x, side, threshold) >= T::from_f64(1.0);
    let code = match side {
        Side::AtLeast => levels.partition_point(silent),
        Side::AtMost => levels.partition_point(|x| !silent(x)),
    };
    Limit { column: literal.column, code, below: side == Side::AtLeast }
}

impl<T: Real> Panel for Codes<T> {
    type Value = T;

    fn silent(&self, _: &[Literal], out: &mut [Bits]) {
        kernel::compare(self.isa, &self.columns, &self.limits, out);
    }

    #[inline(always)]
    fn value(&self, column: usize, input: usize) -> T {
        self.levels[usize::from(self.columns[column][input])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_transposed() {
        let code = |i: usize, j: usize| (31 * i + 7 * j * j + 3 * i * j) as u8;
        let turned =
            transposed(std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|j| code(i, j)))));
        for (j, row) in turned.iter().enumerate() {
            assert_eq!(row.to_le_bytes(), std::array::from_fn(|i| code(i, j)));
        }
    }
}
