//! A file before its format is known: opened, unpacked, its first bytes seen.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use super::contents::{Contents, read_failed};
use crate::{DataError, Error, text::begins_like_onnx};

/// How much of a file is looked at to tell its format and, for a text, how it is
/// written: some lines of thousands of columns.
pub(super) const START: usize = 1 << 20;

const PICKLE: &str = "an NPZ file of its arrays; a pickle may run any program";

/// Formats that are recognised to be refused in words: their magic, their name,
/// what makes them readable.
const OTHERS: [(&[u8], &str, &str); 15] = [
    (b"FEA1", "version 1 of Feather", "version 2, which DataFrame.to_feather writes, or Parquet"),
    (b"\x89HDF", "HDF5", "an NPZ file of its arrays"),
    (b"MATLAB 5", "a MATLAB file", "an NPZ file of its arrays"),
    (b"\x80\x02", "a Python pickle", PICKLE),
    (b"\x80\x03", "a Python pickle", PICKLE),
    (b"\x80\x04\x95", "a Python pickle", PICKLE),
    (b"\x80\x05\x95", "a Python pickle", PICKLE),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "CSV"),
    (b"ORC", "ORC", "Parquet"),
    (b"BZh", "compression with bzip2", "gzip or no compression"),
    (b"\xfd7zXZ", "compression with xz", "gzip or no compression"),
    (b"\x28\xb5\x2f\xfd", "compression with zstd", "gzip or no compression"),
    (b"SQLite format 3", "an SQLite database", "CSV"),
    (b"\xff\xfe\0\0", "UTF-32", "UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32", "UTF-8"),
];

/// Texts that are no tables of cells: how their first line starts, in any case.
const OTHER_TEXTS: [(&str, &str); 8] = [
    ("@relation", "ARFF"),
    ("%%matrixmarket", "a Matrix Market file"),
    ("<!doctype", "HTML"),
    ("<html", "HTML"),
    ("<?xml", "XML"),
    ("{\"", "JSON"),
    ("[{", "JSON"),
    ("[[", "JSON"),
];

/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// What a file holds, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The format of MNIST.
    Idx,
    /// One NumPy array.
    Npy,
    /// A zip archive of NumPy arrays.
    Npz,
    /// Apache Parquet.
    Parquet,
    /// A file of Arrow IPC, version 2 of Feather.
    Arrow,
    /// A stream of Arrow IPC.
    ArrowStream,
    /// A table or list as text.
    Text,
}

impl Format {
    /// The format whose magic `start` begins with.
    fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => None,
            [0, 0, ..] => Some(Self::Idx),
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some(Self::Npy),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Npz),
            [b'P', b'A', b'R', b'1', ..] => Some(Self::Parquet),
            [b'A', b'R', b'R', b'O', b'W', b'1', 0, 0, ..] => Some(Self::Arrow),
            [0xff, 0xff, 0xff, 0xff, ..] => Some(Self::ArrowStream),
            // UTF-16, whose every other byte may be 0.
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(Self::Text),
            _ if unmarked_utf16(start).is_some() => Some(Self::Text),
            _ if start.iter().any(is_control) => None,
            _ => Some(Self::Text),
        }
    }

    /// The format that a file's name claims, for those that have a magic.
    fn claimed(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("npy") => Some(Self::Npy),
            Some("npz") => Some(Self::Npz),
            Some("parquet" | "pq") => Some(Self::Parquet),
            Some("feather" | "arrow" | "ipc") => Some(Self::Arrow),
            Some("arrows") => Some(Self::ArrowStream),
            _ if name.ends_with("-ubyte") || name.ends_with(".idx") => Some(Self::Idx),
            _ => None,
        }
    }

    /// The magic of the format, in words.
    fn magic(self) -> &'static str {
        match self {
            Self::Idx => "00 00 (IDX)",
            Self::Npy => "93 4e 55 4d 50 59 (NPY)",
            Self::Npz => "50 4b 03 04 (NPZ)",
            Self::Parquet => "50 41 52 31 (Parquet)",
            Self::Arrow => "41 52 52 4f 57 31 (Arrow IPC)",
            Self::ArrowStream => "ff ff ff ff (a stream of Arrow IPC)",
            Self::Text => "a text",
        }
    }
}

/// An opened file.
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The first bytes, unpacked.
    pub(super) start: Vec<u8>,
    /// The whole contents from the first byte, unpacked.
    reader: Box<dyn Read>,
    /// The file and its length, where its bytes are the contents: regular and
    /// not packed.
    file: Option<(File, u64)>,
    /// What unpacks the contents on the way.
    packing: Option<&'static str>,
}

