//! The journal of swaps as custody needs it: an intent before the outside changes, a settlement after. The
//! ledger implements it, so that custody knows no database.

use crate::error::RecordError;
use crate::login::{AccountKey, Fingerprint, VintageRef};
use serde::{Deserialize, Serialize};
use sluice_engine::{AccountId, Generation, LaneId, Provider};
use std::path::PathBuf;

/// The journal's row id of one intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntentId(pub i64);

/// An account as it takes part in a swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The ledger's id.
    pub account: AccountId,
    /// Whom the provider knows it as.
    pub key: AccountKey,
}

/// What is about to be done to a seat. Written durably before the seat is touched. No secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The lane that gets another account.
    pub lane: LaneId,
    /// The lane's generation when the swap was decided.
    pub generation: Generation,
    /// Whose seat.
    pub provider: Provider,
    /// The credential file, as the tool names it.
    pub seat: PathBuf,
    /// Who is live; `None` when the seat is empty.
    pub from: Option<Party>,
    /// Who is to be live.
    pub to: Party,
    /// What was in the seat.
    pub live: Option<Fingerprint>,
    /// What is to be in the seat.
    pub target: VintageRef,
    /// Names our files beside the seat; unique to this intent.
    pub tag: String,
}

/// A step of the placing swap that has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The live credential is in the vault.
    Captured,
    /// The new credential lies beside the live one, durably.
    Staged,
    /// Both have changed places.
    Exchanged,
    /// What came out lies under our parked name.
    Parked,
    /// The tool's configuration names the new account.
    Identified,
    /// The seat was read back and holds the new credential.
    Verified,
    /// A newer vintage found in what came out is in the vault.
    Folded,
}

impl Step {
    /// Every step in the order of the swap.
    pub const ALL: [Self; 7] = [
        Self::Captured,
        Self::Staged,
        Self::Exchanged,
        Self::Parked,
        Self::Identified,
        Self::Verified,
        Self::Folded,
    ];

    /// The stable lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Staged => "staged",
            Self::Exchanged => "exchanged",
            Self::Parked => "parked",
            Self::Identified => "identified",
            Self::Verified => "verified",
            Self::Folded => "folded",
        }
    }
}

/// How an intent ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SagaOutcome {
    /// The new account is live.
    Committed,
    /// The old account is live, as if nothing had happened.
    Undone {
        /// Stable code of the cause.
        code: String,
        /// For people.
        why: String,
    },
    /// Neither could be established; every file was kept and a person is told.
    Stuck {
        /// For people; names what was kept.
        why: String,
    },
}

/// An intent without a settlement, found at start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIntent {
    /// The row.
    pub id: IntentId,
    /// What was about to be done.
    pub intent: Intent,
    /// The last step recorded; later ones may have happened too.
    pub last: Option<Step>,
}

/// The ledger's journal as custody uses it.
pub trait Journal {
    /// Opens an intent; durable when it returns. Fails when the lane's generation is no longer the
    /// intent's (stale).
    fn intent(&mut self, intent: &Intent) -> Result<IntentId, RecordError>;
    /// Records a step that has been done. The row outlives this process; a power loss may take it,
    /// because recovery asks the files themselves how far a swap came.
    fn step(&mut self, id: IntentId, step: Step) -> Result<(), RecordError>;
    /// Closes the intent; durable when it returns.
    fn settle(&mut self, id: IntentId, outcome: &SagaOutcome) -> Result<(), RecordError>;
}

/// The ledger's pointer to the newest proven vintage of each account.
pub trait Pointers: Send + Sync {
    /// The pointer; `None` when nothing was ever stored for the account.
    fn current(&self, account: AccountId) -> Result<Option<VintageRef>, RecordError>;
    /// Moves the pointer; durable when it returns.
    fn advance(&self, account: AccountId, vintage: &VintageRef) -> Result<(), RecordError>;
}
