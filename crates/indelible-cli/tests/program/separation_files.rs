//! The files that `separation` writes: charts, and nearest enemies as arrays.

use crate::common::Workplace;

/// The texts of an SVG file, which must be XML.
fn texts(place: &Workplace, name: &str) -> Vec<String> {
    let svg = std::fs::read_to_string(place.path(name)).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let nodes = document.descendants().filter(|n| n.has_tag_name("text"));
    nodes.map(|n| n.text().unwrap_or("").trim().to_owned()).collect()
}

/// Heights of the bars of the class that is drawn in a colour, from left to right.
fn heights(place: &Workplace, name: &str, colour: &str) -> Vec<f64> {
    let svg = std::fs::read_to_string(place.path(name)).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let bars =
        document.descendants().filter(|n| n.has_tag_name("rect") && n.attribute("fill") == Some(colour));
    bars.map(|n| n.attribute("height").unwrap().parse().unwrap()).collect()
}

#[test]
fn a_chart_shows_what_the_histogram_counts() {
    let place = Workplace::new();
    let found = place.json("separation iris --svg iris.svg --per-sample near.npz");
    let texts = texts(&place, "iris.svg");
    let classes = found["histogram"]["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 3);
    for (class, colour) in classes.iter().zip(["#1F77B4", "#FF7F0E", "#2CA02C"]) {
        assert!(texts.iter().any(|t| t == class["class"].as_str().unwrap()), "{texts:?}");
        let counts: Vec<f64> = class["bins"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c.as_f64().unwrap())
            .filter(|c| *c > 0.0)
            .collect();
        let heights = heights(&place, "iris.svg", colour);
        assert_eq!(heights.len(), counts.len());
        let (tallest, most) =
            (heights.iter().copied().fold(0.0, f64::max), counts.iter().copied().fold(0.0, f64::max));
        for (height, count) in heights.iter().zip(&counts) {
            assert!((height - tallest * count / most).abs() <= 1.5, "{heights:?} {counts:?}");
        }
    }
    assert!(texts.iter().any(|t| t.contains("linf norm, in units of the features")), "{texts:?}");
    assert_eq!(place.files(), ["iris.svg", "near.npz"]);
}

#[test]
fn charts_of_hostile_names_and_of_two_sets() {
    let place = Workplace::new();
    place
        .file("a.csv", "x,label\n0,<b> & \"c\"\n1,\u{fffe}x\n2,\u{fffe}x\n")
        .file("b.csv", "x,label\n0.5,new\n1,\u{fffe}x\n");
    place.json("separation a.csv --svg a.svg");
    for name in ["<b> & \"c\"", "\u{fffd}x"] {
        assert!(texts(&place, "a.svg").iter().any(|t| t == name), "{name}");
    }
    place.json("separation a.csv --against b.csv --svg both.svg");
    assert!(texts(&place, "both.svg").iter().any(|t| t == "new"));
    place.file("one.csv", "x,label\n1,a\n2,a\n");
    place.json("separation one.csv --svg one.svg");
    assert!(texts(&place, "one.svg").iter().any(|t| t == "no sample has an enemy"));
}

/// A class so near to its enemies, beside a far one, that equally wide bins
/// would hide it.
#[test]
fn a_far_class_is_charted_by_logarithms() {
    let place = Workplace::new();
    place.file("far.csv", "x,label\n0,a\n1,b\n4,b\n1000000,c\n");
    let found = place.json("separation far.csv --svg far.svg");
    let histogram = &found["histogram"];
    assert_eq!((&histogram["smallest"], &histogram["largest"]), (&1.0.into(), &999_996.0.into()));
    let class = |k: usize| &histogram["classes"][k];
    assert_eq!(
        (&class(0)["bins"][0], &class(1)["bins"][0], &class(2)["bins"][31]),
        (&1.into(), &2.into(), &1.into())
    );
    assert_eq!((&class(0)["log_bins"][0], &class(1)["log_bins"][3]), (&1.into(), &1.into()));
    assert_eq!(heights(&place, "far.svg", "#FF7F0E").len(), 2, "1 and 4 are told apart");
    let texts = texts(&place, "far.svg");
    for text in ["1", "10", "100", "1000", "10000", "100000"] {
        assert!(texts.iter().any(|t| t == text), "{text} in {texts:?}");
    }
    let shown = place.run("separation far.csv").stdout;
    assert!(shown.contains("from 1 to 999996, logarithmic"), "{shown}");
}

#[test]
fn nearest_enemies_are_written_as_a_table() {
    let place = Workplace::new();
    place.file("d.csv", "x,label\n0,a\n0.25,b\n1,b\n");
    place.json("separation d.csv --per-sample near.csv");
    let read = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    assert_eq!(read("near.csv"), "sample,lower,upper,index\n0,0.25,0.25,1\n1,0.25,0.25,0\n2,1,1,0\n");
    place.json("separation d.csv --per-sample two.CSV --k 2");
    let lines = read("two.CSV");
    assert_eq!(
        lines.lines().skip(1).take(4).collect::<Vec<_>>(),
        ["0,0.25,0.25,1", "0,1,1,2", "1,0.25,0.25,0", "1,inf,inf,-1"]
    );
    place.file("one.csv", "x,label\n1,a\n2,a\n");
    place.json("separation one.csv --per-sample none.csv");
    assert!(read("none.csv").ends_with("0,inf,inf,-1\n1,inf,inf,-1\n"));
}

#[test]
fn conflicts_are_charted_and_refused_all_the_same() {
    let place = Workplace::new();
    place.file("equal.csv", "x,label\n1,a\n1,b\n3,b\n");
    let run = place.run("separation equal.csv --svg equal.svg --per-sample near.npz");
    assert_eq!(run.code, Some(1));
    assert!(texts(&place, "equal.svg").iter().any(|t| t == "a"));
    assert!(place.path("near.npz").is_file());
}

#[test]
fn paths_that_cannot_be_written_are_refused_before_the_work() {
    let place = Workplace::new();
    // The data are not even read: what is wrong with them is not said.
    place.refused(
        "separation missing.csv --svg no/such/chart.svg",
        2,
        &["cannot write", "no/such/chart.svg"],
    );
    place.refused("separation missing.csv --per-sample no/such/near.npz", 2, &["cannot write", "near.npz"]);
    place.refused("separation missing.csv --svg .", 2, &["directory"]);
    place.refused("separation iris --svg a --per-sample a", 2, &["a is to be written twice"]);
    place.refused("separation iris --svg a.svg --within 1", 2, &["--svg"]);
    place.refused("separation iris --svg a.svg --bound-only", 2, &["--svg"]);
    place.file("x.csv", "x,label\n1,a\n2,b\n");
    place.refused("separation x.csv --svg x.csv", 2, &["x.csv is both read and written"]);
    place.refused("separation missing.csv --svg a.svg", 2, &["missing.csv"]);
    assert_eq!(place.files(), ["x.csv"], "nothing unfinished stays");
}
