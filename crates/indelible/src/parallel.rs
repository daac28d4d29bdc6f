//! Work spread over all threads, in one place.
//!
//! Results stand in the order of the numbers they belong to, whichever thread was
//! done first. Only one loop over numbers is compiled for all of them: it calls
//! closures through a reference, which takes some nanoseconds and suits rows and
//! blocks, not single numbers. Where every closure had a pipeline of its own, these
//! were a third of this library's compiled code.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// How many threads there are.
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}

/// Calls `task` with every number below `count`.
pub(crate) fn each(count: usize, task: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().for_each(task);
}

/// `task` of every number below `count`.
pub(crate) fn map<T: Send>(count: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut results = Vec::with_capacity(count);
    let slots = Disjoint::new(&mut results.spare_capacity_mut()[..count]);
    each(count, &|i| {
        let result = task(i);
        // SAFETY: no other call has the number i, and so this part.
        let slot = unsafe { slots.part(i, 1) };
        slot[0].write(result);
    });
    // SAFETY: each of the slots was written; where a task panics, nobody comes here.
    unsafe { results.set_len(count) };
    results
}

/// `task` of every element.
pub(crate) fn map_each<S: Sync, T: Send>(elements: &[S], task: impl Fn(&S) -> T + Sync) -> Vec<T> {
    map(elements.len(), |i| task(&elements[i]))
}

/// `task` of every number below `count`, with a buffer that one thread at a time
/// has and nobody clears.
pub(crate) fn map_with<B: Send, T: Send>(
    count: usize,
    buffer: impl Fn() -> B + Sync,
    task: impl Fn(&mut B, usize) -> T + Sync,
) -> Vec<T> {
    let buffers = Buffers { new: &buffer, free: Mutex::new(vec![]) };
    map(count, |i| buffers.lend(|buffer| task(buffer, i)))
}

/// `task` of every number below `count`, or the error of the lowest number that has
/// one. Numbers behind it may be left out.
pub(crate) fn try_map<T: Send, E: Send>(
    count: usize,
    task: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let failed = AtomicUsize::new(usize::MAX);
    let results = map(count, |i| {
        (i < failed.load(Ordering::Relaxed)).then(|| {
            let result = task(i);
            if result.is_err() {
                failed.fetch_min(i, Ordering::Relaxed);
            }
            result
        })
    });
    // What was left out stands behind the first error.
    results.into_iter().flatten().collect()
}

/// All that `task` gives for every number below `count`, in one row.
pub(crate) fn flat_map<T: Send>(count: usize, task: impl Fn(usize) -> Vec<T> + Sync) -> Vec<T> {
    map(count, task).into_iter().flatten().collect()
}

/// Whether `task` says so of a number below `count`; not all need be asked.
pub(crate) fn any(count: usize, task: impl Fn(usize) -> bool + Sync) -> bool {
    let found = AtomicBool::new(false);
    each(count, &|i| {
        if !found.load(Ordering::Relaxed) && task(i) {
            found.store(true, Ordering::Relaxed);
        }
    });
    found.into_inner()
}

/// What `add` makes of all numbers below `count`, beginning with `empty`, in parts
/// that `merge` puts together. Who adds what is not said: the order must not matter.
pub(crate) fn fold<A: Send>(
    count: usize,
    empty: impl Fn() -> A + Sync,
    add: impl Fn(&mut A, usize) + Sync,
    merge: impl Fn(A, A) -> A,
) -> A {
    let parts = Buffers { new: &empty, free: Mutex::new(vec![]) };
    each(count, &|i| parts.lend(|part| add(part, i)));
    let parts = parts.free.into_inner().unwrap_or_else(PoisonError::into_inner);
    parts.into_iter().reduce(merge).unwrap_or_else(empty)
}

/// `task` of each of the parts of `length` elements, of which the last may be shorter.
pub(crate) fn map_chunks<S: Sync, T: Send>(
    elements: &[S],
    length: usize,
    task: impl Fn(&[S]) -> T + Sync,
) -> Vec<T> {
    map(elements.len().div_ceil(length), |i| {
        task(&elements[i * length..elements.len().min((i + 1) * length)])
    })
}

/// All that `task` gives for each of the parts of `length` elements, in one row.
pub(crate) fn flat_map_chunks<S: Sync, T: Send>(
    elements: &[S],
    length: usize,
    task: impl Fn(&[S]) -> Vec<T> + Sync,
) -> Vec<T> {
    map_chunks(elements, length, task).into_iter().flatten().collect()
}

