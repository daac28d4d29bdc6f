//! Arrays of numbers as samples: the first dimension counts them, the others
//! are flattened to features.

use std::fs::File;

use indelible::{Buffer, Features};

use super::{Loaded, ReadOptions, Scale, labels::LabelSet, map, source::Source, stream::Stream};
use crate::{
    Error,
    npy::header::{self, Element, Header},
};

/// The type of the numbers in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// One byte, zero or not.
    Bool,
    /// Unsigned integers.
    U8,
    U16,
    U32,
    U64,
    /// Integers in two's complement.
    I8,
    I16,
    I32,
    I64,
    /// IEEE-754 binary32 and binary64.
    F32,
    F64,
}

impl Number {
    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// How the numbers of an array lie in its bytes.
pub(super) struct Layout {
    pub(super) number: Number,
    pub(super) big_endian: bool,
    /// Whether the first index moves fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl Layout {
    /// Number of samples and of features: the first dimension, and the product
    /// of the others.
    pub(super) fn extent(&self, stream: &Stream) -> Result<(usize, usize), Error> {
        let Some((&samples, others)) = self.shape.split_first() else {
            let what = "an array without dimensions";
            return Err(Error::unsupported(stream.path, what, "at least one dimension, the samples"));
        };
        let width = others.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
        let sound = width.filter(|w| {
            samples.checked_mul(*w).and_then(|count| count.checked_mul(self.number.size())).is_some()
        });
        match sound {
            Some(width) => Ok((samples, width)),
            None => Err(stream.malformed(format!(
                "the header promises {} numbers, more than any memory holds",
                self.product()
            ))),
        }
    }

    /// The shape as a product, for messages.
    fn product(&self) -> String {
        let factors: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        factors.join(" x ")
    }

    /// Whether the first index moves fastest and that makes a difference.
    fn is_fortran(&self) -> bool {
        self.fortran && self.shape.len() > 1
    }

