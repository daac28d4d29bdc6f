//! `indelible audit`: the results of a verifier against known answers.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::Args;
use indelible::{Silent, network::Model};
use indelible_io::{AtomicFile, onnx, read_text};
use indelible_vnnlib::{Answer, Limits, Query, check, decide, witness_inputs};
use serde_json::{Value, json};

use super::{
    audit_chart::{Mark, chart},
    benchmark::COLUMNS,
    prelude::*,
    solver::{Claim, Solver, results},
    verify::read_query,
};

/// Bytes of a file of a tool, at most.
const LONGEST: u64 = 1 << 28;
/// Wrong answers that are listed for people.
const MOST_LISTED: usize = 10;
/// Shares of half the distance to the nearest enemy that instances are grouped by.
const DISTANCES: [f64; 6] = [0.5, 0.9, 0.99, 1.0, 1.1, f64::INFINITY];

/// Arguments of `audit`.
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// Folder that `benchmark` has written
    #[arg(value_name = "BENCHMARK")]
    benchmark: PathBuf,
    /// Results of a verifier: rows of category, network, property, time to prepare, result, time to run
    #[arg(value_name = "RESULTS.csv", required_unless_present = "solver")]
    results: Option<PathBuf>,
    /// Folder of the points that the verifier gives, NETWORK_PROPERTY.counterexample, also gzipped [default: that of the results]
    #[arg(long, value_name = "DIR", requires = "results")]
    witnesses: Option<PathBuf>,
    /// Run this verifier instead of reading results: CMD verify QUERY --network N=FILE --timeout S, as VNN-LIB 2.0 has it
    #[arg(long, value_name = "CMD", conflicts_with = "results")]
    solver: Option<String>,
    /// With --solver: seconds for each instance [default: those of instances.csv]
    #[arg(long, value_name = "S", requires = "solver")]
    timeout: Option<u64>,
    /// Draw what was solved against the distance to the boundary
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A row of the ground truth.
struct Known {
    onnx: String,
    vnnlib: String,
    family: String,
    is_sat: bool,
    witness: String,
    distance: f64,
    tolerance_safe: bool,
}

/// What became of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Solved,
    /// The answer is wrong.
    Wrong,
    /// The answer is sat and right, and the point that is given is none.
    BadWitness,
    Unknown,
    TimedOut,
    Error,
    Missing,
}

impl Outcome {
    const ALL: [Self; 7] = [
        Self::Solved,
        Self::Wrong,
        Self::BadWitness,
        Self::Unknown,
        Self::TimedOut,
        Self::Error,
        Self::Missing,
    ];

    fn key(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::Wrong => "wrong",
            Self::BadWitness => "bad_witness",
            Self::Unknown => "unknown",
            Self::TimedOut => "timed_out",
            Self::Error => "error",
            Self::Missing => "missing",
        }
    }
}

/// An instance with what was said about it.
struct Judged {
    known: Known,
    outcome: Outcome,
    /// Why, where something is wrong.
    why: String,
    /// How the point that was given does, where one was.
    witness: Option<&'static str>,
    seconds: Option<f64>,
}

impl Judged {
    fn mark(&self) -> Mark {
        Mark {
            distance: self.known.distance,
            is_sat: self.known.is_sat,
            solved: self.outcome == Outcome::Solved,
            wrong: matches!(self.outcome, Outcome::Wrong | Outcome::BadWitness),
        }
    }
}

