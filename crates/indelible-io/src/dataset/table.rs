//! From the cells of a table to features and labels, whatever its format.

use indelible::Features;

use super::{Loaded, ReadOptions, labels::LabelSet};
use crate::DataError;

/// What a column of labels is called, the likeliest first.
const LABEL_NAMES: [&str; 4] = ["label", "class", "target", "y"];

/// More column names than this are not listed in a message.
const MOST_LISTED: usize = 8;

/// A cell of a table or a number of an array, as it is stored.
pub(super) enum Value<'a> {
    Integer(i128),
    Single(f32),
    Double(f64),
    Text(&'a str),
}

impl Value<'_> {
    /// The binary64 number that it is; else what it is, for messages.
    #[expect(clippy::cast_possible_truncation, reason = "the comparison says whether it is the same")]
    pub(super) fn double(self) -> Result<f64, String> {
        match self {
            // Small ones are the quicker to convert.
            Self::Integer(value) if let Ok(small) = i32::try_from(value) => Ok(small.into()),
            Self::Integer(value) if (value as f64) as i128 == value => Ok(value as f64),
            Self::Integer(value) => Err(value.to_string()),
            Self::Single(value) => Ok(value.into()),
            Self::Double(value) => Ok(value),
            Self::Text(text) => Err(text.to_owned()),
        }
    }
}

/// A table while it is read: which of its columns holds the labels, and these.
pub(super) struct Table {
    pub(super) columns: usize,
    /// What the columns are called, if anything.
    names: Vec<String>,
    /// The column with the labels.
    pub(super) label: Option<usize>,
    pub(super) labels: LabelSet,
    /// Rows so far.
    pub(super) samples: usize,
    limit: Option<usize>,
}

impl Table {
    /// A table of so many columns.
    pub(super) fn new(columns: usize, names: Vec<String>, options: &ReadOptions) -> Result<Self, DataError> {
        let label = label_column(columns, &names, options)?;
        Ok(Self { columns, names, label, labels: LabelSet::default(), samples: 0, limit: options.limit })
    }

    /// The columns with features.
    pub(super) fn features(&self) -> impl Iterator<Item = usize> + use<> {
        let label = self.label;
        (0..self.columns).filter(move |&column| Some(column) != label)
    }

    /// How many of the next `rows` rows are samples that are wanted.
    pub(super) fn wanted(&self, rows: usize) -> usize {
        self.limit.map_or(rows, |limit| limit.saturating_sub(self.samples).min(rows))
    }

    /// An error in a cell.
    pub(super) fn bad_cell(&self, row: String, column: usize, what: String) -> DataError {
        DataError::Cell { row, column: column + 1, name: self.names.get(column).cloned(), what }
    }

    /// The whole table, with these features.
    pub(super) fn finish(self, features: Features) -> Loaded {
        let names: Vec<String> =
            self.features().filter_map(|column| self.names.get(column).cloned()).collect();
        Loaded {
            samples: self.samples,
            labels: self.label.map(|_| self.labels),
            names: Some(names).filter(|names| !names.is_empty()),
            ..Loaded::unlabelled(features, self.columns - usize::from(self.label.is_some()))
        }
    }
}

/// The place of `name` among [`LABEL_NAMES`], in any case.
pub(super) fn label_rank(name: &str) -> Option<usize> {
    LABEL_NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))
}

/// The column that holds the labels of a table of `columns` columns, if any.
pub(super) fn label_column(
    columns: usize,
    names: &[String],
    options: &ReadOptions,
) -> Result<Option<usize>, DataError> {
    if options.labels.is_some() {
        return Ok(None);
    }
    if let Some(given) = &options.label_column {
        let by_name = names.iter().position(|name| name == given);
        let by_index = || given.parse().ok().filter(|&index: &usize| index < columns);
        return by_name.or_else(by_index).map(Some).ok_or_else(|| no_column(given, columns, names));
    }
    let ranked = names.iter().enumerate().filter_map(|(at, name)| Some((label_rank(name)?, at)));
    let best = ranked.min().map(|(_, at)| at);
    // Points may well have a feature y; a column label is none.
    if options.expected_features == Some(columns) && best.is_none_or(|at| names[at].eq_ignore_ascii_case("y"))
    {
        return Ok(None);
    }
    Ok(best.or(columns.checked_sub(1)))
}

/// Says which columns there are.
fn no_column(given: &str, columns: usize, names: &[String]) -> DataError {
    let columns = match (columns, names.len()) {
        (0, _) => "none".into(),
        (_, 0) => format!("0 to {} (there is no header)", columns - 1),
        (_, 1..=MOST_LISTED) => names.join(", ").escape_debug().to_string(),
        _ => {
            let few = names.get(..MOST_LISTED).unwrap_or_default().join(", ");
            format!("{}, … ({columns} in all)", few.escape_debug())
        }
    };
    DataError::NoColumn { given: given.to_owned(), columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str], options: &ReadOptions) -> Result<Option<usize>, DataError> {
        let names: Vec<String> = names.iter().map(|&n| n.into()).collect();
        label_column(names.len(), &names, options)
    }

    #[test]
    fn the_column_is_found_by_name_by_index_or_by_custom() {
        let options = ReadOptions::default();
        assert_eq!(find(&["a", "Class", "b"], &options).unwrap(), Some(1));
        assert_eq!(find(&["y", "LABEL", "b"], &options).unwrap(), Some(1));
        assert_eq!(find(&["a", "b", "c"], &options).unwrap(), Some(2));
        assert_eq!(label_column(3, &[], &options).unwrap(), Some(2));

        let named = |name: &str| ReadOptions { label_column: Some(name.into()), ..ReadOptions::default() };
        assert_eq!(find(&["a", "label", "b"], &named("a")).unwrap(), Some(0));
        assert_eq!(find(&["a", "label", "b"], &named("2")).unwrap(), Some(2));
        assert_eq!(find(&["a", "2", "b"], &named("2")).unwrap(), Some(1));
        let error = find(&["a", "label", "b"], &named("3")).unwrap_err().to_string();
        assert_eq!(error, "no column '3'; the columns are a, label, b");

        let expected = ReadOptions { expected_features: Some(3), ..ReadOptions::default() };
        assert_eq!(find(&["a", "c", "b"], &expected).unwrap(), None);
        assert_eq!(find(&["x", "y", "z"], &expected).unwrap(), None);
        assert_eq!(find(&["a", "label", "b"], &expected).unwrap(), Some(1));
        assert_eq!(find(&["a", "label"], &expected).unwrap(), Some(1));
    }
}
