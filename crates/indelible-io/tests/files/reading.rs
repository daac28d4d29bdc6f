//! Sound files of every format give the samples that were written to them.

use crate::common::*;
use indelible::Features;
use indelible_io::{
    DataError, Error,
    dataset::{ReadOptions, Scale, read as read_with, read_points},
    digest,
};
use zip::CompressionMethod;

fn options() -> ReadOptions {
    ReadOptions::default()
}

/// The default options with a few changes.
fn with(change: impl FnOnce(&mut ReadOptions)) -> ReadOptions {
    let mut options = options();
    change(&mut options);
    options
}

#[test]
fn idx_images_become_unit_codes_with_the_labels_beside_them() {
    let folder = Folder::new();
    let pixels: Vec<u8> = (0..12).map(|k| k * 23).collect();
    let images = idx(8, &[3, 2, 2], &pixels);
    let labels = idx(8, &[3], &[7, 0, 7]);
    for (image_name, image_bytes) in [
        ("train-images-idx3-ubyte", images.clone()),
        ("train-images-idx3-ubyte.gz", gzip(&images)),
        ("other-images.idx3-ubyte", images.clone()),
        // The name says gzip, the bytes do not: the bytes count.
        ("third-images-idx3-ubyte.gz", images.clone()),
    ] {
        let path = folder.put(image_name, &image_bytes);
        for (label_name, label_bytes) in [
            (image_name.replace("images", "labels").replace("idx3", "idx1"), labels.clone()),
            ("train-labels-idx1-ubyte.gz".into(), gzip(&labels)),
        ] {
            let beside = folder.put(&label_name, label_bytes);
            let data = read(&path).unwrap();
            assert!(matches!(data.storage(), Features::Coded { .. }));
            assert_eq!((data.samples(), data.features()), (3, 4));
            let unit: Vec<f64> = pixels.iter().map(|&p| f64::from(f32::from(p) / 255.0)).collect();
            assert_eq!(values(&data), unit);
            assert_eq!(names(&data), ["7", "0", "7"]);
            assert_eq!(data.class_names(), ["0", "7"]);
            if !image_name.starts_with("train") {
                std::fs::remove_file(beside).unwrap();
                break;
            }
        }
        let raw = read_with(
            &path,
            &with(|o| {
                o.scale = Scale::None;
                o.labels = Some(folder.put("labels", &labels));
            }),
        )
        .unwrap();
        assert_eq!(values(&raw), pixels.iter().map(|&p| f64::from(p)).collect::<Vec<_>>());
    }
}

#[test]
fn idx_holds_any_type_and_any_rank() {
    let folder = Folder::new();
    let labels = folder.put("labels", idx(8, &[2], &[1, 2]));
    let options = with(|o| o.labels = Some(labels));
    let files: [(u8, Vec<u8>, [f64; 4]); 5] = [
        (9, vec![0x80, 0, 1, 0x7f], [-128.0, 0.0, 1.0, 127.0]),
        (0x0b, le(&[-300i16, 0, 1, 300], i16::to_be_bytes), [-300.0, 0.0, 1.0, 300.0]),
        (0x0c, le(&[i32::MIN, 0, 1, i32::MAX], i32::to_be_bytes), [-2147483648.0, 0.0, 1.0, 2147483647.0]),
        (
            0x0d,
            le(&[1e-45f32, -0.1, 1.0, 1e38], f32::to_be_bytes),
            [1e-45f32, -0.1, 1.0, 1e38].map(f64::from),
        ),
        (0x0e, le(&[5e-324, -0.1, 1.0, 1e308], f64::to_be_bytes), [5e-324, -0.1, 1.0, 1e308]),
    ];
    for (code, bytes, expected) in files {
        for shape in [&[2u32, 2][..], &[2, 1, 2], &[2, 2, 1, 1]] {
            let path = folder.put("data", idx(code, shape, &bytes));
            let data = read_with(&path, &options).unwrap();
            assert_eq!(values(&data), expected, "type {code}, {shape:?}");
            assert_eq!(matches!(data.storage(), Features::F32(_)), code == 0x0d);
        }
    }
    let path = folder.put("data", idx(8, &[2], &[0, 255]));
    let data = read_with(&path, &options).unwrap();
    assert_eq!((data.features(), values(&data)), (1, vec![0.0, 1.0]));
}

