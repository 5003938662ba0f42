//! Seats: which login lies where, and what follows when that changes without us.

mod adding;
mod looking;
mod vacant;

use super::effects::{Effects, Refusal};
use super::plans::Says;
use super::telling::Word;
use super::{Core, Effect};
use crate::ports::{Kept, PortError, SeatLogin, SeatReport};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
pub(crate) use looking::left_alone;
use sluice_engine::{AccountId, Login, Now, Provider, Utc};
use sluice_protocol::{Cause, Code};

/// A seat is looked into at least this often, seconds; changes are seen at once by the watcher.
const SEAT_S: i64 = 120;

/// A configuration that names another account is looked after for so long, seconds.
const MISNAMED_S: i64 = 30;
/// Two ends of a login this close belong to one sign-in, seconds.
const SAME_SIGN_IN_S: f64 = 10.0;

/// What is known of a seat.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Seat {
    /// Not read yet.
    #[default]
    Unread,
    /// Empty or logged out.
    Empty,
    /// Not understood; never overwritten.
    Unreadable(String),
    /// A login of a kind that is not kept; never replaced.
    Foreign(String),
    /// An account we keep.
    Known(AccountId),
    /// A login we do not keep.
    Unmanaged,
}

/// The looks into one seat, and what they showed.
#[derive(Clone, Debug, Default)]
struct Looks {
    seat: Seat,
    reading: bool,
    read_again: bool,
    due: Option<Utc>,
    /// The rotation last seen in the seat.
    fingerprint: Option<String>,
    /// The rotation last kept.
    kept_fingerprint: Option<String>,
    /// When the access token in the seat ends.
    token_end: Option<Utc>,
    /// The tool's configuration named another account: until then that is being looked after.
    misnamed_until: Option<Utc>,
}

/// Every seat, and whose login is being kept.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    looks: BTreeMap<Provider, Looks>,
    capturing: BTreeMap<Provider, AccountId>,
    additions: adding::Additions,
    vacancies: vacant::Vacancies,
    second_looks: looking::SecondLooks,
}

impl Seats {
    pub(crate) fn seat(&self, provider: Provider) -> Option<&Seat> {
        self.looks.get(&provider).map(|looks| &looks.seat)
    }

    /// The account in a provider's seat, as far as the seat has been read.
    pub(crate) fn live(&self, provider: Provider) -> Option<AccountId> {
        match self.seat(provider) {
            Some(Seat::Known(account)) => Some(*account),
            Some(_) | None => None,
        }
    }

    pub(crate) fn is_live(&self, account: AccountId) -> bool {
        Provider::ALL.into_iter().any(|provider| self.live(provider) == Some(account))
    }

    /// Every seat has been looked into once.
    pub(super) fn are_read(&self) -> bool {
        self.looks.values().all(|looks| looks.seat != Seat::Unread)
    }

    /// The access token in the seat has ended, as far as is known.
    pub(super) fn token_ended(&self, provider: Provider, now: Utc) -> bool {
        let end = self.looks.get(&provider).and_then(|looks| looks.token_end);
        end.is_some_and(|at| at <= now)
    }

    /// Asks for one look into a seat; a second wish while one is under way asks for one more.
    pub(super) fn look(&mut self, provider: Provider, effects: &mut Effects) {
        let looks = self.looks.entry(provider).or_default();
        if looks.reading {
            looks.read_again = true;
            return;
        }
        looks.reading = true;
        effects.push(Effect::ReadSeat(provider));
    }

    pub(super) fn drive(&mut self, provider: Provider, now: Utc, effects: &mut Effects) {
        let due = self.looks.get(&provider).and_then(|looks| looks.due);
        if due.is_some_and(|due| due <= now) {
            self.look(provider, effects);
        } else {
            effects.wake_by(due);
        }
    }

    /// A look has ended. Says whether what it showed counts: it may be older than what happened since;
    /// while a swap runs it owns the seat, and its end asks for another look.
    fn looked(
        &mut self,
        provider: Provider,
        swapping: bool,
        now: Utc,
        effects: &mut Effects,
    ) -> bool {
        let looks = self.looks.entry(provider).or_default();
        looks.reading = false;
        looks.due = Some(now.plus_seconds(SEAT_S));
        let again = core::mem::take(&mut looks.read_again);
        let is_first = looks.seat == Seat::Unread;
        if again && !swapping {
            self.look(provider, effects);
        }
        is_first || !(again || swapping)
    }

    /// A glance that shows something new asks for a real look; an unchanged one proves freshness.
    pub(super) fn glance(
        &mut self,
        provider: Provider,
        report: &SeatReport,
        effects: &mut Effects,
    ) {
        let Some(looks) = self.looks.get(&provider) else { return };
        let seen = match report {
            SeatReport::Login(login) => Some(&login.fingerprint),
            SeatReport::Absent
            | SeatReport::Stub
            | SeatReport::Unreadable(_)
            | SeatReport::Foreign(_) => None,
        };
        if looks.fingerprint.as_ref() != seen {
            self.look(provider, effects);
        }
    }

