//! Chooses, for a norm and a storage, how distances are measured and how
//! pairs are left out.

use std::sync::Arc;

use super::{
    kernel::Isa,
    metric::{CodesLinf, CodesLp, CodesSum, Metric, Power, RealsLinf, RealsLp, RealsSum, Summed, Windowed},
    relation::Relation,
    screen::{Every, Panels, Windows},
    search::Screen,
};
use crate::{Dataset, Norm, dataset::Features};

/// A search that works with every metric and screen.
pub(super) trait Search {
    /// What it finds.
    type Output;

    /// Searches.
    fn run<M: Metric, S: Screen<M>>(self, metric: &M, screen: &S, relation: &Relation) -> Self::Output;
}

/// Runs a search between two datasets of one width (the same one twice for
/// pairs within it) with the best instructions there are.
pub(super) fn dispatch<T: Search>(
    data: (&Dataset, &Dataset),
    relation: &Relation,
    norm: Norm,
    search: T,
) -> T::Output {
    dispatch_on(Isa::best(), data, relation, norm, search)
}

/// Runs a search between queries and base samples with some instructions.
pub(super) fn dispatch_on<T: Search>(
    isa: Isa,
    (queries, base): (&Dataset, &Dataset),
    relation: &Relation,
    norm: Norm,
    search: T,
) -> T::Output {
    let width = base.features();
    let codes = shared_codes(queries, base);
    let table = codes.is_some();
    match norm {
        Norm::Linf => {
            if let Some((a, b, levels)) = codes {
                let metric = CodesLinf::new(a, b, width, levels);
                return windows(&metric, relation, width, isa, search);
            }
            let metric = RealsLinf::new(queries, base, isa);
            windows(&metric, relation, width, isa, search)
        }
        Norm::L1 | Norm::L2 => {
            let power = if norm == Norm::L1 { Power::One } else { Power::Two };
            if let Some((a, b, levels)) = codes
                && let Some(metric) = CodesSum::new(a, b, width, levels, power)
            {
                return panels(&metric, relation, (queries, base), norm, table, isa, search);
            }
            let metric = RealsSum::new(queries, base, power, isa);
            panels(&metric, relation, (queries, base), norm, table, isa, search)
        }
        Norm::Lp(p) => {
            if let Some((a, b, levels)) = codes
                && let Some(metric) = CodesLp::new(a, b, width, levels, p)
            {
                return panels(&metric, relation, (queries, base), norm, table, isa, search);
            }
            let metric = RealsLp::new(queries, base, p, isa);
            panels(&metric, relation, (queries, base), norm, table, isa, search)
        }
    }
}

/// Runs a search in the sup norm.
fn windows<M: Windowed, T: Search>(
    metric: &M,
    relation: &Relation,
    width: usize,
    isa: Isa,
    search: T,
) -> T::Output {
    match Every::new(metric, *relation) {
        Some(every) => search.run(metric, &every, relation),
        None => search.run(metric, &Windows::new(metric, *relation, width, isa), relation),
    }
}

/// Runs a search in another norm; see [`Panels::new`].
fn panels<M: Summed, T: Search>(
    metric: &M,
    relation: &Relation,
    data: (&Dataset, &Dataset),
    norm: Norm,
    table: bool,
    isa: Isa,
    search: T,
) -> T::Output {
    match Every::new(metric, *relation) {
        Some(every) => search.run(metric, &every, relation),
        None => search.run(metric, &Panels::new(metric, *relation, data, norm, table, isa), relation),
    }
}

/// Codes of queries and base samples, and their levels.
type Codes<'a> = (&'a [u8], &'a [u8], &'a Arc<[f64]>);

/// The codes of two datasets, if they have the same levels.
fn shared_codes<'a>(queries: &'a Dataset, base: &'a Dataset) -> Option<Codes<'a>> {
    match (queries.storage(), base.storage()) {
        (Features::Coded { codes: a, levels }, Features::Coded { codes: b, levels: other })
            if levels == other =>
        {
            Some((a, b, levels))
        }
        _ => None,
    }
}
