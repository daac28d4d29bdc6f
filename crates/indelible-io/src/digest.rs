//! A fingerprint of a dataset that does not depend on how it is stored.

use indelible::Dataset;
use sha2::{Digest, Sha256};

/// Rows are hashed in blocks of about this many bytes: large enough to hide
/// the call, small enough to stay in the cache.
const BLOCK: usize = 64 * 1024;

/// SHA-256 of `data`, as 64 hexadecimal digits.
///
/// The hash is over, in this order and all little-endian: the number of
/// features `n` and of samples `N` (64-bit unsigned); every value as the bits
/// of its binary64 number, sample after sample; the class index `0..L` of each
/// sample (64-bit unsigned); the number of classes, then for each class the
/// number of bytes of its name (64-bit unsigned) and the name in UTF-8.
///
/// So datasets that denote the same numbers and labels have one digest,
/// whether their values are stored as codes, binary32 or binary64.
#[must_use]
pub fn digest(data: &Dataset) -> String {
    let mut hash = Sha256::new();
    let count = |hash: &mut Sha256, n: usize| hash.update((n as u64).to_le_bytes());
    count(&mut hash, data.features());
    count(&mut hash, data.samples());
    let mut row = vec![0.0; data.features()];
    let mut block = Vec::with_capacity(BLOCK + 8 * data.features());
    for sample in 0..data.samples() {
        data.copy_row(sample, &mut row);
        block.extend(row.iter().flat_map(|v| v.to_bits().to_le_bytes()));
        if block.len() >= BLOCK {
            hash.update(&block);
            block.clear();
        }
    }
    hash.update(&block);
    for &label in data.labels() {
        count(&mut hash, label);
    }
    count(&mut hash, data.classes());
    for name in data.class_names() {
        count(&mut hash, name.len());
        hash.update(name);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible::Features;

    fn data(features: Features, width: usize, labels: Vec<usize>, names: &[&str]) -> Dataset {
        Dataset::new(features, width, labels, names.iter().map(|&n| n.into()).collect()).unwrap()
    }

    #[test]
    fn follows_the_documented_form() {
        // sha256 of 1,2 | 0.5, -2.0 | 0, 1 | 2, 1,"a", 1,"b" laid out as documented.
        let mut bytes = Vec::new();
        for n in [1u64, 2] {
            bytes.extend(n.to_le_bytes());
        }
        for v in [0.5f64, -2.0] {
            bytes.extend(v.to_le_bytes());
        }
        for n in [0u64, 1, 2, 1] {
            bytes.extend(n.to_le_bytes());
        }
        bytes.push(b'a');
        bytes.extend(1u64.to_le_bytes());
        bytes.push(b'b');
        let expected: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        let data = data(Features::F32(vec![0.5, -2.0].into()), 1, vec![0, 1], &["a", "b"]);
        assert_eq!(digest(&data), expected);
        assert_eq!(digest(&data).len(), 64);
    }

    #[test]
    fn depends_on_the_numbers_and_not_on_their_storage() {
        let codes = vec![0u8, 7, 200, 255, 1, 128];
        let unit = data(Features::unit_codes(codes.clone().into()), 3, vec![0, 1], &["a", "b"]);
        let singles: Vec<f32> = codes.iter().map(|&c| f32::from(c) / 255.0).collect();
        let doubles: Vec<f64> = singles.iter().map(|&v| f64::from(v)).collect();
        let single = data(Features::F32(singles.into()), 3, vec![0, 1], &["a", "b"]);
        let double = data(Features::F64(doubles.clone().into()), 3, vec![0, 1], &["a", "b"]);
        assert_eq!(digest(&unit), digest(&single));
        assert_eq!(digest(&unit), digest(&double));

        let mut moved = doubles.clone();
        moved[5] = moved[5].next_up();
        let others = [
            data(Features::F64(moved.into()), 3, vec![0, 1], &["a", "b"]),
            data(Features::F64(doubles.clone().into()), 3, vec![1, 0], &["a", "b"]),
            data(Features::F64(doubles.clone().into()), 3, vec![0, 1], &["a", "c"]),
            data(Features::F64(doubles.clone().into()), 3, vec![0, 1], &["a", "b", "c"]),
            data(Features::F64(doubles.into()), 2, vec![0, 1, 1], &["a", "b"]),
            data(Features::integer_codes(codes.into()), 3, vec![0, 1], &["a", "b"]),
        ];
        for other in &others {
            assert_ne!(digest(&unit), digest(other));
        }
    }
}
