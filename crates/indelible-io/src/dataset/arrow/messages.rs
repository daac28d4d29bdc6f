//! The messages that a table of Arrow IPC consists of, each looked at before it is decoded.
//!
//! A stream is the schema, then dictionaries and batches of rows as they come. A file holds
//! the same messages and ends with a list of where they are, which counts: dictionaries may
//! stand behind the rows that need them. What a message promises is compared with what is
//! there, the lengths of compressed buffers with what their codec can do, so that a damaged
//! one costs no memory.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    sync::Arc,
    vec,
};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::{
    Block, CompressionType, Endianness, Message, MetadataVersion, RecordBatch as Description, convert,
    reader::{read_dictionary, read_record_batch},
    root_as_footer, root_as_message,
};
use arrow_schema::{ArrowError, Schema, SchemaRef};

use super::FORMAT;
use crate::{DataError, dataset::contents::Contents};

/// What begins a message, before its length.
const MARK: [u8; 4] = [0xff; 4];

/// What ends a file, behind the length of the list of messages.
const MAGIC: &[u8; 6] = b"ARROW1";

/// Bytes at the end of a file: a length and the magic.
const TAIL: u64 = 10;

/// Bytes of LZ4 that each byte of a block stands for at most: lengths go on by bytes that
/// add 255.
const MOST_LZ4: u64 = 256;

/// The same of zstd: blocks of 128 KiB that repeat one byte take four.
const MOST_ZSTD: u64 = 1 << 15;

/// All buffers may become this many bytes, or this many times what they take in the file.
const MOST_BYTES: u64 = 1 << 28;
const MOST_TIMES: u64 = 1000;

/// The head of a message, which says what it is, and its body.
type Parts = (Vec<u8>, Vec<u8>);

/// Where the messages come from.
enum Place<'a> {
    Stream(Contents<'a>),
    File { file: File, rest: vec::IntoIter<Span> },
}

/// Where a message stands in a file: its head, then its body.
struct Span {
    start: u64,
    head: u64,
    body: u64,
}

/// A table, message by message.
pub(super) struct Messages<'a> {
    place: Place<'a>,
    schema: SchemaRef,
    /// The columns that are wanted, in this order.
    columns: Vec<usize>,
    dictionaries: HashMap<i64, ArrayRef>,
    /// Bytes of compressed buffers so far, as they are stored and as they become.
    packed: u64,
    unpacked: u64,
}

impl<'a> Messages<'a> {
    /// The messages of a stream, whose schema is read.
    pub(super) fn of_stream(mut contents: Contents<'a>) -> Result<Self, DataError> {
        let (head, _) = next_of(&mut contents)?.ok_or_else(|| malformed("no schema"))?;
        let message = root_as_message(&head).map_err(|_| malformed("a message that is none"))?;
        let schema = message.header_as_schema().ok_or_else(|| malformed("no schema in front"))?;
        Self::new(Place::Stream(contents), schema)
    }

    /// The messages of a file, whose list is read.
    pub(super) fn of_file(mut file: File) -> Result<Self, DataError> {
        let length = file.seek(SeekFrom::End(0)).map_err(DataError::Read)?;
        let early = || malformed("the file ends early");
        let tail_at = length.checked_sub(TAIL).ok_or_else(early)?;
        let tail = bytes_at(&mut file, tail_at, TAIL)?;
        let (size, magic) = tail.split_first_chunk::<4>().ok_or_else(early)?;
        if magic != MAGIC {
            return Err(malformed("the file ends early: its last bytes are not ARROW1"));
        }
        let size = u64::from(u32::from_le_bytes(*size));
        let start = tail_at.checked_sub(size).ok_or_else(|| malformed("a list of messages too long"))?;
        let list = bytes_at(&mut file, start, size)?;
        let footer = root_as_footer(&list).map_err(|_| malformed("the list of messages is none"))?;
        let dictionaries = footer.dictionaries().into_iter().flatten();
        let spans = dictionaries.chain(footer.recordBatches().into_iter().flatten()).map(Span::of);
        let spans = spans.collect::<Option<Vec<Span>>>().ok_or_else(|| malformed("a negative length"))?;
        let mut left = start;
        for span in &spans {
            // Each byte belongs to one message, so that a list cannot name one many times.
            let all = span.head.checked_add(span.body).filter(|all| *all <= left);
            left -= all.ok_or_else(|| malformed("messages that are longer than the file"))?;
        }
        let schema = footer.schema().ok_or_else(|| malformed("no schema"))?;
        Self::new(Place::File { file, rest: spans.into_iter() }, schema)
    }

