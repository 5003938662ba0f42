//! Faults on demand: what the provider does wrong, to whom, how often.

use serde::{Deserialize, Serialize};

/// Which endpoint is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// Usage.
    Usage,
    /// Token exchange.
    Token,
    /// Profile.
    Profile,
    /// Limit resets, where they have a place of their own.
    Resets,
    /// A turn of Claude Code.
    Messages,
    /// A turn of Codex.
    Responses,
}

impl Endpoint {
    /// The name in counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Token => "token",
            Self::Profile => "profile",
            Self::Resets => "resets",
            Self::Messages => "messages",
            Self::Responses => "responses",
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Answers with a status, without doing anything.
    Status {
        /// HTTP status.
        status: u16,
        /// Body; JSON in the provider's error shape when left out.
        body: Option<String>,
        /// `Retry-After`, as it stands.
        retry_after: Option<String>,
    },
    /// Answers 200 with this body.
    Body {
        /// The bytes, as text.
        body: String,
    },
    /// Lets the head of the answer wait.
    SlowHead {
        /// Real milliseconds.
        ms: u64,
    },
    /// Sends the answer byte by byte.
    Drip {
        /// Real milliseconds between bytes.
        ms: u64,
    },
    /// Announces more than it sends, then closes.
    WrongLength,
    /// Sends half the body without a length, then resets.
    HalfThenReset,
    /// Resets the connection before anything is done.
    Reset,
    /// Does what was asked, then resets: the answer is lost.
    LoseReply,
    /// Accepts and never answers.
    Hang,
    /// Sends a body without end.
    Endless,
}

/// A fault, waiting for its request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Which endpoint; every one when left out.
    pub on: Option<Endpoint>,
    /// Mail address of the account; every one when left out.
    pub account: Option<String>,
    /// How many requests it strikes; until cleared when left out.
    pub times: Option<u32>,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// Strikes the next request to `on`, whoever's.
    #[must_use]
    pub const fn once(on: Endpoint, kind: FaultKind) -> Self {
        Self { on: Some(on), account: None, times: Some(1), kind }
    }

    /// Strikes every request to `on` until cleared.
    #[must_use]
    pub const fn always(on: Endpoint, kind: FaultKind) -> Self {
        Self { on: Some(on), account: None, times: None, kind }
    }

    /// The same, for one account only.
    #[must_use]
    pub fn of(mut self, email: &str) -> Self {
        self.account = Some(email.to_owned());
        self
    }

    /// A status in the provider's own error shape.
    #[must_use]
    pub const fn status(status: u16) -> FaultKind {
        FaultKind::Status { status, body: None, retry_after: None }
    }
}

/// Takes the fault that strikes this request, if any.
pub(crate) fn take(
    faults: &mut Vec<Fault>,
    endpoint: Endpoint,
    email: Option<&str>,
) -> Option<FaultKind> {
    let struck = faults.iter().position(|fault| {
        let here = fault.on.is_none_or(|on| on == endpoint);
        let whose = fault.account.as_deref();
        here && (whose.is_none() || whose == email)
    })?;
    let fault = &mut faults[struck];
    let kind = fault.kind.clone();
    if let Some(left) = fault.times.as_mut() {
        *left = left.saturating_sub(1);
        if *left == 0 {
            faults.remove(struck);
        }
    }
    Some(kind)
}
