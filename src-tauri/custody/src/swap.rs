//! The placing swap: exchange, park, fold, verify; every step journalled, recovery walks backwards.

use crate::error::CustodyError;
use crate::journal::{IntentId, Party};
use crate::vault::VintageRef;
use serde::{Deserialize, Serialize};
use sluice_engine::{AccountId, Generation, LaneId, Provider};
use std::path::PathBuf;

/// What the driver asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapOrder {
    /// The lane.
    pub lane: LaneId,
    /// Its generation when the swap was decided.
    pub generation: Generation,
    /// Whose seat.
    pub provider: Provider,
    /// Who is live now; `None` for an empty or signed-out seat.
    pub from: Option<Party>,
    /// Who is to be live.
    pub to: Party,
}

/// A swap that is done: the new account is live and was read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swapped {
    /// The journal's row.
    pub intent: IntentId,
    /// Who was live.
    pub from: Option<AccountId>,
    /// Who is live.
    pub to: AccountId,
    /// The vintage that was placed.
    pub placed: VintageRef,
    /// The outgoing account's newest vintage.
    pub captured: Option<VintageRef>,
    /// Something that went less well than it should, for people; the swap stands.
    pub remarks: Vec<String>,
    /// Milliseconds from the order to the settlement.
    pub took_ms: u64,
    /// Milliseconds of these that the keychain took.
    pub keychain_ms: u64,
}

/// A swap that was not done.
#[derive(Debug)]
pub enum SwapFailure {
    /// Refused before any intent was written; the outside was not touched.
    Refused(CustodyError),
    /// Begun and undone; the old account is live. The intent is settled.
    Undone {
        /// The journal's row.
        intent: IntentId,
        /// Why.
        cause: CustodyError,
    },
    /// Neither finished nor undone. Every file was kept. A person is to be told.
    Stuck {
        /// The journal's row; open still when its settlement could not be written.
        intent: IntentId,
        /// Why.
        cause: CustodyError,
        /// Files that hold a credential and were left in place.
        kept: Vec<PathBuf>,
    },
}

impl SwapFailure {
    /// The cause.
    #[must_use]
    pub const fn cause(&self) -> &CustodyError {
        match self {
            Self::Refused(cause) | Self::Undone { cause, .. } | Self::Stuck { cause, .. } => cause,
        }
    }
}

/// What recovery found out about one open intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The journal's row.
    pub intent: IntentId,
    /// The lane.
    pub lane: LaneId,
    /// Who was to be live.
    pub to: AccountId,
    /// How it ended.
    pub outcome: crate::journal::SagaOutcome,
    /// Whether the settlement is in the journal; if not, the next start tries again.
    pub settled: bool,
    /// Files that hold a credential and were left in place.
    pub kept: Vec<PathBuf>,
}
