//! The house: which room of the library may know which, and that no files
//! import each other in a circle.
//!
//! Arrows are read off the source: `use` declarations, and paths in the code
//! that start at `crate`, `self`, `super`, a submodule or an imported name. A
//! name that a module passes on counts for the file that defines it. What is
//! compiled for tests only does not count.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Every room with the rooms that it may know. All of these stand above it, so
/// that there is no circle of rooms. The row of `certify` is what certificates
/// rest on: the forms of `network`, exact distances of `separation`, and what
/// these rest on; nothing that chooses or builds a network.
const ROOMS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("number", &["text"]),
    ("progress", &[]),
    ("isa", &[]),
    ("norm", &[]),
    ("matrix", &[]),
    ("error", &["norm", "number", "text"]),
    ("dataset", &["number"]),
    ("separation", &["dataset", "isa", "norm", "number", "progress"]),
    ("scores", &["dataset", "norm", "number", "progress", "separation"]),
    ("budget", &["norm", "number", "separation"]),
    ("width", &["dataset", "matrix", "norm", "number", "progress", "separation"]),
    ("network", &["dataset", "isa", "norm", "number"]),
    ("certify", &["budget", "dataset", "matrix", "network", "norm", "number", "progress", "separation"]),
    (
        "generalization",
        &["budget", "certify", "dataset", "network", "norm", "number", "progress", "separation"],
    ),
    ("directions", &["budget", "dataset", "isa", "network", "norm", "number", "progress"]),
    ("cells", &["budget", "dataset", "directions", "isa", "network", "norm", "number", "progress"]),
    (
        "constructions",
        &[
            "budget",
            "cells",
            "dataset",
            "directions",
            "network",
            "norm",
            "number",
            "progress",
            "separation",
            "width",
        ],
    ),
    ("patch", &["budget", "cells", "certify", "constructions", "dataset", "network", "number", "progress"]),
    ("bounds", &["budget", "constructions", "dataset", "network", "norm", "number", "progress", "width"]),
    ("classes", &["budget", "certify", "dataset", "network", "norm"]),
    (
        "fit",
        &[
            "budget",
            "certify",
            "classes",
            "constructions",
            "dataset",
            "network",
            "norm",
            "number",
            "progress",
            "separation",
            "text",
        ],
    ),
];

/// Every room may say what went wrong, and that names norms and numbers; and every
/// room may work on all threads.
const COMMON: [&str; 2] = ["error", "parallel"];

/// Where a file stands in the tree of modules: the names from the crate on.
type Module = Vec<String>;

/// What a file says about others, tests left out.
#[derive(Debug, Default)]
struct Source {
    /// Imported names, or what they are called here, with their paths.
    imports: Vec<(String, Vec<String>)>,
    /// Paths in the code.
    paths: Vec<Vec<String>>,
    /// Submodules that are compiled for tests only.
    tests: BTreeSet<String>,
}

