//! Seats: which login lies where, and what follows when that changes without us.

use super::{Core, Effect, Seat, SeatBook};
use crate::ports::{Kept, Recovered, SeatLogin, SeatReport, Trouble};
use alloc::vec::Vec;
use sluice_engine::{AccountId, Login, Now, Provider};

/// A seat is looked into at least this often, seconds; changes are seen at once by the watcher.
const SEAT_S: i64 = 120;

/// A configuration that names another account is looked after for so long, seconds.
const MISNAMED_S: i64 = 30;
/// An open swap that could not be settled is looked at again after this, seconds.
const RECOVER_AGAIN_S: i64 = 300;
/// Two ends of a login this close belong to one sign-in, seconds.
const SAME_SIGN_IN_S: f64 = 10.0;

impl Core {
    /// Asks for one look into a seat; a second wish while one is under way asks for one more.
    pub(super) fn read_seat(&mut self, provider: Provider) {
        let book = self.seats.entry(provider).or_default();
        if book.reading {
            book.read_again = true;
            return;
        }
        book.reading = true;
        self.out.push(Effect::ReadSeat(provider));
    }

    pub(super) fn drive_seats(&mut self, now: Now) {
        for provider in self.providers() {
            let due = self.seats.get(&provider).and_then(|book| book.due);
            if due.is_some_and(|due| due <= now.wall) {
                self.read_seat(provider);
            } else {
                self.wake_by(due);
            }
        }
    }

    pub(super) fn on_seat(&mut self, provider: Provider, report: SeatReport, now: Now) {
        let swapping = self.swap.as_ref().is_some_and(|swap| swap.order.provider == provider);
        let book = self.seats.entry(provider).or_default();
        book.reading = false;
        book.due = Some(now.wall.plus_seconds(SEAT_S));
        if core::mem::take(&mut book.read_again) || swapping {
            // What was read may be older than what happened since; while a swap runs it owns the
            // seat and its end asks for another look.
            if !swapping {
                self.read_seat(provider);
            }
            if book_is_read(self.seats.get(&provider)) {
                return;
            }
        }
        match report {
            SeatReport::Absent | SeatReport::Stub => self.on_empty(provider, now),
            SeatReport::Unreadable(text) => self.leave_alone(provider, Seat::Unreadable(text), now),
            SeatReport::Foreign(text) => {
                self.leave_alone(provider, Seat::Foreign(text), now);
                self.set_active(provider, None, now);
            }
            SeatReport::Login(login) => self.on_login(provider, &login, now),
        }
        self.serve_looked(provider, now);
    }

    /// A glance that shows something new asks for a real look; an unchanged one proves freshness.
    pub(super) fn on_seat_seen(&mut self, provider: Provider, report: &SeatReport) {
        let Some(book) = self.seats.get(&provider) else { return };
        let seen = match report {
            SeatReport::Login(login) => Some(&login.fingerprint),
            SeatReport::Absent
            | SeatReport::Stub
            | SeatReport::Unreadable(_)
            | SeatReport::Foreign(_) => None,
        };
        if book.fingerprint.as_ref() != seen {
            self.read_seat(provider);
        }
    }

    fn on_empty(&mut self, provider: Provider, now: Now) {
        let left = self.live(provider);
        self.place(provider, Seat::Empty, None);
        self.set_active(provider, None, now);
        self.note_vacancy(provider, left, now);
        self.end_cause(&format!("seat:{}", provider.name()));
        self.end_cause(&format!("unmanaged:{}", provider.name()));
        self.refuse_add(
            provider,
            "not_signed_in",
            format!(
                "No login was found where the {} tool keeps it. Sign in with the tool, then add again.",
                provider.name()
            ),
        );
    }

    fn on_login(&mut self, provider: Provider, login: &SeatLogin, now: Now) {
        self.end_vacancy(provider);
        self.end_cause(&format!("seat:{}", provider.name()));
        let known = self.account_of(provider, &login.identity.key);
        self.look_after_the_name(provider, login.misnamed, now);
        let seat = known.map_or(Seat::Unmanaged, Seat::Known);
        self.place(provider, seat, Some(login));
        self.set_active(provider, known, now);
        if let Some(account) = known {
            self.end_cause(&format!("unmanaged:{}", provider.name()));
            self.learn_identity(account, login);
        } else {
            self.tell_unmanaged(provider, now);
        }
        if self.adding.contains_key(&provider) {
            self.go_on_adding(provider, login.identity.clone(), known, now);
        } else if let Some(account) = known {
            self.keep_rotation(provider, account);
        }
    }

