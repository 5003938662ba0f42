//! Everything that does not ship: the fake provider, the private desktop, simulators and harnesses.
//!
//! One module per area, each in its own folder beside this file; tests and commands on top of them
//! are `[[test]]` and `[[bin]]` entries in `Cargo.toml`.

pub mod bench;
pub mod contract;
pub mod desktop;
pub mod pace;
pub mod stage;
