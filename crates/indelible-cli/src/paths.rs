//! Files: what is read is not overwritten, and results do not overwrite each
//! other.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use indelible_io::AtomicFile;

use crate::failure::{Failure, require};

/// Refuses `outputs` that are one of the `inputs` or stand there twice.
///
/// # Errors
/// With the path that has two uses.
pub fn keep_apart(inputs: &[Option<&PathBuf>], outputs: &[Option<&PathBuf>]) -> Result<(), Failure> {
    let outputs: Vec<&PathBuf> = outputs.iter().copied().flatten().collect();
    for (i, output) in outputs.iter().enumerate() {
        let display = output.display();
        require(!inputs.iter().flatten().any(|input| is_same_file(input, output)), || {
            format!("{display} is both read and written; give another file to write")
        })?;
        require(!outputs[..i].iter().any(|other| other == output || is_same_file(other, output)), || {
            format!("{display} is to be written twice; give two files")
        })?;
    }
    Ok(())
}

/// Refuses a file to write whose name ends as files of another kind do. A name
/// without an ending, a device and a pipe take anything.
///
/// # Errors
/// With the path, `what` is written to it, and the `endings` of such files.
pub fn ends_in(output: Option<&PathBuf>, endings: &[&str], what: &str) -> Result<(), Failure> {
    let Some(path) = output else { return Ok(()) };
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let fits = ending.is_none_or(|ending| endings.contains(&ending.as_str())) || is_special(path);
    require(fits, || {
        format!("{}: {what}; give a name that ends in .{}", path.display(), endings.join(" or ."))
    })
}

/// Whether a table is meant.
pub fn ends_in_csv(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
}

/// Whether both names lead to one regular file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b && a.is_file())
}

/// The text of a file.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::input(format!("cannot read {}: {e}", path.display())))
}

/// Makes `text` the whole of a file.
pub fn write_text(mut file: AtomicFile, text: &str) -> Result<(), Failure> {
    let failed = |e, path: &Path| Failure::input(format!("cannot write {}: {e}", path.display()));
    file.write_all(text.as_bytes()).map_err(|e| failed(e, file.target()))?;
    Ok(file.commit()?)
}

/// Whether a device or a pipe stands there.
pub fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
}
