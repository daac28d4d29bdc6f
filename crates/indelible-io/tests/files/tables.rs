//! Tables as programs of others write them: what is a sample, a name, an index,
//! a label; and what the reader says of it.

use crate::common::*;
use indelible_io::{
    dataset::{
        Categorical, Decimal, Delimiter, Missing, OnConflict, ReadOptions, read as read_with, read_labelled,
        read_points,
    },
    digest,
};
use zip::CompressionMethod;

#[test]
fn numeric_headers_are_no_samples() {
    let folder = Folder::new();
    for head in ["0,1,2,species", "0,1,2,3", "2019,2020,2021,label", "400.5,401.0,401.5,class"] {
        let text = format!("{head}\n5.1,3.5,1.4,1\n4.9,3.0,1.5,1\n7.0,3.2,4.7,2\n");
        let (data, reading) = told(&folder, &text, &ReadOptions::default());
        assert_eq!((data.samples(), data.class_names()), (3, &["1".to_owned(), "2".into()][..]), "{head}");
        assert_eq!(data.feature_names().unwrap().join(","), head.rsplit_once(',').unwrap().0);
        assert!(reading.format.contains("header") && !reading.format.contains("no header"), "{reading:?}");
        let (data, reading) = told(&folder, &text, &with(|o| o.header = Some(false)));
        assert_eq!((data.samples(), data.classes()), (4, 3));
        assert!(reading.format.contains("no header"));
    }
    let (data, _) = told(&folder, "1,2,a\n3,4,b\n", &with(|o| o.header = Some(true)));
    assert_eq!((data.samples(), names(&data)), (1, vec!["b"]));
    // A word that no sample bears, above labels that come again, even where the
    // samples go on counting; and a label that comes again makes it a sample.
    for (word, samples) in [("species", 3), ("a", 4)] {
        let text = format!("0,1,2,{word}\n1,2,3,a\n4,5,6,b\n7,8,9,a\n");
        let (data, _) = told(&folder, &text, &ReadOptions::default());
        assert_eq!((data.samples(), data.classes()), (samples, 2), "{word}");
    }
    // What could be both is told.
    for (text, samples) in [("1,2,3,a\n4,5,7,b\n", 1), ("1,2,3,a\n4,5,6,b\n", 2), ("2,4,6,a\n1,5,7,b\n", 2)] {
        let (data, reading) = told(&folder, text, &ReadOptions::default());
        assert_eq!((data.samples(), reading.warnings.len()), (samples, 1), "{text}");
        assert!(reading.warnings[0].contains("header"), "{reading:?}");
    }
}

#[test]
fn an_index_is_no_feature() {
    let folder = Folder::new();
    for text in [
        ",a,b,label\n0,1.5,2,x\n1,3,4,y\n",
        "Unnamed: 0,a,b,label\n0,1.5,2,x\n1,3,4,y\n",
        ",Unnamed: 0,a,b,label\n0,0,1.5,2,x\n1,1,3,4,y\n",
        // A header one name short, as R writes it.
        "\"a\" \"b\" \"label\"\n\"r1\" 1.5 2 \"x\"\n\"r2\" 3 4 \"y\"\n",
    ] {
        let (data, reading) = told(&folder, text, &ReadOptions::default());
        assert_eq!(values(&data), [1.5, 2.0, 3.0, 4.0], "{text}");
        assert_eq!(data.feature_names().unwrap(), ["a", "b"]);
        assert!(reading.left_out[0].contains("index"), "{reading:?}");
    }
    // Asked for, it is one.
    let (data, _) =
        told(&folder, ",a,label\n0,5,x\n1,6,y\n", &with(|o| o.features = vec!["0".into(), "a".into()]));
    assert_eq!(values(&data), [0.0, 5.0, 1.0, 6.0]);
    // With another name it is a feature, and doubtful.
    let (data, reading) = told(&folder, "id,a,label\n1,5,x\n2,6,y\n3,7,x\n", &ReadOptions::default());
    assert_eq!(data.features(), 2);
    assert!(reading.warnings.iter().any(|w| w.contains("id") && w.contains("--drop id")), "{reading:?}");
}

