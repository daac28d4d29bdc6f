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
use crate::{
    DataError,
    npy::header::{Kind, Number},
};

/// Reads the header.
fn header(contents: &mut Contents) -> Result<Layout, DataError> {
    let mut magic = [0; 4];
    contents.header(&mut magic)?;
    let [_, _, code, rank] = magic;
    let (kind, size) = match code {
        0x08 => (Kind::Unsigned, 1),
        0x09 => (Kind::Signed, 1),
        0x0b => (Kind::Signed, 2),
        0x0c => (Kind::Signed, 4),
        0x0d => (Kind::Float, 4),
        0x0e => (Kind::Float, 8),
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
    Ok(Layout { number: Number { kind, size }, big_endian: true, fortran: false, shape })
}

/// Reads an IDX file, and says where the labels are unless the options do.
pub(super) fn read(mut source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let mut contents = source.contents("IDX");
    let layout = header(&mut contents)?;
    let mut loaded = array::features(&mut contents, &layout, options)?;
    if options.labels.is_none() {
        match beside(&source.path) {
            Ok(labels) => loaded.label_file = Some(labels),
            Err(hint) => loaded.hint = Some(hint),
        }
    }
    Ok(loaded)
}

/// Reads an IDX file of one dimension as labels.
pub(super) fn read_labels(mut source: Source) -> Result<LabelSet, DataError> {
    let mut contents = source.contents("IDX");
    let layout = header(&mut contents)?;
    array::labels(&mut contents, &layout)
}

/// The file with the labels of an IDX file, or what to say where there is none:
/// it is called like `images`, with `labels` for `images` and `idx1` for `idx3`,
/// packed or not, with `-` or `.` before `idx`.
fn beside(images: &Path) -> Result<PathBuf, String> {
    let give = "give a file with one label per sample (--labels)";
    let name = images.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let Some(names) = label_names(&name) else {
        return Err(format!("the name has no 'images' from which to tell the file with the labels; {give}"));
    };
    let mut places = names.iter().map(|name| images.with_file_name(name));
    places.find(|path| path.is_file()).ok_or_else(|| {
        let wanted = names.first().map_or("", String::as_str);
        format!("there is no {wanted} (or .gz) beside it; {give}")
    })
}

/// Names that the labels may have, the likeliest first.
fn label_names(images: &str) -> Option<Vec<String>> {
    let packed = images.ends_with(".gz");
    let (before, after) = images.strip_suffix(".gz").unwrap_or(images).rsplit_once("images")?;
    // idx3, idx4 … → idx1
    let after = match after.split_once("idx") {
        Some((separator, rest)) => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{separator}idx1{rest}")
        }
        None => after.to_owned(),
    };
    let plain = format!("{before}labels{after}");
    let (separated, otherwise) =
        if plain.contains(".idx1") { (".idx1", "-idx1") } else { ("-idx1", ".idx1") };
    let other = plain.replacen(separated, otherwise, 1);
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
