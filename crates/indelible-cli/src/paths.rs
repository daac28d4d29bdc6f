//! What is read is not overwritten, and results do not overwrite each other.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Refuses `outputs` that are one of the `inputs` or stand there twice.
///
/// # Errors
/// With the path that has two uses.
pub fn keep_apart(inputs: &[Option<&PathBuf>], outputs: &[Option<&PathBuf>]) -> Result<(), Failure> {
    let outputs: Vec<&PathBuf> = outputs.iter().copied().flatten().collect();
    for (i, output) in outputs.iter().enumerate() {
        let display = output.display();
        if inputs.iter().flatten().any(|input| is_same_file(input, output)) {
            return Err(Failure::input(format!(
                "{display} is both read and written; give another file to write"
            )));
        }
        if outputs[..i].iter().any(|other| other == output || is_same_file(other, output)) {
            return Err(Failure::input(format!("{display} is to be written twice; give two files")));
        }
    }
    Ok(())
}

/// Whether both names lead to one regular file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b && a.is_file())
}
