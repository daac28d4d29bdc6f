//! `verify`, `benchmark` and `audit` as their users run them.

use std::fs;

use crate::common::{Run, Workplace};

/// All files below a folder with their contents, sorted.
fn contents(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![];
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn benchmarks_repeat_and_audits_find_what_is_wrong() {
    let place = Workplace::new();
    let made = place.json("benchmark one --count 24 --seed 7 --families pair,ladder,split");
    assert_eq!(made["instances"].as_u64().unwrap() + made["left_out"].as_u64().unwrap(), 24, "{made}");
    assert!(made["sat"].as_u64().unwrap() >= 8 && made["unsat"].as_u64().unwrap() >= 8, "{made}");
    place.json("--threads 1 benchmark two --count 24 --seed 7 --families pair,ladder,split");
    assert_eq!(contents(&place.path("one")), contents(&place.path("two")));
    // A benchmark is replaced, another folder is not.
    place.json("benchmark two --count 4 --seed 8 --families pair");
    assert_ne!(contents(&place.path("one")), contents(&place.path("two")));
    // What others have put there is not lost.
    place.file("two/results.csv", "");
    place.refused("benchmark two --count 4 --families pair", 2, &["two holds results.csv", "move it"]);
    fs::create_dir(place.path("other")).unwrap();
    place.refused("benchmark other", 2, &["other exists and is no benchmark", "expected a folder to make"]);
    place.refused("benchmark three --families pear", 2, &["unknown family 'pear'", "expected one of"]);

    let truth = fs::read_to_string(place.path("one/ground_truth.csv")).unwrap();
    let rows: Vec<Vec<&str>> = truth.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let results = |changed: Option<usize>| -> String {
        let answer = |at: usize, status: &str| {
            if (changed == Some(at)) == (status == "sat") { "holds" } else { "violated" }.to_owned()
        };
        rows.iter()
            .enumerate()
            .map(|(at, row)| format!("b,{},{},1,{},2.5\n", row[0], row[1], answer(at, row[4])))
            .collect()
    };
    place.file("right.csv", results(None));
    let audit = place.json("audit one right.csv");
    assert_eq!(audit["outcomes"]["solved"].as_u64(), Some(rows.len() as u64), "{audit}");
    for at in [0, 1, rows.len() - 1] {
        place.file("wrong.csv", results(Some(at)));
        let run = place.run("audit one wrong.csv --json");
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        let audit: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(audit["outcomes"]["wrong"].as_u64(), Some(1), "{audit}");
        assert_eq!(audit["failures"][0]["vnnlib"].as_str(), Some(rows[at][1]), "{audit}");
    }
    place.file("short.csv", "a,b\n");
    place.refused("audit one short.csv", 2, &["short.csv: line 1 has 2 cells", "expected category"]);
    place.refused("audit other right.csv", 2, &["cannot read", "ground_truth.csv"]);
    place.file("none.csv", results(None).replace("holds", "crashed").replace("violated", "crashed"));
    place.refused("audit one none.csv", 1, &["no instance has an answer"]);
    place.refused("audit one", 2, &["RESULTS.csv"]);
}

/// A tool that leaves a process behind, which holds its output open.
#[cfg(unix)]
#[test]
fn a_tool_that_does_not_end_is_ended() {
    let place = Workplace::new();
    place.json("benchmark b --count 1 --seed 1 --families pair");
    place.file("tool.sh", "sleep 1000 &\necho unknown\n");
    let mut audit = place.command("audit b --timeout 5 --json");
    let run = Run::of(audit.args(["--solver", "sh tool.sh"]).output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let audit: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(audit["outcomes"]["unknown"].as_u64(), Some(1), "{audit}");
}

#[test]
fn queries_are_answered_in_the_form_that_their_version_has() {
    let place = Workplace::new();
    place.json("benchmark b --count 4 --seed 1 --families pair");
    let truth = fs::read_to_string(place.path("b/ground_truth.csv")).unwrap();
    let status = |word: &str| {
        let row: Vec<&str> =
            truth.lines().find(|line| line.split(',').nth(4) == Some(word)).unwrap().split(',').collect();
        (row[0].to_owned(), row[1].to_owned())
    };
    let (onnx, vnnlib) = status("sat");
    let first = place.run(&format!("verify b/1.0/{onnx} b/1.0/{vnnlib}"));
    assert!(first.stdout.starts_with("sat\n((X_0 ") && first.code == Some(0), "{}", first.stdout);
    let second = place.run(&format!("verify b/2.0/{vnnlib} --network N=b/2.0/{onnx} --timeout 20"));
    assert!(
        second.stdout.starts_with("sat\nX float32 [1,4]\n") && second.code == Some(0),
        "{}",
        second.stdout
    );
    let (onnx, vnnlib) = status("unsat");
    let answer = place.json(&format!("verify b/1.0/{onnx} b/1.0/{vnnlib}"));
    assert_eq!(answer["answer"], "unsat");
    assert!(answer["margin"].as_f64().unwrap() > 0.0);

    place.refused(&format!("verify b/2.0/{vnnlib}"), 2, &["0 networks given", "expected --network N=FILE"]);
    place.refused(
        &format!("verify b/2.0/{vnnlib} --network M=x"),
        2,
        &["--network M=x; expected --network N=FILE"],
    );
    place.refused(&format!("verify b/1.0/{onnx} b/1.0/{vnnlib} --timeout 0"), 2, &["--timeout is 0"]);
    place.file("bad.vnnlib", "(declare-const X_0 Real)\n(assert (<= X_0 one))");
    place.refused(
        &format!("verify b/1.0/{onnx} bad.vnnlib"),
        2,
        &["bad.vnnlib: line 2, column 17: 'one' is no variable"],
    );
    assert_eq!(place.run("--name").stdout, "Indelible\n");
    assert_eq!(place.run("supports --vnnlib-versions").stdout, "1.0\n2.0\n");
}
