//! The boxes of inputs that the alternatives of a query speak of.

use dashu_ratio::RBig;

use crate::query::{Constraint, Query};

/// One end of a range for every input, where there is one.
type Ends = Vec<Option<RBig>>;

/// A box with the alternatives that are asked about there: constraints on outputs,
/// and on several inputs.
#[derive(Debug)]
pub(crate) struct Region<'q> {
    pub lower: Ends,
    pub upper: Ends,
    pub alternatives: Vec<Vec<&'q Constraint>>,
}

/// The boxes of a query whose input is a tensor of `inputs` elements. Alternatives
/// that no input can meet are left out, so that there may be none; those about the
/// same box come together where they follow each other. One box is held at a time.
pub(crate) fn regions(query: &Query, input: usize, inputs: usize) -> impl Iterator<Item = Region<'_>> {
    let mut common = Region { lower: vec![None; inputs], upper: vec![None; inputs], alternatives: vec![] };
    let shared = common.narrowed(&query.common, input);
    let (mut left, mut last) = (query.alternatives.iter(), None::<Region<'_>>);
    std::iter::from_fn(move || {
        loop {
            let Some(alternative) = left.next() else { return last.take() };
            let mut own =
                Region { lower: common.lower.clone(), upper: common.upper.clone(), alternatives: vec![] };
            let mut rest = shared.clone();
            rest.extend(own.narrowed(alternative, input));
            if own
                .lower
                .iter()
                .zip(&own.upper)
                .any(|(l, u)| l.as_ref().zip(u.as_ref()).is_some_and(|(l, u)| l > u))
            {
                continue;
            }
            match last.as_mut().filter(|last| last.lower == own.lower && last.upper == own.upper) {
                Some(last) => last.alternatives.push(rest),
                None => {
                    let before = last.replace(Region { alternatives: vec![rest], ..own });
                    if before.is_some() {
                        return before;
                    }
                }
            }
        }
    })
}

impl<'q> Region<'q> {
    /// Takes the bounds of single inputs among some constraints into account;
    /// returns the others.
    fn narrowed(&mut self, constraints: &'q [Constraint], input: usize) -> Vec<&'q Constraint> {
        let mut others = vec![];
        for constraint in constraints {
            let mut terms = constraint.terms.iter();
            match (terms.next(), terms.next()) {
                (Some((variable, a)), None) if variable.tensor == input && !a.is_zero() => {
                    let end = &constraint.bound / a;
                    let (ends, tighter): (_, fn(&RBig, &RBig) -> bool) = if *a > RBig::ZERO {
                        (&mut self.upper, |new, old| new < old)
                    } else {
                        (&mut self.lower, |new, old| new > old)
                    };
                    if let Some(known) = ends.get_mut(variable.element)
                        && known.as_ref().is_none_or(|known| tighter(&end, known))
                    {
                        *known = Some(end);
                    }
                }
                _ => others.push(constraint),
            }
        }
        others
    }
}
