//! What a column of a Parquet file holds, and whether that can be read.

use parquet::{
    basic::{ConvertedType as Converted, LogicalType, Type as Physical},
    schema::types::ColumnDescriptor,
};

use crate::dataset::{
    columns::{FIXED_BYTES, Kind, decimal, text},
    table::{Value, half_precision},
};

/// Bytes of the largest integer that is read.
const WIDEST: usize = size_of::<i128>();

/// What the stored values denote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Themselves.
    Plain,
    /// Integers that the format stores as if they had a sign.
    Unsigned,
    /// binary16 numbers, two bytes each.
    Half,
    /// Integers times this power of 1/10.
    Decimal(i32),
    Text,
}

/// A column of the table.
pub(super) struct Column {
    /// Which one of the file it is.
    pub(super) place: usize,
    pub(super) name: String,
    pub(super) meaning: Meaning,
    pub(super) kind: Kind,
    /// The definition level of a value that is there.
    pub(super) present: i16,
    /// Whether nulls and NaN are missing values rather than refused.
    pub(super) missing: bool,
    /// Values of each row, 1 unless they are lists.
    pub(super) width: usize,
}

/// What a column is called: a list by the name of its group.
pub(super) fn name(about: &ColumnDescriptor) -> String {
    match about.path().parts() {
        [first, ..] if about.max_rep_level() == 1 => first.clone(),
        _ => about.path().string(),
    }
}

impl Column {
    /// Refuses what is not understood, by what it is; `other` is what its numbers are where
    /// they are not what Parquet says.
    pub(super) fn new(place: usize, about: &ColumnDescriptor, other: Option<String>) -> Result<Self, String> {
        use Physical::{BOOLEAN, BYTE_ARRAY, DOUBLE, FIXED_LEN_BYTE_ARRAY, FLOAT, INT32, INT64, INT96};
        let list = about.max_rep_level() == 1 && matches!(about.path().parts(), [_, _, _] | [_, _] | [_]);
        if !list && (about.max_rep_level() > 0 || about.path().parts().len() > 1) {
            return Err("nested values".into());
        }
        let (logical, converted) = (about.logical_type_ref(), about.converted_type());
        let physical = about.physical_type();
        let scale = about.type_scale().max(0);
        let meaning = match (logical, converted) {
            (Some(LogicalType::Float16), _) if about.type_length() == 2 => Meaning::Half,
            (Some(LogicalType::Decimal(_)), _) | (_, Converted::DECIMAL) => match physical {
                INT32 | INT64 | BYTE_ARRAY => Meaning::Decimal(scale),
                FIXED_LEN_BYTE_ARRAY if usize::try_from(about.type_length()).is_ok_and(|l| l <= WIDEST) => {
                    Meaning::Decimal(scale)
                }
                _ => return Err("decimals of more than 38 digits".into()),
            },
            _ => match (words(logical, converted), physical) {
                (Some(words), _) => return Err(words.into()),
                (None, INT96) => return Err("timestamps (96 bits)".into()),
                (None, FIXED_LEN_BYTE_ARRAY) => return Err(FIXED_BYTES.into()),
                (None, BYTE_ARRAY) => Meaning::Text,
                (None, INT32 | INT64) if is_unsigned(logical, converted) => Meaning::Unsigned,
                (None, BOOLEAN | INT32 | INT64 | FLOAT | DOUBLE) => Meaning::Plain,
            },
        };
        let present = about.max_def_level();
        let single = physical == Physical::FLOAT || meaning == Meaning::Half;
        let kind = Kind { text: meaning == Meaning::Text, single, list, other };
        Ok(Self { place, name: name(about), meaning, kind, present, missing: false, width: 1 })
    }

    /// An integer as it is stored: what it denotes.
    pub(super) fn integer(&self, value: i64, unsigned: u64) -> Value<'static> {
        match self.meaning {
            Meaning::Unsigned => Value::Integer(unsigned.into()),
            Meaning::Decimal(scale) => decimal(value.into(), scale),
            _ => Value::Integer(value.into()),
        }
    }

    /// Bytes as they are stored: what they denote.
    pub(super) fn bytes<'a>(&self, bytes: &'a [u8]) -> Result<Value<'a>, String> {
        match (self.meaning, bytes) {
            (Meaning::Half, &[low, high]) => Ok(Value::Single(half_precision([low, high]))),
            (Meaning::Decimal(scale), bytes) if (1..=WIDEST).contains(&bytes.len()) => {
                // Most significant first; the sign fills what is not stored.
                let fill = if bytes.first().is_some_and(|&b| b >= 0x80) { 0xff } else { 0 };
                let mut whole = [fill; WIDEST];
                let start = WIDEST - bytes.len();
                whole.iter_mut().skip(start).zip(bytes).for_each(|(to, from)| *to = *from);
                Ok(decimal(i128::from_be_bytes(whole), scale))
            }
            (Meaning::Text, bytes) => text(bytes),
            _ => Err("the value has another length than its type".into()),
        }
    }
}

fn is_unsigned(logical: Option<&LogicalType>, converted: Converted) -> bool {
    matches!(logical, Some(LogicalType::Integer(i)) if !i.is_signed)
        || matches!(
            converted,
            Converted::UINT_8 | Converted::UINT_16 | Converted::UINT_32 | Converted::UINT_64
        )
}

/// What a column holds that is neither a number nor a text.
fn words(logical: Option<&LogicalType>, converted: Converted) -> Option<&'static str> {
    use LogicalType::{Date, Enum, Integer, Json, String as Text, Time, Timestamp, Unknown, Uuid};
    match (logical, converted) {
        (Some(Timestamp(_)), _) | (_, Converted::TIMESTAMP_MILLIS | Converted::TIMESTAMP_MICROS) => {
            Some("timestamps")
        }
        (Some(Date), _) | (_, Converted::DATE) => Some("dates"),
        (Some(Time(_)), _) | (_, Converted::TIME_MILLIS | Converted::TIME_MICROS) => Some("times of day"),
        (_, Converted::INTERVAL) => Some("intervals of time"),
        (Some(Uuid), _) => Some("UUIDs"),
        (Some(Json), _) | (_, Converted::JSON) => Some("JSON"),
        (None | Some(Integer(_) | Text | Enum | Unknown), _) => None,
        (Some(_), _) => Some("values of a kind"),
    }
}
