//! The narrowest projection that keeps enemies a given distance apart.

use super::{
    Projection,
    differences::Differences,
    orthonormal::{orthonormalize, random_rows},
    search::{climb, sketched, start},
};
use crate::{Dataset, Error, Norm, Progress, separation::nearest_enemies};

/// Share of the rows that are added where all pairs turn out to need more.
const MORE: usize = 32;

/// A projection with orthonormal rows, `from` of them or more, through which all
/// enemies seem to stay `distance` apart in l2, in the units of the features: the first
/// that is found on the way from few rows to many; `None` where fewer rows than there are
/// features do not.
///
/// How many rows the closest enemies need is found by halving, and with so many and
/// more all pairs are looked at. Nothing is proved: what rests on it looks
/// for itself how far images are apart.
///
/// # Errors
/// When `from` is 0.
pub fn narrowest_projection(
    data: &Dataset,
    distance: f64,
    from: usize,
    progress: &dyn Progress,
) -> Result<Option<Projection>, Error> {
    if from == 0 {
        return Err(Error::BadWidth);
    }
    let features = data.features();
    if from >= features {
        return Ok(None);
    }
    let near = nearest_enemies(data, Norm::L2, progress);
    let mut known = Differences::of_nearest(data, &near);
    let mut rows = sketch(&known, distance, from, features, progress);
    while rows.len() / features < features {
        let climbed = match climb(data, &mut known, rows, Some(distance), progress) {
            // Through these rows a sample is beyond the largest number.
            Err(Error::NotFinite { .. }) => return Ok(None),
            climbed => climbed?,
        };
        if climbed.kept >= distance {
            return Ok(Projection::new(climbed.rows, features));
        }
        rows = climbed.last;
        let more = (rows.len() / features / MORE).max(1);
        rows.extend(random_rows(more, features));
        orthonormalize(&mut rows, features);
    }
    Ok(None)
}

/// The fewest rows, `from` or more, that a few steps find to keep the closest pairs
/// apart; one fewer than there are features where they find none.
fn sketch(
    known: &Differences,
    distance: f64,
    from: usize,
    features: usize,
    progress: &dyn Progress,
) -> Vec<f64> {
    let try_with = |width: usize| {
        progress.busy(&format!("whether {width} dimensions may do"));
        sketched(known, (width, features), distance)
    };
    let (mut below, mut width) = (from - 1, from);
    let mut found = None;
    while width < features {
        found = try_with(width);
        if found.is_some() {
            break;
        }
        (below, width) = (width, 2 * width);
    }
    let mut width = width.min(features);
    while width > below + 1 {
        let middle = below + (width - below) / 2;
        match try_with(middle) {
            Some(rows) => (width, found) = (middle, Some(rows)),
            None => below = middle,
        }
    }
    progress.end();
    found.unwrap_or_else(|| start(known, width.min(features - 1), features))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Features, Silent};

    /// The origin against the unit vectors times 2.
    fn axes(features: usize) -> Dataset {
        let mut values = vec![0.0; (features + 1) * features];
        (0..features).for_each(|i| values[(i + 1) * features + i] = 2.0);
        let labels = (0..=features).map(|i| usize::from(i > 0)).collect();
        let names = vec!["a".into(), "b".into()];
        Dataset::new(Features::F64(values.into()), features, labels, names).unwrap()
    }

    #[test]
    fn as_few_rows_are_taken_as_the_basis_allows_about() {
        // m rows keep √(m/n) of the distance at most, and with equal shares that much.
        let data = axes(8);
        for (share, least) in [(0.3, 1), (0.49, 2), (0.69, 4), (0.85, 6)] {
            let found = narrowest_projection(&data, 2.0 * share, 1, &Silent).unwrap().unwrap();
            assert!((least..8).contains(&found.width()), "{share}: {}", found.width());
            assert!(found.width() <= least + 1, "{share}: {}", found.width());
            let wider = narrowest_projection(&data, 2.0 * share, 7, &Silent).unwrap().unwrap();
            assert_eq!(wider.width(), 7);
        }
        for (distance, from) in [(2.1, 1), (1.999, 1), (0.1, 8), (0.1, 20)] {
            assert!(narrowest_projection(&data, distance, from, &Silent).unwrap().is_none());
        }
        assert!(narrowest_projection(&data, 1.0, 0, &Silent).is_err());
    }
}