    /// The login that lay there unmanaged has just been kept, so its account is live: a swap asked for
    /// before the next look need not be refused.
    pub(super) fn now_known(&mut self, provider: Provider, account: AccountId, now: Now) {
        let Some(book) = self.seats.get_mut(&provider) else { return };
        if book.seat == Seat::Unmanaged {
            book.seat = Seat::Known(account);
            self.set_active(provider, Some(account), now);
            self.end_cause(&format!("unmanaged:{}", provider.name()));
        }
    }

    pub(super) fn place(&mut self, provider: Provider, seat: Seat, login: Option<&SeatLogin>) {
        let book = self.seats.entry(provider).or_default();
        book.seat = seat;
        book.fingerprint = login.map(|login| login.fingerprint.clone());
        book.expires_at = login.and_then(|login| login.access_expires_at);
        book.found = login.map(|login| login.identity.clone());
    }

    pub(super) fn account_of(&self, provider: Provider, key: &str) -> Option<AccountId> {
        self.world
            .accounts
            .iter()
            .filter(|account| account.provider == provider)
            .map(|account| account.id)
            .find(|id| self.cards.get(id).is_some_and(|card| card.identity.key == key))
    }

    /// Folds what the seat says into the lane; a change that is not ours counts as a person's.
    fn set_active(&mut self, provider: Provider, active: Option<AccountId>, now: Now) {
        let Some(lane) = self.lane(provider) else { return };
        let (id, before) = (lane.id, lane.active);
        if before == active {
            return;
        }
        match active {
            Some(found) if before.is_some() && self.clobbered(id, found, now) => {
                if let Some(lane) = self.lane_mut(provider) {
                    lane.active = active;
                    lane.generation.0 += 1;
                }
            }
            Some(_) if before.is_some() => {
                self.world.seat_changed(id, active, now);
                tracing::info!(
                    provider = provider.name(),
                    "the login in the seat was changed by another program"
                );
            }
            Some(_) | None => {
                if let Some(lane) = self.lane_mut(provider) {
                    lane.active = active;
                    lane.generation.0 += 1;
                }
            }
        }
        let mut ended = None;
        if let Some(book) = self.lanes.get_mut(&id) {
            ended = book.advice.take().filter(|_| active.is_none());
            book.tick_due = Some(now.wall);
        }
        if let Some(advice) = ended {
            // With nobody signed in the same account may be advised for another reason.
            self.end_cause(&super::deciding::advice_cause(provider, advice.to));
        }
        self.store_lane(id, now);
    }

    fn learn_identity(&mut self, account: AccountId, login: &SeatLogin) {
        let plan = login.identity.plan.clone();
        let mut changed = false;
        if let Some(card) = self.cards.get_mut(&account)
            && card.identity != login.identity
        {
            card.identity = login.identity.clone();
            changed = true;
        }
        if let Some(found) = self.account_mut(account)
            && found.plan != plan
            && plan != sluice_engine::Plan::default()
        {
            found.plan = plan;
            changed = true;
        }
        if changed {
            self.store_account(account);
        }
    }

    /// A rotation made by the tool is kept as soon as it is seen.
    fn keep_rotation(&mut self, provider: Provider, account: AccountId) {
        let Some(book) = self.seats.get(&provider) else { return };
        if book.fingerprint == book.kept_fingerprint || self.capturing.contains_key(&provider) {
            return;
        }
        if self.keeps_by_itself(provider) {
            self.capture(provider, account);
        }
    }

    /// A configuration that names another account than the login's is put right once it has come to
    /// rest; that is looked after once at a time.
    fn look_after_the_name(&mut self, provider: Provider, misnamed: bool, now: Now) {
        let mends = self.keeps_by_itself(provider);
        let Some(book) = self.seats.get_mut(&provider) else { return };
        if !misnamed {
            book.misnamed_until = None;
        } else if mends && book.misnamed_until.is_none_or(|until| until <= now.wall) {
            book.misnamed_until = Some(now.wall.plus_seconds(MISNAMED_S));
            self.out.push(Effect::Tend(provider));
        }
    }

    /// The kill switch stops what Sluice does by itself; offline nothing runs by itself.
    pub(super) fn keeps_by_itself(&self, provider: Provider) -> bool {
        !self.settings.stopped
            && !self.options.offline
            && self.mode(provider) != sluice_protocol::Mode::Off
    }

