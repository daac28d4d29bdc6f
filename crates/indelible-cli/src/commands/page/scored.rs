//! Which samples are memorized, and which labels are in doubt.

use indelible::{
    Norm,
    scores::{Sampling, memorization},
};
use serde_json::{Value, json};

use super::{
    super::{
        prelude::*,
        scores::{MEMORIZED, histogram, sample_json},
    },
    LeftOut, PageArgs,
    apart::{MOST_COMPARED, cost},
};

/// The probability of a sample to be in a training set.
const SHARE: f64 = 0.7;

/// Adds `scores` to the answer: those of `indelible scores` with its defaults.
pub fn add(
    args: &PageArgs,
    data: &Given,
    report: &mut Report,
    left_out: &mut LeftOut,
    bar: &Bar,
) -> Result<(), Failure> {
    report.json["scores"] = Value::Null;
    if cost(data) > MOST_COMPARED {
        let why = format!("{} are too many for all neighbours", counted(data.samples(), "sample"));
        left_out.note("memorization scores", why, "indelible scores DATA");
        return Ok(());
    }
    let sampling = Sampling::new(SHARE, None)?;
    let found = memorization(data, Norm::L2, &sampling, bar)?;
    let samples = &found.samples;
    let suspects = found.suspects();
    let listed = |chosen: &[usize]| -> Vec<Value> {
        chosen.iter().take(args.top).map(|&i| sample_json(data, i, &samples[i])).collect()
    };
    let memorized = samples.iter().filter(|score| score.memorization >= MEMORIZED).count();
    let unseen = samples.iter().map(|score| score.unseen).sum::<f64>() / samples.len().max(1) as f64;
    report.json["scores"] = json!({
        "norm": Norm::L2.to_string(), "share": SHARE, "error": sampling.error(data.samples()),
        "unseen_accuracy": unseen, "memorized": {"from": MEMORIZED, "count": memorized},
        "histogram": histogram(samples), "top": listed(&found.most_memorized(args.top)),
        "suspects": suspects.len(), "suspected": listed(&suspects),
    });
    report.line("memorized", counted(memorized, "sample")).line("labels in doubt", grouped(suspects.len()));
    Ok(())
}
