//! Import circles between the modules of a crate: printed, and refused if they are not in the list here.
//! Called by `tidy`. Reads `use` declarations of files, and knows no macros and no paths inside of expressions.
//!
//! A node is a file. An import from a module above (`super::`, `crate::` for what `lib.rs` itself defines) is no
//! arrow, since a folder's `mod.rs` always knows the files in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Result;

use super::Findings;
use crate::process::root;

/// Circles that belong together: crate, and the modules of which all or some import each other.
const ALLOWED: &[(&str, &[&str])] = &[
    // A span makes a builder, a builder runs and makes a span: the one circle that is meant.
    (
        "core",
        &[
            "span::builder",
            "span::current",
            "span::event",
            "span::handle",
            "span::run",
        ],
    ),
];

/// The files of a crate by their module's path, such as `span::open`; the root is the empty one.
type Modules = BTreeMap<String, Vec<Import>>;

/// A path that is imported, and the name that it gets here.
type Import = (Vec<String>, String);

pub(super) fn check(files: &[PathBuf]) -> Result<Findings> {
    let mut texts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        let Some((krate, path)) = name.split_once("/src/") else {
            continue;
        };
        let krate = krate.strip_prefix("crates/").unwrap_or(krate);
        let Some(path) = path
            .strip_suffix(".rs")
            .filter(|path| !path.ends_with("tests") && !path.contains("tests/"))
        else {
            continue;
        };
        let path = path.strip_suffix("/mod").unwrap_or(path);
        let module = if path == "lib" {
            String::new()
        } else {
            path.replace('/', "::")
        };
        let text = std::fs::read_to_string(root().join(file))?;
        texts
            .entry(krate.to_owned())
            .or_default()
            .insert(module, text);
    }
    let crates = texts.iter().map(|(krate, texts)| (krate, modules(texts)));
    let mut findings = Vec::new();
    for (krate, modules) in crates {
        for circle in circles(&arrows(&modules)) {
            let allowed = ALLOWED.iter().any(|(known, modules)| {
                known == krate
                    && circle
                        .iter()
                        .all(|module| modules.contains(&module.as_str()))
            });
            let line = format!("{krate}: {} import each other", circle.join(", "));
            if allowed {
                println!("allowed: {line}");
            } else {
                findings.push(line);
            }
        }
    }
    Ok(findings)
}

/// What each file imports, by its text.
fn modules(texts: &BTreeMap<String, String>) -> Modules {
    texts
        .iter()
        .map(|(module, text)| (module.clone(), imports(text, module, texts)))
        .collect()
}

/// Imports from this crate, outside of tests, as paths from its root.
fn imports(text: &str, module: &str, known: &BTreeMap<String, String>) -> Vec<Import> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code: String = code
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ");
    let mut found = Vec::new();
    for statement in code.split(';') {
        if let Some(tree) = statement
            .rfind("use ")
            .and_then(|at| statement.get(at + 4..))
        {
            expand(tree, &mut Vec::new(), &mut found);
        }
    }
    found
        .into_iter()
        .filter_map(|(path, name)| Some((from_root(path, module, known)?, name)))
        .collect()
}

/// `a::{b, c as d}` as `a::b` named `b` and `a::c` named `d`.
fn expand(tree: &str, above: &mut Vec<String>, found: &mut Vec<Import>) {
    let tree = tree.trim();
    let (path, list) = tree
        .split_once('{')
        .map_or((tree, None), |(path, list)| (path, Some(list)));
    let depth = above.len();
    let (path, alias) = path.split_once(" as ").unwrap_or((path, ""));
    above.extend(
        path.split("::")
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned),
    );
    match list {
        Some(list) => {
            let mut level = 0;
            let parts = list.split(|c| {
                level += match c {
                    '{' => 1,
                    '}' => -1,
                    _ => 0,
                };
                c == ',' && level == 0
            });
            for part in parts {
                expand(part.trim_end_matches([' ', '}']), above, found);
            }
        }
        None => {
            if above.last().is_some_and(|last| last == "self") {
                above.pop();
            }
            let name = if alias.is_empty() {
                above.last().cloned().unwrap_or_default()
            } else {
                alias.trim().to_owned()
            };
            found.push((above.clone(), name));
        }
    }
    above.truncate(depth);
}

