//! Requests that somebody waits for: each ends by its own bound, whatever hangs. What was begun for one
//! goes on without the asker.

mod read_all;

use super::{CallId, Core, Effect, PollError};
use crate::ports::{ReadError, RefreshReport};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{AccountId, Login, Now};
use sluice_protocol::{Answer, BulkView, Code, Mode, Refused, Request};

/// A renewal that was asked for, seconds.
const RENEW_S: u32 = 45;
/// A reading of usage that was asked for, and a check of a login, seconds.
const READ_S: u32 = 60;
/// Wishes open at once.
const WISHES_MAX: usize = 32;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Renew,
    Read,
    Validate,
}

/// Why nothing came of a wish, and after how many seconds it may be asked again.
pub(super) type InVain = (Code, String, Option<u64>);

#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    call: CallId,
    kind: Kind,
    account: AccountId,
    /// It takes an exchange of its tokens.
    renew: bool,
}

/// Who waits for what, by the reminder that ends it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    open: BTreeMap<u64, Wish>,
    read_all: read_all::ReadAll,
}

impl Wishes {
    /// How far the round over all accounts has come.
    pub(crate) fn progress(&self) -> Option<BulkView> {
        self.read_all.progress()
    }

    /// Somebody waits for an exchange of this account's tokens.
    pub(super) fn want_renewal(&self, id: AccountId) -> bool {
        self.open.values().any(|wish| wish.account == id && wish.renew)
    }

    fn of(&self, account: AccountId) -> Vec<(u64, Wish)> {
        let all = self.open.iter().filter(|(_, wish)| wish.account == account);
        all.map(|(id, wish)| (*id, *wish)).collect()
    }

    /// The wishes that a reading of the account fulfils.
    pub(super) fn for_numbers(&self, account: AccountId) -> Vec<u64> {
        let of = self.of(account).into_iter();
        of.filter(|(_, wish)| wish.kind != Kind::Renew).map(|(id, _)| id).collect()
    }

    /// The account's tokens were exchanged, or not: the wishes that have ended, and why in vain.
    pub(super) fn after_renewal(
        &mut self,
        account: AccountId,
        report: &RefreshReport,
    ) -> Vec<(Wish, Option<InVain>)> {
        let mut ended = Vec::new();
        for (id, wish) in self.of(account) {
            let in_vain = match report {
                RefreshReport::Kept(_) if wish.kind == Kind::Renew => None,
                RefreshReport::Kept(_) => {
                    // The exchange has proven the login; its numbers follow.
                    if let Some(open) = self.open.get_mut(&id) {
                        open.renew = false;
                    }
                    continue;
                }
                RefreshReport::Unsendable => {
                    Some((Code::KeptUnusable, crate::ports::UNSENDABLE.to_owned(), None))
                }
                RefreshReport::NeedsSignIn(text) => Some((Code::NotSignedIn, text.clone(), None)),
                RefreshReport::Later { text, retry_after_s } if wish.renew => {
                    Some((Code::RefreshFailed, text.clone(), *retry_after_s))
                }
                RefreshReport::Later { .. } => continue,
            };
            self.open.remove(&id);
            ended.push((wish, in_vain));
        }
        ended
    }
}

impl Core {
    pub(super) fn on_due(&mut self, id: u64, now: Now) {
        if let Some(wish) = self.wishes.open.remove(&id) {
            self.expire(wish);
        } else if let Some(task) = self.deadlines.due(id) {
            self.unlock(task);
        } else if self.wishes.read_all.is_due(id) {
            for account in self.wishes.read_all.give_up(now.wall, &mut self.effects) {
                self.polls.stop(account, &mut self.world);
            }
        } else {
            let looked = self.seats.look_is_due(id);
            self.serve(looked, now);
            let ended = self.swaps.proof_is_due(id);
            self.end_proof(ended, now);
        }
    }

