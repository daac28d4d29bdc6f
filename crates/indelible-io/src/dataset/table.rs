//! From the cells of a table to features and labels, whatever its format.

use indelible::Features;

use super::{
    Loaded, ReadOptions,
    labels::LabelSet,
    onehot::{Expanded, Vocabularies},
    reading::Reading,
};
use crate::DataError;

/// What a column of labels is called, the likeliest first.
const LABEL_NAMES: [&str; 6] = ["label", "class", "target", "labels", "targets", "y"];

/// A column of different whole numbers is suspicious from so many samples on.
const FEW: usize = 20;

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
            Self::Integer(value) => match i32::try_from(value) {
                // Small ones are the quicker to convert.
                Ok(small) => Ok(small.into()),
                Err(_) if (value as f64) as i128 == value => Ok(value as f64),
                Err(_) => Err(value.to_string()),
            },
            Self::Single(value) => Ok(value.into()),
            Self::Double(value) => Ok(value),
            Self::Text(text) => Err(text.to_owned()),
        }
    }
}

/// The binary16 number of two bytes, least significant first; binary32 holds it
/// exactly.
pub(super) fn half_precision(bytes: [u8; 2]) -> f32 {
    let bits = u32::from(u16::from_le_bytes(bytes));
    let (sign, exponent, fraction) = (bits >> 15 << 31, bits >> 10 & 0x1f, bits & 0x3ff);
    match exponent {
        // Subnormal numbers count units of 2^-24.
        0 => f32::from_bits(sign | (f32::from_bits(0x3380_0000) * fraction as f32).to_bits()),
        0x1f => f32::from_bits(sign | 0xff << 23 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// A table while it is read: which of its columns holds the labels, and these.
pub(super) struct Table {
    /// What the columns are called, if anything.
    names: Vec<String>,
    /// The column with the labels.
    pub(super) label: Option<usize>,
    /// Whether the caller named it.
    label_given: bool,
    /// The columns with features, in their order.
    pub(super) features: Vec<usize>,
    pub(super) labels: LabelSet,
    /// Rows so far.
    pub(super) samples: usize,
    limit: Option<usize>,
    pub(super) reading: Reading,
}

impl Table {
    /// A table of so many columns, of which those in `index` number or name the
    /// rows.
    pub(super) fn new(
        columns: usize,
        names: Vec<String>,
        index: &[usize],
        options: &ReadOptions,
    ) -> Result<Self, DataError> {
        let find = |given: &String| column(given, columns, &names);
        let dropped: Vec<usize> = options.drop.iter().map(find).collect::<Result<_, _>>()?;
        let chosen: Vec<usize> = options.features.iter().map(find).collect::<Result<_, _>>()?;
        let given = options.label_column.as_ref().map(find).transpose()?;
        let mut sorted: Vec<usize> = chosen.iter().chain(&dropped).chain(&given).copied().collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(DataError::ColumnTwice { column: shown(pair[0], &names) });
        }
        let free = |at: usize| !dropped.contains(&at) && !chosen.contains(&at) && !index.contains(&at);
        let label = label_column(columns, &names, &free, options)?;
        let features: Vec<usize> = match chosen.is_empty() {
            true => (0..columns).filter(|&at| free(at) && Some(at) != label).collect(),
            false => chosen.clone(),
        };
        let mut reading = Reading {
            labels: label.map(|at| format!("column {}", shown(at, &names))),
            label_column: label,
            ..Reading::default()
        };
        let rest = (0..columns).filter(|at| !features.contains(at) && Some(*at) != label);
        let why = |at: usize| match () {
            () if dropped.contains(&at) => "--drop",
            () if index.contains(&at) => "an index of the rows",
            () => "not among --features",
        };
        reading.left_out = rest.map(|at| format!("column {} ({})", shown(at, &names), why(at))).collect();
        let ranked: Vec<String> = (0..columns)
            .filter(|at| free(*at) && names.get(*at).is_some_and(|name| label_rank(name).is_some()))
            .map(|at| shown(at, &names))
            .collect();
        if let (None, Some(at), true) = (given, label, ranked.len() > 1) {
            reading.warnings.push(format!(
                "columns {} all have a name of labels; {} was taken for them, the others for features (--label-column, --drop)",
                ranked.join(", "),
                shown(at, &names)
            ));
        }
        let (labels, limit, label_given) = (LabelSet::default(), options.limit, given.is_some());
        Ok(Self { names, label, label_given, features, labels, samples: 0, limit, reading })
    }

    /// The name of a column or its number from 0, as options take it.
    pub(super) fn name(&self, column: usize) -> String {
        shown(column, &self.names)
    }

    /// Whether the caller said where the labels are.
    pub(super) fn is_label_given(&self) -> bool {
        self.label_given || self.label.is_none()
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
        let names = self.features.iter().filter_map(|&column| self.names.get(column).cloned()).collect();
        let width = self.features.len();
        self.finish_wide(features, width, names)
    }

    /// The whole table where some columns hold words, whose numbers are among
    /// `values`.
    pub(super) fn finish_words(mut self, values: &[f64], words: &Vocabularies) -> Result<Loaded, DataError> {
        let name = |position: usize| self.features.get(position).map_or(String::new(), |&at| self.name(at));
        let Expanded { values, names, said } = words.expand(values, name)?;
        self.reading.scaling = Some(said.join("; "));
        Ok(self.finish_named(Features::F64(values.into()), names))
    }

    /// The same where a column may hold several features, which have names.
    pub(super) fn finish_named(self, features: Features, names: Vec<String>) -> Loaded {
        self.finish_wide(features, names.len(), names)
    }

    fn finish_wide(mut self, features: Features, width: usize, names: Vec<String>) -> Loaded {
        if let Some(&first) = self.features.first()
            && let Some(what) = numbers_rows(&features, width)
        {
            let name = shown(first, &self.names);
            self.reading.warnings.push(format!("column {name} {what}; --drop {name} leaves it out"));
        }
        Loaded {
            samples: self.samples,
            labels: self.label.map(|_| self.labels),
            names: Some(names).filter(|names| !names.is_empty()),
            reading: self.reading,
            ..Loaded::unlabelled(features, width)
        }
    }
}

/// How the first of several features looks like a number of the sample rather
/// than a property of it, if it does.
fn numbers_rows(features: &Features, width: usize) -> Option<&'static str> {
    let samples = features.len().checked_div(width).unwrap_or(0);
    let value = |sample: usize| features.at(sample * width);
    if width < 2 || samples < 3 {
        return None;
    }
    if (1..samples).all(|sample| value(sample) == value(sample - 1) + 1.0) {
        return Some("counts the rows");
    }
    if samples < FEW || !(0..samples).all(|sample| value(sample).fract() == 0.0) {
        return None;
    }
    let mut values: Vec<f64> = (0..samples).map(value).collect();
    values.sort_by(f64::total_cmp);
    let distinct = values.windows(2).all(|pair| pair[0] < pair[1]);
    distinct.then_some("has another whole number in every sample, as a number of the row has")
}

/// A column as options name it: by name, else by index from 0.
fn shown(column: usize, names: &[String]) -> String {
    match names.get(column) {
        Some(name) if !name.is_empty() => format!("{}", name.escape_debug()),
        _ => column.to_string(),
    }
}

/// Whether a name is none: empty, or what pandas calls a column whose name is, with
/// another number behind a point where there are several.
pub(super) fn is_nameless(name: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let numbered = |rest: &str| rest.split('.').all(digits);
    name.is_empty() || name.strip_prefix("Unnamed: ").is_some_and(numbered)
}

/// How values that are missing are written, in any case: by hand, by pandas, R,
/// Excel and C.
const MISSING: [&str; 18] = [
    "", "-", "?", "na", "n/a", "nan", "null", "none", "nil", "<na>", "#na", "#n/a", "#n/a n/a", "-nan",
    "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan",
];

/// Whether a cell stands for a value that is not there.
pub(super) fn is_missing(cell: &str) -> bool {
    MISSING.iter().any(|sign| sign.eq_ignore_ascii_case(cell))
}

/// The column of this name, else of this index from 0.
fn column(given: &String, columns: usize, names: &[String]) -> Result<usize, DataError> {
    let mut named = names.iter().enumerate().filter(|(_, name)| *name == given).map(|(at, _)| at);
    let by_name = named.next();
    if let (Some(first), Some(second)) = (by_name, named.next()) {
        let what = format!("the name '{}' of two columns ({first} and {second})", given.escape_debug());
        return Err(DataError::unsupported(what, "the index of one of them, from 0"));
    }
    let by_index = || given.parse().ok().filter(|&index: &usize| index < columns);
    by_name.or_else(by_index).ok_or_else(|| no_column(given, columns, names))
}

/// The place of `name` among [`LABEL_NAMES`], in any case.
pub(super) fn label_rank(name: &str) -> Option<usize> {
    LABEL_NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))
}

