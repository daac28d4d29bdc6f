//! The constructions that may serve a build, those with the fewest nonzero
//! parameters first.
//!
//! Each begins with a bound that costs nothing. It is built when no other is
//! known to be smaller, and counted when its bound alone does not settle that;
//! so what cannot be the smallest is neither built nor counted.

use std::cell::OnceCell;

use super::FitOptions;

use crate::{
    Budget, Dataset, Error, Norm, Precision, Progress,
    constructions::{AtLeast, BuiltNetwork, Construction, Options, REGISTRY, over_directions},
    network::{Head, Size},
    text::{grouped, plain},
};

/// A bound that every network keeps.
const ANY: AtLeast = AtLeast { nonzero: 1, all: 1 };
/// Share of the largest possible radius from which on a refusal names it.
const CLOSE: f64 = 0.999;

/// All constructions that serve a norm, these labels, one radius or one
/// `per_sample`, and a head, and take no longer than people expect.
///
/// # Errors
/// [`Error::NoConstruction`] when there is none.
pub fn serving(
    data: &Dataset,
    norm: Norm,
    per_sample: bool,
    head: Head,
) -> Result<Vec<&'static Construction>, Error> {
    let serves = |construction: &&Construction| {
        construction.serves_norm(norm).is_ok()
            && construction.suits(data, per_sample, head)
            && construction.is_tried_unnamed(data, norm).is_ok()
    };
    let found: Vec<&Construction> = REGISTRY.iter().filter(serves).collect();
    if found.is_empty() { Err(no_construction(norm, per_sample, head)) } else { Ok(found) }
}

/// The error when no construction serves what was asked.
pub(super) fn no_construction(norm: Norm, per_sample: bool, head: Head) -> Error {
    let mut norms: Vec<String> = vec![];
    for norm in REGISTRY.iter().flat_map(|construction| construction.norms).map(ToString::to_string) {
        if !norms.contains(&norm) {
            norms.push(norm);
        }
    }
    Error::NoConstruction { norm, per_sample, head: head.to_string(), served: norms.join(", ") }
}

/// Why a construction was chosen: of those that serve it has the fewest nonzero
/// parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Whether a certificate was asked for as well.
    pub certified: bool,
    /// Those that are larger, smallest first.
    pub others: Vec<Other>,
    /// Those that are smaller, or as small, and could not be certified.
    pub failed: Vec<&'static str>,
    /// Those that could not be built.
    pub refused: Vec<&'static str>,
}

/// A construction that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its name.
    pub construction: &'static str,
    /// Its nonzero parameters, or a number that they do not fall below.
    pub nonzero: usize,
    /// Whether they were counted.
    pub counted: bool,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let others: Vec<String> = self.others.iter().map(ToString::to_string).collect();
        write!(f, "fewest nonzero parameters{}", if self.certified { " that certifies" } else { "" })?;
        for (what, list) in [
            ("others", others.join(", ")),
            ("not certified", self.failed.join(", ")),
            ("cannot be built", self.refused.join(", ")),
        ] {
            if !list.is_empty() {
                write!(f, "; {what}: {list}")?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let about = if self.counted { "" } else { "at least " };
        write!(f, "{} {about}{}", self.construction, grouped(self.nonzero))
    }
}

/// A construction that was built.
#[derive(Debug)]
pub struct Candidate {
    /// The construction.
    pub construction: &'static Construction,
    /// What it built.
    pub network: Box<dyn BuiltNetwork>,
    least: AtLeast,
    size: OnceCell<Size>,
}

impl Candidate {
    /// Its size, which is counted when asked for.
    #[must_use]
    pub fn size(&self) -> Size {
        *self.size.get_or_init(|| self.network.size())
    }

    /// Whether no more than `most` parameters are not 0.
    #[must_use]
    pub fn is_within(&self, most: usize) -> bool {
        self.least.nonzero <= most && self.size().nonzero <= most
    }