    /// This is in the seat now.
    pub(super) fn place(&mut self, provider: Provider, seat: Seat, login: Option<&SeatLogin>) {
        let looks = self.looks.entry(provider).or_default();
        looks.seat = seat;
        looks.fingerprint = login.map(|login| login.fingerprint.clone());
        looks.token_end = login.and_then(|login| login.access_expires_at);
    }

    /// A swap has placed an account. Gives back when the token that left ends.
    pub(super) fn swapped(
        &mut self,
        provider: Provider,
        to: AccountId,
        token_end: Option<Utc>,
    ) -> Option<Utc> {
        let looks = self.looks.entry(provider).or_default();
        looks.seat = Seat::Known(to);
        looks.fingerprint = None;
        looks.kept_fingerprint = None;
        core::mem::replace(&mut looks.token_end, token_end)
    }

    /// The login that lay there unmanaged is this account's. Says whether there was one.
    fn recognise(&mut self, provider: Provider, account: AccountId) -> bool {
        let unmanaged = self.looks.get_mut(&provider).filter(|one| one.seat == Seat::Unmanaged);
        unmanaged.map(|looks| looks.seat = Seat::Known(account)).is_some()
    }

    pub(super) fn is_capturing(&self, provider: Provider) -> bool {
        self.capturing.contains_key(&provider)
    }

    pub(super) fn is_capturing_for(&self, account: AccountId) -> bool {
        self.capturing.values().any(|busy| *busy == account)
    }

    /// A login is being kept somewhere.
    pub(super) fn is_capturing_any(&self) -> bool {
        !self.capturing.is_empty()
    }

    /// A login is being added from there.
    pub(super) fn is_adding(&self, provider: Provider) -> bool {
        self.additions.is_open(provider)
    }

    /// Whoever waits for a login to be added from there is told why it is not.
    pub(super) fn refuse_adding(
        &mut self,
        provider: Provider,
        refusal: Refusal,
        effects: &mut Effects,
    ) {
        self.additions.refuse(provider, refusal, effects);
    }

    /// The wish whose look did not come in time.
    pub(super) fn look_is_due(&mut self, id: u64) -> Vec<looking::Wish> {
        self.second_looks.due(id)
    }

    /// Keeps the login in the seat as this account's, whose key is `key`.
    pub(super) fn capture(
        &mut self,
        provider: Provider,
        account: AccountId,
        key: String,
        effects: &mut Effects,
    ) {
        self.capturing.insert(provider, account);
        effects.push(Effect::Capture { provider, account, key });
    }

    /// The rotation in the seat is not kept yet.
    fn has_new_rotation(&self, provider: Provider) -> bool {
        let looks = self.looks.get(&provider);
        looks.is_some_and(|looks| looks.fingerprint != looks.kept_fingerprint)
    }

    /// A rotation was kept before, and the seat holds another one.
    fn has_rotated(&self, provider: Provider) -> bool {
        let looks = self.looks.get(&provider);
        let kept = looks.and_then(|looks| looks.kept_fingerprint.as_ref());
        kept.is_some() && self.has_new_rotation(provider)
    }

    fn note_kept(&mut self, provider: Provider) {
        if let Some(looks) = self.looks.get_mut(&provider) {
            looks.kept_fingerprint.clone_from(&looks.fingerprint);
        }
    }

    /// The next look keeps what it finds as if it were new.
    pub(super) fn forget_kept(&mut self, provider: Provider) {
        if let Some(looks) = self.looks.get_mut(&provider) {
            looks.kept_fingerprint = None;
        }
    }

    /// A configuration that names another account than the login's is put right once it has come to
    /// rest; that is looked after once at a time.
    fn look_after_name(
        &mut self,
        provider: Provider,
        misnamed: bool,
        mends: bool,
        now: Utc,
    ) -> Option<Effect> {
        let looks = self.looks.get_mut(&provider)?;
        if !misnamed {
            looks.misnamed_until = None;
            return None;
        }
        if !mends || looks.misnamed_until.is_some_and(|until| until > now) {
            return None;
        }
        looks.misnamed_until = Some(now.plus_seconds(MISNAMED_S));
        Some(Effect::SettleParked(provider))
    }
}

