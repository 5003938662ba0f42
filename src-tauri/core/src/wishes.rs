//! Requests that somebody waits for: each ends by its own bound, whatever hangs. What was begun for one
//! goes on without the asker.

use super::{CallId, Core, Effect, PollError, Seat};
use crate::ports::{ReadError, RefreshReport, login_text};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{AccountId, Login, Now, Provider, Usage};
use sluice_protocol::refused;
use sluice_protocol::{Answer, BulkView, Mode, Refused, Request};

/// A renewal that was asked for, seconds.
const RENEW_S: u32 = 45;
/// A reading of usage that was asked for, and a check of a login, seconds.
const READ_S: u32 = 60;
/// A reading of every account, seconds.
const BULK_S: u32 = 300;
/// Two readings of every account lie at least this far apart, seconds.
const BULK_APART_S: f64 = 30.0;
/// Whatever locks a button is unlocked after this, seconds.
const FLAG_S: u32 = 240;
/// Wishes open at once.
const WISHES_MAX: usize = 32;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Renew,
    Read,
    Validate,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    call: CallId,
    kind: Kind,
    account: AccountId,
    /// It takes an exchange of its tokens.
    renew: bool,
}

/// Every account is being read.
#[derive(Clone, Debug)]
pub(crate) struct Bulk {
    id: u64,
    call: CallId,
    left: BTreeSet<AccountId>,
    pub(crate) view: BulkView,
}

/// Something under way that keeps others waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    Reading(AccountId),
    Refreshing(AccountId),
    Adding(Provider),
    Removing(AccountId),
    Swapping(sluice_engine::Utc),
}

impl Core {
    /// Asks to be reminded after so many seconds of real time.
    pub(super) fn remind(&mut self, after_s: u32) -> u64 {
        self.reminders += 1;
        self.out.push(Effect::Remind { id: self.reminders, after_s });
        self.reminders
    }

    /// What is under way keeps others waiting for so long and no longer.
    pub(super) fn flag(&mut self, flag: Flag) {
        let id = self.remind(FLAG_S);
        self.flags.insert(id, flag);
    }

    pub(super) fn on_due(&mut self, id: u64, now: Now) {
        if let Some(wish) = self.wishes.remove(&id) {
            self.expire(wish);
        } else if let Some(flag) = self.flags.remove(&id) {
            self.unlock(flag);
        } else if self.bulk.as_ref().is_some_and(|bulk| bulk.id == id) {
            self.end_bulk_late(now);
        } else {
            self.look_is_due(id, now);
            self.proof_is_due(id, now);
        }
    }

    fn expire(&mut self, wish: Wish) {
        let label = self.label(wish.account).to_owned();
        let (code, text) = match wish.kind {
            Kind::Renew => (
                "REFRESH_TIMEOUT",
                format!(
                    "The login of {label} was not renewed within {RENEW_S} seconds. It goes on in \
                     the background and what comes is kept; look again in a minute."
                ),
            ),
            Kind::Read => (
                "REFRESH_TIMEOUT",
                format!(
                    "No numbers of {label} came within {READ_S} seconds. The last ones are kept; \
                     try again later."
                ),
            ),
            Kind::Validate => (
                "VALIDATE_TIMEOUT",
                format!(
                    "The provider did not say within {READ_S} seconds whether it takes the login \
                     of {label}. The login is kept; try again later."
                ),
            ),
        };
        if wish.kind != Kind::Renew {
            self.stop_checking(wish.account);
            self.problem(wish.account, Some(text.clone()));
        }
        if wish.kind == Kind::Validate && login_of(self, wish.account) == Some(Login::Valid) {
            // Nothing was learnt, and unknown is what it is then.
            self.set_login(wish.account, Login::Unverified);
        }
        self.answer(wish.call, refused(code, text));
    }

    /// The row leaves its state of being read; a late answer is still taken.
    fn stop_checking(&mut self, account: AccountId) {
        if let Some(book) = self.polls.get_mut(&account) {
            book.in_flight = false;
            book.wanted = false;
        }
        self.unasked(account);
    }