impl AuditArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        keep_apart(&[self.results.as_ref()], &[self.svg.as_ref()])?;
        ends_in(self.svg.as_ref(), &["svg"], "charts are written as SVG")?;
        let known = ground_truth(&self.benchmark)?;
        let svg = self.svg.as_ref().map(AtomicFile::create).transpose()?;
        let claims = match (&self.results, &self.solver) {
            (Some(path), _) => {
                let folder = self.witnesses.clone().or_else(|| path.parent().map(Path::to_owned));
                results(&read_text(path, LONGEST)?, path, folder.as_deref())?
            }
            (None, command) => {
                let solver = Solver::new(command.as_deref().unwrap_or(""))?;
                let instances: Vec<(&str, &str)> =
                    known.iter().map(|known| (known.onnx.as_str(), known.vnnlib.as_str())).collect();
                solver.run(&self.benchmark.join("2.0"), &instances, self.timeout, &bar)?
            }
        };
        let mut judged = vec![];
        for known in known {
            let claim = claims.get(&(stem(&known.onnx), stem(&known.vnnlib)));
            judged.push(self.judge(known, claim)?);
        }
        let wrong =
            judged.iter().any(|judged| matches!(judged.outcome, Outcome::Wrong | Outcome::BadWitness));
        if let Some(file) = svg {
            let path = self.results.as_deref().map(Path::display);
            let tool = path.map_or_else(|| self.solver.clone().unwrap_or_default(), |path| path.to_string());
            let marks: Vec<Mark> = judged.iter().map(Judged::mark).collect();
            write_text(file, &chart(&format!("{tool}: what was solved"), &marks)?)?;
        }
        report(&judged).print(self.json)?;
        if judged.iter().all(|judged| matches!(judged.outcome, Outcome::Missing | Outcome::Error)) {
            return Err(Failure::no("no instance has an answer that can be judged"));
        }
        if wrong { Err(Failure::no("")) } else { Ok(()) }
    }

    /// Compares a claim with what is known, which is shown again where they differ.
    fn judge(&self, known: Known, claim: Option<&Claim>) -> Result<Judged, Failure> {
        let seconds = claim.and_then(|claim| claim.seconds);
        let plain = |known, outcome| Judged { known, outcome, why: String::new(), witness: None, seconds };
        let Some(claim) = claim else { return Ok(plain(known, Outcome::Missing)) };
        let said_sat = match claim.answer.as_str() {
            "sat" | "violated" => true,
            "unsat" | "holds" => false,
            "timeout" | "timed-out" | "timed_out" => return Ok(plain(known, Outcome::TimedOut)),
            "unknown" => return Ok(plain(known, Outcome::Unknown)),
            _ => return Ok(plain(known, Outcome::Error)),
        };
        if !said_sat && !known.is_sat {
            return Ok(plain(known, Outcome::Solved));
        }
        let folder = self.benchmark.join("1.0");
        let query = read_query(&folder.join(&known.vnnlib))?;
        let network = onnx::open(&folder.join(&known.onnx))?;
        let (outcome, why, witness) = if said_sat {
            let witness = claim.point.as_deref().map(|text| replayed(&query, &network.model, text));
            match (known.is_sat, witness) {
                (true, Some((is, why))) if !matches!(is, VALID | WITHIN) => {
                    (Outcome::BadWitness, why, Some(is))
                }
                (true, witness) => (Outcome::Solved, String::new(), witness.map(|(is, _)| is)),
                (false, Some((VALID, _))) => return Err(unsound(&known, "a point was given that is one")),
                (false, witness) => {
                    let why = refutation(&query, &network.model)
                        .ok_or_else(|| unsound(&known, "it is not proved"))?;
                    (Outcome::Wrong, why, witness.map(|(is, _)| is))
                }
            }
        } else {
            let path = self.benchmark.join(&known.witness);
            let point = witness_inputs(&query, &read_text(&path, LONGEST)?)?;
            let found = check(&query, &network.model, &point)?;
            let found = found.ok_or_else(|| unsound(&known, "its point does not meet the constraints"))?;
            let why =
                format!("said unsat; at the point in {} the outputs are {:?}", known.witness, found.outputs);
            (Outcome::Wrong, why, None)
        };
        Ok(Judged { known, outcome, why, witness, seconds })
    }
}

/// How a point does that meets the constraints.
const VALID: &str = "valid";
/// How one does that meets them within the tolerance of the competition's replay.
const WITHIN: &str = "within_tolerance";
/// That tolerance, absolutely.
const TOLERANCE: f64 = 1e-4;

/// Whether the point that a solver printed meets the constraints, and what is wrong
/// where it does not.
fn replayed(query: &Query, model: &Model, text: &str) -> (&'static str, String) {
    let point = match witness_inputs(query, text) {
        Ok(point) => point,
        Err(e) => return ("unreadable", format!("said sat; its point cannot be read: {e}")),
    };
    let precision = model.precision();
    let point: Vec<f64> = point.iter().map(|x| precision.round(*x)).collect();
    if matches!(check(query, model, &point), Ok(Some(_))) {
        return (VALID, String::new());
    }
    if matches!(check(&query.loosened(TOLERANCE), model, &point), Ok(Some(_))) {
        return (WITHIN, String::new());
    }
    ("invalid", "said sat; the point that it gives does not meet the constraints, nor within 1e-4".into())
}

/// The proof that there is no point, found again.
fn refutation(query: &Query, model: &Model) -> Option<String> {
    let limits = Limits { parts: 4096, timeout: None };
    match decide(query, model, &limits, &Silent).ok()?.answer {
        Answer::Unsat { margin, engines } => {
            let engines = engines.join(" and ");
            Some(format!(
                "said sat; everywhere in the box of an alternative some other constraint of it fails by {} or more ({engines})",
                at_least(margin)
            ))
        }
        _ => None,
    }
}

fn unsound(known: &Known, why: &str) -> Failure {
    Failure::input(format!("the ground truth of {} is not confirmed: {why}", known.vnnlib))
}

