//! Lanes: which account is active where, since when, and the clocks of the gates.

use crate::provider::Provider;
use crate::units::{AccountId, Generation, LaneId, Utc};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The unit that has exactly one active account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Its row in the ledger.
    pub id: LaneId,
    /// Whose seat.
    pub provider: Provider,
    /// The active account; `None` while the seat is empty or unmanaged.
    pub active: Option<AccountId>,
    /// Fencing number.
    pub generation: Generation,
    /// The model this lane needs, when it needs a particular one.
    pub model: Option<alloc::string::String>,
    /// Clocks and streaks of the gates; journalled, so that a restart resets none.
    pub gates: Gates,
}

/// The gates' memory of one lane. Serialised whole into the ledger after each change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gates {
    /// The last attempt of any swap.
    pub last_attempt: Option<Utc>,
    /// The last committed swap or manual change; start of the residency.
    pub last_committed: Option<Utc>,
    /// Automatic swaps committed within the last hour, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Utc>,
    /// Failed attempts in a row.
    pub failed_attempts: u32,
    /// When the last attempt failed.
    pub last_failure: Option<Utc>,
    /// Automatic swaps rest until then (manual protection or the person's pause).
    pub paused_until: Option<Utc>,
    /// Emergence streak: the best candidate's tier and consecutive ticks.
    pub streak: Option<(u8, u32)>,
    /// Automatic swaps are off for this lane (seed: the setting is not true).
    pub off: bool,
    /// Target of the last swap that was decided.
    pub last_target: Option<AccountId>,
    /// Accounts that failed as targets lately, and until when they are skipped.
    pub skips: BTreeMap<AccountId, Utc>,
    /// The model a refused request of this lane needed, and until when that counts.
    pub wanted_model: Option<(alloc::string::String, Utc)>,
}
