//! The cases: what a person does on the pages, and what must be seen.
//! Run by `main`, each with its own server and browser.

mod find;
mod hostile;
mod large;
mod lists;
mod looks;
mod media;
mod others;
mod traces;

use std::future::Future;
use std::pin::Pin;

use anyhow::Result;

use crate::view::View;

/// A case.
pub(crate) type Case = for<'a> fn(&'a View) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

macro_rules! cases {
    ($($name:literal => $case:path,)*) => {
        &[$(($name, |view| Box::pin($case(view)))),*]
    };
}

/// All cases by name.
pub(crate) const ALL: &[(&str, Case)] = cases! {
    "list" => lists::shows_the_newest_first,
    "empty" => lists::says_how_to_begin,
    "live" => lists::shows_what_arrives,
    "filter" => lists::filters_are_in_the_url,
    "search" => lists::search_finds_words_of_bodies,
    "list-keys" => lists::keys_move_and_open,
    "trace" => traces::shows_tree_detail_and_totals,
    "trace-keys" => traces::keys_move_fold_zoom_and_copy,
    "running" => traces::a_running_trace_is_no_failure,
    "axis" => traces::dragging_zooms,
    "access" => traces::a_screen_reader_gets_a_tree,
    "find" => find::words_of_texts_lead_to_their_spans,
    "notes" => find::what_langfuse_would_refuse_is_said,
    "media" => media::an_uploaded_picture_is_seen,
    "large" => large::fifty_thousand_spans,
    "hostile" => hostile::text_of_a_trace_is_never_code,
    "no-script" => hostile::lists_and_traces_work_without_scripts,
    "session" => others::a_session_is_a_line_of_time,
    "session-live" => others::a_session_follows_what_arrives,
    "keys-of-pages" => others::digits_go_to_the_pages,
    "users" => others::users_lead_to_their_traces,
    "compare" => others::two_traces_side_by_side,
    "overview" => others::plots_of_a_week,
    "dark" => looks::dark_follows_the_system_and_the_choice,
    "right-to-left" => looks::right_to_left_text_begins_on_the_right,
    "narrow" => looks::a_narrow_window_shows_everything,
};

/// Screenshots that are pictures of the guide.
pub(crate) const PICTURES: &[&str] = &[
    "list",
    "trace",
    "trace-dark",
    "session",
    "compare",
    "overview",
];
