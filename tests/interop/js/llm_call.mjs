// The twin of crates/tracefuse/examples/llm_call.rs.

import { propagateAttributes, shutdown, startActiveObservation } from "./langfuse.mjs";

const messages = [
  { role: "system", content: "Translate into French." },
  { role: "user", content: "Good morning" },
];

await propagateAttributes({ traceName: "translate" }, () =>
  startActiveObservation("translate", () => {
    startActiveObservation(
      "translation",
      (span) => {
        span.update({
          model: "gpt-4o",
          modelParameters: { temperature: 0.2, max_tokens: 64 },
          prompt: { name: "translate", version: 3, isFallback: false },
          input: messages,
        });
        span.update({ completionStartTime: new Date() });
        span.update({
          usageDetails: { input: 8, input_cached_tokens: 16, output: 3 },
          costDetails: { total: 0.00021 },
          output: "Bonjour",
        });
      },
      { asType: "generation" },
    );
  }),
);

await shutdown();
