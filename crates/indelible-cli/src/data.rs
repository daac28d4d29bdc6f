//! The arguments that name a dataset, and what is said of what was read.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use clap::{Args, builder::TypedValueParser};
use indelible::{
    Dataset, Precision, Progress,
    network::{Model, Scaling},
};
use indelible_io::{
    dataset::{
        Categorical, Decimal, Delimiter, Missing, OnConflict, Points, ReadOptions, Reading, Scale,
        read_labelled, read_points,
    },
    onnx,
};
use serde_json::{Value, json};

use crate::{
    bar::Bar,
    choice::choice,
    failure::{Failure, require},
    report::{Report, counted, grouped},
};

/// A dataset and how to read it.
#[derive(Args, Debug)]
pub struct DataArgs {
    /// Dataset: IDX, NPY, NPZ, CSV, svmlight, Parquet or Arrow/Feather (IDX, NPY, texts also gzipped), or `iris`
    #[arg(value_name = "DATA")]
    pub path: PathBuf,
    /// File of labels, one per sample [default: the usual place of the format]
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Column of labels in a table: its name or its index from 0 [default: label, class, target, labels, targets or y, else the last]
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,
    /// Columns of a table that are no features: names or indices from 0 [default: an index of the rows]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub drop: Vec<String>,
    /// Columns of a table that are the features, in this order: names or indices from 0 [default: all others]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub features: Vec<String>,
    /// Arrays of an NPZ file: features and labels [default: X and y and other usual names]
    #[arg(long, value_name = "X,Y", value_delimiter = ',')]
    pub arrays: Vec<String>,
    /// The first line of a CSV file names the columns [default: told from the lines below it]
    #[arg(long, conflicts_with = "no_header")]
    pub header: bool,
    /// The first line of a CSV file is a sample
    #[arg(long)]
    pub no_header: bool,
    /// What separates the cells of a CSV file: a character, tab or blanks [default: told from its first lines]
    #[arg(long, value_name = "C")]
    pub delimiter: Option<Delimiter>,
    /// What stands before fractions in a CSV file: . or , [default: told from its first lines]
    #[arg(long, value_name = "C")]
    pub decimal: Option<Decimal>,
    /// Text among the features of a table
    #[arg(long, value_parser = categorical(), default_value = "refuse")]
    pub categorical: Categorical,
    /// Values that are missing: empty cells, NA, null, NaN
    #[arg(long, value_parser = missing(), default_value = "refuse")]
    pub missing: Missing,
    /// Equal samples with different labels, which no network can memorize
    #[arg(long, value_parser = conflicts(), default_value = "error")]
    pub on_conflict: OnConflict,
    /// What is done to features before distances are measured; `build` takes the map into the network
    #[arg(long, value_parser = scales(), default_value = "images")]
    pub scale: Scale,
    /// Take only the first N samples
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

fn scales() -> impl TypedValueParser<Value = Scale> {
    choice([
        ("images", "Bytes of images are k/255, rounded to binary32; all else stays", Scale::Images),
        ("none", "Nothing; bytes of images are 0 to 255", Scale::None),
        ("minmax", "Every feature onto [0, 1]", Scale::MinMax),
        ("standard", "Every feature to mean 0 and standard deviation 1", Scale::Standard),
    ])
}

/// What a radius is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// The units of the features.
    Raw,
    /// What the map of the features gives.
    Scaled,
}

/// The choices of `--radius-units`.
pub fn units() -> impl TypedValueParser<Value = Units> {
    choice([
        ("raw", "The units of the features", Units::Raw),
        ("scaled", "What the map of the features gives", Units::Scaled),
    ])
}

/// What is said of a radius behind a map.
pub fn of_scaled(is_scaled: bool) -> &'static str {
    if is_scaled { ", of scaled features" } else { "" }
}

fn categorical() -> impl TypedValueParser<Value = Categorical> {
    choice([
        ("refuse", "Refuse it", Categorical::Refuse),
        ("onehot", "One feature, 0 or 1, for each word of a column", Categorical::OneHot),
    ])
}

