//! Queries as texts.

use std::fmt::Write as _;

use dashu_ratio::RBig;

use crate::{
    error::QueryError,
    number::decimal,
    parse,
    query::{Constraint, Kinship, Query, Role, Tensor, Variable, Version},
};

impl Query {
    /// The text of the query in a version of the format; `comment` stands in
    /// front, every line of it behind a semicolon. Numbers are written exactly,
    /// as decimals without exponents, and one constraint a line.
    ///
    /// # Errors
    /// [`QueryError::Unsayable`] where a number is no decimal, and in version 1.0
    /// for more than one network or tensors that are not one input and one output.
    pub fn to_text(&self, version: Version, comment: &str) -> Result<String, QueryError> {
        let writer = Writer { query: self, version };
        let mut text = String::new();
        for line in comment.lines() {
            text.push_str(format!("; {line}").trim_end());
            text.push('\n');
        }
        writer.declarations(&mut text)?;
        for constraint in &self.common {
            text.push_str(&format!("(assert {})\n", writer.constraint(constraint)?));
        }
        writer.alternatives(&mut text)?;
        Ok(text)
    }
}

struct Writer<'q> {
    query: &'q Query,
    version: Version,
}

impl Writer<'_> {
    fn unsayable(&self, why: impl Into<String>) -> QueryError {
        let version = if self.version == Version::V1 { "1.0" } else { "2.0" };
        QueryError::Unsayable { version, why: why.into() }
    }

    fn declarations(&self, text: &mut String) -> Result<(), QueryError> {
        let tensors = &self.query.tensors;
        if self.version == Version::V1 {
            let roles: Vec<Role> = tensors.iter().map(|tensor| tensor.role).collect();
            if self.query.networks.len() != 1 || roles != [Role::Input, Role::Output] {
                return Err(self.unsayable("it has one network with one input and one output, in this order"));
            }
            for (tensor, known) in tensors.iter().enumerate() {
                for element in 0..known.len() {
                    // Writing to a text cannot fail.
                    let _ =
                        writeln!(text, "(declare-const {} Real)", parse::name(Variable { tensor, element }));
                }
            }
            return Ok(());
        }
        text.push_str("(vnnlib-version <2.0>)\n");
        for network in &self.query.networks {
            let name = if network.name.is_empty() { "N" } else { &network.name };
            let _ = write!(text, "(declare-network {name}");
            if let Some((kinship, place)) = network.kinship {
                let word = if kinship == Kinship::Equal { "equal-to" } else { "isomorphic-to" };
                let other = self.query.networks.get(place).map_or("", |other| &other.name);
                let _ = write!(text, "\n  ({word} {other})");
            }
            for tensor in network.tensors.iter().filter_map(|&place| tensors.get(place)) {
                let _ = write!(text, "\n  {}", declaration(tensor));
            }
            text.push_str(")\n");
        }
        Ok(())
    }

    fn alternatives(&self, text: &mut String) -> Result<(), QueryError> {
        let alternatives = &self.query.alternatives;
        if let [only] = alternatives.as_slice() {
            for constraint in only {
                let _ = writeln!(text, "(assert {})", self.constraint(constraint)?);
            }
            return Ok(());
        }
        let mut written = vec![];
        for alternative in alternatives {
            let all: Vec<String> =
                alternative.iter().map(|constraint| self.constraint(constraint)).collect::<Result<_, _>>()?;
            if all.is_empty() {
                // One that always holds leaves no choice.
                return Ok(());
            }
            written.push(format!("  (and {})\n", all.join(" ")));
        }
        if written.is_empty() {
            let falsehood = match self.version {
                Version::V1 => "(<= 1.0 0.0)",
                Version::V2 => return Err(self.unsayable("no assignment can answer it, without a variable")),
            };
            let _ = writeln!(text, "(assert {falsehood})");
        } else {
            let _ = writeln!(text, "(assert (or\n{}))", written.concat());
        }
        Ok(())
    }

    fn constraint(&self, constraint: &Constraint) -> Result<String, QueryError> {
        let terms: Vec<(&Variable, &RBig)> = constraint.terms.iter().collect();
        let strict = if constraint.strict { "" } else { "=" };
        let bound = &constraint.bound;
        Ok(match terms.as_slice() {
            [(v, a)] if **a == RBig::ONE => format!("(<{strict} {} {})", self.name(**v), self.number(bound)?),
            [(v, a)] if **a == RBig::NEG_ONE => {
                format!("(>{strict} {} {})", self.name(**v), self.number(&-bound.clone())?)
            }
            [(u, a), (v, b)] if **a == RBig::ONE && **b == RBig::NEG_ONE && bound.is_zero() => {
                format!("(<{strict} {} {})", self.name(**u), self.name(**v))
            }
            [(u, a), (v, b)] if **a == RBig::NEG_ONE && **b == RBig::ONE && bound.is_zero() => {
                format!("(>{strict} {} {})", self.name(**u), self.name(**v))
            }
            terms => {
                let all: Result<Vec<String>, QueryError> =
                    terms.iter().map(|(v, a)| self.term(**v, a)).collect();
                let sum = match all?.as_slice() {
                    [one] => one.clone(),
                    several => format!("(+ {})", several.join(" ")),
                };
                format!("(<{strict} {sum} {})", self.number(bound)?)
            }
        })
    }

    fn term(&self, variable: Variable, a: &RBig) -> Result<String, QueryError> {
        let name = self.name(variable);
        Ok(if *a == RBig::ONE { name } else { format!("(* {} {name})", self.number(a)?) })
    }

    fn number(&self, value: &RBig) -> Result<String, QueryError> {
        decimal(value).ok_or_else(|| self.unsayable(format!("{value} is no decimal number")))
    }

    fn name(&self, variable: Variable) -> String {
        if self.version == Version::V1 {
            return parse::name(variable);
        }
        let Some(tensor) = self.query.tensors.get(variable.tensor) else { return String::new() };
        let mut rest = variable.element;
        let mut indices: Vec<String> = vec![];
        for size in tensor.shape.iter().rev() {
            indices.push((rest % size).to_string());
            rest /= size;
        }
        indices.reverse();
        if indices.is_empty() {
            tensor.name.clone()
        } else {
            format!("{}[{}]", tensor.name, indices.join(","))
        }
    }
}

fn declaration(tensor: &Tensor) -> String {
    let role = match tensor.role {
        Role::Input => "input",
        Role::Hidden => "hidden",
        Role::Output => "output",
    };
    // Version 1.0 knows real numbers only.
    let element = if tensor.element == "Real" { "real" } else { &tensor.element };
    let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
    let quoted = tensor.onnx_name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
    format!("(declare-{role} {} {element} [{}]{quoted})", tensor.name, shape.join(","))
}
