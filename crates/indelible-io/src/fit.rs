//! From a dataset to a proved ONNX file in one call.

use std::{fs, io::Write, path::Path};

use bytes::Bytes;
use indelible::{
    Dataset, Progress,
    cells::samples_in_cells,
    fit::{Draft, FitOptions, Fitted, Inside, Store, Stored, fit_into},
    network::Model,
};

use crate::{
    AtomicFile, Error, digest,
    onnx::{self, Metadata, OnnxError},
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

/// A network as the bytes of a file, and what is known about it.
#[derive(Clone, Debug)]
pub struct FittedBytes {
    /// The network as it was read from the bytes, its proof, why it was chosen.
    pub fitted: Fitted,
    /// What [`fit_to_file`] writes into a file.
    pub bytes: Bytes,
}

/// The same without a file: what is proved is what is read from the bytes.
///
/// ```
/// use indelible::{Dataset, Features, Silent, fit::FitOptions};
/// use indelible_io::{fit_to_bytes, onnx};
///
/// let names = vec!["a".into(), "b".into()];
/// let data = Dataset::new(Features::F64(vec![0.0, 1.0].into()), 1, vec![0, 1], names.clone())?;
/// let built = fit_to_bytes(&data, &FitOptions::default(), &Silent)?;
/// assert!(built.fitted.certificate.is_some_and(|proof| proof.holds()));
/// assert_eq!(onnx::read(built.bytes)?.metadata.classes, Some(names));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As for [`fit_to_file`].
pub fn fit_to_bytes(
    data: &Dataset,
    options: &FitOptions,
    progress: &dyn Progress,
) -> Result<FittedBytes, Error> {
    let mut store = ByteStore::default();
    let fitted = fit_into(data, options, &mut store, progress)?;
    Ok(FittedBytes { fitted, bytes: store.bytes })
}

/// Stores networks in memory, as the bytes of a file.
#[derive(Default)]
struct ByteStore {
    bytes: Bytes,
    digest: Option<String>,
}

impl Store for ByteStore {
    type Error = Error;

    fn store(&mut self, draft: Draft<'_>) -> Result<Stored, Error> {
        self.bytes = Bytes::new();
        let mut bytes = Vec::new();
        write(draft, &mut self.digest, &mut bytes)??;
        self.bytes = bytes.into();
        Ok(stored(onnx::read(self.bytes.clone())?))
    }
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
        write(draft, &mut self.digest, &mut file)?
            .map_err(|source| Error::Unwritten { path: self.path.into(), source })?;
        let written = file.flushed()?;
        self.bytes = fs::metadata(written).map_or(0, |found| found.len());
        let network = onnx::open(written)?;
        self.written = Some(file);
        Ok(stored(network))
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.written.take().map_or(Ok(()), AtomicFile::commit)
    }
}

/// Writes a network with all that is said of it; `fingerprint` is that of the
/// data, once it is known.
fn write(
    draft: Draft<'_>,
    fingerprint: &mut Option<String>,
    out: &mut dyn Write,
) -> Result<Result<(), OnnxError>, Error> {
    let (data, radii, candidate) = (draft.data, draft.budget.radii(), draft.candidate);
    let scaling = draft.inside.map(|inside| &inside.scaling);
    let cells = match (&draft.compact, draft.inside) {
        (Some(Model::Cells(cells)), None) => Some(samples_in_cells(cells, data, draft.budget.norm(), radii)),
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
        dataset: Some(fingerprint.get_or_insert_with(|| digest(data)).clone()),
    };
    Ok(match &draft.compact {
        Some(compact) => onnx::write_compact_behind(scaling, compact, &metadata, out),
        None => {
            // Said before the work, not after it.
            if let Err(bytes) = candidate.dense_bytes(onnx::LIMIT) {
                return Err(Error::DenseTooLarge { construction: candidate.construction.name, bytes });
            }
            onnx::write_dense_behind(scaling, candidate.network.as_ref(), &metadata, out)
        }
    })
}

/// A network as it was read.
fn stored(network: onnx::Network) -> Stored {
    let Metadata { classes, features, .. } = network.metadata;
    Stored { model: network.model, classes, features }
}
