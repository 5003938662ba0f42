//! Notices: one per cause until it has ended, silenced by snooze and by quiet hours. A condition lasts for many
//! decisions, and the person hears of it once.

use super::effects::Effects;
use super::outbox::{AGE_MAX_S, Outbox};
use super::{AfterStore, Effect, Record};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use sluice_engine::Utc;
use sluice_protocol::{Cause, NeedsYou, Notice, NoticeKind, text};

/// Causes remembered at once; the oldest are forgotten first.
const CAUSES_MAX: usize = 512;
/// What was told within this time counts towards the daily limit, seconds.
const DAY_S: f64 = 86_400.0;

/// What has been told, what is silenced, what waits, and what only a person can mend.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    open: BTreeMap<Cause, Utc>,
    snoozed: BTreeMap<Cause, Utc>,
    /// Snoozed by a person since the start: asked to be told again.
    again: BTreeSet<Cause>,
    /// Things only a person can mend, by cause.
    needs: BTreeMap<Cause, NeedsYou>,
    outbox: Outbox,
}

impl Notices {
    pub(super) fn new(snoozed: BTreeMap<Cause, Utc>) -> Self {
        Self { snoozed, ..Self::default() }
    }

    /// Told before, by another driver perhaps.
    pub(super) fn reopen(&mut self, cause: Cause, at: Utc) {
        if self.open.len() < CAUSES_MAX {
            self.open.insert(cause, at);
        }
    }

    pub(super) fn is_open(&self, cause: &Cause) -> bool {
        self.open.contains_key(cause)
    }

    /// It is told or snoozed.
    pub(super) fn knows(&self, cause: &Cause) -> bool {
        self.is_open(cause) || self.snoozed.contains_key(cause)
    }

    /// The cause of an episode that ends with this reset: `of` an hour. One that is told or snoozed
    /// already is taken up again while its reset wanders by less than an hour.
    pub(super) fn episode(&self, of: impl Fn(i64) -> Cause, reset: Option<Utc>) -> Cause {
        let hour = episode(reset);
        let near = [hour, hour - 1, hour + 1].into_iter().map(&of);
        near.into_iter().find(|cause| self.knows(cause)).unwrap_or_else(|| of(hour))
    }

    pub(super) fn snooze(&mut self, cause: &Cause, until: Utc) {
        self.snoozed.insert(cause.clone(), until);
        self.open.remove(cause);
        if self.again.len() < CAUSES_MAX {
            self.again.insert(cause.clone());
        }
    }

    /// The cause has ended; should it come back it is told again.
    pub(super) fn end(&mut self, cause: &Cause) {
        self.outbox.forget(cause);
        self.open.remove(cause);
        self.needs.remove(cause);
    }

    pub(super) fn need(&mut self, cause: Cause, need: NeedsYou) {
        self.needs.insert(cause, need);
    }

    /// Things only a person can mend, most urgent first.
    pub(crate) fn needs(&self) -> Vec<NeedsYou> {
        let mut needs: Vec<_> = self.needs.values().cloned().collect();
        needs.sort_by_key(|need| need.code);
        needs
    }

    /// Tells of a cause that is neither open nor snoozed: at once or when it may be told. What is
    /// `prompted` by an act of the person is told at once.
    pub(super) fn tell(
        &mut self,
        notice: Notice,
        (prompted, quiet): (bool, bool),
        now: Utc,
        effects: &mut Effects,
    ) {
        let cause = &notice.cause;
        if self.is_open(cause) {
            return;
        }
        self.snoozed.retain(|_, until| *until > now);
        if self.snoozed.contains_key(cause) {
            return;
        }
        if self.open.len() >= CAUSES_MAX
            && let Some(oldest) = self.open.iter().min_by_key(|(_, at)| **at)
        {
            let oldest = oldest.0.clone();
            self.open.remove(&oldest);
        }
        self.open.insert(cause.clone(), now);
        let prompted = prompted || self.again.remove(cause);
        let wished = notice.kind.is_wished() && !quiet;
        if prompted || wished || self.outbox.lets_through(&notice, quiet, now) {
            return put_out(notice, now, effects);
        }
        if let Some(dropped) = self.outbox.hold(notice, now) {
            self.open.remove(&dropped.cause);
        }
    }

    /// Tells what was held and may be told now.
    pub(super) fn release(&mut self, quiet: bool, now: Utc, effects: &mut Effects) {
        for old in self.outbox.drop_old(now) {
            self.open.remove(&old.cause);
        }
        for notice in self.outbox.release(quiet, now) {
            put_out(notice, now, effects);
        }
    }

    /// What the last driver told is not told again; what it wrote down and did not show is shown.
    pub(super) fn take_up(
        &mut self,
        told: Vec<(Cause, NoticeKind, Utc)>,
        untold: Vec<(i64, Utc, Notice)>,
        now: Utc,
        effects: &mut Effects,
    ) {
        for (cause, kind, at) in told {
            if !kind.is_swap() && !kind.is_wished() && now.seconds_since(at) < DAY_S {
                self.outbox.count(kind, at);
            }
            if kind.is_episode() {
                self.reopen(cause, at);
            }
        }
        for (row, at, notice) in untold {
            let fresh = now.seconds_since(at) <= AGE_MAX_S as f64;
            let snoozed = self.snoozed.get(&notice.cause).is_some_and(|until| *until > now);
            if fresh && !snoozed {
                self.reopen(notice.cause.clone(), at);
                if !notice.kind.is_swap() {
                    self.outbox.count(notice.kind, at);
                }
                effects.push(Effect::Tell { notice: Box::new(notice), row: Some(row), at });
            }
        }
    }
}

/// It is stored before it is shown.
fn put_out(mut notice: Notice, now: Utc, effects: &mut Effects) {
    // Names and the words of tools and providers stand in it.
    notice.title = text::one_line(&notice.title);
    notice.body = text::lines(&notice.body).into_owned();
    let notice = Box::new(notice);
    let record = Record::Notice { notice: notice.clone(), at: now };
    effects.store(record, AfterStore::Tell(notice, now));
}

/// One episode ends with its reset, to the hour.
fn episode(reset: Option<Utc>) -> i64 {
    reset.map_or(0, |at| at.millis().saturating_add(1_800_000).div_euclid(3_600_000))
}
