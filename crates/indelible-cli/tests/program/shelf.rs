//! Memorizers of the literature over exact integers, as a user meets them.

use crate::common::{Run, Workplace};
use serde_json::json;

#[test]
fn what_is_written_is_proved_again() {
    let place = Workplace::new();
    let made = place.json("exact iris --radius 0.001");
    let rows = made["constructions"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["zhang2017", "park2021", "vardi2022", "egosi2025", "kim2025"]);
    assert!(rows.iter().all(|row| row["certified"] == 150));
    for name in names {
        place.json(&format!("exact iris --radius 0.001 --construction {name} -o {name}.txt"));
        let again = place.json(&format!("exact iris --radius 0.001 --check {name}.txt"));
        assert_eq!((&again["construction"], &again["certified"]), (&json!(name), &json!(150)));
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        assert_eq!((&again["parameters"], &again["bits"]), (&row["parameters"], &row["bits"]));
    }
    // Beyond what the cuts leave room for it is no longer so.
    assert!(rows.iter().all(|row| row["radius"].as_f64().unwrap() >= 0.000_999));
    let room = made["line"]["radius"].as_f64().unwrap();
    let Run { code, .. } = place.run(&format!("exact iris --radius {} --check zhang2017.txt", 2.0 * room));
    assert_eq!(code, Some(1));
}

#[test]
fn small_ones_are_files_that_are_certified_as_others_are() {
    let place = Workplace::new();
    place.json("exact iris --construction zhang2017 -o net.onnx");
    assert_eq!(place.json("certify net.onnx iris --radius 0")["certified"], 150);
    assert_eq!(place.json("predict net.onnx iris")["accuracy"], 1.0);
    place.refused("exact iris --construction park2021 -o large.onnx", 1, &["bits", ".txt"]);
    assert!(!place.files().contains(&"large.onnx".into()));
}

#[test]
fn a_text_that_was_changed_is_refused_or_not_proved() {
    let place = Workplace::new();
    place.json("exact iris --construction vardi2022 -o net.txt");
    let text = std::fs::read_to_string(place.path("net.txt")).unwrap();
    place.file("cut.txt", &text[..text.len() / 2]);
    assert_eq!(place.run("exact iris --check cut.txt").code, Some(2));
    place.file("other.txt", text.replacen("exponent -", "exponent -1", 1));
    assert_ne!(place.run("exact iris --check other.txt").code, Some(0));
}

#[test]
fn what_cannot_be_certified_is_only_counted() {
    let place = Workplace::new();
    place.refused("exact iris --construction kim2025-ii", 2, &["kim2025-ii", "small volume", "--count"]);
    let counted = place.json("exact iris --construction kim2025-ii --radius 0.001 --count");
    assert!(counted["constructions"][0]["certified"].is_null());
    assert_eq!(counted["line"]["runs"], 13);
    // A radius that is too large for a line is not too large for boxes.
    let boxes = place.json("exact iris --construction egosi2025 --norm linf --radius 0.0999");
    assert_eq!(boxes["constructions"][0]["certified"], 150);
    assert!(boxes["line"]["radius"].is_null());
    place.refused("exact iris --construction egosi2025 --norm linf --radius 0.11", 1, &["0.11", "too large"]);
}
