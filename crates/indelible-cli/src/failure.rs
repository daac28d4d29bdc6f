//! How the program ends when it does not end well.

use std::{io::Write, process::ExitCode};

use plotters::drawing::DrawingAreaErrorKind;

/// Why the program stops, and with which exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The input cannot be used: exit code 2.
    pub fn input(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// The program ran and the answer is no: exit code 1.
    pub fn no(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// Time ran out before there was an answer: exit code 3.
    pub fn open(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    /// The line that is said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Says the one line and gives the exit code. An empty message means that
    /// the answer has been printed already.
    pub fn exit(self) -> ExitCode {
        if !self.message.is_empty() {
            // Where nobody listens, the exit code says it.
            let _ = writeln!(std::io::stderr(), "indelible: {}", one_line(&self.message));
        }
        ExitCode::from(self.code)
    }
}

/// Refuses the input, with a message, unless it can be used.
pub fn require(usable: bool, message: impl FnOnce() -> String) -> Result<(), Failure> {
    if usable { Ok(()) } else { Err(Failure::input(message())) }
}

/// Messages quote names from files, which may contain anything: characters that
/// break lines or command a terminal are written as escapes.
fn one_line(text: &str) -> String {
    let safe = |c: char| match c {
        '\n' => " ".into(),
        '\u{2028}' | '\u{2029}' => c.escape_unicode().to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(safe).collect()
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

impl From<indelible_exact::Error> for Failure {
    fn from(error: indelible_exact::Error) -> Self {
        use indelible_exact::Error as E;
        let message = error.to_string();
        match error {
            E::Library(error) => error.into(),
            E::NoLine { .. } | E::RadiusTooLarge { .. } | E::NoRoom { .. } | E::NotFloat { .. } => {
                Self::no(message)
            }
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

impl From<indelible_vnnlib::QueryError> for Failure {
    fn from(error: indelible_vnnlib::QueryError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<DrawingAreaErrorKind<std::io::Error>> for Failure {
    fn from(error: DrawingAreaErrorKind<std::io::Error>) -> Self {
        Self::input(format!("the chart cannot be drawn: {error}"))
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
