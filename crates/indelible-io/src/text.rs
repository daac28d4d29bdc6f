//! Whole texts, also compressed ones.

use std::{fs::File, io::Read, path::Path};

use flate2::read::MultiGzDecoder;

use crate::{DataError, Error};

/// The text of a file in UTF-8, unpacked where it is compressed by gzip.
///
/// # Errors
/// When the file cannot be read, is no text, or is one of more than `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> Result<String, Error> {
    let failed = |e| Error::io("read", path, e);
    let mut bytes = vec![];
    let more = limit.saturating_add(1);
    File::open(path).and_then(|file| file.take(more).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = vec![];
        MultiGzDecoder::new(&bytes[..]).take(more).read_to_end(&mut unpacked).map_err(failed)?;
        bytes = unpacked;
    }
    if bytes.len() as u64 > limit {
        let what = format!("it has more than {limit} bytes");
        return Err(Error::data(path, DataError::malformed("text", what)));
    }
    String::from_utf8(bytes).map_err(|e| {
        let what = format!("byte {} is no character of UTF-8", e.utf8_error().valid_up_to());
        let what = match begins_like_onnx(e.as_bytes()) {
            true => DataError::Kind {
                found: "an ONNX network",
                expected: "a text, which comes behind the network",
            },
            false => DataError::malformed("text", what),
        };
        Error::data(path, what)
    })
}

/// Whether bytes begin as ONNX networks do: a version and another field of a model.
pub(crate) fn begins_like_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=0x20, 0x12 | 0x1a | 0x22 | 0x3a | 0x42, ..])
}
