//! Formulas: linear expressions, comparisons, and alternatives of conjunctions
//! (disjunctive normal form).

use std::collections::BTreeMap;

use dashu_ratio::RBig;

use crate::{
    error::Problem,
    number,
    query::{Constraint, Variable},
    syntax::Form,
};

/// Terms of all alternatives together, at most, a long number counted as several:
/// bringing a formula into normal form can multiply its size.
const MOST_TERMS: usize = 1 << 21;
/// Bits of a coefficient, at most.
const MOST_BITS: usize = 1 << 16;

/// Looks a variable up by how it is written; the problem where there is none.
pub(crate) type Lookup<'a> = dyn Fn(&str, usize) -> Result<Variable, Problem> + 'a;

/// Alternatives of conjunctions.
pub(crate) type Alternatives = Vec<Vec<Constraint>>;

/// `Σ a_v v + c`.
#[derive(Clone, Debug, Default)]
struct Linear {
    terms: BTreeMap<Variable, RBig>,
    constant: RBig,
}

impl Linear {
    fn constant(constant: RBig) -> Self {
        Self { terms: BTreeMap::new(), constant }
    }

    fn add(&mut self, other: Self) {
        self.constant += other.constant;
        for (variable, a) in other.terms {
            let sum = self.terms.entry(variable).or_default();
            *sum += a;
            if sum.is_zero() {
                self.terms.remove(&variable);
            }
        }
    }

    fn times(mut self, factor: &RBig) -> Self {
        if factor.is_zero() {
            return Self::default();
        }
        self.constant *= factor;
        self.terms.values_mut().for_each(|a| *a *= factor);
        self
    }
}

/// The alternatives that a formula stands for.
pub(crate) fn alternatives(form: &Form<'_>, lookup: &Lookup<'_>) -> Result<Alternatives, Problem> {
    const EXPECTED: &str =
        "expected (and …), (or …) or a comparison (<= a b), with <=, >=, <, >, ==, = or !=";
    let Some((head, rest)) = form.call() else {
        return Err(Problem::new(form.at(), format!("{} is no formula; {EXPECTED}", form.shown())));
    };
    if matches!(head, "and" | "or") && rest.is_empty() {
        return Err(Problem::new(form.at(), format!("({head}) has nothing in it")));
    }
    match head {
        "and" => rest.iter().try_fold(vec![vec![]], |all, part| {
            conjunction(all, alternatives(part, lookup)?).map_err(|what| Problem::new(part.at(), what))
        }),
        "or" => {
            let (mut all, mut terms) = (vec![], 0usize);
            for part in rest {
                let more = alternatives(part, lookup)?;
                terms = terms.saturating_add(size(&more));
                limited(terms).map_err(|what| Problem::new(part.at(), what))?;
                all.extend(more);
            }
            Ok(all)
        }
        "<=" | ">=" | "<" | ">" | "=" | "==" | "!=" => comparison(form, head, rest, lookup),
        _ => Err(Problem::new(form.at(), format!("{} is no formula; {EXPECTED}", form.shown()))),
    }
}

/// Both of two formulas.
pub(crate) fn conjunction(one: Alternatives, other: Alternatives) -> Result<Alternatives, String> {
    let copies = |all: &Alternatives, times: usize| size(all).saturating_mul(times);
    limited(copies(&one, other.len()).saturating_add(copies(&other, one.len())))?;
    // Nothing is copied where one of them has no choice.
    if let [_] = other.as_slice() {
        let other: Vec<Constraint> = other.into_iter().flatten().collect();
        let mut all = one;
        if let [only] = all.as_mut_slice() {
            only.extend(other);
        } else {
            all.iter_mut().for_each(|alternative| alternative.extend(other.iter().cloned()));
        }
        return Ok(all);
    }
    let both = |a: &Vec<Constraint>, b: &Vec<Constraint>| a.iter().chain(b).cloned().collect();
    Ok(one.iter().flat_map(|a| other.iter().map(move |b| both(a, b))).collect())
}