    fn unlock(&mut self, flag: Flag) {
        match flag {
            Flag::Reading(account) => {
                if self.polls.get(&account).is_some_and(|book| book.in_flight) {
                    self.stop_checking(account);
                }
            }
            Flag::Refreshing(account) if self.refreshing == Some(account) => {
                self.refreshing = None;
                let text = "Its login could not be renewed: no answer within four minutes.";
                self.problem(account, Some(text.to_owned()));
            }
            Flag::Adding(provider) if self.adding.contains_key(&provider) => {
                let text = "The seat did not answer; what it holds was left as it is.";
                self.refuse_add(provider, "timeout", text.to_owned());
            }
            Flag::Removing(account) => {
                if let Some(call) = self.removing.get_mut(&account).and_then(Option::take) {
                    let text = "The keychain did not answer; the account goes when it does.";
                    self.answer(call, refused("timeout", text));
                }
            }
            Flag::Swapping(at) => {
                let Some(running) = self.swap.as_mut().filter(|found| found.order.at == at) else {
                    return;
                };
                running.overdue = true;
                if let Some(call) = running.call.take() {
                    let text = "The swap has not answered; nothing else is begun until it does.";
                    self.answer(call, refused("timeout", text));
                }
            }
            Flag::Refreshing(_) | Flag::Adding(_) => {}
        }
    }

    /// Forgets a reminder of something that has ended.
    pub(super) fn unflag(&mut self, ended: Flag) {
        self.flags.retain(|_, flag| *flag != ended);
    }

    /// What is waited for.
    pub(super) fn on_wish(&mut self, call: CallId, request: &Request, now: Now) {
        match request {
            Request::Renew { account } => self.wish(call, Kind::Renew, *account, now),
            Request::ReadUsage { account } => self.wish(call, Kind::Read, *account, now),
            Request::Validate { account } => self.wish(call, Kind::Validate, *account, now),
            Request::RestartTool { provider: provider @ Provider::Codex } => {
                self.out.push(Effect::RestartTool { provider: *provider, call });
            }
            Request::RestartTool { .. } => {
                let text = "This tool follows a swap by itself.";
                self.answer(call, refused("unsupported", text));
            }
            Request::ReadAll => self.read_all(call, now),
            _ => self.answer(call, refused("unsupported", "This is not known here.")),
        }
    }

    fn wish(&mut self, call: CallId, kind: Kind, account: AccountId, now: Now) {
        let renew = match self.may_wish(kind, account, now) {
            Ok(renew) => renew,
            Err(refusal) => return self.answer(call, Answer::Refused(*refusal)),
        };
        if let (Kind::Read | Kind::Validate, Some(book)) = (kind, self.polls.get_mut(&account)) {
            book.wanted = true;
            book.not_before = None;
        }
        let bound = if kind == Kind::Renew { RENEW_S } else { READ_S };
        let id = self.remind(bound);
        self.wishes.insert(id, Wish { call, kind, account, renew });
    }

    /// Whether the wish takes an exchange, or why it cannot be fulfilled now.
    fn may_wish(&self, kind: Kind, id: AccountId, now: Now) -> Result<bool, Box<Refused>> {
        let no = |code: &str, text: String, retry_after_s: Option<u64>| {
            Err(Box::new(Refused { code: code.to_owned(), text, retry_after_s }))
        };
        let Some(account) = self.account(id) else {
            return no("unknown_account", "There is no such account.".to_owned(), None);
        };
        let (provider, label) = (account.provider, self.label(id));
        if self.options.offline {
            let text = "Nothing reads or renews at the moment: start `sluice daemon` or the tray.";
            return no("not_running", text.to_owned(), None);
        }
        if self.settings.stopped || self.mode(provider) == Mode::Off || !account.enabled {
            let text = format!("{label} is not watched now; nothing is asked about it.");
            return no("stopped", text, None);
        }
        if self.wishes.len() >= WISHES_MAX {
            return no("busy", "Too much is being waited for already.".to_owned(), Some(60));
        }
        if account.login == Login::Missing {
            return no("no_credential", format!("No login of {label} is kept."), None);
        }
        let live = self.live(provider) == Some(id);
        if kind == Kind::Renew && live {
            let text = format!("{label} is live: its tool renews the login, Sluice never does.");
            return no("in_use", text, None);
        }
        let ended = self.token_ended(id, now);
        if !live && self.cards.get(&id).is_some_and(|card| card.refused) {
            let text = format!(
                "The provider has refused the login of {label}; it is not presented again. Sign in \
                 as it with the tool and add it again."
            );
            return no("not_signed_in", text, None);
        }
        let renew = !live && (kind == Kind::Renew || ended || account.login == Login::NeedsSignIn);
        let heals = account.login == Login::NeedsSignIn;
        if let Some(wait) = self.refresh_wait_s(id, now).filter(|_| renew && !heals) {
            let text = format!("The login of {label} was renewed or tried a moment ago.");
            return no("cooldown", text, Some(wait));
        }
        match self.read_wait_s(id, now) {
            Some(wait) if kind != Kind::Renew && wait >= u64::from(READ_S) => {
                let text = format!("{label} was asked about as often as is decent this hour.");
                no("throttled", text, Some(wait))
            }
            _ => Ok(renew),
        }
    }

