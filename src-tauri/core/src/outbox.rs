//! Notices on their way: within the daily limit, and held over quiet hours.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use sluice_engine::Utc;
use sluice_protocol::{Cause, Notice, NoticeKind};

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

    pub(super) fn count(&mut self, kind: NoticeKind, at: Utc) {
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

    /// Whether the notice may be told now; then it counts. A swap counts towards nothing.
    pub(super) fn lets_through(&mut self, notice: &Notice, quiet: bool, now: Utc) -> bool {
        if quiet && !notice.kind.is_urgent() {
            return false;
        }
        if notice.kind.is_swap() {
            return true;
        }
        let has_room = self.has_room(notice.kind, now);
        if has_room {
            self.count(notice.kind, now);
        }
        has_room
    }

    /// Keeps a notice until it may be told, unless it is worth nothing by then. Gives back the one that
    /// had to go for it.
    pub(super) fn hold(&mut self, notice: Notice, now: Utc) -> Option<Notice> {
        if notice.kind.is_swap() {
            self.hold_swap(notice, now);
            return None;
        }
        if notice.kind.is_fleeting() {
            return None;
        }
        let full = self.held.len() >= HELD_MAX;
        let dropped = if full { self.held.pop_front() } else { None };
        self.held.push_back((notice, now));
        dropped.map(|(notice, _)| notice)
    }

    /// What is too old to be told any more.
    pub(super) fn drop_old(&mut self, now: Utc) -> Vec<Notice> {
        let is_old = |at: Utc| now.seconds_since(at) > AGE_MAX_S as f64;
        let held = core::mem::take(&mut self.held).into_iter();
        let (old, young): (VecDeque<_>, VecDeque<_>) = held.partition(|(_, at)| is_old(*at));
        self.held = young;
        old.into_iter().map(|(notice, _)| notice).collect()
    }

    /// What may be told now; the urgent first, news last.
    pub(super) fn release(&mut self, quiet: bool, now: Utc) -> Vec<Notice> {
        let mut held = core::mem::take(&mut self.held);
        held.make_contiguous()
            .sort_by_key(|(notice, _)| (!notice.kind.is_urgent(), notice.kind.is_news()));
        let mut released = Vec::new();
        for (notice, at) in held {
            if notice.kind.is_swap() && !quiet {
                released.push(self.with_swaps(notice));
            } else if !notice.kind.is_swap() && self.lets_through(&notice, quiet, now) {
                released.push(notice);
            } else {
                self.held.push_back((notice, at));
            }
        }
        released
    }
}
