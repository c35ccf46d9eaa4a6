//! The list of users. A user leads to the list of the user's traces.

use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};

use super::layout::Area;
use super::params::Params;
use super::rows::{ROWS, Rows};
use super::widgets::{link, list_url, time};
use super::{failed, units};
use crate::app::App;
use crate::model::UserRow;

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
    let rows = Rows {
        title: "Users",
        area: Area::Users,
        path: "/users",
        empty: (
            "No users yet.",
            "A trace belongs to a user if it has a user id.",
        ),
        head: html! {
            th.col-time scope="col" { "Last trace" }
            th scope="col" { "User" }
            th.col-time scope="col" { "First trace" }
            th.num.col-num scope="col" { "Traces" }
            th.num.col-num scope="col" { "Errors" }
            th.num.col-num scope="col" { "Tokens" }
            th.num.col-num scope="col" { "Cost" }
        },
        rows: users.rows.iter().map(row).collect(),
        next: users.next.as_deref(),
    };
    rows.respond(&params)
}

fn row(user: &UserRow) -> Markup {
    html! {
        tr id={ "u-" (units::short(&user.id)) } data-level=(if user.errors > 0 { "error" } else { "default" }) {
            td.time { (time(user.last_ns)) }
            td.wide { (link("title", &list_url("user", &user.id), &user.id)) }
            td.time.drop { (time(user.first_ns)) }
            td.num { (units::count(user.traces)) }
            td.num { @if user.errors > 0 { span.chip.error { (units::count(user.errors)) } } }
            td.num { (units::tokens(user.total_tokens)) }
            td.num { (units::cost(user.cost)) }
        }
    }
}
