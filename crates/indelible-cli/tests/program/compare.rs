//! All constructions side by side, and the choice that `build` makes.

use crate::common::{Workplace, has_keys};
use indelible::{
    Norm,
    constructions::{Construction, Heads, Labels, REGISTRY},
};
use serde_json::{Value, json};

const NORMS: [&str; 5] = ["linf", "l1", "l2", "l1.5", "l3"];

/// The constructions that serve a norm.
fn serving(norm: &str) -> impl Iterator<Item = &'static Construction> {
    let norm: Norm = norm.parse().unwrap();
    REGISTRY.iter().filter(move |construction| construction.serves_norm(norm).is_ok())
}

/// The names of those that tell any number of labels apart, and of those that
/// do not.
fn names(norm: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let (any, two): (Vec<_>, Vec<_>) =
        serving(norm).partition(|construction| construction.labels == Labels::Any);
    let names = |all: Vec<&Construction>| all.into_iter().map(|construction| construction.name).collect();
    (names(any), names(two))
}

fn rows(compared: &Value) -> &Vec<Value> {
    compared["constructions"].as_array().unwrap()
}

#[test]
fn all_constructions_that_serve_are_compared() {
    let place = Workplace::new();
    for norm in NORMS {
        let (names, for_two) = names(norm);
        let compared = place.json(&format!("compare iris --norm {norm} --csv {norm}.csv"));
        has_keys(
            &compared,
            "samples features classes norm ratio radius precision information_bits constructions refused",
        );
        let found: Vec<&str> = rows(&compared).iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{norm}");
        // Iris has three classes.
        let refused = compared["refused"].as_array().unwrap();
        let refused: Vec<&str> = refused.iter().map(|refused| refused["name"].as_str().unwrap()).collect();
        assert_eq!(refused, for_two, "{norm}");
        for row in rows(&compared) {
            has_keys(
                row,
                "name depth width parameters bits_per_parameter bits max_abs_parameter lipschitz certified samples form seconds",
            );
            has_keys(&row["seconds"], "build certify");
            assert_eq!(row["certified"], 150, "{row}");
            let nonzero = row["parameters"]["nonzero"].as_u64().unwrap();
            assert_eq!(row["bits"].as_u64().unwrap(), 32 * nonzero, "{row}");
        }
        let text = std::fs::read_to_string(place.path(&format!("{norm}.csv"))).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), names.len() + 1);
        for (line, row) in lines[1..].iter().zip(rows(&compared)) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), lines[0].split(',').count());
            assert_eq!(cells[0], row["name"].as_str().unwrap());
            assert_eq!(cells[3], row["parameters"]["nonzero"].to_string());
            assert_eq!(cells[7], row["certified"].to_string());
        }
    }
    // Two classes add the theorem that is about two.
    place.file("two.csv", "a,b,label\n0,0,x\n1,3,y\n2,1,x\n5,5,y\n");
    let two = place.json("compare two.csv");
    for name in names("linf").1 {
        assert!(rows(&two).iter().any(|row| row["name"] == name), "{two}");
    }
}

#[test]
fn the_chart_says_what_it_shows() {
    let place = Workplace::new();
    let shown = place.run("compare iris --svg chart.svg --ratio 0.8");
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(names("linf").0.iter().all(|name| shown.stdout.contains(name)), "{}", shown.stdout);
    let chart = std::fs::read_to_string(place.path("chart.svg")).unwrap();
    for text in [
        "nonzero parameters",
        "largest |parameter|",
        "number of samples",
        "0.999",
        "ρ = 0.8",
        "nearest",
        "150",
    ] {
        assert!(chart.contains(text), "{text}");
    }
    place.refused("compare iris --ratio 1", 2, &["ratio", "1"]);
    place.file("one.csv", "a,label\n1,x\n2,x\n");
    place.refused("compare one.csv", 2, &["one label", "two labels"]);
    place.file("same.csv", "a,label\n1,x\n1,y\n");
    place.refused("compare same.csv", 1, &["0", "1"]);
}

