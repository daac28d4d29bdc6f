//! `indelible verify`: a query about a network, answered.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use indelible_io::{onnx, read_text};
use indelible_vnnlib::{Answer, Decision, Limits, Query, Version, decide, parse, witness_text};
use serde_json::{Value, json};

use super::prelude::*;

/// Bytes of a query, at most.
const LONGEST: u64 = 1 << 30;
/// Parts of a box that are looked at without a limit of time.
const MOST_PARTS: usize = 100_000;

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The network and the query, in this order; the query alone with --network
    #[arg(value_name = "NET.onnx PROPERTY.vnnlib", num_args = 1..=2, required = true)]
    files: Vec<PathBuf>,
    /// The file of a network that the query declares, as in f=net.onnx
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
        let file = self.network_file(&query)?;
        let network = onnx::open(&file)?;
        require(network.notes.is_empty(), || {
            let left_out = network.notes.join("; ");
            format!(
                "{}: {left_out}; a query is about the outputs themselves: take that off the file",
                file.display()
            )
        })?;
        let decision = decide(&query, &network.model, &limits, &bar)?;
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

    /// The file of the one network of a query.
    fn network_file(&self, query: &Query) -> Result<PathBuf, Failure> {
        if let [file, _] = self.files.as_slice() {
            require(self.network.is_empty(), || {
                "a network is given twice, as NET.onnx and with --network; expected one of them".into()
            })?;
            return Ok(file.clone());
        }
        let names: Vec<&str> = query.networks.iter().map(|network| network.name.as_str()).collect();
        let expected = match query.version {
            Version::V1 => "verify NET.onnx PROPERTY.vnnlib, for this query names no network".into(),
            _ => names.iter().map(|name| format!("--network {name}=FILE")).collect::<Vec<_>>().join(" "),
        };
        let [given] = self.network.as_slice() else {
            let count = counted(self.network.len(), "network");
            return Err(Failure::input(format!("{count} given; expected {expected}")));
        };
        let given =
            given.split_once('=').filter(|(name, _)| names == [*name] && query.version != Version::V1);
        let (_, file) = given.ok_or_else(|| {
            Failure::input(format!("--network {}; expected {expected}", self.network.join(" ")))
        })?;
        Ok(file.into())
    }
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
