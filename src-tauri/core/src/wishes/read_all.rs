//! A reading of every account that a person asked for: one at a time, within a bound, with its progress in
//! the view.

use crate::effects::Effects;
use crate::ports::login_text;
use crate::seats::Seat;
use crate::{CallId, Core};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use sluice_engine::{AccountId, Now, Utc};
use sluice_protocol::{Answer, BulkView, Code, Mode};

/// The longest that a round takes, seconds.
const ROUND_S: u32 = 300;
/// Two rounds lie at least this far apart, seconds.
const APART_S: f64 = 30.0;

/// The round under way.
#[derive(Clone, Debug)]
struct Round {
    id: u64,
    call: CallId,
    left: BTreeSet<AccountId>,
    view: BulkView,
}

/// Rounds over all accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadAll {
    round: Option<Round>,
    ended_at: Option<Utc>,
}

impl ReadAll {
    /// How far the round under way has come.
    pub(crate) fn progress(&self) -> Option<BulkView> {
        self.round.as_ref().map(|round| round.view)
    }

    /// The reminder is the round's.
    pub(super) fn is_due(&self, id: u64) -> bool {
        self.round.as_ref().is_some_and(|round| round.id == id)
    }

    /// A reading has ended, perhaps one of the round.
    pub(super) fn count(
        &mut self,
        account: AccountId,
        read: bool,
        now: Utc,
        effects: &mut Effects,
    ) {
        let Some(round) = &mut self.round else { return };
        if !round.left.remove(&account) {
            return;
        }
        if read {
            round.view.read += 1;
        } else {
            round.view.failed += 1;
        }
        if round.left.is_empty() {
            self.end(now, effects);
        }
    }

    /// What has not come by now counts as failed. Gives back the accounts that are given up.
    pub(super) fn give_up(&mut self, now: Utc, effects: &mut Effects) -> BTreeSet<AccountId> {
        let Some(round) = &mut self.round else { return BTreeSet::new() };
        let left = core::mem::take(&mut round.left);
        round.view.failed += count(left.len());
        self.end(now, effects);
        left
    }

    fn end(&mut self, now: Utc, effects: &mut Effects) {
        let Some(round) = self.round.take() else { return };
        self.ended_at = Some(now);
        effects.answer(round.call, Answer::Bulk(round.view));
    }
}

impl Core {
    pub(crate) fn read_all(&mut self, call: CallId, now: Now) {
        if self.wishes.read_all.round.is_some() {
            let text = "Every account is being read already; its progress is in the view.";
            return self.effects.refuse(call, Code::RefreshInProgress, text);
        }
        if self.options.offline || self.settings.stopped {
            let text = "Nothing is read at the moment: start Sluice again, or `sluice daemon`.";
            return self.effects.refuse(call, Code::NotRunning, text);
        }
        let recent = self.wishes.read_all.ended_at.is_some_and(|at| {
            let since = now.wall.seconds_since(at);
            (0.0..APART_S).contains(&since)
        });
        let ids: Vec<_> = self.world.accounts.iter().map(|account| account.id).collect();
        let mut view = BulkView {
            begun_at_ms: now.wall.millis(),
            total: count(ids.len()),
            ..BulkView::default()
        };
        let mut left = BTreeSet::new();
        for id in ids {
            let wait = crate::polling::wish_wait_s(&self.world, id, now.wall);
            if recent || wait.is_some_and(|wait| wait >= u64::from(ROUND_S)) {
                view.throttled += 1;
            } else if self.cannot_be_read(id) {
                view.failed += 1;
            } else {
                left.insert(id);
            }
        }
        if left.is_empty() {
            return self.effects.answer(call, Answer::Bulk(view));
        }
        for id in &left {
            self.polls.want(*id);
        }
        let id = self.effects.remind(ROUND_S);
        self.wishes.read_all.round = Some(Round { id, call, left, view });
    }

    fn cannot_be_read(&self, id: AccountId) -> bool {
        let Some(account) = self.world.account(id) else { return true };
        let watched = account.enabled && self.settings.mode(account.provider) != Mode::Off;
        let seat = self.seats.seat(account.provider);
        let certain = !matches!(seat, None | Some(Seat::Unread));
        !watched || !certain || (!self.seats.is_live(id) && login_text(account.login).is_some())
    }
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}