fn missing() -> impl TypedValueParser<Value = Missing> {
    choice([
        ("refuse", "Refuse them", Missing::Refuse),
        ("drop", "Leave their samples out", Missing::Drop),
        ("mean", "Take the mean of the other values of the feature", Missing::Mean),
    ])
}

fn conflicts() -> impl TypedValueParser<Value = OnConflict> {
    choice([
        ("error", "Keep them: separation lists them, build refuses them", OnConflict::Keep),
        ("first", "Keep those with the label of the first", OnConflict::First),
        ("drop", "Leave all of them out", OnConflict::Drop),
    ])
}

/// A labelled dataset and what was read.
#[derive(Debug)]
pub struct Given {
    path: PathBuf,
    points: Points,
    /// The samples behind the map that was asked for, in binary64.
    scaled: Option<Dataset>,
}

impl Deref for Given {
    type Target = Dataset;

    fn deref(&self) -> &Dataset {
        self.scaled.as_ref().unwrap_or(self.points.data())
    }
}

impl Given {
    /// Reads the labelled dataset at `path`, as it stands there.
    pub fn read(path: &Path, options: &ReadOptions, bar: &Bar) -> Result<Self, Failure> {
        bar.busy(&format!("reading {}", path.display()));
        let result = read_labelled(path, options);
        bar.end();
        Ok(Self { path: path.to_owned(), points: result?, scaled: None })
    }

    /// The samples as they stand in the file, whatever map was asked for.
    pub fn as_it_stands(&self) -> &Dataset {
        self.points.data()
    }

    /// The map that was asked for.
    pub fn scaling(&self) -> Option<&Scaling> {
        self.points.scaling()
    }

    /// The samples behind a map, if there is one.
    pub fn behind(mut self, scaling: Option<&Scaling>) -> Result<Self, Failure> {
        let images = |scaling: &Scaling| scaling.images(self.points.data(), Precision::F64);
        self.scaled = scaling.map(images).transpose()?;
        Ok(self)
    }

    /// That all samples have one label, where that was read, and what follows.
    pub fn one_label(&self, so: &str) -> Failure {
        let label = self.labels().first().and_then(|&class| self.class_names().get(class));
        let label = label.map_or("", String::as_str).escape_debug();
        let reading = self.points.reading();
        let (place, other) = match (&reading.labels, reading.label_column) {
            (Some(labels), Some(at)) => {
                (format!(" ({labels}, index {at} from 0)"), "; --label-column names another column")
            }
            (Some(labels), None) => (format!(" ({labels})"), ""),
            (None, _) => (String::new(), ""),
        };
        let path = self.path.display();
        Failure::input(format!("{path}: all samples have one label, '{label}'{place}, so {so}{other}"))
    }

    /// Refuses `other` unless its samples have as many features.
    pub fn alike(&self, other: &Self) -> Result<(), Failure> {
        require(self.features() == other.features(), || {
            let [ours, theirs] = [self, other]
                .map(|data| format!("{} has {}", data.path.display(), counted(data.features(), "feature")));
            format!("{ours}, {theirs}; distances need equally many")
        })
    }

    /// Adds what was read to an answer.
    pub fn describe(&self, report: &mut Report) {
        describe(&self.path, &self.points, report);
    }

    /// The same as lines of text.
    pub fn lines(&self) -> Vec<[String; 2]> {
        lines(&self.points)
    }
}

/// Adds what was read to an answer: `data` in JSON, and lines for people.
pub fn describe(path: &Path, points: &Points, report: &mut Report) {
    report.json["data"] = object(path, points);
    for [name, value] in lines(points) {
        report.line(name, value);
    }
}

/// Keys as docs/json.md says.
fn object(path: &Path, points: &Points) -> Value {
    let (data, reading) = (points.data(), points.reading());
    json!({
        "file": path.display().to_string(), "format": reading.format, "samples": data.samples(),
        "features": data.features(), "classes": points.is_labelled().then(|| data.classes()),
        "labels": reading.labels, "left_out": reading.left_out, "scaling": reading.scaling,
        "warnings": reading.warnings,
    })
}