/// `task` of the number of each of the parts of `length` elements and of the part,
/// which it may change; the last may be shorter.
pub(crate) fn map_chunks_mut<S: Send, T: Send>(
    elements: &mut [S],
    length: usize,
    task: impl Fn(usize, &mut [S]) -> T + Sync,
) -> Vec<T> {
    let parts = Disjoint::new(elements);
    map(parts.length.div_ceil(length), |i| {
        // SAFETY: no other call has the number i, and so this part.
        task(i, unsafe { parts.part(i, length) })
    })
}

/// The same where there is no answer.
pub(crate) fn each_chunk_mut<S: Send>(
    elements: &mut [S],
    length: usize,
    task: impl Fn(usize, &mut [S]) + Sync,
) {
    map_chunks_mut(elements, length, task);
}

/// As many buffers as there are threads that ask at the same time.
struct Buffers<'a, B> {
    new: &'a (dyn Fn() -> B + Sync),
    free: Mutex<Vec<B>>,
}

impl<B> Buffers<'_, B> {
    /// Lends one to a task. One that panics takes it along: nothing half-done stays.
    fn lend<T>(&self, task: impl FnOnce(&mut B) -> T) -> T {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let buffer = free().pop();
        let mut buffer = buffer.unwrap_or_else(self.new);
        let result = task(&mut buffer);
        free().push(buffer);
        result
    }
}

/// A slice of which several threads change parts that do not overlap.
struct Disjoint<T> {
    start: *mut T,
    length: usize,
}

// SAFETY: whoever asks for a part answers for it that nobody else has it; a part is
// a `&mut [T]`, which may go to another thread where T may.
unsafe impl<T: Send> Sync for Disjoint<T> {}

impl<T> Disjoint<T> {
    fn new(elements: &mut [T]) -> Self {
        Self { start: elements.as_mut_ptr(), length: elements.len() }
    }

    /// Part `index` of the parts of `length` elements.
    ///
    /// # Safety
    ///
    /// The slice is borrowed still, and no other part with this index is in use, nor
    /// any of another length.
    #[expect(clippy::mut_from_ref, reason = "parts do not overlap")]
    unsafe fn part(&self, index: usize, length: usize) -> &mut [T] {
        let (first, end) = (index * length, self.length.min((index + 1) * length));
        assert!(first <= end);
        // SAFETY: first <= end <= the length of the slice, to whose part nobody else
        // refers, as the caller answers for.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), end - first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_order() {
        assert_eq!(map(1000, |i| i.to_string())[999], "999");
        assert_eq!(map(0, |i| i), [0; 0]);
        assert_eq!(flat_map(4, |i| vec![i; i]), [1, 2, 2, 3, 3, 3]);
        assert_eq!(map_chunks(&[1, 2, 3, 4, 5], 2, <[i32]>::to_vec), [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(
            flat_map_chunks(&[1, 2, 3], 2, |part| part.iter().rev().copied().collect::<Vec<_>>()),
            [2, 1, 3]
        );
    }

    #[test]
    fn every_part_is_changed_once() {
        let mut elements = vec![0; 1003];
        each_chunk_mut(&mut elements, 10, |number, part| part.iter_mut().for_each(|x| *x += number));
        let expected: Vec<usize> = (0..1003).map(|i| i / 10).collect();
        assert_eq!(elements, expected);
        each_chunk_mut(&mut Vec::<u8>::new(), 3, |_, _| unreachable!());
    }

    #[test]
    fn the_first_error_is_returned_whoever_came_first() {
        let odd = |i: usize| if i % 7 == 5 { Err(i) } else { Ok(i) };
        for _ in 0..100 {
            assert_eq!(try_map(1000, odd), Err(5));
        }
        assert_eq!(try_map(5, odd), Ok(vec![0, 1, 2, 3, 4]));
    }

    #[test]
    fn parts_are_put_together_and_one_is_found() {
        let add = |sum: &mut u64, i: usize| *sum += i as u64;
        assert_eq!(fold(10_000, || 0, add, |a, b| a + b), 49_995_000);
        assert_eq!(fold(0, || 7, add, |a, b| a + b), 7);
        assert!(any(10_000, |i| i == 9_999) && !any(10_000, |i| i == 10_000));
    }

    #[test]
    fn a_buffer_has_one_user() {
        let sums = map_with(1000, Vec::new, |buffer, i| {
            buffer.clear();
            buffer.extend(0..=i);
            buffer.iter().sum::<usize>()
        });
        assert!(sums.iter().enumerate().all(|(i, sum)| *sum == i * (i + 1) / 2));
    }
}
