//! Small networks as a user meets them: hard data, decisions, refutations.

use crate::common::{Run, Workplace, has_keys};
use serde_json::json;

/// Iris setosa (the first 50 flowers) against the rest.
fn setosa() -> String {
    let iris = indelible_io::dataset::read("iris".as_ref(), &Default::default()).unwrap();
    let mut text = String::from("a,b,c,d,label\n");
    for i in 0..iris.samples() {
        let row: Vec<String> = iris.row(i).iter().map(f64::to_string).collect();
        let label = if iris.class_names()[iris.labels()[i]].contains("setosa") { "setosa" } else { "other" };
        text += &format!("{},{label}\n", row.join(","));
    }
    text
}

#[test]
fn sets_become_data_networks_and_splittings_again() {
    let place = Workplace::new();
    place.file("sets.txt", "# five elements\n1 2 3\n3 4 5\n1 5\n2 4\n");
    let made = place.json("hard --sets sets.txt -o data.npz");
    assert_eq!((&made["elements"], &made["sets"], &made["samples"]), (&json!(5), &json!(4), &json!(14)));
    assert_eq!((&made["features"], &made["classes"]), (&json!(6), &json!(5)));
    let decided = place.json("decide data.npz --width 2 --radius 0.001 -o net.onnx");
    has_keys(&decided, "answer width seconds norm radius samples features classes rounds precision file");
    assert_eq!((&decided["answer"], &decided["width"]), (&json!("yes"), &json!(2)));
    // The number of labels came along: the classes of the network are 1 to 5.
    let inspect = place.json("inspect net.onnx");
    assert_eq!(inspect["metadata"]["classes"], json!(["1", "2", "3", "4", "5"]));
    assert_eq!((&inspect["depth"], &inspect["width"]), (&json!(2), &json!(2)));
    assert_eq!(place.json("predict net.onnx data.npz")["accuracy"], 1.0);
    let decoded = place.json("hard --sets sets.txt --decode net.onnx");
    assert_eq!(decoded["checked"], true);
    let sides = [&decoded["splitting"][0], &decoded["splitting"][1]];
    for set in [[1, 5], [2, 4]] {
        for side in sides {
            let held = set.iter().filter(|e| side.as_array().unwrap().contains(&json!(e))).count();
            assert_eq!(held, 1);
        }
    }
    assert_eq!(place.json("hard --decode net.onnx")["checked"], false);
}

#[test]
fn what_cannot_be_split_is_refuted_and_confirmed() {
    let place = Workplace::new();
    place.file("sets.txt", "1 2\n2 3\n1 3\n");
    place.json("hard --sets sets.txt -o data.npz");
    let decided = place.json("decide data.npz --width 2 --radius 0 --proof proof.txt -o net.onnx");
    assert_eq!(decided["answer"], "no");
    assert!(decided["points"].as_array().unwrap().len() <= 11);
    assert!(!place.files().contains(&"net.onnx".into()), "no network is written");
    let confirmed = place.json("decide data.npz --check proof.txt");
    assert_eq!((&confirmed["answer"], &confirmed["confirmed"]), (&json!("no"), &json!(true)));
    assert_eq!(place.json("decide data.npz --width auto --radius 0")["width"], 3);
    // Against other data the proof is none.
    place.file("sets.txt", "1 2\n2 3\n");
    place.json("hard --sets sets.txt -o other.npz");
    let shown = place.run("decide other.npz --check proof.txt");
    assert_eq!(shown.code, Some(1));
    assert!(shown.stderr.contains("the refutation proves nothing: point"), "{}", shown.stderr);
}

#[test]
fn formulas_become_data_and_assignments() {
    let place = Workplace::new();
    place.file("f.cnf", "c not all equal\np cnf 3 3\n1 2 3 0\n-1 -2 0\n2 -3 0\n");
    assert_eq!(place.json("hard --cnf f.cnf -o data.npz")["elements"], 6);
    place.json("decide data.npz --width 2 --radius 0 -o net.onnx");
    let decoded = place.json("hard --cnf f.cnf --decode net.onnx");
    let value = |i: usize| decoded["assignment"][i].as_bool().unwrap();
    assert!(value(0) != value(1) && value(1) == value(2));
}

