//! A person asks for an account: the swap begins, is refused with a reason, or waits for a renewal or the
//! ledger.

use crate::ports::login_text;
use crate::seats::Seat;
use crate::{CallId, Core, Effect, Motive, Port};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use sluice_engine::{AccountId, AskedBy, Now, Provider, Trigger};
use sluice_protocol::{Answer, Code, Request, refused};

/// Askers waiting for a renewal to end, or for the ledger.
const WAITING_MAX: usize = 8;

/// Swaps that a person asked for and that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct AskedSwaps {
    waiting: VecDeque<(CallId, AccountId)>,
}

impl AskedSwaps {
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }
}

impl Core {
    /// A person asks for an account.
    pub(crate) fn ask_swap(&mut self, call: CallId, to: AccountId, now: Now) {
        match self.person_may_swap(to) {
            Err(No { seen: Some(provider), .. })
                if self.look_first(provider, call, Request::Swap { to }) => {}
            Err(No { answer, .. }) => self.effects.push(Effect::Answer(call, answer)),
            Ok(Waits::No(provider)) => {
                let motive = Motive {
                    asked_by: AskedBy::Person,
                    trigger: Trigger::Manual,
                    reason: "you asked for it".to_owned(),
                };
                if let Some(order) = self.order(provider, to, motive, now) {
                    self.order_swap(order, Some(call), now);
                }
            }
            Ok(Waits::Yes) => self.swaps.asked.waiting.push_back((call, to)),
        }
    }

    pub(crate) fn serve_asked_swaps(&mut self, now: Now) {
        for _ in 0..self.swaps.asked.waiting.len() {
            if let Some((call, to)) = self.swaps.asked.waiting.pop_front() {
                self.ask_swap(call, to, now);
            }
        }
    }

    fn person_may_swap(&self, to: AccountId) -> Result<Waits, No> {
        let Some(account) = self.world.account(to) else {
            return Err(refusal(Code::UnknownAccount, "There is no such account."));
        };
        let provider = account.provider;
        let label = self.profiles.label(to);
        if self.settings.stopped {
            return Err(refusal(
                Code::Stopped,
                "Sluice is stopped. Start it again before you swap.",
            ));
        }
        if self.seats.live(provider) == Some(to) {
            let answer = refusal(Code::LiveAccount, format!("{label} is live already."));
            return Err(answer.seen_in(provider));
        }
        if let Some(text) = login_text(account.login) {
            return Err(refusal(
                Code::NotSignedIn,
                format!("{label} cannot be made live: {text}."),
            ));
        }
        match self.seats.seat(provider) {
            Some(Seat::Unmanaged) => {
                let text = "The seat holds a login that Sluice does not keep. Add it first, so that it is \
                            not lost.";
                return Err(refusal(Code::UnmanagedLogin, text).seen_in(provider));
            }
            Some(Seat::Unread) | None => {
                let text = "The seat is still being read; try again.";
                return Err(refusal(Code::Busy, text).seen_in(provider));
            }
            Some(Seat::Known(_) | Seat::Empty | Seat::Unreadable(_) | Seat::Foreign(_)) => {}
        }
        if let Some(text) = self.observe_only(provider) {
            return Err(refusal(Code::ObserveOnly, text).seen_in(provider));
        }
        if let Some(order) = self.swaps.under_way() {
            let text =
                format!("A swap to {} is being carried out.", self.profiles.label(order.to.0));
            return Err(refusal(Code::Busy, text));
        }
        let renewing = self.refreshes.is_busy_with(to);
        let finding = !self.health.is_hanging(Port::Ledger)
            && self.world.lane_of(provider).is_some_and(|lane| self.findings.is_asked(lane.id));
        Ok(if renewing || finding || self.seats.is_capturing(provider) {
            Waits::Yes
        } else {
            Waits::No(provider)
        })
    }
}

fn refusal(code: Code, text: impl Into<String>) -> No {
    No { answer: Box::new(refused(code, text)), seen: None }
}

/// A refusal.
struct No {
    answer: Box<Answer>,
    /// It rests on what was seen in this seat.
    seen: Option<Provider>,
}

impl No {
    fn seen_in(self, provider: Provider) -> Self {
        Self { seen: Some(provider), ..self }
    }
}

enum Waits {
    Yes,
    No(Provider),
}
