//! Parquet tables, through the column interface of the `parquet` crate.

mod arrow;
mod column;

use std::fs::File;

use indelible::Features;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    errors::ParquetError,
    file::{
        metadata::FileMetaData,
        reader::{FileReader, RowGroupReader, SerializedFileReader},
    },
};
use serde_json::Value as Json;

use super::{
    Categorical, Loaded, Missing, ReadOptions, Reading,
    guard::guarded,
    onehot::Vocabularies,
    source::Source,
    table::{Table, Value, is_nameless},
};
use crate::DataError;
use column::{Column, Meaning, name};

/// Values that are decoded at once.
const BATCH: usize = 4096;

/// What a file that is not sound is called in messages.
const FORMAT: &str = "Parquet";

/// Reads a Parquet table; the parser may panic if the file is damaged.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let file = source.into_plain_file(FORMAT)?;
    guarded(FORMAT, || read_file(file, options))
}

/// The columns that pandas says are an index of the rows, and the first ones where they
/// have no names.
fn index(about: &FileMetaData, names: &[String]) -> Vec<usize> {
    let pandas = about.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "pandas");
    let said: Option<Json> = pandas.and_then(|pair| serde_json::from_str(pair.value.as_deref()?).ok());
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

/// The column as features or labels, or what it holds that these cannot be: `other` is
/// what its numbers are where they are not what Parquet says.
fn allowed(
    column: Column,
    is_label: bool,
    other: Option<&String>,
    options: &ReadOptions,
) -> Result<Column, String> {
    let text = column.meaning == Meaning::Text;
    if let (Some(other), false) = (other, text) {
        return Err(other.clone());
    }
    match (text, is_label) {
        (true, false) if options.categorical == Categorical::Refuse => {
            Err("text as a feature (--categorical onehot makes features of its words)".into())
        }
        (true, _) if column.list => Err("lists of text".into()),
        (_, true) if column.list => Err("lists as labels".into()),
        _ => Ok(Column { missing: !is_label && options.missing != Missing::Refuse, ..column }),
    }
}

fn read_file(file: File, options: &ReadOptions) -> Result<Loaded, DataError> {
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let about = reader.metadata().file_metadata();
    let leaves = about.schema_descr().columns();
    let names: Vec<String> = leaves.iter().map(|leaf| name(leaf)).collect();
    let index = index(about, &names);
    let mut table = Table::new(names.len(), names, &index, options)?;
    table.reading = Reading { format: FORMAT.into(), ..table.reading };
    let other_numbers = arrow::other_numbers(about);
    let understood = |at: usize, is_label: bool| -> Result<Column, DataError> {
        let leaf =
            leaves.get(at).ok_or_else(|| DataError::malformed(FORMAT, "a column that is not there"))?;
        let other = leaf.path().parts().first().and_then(|name| other_numbers.get(name));
        let column = Column::new(at, leaf).and_then(|column| allowed(column, is_label, other, options));
        column.map_err(|what| {
            let what = format!("column '{}' of {what}", table.name(at));
            DataError::unsupported(what, "numbers, or text as labels (--drop leaves a column out)")
        })
    };
    let label = table.label.map(|at| understood(at, true)).transpose()?;
    let mut columns: Vec<Column> =
        table.features.iter().map(|&at| understood(at, false)).collect::<Result<_, _>>()?;
    let mut words = Vocabularies::new(columns.iter().map(|column| column.meaning == Meaning::Text));
    if words.any() && columns.iter().any(|column| column.list) {
        return Err(DataError::unsupported(
            "a table of both lists and text as features",
            "one of them (--drop)",
        ));
    }
    let missing = options.missing != Missing::Refuse;
    let all_single = columns.iter().all(Column::is_single);
    let (mut singles, mut doubles) = (Vec::new(), Vec::new());
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(failed)?;
        let rows = usize::try_from(group.metadata().num_rows())
            .map_err(|_| DataError::malformed(FORMAT, "a row group with a negative number of rows"))?;
        let (first, taken) = (table.samples, table.wanted(rows));
        let group = Group { reader: group, first };
        if first == 0 && rows > 0 {
            for column in columns.iter_mut().filter(|column| column.list) {
                column.width = group.length(column)?;
            }
        }
        table.samples = first
            .checked_add(rows)
            .ok_or_else(|| DataError::malformed(FORMAT, "more rows than any memory holds"))?;
        if let Some(column) = &label {
            group.read(column, rows, |label| table.labels.push(label))?;
        }
        if taken > 0 && all_single {
            group.append(&mut singles, &columns, taken, |_, value| match value {
                Value::Single(value) if value.is_finite() || missing && value.is_nan() => Ok(value),
                Value::Single(value) => Err(not_finite(value.into())),
                _ => Err("the column changes its type".into()),
            })?;
        } else if taken > 0 {
            group.append(&mut doubles, &columns, taken, |position, value| match value.double() {
                Ok(value) if value.is_finite() || missing && value.is_nan() => Ok(value),
                Ok(value) => Err(not_finite(value)),
                Err(word) if words.has(position) => words.code(position, &word),
                Err(value) => Err(format!("{value} cannot be held exactly by binary64")),
            })?;
        }
    }
    if words.any() {
        return table.finish_words(&doubles, &words);
    }
    let features = if all_single { Features::F32(singles.into()) } else { Features::F64(doubles.into()) };
    let names = columns.iter().flat_map(|column| {
        (0..column.width)
            .map(|at| if column.list { format!("{}[{at}]", column.name) } else { column.name.clone() })
    });
    Ok(table.finish_named(features, names.collect()))
}

