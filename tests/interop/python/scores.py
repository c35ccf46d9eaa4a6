"""The twin of crates/tracefuse/examples/scores.rs."""

from langfuse import get_client, propagate_attributes

langfuse = get_client()

with langfuse.start_as_current_observation(name="support-chat") as root:
    with propagate_attributes(session_id="chat-17", trace_name="support-chat"):
        with langfuse.start_as_current_observation(
            name="answer", as_type="generation", model="gpt-4o"
        ) as span:
            span.update(output="It ships tomorrow.")
            span.score(name="mentions-date", value=1, data_type="BOOLEAN")
        root.score_trace(
            name="quality",
            value=0.9,
            comment="short and right",
            metadata={"judge": {"model": "gpt-4o-mini"}},
        )
    trace_id = root.trace_id

langfuse.create_score(
    trace_id=trace_id, name="thumbs", value="up", score_id=f"{trace_id}-thumbs"
)
langfuse.create_score(
    session_id="chat-17", name="note", value="wants a refund all the same", data_type="TEXT"
)

langfuse.shutdown()
