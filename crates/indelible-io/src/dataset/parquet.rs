//! Parquet tables, through the column interface of the `parquet` crate.

use std::{fs::File, path::Path};

use indelible::Features;
use parquet::{
    basic::{ConvertedType, LogicalType, Type as Physical},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType},
    errors::ParquetError,
    file::{
        metadata::ParquetMetaData,
        reader::{FileReader, SerializedFileReader},
    },
    schema::types::ColumnDescriptor,
};

use super::{
    Loaded, ReadOptions,
    guard::guarded,
    labels::LabelSet,
    source::Source,
    table::{feature_names, label_column},
};
use crate::Error;

/// Values that are decoded at once.
const BATCH: usize = 4096;

/// What a file that is not sound is called in messages.
const FORMAT: &str = "Parquet";

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Bool,
    Int,
    /// Integers that the format stores as if they had a sign.
    Unsigned,
    Single,
    Double,
    Text,
}

impl Kind {
    /// The kind of a column, or what it is that is not understood.
    fn of(column: &ColumnDescriptor) -> Result<Self, String> {
        if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
            return Err("nested values".into());
        }
        let unsigned = matches!(column.logical_type_ref(), Some(LogicalType::Integer(i)) if !i.is_signed)
            || matches!(
                column.converted_type(),
                ConvertedType::UINT_8
                    | ConvertedType::UINT_16
                    | ConvertedType::UINT_32
                    | ConvertedType::UINT_64
            );
        let plain = matches!(
            column.logical_type_ref(),
            None | Some(
                LogicalType::Integer(_) | LogicalType::String | LogicalType::Enum | LogicalType::Unknown
            )
        ) && !matches!(
            column.converted_type(),
            ConvertedType::DECIMAL
                | ConvertedType::DATE
                | ConvertedType::TIME_MILLIS
                | ConvertedType::TIME_MICROS
                | ConvertedType::TIMESTAMP_MILLIS
                | ConvertedType::TIMESTAMP_MICROS
        );
        match column.physical_type() {
            physical if !plain => {
                let logical = column.logical_type_ref().map(|logical| format!("{logical:?}"));
                Err(format!(
                    "{} ({physical})",
                    logical.unwrap_or_else(|| column.converted_type().to_string())
                ))
            }
            Physical::BOOLEAN => Ok(Self::Bool),
            Physical::INT32 | Physical::INT64 if unsigned => Ok(Self::Unsigned),
            Physical::INT32 | Physical::INT64 => Ok(Self::Int),
            Physical::FLOAT => Ok(Self::Single),
            Physical::DOUBLE => Ok(Self::Double),
            Physical::BYTE_ARRAY => Ok(Self::Text),
            physical => Err(physical.to_string()),
        }
    }
}

/// One value of a table.
enum Value {
    Integer(i128),
    Single(f32),
    Double(f64),
    Text(ByteArray),
}

/// Reads a Parquet table.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Loaded, Error> {
    let (path, file) = source.into_plain_file(FORMAT)?;
    guarded(&path, FORMAT, || read_file(&path, file, options))
}

