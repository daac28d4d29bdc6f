//! Cells read back from layers: whether three stored layers, or four or five with
//! directions, are a network of cells, whoever wrote them.

use crate::network::{Head, Layer, StoredNetwork, layer::Row};

use super::{Cell, CellNetwork, Constraint, Side};

impl CellNetwork {
    /// The network of cells that `network` is, for logit heads: three layers
    /// of which the first has one weight of size 1 per neuron, the second one
    /// negative weight and the bias 1, the third every indicator once with
    /// weight 1, and no two neurons of the first are equal; one layer of
    /// directions or two may stand in front. `None` for anything else. Both compute the same numbers up to
    /// the order of sums.
    #[must_use]
    pub fn from_layers(network: &StoredNetwork) -> Option<Self> {
        let [directions @ .., violations, indicators, scores] = network.layers.as_slice() else {
            return None;
        };
        let constraints: Vec<Constraint> = violations.rows().map(constraint).collect::<Option<_>>()?;
        if Self::has_equal(&constraints) {
            return None;
        }
        let classes = classes_of(scores)?;
        let cells: Vec<Cell> = indicators
            .rows()
            .zip(classes)
            .map(|(row, class)| {
                let scale = -*row.weights.first()?;
                let uniform = row.bias == 1.0 && row.weights.iter().all(|w| *w == -scale);
                let constraints =
                    row.columns.iter().map(|&t| constraints.get(t).copied()).collect::<Option<_>>()?;
                uniform.then_some(Cell { class, scale, constraints })
            })
            .collect::<Option<_>>()?;
        let cells =
            Self::new(network.precision, violations.inputs(), scores.outputs(), Head::Logits, &cells).ok()?;
        if directions.is_empty() { Some(cells) } else { cells.with_directions(directions.to_vec()).ok() }
    }
}

/// The constraint whose violation a neuron is.
fn constraint(row: Row<'_>) -> Option<Constraint> {
    match (row.columns, row.weights) {
        (&[feature], &[-1.0]) => Some(Constraint { feature, side: Side::AtLeast, threshold: row.bias }),
        (&[feature], &[1.0]) => Some(Constraint { feature, side: Side::AtMost, threshold: -row.bias }),
        _ => None,
    }
}

/// For every input of the layer the one row that adds it.
fn classes_of(scores: &Layer) -> Option<Vec<usize>> {
    let mut classes = vec![None; scores.inputs()];
    for (class, row) in scores.rows().enumerate() {
        if row.bias != 0.0 || row.weights.iter().any(|w| *w != 1.0) {
            return None;
        }
        for &cell in row.columns {
            if classes[cell].replace(class).is_some() {
                return None;
            }
        }
    }
    classes.into_iter().collect()
}
