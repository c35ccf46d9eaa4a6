// Sends three pictures: as a data URI in a message, as `LangfuseMedia` in the output, and as `LangfuseMedia` in the metadata.
// Then reads the observation back and puts the pictures in the place of their references.

import assert from "node:assert";

import { client, flush, LangfuseMedia, shutdown, startActiveObservation } from "./langfuse.mjs";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAEUlEQVR42m";
const RED = `${PNG}M4oaGBFTEMpAQAgPc0gTglveMAAAAASUVORK5CYII=`;
const GREEN = `${PNG}PQWBCAFTEMpAQAW3c0gad8fzYAAAAASUVORK5CYII=`;
const BLUE = `${PNG}PQCDiBFTEMpAQAd5U8ARSmJ+EAAAAASUVORK5CYII=`;
const uri = (picture) => `data:image/png;base64,${picture}`;

const traceId = startActiveObservation(
  "look",
  (span) => {
    span.update({
      model: "gpt-4o",
      input: [
        {
          role: "user",
          content: [
            { type: "text", text: "Which colour is this?" },
            { type: "image_url", image_url: { url: uri(RED) } },
          ],
        },
      ],
      output: { text: "red", sketch: new LangfuseMedia({ source: "base64_data_uri", base64DataUri: uri(GREEN) }) },
      metadata: {
        thumbnail: new LangfuseMedia({ source: "bytes", contentType: "image/png", contentBytes: Buffer.from(BLUE, "base64") }),
      },
    });
    return span.traceId;
  },
  { asType: "generation" },
);
await flush();

const { data } = await client.api.observations.getMany({ traceId, fields: "core,basic,io,metadata" });
assert.equal(data.length, 1);
const stored = [data[0].input, data[0].output, data[0].metadata].map((value) => JSON.stringify(value));
for (const [place, picture] of [RED, GREEN, BLUE].entries()) {
  assert.match(stored[place], /@@@langfuseMedia:type=image\/png/);
  const text = await client.media.resolveReferences({ obj: stored[place], resolveWith: "base64DataUri" });
  assert.ok(text.includes(uri(picture)), text);
}

await shutdown();
