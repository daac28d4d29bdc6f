//! Networks that questions are asked about.

use bytes::Bytes;
use indelible::{
    Budget, Dataset, Features, Norm, Precision, Silent,
    constructions::{Construction, Options, REGISTRY},
    network::{Layer, Model, StoredNetwork},
    number::random::Random,
    separation::separation,
};
use indelible_io::onnx::{Metadata, read, write_convolutions, write_dense, write_residual};

use super::{
    disguise::{disguised, residual},
    family::Family,
    trained::{trained, with_memory},
};
use crate::{
    error::QueryError,
    rows::{Ending, together},
};

/// A network as its file has it, and the samples that it memorizes.
pub(super) struct Subject {
    pub data: Dataset,
    /// The radius around every sample within which it was built to keep the label.
    pub radius: f64,
    pub model: Model,
    pub file: Bytes,
    /// The construction; of two networks in one file, both.
    pub construction: String,
}

/// Shares of the largest possible radius.
const RATIOS: [f64; 5] = [0.5, 0.75, 0.9, 0.99, 0.999];
/// Gaps between the balls of a ladder, as exponents of 2: from 1/16 to 2⁻²⁰.
const GAPS: std::ops::Range<i32> = 4..21;
/// Samples of a network.
const SAMPLES: std::ops::Range<usize> = 4..17;
/// Weights and biases of a network, zeros included, at most: files of 16 MiB.
const MOST_NUMBERS: usize = 1 << 22;

impl Subject {
    /// Network `number` of a family, on some samples of `data` that `random`
    /// chooses; `given` stands in for one that is trained.
    ///
    /// # Errors
    /// When no such network can be built.
    pub fn new(
        family: Family,
        number: usize,
        (all, given): (&Dataset, Option<&StoredNetwork>),
        random: &mut Random,
    ) -> Result<Self, QueryError> {
        let unfit = |e: indelible::Error| QueryError::Unfit(format!("{family}: {e}"));
        let (data, ratio) = if family == Family::Ladder {
            let rungs = GAPS.len();
            let rung = GAPS.start + i32::try_from(number % rungs).unwrap_or(0);
            // Balls at distance 2^-rung of samples that are 1/4 apart.
            (three_points(random)?, 1.0 - 4.0 * 0.5f64.powi(rung))
        } else {
            (chosen(scale(family, number), all, random)?, random.of(&RATIOS))
        };
        let found = separation(&data, Norm::Linf, &Silent);
        let budget = Budget::from_ratio(ratio, &found).map_err(unfit)?;
        let radius = budget.radii().smallest();
        let mut built = built(family, number, &data, &budget);
        let (plain, mut construction) = built.next().ok_or_else(|| {
            QueryError::Unfit(format!("{family}: no construction serves within {MOST_NUMBERS} numbers"))
        })?;
        let layers = match family {
            Family::Equivalence => {
                let (other, second) = built.next().ok_or_else(|| {
                    QueryError::Unfit(format!("{family}: one construction serves; expected two"))
                })?;
                construction = format!("{construction}+{second}");
                together(plain.layers(), other.layers(), Ending::Both)
            }
            Family::Trained => {
                let other = match given {
                    Some(given) => Some(given.clone()),
                    None => trained(all, number, random),
                };
                let other = other.ok_or_else(|| {
                    QueryError::Unfit(format!("{family}: training ends in no numbers of binary32"))
                })?;
                with_memory(&plain, &other, (&data, radius), number)?
            }
            _ => disguised(family, plain.layers(), random),
        };
        let file = Bytes::from(written(family, layers, random)?);
        drop(built);
        // What is proved is what the file says.
        let model = read(file.clone()).map_err(|e| QueryError::Unfit(format!("{family}: {e}")))?.model;
        Ok(Self { radius, data, model, file, construction })
    }

