//! NPZ, a zip archive of NPY arrays.

use std::{fs::File, io::BufReader};

use zip::{ZipArchive, result::ZipError};

use super::{
    Loaded, ReadOptions,
    contents::{Contents, read_failed},
    labels::{Declared, LabelSet},
    npy,
    source::Source,
};
use crate::DataError;

/// An opened archive.
struct Archive(ZipArchive<BufReader<File>>);

impl Archive {
    fn open(source: Source) -> Result<Self, DataError> {
        let file = BufReader::new(source.into_plain_file("NPZ")?);
        Ok(Self(ZipArchive::new(file).map_err(failed)?))
    }

    /// Reads the first of the arrays `names` that there is with `read`.
    fn array<T>(
        &mut self,
        names: &[&str],
        read: impl FnOnce(&mut Contents) -> Result<T, DataError>,
    ) -> Result<Option<T>, DataError> {
        let mut places = names.iter().map(|name| self.0.index_for_name(&format!("{name}.npy")));
        let Some(place) = places.find_map(|place| place) else { return Ok(None) };
        let mut entry = self.0.by_index(place).map_err(failed)?;
        let (format, packing) = ("NPY array in the archive", Some("NPZ"));
        read(&mut Contents { format, packing, reader: &mut entry, file: None, offset: 0 }).map(Some)
    }

    /// The names of all arrays, for messages.
    fn arrays(&self) -> String {
        let names = self.0.file_names().filter_map(Result::ok);
        let mut names: Vec<String> =
            names.map(|name| name.strip_suffix(".npy").unwrap_or(&name).escape_debug().to_string()).collect();
        names.sort();
        names.join(", ")
    }

    /// An archive without the array `name`.
    fn without(&self, name: char, expected: &'static str) -> DataError {
        let what = format!("an archive without an array '{name}' (it has: {})", self.arrays());
        DataError::unsupported(what, expected)
    }
}

/// What a failure of the archive means.
fn failed(error: ZipError) -> DataError {
    match error {
        ZipError::Io(e) => read_failed(Some("NPZ"), e),
        ZipError::UnsupportedArchive(what) => {
            DataError::unsupported(format!("an archive with '{what}'"), "stored or deflated arrays")
        }
        other => DataError::malformed("NPZ", other.to_string()),
    }
}

/// Reads the arrays `X`, `y`, `class_names` and `classes`.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let mut archive = Archive::open(source)?;
    let found = archive.array(&["X", "x"], |contents| npy::features(contents, options))?;
    let mut loaded = found.ok_or_else(|| archive.without('X', "arrays 'X' and 'y'"))?;
    if options.labels.is_none() {
        loaded.labels = archive.array(&["y", "Y"], npy::labels)?;
        loaded.hint = Some(format!(
            "there is no array 'y' (only: {}); give a file with one label per sample (--labels)",
            archive.arrays()
        ));
    }
    loaded.declared = match archive.array(&["class_names"], npy::names)? {
        Some(names) => Some(Declared::Names(names)),
        None => archive.array(&["classes"], npy::integer)?.map(Declared::Count),
    };
    Ok(loaded)
}

/// Reads the array `y`.
pub(super) fn read_labels(source: Source) -> Result<LabelSet, DataError> {
    let mut archive = Archive::open(source)?;
    archive.array(&["y", "Y"], npy::labels)?.ok_or_else(|| archive.without('y', "an array 'y'"))
}
