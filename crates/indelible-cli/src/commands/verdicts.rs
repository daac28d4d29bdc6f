//! Verdicts as they are found: lines, counts, counterexamples.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indelible::{
    Precision,
    certify::{Claim, Effort, Verdict},
    classes::Classes,
};
use indelible_io::{
    AtomicFile,
    npy::{Array, Values, write_npz},
};
use serde_json::{Value, json};

use super::prelude::*;

/// What verdicts are about.
pub struct Subject<'a> {
    pub claim: &'a Claim<'a>,
    pub classes: &'a Classes,
}

impl Subject<'_> {
    /// What the sample is called.
    pub fn label(&self, sample: usize) -> &str {
        &self.claim.data.class_names()[self.claim.data.labels()[sample]]
    }

    /// What the network calls a class; NaN stands for none.
    pub fn name(&self, class: Option<usize>) -> &str {
        class.and_then(|class| self.classes.names.get(class)).map_or("NaN", String::as_str)
    }

    /// How far a point is from its sample, as the balls measure it, rounded up.
    fn distance(&self, sample: usize, point: &[f64]) -> f64 {
        self.claim.distance_up(point, &self.claim.data.row(sample))
    }

    /// Keys as docs/json.md says.
    pub fn object(&self, sample: usize, verdict: &Verdict, effort: Effort) -> Value {
        let mut object = json!({
            "sample": sample, "label": self.label(sample), "verdict": word(verdict), "engine": engine(verdict),
            "margin": margin(verdict), "seconds": effort.seconds, "branches": effort.branches,
        });
        if let Verdict::Refuted { predicted, .. } | Verdict::Misclassified { predicted } = verdict {
            object["predicted"] = predicted.and_then(|class| self.classes.names.get(class)).cloned().into();
        }
        if let Verdict::Refuted { point, .. } = verdict {
            object["distance"] = self.distance(sample, point).into();
            object["point"] = json!(point);
        }
        object
    }
}

/// The name of a verdict.
pub fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Certified { .. } => "certified",
        Verdict::Refuted { .. } => "refuted",
        Verdict::Misclassified { .. } => "misclassified",
        _ => "undecided",
    }
}

/// What reached it.
pub fn engine(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Certified { engine, .. } | Verdict::Refuted { engine, .. } => Some(engine.to_string()),
        _ => None,
    }
}

/// The margin of a certified sample.
pub fn margin(verdict: &Verdict) -> Option<f64> {
    match verdict {
        Verdict::Certified { margin, .. } => Some(*margin),
        _ => None,
    }
}

/// A point of a ball that gets another label.
#[derive(Debug)]
struct Counterexample {
    sample: usize,
    label: String,
    predicted: String,
    point: Vec<f64>,
    distance: f64,
}

/// Where counterexamples are written.
#[derive(Debug)]
pub struct Output {
    pub path: PathBuf,
    /// The format of the points.
    pub precision: Precision,
    /// What the features are called.
    pub features: Vec<String>,
}

/// What was found so far.
#[derive(Debug)]
pub struct Found {
    samples: usize,
    lines: bool,
    output: Option<Output>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<&'static str, usize>,
    counterexamples: Vec<Counterexample>,
    /// The first line that could not be printed.
    failure: Option<Failure>,
}

/// How long what is being printed is waited for when the program is interrupted.
const PATIENCE: Duration = Duration::from_secs(1);

