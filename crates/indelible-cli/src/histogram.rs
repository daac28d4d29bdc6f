//! Nearest-enemy distances, class by class, as a small histogram.

use indelible::{Dataset, separation::NearestEnemies};
use serde_json::{Value, json};

use crate::report::real;

/// Bins between 0 and the largest distance.
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
    /// Samples per bin.
    pub bins: Vec<usize>,
}

/// One row per class that occurs, and the right end of the last bin.
#[derive(Debug, PartialEq)]
pub struct Histogram {
    pub rows: Vec<Row>,
    pub largest: f64,
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
        let largest = by_class.iter().flatten().copied().fold(0.0, f64::max);
        let row = |(class, mut distances): (usize, Vec<f64>)| {
            distances.sort_by(f64::total_cmp);
            let (smallest, largest_of_class) = (*distances.first()?, *distances.last()?);
            let mut bins = vec![0; BINS];
            for d in &distances {
                let share = if largest > 0.0 { d / largest } else { 0.0 };
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to BINS")]
                let bin = (share * BINS as f64) as usize;
                bins[bin.min(BINS - 1)] += 1;
            }
            Some(Row {
                class: data.class_names()[class].clone(),
                count: distances.len(),
                smallest,
                median: distances[(distances.len() - 1) / 2],
                largest: largest_of_class,
                bins,
            })
        };
        Self { rows: by_class.into_iter().enumerate().filter_map(row).collect(), largest }
    }

    /// For `--json`: bins are equally wide, from 0 to `largest`.
    pub fn json(&self) -> Value {
        let object = |row: &Row| {
            json!({"class": row.class, "count": row.count, "smallest": row.smallest,
                   "median": row.median, "largest": row.largest, "bins": row.bins})
        };
        json!({"largest": self.largest, "classes": self.rows.iter().map(object).collect::<Vec<_>>()})
    }

    /// Lines for people: a name and a row of bars each.
    pub fn lines(&self) -> Vec<(String, String)> {
        let highest = self.rows.iter().flat_map(|row| &row.bins).copied().max().unwrap_or(0);
        let line = |row: &Row| {
            let bars: String = row.bins.iter().map(|&count| bar(count, highest)).collect();
            let numbers = [row.smallest, row.median, row.largest].map(real).join(", ");
            (row.class.clone(), format!("{bars}  {numbers}"))
        };
        self.rows.iter().map(line).collect()
    }
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
        let enemies = NearestEnemies { norm: Norm::Linf, distances, indices: vec![Some(3); 4] };
        let histogram = Histogram::new(&data, &enemies);
        assert_eq!(histogram.largest, 4.0);
        assert_eq!(histogram.rows.len(), 2);
        let row = &histogram.rows[0];
        assert_eq!((row.count, row.smallest, row.median, row.largest), (3, 1.0, 2.0, 4.0));
        assert_eq!((row.bins[8], row.bins[16], row.bins[31]), (1, 1, 1));
        assert_eq!(histogram.rows[1].bins[4], 1);
        assert_eq!(histogram.lines()[1].1.chars().nth(4), Some('█'));
    }
}
