//! One file per peer. A new peer is a new file and a line in `ALL`.

mod fastrace;
mod floor;
mod floor_chunk;
mod floor_http;
pub mod otel;
mod ours;
mod tracing_otel;
mod tracing_registry;

use crate::peer::{Peer, Target};

pub struct Entry {
    pub name: &'static str,
    /// Measured on the hot path.
    pub micro: bool,
    /// Has a switched-off mode.
    pub off: bool,
    /// Measured end to end.
    pub http: bool,
    pub open: fn(&Target) -> Box<dyn Peer>,
}

type Open = fn(&Target) -> Box<dyn Peer>;

const fn entry(name: &'static str, [micro, off, http]: [bool; 3], open: Open) -> Entry {
    Entry { name, micro, off, http, open }
}

const HOT: [bool; 3] = [true, false, false];
const HOT_OFF: [bool; 3] = [true, true, false];
const ALL_OF_IT: [bool; 3] = [true, true, true];
const WIRE: [bool; 3] = [false, false, true];

pub static ALL: &[Entry] = &[
    entry("floor-chunk-tsc", HOT, floor_chunk::open::<floor::Tsc, false>),
    entry("floor-chunk-reads", HOT, floor_chunk::open::<floor::Tsc, true>),
    entry("floor-chunk-system", HOT, floor_chunk::open::<floor::StdSystem, false>),
    entry("tracefuse", ALL_OF_IT, ours::run),
    entry("tracefuse-start", HOT, ours::start),
    entry("tracefuse-unsampled", [false, true, false], ours::unsampled),
    entry("tracefuse-no-room", [false, true, false], ours::no_room),
    entry("tracefuse-gzip", WIRE, ours::gzip),
    entry("tracefuse-block", WIRE, ours::block),
    entry("fastrace-local", ALL_OF_IT, fastrace::local),
    entry("fastrace-span", HOT_OFF, fastrace::shared),
    entry("tracing-registry", HOT_OFF, tracing_registry::open),
    entry("otel-sdk", HOT_OFF, otel::open),
    entry("tracing-otel", ALL_OF_IT, tracing_otel::open),
    entry("otel-otlp-proto", WIRE, otel::open),
    entry("floor-serialise-2", WIRE, floor_http::open),
    entry("floor-serialise-2-gzip", WIRE, floor_http::gzip),
];

pub fn find(name: &str) -> &'static Entry {
    ALL.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("no peer named {name}"))
}
