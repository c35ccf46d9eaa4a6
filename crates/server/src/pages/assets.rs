//! Style sheets and scripts, as files of the program itself.
//! Served to the pages; knows no page.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, type and content of each file.
const FILES: &[(&str, &str, &str)] = &[
    ("base.css", CSS, include_str!("assets/base.css")),
    ("list.css", CSS, include_str!("assets/list.css")),
    ("trace.css", CSS, include_str!("assets/trace.css")),
    ("theme.js", SCRIPT, include_str!("assets/theme.js")),
    ("page.js", SCRIPT, include_str!("assets/page.js")),
    ("list.js", SCRIPT, include_str!("assets/list.js")),
    ("trace.js", SCRIPT, include_str!("assets/trace.js")),
    ("tree.js", SCRIPT, include_str!("assets/tree.js")),
    ("axis.js", SCRIPT, include_str!("assets/axis.js")),
    ("spans.js", SCRIPT, include_str!("assets/spans.js")),
    ("format.js", SCRIPT, include_str!("assets/format.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// A file, or 304 if the browser has it already.
pub(super) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, content)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return (StatusCode::NOT_FOUND, "There is no such file.").into_response();
    };
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers.get(IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let headers = [
        (CONTENT_TYPE, (*kind).to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (ETAG, tag),
    ];
    (headers, *content).into_response()
}
