//! From a dataset to a proved ONNX file in one call.

use std::{fs, path::Path};

use indelible::{
    Dataset, Progress,
    cells::samples_in_cells,
    fit::{Draft, FitOptions, Fitted, Inside, Store, Stored, fit_into},
    network::Model,
};

use crate::{
    AtomicFile, Error, digest,
    onnx::{self, Metadata},
};

/// A network in a file, and what is known about it.
#[derive(Clone, Debug)]
pub struct FittedFile {
    /// The network as it was read from the file, its proof, why it was chosen.
    pub fitted: Fitted,
    /// Size of the file.
    pub bytes: u64,
}

/// Builds a network that memorizes `data` robustly, writes it beside `path`,
/// proves what was written, and only then gives it that name.
///
/// # Errors
/// [`Error::Library`] when the library finds no such network; else when the file
/// cannot be written.
pub fn fit_to_file(
    path: &Path,
    data: &Dataset,
    options: &FitOptions,
    progress: &dyn Progress,
) -> Result<FittedFile, Error> {
    let mut store = FileStore { path, spare: None, written: None, bytes: 0, digest: None };
    let fitted = fit_into(data, options, &mut store, progress)?;
    Ok(FittedFile { fitted, bytes: store.bytes })
}

/// Stores networks in a file.
struct FileStore<'a> {
    path: &'a Path,
    /// A file that nothing has been written to.
    spare: Option<AtomicFile>,
    /// The file with the network stored last, and its size.
    written: Option<AtomicFile>,
    bytes: u64,
    /// The fingerprint of the data.
    digest: Option<String>,
}

impl Store for FileStore<'_> {
    type Error = Error;

    fn prepare(&mut self) -> Result<(), Error> {
        self.spare = Some(AtomicFile::create(self.path)?);
        Ok(())
    }

    fn store(&mut self, draft: Draft<'_>) -> Result<Stored, Error> {
        self.written = None;
        let mut file = self.spare.take().map_or_else(|| AtomicFile::create(self.path), Ok)?;
        let (data, radii, candidate) = (draft.data, draft.budget.radii(), draft.candidate);
        let scaling = draft.inside.map(|inside| &inside.scaling);
        let cells = match (&draft.compact, draft.inside) {
            (Some(Model::Cells(cells)), None) => {
                Some(samples_in_cells(cells, data, draft.budget.norm(), radii))
            }
            (Some(Model::Cells(cells)), Some(Inside { data, budget, .. })) => {
                Some(samples_in_cells(cells, data, budget.norm(), budget.radii()))
            }
            _ => None,
        };
        let metadata = Metadata {
            version: Some(env!("CARGO_PKG_VERSION").into()),
            construction: Some(candidate.construction.name.into()),
            norm: Some(draft.budget.norm()),
            radii: Some(radii.clone()),
            scaled: scaling.is_some(),
            ratio: draft.budget.ratio(),
            classes: Some(data.class_names().to_vec()),
            features: data.feature_names().map(<[String]>::to_vec),
            samples_per_cell: cells,
            dataset: Some(self.digest.get_or_insert_with(|| digest(data)).clone()),
        };
        let result = match &draft.compact {
            Some(compact) => onnx::write_compact_behind(scaling, compact, &metadata, &mut file),
            None => {
                // Said before the work, not after it.
                if let Err(bytes) = candidate.dense_bytes(onnx::LIMIT) {
                    return Err(Error::DenseTooLarge { construction: candidate.construction.name, bytes });
                }
                onnx::write_dense_behind(scaling, candidate.network.as_ref(), &metadata, &mut file)
            }
        };
        result.map_err(|source| Error::Unwritten { path: self.path.into(), source })?;
        drop(draft);
        let written = file.flushed()?;
        self.bytes = fs::metadata(written).map_or(0, |found| found.len());
        let network = onnx::open(written)?;
        self.written = Some(file);
        let Metadata { classes, features, .. } = network.metadata;
        Ok(Stored { model: network.model, classes, features })
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.written.take().map_or(Ok(()), AtomicFile::commit)
    }
}