    fn expire(&mut self, wish: Wish) {
        let label = self.profiles.label(wish.account).to_owned();
        let (code, text) = match wish.kind {
            Kind::Renew => (
                Code::RefreshTimeout,
                format!(
                    "The login of {label} was not renewed within {RENEW_S} seconds. It goes on in \
                     the background and what comes is kept; look again in a minute."
                ),
            ),
            Kind::Read => (
                Code::RefreshTimeout,
                format!(
                    "No numbers of {label} came within {READ_S} seconds. The last ones are kept; \
                     try again later."
                ),
            ),
            Kind::Validate => (
                Code::ValidateTimeout,
                format!(
                    "The provider did not say within {READ_S} seconds whether it takes the login \
                     of {label}. The login is kept; try again later."
                ),
            ),
        };
        if wish.kind != Kind::Renew {
            self.polls.stop(wish.account, &mut self.world);
            self.profiles.set_problem(wish.account, Some(text.clone()));
        }
        if wish.kind == Kind::Validate && login_of(self, wish.account) == Some(Login::Valid) {
            // Nothing was learnt, and unknown is what it is then.
            self.set_login(wish.account, Login::Unverified);
        }
        self.effects.refuse(wish.call, code, text);
    }

    /// What is waited for.
    pub(super) fn on_wish(&mut self, call: CallId, request: &Request, now: Now) {
        match request {
            Request::Renew { account } => self.wish(call, Kind::Renew, *account, now),
            Request::ReadUsage { account } => self.wish(call, Kind::Read, *account, now),
            Request::Validate { account } => self.wish(call, Kind::Validate, *account, now),
            Request::RestartTool { provider } if provider.spec().background.is_some() => {
                self.effects.push(Effect::RestartTool { provider: *provider, call });
            }
            Request::RestartTool { .. } => {
                let text = "This tool follows a swap by itself.";
                self.effects.refuse(call, Code::Unsupported, text);
            }
            Request::ReadAll => self.read_all(call, now),
            _ => self.effects.refuse(call, Code::Unsupported, "This is not known here."),
        }
    }

    fn wish(&mut self, call: CallId, kind: Kind, account: AccountId, now: Now) {
        let renew = match self.may_wish(kind, account, now) {
            Ok(renew) => renew,
            Err(refusal) => return self.effects.answer(call, Answer::Refused(*refusal)),
        };
        if kind != Kind::Renew {
            self.polls.want(account);
            self.polls.put_off_no_more(account);
        }
        let bound = if kind == Kind::Renew { RENEW_S } else { READ_S };
        let id = self.effects.remind(bound);
        self.wishes.open.insert(id, Wish { call, kind, account, renew });
    }

    /// Whether the wish takes an exchange, or why it cannot be fulfilled now.
    fn may_wish(&self, kind: Kind, id: AccountId, now: Now) -> Result<bool, Box<Refused>> {
        let no = |code: Code, text: String, retry_after_s: Option<u64>| {
            Err(Box::new(Refused { code, text, retry_after_s }))
        };
        let Some(account) = self.world.account(id) else {
            return no(Code::UnknownAccount, "There is no such account.".to_owned(), None);
        };
        let (provider, label) = (account.provider, self.profiles.label(id));
        if self.options.offline {
            let text = "Nothing reads or renews at the moment: start `sluice daemon` or the tray.";
            return no(Code::NotRunning, text.to_owned(), None);
        }
        if self.settings.stopped || self.settings.mode(provider) == Mode::Off || !account.enabled {
            let text = format!("{label} is not watched now; nothing is asked about it.");
            return no(Code::Stopped, text, None);
        }
        if self.wishes.open.len() >= WISHES_MAX {
            return no(Code::Busy, "Too much is being waited for already.".to_owned(), Some(60));
        }
        if account.login == Login::Missing {
            return no(Code::NoCredential, format!("No login of {label} is kept."), None);
        }
        let live = self.seats.live(provider) == Some(id);
        if kind == Kind::Renew && live {
            let text = format!("{label} is live: its tool renews the login, Sluice never does.");
            return no(Code::InUse, text, None);
        }
        let ended = self.profiles.token_ended(id, now.wall);
        if !live && self.profiles.is_refused(id) {
            let text = format!(
                "The provider has refused the login of {label}; it is not presented again. Sign in \
                 as it with the tool and add it again."
            );
            return no(Code::NotSignedIn, text, None);
        }
        let renew = !live && (kind == Kind::Renew || ended || account.login == Login::NeedsSignIn);
        let heals = account.login == Login::NeedsSignIn;
        if let Some(wait) = self.refreshes.wait_s(id, now.wall).filter(|_| renew && !heals) {
            let text = format!("The login of {label} was renewed or tried a moment ago.");
            return no(Code::Cooldown, text, Some(wait));
        }
        match super::polling::wish_wait_s(&self.world, id, now.wall) {
            Some(wait) if kind != Kind::Renew && wait >= u64::from(READ_S) => {
                let text = format!("{label} was asked about as often as is decent this hour.");
                no(Code::Throttled, text, Some(wait))
            }
            _ => Ok(renew),
        }
    }

