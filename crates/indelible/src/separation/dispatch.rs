//! Chooses, for a norm and a storage, how distances are measured and how
//! pairs are left out.

use super::{
    kernel::Isa,
    metric::{CodesLinf, CodesSum, Metric, Power, RealsLinf, RealsSum},
    relation::Relation,
    screen::{Panels, Windows},
    search::{Plain, Screen},
    shadow::Shadow,
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
/// pairs within it).
pub(super) fn dispatch<T: Search>(
    queries: &Dataset,
    base: &Dataset,
    relation: &Relation,
    norm: Norm,
    search: T,
) -> T::Output {
    let width = base.features();
    if let (Features::Coded { codes: a, levels }, Features::Coded { codes: b, levels: other }) =
        (queries.storage(), base.storage())
        && levels == other
    {
        let power = match norm {
            Norm::Linf => {
                let metric = CodesLinf::new(a, b, width, levels);
                let screen = Windows::new(&metric, *relation, width, Isa::best());
                return search.run(&metric, &screen, relation);
            }
            Norm::L1 => Power::One,
            Norm::L2 => Power::Two,
        };
        if let Some(metric) = CodesSum::new(a, b, width, levels, power) {
            let shadow = Shadow::new(base, power, true);
            let screen = Panels::new(&metric, *relation, (queries, base), shadow, Isa::best());
            return search.run(&metric, &screen, relation);
        }
    }
    let power = match norm {
        Norm::Linf => {
            let metric = RealsLinf::new(queries, base);
            return search.run(&metric, &Plain { metric: &metric, relation: *relation }, relation);
        }
        Norm::L1 => Power::One,
        Norm::L2 => Power::Two,
    };
    let metric = RealsSum::new(queries, base, power);
    let shadow = Shadow::new(base, power, false);
    let screen = Panels::new(&metric, *relation, (queries, base), shadow, Isa::best());
    search.run(&metric, &screen, relation)
}