#[test]
fn npy_holds_any_type_in_either_byte_order() {
    let folder = Folder::new();
    let labels = folder.put("y.npy", npy("'<i8'", false, "(2,)", &le(&[3i64, -4], i64::to_le_bytes)));
    let options = with(|o| o.labels = Some(labels));
    let limit = (1i64 << 53) as f64;
    let cases: Vec<(&str, Vec<u8>, [f64; 2])> = vec![
        ("'|b1'", vec![0, 1], [0.0, 1.0]),
        ("'|u1'", vec![0, 255], [0.0, 1.0]),
        ("'|i1'", vec![0xff, 1], [-1.0, 1.0]),
        ("'<u2'", vec![1, 2, 0xff, 0xff], [513.0, 65535.0]),
        ("'>u2'", vec![1, 2, 0xff, 0xff], [258.0, 65535.0]),
        ("'<i2'", le(&[-2i16, 3], i16::to_le_bytes), [-2.0, 3.0]),
        ("'>i4'", le(&[-2i32, 3], i32::to_be_bytes), [-2.0, 3.0]),
        ("'<u4'", le(&[u32::MAX, 3], u32::to_le_bytes), [4294967295.0, 3.0]),
        ("'<i8'", le(&[-(1i64 << 53), i64::MIN], i64::to_le_bytes), [-limit, -(2f64.powi(63))]),
        ("'>u8'", le(&[1u64 << 53, 1 << 63], u64::to_be_bytes), [limit, 2f64.powi(63)]),
        ("'<f4'", le(&[1e-45f32, 0.1], f32::to_le_bytes), [f64::from(1e-45f32), f64::from(0.1f32)]),
        ("'>f4'", le(&[1e-45f32, 0.1], f32::to_be_bytes), [f64::from(1e-45f32), f64::from(0.1f32)]),
        ("'<f8'", le(&[5e-324, 1e30], f64::to_le_bytes), [5e-324, 1e30]),
        ("'>f8'", le(&[5e-324, 1e30], f64::to_be_bytes), [5e-324, 1e30]),
    ];
    for (descr, bytes, expected) in cases {
        for (shape, width) in [("(2,)", 1), ("(2, 1)", 1)] {
            let file = npy(descr, false, shape, &bytes);
            for (name, bytes) in [("x.npy", file.clone()), ("x.npy.gz", gzip(&file))] {
                let data = read_with(&folder.put(name, bytes), &options).unwrap();
                assert_eq!(data.features(), width);
                assert_eq!(values(&data), expected, "{descr} in {name}");
                assert_eq!(names(&data), ["3", "-4"]);
                assert_eq!(data.class_names(), ["-4", "3"]);
            }
        }
    }
}

#[test]
fn fortran_order_gives_the_same_samples() {
    let folder = Folder::new();
    let labels = folder.put("y.npy", npy("'<i4'", false, "(2,)", &le(&[0i32, 1], i32::to_le_bytes)));
    // x[i, j, k] = 100 i + 10 j + k for a shape of (2, 3, 4).
    let at = |i: usize, j: usize, k: usize| (100 * i + 10 * j + k) as f64;
    let (mut c, mut fortran) = (Vec::new(), Vec::new());
    for i in 0..2 {
        for j in 0..3 {
            (0..4).for_each(|k| c.push(at(i, j, k)));
        }
    }
    for k in 0..4 {
        for j in 0..3 {
            (0..2).for_each(|i| fortran.push(at(i, j, k)));
        }
    }
    for limit in [None, Some(1)] {
        let options = with(|o| {
            o.labels = Some(labels.clone());
            o.limit = limit;
        });
        let expected = &c[..12 * limit.unwrap_or(2)];
        let path = folder.put("f8.npy", npy("'<f8'", true, "(2, 3, 4)", &le(&fortran, f64::to_le_bytes)));
        assert_eq!(values(&read_with(&path, &options).unwrap()), expected);
        let path = folder
            .put("f4.npy", npy("'>f4'", true, "(2, 3, 4)", &le(&fortran, |v| (v as f32).to_be_bytes())));
        assert_eq!(values(&read_with(&path, &options).unwrap()), expected);
        let path = folder
            .put("i2.npy", npy("'<i2'", true, "(2, 3, 4)", &le(&fortran, |v| (v as i16).to_le_bytes())));
        assert_eq!(values(&read_with(&path, &options).unwrap()), expected);
        let path = folder.put("u1.npy", npy("'|u1'", true, "(2, 3, 4)", &le(&fortran, |v| [v as u8])));
        let raw = with(|o| {
            *o = options.clone();
            o.scale = Scale::None;
        });
        assert_eq!(values(&read_with(&path, &raw).unwrap()), expected);
    }
}

