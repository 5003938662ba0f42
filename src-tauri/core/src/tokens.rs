//! Refreshes parked logins: one at a time, well before they end, never the one in a seat. The tool refreshes
//! that one, and two writers spend each other's tokens.

use super::wishes::Flag;
use super::{Core, Effect, Seat};
use crate::ports::{Health, RefreshReport, UNSENDABLE};
use alloc::vec::Vec;
use sluice_engine::renew::{RENEW_AHEAD_PARKED_S, renewal_due};
use sluice_engine::{AccountId, Login, Now};
use sluice_protocol::Mode;

/// Shortest time between two tries of one account.
const AGAIN_S: i64 = 300;
/// An account called signed out is tried by a real exchange this much later, seconds.
const HEAL_S: i64 = 3_600;
/// Longest time the provider may ask us to wait.
const WAIT_MOST_S: i64 = 75 * 60;

impl Core {
    pub(super) fn drive_tokens(&mut self, now: Now) {
        if self.refreshing.is_some() || self.health != Health::Ok {
            return;
        }
        let ids: Vec<AccountId> = self.world.accounts.iter().map(|account| account.id).collect();
        let mut due = Vec::new();
        for id in ids {
            let Some(at) = self.refresh_due(id, now) else { continue };
            if at <= now.wall {
                due.push((at, id));
            } else {
                self.wake_by(Some(at));
            }
        }
        let first = |(at, id): &(_, AccountId)| (!self.wants_renewal(*id), *at, *id);
        if let Some((_, account)) = due.into_iter().min_by_key(first) {
            self.refresh(account);
        }
    }

    fn refresh_due(&self, id: AccountId, now: Now) -> Option<sluice_engine::Utc> {
        let account = self.account(id)?;
        let provider = account.provider;
        let seat = &self.seats.get(&provider)?.seat;
        let certain = match seat {
            Seat::Known(live) => *live != id,
            Seat::Empty | Seat::Unmanaged | Seat::Foreign(_) => true,
            Seat::Unread | Seat::Unreadable(_) => false,
        };
        let swapping = self.swap.as_ref().is_some_and(|swap| swap.order.provider == provider);
        let wanted = self.wants_renewal(id);
        let refused = self.cards.get(&id)?.refused;
        // Called signed out on other evidence than a refused exchange: a real one tells.
        let heals = account.login == Login::NeedsSignIn && !refused;
        let usable = account.login.is_usable() || wanted || heals;
        if !certain || swapping || !usable || !account.enabled || self.mode(provider) == Mode::Off {
            return None;
        }
        if wanted {
            return Some(now.wall);
        }
        if heals {
            let healed = self.refresh_not_before.get(&id);
            return Some(healed.copied().unwrap_or(now.wall.plus_seconds(HEAL_S)));
        }
        let ends = self.cards.get(&id)?.kept?.access_expires_at?;
        let is_due = renewal_due(true, Some(ends), RENEW_AHEAD_PARKED_S, now.wall);
        let due = if is_due { now.wall } else { ends.plus_seconds(-RENEW_AHEAD_PARKED_S) };
        Some(self.refresh_not_before.get(&id).map_or(due, |at| due.max(*at)))
    }

    /// Seconds until another renewal of the account may be tried; `None`: now.
    pub(super) fn refresh_wait_s(&self, id: AccountId, now: Now) -> Option<u64> {
        let wait = self.refresh_not_before.get(&id)?.seconds_since(now.wall).ceil();
        (wait > 0.0).then_some(wait as u64)
    }

    pub(super) fn refresh(&mut self, account: AccountId) {
        let Some(provider) = self.account(account).map(|found| found.provider) else { return };
        self.refreshing = Some(account);
        self.flag(Flag::Refreshing(account));
        let proving = self.proving.as_ref().is_some_and(|open| open.order.to.0 == account);
        let patient = proving || self.wants_renewal(account);
        self.out.push(Effect::Refresh { provider, account, patient });
    }

    pub(super) fn on_refreshed(&mut self, account: AccountId, report: RefreshReport, now: Now) {
        if self.refreshing == Some(account) {
            self.refreshing = None;
        }
        self.unflag(Flag::Refreshing(account));
        tracing::debug!(account = account.0, ?report, "a refresh ended");
        let told = report.clone();
        let again = match report {
            RefreshReport::Kept(kept) => {
                self.note_proof(account, now);
                self.renewed(account, now);
                if self.account(account).is_some_and(|found| found.login != Login::Missing) {
                    // A real exchange: the provider takes it.
                    self.set_login(account, Login::Valid);
                }
                if let Some(card) = self.cards.get_mut(&account) {
                    // A renewal says nothing of the login's own end; it does not move.
                    let before = card.kept.unwrap_or_default();
                    let login_ends_at = kept.login_ends_at.or(before.login_ends_at);
                    let login_since = before.login_since;
                    card.kept = Some(crate::ports::Kept { login_ends_at, login_since, ..kept });
                    card.problem = None;
                    card.refused = false;
                }
                if let Some(book) = self.polls.get_mut(&account) {
                    book.not_before = None;
                }
                self.end_cause(&format!("sign_in:{}", account.0));
                self.store_account(account);
                AGAIN_S
            }
            RefreshReport::Unsendable => {
                self.tell_unsendable(account, now);
                HEAL_S
            }
            RefreshReport::NeedsSignIn(text) => {
                if let Some(card) = self.cards.get_mut(&account) {
                    card.refused = true;
                }
                self.needs_sign_in(account, &text, now);
                AGAIN_S
            }
            RefreshReport::Later { text, retry_after_s } => {
                self.problem(account, Some(format!("Its login could not be renewed: {text}")));
                let asked =
                    retry_after_s.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0);
                asked.clamp(AGAIN_S, WAIT_MOST_S)
            }
        };
        self.refresh_not_before.insert(account, now.wall.plus_seconds(again));
        self.wishes_after_renewal(account, &told, now);
        self.proof_after_renewal(account, &told, now);
    }

    /// The exchange is no proof. Another one may bring a better token and is tried by itself.
    fn tell_unsendable(&mut self, account: AccountId, now: Now) {
        self.set_login(account, Login::NeedsSignIn);
        let text = format!(
            "The login of {} cannot be used: {UNSENDABLE}. It is renewed again in an hour; if that \
             does not help, sign in as it with the tool, then `sluice add`.",
            self.label(account)
        );
        self.problem(account, Some(text.clone()));
        self.tell_sign_in_for(account, text, now);
    }

    pub(super) fn needs_sign_in(&mut self, account: AccountId, why: &str, now: Now) {
        self.set_login(account, Login::NeedsSignIn);
        self.problem(account, Some(format!("It needs you to sign in: {why}.")));
        self.refresh_not_before.insert(account, now.wall.plus_seconds(HEAL_S));
        self.tell_sign_in(account, now);
    }
}
