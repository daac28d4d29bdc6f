//! How a dataset is to be read.

use std::{fmt, path::PathBuf, str::FromStr};

/// What is done to features before they are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Bytes of IDX, NPY and NPZ are 8-bit images: code `k` denotes `k/255` rounded
    /// to binary32, as every image pipeline delivers it. All else stays.
    #[default]
    Images,
    /// Nothing: code `k` denotes the integer `k`.
    None,
    /// Nothing to the samples; the map of every feature onto `[0, 1]` is found
    /// ([`Points::scaling`](super::Points::scaling)).
    MinMax,
    /// Nothing to the samples; the map of every feature to mean 0 and standard
    /// deviation 1 is found.
    Standard,
}

/// What separates the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delimiter {
    /// One ASCII character.
    Character(u8),
    /// One or more spaces and tabs; those at the ends of a line count for nothing.
    Blanks,
}

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            b"blanks" | b"blank" | b"space" | b" " => Ok(Self::Blanks),
            b"tab" | b"\\t" => Ok(Self::Character(b'\t')),
            b"comma" => Ok(Self::Character(b',')),
            b"semicolon" => Ok(Self::Character(b';')),
            &[byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n".contains(&byte) => {
                Ok(Self::Character(byte))
            }
            _ => Err(format!(
                "'{}' is no separator; expected one character, tab or blanks",
                text.escape_debug()
            )),
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(b'\t') => f.write_str("tab"),
            Self::Character(byte) => write!(f, "'{}'", char::from(*byte).escape_debug()),
            Self::Blanks => f.write_str("blanks"),
        }
    }
}

/// What stands before the fraction of a number in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decimal {
    /// `1.5`.
    #[default]
    Point,
    /// `1,5`.
    Comma,
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "." | "point" => Ok(Self::Point),
            "," | "comma" => Ok(Self::Comma),
            _ => Err(format!("'{}' stands before no fraction; expected . or ,", text.escape_debug())),
        }
    }
}

/// What becomes of values that are missing: empty cells and cells like `NA` of a
/// text, nulls of Parquet and Arrow, NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// They are refused.
    #[default]
    Refuse,
    /// Samples with one are left out.
    Drop,
    /// They become the mean of the other values of their feature.
    Mean,
}

/// What becomes of text among the features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Categorical {
    /// It is refused.
    #[default]
    Refuse,
    /// A column of words is one feature for each word: 1 where a sample has it,
    /// else 0. Two samples that differ in such a column alone are 1 apart in the
    /// sup norm, 2 in the sum norm.
    OneHot,
}

/// What becomes of equal samples with different labels, which no network can
/// memorize.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnConflict {
    /// They stay, and whoever builds a network refuses them.
    #[default]
    Keep,
    /// Only those with the label of the first of them stay.
    First,
    /// None of them stays.
    Drop,
}

/// How to read a dataset; the default is right for a file that carries its
/// labels in the usual place.
///
/// ```
/// use indelible_io::dataset::{ReadOptions, read};
///
/// let options = ReadOptions { limit: Some(60), ..ReadOptions::default() };
/// let data = read("iris".as_ref(), &options)?;
/// assert_eq!((data.samples(), data.features(), data.classes()), (60, 4, 3));
/// # Ok::<(), indelible_io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// A file that holds the labels, one per sample: IDX or NPY of one
    /// dimension, NPZ with an array `y`, or a text of one label per line.
    /// Default: the usual place of the format.
    pub labels: Option<PathBuf>,
    /// The column of a table that holds the labels: its name, or its index
    /// from 0. Default: the column called `label`, `class`, `target`,
    /// `labels`, `targets` or `y` in any case, else the last one.
    pub label_column: Option<String>,
    /// Columns of a table that are no features, by name or by index from 0.
    /// Default: only those that are known to be an index of the rows.
    pub drop: Vec<String>,
    /// The columns of a table that are the features, in this order, by name or by
    /// index from 0. Default (none): all that are left.
    pub features: Vec<String>,
    /// The names of the arrays of an NPZ file that hold the features and the
    /// labels. Default: the first known names, see [`read`](super::read).
    pub arrays: Option<[String; 2]>,
    /// What is done to features, and what unsigned bytes of IDX, NPY and NPZ mean.
    /// Default: `k/255`.
    pub scale: Scale,
    /// Take only the first samples. The classes are still those of the whole
    /// file. Default: all samples.
    pub limit: Option<usize>,
    /// Number of features that are expected: a table with exactly this many
    /// columns has no label column, unless [`label_column`](Self::label_column)
    /// names one or a column is called as labels are, `y` aside. Default: a table
    /// has one.
    pub expected_features: Option<usize>,
    /// Whether the first line of a CSV file names the columns. Default: it
    /// does if it differs from the lines below it as names differ from samples;
    /// docs/data.md has the rules.
    pub header: Option<bool>,
    /// What becomes of text among the features of a table. Default: it is refused.
    pub categorical: Categorical,
    /// What becomes of values that are missing. Default: they are refused.
    pub missing: Missing,
    /// What becomes of equal samples with different labels. Default: they stay.
    pub on_conflict: OnConflict,
    /// What separates the cells of a CSV file. Default: what its first lines
    /// show.
    pub delimiter: Option<Delimiter>,
    /// What stands before fractions in a CSV file. Default: what its first
    /// lines show.
    pub decimal: Option<Decimal>,
}