/// Reads a Parquet file; the parser may panic if it is damaged.
fn read_file(path: &Path, file: File, options: &ReadOptions) -> Result<Loaded, Error> {
    let reader = SerializedFileReader::new(file).map_err(|e| failed(path, e))?;
    let table = Table::new(path, reader.metadata(), options)?;
    let width = table.features.len();
    let all_single = table.features.iter().all(|column| column.kind == Kind::Single);
    let (mut singles, mut doubles) = (Vec::new(), Vec::new());
    let mut labels = LabelSet::default();
    let mut samples = 0;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(|e| failed(path, e))?;
        let rows = usize::try_from(group.metadata().num_rows())
            .map_err(|_| Error::malformed(path, FORMAT, "a row group with a negative number of rows"))?;
        let taken = options.limit.map_or(rows, |limit| limit.saturating_sub(samples).min(rows));
        let open = |column: &Column| group.get_column_reader(column.place).map_err(|e| failed(path, e));
        let first = samples;
        samples = samples
            .checked_add(rows)
            .ok_or_else(|| Error::malformed(path, FORMAT, "more rows than any memory holds"))?;
        if let Some(column) = &table.label {
            let read = column.read(path, open(column)?, first, rows, |value| match value {
                Value::Integer(label) => {
                    labels.push_integer(label);
                    Ok(())
                }
                Value::Single(label) => labels.push_real(label.into()),
                Value::Double(label) => labels.push_real(label),
                Value::Text(label) => {
                    let text =
                        std::str::from_utf8(label.data()).map_err(|_| "the label is no text in UTF-8")?;
                    labels.push_word(text);
                    Ok(())
                }
            });
            read?;
        }
        if taken == 0 {
            continue;
        }
        if all_single {
            append(&mut singles, width, taken, &table.features, |column, put| {
                column.read(path, open(column)?, first, taken, |value| match value {
                    Value::Single(value) if value.is_finite() => put(value),
                    Value::Single(value) => Err(not_finite(value.into())),
                    _ => Err("the column changes its type".into()),
                })
            })?;
        } else {
            append(&mut doubles, width, taken, &table.features, |column, put| {
                column.read(path, open(column)?, first, taken, |value| put(number(value)?))
            })?;
        }
    }
    let features = if all_single { Features::F32(singles.into()) } else { Features::F64(doubles.into()) };
    Ok(Loaded {
        samples,
        labels: table.label.map(|_| labels),
        names: Some(table.names),
        ..Loaded::unlabelled(features, width)
    })
}

/// Appends `rows` rows to `values`, column after column.
///
/// The first column is read before there is room for the others, so that a
/// number of rows which is not there costs nothing.
fn append<T: Copy + Default>(
    values: &mut Vec<T>,
    width: usize,
    rows: usize,
    columns: &[Column],
    mut read: impl FnMut(&Column, &mut dyn FnMut(T) -> Result<(), String>) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = values.len();
    for (place, column) in columns.iter().enumerate() {
        let mut cells = Vec::new();
        read(column, &mut |value| {
            cells.push(value);
            Ok(())
        })?;
        if place == 0 {
            values.resize(start + rows * width, T::default());
        }
        let rows = values.get_mut(start..).unwrap_or_default().chunks_exact_mut(width);
        for (row, value) in rows.zip(cells) {
            if let Some(cell) = row.get_mut(place) {
                *cell = value;
            }
        }
    }
    Ok(())
}

/// The binary64 number that a feature is.
fn number(value: Value) -> Result<f64, String> {
    let value = match value {
        #[expect(clippy::cast_possible_truncation, reason = "the comparison says whether it is the same")]
        Value::Integer(value) if (value as f64) as i128 == value => value as f64,
        Value::Integer(value) => return Err(format!("{value} cannot be held exactly by binary64")),
        Value::Single(value) => value.into(),
        Value::Double(value) => value,
        Value::Text(_) => return Err("a text is not a number".into()),
    };
    if value.is_finite() { Ok(value) } else { Err(not_finite(value)) }
}

/// Says that a value is no real number.
fn not_finite(value: f64) -> String {
    format!("{value} is not a finite number")
}

/// What a failure of the reader means.
fn failed(path: &Path, error: ParquetError) -> Error {
    let missing = matches!(error, ParquetError::NYI(_));
    let text = match error {
        ParquetError::General(text) | ParquetError::NYI(text) | ParquetError::EOF(text) => text,
        other => other.to_string(),
    };
    let what = text.lines().next().unwrap_or_default();
    match what.strip_prefix("Disabled feature at compile time: ") {
        Some(codec) => {
            Error::unsupported(path, format!("compression with {codec}"), "snappy, gzip, lz4 or zstd")
        }
        None if missing => Error::unsupported(path, what, "plain columns of numbers or text"),
        None => Error::malformed(path, FORMAT, what),
    }
}

/// A column that is wanted.
struct Column {
    place: usize,
    name: String,
    kind: Kind,
}

/// The columns of a table.
struct Table {
    label: Option<Column>,
    features: Vec<Column>,
    /// What the features are called.
    names: Vec<String>,
}

