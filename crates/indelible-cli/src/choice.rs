//! Arguments with named values.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Takes one of `values`: a name, what `--help` says of it, what it stands for.
pub fn choice<T: Clone + Send + Sync + 'static, const N: usize>(
    values: [(&'static str, &'static str, T); N],
) -> impl TypedValueParser<Value = T> {
    let named = values.each_ref().map(|(name, help, _)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(named).try_map(move |given| {
        let found = values.iter().find(|(name, ..)| *name == given);
        found.map(|(.., value)| value.clone()).ok_or("no such value")
    })
}
