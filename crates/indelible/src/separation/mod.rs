//! How far apart the classes are: closest enemies, exactly.
//!
//! An *enemy* of a sample is a sample with another label. The *separation
//! bound* `λ_p` is the smallest distance between enemies; a network that
//! memorizes the dataset with radius μ exists exactly when `μ < λ_p/2`
//! (Yu, Gao & Zhang, ICLR 2024).
//!
//! Everything here is exact. Samples are the real numbers their stored floats
//! denote; a distance is reported as the tightest enclosure by binary64
//! numbers, a single one where the distance is one; and which of two
//! distances is smaller, or that they are equal, is decided without rounding.
//! So every result is a function of the data alone: the same, to the bit, for
//! every instruction set and number of threads. Memory beyond the data is
//! `O(N)` and a fixed number of blocks.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "integers and bits of floats, whose sizes are known where they are cast"
)]

mod blocks;
mod conflicts;
mod dispatch;
mod exact;
mod kernel;
mod metric;
mod prune;
mod quantized;
mod relation;
mod search;
mod sketch;
#[cfg(test)]
mod tests;
mod trial;

pub use self::{
    blocks::{closest_enemies_between, k_nearest_enemies_between, pairs_within_between},
    conflicts::{conflicts, describe_conflicts},
    relation::Pairs,
};
use self::{
    dispatch::dispatch,
    relation::Relation,
    search::{Closest, Nearest, NearestAndClosest, NearestIndices, Within},
};
use crate::{Dataset, Enclosure, Error, Norm, Progress, isa::Isa};

/// The separation bound of a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separation {
    /// The norm it is measured in.
    pub norm: Norm,
    /// `λ_p`, in the units of the features; infinite when all samples have
    /// one label.
    pub distance: Enclosure,
    /// The closest pair of enemies, smaller index first; among equally close
    /// pairs the lexicographically first. `None` when there are no enemies.
    pub pair: Option<(usize, usize)>,
}

/// The nearest enemy of every sample.
#[derive(Clone, Debug, PartialEq)]
pub struct NearestEnemies {
    /// The norm distances are measured in.
    pub norm: Norm,
    /// `d_i`: distance from sample `i` to its nearest enemy; infinite where
    /// it has none.
    pub distances: Vec<Enclosure>,
    /// The nearest enemy of sample `i`: the smallest index among equally near
    /// ones. `None` when there is no enemy.
    pub indices: Vec<Option<usize>>,
    /// The sample that comes nearest to an enemy, the smallest index among those
    /// that come equally near: of distances within one enclosure this says which
    /// is smaller. `None` when nobody has an enemy.
    pub closest: Option<usize>,
}

impl NearestEnemies {
    /// The sample that comes nearest to an enemy, how near, and the enemy;
    /// `None` when nobody has one.
    #[must_use]
    pub fn nearest(&self) -> Option<(usize, Enclosure, usize)> {
        let i = self.closest?;
        Some((i, *self.distances.get(i)?, (*self.indices.get(i)?)?))
    }

    /// The separation bound of a dataset of which these are the nearest enemies.
    #[must_use]
    pub fn separation(&self) -> Separation {
        let (distance, pair) =
            self.nearest().map_or((NONE, None), |(i, d, j)| (d, Some((i.min(j), i.max(j)))));
        Separation { norm: self.norm, distance, pair }
    }
}

/// A sample and how far away it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Index of the sample.
    pub index: usize,
    /// Its distance, in the units of the features.
    pub distance: Enclosure,
}

/// Two samples and how far apart they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClosePair {
    /// Their indices, smaller first; of two sets, the index in the first one first.
    pub pair: (usize, usize),
    /// Their distance, in the units of the features.
    pub distance: Enclosure,
}

/// The pairs of a dataset that are close.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosePairs {
    /// The norm distances are measured in.
    pub norm: Norm,
    /// How many there are.
    pub count: u64,
    /// The lexicographically first of them, up to the limit asked for.
    pub pairs: Vec<ClosePair>,
}

/// The distance that no pair has.
const NONE: Enclosure = Enclosure::exact(f64::INFINITY);

