//! Input and output as HTML: messages with roles, tool calls, pictures; JSON that folds; text.
//! Called by `detail`, `sessions` and `compare`.

use maud::{Markup, html};
use serde_json::Value;

use super::json::json;
use super::pictures::{picture, with_media};
use super::units::size;
use crate::messages::{Body, Message, Part, inner, read};

/// Characters of a text that are shown at once; the rest unfolds.
const SHOWN: usize = 3000;

/// Bytes of a text that the page has at all.
const MOST: usize = 400_000;

/// A body with its title and a button that copies it.
pub(super) fn block(title: &str, text: &str, raw_url: &str) -> Markup {
    let body = read(text);
    html! {
        section.block.card aria-label=(title) {
            header {
                h3 { (title) }
                small { (size(text.len())) }
                span.end {
                    a.button href=(raw_url) { "Raw" }
                    button.needs-js type="button" data-action="copy-url" data-from=(raw_url) { "Copy" }
                }
            }
            div.inside { (content(&body)) }
        }
    }
}

/// A body without a frame.
pub(super) fn content(body: &Body) -> Markup {
    html! {
        @match body {
            Body::Text(words) => (text(words)),
            Body::Json(value) => (json(value)),
            Body::Messages(messages, beside) => {
                @for message in messages { (article(message)) }
                @if let Some(beside) = beside {
                    details.long { summary { "Other fields" } (json(beside)) }
                }
            },
        }
    }
}

/// A value of metadata; a text that is JSON is shown as that.
pub(super) fn value(value: &Value) -> Markup {
    match value {
        Value::String(words) => match inner(words) {
            Some(value) => json(&value),
            None => text(words),
        },
        Value::Object(_) | Value::Array(_) => json(value),
        other => html! { code { (other.to_string()) } },
    }
}

/// A text as it is, with the pictures it refers to; a long one is folded.
pub(super) fn text(text: &str) -> Markup {
    with_media(text, words)
}

fn words(text: &str) -> Markup {
    let Some((end, _)) = text.char_indices().nth(SHOWN) else {
        return html! { div.text dir="auto" { (text) } };
    };
    let (shown, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let most = rest
        .char_indices()
        .take_while(|(place, _)| *place < MOST)
        .last();
    let most = most.map_or(0, |(place, sign)| place + sign.len_utf8());
    let (rest, cut) = rest.split_at_checked(most).unwrap_or((rest, ""));
    html! {
        div.text dir="auto" { (shown) "…" }
        details.long {
            summary { "Show the rest, " (size(rest.len() + cut.len())) }
            div.text dir="auto" { (rest) }
            @if !cut.is_empty() { small { "The last " (size(cut.len())) " are in the raw text." } }
        }
    }
}

fn article(message: &Message) -> Markup {
    let role = if message.role.is_empty() {
        "message"
    } else {
        &message.role
    };
    let class = match role {
        "user" | "assistant" | "system" | "tool" => role,
        "developer" => "system",
        "function" => "tool",
        _ => "other",
    };
    html! {
        article class={ "message role-" (class) } {
            header {
                span dir="auto" { (role) }
                @if let Some(name) = &message.name { small dir="auto" { (name) } }
            }
            @if message.parts.is_empty() { div { span.none { "empty" } } }
            @else { div { @for one in &message.parts { (part(one)) } } }
        }
    }
}

fn part(part: &Part) -> Markup {
    match part {
        Part::Text(words) => match inner(words) {
            Some(value) => json(&value),
            None => text(words),
        },
        Part::Thinking(words) => html! {
            details.long { summary { "Reasoning" } div.thinking { (text(words)) } }
        },
        Part::Call {
            name,
            id,
            arguments,
        } => html! {
            div.call {
                header {
                    i.kind.kind-tool aria-hidden="true" {}
                    code dir="auto" { (name) }
                    @if let Some(id) = id { small { (id) } }
                }
                @if !arguments.is_null() { div { (value(arguments)) } }
            }
        },
        Part::Answer {
            id,
            is_error,
            content,
        } => html! {
            div.call {
                header {
                    @if *is_error { span.chip.error { "error" } } @else { span { "Result" } }
                    @if let Some(id) = id { small { (id) } }
                }
                @if !content.is_empty() { div { @for one in content { (self::part(one)) } } }
            }
        },
        Part::Picture(url) => picture(url),
        Part::Json(value) => json(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pictures::REFERENCE;
    use super::*;

    fn shown(text: &str) -> String {
        content(&read(text)).into_string()
    }

    #[test]
    fn hostile_text_is_text() {
        let hostile = "<img src=x onerror=alert(1)><script>alert(1)</script>";
        let bodies = [
            hostile.to_owned(),
            serde_json::json!({ hostile: hostile }).to_string(),
            serde_json::json!([{"role": hostile, "name": hostile, "content": hostile,
                "tool_calls": [{"id": hostile, "function": {"name": hostile, "arguments": hostile}}]}])
            .to_string(),
            serde_json::json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": format!("javascript:{hostile}")}}]}])
                .to_string(),
            format!("{REFERENCE}type=image/png{hostile}|id=\"{hostile}|source=bytes@@@"),
        ];
        for body in bodies {
            let html = shown(&body);
            assert!(!html.contains("<script"), "{html}");
            assert!(!html.contains("<img src=x"), "{html}");
            assert!(!html.contains("href=\"javascript"), "{html}");
        }
    }

    #[test]
    fn pictures_of_other_hosts_are_not_loaded() {
        let body = r#"[{"role":"user","content":[{"type":"image_url","image_url":"https://x.example/a.png"}]}]"#;
        let html = shown(body);
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("not loaded"), "{html}");
    }

    #[test]
    fn uploaded_media_are_pictures_of_this_server() {
        let html = shown("before @@@langfuseMedia:type=image/png|id=a/b|source=bytes@@@ after");
        assert!(html.contains("src=\"/media/a%2Fb\""), "{html}");
        assert!(html.contains("before") && html.contains("after"), "{html}");
        let html = shown("@@@langfuseMedia:type=audio/wav|id=w|source=bytes@@@");
        assert!(
            !html.contains("<img") && html.contains("audio/wav"),
            "{html}"
        );
        assert!(shown("@@@langfuseMedia:cut").contains("@@@langfuseMedia:cut"));
    }

    #[test]
    fn a_long_text_is_folded_and_a_huge_one_is_cut() {
        let html = shown(&"ä".repeat(5000));
        assert!(html.contains("Show the rest, 3.9 KiB"), "{html}");
        let html = shown(&"x".repeat(2_000_000));
        assert!(html.len() < MOST + 10_000, "{}", html.len());
        assert!(html.contains("in the raw text"));
    }
}