    /// The kept access token of a parked account has ended, as far as is known.
    pub(super) fn token_ended(&self, id: AccountId, now: Now) -> bool {
        let kept = self.cards.get(&id).and_then(|card| card.kept);
        kept.and_then(|kept| kept.access_expires_at).is_some_and(|at| at <= now.wall)
    }

    pub(super) fn wants_renewal(&self, id: AccountId) -> bool {
        self.wishes.values().any(|wish| wish.account == id && wish.renew)
    }

    pub(super) fn wishes_after_renewal(
        &mut self,
        account: AccountId,
        report: &RefreshReport,
        now: Now,
    ) {
        for (id, wish) in self.wishes_of(account) {
            let refusal = match report {
                RefreshReport::Kept(_) if wish.kind == Kind::Renew => None,
                RefreshReport::Kept(_) => {
                    // The exchange has proven the login; its numbers follow.
                    if let Some(open) = self.wishes.get_mut(&id) {
                        open.renew = false;
                    }
                    continue;
                }
                RefreshReport::Unsendable => {
                    Some(("kept_unusable", crate::ports::UNSENDABLE.to_owned(), None))
                }
                RefreshReport::NeedsSignIn(text) => Some(("not_signed_in", text.clone(), None)),
                RefreshReport::Later { text, retry_after_s } if wish.renew => {
                    Some(("refresh_failed", text.clone(), *retry_after_s))
                }
                RefreshReport::Later { .. } => continue,
            };
            self.wishes.remove(&id);
            self.answer_wish(wish, refusal, now);
        }
    }

    pub(super) fn wishes_after_poll(
        &mut self,
        account: AccountId,
        result: &Result<Usage, PollError>,
        now: Now,
    ) {
        self.count_bulk(account, result.is_ok(), now);
        for (id, wish) in self.wishes_of(account) {
            let refusal = match (result, wish.kind) {
                (_, Kind::Renew) => continue,
                (Ok(_), _) => None,
                (Err(PollError::OtherLogin), _) => continue,
                (Err(PollError::Read(ReadError::TokenRefused)), _) => {
                    match self.after_refusal(id, account) {
                        Some(refusal) => Some(refusal),
                        None => continue,
                    }
                }
                (Err(PollError::Read(ReadError::Throttled { retry_after_s })), _) => {
                    let text = "The provider asked to wait.".to_owned();
                    Some(("throttled", text, *retry_after_s))
                }
                (Err(PollError::Late), _) => {
                    self.wishes.remove(&id);
                    self.expire(wish);
                    continue;
                }
                (
                    Err(PollError::Read(
                        ReadError::Unreachable(text)
                        | ReadError::Forbidden(text)
                        | ReadError::Blocked(_, text),
                    )),
                    _,
                ) => Some(("read_failed", text.clone(), None)),
                (Err(PollError::Bearer(trouble)), _) => {
                    Some((trouble.code, trouble.text.clone(), None))
                }
            };
            self.wishes.remove(&id);
            self.answer_wish(wish, refusal, now);
        }
    }

