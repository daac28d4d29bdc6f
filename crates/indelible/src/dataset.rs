//! A labelled dataset: the exact real numbers that its stored floats denote.
//!
//! Every later stage reads samples through [`Dataset`], so what a guarantee
//! says it says about these numbers. Features are kept as they came: 8-bit
//! codes with a table of their values, binary32 or binary64, owned or mapped.

use std::{collections::HashMap, fmt, ops::Deref, sync::Arc};

use crate::{Error, number::Precision};

/// A shared, immutable array: a vector, or memory that something else owns
/// (a mapped file).
#[derive(Clone)]
pub struct Buffer<T: 'static>(Arc<dyn AsRef<[T]> + Send + Sync>);

impl<T: Send + Sync + 'static> Buffer<T> {
    /// Wraps memory owned by `owner`.
    pub fn shared(owner: impl AsRef<[T]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(owner))
    }
}

impl<T: Send + Sync + 'static> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Arc::new(values))
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        (*self.0).as_ref()
    }
}

impl<T> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} values)", self.len())
    }
}

/// The features of all samples, row after row (`samples × features`).
#[derive(Clone, Debug)]
pub enum Features {
    /// 8-bit codes; code `c` denotes the real number `levels[c]`.
    Coded {
        /// One code per feature.
        codes: Buffer<u8>,
        /// 256 finite values, strictly increasing.
        levels: Arc<[f64]>,
    },
    /// binary32 values.
    F32(Buffer<f32>),
    /// binary64 values.
    F64(Buffer<f64>),
}

impl Features {
    /// 8-bit codes that denote `k/255` rounded to binary32, as image pipelines
    /// deliver them.
    #[must_use]
    pub fn unit_codes(codes: Buffer<u8>) -> Self {
        let levels = (0..=255u8).map(|k| f64::from(f32::from(k) / 255.0)).collect();
        Self::Coded { codes, levels }
    }

    /// 8-bit codes that denote the integers 0 to 255.
    #[must_use]
    pub fn integer_codes(codes: Buffer<u8>) -> Self {
        Self::Coded { codes, levels: (0..=255u8).map(f64::from).collect() }
    }

    /// Whether all values are finite numbers of `precision`, and a table has one
    /// for each code.
    pub(crate) fn holds(&self, precision: Precision) -> bool {
        match self {
            Self::Coded { levels, .. } => levels.len() == 256 && levels.iter().all(|v| precision.holds(*v)),
            Self::F32(values) => values.iter().all(|v| v.is_finite()),
            Self::F64(values) => values.iter().all(|v| precision.holds(*v)),
        }
    }

    /// Number of stored values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Coded { codes, .. } => codes.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether no value is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a position, exactly.
    ///
    /// # Panics
    /// When there is no such position.
    #[inline]
    #[must_use]
    pub fn at(&self, position: usize) -> f64 {
        match self {
            Self::Coded { codes, levels } => levels[usize::from(codes[position])],
            Self::F32(values) => f64::from(values[position]),
            Self::F64(values) => values[position],
        }
    }

    /// These rows of `width` values.
    ///
    /// # Panics
    /// When there is no such row.
    pub(crate) fn rows(&self, width: usize, chosen: impl Iterator<Item = usize>) -> Self {
        match self {
            Self::Coded { codes, levels } => {
                Self::Coded { codes: rows(codes, width, chosen), levels: levels.clone() }
            }
            Self::F32(values) => Self::F32(rows(values, width, chosen)),
            Self::F64(values) => Self::F64(rows(values, width, chosen)),
        }
    }

    /// The values from position `start` on, exactly, into `out`.
    ///
    /// # Panics
    /// When there are too few.
    pub(crate) fn copy(&self, start: usize, out: &mut [f64]) {
        let range = start..start + out.len();
        match self {
            Self::Coded { codes, levels } => {
                for (o, &c) in out.iter_mut().zip(&codes[range]) {
                    *o = levels[usize::from(c)];
                }
            }
            Self::F32(values) => {
                for (o, &v) in out.iter_mut().zip(&values[range]) {
                    *o = f64::from(v);
                }
            }
            Self::F64(values) => out.copy_from_slice(&values[range]),
        }
    }

