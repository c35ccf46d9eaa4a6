//! Truncates a text at the end of a character. Called by all code that truncates texts. Must not know what a text is for.

/// The longest beginning of a text that has at most this many bytes and ends with a whole character.
pub(crate) fn prefix(text: &str, most: usize) -> &str {
    let most = most.min(text.len());
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_with_a_whole_character() {
        for (most, expected) in [
            (0, ""),
            (1, "a"),
            (2, "a"),
            (4, "a"),
            (5, "a🦀"),
            (6, "a🦀b"),
            (9, "a🦀b"),
        ] {
            assert_eq!(prefix("a🦀b", most), expected, "{most}");
        }
        assert_eq!(prefix("", 3), "");
    }
}
