//! Arrays of numbers as samples: the first dimension counts them, the others
//! are flattened to features.

use std::fs::File;

use indelible::{Buffer, Features};

use super::{Loaded, ReadOptions, Scale, contents::Contents, labels::LabelSet, map};
use crate::{Error, npy::header::Number};

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
    pub(super) fn extent(&self, contents: &Contents) -> Result<(usize, usize), Error> {
        let Some((&samples, others)) = self.shape.split_first() else {
            let what = "an array without dimensions";
            return Err(Error::unsupported(contents.path, what, "at least one dimension, the samples"));
        };
        let width = others.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
        let sound = width.filter(|w| {
            samples.checked_mul(*w).and_then(|count| count.checked_mul(self.number.size())).is_some()
        });
        match sound {
            Some(width) => Ok((samples, width)),
            None => Err(contents.malformed(format!(
                "the header promises {} numbers, more than any memory holds",
                self.product()
            ))),
        }
    }

    /// The shape as a product, for messages.
    pub(super) fn product(&self) -> String {
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

/// The features of an array: everything that `contents` still has.
///
/// `file` is the file and the offset of the numbers in it, where they can be
/// mapped.
pub(super) fn features(
    contents: &mut Contents,
    layout: &Layout,
    file: Option<(&File, u64, u64)>,
    options: &ReadOptions,
) -> Result<Loaded, Error> {
    let (samples, width) = layout.extent(contents)?;
    let taken = options.limit.map_or(samples, |limit| limit.min(samples));
    // In Fortran order the first samples are spread over all of the bytes.
    let fortran = layout.is_fortran() && samples * width > 0;
    let wanted = if fortran { samples * width } else { taken * width };
    if let Some((_, offset, length)) = file {
        check_length(contents, layout, samples * width, length.saturating_sub(offset))?;
    }
    let mapped = file.filter(|_| !fortran && layout.is_native()).map(|(file, offset, _)| (file, offset));
    let values = match layout.number {
        Number::U8 => Numbers::U8(match mapped.and_then(|(file, at)| map::numbers(file, at, wanted)) {
            Some(codes) => codes,
            None => bytes(contents, samples * width, wanted)?.into(),
        }),
        Number::F32 => Numbers::F32(match mapped.and_then(|(file, at)| map::numbers(file, at, wanted)) {
            Some(values) => values,
            None => singles(contents, layout, samples * width, wanted)?.into(),
        }),
        Number::F64 => Numbers::F64(match mapped.and_then(|(file, at)| map::numbers(file, at, wanted)) {
            Some(values) => values,
            None => doubles(contents, layout, width, samples * width, wanted)?.into(),
        }),
        _ => Numbers::F64(doubles(contents, layout, width, samples * width, wanted)?.into()),
    };
    let values = if fortran { values.transposed(&layout.shape, taken) } else { values };
    let features = match (values, options.scale) {
        (Numbers::U8(codes), Scale::Unit) => Features::unit_codes(codes),
        (Numbers::U8(codes), Scale::None) => Features::integer_codes(codes),
        (Numbers::F32(values), _) => Features::F32(values),
        (Numbers::F64(values), _) => Features::F64(values),
    };
    Ok(Loaded { samples, ..Loaded::unlabelled(features, width) })
}

/// Compares what the header promises with the rest of the file, before any
/// memory is taken.
fn check_length(contents: &Contents, layout: &Layout, count: usize, found: u64) -> Result<(), Error> {
    let expected = count as u128 * layout.number.size() as u128;
    let (path, format) = (contents.path.to_owned(), contents.format);
    match u128::from(found).cmp(&expected) {
        std::cmp::Ordering::Less => Err(Error::Truncated { path, format, expected, found: found.into() }),
        std::cmp::Ordering::Greater => Err(Error::Trailing { path, format, expected }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// The numbers of an array in the types that features have.
enum Numbers {
    U8(Buffer<u8>),
    F32(Buffer<f32>),
    F64(Buffer<f64>),
}

impl Numbers {
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
fn bytes(contents: &mut Contents, count: usize, keep: usize) -> Result<Vec<u8>, Error> {
    contents.elements(count, 1, keep, |bytes, values| {
        values.extend_from_slice(bytes);
        Ok(())
    })
}

/// Numbers of `S` bytes, which `decode` takes in this machine's order.
fn decoded<const S: usize, T>(
    contents: &mut Contents,
    big_endian: bool,
    (count, keep): (usize, usize),
    mut decode: impl FnMut([u8; S], usize) -> Result<T, String>,
) -> Result<Vec<T>, Error> {
    let swap = big_endian != cfg!(target_endian = "big");
    let (path, format) = (contents.path.to_owned(), contents.format);
    contents.elements(count, S, keep, |bytes, values| {
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
fn singles(contents: &mut Contents, layout: &Layout, count: usize, keep: usize) -> Result<Vec<f32>, Error> {
    decoded(contents, layout.big_endian, (count, keep), |bytes, _| Ok(f32::from_ne_bytes(bytes)))
}

/// A number of an array as it is.
enum Value {
    Integer(i128),
    Real(f64),
}

/// What `take` makes of every number, which it gets with its position.
fn values<T>(
    contents: &mut Contents,
    layout: &Layout,
    counts: (usize, usize),
    mut take: impl FnMut(Value, usize) -> Result<T, String>,
) -> Result<Vec<T>, Error> {
    use Value::{Integer, Real};
    let big = layout.big_endian;
    match layout.number {
        Number::Bool => decoded(contents, big, counts, |[b], at| take(Integer((b != 0).into()), at)),
        Number::U8 => decoded(contents, big, counts, |[b], at| take(Integer(b.into()), at)),
        Number::I8 => decoded(contents, big, counts, |b, at| take(Integer(i8::from_ne_bytes(b).into()), at)),
        Number::U16 => {
            decoded(contents, big, counts, |b, at| take(Integer(u16::from_ne_bytes(b).into()), at))
        }
        Number::I16 => {
            decoded(contents, big, counts, |b, at| take(Integer(i16::from_ne_bytes(b).into()), at))
        }
        Number::U32 => {
            decoded(contents, big, counts, |b, at| take(Integer(u32::from_ne_bytes(b).into()), at))
        }
        Number::I32 => {
            decoded(contents, big, counts, |b, at| take(Integer(i32::from_ne_bytes(b).into()), at))
        }
        Number::U64 => {
            decoded(contents, big, counts, |b, at| take(Integer(u64::from_ne_bytes(b).into()), at))
        }
        Number::I64 => {
            decoded(contents, big, counts, |b, at| take(Integer(i64::from_ne_bytes(b).into()), at))
        }
        Number::F32 => decoded(contents, big, counts, |b, at| take(Real(f32::from_ne_bytes(b).into()), at)),
        Number::F64 => decoded(contents, big, counts, |b, at| take(Real(f64::from_ne_bytes(b)), at)),
    }
}

/// Numbers of any other type as the binary64 numbers they are.
pub(super) fn doubles(
    contents: &mut Contents,
    layout: &Layout,
    width: usize,
    count: usize,
    keep: usize,
) -> Result<Vec<f64>, Error> {
    #[expect(clippy::cast_possible_truncation, reason = "the comparison says whether it is the same")]
    let exactly = |value: i128| match i32::try_from(value) {
        Ok(small) => Some(f64::from(small)),
        // Both conversions are exact where the comparison says so.
        Err(_) => Some(value as f64).filter(|&double| double as i128 == value),
    };
    values(contents, layout, (count, keep), |value, position| match value {
        Value::Real(real) => Ok(real),
        Value::Integer(integer) => exactly(integer).ok_or_else(|| {
            let width = width.max(1);
            let sample =
                if layout.is_fortran() { position % (count / width).max(1) } else { position / width };
            format!("sample {sample} has the value {integer}, which binary64 cannot hold exactly")
        }),
    })
}

/// The labels of an array: everything that `contents` still has.
pub(super) fn labels(contents: &mut Contents, layout: &Layout) -> Result<LabelSet, Error> {
    let (samples, width) = layout.extent(contents)?;
    // A column of labels is as good as a row of them.
    if width != 1 || layout.shape.len() > 2 {
        let what = format!("an array of labels of {} numbers", layout.product());
        return Err(Error::unsupported(contents.path, what, "one number per sample"));
    }
    let mut set = LabelSet::default();
    // Labels go into the set as they come; the vectors of the reader hold nothing.
    values(contents, layout, (samples, samples), |label, _| match label {
        Value::Integer(integer) => {
            set.push_integer(integer);
            Ok(())
        }
        Value::Real(real) => set.push_real(real),
    })?;
    Ok(set)
}
