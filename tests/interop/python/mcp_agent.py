"""An agent with the official `mcp` package: calls the tool `forecast` of each server whose command is given."""

import asyncio
import os
import sys

from langfuse import Langfuse, propagate_attributes
from langfuse.span_filter import is_default_export_span
from mcp import Client, StdioServerParameters

langfuse = Langfuse(
    should_export_span=lambda span: is_default_export_span(span)
    or span.instrumentation_scope.name == "mcp-python-sdk"
)


async def call(command: list[str]) -> str:
    server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    async with Client(server) as client:
        with langfuse.start_as_current_observation(name="agent-python", as_type="agent") as agent:
            with propagate_attributes(user_id="ada", as_baggage=True):
                result = await client.call_tool("forecast", {"city": "Lyon"})
                await client.call_tool("forecast", {"city": "Atlantis"})
            agent.update(output=result.content[0].text)
            return result.content[0].text


print(asyncio.run(call(sys.argv[1:])))
langfuse.flush()
