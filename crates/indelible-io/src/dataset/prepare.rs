//! What is done to samples that no network could be built from: values that are
//! missing, and equal samples with different labels.

use std::cmp::Ordering;

use indelible::{Dataset, Features, network::Scaling, text::counted};

use super::{Missing, OnConflict, Reading, Scale};

/// Samples that are listed.
const MOST_LISTED: usize = 10;

/// Features without NaN, which stands for what is missing, and the samples that
/// are kept where some are not.
pub(super) fn without_missing(
    features: Features,
    width: usize,
    missing: Missing,
    reading: &mut Reading,
) -> (Features, Option<Vec<usize>>) {
    #[expect(clippy::cast_possible_truncation, reason = "a mean is rounded to the format of the values")]
    let single = |mean: f64| mean as f32;
    match (missing, features) {
        (Missing::Drop, Features::F32(values)) => match kept(&values, width, reading) {
            Some(rows) => (Features::F32(chosen(&values, width, &rows).into()), Some(rows)),
            None => (Features::F32(values), None),
        },
        (Missing::Drop, Features::F64(values)) => match kept(&values, width, reading) {
            Some(rows) => (Features::F64(chosen(&values, width, &rows).into()), Some(rows)),
            None => (Features::F64(values), None),
        },
        (Missing::Mean, Features::F32(values)) => match filled(&values, width, single, reading) {
            Some(values) => (Features::F32(values.into()), None),
            None => (Features::F32(values), None),
        },
        (Missing::Mean, Features::F64(values)) => match filled(&values, width, |mean| mean, reading) {
            Some(values) => (Features::F64(values.into()), None),
            None => (Features::F64(values), None),
        },
        (_, features) => (features, None),
    }
}

fn is_nan<T: Copy + Into<f64>>(value: &T) -> bool {
    (*value).into().is_nan()
}

/// The samples where nothing is missing; `None` for all.
fn kept<T: Copy + Into<f64>>(values: &[T], width: usize, reading: &mut Reading) -> Option<Vec<usize>> {
    let (mut rows, mut dropped) = (Vec::new(), Vec::new());
    for (sample, row) in values.chunks_exact(width.max(1)).enumerate() {
        if row.iter().any(is_nan) { dropped.push(sample) } else { rows.push(sample) }
    }
    (!dropped.is_empty()).then(|| {
        let what = format!("{} with missing values ({})", counted(dropped.len(), "sample"), list(&dropped));
        reading.left_out.push(what);
        rows
    })
}

/// These rows.
fn chosen<T: Copy>(values: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|&row| values.get(row * width..(row + 1) * width)).flatten().copied().collect()
}

/// The values, with the mean of what is there in its column for each that is
/// missing; `None` where none is.
fn filled<T: Copy + Into<f64>>(
    values: &[T],
    width: usize,
    round: impl Fn(f64) -> T,
    reading: &mut Reading,
) -> Option<Vec<T>> {
    let count = values.iter().filter(|value| is_nan(*value)).count();
    if count == 0 {
        return None;
    }
    let mut values = values.to_vec();
    for column in 0..width {
        let there = || values.iter().skip(column).step_by(width).filter(|value| !is_nan(*value));
        let (sum, number) = there().fold((0.0, 0.0), |(sum, number), &v| (sum + v.into(), number + 1.0));
        let mean = round(sum / number);
        values.iter_mut().skip(column).step_by(width).filter(|value| is_nan(*value)).for_each(|v| *v = mean);
    }
    reading.add_scaling(format!("{count} missing values are the means of their columns"));
    Some(values)
}

/// The samples without those that equal another one with a different label, as
/// `what` says, and the numbers of those left out, in ascending order.
///
/// # Errors
/// When none is left.
pub fn without_conflicts(data: Dataset, what: OnConflict) -> Result<(Dataset, Vec<usize>), indelible::Error> {
    if what == OnConflict::Keep {
        return Ok((data, vec![]));
    }
    let value = |sample, feature| data.value(sample, feature);
    let compare = |a: &usize, b: &usize| {
        let mut features = (0..data.features()).map(|feature| {
            // Finite numbers have an order, in which both zeros are one.
            value(*a, feature).partial_cmp(&value(*b, feature)).unwrap_or(Ordering::Equal)
        });
        features.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut order: Vec<usize> = (0..data.samples()).collect();
    order.sort_by(compare);
    let label = |sample: &usize| data.labels().get(*sample);
    let mut dropped: Vec<usize> = Vec::new();
    for same in order.chunk_by(|a, b| compare(a, b).is_eq()) {
        // The sort keeps equal samples in their order.
        let first = same.first().and_then(label);
        if same.iter().any(|sample| label(sample) != first) {
            let others = same.iter().filter(|sample| what == OnConflict::Drop || label(sample) != first);
            dropped.extend(others);
        }
    }
    if dropped.is_empty() {
        return Ok((data, dropped));
    }
    dropped.sort_unstable();
    let kept: Vec<usize> =
        (0..data.samples()).filter(|sample| dropped.binary_search(sample).is_err()).collect();
    Ok((data.select(kept.into_iter())?, dropped))
}

/// Leaves them out, and `reading` says which.
pub(super) fn resolve_conflicts(
    data: Dataset,
    what: OnConflict,
    reading: &mut Reading,
) -> Result<Dataset, indelible::Error> {
    let (data, dropped) = without_conflicts(data, what)?;
    if !dropped.is_empty() {
        let why = "samples equal to one with another label";
        reading.left_out.push(format!("{} {why} ({})", dropped.len(), list(&dropped)));
    }
    Ok(data)
}

/// The map of the features that is asked for.
///
/// # Errors
/// When a feature has a range that cannot be scaled.
pub(super) fn scaling(
    data: &Dataset,
    scale: Scale,
    reading: &mut Reading,
) -> Result<Option<Scaling>, indelible::Error> {
    let (what, scaling) = match scale {
        Scale::Images | Scale::None => return Ok(None),
        Scale::MinMax => ("(x - min) / (max - min)", Scaling::min_max(data)?),
        Scale::Standard => ("(x - mean) / standard deviation", Scaling::standard(data)?),
    };
    reading.add_scaling(format!("scaled to {what} of every feature"));
    Ok(Some(scaling))
}

/// The first of these samples.
fn list(samples: &[usize]) -> String {
    let shown: Vec<String> = samples.iter().take(MOST_LISTED).map(ToString::to_string).collect();
    let more = if samples.len() > MOST_LISTED { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
