//! The list of users. A user leads to the list of the user's traces.

use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Area, Page};
use super::list::KEYS;
use super::params::Params;
use super::widgets::{list_url, time};
use super::{failed, units};
use crate::app::App;
use crate::model::UserRow;

const ROWS: usize = 100;

pub(super) async fn list(
    State(app): State<App>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let params = Params::new(pairs);
    let cursor = params.first("cursor").map(str::to_owned);
    let read = app.read(move |store| store.users(ROWS, cursor.as_deref()));
    let users = match read.await {
        Ok(users) => users,
        Err(error) => return failed(&error),
    };
    let main = html! {
        main #main {
            h1 { "Users" }
            section.card.list data-list data-live=[params.first("cursor").is_none().then_some("/live")] aria-label="Users" {
                @if users.rows.is_empty() {
                    div.empty { p { b { "No users yet." } } p { "A trace belongs to a user if it has a user id." } }
                } @else {
                    div.scroll { table {
                        thead { tr {
                            th.col-time scope="col" { "Last trace" }
                            th scope="col" { "User" }
                            th.col-time scope="col" { "First trace" }
                            th.num.col-num scope="col" { "Traces" }
                            th.num.col-num scope="col" { "Errors" }
                            th.num.col-num scope="col" { "Tokens" }
                            th.num.col-num scope="col" { "Cost" }
                        } }
                        tbody { @for user in &users.rows { (row(user)) } }
                    } }
                }
            }
            @if let Some(next) = &users.next {
                div.pager { a.button href=(params.with("cursor", next).url("/users")) rel="next" { "Next page" } }
            }
        }
    };
    let page = Page {
        title: "Users",
        area: Area::Users,
        styles: &["list.css"],
        scripts: &["list.js"],
        keys: KEYS,
        main,
    };
    page.respond()
}

fn row(user: &UserRow) -> Markup {
    html! {
        tr id={ "u-" (user.id) } data-level=(if user.errors > 0 { "error" } else { "default" }) {
            td.time { (time(user.last_ns)) }
            td.wide { a.title href=(list_url("user", &user.id)) dir="auto" { (user.id) } }
            td.time.drop { (time(user.first_ns)) }
            td.num { (units::count(user.traces)) }
            td.num { @if user.errors > 0 { span.chip.error { (units::count(user.errors)) } } }
            td.num { (units::tokens(user.total_tokens)) }
            td.num { (units::cost(user.cost)) }
        }
    }
}
