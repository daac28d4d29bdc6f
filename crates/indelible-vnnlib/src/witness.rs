//! Points as solvers print them.

use crate::{
    decide::Witness,
    error::QueryError,
    number,
    query::{Query, Role, Version},
    syntax::{Form, Reader, shown},
};

/// The values of all variables of a query: in version 1.0 a list of pairs, in 2.0 tensor
/// by tensor of each network, one value a line. Values are written so that
/// reading them as binary64 numbers gives them back.
#[must_use]
pub fn witness_text(query: &Query, witness: &Witness) -> String {
    if query.version == Version::V1 {
        let sides = [("X", &witness.inputs), ("Y", &witness.outputs)];
        let pairs = sides.into_iter().flat_map(|(name, values)| {
            values.iter().enumerate().map(move |(i, v)| format!("({name}_{i} {v})"))
        });
        return format!("({})\n", pairs.collect::<Vec<_>>().join("\n "));
    }
    let (mut inputs, mut outputs) = (witness.inputs.iter(), witness.outputs.iter());
    let mut lines = vec![];
    for network in 0..query.networks.len() {
        for (role, values) in [(Role::Input, &mut inputs), (Role::Output, &mut outputs)] {
            for (_, tensor) in query.tensors_of(network, role) {
                let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
                lines.push(format!("{} {} [{}]", tensor.name, tensor.element, shape.join(",")));
                lines.extend(values.by_ref().take(tensor.len()).map(f64::to_string));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// The inputs of a point that a solver printed, in either form, as the binary64
/// numbers nearest to what is written; `query` is about one network with one input.
/// What stands before the point, such as the answer, is passed over.
///
/// # Errors
/// [`QueryError`] where a value is no number, and where not every input has one.
pub fn witness_inputs(query: &Query, text: &str) -> Result<Vec<f64>, QueryError> {
    let Some((_, input)) = query.tensors_of(0, Role::Input).next() else {
        return Err(QueryError::Unfit("the query has no input".into()));
    };
    let mut values: Vec<Option<f64>> = vec![None; input.len()];
    let mut reader = Reader::new(text);
    let mut words: Vec<(&str, usize)> = vec![];
    let value = |word: &str, at: usize| {
        let value = number::parse(word).map(|value| value.to_f64().value());
        value.ok_or_else(|| number_expected(word, at, text))
    };
    while let Some(form) = reader.next().map_err(|problem| problem.in_text(text))? {
        let mut open = vec![&form];
        while let Some(form) = open.pop() {
            match form {
                Form::Word { text, at } => words.push((text, *at)),
                Form::List { items, .. } => match items.as_slice() {
                    [Form::Word { text: name, .. }, Form::Word { text: given, at }] => {
                        let element =
                            name.strip_prefix("X_").and_then(|element| element.parse::<usize>().ok());
                        if let Some(place) = element.and_then(|element| values.get_mut(element)) {
                            *place = Some(value(given, *at)?);
                        }
                    }
                    items => open.extend(items),
                },
            }
        }
    }
    // The values of a tensor follow its name, its type and its shape.
    if let Some(start) = words.iter().position(|(word, _)| *word == input.name) {
        let behind = words.iter().skip(start + 1).skip_while(|(word, _)| !word.starts_with('[')).skip(1);
        for (place, (word, at)) in values.iter_mut().zip(behind) {
            *place = Some(value(word, *at)?);
        }
    }
    let missing = values.iter().position(Option::is_none);
    if let Some(missing) = missing {
        return Err(QueryError::Unfit(format!(
            "the point has no value for input {missing} of {}",
            input.len()
        )));
    }
    Ok(values.into_iter().flatten().collect())
}

fn number_expected(word: &str, at: usize, text: &str) -> QueryError {
    crate::error::Problem::new(at, format!("{} is no number", shown(word))).in_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn points_are_read_back() {
        let first = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)";
        let second = "(vnnlib-version <2.0>)(declare-network f (declare-input A float32 [2,1]) (declare-output B float32 [1]))";
        let witness = Witness { inputs: vec![f64::from(0.1f32), -1e-40], outputs: vec![3.0] };
        for text in [first, second] {
            let query = parse(text).unwrap();
            let printed = format!("sat\n{}", witness_text(&query, &witness));
            assert_eq!(witness_inputs(&query, &printed).unwrap(), witness.inputs, "{printed}");
        }
        let query = parse(first).unwrap();
        assert_eq!(witness_inputs(&query, "sat ((X_1 2) (X_0 1e-3) (Y_0 1))").unwrap(), [1e-3, 2.0]);
        assert!(
            witness_inputs(&query, "sat ((X_1 2) (Y_0 1))").unwrap_err().to_string().contains("input 0 of 2")
        );
        assert!(
            witness_inputs(&query, "((X_1 a) (X_0 1))").unwrap_err().to_string().contains("'a' is no number")
        );
        assert!(witness_inputs(&query, "((X_1 nan").is_err());
    }
}
