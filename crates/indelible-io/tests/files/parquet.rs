//! Parquet tables, written with the crate's own writer.

use std::sync::Arc;

use crate::common::*;
use indelible::Features;
use indelible_io::dataset::{
    Categorical, Missing, ReadOptions, read as read_with, read_labelled, read_points,
};
use parquet::{
    basic::{Compression, ZstdLevel},
    column::writer::ColumnWriter,
    data_type::{ByteArray, FixedLenByteArray},
    file::{
        metadata::KeyValue,
        properties::{WriterProperties, WriterVersion},
        writer::SerializedFileWriter,
    },
    schema::parser::parse_message_type,
};

/// The cells of one column; `None` is a null.
enum Cells<'a> {
    Bool(&'a [bool]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    F32(&'a [f32]),
    F64(&'a [f64]),
    Text(&'a [&'a str]),
    Nullable(&'a [Option<f64>]),
    Fixed(&'a [&'a [u8]]),
    Lists(&'a [&'a [f64]]),
}

/// A file of one row group per element of `groups`.
fn table(schema: &str, groups: &[&[Cells]], properties: WriterProperties) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message t {{ {schema} }}")).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for group in groups {
        let mut rows = writer.next_row_group().unwrap();
        for cells in *group {
            let mut column = rows.next_column().unwrap().unwrap();
            let written = match (column.untyped(), cells) {
                (ColumnWriter::BoolColumnWriter(w), Cells::Bool(v)) => w.write_batch(v, None, None),
                (ColumnWriter::Int32ColumnWriter(w), Cells::I32(v)) => w.write_batch(v, None, None),
                (ColumnWriter::Int64ColumnWriter(w), Cells::I64(v)) => w.write_batch(v, None, None),
                (ColumnWriter::FloatColumnWriter(w), Cells::F32(v)) => w.write_batch(v, None, None),
                (ColumnWriter::DoubleColumnWriter(w), Cells::F64(v)) => w.write_batch(v, None, None),
                (ColumnWriter::DoubleColumnWriter(w), Cells::Nullable(v)) => {
                    let levels: Vec<i16> = v.iter().map(|cell| i16::from(cell.is_some())).collect();
                    let values: Vec<f64> = v.iter().copied().flatten().collect();
                    w.write_batch(&values, Some(&levels), None)
                }
                (ColumnWriter::FixedLenByteArrayColumnWriter(w), Cells::Fixed(v)) => {
                    let values: Vec<FixedLenByteArray> =
                        v.iter().map(|bytes| ByteArray::from(bytes.to_vec()).into()).collect();
                    w.write_batch(&values, None, None)
                }
                (ColumnWriter::DoubleColumnWriter(w), Cells::Lists(v)) => {
                    let repeats: Vec<i16> =
                        v.iter().flat_map(|list| (0..list.len()).map(|at| i16::from(at > 0))).collect();
                    w.write_batch(&v.concat(), Some(&vec![1; repeats.len()]), Some(&repeats))
                }
                (ColumnWriter::ByteArrayColumnWriter(w), Cells::Text(v)) => {
                    let texts: Vec<ByteArray> = v.iter().map(|&text| text.into()).collect();
                    w.write_batch(&texts, None, None)
                }
                _ => panic!("the schema does not fit the cells"),
            };
            written.unwrap();
            column.close().unwrap();
        }
        rows.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn plain() -> WriterProperties {
    WriterProperties::builder().build()
}

