//! NPY, one NumPy array: a header that says what the numbers or strings are,
//! then these.

use super::{
    Loaded, ReadOptions,
    array::{self, Layout},
    contents::Contents,
    labels::LabelSet,
    source::Source,
    table::Value,
};
use crate::{
    DataError,
    npy::header::{self as format, Element, Header},
};

/// The header of an array in the NPY format whose first byte `contents` is at.
fn header(contents: &mut Contents) -> Result<Header, DataError> {
    let mut start = [0; format::START];
    contents.header(&mut start)?;
    let size = format::size_of_length(start).map_err(|what| contents.malformed(what))?;
    let mut length = [0; 4];
    contents.header(length.get_mut(..size).unwrap_or_default())?;
    let length = u32::from_le_bytes(length);
    if length > format::LONGEST {
        let most = format::LONGEST;
        return Err(contents.malformed(format!("the header is {length} bytes long; expected at most {most}")));
    }
    let mut text = vec![0; length as usize];
    contents.header(&mut text)?;
    format::parse(&text).map_err(|problem| match problem {
        format::Problem::Malformed(what) => contents.malformed(what),
        format::Problem::Unsupported(what) => DataError::unsupported(what, format::SUPPORTED),
    })
}

/// The numbers that an NPY header describes.
fn layout(header: Header) -> Result<Layout, DataError> {
    let Header { element, big_endian, fortran, shape } = header;
    match element {
        Element::Number(number) => Ok(Layout { number, big_endian, fortran, shape }),
        _ => Err(DataError::unsupported("an array of text as features", "numbers")),
    }
}

/// Reads an NPY file as samples without labels.
pub(super) fn read(mut source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    features(&mut source.contents("NPY"), options)
}

/// The features of an NPY array.
pub(super) fn features(contents: &mut Contents, options: &ReadOptions) -> Result<Loaded, DataError> {
    let layout = layout(header(contents)?)?;
    array::features(contents, &layout, options)
}

/// The labels of an NPY array: numbers or text.
pub(super) fn labels(contents: &mut Contents) -> Result<LabelSet, DataError> {
    let header = header(contents)?;
    if matches!(header.element, Element::Number(_)) {
        return array::labels(contents, &layout(header)?);
    }
    let mut set = LabelSet::default();
    texts(contents, &header, |text| set.push(Value::Text(&text)))?;
    Ok(set)
}

/// The names in an NPY array.
pub(super) fn names(contents: &mut Contents) -> Result<Vec<String>, DataError> {
    let header = header(contents)?;
    let mut names = Vec::new();
    texts(contents, &header, |name| {
        names.push(name.trim().to_owned());
        Ok(())
    })?;
    Ok(names)
}

/// The texts of an NPY array of strings, one after the other.
fn texts(
    contents: &mut Contents,
    header: &Header,
    mut put: impl FnMut(String) -> Result<(), String>,
) -> Result<(), DataError> {
    let (element, size, big) = (header.element, header.element.size(), header.big_endian);
    if matches!(element, Element::Number(_)) {
        return Err(DataError::unsupported("an array of numbers as names", "strings"));
    }
    let &[count] = header.shape.as_slice() else {
        let what = format!("an array of strings of {} dimensions", header.shape.len());
        return Err(DataError::unsupported(what, "one dimension"));
    };
    let mut index = 0;
    contents.elements((count, count), size, |bytes, _: &mut Vec<()>| {
        for bytes in bytes.chunks_exact(size) {
            let text = element.text(bytes, big);
            put(text.ok_or_else(|| format!("string {index} is no valid text"))?)?;
            index += 1;
        }
        Ok(())
    })?;
    Ok(())
}

/// The one number of an NPY array of no dimension, or of one element.
pub(super) fn integer(contents: &mut Contents) -> Result<u64, DataError> {
    let mut layout = layout(header(contents)?)?;
    if layout.shape.iter().any(|&d| d != 1) {
        let what = format!("'classes' of {} numbers", layout.product());
        return Err(DataError::unsupported(what, "one integer, the number of classes"));
    }
    layout.shape = vec![1];
    match array::doubles(contents, &layout, 1, (1, 1))?.as_slice() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer; what is too large is too large afterwards"
        )]
        &[number] if number >= 0.0 && number.trunc() == number => Ok(number as u64),
        other => Err(contents.malformed(format!("'classes' is {other:?}; expected one integer"))),
    }
}
