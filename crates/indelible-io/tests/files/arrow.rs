//! Tables of Arrow IPC, written with the crate's own writer.

use std::sync::Arc;

use crate::common::*;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, DurationSecondArray,
    FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray,
    ListArray, NullArray, RecordBatch, StringArray, StringViewArray, TimestampMillisecondArray, UInt64Array,
    types::{Float64Type, Int8Type, Int32Type},
};
use arrow_ipc::{
    CompressionType,
    writer::{FileWriter, IpcWriteOptions, StreamWriter},
};
use arrow_schema::{DataType, Field, Schema};
use indelible::Features;
use indelible_io::dataset::{
    Categorical, Missing, ReadOptions, read as read_with, read_labelled, read_points,
};

/// One batch of named columns.
fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter(columns.iter().cloned()).unwrap()
}

fn array(values: impl arrow_array::Array + 'static) -> ArrayRef {
    Arc::new(values)
}

fn options(codec: Option<CompressionType>) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(codec).unwrap()
}

fn file_of(batches: &[RecordBatch], codec: Option<CompressionType>) -> Vec<u8> {
    let schema = batches[0].schema();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options(codec)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn stream_of(batches: &[RecordBatch], codec: Option<CompressionType>) -> Vec<u8> {
    let schema = batches[0].schema();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options(codec)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn file(columns: &[(&str, ArrayRef)]) -> Vec<u8> {
    file_of(&[batch(columns)], None)
}

const CODECS: [Option<CompressionType>; 3] =
    [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];

#[test]
fn every_type_every_codec_and_several_batches() {
    let folder = Folder::new();
    let columns = |rows: usize| {
        let doubles = [0.1, 5e-324, 1e30];
        let words = ["b", "a", "b"];
        let keys = Int8Array::from([1, 0, 1][..rows].to_vec());
        batch(&[
            ("a", array(BooleanArray::from([true, false, true][..rows].to_vec()))),
            ("b", array(Int8Array::from([-128, 127, 0][..rows].to_vec()))),
            ("c", array(UInt64Array::from([1 << 63, 3, 0][..rows].to_vec()))),
            ("d", array(Int64Array::from([1 << 53, i64::MIN, 0][..rows].to_vec()))),
            ("e", array(Float32Array::from([0.1, -1e-45, 0.0][..rows].to_vec()))),
            ("kind", array(LargeStringArray::from(words[..rows].to_vec()))),
            ("f", array(Float64Array::from(doubles[..rows].to_vec()))),
            ("g", array(DictionaryArray::new(keys, array(Int32Array::from(vec![7, -9]))))),
        ])
    };
    let expected = [
        [1.0, -128.0, 9223372036854775808.0, 9007199254740992.0, f64::from(0.1f32), 0.1, -9.0],
        [0.0, 127.0, 3.0, -9223372036854775808.0, f64::from(-1e-45f32), 5e-324, 7.0],
        [1.0, 0.0, 0.0, 0.0, 0.0, 1e30, -9.0],
    ];
    let rows = [expected[0], expected[1], expected[0], expected[1], expected[2]];
    let batches = [columns(2), columns(0), columns(3)];
    for codec in CODECS {
        let streamed = stream_of(&batches, codec);
        for (name, bytes) in [
            ("t.feather", file_of(&batches, codec)),
            ("t.arrows", streamed.clone()),
            ("t.arrows.gz", gzip(&streamed)),
            // The mark of the end may be missing.
            ("t", streamed[..streamed.len() - 8].to_vec()),
        ] {
            let path = folder.put(name, bytes);
            let mut options = ReadOptions { label_column: Some("kind".into()), ..ReadOptions::default() };
            for limit in [None, Some(1), Some(2), Some(3), Some(9)] {
                options.limit = limit;
                let taken = limit.unwrap_or(5).min(5);
                let data = read_with(&path, &options).unwrap();
                assert_eq!(values(&data), rows[..taken].concat(), "{name} {codec:?} {limit:?}");
                assert_eq!(names(&data), ["b", "a", "b", "a", "b"][..taken]);
                assert_eq!(data.feature_names().unwrap(), ["a", "b", "c", "d", "e", "f", "g"]);
            }
        }
    }
}

#[test]
fn labels_of_every_kind_are_the_same_classes() {
    let folder = Folder::new();
    let coded: DictionaryArray<Int8Type> = ["v", "u", "v"].into_iter().collect();
    let words = |array: ArrayRef| (array, vec!["v", "u", "v"]);
    let numbers = |array: ArrayRef| (array, vec!["1", "0", "1"]);
    for (labels, expected) in [
        words(array(StringArray::from(vec!["v", " u", "v "]))),
        words(array(StringViewArray::from(vec!["v", "u", "v"]))),
        words(array(BinaryArray::from(vec![&b"v"[..], b"u", b"v"]))),
        words(array(coded)),
        numbers(array(BooleanArray::from(vec![true, false, true]))),
        numbers(array(Int32Array::from(vec![1, 0, 1]))),
        numbers(array(Float64Array::from(vec![1.0, 0.0, 1.0]))),
        numbers(array(Decimal128Array::from(vec![10, 0, 10]).with_precision_and_scale(5, 1).unwrap())),
    ] {
        let a = array(Float32Array::from(vec![1.0, 2.0, 3.0]));
        let path = folder.put("t", file(&[("a", a), ("label", labels)]));
        let data = read(&path).unwrap();
        assert!(matches!(data.storage(), Features::F32(_)));
        assert_eq!((values(&data), names(&data)), (vec![1.0, 2.0, 3.0], expected));
    }
}

#[test]
fn decimals_and_lists() {
    let folder = Folder::new();
    let lists = |rows: Vec<Vec<f64>>| {
        let rows = rows.into_iter().map(|row| Some(row.into_iter().map(Some)));
        array(ListArray::from_iter_primitive::<Float64Type, _, _>(rows))
    };
    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
        [[1, 2], [3, 4]].map(|row| Some(row.map(Some))),
        2,
    );
    let bytes = file(&[
        ("a", array(Decimal128Array::from(vec![110, -5]).with_precision_and_scale(9, 2).unwrap())),
        ("b", array(Decimal128Array::from(vec![11, -5]).with_precision_and_scale(9, -2).unwrap())),
        ("x", lists(vec![vec![1.5, 2.5, 3.5], vec![4.5, 5.5, 6.5]])),
        ("z", array(fixed)),
        ("y", array(StringArray::from(vec!["u", "v"]))),
    ]);
    let path = folder.put("t", bytes);
    let data = read(&path).unwrap();
    assert_eq!(data.feature_names().unwrap(), ["a", "b", "x[0]", "x[1]", "x[2]", "z[0]", "z[1]"]);
    let expected = [1.1, 1100.0, 1.5, 2.5, 3.5, 1.0, 2.0, -0.05, -500.0, 4.5, 5.5, 6.5, 3.0, 4.0];
    assert_eq!((values(&data), names(&data)), (expected.to_vec(), vec!["u", "v"]));

    let y = || array(Int32Array::from(vec![0, 1]));
    let path = folder.put("t", file(&[("x", lists(vec![vec![1.0, 2.0], vec![3.0]])), ("y", y())]));
    expect_error(read(&path), &path, &["row 2, column 1 (x)", "another length than the first, 2"]);
    let label = ReadOptions { label_column: Some("x".into()), ..ReadOptions::default() };
    expect_error(read_with(&path, &label), &path, &["column 'x' of lists as labels"]);
    let path = folder.put("t", file(&[("x", lists(vec![vec![], vec![]])), ("y", y())]));
    expect_error(read(&path), &path, &["row 1, column 1 (x): the list is empty"]);
}

#[test]
fn what_is_no_feature_is_named_and_can_be_dropped() {
    let folder = Folder::new();
    let y = array(Int32Array::from(vec![1, 0]));
    let period = Field::new("t", DataType::Int64, true)
        .with_metadata([("ARROW:extension:name".to_owned(), "pandas.period".to_owned())]);
    for (column, field, said) in [
        (array(TimestampMillisecondArray::from(vec![0, 1])), None, "timestamps"),
        (array(DurationSecondArray::from(vec![0, 1])), None, "durations"),
        (array(NullArray::new(2)), None, "nothing but nulls"),
        (array(Int64Array::from(vec![0, 1])), Some(period), "the extension type 'pandas.period'"),
        (array(StringArray::from(vec!["u", "v"])), None, "text as a feature (--categorical onehot"),
    ] {
        let field = field.unwrap_or_else(|| Field::new("t", column.data_type().clone(), true));
        let schema = Schema::new(vec![
            field,
            Field::new("a", DataType::Float64, true),
            Field::new("y", DataType::Int32, true),
        ]);
        let a = array(Float64Array::from(vec![1.0, 2.0]));
        let batch = RecordBatch::try_new(Arc::new(schema), vec![column, a, y.clone()]).unwrap();
        let path = folder.put("t", file_of(&[batch], None));
        expect_error(read(&path), &path, &["column 't' of", said, "--drop"]);
        let options = ReadOptions { drop: vec!["t".into()], ..ReadOptions::default() };
        assert_eq!(values(&read_with(&path, &options).unwrap()), [1.0, 2.0]);
    }
}

#[test]
fn values_that_are_no_features() {
    let folder = Folder::new();
    let of = |values: Vec<Option<f64>>| array(Float64Array::from(values));
    let y = || array(Int32Array::from(vec![0, 1, 0, 1]));
    let holes = of(vec![Some(1.0), None, Some(4.0), Some(f64::NAN)]);
    let b = array(Int32Array::from(vec![1, 2, 3, 4]));
    let path = folder.put("t", file(&[("a", holes), ("b", b), ("y", y())]));
    let missing = |missing| read_with(&path, &ReadOptions { missing, ..ReadOptions::default() });
    expect_error(missing(Missing::Refuse), &path, &["row 2, column 1 (a): the value is null"]);
    let data = missing(Missing::Drop).unwrap();
    assert_eq!((values(&data), names(&data)), (vec![1.0, 1.0, 4.0, 3.0], vec!["0", "0"]));
    assert_eq!(values(&missing(Missing::Mean).unwrap()), [1.0, 1.0, 2.5, 2.0, 4.0, 3.0, 2.5, 4.0]);

    let one = |a: ArrayRef, y: ArrayRef| folder.put("u", file(&[("a", a), ("y", y)]));
    let path = one(of(vec![Some(f64::INFINITY)]), array(Int32Array::from(vec![1])));
    expect_error(read(&path), &path, &["row 1, column 1 (a): inf is not a finite"]);
    let path = one(array(Int64Array::from(vec![(1 << 53) + 1])), array(Int32Array::from(vec![1])));
    expect_error(read(&path), &path, &["row 1, column 1 (a): 9007199254740993 cannot"]);
    let path = one(of(vec![Some(1.0)]), array(Int32Array::from(vec![None::<i32>])));
    expect_error(read(&path), &path, &["row 1, column 2 (y): the value is null"]);
    let path = one(of(vec![Some(1.0)]), array(BinaryArray::from(vec![&b"\xff"[..]])));
    expect_error(read(&path), &path, &["row 1, column 2 (y)", "UTF-8"]);
    let path = one(of(vec![]), array(Int32Array::from(Vec::<i32>::new())));
    expect_error(read(&path), &path, &["0 samples of 1 feature;"]);
}

#[test]
fn an_index_of_pandas_is_no_feature() {
    let folder = Folder::new();
    let columns = batch(&[
        ("key", array(Int64Array::from(vec![7, 9]))),
        ("a", array(Float64Array::from(vec![1.0, 2.0]))),
        ("y", array(Int32Array::from(vec![1, 0]))),
    ]);
    for (columns_of_index, left_out, features) in
        [(r#""key""#, &["column key (an index of the rows)"][..], 1), ("", &[], 2)]
    {
        let said = format!(r#"{{"index_columns": [{columns_of_index}], "columns": []}}"#);
        let schema = columns.schema().as_ref().clone().with_metadata([("pandas".to_owned(), said)]);
        let batch = RecordBatch::try_new(Arc::new(schema), columns.columns().to_vec()).unwrap();
        let path = folder.put("t", file_of(&[batch], None));
        let points = read_labelled(&path, &ReadOptions::default()).unwrap();
        assert_eq!(points.reading().left_out, left_out);
        assert_eq!((points.reading().format.as_str(), points.data().features()), ("Arrow IPC", features));
    }
}

#[test]
fn text_becomes_one_feature_for_each_word() {
    let folder = Folder::new();
    let words: DictionaryArray<Int32Type> = [Some("u"), Some("v"), None].into_iter().collect();
    let a = array(Float32Array::from(vec![0.5, 1.5, 2.5]));
    let y = array(Int32Array::from(vec![0, 1, 0]));
    let path = folder.put("t", file(&[("c", array(words)), ("a", a), ("y", y)]));
    let options =
        ReadOptions { categorical: Categorical::OneHot, missing: Missing::Drop, ..ReadOptions::default() };
    let data = read_with(&path, &options).unwrap();
    assert_eq!(data.feature_names().unwrap(), ["c=u", "c=v", "a"]);
    assert_eq!(values(&data), [1.0, 0.0, 0.5, 0.0, 1.0, 1.5]);
}

#[test]
fn damaged_files() {
    let folder = Folder::new();
    let columns = [batch(&[
        ("a", array(Float64Array::from(vec![1.0; 99]))),
        ("y", array(Int32Array::from((0..99).collect::<Vec<_>>()))),
    ])];
    let bad = |bytes: &[u8], words: &[&str]| {
        let path = folder.put("t", bytes);
        expect_error(read(&path), &path, words);
        expect_error(read_points(&path, &ReadOptions::default()).map(|_| ()), &path, words);
    };
    let whole = file_of(&columns, None);
    for end in [whole.len() - 1, whole.len() / 2, 12] {
        bad(&whole[..end], &["bad Arrow IPC", "the file ends early"]);
    }
    bad(&gzip(&whole), &["Arrow IPC in a pipe or in gzip is not supported"]);
    let whole = stream_of(&columns, None);
    for end in [whole.len() - 20, 200, 6] {
        bad(&whole[..end], &["bad Arrow IPC: the file ends early"]);
    }
    // Of two streams one behind the other no row is left out in silence.
    bad(&[whole.clone(), whole].concat(), &["the file goes on behind the end of the stream"]);
    // A buffer that promises more than its codec can make of it.
    for (codec, magic) in
        [(CompressionType::LZ4_FRAME, &b"\x04\x22\x4d\x18"[..]), (CompressionType::ZSTD, b"\x28\xb5\x2f\xfd")]
    {
        let mut bytes = stream_of(&columns, Some(codec));
        let at = bytes.windows(4).position(|window| window == magic).unwrap();
        bytes[at - 8..at].copy_from_slice(&(1i64 << 40).to_le_bytes());
        bad(&bytes, &["bad Arrow IPC: a compressed buffer of a length that cannot be"]);
    }
    bad(b"FEA1\0\0\0\0rest", &["version 1 of Feather is not supported; expected version 2"]);
}
