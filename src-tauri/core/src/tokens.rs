//! Refreshes parked logins: one at a time, well before they end, never the one in a seat. The tool refreshes
//! that one, and two writers spend each other's tokens.

use super::deadlines::Task;
use super::seats::Seat;
use super::{Core, Effect};
use crate::ports::{Kept, RefreshReport};
use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use sluice_engine::renew::{RENEW_AHEAD_PARKED_S, renewal_due};
use sluice_engine::{AccountId, Login, Now, Utc};
use sluice_protocol::{Cause, Mode};

/// Shortest time between two tries of one account.
const AGAIN_S: i64 = 300;
/// An account called signed out is tried by a real exchange this much later, seconds.
const HEAL_S: i64 = 3_600;
/// Longest time the provider may ask us to wait.
const WAIT_MOST_S: i64 = 75 * 60;

/// The refresh under way, and when others may be tried.
#[derive(Clone, Debug, Default)]
pub(super) struct Refreshes {
    busy: Option<AccountId>,
    not_before: BTreeMap<AccountId, Utc>,
}

impl Refreshes {
    /// One is under way.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// The one of this account is under way.
    pub(super) fn is_busy_with(&self, id: AccountId) -> bool {
        self.busy == Some(id)
    }

    pub(super) fn begin(&mut self, id: AccountId) {
        self.busy = Some(id);
    }

    /// Says whether it was under way.
    pub(super) fn end(&mut self, id: AccountId) -> bool {
        self.busy.take_if(|busy| *busy == id).is_some()
    }

    fn not_before(&self, id: AccountId) -> Option<Utc> {
        self.not_before.get(&id).copied()
    }

    /// Seconds until another renewal of the account may be tried; `None`: now.
    pub(super) fn wait_s(&self, id: AccountId, now: Utc) -> Option<u64> {
        let wait = self.not_before(id)?.seconds_since(now).ceil();
        (wait > 0.0).then_some(wait as u64)
    }

    fn put_off(&mut self, id: AccountId, until: Utc) {
        self.not_before.insert(id, until);
    }

    pub(super) fn put_off_no_more(&mut self, id: AccountId) {
        self.not_before.remove(&id);
    }

    /// Instants that now lie ahead would block for as long as the jump.
    pub(super) fn jumped(&mut self) {
        self.not_before.clear();
    }
}

impl Core {
    pub(super) fn drive_tokens(&mut self, now: Now) {
        if self.refreshes.is_busy() || !self.health.keychain_answers() {
            return;
        }
        let ids: Vec<AccountId> = self.world.accounts.iter().map(|account| account.id).collect();
        let mut due = Vec::new();
        for id in ids {
            let Some(at) = self.refresh_due(id, now) else { continue };
            if at <= now.wall {
                due.push((at, id));
            } else {
                self.effects.wake_by(Some(at));
            }
        }
        let first = |(at, id): &(_, AccountId)| (!self.wishes.want_renewal(*id), *at, *id);
        if let Some((_, account)) = due.into_iter().min_by_key(first) {
            self.refresh(account);
        }
    }

    fn refresh_due(&self, id: AccountId, now: Now) -> Option<Utc> {
        let account = self.world.account(id)?;
        let provider = account.provider;
        if !provider.spec().is_refreshed {
            return None;
        }
        let seat = self.seats.seat(provider)?;
        let certain = match seat {
            Seat::Known(live) => *live != id,
            Seat::Empty | Seat::Unmanaged | Seat::Foreign(_) => true,
            Seat::Unread | Seat::Unreadable(_) => false,
        };
        let swapping = self.swaps.is_running_for(provider);
        let wanted = self.wishes.want_renewal(id);
        let refused = self.profiles.is_refused(id);
        // Called signed out on other evidence than a refused exchange: a real one tells.
        let heals = account.login == Login::NeedsSignIn && !refused;
        let usable = account.login.is_usable() || wanted || heals;
        if !certain
            || swapping
            || !usable
            || !account.enabled
            || self.settings.mode(provider) == Mode::Off
        {
            return None;
        }
        if wanted {
            return Some(now.wall);
        }
        if heals {
            let healed = self.refreshes.not_before(id);
            return Some(healed.unwrap_or(now.wall.plus_seconds(HEAL_S)));
        }
        let ends = self.profiles.kept(id)?.access_expires_at?;
        let is_due = renewal_due(true, Some(ends), RENEW_AHEAD_PARKED_S, now.wall);
        let due = if is_due { now.wall } else { ends.plus_seconds(-RENEW_AHEAD_PARKED_S) };
        Some(self.refreshes.not_before(id).map_or(due, |at| due.max(at)))
    }

    pub(super) fn refresh(&mut self, account: AccountId) {
        let Some(provider) = self.world.account(account).map(|found| found.provider) else {
            return;
        };
        self.refreshes.begin(account);
        self.deadlines.add(Task::Refreshing(account), &mut self.effects);
        let patient = self.swaps.is_proving(account) || self.wishes.want_renewal(account);
        self.effects.push(Effect::Refresh { provider, account, patient });
    }

    pub(super) fn on_refreshed(&mut self, account: AccountId, report: RefreshReport, now: Now) {
        self.refreshes.end(account);
        self.deadlines.remove(Task::Refreshing(account));
        tracing::debug!(account = account.0, ?report, "a refresh ended");
        let told = report.clone();
        let again = match report {
            RefreshReport::Kept(kept) => {
                self.profiles.note_proof(account, now.wall);
                self.skips.renewed(account, now.wall, &mut self.effects);
                if self.world.account(account).is_some_and(|found| found.login != Login::Missing) {
                    // A real exchange: the provider takes it.
                    self.set_login(account, Login::Valid);
                }
                // A renewal says nothing of the login's own end; it does not move.
                let before = self.profiles.kept(account).unwrap_or_default();
                let login_ends_at = kept.login_ends_at.or(before.login_ends_at);
                let login_since = before.login_since;
                self.profiles.keep(account, Kept { login_ends_at, login_since, ..kept });
                self.polls.put_off_no_more(account);
                self.notices.end(&Cause::SignIn(account));
                self.profiles.store(account, &self.world, &mut self.effects);
                AGAIN_S
            }
            RefreshReport::Unsendable => {
                self.set_login(account, Login::NeedsSignIn);
                let word = self.texts().unsendable(account);
                self.profiles.set_problem(account, Some(word.text().to_owned()));
                self.tell(word, now);
                HEAL_S
            }
            RefreshReport::NeedsSignIn(text) => {
                self.profiles.note_refusal(account);
                self.needs_sign_in(account, &text, now);
                AGAIN_S
            }
            RefreshReport::Later { text, retry_after_s } => {
                self.profiles
                    .set_problem(account, Some(format!("Its login could not be renewed: {text}")));
                let asked =
                    retry_after_s.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0);
                asked.clamp(AGAIN_S, WAIT_MOST_S)
            }
        };
        self.refreshes.put_off(account, now.wall.plus_seconds(again));
        let answered = self.wishes.after_renewal(account, &told);
        self.answer_wishes(answered, now);
        let ended = self.swaps.proof_after_renewal(account, &told);
        self.end_proof(ended, now);
    }

    pub(super) fn needs_sign_in(&mut self, account: AccountId, why: &str, now: Now) {
        self.set_login(account, Login::NeedsSignIn);
        self.profiles.set_problem(account, Some(format!("It needs you to sign in: {why}.")));
        self.refreshes.put_off(account, now.wall.plus_seconds(HEAL_S));
        let word = self.texts().sign_in(account);
        self.tell(word, now);
    }
}