#[test]
fn every_type_every_codec_and_several_row_groups() {
    let folder = Folder::new();
    let schema =
        "required boolean a; required int32 b (integer(8, true)); required int32 c (integer(32, false));
                  required int64 d; required int64 e (integer(64, false)); required float f;
                  required binary kind (string); required double g;";
    let one: &[Cells] = &[
        Cells::Bool(&[true, false]),
        Cells::I32(&[-128, 127]),
        Cells::I32(&[-1, 1]),
        Cells::I64(&[1 << 53, i64::MIN]),
        Cells::I64(&[i64::MIN, 3]),
        Cells::F32(&[0.1, -1e-45]),
        Cells::Text(&["b", "a"]),
        Cells::F64(&[0.1, 5e-324]),
    ];
    let two: &[Cells] = &[
        Cells::Bool(&[true]),
        Cells::I32(&[0]),
        Cells::I32(&[0]),
        Cells::I64(&[0]),
        Cells::I64(&[0]),
        Cells::F32(&[0.0]),
        Cells::Text(&["b"]),
        Cells::F64(&[1e30]),
    ];
    let expected = [
        [1.0, -128.0, 4294967295.0, 9007199254740992.0, 9223372036854775808.0, f64::from(0.1f32), 0.1],
        [0.0, 127.0, 1.0, -9223372036854775808.0, 3.0, f64::from(-1e-45f32), 5e-324],
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e30],
    ];
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties =
                WriterProperties::builder().set_compression(codec).set_writer_version(version).build();
            let path = folder.put("t.parquet", table(schema, &[one, two], properties));
            let mut options = ReadOptions { label_column: Some("kind".into()), ..ReadOptions::default() };
            for limit in [None, Some(1), Some(2), Some(3), Some(9)] {
                options.limit = limit;
                let taken = limit.unwrap_or(3).min(3);
                let data = read_with(&path, &options).unwrap();
                assert_eq!(values(&data), expected[..taken].concat(), "{codec} {limit:?}");
                assert_eq!(names(&data), ["b", "a", "b"][..taken]);
                assert_eq!(data.class_names(), ["a", "b"]);
                assert_eq!(data.feature_names().unwrap(), ["a", "b", "c", "d", "e", "f", "g"]);
            }
        }
    }
}

#[test]
fn labels_follow_the_rules_of_tables() {
    let folder = Folder::new();
    let schema =
        "required float a; required int64 Target; required float b; optional double __index_level_0__;";
    let cells: &[Cells] = &[
        Cells::F32(&[1.0, 2.0]),
        Cells::I64(&[10, 9]),
        Cells::F32(&[3.0, 4.0]),
        Cells::Nullable(&[Some(7.0), None]),
    ];
    let path = folder.put("t", table(schema, &[cells], plain()));
    let data = read(&path).unwrap();
    assert!(matches!(data.storage(), Features::F32(_)));
    assert_eq!((values(&data), names(&data)), (vec![1.0, 3.0, 2.0, 4.0], vec!["10", "9"]));
    assert_eq!(data.class_names(), ["9", "10"]);
    assert_eq!(data.feature_names().unwrap(), ["a", "b"]);

    let options = ReadOptions { label_column: Some("0".into()), ..ReadOptions::default() };
    let data = read_with(&path, &options).unwrap();
    assert_eq!((values(&data), names(&data)), (vec![10.0, 3.0, 9.0, 4.0], vec!["1", "2"]));

    let options = ReadOptions { labels: Some(folder.put("labels", "u\nv\n")), ..ReadOptions::default() };
    let data = read_with(&path, &options).unwrap();
    assert_eq!((data.features(), names(&data)), (3, vec!["u", "v"]));

    let mut options = ReadOptions { expected_features: Some(3), ..ReadOptions::default() };
    // A column of this name is no feature, whatever the count.
    assert!(read_points(&path, &options).unwrap().is_labelled());
    options.label_column = Some("z".into());
    expect_error(read_with(&path, &options), &path, &["no column 'z'", "a, Target, b"]);
}

