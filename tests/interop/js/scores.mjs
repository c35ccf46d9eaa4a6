// The twin of crates/tracefuse/examples/scores.rs.

import { client, propagateAttributes, shutdown, startActiveObservation } from "./langfuse.mjs";

const traceId = await propagateAttributes({ sessionId: "chat-17", traceName: "support-chat" }, () =>
  startActiveObservation("support-chat", (root) => {
    startActiveObservation(
      "answer",
      (span) => {
        span.update({ model: "gpt-4o", output: "It ships tomorrow." });
        client.score.observation(span, { name: "mentions-date", value: 1, dataType: "BOOLEAN" });
      },
      { asType: "generation" },
    );
    client.score.trace(root, {
      name: "quality",
      value: 0.9,
      comment: "short and right",
      metadata: { judge: { model: "gpt-4o-mini" } },
    });
    return root.traceId;
  }),
);

client.score.create({ traceId, name: "thumbs", value: "up", id: `${traceId}-thumbs` });
client.score.create({ sessionId: "chat-17", name: "note", value: "wants a refund all the same", dataType: "TEXT" });

await shutdown();