#[test]
fn npz_carries_labels_and_classes() {
    let folder = Folder::new();
    let x = npy("'<f4'", false, "(3, 2)", &le(&[0f32, 1.0, 2.0, 3.0, 4.0, 5.0], f32::to_le_bytes));
    let y = npy("'<i8'", false, "(3,)", &le(&[5i64, 1, 2], i64::to_le_bytes));
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let plain = folder.put("a.npz", npz(&[("X", x.clone()), ("y", y.clone())], method));
        let data = read(&plain).unwrap();
        assert_eq!(values(&data), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((names(&data), data.classes()), (vec!["5", "1", "2"], 3));

        let classes = npy("'<i8'", false, "()", &5i64.to_le_bytes());
        let path =
            folder.put("b.npz", npz(&[("x", x.clone()), ("y", y.clone()), ("classes", classes)], method));
        let data = read(&path).unwrap();
        assert_eq!(data.class_names(), ["1", "2", "3", "4", "5"]);
        assert_eq!((names(&data), data.labels()), (vec!["5", "1", "2"], &[4, 0, 1][..]));

        let text: Vec<u8> = "abcde".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        let class_names = npy("'<U1'", false, "(5,)", &text);
        let path = folder
            .put("c.npz", npz(&[("X", x.clone()), ("class_names", class_names), ("y", y.clone())], method));
        assert_eq!(names(&read(&path).unwrap()), ["e", "a", "b"]);

        let words = npy("'|S3'", false, "(3,)", b"on\0offon\0");
        let path = folder.put("d.npz", npz(&[("X", x.clone()), ("y", words)], method));
        assert_eq!(names(&read(&path).unwrap()), ["on", "off", "on"]);
        let with_labels = with(|o| o.labels = Some(path.clone()));
        assert_eq!(names(&read_with(&plain, &with_labels).unwrap()), ["on", "off", "on"]);
    }
}

#[test]
fn whole_floats_as_labels_are_integers() {
    let folder = Folder::new();
    let x = folder.put("x.npy", npy("'<f8'", false, "(2,)", &le(&[0.0, 1.0], f64::to_le_bytes)));
    let y = folder.put("y.npy", npy("'<f8'", false, "(2, 1)", &le(&[10.0, -1.0], f64::to_le_bytes)));
    let data = read_with(&x, &with(|o| o.labels = Some(y))).unwrap();
    assert_eq!((names(&data), data.class_names()), (vec!["10", "-1"], &["-1".to_owned(), "10".into()][..]));
}

