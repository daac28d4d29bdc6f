//! What can go wrong with files.

use std::{
    io,
    path::{Path, PathBuf},
};

use indelible::text;

/// An error about a file; its text is one line that names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done: "open", "read", "write", ….
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A directory where a file was expected.
    #[error("{} is a directory; expected a file", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// An ONNX file that cannot be used.
    #[error("{}: {source}", path.display())]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: crate::onnx::OnnxError,
    },
    /// A file of data that cannot be used.
    #[error("{}: {source}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DataError,
    },
    /// A network that could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: crate::onnx::OnnxError,
    },
    /// A network that could not be made into the bytes of a file, or read from them.
    #[error(transparent)]
    Bytes(#[from] crate::onnx::OnnxError),
    /// Layers that one file cannot hold.
    #[error(
        "the dense form of {construction} would take {} or more, and ONNX files end at 2 GiB; use --form compact or fewer samples", text::bytes(*bytes)
    )]
    DenseTooLarge {
        /// The construction.
        construction: &'static str,
        /// A size that the file does not fall below.
        bytes: u64,
    },
    /// There is no such network.
    #[error(transparent)]
    Library(#[from] indelible::Error),
}

/// What is wrong with a file of data, and where in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file of no bytes.
    #[error("the file is empty")]
    Empty,
    /// A file whose first bytes fit no format that can be read.
    #[error("wrong magic: expected {expected}, but the file starts with {found}")]
    Magic {
        /// What would have been understood.
        expected: &'static str,
        /// The bytes it starts with.
        found: String,
    },
    /// A file that breaks the rules of its format.
    #[error("bad {format}: {what}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// What is wrong and where.
        what: String,
    },
    /// A sound file that holds something which is not understood.
    #[error("{what} is not supported; expected {expected}")]
    Unsupported {
        /// What was found.
        what: String,
        /// What would have been understood.
        expected: &'static str,
    },
    /// A file for another place of the command.
    #[error("this is {found}; expected {expected}")]
    Kind {
        /// What it is.
        found: &'static str,
        /// What is wanted here.
        expected: &'static str,
    },
    /// A file shorter than its header says.
    #[error("truncated {format}: the header promises {expected} bytes of data, but only {found} are there")]
    Truncated {
        /// The format.
        format: &'static str,
        /// Bytes of data that the header implies.
        expected: u128,
        /// Bytes of data that follow it.
        found: u128,
    },
    /// A file longer than its header says.
    #[error(
        "trailing data in {format}: the file goes on after the {expected} bytes of data that its header promises"
    )]
    Trailing {
        /// The format.
        format: &'static str,
        /// Bytes of data that the header implies.
        expected: u128,
    },
    /// A cell of a table that cannot be used.
    #[error("{row}, column {column}{}: {what}", name.as_ref().map(|n| format!(" ({})", n.escape_debug())).unwrap_or_default())]
    Cell {
        /// Where it is: "line 7" in a text, "row 7" in Parquet and Arrow, from 1.
        row: String,
        /// Column, from 1.
        column: usize,
        /// The name of the column where it has one.
        name: Option<String>,
        /// What is wrong.
        what: String,
    },
    /// A line of a table with more or fewer cells than the first.
    #[error("line {line} has {}; expected {expected}, as in the first line", text::counted(*found, "cell"))]
    Ragged {
        /// Line, from 1.
        line: u64,
        /// Its cells.
        found: usize,
        /// Cells of the first line.
        expected: usize,
    },
    /// A column that was asked for and is not there.
    #[error("no column '{}'; the columns are {columns}", given.escape_debug())]
    NoColumn {
        /// The name or index asked for.
        given: String,
        /// What there is.
        columns: String,
    },
    /// A column with two uses.
    #[error(
        "column {column} is asked for twice (--label-column, --features, --drop); expected one use of it"
    )]
    ColumnTwice {
        /// Its name, or its index from 0.
        column: String,
    },
    /// A table of one column, where features and labels were expected.
    #[error(
        "no separator found: the first line, '{line}', has no comma, semicolon, tab, |, or blanks that split every line alike; --delimiter names another, --labels a file with the labels"
    )]
    NoSeparator {
        /// The first line.
        line: String,
    },
    /// Labels that do not belong to the samples.
    #[error("{} for {}; expected one label per sample{}", text::counted(*labels, "label"), text::counted(*samples, "sample"), name_of_labels(*labels, *samples))]
    LabelCount {
        /// Number of labels.
        labels: usize,
        /// Number of samples.
        samples: usize,
    },
    /// Labels that make no set of classes.
    #[error("{0}")]
    Labels(String),
    /// A dataset whose labels were not found: where they were looked for and how
    /// to give them.
    #[error("no labels: {0}")]
    NoLabels(String),
    /// Options that contradict each other.
    #[error("{0}")]
    Options(&'static str),
    /// What it holds is no dataset.
    #[error(transparent)]
    Dataset(indelible::Error),
    /// The operating system refused to read on; as [`Error::Io`] once the file is known.
    #[error("cannot read: {0}")]
    Read(io::Error),
}

impl Error {
    /// Wraps what the operating system said while doing `action` to `path`.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// An error in the data at `path`.
    pub(crate) fn data(path: &Path, source: DataError) -> Self {
        match source {
            DataError::Read(source) => Self::io("read", path, source),
            source => Self::Data { path: path.to_owned(), source },
        }
    }
}

impl DataError {
    /// A file that breaks the rules of its format.
    pub(crate) fn malformed(format: &'static str, what: impl Into<String>) -> Self {
        Self::Malformed { format, what: what.into() }
    }

    /// A sound file that holds something which is not understood.
    pub(crate) fn unsupported(what: impl Into<String>, expected: &'static str) -> Self {
        Self::Unsupported { what: what.into(), expected }
    }
}

/// What there may be one label too many for.
fn name_of_labels(labels: usize, samples: usize) -> &'static str {
    if labels == samples.saturating_add(1) { "; if the first line names the labels, take it out" } else { "" }
}