/// Terms of all alternatives, with one for each alternative and each bound.
fn size(all: &Alternatives) -> usize {
    let words = |number: &RBig| 1 + (bits(number) / 512);
    let of = |c: &Constraint| words(&c.bound) + c.terms.values().map(words).sum::<usize>();
    all.iter().map(|alternative| 1 + alternative.iter().map(of).sum::<usize>()).sum()
}

fn limited(terms: usize) -> Result<(), String> {
    if terms <= MOST_TERMS {
        return Ok(());
    }
    Err(format!("written out as alternatives, the formulas up to here have more than {MOST_TERMS} terms"))
}

fn comparison(
    form: &Form<'_>,
    sign: &str,
    rest: &[Form<'_>],
    lookup: &Lookup<'_>,
) -> Result<Alternatives, Problem> {
    let [left, right] = rest else {
        let what = format!("{sign} compares {} values; expected two", rest.len());
        return Err(Problem::new(form.at(), what));
    };
    // left − right, and the other way round.
    let mut difference = linear(left, lookup)?;
    difference.add(linear(right, lookup)?.times(&RBig::NEG_ONE));
    let opposite = difference.clone().times(&RBig::NEG_ONE);
    let constraint =
        |Linear { terms, constant }: Linear, strict| Constraint { terms, bound: -constant, strict };
    Ok(match sign {
        "<=" => vec![vec![constraint(difference, false)]],
        "<" => vec![vec![constraint(difference, true)]],
        ">=" => vec![vec![constraint(opposite, false)]],
        ">" => vec![vec![constraint(opposite, true)]],
        "!=" => vec![vec![constraint(difference, true)], vec![constraint(opposite, true)]],
        _ => vec![vec![constraint(difference, false), constraint(opposite, false)]],
    })
}

/// The linear expression that a form stands for.
fn linear(form: &Form<'_>, lookup: &Lookup<'_>) -> Result<Linear, Problem> {
    if let Some(word) = form.word() {
        let starts_number = word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        if starts_number {
            return number::parse(word).map(Linear::constant).ok_or_else(|| {
                let what = format!(
                    "{} is no decimal number that can be read; expected one like -0.25 or 1.5e-3",
                    form.shown()
                );
                Problem::new(form.at(), what)
            });
        }
        let variable = lookup(word, form.at())?;
        return Ok(Linear { terms: [(variable, RBig::ONE)].into(), constant: RBig::ZERO });
    }
    let Some((head @ ("+" | "-" | "*"), rest)) = form.call() else {
        let what =
            format!("{} is no value; expected a variable, a number, (+ …), (- …) or (* …)", form.shown());
        return Err(Problem::new(form.at(), what));
    };
    let Some((first, others)) = rest.split_first() else {
        return Err(Problem::new(form.at(), format!("({head}) has nothing in it")));
    };
    let mut value = linear(first, lookup)?;
    if head == "-" && others.is_empty() {
        return Ok(value.times(&RBig::NEG_ONE));
    }
    for other in others {
        let at = other.at();
        let other = linear(other, lookup)?;
        match head {
            "+" => value.add(other),
            "-" => value.add(other.times(&RBig::NEG_ONE)),
            _ if other.terms.is_empty() => value = value.times(&other.constant),
            _ if value.terms.is_empty() => value = other.times(&value.constant),
            _ => return Err(Problem::new(at, "a product of two variables; expected linear expressions")),
        }
        if value.terms.values().chain([&value.constant]).any(is_long) {
            return Err(Problem::new(at, format!("a coefficient has more than {MOST_BITS} bits here")));
        }
    }
    Ok(value)
}

fn is_long(number: &RBig) -> bool {
    bits(number) > MOST_BITS
}

/// Bits of the longer one of numerator and denominator.
fn bits(number: &RBig) -> usize {
    use dashu_int::ops::BitTest;
    number.numerator().bit_len().max(number.denominator().bit_len())
}
