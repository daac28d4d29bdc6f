//! Networks as ONNX files.
//!
//! Two forms are written: *dense* ([`write_dense`]), one Gemm per layer with a
//! Relu between each two, and *compact* ([`write_compact`]), a Scan over the
//! samples, one product with all of them, or gathers for cells. [`read`] takes
//! both, and piecewise-linear networks of others. [`write_convolutions`] and
//! [`write_residual`] write layers as such networks.

mod cells;
mod entries;
mod external;
mod foreign;
mod functions;
mod graph;
mod max_affine;
mod metadata;
mod patched;
mod projected;
mod proto;
mod prototypes;
mod recurrence;
mod rewritten;
mod scaled;
mod tensors;
mod write;

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use indelible::{
    Dataset, Norm, Radii,
    classes::Signature,
    constructions::Construction,
    network::{Model, Patched, Projected, Scaled, Scaling, Schedule},
};
use prost::Message;

use crate::{DataError, Error, digest};

pub use metadata::Metadata;
pub use rewritten::{ResidualBlock, write_convolutions, write_residual};
pub(crate) use write::LIMIT;
pub use write::{write_dense, write_dense_behind};

use write::Heading;

/// A network read from a file.
#[derive(Clone, Debug)]
pub struct Network {
    /// What it computes.
    pub model: Model,
    /// What the file claims about it.
    pub metadata: Metadata,
    /// What of the file was left out because it changes no label, in words.
    pub notes: Vec<String>,
    /// Logits that are not farther apart than this may be made equal by the Softmax or
    /// Sigmoid that was left out; 0 where none was.
    pub tie_margin: f64,
}

impl Network {
    /// What matching its classes with those of a dataset needs.
    #[must_use]
    pub fn signature(&self) -> Signature<'_> {
        Signature {
            outputs: self.model.outputs(),
            classes: self.metadata.classes.as_deref(),
            features: self.metadata.features.as_deref(),
            tie_margin: self.tie_margin,
        }
    }

    /// The radii that the file claims for `data` in `norm`.
    ///
    /// # Errors
    /// [`OnnxError::Claim`] when it claims none, claims them in another norm, or
    /// has one for each sample of another dataset.
    pub fn claimed_radii(&self, data: &Dataset, norm: Norm) -> Result<Radii, OnnxError> {
        let metadata = &self.metadata;
        let Some(radii) = metadata.radii.clone() else {
            return Err(OnnxError::Claim("claims no radius of its own".into()));
        };
        if metadata.norm != Some(norm) {
            let claimed = metadata.norm.map_or("no norm".into(), |claimed| claimed.to_string());
            return Err(OnnxError::Claim(format!("claims radii in {claimed}, not in {norm}")));
        }
        let is_same = || metadata.dataset.as_ref().is_some_and(|known| *known == digest(data));
        if matches!(radii, Radii::PerSample(_)) && !is_same() {
            return Err(OnnxError::Claim("has one radius for each sample of another dataset".into()));
        }
        Ok(radii)
    }

    /// The name of its form: `dense` for layers, `graph` for a piecewise-linear
    /// graph, `patched` for one of these with a memory, `compact` for all others.
    #[must_use]
    pub fn form(&self) -> &'static str {
        let model = if let Model::Scaled(scaled) = &self.model { scaled.inner() } else { &self.model };
        match model {
            Model::Layers(_) => "dense",
            Model::Graph(_) => "graph",
            Model::Patched(_) => "patched",
            _ => "compact",
        }
    }
}

