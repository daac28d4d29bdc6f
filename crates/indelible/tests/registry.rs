//! A construction is its own file, its line in the registry and its page: the
//! registry and the documentation agree, and nobody asks for one by name.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use indelible::constructions::REGISTRY;

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path)).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

fn names() -> BTreeSet<&'static str> {
    REGISTRY.iter().map(|construction| construction.name).collect()
}

/// The file of a construction, from the folder of the workspace.
fn file(name: &str) -> String {
    format!("crates/indelible/src/constructions/{}.rs", name.replace('-', "_"))
}

/// Entries of a folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The names of the pages in `docs/`.
fn pages() -> Vec<String> {
    let pages = entries(&root().join("docs")).into_iter().filter(|path| path.extension().is_some());
    pages.map(|path| path.file_stem().unwrap().to_str().unwrap().to_string()).collect()
}

#[test]
fn names_differ() {
    assert_eq!(names().len(), REGISTRY.len());
}

#[test]
fn every_construction_has_its_file_and_its_page() {
    for name in names() {
        let page = text(format!("docs/{name}.md"));
        assert_eq!(page.lines().next(), Some(&*format!("# {name}")), "docs/{name}.md");
        assert!(page.contains(&*format!("constructions/{}.rs", name.replace('-', "_"))), "docs/{name}.md");
        assert!(text(file(name)).contains("pub(super) const ENTRY: Construction"), "{name}");
        let compared = text("docs/compare.md");
        let mut words = compared.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        assert!(words.any(|word| word == name), "docs/compare.md does not name {name}");
    }
}

#[test]
fn every_page_is_found_and_no_page_is_left_behind() {
    let readme = text("README.md");
    for page in pages() {
        assert!(readme.contains(&format!("(docs/{page}.md)")), "README.md does not link docs/{page}.md");
        // A page about a construction says which file its code is in.
        let code = text(format!("docs/{page}.md")).lines().any(|line| {
            line.starts_with("*Source:*")
                && line.contains(&format!("constructions/{}.rs", page.replace('-', "_")))
        });
        assert_eq!(code, names().contains(&*page), "docs/{page}.md");
    }
    let list = readme.lines().find(|line| line.starts_with("- the constructions")).unwrap();
    let linked = list.split('[').filter_map(|link| link.split_once("](docs/")).filter_map(|(shown, to)| {
        let page = to.split_once(".md)")?.0;
        (shown == page).then_some(shown)
    });
    assert_eq!(linked.collect::<BTreeSet<_>>(), names());
}

/// All source files below `folder` but those that only tests compile.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let mut tests = BTreeSet::new();
    let mut folders = vec![];
    let mut files = vec![];
    for path in entries(folder) {
        if path.is_dir() {
            folders.push(path);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let all = fs::read_to_string(&path).unwrap();
            let module =
                all.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.split([';', ' ']).next());
            // Modules of a file that is no `mod.rs` stand in a folder of its name.
            tests.extend(
                module.flat_map(|module| [folder.join(module), path.with_extension("").join(module)]),
            );
            files.push((path, all));
        }
    }
    files.retain(|(path, _)| !tests.contains(&path.with_extension("")));
    for (path, all) in files {
        let code = all.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        found.push((path, code.to_string()));
    }
    folders.into_iter().filter(|path| !tests.contains(path)).for_each(|path| sources(&path, found));
}

/// No construction's name is written as a string outside its own file. Keys and
/// lines of reports, `.json["cells"]` or `"cells": …`, and what a progress
/// bar calls its work are words, as are the names of forms, engines and
/// schedules, and what operators of others are told, as Resize is the mode "nearest".
#[test]
fn nobody_asks_for_a_construction_by_name() {
    let mut found = vec![];
    for package in entries(&root().join("crates")) {
        sources(&package.join("src"), &mut found);
    }
    assert!(found.len() > 100, "{} files", found.len());
    found.retain(|(path, _)| !path.to_string_lossy().contains("/onnx/foreign/"));
    for (path, code) in found {
        for (number, line) in
            code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for name in names().into_iter().filter(|name| !path.ends_with(file(name))) {
                for (at, literal) in line.match_indices(&format!("\"{name}\"")) {
                    let (before, after) = (&line[..at], &line[at + literal.len()..]);
                    let word = before.ends_with("json(")
                        || before.ends_with("json[")
                        || before.ends_with("line(")
                        || before.ends_with("set_item(")
                        || before.ends_with("begin(")
                        || before.ends_with("form: ")
                        || (before.trim_start().starts_with("Self::") && before.ends_with(" => "))
                        || after.starts_with(':');
                    assert!(word, "{}:{} names {name}", path.display(), number + 1);
                }
            }
        }
    }
}
