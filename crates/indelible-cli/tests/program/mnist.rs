//! The line on images, where MNIST is at hand: the separation of all 60,000,
//! networks of 4,000 of them unless `INDELIBLE_FUZZ` is 10 or more. What is built
//! of all of them by default, `crosscheck/test_mnist.py` builds.

use crate::common::{Workplace, mnist};

/// `k/255` rounded to binary32.
fn level(k: u8) -> f64 {
    f64::from(f32::from(k) / 255.0)
}

/// How many images networks memorize.
fn many() -> u64 {
    let fuzz = std::env::var("INDELIBLE_FUZZ").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    if fuzz >= 10 { 60_000 } else { 4_000 }
}

/// The separation of so many images in grey levels; see
/// `the_separation_of_mnist_is_188_grey_levels`.
fn separation() -> f64 {
    if many() == 60_000 { 188.0 } else { 235.0 }
}

#[test]
fn the_separation_of_mnist_is_188_grey_levels() {
    let Some(folder) = mnist() else { return };
    let images = folder.join("train-images-idx3-ubyte.gz");
    let place = Workplace::new();
    let codes = place.json(&format!("separation {} --scale none", images.display()));
    assert_eq!(codes["separation"], serde_json::json!({"lower": 188.0, "upper": 188.0}));
    let unit = place.json(&format!("separation {}", images.display()));
    let found = unit["separation"]["lower"].as_f64().unwrap();
    assert_eq!(unit["separation"]["upper"].as_f64(), Some(found));
    assert!((found - 188.0 / 255.0).abs() < 1e-7);
    // It is a difference of two grey values as stored.
    assert!((0..68).any(|k| level(k + 188) - level(k) == found));
}

#[test]
fn mnist_is_memorized_and_certified() {
    let Some(folder) = mnist() else { return };
    let images = folder.join("train-images-idx3-ubyte.gz");
    let place = Workplace::new();
    let built = built_and_inspected(&place, &images, "yu2024-linf");
    assert_eq!(built["exact"], many());
    assert_eq!((&built["depth"], &built["width"]), (&(2 * many() + 2).into(), &2_353.into()));
    // 784 minima are 0; the logit head adds 6 · 10.
    assert_eq!(built["parameters"]["nonzero"], (8 * 784 + 5) * many() - 3 - 784 + 60);
    // Just beyond half the separation at least one of the closest pair must fall.
    let radius = 1.00001 * separation() / 255.0 / 2.0;
    let run =
        place.run(&format!("certify net.onnx {} --radius {radius} --limit 4000 --json", images.display()));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
}

/// Builds at 0.99 of the largest radius, [`many`] images certified, and asks the
/// file for its size and its margin.
fn built_and_inspected(place: &Workplace, images: &std::path::Path, what: &str) -> serde_json::Value {
    let (images, many) = (images.display(), many());
    let built =
        place.json(&format!("build {images} --limit {many} --construction {what} --ratio 0.99 -o net.onnx"));
    assert_eq!((&built["certified"], &built["form"]), (&many.into(), &"compact".into()));
    let inspected = place.json("inspect net.onnx");
    for key in ["depth", "width", "parameters", "max_abs_parameter"] {
        assert_eq!(inspected[key], built[key], "{key}");
    }
    assert!(built["smallest_margin"]["margin"].as_f64() > Some(0.0));
    assert!(built["smallest_margin"]["sample"].as_u64() < Some(many));
    built
}

#[test]
fn the_nearest_neighbour_of_mnist_is_a_network() {
    let Some(folder) = mnist() else { return };
    let images = folder.join("train-images-idx3-ubyte.gz");
    let place = Workplace::new();
    let built = built_and_inspected(&place, &images, "nearest --norm l2");
    // Within (n + 1) N and 5 N: pixels that are 0 do not count.
    assert!(built["parameters"]["nonzero"].as_u64().unwrap() <= 785 * many() + 5 * many());
    // The largest class has 6,742 images, up to 512 among the first 4,000.
    let depth = if many() == 60_000 { 15 } else { 11 };
    assert_eq!((&built["depth"], &built["width"]), (&depth.into(), &many().into()));
}

#[test]
fn distances_of_mnist_are_networks() {
    let Some(folder) = mnist() else { return };
    let images = folder.join("train-images-idx3-ubyte.gz");
    let place = Workplace::new();
    for (what, slope) in [("nearest", 1.0), ("lipschitz", 2.0 / (separation() / 255.0))] {
        let built = built_and_inspected(&place, &images, what);
        let bound = built["lipschitz"]["bound"].as_f64().unwrap();
        assert!((bound - slope).abs() <= 1e-6 * slope, "{what} {bound}");
        // One layer per image, ten levels of maxima, two more.
        assert_eq!(built["depth"], many() + 12);
        assert!(built["parameters"]["nonzero"].as_u64().unwrap() <= 12 * 784 * many() + 20 * (many() + 12));
    }
}

#[test]
fn mnist_side_by_side_and_in_a_pipeline() {
    let Some(folder) = mnist() else { return };
    let images = folder.join("train-images-idx3-ubyte.gz");
    let place = Workplace::new();
    let wide = built_and_inspected(&place, &images, "wide");
    let width = if many() == 60_000 { 278_084 } else { 196_330 };
    assert_eq!((&wide["depth"], &wide["width"]), (&3.into(), &width.into()));
    assert_eq!(wide["smallest_margin"]["margin"], 1.0);
    let piped = built_and_inspected(&place, &images, "pipelined");
    assert_eq!((&piped["depth"], &piped["width"]), (&(many() + 3).into(), &2_354.into()));
    // 784 minima are 0; the logit head adds 6 · 10.
    assert_eq!(piped["parameters"]["nonzero"], (7 * 784 + 5) * many() - 4 - 784 + 60);
}

#[test]
fn powers_of_mnist_are_networks() {
    let Some(folder) = mnist() else { return };
    let images = folder.join("train-images-idx3-ubyte.gz");
    let place = Workplace::new();
    let built = built_and_inspected(&place, &images, "yu2024-lp --norm l2 --precision f64");
    // Seven teeth: ten layers for each image, one for the scalar, two more for logits.
    assert_eq!((&built["depth"], &built["width"]), (&(10 * many() + 2).into(), &2_354.into()));
    let (n, samples, teeth) = (784, many(), 7);
    // Features pass through every layer; of each tooth there are at most seven parameters per feature.
    let most = samples * (n * (teeth + 3) + 13 * n + (7 * n + 4) * teeth + 8);
    assert!(built["parameters"]["nonzero"].as_u64().unwrap() <= most);
}
