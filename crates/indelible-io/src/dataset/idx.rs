//! IDX, the format of MNIST: two zero bytes, the type of the numbers, the
//! number of dimensions, the dimensions as big-endian 32-bit integers, then
//! the numbers, big-endian, last index fastest.

use std::path::{Path, PathBuf};

use super::{
    Loaded, ReadOptions,
    array::{self, Layout},
    contents::Contents,
    labels::LabelSet,
    source::Source,
};
use crate::{Error, npy::header::Number};

/// Reads the header; also the number of its bytes.
fn header(contents: &mut Contents) -> Result<(Layout, u64), Error> {
    let mut magic = [0; 4];
    contents.header(&mut magic)?;
    let [_, _, code, rank] = magic;
    let number = match code {
        0x08 => Number::U8,
        0x09 => Number::I8,
        0x0b => Number::I16,
        0x0c => Number::I32,
        0x0d => Number::F32,
        0x0e => Number::F64,
        _ => {
            return Err(contents.malformed(format!(
                "wrong magic: byte 3, the type, is {code:#04x}; expected 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e"
            )));
        }
    };
    if rank == 0 {
        return Err(contents.malformed("wrong magic: byte 4, the number of dimensions, is 0"));
    }
    let mut shape = Vec::with_capacity(rank.into());
    for _ in 0..rank {
        let mut size = [0; 4];
        contents.header(&mut size)?;
        shape.push(u32::from_be_bytes(size) as usize);
    }
    Ok((Layout { number, big_endian: true, fortran: false, shape }, 4 + 4 * u64::from(rank)))
}

/// Reads an IDX file and, unless the options say where they are, the labels
/// beside it.
pub(super) fn read(mut source: Source, options: &ReadOptions) -> Result<Loaded, Error> {
    let (mut contents, file) = source.contents_and_file("IDX");
    let (layout, offset) = header(&mut contents)?;
    let file = file.map(|(file, length)| (file, offset, length));
    let mut loaded = array::features(&mut contents, &layout, file, options)?;
    if options.labels.is_none() {
        let path = source.path();
        match beside(path) {
            Beside::Found(labels) => {
                loaded.labels = Some(super::read_labels(&labels)?);
                loaded.label_file = Some(labels);
            }
            Beside::Missing(hint) => loaded.hint = Some(hint),
        }
    }
    Ok(loaded)
}

/// Reads an IDX file of one dimension as labels.
pub(super) fn read_labels(mut source: Source) -> Result<LabelSet, Error> {
    let (mut contents, _) = source.contents_and_file("IDX");
    let (layout, _) = header(&mut contents)?;
    array::labels(&mut contents, &layout)
}

/// The file with the labels of an IDX file.
enum Beside {
    Found(PathBuf),
    /// What to say about it.
    Missing(String),
}

/// Looks for the file that is called like `images`, with `labels` for
/// `images` and `idx1` for `idx3`, packed or not, with `-` or `.` before `idx`.
fn beside(images: &Path) -> Beside {
    let give = "give a file with one label per sample (--labels)";
    let name = images.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let Some(names) = label_names(&name) else {
        return Beside::Missing(format!(
            "the name has no 'images' from which to tell the file with the labels; {give}"
        ));
    };
    let wanted = names.first().cloned().unwrap_or_default();
    match names.into_iter().map(|name| images.with_file_name(name)).find(|path| path.is_file()) {
        Some(path) => Beside::Found(path),
        None => Beside::Missing(format!("there is no {wanted} (or .gz) beside it; {give}")),
    }
}

/// Names that the labels may have, the likeliest first.
fn label_names(images: &str) -> Option<Vec<String>> {
    let (plain, packed) = match images.strip_suffix(".gz") {
        Some(plain) => (plain, true),
        None => (images, false),
    };
    let (before, after) = plain.rsplit_once("images")?;
    // idx3, idx4 … → idx1
    let after = match after.split_once("idx") {
        Some((separator, rest)) => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{separator}idx1{rest}")
        }
        None => after.to_owned(),
    };
    let plain = format!("{before}labels{after}");
    let other = if plain.contains(".idx1") {
        plain.replacen(".idx1", "-idx1", 1)
    } else {
        plain.replacen("-idx1", ".idx1", 1)
    };
    let endings = if packed { [".gz", ""] } else { ["", ".gz"] };
    let mut names: Vec<String> =
        [plain, other].iter().flat_map(|name| endings.map(|ending| format!("{name}{ending}"))).collect();
    names.dedup();
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_named_after_the_images() {
        let names = label_names("train-images-idx3-ubyte.gz").unwrap();
        assert_eq!(
            names,
            [
                "train-labels-idx1-ubyte.gz",
                "train-labels-idx1-ubyte",
                "train-labels.idx1-ubyte.gz",
                "train-labels.idx1-ubyte"
            ]
        );
        assert_eq!(label_names("train-images.idx3-ubyte").unwrap()[0], "train-labels.idx1-ubyte");
        assert_eq!(label_names("images-idx4").unwrap()[0], "labels-idx1");
        assert_eq!(label_names("images").unwrap()[..2], ["labels", "labels.gz"]);
        assert_eq!(label_names("data.bin"), None);
    }
}
