//! Who is told how far a proof is.

use std::{convert::Infallible, time::Instant};

use super::{Answers, Claim, Effort, Verdict};
use crate::{Progress, parallel};

/// Is told the number of a sample, the verdict about it, and what that took;
/// called from several threads, once per sample, in the order in which verdicts
/// become final.
pub type Found<'a> = dyn Fn(usize, &Verdict, Effort) + Sync + 'a;

/// Progress, and verdicts as they are found.
pub(super) struct Watch<'a> {
    pub progress: &'a dyn Progress,
    pub found: &'a Found<'a>,
}

impl Watch<'_> {
    /// Tells a verdict that is final: what is undecided may still be attacked.
    pub fn decided(&self, sample: usize, (verdict, effort): &(Verdict, Effort)) {
        if *verdict != Verdict::Undecided {
            (self.found)(sample, verdict, *effort);
        }
    }
}

impl Progress for Watch<'_> {
    fn begin(&self, what: &str, total: u64) {
        self.progress.begin(what, total);
    }

    fn advance(&self, units: u64) {
        self.progress.advance(units);
    }

    fn end(&self) {
        self.progress.end();
    }

    fn busy(&self, what: &str) {
        self.progress.busy(what);
    }
}

/// The verdict about each sample.
pub(super) fn of_samples(
    claim: &Claim<'_>,
    watch: &Watch<'_>,
    verdict: impl Fn(usize) -> Verdict + Send + Sync,
) -> Answers {
    let timed = |sample| {
        let started = Instant::now();
        let verdict = verdict(sample);
        Ok::<_, Infallible>((verdict, Effort { seconds: started.elapsed().as_secs_f64(), branches: 0 }))
    };
    let Ok(answers) = of_each(claim, watch, timed);
    answers
}

/// The same where the verdict comes with what it took, or not at all.
pub(super) fn of_each<E: Send>(
    claim: &Claim<'_>,
    watch: &Watch<'_>,
    answer: impl Fn(usize) -> Result<(Verdict, Effort), E> + Send + Sync,
) -> Result<Answers, E> {
    let samples = claim.data.samples();
    watch.begin("certify", samples as u64);
    let answer = |sample| {
        let answer = answer(sample)?;
        watch.decided(sample, &answer);
        watch.advance(1);
        Ok(answer)
    };
    let answers = parallel::try_map(samples, answer);
    watch.end();
    answers
}
