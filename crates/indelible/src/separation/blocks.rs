//! Two blocks of samples against each other, for data that no machine holds whole.
//!
//! What is nearest in a dataset is nearest among the answers for its pairs of
//! blocks. A block need not be searched beyond what is known from others: each
//! search takes distances beyond which nothing is of interest. Such a distance
//! is an upper end of an enclosure, so that nothing is lost that is as near as
//! what it stands for.

use super::{
    ClosePair, ClosePairs, Neighbour, Pairs, close_pairs,
    dispatch::dispatch,
    relation::Relation,
    same_space,
    search::{ClosestUpTo, Nearest, NearestUpTo, Within},
};
use crate::{Dataset, Error, Norm, Progress, isa::Isa};

/// For every sample of `queries` the `per_sample` nearest ones of `base` with
/// another label, among those not farther away than `up_to`, which has a distance
/// for each: infinite where all are of interest. Nearest first, smaller index first among
/// equally near ones, fewer where there are fewer. Classes are matched by their
/// names; indices are those of `base`. Both may be one dataset.
///
/// ```
/// use indelible::{Dataset, Features, Norm, Silent, separation::k_nearest_enemies_between};
///
/// let set = |values: Vec<f64>, labels: Vec<usize>| {
///     Dataset::new(Features::F64(values.into()), 1, labels, vec!["a".into(), "b".into()])
/// };
/// let (queries, base) = (set(vec![0.0, 10.0], vec![0, 0])?, set(vec![3.0, 1.0, 0.0], vec![1, 1, 0])?);
/// let up_to = [f64::INFINITY, 7.5];
/// let near = k_nearest_enemies_between(&queries, &base, Norm::L1, 2, &up_to, &Silent)?;
/// assert_eq!(near[0].iter().map(|near| near.index).collect::<Vec<_>>(), [1, 0]);
/// assert_eq!(near[1].iter().map(|near| near.distance.lower).collect::<Vec<_>>(), [7.0]);
/// # Ok::<(), indelible::Error>(())
/// ```
///
/// # Errors
/// When the two sets have different numbers of features, or `up_to` another number
/// of distances than there are queries, or one that is negative or NaN.
pub fn k_nearest_enemies_between(
    queries: &Dataset,
    base: &Dataset,
    norm: Norm,
    per_sample: usize,
    up_to: &[f64],
    progress: &dyn Progress,
) -> Result<Vec<Vec<Neighbour>>, Error> {
    same_space(queries, base)?;
    let samples = queries.samples();
    if up_to.len() != samples {
        return Err(Error::RadiusCount { samples, radii: up_to.len() });
    }
    up_to.iter().try_for_each(|&distance| is_distance(distance))?;
    let per_query = per_sample.min(base.samples());
    if per_query == 0 {
        return Ok(vec![Vec::new(); samples]);
    }
    let labels = queries.labels_in(base);
    let search = NearestUpTo { nearest: Nearest { per_query, progress }, up_to };
    let found = dispatch(Isa::best(), (queries, base), &Relation::between(&labels, base), norm, search);
    Ok(found.chunks(per_query).map(|near| near.iter().flatten().copied().collect()).collect())
}

/// The closest pair of a sample of `queries` and one of `base` with another label,
/// in this order, and its distance, if there is one that is not farther apart than `up_to`
/// (infinite: any); among equally close pairs the lexicographically first. Classes
/// are matched by their names.
///
/// # Errors
/// When the two sets have different numbers of features, or `up_to` is negative or
/// NaN.
pub fn closest_enemies_between(
    queries: &Dataset,
    base: &Dataset,
    norm: Norm,
    up_to: f64,
    progress: &dyn Progress,
) -> Result<Option<ClosePair>, Error> {
    same_space(queries, base)?;
    is_distance(up_to)?;
    let labels = queries.labels_in(base);
    let (relation, search) = (Relation::between(&labels, base), ClosestUpTo { up_to, progress });
    let found = dispatch(Isa::best(), (queries, base), &relation, norm, search);
    Ok(found.map(|(distance, i, j)| ClosePair { pair: (i, j), distance }))
}

/// The number of pairs of a sample of `queries` and one of `base`, in this order, at distance at
/// most `radius`, and the lexicographically first `limit` of them. Classes are
/// matched by their names.
///
/// # Errors
/// When the two sets have different numbers of features, or `radius` is negative,
/// infinite or NaN.
pub fn pairs_within_between(
    queries: &Dataset,
    base: &Dataset,
    norm: Norm,
    radius: f64,
    pairs: Pairs,
    limit: usize,
    progress: &dyn Progress,
) -> Result<ClosePairs, Error> {
    same_space(queries, base)?;
    if radius.is_infinite() {
        return Err(Error::BadRadius { given: radius });
    }
    is_distance(radius)?;
    let labels = queries.labels_in(base);
    let relation = match pairs {
        Pairs::Enemies => Relation::between(&labels, base),
        Pairs::All => Relation::all(queries, base),
    };
    Ok(close_pairs((queries, base), &relation, norm, Within { radius, keep: limit, progress }))
}

/// Whether a number is a distance, or infinite.
fn is_distance(given: f64) -> Result<(), Error> {
    if given >= 0.0 { Ok(()) } else { Err(Error::BadRadius { given }) }
}
