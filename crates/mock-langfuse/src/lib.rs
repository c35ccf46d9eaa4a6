//! A local server that behaves as Langfuse does, refusals and faults included, for tests of any SDK.
