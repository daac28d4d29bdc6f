//! The line at full size, where MNIST is at hand.

mod common;

use common::{Workplace, mnist};

/// `k/255` rounded to binary32.
fn level(k: u8) -> f64 {
    f64::from(f32::from(k) / 255.0)
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
fn all_of_mnist_is_memorized_and_certified() {
    let Some(folder) = mnist() else { return };
    let images = folder.join("train-images-idx3-ubyte.gz");
    let place = Workplace::new();
    let built = place
        .json(&format!("build {} --construction yu2024-linf --ratio 0.99 -o net.onnx", images.display()));
    assert_eq!(built["certified"], 60_000);
    assert_eq!(built["exact"], 60_000);
    assert_eq!(built["form"], "compact");
    assert_eq!((&built["depth"], &built["width"]), (&120_002.into(), &2_353.into()));
    // 784 minima are 0; the logit head adds 6 · 10.
    assert_eq!(built["parameters"]["nonzero"], (8 * 784 + 5) * 60_000 - 3 - 784 + 60);
    assert_eq!(place.json("inspect net.onnx")["parameters"], built["parameters"]);
    // Just beyond half the separation at least one of the closest pair must fall.
    let run =
        place.run(&format!("certify net.onnx {} --radius 0.36863 --limit 4000 --json", images.display()));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
}
