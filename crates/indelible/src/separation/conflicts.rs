//! Equal points with different labels.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::{Dataset, dataset::Features, parallel};

/// Pairs of equal samples with different labels, smaller index first: the
/// lexicographically first `limit` of them. Such a dataset cannot be
/// memorized (`λ = 0`). Takes `O(N)` memory beyond the data.
///
/// ```
/// use indelible::{Dataset, Features, separation::conflicts};
///
/// let features = Features::F64(vec![0.0, 1.0, -0.0, 1.0].into());
/// let data = Dataset::new(features, 1, vec![0, 0, 1, 0], vec!["a".into(), "b".into()])?;
/// assert_eq!(conflicts(&data, 10), vec![(0, 2)]);
/// # Ok::<(), indelible::Error>(())
/// ```
#[must_use]
pub fn conflicts(data: &Dataset, limit: usize) -> Vec<(usize, usize)> {
    let state = RandomState::new();
    let hashes: Vec<u64> = parallel::map(data.samples(), |i| hash_row(data, i, state.build_hasher()));
    // Samples with one hash value stand together, in ascending order.
    let mut order: Vec<usize> = (0..data.samples()).collect();
    order.sort_by_key(|&i| (hashes[i], i));
    let same = |p: usize, q: usize| hashes[order[p]] == hashes[order[q]];
    let label = |p: usize| data.labels()[order[p]];
    // Next place with another label or hash value: long runs are skipped.
    let mut next: Vec<usize> = (1..=order.len()).collect();
    for p in (1..order.len()).rev() {
        if same(p - 1, p) && label(p - 1) == label(p) {
            next[p - 1] = next[p];
        }
    }
    let mut place = vec![0; order.len()];
    for (p, &i) in order.iter().enumerate() {
        place[i] = p;
    }
    let mut found = Vec::new();
    for (i, &start) in place.iter().enumerate() {
        let mut p = next[start];
        while p < order.len() && same(start, p) {
            if found.len() >= limit {
                return found;
            }
            if label(p) == label(start) {
                p = next[p];
            } else {
                let j = order[p];
                if (0..data.features()).all(|f| data.value(i, f) == data.value(j, f)) {
                    found.push((i, j));
                }
                p += 1;
            }
        }
    }
    found
}

/// Equal points get equal hash values: −0 is hashed as 0.
fn hash_row(data: &Dataset, i: usize, mut hasher: impl Hasher) -> u64 {
    let range = i * data.features()..(i + 1) * data.features();
    match data.storage() {
        Features::Coded { codes, .. } => hasher.write(&codes[range]),
        Features::F32(values) => values[range].iter().for_each(|v| hasher.write_u32((v + 0.0).to_bits())),
        Features::F64(values) => values[range].iter().for_each(|v| hasher.write_u64((v + 0.0).to_bits())),
    }
    hasher.finish()
}

/// Pairs that [`describe_conflicts`] names.
const MOST_NAMED: usize = 10;

/// Why no network can memorize `data`, in one line: equal samples with different
/// labels, the first ten pairs of them with their labels.
///
/// ```
/// use indelible::{Dataset, Features, separation::describe_conflicts};
///
/// let features = Features::F64(vec![0.0, 1.0, 0.0].into());
/// let data = Dataset::new(features, 1, vec![0, 0, 1], vec!["a".into(), "b".into()])?;
/// assert!(describe_conflicts(&data).ends_with("different labels: 0 (a) and 2 (b)"));
/// # Ok::<(), indelible::Error>(())
/// ```
#[must_use]
pub fn describe_conflicts(data: &Dataset) -> String {
    let found = conflicts(data, MOST_NAMED);
    let named = |i: usize| format!("{i} ({})", data.class_names()[data.labels()[i]]);
    let pairs: Vec<String> = found.iter().map(|&(i, j)| format!("{} and {}", named(i), named(j))).collect();
    let more = if found.len() == MOST_NAMED { ", and possibly more" } else { "" };
    format!(
        "no network can memorize these data: equal samples have different labels: {}{more}",
        pairs.join("; ")
    )
}
