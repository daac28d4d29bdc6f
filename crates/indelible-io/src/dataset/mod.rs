//! Labelled datasets in: IDX, NPY, NPZ, CSV, svmlight, Parquet and Arrow IPC.
//!
//! The format is told by the first bytes of a file, never by its name, and
//! IDX, NPY and CSV may be compressed with gzip. A dataset is the exact real
//! numbers that the stored numbers denote: nothing is rounded on the way,
//! except that text is parsed to the nearest binary64. Images of 8 bits (any
//! array of unsigned bytes) are the exception that [`Scale`] describes.
//!
//! | format  | features                                | labels                                  |
//! |---------|-----------------------------------------|-----------------------------------------|
//! | IDX     | all dimensions but the first            | the file beside it: `…images-idx3…` → `…labels-idx1…` |
//! | NPY     | all dimensions but the first            | [`ReadOptions::labels`]                 |
//! | NPZ     | array `X`, `x`, `X_train`, `x_train`, `train_images`, `data`, `features`, `images` or `arr_0`, as NPY | array `y`, `Y`, `y_train`, `Y_train`, `train_labels`, `target`, `labels`, `label`, `targets` or `arr_1` |
//! | CSV     | every other column                      | a column, see [`ReadOptions::label_column`] |
//! | svmlight | `index:value`; 0 where there is none   | the first number of a line              |
//! | Parquet, Arrow IPC | every other column           | a column, see [`ReadOptions::label_column`] |
//!
//! What a reader decided by itself (header, separator, columns left out) is in its
//! [`Reading`]; docs/data.md has every rule.
//!
//! An NPZ file may say that there are more classes than occur. An array
//! `class_names` of strings names them: labels found among the names are meant
//! by name, integers are positions (from 0, or from 1 if the label equal to
//! the number of names occurs). An integer `classes` gives their number: the
//! labels are then 1 to `classes`, or 0 to `classes` − 1 if 0 occurs.
//!
//! The path `iris` means Fisher's Iris data, which are built in, unless a file
//! of that name exists.
//!
//! Large files of unsigned bytes (IDX, NPY) and of native floats (NPY) are
//! mapped into memory instead of read; they must not be changed while the
//! dataset lives.

mod array;
mod arrow;
mod columns;
mod contents;
mod guard;
mod idx;
mod labels;
mod map;
mod npy;
mod npz;
mod onehot;
mod options;
mod parquet;
mod prepare;
mod reading;
mod source;
mod table;
mod text;

use std::path::{Path, PathBuf};

use indelible::{Dataset, Features, network::Scaling};

use crate::{DataError, Error};
pub use options::{Categorical, Decimal, Delimiter, Missing, OnConflict, ReadOptions, Scale};
pub use prepare::without_conflicts;
pub use reading::Reading;

use labels::{Declared, LabelSet};
use source::{Format, Source};

/// Samples whose labels may be unknown: inputs of a prediction.
#[derive(Clone, Debug)]
pub struct Points {
    data: Dataset,
    labelled: bool,
    scaling: Option<Scaling>,
    reading: Reading,
}

impl Points {
    /// Warns where the samples call features otherwise than a network does that calls
    /// them `known`. The same names in another order are refused where they matter.
    pub fn compare_names(&mut self, known: Option<&[String]>) {
        let (Some(known), Some(given)) = (known, self.data.feature_names()) else { return };
        let renamed = given.iter().zip(known).enumerate().find(|(_, (name, _))| !known.contains(name));
        if let Some((feature, (name, expected))) = renamed
            && known.len() == given.len()
        {
            let (name, expected) = (name.escape_debug(), expected.escape_debug());
            let warning = format!("feature {feature} is '{name}' here and '{expected}' in the network");
            self.reading.warnings.push(warning);
        }
    }

    /// The samples. Where the source has no labels, all of them carry label 0
    /// of a single class with an empty name.
    #[must_use]
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// Whether the labels of [`data`](Self::data) come from the source.
    #[must_use]
    pub fn is_labelled(&self) -> bool {
        self.labelled
    }

    /// The map of the features that [`ReadOptions::scale`] asks for, found from
    /// these samples; they themselves are as they stand in the file.
    #[must_use]
    pub fn scaling(&self) -> Option<&Scaling> {
        self.scaling.as_ref()
    }

    /// What was read and what was not.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The samples with their labels, or `None` where the source has none.
    #[must_use]
    pub fn into_labelled(self) -> Option<Dataset> {
        self.labelled.then_some(self.data)
    }
}

/// The data that are built in.
const IRIS: &str = include_str!("../../data/iris.csv");

/// Reads a labelled dataset.
///
/// # Errors
/// When the file cannot be read or is not sound, holds a value that is not a
/// finite number or no binary64 number, has no samples or no features, or its
/// labels are missing or do not match. The message is one line that names the
/// file and the place in it.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Dataset, Error> {
    Ok(read_labelled(path, options)?.data)
}

/// Reads a labelled dataset and says what was read.
///
/// # Errors
/// As [`read`].
pub fn read_labelled(path: &Path, options: &ReadOptions) -> Result<Points, Error> {
    let loaded = load(path, options)?;
    if loaded.labels.is_none() {
        let hint = loaded.hint.unwrap_or_else(|| "give a file with one label per sample (--labels)".into());
        return Err(Error::data(path, DataError::NoLabels(hint)));
    }
    finish(path, loaded, options)
}

/// Reads samples, with their labels where the file has any.
///
/// # Errors
/// As [`read`], but missing labels are none.
pub fn read_points(path: &Path, options: &ReadOptions) -> Result<Points, Error> {
    finish(path, load(path, options)?, options)
}

