//! Proves a login before it goes live: the provider accepted it within the hour, or is asked once more
//! before the seat is touched. A dead login in the seat stops the person's work.

use crate::ports::{PortError, ReadError, RefreshReport, SwapOrder};
use crate::seats::Seat;
use crate::{CallId, Core};
use alloc::borrow::ToOwned as _;
use alloc::string::String;
use sluice_engine::gates::{self, Shares};
use sluice_engine::limits::USED_UP_PERCENT;
use sluice_engine::observation::Reading;
use sluice_engine::world::Settlement;
use sluice_engine::{AccountId, Login, Now, Refusal, Rules, Usage, Utc, World};
use sluice_protocol::Code;

/// The longest an order waits for the proof, real seconds.
const BOUND_S: u32 = 20;

/// A swap that waits for the proof of its target.
#[derive(Clone, Debug)]
struct Proof {
    order: SwapOrder,
    call: Option<CallId>,
    id: u64,
    /// Its tokens are being exchanged, or were.
    renewing: bool,
}

#[derive(Debug)]
enum Verdict {
    Taken,
    Refused,
    /// Its new token cannot be sent.
    Unsendable,
    /// Nobody answered.
    Unknown,
}

/// A proof that has ended.
#[derive(Debug)]
pub(crate) struct Ended(Proof, Verdict);

/// The proof under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs {
    open: Option<Proof>,
}

impl Proofs {
    /// The order that waits for it.
    pub(super) fn order(&self) -> Option<&SwapOrder> {
        self.open.as_ref().map(|proof| &proof.order)
    }

    /// It is this account's login that is being proven.
    pub(super) fn is_about(&self, account: AccountId) -> bool {
        self.order().is_some_and(|order| order.to.0 == account)
    }

    /// The one that ends without an answer.
    pub(super) fn due(&mut self, id: u64) -> Option<Ended> {
        self.open.take_if(|proof| proof.id == id).map(|proof| Ended(proof, Verdict::Unknown))
    }

    /// The target's tokens were exchanged, or not.
    pub(super) fn after_renewal(
        &mut self,
        account: AccountId,
        report: &RefreshReport,
    ) -> Option<Ended> {
        let verdict = match report {
            RefreshReport::Kept(_) => Verdict::Taken,
            RefreshReport::Unsendable => Verdict::Unsendable,
            RefreshReport::NeedsSignIn(_) => Verdict::Refused,
            RefreshReport::Later { .. } => Verdict::Unknown,
        };
        let proof = self.open.take_if(|proof| proof.order.to.0 == account);
        proof.map(|proof| Ended(proof, verdict))
    }
}

impl Core {
    /// Takes an order; it is carried out at once or when its target is proven.
    pub(crate) fn order_swap(&mut self, order: SwapOrder, call: Option<CallId>, now: Now) {
        let to = order.to.0;
        if self.profiles.is_proven(to, now) {
            return self.carry_out_swap(order, call, now);
        }
        let asked = if self.profiles.token_ended(to, now.wall) {
            !self.refreshes.is_busy() && self.refreshes.wait_s(to, now.wall).is_none()
        } else {
            crate::polling::wish_wait_s(&self.world, to, now.wall).is_none()
        };
        if !asked {
            return self.judge(order, call, &Verdict::Unknown, now);
        }
        let id = self.effects.remind(BOUND_S);
        let renewing = self.profiles.token_ended(to, now.wall);
        self.swaps.proofs.open = Some(Proof { order: order.clone(), call, id, renewing });
        if renewing {
            self.refresh(to);
        } else if !self.polls.is_reading(to) {
            self.poll(to, order.provider, crate::ports::Holder::Account(to), (false, now));
        }
    }

    /// A question about the target was answered.
    pub(crate) fn proof_after_poll(
        &mut self,
        account: AccountId,
        result: &Result<Reading, crate::PollError>,
        now: Now,
    ) {
        if !self.swaps.proofs.is_about(account) {
            return;
        }
        let Some(proof) = &mut self.swaps.proofs.open else { return };
        let verdict = match result {
            Ok(_) => Verdict::Taken,
            Err(crate::PollError::Read(ReadError::TokenRefused)) if !proof.renewing => {
                proof.renewing = true;
                self.refreshes.put_off_no_more(account);
                if !self.refreshes.is_busy() && self.world.account(account).is_some_and(may_renew) {
                    return self.refresh(account);
                }
                Verdict::Unknown
            }
            Err(crate::PollError::Read(ReadError::TokenRefused)) => Verdict::Refused,
            Err(_) => Verdict::Unknown,
        };
        let ended = self.swaps.proofs.open.take().map(|proof| Ended(proof, verdict));
        self.end_proof(ended, now);
    }

