//! `indelible scores`: who is memorized, who influences whom, and which labels
//! look wrong.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use indelible::{
    Dataset, Norm,
    scores::{Influence, Memorization, SampleScore, Sampling, influence, memorization},
};
use indelible_io::{
    AtomicFile,
    dataset::ReadOptions,
    npy::{Array, Values, write_npz},
};
use serde_json::{Value, json};

use super::prelude::*;

/// From these values on a score is large, as Feldman and Zhang count them.
pub const MEMORIZED: f64 = 0.25;
const INFLUENTIAL: f64 = 0.15;
/// Bins of the histogram of memorization, from 0 to 1.
const BINS: usize = 20;

/// Arguments of `scores`.
#[derive(Args, Debug)]
pub struct ScoresArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Points whose labels the samples of DATA influence
    #[arg(value_name = "TEST")]
    test: Option<PathBuf>,
    /// Norm of the distances: l2, l1, linf, or lP for a real P > 1, like l1.5
    #[arg(long, default_value = "l2")]
    norm: Norm,
    /// Probability that a sample is in a training set; 1: leave out one
    #[arg(long, value_name = "S", default_value_t = 0.7, allow_negative_numbers = true)]
    share: f64,
    /// Neighbours of each point to look at [default: so many that the rest matters less than 2^-53, at most 1024]
    #[arg(long, value_name = "K")]
    neighbours: Option<usize>,
    /// Write the scores of all samples as arrays
    #[arg(short, long, value_name = "FILE.npz")]
    output: Option<PathBuf>,
    /// How many samples and pairs to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Found {
    sampling: Sampling,
    train: Memorization,
    test: Option<Influence>,
    seconds: f64,
}

impl ScoresArgs {
    pub fn run(self) -> Result<(), Failure> {
        let bar = Bar::default();
        let sampling = Sampling::new(self.share, self.neighbours)?;
        let [file, labels] = self.data.files();
        keep_apart(&[file, labels, self.test.as_ref()], &[self.output.as_ref()])?;
        ends_in(self.output.as_ref(), &["npz"], "scores are written as NPZ")?;
        if let Some(output) = self.output.as_ref().filter(|output| !is_special(output)) {
            // Dropped at once: only the attempt counts.
            AtomicFile::create(output)?;
        }
        let data = self.data.read(&bar)?;
        // Through the map of the training set, where there is one.
        let read = |test| self.read_test(test, &bar)?.behind(data.scaling());
        let points = self.test.as_deref().map(read).transpose()?;
        if let (Some(points), Some(path)) = (&points, &self.test) {
            points.alike(&data)?;
            let shared = points.class_names().iter().any(|name| data.class_names().contains(name));
            require(shared, || {
                let [theirs, ours] = [points.class_names(), data.class_names()]
                    .map(|names| names[..names.len().min(3)].join(", "));
                format!(
                    "{}: no class of it is one of the training set; given {theirs}…, expected some of {ours}…",
                    path.display()
                )
            })?;
        }
        let started = Instant::now();
        let test = match &points {
            Some(points) => Some(influence(&data, points, self.norm, &sampling, &bar)?),
            None => None,
        };
        let train = memorization(&data, self.norm, &sampling, &bar)?;
        let found = Found { sampling, train, test, seconds: started.elapsed().as_secs_f64() };
        if let Some(output) = &self.output {
            write(output, &data, &found)?;
        }
        let mut report = self.report(&data, &found);
        if let (Some(points), Some(test)) = (&points, &found.test) {
            self.pairs(&mut report, (&data, points), test, &found.train);
            points.describe(&mut report);
            report.json["test"] = report.json["data"].take();
        }
        report.line("time", seconds(found.seconds));
        data.describe(&mut report);
        report.print(self.json)
    }

    fn read_test(&self, path: &Path, bar: &Bar) -> Result<Given, Failure> {
        let options = ReadOptions { labels: None, limit: None, ..self.data.options(None)? };
        Given::read(path, &options, bar)
    }