#[test]
fn a_number_of_the_row_is_told() {
    let folder = Folder::new();
    let rows = |id: fn(u32) -> u32| -> String {
        (0..25).map(|i| format!("{},{}.5,{}\n", id(i), i * i % 11, i % 2)).collect()
    };
    let warnings = |text: String| told(&folder, text, &ReadOptions::default()).1.warnings.join(";");
    assert!(warnings(rows(|i| 842_302 + 7919 * (i * 7 % 25))).contains("column 0 has another whole number"));
    assert_eq!(warnings(rows(|i| 3 * (i / 2))), "");
}

#[test]
fn columns_are_chosen_and_dropped() {
    let folder = Folder::new();
    let text = "when,a,b,kind,c\nmon,1,2,x,3\ntue,4,5,y,6\n";
    let choose = |drop: &[&str], features: &[&str], label: Option<&str>| {
        with(|o| {
            o.drop = drop.iter().map(|&n| n.into()).collect();
            o.features = features.iter().map(|&n| n.into()).collect();
            o.label_column = label.map(str::to_owned);
        })
    };
    let (data, reading) = told(&folder, text, &choose(&["when"], &[], Some("kind")));
    assert_eq!((values(&data), names(&data)), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec!["x", "y"]));
    assert_eq!(reading.left_out, ["column when (--drop)"]);
    // The order is the one asked for.
    let (data, _) = told(&folder, text, &choose(&[], &["c", "1"], Some("kind")));
    assert_eq!(values(&data), [3.0, 1.0, 6.0, 4.0]);
    assert_eq!(data.feature_names().unwrap(), ["c", "a"]);
    // The label is the last of what is left.
    let (data, reading) = told(&folder, text, &choose(&["0", "c"], &[], None));
    assert_eq!((names(&data), reading.labels.as_deref()), (vec!["x", "y"], Some("column kind")));
    let path = folder.put("t.csv", text);
    expect_error(read_with(&path, &choose(&["d"], &[], None)), &path, &["no column 'd'", "when, a"]);
    expect_error(read_with(&path, &choose(&["a"], &["a"], None)), &path, &["column a", "twice"]);
    expect_error(read_with(&path, &choose(&[], &["kind"], Some("kind"))), &path, &["column kind", "twice"]);
    expect_error(read(&path), &path, &["line 2, column 1 (when): 'mon'", "--drop when"]);
    let array = folder.put("x.npy", npy("'<f8'", false, "(2, 1)", &le(&[0.0, 1.0], f64::to_le_bytes)));
    expect_error(read_points(&array, &choose(&["a"], &[], None)).map(|_| ()), &array, &["no columns"]);
}

#[test]
fn a_column_of_labels_in_front_is_hinted_at() {
    let folder = Folder::new();
    let text = "842302,M,17.99,0.5\n842517,M,20.57,0.25\n8510426,B,13.54,0.125\n";
    let path = folder.put("wdbc.data", text);
    expect_error(read(&path), &path, &["line 1, column 2: 'M'", "--label-column 1"]);
    let (data, _) = told(&folder, text, &with(|o| o.label_column = Some("1".into())));
    assert_eq!((data.samples(), names(&data)), (3, vec!["M", "M", "B"]));
}

