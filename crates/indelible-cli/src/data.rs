//! The arguments that name a dataset.

use std::path::{Path, PathBuf};

use clap::{Args, builder::TypedValueParser};
use indelible::{Dataset, Progress};
use indelible_io::dataset::{Points, ReadOptions, Scale, read, read_points};

use crate::{bar::Bar, choice::choice, failure::Failure};

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
    #[arg(long, value_parser = scales(), default_value = "unit")]
    pub scale: Scale,
    /// Take only the first N samples
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

fn scales() -> impl TypedValueParser<Value = Scale> {
    choice([("unit", "k/255, rounded to binary32", Scale::Unit), ("none", "0 to 255", Scale::None)])
}

impl DataArgs {
    pub fn options(&self, expected_features: Option<usize>) -> ReadOptions {
        ReadOptions {
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            scale: self.scale,
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
        self.read_with(read, None, bar)
    }

    /// Reads samples whose labels may be missing, for a network that takes
    /// `features`.
    pub fn read_points(&self, features: usize, bar: &Bar) -> Result<Points, Failure> {
        self.read_with(read_points, Some(features), bar)
    }

    fn read_with<T>(
        &self,
        read: fn(&Path, &ReadOptions) -> Result<T, indelible_io::Error>,
        features: Option<usize>,
        bar: &Bar,
    ) -> Result<T, Failure> {
        bar.busy(&format!("reading {}", self.path.display()));
        let result = read(&self.path, &self.options(features));
        bar.end();
        Ok(result?)
    }
}
