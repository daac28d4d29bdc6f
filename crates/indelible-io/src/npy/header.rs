//! The header of an NPY array: `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
//!
//! Written from the description of the format in NumPy's documentation
//! (`numpy.lib.format`, versions 1.0 to 3.0).

/// Bytes before the length of the header: the magic and the version.
pub(crate) const START: usize = 8;

/// Longest header that is read; NumPy itself stops at 10,000 characters.
pub(crate) const LONGEST: u32 = 1 << 16;

/// Longest string in an array of strings, in bytes.
const LONGEST_STRING: usize = 1 << 16;

/// What can be read, for messages.
pub(crate) const SUPPORTED: &str =
    "bool, 8 to 64-bit integers, float16, float32, float64, or strings ('U' or 'S') as labels";

/// Why a header cannot be used.
#[derive(Debug, PartialEq)]
pub(crate) enum Problem {
    /// It breaks the rules.
    Malformed(String),
    /// It describes something that is not understood.
    Unsupported(String),
}

/// What the numbers of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Zero or not.
    Bool,
    Unsigned,
    /// Integers in two's complement.
    Signed,
    /// IEEE-754 binary16, binary32 and binary64.
    Float,
}

/// The type of the numbers in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) kind: Kind,
    /// Bytes of one number: 1, 2, 4 or 8.
    pub(crate) size: usize,
}

impl Number {
    pub(crate) const U8: Self = Self { kind: Kind::Unsigned, size: 1 };
    pub(crate) const F16: Self = Self { kind: Kind::Float, size: 2 };
    pub(crate) const F32: Self = Self { kind: Kind::Float, size: 4 };
}

/// What the elements of an array are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Element {
    /// A number.
    Number(Number),
    /// So many code points of 32 bits, zeros at the end.
    Unicode(usize),
    /// So many bytes, zeros at the end.
    Bytes(usize),
}

/// What an array is.
#[derive(Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) element: Element,
    pub(crate) big_endian: bool,
    /// Whether the first index moves fastest.
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
}

/// How many bytes the length of the header has, by the version.
pub(crate) fn size_of_length(start: [u8; START]) -> Result<usize, String> {
    match start {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _] => Ok(2),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _] => Ok(4),
        [0x93, b'N', b'U', b'M', b'P', b'Y', major, minor] => {
            Err(format!("version {major}.{minor}; expected 1.0, 2.0 or 3.0"))
        }
        _ => Err("it does not start with the magic 93 4e 55 4d 50 59".into()),
    }
}

/// Reads the text of a header, a dictionary as Python writes it.
pub(crate) fn parse(text: &[u8]) -> Result<Header, Problem> {
    let malformed = |what: &str| Problem::Malformed(what.to_owned());
    let text = std::str::from_utf8(text).map_err(|_| malformed("the header is no text"))?;
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    let mut rest = Literal(text);
    if !rest.eat('{') {
        return Err(malformed("the header is no dictionary"));
    }
    while !rest.eat('}') {
        let key = rest.string().ok_or_else(|| malformed("the header holds a key that is no string"))?;
        if !rest.eat(':') {
            return Err(malformed(&format!("no ':' after '{}' in the header", key.escape_debug())));
        }
        match key {
            "descr" if rest.peek('[') => {
                return Err(Problem::Unsupported("an array of records".into()));
            }
            "descr" => descr = Some(rest.string().ok_or_else(|| malformed("'descr' is no string"))?),
            "fortran_order" => {
                fortran = Some(
                    rest.boolean().ok_or_else(|| malformed("'fortran_order' is neither True nor False"))?,
                );
            }
            "shape" => {
                shape = Some(rest.tuple().ok_or_else(|| malformed("'shape' is no tuple of 64-bit sizes"))?);
            }
            _ => {
                return Err(malformed(&format!("unknown key '{}' in the header", key.escape_debug())));
            }
        }
        if !rest.eat(',') && !rest.peek('}') {
            return Err(malformed("the dictionary of the header does not end"));
        }
    }
    let descr = descr.ok_or_else(|| malformed("the header has no 'descr'"))?;
    let fortran = fortran.ok_or_else(|| malformed("the header has no 'fortran_order'"))?;
    let shape = shape.ok_or_else(|| malformed("the header has no 'shape'"))?;
    let (element, big_endian) = element(descr)?;
    Ok(Header { element, big_endian, fortran, shape })
}

/// The element that a type string describes, and whether it is big-endian.
fn element(descr: &str) -> Result<(Element, bool), Problem> {
    let unsupported = || Problem::Unsupported(format!("dtype '{}'", descr.escape_debug()));
    let (order, kind) = match descr.split_at_checked(1) {
        Some((order @ ("<" | ">" | "|" | "="), kind)) => (order, kind),
        _ => ("=", descr),
    };
    let big_endian = order == ">" || (order == "=" && cfg!(target_endian = "big"));
    let number = |kind, size: &str| Some(Element::Number(Number { kind, size: size.parse().ok()? }));
    let length = |text: &str, most| text.parse::<usize>().ok().filter(|n| (1..=most).contains(n));
    let element = match kind.split_at_checked(1) {
        _ if kind == "O" => return Err(Problem::Unsupported("dtype object ('|O')".into())),
        Some(("b", "1") | ("?", "")) => number(Kind::Bool, "1"),
        Some(("u", size @ ("1" | "2" | "4" | "8"))) => number(Kind::Unsigned, size),
        Some(("i", size @ ("1" | "2" | "4" | "8"))) => number(Kind::Signed, size),
        Some(("f", size @ ("2" | "4" | "8"))) => number(Kind::Float, size),
        Some(("U", text)) => length(text, LONGEST_STRING / 4).map(Element::Unicode),
        Some(("S", text)) => length(text, LONGEST_STRING).map(Element::Bytes),
        _ => None,
    };
    Ok((element.ok_or_else(unsupported)?, big_endian))
}

