//! Okapi BM25 over the paragraphs of Markdown files (Robertson, Zaragoza 2009; k1 = 1.2, b = 0.75).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub(crate) struct Passage {
    pub(crate) source: String,
    pub(crate) text: String,
    counts: HashMap<String, f64>,
    length: f64,
}

pub(crate) struct Index {
    passages: Vec<Passage>,
    /// The number of passages that contain a word.
    documents: HashMap<String, f64>,
    mean_length: f64,
}

impl Index {
    /// Reads the Markdown files of a folder and of its `docs`.
    pub(crate) fn of_markdown(root: impl AsRef<Path>) -> anyhow::Result<Self> {
        let mut files: Vec<PathBuf> = Vec::new();
        for folder in ["", "docs", "docs/guide"] {
            let Ok(entries) = std::fs::read_dir(root.as_ref().join(folder)) else {
                continue;
            };
            files.extend(
                entries
                    .flatten()
                    .map(|entry| entry.path())
                    .filter(|path| path.extension().is_some_and(|e| e == "md")),
            );
        }
        files.sort();
        let mut passages = Vec::new();
        for file in files {
            let source = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let text = std::fs::read_to_string(&file)?;
            passages.extend(
                text.split("\n\n")
                    .filter(|text| text.len() > 60)
                    .map(|text| Passage::new(&source, text)),
            );
        }
        anyhow::ensure!(!passages.is_empty(), "no Markdown found");
        Ok(Self::new(passages))
    }

    fn new(passages: Vec<Passage>) -> Self {
        let mut documents = HashMap::new();
        for word in passages.iter().flat_map(|passage| passage.counts.keys()) {
            *documents.entry(word.clone()).or_default() += 1.0;
        }
        let mean_length =
            passages.iter().map(|passage| passage.length).sum::<f64>() / passages.len() as f64;
        Self {
            passages,
            documents,
            mean_length,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.passages.len()
    }

    /// The best passages for a query, best first.
    pub(crate) fn search(&self, query: &str, top_k: usize) -> Vec<(f64, &Passage)> {
        let query: Vec<String> = words(query).collect();
        let mut found: Vec<_> = self
            .passages
            .iter()
            .map(|passage| (self.score(&query, passage), passage))
            .collect();
        found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        found.retain(|(score, _)| *score > 0.0);
        found.truncate(top_k);
        found
    }

    fn score(&self, query: &[String], passage: &Passage) -> f64 {
        let (k1, b) = (1.2, 0.75);
        let mut score = 0.0;
        for word in query {
            let Some(count) = passage.counts.get(word) else {
                continue;
            };
            let documents = self.documents.get(word).copied().unwrap_or(0.0);
            let rarity =
                ((self.passages.len() as f64 - documents + 0.5) / (documents + 0.5)).ln_1p();
            score += rarity * count * (k1 + 1.0)
                / (count + k1 * (1.0 - b + b * passage.length / self.mean_length));
        }
        score
    }
}

impl Passage {
    fn new(source: &str, text: &str) -> Self {
        let mut counts = HashMap::new();
        let mut length = 0.0;
        for word in words(text) {
            *counts.entry(word).or_default() += 1.0;
            length += 1.0;
        }
        Self {
            source: source.to_owned(),
            text: text.to_owned(),
            counts,
            length,
        }
    }
}

/// Lower-case words.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}
