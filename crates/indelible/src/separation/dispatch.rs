//! Chooses, for a norm and a storage, how distances are measured and how
//! pairs are left out.

use super::{
    exact::Power,
    metric::{Codes, CodesLinf, CodesLp, CodesSum, Reals, RealsLinf, RealsLp, RealsSum, Summed, Windowed},
    prune::{Every, Panels, Windows},
    relation::Relation,
    search::Search,
};
use crate::{Dataset, Norm, isa::Isa};

/// Runs a search between queries and base samples of one width (the same ones
/// for pairs within a dataset) with some instructions.
pub(super) fn dispatch<T: Search>(
    isa: Isa,
    (queries, base): (&Dataset, &Dataset),
    relation: &Relation,
    norm: Norm,
    search: T,
) -> T::Output {
    let job = Job { reals: Reals { queries, base, isa }, relation, norm, search };
    let (reals, codes) = (job.reals, Codes::shared(queries, base));
    match norm {
        Norm::Linf => match codes {
            Some(codes) => job.with_windows(&CodesLinf::new(codes)),
            None => job.with_windows(&RealsLinf::new(reals)),
        },
        Norm::L1 | Norm::L2 => {
            let power = if norm == Norm::L1 { Power::One } else { Power::Two };
            match codes.and_then(|codes| CodesSum::new(codes, power)) {
                Some(metric) => job.with_panels(&metric),
                None => job.with_panels(&RealsSum::new(reals, power)),
            }
        }
        Norm::Lp(p) => match codes.and_then(|codes| CodesLp::new(codes, p)) {
            Some(metric) => job.with_panels(&metric),
            None => job.with_panels(&RealsLp::new(reals, p)),
        },
    }
}

/// A search, and what it is to be run on.
struct Job<'a, T> {
    reals: Reals<'a>,
    relation: &'a Relation<'a>,
    norm: Norm,
    search: T,
}

impl<T: Search> Job<'_, T> {
    /// Runs the search in the sup norm.
    fn with_windows<M: Windowed>(self, metric: &M) -> T::Output {
        let Self { reals, relation, search, .. } = self;
        match Every::new(metric, *relation) {
            Some(every) => search.run(metric, &every, relation),
            None => search.run(metric, &Windows::new(metric, *relation, reals), relation),
        }
    }

    /// Runs the search in another norm.
    fn with_panels<M: Summed>(self, metric: &M) -> T::Output {
        let Self { reals, relation, norm, search } = self;
        match Every::new(metric, *relation) {
            Some(every) => search.run(metric, &every, relation),
            None => {
                let halved = search.mutual() && relation.is_mutual();
                let relation = if halved { relation.halved() } else { *relation };
                let panels = Panels::new(metric, relation, reals, norm, search.few());
                search.run(metric, &panels, &relation)
            }
        }
    }
}
