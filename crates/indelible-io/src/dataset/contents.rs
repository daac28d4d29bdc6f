//! The contents of a file, which may be shorter or longer than they say.

use std::{
    io::{self, Read},
    path::Path,
};

use crate::Error;

/// Bytes that are decoded at once; a multiple of the size of every number.
const CHUNK: usize = 1 << 16;

/// What a failure to read `path` means: where `packing` unpacks the bytes, it
/// also reports that they are damaged.
pub(super) fn read_failed(path: &Path, packing: Option<&'static str>, error: io::Error) -> Error {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match (packing, error.kind()) {
        (Some(format), UnexpectedEof) => Error::malformed(path, format, "the file ends early"),
        (Some(format), InvalidData | InvalidInput) => Error::malformed(path, format, error.to_string()),
        _ => Error::io("read", path, error),
    }
}

/// The bytes of an array, front to back.
pub(super) struct Contents<'a> {
    pub(super) path: &'a Path,
    /// The format of the array.
    pub(super) format: &'static str,
    /// What unpacks the bytes on the way.
    pub(super) packing: Option<&'static str>,
    pub(super) reader: &'a mut dyn Read,
}

impl Contents<'_> {
    /// A file that breaks the rules of the array's format.
    pub(super) fn malformed(&self, what: impl Into<String>) -> Error {
        Error::malformed(self.path, self.format, what)
    }

    /// Reads until `out` is full or the contents end; the number of bytes read.
    fn fill(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(read_failed(self.path, self.packing, e)),
            }
        }
        Ok(filled)
    }

    /// Fills `out` with bytes of the header.
    pub(super) fn header(&mut self, out: &mut [u8]) -> Result<(), Error> {
        if self.fill(out)? == out.len() {
            Ok(())
        } else {
            Err(self.malformed("the file ends within the header"))
        }
    }

    /// Decodes the last `count` elements of `size` bytes each and keeps the first `keep` of them: `decode` gets whole
    /// elements, several at a time, and the vector to append to.
    ///
    /// The vector grows as data arrive, so that a header which promises more
    /// than there is costs nothing.
    pub(super) fn elements<T>(
        &mut self,
        count: usize,
        size: usize,
        keep: usize,
        mut decode: impl FnMut(&[u8], &mut Vec<T>) -> Result<(), Error>,
    ) -> Result<Vec<T>, Error> {
        let expected = count as u128 * size as u128;
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
                let (path, format) = (self.path.to_owned(), self.format);
                return Err(Error::Truncated { path, format, expected, found });
            }
            let used = usize::try_from(kept).map_or(wanted, |kept| kept.min(wanted));
            decode(part.get(..used).unwrap_or_default(), &mut values)?;
            kept -= used as u128;
        }
        if self.fill(&mut [0])? > 0 {
            return Err(Error::Trailing { path: self.path.to_owned(), format: self.format, expected });
        }
        Ok(values)
    }
}