#[test]
fn values_that_are_no_features() {
    let folder = Folder::new();
    let put = |schema: &str, cells: &[Cells]| folder.put("t.parquet", table(schema, &[cells], plain()));
    let labels = Cells::I32(&[1, 2, 3]);
    let path = put(
        "optional double a; required int32 y;",
        &[Cells::Nullable(&[Some(1.0), None, Some(2.0)]), Cells::I32(&[1, 2, 3])],
    );
    expect_error(read(&path), &path, &["row 2, column 1 (a): the value is null"]);
    let path = put("required double a; required int32 y;", &[Cells::F64(&[1.0, 2.0, f64::NAN]), labels]);
    expect_error(read(&path), &path, &["row 3, column 1 (a): NaN is not a finite"]);
    let path = put("required float a; required int32 y;", &[Cells::F32(&[f32::INFINITY]), Cells::I32(&[1])]);
    expect_error(read(&path), &path, &["row 1, column 1 (a): inf is not a finite"]);
    let path = put("required int64 a; required int32 y;", &[Cells::I64(&[(1 << 53) + 1]), Cells::I32(&[1])]);
    expect_error(read(&path), &path, &["row 1, column 1 (a): 9007199254740993 cannot"]);
    let path = put("required binary a (string); required int32 y;", &[Cells::Text(&["x"]), Cells::I32(&[1])]);
    expect_error(read(&path), &path, &["column 'a' of text as a feature"]);
    let path = put("required int32 a (date); required int32 y;", &[Cells::I32(&[1]), Cells::I32(&[1])]);
    expect_error(read(&path), &path, &["column 'a' of dates", "not supported"]);
    let path = put("required double a; required double y;", &[Cells::F64(&[1.0]), Cells::F64(&[f64::NAN])]);
    expect_error(read(&path), &path, &["row 1, column 2 (y)", "NaN"]);
    let path = put("required double a; required int32 y;", &[Cells::F64(&[]), Cells::I32(&[])]);
    expect_error(read(&path), &path, &["0 samples of 1 feature;"]);
}

#[test]
fn damaged_files() {
    let folder = Folder::new();
    let whole = table(
        "required double a; required int32 y;",
        &[&[Cells::F64(&[1.0, 2.0]), Cells::I32(&[1, 2])]],
        plain(),
    );
    for end in [whole.len() - 1, whole.len() / 2, 12, 5] {
        let path = folder.put("t.parquet", &whole[..end]);
        expect_error(read(&path), &path, &["bad Parquet"]);
    }
    let path = folder.put("t.parquet", gzip(&whole));
    expect_error(read(&path), &path, &["in gzip", "not supported"]);
}

