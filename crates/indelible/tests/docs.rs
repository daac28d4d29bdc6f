//! Every path that the pages for contributors name exists.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// Words between backticks and targets of links that are paths: they have a
/// slash or the ending of a file. `NAME` stands for a name that is to be chosen.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let path = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
        let ends = [".rs", ".md", ".py", ".toml", "/"].iter().any(|end| word.ends_with(end));
        plain && (ends || word.contains('/')) && !word.contains("NAME")
    };
    quoted.chain(linked).filter(path).collect()
}

/// The paths in a tree of folders and files: one or more names a line, behind
/// two spaces or more what they are. A line that is indented further stands in
/// the folder above it.
fn tree(text: &str) -> Vec<PathBuf> {
    let mut folders: Vec<(usize, PathBuf)> = vec![];
    let mut found = vec![];
    for line in text.lines().skip_while(|line| line.trim() != "crates/") {
        let entry = line.trim_start();
        let indent = line.len() - entry.len();
        if indent < 4 {
            break;
        }
        while folders.last().is_some_and(|(depth, _)| *depth >= indent) {
            folders.pop();
        }
        let folder = folders.last().map_or_else(PathBuf::new, |(_, folder)| folder.clone());
        for name in entry.split("  ").next().unwrap_or_default().split(' ') {
            found.push(folder.join(name));
            if name.ends_with('/') {
                folders.push((indent, folder.join(name)));
            }
        }
    }
    found
}

#[test]
fn every_path_in_the_pages_for_contributors_exists() {
    let mut paths = vec![];
    for (name, least) in [("CONTRIBUTING.md", 30), ("docs/layout.md", 8), ("docs/dependencies.md", 4)] {
        let text = page(name);
        let all = named(&text);
        assert!(all.len() >= least, "{name} names {} paths", all.len());
        // Links start at the folder of their page; the rest at the workspace,
        // or beside the file that was named before.
        let mut beside = PathBuf::new();
        for path in all {
            let here = [root(), root().join(Path::new(name).parent().unwrap_or(Path::new(""))), beside];
            let found = here.iter().map(|folder| folder.join(path)).find(|path| path.exists());
            assert!(found.is_some(), "{name} names {path}");
            beside = found.and_then(|path| path.parent().map(Path::to_path_buf)).unwrap_or_default();
        }
        paths.extend(tree(&text));
    }
    assert!(paths.len() >= 60, "the tree has {} paths", paths.len());
    for path in paths {
        assert!(root().join(&path).exists(), "docs/layout.md shows {}", path.display());
    }
}
