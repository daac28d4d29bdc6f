//! Bad input: one clear line, the right exit code, nothing half-written.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::common::{Run, Workplace};

const POINTS: &str = "x,y,label\n0,0,red\n1,0.5,green\n";

/// An IDX file of unsigned bytes.
fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
    bytes.extend(data);
    bytes
}

/// An NPY file with this header dictionary.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len() + 1).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.push(b'\n');
    bytes.extend(data);
    bytes
}

#[test]
fn unusable_data_are_refused_in_one_line() {
    let place = Workplace::new();
    let doubles: Vec<u8> = [1.0f64, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    place
        .file("nan.csv", "x,label\n1,a\nNaN,b\n")
        .file("inf.csv", "x,label\n1,a\n-inf,b\n")
        .file("ragged.csv", "x,y,label\n1,2,a\n3,b\n")
        .file("empty.csv", "")
        .file("header-only.csv", "x,y,label\n")
        .file("words.csv", "x,label\n1,a\nabc,b\n")
        .file("magic.idx", [9, 9, 9, 9, 9, 9, 9, 9, 0, 1, 2])
        .file("a-images-idx3-ubyte", idx(&[2, 1, 2], &[1, 2, 3, 4]))
        .file("a-labels-idx1-ubyte", idx(&[3], &[0, 1, 0]))
        .file("short-images-idx3-ubyte", idx(&[2, 1, 2], &[1, 2, 3]))
        .file("short-labels-idx1-ubyte", idx(&[2], &[0, 1]))
        .file("huge-images-idx3-ubyte", idx(&[u32::MAX, u32::MAX, 1 << 30], &[1, 2, 3]))
        .file("huge-labels-idx1-ubyte", idx(&[2], &[0, 1]))
        .file("cut.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3])
        .file("labels.txt", "a\nb\n")
        .file("object.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", &doubles))
        .file(
            "huge.npy",
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976, 8), }", &doubles),
        )
        .file("none.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2), }", &[]));
    for (data, words) in [
        ("nan.csv", &["nan.csv", "NaN"][..]),
        ("inf.csv", &["inf.csv"]),
        ("ragged.csv", &["ragged.csv", "line 3"]),
        ("empty.csv", &["empty"]),
        ("header-only.csv", &["header-only.csv"]),
        ("words.csv", &["words.csv", "line 3", "abc"]),
        ("magic.idx", &["magic.idx"]),
        ("missing.csv", &["missing.csv"]),
        ("a-images-idx3-ubyte", &["3", "2"]),
        ("short-images-idx3-ubyte", &["truncated"]),
        ("huge-images-idx3-ubyte", &["huge-images"]),
        ("cut.gz", &["cut.gz"]),
        ("object.npy --labels labels.txt", &["object.npy", "O"]),
        ("huge.npy --labels labels.txt", &["huge.npy"]),
        ("none.npy --labels labels.txt", &["none.npy"]),
        (".", &["directory"]),
    ] {
        place.refused(&format!("separation {data}"), 2, words);
        place.refused(&format!("build {data} -o net.onnx"), 2, words);
    }
    assert!(!place.files().iter().any(|name| name.contains("net.onnx")), "{:?}", place.files());
}

