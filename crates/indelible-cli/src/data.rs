//! The arguments that name a dataset.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indelible::{Dataset, Progress};
use indelible_io::dataset::{Points, ReadOptions, Scale, read, read_points};

use crate::{bar::Bar, failure::Failure};

/// What 8-bit images mean.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScaleArg {
    /// k/255, rounded to binary32
    Unit,
    /// 0 to 255
    None,
}

/// A dataset and how to read it.
#[derive(Args, Debug)]
pub struct DataArgs {
    /// Dataset: IDX, NPY, NPZ, CSV or Parquet (IDX, NPY, CSV also gzipped), or `iris`
    #[arg(value_name = "DATA")]
    pub path: PathBuf,
    /// File of labels, one per sample [default: the usual place of the format]
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Column of labels in a table: its name or its index from 0 [default: label, class, target or y, else the last]
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,
    /// What 8-bit images mean
    #[arg(long, value_enum, default_value_t = ScaleArg::Unit)]
    pub scale: ScaleArg,
    /// Take only the first N samples
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

impl DataArgs {
    pub fn options(&self, expected_features: Option<usize>) -> ReadOptions {
        ReadOptions {
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            scale: match self.scale {
                ScaleArg::Unit => Scale::Unit,
                ScaleArg::None => Scale::None,
            },
            limit: self.limit,
            expected_features,
            ..ReadOptions::default()
        }
    }

    /// The files that are read.
    pub fn files(&self) -> [Option<&PathBuf>; 2] {
        [Some(&self.path), self.labels.as_ref()]
    }

    /// Reads the labelled dataset.
    pub fn read(&self, bar: &Bar) -> Result<Dataset, Failure> {
        self.while_busy(bar, || Ok(read(&self.path, &self.options(None))?))
    }

    /// Reads samples whose labels may be missing, for a network that takes
    /// `features`.
    pub fn read_points(&self, features: usize, bar: &Bar) -> Result<Points, Failure> {
        self.while_busy(bar, || Ok(read_points(&self.path, &self.options(Some(features)))?))
    }

    fn while_busy<T>(&self, bar: &Bar, act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        bar.busy(&format!("reading {}", self.path.display()));
        let result = act();
        bar.end();
        result
    }
}