    pub(crate) fn end_proof(&mut self, ended: Option<Ended>, now: Now) {
        if let Some(Ended(Proof { order, call, .. }, verdict)) = ended {
            self.judge(order, call, &verdict, now);
        }
    }

    /// A login that was never taken is not made live on a guess; one that was is, when nobody can be
    /// asked, and a person may insist.
    fn judge(&mut self, order: SwapOrder, call: Option<CallId>, verdict: &Verdict, now: Now) {
        let to = order.to.0;
        let label = self.profiles.label(to).to_owned();
        let known = self.world.account(to).map(|account| account.login);
        let trouble = match verdict {
            Verdict::Refused => {
                self.needs_sign_in(to, "the provider refused its login before it went live", now);
                let text =
                    format!("The provider refuses the login of {label}; nothing was changed.");
                Some(PortError::new(Code::NotSignedIn, text))
            }
            Verdict::Unsendable => {
                let text = format!(
                    "{label} was not made live: {}; nothing was changed.",
                    crate::ports::UNSENDABLE
                );
                Some(PortError::new(Code::KeptUnusable, text))
            }
            Verdict::Unknown if known != Some(Login::Valid) && !order.by_person() => {
                let text = format!(
                    "The login of {label} was never taken by the provider and could not be checked \
                     now; nothing was changed."
                );
                Some(PortError::new(Code::Unproven, text))
            }
            Verdict::Taken | Verdict::Unknown if !order.by_person() => {
                let fresh = matches!(verdict, Verdict::Taken);
                not_worth_it(&self.world, to, &label, (fresh, now.wall))
                    .or_else(|| self.moved_on(&order))
            }
            Verdict::Taken | Verdict::Unknown => self.moved_on(&order),
        };
        match trouble {
            None => self.carry_out_swap(order, call, now),
            Some(trouble) => self.refuse_swap(order, call, trouble, now),
        }
    }

    /// What was decided holds no longer: the seat or the person's will has changed meanwhile.
    fn moved_on(&self, order: &SwapOrder) -> Option<PortError> {
        let from = order.from.as_ref().map(|(account, _)| *account);
        let seat = self.seats.seat(order.provider);
        let same = match seat {
            Some(Seat::Known(live)) => Some(*live) == from,
            Some(Seat::Empty) => from.is_none(),
            Some(Seat::Unread | Seat::Unreadable(_) | Seat::Foreign(_) | Seat::Unmanaged)
            | None => false,
        };
        if !same || self.settings.stopped || self.ending {
            return Some(stale("The seat had changed meanwhile; nothing was done."));
        }
        self.observe_only(order.provider).map(|text| PortError::new(Code::ObserveOnly, text))
    }

    pub(crate) fn refuse_swap(
        &mut self,
        order: SwapOrder,
        call: Option<CallId>,
        trouble: PortError,
        now: Now,
    ) {
        let settled =
            if trouble.code == Code::Stale { Settlement::Stale } else { Settlement::Failed };
        self.world.settle(order.lane, settled, now);
        if trouble.code != Code::Stale {
            let word = self.texts().swap_failed(&order, &trouble);
            self.tell(word, now);
        }
        self.findings.store(order.lane, &self.world, now.wall, &mut self.effects);
        self.lanes.want_decision(order.lane);
        if let Some(call) = call {
            self.effects.refuse(call, trouble.code, trouble.text);
        }
    }
}

/// What speaks against going there by itself: the provider's word, money, or a `fresh` reading.
fn not_worth_it(
    world: &World,
    account: AccountId,
    label: &str,
    (fresh, now): (bool, Utc),
) -> Option<PortError> {
    let usage = &world.account(account)?.usage;
    if let Some(why) = usage.blocked(now) {
        return Some(stale(format!("{label}: {}; nothing was changed.", why.words())));
    }
    let shares = Shares::read(usage, now);
    if gates::barred(usage, shares, &world.rules, now) != Refusal::Eligible {
        return Some(stale(format!("Using {label} would cost extra money; nothing was changed.")));
    }
    (fresh && is_used_up(usage, shares, &world.rules))
        .then(|| stale(format!("{label} turned out to be used up; nothing was changed.")))
}

/// A reading of this moment leaves nothing to go there for.
fn is_used_up(usage: &Usage, shares: Shares, rules: &Rules) -> bool {
    let least = |used: Option<f64>, most: f64| used.is_some_and(|used| used >= most);
    let full = least(shares.short, rules.critical) || least(shares.week, USED_UP_PERCENT);
    // Where the person pays for more, full is no reason.
    full && !gates::paid(usage, shares, rules)
}

/// What the swap was decided on holds no longer.
fn stale(text: impl Into<String>) -> PortError {
    PortError::new(Code::Stale, text)
}

fn may_renew(account: &sluice_engine::Account) -> bool {
    account.login.is_usable()
}