#[test]
fn setosa_is_a_matter_of_one_neuron() {
    let place = Workplace::new();
    place.file("setosa.csv", setosa());
    let decided =
        place.json("decide setosa.csv --width auto --radius 0.1 --solver no-such-solver -o net.onnx");
    assert_eq!((&decided["answer"], &decided["width"]), (&json!("yes"), &json!(1)));
    let certified = place.json("certify net.onnx setosa.csv --radius 0.1");
    assert_eq!(certified["certified"], 150);
}

#[test]
fn narrow_networks_are_refuted_on_witnesses() {
    let place = Workplace::new();
    let witness = place.json("witness --kind basis --features 4 --samples 5 --ratio 0.9 -o w.npz");
    let widths = witness["necessary_width"].as_array().unwrap();
    let width = |norm: &str| &widths.iter().find(|w| w["norm"] == norm).unwrap()["width"];
    assert_eq!((width("linf"), width("l2"), width("l1")), (&json!(4), &json!(4), &json!(1)));
    // One neuron memorizes these data, but no sup-norm ball of radius 0.45.
    place.json("decide w.npz --width 1 --radius 0 -o net.onnx");
    let found = place.json("refute net.onnx w.npz --radius 0.45 -o pair.npz");
    assert_eq!(found["refuted"], true);
    let wrong = found["misclassified"].as_u64().unwrap() as usize;
    assert_ne!(found["labels"][wrong], found["predicted"][wrong]);
    assert!(place.files().contains(&"pair.npz".into()));
    assert_eq!(place.json("refute net.onnx w.npz --radius 0.01")["refuted"], false);
    assert!(place.run("refute net.onnx w.npz --radius 0.01").stdout.contains("not refuted"));
}

#[test]
fn bounds_are_one_table() {
    let place = Workplace::new();
    let bounds = place.json("bounds iris --ratio 0.5");
    has_keys(&bounds, "samples features classes norm ratio rows");
    for row in bounds["rows"].as_array().unwrap() {
        has_keys(
            row,
            "kind quantity formula value bits_per_parameter bits accuracy robust condition built source",
        );
    }
    assert!(bounds["rows"].as_array().unwrap().iter().any(|row| row["kind"] == "measured"));
    let shown = place.run("bounds --samples 100 --features 10 --classes 2 --norm l2");
    assert!(shown.stdout.contains("Kim, Moon & Yun"), "{}", shown.stdout);
}

