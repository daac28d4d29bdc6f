//! Numbers that stay in their file: mapped, not read.

use std::{fs::File, marker::PhantomData};

use bytemuck::Pod;
use indelible::Buffer;
use memmap2::Mmap;

/// A part of a mapped file, seen as numbers of this machine.
struct Mapped<T> {
    map: Mmap,
    start: usize,
    end: usize,
    numbers: PhantomData<T>,
}

impl<T: Pod> Mapped<T> {
    /// The numbers, if the part exists and is aligned for them.
    fn numbers(&self) -> Option<&[T]> {
        bytemuck::try_cast_slice(self.map.get(self.start..self.end)?).ok()
    }
}

impl<T: Pod> AsRef<[T]> for Mapped<T> {
    fn as_ref(&self) -> &[T] {
        // Checked when the value was made; neither the map nor the range changes.
        self.numbers().unwrap_or_default()
    }
}

/// The `count` numbers of `file` that start at byte `offset`, or `None` where
/// the file cannot be mapped, is too short or does not hold them aligned; the
/// caller then reads them instead.
pub(super) fn numbers<T: Pod + Send + Sync>(file: &File, offset: u64, count: usize) -> Option<Buffer<T>> {
    // SAFETY: the map is read-only and private to this value. What is left to
    // the user, and documented at `dataset`, is not to change the file while
    // the dataset lives; every format reader that maps files has this condition.
    let map = unsafe { Mmap::map(file) }.ok()?;
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(count.checked_mul(size_of::<T>())?)?;
    let mapped = Mapped { map, start, end, numbers: PhantomData };
    (mapped.numbers()?.len() == count).then(|| Buffer::shared(mapped))
}