#[test]
fn csv_in_its_many_forms() {
    let folder = Folder::new();
    let expected = ([5.1, -0.25, 1e-45, 4.0], ["b", "a"]);
    for (name, text) in [
        ("plain", "5.1,-0.25,b\n1e-45,4,a\n"),
        ("no end", "5.1,-0.25,b\n1e-45,4,a"),
        ("crlf", "5.1,-0.25,b\r\n1e-45,4,a\r\n"),
        ("semicolons", "5.1;-0.25;b\n1e-45;4;a\n"),
        ("tabs", "5.1\t-0.25\tb\n1e-45\t4\ta\n"),
        ("spaces and blank lines", "\n5.1, -0.25 , b\n\n  1e-45,4.0,a \n\n\n"),
        ("quotes", "\"5.1\",\"-0.25\",\"b\"\n1e-45,4,\"a\"\n"),
        ("mark", "\u{feff}5.1,-0.25,b\n1e-45,4,a\n"),
        ("header", "one,two,kind\n5.1,-0.25,b\n1e-45,4,a\n"),
        ("label first", "label,0,1\nb,5.1,-0.25\na,1e-45,4\n"),
        ("label within", "one,Class,two\r\n5.1,b,-0.25\r\n1e-45,a,4\r\n"),
    ] {
        for (file, bytes) in [("t.csv", text.as_bytes().to_vec()), ("t.csv.gz", gzip(text.as_bytes()))] {
            let data = read(&folder.put(file, bytes)).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(values(&data), expected.0, "{name}");
            assert_eq!(names(&data), expected.1, "{name}");
            assert_eq!(data.class_names(), ["a", "b"], "{name}");
        }
    }
    let path = folder.put("t.csv", "a,\"b, c\",label,d\n1,2,x,3\n4,5,w,6\n");
    let data = read(&path).unwrap();
    assert_eq!(data.feature_names().unwrap(), ["a", "b, c", "d"]);
    for (given, label, first) in [("d", "3", vec![]), ("0", "1", vec![]), ("label", "x", vec![1.0, 2.0, 3.0])]
    {
        let options = with(|o| o.label_column = Some(given.into()));
        match read_with(&path, &options) {
            Ok(data) => assert_eq!((names(&data)[0], data.row(0)), (label, first)),
            Err(e) => {
                assert!(first.is_empty() && e.to_string().contains("line 2, column 3 (label): 'x'"), "{e}")
            }
        }
    }
    let headless = with(|o| o.header = Some(false));
    let path = folder.put("t.csv", "0,1,y\n2,3,n\n");
    assert_eq!(names(&read_with(&path, &headless).unwrap()), ["y", "n"]);
    assert_eq!(names(&read(&path).unwrap()), ["n"]);
}

#[test]
fn points_need_no_labels() {
    let folder = Folder::new();
    let x = folder.put("x.npy", npy("'<f8'", false, "(3,)", &le(&[0.0, 1.0, 2.0], f64::to_le_bytes)));
    let points = read_points(&x, &options()).unwrap();
    assert!(!points.is_labelled());
    assert_eq!(values(points.data()), [0.0, 1.0, 2.0]);
    assert!(points.into_labelled().is_none());
    assert!(matches!(read(&x), Err(Error::Data { source: DataError::NoLabels(_), .. })));

    let images = folder.put("images-idx3-ubyte", idx(8, &[1, 2], &[0, 255]));
    assert!(!read_points(&images, &options()).unwrap().is_labelled());
    expect_error(read(&images), &images, &["no labels", "labels-idx1-ubyte", "--labels"]);

    let table = folder.put("t.csv", "1,2,3\n4,5,6\n");
    let points = read_points(&table, &with(|o| o.expected_features = Some(3))).unwrap();
    assert!(!points.is_labelled());
    assert_eq!(points.data().features(), 3);
    let points = read_points(&table, &with(|o| o.expected_features = Some(2))).unwrap();
    assert_eq!(names(&points.into_labelled().unwrap()), ["3", "6"]);
}

