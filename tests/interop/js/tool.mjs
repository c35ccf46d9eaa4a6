// The twin of crates/tracefuse/examples/tool.rs.

import { propagateAttributes, shutdown, startActiveObservation } from "./langfuse.mjs";

function call(tool, args) {
  return startActiveObservation(
    tool,
    (span) => {
      span.update({ input: args });
      if (tool !== "calculator") {
        throw new Error("the weather service is down");
      }
      span.update({ output: 51 });
      return 51;
    },
    { asType: "tool" },
  );
}

await propagateAttributes({ traceName: "tools" }, () =>
  startActiveObservation("tools", (root) => {
    const sum = call("calculator", { expression: "17 * 3" });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        call("weather", { city: "Lyon" });
      } catch {
        // Tried once more.
      }
    }
    root.update({ output: { sum, weather: null } });
  }),
);

await shutdown();
