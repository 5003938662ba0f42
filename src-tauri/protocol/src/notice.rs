//! What a person is told: notices and refusals.

use super::Request;
use serde::{Deserialize, Serialize};

/// One message to the person, deduplicated by cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Notice {
    /// What it is about; the same cause is not told twice until it has ended.
    pub cause: String,
    /// Kind, for the person's switches: `swap_done`, `swap_failed`, `advice`, `sign_in`, …
    pub kind: String,
    /// One line.
    pub title: String,
    /// One or two sentences; labels only, no mail address.
    pub body: String,
    /// Buttons.
    pub actions: Vec<NoticeAction>,
}

/// A button of a notice and the request it sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct NoticeAction {
    /// Stable key (`swap`, `snooze`).
    pub key: String,
    /// The words on it.
    pub label: String,
    /// What it asks for; bound when the notice was made, so that a late click cannot mean another
    /// account.
    pub request: Request,
}

/// A refusal: what happened, what was kept, what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Refused {
    /// Stable code the front end may branch on: `unknown_account`, `live_account`, `busy`,
    /// `cooldown`, `keychain_locked`, `not_signed_in`, `stopped`, `timeout`, `invalid`,
    /// `REFRESH_TIMEOUT`, `VALIDATE_TIMEOUT`, `REFRESH_IN_PROGRESS`, …
    pub code: String,
    /// For people.
    pub text: String,
    /// Worth trying again after so many seconds.
    pub retry_after_s: Option<u64>,
}