/// Names, `::` and single signs; comments and literals left out.
fn tokens(text: &str) -> Vec<String> {
    let c: Vec<char> = text.chars().collect();
    let starts = |at: usize, sign: &str| sign.chars().enumerate().all(|(i, s)| c.get(at + i) == Some(&s));
    let after =
        |at: usize, sign: &str| (at..c.len()).find(|&i| starts(i, sign)).map_or(c.len(), |i| i + sign.len());
    let mut tokens = vec![];
    let mut at = 0;
    while at < c.len() {
        if starts(at, "//") {
            at = after(at, "\n");
        } else if starts(at, "/*") {
            at = after(at, "*/");
        } else if starts(at, "r#\"") {
            at = after(at + 3, "\"#");
        } else if c[at] == '"' {
            at += 1;
            while at < c.len() && c[at] != '"' {
                at += if c[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if c[at] == '\'' {
            // A character, or the name of a lifetime.
            at = match c.get(at + 1) {
                Some('\\') => after(at + 3, "'"),
                _ if c.get(at + 2) == Some(&'\'') => at + 3,
                _ => at + 1,
            };
        } else if c[at].is_alphanumeric() || c[at] == '_' {
            let end = (at..c.len()).find(|&i| !c[i].is_alphanumeric() && c[i] != '_').unwrap_or(c.len());
            tokens.push(c[at..end].iter().collect());
            at = end;
        } else if starts(at, "::") {
            tokens.push("::".into());
            at += 2;
        } else {
            if !c[at].is_whitespace() {
                tokens.push(c[at].into());
            }
            at += 1;
        }
    }
    tokens
}

/// Where the item that starts at `at` ends: at a semicolon, or where its
/// braces close.
fn end_of_item(tokens: &[String], at: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(at) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 && (token == ";" || token == "}") {
            return i + 1;
        }
    }
    tokens.len()
}

/// Removes what is compiled for tests only; names the submodules among it.
fn without_tests(tokens: &[String]) -> (Vec<String>, BTreeSet<String>) {
    let (mut kept, mut tests) = (vec![], BTreeSet::new());
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().take(7).map(String::as_str).eq(["#", "[", "cfg", "(", "test", ")", "]"]) {
            let end = end_of_item(tokens, at + 7);
            if let Some(i) = (at..end).find(|&i| tokens[i] == "mod" && tokens[i + 2] == ";") {
                tests.insert(tokens[i + 1].clone());
            }
            at = end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    (kept, tests)
}

/// Reads one tree of a `use` declaration from `at`; returns where it ends.
fn read_use(tokens: &[String], mut at: usize, prefix: &[String], source: &mut Source) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens[at].as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens[at] != "}" {
                    at = read_use(tokens, at, &path, source);
                    if tokens[at] == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => {
                source.imports.push((tokens[at + 1].clone(), path));
                return at + 2;
            }
            ";" | "," | "}" => {
                source.imports.push((path.last().cloned().unwrap_or_default(), path));
                return at;
            }
            // A list may name the module itself.
            "self" if !path.is_empty() => at += 1,
            name => {
                path.push(name.into());
                at += 1;
            }
        }
    }
}

fn read(text: &str) -> Source {
    let (tokens, tests) = without_tests(&tokens(text));
    let mut source = Source { tests, ..Source::default() };
    let is_name = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut at = 0;
    while at < tokens.len() {
        // `use<'a>` captures a lifetime.
        if tokens[at] == "use" && tokens[at + 1] != "<" {
            at = read_use(&tokens, at + 1, &[], &mut source);
            continue;
        }
        let mut path = vec![];
        let mut end = at;
        while end < tokens.len() && is_name(&tokens[end]) {
            path.push(tokens[end].clone());
            if tokens.get(end + 1).is_none_or(|next| next != "::") {
                break;
            }
            end += 2;
        }
        // `pub(in PATH)` says who may see, and not what is seen.
        let is_visibility = at >= 2 && tokens[at - 1] == "in" && tokens[at - 2] == "(";
        if path.len() > 1 && !is_visibility {
            source.paths.push(path);
        }
        at = end.max(at) + 1;
    }
    source
}

/// The files of the library by their place.
struct Library(BTreeMap<Module, Source>);

impl Library {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = BTreeMap::new();
        let mut folders: Vec<PathBuf> = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let inner = path.strip_prefix(&root).unwrap().with_extension("");
                    let mut module: Module =
                        inner.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
                    module.retain(|part| part != "mod" && part != "lib");
                    sources.insert(module, read(&fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let tests: Vec<Module> = sources
            .iter()
            .flat_map(|(module, source)| source.tests.iter().map(|test| child(module, test)))
            .collect();
        sources.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        Self(sources)
    }

    /// The file that defines what `path` means in `module`; `None` for other
    /// crates and local names.
    fn resolve(&self, module: &[String], path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => vec![],
            "self" => module.to_vec(),
            "super" => module.split_last()?.1.to_vec(),
            name if self.0.contains_key(&child(module, name)) => child(module, name),
            name => self.imported(module, name, path)?,
        };
        self.walk(start, rest)
    }

    /// What a name stands for that the file of `module` imports, unless `path`
    /// is that import.
    fn imported(&self, module: &[String], name: &str, path: &[String]) -> Option<Module> {
        let (_, import) = self.0.get(module)?.imports.iter().find(|(known, _)| known == name)?;
        if import.first().is_none_or(|first| first == name) || import.as_slice() == path {
            return None;
        }
        self.resolve(module, import)
    }

    fn walk(&self, mut module: Module, path: &[String]) -> Option<Module> {
        for name in path {
            if name == "super" {
                module.pop();
            } else if self.0.contains_key(&child(&module, name)) {
                module.push(name.clone());
            } else {
                // What it passes on, or an item of its own.
                return Some(self.imported(&module, name, &[]).unwrap_or(module));
            }
        }
        Some(module)
    }

    /// Every file with the other files that it names.
    fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let named = |module: &Module, source: &Source| {
            let imports = source.imports.iter().map(|(_, path)| path);
            let mut files: BTreeSet<Module> =
                imports.chain(&source.paths).filter_map(|path| self.resolve(module, path)).collect();
            files.remove(module);
            files
        };
        self.0.iter().map(|(module, source)| (module.clone(), named(module, source))).collect()
    }
}