/// The rows of `ground_truth.csv`.
fn ground_truth(folder: &Path) -> Result<Vec<Known>, Failure> {
    let path = folder.join("ground_truth.csv");
    let text = read_text(&path, LONGEST)?;
    let mut lines = text.lines().enumerate();
    require(lines.next().is_some_and(|(_, first)| first == COLUMNS), || {
        format!("{}: the first line is another than expected, {COLUMNS}", path.display())
    })?;
    let row = |(number, line): (usize, &str)| {
        let bad =
            || Failure::input(format!("{}: line {} is no row of {COLUMNS}", path.display(), number + 1));
        let cells: Vec<&str> = line.split(',').collect();
        let [onnx, vnnlib, family, _, status @ ("sat" | "unsat"), witness, _, _, distance, safe] = cells[..]
        else {
            return Err(bad());
        };
        Ok(Known {
            onnx: onnx.into(),
            vnnlib: vnnlib.into(),
            family: family.into(),
            is_sat: status == "sat",
            witness: witness.into(),
            distance: distance.parse().map_err(|_| bad())?,
            tolerance_safe: safe == "true",
        })
    };
    lines.map(row).collect()
}

/// The name of a file without folders and endings.
pub fn stem(name: &str) -> String {
    let file = name.trim().rsplit(['/', '\\']).next().unwrap_or(name);
    let file = file.strip_suffix(".gz").unwrap_or(file);
    let file = file.strip_suffix(".vnnlib").or_else(|| file.strip_suffix(".onnx")).unwrap_or(file);
    file.to_owned()
}

/// Counts of outcomes.
type Counts = BTreeMap<Outcome, usize>;

fn counts<'a>(judged: impl Iterator<Item = &'a Judged>) -> Counts {
    let mut counts = Counts::new();
    judged.for_each(|judged| *counts.entry(judged.outcome).or_default() += 1);
    counts
}

fn keyed(counts: &Counts) -> Value {
    Outcome::ALL
        .iter()
        .map(|outcome| (outcome.key().to_owned(), counts.get(outcome).copied().unwrap_or(0)))
        .collect()
}

fn report(judged: &[Judged]) -> Report {
    let all = counts(judged.iter());
    let mut families = BTreeMap::<&str, Vec<&Judged>>::new();
    judged.iter().for_each(|judged| families.entry(&judged.known.family).or_default().push(judged));
    let by_family: Vec<(&str, Counts)> =
        families.into_iter().map(|(family, judged)| (family, counts(judged.into_iter()))).collect();
    let within = |low: f64, high: f64| {
        counts(judged.iter().filter(|judged| judged.known.distance >= low && judged.known.distance < high))
    };
    let lows = [0.0].into_iter().chain(DISTANCES);
    let by_distance: Vec<(f64, Counts)> =
        lows.zip(DISTANCES).map(|(low, high)| (low, within(low, high))).collect();
    let failures: Vec<Value> = judged
        .iter()
        .filter(|judged| !judged.why.is_empty())
        .map(|Judged { known, outcome, why, witness, seconds }| {
            json!({"onnx": known.onnx, "vnnlib": known.vnnlib, "family": known.family, "outcome": outcome.key(),
                   "truth": if known.is_sat { "sat" } else { "unsat" }, "why": why, "witness": witness,
                   "tolerance_safe": known.tolerance_safe, "distance": known.distance, "seconds": seconds})
        })
        .collect();
    let valid = judged.iter().filter(|judged| judged.witness == Some(VALID)).count();
    let mut report = Report::new(json!({
        "instances": judged.len(), "outcomes": keyed(&all), "valid_witnesses": valid,
        "seconds": judged.iter().filter_map(|judged| judged.seconds).sum::<f64>(),
        "families": by_family.iter().map(|(name, counts)| ((*name).to_owned(), keyed(counts))).collect::<Value>(),
        "distances": by_distance.iter().map(|(low, counts)| json!({"from": low, "outcomes": keyed(counts)})).collect::<Value>(),
        "failures": failures,
    }));
    let said = |counts: &Counts| {
        let each = Outcome::ALL.iter().filter_map(|outcome| {
            let count = counts.get(outcome)?;
            Some(format!("{} {}", grouped(*count), outcome.key().replace('_', " ")))
        });
        each.collect::<Vec<_>>().join(", ")
    };
    report.line("all", said(&all)).line("valid witnesses", grouped(valid));
    for (family, counts) in &by_family {
        report.line(*family, said(counts));
    }
    for (low, counts) in by_distance.iter().filter(|(_, counts)| !counts.is_empty()) {
        report.line(format!("radius from {}", real(*low)), said(counts));
    }
    let wrong = judged.iter().filter(|judged| !judged.why.is_empty());
    for judged in wrong.clone().take(MOST_LISTED) {
        let inside = if judged.known.tolerance_safe { "" } else { " (within the tolerance of a replay)" };
        report.line(stem(&judged.known.vnnlib), format!("{}{inside}", judged.why));
    }
    let more = wrong.count().saturating_sub(MOST_LISTED);
    if more > 0 {
        report.line("", format!("and {} more", grouped(more)));
    }
    report
}
