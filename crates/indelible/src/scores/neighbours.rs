//! The neighbours of many points, some points at a time.

use std::ops::Range;

use crate::{Dataset, Error, Norm, Progress, separation::k_nearest_indices};

/// Neighbours in memory at a time.
const AT_ONCE: usize = 1 << 21;

/// For every point of `queries`, in order, and at most so many neighbours at a
/// time: calls `each` with some points and the `per_query` nearest samples of
/// `base` to each of them, all of them where there are fewer.
pub(super) fn each_part(
    queries: &Dataset,
    base: &Dataset,
    norm: Norm,
    per_query: usize,
    progress: &dyn Progress,
    mut each: impl FnMut(Range<usize>, &[usize]),
) -> Result<(), Error> {
    let (count, per_query) = (queries.samples(), per_query.min(base.samples()));
    let part = (AT_ONCE / per_query.max(1)).max(1);
    for start in (0..count).step_by(part) {
        let range = start..count.min(start + part);
        let near = if range.len() == count {
            k_nearest_indices(queries, base, norm, per_query, progress)?
        } else {
            k_nearest_indices(&queries.select(range.clone())?, base, norm, per_query, progress)?
        };
        each(range, &near);
    }
    Ok(())
}
