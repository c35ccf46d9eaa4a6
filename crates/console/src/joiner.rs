//! Which zero-width joiners and non-joiners belong to a word or an emoji, and may be printed.
//! Called by `sanitize` for each of them; knows only the characters around it.
//!
//! U+200C and U+200D decide how Persian, Hindi and other scripts are written, and join emoji to one picture. Between
//! other characters they are invisible and can hide a difference between two texts, so there they stay escaped.

pub(crate) const NON_JOINER: char = '\u{200c}';
pub(crate) const JOINER: char = '\u{200d}';

/// Whether this joiner, with the characters before and after it, is part of how a word or an emoji is written.
pub(crate) fn is_part_of_a_word(before: Option<char>, joiner: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let after_joins = after.is_some_and(is_joining_script);
    // A word may end in one: Malayalam's chillus, Persian abbreviations, plurals with a space after them.
    let at_end = after
        .is_none_or(|c| !c.is_alphanumeric() && c != JOINER && c != NON_JOINER && !is_picture(c));
    match joiner {
        JOINER if ends_a_picture(before) => after.is_some_and(is_picture),
        // A foreign word with a suffix: `API` and a Persian plural.
        NON_JOINER if after_joins => before.is_alphanumeric() || is_joining_script(before),
        JOINER | NON_JOINER => is_joining_script(before) && (after_joins || at_end),
        _ => false,
    }
}

/// Scripts whose letters change their form next to each other.
fn is_joining_script(c: char) -> bool {
    let known = matches!(c,
        // Arabic, Syriac, Thaana, N'Ko, Mandaic; their presentation forms.
        '\u{600}'..='\u{8ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        // The scripts of India and Sri Lanka.
        | '\u{900}'..='\u{dff}'
        // Tibetan, Myanmar, Khmer, Mongolian, Balinese and scripts near them.
        | '\u{f00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
        | '\u{1a20}'..='\u{1aaf}' | '\u{1b00}'..='\u{1c4f}' | '\u{a840}'..='\u{a87f}'
        | '\u{a8e0}'..='\u{a8ff}' | '\u{a980}'..='\u{a9df}'
        | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}');
    // Vowel signs and viramas are marks, not letters. Punctuation is not joined.
    known
        && !matches!(c, '\u{600}'..='\u{60f}' | '\u{61b}'..='\u{61f}' | '\u{6d4}' | '\u{964}' | '\u{965}')
}

/// The last character of an emoji: the picture, its skin tone, or the choice of its presentation.
fn ends_a_picture(c: char) -> bool {
    is_picture(c) || matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Blocks of symbols and pictures.
fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joiners_are_part_of_words_and_pictures_only() {
        for (text, is_part) in [
            // Persian, Hindi with both, Sinhala, Malayalam at the end of a word.
            ("می\u{200c}خواهم", true),
            ("क्\u{200d}ष", true),
            ("क्\u{200c}ष", true),
            ("ශ්\u{200d}රී", true),
            ("ന്\u{200d}", true),
            ("👩\u{200d}👧", true),
            ("🧑🏽\u{200d}💻", true),
            ("❤\u{fe0f}\u{200d}🔥", true),
            ("pay\u{200d}pal", false),
            ("pay\u{200c}pal", false),
            ("1\u{200d}2", false),
            ("👩\u{200c}👧", false),
            ("日\u{200d}本", false),
            // Persian: after digits, after a foreign word, at the end of a word, in an abbreviation.
            ("۲۰\u{200c}ساله", true),
            ("API\u{200c}ها", true),
            ("م\u{200c} م", true),
            ("ه\u{200d}.ق", true),
            ("م\u{200c}", true),
            ("\u{200c}م", false),
            (" \u{200c}م", false),
            ("a\u{200d}م", false),
            ("م\u{200c}👧", false),
            ("م\u{200c}a", false),
            ("م\u{200c}\u{200c}م", false),
        ] {
            let chars: Vec<char> = text.chars().collect();
            let at = chars
                .iter()
                .position(|c| matches!(*c, JOINER | NON_JOINER))
                .unwrap();
            let before = at.checked_sub(1).map(|before| chars[before]);
            let after = chars.get(at + 1).copied();
            assert_eq!(
                is_part_of_a_word(before, chars[at], after),
                is_part,
                "{text:?}"
            );
        }
    }
}
