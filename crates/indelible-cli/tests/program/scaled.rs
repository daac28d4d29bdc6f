//! Tables whose columns have wildly different units, scaled inside the network.

use crate::common::Workplace;
use serde_json::json;

/// Kilometres and grams: in their own units the closest two are 0.002 apart, behind
/// a map of each onto [0, 1] half of the range.
const TABLE: &str = "km,g,label\n0.001,100000,a\n0.003,300000,b\n0.005,100000,b\n0.001,300000,a\n";

#[test]
fn a_table_is_scaled_inside_the_network() {
    let place = Workplace::new();
    place.file("t.csv", TABLE);
    let found = place.json("separation t.csv");
    assert!((found["separation"]["lower"].as_f64().unwrap() - 0.002).abs() < 1e-9, "{found}");
    let found = place.json("separation t.csv --scale minmax");
    assert!((found["separation"]["lower"].as_f64().unwrap() - 0.5).abs() < 1e-6, "{found}");
    assert_eq!(found["data"]["scaling"], "scaled to (x - min) / (max - min) of every feature");

    let built = place.json("build t.csv -o net.onnx --scale minmax --radius 0.2");
    assert_eq!((&built["certified"], &built["radius_units"]), (&json!(4), &json!("scaled")));
    let raw: Vec<f64> = built["raw_radii"].as_array().unwrap().iter().map(|r| r.as_f64().unwrap()).collect();
    assert!((raw[0] - 0.0008).abs() < 1e-9 && (raw[1] - 40000.0).abs() < 1.0, "{raw:?}");
    // The file takes the table as it stands, and its radius is in its own units.
    assert_eq!(place.json("predict net.onnx t.csv")["accuracy"], 1.0);
    let shown = place.json("certify net.onnx t.csv");
    assert_eq!((&shown["certified"], &shown["radius_units"]), (&json!(4), &json!("scaled")));
    assert_eq!(shown["same_dataset"], true);
    let beyond = place.run("certify net.onnx t.csv --radius 0.26 --json");
    assert_eq!(beyond.code, Some(1));
    assert!(place.json("inspect net.onnx --data t.csv")["scaling"]["factors"].is_array());
    let radii = place.json("robustness net.onnx t.csv --rounds 12");
    let certified = radii["certified"][1].as_f64().unwrap();
    assert!((0.19..0.5).contains(&certified), "{certified}");
    place.json("certify net.onnx t.csv --per-sample --ratio 0.2");

    let standard = place.json("build t.csv -o other.onnx --scale standard --per-sample --ratio 0.5");
    assert_eq!(standard["certified"], 4);
    // No ball in raw units is another one behind a map: none is needed.
    let raw = place.json("build t.csv -o raw.onnx --scale minmax --radius-units raw --radius 0.0009");
    assert_eq!((&raw["certified"], &raw["radius_units"]), (&json!(4), &json!("raw")));
    assert!(place.json("inspect raw.onnx")["scaling"].is_null());
}

/// Balls in the units of the table around samples of a network with a map: 0.0008 km
/// are what it was built for, in grams that is nothing.
#[test]
fn raw_radii_are_asked_of_a_network_with_a_map() {
    let place = Workplace::new();
    place.file("t.csv", TABLE);
    for options in ["", " --construction wide --form compact", " --construction cells --form compact"] {
        place.json(&format!("build t.csv -o net.onnx --scale minmax --radius 0.2{options}"));
        let shown = place.json("certify net.onnx t.csv --radius-units raw --radius 0.00079");
        assert_eq!((&shown["certified"], &shown["radius_units"]), (&json!(4), &json!("raw")), "{options}");
        // Measured in the table: 0.002 or 0.004 km, since the grams differ by none.
        let shown = place.json("certify net.onnx t.csv --radius-units raw --per-sample --ratio 0.3");
        let radius = shown["radius"].as_f64().unwrap();
        assert!(shown["certified"] == 4 && (radius - 0.0003).abs() < 1e-9, "{options}: {shown}");
        // The closest two are 0.002 apart.
        let beyond = place.run("certify net.onnx t.csv --radius-units raw --radius 0.00101 --json");
        assert_eq!(beyond.code, Some(1), "{options}");
        let radii = place.json("robustness net.onnx t.csv --rounds 40 --radius-units raw");
        assert_eq!(radii["radius_units"], "raw");
        for sample in 0..4 {
            let certified = radii["certified"][sample].as_f64().unwrap();
            assert!((0.00079..0.004).contains(&certified), "{options}: {radii}");
        }
    }
}

