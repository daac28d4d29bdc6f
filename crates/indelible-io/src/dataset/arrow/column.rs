//! What a column of Arrow holds, whether that can be read, and its values.

use std::ops::Range;

use arrow_array::{
    Array, ArrowPrimitiveType, RecordBatch,
    cast::AsArray,
    types::{
        Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type,
        Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, Field};

use super::FORMAT;
use crate::{
    DataError,
    dataset::{
        columns::{ABSENT, FIXED_BYTES, Kind, OTHER_LENGTH, decimal, extension, text},
        table::{Value, half_precision},
    },
};

/// A column of the table.
pub(super) struct Column {
    /// Which one of the file it is.
    pub(super) place: usize,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether nulls and NaN are missing values rather than refused.
    pub(super) missing: bool,
    /// Values of each row, 1 unless they are lists.
    pub(super) width: usize,
}

impl Column {
    /// Refuses what is not understood, by what it is.
    pub(super) fn new(place: usize, field: &Field) -> Result<Self, String> {
        let inner = match field.data_type() {
            DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
                Some(inner)
            }
            _ => None,
        };
        let kind = kind(inner.map_or(field.data_type(), |inner| inner.data_type()))?;
        let named = |field: &Field| extension(field.metadata().get("ARROW:extension:name")?);
        let other = inner.and_then(|inner| named(inner)).or_else(|| named(field));
        let kind = Kind { list: inner.is_some(), other, ..kind };
        Ok(Self { place, name: field.name().clone(), kind, missing: false, width: 1 })
    }
}

/// What values of a type are, which may be numbers for other ones in a dictionary.
fn kind(values: &DataType) -> Result<Kind, String> {
    match values {
        DataType::Dictionary(_, values) => flat(values),
        values => flat(values),
    }
}

fn flat(values: &DataType) -> Result<Kind, String> {
    use DataType as T;
    let words = match values {
        T::Boolean | T::Int8 | T::Int16 | T::Int32 | T::Int64 => return Ok(Kind::default()),
        T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 | T::Float64 => return Ok(Kind::default()),
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) => return Ok(Kind::default()),
        T::Float16 | T::Float32 => return Ok(Kind { single: true, ..Kind::default() }),
        T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView => {
            return Ok(Kind { text: true, ..Kind::default() });
        }
        T::Decimal256(..) => "decimals of more than 38 digits",
        T::Timestamp(..) => "timestamps",
        T::Date32 | T::Date64 => "dates",
        T::Time32(_) | T::Time64(_) => "times of day",
        T::Duration(_) => "durations",
        T::Interval(_) => "intervals of time",
        T::FixedSizeBinary(_) => FIXED_BYTES,
        T::Null => "nothing but nulls",
        T::Union(..) => "values of several types",
        T::RunEndEncoded(..) => "runs of equal values",
        _ => "nested values",
    };
    Err(words.into())
}

/// What an array holds at a place, `None` for a null.
type Cells<'a> = Box<dyn Fn(usize) -> Result<Option<Value<'a>>, String> + 'a>;

/// The values of an array of a type that [`kind`] knows.
fn cells(array: &dyn Array) -> Option<Cells<'_>> {
    use DataType as T;
    match array.data_type() {
        T::Boolean => {
            let values = array.as_boolean_opt()?;
            let value = move |at| Value::Integer(values.value(at).into());
            Some(Box::new(move |at| Ok(values.is_valid(at).then(|| value(at)))))
        }
        T::Int8 => numbers::<Int8Type>(array, |value| Value::Integer(value.into())),
        T::Int16 => numbers::<Int16Type>(array, |value| Value::Integer(value.into())),
        T::Int32 => numbers::<Int32Type>(array, |value| Value::Integer(value.into())),
        T::Int64 => numbers::<Int64Type>(array, |value| Value::Integer(value.into())),
        T::UInt8 => numbers::<UInt8Type>(array, |value| Value::Integer(value.into())),
        T::UInt16 => numbers::<UInt16Type>(array, |value| Value::Integer(value.into())),
        T::UInt32 => numbers::<UInt32Type>(array, |value| Value::Integer(value.into())),
        T::UInt64 => numbers::<UInt64Type>(array, |value| Value::Integer(value.into())),
        T::Float16 => numbers::<Float16Type>(array, |v| Value::Single(half_precision(v.to_le_bytes()))),
        T::Float32 => numbers::<Float32Type>(array, Value::Single),
        T::Float64 => numbers::<Float64Type>(array, Value::Double),
        T::Decimal32(_, s) => numbers::<Decimal32Type>(array, |v| decimal(v.into(), (*s).into())),
        T::Decimal64(_, s) => numbers::<Decimal64Type>(array, |v| decimal(v.into(), (*s).into())),
        T::Decimal128(_, s) => numbers::<Decimal128Type>(array, |v| decimal(v, (*s).into())),
        T::Utf8 => {
            let values = array.as_string_opt::<i32>()?;
            Some(Box::new(move |at| Ok(values.is_valid(at).then(|| Value::Text(values.value(at))))))
        }
        T::LargeUtf8 => {
            let values = array.as_string_opt::<i64>()?;
            Some(Box::new(move |at| Ok(values.is_valid(at).then(|| Value::Text(values.value(at))))))
        }
        T::Utf8View => {
            let values = array.as_string_view_opt()?;
            Some(Box::new(move |at| Ok(values.is_valid(at).then(|| Value::Text(values.value(at))))))
        }
        T::Binary => {
            let values = array.as_binary_opt::<i32>()?;
            Some(Box::new(move |at| values.is_valid(at).then(|| text(values.value(at))).transpose()))
        }
        T::LargeBinary => {
            let values = array.as_binary_opt::<i64>()?;
            Some(Box::new(move |at| values.is_valid(at).then(|| text(values.value(at))).transpose()))
        }
        T::BinaryView => {
            let values = array.as_binary_view_opt()?;
            Some(Box::new(move |at| values.is_valid(at).then(|| text(values.value(at))).transpose()))
        }
        T::Dictionary(..) => coded(array),
        _ => None,
    }
}

