"""A tool server with the official `mcp` package over standard input and output; its spans go to Langfuse by the official SDK."""

from langfuse import Langfuse
from langfuse.span_filter import is_default_export_span
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

# The package makes OpenTelemetry spans and reads the context in `_meta` (SEP-414).
langfuse = Langfuse(
    should_export_span=lambda span: is_default_export_span(span)
    or span.instrumentation_scope.name == "mcp-python-sdk"
)
server = MCPServer("weather-python")


@server.tool()
def forecast(city: str) -> str:
    """The weather of a city."""
    with langfuse.start_as_current_observation(name="look-up", as_type="retriever", input=city) as look_up:
        weather = None if city == "Atlantis" else "sun"
        look_up.update(output=weather)
    if weather is None:
        raise ToolError("there is no such city")
    return f"The sun shines in {city}."


server.run("stdio")
langfuse.flush()
