//! What surrounds every page: head, bar, help; and the headers that forbid everything that comes from another place.
//! Called by the handlers of pages.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Scripts, styles and connections of this server alone; pictures also from `data:` in a trace.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Which entry of the bar a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Traces,
    Sessions,
    Users,
    Overview,
    Other,
}

/// A page.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) area: Area,
    /// The style sheets and scripts beside those that all pages have.
    pub(super) styles: &'a [&'a str],
    pub(super) scripts: &'a [&'a str],
    /// Keys and what they do, for the help.
    pub(super) keys: &'a [(&'a [&'a str], &'a str)],
    /// The element `main`.
    pub(super) main: Markup,
}

impl Page<'_> {
    pub(super) fn respond(self) -> Response {
        self.respond_with(StatusCode::OK, None)
    }

    /// With JSON for the scripts, as the text of the element `columns`.
    pub(super) fn respond_with_columns(self, columns: &str) -> Response {
        self.respond_with(StatusCode::OK, Some(columns))
    }

    fn respond_with(self, status: StatusCode, columns: Option<&str>) -> Response {
        (
            status,
            headers("text/html; charset=utf-8"),
            self.markup(columns).into_string(),
        )
            .into_response()
    }

    fn markup(self, columns: Option<&str>) -> Markup {
        let areas = [
            ("/", "Traces", Area::Traces),
            ("/sessions", "Sessions", Area::Sessions),
            ("/users", "Users", Area::Users),
            ("/overview", "Overview", Area::Overview),
        ];
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " · tracefuse" }
                    link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                    script src="/assets/theme.js" {}
                    link rel="stylesheet" href="/assets/base.css";
                    @for style in self.styles {
                        link rel="stylesheet" href={ "/assets/" (style) };
                    }
                    script type="module" src="/assets/page.js" {}
                    @for script in self.scripts {
                        script type="module" src={ "/assets/" (script) } {}
                    }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header.topbar {
                        a.brand href="/" aria-label="tracefuse" {
                            img src="/assets/icon.svg" alt="" width="20" height="20";
                            span { "tracefuse" }
                        }
                        nav aria-label="Pages" {
                            @for (url, name, area) in areas {
                                a href=(url) aria-current=[(area == self.area).then_some("page")] { (name) }
                            }
                        }
                        div.end {
                            span.live role="status" { "Live" }
                            button.needs-js.icon-button type="button" data-action="theme" title="Light, dark or system" aria-label="Change the theme" { "◐" }
                            button.needs-js.icon-button type="button" data-action="help" title="Keys (?)" aria-label="Show the keys" { "?" }
                        }
                    }
                    (self.main)
                    dialog #help aria-labelledby="help-title" {
                        header {
                            h2 #help-title { "Keys" }
                            button type="button" data-action="close" { "Close" }
                        }
                        dl {
                            @for (keys, effect) in self.keys.iter().chain(ALL_PAGES) {
                                dt { @for key in *keys { kbd { (key) } " " } }
                                dd { (effect) }
                            }
                        }
                    }
                    div.toast #toast role="status" hidden {}
                    @if let Some(columns) = columns {
                        script #columns type="application/json" { (inert(columns)) }
                    }
                }
            }
        }
    }
}

/// JSON that ends no element: the sign `<` is only in texts, and there it may be written as an escape.
fn inert(json: &str) -> PreEscaped<String> {
    PreEscaped(json.replace('<', "\\u003c"))
}

const ALL_PAGES: &[(&[&str], &str)] = &[
    (&["1", "2", "3", "4"], "traces, sessions, users, overview"),
    (&["/"], "search"),
    (&["?"], "these keys"),
];

/// A page with one sentence, for what is not there or cannot be read.
pub(super) fn message(status: StatusCode, title: &str, text: &str) -> Response {
    let main = html! {
        main #main {
            div.card { div.empty { h1 { (title) } p { (text) } p { a href="/" { "All traces" } } } }
        }
    };
    let page = Page {
        title,
        area: Area::Other,
        styles: &[],
        scripts: &[],
        keys: &[],
        main,
    };
    page.respond_with(status, None)
}

/// The headers of everything that comes from a trace.
pub(super) fn headers(kind: &'static str) -> HeaderMap {
    let fixed = [
        (CONTENT_TYPE, kind),
        (HeaderName::from_static("content-security-policy"), POLICY),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    let fixed = fixed.into_iter();
    fixed
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect()
}
