//! What the reader of the page may run, as a shell takes it.

use std::path::Path;

use serde_json::{Value, json};

use super::PageArgs;

/// Commands about the data and the network of this page.
pub fn of(args: &PageArgs) -> Vec<Value> {
    let data = path(&args.data.path);
    let network = args.network.as_deref().map_or("NET.onnx".into(), path);
    let (norm, ratio) = (args.norm, args.ratio);
    [
        (
            "build the network of this page, prove it, write it",
            format!("indelible build {data} -o {network} --norm {norm} --ratio {ratio}"),
        ),
        ("prove the file again, from the file alone", format!("indelible certify {network} {data}")),
        (
            "labels that it gives to other samples",
            format!("indelible predict {network} SAMPLES -o labels.csv"),
        ),
        (
            "its certified radii, sample by sample",
            format!("indelible robustness {network} {data} -o radii.csv"),
        ),
    ]
    .into_iter()
    .map(|(what, command)| json!({"what": what, "command": command}))
    .collect()
}

/// How this page was made.
pub fn made_by() -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    std::iter::once("indelible".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A path that no program takes for an option.
fn path(path: &Path) -> String {
    let text = path.to_string_lossy();
    quoted(&if text.starts_with('-') { format!("./{text}") } else { text.into_owned() })
}

/// A word as a POSIX shell takes it: in quotes unless all characters stand for
/// themselves.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_command() {
        assert_eq!(quoted("a/b_1.csv"), "a/b_1.csv");
        assert_eq!(quoted("$(rm x)"), "'$(rm x)'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(path(Path::new("-rf")), "./-rf");
    }
}
