//! Words: retired ones stay out of sources and documents, and the glossary stays short.
//! Called by `tidy`. The table is the documentation: what to write instead is beside each word.

use std::path::PathBuf;

use anyhow::Result;

use super::Findings;
use crate::process::root;

/// Words of the old house, and metaphors in general, with the plain word for each.
const RETIRED: &[(&str, &str)] = &[
    ("aftermath", "deferred work"),
    ("anew", "again"),
    ("anybody", "any caller, any reader"),
    ("be had", "be available"),
    ("became of", "the result of"),
    ("becomes of", "the result of"),
    ("but for", "except"),
    ("came of", "the result of"),
    ("dear", "expensive"),
    ("door", "admission, entry point"),
    ("everybody", "all callers, all users"),
    ("gives way", "is replaced, is deleted"),
    ("handed", "passed, given"),
    ("in vain", "without success"),
    ("lane", "queue"),
    ("lanes", "queues"),
    ("left alone", "not asked, not changed"),
    ("let go", "released, unlocked"),
    ("lets go", "releases, unlocks"),
    ("lies", "is"),
    ("nobody", "no one, or name who: no caller, no other thread"),
    ("of its own", "its own"),
    ("of their own", "their own"),
    ("on its way", "running, being sent, returned"),
    ("one's own", "your own"),
    ("parcel", "chunk"),
    ("parcels", "chunks"),
    ("poison", "bad span, record that the server rejects"),
    ("seat", "slot"),
    ("seats", "slots"),
    ("somebody", "the user, another thread, name who"),
    ("stands", "is"),
    ("stray", "out of order"),
    ("strays", "out of order"),
    ("told", "given, reported, configured"),
    ("tray", "thread-local buffer"),
    ("trays", "thread-local buffers"),
    ("truth value", "boolean"),
    ("truth values", "booleans"),
    ("veil", "suppression"),
    ("veiled", "suppressed"),
    ("whoever", "the caller, the thread that"),
];

/// Lines that still have a retired word. A number may only shrink; a word without a hit leaves the list.
const LEFT: &[(&str, usize)] = &[];

const MAX_TERMS: usize = 25;

pub(super) fn check(files: &[PathBuf]) -> Result<Findings> {
    let mut hits: Vec<(&str, Vec<String>)> =
        RETIRED.iter().map(|(word, _)| (*word, vec![])).collect();
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        let checked = [".rs", ".md", ".toml", ".yml", ".py"];
        if name.ends_with("tidy/words.rs") || !checked.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let text = std::fs::read_to_string(root().join(file))?;
        for (number, line) in text.lines().enumerate() {
            for (word, places) in &mut hits {
                if has_word(line, word) {
                    places.push(format!("{name}:{}", number + 1));
                }
            }
        }
    }
    let mut findings = Vec::new();
    for (word, places) in hits {
        let left = LEFT
            .iter()
            .find(|(known, _)| *known == word)
            .map_or(0, |(_, lines)| *lines);
        let instead = RETIRED.iter().find(|(known, _)| *known == word);
        let instead = instead.map_or("", |(_, plain)| plain);
        if places.len() > left {
            findings.push(format!(
                "`{word}` is retired, write \"{instead}\": {} lines, {left} allowed: {}",
                places.len(),
                places.join(" ")
            ));
        } else if places.len() < left {
            findings.push(format!(
                "`{word}` has {} lines left: lower its number in xtask/src/tidy/words.rs from {left}",
                places.len()
            ));
        }
    }
    findings.extend(glossary(&std::fs::read_to_string(
        root().join("docs/glossary.md"),
    )?));
    Ok(findings)
}

/// Whether the word is in the line, with no letter before or after it; `_` and digits are no letters.
fn has_word(line: &str, word: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        let letter = |beside: Option<char>| beside.is_some_and(char::is_alphabetic);
        !letter(before) && !letter(after)
    })
}

/// A row each, in one table.
fn glossary(text: &str) -> Findings {
    let terms = text.lines().filter(|line| line.starts_with("| ")).count();
    // Two rows are the head of the table.
    let terms = terms.saturating_sub(2);
    if terms > MAX_TERMS {
        return vec![format!(
            "docs/glossary.md has {terms} terms, at most {MAX_TERMS} are allowed: use the field's words"
        )];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_and_in_names() {
        for (line, word, found) in [
            ("the lane's worker", "lane", true),
            ("let their_lane = 1;", "lane", true),
            ("Lane", "lane", true),
            ("a plane, lanes", "lane", false),
            ("it has a thread of its own.", "of its own", true),
            ("PoisonError", "poison", false),
        ] {
            assert_eq!(has_word(line, word), found, "{line}");
        }
    }

    #[test]
    fn a_glossary_of_too_many_terms_is_found() {
        let table = |terms: usize| {
            format!(
                "| term | meaning |\n| --- | --- |\n{}",
                "| a | b |\n".repeat(terms)
            )
        };
        assert_eq!(glossary(&table(MAX_TERMS)).len(), 0);
        assert_eq!(glossary(&table(MAX_TERMS + 1)).len(), 1);
    }
}
