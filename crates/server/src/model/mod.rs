//! What the store holds, as its readers get it: rows of lists, the view of a trace, bodies, totals.
//! Made by `store`; read by `api`, by `pages` and by the command line. Knows neither SQL nor HTTP.

mod bodies;
mod query;
mod query_url;
mod rows;
mod totals;

pub use bodies::{Bodies, SpanError, SpanEvent};
pub use query::{Order, Page, QueryError, TraceQuery};
pub(crate) use query_url::decode;
pub use rows::{
    Arrival, Media, ObservationRow, ScoreQuery, ScoreRow, SessionRow, SessionView, TraceRow,
    TraceView, UserRow,
};
pub use totals::{Bin, Histogram, ModelTotal, Overview, Period, Totals};
