//! Nearest-enemy distances, class by class, as a small histogram.

use indelible::{Dataset, separation::NearestEnemies};
use serde_json::{Value, json};

use crate::report::real;

/// Bins on either axis.
pub const BINS: usize = 32;

/// The distances of one class.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// What the class is called.
    pub class: String,
    /// Number of samples with an enemy.
    pub count: usize,
    /// Smallest distance.
    pub smallest: f64,
    /// Median distance: the lower one of the two in the middle.
    pub median: f64,
    /// Largest distance.
    pub largest: f64,
    /// Samples per bin, all bins equally wide.
    pub bins: Vec<usize>,
    /// Samples per bin of the logarithmic axis; empty where there is none.
    pub log_bins: Vec<usize>,
}

/// One row per class that occurs, and the right end of the last bin.
#[derive(Debug, PartialEq)]
pub struct Histogram {
    pub rows: Vec<Row>,
    pub largest: f64,
    /// The smallest distance above 0, where equally wide bins would put a whole
    /// class into the first: then the axis is logarithmic and begins here.
    pub from: Option<f64>,
}

impl Histogram {
    /// Sorts the lower ends of the distances into bins; samples without an
    /// enemy are left out.
    pub fn new(data: &Dataset, enemies: &NearestEnemies) -> Self {
        let mut by_class: Vec<Vec<f64>> = vec![vec![]; data.classes()];
        for (&label, distance) in data.labels().iter().zip(&enemies.distances) {
            if distance.lower.is_finite() {
                by_class[label].push(distance.lower);
            }
        }
        by_class.iter_mut().for_each(|distances| distances.sort_by(f64::total_cmp));
        let largest = by_class.iter().flatten().copied().fold(0.0, f64::max);
        let far =
            |distances: &Vec<f64>| distances.last().is_some_and(|d| *d > 0.0 && *d < largest / BINS as f64);
        let positive = || by_class.iter().flatten().copied().filter(|d| *d > 0.0);
        let from = by_class.iter().any(far).then(|| positive().fold(largest, f64::min));
        let row = |(class, distances): (usize, Vec<f64>)| {
            let (smallest, largest_of_class) = (*distances.first()?, *distances.last()?);
            let count = |from| counts(&distances, from, end(largest));
            Some(Row {
                class: data.class_names()[class].clone(),
                count: distances.len(),
                smallest,
                median: distances[(distances.len() - 1) / 2],
                largest: largest_of_class,
                bins: count(None),
                log_bins: if from.is_some() { count(from) } else { vec![] },
            })
        };
        Self { rows: by_class.into_iter().enumerate().filter_map(row).collect(), largest, from }
    }

    /// For `--json`: `bins` are equally wide, from 0 to `largest`; where the
    /// axis is logarithmic, `log_bins` go from `smallest` to `largest`.
    pub fn json(&self) -> Value {
        let object = |row: &Row| {
            let mut object = json!({"class": row.class, "count": row.count, "smallest": row.smallest,
                   "median": row.median, "largest": row.largest, "bins": row.bins});
            if self.from.is_some() {
                object["log_bins"] = json!(row.log_bins);
            }
            object
        };
        let mut all = json!({"largest": self.largest});
        if let Some(from) = self.from {
            all["smallest"] = json!(from);
        }
        all["classes"] = self.rows.iter().map(object).collect();
        all
    }

    /// The bins of a row on the axis that is shown.
    pub fn bins<'a>(&self, row: &'a Row) -> &'a [usize] {
        if self.from.is_some() { &row.log_bins } else { &row.bins }
    }

    /// Where a distance lies on the axis that is shown, from 0 to 1.
    pub fn place(&self, distance: f64) -> f64 {
        place(distance, self.from, end(self.largest))
    }

    /// Where a linear axis ends.
    pub fn end(&self) -> f64 {
        end(self.largest)
    }

    /// Where a bin begins; bin [`BINS`] is the end of the last one.
    pub fn edge(&self, bin: usize) -> f64 {
        let share = bin as f64 / BINS as f64;
        match self.from {
            Some(_) if bin >= BINS => self.largest,
            Some(from) => (from.ln() + share * (self.largest.ln() - from.ln())).exp().max(from),
            None => self.end() * share,
        }
    }

    /// What the axis that is shown spans.
    pub fn axis(&self) -> String {
        match self.from {
            Some(from) => format!("from {} to {}, logarithmic", real(from), real(self.largest)),
            None => format!("from 0 to {}", real(self.largest)),
        }
    }

    /// Lines for people: a name and a row of bars each.
    pub fn lines(&self) -> Vec<(String, String)> {
        let highest = self.rows.iter().flat_map(|row| self.bins(row)).copied().max().unwrap_or(0);
        let line = |row: &Row| {
            let bars: String = self.bins(row).iter().map(|&count| bar(count, highest)).collect();
            let numbers = [row.smallest, row.median, row.largest].map(real).join(", ");
            (row.class.clone(), format!("{bars}  {numbers}"))
        };
        self.rows.iter().map(line).collect()
    }
}

/// Where a linear axis ends: all enemies may be equally far, at distance 0.
fn end(largest: f64) -> f64 {
    if largest > 0.0 { largest } else { 1.0 }
}

