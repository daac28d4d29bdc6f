//! What the constructions take on a dataset.

use super::{Kind, Quantity, Row};
use crate::{
    Budget, Dataset, Error, Precision,
    constructions::{Options, REGISTRY},
    network::Head,
};

/// Two rows (nonzero, all) for every construction of the registry that serves
/// the data and the budget: scalar head where it has one, else logits;
/// binary32 where that is fine enough, else binary64. Constructions that
/// neither format can hold are left out.
///
/// # Errors
/// When a construction fails for another reason.
pub fn measured(data: &Dataset, budget: &Budget) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for construction in REGISTRY {
        if construction.is_tried_unnamed(data, budget.norm()).is_err() {
            continue;
        }
        let served =
            |head: &Head| construction.serves(data, budget, Options { head: *head, ..Options::default() });
        let Some(head) = [Head::Scalar, Head::Logits].into_iter().find(served) else { continue };
        let condition = match head {
            Head::Scalar => "these data, scalar head",
            Head::Logits => "these data, logits",
        };
        for precision in [Precision::F32, Precision::F64] {
            let network = match construction.build(data, budget, Options { head, precision }) {
                Ok(network) => network,
                Err(Error::TooFine { .. }) => continue,
                Err(error) => return Err(error),
            };
            let counted = network.size();
            let kinds = [(Quantity::Nonzero, counted.nonzero), (Quantity::All, counted.all)];
            rows.extend(kinds.map(|(quantity, count)| Row {
                quantity,
                formula: "counted",
                value: count as f64,
                bits_per_parameter: (quantity == Quantity::Nonzero).then(|| precision.bits()),
                condition,
                built: Some(construction.name),
                source: construction.source,
                ..Row::of(Kind::Measured)
            }));
            break;
        }
    }
    Ok(rows)
}