#[test]
fn fortran_order_is_read() {
    let place = Workplace::new();
    let doubles: Vec<u8> = [0.0f64, 3.0, 1.0, 5.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    place
        .file("x.npy", npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }", &doubles))
        .file("labels.txt", "a\nb\n");
    assert_eq!(place.json("separation x.npy --labels labels.txt --norm l1")["separation"]["lower"], 7.0);
}

#[test]
fn two_sets_with_features_in_another_order_are_refused() {
    let place = Workplace::new();
    place.file("train.csv", "a,b,kind\n0,5,x\n1,9,y\n2,5,x\n3,9,y\n");
    place.file("test.csv", "b,a,kind\n5,0,x\n9,1,y\n");
    place.file("same.csv", "a,b,kind\n0,5,x\n1,9,y\n");
    let said = ["same features in another order", "feature 0 is '"];
    for command in ["separation train.csv --against", "generalize train.csv", "scores train.csv"] {
        place.refused(&format!("{command} test.csv"), 2, &said);
        assert_eq!(place.run(&format!("{command} same.csv")).code, Some(0), "{command}");
    }
}

#[test]
fn one_class_has_no_ratio_but_a_radius() {
    let place = Workplace::new();
    place.file("one.csv", "x,label\n1,a\n2,a\n");
    let found = place.json("separation one.csv");
    assert_eq!(found["separation"]["lower"], serde_json::Value::Null);
    let said = "one.csv: all samples have one label, 'a' (column label, index 1 from 0), so";
    place.refused("build one.csv -o net.onnx", 2, &[said, "--radius", "--label-column"]);
    place.refused("width one.csv", 2, &[said, "any width"]);
    place.refused("build one.csv -o net.onnx --per-sample", 2, &["one label"]);
    place.refused("bounds one.csv", 2, &["one label", "--samples"]);
    let built = place.json("build one.csv -o net.onnx --radius 0.75");
    assert_eq!(built["certified"], 2);
    place.file("labels.txt", "a\na\n").file("wide.csv", "1,2\n3,4\n");
    let said = "wide.csv: all samples have one label, 'a' (labels.txt), so";
    place.refused("compare wide.csv --labels labels.txt", 2, &[said]);
    // Files are named where two do not fit, or one is in the place of another.
    let said = "iris has 4 features, one.csv has 1 feature; distances need equally many";
    place.refused("separation one.csv --against iris", 2, &[said]);
    place.refused("scores one.csv iris", 2, &[said]);
    place.refused("verify net.onnx net.onnx", 2, &["net.onnx: this is an ONNX network; expected a text"]);
    place.refused("separation net.onnx", 2, &["net.onnx: this is an ONNX network; expected a dataset"]);
}

#[test]
fn equal_points_with_different_labels_are_listed() {
    let place = Workplace::new();
    place.file("equal.csv", "x,label\n1,a\n2,b\n1,b\n2,a\n");
    for command in [
        "build equal.csv -o net.onnx",
        "build equal.csv -o net.onnx --radius 0",
        "build equal.csv -o net.onnx --per-sample",
    ] {
        place.refused(command, 1, &["0 (a) and 2 (b)", "1 (b) and 3 (a)"]);
    }
    assert_eq!(place.files(), ["equal.csv"]);
    let run = place.run("separation equal.csv --json");
    assert_eq!(run.code, Some(1));
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found["conflicts"], serde_json::json!([[0, 2], [1, 3]]));
    assert!(place.run("separation equal.csv").stdout.contains("none: equal samples"));
    place.refused("bounds equal.csv", 1, &["0 (a) and 2 (b)"]);
}

#[test]
fn impossible_requests_name_the_limit() {
    let place = Workplace::new();
    place.file("points.csv", POINTS);
    place.refused("build points.csv -o net.onnx --radius 0.5", 1, &["0.5", "largest possible"]);
    place.refused(
        "build points.csv -o net.onnx --radius 7",
        1,
        &["largest possible radius is just below 0.5"],
    );
    place.refused("build points.csv -o net.onnx --radius -1", 2, &["-1"]);
    place.refused("build points.csv -o net.onnx --radius NaN", 2, &["radius"]);
    place.refused("build points.csv -o net.onnx --ratio 1", 2, &["ratio"]);
    place.refused("build points.csv -o net.onnx --ratio 0", 2, &["ratio"]);
    place.refused("build points.csv -o net.onnx --radius 0.1 --ratio 0.5", 2, &["--radius"]);
    place.refused("build points.csv -o net.onnx --construction nonsense", 2, &["nonsense", "yu2024-linf"]);
    place.refused("build points.csv -o net.onnx --construction yu2024-linf --norm l2", 2, &["l2", "linf"]);
    place.refused("build points.csv", 2, &["--output"]);
    place.refused("build points.csv -o no/such/folder/net.onnx", 2, &["no/such/folder/net.onnx"]);
    place.refused("build points.csv -o .", 2, &["directory"]);
    place.refused("build points.csv -o points.csv", 2, &["points.csv", "read and written"]);
    place.refused("separation points.csv --norm l0.5", 2, &["l0.5"]);
    place.refused("separation points.csv --limit 0", 2, &[]);
    place.refused("separation points.csv --threads 0", 2, &["--threads"]);
    place.refused("nonsense", 2, &["nonsense"]);
    place.refused("buid points.csv", 2, &["buid", "'build'"]);
    place.refused("build points.csv --ration 0.5", 2, &["--ration", "'--ratio'"]);
    place.refused("--threads 2", 2, &["subcommand", "build"]);
    assert_eq!(place.files(), ["points.csv"]);
}