fn child(module: &[String], name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// The files that are reached from `start`.
fn reached<'a>(arrows: &'a BTreeMap<Module, BTreeSet<Module>>, start: &Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = arrows.get(start).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(arrows.get(next).into_iter().flatten());
        }
    }
    reached
}

/// The arrows that are part of a circle.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let closes = |from: &Module, to: &Module| reached(arrows, to).contains(from);
    let all = arrows.iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to)));
    all.filter(|(from, to)| closes(from, to))
        .map(|(from, to)| format!("{} -> {}", from.join("/"), to.join("/")))
        .collect()
}

#[test]
fn rooms_know_only_the_rooms_that_they_may() {
    for (row, (room, known)) in ROOMS.iter().enumerate() {
        let above: Vec<&str> = ROOMS[..row].iter().map(|(room, _)| *room).collect();
        assert!(known.iter().all(|known| above.contains(known)), "{room} knows a room that is not above it");
    }
    let mut wrong = BTreeMap::<String, BTreeSet<String>>::new();
    for (file, others) in Library::read().arrows() {
        let Some(room) = file.first() else { continue };
        let allowed = ROOMS.iter().find(|(name, _)| name == room).map_or(&[][..], |(_, known)| *known);
        let may = |other: &str| other == room || COMMON.contains(&other) || allowed.contains(&other);
        for other in others {
            if other.first().is_some_and(|other| !may(other)) {
                wrong.entry(format!("{room} -> {}", other[0])).or_default().insert(file.join("/"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that ROOMS does not allow: {wrong:#?}");
}

/// A folder's own file stands for it: what it holds is shared by the files
/// within, so that their arrows to it do not count.
#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut arrows = Library::read().arrows();
    for (file, others) in &mut arrows {
        others.retain(|other| other.first() == file.first() && !file.starts_with(other));
    }
    let circles = circles(&arrows);
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn arrows_are_read_off_the_source() {
    let source = read(
        r##"
        //! use crate::comment::X;
        pub use inner::{self, Item as Other, deep::Deepest};
        use super::{beside, super::above};
        #[cfg(test)]
        use crate::tried::X;
        #[cfg(test)]
        mod tests;
        fn g<'a>(x: &'a str) -> impl Iterator + use<'a> { x; }
        pub(in crate::seen) fn f<'a>(x: &'a str) -> crate::inline::Out { g('"', "crate::text::X"); inner::h(x) }
        #[cfg(test)]
        mod within { use crate::tried::Y; }
        "##,
    );
    let paths = |paths: &mut dyn Iterator<Item = &Vec<String>>| -> Vec<String> {
        paths.map(|path| path.join("::")).collect()
    };
    assert_eq!(
        paths(&mut source.imports.iter().map(|(_, path)| path)),
        ["inner", "inner::Item", "inner::deep::Deepest", "super::beside", "super::super::above"]
    );
    assert_eq!(source.imports[1].0, "Other");
    assert_eq!(paths(&mut source.paths.iter()), ["crate::inline::Out", "inner::h"]);
    assert_eq!(source.tests, BTreeSet::from(["tests".to_owned()]));
}

/// Tests know the constructions that they build with; the engines do not.
#[test]
fn certificates_know_no_builder() {
    let builders = ["directions", "cells", "constructions", "patch", "bounds"];
    let (_, known) = ROOMS.iter().find(|(room, _)| *room == "certify").unwrap();
    assert!(builders.iter().all(|builder| !known.contains(builder)));
    let arrows = Library::read().arrows();
    for room in ["certify", "network", "separation", "number"] {
        let files = arrows.keys().filter(|file| file.first().is_some_and(|first| first == room));
        for file in files {
            let all = reached(&arrows, file);
            let builder =
                all.iter().find(|other| other.first().is_some_and(|o| builders.contains(&o.as_str())));
            assert!(builder.is_none(), "{file:?} leads to {builder:?}");
        }
    }
}
