//! The pages: lists, traces, sessions, comparison, overview.
//! Called by `server` for its router. Reads the store through `App`; all HTML is made here, by templates that escape.

mod align;
mod assets;
mod bodies;
mod columns;
mod compare;
mod detail;
mod diff;
mod figures;
mod filters;
mod histogram;
mod json;
mod layout;
mod list;
mod live;
mod overview;
mod params;
mod pictures;
mod plot;
mod rows;
mod sessions;
mod subtree;
mod trace;
mod tree;
mod units;
mod users;
mod widgets;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use crate::app::App;
use crate::store::StoreError;

/// The routes of all pages.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(list::page))
        .route("/traces/{trace}", get(trace::page))
        .route("/traces/{trace}/export.{form}", get(subtree::of_trace))
        .route("/traces/{trace}/error", get(trace::next_error))
        .route("/traces/{trace}/find", get(trace::find))
        .route("/traces/{trace}/raw/{body}", get(trace::raw_of_trace))
        .route("/traces/{trace}/spans/{span}", get(trace::span))
        .route("/traces/{trace}/spans/{span}/raw/{body}", get(trace::raw))
        .route(
            "/traces/{trace}/spans/{span}/export.{form}",
            get(subtree::of_span),
        )
        .route("/sessions", get(sessions::list))
        .route("/sessions/{session}", get(sessions::page))
        .route("/users", get(users::list))
        .route("/compare", get(compare::page))
        .route("/overview", get(overview::page))
        .route("/live", get(live::events))
        .route("/assets/{name}", get(assets::file))
}

/// The page for a read of the store that failed.
fn failed(error: &StoreError) -> Response {
    let (status, title) = match error {
        StoreError::Cursor => (StatusCode::BAD_REQUEST, "The address cannot be read"),
        _ => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The store cannot be read",
        ),
    };
    layout::message(status, title, &error.to_string())
}