    /// The sample of another class that is nearest to `sample` in the sup norm, and
    /// its distance, about.
    pub fn enemy(&self, sample: usize) -> (usize, f64) {
        let x = self.data.row(sample);
        let own = self.data.labels()[sample];
        let others = (0..self.data.samples()).filter(|&i| self.data.labels()[i] != own);
        let distance =
            |i: usize| self.data.row(i).iter().zip(&x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        others.map(|i| (i, distance(i))).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((sample, f64::INFINITY))
    }
}

/// Networks for `data` that are small enough, with their constructions: that of the
/// family, or all that serve, beginning with one that `number` chooses.
fn built(
    family: Family,
    number: usize,
    data: &Dataset,
    budget: &Budget,
) -> impl Iterator<Item = (StoredNetwork, String)> {
    let options = Options::default();
    let serving: Vec<&'static Construction> =
        REGISTRY.iter().filter(|construction| construction.serves(data, budget, options)).collect();
    let first = number % serving.len().max(1);
    let chosen: Vec<&'static Construction> = match family {
        Family::Plain(place) => REGISTRY.get(place).into_iter().collect(),
        _ => serving.iter().cycle().skip(first).take(serving.len()).copied().collect(),
    };
    chosen.into_iter().filter_map(move |construction| {
        let built = construction.build(data, budget, options).ok()?;
        let fits = built.size().all <= MOST_NUMBERS;
        fits.then(|| (StoredNetwork::of(&*built), construction.name.to_owned()))
    })
}

/// The file of a network, with the operators that a family has.
fn written(family: Family, layers: Vec<Layer>, random: &mut Random) -> Result<Vec<u8>, QueryError> {
    let unfit = |e: indelible::Error| QueryError::Unfit(format!("{family}: {e}"));
    let (layers, blocks) = match family {
        Family::Residual => residual(&layers, random),
        _ => (layers, vec![]),
    };
    let network = StoredNetwork::new(Precision::F32, layers).map_err(unfit)?;
    let (metadata, mut bytes) = (Metadata::default(), vec![]);
    let done = match family {
        Family::Residual => write_residual(&network, &blocks, &metadata, &mut bytes),
        Family::Convolution => write_convolutions(&network, &metadata, &mut bytes),
        _ => write_dense(&network, &metadata, &mut bytes),
    };
    done.map_err(|e| QueryError::Unfit(format!("{family}: {e}")))?;
    Ok(bytes)
}

/// What data are multiplied by. Boxes without a condition come at all scales: there,
/// solvers have taken small weights for 0 and denied that there is a point.
fn scale(family: Family, number: usize) -> f64 {
    let (tiny, huge) = (0.5f64.powi(40), 2.0f64.powi(40));
    match family {
        Family::Tiny => tiny,
        Family::Huge => huge,
        // Every construction at every scale, sooner or later.
        Family::Unconstrained => [tiny, huge, 1.0][(number + number / 6) % 3],
        _ => 1.0,
    }
}

/// Samples of two classes at least, no two of different classes equal; numbers of
/// binary32.
fn chosen(factor: f64, data: &Dataset, random: &mut Random) -> Result<Dataset, QueryError> {
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        let count = SAMPLES.start + random.below(SAMPLES.end - SAMPLES.start);
        let mut all: Vec<usize> = (0..data.samples()).collect();
        let count = count.min(all.len());
        for i in 0..count {
            let other = i + random.below(all.len() - i);
            all.swap(i, other);
        }
        all.truncate(count);
        all.sort_unstable();
        let labels: Vec<usize> = all.iter().map(|&i| data.labels()[i]).collect();
        let rounded = |x: f64| Precision::F32.round(x * factor);
        let values: Vec<f64> = all.iter().flat_map(|&i| data.row(i)).map(rounded).collect();
        let features = Features::F64(values.into());
        let Ok(some) = Dataset::new(features, data.features(), labels, data.class_names().to_vec()) else {
            continue;
        };
        let found = separation(&some, Norm::Linf, &Silent);
        if found.pair.is_some() && found.distance.lower > 0.0 {
            return Ok(some);
        }
    }
    Err(QueryError::Unfit(format!(
        "{TRIES} choices of samples have one class each, or equal samples of two classes"
    )))
}

/// Three samples on a line, 1/4 and 1/2 apart, with a second feature.
fn three_points(random: &mut Random) -> Result<Dataset, QueryError> {
    let start = random.below(17) as f64 / 16.0;
    let mut other = || random.below(9) as f64 / 64.0;
    let values = vec![start, other(), start + 0.25, other(), start + 0.75, other()];
    let names = vec!["a".into(), "b".into()];
    Dataset::new(Features::F64(values.into()), 2, vec![0, 1, 0], names)
        .map_err(|e| QueryError::Unfit(e.to_string()))
}