    fn new(place: Place<'a>, schema: arrow_ipc::Schema<'_>) -> Result<Self, DataError> {
        if schema.endianness() != Endianness::Little {
            return Err(DataError::unsupported("Arrow IPC of big-endian numbers", "little-endian ones"));
        }
        let schema = Arc::new(convert::try_fb_to_schema(schema).map_err(failed)?);
        let (columns, dictionaries) = (Vec::new(), HashMap::new());
        Ok(Self { place, schema, columns, dictionaries, packed: 0, unpacked: 0 })
    }

    pub(super) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    /// Decodes these columns only, in this order.
    pub(super) fn choose(&mut self, columns: Vec<usize>) {
        self.columns = columns;
    }

    /// The next rows.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, DataError> {
        loop {
            let parts = match &mut self.place {
                Place::Stream(contents) => next_of(contents)?,
                Place::File { file, rest } => rest.next().map(|span| span.read(file)).transpose()?,
            };
            let Some((head, body)) = parts else { return Ok(None) };
            if let Some(batch) = self.decoded(&head, &body.into())? {
                return Ok(Some(batch));
            }
        }
    }

    /// What a message is: rows, or a dictionary, which is kept.
    fn decoded(&mut self, head: &[u8], body: &Buffer) -> Result<Option<RecordBatch>, DataError> {
        let message = root_as_message(head).map_err(|_| malformed("a message that is none"))?;
        let version = message.version();
        if version < MetadataVersion::V4 {
            return Err(DataError::unsupported(
                "Arrow IPC from before 2017",
                "version 4 or 5 of its messages",
            ));
        }
        if let Some(dictionary) = message.header_as_dictionary_batch() {
            let values = dictionary.data().ok_or_else(|| malformed("a dictionary without values"))?;
            self.check(&values, body)?;
            let again = self.dictionaries.contains_key(&dictionary.id()) && !dictionary.isDelta();
            if again && matches!(self.place, Place::File { .. }) {
                // Which rows mean which one is not said in a file.
                return Err(malformed("two dictionaries for one column"));
            }
            let (schema, known) = (&self.schema, &mut self.dictionaries);
            read_dictionary(body, dictionary, schema, known, &version).map_err(failed)?;
            return Ok(None);
        }
        let rows = message.header_as_record_batch();
        let rows = rows.ok_or_else(|| malformed("a message that is neither rows nor a dictionary"))?;
        self.check(&rows, body)?;
        let (schema, columns) = (self.schema(), Some(self.columns.as_slice()));
        read_record_batch(body, rows, schema, &self.dictionaries, columns, &version).map_err(failed).map(Some)
    }

    /// Compares what a message says of its body with the body.
    fn check(&mut self, batch: &Description<'_>, body: &[u8]) -> Result<(), DataError> {
        let counts = batch.nodes().into_iter().flatten().flat_map(|node| [node.length(), node.null_count()]);
        if counts.chain([batch.length()]).any(|count| count < 0) {
            return Err(malformed("a negative number of rows"));
        }
        let codec = batch.compression().map(|compression| compression.codec());
        let mut used = 0usize;
        for buffer in batch.buffers().into_iter().flatten() {
            let range = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
            let bytes = range.and_then(|(start, length)| body.get(start..start.checked_add(length)?));
            let bytes = bytes.ok_or_else(|| malformed("a buffer behind the end of its message"))?;
            used = used.saturating_add(bytes.len());
            if let (Some(codec), false) = (codec, bytes.is_empty()) {
                self.count(codec, bytes)?;
            }
        }
        if used > body.len() {
            return Err(malformed("buffers that share bytes"));
        }
        if self.unpacked > MOST_BYTES.max(self.packed.saturating_mul(MOST_TIMES)) {
            let what = "a table that compression makes over a thousand times smaller";
            return Err(DataError::unsupported(what, "the table without compression"));
        }
        Ok(())
    }

    /// Counts a compressed buffer, which begins with its length.
    fn count(&mut self, codec: CompressionType, bytes: &[u8]) -> Result<(), DataError> {
        let most = match codec {
            CompressionType::LZ4_FRAME => MOST_LZ4,
            CompressionType::ZSTD => MOST_ZSTD,
            other => {
                return Err(DataError::unsupported(
                    format!("compression with codec {}", other.0),
                    "lz4 or zstd",
                ));
            }
        };
        let wrong = || malformed("a compressed buffer of a length that cannot be");
        let (length, stored) = bytes.split_first_chunk().ok_or_else(wrong)?;
        let (length, stored) = match i64::from_le_bytes(*length) {
            // Not compressed after all.
            -1 => (stored.len() as u64, stored.len() as u64),
            length => (u64::try_from(length).map_err(|_| wrong())?, stored.len() as u64),
        };
        if length > stored.saturating_mul(most) {
            return Err(wrong());
        }
        self.packed = self.packed.saturating_add(stored);
        self.unpacked = self.unpacked.saturating_add(length);
        Ok(())
    }
}