#[test]
fn alone_it_says_what_it_can_do() {
    let place = Workplace::new();
    let run = place.run("");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.stdout, place.run("--help").stdout);
    assert!(run.stdout.contains("separation"), "{}", run.stdout);
}

/// No file is written under a name that means another format.
#[test]
fn names_of_files_fit_what_is_written() {
    let place = Workplace::new();
    place.file("points.csv", POINTS).file("sets.txt", "1 2\n2 3\n");
    place.json("build points.csv -o net.onnx");
    for (command, path, ending) in [
        ("separation points.csv --svg x.png", "x.png", ".svg"),
        ("separation points.csv --per-sample x.parquet", "x.parquet", ".npz or .csv"),
        ("compare points.csv --svg x.pdf", "x.pdf", ".svg"),
        ("compare points.csv --csv x.xlsx", "x.xlsx", ".csv"),
        ("build points.csv -o x.pt", "x.pt", ".onnx"),
        ("predict net.onnx points.csv -o x.txt", "x.txt", ".npy or .csv"),
        ("decide points.csv --width 1 --radius 0 -o x.h5", "x.h5", ".onnx"),
        ("refute net.onnx points.csv --radius 1 -o x.npy", "x.npy", ".npz"),
        ("hard --sets sets.txt -o x.csv", "x.csv", ".npz"),
        ("witness --kind basis --features 2 --samples 2 -o x.csv", "x.csv", ".npz"),
    ] {
        place.refused(command, 2, &[path, ending]);
    }
    assert_eq!(place.files(), ["net.onnx", "points.csv", "sets.txt"]);
    // Without an ending, or in capitals, nothing is misunderstood.
    place.json("separation points.csv --svg x --per-sample Y.NPZ");
    assert_eq!(place.files(), ["Y.NPZ", "net.onnx", "points.csv", "sets.txt", "x"]);
}

/// Tiny and huge numbers take no line of zeros, and one of a kind is singular.
#[test]
fn numbers_and_counts_are_readable() {
    let place = Workplace::new();
    place.file("tiny.csv", "x,label\n0,a\n1e-310,b\n").file("huge.csv", "x,label\n0,a\n1e300,b\n");
    for (data, number) in [("tiny.csv", "1e-310"), ("huge.csv", "1e300")] {
        let run = place.run(&format!("separation {data} --svg x.svg"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stdout.contains(&format!("{number} (exact)")), "{}", run.stdout);
        assert!(run.stdout.contains("2 samples, 1 feature, 2 classes"), "{}", run.stdout);
        let svg = std::fs::read_to_string(place.path("x.svg")).unwrap();
        assert!(
            svg.contains(&format!("2 samples, separation {number}")) && svg.contains("1 sample"),
            "{svg}"
        );
        for text in [&run.stdout, &svg] {
            assert!(!text.contains("00000000"), "{text}");
        }
        place.refused(&format!("build {data} -o net.onnx --radius {number}"), 1, &[number]);
        assert!(!place.run(&format!("build {data} -o net.onnx --radius 1e-320")).stderr.contains("0000000"));
    }
    place.refused("build tiny.csv -o net.onnx --radius -1e300", 2, &["-1e300;"]);
    place.refused("build tiny.csv -o net.onnx --ratio 1e300", 2, &["1e300;"]);
}

#[test]
fn norms_are_written_in_more_than_one_way() {
    let place = Workplace::new();
    for (given, meant) in [("inf", "linf"), ("Linf", "linf"), ("L2", "l2"), ("2", "l2"), ("1", "l1")] {
        assert_eq!(place.json(&format!("separation iris --norm {given}"))["norm"], meant);
    }
    for given in ["infinity", "l", "-2", "0"] {
        place.refused(&format!("separation iris --norm={given}"), 2, &["norm", given, "linf"]);
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let place = Workplace::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = place.command("separation iris --json").stdout(full).output().unwrap();
    let run = Run::of(output);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("standard output") && run.stderr.lines().count() == 1, "{}", run.stderr);
}

#[test]
fn what_a_format_cannot_hold_is_said() {
    let place = Workplace::new();
    // Neighbours in binary64, equal in binary32.
    place.file("close.csv", "x,label\n1,a\n1.0000000000000002,b\n");
    for free in ["", "--construction yu2024-linf"] {
        place.refused(&format!("build close.csv -o net.onnx {free}"), 1, &["f32", "--precision f64"]);
    }
    // Said before the work, not after it.
    let rows: String = (0..50).map(|i| format!("{}{}\n", format!("{i},").repeat(800), i % 2)).collect();
    place.file("many.csv", format!("{}label\n{rows}", "x,".repeat(800)));
    let run = place.run("build many.csv -o net.onnx --construction yu2024-lp --norm l2 --form dense");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("GiB or more") && run.stderr.contains("--form compact"), "{}", run.stderr);
    assert_eq!(place.files(), ["close.csv", "many.csv"]);
}

