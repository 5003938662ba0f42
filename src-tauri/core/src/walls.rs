//! The skip list: which account a failure keeps from being chosen, and what lifts it. The ledger holds it,
//! so that it is the same for the loop, for `sluice run` and for the hooks; the engine is given it for the
//! length of a decision.

use super::effects::Effects;
use super::{AfterStore, Core};
use crate::records::Record;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use sluice_engine::skip::{Out, Skip, Softer, Wall};
use sluice_engine::{AccountId, LaneId, Now, Usage, Utc, World};

/// An account that waits for a sign-in is out for as long as any decision looks ahead.
const FAR_S: i64 = 365 * 86_400;

/// What failures left standing between accounts and being chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct SkipList {
    walls: BTreeMap<AccountId, Wall>,
}

impl SkipList {
    pub(super) const fn new(walls: BTreeMap<AccountId, Wall>) -> Self {
        Self { walls }
    }

    /// What is known against one account.
    pub(super) fn of(&self, account: AccountId) -> Wall {
        self.walls.get(&account).cloned().unwrap_or_default()
    }

    /// A failure was reported.
    pub(super) fn add(&mut self, account: AccountId, new: Skip) {
        let wall = self.walls.entry(account).or_default();
        wall.skip = Some(match wall.skip.take() {
            Some(known) => known.and(new),
            None => new,
        });
    }

    /// Its login was refused, and nobody has signed in since: no answer of an endpoint changes that.
    pub(super) fn awaits_sign_in(&self, account: AccountId) -> bool {
        self.walls.get(&account).is_some_and(Wall::awaits_sign_in)
    }

    fn awaiting_sign_in(&self) -> Vec<AccountId> {
        let found = self.walls.iter().filter(|(_, wall)| wall.awaits_sign_in());
        found.map(|(account, _)| *account).collect()
    }

    /// Takes up what was recorded beside the loop. Says whether it is another list than before.
    fn replace(&mut self, mut walls: BTreeMap<AccountId, Wall>) -> bool {
        // A look that began before the loop's own evidence was written does not undo it.
        for (account, wall) in &mut walls {
            let known = self.walls.get(account).and_then(|known| known.skip.as_ref());
            if let (Some(skip), Some(known)) = (&mut wall.skip, known)
                && skip.failed_at == known.failed_at
            {
                skip.served_at = skip.served_at.max(known.served_at);
            }
        }
        let changed = walls != self.walls;
        self.walls = walls;
        changed
    }

    /// Accounts that are out, and until when.
    fn out(&self, now: Utc, model: Option<&str>) -> Vec<(AccountId, Utc)> {
        let until = |wall: &Wall| match wall.out(now, model)? {
            Out::Until(at) => Some(at),
            Out::UntilSignIn => Some(now.plus_seconds(FAR_S)),
        };
        let walls = self.walls.iter();
        walls.filter_map(|(account, wall)| Some((*account, until(wall)?))).collect()
    }

    /// Puts what keeps accounts from being chosen into the lane's gates, for one decision; gives back what
    /// was there before.
    pub(super) fn apply(
        &self,
        lane: LaneId,
        world: &mut World,
        now: Utc,
    ) -> BTreeMap<AccountId, Utc> {
        let Some(found) = world.lane_mut(lane) else { return BTreeMap::new() };
        let before = found.gates.skips.clone();
        let wanted = found.gates.wanted_model.as_ref().filter(|(_, until)| *until > now);
        let wanted = wanted.map(|(model, _)| model.clone());
        let model = found.model.clone().or(wanted);
        for (account, until) in self.out(now, model.as_deref()) {
            let known = found.gates.skips.entry(account).or_insert(until);
            *known = (*known).max(until);
        }
        before
    }

    /// Until when a failure keeps an account out; `None` when it does not, or until a sign-in.
    pub(crate) fn rests_until(&self, account: AccountId, now: Utc) -> Option<Utc> {
        match self.walls.get(&account)?.out(now, None)? {
            Out::Until(at) => Some(at),
            Out::UntilSignIn => None,
        }
    }

    /// How work on an account goes on although it refuses more, and until when.
    pub(super) fn goes_on(
        &self,
        account: AccountId,
        now: Utc,
        model: Option<&str>,
    ) -> Option<(Softer, Utc)> {
        self.walls.get(&account)?.skip.as_ref()?.goes_on(now, model)
    }

    /// Numbers came: they may show that the account serves again.
    pub(super) fn weigh(
        &mut self,
        account: AccountId,
        usage: &Usage,
        at: Utc,
        effects: &mut Effects,
    ) {
        let Some(wall) = self.walls.get_mut(&account) else { return };
        let Some(skip) = wall.skip.as_mut() else { return };
        if skip.served_at.is_some_and(|served| served > skip.failed_at)
            || !skip.lifted_by(usage, at)
        {
            return;
        }
        skip.served_at = Some(at);
        wall.breaker.succeeded();
        effects.store(Record::Served { account, at }, AfterStore::Nothing);
    }

    /// The person signed in: the account may be tried again, at first by one probe where its breaker
    /// is open.
    pub(super) fn sign_in(&mut self, account: AccountId, now: Utc, effects: &mut Effects) {
        let skip = self.walls.get_mut(&account).and_then(|wall| wall.skip.as_mut());
        let Some(skip) = skip.filter(|skip| skip.out(now, None).is_some()) else { return };
        skip.served_at = Some(now);
        effects.store(Record::SignedIn { account, at: now }, AfterStore::Nothing);
    }

    /// The login was exchanged for a new one: what a tool was refused with an older one is over. It
    /// says nothing of a full window.
    pub(super) fn renewed(&mut self, account: AccountId, now: Utc, effects: &mut Effects) {
        if self.awaits_sign_in(account) {
            self.sign_in(account, now, effects);
        }
    }

    /// A swap to this account begins: a half-open breaker takes it for its one probe.
    pub(super) fn probe(&mut self, account: AccountId, at: Utc, effects: &mut Effects) {
        let Some(wall) = self.walls.get_mut(&account) else { return };
        if wall.breaker.open_until.is_some() {
            wall.breaker.admit(at);
            effects.store(Record::Probed { account, at }, AfterStore::Nothing);
        }
    }
}

impl Core {
    /// What was recorded beside the loop. A login that a tool found refused needs the person.
    pub(super) fn on_walls(&mut self, walls: BTreeMap<AccountId, Wall>, now: Now) {
        if !self.skips.replace(walls) {
            return;
        }
        self.tell_refused_logins(now);
        for lane in &self.world.lanes {
            self.lanes.want_decision(lane.id);
        }
    }

    pub(super) fn tell_refused_logins(&mut self, now: Now) {
        for account in self.skips.awaiting_sign_in() {
            let usable = self.world.account(account).is_some_and(|found| found.login.is_usable());
            if usable {
                self.needs_sign_in(account, "a tool reported that its login is refused", now);
            }
        }
    }
}
