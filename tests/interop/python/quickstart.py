"""The twin of crates/tracefuse/examples/quickstart.rs."""

from langfuse import get_client, propagate_attributes

langfuse = get_client()

with langfuse.start_as_current_observation(name="quickstart") as root:
    with propagate_attributes(user_id="user123", tags=["example"], trace_name="quickstart"):
        root.update(input="What is the capital of France?")
        with langfuse.start_as_current_observation(
            name="answer", as_type="generation", model="gpt-4o"
        ) as span:
            span.update(
                input="What is the capital of France?",
                usage_details={"input": 14, "output": 2},
                output="Paris",
            )
        root.update(output="Paris")

langfuse.shutdown()
