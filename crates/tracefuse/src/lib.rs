//! The tracing SDK for LLM applications in Rust: records agents, generations, tools and retrievals and delivers them to Langfuse.