    pub(super) fn capture(&mut self, provider: Provider, account: AccountId) {
        self.capturing.insert(provider, account);
        let key = self.key(account);
        self.out.push(Effect::Capture { provider, account, key });
    }

    pub(super) fn on_captured(
        &mut self,
        provider: Provider,
        account: AccountId,
        result: Result<Kept, Trouble>,
        now: Now,
    ) {
        self.capturing.remove(&provider);
        let kept = result.is_ok();
        match &result {
            Ok(kept) => {
                let before = self.cards.get(&account).and_then(|card| card.kept);
                let login_since = sign_in_seen(before, *kept, now);
                // Another login than the one that was kept: the tool has signed in or renewed it.
                let another = self.seats.get(&provider).is_some_and(|book| {
                    book.kept_fingerprint.is_some() && book.kept_fingerprint != book.fingerprint
                });
                if another && login_since == Some(now.wall) {
                    self.signed_in(account, now);
                } else if another {
                    self.renewed(account, now);
                }
                if let Some(book) = self.seats.get_mut(&provider) {
                    book.kept_fingerprint.clone_from(&book.fingerprint);
                }
                if let Some(card) = self.cards.get_mut(&account) {
                    card.kept = Some(Kept { login_since, ..*kept });
                    card.refused = false;
                    card.problem = None;
                }
                self.end_cause(&format!("capture:{}", account.0));
                self.store_account(account);
                if self.account(account).is_some_and(|found| found.login == Login::Missing) {
                    self.end_cause(&format!("sign_in:{}", account.0));
                }
                if self.account(account).is_some_and(|found| found.login != Login::Valid) {
                    self.set_login(account, Login::Unverified);
                }
            }
            Err(trouble) => {
                if let Some(card) = self.cards.get_mut(&account) {
                    card.problem = Some(trouble.text.clone());
                }
                self.tell_not_kept(account, trouble, now);
            }
        }
        if self.adding.contains_key(&provider) {
            self.finish_adding(provider, account, result, now);
        }
        if kept {
            // The tool may have rotated once more meanwhile. (After a failure the next look waits.)
            self.read_seat(provider);
        }
    }

    /// Asks again for what could not be settled: the disk may have room by then.
    pub(super) fn drive_recovery(&mut self, now: Now) {
        let Some(due) = self.recover_due else { return };
        if due > now.wall || self.swap.is_some() {
            return self.wake_by(Some(due.max(now.wall.plus_seconds(1))));
        }
        self.recover_due = None;
        self.out.push(Effect::Recover);
    }

    pub(super) fn recover_later(&mut self, now: Now) {
        self.recover_due = Some(now.wall.plus_seconds(RECOVER_AGAIN_S));
    }

    pub(super) fn on_recovered(&mut self, found: Result<Vec<Recovered>, Trouble>, now: Now) {
        let Ok(found) = found else { return self.recover_later(now) };
        for one in found.iter().filter(|one| one.settled && !one.stuck) {
            if let Some(book) = self.lanes.get_mut(&one.lane) {
                book.stuck = None;
            }
            self.end_cause(&format!("stuck:{}", one.lane.0));
        }
        self.after_recovery(&found, now);
        for provider in self.providers() {
            self.read_seat(provider);
        }
    }

    pub(super) fn after_recovery(&mut self, recovered: &[Recovered], now: Now) {
        if recovered.iter().any(|found| !found.settled) {
            self.recover_later(now);
        }
        for found in recovered {
            tracing::warn!(stuck = found.stuck, settled = found.settled, text = %found.text, "an open swap of the last run");
            if found.stuck {
                self.lanes.entry(found.lane).or_default().stuck = Some(found.text.clone());
                self.tell_stuck(found.lane, &found.text, now);
            }
        }
    }
}

/// When the sign-in behind a login was first seen: another end means another sign-in.
fn sign_in_seen(before: Option<Kept>, found: Kept, now: Now) -> Option<sluice_engine::Utc> {
    let Some(before) = before else { return Some(now.wall) };
    let moved = match (before.login_ends_at, found.login_ends_at) {
        // A tool computes the end anew from the seconds that are left.
        (Some(was), Some(is)) => is.seconds_since(was).abs() > SAME_SIGN_IN_S,
        (None, None) => false,
        (None, Some(_)) => before.login_since.is_none(),
        (Some(_), None) => false,
    };
    if moved { Some(now.wall) } else { before.login_since.or(Some(now.wall)) }
}

fn book_is_read(book: Option<&SeatBook>) -> bool {
    book.is_some_and(|book| book.seat != Seat::Unread)
}