impl Span {
    fn of(block: &Block) -> Option<Self> {
        let start = u64::try_from(block.offset()).ok()?;
        let head = u64::try_from(block.metaDataLength()).ok()?;
        Some(Self { start, head, body: u64::try_from(block.bodyLength()).ok()? })
    }

    /// The message there, without what stands before it, and its body.
    fn read(&self, file: &mut File) -> Result<Parts, DataError> {
        let mut head = bytes_at(file, self.start, self.head)?;
        // Before there was a mark the length alone came first.
        let before = if head.starts_with(&MARK) { 8 } else { 4 };
        head.drain(..before.min(head.len()));
        let body = bytes_at(file, self.start.saturating_add(self.head), self.body)?;
        let message = root_as_message(&head).map_err(|_| malformed("a message that is none"))?;
        match body_length(&message)? == self.body {
            true => Ok((head, body)),
            false => Err(malformed("a message of another length than the list says")),
        }
    }
}

/// `length` bytes of a file; the vector grows as they arrive.
fn bytes_at(file: &mut File, start: u64, length: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(DataError::Read)?;
    let read = file.take(length).read_to_end(&mut bytes).map_err(DataError::Read)?;
    match read as u64 == length {
        true => Ok(bytes),
        false => Err(malformed("the file ends early")),
    }
}

/// The next message of a stream and its body; `None` behind the last.
fn next_of(contents: &mut Contents<'_>) -> Result<Option<Parts>, DataError> {
    let (mut mark, mut length) = ([0; 4], [0; 4]);
    match contents.fill(&mut mark)? {
        // A stream may end with its file.
        0 => return Ok(None),
        4 if mark == MARK => {}
        4 => return Err(malformed("a message without its mark")),
        _ => return Err(malformed("the file ends early")),
    }
    if contents.fill(&mut length)? < length.len() {
        return Err(malformed("the file ends early"));
    }
    let length = u64::try_from(i32::from_le_bytes(length)).map_err(|_| malformed("a negative length"))?;
    if length == 0 {
        return match contents.fill(&mut [0])? {
            0 => Ok(None),
            _ => Err(malformed("the file goes on behind the end of the stream")),
        };
    }
    let head = contents.block(length)?;
    let message = root_as_message(&head).map_err(|_| malformed("a message that is none"))?;
    let body = contents.block(body_length(&message)?)?;
    Ok(Some((head, body)))
}

fn body_length(message: &Message<'_>) -> Result<u64, DataError> {
    u64::try_from(message.bodyLength()).map_err(|_| malformed("a negative length"))
}

fn malformed(what: &str) -> DataError {
    DataError::malformed(FORMAT, what)
}

/// What a failure of the decoder means.
fn failed(error: ArrowError) -> DataError {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    if line.contains("bit width of 128") {
        // The standard of Arrow has no such type; polars writes it all the same.
        return DataError::unsupported("a column of integers of 128 bits", "integers of up to 64 bits");
    }
    // In front stands which kind of error of the library it is.
    DataError::malformed(FORMAT, line.split_once(" error: ").map_or(line, |(_, what)| what))
}
