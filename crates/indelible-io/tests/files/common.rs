//! Files in the formats that are read, written byte by byte by the tests, and
//! what several tests ask of networks.

use std::{
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use indelible::{
    Dataset, Norm, Precision, Radii, Silent,
    certify::{Certificate, Claim, certify},
    constructions::Options,
    network::{Head, Model},
};
use indelible_io::{
    Error,
    dataset::{self, ReadOptions, Reading},
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// An IDX file of the type `code`.
pub fn idx(code: u8, shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, shape.len() as u8];
    for size in shape {
        bytes.extend(size.to_be_bytes());
    }
    bytes.extend(data);
    bytes
}

/// An NPY file, version 1.0, as NumPy writes it.
pub fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    npy_with_header(&format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"), data)
}

/// An NPY file with any header.
pub fn npy_with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = header.to_owned();
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// The bytes of numbers, little-endian.
pub fn le<T: Copy, const S: usize>(values: &[T], bytes: impl Fn(T) -> [u8; S]) -> Vec<u8> {
    values.iter().flat_map(|&v| bytes(v)).collect()
}

/// An NPZ file.
pub fn npz(arrays: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// `bytes` in gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder that goes away with the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Reads with the default options.
pub fn read(path: &Path) -> Result<Dataset, Error> {
    dataset::read(path, &ReadOptions::default())
}

/// All values of a dataset, row after row.
pub fn values(data: &Dataset) -> Vec<f64> {
    (0..data.samples()).flat_map(|sample| data.row(sample)).collect()
}

/// The name of each sample's class.
pub fn names(data: &Dataset) -> Vec<&str> {
    data.labels().iter().map(|&label| data.class_names()[label].as_str()).collect()
}

/// The text of the error, which must be one line that names the file and holds
/// `parts`.
#[track_caller]
pub fn expect_error<T>(result: Result<T, Error>, path: &Path, parts: &[&str]) {
    let Err(error) = result else { panic!("{}: no error, expected {parts:?}", path.display()) };
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "does not name the file: {text}");
    assert!(!text.contains('\n'), "not one line: {text}");
    for part in parts {
        assert!(text.contains(part), "expected '{part}' in: {text}");
    }
}

/// Options that differ from the default.
pub fn with(change: impl FnOnce(&mut ReadOptions)) -> ReadOptions {
    let mut options = ReadOptions::default();
    change(&mut options);
    options
}

/// The samples and what was said of them.
pub fn told(folder: &Folder, text: impl AsRef<[u8]>, options: &ReadOptions) -> (Dataset, Reading) {
    let points = dataset::read_labelled(&folder.put("t.csv", text), options).unwrap();
    let reading = points.reading().clone();
    (points.into_labelled().unwrap(), reading)
}

/// Every head in every format.
pub fn all_options() -> [Options; 4] {
    [
        Options { head: Head::Logits, precision: Precision::F32 },
        Options { head: Head::Logits, precision: Precision::F64 },
        Options { head: Head::Scalar, precision: Precision::F32 },
        Options { head: Head::Scalar, precision: Precision::F64 },
    ]
}

/// The certificate of `model`, whose classes are those of the data, in the sup norm.
pub fn certificate(model: &Model, data: &Dataset, radii: &Radii) -> Certificate {
    let classes: Vec<usize> = (0..data.classes()).collect();
    let claim = Claim {
        model,
        data,
        classes: &classes,
        network_classes: data.classes(),
        norm: Norm::Linf,
        radii,
        tie_margin: 0.0,
    };
    certify(&claim, &Silent).unwrap()
}