    /// Position of the first value that is NaN or infinite.
    fn first_not_finite(&self) -> Option<usize> {
        match self {
            Self::Coded { .. } => None,
            Self::F32(values) => values.iter().position(|v| !v.is_finite()),
            Self::F64(values) => values.iter().position(|v| !v.is_finite()),
        }
    }
}

/// Samples with labels: `x_i ∈ R^n` and `y_i`, `i = 0..N`, never empty, all
/// features finite.
///
/// Labels are class indices `0..L`; the networks call class `c` by the number
/// `c + 1`. Class names keep what the source called the labels. There may be
/// more classes than occur.
///
/// ```
/// use indelible::{Dataset, Features};
///
/// let data = Dataset::new(
///     Features::F64(vec![0.0, 0.0, 1.0, 2.0].into()),
///     2,
///     vec![0, 1],
///     vec!["no".into(), "yes".into()],
/// )?;
/// assert_eq!((data.samples(), data.features(), data.classes()), (2, 2, 2));
/// assert_eq!(data.value(1, 1), 2.0);
/// # Ok::<(), indelible::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    features: Features,
    width: usize,
    labels: Vec<usize>,
    class_names: Vec<String>,
    feature_names: Option<Vec<String>>,
}

impl Dataset {
    /// Checks and keeps `features` (row after row, `width` values each) and
    /// one label per row, an index into `class_names`.
    ///
    /// # Errors
    /// When there is no sample or no feature, the counts do not match, a
    /// feature is NaN or infinite, or a label names no class.
    pub fn new(
        features: Features,
        width: usize,
        labels: Vec<usize>,
        class_names: Vec<String>,
    ) -> Result<Self, Error> {
        if width == 0 || labels.is_empty() {
            return Err(Error::EmptyDataset { samples: labels.len(), features: width });
        }
        if labels.len().checked_mul(width) != Some(features.len()) {
            return Err(Error::CountMismatch {
                values: features.len(),
                features: width,
                labels: labels.len(),
            });
        }
        if let Some(position) = features.first_not_finite() {
            return Err(Error::NotFinite {
                sample: position / width,
                feature: position % width,
                value: features.at(position),
            });
        }
        if let Features::Coded { levels, .. } = &features
            && !(features.holds(Precision::F64) && levels.windows(2).all(|w| w[0] < w[1]))
        {
            return Err(Error::BadLevels);
        }
        if let Some(sample) = labels.iter().position(|&y| y >= class_names.len()) {
            return Err(Error::UnknownClass { sample, label: labels[sample], classes: class_names.len() });
        }
        Ok(Self { features, width, labels, class_names, feature_names: None })
    }

    /// Adds names for the features.
    ///
    /// # Errors
    /// When there is not one name per feature.
    pub fn with_feature_names(mut self, names: Vec<String>) -> Result<Self, Error> {
        if names.len() != self.width {
            return Err(Error::FeatureNames { names: names.len(), features: self.width });
        }
        self.feature_names = Some(names);
        Ok(self)
    }

