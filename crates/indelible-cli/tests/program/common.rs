//! Runs the program as a user does.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// The program in an empty folder of its own.
pub struct Workplace(TempDir);

/// What a run printed and how it ended.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Workplace {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path(name), contents).unwrap();
        self
    }

    /// Names of all files, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
        command.args(arguments.split_whitespace()).current_dir(self.0.path());
        command
    }

    pub fn run(&self, arguments: &str) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// Runs with `--json` and expects success.
    pub fn json(&self, arguments: &str) -> Value {
        let run = self.run(&format!("{arguments} --json"));
        assert_eq!(run.code, Some(0), "{arguments}: {}", run.stderr);
        assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
        serde_json::from_str(&run.stdout).unwrap()
    }

    /// Runs and expects one line on stderr that has all of `words`, nothing on
    /// stdout, and this exit code.
    pub fn refused(&self, arguments: &str, code: i32, words: &[&str]) {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(code), "{arguments}: {} {}", run.stdout, run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{arguments}: {}", run.stderr);
        for word in words {
            assert!(run.stderr.contains(word), "{arguments}: no '{word}' in {}", run.stderr);
        }
    }
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Asserts that an object has these keys.
pub fn has_keys(object: &Value, keys: &str) {
    for key in keys.split_whitespace() {
        assert!(object.get(key).is_some(), "no '{key}' in {object}");
    }
}

/// The MNIST folder: `INDELIBLE_MNIST`, or `shared/data/mnist` beside the
/// repository; `None`, with a word about it, where there is neither.
pub fn mnist() -> Option<PathBuf> {
    let folder = std::env::var_os("INDELIBLE_MNIST").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mnist"),
        PathBuf::from,
    );
    if folder.join("train-images-idx3-ubyte.gz").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no MNIST in {}; INDELIBLE_MNIST names its folder", folder.display());
    None
}
