//! What the providers say: their usage, token and identity endpoints, and the signals their own
//! tools leave on this machine.
//!
//! Every parser is total: any bytes give a value and a list of [`Oddity`], never a panic. What a
//! provider did not say is `None`, never zero. Nothing here keeps a secret: bearer values and token
//! bodies pass through, are never logged, and are wiped when the call ends.

pub mod claude;
pub mod client;
pub mod codex;
pub mod endpoints;
pub mod failure;
pub mod json;
pub mod reading;
pub mod retry_after;
pub mod spoken;
pub mod tool;
pub mod words;

pub use claude::{Claude, Identity, ProfileReply, TokenReply, UsageReply};
pub use client::{Deadlines, Http};
pub use codex::Codex;
pub use endpoints::{EndpointError, Endpoints};
pub use failure::{FailureClass, ProviderError, Remedy};
pub use json::Oddity;
pub use retry_after::RetryAfter;
pub use tool::{Asking, Clients, Heard, Tool, reads_field, tool};
