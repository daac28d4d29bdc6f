//! The commands, one file each.

mod build;
mod certify;
mod chart;
mod compare;
mod demo;
mod inspect;
mod predict;
mod separation;

use clap::{Parser, Subcommand, ValueEnum};
use indelible::Norm;

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
    /// Prove, sample by sample, that a network keeps the labels within a radius
    Certify(certify::CertifyArgs),
}

impl Program {
    pub fn run(self) -> Result<(), Failure> {
        if let Some(threads) = self.threads {
            if threads == 0 {
                return Err(Failure::input("--threads is 0; expected 1 or more".into()));
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
            Command::Certify(args) => args.run(),
        }
    }
}

/// The norms that the command line knows.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum NormArg {
    /// Largest difference of a feature
    Linf,
    /// Sum of differences
    L1,
    /// Euclidean distance
    L2,
}

impl From<NormArg> for Norm {
    fn from(norm: NormArg) -> Self {
        match norm {
            NormArg::Linf => Self::Linf,
            NormArg::L1 => Self::L1,
            NormArg::L2 => Self::L2,
        }
    }
}
