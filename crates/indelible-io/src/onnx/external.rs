//! Tensors whose data are in other files.

use std::{
    collections::HashMap,
    fs::File,
    io::Read,
    path::{Component, Path},
};

use bytes::Bytes;

use super::{
    OnnxError,
    graph::{bad, elements},
    proto::{Graph, Tensor, data_type},
    write::LIMIT,
};

/// Takes the data of all initializers that are in files of `folder` into the
/// graph; without a folder they stay outside, and whoever reads them refuses.
pub(super) fn load(graph: &mut Graph, folder: Option<&Path>) -> Result<(), OnnxError> {
    let Some(folder) = folder else { return Ok(()) };
    let mut files: HashMap<String, Bytes> = HashMap::new();
    for tensor in graph.initializer.iter_mut().filter(|tensor| tensor.data_location == EXTERNAL) {
        let place = Place::of(tensor)?;
        let data = match files.get(&place.file) {
            Some(data) => data.clone(),
            None => {
                let data = read(tensor, folder, &place.file)?;
                files.insert(place.file.clone(), data.clone());
                data
            }
        };
        let end = place.offset.checked_add(place.length).filter(|end| *end <= data.len());
        let Some(end) = end else {
            let (file, held) = (&place.file, data.len());
            return Err(bad(tensor, format!("its data end behind the {held} bytes of '{file}'")));
        };
        tensor.raw_data = Some(data.slice(place.offset..end));
        tensor.external_data.clear();
        tensor.data_location = 0;
    }
    Ok(())
}

/// The data location that means another file.
const EXTERNAL: i32 = 1;

/// Where the data of a tensor are.
struct Place {
    file: String,
    offset: usize,
    length: usize,
}

impl Place {
    fn of(tensor: &Tensor) -> Result<Self, OnnxError> {
        let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key);
        let number = |key: &str| entry(key).map(|entry| entry.value.parse::<usize>());
        let file = entry("location").map(|entry| entry.value.clone()).unwrap_or_default();
        // A file beside the model or below, nowhere else.
        let inside = Path::new(&file).components().all(|part| matches!(part, Component::Normal(_)));
        if file.is_empty() || !inside {
            return Err(bad(tensor, format!("its data are in '{file}'; expected a file beside the model")));
        }
        let width = match tensor.data_type {
            data_type::DOUBLE | data_type::INT64 => 8,
            data_type::FLOAT16 => 2,
            data_type::UINT8 | data_type::BOOL => 1,
            _ => 4,
        };
        let length = match number("length") {
            Some(length) => length,
            None => Ok(elements(tensor)?.saturating_mul(width)),
        };
        match (number("offset").unwrap_or(Ok(0)), length) {
            (Ok(offset), Ok(length)) => Ok(Self { file, offset, length }),
            _ => Err(bad(tensor, format!("its place in '{file}' is no number"))),
        }
    }
}

fn read(tensor: &Tensor, folder: &Path, name: &str) -> Result<Bytes, OnnxError> {
    let failed =
        |e: std::io::Error| bad(tensor, format!("its data are in '{name}', which cannot be read: {e}"));
    let mut bytes = Vec::new();
    File::open(folder.join(name))
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        return Err(bad(tensor, format!("its data are in '{name}', which is larger than 2 GiB")));
    }
    Ok(bytes.into())
}