/// What can be wrong with an ONNX file, or with writing one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// Not the bytes of an ONNX model.
    #[error("not an ONNX model, or not a whole one: {0}")]
    Decode(String),
    /// Another kind of file.
    #[error("it is {0}; expected an ONNX network, which comes before the data")]
    Other(&'static str),
    /// A model without a part that every model has.
    #[error("the model has no {0}")]
    Missing(&'static str),
    /// An operator that the reader does not understand.
    #[error("operator {operator} (node '{node}') is not understood{why}; docs/onnx.md lists those that are")]
    Operator {
        /// Its type, with its domain where that is not the default one.
        operator: String,
        /// The node.
        node: String,
        /// What exactly, if anything, starting with a separator.
        why: String,
    },
    /// A value that no node, input or initializer gives.
    #[error("node '{node}' reads '{name}', which is no initializer of the file and no value computed before")]
    Dangling {
        /// The node.
        node: String,
        /// The value.
        name: String,
    },
    /// A tensor that is not what it should be.
    #[error("tensor '{name}': {why}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A structure outside what the reader accepts.
    #[error("{0}")]
    Structure(String),
    /// A metadata entry that cannot be read.
    #[error("metadata '{key}' cannot be read: '{value}'")]
    Metadata {
        /// Its key.
        key: String,
        /// The beginning of its value.
        value: String,
    },
    /// A network too large for one file.
    #[error(
        "the file would take {bytes} bytes and ONNX files end at 2 GiB; use the compact form, fewer samples or f32"
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// A question that the claims of the file do not answer.
    #[error("the file {0}; give --radius")]
    Claim(String),
    /// Writing failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Reads the network in the ONNX file at `path`, which is held in memory
/// while it is read. A file compressed by gzip is unpacked; tensors in other
/// files are looked for beside it.
///
/// # Errors
/// When a file cannot be read, is larger than 2 GiB, or [`read`] fails.
pub fn open(path: &Path) -> Result<Network, Error> {
    of_file(path, read_beside)
}

/// Writes the network in the ONNX file at `original` with the memory of `patched` beside it:
/// its own nodes and tensors stay as they are, so that whoever runs the file computes what
/// they computed, to the bit. What others say of it in the metadata stays, too.
///
/// # Errors
/// When the file cannot be read, or writing fails. [`OnnxError::Structure`] when the network
/// has a memory already, ends in a Softmax or the like, has more than one input or output,
/// or uses operators that mean something else in operator set 13, where the memory begins.
pub fn write_patched(
    original: &Path,
    patched: &Patched,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), Error> {
    of_file(original, |bytes, (stored, folder)| {
        let mut model = decode(bytes, stored)?;
        if let Some(graph) = &mut model.graph {
            external::load(graph, folder)?;
        }
        patched::write(model, patched, metadata, out)
    })
}

/// What `read` makes of the bytes of the file at `path`, how many of them are stored, and the
/// folder that it is in.
fn of_file<T>(
    path: &Path,
    read: impl FnOnce(Bytes, (usize, Option<&Path>)) -> Result<T, OnnxError>,
) -> Result<T, Error> {
    let failed = |e| Error::io("read", path, e);
    let onnx = |source| Error::Onnx { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes)).map_err(failed)?;
    let stored = bytes.len();
    if bytes.starts_with(&GZIP) {
        let mut unpacked = Vec::new();
        let read = MultiGzDecoder::new(&bytes[..]).take(LIMIT + 1).read_to_end(&mut unpacked);
        read.map_err(|e| onnx(OnnxError::Decode(format!("compressed by gzip, which ends badly: {e}"))))?;
        bytes = unpacked;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(onnx(OnnxError::Decode("it is larger than 2 GiB".into())));
    }
    if bytes.is_empty() {
        return Err(Error::data(path, DataError::Empty));
    }
    let what = other_than_a_network(&bytes);
    read(bytes.into(), (stored, path.parent())).map_err(|e| match (e, what) {
        (OnnxError::Decode(_), Some(what)) => onnx(OnnxError::Other(what)),
        (e, _) => onnx(e),
    })
}

/// What a file seems to be that holds no network.
fn other_than_a_network(bytes: &[u8]) -> Option<&'static str> {
    let start = &bytes[..bytes.len().min(512)];
    let is_text = |b: &u8| *b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r');
    match start {
        [0, 0, 8..=14, 1..=4, ..] => Some("IDX"),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some("NPY"),
        [b'P', b'K', 3, 4, ..] => Some("a ZIP archive, as NPZ is"),
        [b'P', b'A', b'R', b'1', ..] => Some("Parquet"),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some("Arrow IPC"),
        _ if start.iter().all(is_text) => Some("a text"),
        _ => None,
    }
}

/// How a file begins that is compressed by gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a network from the bytes of an ONNX file, which must hold all of it.
///
/// Only what the reader understands completely is accepted: anything that
/// could change what the model computes is refused by name.
///
/// # Errors
/// When the bytes are no whole model, or a model of another kind.
pub fn read(bytes: Bytes) -> Result<Network, OnnxError> {
    let stored = bytes.len();
    read_beside(bytes, (stored, None))
}

