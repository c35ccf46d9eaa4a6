//! The attribute `#[observe]`: a function that records each of its calls as an observation.
//! Used through `tracefuse`, feature `macros`; what it writes names the facade's `__private` alone.
//! `args` reads the options, `signature` the function, `expand` writes.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;
use quote::quote;

mod args;
mod expand;
mod returned;
mod signature;
mod values;

/// Records each call of a function or method as a child of the current span.
///
/// Where no span is current, the call is a trace of the global tracer (`tracefuse::set_global`), with the function's name
/// and type. Without a global tracer the function runs and nothing is recorded; it is counted in `stats().outside_trace`
/// and reported once in the log.
///
/// The body runs in the new span, so what it calls nests below it; a panic is recorded and continues unwinding; a future
/// that is dropped is marked as cancelled.
///
/// # Streams
/// The span of a function that returns a stream ends with the stream and is current while the stream is polled; the first
/// item is the first token, and a stream that is dropped early is marked as cancelled. A return type is a stream if it is
/// written as `impl Stream<Item = ..>`, `Pin<Box<dyn Stream<Item = ..>>>` or `BoxStream`, also as the value of a `Result`
/// or of an `async fn`. For another name of the type write `stream`; `stream = false` ends the span when the function
/// returns. With `capture_output = true` the output is the items: text joined, anything else as a list. Of items that are
/// a `Result`, each `Err` is recorded. To read a provider's chunks, use `ObserveStream` in the body instead.
///
/// It works on functions and methods, sync and async, with generics, lifetimes and `impl Trait`; on
/// methods of `#[async_trait]` blocks; and on functions that end in `async move { .. }` or
/// `Box::pin(async move { .. })`. It moves nothing and asks for no bound, except `Serialize`
/// (or `Debug`) of what you want captured.
///
/// # Options
/// | option | without it |
/// | --- | --- |
/// | `name = "vector-search"` | the name of the function |
/// | `as_type = "tool"`: `span`, `generation`, `event`, `embedding`, `agent`, `tool`, `chain`, `retriever`, `evaluator`, `guardrail` | `span` |
/// | `capture(query, top_k)`: these arguments are the input, an object by their names; `self` can be among them | no input |
/// | `capture_input`: all arguments but `self` are the input | no input |
/// | `skip(key, ..)`: leaves these out of `capture_input` | none is left out |
/// | `skip_all`: says that no argument is captured | the same |
/// | `debug`: captures by `Debug` instead of `Serialize` | `Serialize` |
/// | `capture_output = true`: what is returned is the output, of a `Result` the value in `Ok` | no output |
/// | `err = false`: does not record an `Err` | an `Err` is recorded, level ERROR |
/// | `stream`, `stream = false`: what is returned is a stream, or is not | by the type as it is written |
/// | `crate = my::tracefuse`: where the facade is, if it was renamed or re-exported | `::tracefuse` |
///
/// Of an `Err`, type, message and sources are recorded if it is an `Error`; else its text by `Display`, else by `Debug`,
/// else its type alone.
///
/// # What it cannot see
/// A macro sees how a type is written, not what it is. A return type is a `Result` if its last name is
/// `Result`, as in `anyhow::Result<T>`; the `Err` of a type with another name is not recorded, and for a
/// type of your own that is named `Result` write `err = false`. A closure that is returned as
/// `impl Fn(&str)` has to write the types of its arguments.
///
/// The parent of an async function is the span that is current when its future is first polled, not the
/// one when it was called.
#[proc_macro_attribute]
pub fn observe(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let observed = syn::parse(args)
        .and_then(|options| expand::expand(&options, signature::function(item.clone())?));
    // The function is kept beside the error, so that its callers cause no further errors.
    observed
        .unwrap_or_else(|error| {
            let error = error.into_compile_error();
            quote!(#error #item)
        })
        .into()
}
