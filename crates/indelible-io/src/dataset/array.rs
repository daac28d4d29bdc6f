//! Arrays of numbers as samples: the first dimension counts them, the others
//! are flattened to features.

use bytemuck::Pod;
use indelible::{Buffer, Features};

use super::{
    Loaded, ReadOptions, Reading, Scale,
    contents::Contents,
    labels::LabelSet,
    table::{Value, half_precision},
};
use crate::{
    DataError,
    npy::header::{Kind, Number},
};

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
    pub(super) fn extent(&self, contents: &Contents) -> Result<(usize, usize), DataError> {
        let Some((&samples, others)) = self.shape.split_first() else {
            let what = "an array without dimensions";
            return Err(DataError::unsupported(what, "at least one dimension, the samples"));
        };
        let width = others.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
        let sound =
            width.filter(|w| samples.checked_mul(*w).and_then(|n| n.checked_mul(self.number.size)).is_some());
        sound.map(|width| (samples, width)).ok_or_else(|| {
            let product = self.product();
            contents.malformed(format!("the header promises {product} numbers, more than any memory holds"))
        })
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
}

/// The features of an array: everything that `contents` still has.
pub(super) fn features(
    contents: &mut Contents,
    layout: &Layout,
    options: &ReadOptions,
) -> Result<Loaded, DataError> {
    let (samples, width) = layout.extent(contents)?;
    let taken = options.limit.map_or(samples, |limit| limit.min(samples));
    contents.check_length((samples * width) as u128 * layout.number.size as u128)?;
    let shape = (samples, width, taken);
    let features = match (layout.number, options.scale) {
        (Number::U8, scale) => {
            let codes = numbers(contents, layout, shape, |contents, counts| {
                contents.elements(counts, 1, |bytes, codes| {
                    codes.extend_from_slice(bytes);
                    Ok(())
                })
            })?;
            if scale == Scale::Images { Features::unit_codes(codes) } else { Features::integer_codes(codes) }
        }
        (Number::F32, _) => Features::F32(numbers(contents, layout, shape, |contents, counts| {
            decoded(contents, layout, counts, |bits, _| Ok(single(bits)))
        })?),
        (Number::F16, _) => Features::F32(numbers(contents, layout, shape, |contents, counts| {
            decoded(contents, layout, counts, |bits, _| Ok(half(bits)))
        })?),
        _ => Features::F64(numbers(contents, layout, shape, |contents, counts| {
            doubles(contents, layout, width, counts)
        })?),
    };
    let scaled = layout.number == Number::U8 && options.scale == Scale::Images;
    let scaling = scaled.then(|| "bytes k are k/255, rounded to binary32 (--scale none keeps k)".to_owned());
    let reading = Reading { scaling, ..Reading::of(contents.format) };
    Ok(Loaded { samples, reading, ..Loaded::unlabelled(features, width) })
}

/// The numbers of the first `taken` samples, which stay in the file where they
/// lie there as this machine has them; else `read` gets how many there are and
/// how many of them to keep.
fn numbers<T: Pod + Send + Sync>(
    contents: &mut Contents,
    layout: &Layout,
    (samples, width, taken): (usize, usize, usize),
    read: impl FnOnce(&mut Contents, (usize, usize)) -> Result<Vec<T>, DataError>,
) -> Result<Buffer<T>, DataError> {
    let count = samples * width;
    // In Fortran order the first samples are spread over all of the bytes.
    if layout.is_fortran() && count > 0 {
        return Ok(transpose(&read(contents, (count, count))?, &layout.shape, taken).into());
    }
    let number = layout.number;
    let native = number == Number::U8
        || number.kind == Kind::Float && number.size > 2 && layout.big_endian == cfg!(target_endian = "big");
    match native.then(|| contents.mapped(taken * width)).flatten() {
        Some(mapped) => Ok(mapped),
        None => Ok(read(contents, (count, taken * width))?.into()),
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

/// What `take` makes of the bits of every number, which it gets with its position.
fn decoded<T>(
    contents: &mut Contents,
    layout: &Layout,
    counts: (usize, usize),
    mut take: impl FnMut(u64, usize) -> Result<T, String>,
) -> Result<Vec<T>, DataError> {
    let (size, big) = (layout.number.size, layout.big_endian);
    contents.elements(counts, size, |bytes, values| {
        let mut put = |bits| {
            values.push(take(bits, values.len())?);
            Ok(())
        };
        match size {
            1 => each::<1>(bytes, big, &mut put),
            2 => each::<2>(bytes, big, &mut put),
            4 => each::<4>(bytes, big, &mut put),
            _ => each::<8>(bytes, big, &mut put),
        }
    })
}

/// Gives `put` the bits of every number of `S` bytes.
fn each<const S: usize>(
    bytes: &[u8],
    big_endian: bool,
    mut put: impl FnMut(u64) -> Result<(), String>,
) -> Result<(), String> {
    bytes.as_chunks::<S>().0.iter().try_for_each(|number| {
        let mut number = *number;
        if big_endian {
            number.reverse();
        }
        let mut bits = [0; 8];
        bits[..S].copy_from_slice(&number);
        put(u64::from_le_bytes(bits))
    })
}

/// The binary32 number of these bits.
#[expect(clippy::cast_possible_truncation, reason = "there are no others")]
fn single(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

/// The binary16 number of these bits, which binary32 holds exactly.
fn half(bits: u64) -> f32 {
    let [low, high, ..] = bits.to_le_bytes();
    half_precision([low, high])
}

/// The number of these bits.
fn value(bits: u64, Number { kind, size }: Number) -> Value<'static> {
    match kind {
        Kind::Bool => Value::Integer((bits != 0).into()),
        Kind::Unsigned => Value::Integer(bits.into()),
        Kind::Signed => {
            let unused = 64 - 8 * size;
            Value::Integer(((bits << unused).cast_signed() >> unused).into())
        }
        Kind::Float if size == 2 => Value::Single(half(bits)),
        Kind::Float if size == 4 => Value::Single(single(bits)),
        Kind::Float => Value::Double(f64::from_bits(bits)),
    }
}

/// Numbers of any type as the binary64 numbers they are.
pub(super) fn doubles(
    contents: &mut Contents,
    layout: &Layout,
    width: usize,
    counts: (usize, usize),
) -> Result<Vec<f64>, DataError> {
    decoded(contents, layout, counts, |bits, position| {
        value(bits, layout.number).double().map_err(|number| {
            let width = width.max(1);
            let sample =
                if layout.is_fortran() { position % (counts.0 / width).max(1) } else { position / width };
            format!("sample {sample} has the value {number}, which binary64 cannot hold exactly")
        })
    })
}

/// The labels of an array: everything that `contents` still has.
pub(super) fn labels(contents: &mut Contents, layout: &Layout) -> Result<LabelSet, DataError> {
    let (samples, width) = layout.extent(contents)?;
    // A column of labels is as good as a row of them.
    if width != 1 || layout.shape.len() > 2 {
        let what = format!("an array of labels of {} numbers", layout.product());
        return Err(DataError::unsupported(what, "one number per sample"));
    }
    let mut set = LabelSet::default();
    // Labels go into the set as they come; the vectors of the reader hold nothing.
    decoded(contents, layout, (samples, samples), |bits, _| set.push(value(bits, layout.number)))?;
    Ok(set)
}
