//! The counter on any processor, written so that a compiler which may use wide
//! vectors keeps each block of eight words in one or two of them.

use super::{BLOCK, Matrix, PLANES, Which};

type Block = [u64; BLOCK];

/// See [`super::count`], which checks the lengths.
#[inline(always)]
pub(super) fn count(matrix: Matrix<'_>, seed: usize, list: &[u32], which: Which, counts: &mut [u16]) {
    match which {
        Which::Excluded => run::<false>(matrix, seed, list, counts),
        Which::Lost => run::<true>(matrix, seed, list, counts),
    }
}

/// Adds `x` and `y` to the plane `sum` and returns the carries.
#[inline(always)]
fn add(sum: &mut Block, x: Block, y: Block) -> Block {
    let mut carry = [0; BLOCK];
    for k in 0..BLOCK {
        let either = sum[k] ^ x[k];
        carry[k] = (sum[k] & x[k]) | (either & y[k]);
        sum[k] = either ^ y[k];
    }
    carry
}

/// Adds `carry` to `planes`, lowest first.
#[inline(always)]
fn ripple(planes: &mut [Block], mut carry: Block) {
    for plane in planes {
        for k in 0..BLOCK {
            let next = plane[k] & carry[k];
            plane[k] ^= carry[k];
            carry[k] = next;
        }
    }
}

#[inline(always)]
fn block(row: &[u64], at: usize) -> Block {
    let mut out = [0; BLOCK];
    out.copy_from_slice(&row[at..at + BLOCK]);
    out
}

#[inline(always)]
fn run<const LOST: bool>(matrix: Matrix<'_>, seed: usize, list: &[u32], counts: &mut [u16]) {
    let (seed_above, seed_below) = matrix.row(seed);
    let used = ((usize::BITS - list.len().leading_zeros()) as usize).max(4);
    for (at, counts) in (0..matrix.width).step_by(BLOCK).zip(counts.chunks_exact_mut(BLOCK * 64)) {
        let (a, b) = (block(seed_above, at), block(seed_below, at));
        let fetch = |slot: u32| {
            let (above, below) = matrix.row(slot as usize);
            let (above, below) = (block(above, at), block(below, at));
            let mut out = [0; BLOCK];
            for k in 0..BLOCK {
                out[k] = if LOST {
                    (a[k] & !above[k]) | (b[k] & !below[k])
                } else {
                    (a[k] & below[k]) | (b[k] & above[k])
                };
            }
            out
        };
        let mut planes = [[0; BLOCK]; PLANES];
        let (mut ones, mut twos, mut fours) = ([0; BLOCK], [0; BLOCK], [0; BLOCK]);
        let (eights, rest) = list.as_chunks::<8>();
        for s in eights {
            let low = add(&mut ones, fetch(s[0]), fetch(s[1]));
            let high = add(&mut ones, fetch(s[2]), fetch(s[3]));
            let first = add(&mut twos, low, high);
            let low = add(&mut ones, fetch(s[4]), fetch(s[5]));
            let high = add(&mut ones, fetch(s[6]), fetch(s[7]));
            let second = add(&mut twos, low, high);
            let carry = add(&mut fours, first, second);
            ripple(&mut planes[3..used], carry);
        }
        (planes[0], planes[1], planes[2]) = (ones, twos, fours);
        for &slot in rest {
            ripple(&mut planes[..used], fetch(slot));
        }
        for (k, counts) in counts.chunks_exact_mut(64).enumerate() {
            let mut sums = [0u16; 64];
            for (p, plane) in planes[..used].iter().enumerate() {
                let word = plane[k];
                for (bit, sum) in sums.iter_mut().enumerate() {
                    *sum |= ((word >> bit & 1) as u16) << p;
                }
            }
            counts.copy_from_slice(&sums);
        }
    }
}
