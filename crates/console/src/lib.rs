//! Shows tracefuse traces in the terminal: a tree with a waterfall, a line per span, or JSON lines.
