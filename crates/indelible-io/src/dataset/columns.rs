//! Tables that are stored column by column: what Parquet and Arrow share.

use indelible::Features;
use serde_json::Value as Json;

use super::{
    Categorical, Loaded, Missing, ReadOptions,
    onehot::Vocabularies,
    table::{Table, Value, is_nameless},
};
use crate::DataError;

/// What bytes of one length may be: polars stores its integers of 128 bits so.
pub(super) const FIXED_BYTES: &str = "bytes of a fixed length (or integers of 128 bits)";

/// What stands for a null.
pub(super) const ABSENT: Value<'static> = Value::Single(f32::NAN);

/// What is said to be expected where a column can be neither a feature nor the label.
pub(super) const EXPECTED: &str = "numbers, or text as labels (--drop leaves a column out)";

/// What the lists of a column and the first of them have in common, or should.
pub(super) const OTHER_LENGTH: &str = "the list has another length than the first";

/// Extensions of Arrow's types whose numbers are what is stored.
const PLAIN: [&str; 1] = ["arrow.fixed_shape_tensor"];

/// What a column of this extension of Arrow's types holds, where that is more than the
/// numbers stored.
pub(super) fn extension(name: &str) -> Option<String> {
    (!PLAIN.contains(&name)).then(|| format!("the extension type '{}'", name.escape_debug()))
}

/// The columns that pandas says in its metadata are an index of the rows, and the first
/// ones where they have no names.
pub(super) fn index(pandas: Option<&str>, names: &[String]) -> Vec<usize> {
    let said: Option<Json> = pandas.and_then(|text| serde_json::from_str(text).ok());
    let listed: Vec<&str> = said
        .as_ref()
        .and_then(|said| said.get("index_columns")?.as_array())
        .map_or(vec![], |columns| columns.iter().filter_map(Json::as_str).collect());
    // An index without a name is kept in columns of such names.
    let is_index =
        |name: &str| listed.contains(&name) || name.starts_with("__index_level_") && name.ends_with("__");
    let nameless = names.iter().take_while(|name| is_nameless(name)).count();
    let numbered = names.iter().enumerate();
    numbered.filter(|(at, name)| *at < nameless || is_index(name)).map(|(at, _)| at).collect()
}

/// The number `value / 10^scale`, rounded to binary64 as the same digits in a
/// text are.
pub(super) fn decimal(value: i128, scale: i32) -> Value<'static> {
    match scale {
        0 => Value::Integer(value),
        _ => Value::Double(format!("{value}e{}", -i64::from(scale)).parse().unwrap_or(f64::NAN)),
    }
}

/// A text that is stored as bytes.
pub(super) fn text(bytes: &[u8]) -> Result<Value<'_>, String> {
    std::str::from_utf8(bytes).map(Value::Text).map_err(|_| "the label is no text in UTF-8".into())
}

/// What a column holds, as far as the format says.
#[derive(Clone, Debug, Default)]
pub(super) struct Kind {
    /// Text rather than numbers.
    pub(super) text: bool,
    /// All numbers are ones of binary32.
    pub(super) single: bool,
    /// Each row holds a list of values.
    pub(super) list: bool,
    /// What its numbers are where they are not what is stored.
    pub(super) other: Option<String>,
}

impl Kind {
    /// Whether a null may be in the column, used as label or feature; else what it holds
    /// that cannot be used so.
    pub(super) fn allowed(&self, is_label: bool, options: &ReadOptions) -> Result<bool, String> {
        if let (Some(other), false) = (&self.other, self.text) {
            return Err(other.clone());
        }
        match (self.text, is_label) {
            (true, false) if options.categorical == Categorical::Refuse => {
                Err("text as a feature (--categorical onehot makes features of its words)".into())
            }
            (true, _) if self.list => Err("lists of text".into()),
            (_, true) if self.list => Err("lists as labels".into()),
            _ => Ok(!is_label && options.missing != Missing::Refuse),
        }
    }
}

