//! JSON that folds: elements `details`, which need no script.
//! Called by `bodies` and `detail`.

use maud::{Markup, html};
use serde_json::Value;

use super::pictures::with_media;
use super::units::size;

/// Most values that are shown of one JSON text; the rest is in the raw text.
const MOST: usize = 4000;

/// Longest text that is shown whole inside of JSON, in characters.
const LONGEST: usize = 4000;

/// The value; its first levels are open.
pub(super) fn json(value: &Value) -> Markup {
    let mut left = MOST;
    let inside = node(None, value, 0, &mut left);
    html! {
        div.json { (inside) }
        @if left == 0 { p { small { "Only the first " (MOST) " values are shown. The copy has all." } } }
    }
}

fn node(key: Option<&str>, value: &Value, depth: usize, left: &mut usize) -> Markup {
    let Some(rest) = left.checked_sub(1) else {
        return html! {};
    };
    *left = rest;
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let below: Vec<Markup> = fields
                .iter()
                .map(|(key, value)| node(Some(key), value, depth + 1, left))
                .collect();
            branch(key, ("{", "}"), fields.len(), below, depth)
        }
        Value::Array(values) if !values.is_empty() => {
            let below: Vec<Markup> = values
                .iter()
                .map(|value| node(None, value, depth + 1, left))
                .collect();
            branch(key, ("[", "]"), values.len(), below, depth)
        }
        _ => html! { @if let Some(key) = key { span.key dir="auto" { (key) } ": " } (leaf(value)) },
    }
}

fn branch(
    key: Option<&str>,
    signs: (&str, &str),
    count: usize,
    below: Vec<Markup>,
    depth: usize,
) -> Markup {
    // Short lists and the first levels are open; a list of a hundred is not.
    let is_open = depth == 0 || (depth < 3 && count <= 20);
    html! {
        details open[is_open] {
            summary {
                @if let Some(key) = key { span.key dir="auto" { (key) } ": " }
                (signs.0)
                span.many { " " (count) " " (signs.1) }
            }
            ul { @for value in below { li { (value) } } }
            (signs.1)
        }
    }
}

fn leaf(value: &Value) -> Markup {
    match value {
        Value::String(text) => with_media(text, quoted),
        Value::Object(_) => html! { "{}" },
        Value::Array(_) => html! { "[]" },
        other => html! { span.lit { (other.to_string()) } },
    }
}

fn quoted(text: &str) -> Markup {
    match text.char_indices().nth(LONGEST) {
        None => html! { span.str { "\"" (text) "\"" } },
        Some((end, _)) => {
            let (shown, rest) = text.split_at_checked(end).unwrap_or((text, ""));
            html! { span.str { "\"" (shown) "…\"" } " " span.many { "and " (size(rest.len())) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn keys_and_texts_are_escaped() {
        let html =
            json(&value!({"<b>": ["<script>alert(1)</script>", null, 1.5, {}]})).into_string();
        assert!(html.contains("&lt;b&gt;"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
        assert!(!html.contains("<script"), "{html}");
        assert!(
            html.contains("null") && html.contains("1.5") && html.contains("{}"),
            "{html}"
        );
    }

    #[test]
    fn pictures_inside_of_json_are_shown() {
        let reference = "@@@langfuseMedia:type=image/png|id=abc|source=bytes@@@";
        let html = json(&value!({"sketch": reference, "photo": "data:image/png;base64,AAAA"}));
        let html = html.into_string();
        assert!(html.contains("<img src=\"/media/abc\""), "{html}");
        assert!(
            html.contains("<img src=\"data:image/png;base64,AAAA\""),
            "{html}"
        );
    }

    #[test]
    fn much_json_is_cut_and_says_so() {
        let many: Vec<u32> = (0..10_000).collect();
        let html = json(&value!(many)).into_string();
        assert!(html.len() < 300_000, "{}", html.len());
        assert!(html.contains("Only the first"));
    }
}
