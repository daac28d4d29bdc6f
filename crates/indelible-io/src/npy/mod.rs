//! NumPy arrays out: one per NPY file, or several in an NPZ archive.
//!
//! Files are written completely or not at all ([`AtomicFile`]), and the same
//! arrays always give the same bytes. What a header says is read here, too; the
//! arrays themselves are read as datasets.

pub(crate) mod header;

use std::{
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::Path,
};

use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::{AtomicFile, Error};

/// The values of an [`Array`], last index fastest.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Values<'a> {
    /// binary32, dtype `<f4`.
    F32(&'a [f32]),
    /// binary64, dtype `<f8`.
    F64(&'a [f64]),
    /// 64-bit integers, dtype `<i8`.
    I64(&'a [i64]),
    /// Unsigned 64-bit integers, dtype `<u8`.
    U64(&'a [u64]),
    /// Strings, dtype `<U` of the longest one.
    Text(&'a [&'a str]),
}

impl Values<'_> {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len_and_dtype().0
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of values, and NumPy's name of their type.
    fn len_and_dtype(&self) -> (usize, String) {
        match self {
            Self::F32(values) => (values.len(), "<f4".into()),
            Self::F64(values) => (values.len(), "<f8".into()),
            Self::I64(values) => (values.len(), "<i8".into()),
            Self::U64(values) => (values.len(), "<u8".into()),
            Self::Text(values) => (values.len(), format!("<U{}", longest(values))),
        }
    }

    /// Writes the values, little-endian.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::F32(values) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            Self::F64(values) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            Self::I64(values) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            Self::U64(values) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            Self::Text(values) => {
                let length = longest(values);
                values.iter().try_for_each(|text| {
                    let points = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(length);
                    points.into_iter().try_for_each(|point| out.write_all(&point.to_le_bytes()))
                })
            }
        }
    }
}

/// Code points of the longest text, at least one.
fn longest(texts: &[&str]) -> usize {
    texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1)
}

/// An array to be written.
#[derive(Clone, Debug)]
pub struct Array<'a> {
    shape: Vec<usize>,
    values: Values<'a>,
}

impl<'a> Array<'a> {
    /// An array of one dimension.
    #[must_use]
    pub fn vector(values: Values<'a>) -> Self {
        Self { shape: vec![values.len()], values }
    }

    /// An array with rows of `width` values; `None` where the values do not
    /// fill the last row.
    #[must_use]
    pub fn matrix(values: Values<'a>, width: usize) -> Option<Self> {
        let rows = values.len().checked_div(width)?;
        (rows * width == values.len()).then(|| Self { shape: vec![rows, width], values })
    }

    /// Writes the header and the values.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let sizes: Vec<String> = self.shape.iter().map(|size| format!("{size},")).collect();
        let (shape, dtype) = (sizes.join(" "), self.values.len_and_dtype().1);
        let mut header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}");
        // The values start at a multiple of 64 bytes, so that they can be mapped.
        let unpadded = header::START + 2 + header.len() + 1;
        header.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
        header.push('\n');
        out.write_all(b"\x93NUMPY\x01\x00")?;
        #[expect(clippy::cast_possible_truncation, reason = "a few hundred bytes at most")]
        let length = header.len() as u16;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        self.values.write(out)
    }
}

/// Writes one array as an NPY file.
///
/// # Errors
/// When the file cannot be written; nothing is left of it then.
pub fn write_npy(path: &Path, array: &Array) -> Result<(), Error> {
    let mut file = AtomicFile::create(path)?;
    array.write(&mut file).map_err(|e| Error::io("write", path, e))?;
    file.commit()
}

/// Writes arrays with their names as an NPZ file, not compressed.
///
/// # Errors
/// When the file cannot be written, or a name occurs twice; nothing is left of
/// it then.
pub fn write_npz(path: &Path, arrays: &[(&str, Array)]) -> Result<(), Error> {
    let mut zip = ZipWriter::new(Quiet { file: AtomicFile::create(path)?, error: None });
    // The clock stays out of the file: the same arrays give the same bytes.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .large_file(true);
    let write = |zip: &mut ZipWriter<Quiet>| -> Result<(), ZipError> {
        for (name, array) in arrays {
            zip.start_file(format!("{name}.npy"), options)?;
            let mut out = BufWriter::new(&mut *zip);
            array.write(&mut out)?;
            out.flush()?;
        }
        Ok(())
    };
    let written = write(&mut zip);
    let finished = zip.finish();
    written.map_err(|e| Error::io("write", path, e.into()))?;
    let Quiet { file, error } = finished.map_err(|e| Error::io("write", path, e.into()))?;
    match error {
        Some(error) => Err(Error::io("write", path, error)),
        None => file.commit(),
    }
}

/// A file that keeps its first failure and from then on swallows what it is
/// given: the writer of archives would report failures on the terminal when it
/// is dropped.
struct Quiet {
    file: AtomicFile,
    error: Option<io::Error>,
}

impl Quiet {
    /// Does `action`, or nothing after a failure; `otherwise` is what a success
    /// would have said.
    fn attempt<T>(&mut self, otherwise: T, action: impl FnOnce(&mut AtomicFile) -> io::Result<T>) -> T {
        if self.error.is_none() {
            match action(&mut self.file) {
                Ok(value) => return value,
                Err(e) => self.error = Some(e),
            }
        }
        otherwise
    }
}

impl Write for Quiet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.attempt(bytes.len(), |file| file.write_all(bytes).map(|()| bytes.len())))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), AtomicFile::flush);
        Ok(())
    }
}

impl Seek for Quiet {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        Ok(self.attempt(0, |file| file.seek(to)))
    }
}
