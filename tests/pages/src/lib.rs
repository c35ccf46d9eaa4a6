//! Tests of the viewer's pages in a browser.
#![forbid(unsafe_code)]
