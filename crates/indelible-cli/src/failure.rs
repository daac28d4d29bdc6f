//! How the program ends when it does not end well.

use std::process::ExitCode;

/// Why the program stops, and with which exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The input cannot be used: exit code 2.
    pub fn input(message: String) -> Self {
        Self { code: 2, message }
    }

    /// The program ran and the answer is no: exit code 1.
    pub fn no(message: String) -> Self {
        Self { code: 1, message }
    }

    /// Time ran out before there was an answer: exit code 3.
    pub fn open(message: String) -> Self {
        Self { code: 3, message }
    }

    /// Says the one line and gives the exit code. An empty message means that
    /// the answer has been printed already.
    pub fn exit(self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("indelible: {}", one_line(&self.message));
        }
        ExitCode::from(self.code)
    }
}

/// Messages quote names from files, which may contain anything: characters that
/// break lines or command a terminal are written as escapes.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push(' '),
            '\u{2028}' | '\u{2029}' => line.extend(c.escape_unicode()),
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}

impl From<indelible::Error> for Failure {
    fn from(error: indelible::Error) -> Self {
        use indelible::Error as E;
        let message = error.to_string();
        match error {
            E::RadiusTooLarge { .. } | E::Inseparable { .. } | E::TooFine { .. } | E::NotCertified { .. } => {
                Self::no(message)
            }
            _ => Self::input(message),
        }
    }
}

impl From<indelible_decide::Error> for Failure {
    fn from(error: indelible_decide::Error) -> Self {
        use indelible_decide::Error as E;
        let message = error.to_string();
        match error {
            E::Library(error) => error.into(),
            E::NotMemorized(_) | E::BadRefutation(_) => Self::no(message),
            error if error.is_time_out() => Self::open(message),
            _ => Self::input(message),
        }
    }
}

impl From<indelible_io::Error> for Failure {
    fn from(error: indelible_io::Error) -> Self {
        match error {
            indelible_io::Error::Library(error) => error.into(),
            other => Self::input(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_stay_on_one_line() {
        assert_eq!(
            one_line("two\nlines, \r, \u{c}, \u{1b}[2J, \u{2028} and 'ß'"),
            r"two lines, \r, \u{c}, \u{1b}[2J, \u{2028} and 'ß'"
        );
    }
}