impl Element {
    /// Bytes of one element, at least one.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Number(number) => number.size,
            Self::Unicode(length) => 4 * length,
            Self::Bytes(length) => length,
        }
    }

    /// The text of a string, without the zeros at its end; `None` for numbers
    /// and for what is no text.
    pub(crate) fn text(self, bytes: &[u8], big_endian: bool) -> Option<String> {
        let code = |b: &[u8; 4]| if big_endian { u32::from_be_bytes(*b) } else { u32::from_le_bytes(*b) };
        let text = match self {
            Self::Number(_) => None,
            Self::Unicode(_) => bytes.as_chunks().0.iter().map(|b| char::from_u32(code(b))).collect(),
            Self::Bytes(_) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        }?;
        Some(text.trim_end_matches('\0').to_owned())
    }
}

/// The rest of a text of Python literals.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    /// Whether `c` comes next, after spaces.
    fn peek(&mut self, c: char) -> bool {
        self.0 = self.0.trim_ascii_start();
        self.0.starts_with(c)
    }

    /// Takes `c` if it comes next.
    fn eat(&mut self, c: char) -> bool {
        self.peek(c) && self.take(c.len_utf8()).is_some()
    }

    /// Takes the next `length` bytes.
    fn take(&mut self, length: usize) -> Option<&'a str> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Takes a string without escapes, in either kind of quotes.
    fn string(&mut self) -> Option<&'a str> {
        let quote = ['\'', '"'].into_iter().find(|&quote| self.eat(quote))?;
        let text = self.take(self.0.find(quote)?)?;
        (self.eat(quote) && !text.contains('\\')).then_some(text)
    }

    /// Takes `True` or `False`.
    fn boolean(&mut self) -> Option<bool> {
        let is_true = self.peek('T');
        let word = if is_true { "True" } else { "False" };
        (self.take(word.len())? == word).then_some(is_true)
    }

    /// Takes a tuple of sizes, each of which Python 2 may have ended with an L.
    fn tuple(&mut self) -> Option<Vec<usize>> {
        let mut sizes = Vec::new();
        if !self.eat('(') {
            return None;
        }
        while !self.eat(')') {
            self.0 = self.0.trim_ascii_start();
            let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
            sizes.push(self.take(digits)?.parse().ok()?);
            self.eat('L');
            if !self.eat(',') && !self.peek(')') {
                return None;
            }
        }
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(element: Element, big_endian: bool, fortran: bool, shape: &[usize]) -> Header {
        Header { element, big_endian, fortran, shape: shape.to_vec() }
    }

    #[test]
    fn headers_as_they_are_written_in_the_wild() {
        let numpy = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }           \n";
        assert_eq!(
            parse(numpy),
            Ok(header(Element::Number(Number { kind: Kind::Float, size: 8 }), false, false, &[3, 4]))
        );
        let scalar = b"{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n";
        assert_eq!(parse(scalar), Ok(header(Element::Number(Number::U8), false, false, &[])));
        let python2 = b"{\"shape\": (10L,), \"fortran_order\": True, \"descr\": \">i2\"}";
        assert_eq!(
            parse(python2),
            Ok(header(Element::Number(Number { kind: Kind::Signed, size: 2 }), true, true, &[10]))
        );
        let text = b"{'descr':'<U12','fortran_order':False,'shape':(2,)}";
        assert_eq!(parse(text), Ok(header(Element::Unicode(12), false, false, &[2])));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (descr, named) in [
            ("'|O'", "object"),
            ("'<f16'", "'<f16'"),
            ("'<c16'", "'<c16'"),
            ("[('a', '<f8')]", "records"),
            ("'<U0'", "'<U0'"),
            ("'<U99999999999'", "'<U99999999999'"),
            ("''", "''"),
        ] {
            let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (3,), }}");
            match parse(text.as_bytes()) {
                Err(Problem::Unsupported(what)) => assert!(what.contains(named), "{descr}: {what}"),
                other => panic!("{descr}: {other:?}"),
            }
        }
    }

    #[test]
    fn broken_headers_are_refused() {
        for text in [
            "",
            "{",
            "{}",
            "{'descr': '<f8'",
            "{'descr': '<f8', 'fortran_order': False}",
            "{'descr': '<f8', 'fortran_order': No, 'shape': (3,), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3 4), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (,), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), 'more': 1}",
            "{'descr': '<f8, 'fortran_order': False, 'shape': (3,), }",
        ] {
            assert!(matches!(parse(text.as_bytes()), Err(Problem::Malformed(_))), "{text}");
        }
        assert!(matches!(parse(&[0xff, 0xfe]), Err(Problem::Malformed(_))));
    }

    #[test]
    fn strings_lose_only_the_zeros_at_their_end() {
        let unicode = |bytes: &[u8], big| Element::Unicode(2).text(bytes, big);
        assert_eq!(unicode(&[b'a', 0, 0, 0, 0, 0, 0, 0], false).as_deref(), Some("a"));
        assert_eq!(unicode(&[0, 0, 0, b'a', 0, 1, 0xf6, 0], true).as_deref(), Some("a\u{1f600}"));
        assert_eq!(unicode(&[0, 0, 0x11, 0], false), None);
        assert_eq!(Element::Bytes(4).text(b"a\0b\0", false).as_deref(), Some("a\0b"));
        assert_eq!(Element::Bytes(1).text(&[0xff], false), None);
    }
}
