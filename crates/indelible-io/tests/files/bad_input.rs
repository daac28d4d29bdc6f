//! Broken files are refused in one line that says what is wrong and where.

use crate::common::*;
use indelible::number::random::Random;
use indelible_io::dataset::{ReadOptions, read as read_with, read_points};
use zip::CompressionMethod;

fn with_labels(path: std::path::PathBuf) -> ReadOptions {
    ReadOptions { labels: Some(path), ..ReadOptions::default() }
}

fn with_column(column: &str) -> ReadOptions {
    ReadOptions { label_column: Some(column.into()), ..ReadOptions::default() }
}

#[test]
fn missing_empty_and_foreign_files() {
    let folder = Folder::new();
    let missing = folder.path("none.csv");
    expect_error(read(&missing), &missing, &["cannot open", "No such file"]);
    let directory = folder.path("");
    expect_error(read(&directory), &directory, &["is a directory"]);
    for name in ["empty", "empty.csv", "empty.npy", "empty-images-idx3-ubyte.gz"] {
        let empty = folder.put(name, "");
        expect_error(read(&empty), &empty, &["the file is empty"]);
    }
    let blank = folder.put("blank.csv", "\n\n");
    expect_error(read(&blank), &blank, &["empty"]);
    let packed = folder.put("empty.gz", gzip(b""));
    expect_error(read(&packed), &packed, &["the file is empty"]);
    let binary = folder.put("what.bin", [0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    expect_error(read(&binary), &binary, &["wrong magic", "7f 45 4c 46 02 01 01 00"]);
    for (name, expected) in
        [("t.npy", "NPY"), ("t.npz", "NPZ"), ("t.parquet", "Parquet"), ("x-idx3-ubyte", "IDX")]
    {
        let path = folder.put(name, "1,2,a\n");
        expect_error(read(&path), &path, &["wrong magic", expected, "31 2c 32 2c 61 0a"]);
        let samples = folder.put("x.csv", "1\n2\n");
        let labels = with_labels(path.clone());
        expect_error(read_with(&samples, &labels), &path, &["wrong magic", expected]);
    }
}

#[test]
fn damaged_gzip() {
    let folder = Folder::new();
    let mut random = Random::new(1);
    let bytes: Vec<u8> = (0..40_000).flat_map(|_| (random.next() as u32 >> 7).to_be_bytes()).collect();
    let whole = gzip(&idx(8, &[400, 400], &bytes));
    let mut corrupt = whole.clone();
    corrupt[whole.len() / 2] ^= 0x55;
    let mut checksum = whole.clone();
    checksum[whole.len() - 6] ^= 1;
    for damaged in
        [&whole[..whole.len() - 1], &whole[..whole.len() / 2], &whole[..12], &whole[..2], &corrupt, &checksum]
    {
        let path = folder.put("images-idx3-ubyte.gz", damaged);
        expect_error(read_points(&path, &ReadOptions::default()), &path, &["bad gzip"]);
    }
    let mut more = whole.clone();
    more.extend(b"more");
    let path = folder.put("images-idx3-ubyte.gz", &more);
    expect_error(read_points(&path, &ReadOptions::default()), &path, &["gzip"]);
    // The end is checked even where only the beginning is wanted.
    let path = folder.put("images-idx3-ubyte.gz", &whole[..whole.len() - 1]);
    let options = ReadOptions { limit: Some(1), ..ReadOptions::default() };
    expect_error(read_points(&path, &options), &path, &["bad gzip"]);
}

#[test]
fn damaged_idx() {
    let folder = Folder::new();
    let cases: [(Vec<u8>, &[&str]); 8] = [
        (idx(8, &[2, 2], &[1, 2, 3]), &["truncated IDX", "4 bytes", "only 3"]),
        (idx(8, &[2, 2], &[1, 2, 3, 4, 5]), &["trailing data in IDX", "4 bytes"]),
        (idx(0x0d, &[2, 2], &[0; 15]), &["truncated IDX", "16 bytes", "only 15"]),
        (idx(8, &[2, 2], &[])[..9].to_vec(), &["bad IDX", "within the header"]),
        (idx(7, &[2], &[1, 2]), &["bad IDX", "wrong magic", "0x07"]),
        (idx(8, &[], &[]), &["bad IDX", "wrong magic"]),
        (idx(8, &[0, 3], &[]), &["0 samples of 3 features"]),
        (idx(8, &[3, 0], &[]), &["3 samples of 0 features"]),
    ];
    for (bytes, parts) in cases {
        for (name, bytes) in [("images", bytes.clone()), ("images.gz", gzip(&bytes))] {
            let path = folder.put(name, bytes);
            expect_error(read_points(&path, &ReadOptions::default()), &path, parts);
        }
    }
    let path = folder.put("images", idx(0x0e, &[1, 2], &le(&[1.0, f64::NAN], f64::to_be_bytes)));
    expect_error(read_points(&path, &ReadOptions::default()), &path, &["sample 0, feature 1 is NaN"]);
}

#[test]
fn headers_that_promise_too_much() {
    let folder = Folder::new();
    let huge = [
        npy("'<f8'", false, "(1152921504606846976,)", &[0; 64]),
        npy("'|u1'", false, "(1152921504606846976,)", &[0; 64]),
        npy("'<f4'", false, "(1073741824, 1073741824)", &[0; 64]),
        npy("'<f4'", true, "(1073741824, 1073741824)", &[0; 64]),
        npy("'<i8'", false, "(9223372036854775807, 9223372036854775807)", &[0; 64]),
        npy("'<i8'", false, "(1152921504606846976, 16)", &[0; 64]),
        idx(8, &[1 << 30, 1 << 30], &[0; 64]),
        idx(0x0e, &[1 << 31, 1 << 31, 1 << 31], &[0; 64]),
    ];
    for bytes in huge {
        for (name, bytes) in [("x", bytes.clone()), ("x.gz", gzip(&bytes))] {
            let path = folder.put(name, bytes);
            expect_error(read_points(&path, &ReadOptions::default()), &path, &["promises"]);
            let samples = folder.put("x.csv", "1\n2\n");
            expect_error(read_with(&samples, &with_labels(path.clone())), &path, &[]);
        }
    }
    let x = npy("'<f8'", false, "(1152921504606846976,)", &[0; 64]);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let path = folder.put("x.npz", npz(&[("X", x.clone())], method));
        expect_error(read_points(&path, &ReadOptions::default()), &path, &["promises", "only 64"]);
    }
    for shape in ["(1152921504606846976, 0)", "(0, 1152921504606846976)"] {
        for fortran in [false, true] {
            let path = folder.put("x.npy", npy("'<f8'", fortran, shape, &[]));
            expect_error(read_points(&path, &ReadOptions::default()), &path, &["empty"]);
        }
    }
}

#[test]
fn npy_that_is_no_array_of_numbers() {
    let folder = Folder::new();
    let cases: [(Vec<u8>, &[&str]); 9] = [
        (npy("'|O'", false, "(2,)", b"\x80\x03]."), &["dtype object", "not supported", "float64"]),
        (npy("'<c16'", false, "(1,)", &[0; 16]), &["dtype '<c16'"]),
        (npy("[('a', '<f8')]", false, "(1,)", &[0; 8]), &["records"]),
        (npy("'<U2'", false, "(1,)", &[0; 8]), &["text as features"]),
        (npy("'<f8'", false, "()", &[0; 8]), &["without dimensions"]),
        (npy("'<f8'", false, "(2,)", &[0; 15]), &["truncated NPY", "16 bytes", "only 15"]),
        (npy("'<f8'", false, "(2,)", &[0; 17]), &["trailing data in NPY"]),
        (
            npy("'<i8'", false, "(1, 2)", &le(&[1, (1i64 << 53) + 1], i64::to_le_bytes)),
            &["sample 0", "9007199254740993"],
        ),
        (
            npy("'<f4'", false, "(2,)", &le(&[1.0, f32::NEG_INFINITY], f32::to_le_bytes)),
            &["sample 1, feature 0 is -inf"],
        ),
    ];
    for (bytes, parts) in cases {
        for (name, bytes) in [("x.npy", bytes.clone()), ("x.npy.gz", gzip(&bytes))] {
            let path = folder.put(name, bytes);
            expect_error(read_points(&path, &ReadOptions::default()), &path, parts);
        }
    }
    let mut version = npy("'<f8'", false, "(1,)", &[0; 8]);
    version[6] = 9;
    let path = folder.put("x.npy", version);
    expect_error(read(&path), &path, &["bad NPY", "version 9.0"]);
    let path = folder.put("x.npy", &npy("'<f8'", false, "(1,)", &[])[..40]);
    expect_error(read(&path), &path, &["bad NPY", "within the header"]);
    let path = folder.put("x.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}");
    expect_error(read(&path), &path, &["bad NPY", "4294967295"]);
}

#[test]
fn npz_that_is_no_dataset() {
    let folder = Folder::new();
    let x = npy("'<f4'", false, "(2, 1)", &le(&[0f32, 1.0], f32::to_le_bytes));
    let y = npy("'<i4'", false, "(2,)", &le(&[1i32, 2], i32::to_le_bytes));
    let stored = CompressionMethod::Stored;
    let put = |arrays: &[(&str, &Vec<u8>)]| {
        let arrays: Vec<(&str, Vec<u8>)> =
            arrays.iter().map(|&(name, bytes)| (name, bytes.clone())).collect();
        folder.put("d.npz", npz(&arrays, stored))
    };
    let path = put(&[("a", &x), ("b", &y)]);
    expect_error(read(&path), &path, &["without an array 'X'", "a, b"]);
    let path = put(&[("X", &x)]);
    expect_error(read(&path), &path, &["no labels", "no array 'y'", "--labels"]);
    let three = npy("'<i4'", false, "(3,)", &le(&[1i32, 2, 3], i32::to_le_bytes));
    let path = put(&[("X", &x), ("y", &three)]);
    expect_error(read(&path), &path, &["3 labels for 2 samples"]);
    let one_hot = npy("'<i4'", false, "(2, 2)", &le(&[1i32, 0, 0, 1], i32::to_le_bytes));
    let path = put(&[("X", &x), ("y", &one_hot)]);
    expect_error(read(&path), &path, &["labels of 2 x 2", "one number per sample"]);
    let nan = npy("'<f8'", false, "(2,)", &le(&[1.0, f64::NAN], f64::to_le_bytes));
    let path = put(&[("X", &x), ("y", &nan)]);
    expect_error(read(&path), &path, &["label of sample 1 is NaN"]);
    let text: Vec<u8> = "ab".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let one_name = npy("'<U1'", false, "(1,)", &text[..4]);
    let path = put(&[("X", &x), ("y", &y), ("class_names", &one_name)]);
    expect_error(read(&path), &path, &["'2' of sample 1", "none of the classes"]);
    let path = put(&[("X", &x), ("y", &y), ("class_names", &y)]);
    expect_error(read(&path), &path, &["numbers as names"]);
    let few = npy("'<i8'", false, "()", &1i64.to_le_bytes());
    let path = put(&[("X", &x), ("y", &y), ("classes", &few)]);
    expect_error(read(&path), &path, &["'2' of sample 1", "none of the classes"]);
    let many = npy("'<i8'", false, "()", &(1i64 << 60).to_le_bytes());
    let path = put(&[("X", &x), ("y", &y), ("classes", &many)]);
    expect_error(read(&path), &path, &["'classes' is 1152921504606846976"]);

    let whole = npz(&[("X", x.clone()), ("y", y.clone())], CompressionMethod::Deflated);
    let path = folder.put("d.npz", &whole[..whole.len() - 30]);
    expect_error(read(&path), &path, &["bad NPZ"]);
    let mut flipped = npz(&[("X", x.clone()), ("y", y)], stored);
    let at = flipped.windows(4).position(|w| w == 1f32.to_le_bytes()).unwrap();
    flipped[at] ^= 1;
    let path = folder.put("d.npz", flipped);
    expect_error(read(&path), &path, &["bad NPZ"]);
}

#[test]
fn tables_with_a_bad_cell() {
    let folder = Folder::new();
    let cases: [(&str, &[&str]); 13] = [
        ("a,b,c\n1,2,x\n1,2,3,x\n", &["line 3 has 4 cells; expected 3"]),
        ("1,2,x\n1,x\n", &["line 2 has 2 cells; expected 3"]),
        ("a,b,c\n1,red,x\n", &["line 2, column 2 (b): 'red' is not a number"]),
        ("1,2,x\n1,NaN,x\n", &["line 2, column 2: 'NaN' is not a finite"]),
        ("1,2,x\ninf,2,x\n", &["line 2, column 1: 'inf' is not a finite"]),
        ("1,2,x\n\n\n1,1e999,x\n", &["line 4, column 2: '1e999' is not a finite"]),
        ("1,2,x\r\n\r\n1,,x\r\n", &["line 3, column 2: the cell is empty"]),
        ("1,2,x\n\"1\n\",2,x\n1,q,x", &["line 4, column 2: 'q'"]),
        ("1,2,x\n1,2,\n", &["line 2, column 3: the label is empty"]),
        ("NA,2,x\n", &["line 1, column 1: 'NA' is not a number"]),
        ("a,b,label\n", &["empty", "0 samples of 2 features"]),
        ("x\ny\n", &["no separator found", "'x'", "--delimiter"]),
        ("1,2\u{1b}[31m,x\n", &["wrong magic"]),
    ];
    for (text, parts) in cases {
        let path = folder.put("t.csv", text);
        expect_error(read(&path), &path, parts);
    }
    let path = folder.put("t.csv", b"1,2,x\n1,\xff,x\n");
    expect_error(read(&path), &path, &["line 2, column 2", "not UTF-8"]);
    let path = folder.put("t.csv", "a,b,c\n1,2,x\n");
    expect_error(read_with(&path, &with_column("d")), &path, &["no column 'd'", "a, b, c"]);
    expect_error(read_with(&path, &with_column("3")), &path, &["no column '3'"]);
    let path = folder.put("t.csv", "1,2,3\n");
    expect_error(read_with(&path, &with_column("kind")), &path, &["no column 'kind'", "0 to 2"]);
    let mut both = with_column("c");
    both.labels = Some("labels".into());
    expect_error(read_with(&path, &both), &path, &["--labels", "--label-column"]);
}

#[test]
fn labels_that_do_not_match() {
    let folder = Folder::new();
    let images = folder.put("images-idx3-ubyte", idx(8, &[3, 1], &[1, 2, 3]));
    let beside = folder.put("labels-idx1-ubyte", idx(8, &[2], &[1, 2]));
    expect_error(read(&images), &beside, &["2 labels for 3 samples"]);
    folder.put("labels-idx1-ubyte", idx(8, &[3, 2], &[0; 6]));
    expect_error(read(&images), &beside, &["labels of 3 x 2"]);
    let list = folder.put("list", "a\n\nb\nc\n");
    expect_error(read_with(&images, &with_labels(list.clone())), &list, &["line 2", "empty"]);
    folder.put("list", "class\na\nb\n\n");
    expect_error(read_with(&images, &with_labels(list.clone())), &list, &["2 labels for 3 samples"]);
    folder.put("list", b"a\n\xff\n");
    expect_error(read_with(&images, &with_labels(list.clone())), &list, &["line 2", "not UTF-8"]);
    let missing = folder.path("missing");
    expect_error(read_with(&images, &with_labels(missing.clone())), &missing, &["cannot open"]);
    let other = folder.put("pictures", idx(8, &[1, 1], &[1]));
    expect_error(read(&other), &other, &["no labels", "no 'images'", "--labels"]);
}
