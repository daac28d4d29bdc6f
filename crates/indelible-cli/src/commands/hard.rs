//! `indelible hard`: data on which deciding is hard.

use std::path::{Path, PathBuf};

use clap::Args;
use indelible::{Dataset, Features, network::Model};
use indelible_decide::{
    ShallowNetwork,
    hard::{Cnf, Memorizer, SetSystem},
};
use indelible_io::onnx;

use super::{read_text, write_dataset};
use crate::{failure::Failure, paths::keep_apart, report::Report};

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
        let named =
            |path: &Path, e: indelible_decide::Error| Failure::input(format!("{}: {e}", path.display()));
        keep_apart(&[self.cnf.as_ref(), self.sets.as_ref(), self.decode.as_ref()], &[self.output.as_ref()])?;
        let cnf = match &self.cnf {
            Some(path) => Some(Cnf::parse(&read_text(path)?).map_err(|e| named(path, e))?),
            None => None,
        };
        let system = match (&cnf, &self.sets) {
            (Some(cnf), _) => Some(cnf.set_system()?),
            (None, Some(path)) => {
                Some(SetSystem::parse(&read_text(path)?, self.elements).map_err(|e| named(path, e))?)
            }
            (None, None) => None,
        };
        let mut report = Report::default();
        if let Some(system) = &system {
            report.json("elements", system.elements()).json("sets", system.sets().len());
            report.line("sets", format!("{} over {} elements", system.sets().len(), system.elements()));
        }
        match (&system, &self.output, &self.decode) {
            (None, _, None) => {
                return Err(Failure::input("nothing to do; give --sets or --cnf, or --decode".into()));
            }
            (None, Some(_), _) => {
                return Err(Failure::input("-o needs the sets or clauses; give --sets or --cnf".into()));
            }
            (Some(_), None, None) => {
                return Err(Failure::input(
                    "nowhere to write to; give -o DATA.npz, or --decode NET.onnx".into(),
                ));
            }
            _ => {}
        }
        if let (Some(system), Some(path)) = (&system, &self.output) {
            let data = system.dataset()?;
            write(&data, path)?;
            report
                .json("samples", data.samples())
                .json("features", data.features())
                .json("classes", data.classes())
                .json("file", path.display().to_string());
            report.line(
                "dataset",
                format!(
                    "{} samples, {} features, labels 1 to 5: {}",
                    data.samples(),
                    data.features(),
                    path.display()
                ),
            );
        }
        if let Some(path) = &self.decode {
            decode(path, system.as_ref(), cnf.as_ref(), &mut report)?;
        }
        report.print(self.json);
        Ok(())
    }
}

fn write(data: &Dataset, path: &Path) -> Result<(), Failure> {
    debug_assert!(matches!(data.storage(), Features::F32(_)));
    write_dataset(data, path)
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
    report.json("splitting", vec![side(true), side(false)]).json("checked", checked);
    if let Some(cnf) = cnf {
        let values = cnf.assignment(colours);
        if let Some(clause) = cnf.violated(&values) {
            return Err(Failure::no(format!("clause {} is all true or all false", clause + 1)));
        }
        let literals: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(i, &value)| if value { format!("{}", i + 1) } else { format!("-{}", i + 1) })
            .collect();
        report.json("assignment", values.clone());
        report.line("assignment", literals.join(" "));
    } else {
        let text = |side: Vec<usize>| side.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
        report.line("colour 1", text(side(true))).line("colour 2", text(side(false)));
    }
    report.line(
        "checked",
        if checked {
            "every set is split, and the network memorizes the data".to_owned()
        } else {
            "the network memorizes the points that all set systems share; give --sets or --cnf to check the sets"
                .to_owned()
        },
    );
    Ok(())
}