#[test]
fn an_index_of_pandas_is_no_feature() {
    let folder = Folder::new();
    let schema = "required int64 key; required double a; required double b; required int32 y;";
    let cells: &[Cells] =
        &[Cells::I64(&[7, 9]), Cells::F64(&[1.0, 2.0]), Cells::F64(&[0.5, 0.25]), Cells::I32(&[1, 0])];
    let with = |columns: &str| {
        let said = format!(r#"{{"index_columns": [{columns}], "columns": []}}"#);
        let pairs = vec![KeyValue::new("pandas".to_owned(), Some(said))];
        WriterProperties::builder().set_key_value_metadata(Some(pairs)).build()
    };
    let path = folder.put("t.parquet", table(schema, &[cells], with(r#""key""#)));
    let points = read_labelled(&path, &ReadOptions::default()).unwrap();
    assert_eq!(points.reading().left_out, ["column key (an index of the rows)"]);
    assert_eq!(values(points.data()), [1.0, 0.5, 2.0, 0.25]);
    let asked = ReadOptions { label_column: Some("key".into()), ..ReadOptions::default() };
    assert_eq!(names(&read_with(&path, &asked).unwrap()), ["7", "9"]);
    // An index that is no column, and metadata that is damaged, name none.
    let range = r#"{"kind": "range", "name": null, "start": 0, "stop": 2, "step": 1}"#;
    for columns in [range, "[", ""] {
        let path = folder.put("t.parquet", table(schema, &[cells], with(columns)));
        assert_eq!(read(&path).unwrap().features(), 3);
    }
}

#[test]
fn decimals_halves_and_lists() {
    let folder = Folder::new();
    let schema = "required int32 a (decimal(9, 2)); required fixed_len_byte_array(2) b (float16);
                  required group x (LIST) { repeated group list { required double element; } }
                  required fixed_len_byte_array(3) c (decimal(6, 1)); required binary y (string);";
    let cells: &[Cells] = &[
        Cells::I32(&[110, -5]),
        Cells::Fixed(&[&[0x00, 0x3c], &[0x55, 0x35]]),
        Cells::Lists(&[&[1.5, 2.5, 3.5], &[4.5, 5.5, 6.5]]),
        Cells::Fixed(&[&[0, 0, 7], &[0xff, 0xff, 0xff]]),
        Cells::Text(&[" u", "v "]),
    ];
    let path = folder.put("t.parquet", table(schema, &[cells, cells], plain()));
    let data = read(&path).unwrap();
    assert_eq!(data.feature_names().unwrap(), ["a", "b", "x[0]", "x[1]", "x[2]", "c"]);
    let rows = [1.1, 1.0, 1.5, 2.5, 3.5, 0.7, -0.05, 0.333_251_953_125, 4.5, 5.5, 6.5, -0.1];
    assert_eq!((values(&data), names(&data)), ([rows, rows].concat(), vec!["u", "v", "u", "v"]));

    let schema =
        "required group x (LIST) { repeated group list { required double element; } } required int32 y;";
    let cells: &[Cells] = &[Cells::Lists(&[&[1.0, 2.0], &[3.0]]), Cells::I32(&[0, 1])];
    let path = folder.put("t.parquet", table(schema, &[cells], plain()));
    expect_error(read(&path), &path, &["row 2, column 1 (x)", "another length than the first, 2"]);
    let label = ReadOptions { label_column: Some("x".into()), ..ReadOptions::default() };
    expect_error(read_with(&path, &label), &path, &["column 'x' of lists as labels"]);
}

#[test]
fn what_is_no_number_can_be_dropped() {
    let folder = Folder::new();
    let schema = "required int64 when (timestamp(millis, true)); required double a; required int32 y;";
    let cells: &[Cells] = &[Cells::I64(&[0, 1]), Cells::F64(&[1.0, 2.0]), Cells::I32(&[1, 0])];
    let path = folder.put("t.parquet", table(schema, &[cells], plain()));
    expect_error(read(&path), &path, &["column 'when' of timestamps is not supported", "--drop"]);
    let options = ReadOptions { drop: vec!["when".into()], ..ReadOptions::default() };
    assert_eq!(values(&read_with(&path, &options).unwrap()), [1.0, 2.0]);
}

#[test]
fn nulls_are_missing_values() {
    let folder = Folder::new();
    let schema = "optional double a; required int32 b; required int32 y;";
    let cells: &[Cells] = &[
        Cells::Nullable(&[Some(1.0), None, Some(4.0), Some(f64::NAN)]),
        Cells::I32(&[1, 2, 3, 4]),
        Cells::I32(&[0, 1, 0, 1]),
    ];
    let path = folder.put("t.parquet", table(schema, &[cells], plain()));
    let missing = |missing| read_with(&path, &ReadOptions { missing, ..ReadOptions::default() });
    expect_error(missing(Missing::Refuse), &path, &["row 2, column 1 (a): the value is null"]);
    let data = missing(Missing::Drop).unwrap();
    assert_eq!((values(&data), names(&data)), (vec![1.0, 1.0, 4.0, 3.0], vec!["0", "0"]));
    assert_eq!(values(&missing(Missing::Mean).unwrap()), [1.0, 1.0, 2.5, 2.0, 4.0, 3.0, 2.5, 4.0]);
}

#[test]
fn text_becomes_one_feature_for_each_word() {
    let folder = Folder::new();
    let schema = "required binary c (string); required float a; required int32 y;";
    let cells: &[Cells] =
        &[Cells::Text(&["u", "v", "u"]), Cells::F32(&[0.5, 1.5, 2.5]), Cells::I32(&[0, 1, 0])];
    let path = folder.put("t.parquet", table(schema, &[cells, cells], plain()));
    expect_error(read(&path), &path, &["column 'c' of text as a feature", "--categorical onehot"]);
    let data = read_with(&path, &ReadOptions { categorical: Categorical::OneHot, ..ReadOptions::default() })
        .unwrap();
    assert_eq!(data.feature_names().unwrap(), ["c=u", "c=v", "a"]);
    let rows = [1.0, 0.0, 0.5, 0.0, 1.0, 1.5, 1.0, 0.0, 2.5];
    assert_eq!(values(&data), [rows, rows].concat());
}
