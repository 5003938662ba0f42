//! What only a person can mend, and its few words for a menu or a heading.

use crate::closed::closed;
use serde::{Deserialize, Serialize};
use sluice_engine::AccountId;

closed! {
    /// Something only a person can mend; the most urgent come first.
    Need {
        /// A swap could neither be finished nor undone.
        StuckSwap = "stuck_swap",
        /// The store of logins does not answer.
        Keychain = "keychain",
        /// What lies in the seat is not understood.
        SeatUnreadable = "seat_unreadable",
        /// The seat holds a login of a kind that is not kept.
        ForeignLogin = "foreign_login",
        /// The disk is full.
        DiskFull = "disk_full",
        /// The database cannot be written.
        Disk = "disk",
        /// The provider no longer takes a login.
        SignIn = "sign_in",
        /// A live login is no longer in the store.
        NotKept = "not_kept",
        /// Something to know, told at the start.
        Note = "note",
        /// Another place holds the same login.
        SharedLogin = "twin_login",
        /// The seat holds a login that is not kept yet.
        UnmanagedLogin = "unmanaged_login",
        /// Of another version.
        Other = "other",
    }
}

impl Need {
    /// What is the matter, in a few words after a name (`Studio: sign in again`).
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::StuckSwap => "a swap got stuck",
            Self::Keychain => "the keychain does not answer",
            Self::SeatUnreadable => "the login file cannot be read",
            Self::ForeignLogin => "the live login is of a kind that is not kept",
            Self::DiskFull => "the disk is full",
            Self::Disk => "the database cannot be written",
            Self::SignIn => "sign in again",
            Self::NotKept => "its login is not kept",
            Self::Note => "there is something to know",
            Self::SharedLogin => "its login is used twice",
            Self::UnmanagedLogin => "a new login is not kept yet",
            Self::Other => "needs you",
        }
    }
}

/// Something only a person can mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct NeedsYou {
    /// What is the matter.
    pub code: Need,
    /// The account concerned.
    pub account: Option<AccountId>,
    /// What happened, what was kept, what to do next.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_need_has_words_of_its_own() {
        let words: BTreeSet<&str> = Need::ALL.iter().map(|need| need.words()).collect();
        assert_eq!(words.len(), Need::ALL.len());
    }
}
