//! Times the searches of `indelible::separation` on raw arrays.
//!
//! `separation-bench KIND FEATURES LABELS SAMPLES WIDTH WORK NORM RUNS` reads
//! row-major values (KIND: u8 for pixels k/255, byte for integers 0..255,
//! f32, f64) and one byte per label, runs WORK (lambda, nearest, or plain: the
//! nearest enemies by a plain loop) RUNS times
//! and prints one JSON object with the median of the seconds and the longest time
//! without a sign of progress.

mod plain;

use std::{
    error::Error,
    fs,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use indelible::{
    Dataset, Features, Norm, Progress,
    separation::{nearest_enemies, separation},
};

/// Notes the longest time without a sign of progress, in seconds.
struct Watch(Mutex<(Instant, f64)>);

impl Watch {
    fn note(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = state.1.max(state.0.elapsed().as_secs_f64());
        state.0 = Instant::now();
    }
}

impl Progress for Watch {
    fn begin(&self, _: &str, _: u64) {
        self.note();
    }
    fn advance(&self, _: u64) {
        self.note();
    }
    fn end(&self) {
        self.note();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kind, features, labels, samples, width, work, norm, runs] = args.as_slice() else {
        return Err("usage: KIND FEATURES LABELS SAMPLES WIDTH WORK NORM RUNS".into());
    };
    let (samples, width): (usize, usize) = (samples.parse()?, width.parse()?);
    let bytes = fs::read(features)?;
    let count = samples * width;
    let codes = || bytes.iter().take(count).copied().collect::<Vec<_>>().into();
    let features = match kind.as_str() {
        "u8" => Features::unit_codes(codes()),
        "byte" => Features::integer_codes(codes()),
        "f32" => {
            let values = bytes.as_chunks::<4>().0.iter().take(count).map(|b| f32::from_le_bytes(*b));
            Features::F32(values.collect::<Vec<_>>().into())
        }
        "f64" => {
            let values = bytes.as_chunks::<8>().0.iter().take(count).map(|b| f64::from_le_bytes(*b));
            Features::F64(values.collect::<Vec<_>>().into())
        }
        _ => return Err(format!("unknown kind {kind}").into()),
    };
    let labels: Vec<usize> = fs::read(labels)?.iter().take(samples).map(|&b| usize::from(b)).collect();
    let names = (0..256).map(|c| c.to_string()).collect();
    let data = Dataset::new(features, width, labels, names)?;
    let norm: Norm = norm.parse()?;
    let (mut seconds, mut silence) = (Vec::new(), 0.0f64);
    let mut result = String::new();
    for _ in 0..runs.parse::<usize>()? {
        let start = Instant::now();
        let watch = Watch(Mutex::new((start, 0.0)));
        result = match work.as_str() {
            "lambda" => {
                let found = separation(&data, norm, &watch);
                format!(
                    "\"lower\":{:?},\"upper\":{:?},\"pair\":\"{:?}\"",
                    found.distance.lower, found.distance.upper, found.pair
                )
            }
            "nearest" => {
                let found = nearest_enemies(&data, norm, &watch);
                let sum: f64 = found.distances.iter().map(|d| d.upper).sum();
                let indices: usize = found.indices.iter().flatten().sum();
                // Beyond all numbers where a sample has no enemy.
                format!("\"mean\":{:?},\"index_sum\":{indices}", (sum / samples as f64).min(f64::MAX))
            }
            "plain" => {
                let found = plain::nearest(&data, norm);
                format!("\"finite\":{}", found.iter().filter(|d| d.is_finite()).count())
            }
            _ => return Err(format!("unknown work {work}").into()),
        };
        watch.note();
        silence = silence.max(watch.0.into_inner().unwrap_or_else(PoisonError::into_inner).1);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    println!(
        "{{\"work\":\"{work}\",\"norm\":\"{norm}\",\"samples\":{samples},\"seconds\":{median:.4},\"silence\":{silence:.4},{result}}}"
    );
    Ok(())
}