    /// Whether the bytes are numbers of this machine in the order of the samples.
    fn is_native(&self) -> bool {
        self.number.size() == 1 || self.big_endian == cfg!(target_endian = "big")
    }
}

/// The features of an array: everything that `stream` still has.
///
/// `file` is the file and the offset of the numbers in it, where they can be
/// mapped.
pub(super) fn features(
    stream: &mut Stream,
    layout: &Layout,
    file: Option<(&File, u64, u64)>,
    options: &ReadOptions,
) -> Result<Loaded, Error> {
    let (samples, width) = layout.extent(stream)?;
    let taken = options.limit.map_or(samples, |limit| limit.min(samples));
    // In Fortran order the first samples are spread over all of the bytes.
    let fortran = layout.is_fortran() && samples * width > 0;
    let wanted = if fortran { samples * width } else { taken * width };
    if let Some((_, offset, length)) = file {
        check_length(stream, layout, samples * width, length.saturating_sub(offset))?;
    }
    let mapped = file.filter(|_| !fortran && layout.is_native()).map(|(file, offset, _)| (file, offset));
    let values = match layout.number {
        Number::U8 => Values::U8(match mapped.and_then(|(file, at)| map::numbers(file, at, wanted)) {
            Some(codes) => codes,
            None => bytes(stream, samples * width, wanted)?.into(),
        }),
        Number::F32 => Values::F32(match mapped.and_then(|(file, at)| map::numbers(file, at, wanted)) {
            Some(values) => values,
            None => singles(stream, layout, samples * width, wanted)?.into(),
        }),
        Number::F64 => Values::F64(match mapped.and_then(|(file, at)| map::numbers(file, at, wanted)) {
            Some(values) => values,
            None => doubles(stream, layout, width, samples * width, wanted)?.into(),
        }),
        _ => Values::F64(doubles(stream, layout, width, samples * width, wanted)?.into()),
    };
    let values = if fortran { values.transposed(&layout.shape, taken) } else { values };
    let features = match (values, options.scale) {
        (Values::U8(codes), Scale::Unit) => Features::unit_codes(codes),
        (Values::U8(codes), Scale::None) => Features::integer_codes(codes),
        (Values::F32(values), _) => Features::F32(values),
        (Values::F64(values), _) => Features::F64(values),
    };
    Ok(Loaded { samples, ..Loaded::unlabelled(features, width) })
}

/// Compares what the header promises with the rest of the file, before any
/// memory is taken.
fn check_length(stream: &Stream, layout: &Layout, count: usize, found: u64) -> Result<(), Error> {
    let expected = count as u128 * layout.number.size() as u128;
    let (path, format) = (stream.path.to_owned(), stream.format);
    match u128::from(found).cmp(&expected) {
        std::cmp::Ordering::Less => Err(Error::Truncated { path, format, expected, found: found.into() }),
        std::cmp::Ordering::Greater => Err(Error::Trailing { path, format, expected }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// The numbers of an array in the types that features have.
enum Values {
    U8(Buffer<u8>),
    F32(Buffer<f32>),
    F64(Buffer<f64>),
}

impl Values {
    /// The first `taken` samples of values in Fortran order, sample after sample.
    fn transposed(self, shape: &[usize], taken: usize) -> Self {
        match self {
            Self::U8(values) => Self::U8(transpose(&values, shape, taken).into()),
            Self::F32(values) => Self::F32(transpose(&values, shape, taken).into()),
            Self::F64(values) => Self::F64(transpose(&values, shape, taken).into()),
        }
    }
}

/// The first `taken` samples of `values`, whose first index moves fastest, in
/// the order where the last index does.
fn transpose<T: Copy>(values: &[T], shape: &[usize], taken: usize) -> Vec<T> {
    // Where in a sample's column of features each feature of the C order lies,
    // counted in features of the Fortran order.
    let mut places = vec![0];
    let mut stride = 1;
    for &length in shape.iter().skip(1) {
        places = places.iter().flat_map(|&p| (0..length).map(move |i| p + i * stride)).collect();
        stride *= length;
    }
    let samples = shape.first().copied().unwrap_or(0);
    (0..taken)
        .flat_map(|sample| places.iter().filter_map(move |place| values.get(sample + place * samples)))
        .copied()
        .collect()
}

/// Bytes as they are.
fn bytes(stream: &mut Stream, count: usize, keep: usize) -> Result<Vec<u8>, Error> {
    stream.elements(count, 1, keep, |bytes, values| {
        values.extend_from_slice(bytes);
        Ok(())
    })
}

/// Numbers of `S` bytes, which `decode` takes in this machine's order.
fn decoded<const S: usize, T>(
    stream: &mut Stream,
    big_endian: bool,
    (count, keep): (usize, usize),
    mut decode: impl FnMut([u8; S], usize) -> Result<T, String>,
) -> Result<Vec<T>, Error> {
    let swap = big_endian != cfg!(target_endian = "big");
    let (path, format) = (stream.path.to_owned(), stream.format);
    stream.elements(count, S, keep, |bytes, values| {
        for element in bytes.as_chunks::<S>().0 {
            let mut element = *element;
            if swap {
                element.reverse();
            }
            let value = decode(element, values.len());
            values.push(value.map_err(|what| Error::malformed(&path, format, what))?);
        }
        Ok(())
    })
}

/// binary32 numbers.
fn singles(stream: &mut Stream, layout: &Layout, count: usize, keep: usize) -> Result<Vec<f32>, Error> {
    decoded(stream, layout.big_endian, (count, keep), |bytes, _| Ok(f32::from_ne_bytes(bytes)))
}

/// Numbers of any other type as the binary64 numbers they are.
fn doubles(
    stream: &mut Stream,
    layout: &Layout,
    width: usize,
    count: usize,
    keep: usize,
) -> Result<Vec<f64>, Error> {
    let (big, counts) = (layout.big_endian, (count, keep));
    let exactly = |value: i128, position: usize| {
        // Both conversions are exact where the comparison says so.
        if (value as f64) as i128 == value {
            Ok(value as f64)
        } else {
            let width = width.max(1);
            let sample =
                if layout.is_fortran() { position % (count / width).max(1) } else { position / width };
            Err(format!("sample {sample} has the value {value}, which binary64 cannot hold exactly"))
        }
    };
    match layout.number {
        Number::Bool => decoded(stream, big, counts, |[b], _| Ok(f64::from(u8::from(b != 0)))),
        Number::U8 => decoded(stream, big, counts, |[b], _| Ok(f64::from(b))),
        Number::I8 => decoded(stream, big, counts, |b, _| Ok(f64::from(i8::from_ne_bytes(b)))),
        Number::U16 => decoded(stream, big, counts, |b, _| Ok(f64::from(u16::from_ne_bytes(b)))),
        Number::I16 => decoded(stream, big, counts, |b, _| Ok(f64::from(i16::from_ne_bytes(b)))),
        Number::U32 => decoded(stream, big, counts, |b, _| Ok(f64::from(u32::from_ne_bytes(b)))),
        Number::I32 => decoded(stream, big, counts, |b, _| Ok(f64::from(i32::from_ne_bytes(b)))),
        Number::F32 => decoded(stream, big, counts, |b, _| Ok(f64::from(f32::from_ne_bytes(b)))),
        Number::F64 => decoded(stream, big, counts, |b, _| Ok(f64::from_ne_bytes(b))),
        Number::U64 => decoded(stream, big, counts, |b, at| exactly(u64::from_ne_bytes(b).into(), at)),
        Number::I64 => decoded(stream, big, counts, |b, at| exactly(i64::from_ne_bytes(b).into(), at)),
    }
}

/// The labels of an array: everything that `stream` still has.
pub(super) fn labels(stream: &mut Stream, layout: &Layout) -> Result<LabelSet, Error> {
    let (samples, width) = layout.extent(stream)?;
    // A column of labels is as good as a row of them.
    if width != 1 || layout.shape.len() > 2 {
        let what = format!("an array of labels of {} numbers", layout.product());
        return Err(Error::unsupported(stream.path, what, "one number per sample"));
    }
    let mut set = LabelSet::default();
    let (big, counts) = (layout.big_endian, (samples, samples));
    // Labels go into the set as they come; the vectors of the reader hold nothing.
    let mut put = |label: i128| -> Result<(), String> {
        set.push_integer(label);
        Ok(())
    };
    match layout.number {
        Number::Bool => decoded(stream, big, counts, |[b], _| put(i128::from(b != 0))),
        Number::U8 => decoded(stream, big, counts, |[b], _| put(b.into())),
        Number::I8 => decoded(stream, big, counts, |b, _| put(i8::from_ne_bytes(b).into())),
        Number::U16 => decoded(stream, big, counts, |b, _| put(u16::from_ne_bytes(b).into())),
        Number::I16 => decoded(stream, big, counts, |b, _| put(i16::from_ne_bytes(b).into())),
        Number::U32 => decoded(stream, big, counts, |b, _| put(u32::from_ne_bytes(b).into())),
        Number::I32 => decoded(stream, big, counts, |b, _| put(i32::from_ne_bytes(b).into())),
        Number::U64 => decoded(stream, big, counts, |b, _| put(u64::from_ne_bytes(b).into())),
        Number::I64 => decoded(stream, big, counts, |b, _| put(i64::from_ne_bytes(b).into())),
        Number::F32 => decoded(stream, big, counts, |b, _| set.push_real(f32::from_ne_bytes(b).into())),
        Number::F64 => decoded(stream, big, counts, |b, _| set.push_real(f64::from_ne_bytes(b))),
    }?;
    Ok(set)
}

/// The header of an array in the NPY format whose first byte `stream` is at,
/// and the number of bytes up to the numbers.
pub(super) fn npy_header(stream: &mut Stream) -> Result<(Header, u64), Error> {
    let mut start = [0; header::START];
    stream.header(&mut start)?;
    let size = header::size_of_length(start).map_err(|what| stream.malformed(what))?;
    let mut length = [0; 4];
    stream.header(length.get_mut(..size).unwrap_or_default())?;
    let length = u32::from_le_bytes(length);
    if length > header::LONGEST {
        return Err(stream
            .malformed(format!("the header is {length} bytes long; expected at most {}", header::LONGEST)));
    }
    let mut text = vec![0; length as usize];
    stream.header(&mut text)?;
    let header = header::parse(&text).map_err(|problem| match problem {
        header::Problem::Malformed(what) => stream.malformed(what),
        header::Problem::Unsupported(what) => Error::unsupported(stream.path, what, header::SUPPORTED),
    })?;
    Ok((header, (header::START + size) as u64 + u64::from(length)))
}

/// The numbers that an NPY header describes.
fn npy_numbers(stream: &Stream, header: Header) -> Result<Layout, Error> {
    let Header { element, big_endian, fortran, shape } = header;
    match element {
        Element::Number(number) => Ok(Layout { number, big_endian, fortran, shape }),
        Element::Unicode(_) | Element::Bytes(_) => {
            Err(Error::unsupported(stream.path, "an array of text as features", "numbers"))
        }
    }
}

/// The features of an NPY array; `file` is the file it fills, with its length.
pub(super) fn npy_features(
    stream: &mut Stream,
    file: Option<(&File, u64)>,
    options: &ReadOptions,
) -> Result<Loaded, Error> {
    let (header, offset) = npy_header(stream)?;
    let layout = npy_numbers(stream, header)?;
    features(stream, &layout, file.map(|(file, length)| (file, offset, length)), options)
}

/// The labels of an NPY array: numbers or text.
pub(super) fn npy_labels(stream: &mut Stream) -> Result<LabelSet, Error> {
    let (header, _) = npy_header(stream)?;
    if matches!(header.element, Element::Number(_)) {
        let layout = npy_numbers(stream, header)?;
        return labels(stream, &layout);
    }
    let mut set = LabelSet::default();
    npy_texts(stream, &header, |text| set.push_word(text))?;
    Ok(set)
}

/// The texts of an NPY array of strings, one after the other.
pub(super) fn npy_texts(
    stream: &mut Stream,
    header: &Header,
    mut put: impl FnMut(&str),
) -> Result<(), Error> {
    let element = header.element;
    if matches!(element, Element::Number(_)) {
        return Err(Error::unsupported(stream.path, "an array of numbers as names", "strings"));
    }
    let size = element.size();
    let &[count] = header.shape.as_slice() else {
        let what = format!("an array of strings of {} dimensions", header.shape.len());
        return Err(Error::unsupported(stream.path, what, "one dimension"));
    };
    let (path, format, big) = (stream.path.to_owned(), stream.format, header.big_endian);
    let mut index = 0;
    stream.elements(count, size, count, |bytes, _: &mut Vec<()>| {
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
pub(super) fn read_npy(mut source: Source, options: &ReadOptions) -> Result<Loaded, Error> {
    let (mut stream, file) = source.stream_and_file("NPY");
    npy_features(&mut stream, file, options)
}

/// Reads an NPY file as labels.
pub(super) fn read_npy_labels(mut source: Source) -> Result<LabelSet, Error> {
    npy_labels(&mut source.stream_and_file("NPY").0)
}

/// The one number of an NPY array of no dimension, or of one element.
pub(super) fn npy_integer(stream: &mut Stream) -> Result<u64, Error> {
    let (header, _) = npy_header(stream)?;
    let mut layout = npy_numbers(stream, header)?;
    if layout.shape.iter().any(|&d| d != 1) {
        let what = format!("'classes' of {} numbers", layout.product());
        return Err(Error::unsupported(stream.path, what, "one integer, the number of classes"));
    }
    layout.shape = vec![1];
    match doubles(stream, &layout, 1, 1, 1)?.as_slice() {
        &[number] if number >= 0.0 && number.trunc() == number => Ok(number as u64),
        other => Err(stream.malformed(format!("'classes' is {other:?}; expected one integer"))),
    }
}
