//! Parquet tables, through the column interface of the `parquet` crate.

use std::fs::File;

use indelible::Features;
use parquet::{
    basic::{ConvertedType as Converted, LogicalType, Type as Physical},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    errors::ParquetError,
    file::reader::{FileReader, RowGroupReader, SerializedFileReader},
    schema::types::ColumnDescriptor,
};

use super::{
    Loaded, ReadOptions,
    guard::guarded,
    source::Source,
    table::{Table, Value},
};
use crate::DataError;

/// Values that are decoded at once.
const BATCH: usize = 4096;

/// What a file that is not sound is called in messages.
const FORMAT: &str = "Parquet";

/// A column of the table.
struct Column {
    /// Which one of the file it is.
    place: usize,
    name: String,
    physical: Physical,
    /// Whether it holds integers that the format stores as if they had a sign.
    unsigned: bool,
}

impl Column {
    /// Refuses what is not understood, by what it is.
    fn new(place: usize, about: &ColumnDescriptor) -> Result<Self, String> {
        use Physical::{BOOLEAN, BYTE_ARRAY, DOUBLE, FLOAT, INT32, INT64};
        if about.max_rep_level() > 0 || about.path().parts().len() > 1 {
            return Err("nested values".into());
        }
        let (logical, converted) = (about.logical_type_ref(), about.converted_type());
        let unsigned = matches!(logical, Some(LogicalType::Integer(i)) if !i.is_signed)
            || matches!(
                converted,
                Converted::UINT_8 | Converted::UINT_16 | Converted::UINT_32 | Converted::UINT_64
            );
        use LogicalType::{Enum, Integer, String as Text, Unknown};
        let plain = matches!(logical, None | Some(Integer(_) | Text | Enum | Unknown))
            && !matches!(
                converted,
                Converted::DECIMAL
                    | Converted::DATE
                    | Converted::TIME_MILLIS
                    | Converted::TIME_MICROS
                    | Converted::TIMESTAMP_MILLIS
                    | Converted::TIMESTAMP_MICROS
            );
        let physical = about.physical_type();
        if !plain {
            let logical = logical.map_or_else(|| converted.to_string(), |logical| format!("{logical:?}"));
            return Err(format!("{logical} ({physical})"));
        }
        if !matches!(physical, BOOLEAN | INT32 | INT64 | FLOAT | DOUBLE | BYTE_ARRAY) {
            return Err(physical.to_string());
        }
        Ok(Self { place, name: about.path().string(), physical, unsigned })
    }
}

/// Reads a Parquet table; the parser may panic if the file is damaged.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let file = source.into_plain_file(FORMAT)?;
    guarded(FORMAT, || read_file(file, options))
}