/// Among those that certify, the one with the fewest nonzero parameters.
#[test]
fn build_chooses_the_smallest_that_certifies() {
    let place = Workplace::new();
    place.file("two.csv", "a,b,label\n0,0,x\n1,3,y\n2,1,x\n5,5,y\n3,0,x\n4,4,y\n");
    for data in ["iris", "two.csv"] {
        for norm in NORMS {
            let compared = place.json(&format!("compare {data} --norm {norm} --ratio 0.7"));
            let certified = rows(&compared).iter().filter(|row| row["certified"] == row["samples"]);
            let least = certified.map(|row| row["parameters"]["nonzero"].as_u64()).min().unwrap();
            let built = place.json(&format!("build {data} --norm {norm} --ratio 0.7 -o net.onnx"));
            assert_eq!(built["parameters"]["nonzero"].as_u64(), least, "{data} {norm} {built}");
            let reason = built["reason"].as_str().unwrap();
            assert!(reason.starts_with("fewest nonzero parameters that certifies"), "{reason}");
            // It names the others with their sizes.
            let chosen = &built["construction"];
            for row in rows(&compared).iter().filter(|row| row["name"] != *chosen) {
                let name = row["name"].as_str().unwrap();
                let parts = reason.split("; others: ").flat_map(|part| part.split(", "));
                let said = parts.filter_map(|part| part.strip_prefix(&format!("{name} "))).next().unwrap();
                let digits: String = said.chars().filter(char::is_ascii_digit).collect();
                let (size, true_size) = (digits.parse::<u64>().unwrap(), &row["parameters"]["nonzero"]);
                if said.contains("at least") {
                    assert!(Some(size) <= true_size.as_u64(), "{reason} {row}");
                } else {
                    assert_eq!(size, *true_size, "{reason}");
                }
                assert!(Some(size) >= least, "{reason}");
            }
            assert_eq!(place.json("inspect net.onnx")["metadata"]["construction"], *chosen);
        }
    }
    let named = place.json("build iris --construction wide -o net.onnx");
    assert_eq!(named["reason"], json!(null));
    let shown = place.run("build iris -o net.onnx");
    assert!(shown.stdout.starts_with("chosen for"), "{}", shown.stdout);
}

#[test]
fn help_lists_the_constructions() {
    let place = Workplace::new();
    let help = place.run("build --help").stdout;
    let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(REGISTRY.iter().all(|construction| flat.contains(construction.name)), "{flat}");
}

/// Every construction in every norm through a compact file and back: the size
/// is that of the layers, and every sample keeps its certificate.
#[test]
fn compact_files_have_the_sizes_of_layers() {
    let place = Workplace::new();
    // No coordinate is the smallest of its feature twice, so that no threshold depends on rounding.
    place.file("data.csv", "a,b,c,label\n1,2,3,1\n2,3,5,2\n4,4,4,1\n7,5,1.5,1\n9,9,9,2\n2.5,8,1,2\n");
    for norm in NORMS {
        for construction in serving(norm) {
            let name = construction.name;
            for more in ["", "--per-sample", "--precision f64", "--head scalar"] {
                let no_radius_per_sample = !construction.per_sample && more == "--per-sample";
                let only_logits = construction.heads == Heads::Logits && more == "--head scalar";
                if no_radius_per_sample || only_logits {
                    continue;
                }
                let build = format!("build data.csv --norm {norm} --construction {name} {more} --ratio 0.77");
                let dense = place.json(&format!("{build} -o dense.onnx --form dense --no-certify"));
                let compact = place.json(&format!("{build} -o compact.onnx --form compact"));
                assert_eq!(compact["certified"], 6);
                for key in ["depth", "width", "parameters"] {
                    assert_eq!(dense[key], compact[key], "{build} {key}");
                    assert_eq!(place.json("inspect compact.onnx")[key], compact[key], "{build} {key}");
                }
            }
        }
    }
}

/// Without `--norm` the question is the one that the file claims to answer.
#[test]
fn files_are_certified_in_the_norm_they_claim() {
    let place = Workplace::new();
    for (norm, name) in [("l2", "nearest"), ("l3", "yu2024-lp")] {
        place.json(&format!("build iris --norm {norm} --construction {name} --form compact -o net.onnx"));
        let proof = place.json("certify net.onnx iris");
        assert_eq!((&proof["norm"], &proof["certified"]), (&norm.into(), &150.into()));
        let each = place.json("certify net.onnx iris --radius 0.01");
        assert_eq!(each["norm"], norm);
        let other = place.run("certify net.onnx iris --norm l1");
        assert_eq!(other.code, Some(2));
        assert!(other.stderr.contains(&format!("claims radii in {norm}, not in l1")), "{}", other.stderr);
    }
}

/// Where nothing can be built the answer is no, and says why.
#[test]
fn nothing_to_compare_is_a_no() {
    let place = Workplace::new();
    // Binary32 cannot tell the two samples apart.
    std::fs::write(place.path("close.csv"), "a,b,label\n0.1,1,x\n0.10000000000000002,1,y\n").unwrap();
    let run = place.run("compare close.csv --norm l1000 --csv all.csv");
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("scale the data") && run.stdout.is_empty(), "{} {}", run.stdout, run.stderr);
    assert!(!place.path("all.csv").exists());
}
