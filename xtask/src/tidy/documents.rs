//! Documents: they exist, their links resolve, they name every crate, their snippets can be pasted, and the sections of the
//! contract that sources cite are there.

use std::path::PathBuf;

use anyhow::Result;

use super::Findings;
use crate::process::root;

const REQUIRED: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "docs/langfuse.md",
    "docs/why.md",
    "docs/compare.md",
    "docs/glossary.md",
    ".ci/run",
    ".github/workflows/ci.yml",
];

/// What sources cite by section.
const CONTRACT: &str = "docs/langfuse.md";

pub(super) fn check(files: &[PathBuf]) -> Result<Findings> {
    let mut findings = Vec::new();
    let sections = sections(&std::fs::read_to_string(root().join(CONTRACT))?);
    findings.extend(gaps(&sections).map(|gap| format!("{CONTRACT}: there is no section {gap}")));
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
    {
        let text = std::fs::read_to_string(root().join(file))?;
        for cited in citations(&text).filter(|cited| !sections.contains(cited)) {
            findings.push(format!(
                "{}: {CONTRACT} has no section {cited}",
                file.display()
            ));
        }
    }
    for name in REQUIRED {
        if !root().join(name).exists() {
            findings.push(format!("{name} is missing"));
        }
    }
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "md"))
    {
        let text = std::fs::read_to_string(root().join(file))?;
        for line in hidden_lines(&text) {
            findings.push(format!(
                "{}:{line}: a forge shows this hidden line of rustdoc; show the set-up or leave it out",
                file.display()
            ));
        }
        for target in links(&text) {
            let path = target.split('#').next().unwrap_or_default();
            let folder = file.parent().map(PathBuf::from).unwrap_or_default();
            if !path.is_empty() && !root().join(folder).join(path).exists() {
                findings.push(format!(
                    "{}: the link to `{target}` leads nowhere",
                    file.display()
                ));
            }
        }
    }
    for document in ["ARCHITECTURE.md", "README.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap_or_default();
        for entry in std::fs::read_dir(root().join("crates"))?.flatten() {
            let manifest =
                std::fs::read_to_string(entry.path().join("Cargo.toml")).unwrap_or_default();
            let name = manifest
                .lines()
                .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
            if let Some(name) = name.filter(|name| !text.contains(&format!("`{name}`"))) {
                findings.push(format!("{document} does not name `{name}`"));
            }
        }
    }
    Ok(findings)
}

/// The numbers of the headings, such as `2` and `2.1`.
fn sections(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with("##"));
    headings
        .filter_map(|line| line.split(' ').nth(1))
        .map(|number| number.trim_end_matches('.').to_owned())
        .filter(|number| number.starts_with(|first: char| first.is_ascii_digit()))
        .collect()
}

/// The numbers that are missing before a section: each follows the one before it.
fn gaps(sections: &[String]) -> impl Iterator<Item = String> {
    sections.iter().filter_map(|section| {
        let (above, last) = section.rsplit_once('.').unwrap_or(("", section));
        let before = last.parse::<u32>().ok()?.checked_sub(1)?;
        let before = match above {
            "" => before.to_string(),
            _ if before == 0 => above.to_owned(),
            _ => format!("{above}.{before}"),
        };
        (!sections.contains(&before)).then_some(before)
    })
}

/// The sections that a source cites, as in "(`docs/langfuse.md` 2.4 to 2.7, 5 and 6)".
fn citations(text: &str) -> impl Iterator<Item = String> {
    let cited = text.split("`docs/langfuse.md` ").skip(1);
    cited.flat_map(|rest| {
        let list = rest.split([')', ';', ':', '\n']).next().unwrap_or_default();
        let words = list.split([' ', ',']).filter(|word| !word.is_empty());
        words
            .take_while(|word| {
                word.starts_with(|first: char| first.is_ascii_digit())
                    || ["and", "to"].contains(word)
            })
            .filter(|word| !["and", "to"].contains(word))
            .map(|word| word.trim_end_matches('.').to_owned())
    })
}

/// Numbers of the lines in Rust snippets that rustdoc hides and others show.
fn hidden_lines(text: &str) -> Vec<usize> {
    let (mut found, mut rust) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            rust = !rust && language.starts_with("rust");
        } else if rust && (line.trim() == "#" || line.trim_start().starts_with("# ")) {
            found.push(number + 1);
        }
    }
    found
}

/// Targets of Markdown links that are not addresses.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut code = false;
    for line in text.lines() {
        code ^= line.trim_start().starts_with("```");
        let line = if code { "" } else { line };
        for part in line.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with('#') && !target.starts_with("mailto:")
            {
                found.push(target);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn sections_without_the_one_before_are_found() {
        let found = super::sections("# T\n## 0. a\n## 1. b\n### 1.2 c\n## 3. d\n## words\n");
        assert_eq!(found, ["0", "1", "1.2", "3"]);
        assert_eq!(super::gaps(&found).collect::<Vec<_>>(), ["1.1", "2"]);
    }

    #[test]
    fn cited_sections_are_read_from_sentences() {
        let contract = "docs/langfuse.md";
        let text = format!(
            "(`{contract}` 2.4 to 2.7, 5 and 6). As `{contract}` 1.6: no. (`{contract}` 0, fact 3)"
        );
        let cited: Vec<String> = super::citations(&text).collect();
        assert_eq!(cited, ["2.4", "2.7", "5", "6", "1.6", "0"]);
    }

    #[test]
    fn hidden_lines_are_found_in_rust_and_nowhere_else() {
        let text =
            "# title\n```rust,no_run\n# let a = 1;\n#[derive(Debug)]\n```\n```toml\n# b\n```\n";
        assert_eq!(super::hidden_lines(text), [3]);
    }

    #[test]
    fn links_to_files_are_found_and_addresses_are_not() {
        let text =
            "see [a](docs/a.md#x) and [b](https://b) or [c](#c)\n```\n[d](d.md)\n```\n[e](e.md)";
        assert_eq!(super::links(text), ["docs/a.md#x", "e.md"]);
    }
}