#[test]
fn everything_else_is_one_line_and_the_right_code() {
    let place = Workplace::new();
    place.file("sets.txt", "1 2\n2 3\n1 3\n1 4\n2 4 3\n");
    place.json("hard --sets sets.txt -o data.npz");
    place.file("one.txt", "1 2\n3\n");
    place.file("four.txt", "1 2 3 4\n");
    place.file("bad.cnf", "p cnf 2 1\n1 two 0\n");
    place.file("proof.txt", "indelible-refutation 1\nwidth two\n");
    place.file("later.txt", "indelible-refutation 17\nwidth 2\n");
    for (command, code, text) in [
        ("decide data.npz --width 2 --radius 0 --timeout 0", 3, "no answer within the time allowed"),
        ("decide data.npz --width 2 --radius 0 --solver no-such-solver", 2, "apt-get install z3"),
        ("decide data.npz --width 2 --radius 0 --solver false", 2, "it ended before it answered"),
        ("decide data.npz --width two --radius 0", 2, "expected a number or auto"),
        ("decide data.npz --width 2 --radius 0 --norm l2", 2, "linf and l1"),
        ("decide data.npz --radius 0", 2, "--width"),
        ("decide data.npz --check proof.txt", 2, "proof.txt: line 2: 'two' is no width"),
        ("decide data.npz --check later.txt", 2, "later.txt: line 1: '7' is no end of the first line"),
        ("hard --sets one.txt -o x.npz", 2, "one.txt: line 2: a set of 1 element;"),
        ("hard --sets four.txt -o x.npz", 2, "four.txt: line 1: a set of 4 elements"),
        ("hard --sets sets.txt --elements 3 -o x.npz", 2, "element 4 is out of range"),
        ("hard --cnf bad.cnf -o x.npz", 2, "bad.cnf: line 2: 'two' is no literal"),
        ("hard --cnf missing.cnf -o x.npz", 2, "cannot read missing.cnf"),
        ("hard --sets sets.txt", 2, "nowhere to write to"),
        ("witness --kind basis --features 3 --samples 1", 2, "at least 2 samples"),
        ("witness --kind basis --features 3 --samples 3 --ratio 1", 2, "the ratio is 1"),
        ("bounds --samples 5 --features 0 --classes 2", 2, "the dataset is empty"),
        ("bounds --samples 5 --features 1 --classes 2 --ratio 2", 2, "the ratio is 2"),
    ] {
        let shown = place.run(command);
        assert_eq!(shown.code, Some(code), "{command}: {}", shown.stderr);
        assert_eq!(shown.stderr.lines().count(), 1, "{command}: {}", shown.stderr);
        assert!(shown.stderr.contains(text), "{command}: {}", shown.stderr);
    }
    assert!(!place.files().contains(&"x.npz".into()));
}

/// The solver dies in the middle of a question (out of memory, say).
#[cfg(unix)]
#[test]
fn a_solver_killed_while_it_thinks_is_one_line() {
    use std::{os::unix::fs::PermissionsExt, process::Stdio, time::Duration};

    let place = Workplace::new();
    let (solver, pid) = (place.path("solver"), place.path("pid"));
    place.file("solver", format!("#!/bin/sh\necho $$ > {}\nexec z3 \"$@\"\n", pid.display()));
    std::fs::set_permissions(&solver, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Labels without a pattern: width 4 keeps the solver busy for minutes.
    let rows = (0..40u32).map(|i| {
        let x = |k: u32| f64::from((i * 7919 + k * 104_729) * 31 % 1009) / 1009.0;
        format!("{},{},{},{}\n", x(1), x(2) * x(1), x(3), 1 + i * i % 3)
    });
    place.file("data.csv", format!("a,b,c,label\n{}", rows.collect::<String>()));
    let line = format!(
        "decide data.csv --width 4 --radius 0 --timeout 300 --solver {} -o net.onnx",
        solver.display()
    );
    let run = place.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let victim = loop {
        match std::fs::read_to_string(&pid) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    std::thread::sleep(Duration::from_millis(500));
    assert!(std::process::Command::new("kill").args(["-9", &victim]).status().unwrap().success());
    let run = Run::of(run.wait_with_output().unwrap());
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("it ended before it answered"), "{}", run.stderr);
    assert!(!place.files().contains(&"net.onnx".into()));
}

/// A feature that the network calls otherwise is no reason to refuse, and is said.
#[test]
fn renamed_columns_are_said() {
    let place = Workplace::new();
    place.file("t.csv", "km,g,label\n0,1,a\n4,3,b\n");
    place.file("renamed.csv", "km,grams,label\n0,1,a\n4,3,b\n");
    place.json("build t.csv -o net.onnx");
    for command in ["predict", "certify"] {
        let said = place.json(&format!("{command} net.onnx renamed.csv"));
        let warnings = said["data"]["warnings"].to_string();
        assert!(warnings.contains("feature 1 is 'grams' here and 'g' in the network"), "{said}");
        let same = place.json(&format!("{command} net.onnx t.csv"));
        assert_eq!(same["data"]["warnings"], serde_json::json!([]), "{same}");
    }
}