/// Where a distance lies between 0 and `end`, or, by logarithms, between `from`
/// and `end`; 0 for what is smaller.
fn place(distance: f64, from: Option<f64>, end: f64) -> f64 {
    let share = match from {
        Some(from) if distance > from => (distance.ln() - from.ln()) / (end.ln() - from.ln()),
        Some(_) => 0.0,
        None => distance / end,
    };
    share.clamp(0.0, 1.0)
}

/// Samples per bin.
fn counts(distances: &[f64], from: Option<f64>, end: f64) -> Vec<usize> {
    let mut bins = vec![0; BINS];
    for &distance in distances {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to BINS")]
        let bin = (place(distance, from, end) * BINS as f64) as usize;
        bins[bin.min(BINS - 1)] += 1;
    }
    bins
}

/// A bar of eight heights; every bin with a sample shows one.
fn bar(count: usize, highest: usize) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    match count {
        0 => '·',
        _ => BARS[(count * BARS.len()).div_ceil(highest.max(1)).clamp(1, BARS.len()) - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible::{Enclosure, Features, Norm};

    #[test]
    fn distances_fall_into_their_bins() {
        let names = ["a", "b", "unused"].map(String::from).to_vec();
        let data = Dataset::new(Features::F64(vec![0.0; 4].into()), 1, vec![0, 0, 0, 1], names).unwrap();
        let distances = [1.0, 4.0, 2.0, 0.5].map(Enclosure::exact).to_vec();
        let indices = vec![Some(3); 4];
        let enemies = NearestEnemies { norm: Norm::Linf, distances, indices, closest: Some(3) };
        let histogram = Histogram::new(&data, &enemies);
        assert_eq!(histogram.largest, 4.0);
        assert_eq!(histogram.rows.len(), 2);
        let row = &histogram.rows[0];
        assert_eq!((row.count, row.smallest, row.median, row.largest), (3, 1.0, 2.0, 4.0));
        assert_eq!((row.bins[8], row.bins[16], row.bins[31]), (1, 1, 1));
        assert_eq!(histogram.rows[1].bins[4], 1);
        assert_eq!(histogram.lines()[1].1.chars().nth(4), Some('█'));
        assert_eq!((histogram.from, histogram.axis()), (None, "from 0 to 4".into()));
        assert_eq!(histogram.json()["smallest"], Value::Null);
    }

    fn histogram(classes: &[&[f64]]) -> Histogram {
        let labels: Vec<usize> = (0..).zip(classes).flat_map(|(c, all)| vec![c; all.len()]).collect();
        let names = (0..classes.len()).map(|c| c.to_string()).collect();
        let features = Features::F64(vec![0.0; labels.len()].into());
        let distances: Vec<_> =
            classes.iter().flat_map(|all| all.iter().copied().map(Enclosure::exact)).collect();
        let indices = vec![Some(0); labels.len()];
        let data = Dataset::new(features, 1, labels, names).unwrap();
        Histogram::new(&data, &NearestEnemies { norm: Norm::Linf, distances, indices, closest: None })
    }

    /// The axis is logarithmic exactly where a whole class would fall into the
    /// first of equally wide bins.
    #[test]
    fn a_far_class_makes_the_axis_logarithmic() {
        let far = histogram(&[&[0.0, 1.0, 2.0], &[1024.0, 40.0]]);
        assert_eq!(far.from, Some(1.0));
        assert_eq!(far.axis(), "from 1 to 1024, logarithmic");
        // Each bin is 2^(10/32) times as wide as the one before; 2 is in bin 3, 40 in bin 17.
        let row = &far.rows[0];
        assert_eq!((far.bins(row)[0], far.bins(row)[3]), (2, 1));
        assert_eq!((far.bins(&far.rows[1])[17], far.bins(&far.rows[1])[31]), (1, 1));
        assert_eq!(far.json()["classes"][0]["bins"][0], 3);
        assert_eq!(far.json()["smallest"], 1.0);
        assert_eq!((far.edge(0), far.edge(BINS)), (1.0, 1024.0));
        assert!((far.edge(16) - 32.0).abs() < 1e-12);

        assert_eq!(histogram(&[&[1.0, 2.0], &[64.0]]).from, None);
        assert_eq!(histogram(&[&[0.0, 0.0], &[64.0]]).from, None);
    }

    #[test]
    fn axes_hold_the_ends_of_the_format() {
        let tiny = f64::from_bits(1);
        for (near, far) in [(tiny, f64::MAX), (tiny, 1e-300), (1e300, f64::MAX), (1.0, 1e18)] {
            let found = histogram(&[&[near], &[far], &[0.0]]);
            assert_eq!(found.from, Some(near));
            let sum = |row: &Row| found.bins(row).iter().sum::<usize>();
            assert!(found.rows.iter().all(|row| sum(row) == 1));
            assert_eq!((found.bins(&found.rows[0])[0], found.bins(&found.rows[1])[BINS - 1]), (1, 1));
            let edges: Vec<f64> = (0..=BINS).map(|bin| found.edge(bin)).collect();
            assert!(edges.is_sorted() && edges.iter().all(|edge| edge.is_finite()), "{edges:?}");
            assert!(found.lines().iter().all(|line| !line.1.contains("NaN")));
        }
    }
}