    /// The numbers are kept, or the ledger did not take them, which is told elsewhere: whoever waited
    /// for them reads them here or there.
    pub(super) fn wishes_after_reading(&mut self, account: AccountId, wishes: &[u64], now: Now) {
        self.wishes.read_all.count(account, true, now.wall, &mut self.effects);
        for id in wishes {
            if let Some(wish) = self.wishes.open.remove(id) {
                self.answer_wishes(vec![(wish, None)], now);
            }
        }
    }

    pub(super) fn wishes_after_failure(&mut self, account: AccountId, error: &PollError, now: Now) {
        self.wishes.read_all.count(account, false, now.wall, &mut self.effects);
        for id in self.wishes.for_numbers(account) {
            let refusal = match error {
                PollError::OtherLogin => continue,
                PollError::Read(ReadError::TokenRefused) => match self.after_refusal(id, account) {
                    Some(refusal) => refusal,
                    None => continue,
                },
                PollError::Read(ReadError::Throttled { retry_after_s }) => {
                    let text = "The provider asked to wait.".to_owned();
                    (Code::Throttled, text, *retry_after_s)
                }
                PollError::Late => {
                    if let Some(wish) = self.wishes.open.remove(&id) {
                        self.expire(wish);
                    }
                    continue;
                }
                PollError::Read(
                    ReadError::Unreachable(text)
                    | ReadError::Forbidden(text)
                    | ReadError::Blocked(_, text),
                ) => (Code::ReadFailed, text.clone(), None),
                PollError::Bearer(trouble) => (trouble.code, trouble.text.clone(), None),
            };
            if let Some(wish) = self.wishes.open.remove(&id) {
                self.answer_wishes(vec![(wish, Some(refusal))], now);
            }
        }
    }

    /// A refused token of a parked account is renewed once; after that, or in a seat, a person has to
    /// look.
    fn after_refusal(&mut self, id: u64, account: AccountId) -> Option<InVain> {
        let signed_out = login_of(self, account) == Some(Login::NeedsSignIn);
        if self.seats.is_live(account) || signed_out {
            let text = "The provider refuses its present token.".to_owned();
            return Some((Code::NotSignedIn, text, None));
        }
        if let Some(wish) = self.wishes.open.get_mut(&id) {
            wish.renew = true;
        }
        self.polls.want(account);
        self.refreshes.put_off_no_more(account);
        None
    }

    pub(super) fn answer_wishes(&mut self, ended: Vec<(Wish, Option<InVain>)>, now: Now) {
        for (wish, in_vain) in ended {
            let answer = match in_vain {
                None => Answer::Login(crate::view::login_view(self, wish.account, now.wall)),
                Some((code, text, retry_after_s)) => {
                    Answer::Refused(Refused { code, text, retry_after_s })
                }
            };
            self.effects.answer(wish.call, answer);
        }
    }
}

fn login_of(core: &Core, account: AccountId) -> Option<Login> {
    core.world.account(account).map(|found| found.login)
}
