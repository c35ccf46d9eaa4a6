//! A page that is one list in the order of the last trace, such as that of the sessions.
//! Called by `sessions` and `users`, which make its rows.

use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Area, Page};
use super::list::KEYS;
use super::params::Params;

/// Rows of a page.
pub(super) const ROWS: usize = 100;

/// What such a page shows.
pub(super) struct Rows<'a> {
    pub(super) title: &'a str,
    pub(super) area: Area,
    pub(super) path: &'a str,
    /// The texts of an empty list: that it has no row, and what makes one.
    pub(super) empty: (&'a str, &'a str),
    /// The cells of the head.
    pub(super) head: Markup,
    pub(super) rows: Vec<Markup>,
    /// Where the next page begins.
    pub(super) next: Option<&'a str>,
}

impl Rows<'_> {
    pub(super) fn respond(self, params: &Params) -> Response {
        // New rows would move the rows of a later page.
        let live = params.first("cursor").is_none().then_some("/live");
        let (none, advice) = self.empty;
        let main = html! {
            main #main {
                h1 { (self.title) }
                section.card.list data-list data-live=[live] aria-label=(self.title) {
                    @if self.rows.is_empty() {
                        div.empty { p { b { (none) } } p { (advice) } }
                    } @else {
                        div.scroll { table {
                            thead { tr { (self.head) } }
                            tbody { @for row in &self.rows { (row) } }
                        } }
                    }
                }
                @if live.is_none() || self.next.is_some() {
                    div.pager {
                        @if live.is_none() { a.button href=(params.without("cursor").url(self.path)) { "First page" } }
                        @if let Some(next) = self.next { a.button href=(params.with("cursor", next).url(self.path)) rel="next" { "Next page" } }
                    }
                }
            }
        };
        let page = Page {
            title: self.title,
            area: self.area,
            styles: &["list.css"],
            scripts: &["list.js"],
            keys: KEYS,
            main,
        };
        page.respond()
    }
}
