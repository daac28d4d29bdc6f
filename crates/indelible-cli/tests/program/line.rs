//! The whole line, from data to a certified file, as a user walks it.

use crate::common::{Workplace, has_keys};

const POINTS: &str = "x,y,label\n0,0,red\n1,0.5,green\n-1,0.25,red\n0.5,-2,blue\n3,3,green\n";

#[test]
fn demo_shows_the_whole_line_and_leaves_the_network() {
    let place = Workplace::new();
    let shown = place.run("demo");
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("certified       150 of 150 flowers"), "{}", shown.stdout);
    assert!(shown.stdout.contains("attacks inside  none succeeds"), "{}", shown.stdout);
    assert_eq!(place.files(), ["iris.onnx"]);
    let demo = place.json("demo");
    assert_eq!(demo["attacks_inside"], 0);
    let (radius, distance) = (demo["radius"].as_f64(), demo["attack_outside"]["distance"].as_f64());
    assert!(distance > radius && distance.unwrap() < 1.2 * radius.unwrap());
    assert_ne!(demo["attack_outside"]["label"], demo["attack_outside"]["predicted"]);
}

#[test]
fn every_command_answers_in_json() {
    let place = Workplace::new();
    place.file("points.csv", POINTS);
    let separation = place.json("separation points.csv");
    has_keys(
        &separation,
        "samples features classes norm separation max_radius closest_pair closest_classes conflicts seconds",
    );
    assert_eq!(separation["separation"], serde_json::json!({"lower": 1.0, "upper": 1.0}));
    assert_eq!(separation["max_radius"], 0.5);
    assert_eq!(separation["closest_pair"], serde_json::json!([0, 1]));

    let build = place.json("build points.csv -o net.onnx --construction yu2024-linf --ratio 0.5");
    has_keys(
        &build,
        "construction norm radius ratio head precision form depth width parameters max_abs_parameter \
         samples certified exact file bytes seconds",
    );
    assert_eq!((&build["radius"], &build["certified"]), (&0.25.into(), &5.into()));
    assert_eq!((&build["depth"], &build["width"]), (&12.into(), &7.into()));
    has_keys(&build["seconds"], "read separation build write certify total");

    let inspect = place.json("inspect net.onnx");
    has_keys(&inspect, "depth width inputs outputs parameters max_abs_parameter form precision metadata");
    for key in ["depth", "width", "parameters", "max_abs_parameter", "form", "precision"] {
        assert_eq!(inspect[key], build[key], "{key}");
    }
    assert_eq!(inspect["metadata"]["classes"], serde_json::json!(["blue", "green", "red"]));

    let predict = place.json("predict net.onnx points.csv -o labels.npy");
    has_keys(&predict, "samples accuracy correct seconds");
    assert_eq!(predict["accuracy"], 1.0);
    let labels = std::fs::read(place.path("labels.npy")).unwrap();
    let values: Vec<i64> =
        labels[labels.len() - 40..].as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect();
    assert_eq!(values, [2, 1, 2, 0, 1]);

    let certify = place.json("certify net.onnx points.csv --radius 0.25");
    has_keys(
        &certify,
        "samples certified refuted undecided exact engines radius norm arithmetic smallest_margin seconds failures",
    );
    assert_eq!(certify["certified"], 5);
    assert_eq!(certify["engines"].as_object().unwrap().values().filter_map(|n| n.as_u64()).sum::<u64>(), 5);
}

