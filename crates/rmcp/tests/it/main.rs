//! One tree across client and server, in one process, over standard input and output, and over HTTP.

mod answers;
mod duplex;
mod http;
mod support;