#[test]
fn a_limit_takes_the_first_samples_and_keeps_all_classes() {
    let folder = Folder::new();
    let labels = folder.put("y", "c\nb\na\n");
    let bytes = le(&[0f64, 1.0, 2.0], f64::to_le_bytes);
    let file = npy("'<f8'", false, "(3,)", &bytes);
    let big = npy("'>f8'", false, "(3,)", &le(&[0f64, 1.0, 2.0], f64::to_be_bytes));
    let csv = b"0,c\n1,b\n2,a\n".to_vec();
    for (name, bytes) in [("x.npy", file.clone()), ("x.npy.gz", gzip(&file)), ("y.npy", big), ("t.csv", csv)]
    {
        for limit in [1, 2, 3, 9] {
            let options = with(|o| {
                o.limit = Some(limit);
                o.labels = (!name.ends_with("csv")).then(|| labels.clone());
            });
            let data = read_with(&folder.put(name, &bytes), &options).unwrap();
            assert_eq!(values(&data), [0.0, 1.0, 2.0][..limit.min(3)], "{name}");
            assert_eq!(names(&data), ["c", "b", "a"][..limit.min(3)], "{name}");
            assert_eq!(data.class_names(), ["a", "b", "c"], "{name}");
        }
        let none = with(|o| o.limit = Some(0));
        assert!(read_points(&folder.path(name), &none).unwrap_err().to_string().contains("empty"), "{name}");
    }
}

#[test]
fn iris_is_built_in_unless_a_file_has_its_name() {
    let data = read("iris".as_ref()).unwrap();
    assert_eq!((data.samples(), data.features()), (150, 4));
    assert_eq!(data.class_names(), ["setosa", "versicolor", "virginica"]);
    assert_eq!(data.feature_names().unwrap(), ["sepal_length", "sepal_width", "petal_length", "petal_width"]);
    // Fisher's table: the first and last flower, and the two that copies often get wrong.
    assert_eq!(data.row(0), [5.1, 3.5, 1.4, 0.2]);
    assert_eq!(data.row(34), [4.9, 3.1, 1.5, 0.2]);
    assert_eq!(data.row(37), [4.9, 3.6, 1.4, 0.1]);
    assert_eq!(data.row(149), [5.9, 3.0, 5.1, 1.8]);
    for class in 0..3 {
        assert_eq!(data.labels().iter().filter(|&&label| label == class).count(), 50);
    }
    // Means as Fisher's paper gives them, times 50.
    let total = |class: usize, feature: usize| -> f64 {
        (50 * class..50 * (class + 1)).map(|i| (data.value(i, feature) * 10.0).round()).sum()
    };
    assert_eq!([0, 1, 2, 3].map(|f| total(0, f)), [2503.0, 1714.0, 731.0, 123.0]);
    assert_eq!([0, 1, 2, 3].map(|f| total(1, f)), [2968.0, 1385.0, 2130.0, 663.0]);
    assert_eq!([0, 1, 2, 3].map(|f| total(2, f)), [3294.0, 1487.0, 2776.0, 1013.0]);
}

#[test]
fn mapped_and_read_files_agree_bit_for_bit() {
    let folder = Folder::new();
    let labels = folder.put("y", (0..100).map(|i| format!("{}\n", i % 7)).collect::<String>());
    let bits: Vec<u8> = (0..100 * 3 * 8).map(|i| (i * 37 % 251) as u8).collect();
    let files = [
        ("'|u1'", npy("'|u1'", false, "(100, 24)", &bits)),
        ("'<f4'", npy("'<f4'", false, "(100, 6)", &bits)),
        ("'<f8'", npy("'<f8'", false, "(100, 3)", &bits)),
        ("idx", idx(8, &[100, 2, 12], &bits)),
    ];
    for (kind, file) in files {
        let mut options = with(|o| o.labels = Some(labels.clone()));
        for limit in [None, Some(33)] {
            options.limit = limit;
            // A file is mapped, its gzip is read.
            let mapped = read_with(&folder.put("x", &file), &options).unwrap();
            let streamed = read_with(&folder.put("x.gz", gzip(&file)), &options).unwrap();
            assert_eq!(values(&mapped), values(&streamed), "{kind}");
            assert_eq!(digest(&mapped), digest(&streamed), "{kind}");
        }
    }
    // Numbers that are not aligned in the file are read instead.
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }";
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    assert_ne!(file.len() % 8, 0);
    file.extend(0.1f64.to_le_bytes());
    assert_eq!(values(read_points(&folder.put("odd", file), &options()).unwrap().data()), [0.1]);
}