/// The values of an array of numbers, each as `value` says.
fn numbers<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    value: impl Fn(T::Native) -> Value<'a> + 'a,
) -> Option<Cells<'a>> {
    let values = array.as_primitive_opt::<T>()?;
    Some(Box::new(move |at| Ok(values.is_valid(at).then(|| value(values.value(at))))))
}

/// The values of an array of places in a dictionary.
fn coded(array: &dyn Array) -> Option<Cells<'_>> {
    let dictionary = array.as_any_dictionary_opt()?;
    let (keys, values) = (cells(dictionary.keys())?, cells(dictionary.values().as_ref())?);
    let count = dictionary.values().len();
    Some(Box::new(move |at| match keys(at)? {
        Some(Value::Integer(key)) => {
            let place = usize::try_from(key).ok().filter(|place| *place < count);
            values(place.ok_or("a place behind the end of the dictionary")?)
        }
        _ => Ok(None),
    }))
}

/// Where the values of each row of an array of lists stand, `None` for a null, and these.
type Lists<'a> = (Box<dyn Fn(usize) -> Option<Range<usize>> + 'a>, &'a dyn Array);

fn lists(array: &dyn Array) -> Option<Lists<'_>> {
    if let Some(lists) = array.as_list_opt::<i32>() {
        let end = |at: usize| usize::try_from(*lists.value_offsets().get(at)?).ok();
        let range = move |at| lists.is_valid(at).then(|| Some(end(at)?..end(at + 1)?))?;
        return Some((Box::new(range), lists.values().as_ref()));
    }
    if let Some(lists) = array.as_list_opt::<i64>() {
        let end = |at: usize| usize::try_from(*lists.value_offsets().get(at)?).ok();
        let range = move |at| lists.is_valid(at).then(|| Some(end(at)?..end(at + 1)?))?;
        return Some((Box::new(range), lists.values().as_ref()));
    }
    let lists = array.as_fixed_size_list_opt()?;
    let length = usize::try_from(lists.value_length()).ok()?;
    let range = move |at: usize| {
        let start = at.checked_mul(length)?;
        lists.is_valid(at).then_some(start..start.checked_add(length)?)
    };
    Some((Box::new(range), lists.values().as_ref()))
}

/// Some rows of the table, the first of which is row `first` of the file.
pub(super) struct Batch {
    pub(super) arrays: RecordBatch,
    pub(super) first: usize,
}

impl Batch {
    fn array(&self, slot: usize) -> Result<&dyn Array, DataError> {
        let array = self.arrays.columns().get(slot).map(AsRef::as_ref);
        array.ok_or_else(|| DataError::malformed(FORMAT, "a batch without a column of the table"))
    }

    /// An error in a row of the batch.
    fn cell(&self, row: usize, column: &Column, what: impl Into<String>) -> DataError {
        DataError::Cell {
            row: format!("row {}", self.first + row + 1),
            column: column.place + 1,
            name: Some(column.name.clone()),
            what: what.into(),
        }
    }

    /// The number of values in the first row of the column of lists at `slot`.
    pub(super) fn length(&self, slot: usize, column: &Column) -> Result<usize, DataError> {
        let (range, _) = lists(self.array(slot)?).ok_or_else(changed)?;
        match range(0) {
            Some(range) if !range.is_empty() => Ok(range.len()),
            Some(_) => Err(self.cell(0, column, "the list is empty")),
            None => Err(self.cell(0, column, "the value is null")),
        }
    }

    /// Gives the first `rows` values of the column at `slot` to `put`, those of a list one
    /// after the other.
    pub(super) fn read(
        &self,
        slot: usize,
        column: &Column,
        rows: usize,
        mut put: impl FnMut(Value<'_>) -> Result<(), String>,
    ) -> Result<(), DataError> {
        let mut give = |row: usize, value: Result<Option<Value<'_>>, String>| {
            let value = value.and_then(|value| match value {
                None if !column.missing => Err("the value is null".into()),
                value => put(value.unwrap_or(ABSENT)),
            });
            value.map_err(|what| self.cell(row, column, what))
        };
        let array = self.array(slot)?;
        if !column.kind.list {
            let values = cells(array).ok_or_else(changed)?;
            return (0..rows).try_for_each(|row| give(row, values(row)));
        }
        let (range, values) = lists(array).ok_or_else(changed)?;
        let values = cells(values).ok_or_else(changed)?;
        for row in 0..rows {
            let range = range(row).ok_or_else(|| self.cell(row, column, "the value is null"))?;
            if range.len() != column.width {
                return Err(self.cell(row, column, format!("{OTHER_LENGTH}, {}", column.width)));
            }
            range.into_iter().try_for_each(|at| give(row, values(at)))?;
        }
        Ok(())
    }
}

/// An array of another type than the schema says.
fn changed() -> DataError {
    DataError::malformed(FORMAT, "a column changes its type")
}