fn read_file(file: File, options: &ReadOptions) -> Result<Loaded, DataError> {
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    // pandas keeps an index that is no column of the table in such columns.
    let index = |name: &str| name.starts_with("__index_level_") && name.ends_with("__");
    let all = reader.metadata().file_metadata().schema_descr().columns().iter().enumerate();
    let (places, names): (Vec<_>, Vec<String>) = all
        .map(|(place, about)| ((place, about), about.path().string()))
        .filter(|(_, name)| !index(name))
        .unzip();
    let mut table = Table::new(names.len(), names, options)?;
    let mut columns = Vec::new();
    for (at, (place, about)) in places.into_iter().enumerate() {
        let column = match Column::new(place, about) {
            Ok(column) if column.physical == Physical::BYTE_ARRAY && Some(at) != table.label => {
                Err("text as a feature".into())
            }
            column => column,
        };
        columns.push(column.map_err(|what| {
            let what = format!("column '{}' of {what}", about.path().string().escape_debug());
            DataError::unsupported(what, "numbers, or text as labels")
        })?);
    }
    let label = table.label.map(|at| columns.remove(at));
    let all_single = columns.iter().all(|column| column.physical == Physical::FLOAT);
    let (mut singles, mut doubles) = (Vec::new(), Vec::new());
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(failed)?;
        let rows = usize::try_from(group.metadata().num_rows())
            .map_err(|_| DataError::malformed(FORMAT, "a row group with a negative number of rows"))?;
        let (first, taken) = (table.samples, table.wanted(rows));
        let group = Group { reader: group, first };
        table.samples = first
            .checked_add(rows)
            .ok_or_else(|| DataError::malformed(FORMAT, "more rows than any memory holds"))?;
        if let Some(column) = &label {
            group.read(column, rows, |label| table.labels.push(label))?;
        }
        if taken > 0 && all_single {
            group.append(&mut singles, &columns, taken, |value| match value {
                Value::Single(value) if value.is_finite() => Ok(value),
                Value::Single(value) => Err(not_finite(value.into())),
                _ => Err("the column changes its type".into()),
            })?;
        } else if taken > 0 {
            group.append(&mut doubles, &columns, taken, |value| match value.double() {
                Ok(value) if value.is_finite() => Ok(value),
                Ok(value) => Err(not_finite(value)),
                Err(value) => Err(format!("{value} cannot be held exactly by binary64")),
            })?;
        }
    }
    let features = if all_single { Features::F32(singles.into()) } else { Features::F64(doubles.into()) };
    Ok(table.finish(features))
}

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
        convert: impl Fn(Value<'_>) -> Result<T, String>,
    ) -> Result<(), DataError> {
        let start = values.len();
        for (place, column) in columns.iter().enumerate() {
            let mut cells = Vec::new();
            self.read(column, rows, |value| {
                cells.push(convert(value)?);
                Ok(())
            })?;
            if place == 0 {
                values.resize(start + rows * columns.len(), T::default());
            }
            for (row, cell) in values[start..].chunks_exact_mut(columns.len()).zip(cells) {
                row[place] = cell;
            }
        }
        Ok(())
    }

    /// Gives the first `rows` values of `column` to `put`.
    fn read(
        &self,
        column: &Column,
        rows: usize,
        mut put: impl FnMut(Value<'_>) -> Result<(), String>,
    ) -> Result<(), DataError> {
        use ColumnReader as Reader;
        let integer = Value::Integer;
        match self.reader.get_column_reader(column.place).map_err(failed)? {
            Reader::BoolColumnReader(r) => self.run(column, rows, r, |v| put(integer(v.into()))),
            Reader::Int32ColumnReader(r) => self.run(column, rows, r, |v| {
                put(integer(if column.unsigned { v.cast_unsigned().into() } else { v.into() }))
            }),
            Reader::Int64ColumnReader(r) => self.run(column, rows, r, |v| {
                put(integer(if column.unsigned { v.cast_unsigned().into() } else { v.into() }))
            }),
            Reader::FloatColumnReader(r) => self.run(column, rows, r, |v| put(Value::Single(v))),
            Reader::DoubleColumnReader(r) => self.run(column, rows, r, |v| put(Value::Double(v))),
            Reader::ByteArrayColumnReader(r) => self.run(column, rows, r, |v| {
                let text = std::str::from_utf8(v.data()).map_err(|_| "the label is no text in UTF-8")?;
                put(Value::Text(text))
            }),
            Reader::Int96ColumnReader(_) | Reader::FixedLenByteArrayColumnReader(_) => {
                Err(DataError::malformed(FORMAT, format!("column '{}' changes its type", column.name)))
            }
        }
    }

    /// The values of one column, some at a time.
    fn run<T: DataType>(
        &self,
        column: &Column,
        rows: usize,
        mut reader: ColumnReaderImpl<T>,
        mut put: impl FnMut(T::T) -> Result<(), String>,
    ) -> Result<(), DataError> {
        let cell = |row: usize, what: String| DataError::Cell {
            row: format!("row {}", self.first + row + 1),
            column: column.place + 1,
            name: Some(column.name.clone()),
            what,
        };
        let (mut values, mut levels) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        let mut done = 0;
        while done < rows {
            values.clear();
            levels.clear();
            let wanted = (rows - done).min(BATCH);
            let (records, found, _) =
                reader.read_records(wanted, Some(&mut levels), None, &mut values).map_err(failed)?;
            if records == 0 {
                let name = column.name.escape_debug();
                let what = format!("column '{name}' has {done} values for {rows} rows");
                return Err(DataError::malformed(FORMAT, what));
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