/// Constraints are said in the units of the table, and are true there of whole balls.
#[test]
fn scaled_cells_are_explained_in_the_units_of_the_table() {
    let place = Workplace::new();
    place.file("t.csv", TABLE);
    // A tenth of 0.004 km and of 200,000 g.
    place.json("build t.csv -o net.onnx --scale minmax --radius 0.1 --construction cells");
    let (reach, table) = ([0.0004, 20000.0], [[0.001, 1e5], [0.003, 3e5], [0.005, 1e5], [0.001, 3e5]]);
    for (sample, here) in table.iter().enumerate() {
        let found = place.json(&format!("explain net.onnx t.csv --sample {sample}"));
        assert_eq!((&found["radius"], &found["radius_units"]), (&json!(0.1), &json!("scaled")));
        let mut kept_out = [false; 4];
        for constraint in found["constraints"].as_array().unwrap() {
            let feature = usize::try_from(constraint["feature"].as_u64().unwrap()).unwrap();
            let threshold = constraint["threshold"].as_f64().unwrap();
            let sign = if constraint["side"] == ">=" { 1.0 } else { -1.0 };
            let lead = |x: f64| sign * (x - threshold);
            assert_eq!(
                (&constraint["name"], &constraint["value"]),
                (&json!(["km", "g"][feature]), &json!(here[feature]))
            );
            assert!(lead(here[feature]) > 0.999 * reach[feature], "{found}");
            for example in constraint["examples"].as_array().unwrap() {
                let enemy = usize::try_from(example["sample"].as_u64().unwrap()).unwrap();
                assert!(lead(table[enemy][feature]) < -0.999 * reach[feature], "{found}");
                kept_out[enemy] = true;
            }
        }
        // Samples 0 and 3 are of class a.
        let own = [0, 3].contains(&sample);
        let enemies = (0..4).filter(|i| [0, 3].contains(i) != own);
        assert!(enemies.clone().all(|i| kept_out[i]), "{found}");
    }
    let said = place.run("explain net.onnx t.csv --sample 0").stdout;
    assert!(said.contains("every point within 0.1 of it, in scaled features, satisfies"), "{said}");
    // Along directions: these read scaled features.
    place.json("build t.csv -o l2.onnx --scale minmax --norm l2 --radius 0.1 --construction cells");
    let said = place.run("explain l2.onnx t.csv --sample 0").stdout;
    assert!(said.contains("scaled km") || said.contains("scaled g"), "{said}");
}

#[test]
fn units_that_cannot_be_served_are_refused() {
    let place = Workplace::new();
    place.file("t.csv", TABLE);
    place.json("build t.csv -o net.onnx --scale minmax");
    place.json("build t.csv -o raw.onnx");
    place.file("far.csv", "x,label\n0,a\n1e-310,b\n");
    for (arguments, said) in [
        ("build t.csv -o x.onnx --radius-units scaled", "no feature is scaled"),
        ("certify net.onnx t.csv --radius-units raw", "claims radii of scaled features; give --radius"),
        ("certify raw.onnx t.csv --radius-units scaled", "no map of its features"),
        ("certify raw.onnx t.csv --scale minmax", "reads features as they stand; leave --scale out"),
        ("predict net.onnx t.csv --scale standard", "scales its features itself; leave --scale out"),
        ("decide t.csv --width 1 --radius 0 --scale minmax", "reads features as they stand"),
        ("separation far.csv --scale minmax", "feature 0 has the factor"),
        ("separation t.csv --scale unit", "possible values: images, none, minmax, standard"),
    ] {
        let run = place.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{arguments}: {}", run.stderr);
        assert!(run.stderr.lines().count() == 1 || said.starts_with("possible"), "{}", run.stderr);
    }
}

/// Bytes of images are taken as they stand: 0 to 255, whatever `predict` is told.
#[test]
fn images_are_scaled_from_their_bytes() {
    let place = Workplace::new();
    let idx = |values: &[u8], head: &[u8]| [head, values].concat();
    let images: [u8; 8] = [10, 0, 200, 0, 20, 5, 250, 5];
    place.file("t-images-idx2-ubyte", idx(&images, &[0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 2]));
    place.file("t-labels-idx1-ubyte", idx(&[0, 1, 0, 1], &[0, 0, 8, 1, 0, 0, 0, 4]));
    let built = place.json("build t-images-idx2-ubyte -o net.onnx --scale minmax --ratio 0.9");
    assert_eq!(built["certified"], 4);
    assert_eq!(place.json("certify net.onnx t-images-idx2-ubyte")["same_dataset"], true);
    assert_eq!(place.json("predict net.onnx t-images-idx2-ubyte")["accuracy"], 1.0);
}