/// The separation bound `λ_p` and the pair of samples that has it.
///
/// ```
/// use indelible::{Dataset, Features, Norm, Silent, separation::separation};
///
/// let features = Features::F64(vec![0.0, 0.0, 3.0, 4.0, 1.0, 1.0].into());
/// let data = Dataset::new(features, 2, vec![0, 1, 0], vec!["a".into(), "b".into()])?;
/// let found = separation(&data, Norm::Linf, &Silent);
/// assert_eq!((found.distance.lower, found.distance.upper), (3.0, 3.0));
/// assert_eq!(found.pair, Some((1, 2)));
/// # Ok::<(), indelible::Error>(())
/// ```
#[must_use]
pub fn separation(data: &Dataset, norm: Norm, progress: &dyn Progress) -> Separation {
    let relation = Relation::once(data, Pairs::Enemies);
    let found = dispatch(Isa::best(), (data, data), &relation, norm, Closest(progress));
    let (distance, pair) = found.map_or((NONE, None), |(d, i, j)| (d, Some((i, j))));
    Separation { norm, distance, pair }
}

/// Distance and index of the nearest enemy of every sample.
#[must_use]
pub fn nearest_enemies(data: &Dataset, norm: Norm, progress: &dyn Progress) -> NearestEnemies {
    let search = NearestAndClosest(Nearest { per_query: 1, progress });
    single(norm, dispatch(Isa::best(), (data, data), &Relation::within(data), norm, search))
}

/// The `per_sample` nearest enemies of every sample, nearest first and
/// smaller index first among equally near ones; fewer where a sample has
/// fewer enemies. Takes memory for `N·per_sample` neighbours.
#[must_use]
pub fn k_nearest_enemies(
    data: &Dataset,
    norm: Norm,
    per_sample: usize,
    progress: &dyn Progress,
) -> Vec<Vec<Neighbour>> {
    nearest_of((data, data), &Relation::within(data), norm, per_sample, progress)
}

/// The `per_sample` nearest other samples of every sample, whatever their labels,
/// nearest first and smaller index first among equally near ones; fewer where
/// there are fewer. Takes memory for `N·per_sample` neighbours.
///
/// ```
/// use indelible::{Dataset, Features, Norm, Silent, separation::k_nearest};
///
/// let features = Features::F64(vec![0.0, 2.0, 2.0, 7.0].into());
/// let data = Dataset::new(features, 1, vec![0; 4], vec!["a".into()])?;
/// let near = k_nearest(&data, Norm::L2, 1, &Silent);
/// assert_eq!(near.iter().map(|near| near[0].index).collect::<Vec<_>>(), [1, 2, 1, 1]);
/// # Ok::<(), indelible::Error>(())
/// ```
#[must_use]
pub fn k_nearest(
    data: &Dataset,
    norm: Norm,
    per_sample: usize,
    progress: &dyn Progress,
) -> Vec<Vec<Neighbour>> {
    // With a label of its own for each sample, all others are its enemies.
    let own: Vec<usize> = (0..data.samples()).collect();
    nearest_of((data, data), &Relation::among(&own), norm, per_sample, progress)
}

/// For every sample of `queries` the `per_sample` nearest ones of `base`, whatever
/// their labels, as [`k_nearest`] has them: with a test set and a training set,
/// what of the first is a duplicate of what was trained on.
///
/// # Errors
/// When the two sets have different numbers of features.
pub fn k_nearest_between(
    queries: &Dataset,
    base: &Dataset,
    norm: Norm,
    per_sample: usize,
    progress: &dyn Progress,
) -> Result<Vec<Vec<Neighbour>>, Error> {
    same_space(queries, base)?;
    Ok(nearest_of((queries, base), &Relation::all(queries, base), norm, per_sample, progress))
}

/// Up to `per_sample` neighbours of each query, nearest first.
fn nearest_of(
    (queries, base): (&Dataset, &Dataset),
    relation: &Relation<'_>,
    norm: Norm,
    per_sample: usize,
    progress: &dyn Progress,
) -> Vec<Vec<Neighbour>> {
    let per_query = per_sample.min(base.samples());
    if per_query == 0 {
        return vec![Vec::new(); queries.samples()];
    }
    let search = Nearest { per_query, progress };
    let found = dispatch(Isa::best(), (queries, base), relation, norm, search);
    found.chunks(per_query).map(|near| near.iter().flatten().copied().collect()).collect()
}

