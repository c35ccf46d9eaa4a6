"""Sends three pictures: as a data URI in a message, as `LangfuseMedia` in the output, and as `LangfuseMedia` in the metadata.
Then reads the observation back and puts the pictures in the place of their references."""

import base64

from langfuse import get_client
from langfuse.media import LangfuseMedia

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAEUlEQVR42m"
RED = PNG + "M4oaGBFTEMpAQAgPc0gTglveMAAAAASUVORK5CYII="
GREEN = PNG + "PQWBCAFTEMpAQAW3c0gad8fzYAAAAASUVORK5CYII="
BLUE = PNG + "PQCDiBFTEMpAQAd5U8ARSmJ+EAAAAASUVORK5CYII="


def uri(picture):
    return f"data:image/png;base64,{picture}"


langfuse = get_client()

question = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Which colour is this?"},
            {"type": "image_url", "image_url": {"url": uri(RED)}},
        ],
    }
]
with langfuse.start_as_current_observation(
    name="look", as_type="generation", model="gpt-4o", input=question
) as span:
    span.update(
        output={"text": "red", "sketch": LangfuseMedia(base64_data_uri=uri(GREEN))},
        metadata={
            "thumbnail": LangfuseMedia(
                content_type="image/png", content_bytes=base64.b64decode(BLUE)
            )
        },
    )
    trace_id = span.trace_id
langfuse.flush()

rows = langfuse.api.observations.get_many(trace_id=trace_id, fields="core,basic,io,metadata").data
assert len(rows) == 1, rows
row = rows[0]
stored = [str(row.input), str(row.output), str(row.metadata)]
assert all("@@@langfuseMedia:type=image/png" in text for text in stored), stored
for text, picture in zip(stored, [RED, GREEN, BLUE]):
    text = LangfuseMedia.resolve_media_references(
        obj=text, langfuse_client=langfuse, resolve_with="base64_data_uri"
    )
    assert uri(picture) in text, text

langfuse.shutdown()
