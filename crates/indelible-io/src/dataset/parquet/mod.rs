//! Parquet tables, through the column interface of the `parquet` crate.

mod arrow;
mod column;

use std::fs::File;

use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    errors::ParquetError,
    file::reader::{FileReader, RowGroupReader, SerializedFileReader},
};

use super::{
    Loaded, ReadOptions, Reading,
    columns::{ABSENT, EXPECTED, Numbers, OTHER_LENGTH, Rows, index},
    guard::guarded,
    source::Source,
    table::{Table, Value},
};
use crate::DataError;
use column::{Column, name};

/// Values that are decoded at once.
const BATCH: usize = 4096;

/// What a file that is not sound is called in messages.
const FORMAT: &str = "Parquet";

/// Reads a Parquet table; the parser may panic if the file is damaged.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let file = source.into_plain_file(FORMAT)?;
    guarded(FORMAT, || read_file(file, options))
}

fn read_file(file: File, options: &ReadOptions) -> Result<Loaded, DataError> {
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let about = reader.metadata().file_metadata();
    let leaves = about.schema_descr().columns();
    let names: Vec<String> = leaves.iter().map(|leaf| name(leaf)).collect();
    let pandas = about.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "pandas");
    let index = index(pandas.and_then(|pair| pair.value.as_deref()), &names);
    let mut table = Table::new(names.len(), names, &index, options)?;
    table.reading = Reading { format: FORMAT.into(), ..table.reading };
    let other_numbers = arrow::other_numbers(about);
    let understood = |at: usize, is_label: bool| -> Result<Column, DataError> {
        let leaf =
            leaves.get(at).ok_or_else(|| DataError::malformed(FORMAT, "a column that is not there"))?;
        let other = leaf.path().parts().first().and_then(|name| other_numbers.get(name)).cloned();
        let column = Column::new(at, leaf, other)
            .and_then(|column| Ok(Column { missing: column.kind.allowed(is_label, options)?, ..column }));
        column.map_err(|what| {
            DataError::unsupported(format!("column '{}' of {what}", table.name(at)), EXPECTED)
        })
    };
    let label = table.label.map(|at| understood(at, true)).transpose()?;
    let mut columns: Vec<Column> =
        table.features.iter().map(|&at| understood(at, false)).collect::<Result<_, _>>()?;
    let mut numbers = Numbers::new(FORMAT, columns.iter().map(|column| &column.kind), options)?;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(failed)?;
        let rows = usize::try_from(group.metadata().num_rows())
            .map_err(|_| DataError::malformed(FORMAT, "a row group with a negative number of rows"))?;
        let group = Group { reader: group, first: table.samples };
        if table.samples == 0 && rows > 0 {
            for column in columns.iter_mut().filter(|column| column.kind.list) {
                column.width = group.length(column)?;
            }
        }
        let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
        let taken = Taken { group, columns: &columns, label: label.as_ref() };
        numbers.take(&mut table, &taken, rows, &widths)?;
    }
    let shapes =
        columns.iter().map(|column| (column.name.as_str(), column.kind.list.then_some(column.width)));
    numbers.finish(table, shapes)
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
            DataError::unsupported(format!("compression with {codec}"), "snappy, gzip, brotli, lz4 or zstd")
        }
        None if missing => DataError::unsupported(what, "plain columns of numbers or text"),
        None => DataError::malformed(FORMAT, what),
    }
}

/// A row group and what is read of it.
struct Taken<'a> {
    group: Group<'a>,
    columns: &'a [Column],
    label: Option<&'a Column>,
}

impl Rows for Taken<'_> {
    fn feature(
        &self,
        position: usize,
        rows: usize,
        put: impl FnMut(Value<'_>) -> Result<(), String>,
    ) -> Result<(), DataError> {
        let column = self.columns.get(position);
        let column = column.ok_or_else(|| DataError::malformed(FORMAT, "a column that is not there"))?;
        self.group.read(column, rows, put)
    }

    fn labels(&self, rows: usize, put: impl FnMut(Value<'_>) -> Result<(), String>) -> Result<(), DataError> {
        self.label.map_or(Ok(()), |column| self.group.read(column, rows, put))
    }
}

/// A row group, whose first row is row `first` of the file.
struct Group<'a> {
    reader: Box<dyn RowGroupReader + 'a>,
    first: usize,
}

impl Group<'_> {
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
            let width = if column.kind.list { column.width } else { 1 };
            if let Some(row) = other_length(&repeats, width, records).filter(|_| column.kind.list) {
                return Err(cell(done + row, format!("{OTHER_LENGTH}, {width}")));
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
