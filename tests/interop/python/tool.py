"""The twin of crates/tracefuse/examples/tool.rs."""

from langfuse import get_client, propagate_attributes

langfuse = get_client()


def call(tool, arguments):
    with langfuse.start_as_current_observation(name=tool, as_type="tool", input=arguments) as span:
        if tool != "calculator":
            raise ConnectionError("the weather service is down")
        span.update(output=51)
        return 51


with langfuse.start_as_current_observation(name="tools") as root:
    with propagate_attributes(trace_name="tools"):
        total = call("calculator", {"expression": "17 * 3"})
        for _ in range(2):
            try:
                call("weather", {"city": "Lyon"})
            except ConnectionError:
                pass
    root.update(output={"sum": total, "weather": None})

langfuse.shutdown()