/// `super::a` in module `b::c` as `b::a`, and `d::E` as `b::c::d::E` if there is such a module below; nothing for another
/// crate's path.
fn from_root(
    path: Vec<String>,
    module: &str,
    known: &BTreeMap<String, String>,
) -> Option<Vec<String>> {
    let mut base: Vec<String> = module
        .split("::")
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let mut rest = path.into_iter().peekable();
    match rest.peek().map(String::as_str)? {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            base.pop();
        }
        child => {
            base.push(child.to_owned());
            if !known.contains_key(&base.join("::")) {
                return None;
            }
        }
    }
    rest.next();
    while rest.next_if(|part| part == "super").is_some() {
        base.pop();
    }
    base.extend(rest);
    Some(base)
}

/// From each module to those that it imports from, re-exports followed.
fn arrows(modules: &Modules) -> BTreeMap<String, BTreeSet<String>> {
    let mut arrows = BTreeMap::new();
    for (module, imports) in modules {
        let targets = imports
            .iter()
            .filter_map(|(path, _)| target(path, modules, 0))
            .filter(|to| to != module && !is_above(to, module) && !is_above(module, to))
            .collect();
        arrows.insert(module.clone(), targets);
    }
    arrows
}

fn is_above(module: &str, below: &str) -> bool {
    module.is_empty()
        || below
            .strip_prefix(module)
            .is_some_and(|rest| rest.starts_with("::"))
}

/// The module that defines what the path names.
fn target(path: &[String], modules: &Modules, depth: usize) -> Option<String> {
    let length = (0..=path.len())
        .rev()
        .find(|length| modules.contains_key(&path.get(..*length).unwrap_or_default().join("::")))?;
    let module = path.get(..length)?.join("::");
    let again = path.get(length).and_then(|name| {
        let re_exports = modules.get(&module)?;
        re_exports.iter().find(|(_, known)| known == name)
    });
    match again {
        Some((path, _)) if depth < 8 => target(path, modules, depth + 1),
        _ => Some(module),
    }
}

/// Groups of modules that reach each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = arrows
        .keys()
        .map(|from| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
            while let Some(module) = next.pop() {
                for to in arrows.get(module).into_iter().flatten() {
                    if seen.insert(to) {
                        next.push(to);
                    }
                }
            }
            (from, seen)
        })
        .collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    for (from, seen) in &reach {
        if seen.contains(from) && !found.iter().any(|circle| circle.contains(from)) {
            let both = seen
                .iter()
                .filter(|to| reach.get(**to).is_some_and(|back| back.contains(from)));
            found.push(both.map(|module| (*module).clone()).collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(files: &[(&str, &str)]) -> Modules {
        let files = files.iter();
        super::modules(
            &files
                .map(|(module, text)| ((*module).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn circles_are_found_through_re_exports_and_lists() {
        let modules = modules(&[
            ("", "mod a;\npub use a::{first::A, second::B as C};\n"),
            ("a", "pub(crate) use self::first::A;\n"),
            ("a::first", "use crate::a::second::{self, B};\n"),
            ("a::second", "use std::fmt::{self, Debug};\nuse super::A;\n"),
            (
                "b",
                "use crate::a::A;\n#[cfg(test)]\nmod tests { use crate::c::D; }\n",
            ),
            ("c", "use crate::b::E; // use crate::a::A\n"),
        ]);
        let found = circles(&arrows(&modules));
        assert_eq!(found, [["a::first", "a::second"]]);
    }

    #[test]
    fn a_re_export_from_a_child_needs_no_self() {
        let modules = modules(&[
            (
                "a",
                "mod first;\nmod second;\npub use first::A;\nuse serde::B;\n",
            ),
            ("a::first", "use super::second::C;\n"),
            ("a::second", "use super::A;\n"),
        ]);
        let found = circles(&arrows(&modules));
        assert_eq!(found, [["a::first", "a::second"]]);
    }
}
