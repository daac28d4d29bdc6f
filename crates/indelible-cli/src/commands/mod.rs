//! The commands, one file each.

mod bounds;
mod build;
mod certify;
mod chart;
mod compare;
mod decide;
mod demo;
mod drawing;
mod enemies_chart;
mod explain;
mod hard;
mod inspect;
mod predict;
mod refute;
mod separation;
mod witness;

use std::path::Path;

use clap::{Parser, Subcommand};
use indelible::{Dataset, Features};
use indelible_io::npy::{Array, Values, write_npz};

use crate::failure::Failure;

/// Builds ReLU networks that provably memorize a labelled dataset robustly,
/// proves it for the file that ships, and measures what it costs.
#[derive(Debug, Parser)]
#[command(name = "indelible", version, arg_required_else_help = false)]
pub struct Program {
    #[command(subcommand)]
    command: Command,
    /// Threads to use [default: one per core]
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole line on Iris: separation, network, proof, attacks
    Demo(demo::DemoArgs),
    /// How far apart the classes are, exactly, and the largest possible radius
    Separation(separation::SeparationArgs),
    /// Build a network that memorizes the data robustly, prove it, write it as ONNX
    Build(build::BuildArgs),
    /// All constructions side by side on the same data
    Compare(compare::CompareArgs),
    /// Size and metadata of a network
    Inspect(inspect::InspectArgs),
    /// Labels that a network gives
    Predict(predict::PredictArgs),
    /// Which constraints recognise a sample, in words
    Explain(explain::ExplainArgs),
    /// Prove, sample by sample, that a network keeps the labels within a radius
    Certify(certify::CertifyArgs),
    /// Decide, exactly, whether a network of depth 2 and a given width memorizes the data
    Decide(decide::DecideArgs),
    /// Make data of a set system or NAE-3SAT formula on which deciding is hard; read solutions back
    Hard(hard::HardArgs),
    /// Find two points of different labels that the first layer of a network cannot tell apart
    Refute(refute::RefuteArgs),
    /// Make data on which networks with a narrow first layer must fail
    Witness(witness::WitnessArgs),
    /// What is known to be necessary and sufficient, as one table
    Bounds(bounds::BoundsArgs),
}

/// More than any machine has use for; starting many more takes minutes.
const MOST_THREADS: usize = 1024;

impl Program {
    pub fn run(self) -> Result<(), Failure> {
        if let Some(threads) = self.threads {
            if threads == 0 {
                return Err(Failure::input("--threads is 0; expected 1 or more".into()));
            }
            if threads > MOST_THREADS {
                return Err(Failure::input(format!(
                    "--threads is {threads}; expected {MOST_THREADS} or less"
                )));
            }
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build_global()
                .map_err(|e| Failure::input(format!("cannot start {threads} threads: {e}")))?;
        }
        match self.command {
            Command::Demo(args) => args.run(),
            Command::Separation(args) => args.run(),
            Command::Build(args) => args.run(),
            Command::Compare(args) => args.run(),
            Command::Inspect(args) => args.run(),
            Command::Predict(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Certify(args) => args.run(),
            Command::Decide(args) => args.run(),
            Command::Hard(args) => args.run(),
            Command::Refute(args) => args.run(),
            Command::Witness(args) => args.run(),
            Command::Bounds(args) => args.run(),
        }
    }
}

/// The text of a file, or the one line that says why it cannot be read.
fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::input(format!("cannot read {}: {e}", path.display())))
}

/// Writes a dataset as NPZ: `X`, `y` and the names of all classes.
fn write_dataset(data: &Dataset, path: &Path) -> Result<(), Failure> {
    let names: Vec<&str> = data.class_names().iter().map(String::as_str).collect();
    let labels: Vec<&str> = data.labels().iter().map(|&c| names[c]).collect();
    let numbers: Option<Vec<i64>> = labels.iter().map(|name| name.parse().ok()).collect();
    let labels = match &numbers {
        Some(numbers) => Values::I64(numbers),
        None => Values::Text(&labels),
    };
    let rows: Vec<f64>;
    let values = match data.storage() {
        Features::F32(values) => Values::F32(values),
        Features::F64(values) => Values::F64(values),
        Features::Coded { .. } => {
            rows = (0..data.samples()).flat_map(|i| data.row(i)).collect();
            Values::F64(&rows)
        }
    };
    let matrix = Array::matrix(values, data.features())
        .ok_or_else(|| Failure::input("the rows of the dataset are not equally long".into()))?;
    let arrays =
        [("X", matrix), ("y", Array::vector(labels)), ("class_names", Array::vector(Values::Text(&names)))];
    Ok(write_npz(path, &arrays)?)
}
