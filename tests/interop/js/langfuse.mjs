// The official JS SDK for the twins in this folder: loaded from the folder that TWIN_MODULES names, started, and shut down.

import { createRequire } from "node:module";

const require = createRequire(process.env.TWIN_MODULES);
const { LangfuseSpanProcessor } = require("@langfuse/otel");
const { NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { LangfuseClient, LangfuseMedia } = require("@langfuse/client");

export { LangfuseMedia };

export const { startActiveObservation, startObservation, propagateAttributes } = require("@langfuse/tracing");

const provider = new NodeTracerProvider({ spanProcessors: [new LangfuseSpanProcessor()] });
provider.register();

export const client = new LangfuseClient();

export async function flush() {
  await provider.forceFlush();
}

export async function shutdown() {
  await provider.shutdown();
  await client.shutdown();
}