#[test]
fn unusable_networks_are_refused() {
    let place = Workplace::new();
    place.file("points.csv", POINTS).file("empty.onnx", "").file("noise.onnx", "this is no network at all");
    place.json("build points.csv -o net.onnx --construction yu2024-linf");
    place.json("build points.csv -o compact.onnx --construction yu2024-linf --form compact");
    let bytes = std::fs::read(place.path("net.onnx")).unwrap();
    place.file("short.onnx", &bytes[..bytes.len() - 5]);
    let rename = |from: &str, to: &str| {
        let text = from.as_bytes();
        let mut changed = bytes.clone();
        while let Some(at) = changed.windows(text.len()).position(|window| window == text) {
            changed[at..at + text.len()].copy_from_slice(to.as_bytes());
        }
        changed
    };
    place.file("tanh.onnx", rename("Relu", "Tanh")).file("dangling.onnx", rename("\x04Gemm", "\x04Gemn"));
    place.file("other.csv", "x,y,z,label\n0,0,0,red\n1,1,1,green\n");
    place.file("strange.csv", "x,y,label\n0,0,red\n1,0.5,violet\n");
    for (network, words) in [
        ("empty.onnx", &["empty.onnx"][..]),
        ("noise.onnx", &["noise.onnx"]),
        ("short.onnx", &["short.onnx"]),
        ("missing.onnx", &["missing.onnx"]),
        ("tanh.onnx", &["Tanh"]),
        ("dangling.onnx", &["Gemn"]),
        (".", &[]),
    ] {
        place.refused(&format!("inspect {network}"), 2, words);
        place.refused(&format!("certify {network} points.csv --radius 0.1"), 2, words);
        place.refused(&format!("predict {network} points.csv"), 2, words);
    }
    for network in ["net.onnx", "compact.onnx"] {
        place.refused(&format!("certify {network} other.csv --radius 0.1"), 2, &["2 features", "3"]);
        place.refused(&format!("certify {network} strange.csv --radius 0.1"), 2, &["violet", "green, red"]);
        place.refused(&format!("certify {network} points.csv --radius -1"), 2, &["-1"]);
    }
}

/// A dataset whose dense network takes some 100 MB.
fn large(place: &Workplace) {
    let mut csv = String::new();
    for i in 0..60 {
        let row: Vec<String> = (0..250).map(|j| ((i * 37 + j * 11) % 101).to_string()).collect();
        csv += &format!("{},c{}\n", row.join(","), i % 3);
    }
    place.file("large.csv", csv);
}

#[test]
fn a_full_disk_leaves_nothing() {
    let place = Workplace::new();
    large(&place);
    // A limit on the size of files fails writes as a full disk does, once the
    // signal that would end the program is ignored.
    let script = format!(
        "trap '' XFSZ; ulimit -f 2000; exec {} build large.csv -o net.onnx --construction yu2024-linf --form dense",
        env!("CARGO_BIN_EXE_indelible")
    );
    let run =
        Run::of(Command::new("bash").args(["-c", &script]).current_dir(place.path(".")).output().unwrap());
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("net.onnx"), "{}", run.stderr);
    assert_eq!(place.files(), ["large.csv"]);
}

