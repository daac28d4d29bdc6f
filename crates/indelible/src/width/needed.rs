//! A width that the first layer needs on given data, found with little work.

use super::{
    Refutation,
    differences::Differences,
    search::{UPDATES, exclude},
};
use crate::{Dataset, Error, Norm, Progress, separation::nearest_enemies};

/// Pairs of enemies that get weights: the closest among nearest enemies.
const PAIRS: usize = 1000;
/// More features take more than a minute.
const MOST_FEATURES: usize = 1024;
/// Share of the steps of the whole search.
const SHARE: usize = 4;

/// A number of neurons that the first layer of every network needs that robustly
/// memorizes `data` with balls of l2 whose diameter is `distance`, in the units of the
/// features; at least 1. `None` beyond 1,024 features, where this would take long.
///
/// Proved, as [`Refutation`] says, from weights on the 1,000 closest pairs among nearest
/// enemies. More pairs and more steps, as [`width_bounds`](super::width_bounds) takes
/// them, may show more.
///
/// # Errors
/// [`Error::NoEnemies`] where there are none, [`Error::Inseparable`] where two of them
/// are equal.
pub fn width_needed(data: &Dataset, distance: f64, progress: &dyn Progress) -> Result<Option<usize>, Error> {
    let features = data.features();
    if features > MOST_FEATURES {
        return Ok(None);
    }
    let near = nearest_enemies(data, Norm::L2, progress);
    let apart = near.separation();
    let Some(pair) = apart.pair else { return Err(Error::NoEnemies) };
    if apart.distance.lower == 0.0 {
        return Err(Error::Inseparable { pair });
    }
    let known = Differences::of_closest(data, &near, PAIRS);
    let fails = |width: usize| {
        progress.busy(&format!("whether {width} neurons are too few"));
        let weights = vec![1.0; known.len()];
        let weights = exclude(&known.rows, weights, (width, features), UPDATES / SHARE);
        let found = Refutation { pairs: known.pairs.clone(), weights };
        found.largest_distance(data, width) <= distance
    };
    // What too few neurons cannot do fewer cannot do either.
    let (mut too_few, mut width) = (0, 1);
    while width < features && fails(width) {
        (too_few, width) = (width, 2 * width);
    }
    let mut width = width.min(features);
    while width - too_few > 1 {
        let middle = too_few + (width - too_few) / 2;
        if fails(middle) {
            too_few = middle;
        } else {
            width = middle;
        }
    }
    progress.end();
    Ok(Some(too_few + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Features, Silent};

    #[test]
    fn the_basis_needs_what_its_theorem_says_about() {
        let n = 12;
        let mut values = vec![0.0; (n + 1) * n];
        (0..n).for_each(|i| values[(i + 1) * n + i] = 3.0);
        let labels = (0..=n).map(|i| usize::from(i > 0)).collect();
        let names = vec!["a".into(), "b".into()];
        let data = Dataset::new(Features::F64(values.into()), n, labels, names).unwrap();
        for ratio in [0.1, 0.4, 0.55, 0.8, 0.99] {
            let found = width_needed(&data, 3.0 * ratio, &Silent).unwrap().unwrap();
            let exact = ratio * ratio * n as f64;
            // Wider than ρ² n does; what is shown is never more, and not much less.
            assert!(found as f64 <= exact.floor() + 1.0, "{ratio}: {found} of {exact}");
            assert!(found as f64 >= 0.9 * exact - 1.0, "{ratio}: {found} of {exact}");
        }
        assert_eq!(width_needed(&data, 0.0, &Silent).unwrap(), Some(1));
    }
}
