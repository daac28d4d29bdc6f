//! Networks of cells, from data to an explanation, as a user walks the line.

use crate::common::{Workplace, has_keys, mnist};

/// Flowers with names for their measures, so that reasons can be read.
const FLOWERS: &str = "petal,sepal,label\n1,5,a\n1.1,4,a\n1.2,6,a\n4,5,b\n4.2,6,b\n4.1,2,c\n4,1.5,c\n";

#[test]
fn a_network_of_cells_is_built_inspected_and_explained() {
    let place = Workplace::new();
    place.file("flowers.csv", FLOWERS);
    let built = place.json("build flowers.csv -o net.onnx --construction cells --form compact --ratio 0.5");
    assert_eq!(
        (&built["certified"], &built["depth"], &built["form"]),
        (&7.into(), &3.into(), &"compact".into())
    );

    let inspect = place.json("inspect net.onnx");
    has_keys(
        &inspect,
        "cells cells_of_classes constraints distinct_constraints constraints_per_cell samples_per_cell",
    );
    let number = |key: &str| inspect[key].as_u64().unwrap();
    let (t, c, k) = (number("distinct_constraints"), number("constraints"), number("cells"));
    assert_eq!(built["parameters"]["nonzero"], 2 * t + c + 2 * k);
    assert_eq!(inspect["parameters"], built["parameters"]);
    // One cell per label: petal ≤ …, and petal ≥ … with a side of sepal.
    assert_eq!((k, &inspect["samples_per_cell"]), (3, &serde_json::json!([3, 2, 2])));
    assert_eq!(place.json("predict net.onnx flowers.csv")["accuracy"], 1.0);

    let explained = place.json("explain net.onnx flowers.csv --sample 0");
    has_keys(&explained, "sample label radius cell cells samples_in_cell enemies constraints");
    assert_eq!((&explained["label"], &explained["samples_in_cell"]), (&"a".into(), &3.into()));
    let reasons = explained["constraints"].as_array().unwrap();
    assert_eq!(reasons.len(), 1);
    assert_eq!((&reasons[0]["name"], &reasons[0]["side"]), (&"petal".into(), &"<=".into()));
    assert_eq!((&reasons[0]["excludes"], &reasons[0]["examples"][0]["sample"]), (&4.into(), &3.into()));
    let words = place.run("explain net.onnx flowers.csv --sample 3");
    assert!(words.stdout.contains("sepal") && words.stdout.contains(">="), "{}", words.stdout);

    // The same cells are recognised in the layers of the dense form.
    place.json("build flowers.csv -o dense.onnx --construction cells --form dense --ratio 0.5");
    for sample in 0..7 {
        let of = |net: &str| place.json(&format!("explain {net} flowers.csv --sample {sample}"));
        assert_eq!(of("dense.onnx"), of("net.onnx"));
    }

    place.file("names.txt", "length\nwidth\n");
    let renamed = place.json("explain net.onnx flowers.csv --sample 0 --feature-names names.txt");
    assert_eq!(renamed["constraints"][0]["name"], "length");
}

#[test]
fn what_cannot_be_explained_is_said_in_one_line() {
    let place = Workplace::new();
    place.file("flowers.csv", FLOWERS).file("names.txt", "only one\n");
    place.file("others.csv", "petal,label\n1,a\n4,b\n");
    place.json("build flowers.csv -o theorem.onnx --construction yu2024-linf");
    place.json("build flowers.csv -o net.onnx --construction cells --form compact");
    place.refused(
        "explain theorem.onnx flowers.csv --sample 0",
        2,
        &["theorem.onnx", "--construction cells"],
    );
    place.refused("explain net.onnx flowers.csv --sample 7", 2, &["--sample is 7", "0 to 6"]);
    place.refused(
        "explain net.onnx flowers.csv --sample 0 --feature-names names.txt",
        2,
        &["names.txt", "1", "2"],
    );
    place.refused("explain net.onnx flowers.csv --sample 0 --feature-names none.txt", 2, &["none.txt"]);
    place.refused("explain net.onnx others.csv --sample 0", 2, &["2 features", "1"]);
    // A sample that the network was never told of.
    place.file("moved.csv", "petal,sepal,label\n4,5,a\n1,5,b\n1,1,c\n");
    place.refused("explain net.onnx moved.csv --sample 0", 1, &["does not recognise"]);
}

#[test]
fn both_forms_and_heads_are_certified_for_any_number_of_threads() {
    let place = Workplace::new();
    for (form, more) in [
        ("dense", ""),
        ("compact", ""),
        ("compact", "--per-sample"),
        ("compact", "--head scalar"),
        ("dense", "--head scalar --precision f64"),
    ] {
        for threads in [1, 2] {
            let built = place.json(&format!(
                "build iris -o {threads}.onnx --construction cells --form {form} --threads {threads} {more}"
            ));
            assert_eq!(built["certified"], 150, "{form} {more}");
            assert_eq!(place.json(&format!("certify {threads}.onnx iris"))["certified"], 150);
        }
        let read = |name| std::fs::read(place.path(name)).unwrap();
        assert!(read("1.onnx") == read("2.onnx"), "{form} {more}");
    }
}

#[test]
fn a_radius_too_large_is_refuted() {
    let place = Workplace::new();
    place.json("build iris -o net.onnx --construction cells --form compact --ratio 0.5");
    let run = place.run("certify net.onnx iris --radius 0.11 --json");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(found["refuted"].as_u64() > Some(0), "{found}");
}

#[test]
fn the_first_thousands_of_mnist_need_few_parameters() {
    let Some(folder) = mnist() else { return };
    let place = Workplace::new();
    let images = folder.join("train-images-idx3-ubyte.gz");
    let built = place.json(&format!(
        "build {} --limit 4000 -o net.onnx --construction cells --radius 0.3",
        images.display()
    ));
    assert_eq!((&built["certified"], &built["form"]), (&4000.into(), &"compact".into()));
    assert!(built["parameters"]["nonzero"].as_u64() < Some(4000 * 5), "{built}");
    let explained = place.json(&format!("explain net.onnx {} --limit 4000 --sample 17", images.display()));
    let reasons = explained["constraints"].as_array().unwrap();
    // Together they exclude every enemy.
    let excluded: u64 = reasons.iter().filter_map(|reason| reason["excludes"].as_u64()).sum();
    assert!(excluded >= explained["enemies"].as_u64().unwrap());
    assert!(reasons[0]["name"].as_str().unwrap().contains("pixel"));
}
