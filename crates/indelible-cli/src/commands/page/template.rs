//! The page: `page.html`, filled in. Everything that comes from data is escaped
//! by the engine.

use base64::{Engine, engine::general_purpose::STANDARD};
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::{Map, Value};

use super::{super::prelude::*, Drawn, PageArgs, commands};

/// Characters of a name that are shown.
const NAME: usize = 60;

/// Lays the answer out.
///
/// # Errors
/// When the template asks for what is not there.
pub fn page(
    answer: &Value,
    drawn: &Drawn,
    pictures: Option<Value>,
    args: &PageArgs,
) -> Result<String, Failure> {
    let failed = |error: minijinja::Error| Failure::input(format!("the page cannot be laid out: {error:#}"));
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_trim_blocks(true);
    engine.set_lstrip_blocks(true);
    engine.add_filter("real", real);
    engine.add_filter("at_least", at_least);
    engine.add_filter("at_most", at_most);
    engine.add_filter("plain", plain);
    engine.add_filter("count", grouped);
    engine.add_filter("counted", |number: usize, thing: String| counted(number, &thing));
    engine.add_filter("bytes", bytes);
    engine.add_filter("percent", percent);
    engine.add_filter("name", |name: String| shown(&name));
    engine.add_filter("sum", |values: Vec<usize>| values.into_iter().sum::<usize>());
    engine.add_template("page.html", include_str!("page.html")).map_err(failed)?;
    let charts: Map<String, Value> =
        drawn.charts.iter().map(|(part, svg)| ((*part).to_owned(), STANDARD.encode(svg).into())).collect();
    let page = engine.get_template("page.html").map_err(failed)?;
    let title = args.data.path.file_name().unwrap_or(args.data.path.as_os_str()).to_string_lossy();
    page.render(context! {
        title => title,
        version => env!("CARGO_PKG_VERSION"),
        answer => answer,
        charts => charts,
        pictures => pictures.unwrap_or(Value::Null),
        commands => commands::of(args),
        made_by => commands::made_by(),
    })
    .map_err(failed)
}

/// A share from 0 to 1 as a percentage; it is 100 or 0 only where it is exactly.
fn percent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    match text.as_str() {
        "100.0" if share < 1.0 => "> 99.9 %".into(),
        "0.0" if share > 0.0 => "< 0.1 %".into(),
        "100.0" => "100 %".into(),
        "0.0" => "0 %".into(),
        other => format!("{other} %"),
    }
}

/// The beginning of a name, with what HTML cannot hold replaced.
fn shown(name: &str) -> String {
    let sound = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c };
    let mut text: String = name.chars().take(NAME).map(sound).collect();
    if name.chars().count() > NAME {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_or_nothing_only_where_they_are() {
        assert_eq!(
            [1.0, 0.99999, 0.5, 1e-9, 0.0].map(percent),
            ["100 %", "> 99.9 %", "50.0 %", "< 0.1 %", "0 %"]
        );
    }

    #[test]
    fn names_are_short_and_sound() {
        assert_eq!(shown("a\u{0}b\n"), "a\u{fffd}b\u{fffd}");
        assert_eq!(shown(&"ß".repeat(99)).chars().count(), NAME + 1);
    }
}
