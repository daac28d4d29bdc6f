//! `indelible verify`: a query about networks, answered.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use indelible::network::Model;
use indelible_io::{onnx, read_text};
use indelible_vnnlib::{Answer, Decision, Kinship, Limits, Query, Version, decide_all, parse, witness_text};
use serde_json::{Value, json};

use super::prelude::*;

/// Bytes of a query, at most.
const LONGEST: u64 = 1 << 30;
/// Bytes of a network, at most.
const LARGEST: u64 = 1 << 31;
/// Parts of a box that are looked at without a limit of time.
const MOST_PARTS: usize = 100_000;

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The network and the query, in this order; the query alone with --network
    #[arg(value_name = "NET.onnx PROPERTY.vnnlib", num_args = 1..=2, required = true)]
    files: Vec<PathBuf>,
    /// The file of a network that the query declares, as in f=net.onnx; again for each of several
    #[arg(long, value_name = "NAME=FILE")]
    network: Vec<String>,
    /// Seconds to spend in all; which queries are decided then depends on the machine [default: no limit]
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    timeout: Option<f64>,
    /// Parts of each box to look at before the answer stays unknown [default: 100000; as many as --timeout allows]
    #[arg(long, value_name = "N")]
    branches: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl VerifyArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let limits = self.limits()?;
        let path = self.files.last().ok_or_else(|| Failure::input("no query was given"))?;
        let query = read_query(path)?;
        let mut models = vec![];
        for file in self.network_files(&query)? {
            let network = onnx::open(&file)?;
            require(network.notes.is_empty(), || {
                let left_out = network.notes.join("; ");
                format!(
                    "{}: {left_out}; a query is about the outputs themselves: take that off the file",
                    file.display()
                )
            })?;
            models.push(network.model);
        }
        let models: Vec<&Model> = models.iter().collect();
        let decision = decide_all(&query, &models, &limits, &bar)?;
        if !self.json {
            return print(&text(&query, &decision));
        }
        Report::new(json(&query, &decision)).print(true)
    }

    fn limits(&self) -> Result<Limits, Failure> {
        let timeout = self.timeout.map(|seconds| {
            let timeout = Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero());
            timeout.ok_or_else(|| {
                Failure::input(format!("--timeout is {seconds}; expected a number of seconds above 0"))
            })
        });
        let most = if timeout.is_some() { usize::MAX } else { MOST_PARTS };
        Ok(Limits { parts: self.branches.unwrap_or(most), timeout: timeout.transpose()? })
    }

    /// The file of each network of a query; that of another one where they are equal.
    fn network_files(&self, query: &Query) -> Result<Vec<PathBuf>, Failure> {
        let expected = match query.version {
            Version::V1 => "verify NET.onnx PROPERTY.vnnlib, for this query names no network".into(),
            _ => {
                let names = query.networks.iter().map(|network| format!("--network {}=FILE", network.name));
                names.collect::<Vec<_>>().join(" ")
            }
        };
        if let [file, _] = self.files.as_slice() {
            require(self.network.is_empty(), || {
                "a network is given twice, as NET.onnx and with --network; expected one of them".into()
            })?;
            require(query.networks.len() == 1, || {
                let (file, count) = (file.display(), query.networks.len());
                format!("{file} is given for a query about {count} networks; expected {expected}")
            })?;
            return Ok(vec![file.clone()]);
        }
        let mut given = BTreeMap::new();
        for word in &self.network {
            let bad = || Failure::input(format!("--network {word}; expected {expected}"));
            let (name, file) = word.split_once('=').ok_or_else(bad)?;
            let is_known = query.version != Version::V1 && query.networks.iter().any(|n| n.name == name);
            require(is_known && !given.contains_key(name), || {
                format!("--network {}; expected {expected}", self.network.join(" "))
            })?;
            given.insert(name, PathBuf::from(file));
        }
        let mut files: Vec<PathBuf> = vec![];
        for network in &query.networks {
            let kin = match network.kinship {
                Some((Kinship::Equal, other)) => files.get(other).cloned(),
                _ => None,
            };
            let own = given.get(network.name.as_str()).cloned();
            if let Some((own, kin)) = own.as_ref().zip(kin.as_ref()) {
                require(own == kin || read_bytes(own)? == read_bytes(kin)?, || {
                    let (own, kin, name) = (own.display(), kin.display(), &network.name);
                    format!(
                        "network {name} is said to be equal to another one, and {own} is another file than {kin}"
                    )
                })?;
            }
            let file = own.or(kin).ok_or_else(|| {
                let count = counted(self.network.len(), "network");
                Failure::input(format!("{count} given; expected {expected}"))
            })?;
            files.push(file);
        }
        Ok(files)
    }
}

/// The bytes of a file, as many as a network may have.
fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![];
    let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.map_err(|e| Failure::input(format!("cannot read {}: {e}", path.display())))?;
    Ok(bytes)
}

/// The query in a file.
pub fn read_query(path: &Path) -> Result<Query, Failure> {
    let text = read_text(path, LONGEST)?;
    parse(&text).map_err(|e| Failure::input(format!("{}: {e}", path.display())))
}

/// The word for an answer, as solvers say it.
fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Sat(_) => "sat",
        Answer::Unsat { .. } => "unsat",
        Answer::TimedOut => "timed-out",
        _ => "unknown",
    }
}

/// The answer as solvers print it: a word, and behind sat the values of all
/// variables.
fn text(query: &Query, decision: &Decision) -> String {
    let word = word(&decision.answer);
    match &decision.answer {
        Answer::Sat(witness) => format!("{word}\n{}", witness_text(query, witness)),
        _ => format!("{word}\n"),
    }
}

fn json(query: &Query, decision: &Decision) -> Value {
    let mut json = json!({
        "answer": word(&decision.answer), "version": query.version.to_string(),
        "parts": decision.parts, "seconds": decision.seconds,
    });
    match &decision.answer {
        Answer::Sat(witness) => {
            json["inputs"] = witness.inputs.clone().into();
            json["outputs"] = witness.outputs.clone().into();
        }
        Answer::Unsat { margin, engines } => {
            json["margin"] = (*margin).into();
            json["engines"] = engines.clone().into();
        }
        Answer::Unknown { why } => json["why"] = why.clone().into(),
        _ => {}
    }
    json
}
