//! NPZ, a zip archive of NPY arrays.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use zip::{ZipArchive, result::ZipError};

use super::{
    Loaded, ReadOptions,
    contents::Contents,
    labels::{Declared, LabelSet},
    npy,
    source::Source,
};
use crate::Error;

/// An opened archive.
struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    fn open(source: Source) -> Result<Self, Error> {
        let (path, file) = source.into_plain_file("NPZ")?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|e| zip_failed(&path, e))?;
        Ok(Self { path, zip })
    }

    /// The first of `names` that is an array of the archive.
    fn find(&self, names: &[&str]) -> Option<String> {
        let mut files = names.iter().map(|name| format!("{name}.npy"));
        files.find(|file| self.zip.index_for_name(file).is_some())
    }

    /// The names of all arrays, for messages.
    fn arrays(&self) -> String {
        let names = self.zip.file_names().filter_map(Result::ok);
        let mut names: Vec<String> =
            names.map(|name| name.strip_suffix(".npy").unwrap_or(&name).escape_debug().to_string()).collect();
        names.sort();
        names.join(", ")
    }

    /// Reads the array in `file` with `read`.
    fn array<T>(
        &mut self,
        file: &str,
        read: impl FnOnce(&mut Contents) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut entry = self.zip.by_name(file).map_err(|e| zip_failed(&self.path, e))?;
        let format = "NPY array in the archive";
        read(&mut Contents { path: &self.path, format, packing: Some("NPZ"), reader: &mut entry })
    }
}

/// What a failure of the archive means.
fn zip_failed(path: &Path, error: ZipError) -> Error {
    match error {
        ZipError::Io(e) => super::contents::read_failed(path, Some("NPZ"), e),
        ZipError::UnsupportedArchive(what) => {
            Error::unsupported(path, format!("an archive with '{what}'"), "stored or deflated arrays")
        }
        other => Error::malformed(path, "NPZ", other.to_string()),
    }
}

/// Reads the arrays `X`, `y`, `class_names` and `classes`.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Loaded, Error> {
    let mut archive = Archive::open(source)?;
    let Some(features) = archive.find(&["X", "x"]) else {
        let what = format!("an archive without an array 'X' (it has: {})", archive.arrays());
        return Err(Error::unsupported(&archive.path, what, "arrays 'X' and 'y'"));
    };
    let mut loaded = archive.array(&features, |contents| npy::features(contents, None, options))?;
    if options.labels.is_none() {
        match archive.find(&["y", "Y"]) {
            Some(labels) => loaded.labels = Some(archive.array(&labels, npy::labels)?),
            None => {
                loaded.hint = Some(format!(
                    "there is no array 'y' (only: {}); give a file with one label per sample (--labels)",
                    archive.arrays()
                ));
            }
        }
    }
    loaded.declared = archive.declared()?;
    Ok(loaded)
}

/// Reads the array `y`.
pub(super) fn read_labels(source: Source) -> Result<LabelSet, Error> {
    let mut archive = Archive::open(source)?;
    match archive.find(&["y", "Y"]) {
        Some(labels) => archive.array(&labels, npy::labels),
        None => {
            let what = format!("an archive without an array 'y' (it has: {})", archive.arrays());
            Err(Error::unsupported(&archive.path, what, "an array 'y'"))
        }
    }
}

impl Archive {
    /// What the archive says about the classes.
    fn declared(&mut self) -> Result<Option<Declared>, Error> {
        if let Some(file) = self.find(&["class_names"]) {
            let mut names = Vec::new();
            self.array(&file, |contents| {
                let (header, _) = npy::header(contents)?;
                npy::texts(contents, &header, |name| names.push(name.to_owned()))
            })?;
            return Ok(Some(Declared::Names(names)));
        }
        let Some(file) = self.find(&["classes"]) else { return Ok(None) };
        let count = self.array(&file, npy::integer)?;
        Ok(Some(Declared::Count(count)))
    }
}