/// Some of the rows of a table.
pub(super) trait Rows {
    /// Gives the first `rows` rows of the feature at a position to `put`, a list value by
    /// value.
    fn feature(
        &self,
        position: usize,
        rows: usize,
        put: impl FnMut(Value<'_>) -> Result<(), String>,
    ) -> Result<(), DataError>;

    /// Gives the labels of the first `rows` rows to `put`, where there are any.
    fn labels(&self, rows: usize, put: impl FnMut(Value<'_>) -> Result<(), String>) -> Result<(), DataError>;
}

/// The features of a table while it is read.
pub(super) struct Numbers {
    format: &'static str,
    /// All columns hold numbers of binary32.
    single: bool,
    /// Nulls and NaN are missing values.
    missing: bool,
    words: Vocabularies,
    singles: Vec<f32>,
    doubles: Vec<f64>,
}

impl Numbers {
    /// None yet, of columns of these kinds.
    ///
    /// # Errors
    /// When there are lists and text, which both become several features.
    pub(super) fn new<'a>(
        format: &'static str,
        kinds: impl Iterator<Item = &'a Kind> + Clone,
        options: &ReadOptions,
    ) -> Result<Self, DataError> {
        let words = Vocabularies::new(kinds.clone().map(|kind| kind.text));
        if words.any() && kinds.clone().any(|kind| kind.list) {
            let what = "a table of both lists and text as features";
            return Err(DataError::unsupported(what, "one of them (--drop)"));
        }
        let missing = options.missing != Missing::Refuse;
        let single = kinds.into_iter().all(|kind| kind.single);
        Ok(Self { format, single, missing, words, singles: Vec::new(), doubles: Vec::new() })
    }

    /// Takes over `count` rows more of a table, whose features have so many values each:
    /// the labels of all of them, since the classes are those of the whole file, and the
    /// features of those that are wanted.
    pub(super) fn take(
        &mut self,
        table: &mut Table,
        rows: &impl Rows,
        count: usize,
        widths: &[usize],
    ) -> Result<(), DataError> {
        let wanted = table.wanted(count);
        table.samples = (table.samples.checked_add(count))
            .ok_or_else(|| DataError::malformed(self.format, "more rows than any memory holds"))?;
        rows.labels(count, |label| table.labels.push(label))?;
        if wanted > 0 { self.append(rows, wanted, widths) } else { Ok(()) }
    }

    /// Appends the first `count` of `rows`.
    fn append(&mut self, rows: &impl Rows, count: usize, widths: &[usize]) -> Result<(), DataError> {
        let Self { format, missing, words, .. } = self;
        let is_fine = |value: f64| value.is_finite() || *missing && value.is_nan();
        if self.single {
            return append(&mut self.singles, format, rows, count, widths, |_, value| match value {
                Value::Single(value) if is_fine(value.into()) => Ok(value),
                Value::Single(value) => Err(not_finite(value.into())),
                _ => Err("the column changes its type".into()),
            });
        }
        append(&mut self.doubles, format, rows, count, widths, |position, value| match value.double() {
            Ok(value) if is_fine(value) => Ok(value),
            Ok(value) => Err(not_finite(value)),
            Err(word) if words.has(position) => words.code(position, &word),
            Err(value) => Err(format!("{value} cannot be held exactly by binary64")),
        })
    }

    /// The whole table, whose columns of features have these names and, if they hold
    /// lists, these lengths.
    pub(super) fn finish<'a>(
        self,
        table: Table,
        columns: impl Iterator<Item = (&'a str, Option<usize>)>,
    ) -> Result<Loaded, DataError> {
        if self.words.any() {
            return table.finish_words(&self.doubles, &self.words);
        }
        let single = self.single;
        let features =
            if single { Features::F32(self.singles.into()) } else { Features::F64(self.doubles.into()) };
        let names = columns.flat_map(|(name, length)| {
            let entry = move |at| if length.is_some() { format!("{name}[{at}]") } else { name.to_owned() };
            (0..length.unwrap_or(1)).map(entry)
        });
        Ok(table.finish_named(features, names.collect()))
    }
}

/// Appends the first `count` of `rows` to `values`, feature after feature.
///
/// The first feature is read before there is room for the others, so that a number of
/// rows which is not there costs nothing.
fn append<T: Copy + Default>(
    values: &mut Vec<T>,
    format: &'static str,
    rows: &impl Rows,
    count: usize,
    widths: &[usize],
    mut convert: impl FnMut(usize, Value<'_>) -> Result<T, String>,
) -> Result<(), DataError> {
    let start = values.len();
    let total: usize = widths.iter().sum();
    let mut place = 0;
    for (position, &width) in widths.iter().enumerate() {
        let mut cells = Vec::new();
        rows.feature(position, count, |value| {
            cells.push(convert(position, value)?);
            Ok(())
        })?;
        if place == 0 {
            let size = count.checked_mul(total).and_then(|size| size.checked_add(start));
            let size =
                size.ok_or_else(|| DataError::malformed(format, "more values than any memory holds"))?;
            values.resize(size, T::default());
        }
        let rows = values.get_mut(start..).unwrap_or_default().chunks_exact_mut(total.max(1));
        for (row, cells) in rows.zip(cells.chunks_exact(width.max(1))) {
            row.iter_mut().skip(place).zip(cells).for_each(|(to, from)| *to = *from);
        }
        place += width;
    }
    Ok(())
}

/// Says that a value is no real number.
fn not_finite(value: f64) -> String {
    format!("{value} is not a finite number")
}
