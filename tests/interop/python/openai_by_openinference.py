"""Phoenix's OpenInference instrumentation of the OpenAI client, against a server in this process that answers as OpenAI does.
Its spans go where OTEL_EXPORTER_OTLP_ENDPOINT says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

MODEL = "gpt-5-mini-2025-08-07"
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 12,
    "total_tokens": 52,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


def chat(message, reason, usage):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": usage,
    }


def chunk(choices, usage=None):
    return {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1767225600,
        "model": MODEL,
        "choices": choices,
        "usage": usage,
    }


class OpenAI(BaseHTTPRequestHandler):
    """Answers as OpenAI does."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if request["model"] == "gpt-0":
            error = {"message": "The model `gpt-0` does not exist", "code": "model_not_found"}
            return self.answer(404, {"error": error})
        if self.path.endswith("/embeddings"):
            return self.answer(
                200,
                {
                    "object": "list",
                    "model": "text-embedding-3-small",
                    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, 0.5]}],
                    "usage": {"prompt_tokens": 6, "total_tokens": 6},
                },
            )
        if request.get("stream"):
            return self.stream(
                [
                    chunk([{"index": 0, "delta": {"role": "assistant", "content": "18 "}}]),
                    chunk([{"index": 0, "delta": {"content": "degrees"}, "finish_reason": "stop"}]),
                    chunk([], {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}),
                ]
            )
        if request["messages"][-1]["role"] == "tool":
            message = {"role": "assistant", "content": "It is 18 degrees in Paris."}
            return self.answer(200, chat(message, "stop", USAGE))
        message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        self.answer(200, chat(message, "tool_calls", {**USAGE, "prompt_tokens_details": None}))

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, chunks):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for part in [*map(json.dumps, chunks), "[DONE]"]:
            self.wfile.write(f"data: {part}\n\n".encode())

    def log_message(self, *_):
        pass


provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)

server = ThreadingHTTPServer(("127.0.0.1", 0), OpenAI)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(
    base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="sk-test", max_retries=0
)

question = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How warm is it in Paris?"},
]
with (
    using_attributes(session_id="chat-17", user_id="ada", metadata={"shop": "north"}, tags=["web"]),
    trace.get_tracer("assistant").start_as_current_span(
        "assistant", attributes={"openinference.span.kind": "AGENT", "input.value": "How warm?"}
    ) as root,
):
    client.chat.completions.create(
        model="gpt-5-mini", messages=question, tools=[TOOL], temperature=0.2
    )
    result = {"role": "tool", "tool_call_id": "call_1", "content": '{"degrees": 18}'}
    call = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    client.chat.completions.create(model="gpt-5-mini", messages=[*question, call, result])
    stream = client.chat.completions.create(
        model="gpt-5-mini",
        messages=question,
        stream=True,
        stream_options={"include_usage": True},
    )
    assert "".join(c.choices[0].delta.content for c in stream if c.choices) == "18 degrees"
    client.embeddings.create(model="text-embedding-3-small", input="Paris")
    try:
        client.chat.completions.create(model="gpt-0", messages=question)
    except openai.NotFoundError:
        pass
    root.set_attribute("output.value", "It is 18 degrees in Paris.")

provider.shutdown()
server.shutdown()
