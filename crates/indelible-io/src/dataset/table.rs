//! Which column of a table holds the labels.

use std::path::Path;

use super::ReadOptions;
use crate::Error;

/// What a column of labels is called, the likeliest first.
const LABEL_NAMES: [&str; 4] = ["label", "class", "target", "y"];

/// More column names than this are not listed in a message.
const MOST_LISTED: usize = 8;

/// The place of `name` among [`LABEL_NAMES`], in any case.
fn label_rank(name: &str) -> Option<usize> {
    LABEL_NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a column of this name holds the labels.
pub(super) fn is_label_name(name: &str) -> bool {
    label_rank(name).is_some()
}

/// The column that holds the labels of a table of `columns` columns, if any.
pub(super) fn label_column(
    path: &Path,
    columns: usize,
    names: Option<&[String]>,
    options: &ReadOptions,
) -> Result<Option<usize>, Error> {
    if options.labels.is_some() {
        return Ok(None);
    }
    let names = names.unwrap_or_default();
    if let Some(given) = &options.label_column {
        let by_name = names.iter().position(|name| name == given);
        let by_index = || given.parse().ok().filter(|&index: &usize| index < columns);
        return by_name.or_else(by_index).map(Some).ok_or_else(|| no_column(path, given, columns, names));
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
fn no_column(path: &Path, given: &str, columns: usize, names: &[String]) -> Error {
    let columns = match (columns, names.len()) {
        (0, _) => "none".into(),
        (_, 0) => format!("0 to {} (there is no header)", columns - 1),
        (_, 1..=MOST_LISTED) => names.join(", ").escape_debug().to_string(),
        _ => {
            let few = names.get(..MOST_LISTED).unwrap_or_default().join(", ");
            format!("{}, … ({columns} in all)", few.escape_debug())
        }
    };
    Error::NoColumn { path: path.to_owned(), given: given.to_owned(), columns }
}

/// The names of all columns but `label`.
pub(super) fn feature_names(names: Vec<String>, label: Option<usize>) -> Vec<String> {
    names.into_iter().enumerate().filter(|(at, _)| Some(*at) != label).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str], options: &ReadOptions) -> Result<Option<usize>, Error> {
        let names: Vec<String> = names.iter().map(|&n| n.into()).collect();
        label_column(Path::new("t"), names.len(), Some(&names), options)
    }

    #[test]
    fn the_column_is_found_by_name_by_index_or_by_custom() {
        let options = ReadOptions::default();
        assert_eq!(find(&["a", "Class", "b"], &options).unwrap(), Some(1));
        assert_eq!(find(&["y", "LABEL", "b"], &options).unwrap(), Some(1));
        assert_eq!(find(&["a", "b", "c"], &options).unwrap(), Some(2));
        assert_eq!(label_column(Path::new("t"), 3, None, &options).unwrap(), Some(2));

        let named = |name: &str| ReadOptions { label_column: Some(name.into()), ..ReadOptions::default() };
        assert_eq!(find(&["a", "label", "b"], &named("a")).unwrap(), Some(0));
        assert_eq!(find(&["a", "label", "b"], &named("2")).unwrap(), Some(2));
        assert_eq!(find(&["a", "2", "b"], &named("2")).unwrap(), Some(1));
        let error = find(&["a", "label", "b"], &named("3")).unwrap_err().to_string();
        assert_eq!(error, "t: no column '3'; the columns are a, label, b");

        let expected = ReadOptions { expected_features: Some(3), ..ReadOptions::default() };
        assert_eq!(find(&["a", "c", "b"], &expected).unwrap(), None);
        assert_eq!(find(&["x", "y", "z"], &expected).unwrap(), None);
        assert_eq!(find(&["a", "label", "b"], &expected).unwrap(), Some(1));
        assert_eq!(find(&["a", "label"], &expected).unwrap(), Some(1));
    }
}
