"""The twin of crates/tracefuse/examples/llm_call.rs."""

from datetime import datetime, timezone

from langfuse import get_client, propagate_attributes
from langfuse.api import Prompt_Text
from langfuse.model import TextPromptClient

langfuse = get_client()

# A managed prompt as `get_prompt` gives it, without asking the server.
prompt = TextPromptClient(
    Prompt_Text(
        name="translate", version=3, prompt="Translate into French.", config={}, labels=[], tags=[]
    )
)

messages = [
    {"role": "system", "content": "Translate into French."},
    {"role": "user", "content": "Good morning"},
]

with langfuse.start_as_current_observation(name="translate"):
    with propagate_attributes(trace_name="translate"):
        with langfuse.start_as_current_observation(
            name="translation",
            as_type="generation",
            model="gpt-4o",
            model_parameters={"temperature": 0.2, "max_tokens": 64},
            prompt=prompt,
            input=messages,
        ) as span:
            span.update(completion_start_time=datetime.now(timezone.utc))
            span.update(
                usage_details={"input": 8, "input_cached_tokens": 16, "output": 3},
                cost_details={"total": 0.00021},
                output="Bonjour",
            )

langfuse.shutdown()
