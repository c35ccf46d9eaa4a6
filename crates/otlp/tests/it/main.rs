//! The encoder against an independent decoder, the client against real sockets.

mod encoding;
