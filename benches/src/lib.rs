//! tracefuse beside its peers: equal work behind one trait (`peer`), one file per peer (`peers`).
//! The programs in `bin` measure; `suite` starts them, interleaved, and judges. `cargo xtask bench` runs it.

pub mod http;
pub mod measure;
pub mod peer;
pub mod peers;
pub mod suite;
pub mod work;