#[test]
fn sizes_are_those_of_the_theorem() {
    let place = Workplace::new();
    // No threshold is 0 here: no coordinate is the minimum of its feature plus the radius.
    place.file("points.csv", "a,b,c,label\n1,2,3,1\n2,3,5,2\n4,4,4,3\n7,5,1.5,1\n9,9,9,2\n2.5,8,1,3\n");
    for (head, depth, extra) in [("scalar", 13, 0), ("logits", 14, 18)] {
        for form in ["dense", "compact"] {
            let built =
                place.json(&format!("build points.csv -o net.onnx --construction yu2024-linf --ratio 0.77 --head {head} --form {form}"));
            assert_eq!(built["depth"], depth);
            assert_eq!(built["width"], 10);
            assert_eq!(built["parameters"]["nonzero"], (8 * 3 + 5) * 6 - 3 + extra);
            assert_eq!(place.json("inspect net.onnx")["parameters"], built["parameters"]);
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let place = Workplace::new();
    for (form, more) in
        [("dense", ""), ("compact", ""), ("compact", "--per-sample"), ("dense", "--precision f64")]
    {
        for threads in [1, 2] {
            place.json(&format!("build iris -o {threads}.onnx --construction yu2024-linf --form {form} --threads {threads} {more}"));
        }
        let read = |name| std::fs::read(place.path(name)).unwrap();
        assert!(read("1.onnx") == read("2.onnx"), "{form} {more}");
    }
    for threads in [1, 2] {
        place.json(&format!("separation iris --per-sample {threads}.npz --threads {threads}"));
    }
    assert!(std::fs::read(place.path("1.npz")).unwrap() == std::fs::read(place.path("2.npz")).unwrap());
}

#[test]
fn radii_per_sample_are_claimed_and_certified() {
    let place = Workplace::new();
    for form in ["dense", "compact"] {
        let built = place.json(&format!(
            "build iris -o net.onnx --construction yu2024-linf --per-sample --ratio 0.95 --form {form}"
        ));
        assert!(built["largest_radius"].as_f64() > built["radius"].as_f64());
        assert_eq!(built["certified"], 150);
        let certify = place.json("certify net.onnx iris");
        assert_eq!((&certify["certified"], &certify["per_sample"]), (&150.into(), &true.into()));
        // The radii belong to the samples they were made for.
        place.refused("certify net.onnx iris --limit 100", 2, &["another dataset", "--radius"]);
        assert_eq!(certify["same_dataset"], true);
        assert_eq!(place.json("certify net.onnx iris --limit 100 --radius 0.01")["same_dataset"], false);
        assert!(place.run("certify net.onnx iris --limit 100 --radius 0.01").stdout.contains("another"));
    }
}

#[test]
fn a_radius_too_large_for_the_network_is_refuted() {
    let place = Workplace::new();
    place.json("build iris -o net.onnx --construction yu2024-linf --ratio 0.5");
    let run = place.run("certify net.onnx iris --radius 0.11 --json");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let failures = found["failures"].as_array().unwrap();
    let refuted = failures.iter().find(|failure| failure["verdict"] == "refuted").unwrap();
    assert_eq!(refuted["point"].as_array().map(Vec::len), Some(4));
    assert_ne!(refuted["label"], refuted["predicted"]);
    assert_eq!((&refuted["engine"], &found["engines"]["attack"]), (&"attack".into(), &found["refuted"]));
}

#[test]
fn labels_are_written_as_a_table() {
    let place = Workplace::new();
    place.file("d.csv", "x,label\n0,\"big, round\"\n1,\"a \"\"b\"\"\"\n2,\"big, round\"\n");
    place.json("build d.csv -o net.onnx");
    place.json("predict net.onnx d.csv -o labels.csv");
    let written = std::fs::read_to_string(place.path("labels.csv")).unwrap();
    assert_eq!(written, "sample,label\n0,\"big, round\"\n1,\"a \"\"b\"\"\"\n2,\"big, round\"\n");
    // What was written is read as labels of the same samples.
    place.file("bare.csv", "x\n0\n1\n2\n");
    place.json("predict net.onnx bare.csv -o again.csv");
    assert_eq!(std::fs::read_to_string(place.path("again.csv")).unwrap(), written);
}

#[test]
fn labels_may_be_missing_when_predicting() {
    let place = Workplace::new();
    place.file("points.csv", POINTS).file("bare.csv", "x,y\n0,0\n3,3\n");
    place.json("build points.csv -o net.onnx --construction yu2024-linf");
    let predict = place.json("predict net.onnx bare.csv -o labels.npy");
    assert_eq!(predict["accuracy"], serde_json::Value::Null);
    assert_eq!(predict["samples"], 2);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let place = Workplace::new();
    let mut command = place.command("separation iris");
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn separation_answers_what_people_ask() {
    let place = Workplace::new();
    place.file("train.csv", "x,label\n0,a\n4,b\n4.5,b\n10,a\n").file("test.csv", "x,label\n3,a\n9,c\n");
    let all = place.json("separation train.csv --per-sample near.npz --k 2");
    assert_eq!(all["separation"]["lower"], 4.0);
    assert_eq!(all["histogram"]["classes"][0]["smallest"], 4.0);
    assert_eq!(all["histogram"]["classes"][1]["bins"].as_array().map(Vec::len), Some(32));
    assert!(place.path("near.npz").is_file());
    assert_eq!(place.json("separation train.csv --bound-only").get("histogram"), None);
    let test = place.json("separation train.csv --against test.csv");
    assert_eq!((&test["samples"], &test["against"]), (&2.into(), &4.into()));
    assert_eq!(test["separation"]["lower"], 1.0);
    assert_eq!(test["closest_pair"], serde_json::json!([0, 1]));
    let close = place.json("separation train.csv --within 4.5");
    assert_eq!((&close["count"], &close["pairs"][0]["pair"]), (&2.into(), &serde_json::json!([0, 1])));
    assert_eq!(place.json("separation train.csv --within 4.5 --all-pairs")["count"], 3);
    assert_eq!(
        place.json("separation train.csv --within 4.5 --pairs 1")["pairs"].as_array().map(Vec::len),
        Some(1)
    );
    place.refused("separation train.csv --k 2", 2, &["--per-sample"]);
    place.refused("separation train.csv --within -1", 2, &["-1"]);
    place.refused("separation train.csv --per-sample near.npz --k 0", 2, &["--k"]);
}

/// The constant of a Lipschitz network is 2/λ, 10 on Iris, and two points show
/// it; `inspect` finds them again.
#[test]
fn a_lipschitz_constant_is_attained_by_points() {
    let place = Workplace::new();
    for (options, constant) in [
        ("--construction lipschitz", 10.0),
        ("--construction lipschitz --form compact --precision f64", 10.0),
        ("--construction nearest", 1.0),
    ] {
        let built = place.json(&format!("build iris -o net.onnx {options}"));
        let lipschitz = &built["lipschitz"];
        for key in ["bound", "attained"] {
            let value = lipschitz[key].as_f64().unwrap();
            assert!((value / constant - 1.0).abs() < 1e-5, "{options}: {key} {value}");
        }
        let point = |end: &str| -> Vec<f64> {
            lipschitz["pair"][end].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
        };
        assert_eq!((point("from").len(), point("to").len()), (4, 4));
        let again = place.json("inspect net.onnx --data iris");
        assert_eq!(&again["lipschitz"], lipschitz);
        assert!(place.json("inspect net.onnx")["lipschitz"]["pair"].is_null());
    }
}

/// Memorization and influence of a few points on a line, by hand: 0 and 1 are
/// `a`, 10, 11 and 12 are `b`, and at 11.4 stands a wrong `a`.
#[test]
fn scores_are_told_and_written() {
    let place = Workplace::new();
    place
        .file("train.csv", "x,label\n0,a\n1,a\n10,b\n11,b\n12,b\n11.4,a\n")
        .file("test.csv", "x,label\n11.5,b\n0.4,a\n5,c\n");
    let found = place.json("scores train.csv test.csv --share 0.75 --norm l1 -o scores.npz");
    has_keys(
        &found,
        "samples features classes norm share neighbours error unseen_accuracy memorized histogram top suspects \
         suspected seconds test test_accuracy pairs influential data",
    );
    assert_eq!((&found["samples"], &found["neighbours"]), (&6.into(), &5.into()));
    assert_eq!(found["suspects"], 1);
    let doubted = &found["suspected"][0];
    assert_eq!(
        (&doubted["sample"], &doubted["label"], &doubted["rival"]),
        (&5.into(), &"a".into(), &"b".into())
    );
    // Without it the nearest three are b, the two behind them a: (3/4 + 3/16)/64.
    let expected = 0.9375 / 64.0;
    assert_eq!((&doubted["unseen"], &doubted["memorization"]), (&expected.into(), &(1.0 - expected).into()));
    // 11.5 is right where 11.4 is not there, and one of 11, 12 and 10 is; 0.4 where
    // 0 or 1 is there, or nothing but 11.4 and 12.
    let chances = [0.25 * (1.0 - 1.0 / 64.0), 0.9375 + 0.75 / 256.0, 0.0];
    assert_eq!(found["test_accuracy"], chances.iter().sum::<f64>() / 3.0);
    assert_eq!(found["influential"][0]["sample"], 0);
    assert!(place.path("scores.npz").is_file());
    let shown = place.run("scores iris --top 3").stdout;
    assert!(shown.contains("labels in doubt") && shown.contains("virginica"), "{shown}");
    // Points go through the map of the training set, so that each is its own nearest sample.
    assert_eq!(place.json("scores iris iris --scale minmax --share 1")["test_accuracy"], 1.0);
    place.refused("scores iris --share 0", 2, &["share", "0"]);
    place.refused("scores iris --neighbours 1", 2, &["1 neighbour", "2 or more"]);
    place.refused("scores iris -o scores.csv", 2, &["scores.csv", ".npz"]);
    place.refused("scores train.csv iris", 2, &["1", "4"]);
}