impl Source {
    /// Opens `path` and looks at its first bytes.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |e| Error::io("open", path, e);
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(Error::Directory { path: path.to_owned() });
        }
        let regular = about.is_file().then(|| file.try_clone()).transpose().map_err(failed)?;
        let mut reader: Box<dyn Read> = Box::new(BufReader::with_capacity(BUFFER, file));
        let mut start = look_ahead(&mut reader).map_err(|e| Error::io("read", path, e))?;
        reader = Box::new(Cursor::new(start.clone()).chain(reader));
        let packing = start.starts_with(&[0x1f, 0x8b]).then_some("gzip");
        if packing.is_some() {
            reader = Box::new(MultiGzDecoder::new(reader));
            start = look_ahead(&mut reader).map_err(|e| Error::data(path, read_failed(packing, e)))?;
            reader = Box::new(Cursor::new(start.clone()).chain(reader));
        }
        if start.is_empty() {
            return Err(Error::data(path, DataError::Empty));
        }
        let file = regular.filter(|_| packing.is_none()).map(|file| (file, about.len()));
        Ok(Self { path: path.to_owned(), start, reader, file, packing })
    }

    /// Data that are built in, under the name `path`.
    pub(super) fn from_text(path: &Path, text: &'static str) -> Self {
        let (path, start) = (path.to_owned(), text.as_bytes().to_vec());
        Self { path, start, reader: Box::new(text.as_bytes()), file: None, packing: None }
    }

    /// What the contents are.
    pub(super) fn format(&self) -> Result<Format, DataError> {
        let (found, claimed) = (Format::of(&self.start), Format::claimed(&self.path));
        let other = OTHERS.iter().find(|(magic, ..)| self.start.starts_with(magic));
        if let (None, Some(&(_, what, expected))) = (found, other) {
            return Err(DataError::unsupported(what, expected));
        }
        if found.is_none() && begins_like_onnx(&self.start) {
            return Err(DataError::Kind { found: "an ONNX network", expected: "a dataset" });
        }
        if let (None, None, Some((at, byte))) = (found, claimed, first_control(&self.start)) {
            let what = format!("a byte {byte:#04x} in a text, {at} bytes behind its start,");
            return Err(DataError::unsupported(
                what,
                "a text without, or IDX, NPY, NPZ, Parquet, Arrow IPC, gzip",
            ));
        }
        match (found, claimed) {
            // A name is only believed against a text, where any start will do.
            (Some(Format::Text), None) => match other_text(&self.start) {
                Some(what) => Err(DataError::unsupported(what, "CSV, as DataFrame.to_csv writes it")),
                None => Ok(Format::Text),
            },
            (Some(format), _) if format != Format::Text => Ok(format),
            _ => {
                let expected =
                    claimed.map_or("IDX, NPY, NPZ, Parquet, Arrow IPC, CSV or gzip", Format::magic);
                let bytes: Vec<String> = self.start.iter().take(8).map(|b| format!("{b:02x}")).collect();
                Err(DataError::Magic { expected, found: bytes.join(" ") })
            }
        }
    }

    /// The file, for a format that is not read from front to back.
    pub(super) fn into_plain_file(self, format: &'static str) -> Result<File, DataError> {
        self.file.map(|(file, _)| file).ok_or_else(|| {
            let what = format!("{format} in a pipe or in gzip");
            DataError::unsupported(what, "a file on a disk, not packed again")
        })
    }

    /// The contents, front to back, as a file of `format`.
    pub(super) fn contents(&mut self, format: &'static str) -> Contents<'_> {
        let file = self.file.as_ref().map(|(file, length)| (file, *length));
        Contents { format, packing: self.packing, reader: &mut self.reader, file, offset: 0 }
    }
}

/// Whether this is a byte that no text has; tab, line feed, form feed, carriage return
/// are fine.
fn is_control(byte: &u8) -> bool {
    *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r')
}

/// The first such byte where all before it is ASCII, some of it, and where it stands.
fn first_control(start: &[u8]) -> Option<(usize, u8)> {
    let at = start.iter().position(is_control)?;
    let (text, rest) = start.split_at_checked(at)?;
    (at >= 8 && text.is_ascii()).then(|| Some((at, *rest.first()?)))?
}

/// What a text is that is no table, by its first line.
fn other_text(start: &[u8]) -> Option<&'static str> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins = |text: &[u8], (key, _): &&(&str, &str)| {
        text.get(..key.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(key.as_bytes()))
    };
    // ARFF may have comments first.
    let first = start.split(|&byte| byte == b'\n').find(|line| !matches!(line.trim_ascii(), [] | [b'%', ..]));
    let first = first.unwrap_or_default();
    if matches!(first.trim_ascii(), b"{" | b"[") {
        return Some("JSON");
    }
    OTHER_TEXTS.iter().find(|other| begins(start, other) || begins(first, other)).map(|(_, what)| *what)
}

/// Whether bytes look like UTF-16 without a mark, and then whether the more
/// significant byte comes first: two characters of ASCII at the start, no character
/// that is 0, and half of the first ones of ASCII, as digits and separators are.
pub(super) fn unmarked_utf16(start: &[u8]) -> Option<bool> {
    let units = start.get(..start.len().min(512)).unwrap_or_default().as_chunks::<2>().0;
    let ascii = |[high, low]: [u8; 2]| high == 0 && (low >= 0x20 || matches!(low, b'\t' | b'\n' | b'\r'));
    [false, true].into_iter().find(|&big_endian| {
        let in_order = |unit: &[u8; 2]| if big_endian { *unit } else { [unit[1], unit[0]] };
        let plain = units.iter().filter(|unit| ascii(in_order(unit))).count();
        units.len() >= 2
            && units.iter().take(2).all(|unit| ascii(in_order(unit)))
            && units.iter().all(|unit| *unit != [0, 0])
            && 2 * plain >= units.len()
    })
}

/// The first bytes of `reader`.
fn look_ahead(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    reader.take(START as u64).read_to_end(&mut start)?;
    Ok(start)
}
