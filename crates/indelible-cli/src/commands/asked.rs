//! What `certify` and `robustness` ask about: a network, data, a norm, valid
//! inputs, and how much is tried for each sample.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::Args;
use indelible::{
    Dataset, Norm,
    certify::{Config, Domain},
};
use indelible_io::onnx;

use super::prelude::*;

/// Arguments of commands that prove something about a file.
#[derive(Args, Debug)]
pub struct AskedArgs {
    /// Network to look at
    #[arg(value_name = "NET.onnx")]
    network: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Norm of the radius: linf, l1, l2, or lP for a real P > 1, like l1.5 [default: what the file claims, else linf]
    #[arg(long)]
    norm: Option<Norm>,
    #[command(flatten)]
    effort: EffortArgs,
    /// What radii are measured in [default: scaled where the network scales its features, else raw]
    #[arg(long, value_parser = units())]
    radius_units: Option<Units>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Which inputs are valid, and how much is tried.
#[derive(Args, Debug)]
pub struct EffortArgs {
    /// Valid inputs, with which balls are intersected: LOW,HIGH for every feature; `data`: each feature's range in DATA; or a file with a line LOW,HIGH per feature [default: all numbers]
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    clip: Option<Clip>,
    /// Parts of a ball to look at before its sample stays undecided, for dense layers [default: 2000, for `robustness` 64, for `generalize` 0; as many as --timeout allows]
    #[arg(long, value_name = "N")]
    branches: Option<usize>,
    /// Seconds to look at parts of a ball, for each question about a sample; which ones are decided then depends on the machine [default: no limit but --branches]
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    timeout: Option<f64>,
}

impl EffortArgs {
    /// The file that valid inputs are read from.
    pub fn clip_file(&self) -> Option<&PathBuf> {
        match &self.clip {
            Some(Clip::File(path)) => Some(path),
            _ => None,
        }
    }

    /// What is tried where nothing else was asked for than in `config`.
    pub fn config(&self, mut config: Config) -> Result<Config, Failure> {
        if let Some(seconds) = self.timeout {
            let timeout = Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero());
            require(timeout.is_some(), || {
                format!("--timeout is {seconds}; expected a number of seconds above 0")
            })?;
            (config.timeout, config.branches) = (timeout, usize::MAX);
        }
        config.branches = self.branches.unwrap_or(config.branches);
        Ok(config)
    }

    /// The valid inputs; where they are those of `data`, of these.
    pub fn domain(&self, data: &Dataset) -> Result<Domain, Failure> {
        self.clip.as_ref().map_or(Ok(Domain::default()), |clip| clip.domain(data))
    }
}

/// What was read.
#[derive(Debug)]
pub struct Asked {
    pub network: onnx::Network,
    pub data: Given,
    pub norm: Norm,
    pub config: Config,
}

impl AskedArgs {
    /// Reads the files; what is tried is as in `config` where nothing else was
    /// asked for. None of the files is one of `outputs`.
    pub fn read(&self, config: Config, outputs: &[Option<&PathBuf>], bar: &Bar) -> Result<Asked, Failure> {
        let [data, labels] = self.data.files();
        keep_apart(&[data, labels, Some(&self.network), self.effort.clip_file()], outputs)?;
        let mut config = self.effort.config(config)?;
        let network = self.measured(onnx::open(&self.network)?)?;
        let data = self.data.read_for(&network, bar)?;
        config.domain = self.effort.domain(&data)?;
        let norm = self.norm.or(network.metadata.norm).unwrap_or(Norm::Linf);
        Ok(Asked { network, data, norm, config })
    }

    /// The network with its balls in the units that were asked for.
    fn measured(&self, network: onnx::Network) -> Result<onnx::Network, Failure> {
        match self.radius_units {
            Some(Units::Raw) => Ok(onnx::Network { model: network.model.with_raw_balls(), ..network }),
            Some(Units::Scaled) => {
                require(network.model.has_scaled_balls(), || {
                    format!(
                        "--radius-units scaled, but {} has no map of its features; leave it out",
                        self.file()
                    )
                })?;
                Ok(network)
            }
            None => Ok(network),
        }
    }

    /// The network's file.
    pub fn network(&self) -> &PathBuf {
        &self.network
    }

    /// The same, for messages.
    pub fn file(&self) -> std::path::Display<'_> {
        self.network.display()
    }

    /// The file of the data.
    pub fn data_file(&self) -> std::path::Display<'_> {
        self.data.path.display()
    }
}

/// Which inputs are valid.
#[derive(Clone, Debug)]
enum Clip {
    /// The same range for every feature.
    Same(f64, f64),
    /// What the data span.
    Data,
    /// What a file says.
    File(PathBuf),
}

impl FromStr for Clip {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match pair(text) {
            Some((lower, upper)) => Self::Same(lower, upper),
            None if text == "data" => Self::Data,
            None => Self::File(text.into()),
        })
    }
}

/// Two numbers with a comma between them.
fn pair(text: &str) -> Option<(f64, f64)> {
    let (lower, upper) = text.split_once(',')?;
    Some((lower.trim().parse().ok()?, upper.trim().parse().ok()?))
}

impl Clip {
    fn domain(&self, data: &Dataset) -> Result<Domain, Failure> {
        let wrong = |e: indelible::Error| Failure::input(format!("--clip: {e}"));
        match self {
            Self::Same(lower, upper) => Domain::same(*lower, *upper).map_err(wrong),
            Self::Data => Ok(Domain::of(data)),
            Self::File(path) => Domain::each(ranges(path)?).map_err(wrong),
        }
    }
}

/// The ranges that a file has, one per line; empty lines and those that start
/// with `#` are none.
fn ranges(path: &Path) -> Result<Vec<(f64, f64)>, Failure> {
    require(path.exists(), || {
        format!("--clip is {}; expected LOW,HIGH, the word data, or a file that is there", path.display())
    })?;
    let text = read_text(path)?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    let range = |(line, number): (&str, usize)| {
        pair(line).ok_or_else(|| {
            Failure::input(format!("{}: line {number}: '{line}' is no LOW,HIGH: two numbers", path.display()))
        })
    };
    lines.map(range).collect()
}