impl Found {
    /// Nothing yet, of `samples`; verdicts are printed as `lines`, one JSON
    /// object each.
    pub fn new(samples: usize, lines: bool, output: Option<Output>) -> Self {
        Self { samples, lines, output, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a verdict that is final.
    pub fn note(&self, subject: &Subject<'_>, sample: usize, verdict: &Verdict, effort: Effort) {
        let line = self.lines.then(|| format!("{}\n", subject.object(sample, verdict, effort)));
        let counterexample = match verdict {
            Verdict::Refuted { point, predicted, .. } if self.output.is_some() => Some(Counterexample {
                sample,
                label: subject.label(sample).into(),
                predicted: subject.name(*predicted).into(),
                point: point.clone(),
                distance: subject.distance(sample, point),
            }),
            _ => None,
        };
        let mut state = self.state();
        *state.counts.entry(word(verdict)).or_default() += 1;
        state.counterexamples.extend(counterexample);
        if let Some(line) = line
            && let Err(failure) = print(&line)
        {
            state.failure.get_or_insert(failure);
        }
    }

    /// Writes the counterexamples, those of the first samples first; how many
    /// there are, and where.
    pub fn finish(&self) -> Result<Option<(usize, &Path)>, Failure> {
        let mut state = self.state();
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        self.write(&mut state)
    }

    fn write(&self, state: &mut State) -> Result<Option<(usize, &Path)>, Failure> {
        let Some(output) = &self.output else { return Ok(None) };
        state.counterexamples.sort_by_key(|found| found.sample);
        output.write(&state.counterexamples)?;
        Ok(Some((state.counterexamples.len(), &output.path)))
    }

    /// Says what there is and writes it, when the program is interrupted.
    pub fn interrupted(&self) {
        let started = Instant::now();
        // Whoever holds it may be printing to somebody who does not read.
        let mut state = loop {
            match self.state.try_lock() {
                Ok(state) => break state,
                Err(std::sync::TryLockError::Poisoned(state)) => break state.into_inner(),
                Err(_) if started.elapsed() > PATIENCE => return,
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let known: usize = state.counts.values().sum();
        let counts: Vec<String> =
            state.counts.iter().map(|(word, count)| format!("{} {word}", grouped(*count))).collect();
        let of = format!("{} of {}", grouped(known), counted(self.samples, "sample"));
        let mut words = format!("interrupted: {of} have a verdict");
        if !counts.is_empty() {
            words += &format!(": {}", counts.join(", "));
        }
        match self.write(&mut state) {
            Ok(Some((count, path))) => {
                words += &format!("; {} in {}", counted(count, "counterexample"), path.display());
            }
            Ok(None) => {}
            Err(failure) => words += &format!("; {}", failure.message()),
        }
        Failure::no(words).exit();
    }
}

impl Output {
    /// Writes a table where the name ends in .csv, else arrays.
    fn write(&self, found: &[Counterexample]) -> Result<(), Failure> {
        if ends_in_csv(&self.path) {
            return write_text(AtomicFile::create(&self.path)?, &self.table(found));
        }
        let values: Vec<f64> = found.iter().flat_map(|one| one.point.iter().copied()).collect();
        #[expect(clippy::cast_possible_truncation, reason = "they are numbers of this format")]
        let short: Vec<f32> = match self.precision {
            Precision::F32 => values.iter().map(|v| *v as f32).collect(),
            Precision::F64 => vec![],
        };
        let values = match self.precision {
            Precision::F32 => Values::F32(&short),
            Precision::F64 => Values::F64(&values),
        };
        let points = Array::matrix(values, self.features.len())
            .ok_or_else(|| Failure::input("a counterexample has another number of features than the data"))?;
        let samples: Vec<i64> = found.iter().map(|one| i64::try_from(one.sample).unwrap_or(-1)).collect();
        let labels: Vec<&str> = found.iter().map(|one| one.label.as_str()).collect();
        let predicted: Vec<&str> = found.iter().map(|one| one.predicted.as_str()).collect();
        let distances: Vec<f64> = found.iter().map(|one| one.distance).collect();
        let arrays = [
            ("X", points),
            ("y", Array::vector(Values::Text(&labels))),
            ("predicted", Array::vector(Values::Text(&predicted))),
            ("sample", Array::vector(Values::I64(&samples))),
            ("distance", Array::vector(Values::F64(&distances))),
        ];
        Ok(write_npz(&self.path, &arrays)?)
    }

    fn table(&self, found: &[Counterexample]) -> String {
        let names: String = self.features.iter().map(|name| format!(",{}", cell(name))).collect();
        let mut text = format!("sample,label,predicted,distance{names}\n");
        for one in found {
            let point: String = one.point.iter().map(|x| format!(",{}", plain(*x))).collect();
            let [label, predicted] = [&one.label, &one.predicted].map(|name| cell(name));
            text += &format!("{},{label},{predicted},{}{point}\n", one.sample, plain(one.distance));
        }
        text
    }
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}