    /// What the dense form takes in bytes, where that is not above `limit`.
    ///
    /// # Errors
    /// Else a number of bytes that it does not fall below.
    pub fn dense_bytes(&self, limit: u64) -> Result<u64, u64> {
        let width = if self.network.precision() == Precision::F32 { 4 } else { 8 };
        let bytes = |entries: usize| entries as u64 * width;
        let least = bytes(self.least.all.max(self.least.nonzero));
        if least > limit {
            return Err(least);
        }
        let all = bytes(self.size().all);
        if all > limit { Err(all) } else { Ok(all) }
    }
}

/// A construction whose turn has not come.
#[derive(Debug)]
struct Waiting {
    construction: &'static Construction,
    least: AtLeast,
    /// Built and counted, where the bound was not enough.
    counted: Option<Candidate>,
}

impl Waiting {
    fn nonzero(&self) -> usize {
        self.counted.as_ref().map_or(self.least.nonzero, |candidate| candidate.size().nonzero)
    }
}

/// Gives candidates one after the other, fewest nonzero parameters first.
pub(super) struct Candidates<'a> {
    data: &'a Dataset,
    budget: &'a Budget,
    options: Options,
    directions: bool,
    progress: &'a dyn Progress,
    waiting: Vec<Waiting>,
    refused: Vec<(&'static str, Error)>,
}

impl<'a> Candidates<'a> {
    pub fn new(
        constructions: &[&'static Construction],
        (data, budget): (&'a Dataset, &'a Budget),
        &FitOptions { network: options, directions, .. }: &FitOptions,
        progress: &'a dyn Progress,
    ) -> Self {
        let waiting = constructions
            .iter()
            .map(|construction| Waiting {
                construction,
                // How many directions there will be is not known.
                least: if directions { ANY } else { construction.at_least(data, budget.norm()) },
                counted: None,
            })
            .collect();
        Self { data, budget, options, directions, progress, waiting, refused: vec![] }
    }

    /// Why the first that could not be built was refused.
    pub fn refusal(&mut self) -> Option<Error> {
        let mut error = (!self.refused.is_empty()).then(|| self.refused.swap_remove(0).1)?;
        if let (Error::TooFine { why, .. }, Some(ratio)) = (&mut error, self.budget.ratio())
            && ratio > CLOSE
        {
            *why += &format!("; the radius is {} of the largest possible one", plain(ratio));
        }
        Some(error)
    }

    /// Why the candidate given last was chosen, those named in `failed` being
    /// given before.
    pub fn reason(&self, failed: Vec<&'static str>, certified: bool) -> Reason {
        let mut others: Vec<Other> = self
            .waiting
            .iter()
            .map(|other| Other {
                construction: other.construction.name,
                nonzero: other.nonzero(),
                counted: other.counted.is_some(),
            })
            .collect();
        others.sort_by_key(|other| other.nonzero);
        let refused = self.refused.iter().map(|(name, _)| *name).collect();
        Reason { certified, others, failed, refused }
    }
}

impl Iterator for Candidates<'_> {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        loop {
            let first = (0..self.waiting.len()).min_by_key(|&i| self.waiting[i].nonzero())?;
            let Waiting { construction, least, counted } = self.waiting.remove(first);
            if counted.is_some() {
                return counted;
            }
            let Self { data, budget, options, progress, .. } = *self;
            let built = if self.directions {
                over_directions(construction, data, budget, options, progress)
            } else {
                construction.build_with(data, budget, options, progress)
            };
            match built {
                Ok(network) => {
                    let candidate = Candidate { construction, network, least, size: OnceCell::new() };
                    // The last one needs no count.
                    if self.waiting.is_empty() {
                        return Some(candidate);
                    }
                    self.waiting.insert(first, Waiting { construction, least, counted: Some(candidate) });
                }
                Err(error) => self.refused.push((construction.name, error)),
            }
        }
    }
}
