//! How wide the first layer must be for a dataset, from below and from above,
//! in the norm l2.
//!
//! **Theorem.** Some network whose first layer has `m` neurons robustly
//! memorizes a dataset at radius `μ` in the p-norm if and only if there is a
//! subspace `V` of codimension at most `m` with `dist_p(x_i − x_j, V) > 2μ` for
//! all enemies `i`, `j`. See `docs/width.md` for the proof.
//!
//! With `λ` the separation bound and `ρ = 2μ/λ` as everywhere, a dataset has
//! for every `m` a largest ratio `ρ_m ≤ 1`: every smaller one is possible with
//! `m` neurons in the first layer, no larger one is. [`width_bounds`] encloses
//! it: a projection that was found shows a lower bound (`projection.rs`),
//! weights on pairs of enemies show an upper one (`refutation.rs`). Both are
//! proved with outward rounding from what was found; the search
//! (`search.rs`) is free to do what it likes. [`narrowest_projection`] asks the other way
//! round: how few rows keep a distance.

mod ascent;
mod differences;
mod narrowest;
mod needed;
mod orthonormal;
mod projection;
mod refutation;
mod search;

pub use self::{
    narrowest::narrowest_projection, needed::width_needed, projection::Projection, refutation::Refutation,
};

use self::{
    differences::Differences,
    search::{Found, search},
};
use crate::{
    Dataset, Enclosure, Error, Norm, Progress,
    number::div_up,
    separation::{nearest_enemies, separation},
};

/// What is known about a first layer of `width` neurons.
#[derive(Clone, Debug)]
pub struct WidthBounds {
    /// Neurons of the first layer, `m`.
    pub width: usize,
    /// Every ratio `2μ/λ_2` below this one is possible: shown by the projection.
    pub reached: f64,
    /// No ratio `2μ/λ_2` from this one on is possible: shown by the refutation,
    /// or 1, which no network reaches.
    pub impossible: f64,
    /// The projection that reaches it.
    pub projection: Projection,
    /// The weights on pairs of enemies that exclude more.
    pub refutation: Refutation,
}

/// The bounds for several widths.
#[derive(Clone, Debug)]
pub struct WidthCurve {
    /// The separation bound `λ_2`, in the units of the features.
    pub separation: Enclosure,
    /// Bounds, in the order of the widths that were asked for.
    pub bounds: Vec<WidthBounds>,
}

/// Bounds of the largest ratio `ρ_m` that a first layer of `m` neurons allows,
/// in the norm l2, for each `m` of `widths`.
///
/// The widths are looked at one after the other, until `enough` says of one that
/// this is enough. Takes memory for the samples in `m` dimensions and for some
/// ten thousand differences of enemies.
///
/// # Errors
/// When there are no enemies, two of them are equal, or a width is 0.
///
/// ```
/// use indelible::{Dataset, Features, Silent, width::width_bounds};
///
/// // On the line between them two points keep all of their distance.
/// let features = Features::F64(vec![0.0, 0.0, 3.0, 4.0].into());
/// let data = Dataset::new(features, 2, vec![0, 1], vec!["a".into(), "b".into()])?;
/// let found = &width_bounds(&data, &[1], |_| false, &Silent)?.bounds[0];
/// assert!(found.reached > 0.999_999 && found.impossible == 1.0);
/// # Ok::<(), indelible::Error>(())
/// ```
pub fn width_bounds(
    data: &Dataset,
    widths: &[usize],
    enough: impl Fn(&WidthBounds) -> bool,
    progress: &dyn Progress,
) -> Result<WidthCurve, Error> {
    if widths.contains(&0) {
        return Err(Error::BadWidth);
    }
    let apart = separation(data, Norm::L2, progress);
    let Some(pair) = apart.pair else { return Err(Error::NoEnemies) };
    if apart.distance.lower == 0.0 {
        return Err(Error::Inseparable { pair });
    }
    let near = nearest_enemies(data, Norm::L2, progress);
    let close = Differences::of_nearest(data, &near);
    let mut found: Vec<WidthBounds> = vec![];
    for &width in widths {
        if found.last().is_some_and(&enough) {
            break;
        }
        found.push(bounds(data, apart.distance, &close, width, progress)?);
    }
    Ok(WidthCurve { separation: apart.distance, bounds: found })
}

fn bounds(
    data: &Dataset,
    separation: Enclosure,
    close: &Differences,
    width: usize,
    progress: &dyn Progress,
) -> Result<WidthBounds, Error> {
    // More neurons than features tell nothing more apart.
    let rows = width.min(data.features());
    let Found { projection, refutation } = search(data, close, rows, progress)?;
    let reached = (projection.least_distance(data, progress)? / separation.upper).next_down();
    let least = refutation.largest_distance(data, rows);
    Ok(WidthBounds {
        width,
        reached: reached.clamp(0.0, 1.0),
        impossible: div_up(least, separation.lower).min(1.0),
        projection,
        refutation,
    })
}
