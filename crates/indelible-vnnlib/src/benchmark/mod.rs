//! Benchmarks whose every answer is known, for makers of verifiers.
//!
//! Networks that memorize samples within a radius are asked about boxes within
//! that radius, where the answer is `unsat`, and beyond, where a point of the
//! enemy's ball makes it `sat`. The status of an instance is not taken from how it
//! was made: it is what [`decide`](crate::decide()) proves of the file and the text
//! as written, or a point that [`check`](crate::check()) confirms. What neither
//! shows is left out.

mod disguise;
mod family;
mod question;

mod subject;
mod trained;

use bytes::Bytes;
use indelible::{
    Dataset, Precision, Progress, Silent,
    network::{Network, StoredNetwork},
    number::random::Random,
};
use rayon::prelude::*;

use self::{
    question::{Asked, QUESTIONS, question, second, tightened},
    subject::Subject,
};
use crate::{Answer, Limits, Query, QueryError, Version, Witness, check, decide, number::exact, parse};

pub use self::family::Family;

/// Parts of a box that are bounded before an instance is left out.
const PARTS: usize = 256;
/// What the competition's replay of witnesses allows, absolutely.
const TOLERANCE: f64 = 1e-4;

/// What is asked of [`generate`].
#[derive(Clone, Debug)]
pub struct BenchmarkOptions {
    /// Chooses samples, radii and disguises.
    pub seed: u64,
    /// Number of instances.
    pub count: usize,
    /// Families, in the order in which networks are made.
    pub families: Vec<Family>,
    /// For the family `trained`, a network in place of those that are trained, in binary32
    /// with the features of the data as inputs and one output for each of their classes.
    pub trained: Option<StoredNetwork>,
}

/// The answer of an instance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Truth {
    /// There is a point.
    Sat(Witness),
    /// There is none.
    Unsat {
        /// By how much at least, at every point of an alternative's box, some other
        /// constraint of it fails.
        margin: f64,
        /// What proved it.
        engines: Vec<String>,
    },
}

impl Truth {
    /// `sat` or `unsat`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sat(_) => "sat",
            Self::Unsat { .. } => "unsat",
        }
    }
}

/// An instance: a network, a query about it, and the answer.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name, without an ending.
    pub name: String,
    /// The name of its network.
    pub network: String,
    /// The family.
    pub family: Family,
    /// The construction of the network; of two networks in one file, both.
    pub construction: String,
    /// The query, of version 1.0.
    pub query: Query,
    /// Its text.
    pub first: String,
    /// The same in version 2.0.
    pub second: String,
    /// The answer.
    pub truth: Truth,
    /// The radius, in shares of half the distance to the nearest enemy.
    pub distance: f64,
    /// Whether the answer stays right within the tolerance of 10⁻⁴: no point within
    /// it of the constraints where the answer is `unsat`, a witness that fulfils
    /// those on outputs with that much to spare where it is `sat`.
    pub tolerance_safe: bool,
}

/// Networks and instances.
#[derive(Clone, Debug, Default)]
pub struct Benchmark {
    /// Files of networks, by name.
    pub networks: Vec<(String, Bytes)>,
    /// The instances.
    pub instances: Vec<Instance>,
    /// Questions that were left out since neither a proof nor a point was found, or
    /// the format does not hold the network.
    pub left_out: usize,
}

/// Makes a benchmark on samples of `data`. The same arguments give the same
/// benchmark, bit by bit, whatever the number of threads.
///
/// # Errors
/// [`QueryError::Unfit`] when no family is asked for, when a trained network was given
/// that does not fit the data, and where a text that was written is not read back as the
/// same query.
pub fn generate(
    data: &Dataset,
    options: &BenchmarkOptions,
    progress: &dyn Progress,
) -> Result<Benchmark, QueryError> {
    if options.families.is_empty() {
        return Err(QueryError::Unfit("no family was asked for".into()));
    }
    if let Some(given) = &options.trained {
        fitting(given, data)?;
    }
    let groups = options.count.div_ceil(QUESTIONS);
    progress.begin("networks", groups as u64);
    let made: Result<Vec<Benchmark>, QueryError> = (0..groups)
        .into_par_iter()
        .map(|group| {
            let family = options.families[group % options.families.len()];
            let questions = QUESTIONS.min(options.count - group * QUESTIONS);
            let made = about_one(data, options, (family, group / options.families.len()), questions);
            progress.advance(1);
            made
        })
        .collect();
    progress.end();
    let mut all = Benchmark::default();
    for made in made? {
        all.networks.extend(made.networks);
        all.instances.extend(made.instances);
        all.left_out += made.left_out;
    }
    Ok(all)
}

