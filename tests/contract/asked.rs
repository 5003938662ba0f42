//! What is remembered of requests, and which paths wait.

use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use tokio::sync::watch;

/// A request of a tool or of the program under test, as it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
    /// `Host` header.
    pub host: String,
    /// `GET`, `POST`.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Mail address of the account whose bearer or refresh token came with it.
    pub account: Option<String>,
    /// `User-Agent` header.
    pub agent: String,
    /// The session, where the tool names one.
    pub session: Option<String>,
    /// HTTP status of the answer.
    pub status: u16,
}

/// What is remembered of requests, and which paths wait.
#[derive(Debug)]
pub struct Turns {
    pub(super) asked: VecDeque<Asked>,
    pub(super) held: watch::Sender<BTreeSet<String>>,
    /// What the next turns of Claude Code call instead of answering, first to last.
    pub(super) calls: VecDeque<(String, Value)>,
    pub(super) serial: u64,
}

impl Default for Turns {
    fn default() -> Self {
        let held = watch::Sender::new(BTreeSet::new());
        Self { asked: VecDeque::new(), held, calls: VecDeque::new(), serial: 0 }
    }
}
