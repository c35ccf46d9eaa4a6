//! The exporter trait of tracefuse: all that a plugin author names.
