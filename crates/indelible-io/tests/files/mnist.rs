//! The images that everybody uses, where they are on this machine.

use std::path::PathBuf;

use crate::common::*;
use indelible::{Dataset, Features};
use indelible_io::{
    dataset::{ReadOptions, read as read_with},
    digest,
};

/// The folder with MNIST: the variable INDELIBLE_MNIST, or beside the sources.
fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/mnist");
    let folder = std::env::var_os("INDELIBLE_MNIST").map_or_else(|| beside.into(), PathBuf::from);
    let found = folder.join("train-images-idx3-ubyte.gz").is_file();
    if !found {
        println!("skipped: no MNIST in {}", folder.display());
    }
    found.then_some(folder)
}

#[test]
fn mnist_is_read_whole_and_its_digest_ignores_the_storage() {
    let Some(folder) = folder() else { return };
    let path = folder.join("train-images-idx3-ubyte.gz");
    let data = read(&path).unwrap();
    assert_eq!((data.samples(), data.features(), data.classes()), (60_000, 784, 10));
    let Features::Coded { codes, .. } = data.storage() else { panic!("not kept as codes") };
    // The published mean of the training pixels.
    let mean = codes.iter().map(|&c| u64::from(c)).sum::<u64>() as f64 / codes.len() as f64 / 255.0;
    assert!((mean - 0.1307).abs() < 5e-5, "{mean}");
    // The published counts of the digits.
    let count = |class: usize| data.labels().iter().filter(|&&label| label == class).count();
    assert_eq!(std::array::from_fn(count), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    assert_eq!(names(&data)[..5], ["5", "0", "4", "1", "9"]);

    let options = ReadOptions { limit: Some(500), ..ReadOptions::default() };
    let head = read_with(&path, &options).unwrap();
    assert_eq!(digest(&head), digest(&data.head(500).unwrap()));
    let singles: Vec<f32> = values(&head).iter().map(|&v| v as f32).collect();
    let single =
        Dataset::new(Features::F32(singles.into()), 784, head.labels().to_vec(), head.class_names().to_vec())
            .unwrap();
    assert_eq!(digest(&head), digest(&single));
}