/// For every sample of `queries` the nearest sample of `base` with another
/// label: with a test set and a training set, how near test samples come to
/// training samples of other classes. Classes are matched by their names;
/// indices are those of `base`.
///
/// # Errors
/// When the two sets have different numbers of features.
pub fn nearest_enemies_between(
    queries: &Dataset,
    base: &Dataset,
    norm: Norm,
    progress: &dyn Progress,
) -> Result<NearestEnemies, Error> {
    same_space(queries, base)?;
    let labels = queries.labels_in(base);
    let relation = Relation::between(&labels, base);
    let search = NearestAndClosest(Nearest { per_query: 1, progress });
    Ok(single(norm, dispatch(Isa::best(), (queries, base), &relation, norm, search)))
}

/// Indices of the `per_query` nearest samples of `base`, whatever their labels,
/// for every sample of `queries`: nearest first and smaller index first among
/// equally near ones. Row after row, as many in each as `base` has, `per_query`
/// at most. A sample of `base` that is asked for is the nearest to itself, but
/// for equal samples before it. Takes memory for so many distances.
///
/// # Errors
/// When the two sets have different numbers of features.
pub fn k_nearest_indices(
    queries: &Dataset,
    base: &Dataset,
    norm: Norm,
    per_query: usize,
    progress: &dyn Progress,
) -> Result<Vec<usize>, Error> {
    same_space(queries, base)?;
    let per_query = per_query.min(base.samples());
    if per_query == 0 {
        return Ok(vec![]);
    }
    let search = NearestIndices(Nearest { per_query, progress });
    let found = dispatch(Isa::best(), (queries, base), &Relation::all(queries, base), norm, search);
    Ok(found.into_iter().flatten().collect())
}

/// The number of pairs at distance at most `radius`, and the
/// lexicographically first `limit` of them.
///
/// # Errors
/// When `radius` is negative, infinite or NaN.
pub fn pairs_within(
    data: &Dataset,
    norm: Norm,
    radius: f64,
    pairs: Pairs,
    limit: usize,
    progress: &dyn Progress,
) -> Result<ClosePairs, Error> {
    if !(radius >= 0.0 && radius.is_finite()) {
        return Err(Error::BadRadius { given: radius });
    }
    let search = Within { radius, keep: limit, progress };
    Ok(close_pairs((data, data), &Relation::once(data, pairs), norm, search))
}

fn close_pairs(
    sets: (&Dataset, &Dataset),
    relation: &Relation<'_>,
    norm: Norm,
    search: Within<'_>,
) -> ClosePairs {
    let (count, found) = dispatch(Isa::best(), sets, relation, norm, search);
    let pairs = found.into_iter().map(|(i, j, distance)| ClosePair { pair: (i, j), distance }).collect();
    ClosePairs { norm, count, pairs }
}

/// Refuses sets with different numbers of features, or with the same ones in another order.
fn same_space(queries: &Dataset, base: &Dataset) -> Result<(), Error> {
    if queries.features() != base.features() {
        return Err(Error::FeatureMismatch { queries: queries.features(), base: base.features() });
    }
    let (Some(names), Some(known)) = (queries.feature_names(), base.feature_names()) else { return Ok(()) };
    queries.misplaced_feature(known).map_or(Ok(()), |feature| {
        let (query, base) = (names[feature].clone(), known[feature].clone());
        Err(Error::FeatureOrder { feature, query, base })
    })
}

fn single(norm: Norm, (found, closest): (Vec<Option<Neighbour>>, Option<usize>)) -> NearestEnemies {
    NearestEnemies {
        norm,
        closest,
        distances: found.iter().map(|n| n.map_or(NONE, |n| n.distance)).collect(),
        indices: found.iter().map(|n| n.map(|n| n.index)).collect(),
    }
}
