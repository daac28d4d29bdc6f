//! `indelible report`: one page about a dataset, for people who own data.
//!
//! The same object is printed with `--json` and laid out as a page. How much is
//! computed depends on the data alone and not on the machine, so that the page is
//! the same wherever it is made; what is left out is listed on it.

mod apart;
mod commands;
mod network;
mod picture;
mod scored;
mod template;

use std::{path::PathBuf, time::Instant};

use clap::Args;
use indelible::{Dataset, Norm};
use indelible_io::AtomicFile;
use serde_json::{Value, json};

use super::prelude::*;
use picture::Shape;

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct PageArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Page to write
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,
    /// Norm of the distances and of the radius: linf, l1, l2, or lP for a real P > 1, like l1.5
    #[arg(long, default_value = "linf")]
    norm: Norm,
    /// Radius of the network, as a share of the largest possible one, between 0 and 1
    #[arg(long, default_value_t = 0.9, value_name = "RHO", allow_negative_numbers = true)]
    ratio: f64,
    /// Write the network, too
    #[arg(long, value_name = "NET.onnx")]
    network: Option<PathBuf>,
    /// How samples are drawn: HEIGHTxWIDTH or HEIGHTxWIDTHx3, or none [default: as squares where they have no column names, and a square number of features from 64 on]
    #[arg(long, value_name = "HxW")]
    image: Option<Shape>,
    /// How many samples and pairs each list shows
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What the page shows beside the numbers: pictures and charts.
#[derive(Debug, Default)]
struct Drawn {
    /// Charts as SVG, by the part that they belong to.
    charts: Vec<(&'static str, String)>,
}

/// Parts that were left out.
#[derive(Debug, Default)]
struct LeftOut(Vec<Value>);

impl LeftOut {
    /// Notes a part, why it is not there, and what would give it.
    fn note(&mut self, part: &str, why: String, instead: &str) {
        self.0.push(json!({"part": part, "why": why, "instead": instead}));
    }
}

impl PageArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let started = Instant::now();
        let [file, labels] = self.data.files();
        keep_apart(&[file, labels], &[Some(&self.output), self.network.as_ref()])?;
        ends_in(Some(&self.output), &["html", "htm"], "the page is written as HTML")?;
        ends_in(self.network.as_ref(), &["onnx"], "networks are written as ONNX")?;
        require(self.ratio > 0.0 && self.ratio < 1.0, || {
            format!("--ratio is {}; expected a number between 0 and 1", self.ratio)
        })?;
        require(self.network.as_ref().is_none_or(|path| !is_special(path)), || {
            "--network is no regular file: what is proved is read back from where it was written".into()
        })?;
        if !is_special(&self.output) {
            // Dropped at once: only the attempt counts.
            AtomicFile::create(&self.output)?;
        }
        let data = self.data.read(&bar)?;
        let shape = Shape::of(self.image, &data)?;
        let mut drawn = Drawn::default();
        let mut left_out = LeftOut::default();
        let mut report = Report::new(json!({
            "norm": self.norm.to_string(), "ratio": self.ratio, "samples": data.samples(),
            "features": data.features(), "classes": data.class_names(),
        }));
        data.describe(&mut report);
        let enemies = apart::add(&self, &data, &mut report, &mut drawn, &bar)?;
        apart::near_duplicates(&self, &data, &enemies, &mut report, &mut left_out, &bar)?;
        scored::add(&self, &data, &mut report, &mut left_out, &bar)?;
        network::add(&self, &data, &enemies, &mut report, (&mut drawn, &mut left_out), &bar)?;
        report.json["left_out"] = left_out.0.into();
        let pictures = shape.map(|shape| picture::of_all(shape, &data, &report.json));
        let page = template::page(&report.json, &drawn, pictures, &self)?;
        write_text(AtomicFile::create(&self.output)?, &page)?;
        report.json["file"] = self.output.display().to_string().into();
        report.json["bytes"] = page.len().into();
        let taken = started.elapsed().as_secs_f64();
        report.json["seconds"] = taken.into();
        report.line("page", format!("{} ({})", self.output.display(), size(page.len())));
        report.line("time", seconds(taken));
        report.print(self.json)?;
        match (&self.network, report.json["built"]["why"].as_str()) {
            (Some(path), Some(why)) => Err(Failure::no(format!("{} is not written: {why}", path.display()))),
            _ => Ok(()),
        }
    }
}

/// A number of bytes for people.
fn size(count: usize) -> String {
    bytes(u64::try_from(count).unwrap_or(u64::MAX))
}

/// A number, or null where it is infinite.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// The class of a sample, by name.
fn label(data: &Dataset, sample: usize) -> &str {
    &data.class_names()[data.labels()[sample]]
}
