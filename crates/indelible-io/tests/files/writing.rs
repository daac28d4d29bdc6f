//! Arrays that are written can be read back, and by NumPy's rules.

use crate::common::*;
use indelible_io::{
    dataset::{ReadOptions, read as read_with},
    npy::{Array, Values, write_npy, write_npz},
};
use proptest::prelude::*;

#[test]
fn npy_files_follow_the_format_to_the_byte() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    let array = Array::matrix(Values::F64(&[1.0, -2.0, 0.5, 4.0, 5.0, 6.0]), 3).unwrap();
    write_npy(&path, &array).unwrap();
    let expected = npy("'<f8'", false, "(2, 3,)", &le(&[1.0, -2.0, 0.5, 4.0, 5.0, 6.0], f64::to_le_bytes));
    assert_eq!(std::fs::read(&path).unwrap(), expected);
    assert_eq!(expected.len() % 64, 48);

    write_npy(&path, &Array::vector(Values::Text(&["no", "yes", ""]))).unwrap();
    let text: Vec<u8> = "no\0yes\0\0\0".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    assert_eq!(std::fs::read(&path).unwrap(), npy("'<U3'", false, "(3,)", &text));
    assert!(Array::matrix(Values::F64(&[1.0]), 2).is_none());
    assert!(Array::matrix(Values::F64(&[]), 0).is_none());
}

#[test]
fn failures_leave_nothing_and_say_why() {
    let folder = Folder::new();
    let array = Array::vector(Values::U64(&[1, 2, 3]));
    let missing = folder.path("no/out");
    expect_error(write_npy(&missing, &array), &missing, &["cannot write"]);
    expect_error(write_npz(&missing, &[("a", array.clone())]), &missing, &["cannot write"]);
    let twice = folder.path("twice.npz");
    expect_error(write_npz(&twice, &[("a", array.clone()), ("a", array.clone())]), &twice, &["cannot write"]);
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_clear_line() {
    let path = std::path::Path::new("/dev/full");
    let values = vec![1.0; 1 << 16];
    let array = Array::vector(Values::F64(&values));
    expect_error(write_npy(path, &array), path, &["cannot write", "No space left"]);
    expect_error(write_npz(path, &[("a", array)]), path, &["cannot write", "No space left"]);
}

proptest! {
    #[test]
    fn npz_files_read_back_as_written(
        rows in proptest::collection::vec((any::<f64>(), any::<i64>()), 1..40),
    ) {
        let x: Vec<f64> = rows.iter().map(|r| if r.0.is_finite() { r.0 } else { f64::from_bits(1) }).collect();
        let y: Vec<i64> = rows.iter().map(|r| r.1).collect();
        let folder = Folder::new();
        let path = folder.path("d.npz");
        write_npz(&path, &[("X", Array::vector(Values::F64(&x))), ("y", Array::vector(Values::I64(&y)))]).unwrap();
        let data = read(&path).unwrap();
        prop_assert!(values(&data).iter().map(|v| v.to_bits()).eq(x.iter().map(|v| v.to_bits())));
        prop_assert!(names(&data).iter().map(|n| n.parse::<i64>().unwrap()).eq(y.iter().copied()));
        let classes: Vec<i64> = data.class_names().iter().map(|n| n.parse().unwrap()).collect();
        prop_assert!(classes.is_sorted());
        let first = std::fs::read(&path).unwrap();
        write_npz(&path, &[("X", Array::vector(Values::F64(&x))), ("y", Array::vector(Values::I64(&y)))]).unwrap();
        prop_assert_eq!(first, std::fs::read(&path).unwrap());
    }

    #[test]
    fn npy_files_read_back_as_written(
        x in proptest::collection::vec(any::<f32>().prop_filter("finite", |v| v.is_finite()), 1..40),
        words in proptest::collection::vec("[a-zäß\u{1f600}]{1,5}", 40),
    ) {
        let folder = Folder::new();
        let (path, labels) = (folder.path("x.npy"), folder.path("y.npy"));
        write_npy(&path, &Array::matrix(Values::F32(&x), 1).unwrap()).unwrap();
        let words: Vec<&str> = words.iter().take(x.len()).map(String::as_str).collect();
        write_npy(&labels, &Array::vector(Values::Text(&words))).unwrap();
        let options = ReadOptions { labels: Some(labels), ..ReadOptions::default() };
        let data = read_with(&path, &options).unwrap();
        prop_assert!(values(&data).iter().map(|v| v.to_bits()).eq(x.iter().map(|v| f64::from(*v).to_bits())));
        prop_assert_eq!(names(&data), words);
    }

    #[test]
    fn tables_read_back_as_written(
        rows in proptest::collection::vec((any::<f64>(), any::<f32>(), "[a-z\" \u{e9}]{0,6}x"), 1..30),
        delimiter in prop::sample::select(vec![b',', b';', b'\t']),
        header in any::<bool>(),
    ) {
        let finite = |v: f64| if v.is_finite() { v } else { -5e-324 };
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        if header {
            writer.write_record(["a", "b", "c"]).unwrap();
        }
        let mut x = Vec::new();
        for (a, b, label) in &rows {
            let (a, b) = (finite(*a), finite(f64::from(*b)));
            x.extend([a.to_bits(), b.to_bits()]);
            writer.write_record([&a.to_string(), &format!("{b:e}"), label]).unwrap();
        }
        let folder = Folder::new();
        let path = folder.put("t.csv", writer.into_inner().unwrap());
        let data = read(&path).unwrap();
        prop_assert_eq!(values(&data).iter().map(|v| v.to_bits()).collect::<Vec<_>>(), x);
        prop_assert_eq!(names(&data), rows.iter().map(|r| r.2.trim()).collect::<Vec<_>>());
    }

    #[test]
    fn idx_files_read_back_as_written(
        pixels in proptest::collection::vec(any::<u8>(), 1..64),
        labels in proptest::collection::vec(any::<u8>(), 64),
    ) {
        let folder = Folder::new();
        let n = pixels.len() as u32;
        let path = folder.put("images", idx(8, &[n, 1], &pixels));
        folder.put("labels.gz", gzip(&idx(8, &[n], &labels[..pixels.len()])));
        let data = read(&path).unwrap();
        prop_assert!(values(&data).iter().zip(&pixels).all(|(v, &p)| *v == f64::from(f32::from(p) / 255.0)));
        prop_assert!(names(&data).iter().zip(&labels).all(|(n, y)| *n == y.to_string()));
    }
}
