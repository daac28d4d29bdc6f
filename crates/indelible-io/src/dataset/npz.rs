//! NPZ, a zip archive of NPY arrays.

use std::{fs::File, io::BufReader};

use zip::{ZipArchive, result::ZipError};

use super::{
    Loaded, ReadOptions, Reading,
    contents::{Contents, read_failed},
    labels::{Declared, LabelSet},
    npy,
    source::Source,
};
use crate::DataError;

/// What the array of features is called, the likeliest first.
const FEATURES: [&str; 9] =
    ["X", "x", "X_train", "x_train", "train_images", "data", "features", "images", "arr_0"];

/// What the array of labels is called, the likeliest first.
const LABELS: [&str; 10] =
    ["y", "Y", "y_train", "Y_train", "train_labels", "target", "labels", "label", "targets", "arr_1"];

/// An opened archive.
struct Archive(ZipArchive<BufReader<File>>);

impl Archive {
    fn open(source: Source) -> Result<Self, DataError> {
        let file = BufReader::new(source.into_plain_file("NPZ")?);
        let archive = Self(ZipArchive::new(file).map_err(failed)?);
        let office = [("xl/workbook.xml", "an Excel workbook"), ("content.xml", "an OpenDocument file")];
        match office.iter().find(|(part, _)| archive.0.index_for_name(part).is_some()) {
            Some((_, what)) => Err(DataError::unsupported(*what, "CSV")),
            None => Ok(archive),
        }
    }

    /// The first of the arrays `names` that there is.
    fn first<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.0.index_for_name(&format!("{name}.npy")).is_some())
    }

    /// Reads the array `name`, if there is one, with `read`.
    fn array<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Contents) -> Result<T, DataError>,
    ) -> Result<Option<T>, DataError> {
        let Some(place) = self.0.index_for_name(&format!("{name}.npy")) else { return Ok(None) };
        let mut entry = self.0.by_index(place).map_err(failed)?;
        let (format, packing) = ("NPY array in the archive", Some("NPZ"));
        read(&mut Contents { format, packing, reader: &mut entry, file: None, offset: 0 }).map(Some)
    }

    /// The names of all arrays.
    fn names(&self) -> Vec<String> {
        let names = self.0.file_names().filter_map(Result::ok);
        let mut names: Vec<String> =
            names.map(|name| name.strip_suffix(".npy").unwrap_or(&name).escape_debug().to_string()).collect();
        names.sort();
        names
    }

    /// An archive without the array `name`.
    fn without(&self, name: &str, expected: &'static str) -> DataError {
        let (name, names) = (name.escape_debug(), self.names().join(", "));
        let what = format!("an archive without an array '{name}' (it has: {names})");
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

/// Reads the arrays of features and labels, `class_names` and `classes`.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let mut archive = Archive::open(source)?;
    let given = options.arrays.as_ref();
    let x = match given {
        Some([x, _]) => x.as_str(),
        None => archive.first(&FEATURES).unwrap_or("X"),
    };
    let found = archive.array(x, |contents| npy::features(contents, options))?;
    let mut loaded = found.ok_or_else(|| match given {
        Some(_) => archive.without(x, "the names of two of its arrays, features and labels"),
        None => archive.without(x, "arrays 'X' and 'y', or --arrays X,Y with their names"),
    })?;
    let (mut read, mut label) = (vec![x], None);
    if options.labels.is_none() {
        let y = match given {
            Some([_, y]) => Some(y.as_str()),
            None => archive.first(&LABELS),
        };
        if let Some(y) = y {
            loaded.labels = archive.array(y, npy::labels)?;
            read.push(y);
            label = Some(format!("array '{}'", y.escape_debug()));
            if loaded.labels.is_none() {
                return Err(archive.without(y, "the names of two of its arrays, features and labels"));
            }
        }
        loaded.hint = Some(format!(
            "there is no array 'y' (only: {}); give a file with one label per sample (--labels) or --arrays X,Y",
            archive.names().join(", ")
        ));
    }
    loaded.declared = match archive.array("class_names", npy::names)? {
        Some(names) => Some(Declared::Names(names)),
        None => archive.array("classes", npy::integer)?.map(Declared::Count),
    };
    let left = |name: &String| !read.contains(&name.as_str()) && name != "class_names" && name != "classes";
    let left_out: Vec<String> =
        archive.names().into_iter().filter(left).map(|name| format!("array '{name}'")).collect();
    let scaling = loaded.reading.scaling.take();
    let format = format!("NPZ, features in array '{}'", x.escape_debug());
    loaded.reading = Reading { labels: label, left_out, scaling, ..Reading::of(format) };
    Ok(loaded)
}

/// Reads the array of labels.
pub(super) fn read_labels(source: Source) -> Result<LabelSet, DataError> {
    let mut archive = Archive::open(source)?;
    let name = archive.first(&LABELS).unwrap_or("y");
    archive.array(name, npy::labels)?.ok_or_else(|| archive.without(name, "an array 'y'"))
}