    /// The same labels and names for other values.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub(crate) fn with_features(&self, features: Features) -> Result<Self, Error> {
        let same = Self::new(features, self.width, self.labels.clone(), self.class_names.clone())?;
        Ok(Self { feature_names: self.feature_names.clone(), ..same })
    }

    /// Number of samples, `N`.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.labels.len()
    }

    /// Number of features, `n`.
    #[must_use]
    pub fn features(&self) -> usize {
        self.width
    }

    /// Number of classes, `L`.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// One class index `0..L` per sample.
    #[must_use]
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The labels in the numbering of `other`, in which classes have the same
    /// names; a class that `other` does not have gets a number that it does not
    /// use.
    #[must_use]
    pub fn labels_in(&self, other: &Self) -> Vec<usize> {
        // Looked up, because a file may have millions of classes; the first of a name counts.
        let known: HashMap<&String, usize> =
            other.class_names.iter().enumerate().rev().map(|(c, name)| (name, c)).collect();
        let number = |(c, name)| known.get(name).copied().unwrap_or(other.classes() + c);
        let numbers: Vec<usize> = self.class_names.iter().enumerate().map(number).collect();
        self.labels.iter().map(|&y| numbers[y]).collect()
    }

    /// What the source calls each class.
    #[must_use]
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The first feature that another dataset, or a network, which calls its features `known`, has in
    /// another place: both have the same names in another order.
    pub(crate) fn misplaced_feature(&self, known: &[String]) -> Option<usize> {
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort();
            names
        };
        let given = self.feature_names()?;
        let first = known.iter().zip(given).position(|(known, given)| known != given)?;
        (sorted(known) == sorted(given)).then_some(first)
    }

    /// What the source calls each feature, where it does.
    #[must_use]
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }

    /// The stored features, row after row.
    #[must_use]
    pub fn storage(&self) -> &Features {
        &self.features
    }

    /// Feature `feature` of sample `sample`, exactly.
    ///
    /// # Panics
    /// When an index is out of range.
    #[inline]
    #[must_use]
    pub fn value(&self, sample: usize, feature: usize) -> f64 {
        debug_assert!(feature < self.width);
        self.features.at(sample * self.width + feature)
    }

    /// Sample `sample`, exactly, into `out` of length `n`.
    ///
    /// # Panics
    /// When `sample` is out of range or `out` has another length.
    pub fn copy_row(&self, sample: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.width);
        self.features.copy(sample * self.width, out);
    }

    /// Sample `sample`, exactly.
    ///
    /// # Panics
    /// When `sample` is out of range.
    #[must_use]
    pub fn row(&self, sample: usize) -> Vec<f64> {
        let mut out = vec![0.0; self.width];
        self.copy_row(sample, &mut out);
        out
    }

    /// `m_j = min_i x_ij` for every feature `j`.
    #[must_use]
    pub fn minima(&self) -> Vec<f64> {
        match &self.features {
            Features::Coded { codes, levels } => minima(codes, self.width, |c| levels[usize::from(c)]),
            Features::F32(values) => minima(values, self.width, f64::from),
            Features::F64(values) => minima(values, self.width, |v| v),
        }
    }

    /// Whether every feature of every sample is a number of `precision`.
    #[must_use]
    pub fn fits(&self, precision: Precision) -> bool {
        precision == Precision::F64
            || matches!(self.features, Features::F32(_))
            || self.features.holds(precision)
    }

    /// The first `limit` samples (all of them where there are fewer); classes
    /// keep their names and numbers.
    ///
    /// # Errors
    /// When `limit` is 0.
    pub fn head(&self, limit: usize) -> Result<Self, Error> {
        if limit >= self.samples() {
            return Ok(self.clone());
        }
        self.select(0..limit)
    }

    /// These samples, in this order; classes keep their names and numbers.
    ///
    /// # Errors
    /// When there are none.
    ///
    /// # Panics
    /// When one is out of range.
    pub fn select(&self, samples: impl Iterator<Item = usize> + Clone) -> Result<Self, Error> {
        let n = self.width;
        let features = self.features.rows(n, samples.clone());
        let labels = samples.map(|sample| self.labels[sample]).collect();
        let selected = Self::new(features, n, labels, self.class_names.clone())?;
        Ok(Self { feature_names: self.feature_names.clone(), ..selected })
    }
}

/// These rows of `width` values.
fn rows<T: Copy + Send + Sync>(values: &[T], width: usize, chosen: impl Iterator<Item = usize>) -> Buffer<T> {
    let mut out = Vec::with_capacity(chosen.size_hint().0 * width);
    chosen.for_each(|row| out.extend_from_slice(&values[row * width..(row + 1) * width]));
    out.into()
}

/// The smallest value of each column, exactly.
fn minima<T: Copy + PartialOrd>(values: &[T], width: usize, exact: impl Fn(T) -> f64) -> Vec<f64> {
    let mut least = values[..width].to_vec();
    for row in values.chunks_exact(width) {
        for (m, &v) in least.iter_mut().zip(row) {
            *m = if v < *m { v } else { *m };
        }
    }
    least.into_iter().map(exact).collect()
}
