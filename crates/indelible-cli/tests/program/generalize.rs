//! Robust accuracy on a test set, checked against the definition.

use crate::common::{Workplace, has_keys};
use serde_json::Value;

/// The part of Iris whose number leaves `rest` when divided by 3, as a table.
fn part(iris: &[(Vec<f64>, String)], rest: &[usize]) -> String {
    let mut text = String::from("a,b,c,d,label\n");
    for (i, (row, label)) in iris.iter().enumerate().filter(|(i, _)| rest.contains(&(i % 3))) {
        assert!(i < 150);
        let cells: Vec<String> = row.iter().map(f64::to_string).collect();
        text += &format!("{},{label}\n", cells.join(","));
    }
    text
}

fn rows(text: &str) -> Vec<(Vec<f64>, String)> {
    let row = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        let label = cells.pop().unwrap().to_owned();
        (cells.iter().map(|cell| cell.parse().unwrap()).collect(), label)
    };
    text.lines().skip(1).map(row).collect()
}

/// Samples and their labels.
type Rows = Vec<(Vec<f64>, String)>;

/// Two thirds of Iris in train.csv, one in test.csv.
fn place() -> (Workplace, Rows, Rows) {
    let place = Workplace::new();
    let iris = rows(include_str!("../../../indelible-io/data/iris.csv"));
    let (train, test) = (part(&iris, &[0, 1]), part(&iris, &[2]));
    place.file("train.csv", &train).file("test.csv", &test);
    (place, rows(&train), rows(&test))
}

fn distance(norm: &str, a: &[f64], b: &[f64]) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    match norm {
        "linf" => differences.fold(0.0, f64::max),
        "l1" => differences.sum(),
        _ => differences.map(|d| d * d).sum::<f64>().sqrt(),
    }
}

/// All rows of the last size by name.
fn row<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let sizes = answer["sizes"].as_array().unwrap();
    let all = sizes.last().unwrap()["rows"].as_array().unwrap();
    all.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {answer}"))
}

fn shares(row: &Value) -> Vec<[f64; 3]> {
    let at = |at: &Value| ["radius", "certified", "attacked"].map(|key| at[key].as_f64().unwrap());
    row["curve"].as_array().unwrap().iter().map(at).collect()
}

#[test]
fn certified_is_below_attacked_and_radius_0_is_accuracy() {
    let (place, ..) = place();
    for norm in ["linf", "l1", "l2", "l3"] {
        let radii = "--radii 0,0.01,0.05,0.1,0.3,1";
        let answer = place
            .json(&format!("generalize train.csv test.csv --norm {norm} {radii} --rounds 4 --branches 8"));
        has_keys(&answer, "norm radius ratio radius_units radii samples sizes complete seconds test data");
        assert_eq!((&answer["samples"], &answer["complete"]), (&50.into(), &true.into()));
        let all = answer["sizes"][0]["rows"].as_array().unwrap();
        assert!(all.len() >= 4, "{answer}");
        for row in all {
            has_keys(row, "name kind accuracy parameters median_certified curve left_out seconds");
            if row["name"] == "5-NN" {
                assert_eq!(row["curve"], Value::Null);
                continue;
            }
            let (accuracy, shares) = (row["accuracy"].as_f64().unwrap(), shares(row));
            assert_eq!(shares[0][2], accuracy, "{row}");
            for [_, certified, attacked] in &shares {
                assert!(certified <= attacked && *attacked <= accuracy, "{row}");
            }
            for pair in shares.windows(2) {
                assert!(pair[0][1] >= pair[1][1] && pair[0][2] >= pair[1][2], "{row}");
            }
        }
    }
}

/// The accuracy of a construction is that of the network that `build` writes and
/// `predict` runs; as a file it has the same curve.
#[test]
fn constructions_are_what_build_writes() {
    let (place, _, test) = place();
    for name in ["cells", "nearest", "yu2024-linf"] {
        let build = "build train.csv --radius 0.04 -o net.onnx --construction";
        place.json(&format!("{build} {name}"));
        place.run("predict net.onnx test.csv -o labels.csv");
        let text = std::fs::read_to_string(place.path("labels.csv")).unwrap();
        let predicted: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
        let right = predicted.iter().zip(&test).filter(|(label, (_, own))| **label == own.as_str()).count();
        let asked = "generalize train.csv test.csv --radius 0.04 --network net.onnx --constructions";
        let answer = place.json(&format!("{asked} {name}"));
        assert_eq!(row(&answer, name)["accuracy"].as_f64(), Some(right as f64 / 50.0), "{name} {text}");
        assert_eq!(row(&answer, "net.onnx")["accuracy"], row(&answer, name)["accuracy"]);
        assert_eq!(row(&answer, "net.onnx")["kind"], "network");
    }
}