impl Core {
    pub(super) fn on_seat(&mut self, provider: Provider, report: SeatReport, now: Now) {
        let swapping = self.swaps.is_running_for(provider);
        if !self.seats.looked(provider, swapping, now.wall, &mut self.effects) {
            return;
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
        let looked = self.seats.second_looks.of(provider);
        self.serve(looked, now);
    }

    fn on_empty(&mut self, provider: Provider, now: Now) {
        let left = self.seats.live(provider);
        self.seats.place(provider, Seat::Empty, None);
        self.set_active(provider, None, now);
        let login = left.and_then(|id| self.world.account(id)).map(|account| account.login);
        self.seats.vacancies.note(provider, left.zip(login), now.wall);
        self.notices.end(&Cause::Seat(provider));
        self.notices.end(&Cause::Unmanaged(provider));
        let text = format!(
            "No login was found where the {} tool keeps it. Sign in with the tool, then add again.",
            provider.name()
        );
        self.seats.refuse_adding(provider, (Code::NotSignedIn, text), &mut self.effects);
    }

    fn on_login(&mut self, provider: Provider, login: &SeatLogin, now: Now) {
        self.end_vacancy(provider);
        self.notices.end(&Cause::Seat(provider));
        let is_meant = |key: &str| key == login.identity.key;
        let known = self.profiles.with_key(&self.world.accounts, provider, is_meant);
        let mends = !self.options.offline && self.settings.watches(provider);
        let mend = self.seats.look_after_name(provider, login.misnamed, mends, now.wall);
        if let Some(effect) = mend {
            self.effects.push(effect);
        }
        let seat = known.map_or(Seat::Unmanaged, Seat::Known);
        self.seats.place(provider, seat, Some(login));
        self.set_active(provider, known, now);
        if let Some(account) = known {
            self.notices.end(&Cause::Unmanaged(provider));
            self.profiles.learn(account, &login.identity, &self.world, &mut self.effects);
            self.on_plan(account, &login.identity.plan, Says::Seat, now);
        } else {
            self.tell(Word::unmanaged(provider), now);
        }
        if self.seats.is_adding(provider) {
            self.go_on_adding(provider, login.identity.clone(), known, now);
        } else if let Some(account) = known
            && mends
            && self.seats.has_new_rotation(provider)
            && !self.seats.is_capturing(provider)
        {
            // A rotation made by the tool is kept as soon as it is seen.
            let key = self.profiles.key(account);
            self.seats.capture(provider, account, key, &mut self.effects);
        }
    }

    /// The login that lay there unmanaged has just been kept, so its account is live: a swap asked for
    /// before the next look need not be refused.
    pub(super) fn now_known(&mut self, provider: Provider, account: AccountId, now: Now) {
        if self.seats.recognise(provider, account) {
            self.set_active(provider, Some(account), now);
            self.notices.end(&Cause::Unmanaged(provider));
        }
    }

    /// Folds what the seat says into the lane; a change that is not ours counts as a person's.
    fn set_active(&mut self, provider: Provider, active: Option<AccountId>, now: Now) {
        let Some(lane) = self.world.lane_of(provider) else { return };
        let (id, before) = (lane.id, lane.active);
        if before == active {
            return;
        }
        match active {
            Some(found) if before.is_some() && self.was_undone(id, found, now) => {
                if let Some(lane) = self.world.lane_of_mut(provider) {
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
                if let Some(lane) = self.world.lane_of_mut(provider) {
                    lane.active = active;
                    lane.generation.0 += 1;
                }
            }
        }
        self.findings.add(id);
        self.lanes.decide_by(id, now.wall);
        let ended = self.lanes.take_advice(id).filter(|_| active.is_none());
        if let Some(advice) = ended {
            // With nobody signed in the same account may be advised for another reason.
            self.notices.end(&advice.cause);
        }
        self.findings.store(id, &self.world, now.wall, &mut self.effects);
    }

    pub(super) fn on_captured(
        &mut self,
        provider: Provider,
        account: AccountId,
        result: Result<Kept, PortError>,
        now: Now,
    ) {
        self.seats.capturing.remove(&provider);
        let kept = result.is_ok();
        match &result {
            Ok(kept) => {
                let before = self.profiles.kept(account);
                let login_since = sign_in_seen(before, *kept, now);
                // Another login than the one that was kept: the tool has signed in or renewed it.
                let another = self.seats.has_rotated(provider);
                if another && login_since == Some(now.wall) {
                    self.skips.sign_in(account, now.wall, &mut self.effects);
                } else if another {
                    self.skips.renewed(account, now.wall, &mut self.effects);
                }
                self.seats.note_kept(provider);
                self.profiles.keep(account, Kept { login_since, ..*kept });
                self.notices.end(&Cause::Capture(account));
                self.profiles.store(account, &self.world, &mut self.effects);
                if self.world.account(account).is_some_and(|found| found.login == Login::Missing) {
                    self.notices.end(&Cause::SignIn(account));
                }
                if self.world.account(account).is_some_and(|found| found.login != Login::Valid) {
                    self.set_login(account, Login::Unverified);
                }
            }
            Err(trouble) => {
                self.profiles.set_problem(account, Some(trouble.text.clone()));
                let word = self.texts().not_kept(account, trouble);
                self.tell(word, now);
            }
        }
        if self.seats.is_adding(provider) {
            self.finish_adding(provider, account, result, now);
        }
        if kept {
            // The tool may have rotated once more meanwhile. (After a failure the next look waits.)
            self.seats.look(provider, &mut self.effects);
        }
    }
}

/// When the sign-in behind a login was first seen: another end means another sign-in.
fn sign_in_seen(before: Option<Kept>, found: Kept, now: Now) -> Option<Utc> {
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
