//! The skip list: which account a failure keeps from being chosen, and what lifts it. The ledger holds it,
//! so that it is the same for the loop, for `sluice run` and for the hooks; the engine is given it for the
//! length of a decision.

use super::Core;
use crate::records::Record;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use sluice_engine::skip::Out;
use sluice_engine::{AccountId, LaneId, Now, Usage, Utc};

/// An account that waits for a sign-in is out for as long as any decision looks ahead.
const FAR_S: i64 = 365 * 86_400;

impl Core {
    /// Puts what stands between accounts and being chosen into the lane's gates; gives back what was
    /// there before.
    pub(super) fn lend_walls(&mut self, lane: LaneId, now: Now) -> BTreeMap<AccountId, Utc> {
        let Some(found) = self.world.lanes.iter_mut().find(|found| found.id == lane) else {
            return BTreeMap::new();
        };
        let before = found.gates.skips.clone();
        let wanted = found.gates.wanted_model.as_ref().filter(|(_, until)| *until > now.wall);
        let wanted = wanted.map(|(model, _)| model.clone());
        let model = found.model.clone().or(wanted);
        for (account, wall) in &self.walls {
            let until = match wall.out(now.wall, model.as_deref()) {
                None => continue,
                Some(Out::Until(at)) => at,
                Some(Out::UntilSignIn) => now.wall.plus_seconds(FAR_S),
            };
            let known = found.gates.skips.entry(*account).or_insert(until);
            *known = (*known).max(until);
        }
        before
    }

    /// Takes the walls out again: they are not the lane's to keep.
    pub(super) fn take_walls_back(&mut self, lane: LaneId, before: BTreeMap<AccountId, Utc>) {
        if let Some(found) = self.world.lanes.iter_mut().find(|found| found.id == lane) {
            found.gates.skips = before;
        }
    }

    /// What was recorded beside the loop. A login that a tool found refused needs the person.
    pub(super) fn on_walls(
        &mut self,
        mut walls: BTreeMap<AccountId, sluice_engine::skip::Wall>,
        now: Now,
    ) {
        // A look that began before the loop's own evidence was written does not undo it.
        for (account, wall) in &mut walls {
            let known = self.walls.get(account).and_then(|known| known.skip.as_ref());
            if let (Some(skip), Some(known)) = (&mut wall.skip, known)
                && skip.failed_at == known.failed_at
            {
                skip.served_at = skip.served_at.max(known.served_at);
            }
        }
        if walls == self.walls {
            return;
        }
        self.walls = walls;
        self.tell_refused_logins(now);
        for lane in self.world.lanes.iter().map(|lane| lane.id).collect::<Vec<_>>() {
            self.want_decision(lane, now);
        }
    }

    pub(super) fn tell_refused_logins(&mut self, now: Now) {
        let refused: Vec<AccountId> = self
            .walls
            .iter()
            .filter(|(_, wall)| wall.awaits_sign_in())
            .map(|(account, _)| *account)
            .collect();
        for account in refused {
            let usable = self.account(account).is_some_and(|found| found.login.is_usable());
            if usable {
                self.needs_sign_in(account, "a tool reported that its login is refused", now);
            }
        }
    }

    /// Its login was refused, and nobody has signed in since: no answer of an endpoint changes that.
    pub(super) fn awaits_sign_in(&self, account: AccountId) -> bool {
        self.walls.get(&account).is_some_and(sluice_engine::skip::Wall::awaits_sign_in)
    }

    /// Numbers came: they may show that the account serves again.
    pub(super) fn weigh_evidence(&mut self, account: AccountId, usage: &Usage, at: Utc) {
        let Some(wall) = self.walls.get_mut(&account) else { return };
        let Some(skip) = wall.skip.as_mut() else { return };
        if skip.served_at.is_some_and(|served| served > skip.failed_at)
            || !skip.lifted_by(usage, at)
        {
            return;
        }
        skip.served_at = Some(at);
        wall.breaker.succeeded();
        self.store(Record::Served { account, at }, super::Then::Nothing);
    }

    /// The login was exchanged for a new one: what a tool was refused with an older one is over. It
    /// says nothing of a full window.
    pub(super) fn renewed(&mut self, account: AccountId, now: Now) {
        if self.awaits_sign_in(account) {
            self.signed_in(account, now);
        }
    }

    /// The person signed in: the account may be tried again, at first by one probe where its breaker
    /// is open.
    pub(super) fn signed_in(&mut self, account: AccountId, now: Now) {
        let Some(wall) = self.walls.get_mut(&account) else { return };
        let Some(skip) = wall.skip.as_mut().filter(|skip| skip.out(now.wall, None).is_some())
        else {
            return;
        };
        skip.served_at = Some(now.wall);
        self.store(Record::SignedIn { account, at: now.wall }, super::Then::Nothing);
    }

    /// A swap to this account begins: a half-open breaker takes it for its one probe.
    pub(super) fn probe(&mut self, account: AccountId, at: Utc) {
        let Some(wall) = self.walls.get_mut(&account) else { return };
        if wall.breaker.open_until.is_some() {
            wall.breaker.admit(at);
            self.store(Record::Probed { account, at }, super::Then::Nothing);
        }
    }

    /// Until when a failure keeps an account out; `None` when it does not, or until a sign-in.
    pub(crate) fn rests_until(&self, account: AccountId, now: Utc) -> Option<Utc> {
        match self.walls.get(&account)?.out(now, None)? {
            Out::Until(at) => Some(at),
            Out::UntilSignIn => None,
        }
    }
}
