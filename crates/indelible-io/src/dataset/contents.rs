//! The contents of a file, which may be shorter or longer than they say.

use std::{
    cmp::Ordering,
    fs::File,
    io::{self, Read},
};

use bytemuck::Pod;
use indelible::Buffer;

use super::map;
use crate::DataError;

/// Bytes that are decoded at once; a multiple of the size of every number.
const CHUNK: usize = 1 << 16;

/// What a failure to read means: where `packing` unpacks the bytes, it also
/// reports that they are damaged.
pub(super) fn read_failed(packing: Option<&'static str>, error: io::Error) -> DataError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match (packing, error.kind()) {
        (Some(format), UnexpectedEof) => DataError::malformed(format, "the file ends early"),
        (Some(format), InvalidData | InvalidInput) => DataError::malformed(format, error.to_string()),
        _ => DataError::Read(error),
    }
}

/// The bytes of an array, front to back.
pub(super) struct Contents<'a> {
    /// The format of the array.
    pub(super) format: &'static str,
    /// What unpacks the bytes on the way.
    pub(super) packing: Option<&'static str>,
    pub(super) reader: &'a mut dyn Read,
    /// The file with its length, where its bytes are the contents: regular and
    /// not packed.
    pub(super) file: Option<(&'a File, u64)>,
    /// Bytes of the header that were read.
    pub(super) offset: u64,
}

impl Contents<'_> {
    /// A file that breaks the rules of the array's format.
    pub(super) fn malformed(&self, what: impl Into<String>) -> DataError {
        DataError::malformed(self.format, what)
    }

    /// Reads until `out` is full or the contents end; the number of bytes read.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<usize, DataError> {
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(read_failed(self.packing, e)),
            }
        }
        Ok(filled)
    }

    /// Fills `out` with bytes of the header.
    pub(super) fn header(&mut self, out: &mut [u8]) -> Result<(), DataError> {
        if self.fill(out)? < out.len() {
            return Err(self.malformed("the file ends within the header"));
        }
        self.offset += out.len() as u64;
        Ok(())
    }

    /// The next `length` bytes; the vector grows as they arrive.
    pub(super) fn block(&mut self, length: u64) -> Result<Vec<u8>, DataError> {
        let (mut bytes, packing) = (Vec::new(), self.packing);
        let read = (&mut *self.reader).take(length).read_to_end(&mut bytes);
        match read.map_err(|e| read_failed(packing, e))? as u64 == length {
            true => Ok(bytes),
            false => Err(self.malformed("the file ends early")),
        }
    }

    /// Compares what the header promises with the rest of the file, where that is
    /// known, before any memory is taken.
    pub(super) fn check_length(&self, expected: u128) -> Result<(), DataError> {
        let Some((_, length)) = self.file else { return Ok(()) };
        let (found, format) = (u128::from(length.saturating_sub(self.offset)), self.format);
        match found.cmp(&expected) {
            Ordering::Less => Err(DataError::Truncated { format, expected, found }),
            Ordering::Greater => Err(DataError::Trailing { format, expected }),
            Ordering::Equal => Ok(()),
        }
    }

    /// The next `count` numbers where they can stay in their file.
    pub(super) fn mapped<T: Pod + Send + Sync>(&self, count: usize) -> Option<Buffer<T>> {
        map::numbers(self.file?.0, self.offset, count)
    }

    /// Decodes the last `count` elements of `size` bytes each and keeps the first `keep` of them: `decode` gets whole
    /// elements, several at a time, and the vector to append to.
    ///
    /// The vector grows as data arrive, so that a header which promises more
    /// than there is costs nothing.
    pub(super) fn elements<T>(
        &mut self,
        (count, keep): (usize, usize),
        size: usize,
        mut decode: impl FnMut(&[u8], &mut Vec<T>) -> Result<(), String>,
    ) -> Result<Vec<T>, DataError> {
        let (expected, format) = (count as u128 * size as u128, self.format);
        let mut kept = keep.min(count) as u128 * size as u128;
        let mut found = 0;
        let mut chunk = vec![0; (CHUNK / size.max(1)).max(1) * size];
        let mut values = Vec::new();
        while found < expected {
            let wanted = usize::try_from(expected - found).map_or(chunk.len(), |rest| rest.min(chunk.len()));
            let Some(part) = chunk.get_mut(..wanted) else { break };
            let read = self.fill(part)?;
            found += read as u128;
            if read < wanted {
                return Err(DataError::Truncated { format, expected, found });
            }
            let used = usize::try_from(kept).map_or(wanted, |kept| kept.min(wanted));
            decode(part.get(..used).unwrap_or_default(), &mut values).map_err(|e| self.malformed(e))?;
            kept -= used as u128;
        }
        match self.fill(&mut [0])? {
            0 => Ok(values),
            _ => Err(DataError::Trailing { format, expected }),
        }
    }
}
