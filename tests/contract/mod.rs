//! The fake provider: Claude's and Codex's endpoints on loopback, their official tools, and a
//! person at work.
//!
//! ```no_run
//! use sluice_tests::contract::{AccountSpec, FakeProvider, Setup, Tool};
//! let fake = FakeProvider::start(Setup::of(vec![AccountSpec::new("a@example.test", 40.0, 30.0)]));
//! let tool = Tool::in_config_dir(std::path::Path::new("/tmp/home/.claude"));
//! tool.sign_in(fake.world(), "a@example.test");
//! // start Sluice with `fake.env()` in its environment
//! ```
//!
//! Everything can be moved from Rust through [`World`] or from outside under `/__admin/`.

pub mod accounts;
mod admin;
mod answers;
mod asked;
pub mod clock;
pub mod codex;
pub mod faults;
pub mod http;
pub mod rivals;
pub mod routes;
mod server;
pub mod tokens;
pub mod tool;
pub mod turns;
pub mod world;

pub use accounts::AccountSpec;
pub use asked::Asked;
pub use clock::FakeClock;
pub use codex::CodexTool;
pub use faults::{Endpoint, Fault, FaultKind};
pub use server::FakeProvider;
pub use tool::{Refreshed, Tool, WriteStyle};
pub use world::{Setup, Work, World};