/// What a format reader found.
struct Loaded {
    /// Features of the first [`ReadOptions::limit`] samples.
    features: Features,
    /// Features per sample.
    width: usize,
    /// Number of samples in the file, whatever the limit.
    samples: usize,
    /// One label per sample of the file.
    labels: Option<LabelSet>,
    /// What the file says about the classes.
    declared: Option<Declared>,
    /// Names of the features.
    names: Option<Vec<String>>,
    /// The file with the labels; this file itself by default.
    label_file: Option<PathBuf>,
    /// What to say if nobody gives labels.
    hint: Option<String>,
    reading: Reading,
}

impl Loaded {
    /// Samples of `width` features, and nothing else.
    fn unlabelled(features: Features, width: usize) -> Self {
        let samples = features.len().checked_div(width).unwrap_or(0);
        let (labels, declared, names, label_file, hint) = (None, None, None, None, None);
        let reading = Reading::default();
        Self { features, width, samples, labels, declared, names, label_file, hint, reading }
    }
}

/// Reads the file and, if they are elsewhere, its labels.
fn load(path: &Path, options: &ReadOptions) -> Result<Loaded, Error> {
    let failed = |source| Error::data(path, source);
    if options.labels.is_some() && options.label_column.is_some() {
        let what = "both a file with labels (--labels) and a label column (--label-column) were given";
        return Err(failed(DataError::Options(what)));
    }
    let tables = options.label_column.is_some() || !options.drop.is_empty() || !options.features.is_empty();
    let source = if path == Path::new("iris") && !path.exists() {
        Source::from_text(path, IRIS)
    } else {
        Source::open(path)?
    };
    let format = source.format().map_err(failed)?;
    if options.arrays.is_some() && format != Format::Npz {
        return Err(failed(DataError::Options("--arrays names arrays of an NPZ file, which this is not")));
    }
    if tables && matches!(format, Format::Idx | Format::Npy | Format::Npz) {
        let what = "an array has no columns to choose from (--label-column, --drop, --features)";
        return Err(failed(DataError::Options(what)));
    }
    let read = match format {
        Format::Idx => idx::read,
        Format::Npy => npy::read,
        Format::Npz => npz::read,
        Format::Parquet => parquet::read,
        Format::Arrow => arrow::read_file,
        Format::ArrowStream => arrow::read_stream,
        Format::Text => text::read,
    };
    let mut loaded = read(source, options).map_err(failed)?;
    if let Some(labels) = options.labels.as_ref().or(loaded.label_file.as_ref()) {
        let mut found = read_labels(labels)?;
        found.take_name(loaded.samples);
        loaded.reading.left_out.extend(found.left_out.take().unwrap_or_default());
        loaded.labels = Some(found);
        loaded.reading.labels = Some(labels.display().to_string());
        loaded.label_file = Some(labels.clone());
    }
    Ok(loaded)
}

/// Reads a file that holds nothing but labels.
fn read_labels(path: &Path) -> Result<LabelSet, Error> {
    let mut source = Source::open(path)?;
    let read = source.format().and_then(|format| match format {
        Format::Idx => idx::read_labels(source),
        Format::Npy => npy::labels(&mut source.contents("NPY")),
        Format::Npz => npz::read_labels(source),
        Format::Text => text::read_labels(source),
        Format::Parquet => Err(no_list("a Parquet file of labels")),
        Format::Arrow | Format::ArrowStream => Err(no_list("an Arrow file of labels")),
    });
    read.map_err(|source| Error::data(path, source))
}

/// A table where a list of labels was expected.
fn no_list(what: &'static str) -> DataError {
    DataError::unsupported(what, "IDX, NPY, NPZ or a text of one label per line")
}

/// Checks that everything fits together.
fn finish(path: &Path, loaded: Loaded, options: &ReadOptions) -> Result<Points, Error> {
    let in_dataset = |source| Error::data(path, DataError::Dataset(source));
    let Loaded { features, width, samples, mut reading, .. } = loaded;
    if samples == 0 || width == 0 {
        return Err(in_dataset(indelible::Error::EmptyDataset { samples, features: width }));
    }
    let taken = options.limit.map_or(samples, |limit| limit.min(samples));
    let labelled = loaded.labels.is_some();
    let (features, kept) = prepare::without_missing(features, width, options.missing, &mut reading);
    let (mut labels, names) = match loaded.labels {
        None => (vec![0; taken], vec![String::new()]),
        Some(labels) => {
            let in_labels = |source| Error::data(loaded.label_file.as_deref().unwrap_or(path), source);
            if labels.len() != samples {
                return Err(in_labels(DataError::LabelCount { labels: labels.len(), samples }));
            }
            let (mut labels, names) =
                labels.into_classes(loaded.declared).map_err(|what| in_labels(DataError::Labels(what)))?;
            labels.truncate(taken);
            (labels, names)
        }
    };
    if let Some(kept) = kept {
        labels = kept.iter().filter_map(|&sample| labels.get(sample).copied()).collect();
    }
    let mut data = Dataset::new(features, width, labels, names).map_err(in_dataset)?;
    if let Some(names) = loaded.names {
        data = data.with_feature_names(names).map_err(in_dataset)?;
    }
    if labelled {
        data = prepare::resolve_conflicts(data, options.on_conflict, &mut reading).map_err(in_dataset)?;
        reading.doubt_labels(&data);
    }
    let scaling = prepare::scaling(&data, options.scale, &mut reading).map_err(in_dataset)?;
    Ok(Points { data, labelled, scaling, reading })
}
