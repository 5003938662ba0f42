//! How the parts outside do: the keychain, and who has not answered within its deadline. While one of them is
//! in trouble nothing is written to a seat.

use super::Port;
use crate::ports::Health;
use alloc::collections::BTreeSet;

/// What is known of the parts outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct PortHealth {
    keychain: Health,
    hanging: BTreeSet<Port>,
}

impl PortHealth {
    pub(super) fn keychain_answers(&self) -> bool {
        self.keychain == Health::Ok
    }

    /// Says whether that is news.
    pub(super) fn set_keychain(&mut self, health: Health) -> bool {
        core::mem::replace(&mut self.keychain, health.clone()) != health
    }

    pub(super) fn overdue(&mut self, port: Port) {
        self.hanging.insert(port);
    }

    pub(super) fn answering(&mut self, port: Port) {
        self.hanging.remove(&port);
    }

    pub(super) fn is_hanging(&self, port: Port) -> bool {
        self.hanging.contains(&port)
    }

    /// Why no seat may be written to now, for people.
    pub(super) fn bar(&self) -> Option<&'static str> {
        Some(match self.keychain {
            Health::Ok if self.is_hanging(Port::Moves) => {
                "The last swap has not answered yet; nothing else is started."
            }
            Health::Ok if self.is_hanging(Port::Ledger) => {
                "The database does not answer; without a journal nothing is swapped."
            }
            Health::Ok => return None,
            Health::Locked => {
                "The keychain (or the file vault) is locked. Unlock it; Sluice only watches until then."
            }
            Health::Absent => {
                "There is no keychain. Start one (for example gnome-keyring); Sluice only watches \
                 until then."
            }
            Health::Hanging => "The keychain does not answer. Sluice only watches until it does.",
        })
    }
}
