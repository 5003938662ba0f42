//! Proves a login before it goes live: the provider accepted it within the hour, or is asked once more
//! before the seat is touched. A dead login in the seat stops the person's work.

use super::{CallId, Core, Seat};
use crate::ports::{ReadError, RefreshReport, SwapOrder, Trouble};
use alloc::borrow::ToOwned as _;
use alloc::string::String;
use sluice_engine::gates::{self, Shares};
use sluice_engine::world::Settlement;
use sluice_engine::{AccountId, Login, Now, Refusal, Usage};

/// A login that the provider took within this time needs no further proof, seconds.
const PROOF_S: f64 = 3_600.0;
/// The longest an order waits for the proof, real seconds.
const BOUND_S: u32 = 20;
/// A weekly window this full leaves nothing to go live for, percent.
const FULL: f64 = 99.0;

/// A swap that waits for the proof of its target.
#[derive(Clone, Debug)]
pub(crate) struct Proving {
    pub(crate) order: SwapOrder,
    call: Option<CallId>,
    id: u64,
    /// Its tokens are being exchanged, or were.
    renewing: bool,
}

enum Verdict {
    Taken,
    Refused,
    /// Its new token cannot be sent.
    Unsendable,
    /// Nobody answered.
    Unknown,
}

impl Core {
    /// Whether the provider took this login lately.
    fn is_proven(&self, account: AccountId, now: Now) -> bool {
        let proven = self.cards.get(&account).and_then(|card| card.proven_at);
        proven.is_some_and(|at| (0.0..PROOF_S).contains(&now.wall.seconds_since(at)))
    }

    pub(super) fn note_proof(&mut self, account: AccountId, now: Now) {
        if let Some(card) = self.cards.get_mut(&account) {
            card.proven_at = Some(now.wall);
        }
    }

    /// Takes an order; it is carried out at once or when its target is proven.
    pub(super) fn order_swap(&mut self, order: SwapOrder, call: Option<CallId>, now: Now) {
        let to = order.to.0;
        if self.is_proven(to, now) {
            return self.carry_out_swap(order, call);
        }
        let asked = if self.token_ended(to, now) {
            self.refreshing.is_none() && self.refresh_wait_s(to, now).is_none()
        } else {
            self.read_wait_s(to, now).is_none()
        };
        if !asked {
            return self.judge(order, call, &Verdict::Unknown, now);
        }
        let id = self.remind(BOUND_S);
        let renewing = self.token_ended(to, now);
        self.proving = Some(Proving { order: order.clone(), call, id, renewing });
        let under_way = self.polls.get(&to).is_some_and(|book| book.in_flight);
        if renewing {
            self.refresh(to);
        } else if !under_way {
            self.poll(to, order.provider, crate::ports::Holder::Account(to), now);
        }
    }

    /// A question about the target was answered.
    pub(super) fn proof_after_poll(
        &mut self,
        account: AccountId,
        result: &Result<Usage, super::PollError>,
        now: Now,
    ) {
        let Some(proving) = self.proving.as_mut().filter(|open| open.order.to.0 == account) else {
            return;
        };
        let verdict = match result {
            Ok(_) => Verdict::Taken,
            Err(super::PollError::Read(ReadError::TokenRefused)) if !proving.renewing => {
                proving.renewing = true;
                self.refresh_not_before.remove(&account);
                if self.refreshing.is_none() && self.account(account).is_some_and(may_renew) {
                    return self.refresh(account);
                }
                Verdict::Unknown
            }
            Err(super::PollError::Read(ReadError::TokenRefused)) => Verdict::Refused,
            Err(_) => Verdict::Unknown,
        };
        self.end_proof(&verdict, now);
    }

    pub(super) fn proof_after_renewal(
        &mut self,
        account: AccountId,
        report: &RefreshReport,
        now: Now,
    ) {
        if self.proving.as_ref().is_none_or(|open| open.order.to.0 != account) {
            return;
        }
        let verdict = match report {
            RefreshReport::Kept(_) => Verdict::Taken,
            RefreshReport::Unsendable => Verdict::Unsendable,
            RefreshReport::NeedsSignIn(_) => Verdict::Refused,
            RefreshReport::Later { .. } => Verdict::Unknown,
        };
        self.end_proof(&verdict, now);
    }

    pub(super) fn proof_is_due(&mut self, id: u64, now: Now) {
        if self.proving.as_ref().is_some_and(|open| open.id == id) {
            self.end_proof(&Verdict::Unknown, now);
        }
    }

