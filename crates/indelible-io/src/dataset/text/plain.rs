//! The text of a file as UTF-8, without its comments, whose lines end with a line feed
//! or with that behind a carriage return.

use std::io::{self, Read};

use super::dialect::Encoding;
use crate::dataset::Delimiter;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 16;

/// How the bytes of a text are to be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) encoding: Encoding,
    /// Whether lines that start with `#` are comments.
    pub(super) comments: bool,
    /// What separates cells; blanks become one space.
    pub(super) delimiter: Delimiter,
}

/// Reads `inner` and gives its text; a line feed after the last line makes all
/// lines count alike.
pub(super) struct Plain<R> {
    inner: R,
    form: Form,
    /// Where bytes are read to.
    chunk: Vec<u8>,
    /// What is ready to be taken, from `taken` on.
    out: Vec<u8>,
    taken: usize,
    ended: bool,
    /// Bytes of a code unit that the last chunk cut.
    cut: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    /// The last byte was a carriage return, which ends a line.
    returned: bool,
    state: State,
    /// Lines of comments so far.
    pub(super) comments: usize,
}

/// Where in a line the next character stands.
#[derive(Default)]
struct State {
    /// Behind the first character of a line that is no blank.
    within_line: bool,
    /// Behind the first character of a cell.
    within_cell: bool,
    comment: bool,
    quoted: bool,
    /// The last character was the quote that closed a cell.
    closed: bool,
    /// Blanks that may separate two cells.
    blanks: bool,
}

impl<R: Read> Plain<R> {
    pub(super) fn new(inner: R, form: Form) -> Self {
        let (chunk, out, cut) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            inner,
            form,
            chunk,
            out,
            taken: 0,
            ended: false,
            cut,
            high: None,
            returned: false,
            state: State::default(),
            comments: 0,
        }
    }

    /// Whether the text ended within quotes.
    pub(super) fn is_open(&self) -> bool {
        self.ended && self.state.quoted
    }

    /// Reads some more.
    fn refill(&mut self) -> io::Result<()> {
        self.out.clear();
        self.taken = 0;
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.resize(CHUNK, 0);
        let read = self.read_some(&mut chunk);
        let done = read.and_then(|read| self.take_chunk(chunk.get(..read).unwrap_or_default()));
        self.chunk = chunk;
        done
    }

    fn read_some(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(chunk) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Takes what was read, nothing at the end.
    fn take_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            self.ended = true;
            if !self.cut.is_empty() || self.high.is_some() {
                return Err(broken());
            }
            self.end();
            return Ok(());
        }
        match self.form.encoding {
            Encoding::Utf8 if self.is_plain(bytes) => self.pass(bytes),
            Encoding::Utf8 => bytes.iter().for_each(|&byte| self.put(byte)),
            Encoding::Utf16 { big_endian } => self.wide(bytes, big_endian)?,
        }
        Ok(())
    }

    /// Whether bytes are to be seen as they are, whatever came before them.
    fn is_plain(&self, bytes: &[u8]) -> bool {
        matches!(self.form.delimiter, Delimiter::Character(_))
            && !self.returned
            && !self.state.comment
            && !bytes.contains(&b'"')
            && !bytes.contains(&b'#')
            && !has_lone_return(bytes)
    }

    /// What stands behind the last byte.
    fn end(&mut self) {
        if std::mem::take(&mut self.returned) {
            self.put_one(b'\n');
        }
        self.out.push(b'\n');
    }

    /// Takes such bytes.
    fn pass(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.state.closed = false;
        if self.state.quoted {
            return;
        }
        let mut lines = bytes.rsplitn(2, |&byte| byte == b'\n');
        let last = lines.next().unwrap_or_default();
        if lines.next().is_some() {
            self.state = State::default();
        }
        if let (Some(&end), Delimiter::Character(delimiter)) = (last.last(), self.form.delimiter) {
            self.state.within_cell = end != delimiter;
            self.state.within_line |= last.iter().any(|byte| !matches!(byte, b' ' | b'\t'));
        }
    }

    /// Takes bytes of UTF-16.
    fn wide(&mut self, bytes: &[u8], big_endian: bool) -> io::Result<()> {
        self.cut.extend(bytes);
        let whole = std::mem::take(&mut self.cut);
        let (units, rest) = whole.as_chunks::<2>();
        for unit in units {
            let unit = if big_endian { u16::from_be_bytes(*unit) } else { u16::from_le_bytes(*unit) };
            let pair = match self.high.take() {
                Some(high) => [high, unit],
                None if (0xd800..0xdc00).contains(&unit) => {
                    self.high = Some(unit);
                    continue;
                }
                None => [unit, 0],
            };
            let length = if (0xd800..0xdc00).contains(&pair[0]) { 2 } else { 1 };
            let units = pair.iter().copied().take(length);
            for character in char::decode_utf16(units) {
                let character = character.map_err(|_| broken())?;
                character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| self.put(byte));
            }
        }
        self.cut = rest.to_vec();
        Ok(())
    }

    /// Takes one byte of UTF-8. A carriage return alone ends a line, within quotes aside.
    fn put(&mut self, byte: u8) {
        if std::mem::take(&mut self.returned) {
            self.put_one(if byte == b'\n' { b'\r' } else { b'\n' });
        }
        self.returned = byte == b'\r' && !self.state.quoted;
        if !self.returned {
            self.put_one(byte);
        }
    }

    /// Takes one byte, no carriage return but one before a line feed or within quotes.
    fn put_one(&mut self, byte: u8) {
        let state = &mut self.state;
        if state.comment {
            if byte == b'\n' {
                *state = State::default();
                self.out.push(byte);
            }
            return;
        }
        if byte == b'#' && self.form.comments && !state.within_line && !state.quoted {
            state.comment = true;
            self.comments += 1;
            return;
        }
        let delimiter = match self.form.delimiter {
            Delimiter::Character(delimiter) => delimiter,
            Delimiter::Blanks if state.quoted => b' ',
            Delimiter::Blanks => {
                match byte {
                    b' ' | b'\t' => {
                        state.blanks = state.within_line;
                        state.closed = false;
                        return;
                    }
                    b'\r' => return,
                    b'\n' => {}
                    _ if state.blanks => {
                        self.out.push(b' ');
                        state.within_cell = false;
                    }
                    _ => {}
                }
                state.blanks = false;
                b' '
            }
        };
        self.out.push(byte);
        if state.quoted {
            state.quoted = byte != b'"';
            state.closed = byte == b'"';
        } else if byte == b'\n' {
            *state = State::default();
        } else {
            // Two quotes within quotes are one character.
            state.quoted = byte == b'"' && (state.closed || !state.within_cell);
            state.closed = false;
            state.within_cell = byte != delimiter;
            state.within_line |= !matches!(byte, b' ' | b'\t');
        }
    }
}

