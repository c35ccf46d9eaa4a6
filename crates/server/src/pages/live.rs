//! Which traces have changed, as server-sent events.
//! Read by the scripts of list and trace, which then load the page again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::app::App;
use crate::model::Arrival;

/// Time between two comments, which show whether the browser still has the connection.
const QUIET: Duration = Duration::from_secs(15);

/// The event `traces`, whose data are the ids of traces that have changed as a list in JSON; `*` is any trace.
pub(super) async fn events(State(app): State<App>) -> Response {
    let begin = (app.store.subscribe(), app.closing, true);
    let events = stream::unfold(begin, |(mut arrivals, mut closing, is_first)| async move {
        let text = if is_first {
            ": the stream begins\n\n".to_owned()
        } else {
            tokio::select! {
                text = next(&mut arrivals) => text?,
                _ = closing.wait_for(|closing| *closing) => return None,
            }
        };
        Some((
            Ok::<_, Infallible>(Bytes::from(text)),
            (arrivals, closing, false),
        ))
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(events)).into_response()
}

async fn next(arrivals: &mut Receiver<Arc<Vec<Arrival>>>) -> Option<String> {
    match timeout(QUIET, arrivals.recv()).await {
        Ok(Ok(changed)) => {
            let mut ids: Vec<&str> = changed
                .iter()
                .map(|arrival| arrival.trace_id.as_str())
                .collect();
            ids.dedup();
            // JSON, since a client may choose ids with spaces and ends of lines.
            let ids = serde_json::to_string(&ids).unwrap_or_default();
            Some(format!("event: traces\ndata: {ids}\n\n"))
        }
        // Some messages were missed: every open page loads its content again.
        Ok(Err(RecvError::Lagged(_))) => Some("event: traces\ndata: [\"*\"]\n\n".to_owned()),
        Ok(Err(RecvError::Closed)) => None,
        Err(_) => Some(": nothing new\n\n".to_owned()),
    }
}
