//! How far apart the classes are: closest enemies, exactly.
//!
//! An *enemy* of a sample is a sample with another label. The *separation
//! bound* `λ_p` is the smallest distance between enemies; a network that
//! memorizes the dataset with radius μ exists exactly when `μ < λ_p/2`
//! (Yu, Gao & Zhang, ICLR 2024).

use crate::{Dataset, Enclosure, Norm, Progress};

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
    /// `d_i`: distance from sample `i` to its nearest enemy.
    pub distances: Vec<Enclosure>,
    /// A nearest enemy of sample `i`: the smallest index among equally near
    /// ones. `None` when there is no enemy.
    pub indices: Vec<Option<usize>>,
}

/// The separation bound `λ_p` and the pair of samples that has it.
#[must_use]
pub fn separation(data: &Dataset, norm: Norm, progress: &dyn Progress) -> Separation {
    let enemies = nearest_enemies(data, norm, progress);
    let mut best = Separation { norm, distance: Enclosure::exact(f64::INFINITY), pair: None };
    for (i, (d, j)) in enemies.distances.iter().zip(&enemies.indices).enumerate() {
        if let Some(j) = *j
            && d.upper < best.distance.upper
        {
            best = Separation { norm, distance: *d, pair: Some((i.min(j), i.max(j))) };
        }
    }
    best
}

/// Distance and index of the nearest enemy of every sample.
#[must_use]
pub fn nearest_enemies(data: &Dataset, norm: Norm, progress: &dyn Progress) -> NearestEnemies {
    let _ = (data, norm, progress);
    unimplemented!("written next")
}
