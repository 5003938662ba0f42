//! Notices on their way: within the daily limit, held over quiet hours, stored before they are shown.

use super::{Core, Effect, Record, Then};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use sluice_engine::{Now, Utc};
use sluice_protocol::{Cause, Notice, NoticeKind, text};

/// Notices in 24 hours that nobody asked for, beside those of swaps; one more is kept free for what
/// needs the person, which is told at once and counts too.
const DAY_MAX: usize = 2;
/// Of these, how many may be mere news.
const NEWS_MAX: usize = 1;
/// A notice older than this is not shown any more, seconds.
pub const AGE_MAX_S: i64 = 12 * 3_600;
/// Held at once; the oldest go first.
const HELD_MAX: usize = 32;
const DAY_S: f64 = 86_400.0;

/// What waits, and what was told lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    held: VecDeque<(Notice, Utc)>,
    /// Swaps that stand in a held notice beside the newest, by its cause.
    swaps_before: BTreeMap<Cause, u32>,
    /// When something nobody asked for was told.
    day: VecDeque<Utc>,
    news: VecDeque<Utc>,
}

impl Outbox {
    /// The cause is over: what waits for it is not told any more.
    pub(super) fn forget(&mut self, cause: &Cause) {
        self.held.retain(|(notice, _)| notice.cause != *cause);
        self.swaps_before.remove(cause);
    }

    /// Holds a swap; the newest takes the place of the one that waits already.
    fn hold_swap(&mut self, notice: Notice, at: Utc) {
        let waiting = self.held.iter().position(|(held, _)| held.kind.is_swap());
        let older = waiting.and_then(|index| self.held.remove(index));
        let before = older
            .map_or(0, |(held, _)| 1 + self.swaps_before.remove(&held.cause).unwrap_or_default());
        if before > 0 {
            self.swaps_before.insert(notice.cause.clone(), before);
        }
        self.held.push_back((notice, at));
    }

    /// What was held says how many swaps stand behind it.
    fn with_swaps(&mut self, mut notice: Notice) -> Notice {
        match self.swaps_before.remove(&notice.cause) {
            None => {}
            Some(1) => notice.body.push_str(" One more swap came before it in the quiet hours."),
            Some(more) => notice
                .body
                .push_str(&format!(" {more} more swaps came before it in the quiet hours.")),
        }
        notice
    }

    fn count(&mut self, kind: NoticeKind, at: Utc) {
        self.day.push_back(at);
        if kind.is_news() {
            self.news.push_back(at);
        }
    }

    fn has_room(&mut self, kind: NoticeKind, now: Utc) -> bool {
        for told in [&mut self.day, &mut self.news] {
            told.retain(|at| now.seconds_since(*at) < DAY_S && *at <= now);
        }
        if kind.is_urgent() {
            return true;
        }
        self.day.len() < DAY_MAX && (!kind.is_news() || self.news.len() < NEWS_MAX)
    }
}

impl Core {
    /// Puts a notice out, or holds it until it may be told. What a person's own act brought about
    /// is told at once and counts towards nothing.
    pub(super) fn announce(&mut self, notice: Notice, prompted: bool, now: Now) {
        let wished = notice.kind.is_wished() && !self.is_quiet(now);
        if prompted || wished {
            return self.put_out(notice, now);
        }
        let quiet = self.is_quiet(now) && !notice.kind.is_urgent();
        if notice.kind.is_swap() {
            if quiet {
                return self.outbox.hold_swap(notice, now.wall);
            }
            return self.put_out(notice, now);
        }
        if !quiet && self.outbox.has_room(notice.kind, now.wall) {
            self.outbox.count(notice.kind, now.wall);
            return self.put_out(notice, now);
        }
        if notice.kind.is_fleeting() {
            return;
        }
        if self.outbox.held.len() >= HELD_MAX
            && let Some((notice, _)) = self.outbox.held.pop_front()
        {
            self.told.close(&notice.cause);
        }
        self.outbox.held.push_back((notice, now.wall));
    }

    /// Tells what was held and may be told now; the urgent first, news last.
    pub(super) fn release_held(&mut self, now: Now) {
        let quiet = self.is_quiet(now);
        let mut held = core::mem::take(&mut self.outbox.held);
        held.retain(|(notice, at)| {
            let young = now.wall.seconds_since(*at) <= AGE_MAX_S as f64;
            if !young {
                self.told.close(&notice.cause);
            }
            young
        });
        held.make_contiguous()
            .sort_by_key(|(notice, _)| (!notice.kind.is_urgent(), notice.kind.is_news()));
        for (notice, at) in held {
            let urgent = notice.kind.is_urgent();
            if notice.kind.is_swap() && !quiet {
                let notice = self.outbox.with_swaps(notice);
                self.put_out(notice, now);
            } else if (!quiet || urgent) && self.outbox.has_room(notice.kind, now.wall) {
                self.outbox.count(notice.kind, now.wall);
                self.put_out(notice, now);
            } else {
                self.outbox.held.push_back((notice, at));
            }
        }
    }

    fn put_out(&mut self, mut notice: Notice, now: Now) {
        // Names and the words of tools and providers stand in it.
        notice.title = text::one_line(&notice.title);
        notice.body = text::lines(&notice.body).into_owned();
        let notice = Box::new(notice);
        let record = Record::Notice { notice: notice.clone(), at: now.wall };
        self.effects.store(record, Then::Tell(notice, now.wall));
    }

    /// What the last driver told is not told again; what it wrote down and did not show is shown.
    pub(super) fn take_up_notices(
        &mut self,
        told: Vec<(Cause, NoticeKind, Utc)>,
        untold: Vec<(i64, Utc, Notice)>,
        now: Now,
    ) {
        if self.options.offline {
            return;
        }
        for (cause, kind, at) in told {
            if !kind.is_swap() && !kind.is_wished() && now.wall.seconds_since(at) < DAY_S {
                self.outbox.count(kind, at);
            }
            if kind.is_episode() {
                self.told.reopen(cause, at);
            }
        }
        for (row, at, notice) in untold {
            let fresh = now.wall.seconds_since(at) <= AGE_MAX_S as f64;
            if fresh && !self.told.is_snoozed(&notice.cause, now.wall) {
                self.told.reopen(notice.cause.clone(), at);
                if !notice.kind.is_swap() {
                    self.outbox.count(notice.kind, at);
                }
                self.effects.push(Effect::Tell { notice: Box::new(notice), row: Some(row), at });
            }
        }
    }
}