#[test]
fn dialects_of_one_table_give_one_dataset() {
    let folder = Folder::new();
    let expected = ([5.5, -0.25, 1e-45, 4.0], ["b", "a"]);
    let wide = |text: &str, big: bool| -> Vec<u8> {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let plain = "one,two,kind\n5.5,-0.25,b\n1e-45,4,a\n";
    let mut digests = Vec::new();
    for (name, bytes) in [
        ("plain", plain.into()),
        ("pipes", b"5.5|-0.25|b\n1e-45|4|a".to_vec()),
        ("blanks", b"  5.5   -0.25 b\n 1e-45\t4  a  \n".to_vec()),
        ("decimal comma", b"5,5;-0,25;b\n1e-45;4;a\n".to_vec()),
        ("decimal comma and tabs", b"one\ttwo\tkind\n5,5\t-0,25\tb\n1e-45\t4,0\ta\n".to_vec()),
        ("decimal comma and blanks", b"5,5 -0,25 b\n1e-45 4,0 a\n".to_vec()),
        ("quoted decimal comma", b"\"5,5\",\"-0,25\",b\n1e-45,\"4,0\",a\n".to_vec()),
        ("trailing", b"one,two,kind,\n5.5,-0.25,b,\n1e-45,4,a,\n".to_vec()),
        ("trailing below", b"one,two,kind\n5.5,-0.25,b,\n1e-45,4,a,\n".to_vec()),
        ("trailing without header", b"5.5;-0.25;b;\n1e-45;4;a;\n".to_vec()),
        ("comments", b"# flowers, it's all\n5.5,-0.25,b\n# more\n1e-45,4,a\n".to_vec()),
        ("named in a comment", b"# one,two,kind\n5.5,-0.25,b\n1e-45,4,a\n".to_vec()),
        ("returns", plain.replace('\n', "\r").into()),
        ("feeds and returns", plain.replace('\n', "\r\n").into()),
        ("UTF-16", wide(plain, false)),
        ("UTF-16, big-endian", wide(&plain.replace('\n', "\r\n"), true)),
        ("quoted", b"\"one\",\"two\",\"kind\"\n\"5.5\",\"-0.25\",\"b\"\n\"1e-45\",\"4\",\"a\"\n".to_vec()),
    ] {
        let (data, _) = told(&folder, bytes, &ReadOptions::default());
        assert_eq!((values(&data), names(&data)), (expected.0.to_vec(), expected.1.to_vec()), "{name}");
        digests.push(digest(&data));
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);

    let (data, reading) =
        told(&folder, "1,2;3,4;a\n", &with(|o| o.delimiter = Some(Delimiter::Character(b';'))));
    assert_eq!((values(&data), reading.format.contains("decimal comma")), (vec![1.2, 3.4], true));
    let points = with(|o| o.decimal = Some(Decimal::Point));
    let path = folder.put("t.csv", "1,2;3,4;a\n");
    expect_error(
        read_with(&path, &points),
        &path,
        &["'1,2' is not a number with a decimal point", "--decimal ,"],
    );
    let path = folder.put("t.csv", "1,5;2;a\n1.5;2;b\n");
    expect_error(read(&path), &path, &["line 1", "'1,5'", "--decimal ,"]);
    let path = folder.put("t.csv", "1^2^a\n3^4^b\n");
    expect_error(read(&path), &path, &["no separator found", "'1^2^a'", "--delimiter"]);
    let (data, _) = told(&folder, "1^2^a\n3^4^b\n", &with(|o| o.delimiter = Some("^".parse().unwrap())));
    assert_eq!(values(&data), [1.0, 2.0, 3.0, 4.0]);
    let broken = [&wide(plain, false)[..], &[0xd8]].concat();
    let path = folder.put("t.csv", broken);
    expect_error(read(&path), &path, &["UTF-16"]);
}

#[test]
fn thousands_of_columns() {
    let folder = Folder::new();
    let row = |from: usize| (0..9000).map(|j| format!("{}.5", from + j)).collect::<Vec<_>>().join(";");
    let head: Vec<String> = (0..9000).map(|j| j.to_string()).collect();
    let text = format!("{};kind\n{};a\n{};b\n", head.join(";"), row(3), row(7));
    let (data, _) = told(&folder, text, &ReadOptions::default());
    assert_eq!((data.samples(), data.features(), data.value(1, 8999)), (2, 9000, 9006.5));
}

#[test]
fn svmlight_gets_its_zeros() {
    let folder = Folder::new();
    let text = "# made by hand\n+1 1:0.5 4:-2 # one\n-1 2:1e-3\n+1\n";
    let (data, reading) = told(&folder, text, &ReadOptions::default());
    assert_eq!(values(&data), [0.5, 0.0, 0.0, -2.0, 0.0, 1e-3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        (names(&data), data.class_names()),
        (vec!["1", "-1", "1"], &["-1".to_owned(), "1".into()][..])
    );
    assert!(reading.format.contains("svmlight"));
    let (data, _) = told(&folder, "1 0:1 2:3\n2 1:5\n", &ReadOptions::default());
    assert_eq!(values(&data), [1.0, 0.0, 3.0, 0.0, 5.0, 0.0]);
    // What scikit-learn's `dump_svmlight_file` says of its indices: no sample has the first feature.
    let dumped = |base: &str| {
        format!(
            "# Generated by dump_svmlight_file from scikit-learn 1.9.1\n# Column indices are {base}-based\n\
             #\n# user's words\n1 1:2.5 3:-1\n0 2:4\n"
        )
    };
    let (data, reading) = told(&folder, dumped("zero"), &ReadOptions::default());
    assert_eq!(values(&data), [0.0, 2.5, 0.0, -1.0, 0.0, 0.0, 4.0, 0.0]);
    assert_eq!(names(&data), ["1", "0"]);
    assert!(reading.format.contains("indices from 0"), "{reading:?}");
    let (data, reading) = told(&folder, dumped("one"), &ReadOptions::default());
    assert_eq!(values(&data), [2.5, 0.0, -1.0, 0.0, 4.0, 0.0]);
    assert!(reading.format.contains("indices from 1"), "{reading:?}");
    // A comment does not make an index of 0 negative, and behind a sample none counts.
    let (data, _) = told(&folder, dumped("one").replace("1:2.5", "0:2.5"), &ReadOptions::default());
    assert_eq!(values(&data), [2.5, 0.0, 0.0, -1.0, 0.0, 0.0, 4.0, 0.0]);
    let late = "1 1:2.5 3:-1\n# Column indices are zero-based\n0 2:4\n";
    let (data, _) = told(&folder, late, &ReadOptions::default());
    assert_eq!(values(&data), [2.5, 0.0, -1.0, 0.0, 4.0, 0.0]);
    // Points of a network that takes more features than occur.
    let path = folder.put("t.csv", "1 1:1\n2 2:5\n");
    let points = read_points(&path, &with(|o| o.expected_features = Some(3))).unwrap();
    assert_eq!(values(points.data()), [1.0, 0.0, 0.0, 0.0, 5.0, 0.0]);
    for (text, words) in [
        ("1 2:1 1:1\n2 1:1\n", &["line 1", "'1:1'", "smaller"][..]),
        ("1 1:1\n2 1:x\n", &["line 2", "'1:x'"]),
        ("1 1:1\n2 qid:1 1:2\n", &["line 2", "'qid:1'"]),
        ("1,2 1:1\n2 1:2\n", &["line 1", "'1,2'", "several labels"]),
        ("1 1:1\n2 1:inf\n", &["line 2", "finite"]),
        ("1 1:1\n2 999999999:1\n", &["999999999 features", "not supported"]),
    ] {
        let path = folder.put("t.csv", text);
        expect_error(read(&path), &path, words);
    }
}

#[test]
fn one_digest_for_the_same_data_in_every_file() {
    let folder = Folder::new();
    let x = npy("'<f8'", false, "(2, 1)", &le(&[0.5, 2.0], f64::to_le_bytes));
    let array = folder.put("x.npy", &x);
    let of = |descr: &str, bytes: &[u8]| {
        let labels = folder.put("y.npy", npy(descr, false, "(2,)", bytes));
        digest(&read_with(&array, &with(|o| o.labels = Some(labels))).unwrap())
    };
    let csv = |text: &str| digest(&told(&folder, text, &ReadOptions::default()).0);
    let numbers = csv("0.5,1\n2,0\n");
    for text in [
        "x,y\n0.5,1.0\n2,0.0\n",
        "x,y\n0.5,1.000000e+00\n2,0.000000e+00\n",
        "x,y\n0.5,True\n2,False\n",
        "x,y\n0.5,TRUE\n2,FALSE\n",
        "x;y\n0,5;1,0\n2;0,0\n",
        "1 1:0.5\n0 1:2\n",
    ] {
        assert_eq!(csv(text), numbers, "{text}");
    }
    assert_eq!(of("'|b1'", &[1, 0]), numbers);
    assert_eq!(of("'<i8'", &le(&[1i64, 0], i64::to_le_bytes)), numbers);
    assert_eq!(of("'>f4'", &le(&[1f32, 0.0], f32::to_be_bytes)), numbers);
    assert_eq!(of("'<f2'", &le(&[0x3c00u16, 0], u16::to_le_bytes)), numbers);
    assert_eq!(of("'|S3'", b" a b  "), csv("0.5,a\n2, b\n"));
}

#[test]
fn doubtful_labels_are_told() {
    let folder = Folder::new();
    let warned = |text: &str| told(&folder, text, &ReadOptions::default()).1.warnings.join("; ");
    assert!(warned("1,0.5\n2,0.25\n3.5,7\n").contains("continuous"));
    let unique: String = (0..30).map(|i| format!("{},{}\n", i * i % 7, 1000 + 3 * i)).collect();
    assert!(warned(&unique).contains("hardly repeat"));
    let both = warned("a,label,target\n1,x,0\n2,y,1\n1.5,z,0\n");
    assert!(both.contains("label, target") && both.contains("label was taken"), "{both}");
    assert_eq!(warned("a,label\n1,x\n2,y\n1.5,x\n"), "");
}

#[test]
fn npz_with_other_names() {
    let folder = Folder::new();
    let x = npy("'<f4'", false, "(2, 1)", &le(&[0f32, 1.0], f32::to_le_bytes));
    let y = npy("'|i1'", false, "(2,)", &[3, 4]);
    for (features, labels) in [
        ("x_train", "y_train"),
        ("X_train", "y_train"),
        ("data", "target"),
        ("train_images", "train_labels"),
        ("features", "labels"),
    ] {
        let arrays = [(features, x.clone()), ("x_test", x.clone()), (labels, y.clone())];
        let path = folder.put("d.npz", npz(&arrays, CompressionMethod::Deflated));
        let points = read_labelled(&path, &ReadOptions::default()).unwrap();
        assert_eq!(points.reading().labels.as_ref().unwrap(), &format!("array '{labels}'"));
        assert_eq!(points.reading().left_out, ["array 'x_test'"]);
        assert_eq!(names(points.data()), ["3", "4"]);
    }
    let path = folder.put("d.npz", npz(&[("a", x.clone()), ("b", y)], CompressionMethod::Stored));
    expect_error(read(&path), &path, &["a, b", "--arrays"]);
    let options = with(|o| o.arrays = Some(["a".into(), "b".into()]));
    assert_eq!(names(&read_with(&path, &options).unwrap()), ["3", "4"]);
    let options = with(|o| o.arrays = Some(["a".into(), "c".into()]));
    expect_error(read_with(&path, &options), &path, &["without an array 'c'"]);
    let path = folder.put("x.npy", x);
    expect_error(read_with(&path, &options), &path, &["--arrays"]);
}

#[test]
fn half_precision_is_read_exactly() {
    let folder = Folder::new();
    let labels = folder.put("y", "a\nb\nc\n");
    for (descr, big, fortran) in [("'<f2'", false, false), ("'>f2'", true, true)] {
        let bits = [0x3555u16, 0xc000, 0x0001];
        let bytes = le(&bits, |b| if big { b.to_be_bytes() } else { b.to_le_bytes() });
        let path = folder.put("x.npy", npy(descr, fortran, "(3, 1)", &bytes));
        let data = read_with(&path, &with(|o| o.labels = Some(labels.clone()))).unwrap();
        assert_eq!(values(&data), [0.333_251_953_125, -2.0, 2f64.powi(-24)]);
    }
    let path = folder.put("x.npy", npy("'<f2'", false, "(1,)", &0x7c00u16.to_le_bytes()));
    expect_error(read_points(&path, &ReadOptions::default()).map(|_| ()), &path, &["inf"]);
}

#[test]
fn files_of_other_programs_are_named() {
    let folder = Folder::new();
    for (bytes, words) in [
        (&b"\x89HDF\r\n\x1a\n"[..], &["HDF5"][..]),
        (b"\x80\x04\x95\x01\0", &["pickle"]),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", &["Excel"]),
        (b"\x28\xb5\x2f\xfd\x04\x00", &["zstd"]),
        (b"\xff\xfe\0\0a\0\0\0", &["UTF-32", "UTF-8"]),
        (b"\0\0\xfe\xff\0\0\0a", &["UTF-32", "UTF-8"]),
        (b"% by hand\n\n@RELATION iris\n@attribute a numeric\n@data\n1,x\n", &["ARFF", "CSV"]),
        (b"[{\"a\": 1, \"label\": \"x\"}]", &["JSON", "CSV"]),
        (b"{\n  \"a\": [1, 2]\n}\n", &["JSON"]),
        (b"<!DOCTYPE html>\n<table></table>", &["HTML"]),
        (b"%%MatrixMarket matrix array real general\n2 2\n", &["Matrix Market"]),
        (b"a,b,label\n1,2,x\n3,4,y\n\x1a", &["byte 0x1a", "22 bytes"]),
    ] {
        let path = folder.put("t.csv", bytes);
        expect_error(read(&path), &path, words);
    }
    let (data, _) = told(&folder, "ORC,BZh,label\n1,2,a\n", &ReadOptions::default());
    assert_eq!(data.samples(), 1);
}

#[test]
fn missing_values_are_refused_dropped_or_filled() {
    let folder = Folder::new();
    let text = "a,b,label\n1,,x\n3,5,y\nNA,7,x\n8,?,z\n";
    let path = folder.put("t.csv", text);
    expect_error(read(&path), &path, &["line 2, column 2 (b): the cell is empty"]);
    let (data, reading) = told(&folder, text, &with(|o| o.missing = Missing::Drop));
    assert_eq!((values(&data), names(&data)), (vec![3.0, 5.0], vec!["y"]));
    assert_eq!(reading.left_out, ["3 samples with missing values (0, 2, 3)"]);
    let (data, reading) = told(&folder, text, &with(|o| o.missing = Missing::Mean));
    assert_eq!(values(&data), [1.0, 6.0, 3.0, 5.0, 4.0, 7.0, 8.0, 6.0]);
    assert!(reading.scaling.unwrap().contains("3 missing values are the means"));
    let path = folder.put("t.csv", "a,b,label\n1,,x\n3,,y\n");
    expect_error(read_with(&path, &with(|o| o.missing = Missing::Mean)), &path, &["feature 1 is NaN"]);
    expect_error(read_with(&path, &with(|o| o.missing = Missing::Drop)), &path, &["empty"]);
    let bytes = le(&[1.0, f32::NAN, 3.0, 4.0], f32::to_le_bytes);
    let array = folder.put("x.npy", npy("'<f4'", false, "(2, 2)", &bytes));
    let labels = folder.put("y", "a\nb\n");
    for (missing, expected) in [(Missing::Drop, vec![3.0, 4.0]), (Missing::Mean, vec![1.0, 4.0, 3.0, 4.0])] {
        let options = with(|o| {
            o.labels = Some(labels.clone());
            o.missing = missing;
        });
        assert_eq!(values(&read_with(&array, &options).unwrap()), expected);
    }
    let infinite = folder.put("t.csv", "a,b,label\n1,inf,x\n3,5,y\n");
    expect_error(read_with(&infinite, &with(|o| o.missing = Missing::Mean)), &infinite, &["'inf'"]);
}

#[test]
fn conflicts_stay_or_go() {
    let folder = Folder::new();
    let text = "a,b,label\n1,2,x\n0,0,y\n1,2,y\n-0.0,0,y\n1,2,x\n3,4,z\n";
    let labels = |on_conflict| {
        let (data, reading) = told(&folder, text, &with(|o| o.on_conflict = on_conflict));
        (names(&data).join(""), reading.left_out.join(";"))
    };
    assert_eq!(labels(OnConflict::Keep), ("xyyyxz".into(), String::new()));
    let why = "samples equal to one with another label";
    assert_eq!(labels(OnConflict::First), ("xyyxz".into(), format!("1 {why} (2)")));
    assert_eq!(labels(OnConflict::Drop), ("yyz".into(), format!("3 {why} (0, 2, 4)")));
    let path = folder.put("t.csv", "a,label\n1,x\n1,y\n");
    expect_error(read_with(&path, &with(|o| o.on_conflict = OnConflict::Drop)), &path, &["empty"]);
}

#[test]
fn words_become_one_feature_each() {
    let folder = Folder::new();
    let text = "a,sex,label\n1,m,x\n2,f,y\n3,m,z\n";
    let path = folder.put("t.csv", text);
    expect_error(read(&path), &path, &["line 2, column 2 (sex): 'm'", "--label-column sex"]);
    let named = with(|o| o.label_column = Some("label".into()));
    expect_error(read_with(&path, &named), &path, &["'m'", "--categorical onehot"]);
    let (data, reading) = told(&folder, text, &with(|o| o.categorical = Categorical::OneHot));
    assert_eq!(values(&data), [1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 3.0, 0.0, 1.0]);
    assert_eq!(data.feature_names().unwrap(), ["a", "sex=f", "sex=m"]);
    assert!(reading.scaling.unwrap().contains("column sex is one feature for each of its 2 words"));
    // What is missing is missing in all of them, and has no place where it may not be.
    let options = |missing| {
        with(|o| {
            o.categorical = Categorical::OneHot;
            o.missing = missing;
        })
    };
    let text = "a,sex,label\n1,m,x\n2,f,y\n3,?,z\n4,m,z\n";
    let path = folder.put("t.csv", text);
    expect_error(
        read_with(&path, &options(Missing::Refuse)),
        &path,
        &["line 4, column 2 (sex): '?'", "missing"],
    );
    let (data, _) = told(&folder, text, &options(Missing::Drop));
    assert_eq!(
        (values(&data), names(&data)),
        (vec![1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 4.0, 0.0, 1.0], vec!["x", "y", "z"])
    );
    let many: String = (0..300).map(|i| format!("{i},w{i},{}\n", i % 2)).collect();
    let path = folder.put("t.csv", format!("a,word,label\n{many}"));
    expect_error(read_with(&path, &options(Missing::Refuse)), &path, &["line 258", "256 different words"]);
}

#[test]
fn times_beside_numbers_are_no_svmlight() {
    let folder = Folder::new();
    let text = ",u,v,species\n2020-01-01 00:00:00.0,2.5,1,a\n2020-01-02 12:30,0.5,2,b\n";
    let (data, reading) = told(&folder, text, &ReadOptions::default());
    assert_eq!((values(&data), names(&data)), (vec![2.5, 1.0, 0.5, 2.0], vec!["a", "b"]));
    assert_eq!(reading.left_out, ["column 0 (an index of the rows)"]);
}