/// Whether a carriage return may end a line without a line feed.
fn has_lone_return(bytes: &[u8]) -> bool {
    bytes.contains(&b'\r')
        && bytes.split(|&byte| byte == b'\r').skip(1).any(|rest| rest.first() != Some(&b'\n'))
}

/// Bytes that are no UTF-16.
fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the text starts as UTF-16 and goes on as something else")
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.out.len() && !self.ended {
            self.refill()?;
        }
        let ready = self.out.get(self.taken..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8], change: impl FnOnce(&mut Form)) -> String {
        let delimiter = Delimiter::Character(b',');
        let mut form = Form { encoding: Encoding::Utf8, comments: true, delimiter };
        change(&mut form);
        let mut text = String::new();
        Plain::new(bytes, form).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn comments_leave_their_line_ends() {
        assert_eq!(plain(b"# a\n1,2\n #b\n\"#\n#c\",3", |_| ()), "\n1,2\n \n\"#\n#c\",3\n");
        assert_eq!(plain(b"1,#2\n#3", |form| form.comments = false), "1,#2\n#3\n");
        assert_eq!(plain(b"1,#2\n5\" pipe,2\n#3\n", |_| ()), "1,#2\n5\" pipe,2\n\n\n");
        assert_eq!(plain(b"\"a\"\"\n#\",1\n#b\n", |_| ()), "\"a\"\"\n#\",1\n\n\n");
    }

    /// Gives its bytes one after the other, or in pieces of some length.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    /// Pieces without quotes and signs of comments are passed on as they are, which
    /// must change nothing.
    #[test]
    fn how_a_text_is_cut_does_not_matter() {
        let parts = ["a,b", "\n", "\r", "\"", "#", "\"\"", " ", ",", "x", "\r\n", "1.5,,2", "\n#c\n", "\t#"];
        let mut seed = 7usize;
        for _ in 0..2000 {
            let mut text = String::new();
            for _ in 0..seed % 13 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text += parts[(seed >> 33) % parts.len()];
            }
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let delimiter = Delimiter::Character([b',', b'\t', b' '][(seed >> 33) % 3]);
            let form = Form { encoding: Encoding::Utf8, comments: true, delimiter };
            let read = |size: usize| {
                let mut plain = Plain::new(Pieces(text.as_bytes(), size), form);
                let mut out = String::new();
                plain.read_to_string(&mut out).unwrap();
                (out, plain.comments, plain.is_open())
            };
            // By single bytes, quotes and signs are never in one piece with others.
            let alone: (String, usize, bool) = {
                let mut plain = Plain::new(text.as_bytes(), form);
                text.bytes().for_each(|byte| plain.put(byte));
                plain.end();
                (String::from_utf8(plain.out.clone()).unwrap(), plain.comments, plain.state.quoted)
            };
            for size in [1, 2, 3, 7, 1000] {
                assert_eq!(read(size), alone, "{text:?} {size}");
            }
        }
    }

    #[test]
    fn every_line_end_ends_a_line() {
        assert_eq!(plain(b"a\rb\r\nc\n\rd\r", |_| ()), "a\nb\r\nc\n\nd\n\n");
        assert_eq!(plain(b"#a\r1\r#b\r\n2,\"x\ry\"\r3", |_| ()), "\n1\n\n2,\"x\ry\"\n3\n");
        let blanks = |form: &mut Form| form.delimiter = Delimiter::Blanks;
        assert_eq!(plain(b"1  2\r3 4\r\n5 6", blanks), "1 2\n3 4\n5 6\n");
    }

    #[test]
    fn blanks_become_one_space() {
        let blanks = |form: &mut Form| form.delimiter = Delimiter::Blanks;
        assert_eq!(plain(b"  1  2\t 3 \r\n\n \"a  b\" 4\n", blanks), "1 2 3\n\n\"a  b\" 4\n\n");
    }

    #[test]
    fn wide_characters_and_returns() {
        let text = "1,\u{e9}\u{1f600}\r2";
        for big_endian in [false, true] {
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect();
            let form = |form: &mut Form| {
                form.encoding = Encoding::Utf16 { big_endian };
            };
            assert_eq!(plain(&bytes, form), "1,\u{e9}\u{1f600}\n2\n");
            let mut cut = bytes.clone();
            cut.pop();
            let mut whole =
                Form { encoding: Encoding::Utf8, comments: true, delimiter: Delimiter::Character(b',') };
            form(&mut whole);
            assert!(Plain::new(cut.as_slice(), whole).read_to_end(&mut Vec::new()).is_err());
        }
    }
}
