//! Waits for a tool that may be renewing the login in its seat: Codex.
//!
//! Codex asks the provider first and takes its locks only to save. If it then finds another account in its
//! file, it throws the new pair away: the old one is spent, and the login is lost. No lock shows that it is
//! asking. That it runs, and that the login is due, does.

use crate::Custody;
use crate::clock::{self, Stopwatch};
use crate::error::CustodyError;
use crate::files::{Place, Read};
use crate::lease;
use crate::processes::AtWork;
use crate::seats::tool;
use crate::swap::{Live, SwapOrder};

/// Codex renews what ends within five minutes; a minute more for its way to the provider and back.
const DUE_S: f64 = 360.0;
/// Pause between two looks at the file.
const LOOK_MS: u64 = 100;

impl Custody {
    /// Refuses while the tool may be asking for the successor of what is live.
    pub(crate) fn check_not_renewing(
        &self,
        order: &SwapOrder,
        live: &Live,
    ) -> Result<(), CustodyError> {
        if !live.renewable {
            return Ok(());
        }
        // An end that is not known may be near.
        let left = live.access_expires_at.map(|ends| ends.seconds_since(clock::login_now()));
        if left.is_some_and(|left| left > DUE_S) {
            return Ok(());
        }
        let Some(seat) = self.config.seats.of(order.provider) else { return Ok(()) };
        match tool(order.provider).renewing(seat) {
            AtWork::Nobody => Ok(()),
            AtWork::Process(pid) => Err(CustodyError::ToolRenews { process: Some(pid) }),
            AtWork::Unknown => Err(CustodyError::ToolRenews { process: None }),
        }
    }

    /// Waits until the tool has written what it may be asking for, or is gone; at most as long as for
    /// the tools' locks. What it wrote is live and captured then.
    pub(crate) fn wait_for_renewal(
        &self,
        place: &Place,
        order: &SwapOrder,
        live: &mut Live,
        waiting: Stopwatch,
    ) -> Result<(), CustodyError> {
        while let Err(renews) = self.check_not_renewing(order, live) {
            if waiting.elapsed() >= lease::TOOL_WAIT_MAX {
                return Err(renews);
            }
            clock::rest(LOOK_MS);
            let unchanged = match (place.read(&place.name), &live.bytes) {
                (Read::Bytes(now), Some(before)) => now.same(before),
                (Read::Absent, None) => true,
                _ => false,
            };
            if !unchanged {
                *live = self.look(place, order)?;
                self.capture_live(order, live)?;
            }
        }
        Ok(())
    }
}
