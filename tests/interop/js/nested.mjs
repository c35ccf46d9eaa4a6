// The twin of crates/tracefuse/examples/nested.rs.

import { propagateAttributes, shutdown, startActiveObservation, startObservation } from "./langfuse.mjs";

function checkStock(article) {
  startActiveObservation("check-stock", (span) => {
    span.update({ input: article });
    startObservation("cache-miss", { level: "DEBUG", metadata: { shard: 3 } }, { asType: "event" });
    span.update({ output: 12 });
  });
}

function charge() {
  startActiveObservation("charge", (span) => {
    span.update({ metadata: { currency: "EUR" } });
    throw new Error("the payment service did not answer");
  });
}

try {
  propagateAttributes({ sessionId: "session456", metadata: { version: "1.0" }, traceName: "order" }, () =>
    startActiveObservation("order", () => {
      startActiveObservation("validate", () => checkStock("blue lamp"));
      charge();
    }),
  );
} catch (error) {
  console.log(`the application sees its error as ever: ${error.message}`);
}

await shutdown();
