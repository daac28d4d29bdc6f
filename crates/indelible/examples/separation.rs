//! How far apart the classes of a dataset are, exactly, and the radius that no
//! network can exceed.
//!
//!     cargo run -p indelible --example separation

use indelible::{
    Dataset, Error, Features, Norm, Silent,
    separation::{conflicts, nearest_enemies, separation},
};

fn main() -> Result<(), Error> {
    let values = vec![0.0, 0.0, 1.0, 3.0, 2.0, 1.0, 5.0, 5.0];
    let names = vec!["low".into(), "high".into()];
    let data = Dataset::new(Features::F64(values.into()), 2, vec![0, 1, 0, 1], names)?;

    // Equal samples with different labels cannot be memorized at any radius.
    assert!(conflicts(&data, 10).is_empty());

    for norm in [Norm::Linf, Norm::L1, Norm::L2] {
        // The distance is enclosed: the true one lies between both ends.
        let found = separation(&data, norm, &Silent);
        if let Some((i, j)) = found.pair {
            println!("{norm}: samples {i} and {j} are closest, at {:?}", found.distance);
        }
        println!("  every radius below {} is possible", found.distance.lower / 2.0);
    }

    // The nearest enemy of every sample, which limits the radius of its own.
    let enemies = nearest_enemies(&data, Norm::Linf, &Silent);
    for (sample, (distance, enemy)) in enemies.distances.iter().zip(&enemies.indices).enumerate() {
        if let Some(enemy) = enemy {
            println!("sample {sample}: nearest enemy {enemy} at {}", distance.lower);
        }
    }
    Ok(())
}