/// Lines for people.
fn lines(points: &Points) -> Vec<[String; 2]> {
    let Reading { format, labels, left_out, scaling, warnings, .. } = points.reading();
    let (samples, features) = (grouped(points.data().samples()), grouped(points.data().features()));
    let mut read = format!("{format}: {samples} x {features}");
    match labels {
        Some(labels) => {
            read += &format!("; labels: {labels}, {}", counted(points.data().classes(), "class"));
        }
        None => read += "; no labels",
    }
    if let Some(scaling) = scaling {
        read += &format!("; {scaling}");
    }
    let mut lines = vec![["read".to_owned(), read]];
    if !left_out.is_empty() {
        lines.push(["left out".into(), left_out.join(", ")]);
    }
    lines.extend(warnings.iter().map(|warning| ["warning".into(), warning.clone()]));
    lines
}

impl DataArgs {
    /// How to read it.
    pub fn options(&self, expected_features: Option<usize>) -> Result<ReadOptions, Failure> {
        let arrays = match self.arrays.as_slice() {
            [] => None,
            [x, y] => Some([x.clone(), y.clone()]),
            other => {
                let count = counted(other.len(), "name");
                let message = format!("--arrays has {count}; expected two, of the features and the labels");
                return Err(Failure::input(message));
            }
        };
        for (flag, names) in [("--drop", &self.drop), ("--features", &self.features)] {
            require(names.iter().all(|name| !name.is_empty()), || {
                format!("{flag} has an empty name; expected names or indices from 0 with commas between them")
            })?;
        }
        Ok(ReadOptions {
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            drop: self.drop.clone(),
            features: self.features.clone(),
            arrays,
            categorical: self.categorical,
            missing: self.missing,
            on_conflict: self.on_conflict,
            scale: self.scale,
            limit: self.limit,
            expected_features,
            header: (self.header || self.no_header).then_some(self.header),
            delimiter: self.delimiter,
            decimal: self.decimal,
        })
    }

    /// Whether a map of the features is asked for.
    pub fn is_scaled(&self) -> bool {
        matches!(self.scale, Scale::MinMax | Scale::Standard)
    }

    /// The files that are read.
    pub fn files(&self) -> [Option<&PathBuf>; 2] {
        [Some(&self.path), self.labels.as_ref()]
    }

    /// Reads the labelled dataset, behind the map that was asked for.
    pub fn read(&self, bar: &Bar) -> Result<Given, Failure> {
        let given = self.read_as_it_stands(bar)?;
        let scaling = given.scaling().cloned();
        given.behind(scaling.as_ref())
    }

    /// Reads the labelled dataset; a map that was asked for is found, no more.
    pub fn read_as_it_stands(&self, bar: &Bar) -> Result<Given, Failure> {
        Given::read(&self.path, &self.options(None)?, bar)
    }

    /// Reads the labelled dataset for a network that exists.
    pub fn read_for(&self, network: &onnx::Network, bar: &Bar) -> Result<Given, Failure> {
        let mut given = Given::read(&self.path, &self.options_for(network, None)?, bar)?;
        given.points.compare_names(network.metadata.features.as_deref());
        Ok(given)
    }

    /// How to read it for a network that exists: as the network reads features.
    fn options_for(&self, network: &onnx::Network, features: Option<usize>) -> Result<ReadOptions, Failure> {
        let mapped = matches!(network.model, Model::Scaled(_));
        require(!self.is_scaled(), || {
            let does = if mapped { "scales its features itself" } else { "reads features as they stand" };
            format!("the network {does}; leave --scale out (`build` takes the map into the network)")
        })?;
        let options = self.options(features)?;
        let scale = if mapped { Scale::None } else { options.scale };
        Ok(ReadOptions { scale, ..options })
    }

    /// Reads samples whose labels may be missing, for a network.
    pub fn read_points(&self, network: &onnx::Network, bar: &Bar) -> Result<Points, Failure> {
        let options = self.options_for(network, Some(network.model.inputs()))?;
        bar.busy(&format!("reading {}", self.path.display()));
        let result = read_points(&self.path, &options);
        bar.end();
        let mut points = result?;
        points.compare_names(network.metadata.features.as_deref());
        Ok(points)
    }
}
