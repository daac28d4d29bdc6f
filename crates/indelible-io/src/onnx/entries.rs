//! How many parts a file has, counted before they take memory: an empty part is two bytes
//! in a file and hundreds in memory.

use super::OnnxError;

/// Parts that any file may have.
const MOST: usize = 1 << 20;
/// Bytes of the file, as it is stored, for each further part.
const BYTES_EACH: usize = 16;

/// What the parts of a message are: for the number of a field, what it holds.
type Schema = &'static [(u64, Part)];

#[derive(Clone, Copy)]
enum Part {
    /// Another message.
    Message(fn() -> Schema),
    /// A text or some bytes.
    Leaf,
}

fn model() -> Schema {
    const FIELDS: Schema =
        &[(7, Part::Message(graph)), (8, Part::Leaf), (14, Part::Leaf), (25, Part::Message(function))];
    FIELDS
}

fn graph() -> Schema {
    const FIELDS: Schema = &[
        (1, Part::Message(node)),
        (5, Part::Message(tensor)),
        (11, Part::Message(value_info)),
        (12, Part::Message(value_info)),
        (15, Part::Leaf),
    ];
    FIELDS
}

fn function() -> Schema {
    const FIELDS: Schema = &[
        (4, Part::Leaf),
        (5, Part::Leaf),
        (7, Part::Message(node)),
        (9, Part::Leaf),
        (11, Part::Message(attribute)),
    ];
    FIELDS
}

fn node() -> Schema {
    const FIELDS: Schema = &[(1, Part::Leaf), (2, Part::Leaf), (5, Part::Message(attribute))];
    FIELDS
}

fn attribute() -> Schema {
    const FIELDS: Schema = &[(5, Part::Message(tensor)), (6, Part::Message(graph)), (9, Part::Leaf)];
    FIELDS
}

fn tensor() -> Schema {
    const FIELDS: Schema = &[(6, Part::Leaf), (13, Part::Leaf)];
    FIELDS
}

/// Its type, the tensor type and the shape of that are one each; dimensions are many.
fn value_info() -> Schema {
    const TYPE: Schema = &[(1, Part::Message(|| TENSOR))];
    const TENSOR: Schema = &[(2, Part::Message(|| SHAPE))];
    const SHAPE: Schema = &[(1, Part::Leaf)];
    const FIELDS: Schema = &[(2, Part::Message(|| TYPE))];
    FIELDS
}

/// Refuses a model of more parts than a file of `stored` bytes may have.
pub(super) fn check(bytes: &[u8], stored: usize) -> Result<(), OnnxError> {
    let most = MOST.max(stored / BYTES_EACH);
    let mut left = most;
    // What is no message is refused when it is decoded.
    let _ = count(bytes, model(), &mut left, 0);
    if left > 0 {
        return Ok(());
    }
    let what =
        format!("more than {most} nodes, tensors and other parts in {stored} bytes; expected a network");
    Err(OnnxError::Structure(what))
}

/// Takes one off `left` for every part; `None` where the bytes are no message, or nothing is left.
fn count(mut bytes: &[u8], schema: Schema, left: &mut usize, depth: usize) -> Option<()> {
    // As deep as messages are decoded.
    if depth > 100 {
        return None;
    }
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            5 => bytes = bytes.get(4..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (inner, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                if let Some((_, part)) = schema.iter().find(|(field, _)| *field == key >> 3) {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        return None;
                    }
                    if let Part::Message(schema) = part {
                        count(inner, schema(), left, depth + 1)?;
                    }
                }
            }
            _ => return None,
        }
    }
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}
