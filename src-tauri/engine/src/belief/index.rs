//! All accounts at one instant, built once and shared: each lane would otherwise build the same again.

use super::State;
use super::gauge::{Gauge, minutes};
use super::slot::Slot;
use crate::account::Account;
use crate::decision::Refusal;
use crate::gates::{self, Shares};
use crate::lane::Lane;
use crate::provider::Provider;
use crate::rule::Rule;
use crate::rules::Rules;
use crate::units::{AccountId, LaneId, Utc};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Accounts a lane looks at one by one; the rest of a larger pool is one aggregate.
pub(crate) const CLOSE: usize = 12;

/// One account at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub id: AccountId,
    pub provider: Provider,
    pub slot: Slot,
    pub seen_at: Option<f64>,
    /// Units left by the last reading alone.
    pub read_left: f64,
    /// The last reading said full, and that window has not ended.
    pub read_full: bool,
    /// Why a lane on it must leave, whatever is believed of its room.
    pub must_leave: Option<Rule>,
    /// All further use is paid, and the person allows it: nobody goes there who can go elsewhere.
    pub paid: bool,
    /// Why it may not be chosen by any lane; `Refusal::Eligible` when it may.
    pub refusal: Refusal,
}

impl Entry {
    /// It may be chosen, or may be again without anybody's doing once its slot says so.
    pub(crate) fn recovers(&self) -> bool {
        matches!(self.refusal, Refusal::Eligible | Refusal::Blocked | Refusal::WouldBill)
    }
}

/// The pool at one instant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    key: Option<(f64, u64)>,
    /// Sorted by id.
    pub entries: Vec<Entry>,
    /// Usable ones by the end of their week.
    by_reset: Vec<usize>,
    /// Usable open ones by the end of their window.
    by_end: Vec<usize>,
    /// The others by when they recover.
    by_recovery: Vec<usize>,
    /// Those whose further use is paid, by id.
    by_price: Vec<usize>,
    /// Median nominal size.
    pub median: f64,
    /// Lanes on each account.
    held: BTreeMap<AccountId, u32>,
    /// Every lane and its account, in the world's order.
    seats: Vec<(LaneId, Option<AccountId>)>,
}

/// A cache is never a difference between two worlds.
impl PartialEq for Index {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Index {
    /// Brings the index to `now`.
    pub(crate) fn refresh(
        state: &mut State,
        accounts: &[Account],
        lanes: &[Lane],
        (rules, wall): (&Rules, Utc),
    ) {
        let now = minutes(wall);
        let key = Some((now, state.revision));
        if state.index.key == key && state.index.follow(lanes) {
            return;
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(accounts.len());
        for account in accounts {
            let unread = Gauge::new(account);
            let gauge = state.gauges.get(&account.id).unwrap_or(&unread);
            entries.push(entry(account, gauge, (rules, wall), state.tuning.stale_min));
        }
        entries.sort_by_key(|entry| entry.id);
        let mut index = Self { key, entries, ..Self::default() };
        for lane in lanes {
            index.moved(None, lane.active);
            index.seats.push((lane.id, lane.active));
        }
        index.sort(now);
        state.index = index;
    }

    /// Lanes may have moved since, at this very instant. `false` where they are other lanes.
    fn follow(&mut self, lanes: &[Lane]) -> bool {
        let same = |(seat, lane): (&(LaneId, _), &Lane)| seat.0 == lane.id;
        if self.seats.len() != lanes.len() || !self.seats.iter().zip(lanes).all(same) {
            return false;
        }
        for (place, lane) in lanes.iter().enumerate() {
            let before = self.seats[place].1;
            if before != lane.active {
                self.moved(before, lane.active);
                self.seats[place].1 = lane.active;
            }
        }
        true
    }

    fn sort(&mut self, now: f64) {
        let entries = &self.entries;
        let able = |&at: &usize| entries[at].recovers();
        let (usable, spent): (Vec<usize>, Vec<usize>) =
            (0..entries.len()).filter(able).partition(|&at| entries[at].slot.usable(now));
        let sorted = |mut list: Vec<usize>, key: &dyn Fn(&Slot) -> f64| {
            list.sort_by(|&a, &b| {
                key(&entries[a].slot).total_cmp(&key(&entries[b].slot)).then(a.cmp(&b))
            });
            list
        };
        let open = usable.iter().copied().filter(|&at| entries[at].slot.open(now)).collect();
        let by_end = sorted(open, &|slot| slot.short_ends);
        let by_reset = sorted(usable, &|slot| slot.long_ends);
        let by_recovery = sorted(spent, &|slot| slot.recovers(now));
        self.by_price = (0..entries.len()).filter(|&at| entries[at].paid).collect();
        let mut sizes: Vec<f64> = entries.iter().map(|entry| entry.slot.short_cap).collect();
        sizes.sort_by(f64::total_cmp);
        self.median = sizes.get(sizes.len() / 2).copied().unwrap_or(1.0);
        (self.by_end, self.by_reset, self.by_recovery) = (by_end, by_reset, by_recovery);
    }

    pub(crate) fn find(&self, id: AccountId) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |entry| entry.id).ok()
    }

