//! What `Store` reads: lists, one trace, bodies, totals.
//! Each method reads one snapshot of the file and may wait for the disk.

use super::conditions::Conditions;
use super::outline::{self, TraceOutline};
use super::phrase::Search;
use super::views::ObservationQuery;
use super::whole::{self, Parts, WholeTrace};
use super::{
    Store, StoreError, histogram, lists, load, overview, people, scores, search, views, words,
};
use crate::model::{
    Bodies, Histogram, Media, ObservationRow, Order, Overview, Page, ScoreQuery, ScoreRow,
    SessionRow, SessionView, TraceQuery, TraceRow, TraceView, UserRow,
};

impl Store {
    /// Traces that match.
    ///
    /// # Errors
    /// The file cannot be read, or the cursor is none of this order.
    pub fn traces(&self, query: &TraceQuery) -> Result<Page<TraceRow>, StoreError> {
        self.read(|db| lists::traces(db, query, &self.shared.options.clock))
    }

    /// The row of one trace.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trace_row(&self, trace: &str) -> Result<Option<TraceRow>, StoreError> {
        self.read(|db| Ok(load::load_trace(db, trace)?.map(|state| state.row)))
    }

    /// A trace with all its observations, without their bodies.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trace(&self, trace: &str) -> Result<Option<TraceView>, StoreError> {
        self.read(|db| views::trace(db, trace))
    }

    /// One observation.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn observation(
        &self,
        trace: &str,
        observation: &str,
    ) -> Result<Option<ObservationRow>, StoreError> {
        self.read(|db| Ok(views::observation(db, trace, observation)?.map(|(_, row)| row)))
    }

    /// Input, output, metadata and so on of one observation. `None` if there is no such observation.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn bodies(&self, trace: &str, observation: &str) -> Result<Option<Bodies>, StoreError> {
        self.read(|db| {
            let place = views::observation(db, trace, observation)?.map(|(place, _)| place);
            place
                .map(|place| Ok(views::bodies(db, place)?.0))
                .transpose()
        })
    }

    /// The next newer (`forward`) or older trace with an error that matches the query, seen from this trace. The order
    /// of the query is ignored.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_error(
        &self,
        query: &TraceQuery,
        trace: &str,
        forward: bool,
    ) -> Result<Option<TraceRow>, StoreError> {
        self.read(|db| lists::next_error(db, query, trace, forward))
    }

    /// Scores that match, the newest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn scores(&self, query: &ScoreQuery) -> Result<Page<ScoreRow>, StoreError> {
        self.read(|db| scores::scores(db, query))
    }

    /// The same with more conditions.
    pub(crate) fn scores_where(
        &self,
        query: &ScoreQuery,
        more: Conditions,
    ) -> Result<Page<ScoreRow>, StoreError> {
        self.read(|db| scores::scores_where(db, query, more))
    }

    /// Sessions by their last trace, the newest first. `cursor` is where the page before ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sessions(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<SessionRow>, StoreError> {
        self.read(|db| people::sessions(db, limit, cursor))
    }

    /// A session with its traces.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn session(&self, session: &str) -> Result<Option<SessionView>, StoreError> {
        let traces = TraceQuery {
            session_id: Some(session.to_owned()),
            order: Order::Oldest,
            limit: 1000,
            ..TraceQuery::default()
        };
        let scores = ScoreQuery {
            session_id: Some(session.to_owned()),
            limit: 1000,
            ..ScoreQuery::default()
        };
        self.read(|db| {
            let row = people::session(db, session)?;
            row.map(|row| {
                Ok(SessionView {
                    session: row,
                    traces: lists::traces(db, &traces, &self.shared.options.clock)?.rows,
                    scores: scores::scores(db, &scores)?.rows,
                })
            })
            .transpose()
        })
    }

    /// Users by their last trace, the newest first. `cursor` is where the page before ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn users(&self, limit: usize, cursor: Option<&str>) -> Result<Page<UserRow>, StoreError> {
        self.read(|db| people::users(db, limit, cursor))
    }

    /// Traces that match over time, in about `bins` bins. Without `from` and `to` it covers all traces that match.
    /// Order, cursor and limit are ignored. Of a full-text search, the 1,000 newest traces are counted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn histogram(&self, query: &TraceQuery, bins: usize) -> Result<Histogram, StoreError> {
        self.read(|db| histogram::histogram(db, query, bins, &self.shared.options.clock))
    }

    /// Totals of a range of time, in nanoseconds since 1970. It is widened to whole periods.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn overview(&self, from_ns: i64, to_ns: i64) -> Result<Overview, StoreError> {
        self.read(|db| overview::overview(db, from_ns, to_ns))
    }

    /// Bytes that were uploaded, or announced.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn media(&self, id: &str) -> Result<Option<Media>, StoreError> {
        self.read(|db| views::media(db, id))
    }

    /// Names, users, models and so on that traces have, for the choices of a filter: at most 100 of each, the newest
    /// first. `field` is one of `name`, `environment`, `model`, `tag`, `release`, `version`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn values(&self, field: &str) -> Result<Vec<String>, StoreError> {
        self.read(|db| people::values(db, field))
    }

    /// Input, output and metadata of a trace: what the batch API gave the trace itself, else its root's. `None` if there
    /// is no such trace.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trace_bodies(&self, trace: &str) -> Result<Option<Bodies>, StoreError> {
        self.read(|db| views::bodies_of_trace(db, trace))
    }

    /// Whether the index of the full-text search has everything that was stored.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_indexed(&self) -> Result<bool, StoreError> {
        self.read(words::is_complete)
    }

    /// A trace with what its tree shows of each observation.
    pub(crate) fn outline(&self, trace: &str) -> Result<Option<TraceOutline>, StoreError> {
        self.read(|db| outline::outline(db, trace))
    }

    /// Input, output and metadata of a trace; without input and output, those of the observation where it begins.
    pub(crate) fn bodies_shown(&self, trace: &str) -> Result<Option<Bodies>, StoreError> {
        self.read(|db| outline::bodies_shown(db, trace))
    }

    /// Ids of observations of a trace that have these words; `true` if some may be missing.
    pub(crate) fn find_in_trace(
        &self,
        trace: &str,
        words: &str,
        at_most: usize,
    ) -> Result<(Vec<String>, bool), StoreError> {
        let search = Search::new(words);
        let clock = &self.shared.options.clock;
        self.read(|db| search::in_trace(db, &search, trace, at_most, clock))
    }

    /// Observations of all traces, for the read API, and where to go on if there may be more.
    pub(crate) fn observations(&self, query: &ObservationQuery) -> Result<views::Rows, StoreError> {
        self.read(|db| views::observations(db, query, &self.shared.options.clock))
    }

    pub(crate) fn count_observations(
        &self,
        conditions: &[(String, Vec<rusqlite::types::Value>)],
    ) -> Result<usize, StoreError> {
        self.read(|db| views::count_observations(db, conditions))
    }

    pub(crate) fn traces_of_page(
        &self,
        query: &TraceQuery,
        more: &Conditions,
        page: usize,
        parts: Parts,
    ) -> Result<(Vec<WholeTrace>, usize), StoreError> {
        self.read(|db| whole::page(db, query, more, page, parts))
    }

    pub(crate) fn sessions_of_page(
        &self,
        conditions: &Conditions,
        page: usize,
        limit: usize,
    ) -> Result<(Vec<(SessionRow, String)>, usize), StoreError> {
        self.read(|db| people::sessions_of_page(db, conditions, page, limit))
    }

    pub(crate) fn scores_of_page(
        &self,
        query: &ScoreQuery,
        more: Conditions,
        page: usize,
    ) -> Result<(Vec<ScoreRow>, usize), StoreError> {
        self.read(|db| scores::scores_of_page(db, query, more, page))
    }

    pub(crate) fn score(&self, id: &str) -> Result<Option<ScoreRow>, StoreError> {
        self.read(|db| scores::score(db, id))
    }
}
