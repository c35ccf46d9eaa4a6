//! Pictures of a trace: in the text itself, or uploaded and referred to. None is loaded from another host.
//! Called by `bodies` and `json`.

use maud::{Markup, html};

use super::params::encoded;
use super::units::size;

/// A reference to uploaded bytes, as SDKs of Langfuse write it into a text.
pub(super) const REFERENCE: &str = "@@@langfuseMedia:";

/// A text that is a picture, or in which each reference is what it refers to; `words` shows everything else.
pub(super) fn with_media(text: &str, words: fn(&str) -> Markup) -> Markup {
    if is_picture(text) {
        return picture(text);
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(REFERENCE) {
        let Some((reference, after)) = after.split_once("@@@") else {
            break;
        };
        if !before.trim().is_empty() {
            pieces.push(words(before));
        }
        pieces.push(media(reference));
        rest = after;
    }
    if pieces.is_empty() || !rest.trim().is_empty() {
        pieces.push(words(rest));
    }
    html! { @for piece in pieces { (piece) } }
}

fn is_picture(url: &str) -> bool {
    url.starts_with("data:image/") && url.contains(";base64,")
}

/// A picture that came with the trace. One from another host is not loaded: the page makes no request to others.
pub(super) fn picture(url: &str) -> Markup {
    if let Some(reference) = url.strip_prefix(REFERENCE) {
        return media(reference.trim_end_matches('@'));
    }
    html! {
        figure.picture {
            @if is_picture(url) {
                img src=(url) alt="Picture in the message" loading="lazy";
                figcaption { (url.split(';').next().unwrap_or_default().trim_start_matches("data:")) ", " (size(url.len() / 4 * 3)) }
            } @else if url.starts_with("https://") || url.starts_with("http://") {
                figcaption { "Picture on another host, not loaded: " a href=(url) rel="noopener noreferrer" target="_blank" { (url) } }
            } @else {
                figcaption { "Picture of an unknown form: " (url.chars().take(80).collect::<String>()) }
            }
        }
    }
}

/// `type=image/png|id=..|source=..`
fn media(reference: &str) -> Markup {
    let field = |name: &str| {
        reference
            .split('|')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let kind = field("type").unwrap_or("application/octet-stream");
    let Some(id) = field("id") else {
        return html! { code { (REFERENCE) (reference) "@@@" } };
    };
    let url = format!("/media/{}", encoded(id));
    html! {
        figure.picture {
            @if kind.starts_with("image/") { img src=(url) alt="Uploaded picture" loading="lazy"; }
            figcaption { a href=(url) { (kind) } " " span.mono { (id) } }
        }
    }
}
