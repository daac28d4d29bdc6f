//! The text of a file as UTF-8 with line feeds, without its comments.

use std::io::{self, Read};

use super::dialect::Encoding;
use crate::dataset::Delimiter;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 14;

/// How the bytes of a text are to be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) encoding: Encoding,
    /// Whether lines end with a carriage return alone.
    pub(super) returns: bool,
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
    /// What is ready to be taken, from `taken` on.
    out: Vec<u8>,
    taken: usize,
    ended: bool,
    /// Bytes of a code unit that the last chunk cut.
    cut: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    state: State,
    /// Lines of comments so far.
    pub(super) comments: u64,
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
        let (out, cut) = (Vec::new(), Vec::new());
        Self {
            inner,
            form,
            out,
            taken: 0,
            ended: false,
            cut,
            high: None,
            state: State::default(),
            comments: 0,
        }
    }

    /// Reads some more.
    fn refill(&mut self) -> io::Result<()> {
        self.out.clear();
        self.taken = 0;
        let mut chunk = [0; CHUNK];
        let read = loop {
            match self.inner.read(&mut chunk) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        let bytes = chunk.get(..read).unwrap_or_default();
        if read == 0 {
            self.ended = true;
            if !self.cut.is_empty() || self.high.is_some() {
                return Err(broken());
            }
            self.out.push(b'\n');
            return Ok(());
        }
        match self.form.encoding {
            Encoding::Utf8 => bytes.iter().for_each(|&byte| self.put(byte)),
            Encoding::Utf16 { big_endian } => self.wide(bytes, big_endian)?,
        }
        Ok(())
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

    /// Takes one byte of UTF-8.
    fn put(&mut self, byte: u8) {
        let byte = if byte == b'\r' && self.form.returns { b'\n' } else { byte };
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
        let mut form = Form { encoding: Encoding::Utf8, returns: false, comments: true, delimiter };
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
                form.returns = true;
            };
            assert_eq!(plain(&bytes, form), "1,\u{e9}\u{1f600}\n2\n");
            let mut cut = bytes.clone();
            cut.pop();
            let mut whole = Form {
                encoding: Encoding::Utf8,
                returns: true,
                comments: true,
                delimiter: Delimiter::Character(b','),
            };
            form(&mut whole);
            assert!(Plain::new(cut.as_slice(), whole).read_to_end(&mut Vec::new()).is_err());
        }
    }
}
