//! Tools that are only found and shown: never asked, never swapped, their logins never touched.

pub mod copilot;
pub mod cursor;
pub mod gemini;
pub mod opencode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Whether a tool's login on disk could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// Usable.
    Usable,
    /// The bearer is past its time; the tool renews it.
    NeedsRefresh,
    /// A person must sign in again.
    LoginRequired,
    /// Nobody is signed in.
    SignedOut,
    /// Not readable now; perhaps being written.
    Unreadable,
}

/// The claims of a JSON web token, unchecked: good for showing, never for deciding who may do what.
#[must_use]
pub fn shown_claims(token: &str) -> Option<Value> {
    let part = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}