/// Whether a network has the inputs and the outputs of the data, in binary32.
fn fitting(network: &StoredNetwork, data: &Dataset) -> Result<(), QueryError> {
    let is = (network.inputs(), network.outputs(), network.precision());
    if is == (data.features(), data.classes(), Precision::F32) {
        return Ok(());
    }
    Err(QueryError::Unfit(format!(
        "the trained network has {} inputs and {} outputs in {}; expected one input for each of {} features and one output for each of {} classes, in {}",
        is.0,
        is.1,
        is.2,
        data.features(),
        data.classes(),
        Precision::F32
    )))
}

/// A network and the questions about it.
fn about_one(
    data: &Dataset,
    options: &BenchmarkOptions,
    (family, number): (Family, usize),
    questions: usize,
) -> Result<Benchmark, QueryError> {
    let name = format!("{family}-{number:03}");
    // A state of its own for every network, whatever else is made.
    let state = name.bytes().fold(options.seed ^ 0xcbf2_9ce4_8422_2325, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut random = Random::new(state);
    for _ in 0..8 {
        random.next();
    }
    let mut all = Benchmark::default();
    let Ok(subject) = Subject::new(family, number, (data, options.trained.as_ref()), &mut random) else {
        return Ok(Benchmark { left_out: questions, ..all });
    };
    for which in 0..questions {
        let asked = question(family, &subject, which, &mut random);
        let instance = asked.map(|asked| instance(&subject, &asked)).transpose()?.flatten();
        match instance {
            Some(Known { query, first, second, truth, tolerance_safe, distance }) => {
                all.instances.push(Instance {
                    name: format!("{name}-{which}"),
                    network: name.clone(),
                    family,
                    construction: subject.construction.clone(),
                    query,
                    first,
                    second,
                    truth,
                    distance,
                    tolerance_safe,
                })
            }
            None => all.left_out += 1,
        }
    }
    if !all.instances.is_empty() {
        all.networks.push((name, subject.file));
    }
    Ok(all)
}

/// What an instance has beside its names.
struct Known {
    query: Query,
    first: String,
    second: String,
    truth: Truth,
    tolerance_safe: bool,
    distance: f64,
}

/// What is known of a question; nothing where its answer is not.
fn instance(subject: &Subject, asked: &Asked) -> Result<Option<Known>, QueryError> {
    let first = asked.query.to_text(Version::V1, "")?;
    let second_query = second(&asked.query);
    let second = second_query.to_text(Version::V2, "")?;
    // The answer is about what the texts say.
    let query = parse(&first)?;
    let again = parse(&second)?;
    if query.common != again.common || query.alternatives != again.alternatives || again != second_query {
        return Err(QueryError::Unfit("a text that was written means something else".into()));
    }
    let Some(truth) = truth(subject, &query, asked.candidate.as_deref())? else { return Ok(None) };
    let tolerance_safe = match &truth {
        Truth::Sat(witness) => {
            let tighter = tightened(&query, &exact(TOLERANCE).unwrap_or_default());
            check(&tighter, &subject.model, &witness.inputs)?.is_some()
        }
        Truth::Unsat { .. } => {
            matches!(truth_of(subject, &query.loosened(TOLERANCE))?, Some(Truth::Unsat { .. }))
        }
    };
    Ok(Some(Known { query, first, second, truth, tolerance_safe, distance: asked.distance }))
}

fn truth(subject: &Subject, query: &Query, candidate: Option<&[f64]>) -> Result<Option<Truth>, QueryError> {
    if let Some(point) = candidate
        && let Some(witness) = check(query, &subject.model, point)?
    {
        return Ok(Some(Truth::Sat(witness)));
    }
    truth_of(subject, query)
}

fn truth_of(subject: &Subject, query: &Query) -> Result<Option<Truth>, QueryError> {
    let limits = Limits { parts: PARTS, timeout: None };
    Ok(match decide(query, &subject.model, &limits, &Silent)?.answer {
        Answer::Sat(witness) => Some(Truth::Sat(witness)),
        Answer::Unsat { margin, engines } => Some(Truth::Unsat { margin, engines }),
        _ => None,
    })
}
