//! Files that are damaged at random: reading them gives a dataset or an error,
//! never a panic, and takes no more memory than the file justifies.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{Cursor, Write},
    panic,
    path::Path,
    sync::{Arc, Mutex},
};

use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int8Array, Int32Array, ListArray, RecordBatch,
    types::{Float64Type, Int8Type},
};
use arrow_ipc::{
    CompressionType,
    writer::{FileWriter, IpcWriteOptions, StreamWriter},
};
use flate2::{Compression, write::GzEncoder};
use indelible_io::{
    dataset::{ReadOptions, read_points},
    npy::{Array, Values, write_npy, write_npz},
};
use parquet::{
    basic::{Compression as Codec, ZstdLevel},
    data_type::{DoubleType, Int32Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use zip::{ZipWriter, write::SimpleFileOptions};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Memory is counted for the whole process, so that the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// What reading a file of a few kilobytes may take, whatever the file says.
const MOST_BYTES: usize = 4 << 20;

/// One change to a file.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    /// A number of the largest kind, where sizes may stand.
    Huge(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    use any as a;
    type Index = prop::sample::Index;
    let one = prop_oneof![
        4 => (a::<Index>(), a::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        4 => (a::<Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => a::<Index>().prop_map(Damage::Cut),
        1 => (a::<Index>(), prop::collection::vec(a::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => (a::<Index>(), 1..9usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        1 => (a::<Index>(), 1..9u8).prop_map(|(at, length)| Damage::Huge(at, length)),
    ];
    prop::collection::vec(one, 1..5)
}

/// Applies the changes; `from_end` aims them at the last bytes, where archives
/// keep their directory.
fn damaged(bytes: &[u8], damage: &[Damage], window: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in damage {
        if bytes.is_empty() {
            break;
        }
        let at = |index: &prop::sample::Index, length: usize| index.index(length.min(window));
        match change {
            Damage::Set(index, byte) => {
                let at = at(index, bytes.len());
                bytes[at] = *byte;
            }
            Damage::Flip(index, bit) => {
                let at = at(index, bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Damage::Cut(index) => bytes.truncate(index.index(bytes.len())),
            Damage::Insert(index, more) => {
                let at = at(index, bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Damage::Remove(index, length) => {
                let at = at(index, bytes.len());
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Damage::Huge(index, length) => {
                let at = at(index, bytes.len());
                let end = (at + usize::from(*length)).min(bytes.len());
                bytes[at..end].fill(0xff);
            }
        }
    }
    bytes
}

/// Reads `path`, which must not panic; the most memory it took at any time.
fn peak(path: &Path, options: &ReadOptions) -> Result<usize, TestCaseError> {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = panic::catch_unwind(|| read_points(path, options).map(|points| points.data().samples()));
    let taken = MEMORY.peak_usage().saturating_sub(before);
    match result {
        Err(_) => Err(TestCaseError::fail("panicked")),
        Ok(Err(error)) if error.to_string().contains('\n') => {
            Err(TestCaseError::fail(format!("not one line: {error}")))
        }
        Ok(_) => Ok(taken),
    }
}

/// Damages the file in `cases` ways and reads it as samples and as labels.
fn survive(name: &str, bytes: &[u8], most: usize, cases: u32) {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read_points(&path, &ReadOptions::default()).unwrap();
    let samples = folder.path().join("samples.csv");
    fs::write(&samples, "1\n2\n3\n").unwrap();
    let as_labels = ReadOptions { labels: Some(path.clone()), ..ReadOptions::default() };

    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let window = prop_oneof![Just(32), Just(160), Just(usize::MAX)];
    proptest!(config, |(damage in damage(), window in window, back in any::<bool>())| {
        let mut file = bytes.to_vec();
        // Seen from the back, the first bytes are the last.
        if back { file.reverse(); }
        file = damaged(&file, &damage, window);
        if back { file.reverse(); }
        fs::write(&path, &file).unwrap();
        for taken in [peak(&path, &ReadOptions::default())?, peak(&samples, &as_labels)?] {
            prop_assert!(taken <= most, "{} bytes for a file of {}", taken, file.len());
        }
    });
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What `write` writes to a file.
fn written(write: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write(&path);
    fs::read(path).unwrap()
}

fn npy() -> Vec<u8> {
    let values: Vec<f64> = (0..60).map(f64::from).collect();
    written(|path| write_npy(path, &Array::matrix(Values::F64(&values), 4).unwrap()).unwrap())
}

fn idx() -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 3];
    bytes.extend(0..60u8);
    bytes
}

const TABLE: &str = "one,two,label\n1,2.5,a\n-3e-5,4,\"b c\"\n\n0,1,a\n";

#[test]
fn damaged_idx() {
    survive("x-images-idx3-ubyte", &idx(), MOST_BYTES, 600);
    survive("x-images-idx3-ubyte.gz", &gzip(&idx()), MOST_BYTES, 300);
}

#[test]
fn damaged_npy() {
    survive("x.npy", &npy(), MOST_BYTES, 600);
    let texts = written(|path| write_npy(path, &Array::vector(Values::I64(&[1, 2, 3]))).unwrap());
    survive("y.npy", &texts, MOST_BYTES, 300);
}

#[test]
fn damaged_npz() {
    let values: Vec<f32> = (0..20).map(|v| v as f32).collect();
    let stored = written(|path| {
        let arrays = [
            ("X", Array::matrix(Values::F32(&values), 4).unwrap()),
            ("y", Array::vector(Values::Text(&["a", "b", "a", "a", "b"]))),
            ("class_names", Array::vector(Values::Text(&["a", "b", "c"]))),
        ];
        write_npz(path, &arrays).unwrap();
    });
    survive("x.npz", &stored, MOST_BYTES, 600);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("X.npy", SimpleFileOptions::default()).unwrap();
    zip.write_all(&npy()).unwrap();
    survive("x.npz", &zip.finish().unwrap().into_inner(), MOST_BYTES, 600);
}

#[test]
fn damaged_tables() {
    survive("t.csv", TABLE.as_bytes(), MOST_BYTES, 600);
    survive("t", &gzip(TABLE.as_bytes()), MOST_BYTES, 300);
    survive("sparse", b"+1 1:0.5 7:2\n-1 3:1\n# none\n+1\n", MOST_BYTES, 300);
    let wide: Vec<u8> = "\u{feff}1;2,5;a\n3;4,5;b\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    survive("wide", &wide, MOST_BYTES, 300);
}

#[test]
fn damaged_parquet() {
    for codec in [Codec::UNCOMPRESSED, Codec::SNAPPY, Codec::ZSTD(ZstdLevel::default())] {
        survive("t.parquet", &parquet(codec), MOST_BYTES, 300);
    }
}

/// What unpacking a block of LZ4 or zstd may take beside: its frame says how much.
const MOST_UNPACKING: usize = 32 << 20;

#[test]
fn damaged_arrow() {
    for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let most = if codec.is_some() { MOST_UNPACKING } else { MOST_BYTES };
        survive("t.feather", &arrow(codec, true), most, 300);
        survive("t.arrows", &arrow(codec, false), most, 300);
    }
}

/// Two batches of a feature, lists, numbers from a dictionary and labels from another.
fn arrow(codec: Option<CompressionType>, file: bool) -> Vec<u8> {
    let values: Vec<f64> = (0..50).map(|i| f64::from(i % 9)).collect();
    let values_of_c: ArrayRef = Arc::new(Int32Array::from(vec![3, -4]));
    let numbers = DictionaryArray::new(Int8Array::from_iter_values((0..50).map(|i| i % 2)), values_of_c);
    let words: DictionaryArray<Int8Type> = (0..50).map(|i| Some(["u", "v", "w"][i % 3])).collect();
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>(
        (0..50).map(|i| Some([Some(f64::from(i)), Some(0.5)])),
    );
    let columns: [(&str, ArrayRef); 4] = [
        ("a", Arc::new(Float64Array::from(values))),
        ("b", Arc::new(lists)),
        ("c", Arc::new(numbers)),
        ("label", Arc::new(words)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(codec).unwrap();
    if file {
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
        (0..2).for_each(|_| writer.write(&batch).unwrap());
        return writer.into_inner().unwrap();
    }
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    (0..2).for_each(|_| writer.write(&batch).unwrap());
    writer.into_inner().unwrap()
}

/// A table of two features, one of which may be null, and labels.
fn parquet(codec: Codec) -> Vec<u8> {
    let schema = "message t { required double a; optional double b; required int32 y; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(codec).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let values: Vec<f64> = (0..50).map(|i| f64::from(i % 9)).collect();
    let labels: Vec<i32> = (0..50).map(|i| i % 3).collect();
    let mut rows = writer.next_row_group().unwrap();
    for column in 0..3 {
        let mut cells = rows.next_column().unwrap().unwrap();
        let levels = (column == 1).then(|| vec![1; 50]);
        match column {
            2 => cells.typed::<Int32Type>().write_batch(&labels, None, None),
            _ => cells.typed::<DoubleType>().write_batch(&values, levels.as_deref(), None),
        }
        .unwrap();
        cells.close().unwrap();
    }
    rows.close().unwrap();
    writer.into_inner().unwrap()
}
