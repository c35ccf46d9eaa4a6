//! Scores: on a trace and an observation while they run, and later, by an id that was kept.

use serde_json::json;
use tracefuse::score::ScoreValue;

fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;

    let id = tracer
        .trace("support-chat")
        .session_id("chat-17")
        .run(|trace| {
            trace.generation("answer").model("gpt-4o").run(|span| {
                span.set_output("It ships tomorrow.");
                // A judge that is code: recorded at the end of the statement.
                span.score("mentions-date", true).record();
            });
            trace
                .score("quality", 0.9)
                .comment("short and right")
                .metadata("judge", json!({ "model": "gpt-4o-mini" }))
                .record();
            trace.id()
        });

    // Later, when the user answers; the id went to them with the page.
    if let Some(id) = id {
        tracer
            .score_trace(id, "thumbs", "up")
            // The same id again replaces it, should they change their mind.
            .id(&format!("{id}-thumbs"))
            .record();
    }
    tracer
        .score_session(
            "chat-17",
            "note",
            ScoreValue::text("wants a refund all the same"),
        )
        .record();

    tracer.shutdown()?;
    Ok(())
}
