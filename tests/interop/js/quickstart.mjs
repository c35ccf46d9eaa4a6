// The twin of crates/tracefuse/examples/quickstart.rs.

import { propagateAttributes, shutdown, startActiveObservation } from "./langfuse.mjs";

await propagateAttributes({ userId: "user123", tags: ["example"], traceName: "quickstart" }, () =>
  startActiveObservation("quickstart", (root) => {
    root.update({ input: "What is the capital of France?" });
    startActiveObservation(
      "answer",
      (span) =>
        span.update({
          model: "gpt-4o",
          input: "What is the capital of France?",
          usageDetails: { input: 14, output: 2 },
          output: "Paris",
        }),
      { asType: "generation" },
    );
    root.update({ output: "Paris" });
  }),
);

await shutdown();
