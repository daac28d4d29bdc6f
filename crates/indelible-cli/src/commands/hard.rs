//! `indelible hard`: data on which deciding is hard.

use std::path::{Path, PathBuf};

use clap::Args;
use indelible::network::Model;
use indelible_decide::{
    ShallowNetwork,
    hard::{Cnf, Memorizer, SetSystem},
};
use indelible_io::onnx;
use serde_json::json;

use super::{prelude::*, write_dataset};

/// Arguments of `hard`.
#[derive(Args, Debug)]
pub struct HardArgs {
    /// Sets of two or three elements, one per line: elements from 1, separated by blanks
    #[arg(long, value_name = "FILE", conflicts_with = "cnf")]
    sets: Option<PathBuf>,
    /// Number of elements [default: the largest that the sets name]
    #[arg(long, value_name = "M", requires = "sets")]
    elements: Option<usize>,
    /// Clauses of two or three literals in DIMACS form; no clause may be all true or all false
    #[arg(long, value_name = "FILE.cnf")]
    cnf: Option<PathBuf>,
    /// Write the dataset
    #[arg(short, long, value_name = "DATA.npz")]
    output: Option<PathBuf>,
    /// Read the splitting or assignment out of a network that memorizes the dataset
    #[arg(long, value_name = "NET.onnx")]
    decode: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl HardArgs {
    pub fn run(self) -> Result<(), Failure> {
        keep_apart(&[self.cnf.as_ref(), self.sets.as_ref(), self.decode.as_ref()], &[self.output.as_ref()])?;
        ends_in(self.output.as_ref(), &["npz"], "the dataset is written as NPZ")?;
        let cnf = self.cnf.as_ref().map(|path| parsed(path, Cnf::parse)).transpose()?;
        let system = match (&cnf, &self.sets) {
            (Some(cnf), _) => Some(cnf.set_system()?),
            (None, Some(path)) => Some(parsed(path, |text| SetSystem::parse(text, self.elements))?),
            (None, None) => None,
        };
        let missing = match (&system, &self.output, &self.decode) {
            (None, _, None) => "nothing to do; give --sets or --cnf, or --decode",
            (None, Some(_), _) => "-o needs the sets or clauses; give --sets or --cnf",
            (Some(_), None, None) => "nowhere to write to; give -o DATA.npz, or --decode NET.onnx",
            _ => "",
        };
        require(missing.is_empty(), || missing.into())?;
        let mut report = Report::new(json!({}));
        if let Some(system) = &system {
            let (elements, sets) = (system.elements(), system.sets().len());
            report.json = json!({"elements": elements, "sets": sets});
            report.line("sets", format!("{sets} over {}", counted(elements, "element")));
        }
        if let (Some(system), Some(path)) = (&system, &self.output) {
            let data = system.dataset()?;
            write_dataset(&data, path)?;
            let (samples, features) = (data.samples(), data.features());
            report.json["samples"] = samples.into();
            report.json["features"] = features.into();
            report.json["classes"] = data.classes().into();
            report.json["file"] = path.display().to_string().into();
            report.line(
                "dataset",
                format!(
                    "{}, {}, labels 1 to 5: {}",
                    counted(samples, "sample"),
                    counted(features, "feature"),
                    path.display()
                ),
            );
        }
        if let Some(path) = &self.decode {
            decode(path, system.as_ref(), cnf.as_ref(), &mut report)?;
        }
        report.print(self.json)
    }
}

/// What a file holds, or what is wrong with it.
fn parsed<T>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, indelible_decide::Error>,
) -> Result<T, Failure> {
    parse(&read_text(path)?).map_err(|e| Failure::input(format!("{}: {e}", path.display())))
}

/// Reads the colours out of the network and checks them.
fn decode(
    path: &Path,
    system: Option<&SetSystem>,
    cnf: Option<&Cnf>,
    report: &mut Report,
) -> Result<(), Failure> {
    let network = onnx::open(path)?;
    let Model::Layers(layers) = &network.model else {
        return Err(Failure::input(format!(
            "{} holds a network in compact form; expected a network of depth 2 and width 2",
            path.display()
        )));
    };
    let memorizer = Memorizer::new(&ShallowNetwork::from_network(layers)?)?;
    if let Some(system) = system {
        memorizer.check(system)?;
    }
    let colours = memorizer.colours();
    let side = |wanted: bool| -> Vec<usize> {
        colours.iter().enumerate().filter(|(_, c)| **c == wanted).map(|(i, _)| i + 1).collect()
    };
    let checked = system.is_some();
    report.json["splitting"] = json!([side(true), side(false)]);
    report.json["checked"] = checked.into();
    let text = |numbers: Vec<String>| numbers.join(" ");
    if let Some(cnf) = cnf {
        let values = cnf.assignment(colours);
        if let Some(clause) = cnf.violated(&values) {
            return Err(Failure::no(format!("clause {} is all true or all false", clause + 1)));
        }
        let literals = (1..).zip(&values).map(|(i, &value)| format!("{}{i}", if value { "" } else { "-" }));
        report.line("assignment", text(literals.collect()));
        report.json["assignment"] = values.into();
    } else {
        let colour = |wanted| text(side(wanted).iter().map(usize::to_string).collect());
        report.line("colour 1", colour(true)).line("colour 2", colour(false));
    }
    report.line(
        "checked",
        if checked {
            "every set is split, and the network memorizes the data"
        } else {
            "the network memorizes the points that all set systems share; give --sets or --cnf to check the sets"
        },
    );
    Ok(())
}