/// The rule of one neighbour against the definition, and its radii against points of
/// the balls: those of half the difference of distances are certified.
#[test]
fn the_nearest_neighbour_rule_is_its_definition() {
    let (place, train, test) = place();
    for norm in ["linf", "l1", "l2"] {
        let answer = place.json(&format!(
            "generalize train.csv test.csv --norm {norm} --constructions none --radii 0.1,0.2,0.4"
        ));
        let mut right = 0;
        let mut lower: Vec<f64> = vec![];
        let mut upper: Vec<f64> = vec![];
        for (x, label) in &test {
            let distances: Vec<f64> = train.iter().map(|(row, _)| distance(norm, x, row)).collect();
            let nearest = (0..train.len()).min_by(|&i, &j| distances[i].total_cmp(&distances[j])).unwrap();
            let of = |own: bool| {
                let all = distances.iter().zip(&train).filter(|(_, (_, other))| (other == label) == own);
                all.map(|(d, _)| *d).fold(f64::INFINITY, f64::min)
            };
            if train[nearest].1 == *label {
                right += 1;
                lower.push((of(false) - of(true)) / 2.0);
                upper.push(of(false));
            }
        }
        let rule = row(&answer, "1-NN");
        assert_eq!(rule["accuracy"].as_f64(), Some(f64::from(right) / 50.0), "{norm}");
        for [radius, certified, attacked] in shares(rule) {
            let share = |radii: &[f64]| radii.iter().filter(|r| **r > radius + 1e-9).count() as f64 / 50.0;
            assert!(certified >= share(&lower), "{norm} {radius} {certified}");
            assert!(attacked <= share(&upper) + 1e-12, "{norm} {radius} {attacked}");
        }
        // In the Euclidean norm bisectors give more than half the difference.
        if norm == "l2" {
            let median = rule["median_certified"].as_f64().unwrap();
            lower.sort_by(f64::total_cmp);
            assert!(median > lower[lower.len() / 2] * 1.01, "{median}");
        }
    }
}

/// The most frequent label among five, counted by hand.
#[test]
fn several_neighbours_vote() {
    let (place, train, test) = place();
    let answer = place.json("generalize train.csv test.csv --norm l2 --constructions none --neighbours 5");
    let voted = |x: &[f64]| {
        let mut order: Vec<usize> = (0..train.len()).collect();
        order.sort_by(|&i, &j| distance("l2", x, &train[i].0).total_cmp(&distance("l2", x, &train[j].0)));
        let labels: Vec<&String> = order[..5].iter().map(|&i| &train[i].1).collect();
        let votes = |label: &String| labels.iter().filter(|other| **other == label).count();
        let most = labels.iter().map(|label| votes(label)).max().unwrap();
        (*labels.iter().find(|label| votes(label) == most).unwrap()).clone()
    };
    let right = test.iter().filter(|(x, label)| voted(x) == *label).count();
    assert_eq!(row(&answer, "5-NN")["accuracy"].as_f64(), Some(right as f64 / 50.0));
}

/// The answer without what depends on the clock.
fn timeless(mut answer: Value) -> Value {
    answer["seconds"].take();
    for at in answer["sizes"].as_array_mut().unwrap() {
        for row in at["rows"].as_array_mut().unwrap() {
            row["seconds"].take();
        }
    }
    answer
}

#[test]
fn threads_change_nothing_and_sizes_are_nested() {
    let (place, ..) = place();
    let asked =
        "generalize train.csv test.csv --constructions cells,nearest --sizes 20,50 --seed 7 --rounds 5";
    let one = timeless(place.json(&format!("{asked} --threads 1 --svg one.svg")));
    let four = timeless(place.json(&format!("{asked} --threads 4 --svg four.svg")));
    assert_eq!(one["sizes"], four["sizes"]);
    let [one_svg, four_svg] = ["one.svg", "four.svg"].map(|name| std::fs::read(place.path(name)).unwrap());
    assert_eq!(one_svg, four_svg);
    let text = String::from_utf8(one_svg).unwrap();
    for word in ["cells", "nearest", "1-NN", "5-NN", "training samples", "radius in linf"] {
        assert!(text.contains(word), "{word}");
    }
    let sizes = one["sizes"].as_array().unwrap();
    assert_eq!(sizes.iter().map(|at| at["samples"].as_u64().unwrap()).collect::<Vec<_>>(), [20, 50, 100]);
    // The whole set is what it is without sizes.
    let alone =
        timeless(place.json("generalize train.csv test.csv --constructions cells,nearest --rounds 5"));
    assert_eq!(alone["sizes"][0], sizes[2]);
    // Another seed takes other samples.
    let other = timeless(place.json(&format!("{} --seed 8", asked.replace(" --seed 7", ""))));
    assert_eq!(other["sizes"][2], sizes[2]);
    assert_ne!(other["sizes"], one["sizes"]);
}