    fn end_proof(&mut self, verdict: &Verdict, now: Now) {
        if let Some(Proving { order, call, .. }) = self.proving.take() {
            self.judge(order, call, verdict, now);
        }
    }

    /// A login that was never taken is not made live on a guess; one that was is, when nobody can be
    /// asked, and a person may insist.
    fn judge(&mut self, order: SwapOrder, call: Option<CallId>, verdict: &Verdict, now: Now) {
        let to = order.to.0;
        let label = self.label(to).to_owned();
        let known = self.account(to).map(|account| account.login);
        let trouble = match verdict {
            Verdict::Refused => {
                self.needs_sign_in(to, "the provider refused its login before it went live", now);
                let text =
                    format!("The provider refuses the login of {label}; nothing was changed.");
                Some(("not_signed_in", text))
            }
            Verdict::Unsendable => {
                let text = format!(
                    "{label} was not made live: {}; nothing was changed.",
                    crate::ports::UNSENDABLE
                );
                Some(("kept_unusable", text))
            }
            Verdict::Unknown if known != Some(Login::Valid) && !order.by_person => {
                let text = format!(
                    "The login of {label} was never taken by the provider and could not be checked \
                     now; nothing was changed."
                );
                Some(("unproven", text))
            }
            Verdict::Taken | Verdict::Unknown if !order.by_person => self
                .barred(to, &label, now)
                .or_else(|| {
                    matches!(verdict, Verdict::Taken).then(|| self.used_up(to, &label, now))?
                })
                .or_else(|| self.moved_on(&order)),
            Verdict::Taken | Verdict::Unknown => self.moved_on(&order),
        };
        match trouble {
            None => self.carry_out_swap(self.order_anew(order, call.is_some(), now), call),
            Some((code, text)) => self.refuse_swap(order, call, Trouble::new(code, text), now),
        }
    }

    /// What the provider's word or money says against going there by itself.
    fn barred(&self, account: AccountId, label: &str, now: Now) -> Option<(&'static str, String)> {
        let usage = &self.account(account)?.usage;
        if let Some(why) = usage.blocked(now.wall) {
            return Some(("stale", format!("{label}: {}; nothing was changed.", why.words())));
        }
        let shares = Shares::read(usage, now.wall);
        (gates::barred(usage, shares, &self.world.rules, now.wall) != Refusal::None).then(|| {
            ("stale", format!("Using {label} would cost extra money; nothing was changed."))
        })
    }

    /// A reading of this moment leaves nothing to go there for.
    fn used_up(&self, account: AccountId, label: &str, now: Now) -> Option<(&'static str, String)> {
        let shares = Shares::read(&self.account(account)?.usage, now.wall);
        let least = |used: Option<f64>, most: f64| used.is_some_and(|used| used >= most);
        let full = least(shares.short, self.world.rules.critical) || least(shares.week, FULL);
        full.then(|| ("stale", format!("{label} turned out to be used up; nothing was changed.")))
    }

    /// What was decided holds no longer: the seat or the person's will has changed meanwhile.
    fn moved_on(&self, order: &SwapOrder) -> Option<(&'static str, String)> {
        let from = order.from.as_ref().map(|(account, _)| *account);
        let seat = self.seats.get(&order.provider).map(|book| &book.seat);
        let same = match seat {
            Some(Seat::Known(live)) => Some(*live) == from,
            Some(Seat::Empty) => from.is_none(),
            Some(Seat::Unread | Seat::Unreadable(_) | Seat::Foreign(_) | Seat::Unmanaged)
            | None => false,
        };
        if !same || self.settings.stopped || self.ending {
            return Some(("stale", "The seat had changed meanwhile; nothing was done.".to_owned()));
        }
        self.observe_only(order.provider).map(|text| ("observe_only", text))
    }

    fn refuse_swap(&mut self, order: SwapOrder, call: Option<CallId>, trouble: Trouble, now: Now) {
        let settled = if trouble.code == "stale" { Settlement::Stale } else { Settlement::Failed };
        self.world.settle(order.lane, settled, now);
        if trouble.code != "stale" {
            self.tell_swap_failed(&order, None, &trouble, now);
        }
        self.store_lane(order.lane, now);
        self.want_decision(order.lane, now);
        if let Some(call) = call {
            self.answer(call, sluice_protocol::refused(trouble.code, trouble.text));
        }
    }
}

fn may_renew(account: &sluice_engine::Account) -> bool {
    account.login.is_usable()
}