/// What stands for a null.
const ABSENT: Value<'static> = Value::Single(f32::NAN);

/// Says that a value is no real number.
fn not_finite(value: f64) -> String {
    format!("{value} is not a finite number")
}

/// What a failure of the reader means.
fn failed(error: ParquetError) -> DataError {
    let missing = matches!(error, ParquetError::NYI(_));
    let text = match error {
        ParquetError::General(text) | ParquetError::NYI(text) | ParquetError::EOF(text) => text,
        other => other.to_string(),
    };
    let what = text.lines().next().unwrap_or_default();
    match what.strip_prefix("Disabled feature at compile time: ") {
        Some(codec) => {
            DataError::unsupported(format!("compression with {codec}"), "snappy, gzip, lz4 or zstd")
        }
        None if missing => DataError::unsupported(what, "plain columns of numbers or text"),
        None => DataError::malformed(FORMAT, what),
    }
}

/// A row group, whose first row is row `first` of the file.
struct Group<'a> {
    reader: Box<dyn RowGroupReader + 'a>,
    first: usize,
}

impl Group<'_> {
    /// Appends `rows` rows of `columns` to `values`, column after column.
    ///
    /// The first column is read before there is room for the others, so that a
    /// number of rows which is not there costs nothing.
    fn append<T: Copy + Default>(
        &self,
        values: &mut Vec<T>,
        columns: &[Column],
        rows: usize,
        mut convert: impl FnMut(usize, Value<'_>) -> Result<T, String>,
    ) -> Result<(), DataError> {
        let start = values.len();
        let total: usize = columns.iter().map(|column| column.width).sum();
        let mut place = 0;
        for (position, column) in columns.iter().enumerate() {
            let mut cells = Vec::new();
            self.read(column, rows, |value| {
                cells.push(convert(position, value)?);
                Ok(())
            })?;
            if place == 0 {
                let count = rows.checked_mul(total).and_then(|count| count.checked_add(start));
                let count =
                    count.ok_or_else(|| DataError::malformed(FORMAT, "more values than any memory holds"))?;
                values.resize(count, T::default());
            }
            let rows = values.get_mut(start..).unwrap_or_default().chunks_exact_mut(total.max(1));
            for (row, cells) in rows.zip(cells.chunks_exact(column.width.max(1))) {
                row.iter_mut().skip(place).zip(cells).for_each(|(to, from)| *to = *from);
            }
            place += column.width;
        }
        Ok(())
    }

    /// The number of values in the first row of a column of lists.
    fn length(&self, column: &Column) -> Result<usize, DataError> {
        use ColumnReader as Reader;
        match self.reader.get_column_reader(column.place).map_err(failed)? {
            Reader::BoolColumnReader(r) => length(r),
            Reader::Int32ColumnReader(r) => length(r),
            Reader::Int64ColumnReader(r) => length(r),
            Reader::FloatColumnReader(r) => length(r),
            Reader::DoubleColumnReader(r) => length(r),
            Reader::ByteArrayColumnReader(r) => length(r),
            Reader::FixedLenByteArrayColumnReader(r) => length(r),
            Reader::Int96ColumnReader(r) => length(r),
        }
    }

    /// Gives the first `rows` values of `column` to `put`.
    fn read(
        &self,
        column: &Column,
        rows: usize,
        mut put: impl FnMut(Value<'_>) -> Result<(), String>,
    ) -> Result<(), DataError> {
        use ColumnReader as Reader;
        match self.reader.get_column_reader(column.place).map_err(failed)? {
            Reader::BoolColumnReader(r) => {
                self.run(column, rows, r, |v| put(v.map_or(ABSENT, |v| Value::Integer(v.into()))))
            }
            Reader::Int32ColumnReader(r) => self.run(column, rows, r, |v| {
                put(v.map_or(ABSENT, |v| column.integer(v.into(), v.cast_unsigned().into())))
            }),
            Reader::Int64ColumnReader(r) => {
                self.run(column, rows, r, |v| put(v.map_or(ABSENT, |v| column.integer(v, v.cast_unsigned()))))
            }
            Reader::FloatColumnReader(r) => {
                self.run(column, rows, r, |v| put(v.map_or(ABSENT, Value::Single)))
            }
            Reader::DoubleColumnReader(r) => {
                self.run(column, rows, r, |v| put(v.map_or(ABSENT, Value::Double)))
            }
            Reader::ByteArrayColumnReader(r) => self.run(column, rows, r, |v| match v {
                Some(v) => put(column.bytes(v.data())?),
                None => put(ABSENT),
            }),
            Reader::FixedLenByteArrayColumnReader(r) => self.run(column, rows, r, |v| match v {
                Some(v) => put(column.bytes(v.data())?),
                None => put(ABSENT),
            }),
            Reader::Int96ColumnReader(_) => {
                Err(DataError::malformed(FORMAT, format!("column '{}' changes its type", column.name)))
            }
        }
    }

    /// The values of one column, some at a time; `None` for a null that may be.
    fn run<T: DataType>(
        &self,
        column: &Column,
        rows: usize,
        mut reader: ColumnReaderImpl<T>,
        mut put: impl FnMut(Option<T::T>) -> Result<(), String>,
    ) -> Result<(), DataError> {
        let cell = |row: usize, what: String| DataError::Cell {
            row: format!("row {}", self.first + row + 1),
            column: column.place + 1,
            name: Some(column.name.clone()),
            what,
        };
        let (mut values, mut levels) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        let mut repeats = Vec::new();
        let mut done = 0;
        while done < rows {
            values.clear();
            levels.clear();
            repeats.clear();
            let wanted = (rows - done).min(BATCH);
            let (records, found, _) = reader
                .read_records(wanted, Some(&mut levels), Some(&mut repeats), &mut values)
                .map_err(failed)?;
            if records == 0 {
                let name = column.name.escape_debug();
                let what = format!("column '{name}' has {done} values for {rows} rows");
                return Err(DataError::malformed(FORMAT, what));
            }
            let width = if column.list { column.width } else { 1 };
            if let Some(row) = other_length(&repeats, width, records).filter(|_| column.list) {
                let what = format!("the list has another length than the first, {width}");
                return Err(cell(done + row, what));
            }
            let row = |at: usize| done + at / width.max(1);
            if found == records * width {
                for (at, value) in values.drain(..).enumerate() {
                    put(Some(value)).map_err(|what| cell(row(at), what))?;
                }
            }
            // Some levels say that a value is not there.
            let mut there = values.drain(..);
            for (at, level) in levels.iter().enumerate().filter(|_| found < records * width) {
                let value = (*level == column.present).then(|| there.next()).flatten();
                if value.is_none() && !column.missing {
                    return Err(cell(row(at), "the value is null".into()));
                }
                put(value).map_err(|what| cell(row(at), what))?;
            }
            drop(there);
            done += records;
        }
        Ok(())
    }
}

/// The number of values in the first record.
fn length<T: DataType>(mut reader: ColumnReaderImpl<T>) -> Result<usize, DataError> {
    let (mut levels, mut repeats, mut values) = (Vec::new(), Vec::new(), Vec::new());
    reader.read_records(1, Some(&mut levels), Some(&mut repeats), &mut values).map_err(failed)?;
    Ok(repeats.len())
}

/// The first of `records` lists that has not `width` values; a list begins where
/// a repetition level is 0.
fn other_length(repeats: &[i16], width: usize, records: usize) -> Option<usize> {
    let mut lengths = Vec::with_capacity(records);
    for &level in repeats {
        match lengths.last_mut() {
            Some(length) if level > 0 => *length += 1usize,
            _ => lengths.push(1),
        }
    }
    lengths.iter().position(|&length| length != width)
}
