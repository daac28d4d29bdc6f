//! What writers of Arrow keep beside a Parquet table: columns whose numbers mean more
//! than Parquet says of them.
//!
//! The metadata `ARROW:schema` is base64 of a message of Arrow IPC, a flatbuffer laid out
//! as `Message.fbs` and `Schema.fbs` of Apache Arrow describe it. Two things in there are
//! lost in Parquet: durations, which are stored as plain integers, and types that
//! extend others. Where it cannot be followed, it says nothing, as if it were not there.

use std::collections::HashMap;

use parquet::file::metadata::FileMetaData;

use crate::dataset::columns::extension;

/// Slots of the tables, in the order of their fields.
const MESSAGE_KIND: usize = 1;
const MESSAGE_HEADER: usize = 2;
const SCHEMA_FIELDS: usize = 1;
const FIELD_NAME: usize = 0;
const FIELD_TYPE: usize = 2;
const FIELD_CHILDREN: usize = 5;
const FIELD_METADATA: usize = 6;
const PAIR_KEY: usize = 0;
const PAIR_VALUE: usize = 1;

/// The kind of message that holds a schema.
const SCHEMA: u8 = 1;

/// The type of durations.
const DURATION: u8 = 18;

/// Columns whose numbers are not what Parquet says of them, by their names: what they are.
pub(super) fn other_numbers(about: &FileMetaData) -> HashMap<String, String> {
    let schema = about.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "ARROW:schema");
    let bytes = schema.and_then(|pair| decoded(pair.value.as_deref()?)).unwrap_or_default();
    found_in(&bytes).unwrap_or_default()
}

/// The same of a message.
fn found_in(bytes: &[u8]) -> Option<HashMap<String, String>> {
    // A mark of four bytes and the length come before the message, earlier the length alone.
    let start = if bytes.starts_with(&[0xff; 4]) { 8 } else { 4 };
    let message = Table { bytes, at: 0 }.behind(start)?;
    if message.byte(MESSAGE_KIND) != SCHEMA {
        return None;
    }
    let mut found = HashMap::new();
    // Nothing that is sound holds more entries than bytes.
    let mut left = bytes.len();
    for field in message.table(MESSAGE_HEADER)?.tables(SCHEMA_FIELDS) {
        left = left.checked_sub(1)?;
        let inner = field.tables(FIELD_CHILDREN).next();
        for part in [Some(field), inner].into_iter().flatten() {
            let mut what = (part.byte(FIELD_TYPE) == DURATION).then(|| "durations".to_owned());
            for pair in part.tables(FIELD_METADATA) {
                left = left.checked_sub(1)?;
                let name = pair.text(PAIR_VALUE).unwrap_or_default();
                if pair.text(PAIR_KEY) == Some("ARROW:extension:name") {
                    what = extension(name).or(what);
                }
            }
            if let (Some(name), Some(what)) = (field.text(FIELD_NAME), what) {
                found.insert(name.to_owned(), what);
            }
        }
    }
    Some(found)
}

/// A table of a flatbuffer.
#[derive(Clone, Copy)]
struct Table<'a> {
    bytes: &'a [u8],
    /// Where it begins, with the distance back to the offsets of its fields.
    at: usize,
}

impl<'a> Table<'a> {
    /// The number of `N` bytes at a place.
    fn number<const N: usize>(&self, at: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(N)?)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The length or distance at a place.
    fn distance(&self, at: usize) -> Option<usize> {
        self.number::<4>(at)?.try_into().ok()
    }

    /// The table that a distance at `at` leads to.
    fn behind(&self, at: usize) -> Option<Self> {
        Some(Self { bytes: self.bytes, at: at.checked_add(self.distance(at)?)? })
    }

