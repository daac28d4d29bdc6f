//! The sparse text format of SVMlight and LIBSVM: a label and, for every feature
//! that is not 0, its index and its value, `2 1:0.5 7:1.25`.

use std::io::{BufRead, BufReader};

use indelible::Features;

use super::{Dialect, bad_cell, plain::Plain, skip, sparse, utf8};
use crate::{
    DataError,
    dataset::{Delimiter, Loaded, ReadOptions, contents::read_failed, labels::LabelSet, source::Source},
};

/// The format in messages.
const FORMAT: &str = "svmlight";

/// Values that any file may become with its zeros.
const FEW_VALUES: usize = 1 << 18;

/// Values for each one that a larger file holds.
const MOST_ZEROS: usize = 1 << 10;

/// Whether the first lines are in this format.
pub(super) fn is_so(lines: &[String]) -> bool {
    let mut pairs = 0;
    lines.iter().all(|line| {
        let mut cells = line.split_ascii_whitespace().take_while(|cell| !cell.starts_with('#'));
        let label = cells.next();
        cells.all(|cell| {
            pairs += 1;
            is_like_pair(cell) || cell.starts_with("qid:")
        }) && label.is_some_and(|label| !label.contains(':'))
    }) && pairs > 0
}

/// Whether all cells of the first lines are of this format, also where the labels stand.
pub(super) fn lacks_labels(lines: &[String]) -> bool {
    let mut lines = lines.iter().map(|line| line.split('#').next().unwrap_or_default()).peekable();
    lines.peek().is_some()
        && lines.all(|line| {
            let mut cells = line.split_ascii_whitespace().peekable();
            cells.peek().is_some() && cells.all(is_like_pair)
        })
}

/// Whether a cell looks like `index:value`, with an index that may be wrong. Times of day
/// have more colons, a table other separators.
fn is_like_pair(cell: &str) -> bool {
    let cell = cell.strip_prefix('-').unwrap_or(cell);
    pair(cell).is_some_and(|(_, value)| !value.contains([':', ',', ';']))
}

/// The index and the text of the value of a feature.
fn pair(cell: &str) -> Option<(usize, &str)> {
    let (index, value) = cell.split_once(':')?;
    let digits = !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| Some((index.parse().ok()?, value)))?
}

/// The features that are not 0, sample after sample.
#[derive(Default)]
struct Sparse {
    entries: Vec<(usize, f64)>,
    /// Where the entries of every sample end.
    ends: Vec<usize>,
    labels: LabelSet,
    /// From where indices count, where a comment of scikit-learn says it.
    first: Option<usize>,
}

impl Sparse {
    /// Takes one line; a `#` ends it.
    fn take(&mut self, text: &str, line: u64) -> Result<(), DataError> {
        let bad = |at: usize, what: String| bad_cell(line, at, what);
        if let (Some(said), true) = (text.strip_prefix('#'), self.ends.is_empty()) {
            let said = said.trim();
            let known = ["Column indices are zero-based", "Column indices are one-based"];
            self.first = known.iter().position(|known| *known == said).or(self.first);
        }
        let text = text.split('#').next().unwrap_or_default();
        let mut cells = text.split_ascii_whitespace();
        let Some(label) = cells.next() else { return Ok(()) };
        let numbers = label.split(',').all(|part| part.parse::<f64>().is_ok());
        if label.contains(',') && numbers {
            return Err(bad(0, format!("'{}' are several labels; expected one", label.escape_debug())));
        }
        self.labels.push_word(label);
        let mut last = None;
        for (at, cell) in cells.enumerate() {
            let wrong = |problem: &str| bad(at + 1, format!("'{}' {problem}", cell.escape_debug()));
            let (index, value) = pair(cell).ok_or_else(|| wrong("is no index:value"))?;
            if last.is_some_and(|last| last >= index) {
                return Err(wrong("does not come behind smaller indices"));
            }
            last = Some(index);
            let value: f64 = value.parse().map_err(|_| wrong("has no number as value"))?;
            if !value.is_finite() {
                return Err(wrong("is not a finite number"));
            }
            self.entries.push((index, value));
        }
        self.ends.push(self.entries.len());
        Ok(())
    }

    /// The samples of `indices`, those of the first `taken`, with their zeros.
    fn dense(&self, first: usize, width: usize, taken: usize) -> Result<Vec<f64>, DataError> {
        let most = self.entries.len().saturating_mul(MOST_ZEROS).max(FEW_VALUES);
        let count = taken.checked_mul(width).filter(|count| *count <= most).ok_or_else(|| {
            let what =
                format!("{taken} samples of {width} features, of which {} are not 0,", self.entries.len());
            DataError::unsupported(what, "one value in a thousand or more that is not 0")
        })?;
        let mut values = vec![0.0; count];
        let mut start = 0;
        for (row, &end) in values.chunks_exact_mut(width.max(1)).zip(&self.ends) {
            for &(index, value) in self.entries.get(start..end).unwrap_or_default() {
                if let Some(cell) = row.get_mut(index - first) {
                    *cell = value;
                }
            }
            start = end;
        }
        Ok(values)
    }
}

/// Reads the file.
pub(super) fn read(
    mut source: Source,
    dialect: &Dialect,
    options: &ReadOptions,
) -> Result<Loaded, DataError> {
    if options.label_column.is_some() || !options.drop.is_empty() || !options.features.is_empty() {
        return Err(DataError::Options(
            "a file of svmlight has no columns to choose from (--label-column, --drop, --features)",
        ));
    }
    skip(&mut source, dialect.mark)?;
    let contents = source.contents(FORMAT);
    let form = super::plain::Form { comments: false, delimiter: Delimiter::Character(b' '), ..dialect.form };
    let mut reader = BufReader::new(Plain::new(contents.reader, form));
    let mut found = Sparse::default();
    let mut bytes = Vec::new();
    for line in 1u64.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|e| read_failed(contents.packing, e))? == 0 {
            break;
        }
        let text = utf8(&bytes).map_err(|what| bad_cell(line, 0, what))?;
        found.take(text, line)?;
    }
    // Indices count from 1, unless there is a 0 or the file says otherwise.
    let from_1 = !found.entries.iter().any(|entry| entry.0 == 0);
    let first = usize::from(from_1).min(found.first.unwrap_or(1));
    let last = found.entries.iter().map(|entry| entry.0).max();
    let given = last.map_or(0, |last| (last + 1).saturating_sub(first));
    let width = options.expected_features.map_or(given, |expected| expected.max(given));
    let samples = found.ends.len();
    let taken = options.limit.map_or(samples, |limit| limit.min(samples));
    let values = found.dense(first, width, taken)?;
    let mut reading = sparse();
    reading.format += &format!(", indices from {first}");
    if width > given {
        reading.warnings.push(format!("features {given} to {} never occur and are 0", width - 1));
    }
    let labels = options.labels.is_none().then_some(found.labels);
    Ok(Loaded { samples, labels, reading, ..Loaded::unlabelled(Features::F64(values.into()), width) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_recognised() {
        let rows = |text: &str| -> Vec<String> { text.lines().map(String::from).collect() };
        assert!(is_so(&rows("+1 1:0.5 7:1\n-1\n-1 3:2 # more")));
        assert!(is_so(&rows("1 qid:3 1:0.5")));
        for text in ["1 2 3", "1:2 3:4", "12:30 1 2", "1\n2", "a b:1"] {
            assert!(!is_so(&rows(text)), "{text}");
        }
    }
}