    /// The scores of the samples.
    fn report(&self, data: &Dataset, found: &Found) -> Report {
        let Found { sampling, train, .. } = found;
        let samples = &train.samples;
        let error = sampling.error(data.samples());
        let unseen = samples.iter().map(|s| s.unseen).sum::<f64>() / samples.len() as f64;
        let memorized = samples.iter().filter(|s| s.memorization >= MEMORIZED).count();
        let histogram = histogram(samples);
        let suspects = train.suspects();
        let looked_at = sampling.neighbours().min(data.samples() - 1);
        let listed = |chosen: &[usize]| {
            chosen.iter().take(self.top).map(|&i| sample_json(data, i, &samples[i])).collect::<Vec<Value>>()
        };
        let top = train.most_memorized(self.top);
        let mut report = Report::new(json!({
            "samples": data.samples(), "features": data.features(), "classes": data.classes(),
            "norm": self.norm.to_string(), "share": self.share, "neighbours": looked_at, "error": error,
            "unseen_accuracy": unseen, "memorized": {"from": MEMORIZED, "count": memorized},
            "histogram": histogram, "top": listed(&top), "suspects": suspects.len(),
            "suspected": listed(&suspects), "seconds": found.seconds,
        }));
        report
            .line("norm", self.norm)
            .line("training sets", format!("every sample with probability {}", plain(self.share)))
            .line(
                "neighbours",
                format!("{} of each; error of a score at most {}", grouped(looked_at), at_most(error)),
            )
            .line("right unseen", format!("{unseen:.4} of the samples on average"))
            .line("memorized", format!("{} by {MEMORIZED} or more", counted(memorized, "sample")));
        for (bin, count) in histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
            let [from, to] = [bin, bin + 1].map(|edge| edge as f64 / BINS as f64);
            report.line(format!("  {from:.2} to {to:.2}"), grouped(*count));
        }
        let doubt = (format!("{} in all", grouped(suspects.len())), &suspects);
        for (title, (said, chosen)) in [("most memorized", (String::new(), &top)), ("labels in doubt", doubt)]
        {
            report.line(title, said);
            for &i in chosen.iter().take(self.top) {
                report.line(format!("  {}", named(data, i)), in_words(data, &samples[i]));
            }
        }
        report
    }

    /// Who influences which points of the test set.
    fn pairs(
        &self,
        report: &mut Report,
        (data, points): (&Dataset, &Dataset),
        test: &Influence,
        train: &Memorization,
    ) {
        let right = test.right.iter().sum::<f64>() / test.right.len() as f64;
        let is_memorized = |i: usize| train.samples[i].memorization >= MEMORIZED;
        let large = test.samples.iter().zip(&test.values).filter(|(_, value)| **value >= INFLUENTIAL);
        let (count, tail) =
            large.fold((0, 0), |(all, tail), (i, _)| (all + 1, tail + usize::from(is_memorized(*i))));
        let top = test.largest(self.top);
        report.json["test_accuracy"] = right.into();
        report.json["pairs"] = json!({"from": INFLUENTIAL, "count": count, "of_memorized": tail});
        let listed = top.iter().map(|&(i, j, value)| {
            json!({
                "sample": i, "label": label(data, i), "test": j, "test_label": label(points, j),
                "influence": value, "memorization": train.samples[i].memorization,
            })
        });
        report.json["influential"] = listed.collect();
        report.line("right on test", format!("{right:.4} of the points on average")).line(
            "influence",
            format!(
                "{} of {INFLUENTIAL} or more, {} of them from memorized samples",
                counted(count, "pair"),
                grouped(tail)
            ),
        );
        for (i, j, value) in top {
            report.line(format!("  {}", named(data, i)), format!("{value:.4} for test {}", named(points, j)));
        }
    }
}

fn label(data: &Dataset, sample: usize) -> &str {
    &data.class_names()[data.labels()[sample]]
}

/// A sample and its label.
fn named(data: &Dataset, sample: usize) -> String {
    format!("{sample} ({})", label(data, sample))
}

/// How many samples are memorized how much.
pub fn histogram(samples: &[SampleScore]) -> Vec<usize> {
    let mut counts = vec![0; BINS];
    for sample in samples {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the number of bins"
        )]
        let bin = (sample.memorization.clamp(0.0, 1.0) * BINS as f64) as usize;
        counts[bin.min(BINS - 1)] += 1;
    }
    counts
}

pub fn sample_json(data: &Dataset, i: usize, score: &SampleScore) -> Value {
    json!({
        "sample": i, "label": label(data, i), "memorization": score.memorization, "unseen": score.unseen,
        "rival": score.rival.map(|(class, _)| &data.class_names()[class]),
        "rival_probability": score.rival.map(|(_, chance)| chance), "support": score.support,
        "nearest_sample": score.nearest,
    })
}

fn in_words(data: &Dataset, score: &SampleScore) -> String {
    let memorized = format!("memorized {:.4}", score.memorization);
    let rival = score.rival.map_or(String::new(), |(class, chance)| {
        format!(", unseen it is {} with {chance:.4}", data.class_names()[class])
    });
    // A small negative number is no "-0.0000".
    let support = if score.support.abs() < 5e-5 { 0.0 } else { score.support };
    format!("{memorized}{rival}, support {support:.4}")
}

/// All scores, one row for each sample; with a test set a row for each point.
fn write(path: &Path, data: &Dataset, found: &Found) -> Result<(), Failure> {
    let samples = &found.train.samples;
    let column = |value: fn(&SampleScore) -> f64| samples.iter().map(value).collect::<Vec<f64>>();
    let index = |i: usize| i64::try_from(i).unwrap_or(-1);
    let reals = [
        ("memorization", column(|s| s.memorization)),
        ("unseen", column(|s| s.unseen)),
        ("rival_probability", column(|s| s.rival.map_or(0.0, |r| r.1))),
        ("support", column(|s| s.support)),
    ];
    let rival: Vec<i64> = samples.iter().map(|s| s.rival.map_or(-1, |r| index(r.0))).collect();
    let nearest: Vec<i64> = samples.iter().map(|s| s.nearest.map_or(-1, index)).collect();
    let mut suspect = vec![0; samples.len()];
    found.train.suspects().into_iter().for_each(|i| suspect[i] = 1);
    let names: Vec<&str> = data.class_names().iter().map(String::as_str).collect();
    let mut arrays: Vec<(&str, Array<'_>)> =
        reals.iter().map(|(name, values)| (*name, Array::vector(Values::F64(values)))).collect();
    for (name, values) in [("rival", &rival), ("nearest_sample", &nearest), ("suspect", &suspect)] {
        arrays.push((name, Array::vector(Values::I64(values))));
    }
    arrays.push(("class_names", Array::vector(Values::Text(&names))));
    let of_test = found.test.as_ref().map(|test| {
        let near: Vec<i64> = test.samples.iter().map(|&i| index(i)).collect();
        (test, near, test.of_samples(samples.len()))
    });
    if let Some((test, near, sums)) = &of_test {
        arrays.push(("test_right", Array::vector(Values::F64(&test.right))));
        arrays.push(("test_support", Array::vector(Values::F64(sums))));
        let rows = [("test_neighbours", Values::I64(near)), ("test_influence", Values::F64(&test.values))];
        arrays.extend(
            rows.into_iter()
                .filter_map(|(name, values)| Some((name, Array::matrix(values, test.neighbours)?))),
        );
    }
    Ok(write_npz(path, &arrays)?)
}
