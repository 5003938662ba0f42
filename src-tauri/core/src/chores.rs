//! What is done every hour or day, whatever happens: working hours expanded and old rows deleted, other places
//! searched for logins we keep, every kept login read back.

use super::effects::Effects;
use super::{AfterStore, Effect, Record};
use sluice_engine::{Calendar, Utc};

/// Other places are looked into for logins we keep this often, seconds.
const SHARED_LOGINS_S: i64 = 3_600;
/// What is kept is read back at least this often, seconds.
const READ_BACK_S: i64 = 24 * 3_600;
/// What could not be read, or is being stored again, is read once more after this, seconds.
const READ_BACK_SOON_S: i64 = 300;

/// When each of them is due.
#[derive(Clone, Debug, Default)]
pub(super) struct Chores {
    /// The working hours are expanded anew at the next midnight.
    calendar_until: Option<Utc>,
    /// When other places are looked into for logins we keep.
    shared_logins_due: Option<Utc>,
    /// When what is kept is read back next; `None`: now.
    read_back_due: Option<Utc>,
}

impl Chores {
    pub(super) fn calendar_came(&mut self, calendar: &Calendar, now: Utc) {
        self.calendar_until = calendar.midnights.iter().copied().find(|at| *at > now);
    }

    /// At the start and each midnight.
    pub(super) fn begin_day(&mut self, now: Utc, effects: &mut Effects) {
        self.calendar_until = None;
        effects.push(Effect::ExpandCalendar);
        effects.store(Record::Tidy { now }, AfterStore::Tidied);
    }

    fn is_midnight(&self, now: Utc) -> bool {
        self.calendar_until.is_some_and(|until| until <= now)
    }

    fn look_for_shared_logins(&mut self, keychain_answers: bool, now: Utc, effects: &mut Effects) {
        match self.shared_logins_due.filter(|due| *due > now) {
            Some(due) => effects.wake_by(Some(due)),
            None if keychain_answers => {
                self.shared_logins_due = Some(now.plus_seconds(SHARED_LOGINS_S));
                effects.push(Effect::LookForSharedLogins);
                effects.wake_by(self.shared_logins_due);
            }
            None => {}
        }
    }

    /// Its instant may lie far ahead now.
    pub(super) fn jumped(&mut self) {
        self.shared_logins_due = None;
    }

    /// Whether everything that is kept is read back now; the next time is a day later.
    pub(super) fn is_read_back_due(&mut self, now: Utc) -> bool {
        let is_due = self.read_back_due.is_none_or(|due| due <= now);
        if is_due {
            self.read_back_due = Some(now.plus_seconds(READ_BACK_S));
        }
        is_due
    }

    pub(super) const fn read_back_due(&self) -> Option<Utc> {
        self.read_back_due
    }

    /// Something that should be kept was not found: everything is read back now.
    pub(super) fn read_back_now(&mut self) {
        self.read_back_due = None;
    }

    pub(super) fn read_back_soon(&mut self, now: Utc) {
        let soon = now.plus_seconds(READ_BACK_SOON_S);
        self.read_back_due = Some(self.read_back_due.map_or(soon, |due| due.min(soon)));
    }

    pub(super) fn drive(&mut self, keychain_answers: bool, now: Utc, effects: &mut Effects) {
        if self.is_midnight(now) {
            self.begin_day(now, effects);
        }
        effects.wake_by(self.calendar_until);
        self.look_for_shared_logins(keychain_answers, now, effects);
    }
}
