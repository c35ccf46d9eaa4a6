//! E-mail addresses in text.
//! Used by `Mask::emails`.

use super::replace;

/// Longer than any address: at most this many bytes before an `@` are searched.
const LONGEST: usize = 320;

pub(super) fn mask(text: &str) -> Option<String> {
    if !text.contains('@') {
        return None;
    }
    // An `@` that is none is passed over; `from` is where the last address ended.
    let mut at = 0;
    replace(text, |from| {
        loop {
            let found = text.get(at..)?.find('@')? + at;
            at = found + 1;
            let start = local_start(text.get(from..found)?) + from;
            let end = domain_end(text.get(at..)?) + at;
            if start < found && end > at {
                at = end;
                return Some((start..end, "<email>"));
            }
        }
    })
}

/// Where the part before the `@` begins.
fn local_start(before: &str) -> usize {
    let allowed = |c: char| c.is_alphanumeric() || "._%+-'!#$&*=?^`{|}~".contains(c);
    let mut start = before.len();
    for (at, c) in before.char_indices().rev() {
        if !allowed(c) || before.len() - at > LONGEST {
            break;
        }
        start = at;
    }
    // Quotes and other signs that enclose an address are none of it.
    let signs = |c: char| !c.is_alphanumeric() && c != '_' && c != '+';
    before.len()
        - before
            .get(start..)
            .unwrap_or_default()
            .trim_start_matches(signs)
            .len()
}

/// Where the domain ends: labels with dots between, the last one of letters; 0 if it is none.
fn domain_end(after: &str) -> usize {
    let mut end = 0;
    let mut at = 0;
    let mut labels = 0;
    while at <= LONGEST {
        let rest = after.get(at..).unwrap_or_default();
        let label: &str = match rest.find(|c: char| !c.is_alphanumeric() && c != '-') {
            Some(len) => rest.get(..len).unwrap_or_default(),
            None => rest,
        };
        if label.is_empty() || label.starts_with('-') {
            break;
        }
        labels += 1;
        at += label.len();
        let ascii_end = label.trim_end_matches('-');
        let letters = ascii_end.chars().filter(|c| c.is_alphabetic()).count();
        let top =
            letters >= 2 && (letters == ascii_end.chars().count() || ascii_end.starts_with("xn--"));
        if labels > 1 && top {
            end = at - (label.len() - ascii_end.len());
        }
        if !after.get(at..).unwrap_or_default().starts_with('.') {
            break;
        }
        at += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        for (text, masked) in [
            ("joe@example.com", "<email>"),
            (
                "Write to joe.d+spam@mail.example.co.uk, please.",
                "Write to <email>, please.",
            ),
            ("<joe@example.com>", "<<email>>"),
            ("'joe@example.com'", "'<email>'"),
            (
                "mailto:joe@example.com?subject=x",
                "mailto:<email>?subject=x",
            ),
            ("a@b.io,c@d.io", "<email>,<email>"),
            ("jürgen@müller.de!", "<email>!"),
            ("joe@xn--mller-kva.de", "<email>"),
            ("x@example.xn--p1ai", "<email>"),
            ("joe@example.com.", "<email>."),
            ("joe@example.com-", "<email>-"),
            ("https://u:pw@example.com/", "https://u:<email>/"),
            ("a@b@example.com", "a@<email>"),
            ("O'Brien@example.com", "<email>"),
        ] {
            assert_eq!(mask(text).as_deref(), Some(masked), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "",
            "@",
            "@example.com",
            "joe@",
            "joe@localhost",
            "lodash@4.17.21",
            "pkg@1.2.3-beta",
            "@app.route",
            "five @ example.com",
            "joe@.com",
            "joe@example.c",
            "joe@example.",
            "joe@-example.com",
            "a@b@c",
            "12:30@7.30",
        ] {
            assert_eq!(mask(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_signs_takes_no_time() {
        let text = "@".repeat(200_000) + &"a.".repeat(200_000) + "@";
        assert_eq!(mask(&text), None);
    }
}