/// The same for a file of `stored` bytes, with tensors in files of `folder`.
fn read_beside(bytes: Bytes, (stored, folder): (usize, Option<&Path>)) -> Result<Network, OnnxError> {
    let model = decode(bytes, stored)?;
    let mut metadata = Metadata::from_entries(&model.metadata_props)?;
    let opset = default_opset(&model.opset_import)?;
    if !(7..=LAST_OPSET).contains(&opset) {
        return Err(OnnxError::Structure(format!(
            "operator set {opset} is not understood; expected 7 to {LAST_OPSET}"
        )));
    }
    let mut graph = model.graph.ok_or(OnnxError::Missing("graph"))?;
    functions::inline(&mut graph, &model.functions, &model.opset_import)?;
    external::load(&mut graph, folder)?;
    let scaling = scaled::take_off(&mut graph)?;
    let directions = projected::take_off(&mut graph)?;
    if metadata.radii.is_some() && metadata.scaled != scaling.is_some() {
        let what = "the file claims radii in other units than its network has: a map of the features and radius_units belong together";
        return Err(OnnxError::Structure(what.into()));
    }
    // Earlier versions called all but cells `indelible`; their forms are told
    // apart by operators that only they have.
    let has = |op: &str| graph.node.iter().any(|node| node.op_type == op);
    let (name, earlier) = (&*graph.name, graph.name == "indelible");
    let (mut notes, mut tie_margin) = (vec![], 0.0);
    let model = if name == cells::NAME {
        Model::Cells(cells::read(&graph, opset)?)
    } else if name.starts_with(prototypes::NAME) || earlier && has("Scan") && has("Gemm") {
        Model::Prototypes(prototypes::read(&graph, opset, schedule_of(&metadata))?)
    } else if earlier && (has("Scan") || has("Abs")) {
        Model::Prototypes(recurrence::read(&graph, opset)?)
    } else if name == max_affine::NAME || earlier && has("ReduceMax") {
        Model::MaxAffine(max_affine::read(&graph, opset)?)
    } else if name == patched::NAME {
        Model::Patched(patched::read(&graph, opset)?)
    } else {
        let foreign = foreign::read(&graph, opset)?;
        metadata.classes = metadata.classes.or(foreign.classes);
        (notes, tie_margin) = (foreign.notes, foreign.tie_margin);
        foreign.model
    };
    let model = if directions.is_empty() {
        model
    } else {
        let behind = Projected::new(directions, model);
        Model::Projected(behind.map_err(|e| OnnxError::Structure(e.to_string()))?)
    };
    let model = match scaling {
        Some(scaling) => {
            let scaled = Scaled::new(scaling, model).map_err(|e| OnnxError::Structure(e.to_string()))?;
            Model::Scaled(scaled)
        }
        None => model,
    };
    Ok(Network { model, metadata, notes, tie_margin })
}

fn decode(bytes: Bytes, stored: usize) -> Result<proto::Model, OnnxError> {
    entries::check(&bytes, stored)?;
    proto::Model::decode(bytes).map_err(|e| {
        OnnxError::Decode(e.to_string().trim_start_matches("failed to decode Protobuf message: ").into())
    })
}

/// The version of the default operator set.
fn default_opset(sets: &[proto::OperatorSet]) -> Result<i64, OnnxError> {
    let default = sets.iter().find(|set| graph::is_default(&set.domain));
    Ok(default.ok_or(OnnxError::Missing("default operator set"))?.version)
}

/// The last operator set whose operators are known.
const LAST_OPSET: i64 = 28;

/// The schedule of prototypes in a file of an earlier version, which only names
/// its construction.
fn schedule_of(metadata: &Metadata) -> Schedule {
    let named = metadata.construction.as_deref().and_then(|name| Construction::named(name).ok());
    named.and_then(|construction| construction.schedule).unwrap_or(Schedule::Pipelined)
}

/// Writes `model`: layers as [`write_dense`] does, prototypes as a Scan over
/// their steps, cells by gathering, maxima of affine scores as one product with
/// all rows.
///
/// The input `x` has shape `[batch, n]`, the output `y` shape
/// `[batch, outputs]`; 8-bit rows are stored as bytes with a table.
///
/// # Errors
/// When the file would be larger than 2 GiB, the form cannot say what the
/// network does, or writing fails.
pub fn write_compact(model: &Model, metadata: &Metadata, out: &mut dyn Write) -> Result<(), OnnxError> {
    match model {
        Model::Scaled(scaled) => write_compact_behind(Some(scaled.scaling()), scaled.inner(), metadata, out),
        model => write_compact_behind(None, model, metadata, out),
    }
}

/// The same with a map of the features in front, where one is given.
///
/// # Errors
/// As of [`write_compact`]; when there are two maps.
pub fn write_compact_behind(
    scaling: Option<&Scaling>,
    model: &Model,
    metadata: &Metadata,
    out: &mut dyn Write,
) -> Result<(), OnnxError> {
    let (directions, model) = match model {
        Model::Projected(projected) => (projected.directions(), projected.inner()),
        model => (&[][..], model),
    };
    let heading = Heading { metadata, scaling, directions };
    match model {
        Model::Layers(network) if directions.is_empty() => {
            write_dense_behind(scaling, network, metadata, out)
        }
        Model::Cells(network) => cells::write(network, heading, out),
        Model::Prototypes(prototypes) => prototypes::write(prototypes, heading, out),
        Model::MaxAffine(scores) => max_affine::write(scores, heading, out),
        _ => Err(OnnxError::Structure("networks of this form are not written".into())),
    }
}
