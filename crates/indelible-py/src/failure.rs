//! What goes wrong, as the exceptions that Python expects.

use indelible_io::onnx::OnnxError;
use pyo3::{
    PyErr,
    exceptions::{PyOSError, PyRuntimeError, PyValueError},
};

/// What the program calls things, and what Python calls them.
const WORDS: [(&str, &str); 6] = [
    ("build one with --construction cells", "fit one with construction='cells'"),
    ("--precision f64", "precision='f64'"),
    ("--form compact", "form='compact'"),
    ("--radius", "radius"),
    ("; nothing was written", ""),
    ("or name it with --solver", "or name it with solver"),
];

/// Why a call fails, in the words of the program.
#[derive(Debug)]
pub enum Failure {
    /// The input cannot be used, or the answer is no.
    Value(String),
    /// A file cannot be read or written.
    File(String),
    /// Software beside this one fails.
    Outside(String),
}

impl Failure {
    /// The input cannot be used.
    pub fn value(message: impl Into<String>) -> Self {
        Self::Value(message.into())
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        let translate = |message: String| {
            WORDS.iter().fold(message, |message, (program, python)| message.replace(program, python))
        };
        match failure {
            Failure::Value(message) => PyValueError::new_err(translate(message)),
            Failure::File(message) => PyOSError::new_err(translate(message)),
            Failure::Outside(message) => PyRuntimeError::new_err(translate(message)),
        }
    }
}

impl From<indelible::Error> for Failure {
    fn from(error: indelible::Error) -> Self {
        Self::Value(error.to_string())
    }
}

impl From<indelible_decide::Error> for Failure {
    fn from(error: indelible_decide::Error) -> Self {
        use indelible_decide::Error as E;
        let message = error.to_string();
        match error {
            E::SolverMissing { .. } | E::SolverFailed { .. } => Self::Outside(message),
            _ => Self::Value(message),
        }
    }
}

impl From<indelible_io::Error> for Failure {
    fn from(error: indelible_io::Error) -> Self {
        use indelible_io::Error as E;
        let message = error.to_string();
        match error {
            E::Io { .. } | E::Directory { .. } => Self::File(message),
            _ => Self::Value(message),
        }
    }
}

impl From<OnnxError> for Failure {
    fn from(error: OnnxError) -> Self {
        Self::Value(error.to_string())
    }
}
