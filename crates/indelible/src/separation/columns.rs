//! Codes of a block of samples feature by feature, as kernels read them.

use std::ops::Range;

use rayon::prelude::*;

/// Codes of some features of a range of samples, transposed: row `s` of the
/// result holds the codes of feature `features[s]`, padded with zeros to
/// `stride`; `code` gives that of a sample and a feature.
pub(super) fn transpose(
    samples: Range<usize>,
    features: &[usize],
    stride: usize,
    code: impl Fn(usize, usize) -> u8 + Sync,
) -> Vec<u8> {
    let mut codes = vec![0; features.len() * stride];
    // A few features at a time share the cache lines that they are read from.
    codes.par_chunks_mut(stride * 32).zip(features.par_chunks(32)).for_each(|(out, features)| {
        for (k, j) in samples.clone().enumerate() {
            for (s, &f) in features.iter().enumerate() {
                out[s * stride + k] = code(j, f);
            }
        }
    });
    codes
}