    /// Where a field stands, if it is there.
    fn field(&self, slot: usize) -> Option<usize> {
        // Forward where the distance is negative: tables of one kind share their offsets.
        let back = u32::try_from(self.number::<4>(self.at)?).ok()?.cast_signed();
        let offsets = usize::try_from(i64::try_from(self.at).ok()? - i64::from(back)).ok()?;
        let size = usize::try_from(self.number::<2>(offsets)?).ok()?;
        let place = 4 + 2 * slot;
        let offset = usize::try_from(self.number::<2>(offsets.checked_add(place)?)?).ok()?;
        (place + 2 <= size && offset > 0).then(|| self.at.checked_add(offset))?
    }

    /// A field of one byte, 0 where it is not there.
    fn byte(&self, slot: usize) -> u8 {
        self.field(slot).and_then(|at| self.bytes.get(at)).copied().unwrap_or(0)
    }

    fn table(&self, slot: usize) -> Option<Self> {
        self.behind(self.field(slot)?)
    }

    fn text(&self, slot: usize) -> Option<&'a str> {
        let at = self.table(slot)?.at;
        let start = at.checked_add(4)?;
        std::str::from_utf8(self.bytes.get(start..start.checked_add(self.distance(at)?)?)?).ok()
    }

    /// The tables of a vector.
    fn tables(self, slot: usize) -> impl Iterator<Item = Self> {
        let list = self.table(slot);
        let count = list.and_then(|list| self.distance(list.at)).unwrap_or(0);
        let start = list.map_or(0, |list| list.at);
        (1..=count).map_while(move |index| self.behind(start.checked_add(index.checked_mul(4)?)?))
    }
}

/// The bytes of base64.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::with_capacity(text.len() / 4 * 3));
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 & 0xff_ffff | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count).to_le_bytes()[0]);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns `a` of doubles, `t` of durations, `l` of lists of durations and `p` of
    /// `arrow.bool8`, as pyarrow writes them.
    const WRITTEN: &str = "/////8gBAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAQAAABsAQAAMAEAANQA\
        AAAYAAAAAAASABgACAAGAAcADAAAABAAFAASAAAAAAABAhQAAACgAAAACAAAABAAAAAAAAAAAQAAAHAAAAACAAAASAAAAAQAAADI\
        ////GAAAAAQAAAALAAAAYXJyb3cuYm9vbDgAFAAAAEFSUk9XOmV4dGVuc2lvbjpuYW1lAAAAAAgADAAEAAgACAAAABAAAAAEAAAA\
        AAAAAAAAAAAYAAAAQVJST1c6ZXh0ZW5zaW9uOm1ldGFkYXRhAAAAAAgADAAIAAcACAAAAAAAAAEIAAAAgP///wAAAQwUAAAAHAAA\
        AAQAAAABAAAAFAAAAAEAAABsAAAABAAEAAQAAACs////AAABEhAAAAAYAAAABAAAAAAAAAAEAAAAaXRlbQAAAACi////AAAAANj/\
        //8AAAESEAAAABQAAAAEAAAAAAAAAAEAAAB0AAAAyv///wAAAAAQABQACAAGAAcADAAAABAAEAAAAAAAAQMQAAAAGAAAAAQAAAAA\
        AAAAAQAAAGEABgAIAAYABgAAAAAAAgA=";

    #[test]
    fn what_parquet_does_not_say_is_found() {
        let bytes = decoded(WRITTEN).unwrap();
        let mut found: Vec<(String, String)> = found_in(&bytes).unwrap().into_iter().collect();
        found.sort();
        let expected = [("l", "durations"), ("p", "the extension type 'arrow.bool8'"), ("t", "durations")];
        assert_eq!(found, expected.map(|(name, what)| (name.to_owned(), what.to_owned())));
        // Before there was a mark the length alone came first.
        assert_eq!(found_in(&bytes[4..]).unwrap().len(), 3);
    }

    #[test]
    fn damaged_schemas_say_something_or_nothing() {
        assert_eq!(decoded("a b"), None);
        let bytes = decoded(WRITTEN).unwrap();
        for length in 0..bytes.len() {
            let _ = found_in(&bytes[..length]);
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, bytes[at].wrapping_add(4)] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let _ = found_in(&damaged);
            }
        }
    }
}