#[test]
fn an_interrupt_while_writing_leaves_nothing() {
    let place = Workplace::new();
    large(&place);
    place.file("net.onnx", "the old network");
    let mut child = place
        .command("build large.csv -o net.onnx --construction yu2024-linf --form dense")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let patience = Instant::now();
    while !place.files().iter().any(|name| name.contains(".partial")) {
        assert!(patience.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
    }
    let killed = Command::new("bash").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.files(), ["large.csv", "net.onnx"]);
    assert_eq!(std::fs::read(place.path("net.onnx")).unwrap(), b"the old network");
    std::io::stdout().flush().unwrap();
}

/// A slip of the hand costs no data: nothing that is read is written over.
#[test]
fn what_is_read_is_not_written_over() {
    let place = Workplace::new();
    let table = "a,b,label\n0,0,x\n1,3,y\n2,1,x\n5,5,y\n";
    place.file("d.csv", table);
    assert_eq!(place.run("build d.csv -o net.onnx").code, Some(0));
    for command in [
        "compare d.csv --csv d.csv",
        "compare d.csv --svg ./d.csv",
        "build d.csv -o d.csv",
        "predict net.onnx d.csv -o d.csv",
        "predict net.onnx d.csv -o net.onnx",
        "refute net.onnx d.csv --radius 1 -o net.onnx",
        "decide d.csv --width 1 --radius 0.1 -o d.csv",
        "decide d.csv --width 1 --radius 0.1 --proof d.csv",
    ] {
        place.refused(command, 2, &["both read and written"]);
    }
    place.refused("compare d.csv --csv out --svg out", 2, &["out is to be written twice"]);
    assert_eq!(std::fs::read_to_string(place.path("d.csv")).unwrap(), table);
    assert_eq!(place.run("certify net.onnx d.csv").code, Some(0));
    #[cfg(unix)]
    place.refused("build d.csv -o /dev/stdout", 2, &["no regular file", "--no-certify"]);
}

/// Columns are features by name, and a column of labels is no feature.
#[test]
fn columns_are_not_mistaken_for_others() {
    let place = Workplace::new();
    place.file("d.csv", "a,b,label\n0,0,x\n1,3,y\n2,1,x\n5,5,y\n");
    place.file("swapped.csv", "b,a,label\n0,0,x\n3,1,y\n1,2,x\n5,5,y\n");
    place.file("fewer.csv", "a,label\n0,1\n1,2\n");
    assert_eq!(place.run("build d.csv -o net.onnx").code, Some(0));
    for command in ["predict net.onnx swapped.csv", "certify net.onnx swapped.csv --radius 0.1"] {
        place.refused(command, 2, &["another order", "'b'", "'a'"]);
    }
    place.refused("predict net.onnx fewer.csv", 2, &["1", "2"]);
    place.refused("certify net.onnx d.csv --radius 0.1 --ratio 2", 2, &["--ratio"]);
    place.refused("build d.csv -o other.onnx --threads 20000", 2, &["20000", "1024"]);
}

/// In every norm one of the closest pair is refuted just beyond half its
/// distance.
#[test]
fn just_beyond_half_the_distance_is_refuted() {
    let place = Workplace::new();
    for norm in ["linf", "l1", "l2", "l1.5", "l3"] {
        place.json(&format!("build iris --norm {norm} --ratio 0.9 -o net.onnx"));
        let found = place.json(&format!("separation iris --norm {norm}"));
        let radius = 1.001 * found["max_radius"].as_f64().unwrap();
        let shown = place.run(&format!("certify net.onnx iris --radius {radius} --json"));
        assert_eq!(shown.code, Some(1), "{norm} {}", shown.stderr);
        let certified: Value = serde_json::from_str(&shown.stdout).unwrap();
        assert!(certified["refuted"].as_u64() > Some(0), "{norm} {certified}");
    }
}