    fn moved(&mut self, from: Option<AccountId>, to: Option<AccountId>) {
        if let Some(count) = from.and_then(|from| self.held.get_mut(&from)) {
            *count = count.saturating_sub(1);
        }
        if let Some(to) = to {
            *self.held.entry(to).or_default() += 1;
        }
    }

    /// Whether a lane other than one on `active` holds the account.
    pub(crate) fn held(&self, id: AccountId, active: Option<AccountId>) -> bool {
        self.held.get(&id).copied().unwrap_or(0) > u32::from(active == Some(id))
    }

    /// The entries a lane on `here` looks at, sorted: all of a small pool, else the best by index.
    pub(crate) fn close(&self, provider: Provider, here: usize, seats: &[usize]) -> Vec<usize> {
        let ours = |&at: &usize| self.entries[at].provider == provider;
        let mut chosen: Vec<usize>;
        if self.entries.len() <= CLOSE + 2 {
            chosen = (0..self.entries.len()).filter(ours).collect();
        } else {
            chosen = Vec::with_capacity(2 * CLOSE);
            chosen.push(here);
            chosen.extend_from_slice(seats);
            let active = Some(self.entries[here].id);
            let free = |at: &usize| ours(at) && !self.held(self.entries[*at].id, active);
            let alone = chosen.len();
            chosen.extend(self.by_reset.iter().copied().filter(free).take(CLOSE / 2));
            if chosen.len() == alone {
                // Every usable one is taken: a shared one is better than none.
                chosen.extend(self.by_reset.iter().copied().filter(ours).take(CLOSE / 2));
            }
            chosen.extend(self.by_end.iter().copied().filter(free).take(CLOSE / 3));
            chosen.extend(self.by_recovery.iter().copied().filter(free).take(CLOSE / 4));
            chosen.extend(self.by_price.iter().copied().filter(ours).take(CLOSE / 4));
            chosen.sort_unstable();
            chosen.dedup();
        }
        chosen
    }
}

fn entry(account: &Account, gauge: &Gauge, (rules, wall): (&Rules, Utc), stale: f64) -> Entry {
    let now = minutes(wall);
    let mut slot = gauge.slot(now);
    let shares = Shares::read(&account.usage, wall);
    let mut refusal = gates::refused(account, shares, rules, wall);
    if refusal == Refusal::Eligible {
        refusal = untold(gauge.seen_at, now, stale);
    }
    let paid = gates::paid(&account.usage, shares, rules);
    let out = match refusal {
        Refusal::Blocked => account.usage.blocked_until().map_or(f64::INFINITY, minutes),
        // Paid by the piece: no reset makes it free.
        Refusal::WouldBill if account.usage.windowless() => f64::INFINITY,
        Refusal::Eligible if paid && account.usage.windowless() => f64::INFINITY,
        _ => f64::NEG_INFINITY,
    };
    slot.blocked_until = slot.blocked_until.max(out);
    Entry {
        id: account.id,
        provider: account.provider,
        slot,
        seen_at: gauge.seen_at,
        read_left: gauge.read_left(now),
        read_full: gauge.read_full(now),
        must_leave: gates::must_leave(account, shares, rules, wall),
        paid,
        refusal,
    }
}

/// Too little is known of it to choose it.
fn untold(seen_at: Option<f64>, now: f64, stale: f64) -> Refusal {
    let Some(seen) = seen_at else {
        cov_mark::hit!(plan_usage_unknown);
        return Refusal::UsageUnknown;
    };
    if now - seen > stale || seen > now + 1.0 {
        cov_mark::hit!(plan_stale);
        return Refusal::Stale;
    }
    Refusal::Eligible
}
