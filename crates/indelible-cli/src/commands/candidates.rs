//! The constructions that may serve a build, those with the fewest nonzero
//! parameters first.
//!
//! Each begins with a bound that costs nothing. It is built when no other is
//! known to be smaller, and counted when its bound alone does not settle that;
//! so what cannot be the smallest is neither built nor counted.

use std::cell::OnceCell;

use indelible::{
    Budget, Dataset, Error, Norm, Precision,
    constructions::{AtLeast, BuiltNetwork, Construction, Options, REGISTRY},
    network::{Head, Size},
};

use crate::{failure::Failure, report::grouped};

/// All constructions that serve a norm, these labels, one radius or one
/// `per_sample`, and a head.
///
/// # Errors
/// When there is none.
pub fn serving(
    data: &Dataset,
    norm: Norm,
    per_sample: bool,
    head: Head,
) -> Result<Vec<&'static Construction>, Failure> {
    let serves = |construction: &&Construction| {
        construction.serves_norm(norm).is_ok() && construction.suits(data, per_sample, head)
    };
    let found: Vec<&Construction> = REGISTRY.iter().filter(serves).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut norms: Vec<String> = vec![];
    for norm in REGISTRY.iter().flat_map(|construction| construction.norms).map(ToString::to_string) {
        if !norms.contains(&norm) {
            norms.push(norm);
        }
    }
    let radii = if per_sample { "a radius for each sample" } else { "one radius" };
    Err(Failure::input(format!(
        "no construction serves {norm} with {radii} and this head ({head}); the norms served are {}",
        norms.join(", ")
    )))
}

/// A construction that was built.
pub struct Candidate {
    pub construction: &'static Construction,
    pub network: Box<dyn BuiltNetwork>,
    least: AtLeast,
    size: OnceCell<Size>,
}

impl Candidate {
    /// Its size, which is counted when asked for.
    pub fn size(&self) -> Size {
        *self.size.get_or_init(|| self.network.size())
    }

    /// Whether no more than `most` parameters are not 0.
    pub fn is_within(&self, most: usize) -> bool {
        self.least.nonzero <= most && self.size().nonzero <= most
    }

    /// What the dense form takes in bytes, where that is not above `limit`;
    /// else a number of bytes that it does not fall below.
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
pub struct Candidates<'a> {
    data: &'a Dataset,
    budget: &'a Budget,
    options: Options,
    waiting: Vec<Waiting>,
    refused: Vec<(&'static str, Error)>,
}

impl<'a> Candidates<'a> {
    pub fn new(
        entries: &[&'static Construction],
        data: &'a Dataset,
        budget: &'a Budget,
        options: Options,
    ) -> Self {
        let waiting = entries
            .iter()
            .map(|construction| Waiting {
                construction,
                least: construction.at_least(data, budget.norm()),
                counted: None,
            })
            .collect();
        Self { data, budget, options, waiting, refused: vec![] }
    }

    /// Why the first that could not be built was refused.
    pub fn refusal(&mut self) -> Option<Error> {
        (!self.refused.is_empty()).then(|| self.refused.swap_remove(0).1)
    }

    /// Why the candidate given last was chosen, those named in `failed` being
    /// given before.
    pub fn reason(&self, failed: &[&str], certified: bool) -> String {
        let what = if certified { " that certifies" } else { "" };
        let mut text = format!("fewest nonzero parameters{what}");
        let mut others: Vec<&Waiting> = self.waiting.iter().collect();
        others.sort_by_key(|other| other.nonzero());
        let others: Vec<String> = others
            .into_iter()
            .map(|other| {
                let about = if other.counted.is_some() { "" } else { "at least " };
                format!("{} {about}{}", other.construction.name, grouped(other.nonzero()))
            })
            .collect();
        let refused: Vec<&str> = self.refused.iter().map(|(name, _)| *name).collect();
        for (what, list) in [
            ("others", others.join(", ")),
            ("not certified", failed.join(", ")),
            ("cannot be built", refused.join(", ")),
        ] {
            if !list.is_empty() {
                text += &format!("; {what}: {list}");
            }
        }
        text
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
            match construction.build(self.data, self.budget, self.options) {
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
