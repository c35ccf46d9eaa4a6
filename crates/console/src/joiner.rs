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
    // A consonant with a virama and a joiner may end a word: Malayalam's chillus.
    if is_virama(before) {
        return true;
    }
    let Some(after) = after else { return false };
    match joiner {
        JOINER => {
            (ends_a_picture(before) && is_picture(after))
                || (is_joining_script(before) && is_joining_script(after))
        }
        NON_JOINER => is_joining_script(before) && is_joining_script(after),
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
        // Tibetan, Myanmar, Khmer, Mongolian, Balinese and their neighbours.
        | '\u{f00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
        | '\u{1a20}'..='\u{1aaf}' | '\u{1b00}'..='\u{1c4f}' | '\u{a840}'..='\u{a87f}'
        | '\u{a8e0}'..='\u{a8ff}' | '\u{a980}'..='\u{a9df}'
        | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}');
    // Their digits and punctuation are not joined. Vowel signs and viramas are marks, not letters.
    known
        && !c.is_numeric()
        && !matches!(c, '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{964}' | '\u{965}')
}

/// The sign that takes a consonant's vowel away.
fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d3b}'
            | '\u{d3c}'
            | '\u{d4d}'
            | '\u{dca}'
            | '\u{1039}'
            | '\u{17d2}'
            | '\u{1b44}'
            | '\u{a9c0}'
            | '\u{11046}'
            | '\u{110b9}'
            | '\u{111c0}'
            | '\u{1133}'
    )
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
            ("م\u{200c} م", false),
            ("م\u{200c}", false),
            ("\u{200c}م", false),
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
