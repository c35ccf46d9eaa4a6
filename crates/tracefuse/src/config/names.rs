//! Finds, for a name that is no setting, the setting that was probably meant. Called by `layers`; reads no values.

use super::{SETTINGS, Setting};

/// Variables of the official SDKs and servers that are similar to ours and have another meaning.
const OTHERS: &[&str] = &[
    "LANGFUSE_DEBUG",
    "LANGFUSE_LOG_LEVEL",
    "LANGFUSE_PROJECT",
    "LANGFUSE_PROJECT_ID",
    "LANGFUSE_MEDIA_UPLOAD_THREAD_COUNT",
    "LANGFUSE_MEDIA_UPLOAD_DOWNLOAD_URL_EXPIRY_SECONDS",
];

/// Key words of names that people expect.
const SYNONYMS: &[(&str, &str)] = &[
    ("langfuse.host", "langfuse.base_url"),
    ("langfuse.url", "langfuse.base_url"),
    ("langfuse.endpoint", "langfuse.base_url"),
    ("LANGFUSE_URL", "LANGFUSE_BASE_URL"),
    ("LANGFUSE_ENDPOINT", "LANGFUSE_BASE_URL"),
    ("LANGFUSE_API_KEY", "LANGFUSE_SECRET_KEY"),
];

/// The name among `known` that `name` is most similar to.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    let synonym = SYNONYMS.iter().find(|(from, _)| *from == name);
    if let Some((_, meant)) = synonym {
        return meant;
    }
    known
        .min_by_key(|other| distance(name, other))
        .unwrap_or_default()
}

/// The variable that a `LANGFUSE_..` variable which is not one of ours was probably meant to be. `None` if the name is
/// not similar to one: then it belongs to another program.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let rest = name.strip_prefix("LANGFUSE_")?;
    if OTHERS.contains(&name) || variables().any(|known| known == name) {
        return None;
    }
    if let Some((_, meant)) = SYNONYMS.iter().find(|(from, _)| *from == name) {
        return Some(meant);
    }
    // The same words after the prefix, or all its words and one more.
    let words = |text: &str| text.split('_').map(str::to_owned).collect::<Vec<_>>();
    let asked = words(rest);
    let by_words = variables()
        .filter(|known| known.starts_with("LANGFUSE_") || known.starts_with("TRACEFUSE_"))
        .find(|known| {
            let (_, known) = known.split_once('_').unwrap_or_default();
            let known = words(known);
            known.len() <= asked.len() + 1 && asked.iter().all(|word| known.contains(word))
        });
    by_words.or_else(|| {
        let nearest = variables()
            .filter(|known| known.starts_with("LANGFUSE_"))
            .min_by_key(|known| distance(name, known))?;
        (distance(name, nearest) <= 2).then_some(nearest)
    })
}

pub(super) fn variables() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .iter()
        .flat_map(|setting: &Setting| setting.variables)
        .copied()
}

/// Levenshtein's distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            left = (diagonal + usize::from(from != *to))
                .min(above + 1)
                .min(left + 1);
            diagonal = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_langfuse_variable_names_the_one_that_was_meant() {
        for (name, expected) in [
            ("LANGFUSE_FLUSH_INTERVALL", Some("LANGFUSE_FLUSH_INTERVAL")),
            ("LANGFUSE_PUBLICKEY", Some("LANGFUSE_PUBLIC_KEY")),
            ("LANGFUSE_SECRET", Some("LANGFUSE_SECRET_KEY")),
            ("LANGFUSE_ENVIRONMENT", Some("LANGFUSE_TRACING_ENVIRONMENT")),
            ("LANGFUSE_ENABLED", Some("LANGFUSE_TRACING_ENABLED")),
            ("LANGFUSE_BATCH_SIZE", Some("TRACEFUSE_BATCH_SIZE")),
            ("LANGFUSE_MAX_RETRIES", Some("TRACEFUSE_MAX_RETRIES")),
            ("LANGFUSE_URL", Some("LANGFUSE_BASE_URL")),
            ("LANGFUSE_HOSTS", Some("LANGFUSE_HOST")),
            // Ours.
            ("LANGFUSE_HOST", None),
            // Of the server, of its SDKs, of other programs.
            ("LANGFUSE_DEBUG", None),
            ("LANGFUSE_INIT_PROJECT_PUBLIC_KEY", None),
            ("LANGFUSE_S3_EVENT_UPLOAD_BUCKET", None),
            ("LANGFUSE_PROMPT_CACHE_DEFAULT_TTL_SECONDS", None),
            ("LANGFUSE_INGESTION_QUEUE_DELAY_MS", None),
            ("LANGCHAIN_API_KEY", None),
        ] {
            assert_eq!(meant(name), expected, "{name}");
        }
    }

    #[test]
    fn the_distance_counts_edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
    }
}
