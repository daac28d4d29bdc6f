//! Files in the forms of earlier versions are read with the same answers.

use std::path::Path;

use indelible::{
    Silent,
    certify::{Claim, certify},
    network::Model,
};
use indelible_io::{
    dataset::{ReadOptions, read},
    onnx,
};
use serde_json::Value;

fn file(name: &str) -> onnx::Network {
    onnx::open(&folder().join(name)).unwrap()
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/earlier")
}

const FILES: [&str; 4] =
    ["recurrence-logits.onnx", "recurrence-scalar.onnx", "prototypes-l1.onnx", "scores-l2.onnx"];

/// Outputs are those that onnxruntime 1.32 gave for the same files, in and
/// beside the balls and below the minima that inputs are clipped to; up to the
/// order in which features are added.
#[test]
fn outputs_are_those_of_the_file() {
    let text = std::fs::read_to_string(folder().join("outputs.json")).unwrap();
    let known: Value = serde_json::from_str(&text).unwrap();
    let numbers = |rows: &Value| -> Vec<f64> {
        rows.as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|v| v.as_f64().unwrap())
            .collect()
    };
    let points = numbers(&known["points"]);
    for name in FILES {
        let (outputs, expected) = (file(name).model.evaluate(&points).unwrap(), numbers(&known[name]));
        assert_eq!(outputs.len(), expected.len());
        for (found, expected) in outputs.iter().zip(&expected) {
            assert!((found - expected).abs() <= 2e-4, "{name}: {found} {expected}");
        }
    }
}

/// All samples are certified within the radii that the files claim, and the
/// recurrences exactly, with the margins that the earlier version found.
#[test]
fn certificates_are_those_of_the_file() {
    let data = read(Path::new("iris"), &ReadOptions::default()).unwrap();
    for (name, depth, margin) in
        [(FILES[0], 302, 1.0), (FILES[1], 301, 0.5), (FILES[2], 452, 0.999_999), (FILES[3], 8, 0.00236)]
    {
        let network = file(name);
        let (norm, radii) = (network.metadata.norm.unwrap(), network.metadata.radii.clone().unwrap());
        let claim = Claim {
            model: &network.model,
            data: &data,
            classes: &[0, 1, 2],
            network_classes: 3,
            norm,
            radii: &radii,
            tie_margin: 0.0,
        };
        let certificate = certify(&claim, &Silent).unwrap();
        assert_eq!(certificate.certified, 150, "{name}");
        assert!(certificate.smallest_margin.unwrap().0 >= margin, "{name}: {certificate:?}");
        if matches!(network.model, Model::Prototypes(_)) {
            assert_eq!(certificate.exact, 150, "{name}");
        }
        assert_eq!(network.model.size().depth, depth, "{name}");
    }
}
