//! Datasets on which narrow networks must fail.
//!
//! On `{(e_j, 2)} ∪ {(0, 1)}` the samples with label 2 are at distance 1 from
//! the sample with label 1 in every norm, so `λ = 1` and `2μ = ρ`. How wide the
//! first layer must be there, and why, says
//! [`necessary_width`](indelible::bounds::necessary_width).

use indelible::{Dataset, Features};

use crate::Error;

/// The most values that a dataset made by this crate may hold.
pub(crate) const MOST_VALUES: usize = 1 << 28;

/// The basis witness: sample 0 is the origin with label 1, the others have
/// label 2: `e_1, e_2, …`, and, when there are more than `features` of them,
/// `2e_1, 3e_1, …`, which are further away.
///
/// # Errors
/// When there is no feature, fewer than 2 samples, or more than 2²⁸ values.
pub fn basis(features: usize, samples: usize) -> Result<Dataset, Error> {
    let total = samples.checked_mul(features).filter(|&total| total <= MOST_VALUES);
    let (Some(total), true) = (total, features > 0 && samples > 1) else {
        return Err(Error::BadWitness { samples, features });
    };
    let mut values = vec![0.0_f64; total];
    for sample in 1..samples {
        let row = &mut values[sample * features..(sample + 1) * features];
        if sample <= features {
            row[sample - 1] = 1.0;
        } else {
            row[0] = (sample - features + 1) as f64;
        }
    }
    let labels = (0..samples).map(|sample| usize::from(sample > 0)).collect();
    Ok(Dataset::new(Features::F64(values.into()), features, labels, vec!["1".into(), "2".into()])?)
}