/// The column that holds the labels of a table of `columns` columns, if any; one
/// that is not asked for must be `free`.
pub(super) fn label_column(
    columns: usize,
    names: &[String],
    free: &dyn Fn(usize) -> bool,
    options: &ReadOptions,
) -> Result<Option<usize>, DataError> {
    if options.labels.is_some() {
        return Ok(None);
    }
    if let Some(given) = &options.label_column {
        return column(given, columns, names).map(Some);
    }
    let named = names.iter().enumerate().filter(|(at, _)| free(*at));
    let best = named.filter_map(|(at, name)| Some((label_rank(name)?, at))).min().map(|(_, at)| at);
    // Points may well have a feature y; a column label is none.
    let count = match options.features.len() {
        0 => (0..columns).filter(|at| free(*at)).count(),
        chosen => chosen,
    };
    if options.expected_features == Some(count)
        && (options.features.is_empty() || best.is_none())
        && best.is_none_or(|at| names[at].eq_ignore_ascii_case("y"))
    {
        return Ok(None);
    }
    Ok(best.or((0..columns).rev().find(|at| free(*at))))
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
        label_column(names.len(), &names, &|_| true, options)
    }

    #[test]
    fn half_precision_is_exact() {
        // Bits as IEEE 754 defines them: the value from sign, exponent and fraction.
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
            let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
            let found = half_precision(bits.to_le_bytes());
            let expected = match exponent {
                0 => sign * fraction * 2f32.powi(-24),
                31 if fraction == 0.0 => sign * f32::INFINITY,
                31 => {
                    assert!(found.is_nan());
                    continue;
                }
                _ => sign * (1024.0 + fraction) * 2f32.powi(exponent - 25),
            };
            assert_eq!(found.to_bits(), expected.to_bits(), "{bits:#06x}");
        }
        assert_eq!(
            [0x3c00u16, 0xc000, 0x7bff].map(|b| half_precision(b.to_le_bytes())),
            [1.0, -2.0, 65504.0]
        );
    }

    #[test]
    fn the_column_is_found_by_name_by_index_or_by_custom() {
        let options = ReadOptions::default();
        assert_eq!(find(&["a", "Class", "b"], &options).unwrap(), Some(1));
        assert_eq!(find(&["y", "LABEL", "b"], &options).unwrap(), Some(1));
        assert_eq!(find(&["a", "b", "c"], &options).unwrap(), Some(2));
        assert_eq!(label_column(3, &[], &|_| true, &options).unwrap(), Some(2));

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