/// Behind a map of the features radii are those of scaled features, for the rule as
/// for the networks; test samples go through the map of the training set.
#[test]
fn a_map_serves_both_sets() {
    let (place, train, test) = place();
    let answer =
        place.json("generalize train.csv test.csv --scale minmax --constructions nearest --norm linf");
    assert_eq!(answer["radius_units"], "scaled");
    let ends = |f: usize| {
        let values = train.iter().map(|(row, _)| row[f]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| (least.min(v), most.max(v)))
    };
    let scaled = |row: &[f64]| {
        let image = |(f, v): (usize, &f64)| (v - ends(f).0) / (ends(f).1 - ends(f).0);
        row.iter().enumerate().map(image).collect::<Vec<f64>>()
    };
    let known: Vec<(Vec<f64>, &String)> = train.iter().map(|(row, label)| (scaled(row), label)).collect();
    let right = test.iter().filter(|(x, label)| {
        let x = scaled(x);
        let far = |row: &[f64]| (distance("linf", &x, row) * 1e6).round();
        let nearest = known.iter().map(|(row, _)| far(row)).fold(f64::INFINITY, f64::min);
        let labels: Vec<&String> = known.iter().filter(|(row, _)| far(row) == nearest).map(|k| k.1).collect();
        labels.contains(&label)
    });
    // Equally near samples may have either label.
    let (least, most) = (row(&answer, "1-NN")["accuracy"].as_f64().unwrap(), right.count() as f64 / 50.0);
    assert!(least <= most && most - least <= 0.04, "{least} {most}");
    let network = row(&answer, "nearest")["accuracy"].as_f64().unwrap();
    assert!((network - least).abs() <= 0.04, "{network} {least}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (place, ..) = place();
    place.file("wide.csv", "a,b,c,d,e,label\n1,2,3,4,5,setosa\n2,3,4,5,6,versicolor\n");
    place.file("other.csv", "a,b,c,d,label\n1,2,3,4,daisy\n2,3,4,5,setosa\n");
    place.file("one.csv", "a,b,c,d,label\n1,2,3,4,setosa\n2,3,4,5,setosa\n");
    for (arguments, words) in [
        ("train.csv wide.csv", &["4 features", "5 features"][..]),
        ("train.csv other.csv", &["daisy"]),
        ("one.csv test.csv --radius 0.1", &["one label"]),
        ("train.csv test.csv --sizes 0,20", &["--sizes", "0"]),
        ("train.csv test.csv --sizes 101", &["101", "100"]),
        ("train.csv test.csv --rounds 0", &["--rounds"]),
        ("train.csv test.csv --samples 0", &["--samples"]),
        ("train.csv test.csv --neighbours 0", &["--neighbours"]),
        ("train.csv test.csv --radii 0.1,nan", &["NaN"]),
        ("train.csv test.csv --constructions nobody", &["nobody"]),
        ("train.csv test.csv --constructions yu2024-l1", &["yu2024-l1", "linf"]),
        ("train.csv test.csv --svg train.csv", &["train.csv"]),
        ("train.csv test.csv --network missing.onnx", &["missing.onnx"]),
        ("train.csv", &["TEST"]),
    ] {
        place.refused(&format!("generalize {arguments}"), 2, words);
    }
    place.refused("generalize train.csv test.csv --radius 5", 1, &["5"]);
    place.json("build train.csv --scale minmax -o net.onnx");
    place.refused("generalize train.csv test.csv --network net.onnx", 2, &["net.onnx", "--scale"]);
    place.json("build train.csv -o plain.onnx");
    let asked = "generalize train.csv test.csv --scale minmax --network plain.onnx";
    place.refused(asked, 2, &["plain.onnx", "--scale"]);
}
