//! The database: what it promises, and what it does when its file is damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod corruption;
mod files;
mod history;
mod journal;
#[path = "../../../../tests/pace.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod pace;
mod resets;
mod retention;
mod support;