    /// A refused token of a parked account is renewed once; after that, or in a seat, a person has to
    /// look.
    fn after_refusal(
        &mut self,
        id: u64,
        account: AccountId,
    ) -> Option<(&'static str, String, Option<u64>)> {
        let signed_out = login_of(self, account) == Some(Login::NeedsSignIn);
        if self.is_live(account) || signed_out {
            let text = "The provider refuses its present token.".to_owned();
            return Some(("not_signed_in", text, None));
        }
        if let Some(wish) = self.wishes.get_mut(&id) {
            wish.renew = true;
        }
        if let Some(book) = self.polls.get_mut(&account) {
            book.wanted = true;
        }
        self.refresh_not_before.remove(&account);
        None
    }

    fn wishes_of(&self, account: AccountId) -> Vec<(u64, Wish)> {
        let all = self.wishes.iter().filter(|(_, wish)| wish.account == account);
        all.map(|(id, wish)| (*id, *wish)).collect()
    }

    fn answer_wish(
        &mut self,
        wish: Wish,
        refusal: Option<(&'static str, String, Option<u64>)>,
        now: Now,
    ) {
        let answer = match refusal {
            None => Answer::Login(crate::view::login_view(self, wish.account, now.wall)),
            Some((code, text, retry_after_s)) => {
                Answer::Refused(Refused { code: code.to_owned(), text, retry_after_s })
            }
        };
        self.answer(wish.call, answer);
    }

    pub(super) fn read_all(&mut self, call: CallId, now: Now) {
        if self.bulk.is_some() {
            let text = "Every account is being read already; its progress is in the view.";
            return self.answer(call, refused("REFRESH_IN_PROGRESS", text));
        }
        if self.options.offline || self.settings.stopped {
            let text = "Nothing is read at the moment: start Sluice again, or `sluice daemon`.";
            return self.answer(call, refused("not_running", text));
        }
        let recent = self.bulk_ended.is_some_and(|at| {
            let since = now.wall.seconds_since(at);
            (0.0..BULK_APART_S).contains(&since)
        });
        let ids: Vec<_> = self.world.accounts.iter().map(|account| account.id).collect();
        let mut view = BulkView {
            begun_at_ms: now.wall.millis(),
            total: count(ids.len()),
            ..BulkView::default()
        };
        let mut left = BTreeSet::new();
        for id in ids {
            let wait = self.read_wait_s(id, now);
            if recent || wait.is_some_and(|wait| wait >= u64::from(BULK_S)) {
                view.throttled += 1;
            } else if self.cannot_be_read(id) {
                view.failed += 1;
            } else {
                left.insert(id);
            }
        }
        if left.is_empty() {
            return self.answer(call, Answer::Bulk(view));
        }
        for id in &left {
            self.polls.entry(*id).or_default().wanted = true;
        }
        let id = self.remind(BULK_S);
        self.bulk = Some(Bulk { id, call, left, view });
    }

    fn cannot_be_read(&self, id: AccountId) -> bool {
        let Some(account) = self.account(id) else { return true };
        let watched = account.enabled && self.mode(account.provider) != Mode::Off;
        let seat = self.seats.get(&account.provider).map(|book| &book.seat);
        let certain = !matches!(seat, None | Some(Seat::Unread));
        !watched || !certain || (!self.is_live(id) && login_text(account.login).is_some())
    }

    fn count_bulk(&mut self, account: AccountId, read: bool, now: Now) {
        let Some(bulk) = &mut self.bulk else { return };
        if !bulk.left.remove(&account) {
            return;
        }
        if read {
            bulk.view.read += 1;
        } else {
            bulk.view.failed += 1;
        }
        if bulk.left.is_empty() {
            self.end_bulk(now);
        }
    }

    fn end_bulk(&mut self, now: Now) {
        let Some(bulk) = self.bulk.take() else { return };
        self.bulk_ended = Some(now.wall);
        self.answer(bulk.call, Answer::Bulk(bulk.view));
    }

    fn end_bulk_late(&mut self, now: Now) {
        let Some(bulk) = &mut self.bulk else { return };
        let left = core::mem::take(&mut bulk.left);
        bulk.view.failed += count(left.len());
        for account in left {
            self.stop_checking(account);
        }
        self.end_bulk(now);
    }
}

fn login_of(core: &Core, account: AccountId) -> Option<Login> {
    core.account(account).map(|found| found.login)
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}
