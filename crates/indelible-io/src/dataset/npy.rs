//! NPY, one NumPy array: a header that says what the numbers or strings are,
//! then these.

use std::fs::File;

use super::{
    Loaded, ReadOptions,
    array::{self, Layout},
    contents::Contents,
    labels::LabelSet,
    source::Source,
};
use crate::{
    Error,
    npy::header::{self as format, Element, Header},
};

/// The header of an array in the NPY format whose first byte `contents` is at,
/// and the number of bytes up to the numbers.
pub(super) fn header(contents: &mut Contents) -> Result<(Header, u64), Error> {
    let mut start = [0; format::START];
    contents.header(&mut start)?;
    let size = format::size_of_length(start).map_err(|what| contents.malformed(what))?;
    let mut length = [0; 4];
    contents.header(length.get_mut(..size).unwrap_or_default())?;
    let length = u32::from_le_bytes(length);
    if length > format::LONGEST {
        return Err(contents
            .malformed(format!("the header is {length} bytes long; expected at most {}", format::LONGEST)));
    }
    let mut text = vec![0; length as usize];
    contents.header(&mut text)?;
    let header = format::parse(&text).map_err(|problem| match problem {
        format::Problem::Malformed(what) => contents.malformed(what),
        format::Problem::Unsupported(what) => Error::unsupported(contents.path, what, format::SUPPORTED),
    })?;
    Ok((header, (format::START + size) as u64 + u64::from(length)))
}

/// The numbers that an NPY header describes.
fn layout(contents: &Contents, header: Header) -> Result<Layout, Error> {
    let Header { element, big_endian, fortran, shape } = header;
    match element {
        Element::Number(number) => Ok(Layout { number, big_endian, fortran, shape }),
        Element::Unicode(_) | Element::Bytes(_) => {
            Err(Error::unsupported(contents.path, "an array of text as features", "numbers"))
        }
    }
}

/// The features of an NPY array; `file` is the file it fills, with its length.
pub(super) fn features(
    contents: &mut Contents,
    file: Option<(&File, u64)>,
    options: &ReadOptions,
) -> Result<Loaded, Error> {
    let (header, offset) = header(contents)?;
    let layout = layout(contents, header)?;
    array::features(contents, &layout, file.map(|(file, length)| (file, offset, length)), options)
}

/// The labels of an NPY array: numbers or text.
pub(super) fn labels(contents: &mut Contents) -> Result<LabelSet, Error> {
    let (header, _) = header(contents)?;
    if matches!(header.element, Element::Number(_)) {
        let layout = layout(contents, header)?;
        return array::labels(contents, &layout);
    }
    let mut set = LabelSet::default();
    texts(contents, &header, |text| set.push_word(text))?;
    Ok(set)
}

/// The texts of an NPY array of strings, one after the other.
pub(super) fn texts(
    contents: &mut Contents,
    header: &Header,
    mut put: impl FnMut(&str),
) -> Result<(), Error> {
    let element = header.element;
    if matches!(element, Element::Number(_)) {
        return Err(Error::unsupported(contents.path, "an array of numbers as names", "strings"));
    }
    let size = element.size();
    let &[count] = header.shape.as_slice() else {
        let what = format!("an array of strings of {} dimensions", header.shape.len());
        return Err(Error::unsupported(contents.path, what, "one dimension"));
    };
    let (path, format, big) = (contents.path.to_owned(), contents.format, header.big_endian);
    let mut index = 0;
    contents.elements(count, size, count, |bytes, _: &mut Vec<()>| {
        for bytes in bytes.chunks_exact(size) {
            let text = element.text(bytes, big);
            put(&text.ok_or_else(|| {
                Error::malformed(&path, format, format!("string {index} is no valid text"))
            })?);
            index += 1;
        }
        Ok(())
    })?;
    Ok(())
}

/// Reads an NPY file as samples without labels.
pub(super) fn read(mut source: Source, options: &ReadOptions) -> Result<Loaded, Error> {
    let (mut contents, file) = source.contents_and_file("NPY");
    features(&mut contents, file, options)
}

/// Reads an NPY file as labels.
pub(super) fn read_labels(mut source: Source) -> Result<LabelSet, Error> {
    labels(&mut source.contents_and_file("NPY").0)
}

/// The one number of an NPY array of no dimension, or of one element.
pub(super) fn integer(contents: &mut Contents) -> Result<u64, Error> {
    let (header, _) = header(contents)?;
    let mut layout = layout(contents, header)?;
    if layout.shape.iter().any(|&d| d != 1) {
        let what = format!("'classes' of {} numbers", layout.product());
        return Err(Error::unsupported(contents.path, what, "one integer, the number of classes"));
    }
    layout.shape = vec![1];
    match array::doubles(contents, &layout, 1, 1, 1)?.as_slice() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer; what is too large is too large afterwards"
        )]
        &[number] if number >= 0.0 && number.trunc() == number => Ok(number as u64),
        other => Err(contents.malformed(format!("'classes' is {other:?}; expected one integer"))),
    }
}
