//! How many balls lie in every cell.

use crate::{
    Dataset, Norm, Radii,
    network::{BallImage, CellNetwork, Constraint, Image, Network},
    parallel,
};

use super::balls::{Balls, holds};

/// Samples whose images under directions are taken together: of one alone they take five times as
/// long.
const TOGETHER: usize = 16;

/// For every cell of `network` the number of samples of its class whose whole
/// ball, rounded points included, lies in it. Class `c` of the network means
/// class `c` of the data; features beyond those of the data hold nothing.
#[must_use]
pub fn samples_in_cells(network: &CellNetwork, data: &Dataset, norm: Norm, radii: &Radii) -> Vec<usize> {
    let balls = Balls { data, radii, precision: network.precision(), spread: None };
    let layers = network.directions();
    let image = BallImage::new(layers, network.precision(), norm);
    let mut of_class = vec![vec![]; network.classes().max(data.classes())];
    for (k, &class) in network.classes_of_cells().iter().enumerate() {
        of_class[class].push(k);
    }
    let add = |members: &mut Vec<usize>, part: usize| {
        let samples = part * TOGETHER..((part + 1) * TOGETHER).min(data.samples());
        let images: Option<Vec<_>> = image.as_ref().map(|image| {
            let rows: Vec<f64> = samples.clone().flat_map(|sample| data.row(sample)).collect();
            let radii: Vec<f64> = samples.clone().map(|sample| radii.of(sample)).collect();
            image.all(&rows, &radii).iter().map(Image::ends).collect()
        });
        for (place, sample) in samples.enumerate() {
            let holds = |c: &Constraint| match (&images, layers.last()) {
                (Some(images), Some(last)) => holds(c, images[place * last.outputs() + c.feature]),
                // Of layers without an image nothing is known.
                (_, Some(_)) => false,
                _ => c.feature < data.features() && holds(c, balls.ends(sample, c.feature)),
            };
            let held: Vec<bool> = network.constraints().iter().map(holds).collect();
            for &k in &of_class[data.labels()[sample]] {
                members[k] += usize::from(network.members_of(k).iter().all(|&t| held[t as usize]));
            }
        }
    };
    let sum = |a: Vec<usize>, b: Vec<usize>| a.into_iter().zip(b).map(|(a, b)| a + b).collect();
    parallel::fold(data.samples().div_ceil(TOGETHER), || vec![0; network.cells()], add, sum)
}
