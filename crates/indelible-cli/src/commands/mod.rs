//! The commands, one file each.

mod asked;
mod audit;
mod audit_chart;
mod benchmark;
mod bounds;
mod build;
mod certify;
mod chart;
mod compare;
mod decide;
mod demo;
mod drawing;
mod enemies_chart;
mod exact;
mod explain;
mod generalize;
mod generalize_answer;
mod generalize_chart;
mod hard;
mod inspect;
mod page;
mod patch;
mod predict;
mod refute;
mod robustness;
mod robustness_chart;
mod scores;
mod separation;
mod solver;
mod supports;
mod verdicts;
mod verify;
mod width;
mod width_chart;
mod witness;

use std::path::Path;

use clap::{Parser, Subcommand};
use indelible::{Dataset, Features};
use indelible_io::npy::{Array, Values, write_npz};

use crate::{
    failure::{Failure, require},
    report,
};

/// What commands are made of: their arguments, their answers, how they fail.
mod prelude {
    pub use crate::{
        bar::Bar,
        data::{DataArgs, Given, Units, describe, of_scaled, units},
        failure::{Failure, require},
        paths::{ends_in, ends_in_csv, is_special, keep_apart, read_text, write_text},
        report::{Report, at_least, at_most, bytes, columns, counted, grouped, plain, print, real, seconds},
    };
}

/// Builds ReLU networks that provably memorize a labelled dataset robustly,
/// proves it for the file that ships, and measures what it costs.
#[derive(Debug, Parser)]
#[command(name = "indelible", version, arg_required_else_help = true)]
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
    /// One page about a dataset, for a browser: how far apart, labels in doubt, a proved network
    Report(page::PageArgs),
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
    /// Give somebody's network memory: it keeps the labels within a radius, proved, and is the same elsewhere
    Patch(patch::PatchArgs),
    /// The largest radius of each sample: certified, and attacked
    Robustness(robustness::RobustnessArgs),
    /// Robust accuracy on a test set: constructions built from a training set, networks, nearest neighbours
    Generalize(generalize::GeneralizeArgs),
    /// Answer a VNN-LIB query about a network: sat with a point, unsat with a proof
    Verify(verify::VerifyArgs),
    /// Make a benchmark for verifiers whose every answer is known and proved
    Benchmark(benchmark::BenchmarkArgs),
    /// Compare the results of a verifier with the answers of a benchmark
    Audit(audit::AuditArgs),
    /// What `verify` can be asked, as the VNN-LIB standard lists it
    Supports(supports::SupportsArgs),
    /// Which samples are memorized, whom they influence, which labels are in doubt
    Scores(scores::ScoresArgs),
    /// Decide, exactly, whether a network of depth 2 and a given width memorizes the data
    Decide(decide::DecideArgs),
    /// Make data of a set system or NAE-3SAT formula on which deciding is hard; read solutions back
    Hard(hard::HardArgs),
    /// Find two points of different labels that the first layer of a network cannot tell apart
    Refute(refute::RefuteArgs),
    /// Make data on which networks with a narrow first layer must fail
    Witness(witness::WitnessArgs),
    /// How wide the first layer must be for these data, from below and from above
    Width(width::WidthArgs),
    /// Memorizers of the literature over exact integers, counted in parameters and bits
    Exact(exact::ExactArgs),
    /// What is known to be necessary and sufficient, as one table
    Bounds(bounds::BoundsArgs),
}

/// More than any machine has use for; starting many more takes minutes.
const MOST_THREADS: usize = 1024;

impl Program {
    pub fn run(self) -> Result<(), Failure> {
        if let Some(threads) = self.threads {
            require(threads > 0, || "--threads is 0; expected 1 or more".into())?;
            require(threads <= MOST_THREADS, || {
                format!("--threads is {threads}; expected {MOST_THREADS} or less")
            })?;
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|e| {
                Failure::input(format!("cannot start {}: {e}", report::counted(threads, "thread")))
            })?;
        }
        match self.command {
            Command::Demo(args) => args.run(),
            Command::Separation(args) => args.run(),
            Command::Build(args) => args.run(),
            Command::Report(args) => args.run(),
            Command::Compare(args) => args.run(),
            Command::Inspect(args) => args.run(),
            Command::Predict(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Certify(args) => args.run(),
            Command::Patch(args) => args.run(),
            Command::Robustness(args) => args.run(),
            Command::Generalize(args) => args.run(),
            Command::Verify(args) => args.run(),
            Command::Benchmark(args) => args.run(),
            Command::Audit(args) => args.run(),
            Command::Supports(args) => args.run(),
            Command::Scores(args) => args.run(),
            Command::Decide(args) => args.run(),
            Command::Hard(args) => args.run(),
            Command::Refute(args) => args.run(),
            Command::Witness(args) => args.run(),
            Command::Width(args) => args.run(),
            Command::Exact(args) => args.run(),
            Command::Bounds(args) => args.run(),
        }
    }
}

/// Writes a dataset that was made here, whose labels are numbers, as NPZ: `X`,
/// `y` and the names of all classes.
fn write_dataset(data: &Dataset, path: &Path) -> Result<(), Failure> {
    let names: Vec<&str> = data.class_names().iter().map(String::as_str).collect();
    let labels: Option<Vec<i64>> = data.labels().iter().map(|&class| names[class].parse().ok()).collect();
    let values = match data.storage() {
        Features::F32(values) => Some(Values::F32(values)),
        Features::F64(values) => Some(Values::F64(values)),
        Features::Coded { .. } => None,
    };
    let matrix = values.and_then(|values| Array::matrix(values, data.features()));
    let (Some(matrix), Some(labels)) = (matrix, labels) else {
        return Err(Failure::input("the dataset has no rows of numbers with numbers as labels"));
    };
    let (y, names) = (Array::vector(Values::I64(&labels)), Array::vector(Values::Text(&names)));
    Ok(write_npz(path, &[("X", matrix), ("y", y), ("class_names", names)])?)
}