impl Table {
    fn new(path: &Path, about: &ParquetMetaData, options: &ReadOptions) -> Result<Self, Error> {
        let all = about.file_metadata().schema_descr().columns();
        // pandas keeps an index that is no column of the table in such columns.
        let columns: Vec<(usize, String)> = all
            .iter()
            .enumerate()
            .map(|(place, column)| (place, column.path().string()))
            .filter(|(_, name)| !(name.starts_with("__index_level_") && name.ends_with("__")))
            .collect();
        let names: Vec<String> = columns.iter().map(|(_, name)| name.clone()).collect();
        let label = label_column(path, names.len(), Some(&names), options)?;
        let (mut label_of, mut features) = (None, Vec::new());
        for (index, (place, name)) in columns.into_iter().enumerate() {
            let what = |what: String| {
                Error::unsupported(
                    path,
                    format!("column '{}' of {what}", name.escape_debug()),
                    "numbers, or text as labels",
                )
            };
            let kind =
                all.get(place).map_or(Err("no type".into()), |column| Kind::of(column)).map_err(what)?;
            if Some(index) == label {
                label_of = Some(Column { place, name, kind });
            } else if kind == Kind::Text {
                return Err(what("text as a feature".into()));
            } else {
                features.push(Column { place, name, kind });
            }
        }
        Ok(Self { label: label_of, features, names: feature_names(names, label) })
    }
}

impl Column {
    /// Gives the first `rows` values of a row group, whose first row is row
    /// `first` of the file, to `put`.
    fn read(
        &self,
        path: &Path,
        reader: ColumnReader,
        first: usize,
        rows: usize,
        mut put: impl FnMut(Value) -> Result<(), String>,
    ) -> Result<(), Error> {
        let unsigned = self.kind == Kind::Unsigned;
        let batches = Batches { path, column: self, first, rows };
        match reader {
            ColumnReader::BoolColumnReader(reader) => batches.run(reader, |v| put(Value::Integer(v.into()))),
            ColumnReader::Int32ColumnReader(reader) if unsigned => {
                batches.run(reader, |v| put(Value::Integer(v.cast_unsigned().into())))
            }
            ColumnReader::Int64ColumnReader(reader) if unsigned => {
                batches.run(reader, |v| put(Value::Integer(v.cast_unsigned().into())))
            }
            ColumnReader::Int32ColumnReader(reader) => batches.run(reader, |v| put(Value::Integer(v.into()))),
            ColumnReader::Int64ColumnReader(reader) => batches.run(reader, |v| put(Value::Integer(v.into()))),
            ColumnReader::FloatColumnReader(reader) => batches.run(reader, |v| put(Value::Single(v))),
            ColumnReader::DoubleColumnReader(reader) => batches.run(reader, |v| put(Value::Double(v))),
            ColumnReader::ByteArrayColumnReader(reader) => batches.run(reader, |v| put(Value::Text(v))),
            ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
                Err(Error::malformed(path, FORMAT, format!("column '{}' changes its type", self.name)))
            }
        }
    }
}

/// The values of one column in one row group, some at a time.
struct Batches<'a> {
    path: &'a Path,
    column: &'a Column,
    first: usize,
    rows: usize,
}

impl Batches<'_> {
    fn run<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        mut put: impl FnMut(T::T) -> Result<(), String>,
    ) -> Result<(), Error> {
        let cell = |row: usize, what: String| Error::Cell {
            path: self.path.to_owned(),
            row: format!("row {}", self.first + row + 1),
            column: self.column.place + 1,
            name: Some(self.column.name.clone()),
            what,
        };
        let (mut values, mut levels) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        let mut done = 0;
        while done < self.rows {
            values.clear();
            levels.clear();
            let wanted = (self.rows - done).min(BATCH);
            let (records, found, _) = reader
                .read_records(wanted, Some(&mut levels), None, &mut values)
                .map_err(|e| failed(self.path, e))?;
            if records == 0 {
                let what = format!(
                    "column '{}' has {done} values for {} rows",
                    self.column.name.escape_debug(),
                    self.rows
                );
                return Err(Error::malformed(self.path, FORMAT, what));
            }
            if found < records {
                // A level of 0 is a value that is not there.
                let null = levels.iter().position(|&level| level == 0).unwrap_or(0);
                return Err(cell(done + null, "the value is null".into()));
            }
            for (row, value) in values.drain(..).enumerate() {
                put(value).map_err(|what| cell(done + row, what))?;
            }
            done += records;
        }
        Ok(())
    }
}
