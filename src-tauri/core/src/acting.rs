//! Swaps: ordered here, carried out by custody, settled here. A swap takes seconds, and the loop goes on
//! meanwhile.

use super::{CallId, Core, Effect, Fresh, Running, Seat};
use crate::ports::{SwapOrder, SwapReport, Trouble, login_text};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use sluice_engine::world::Settlement;
use sluice_engine::{AccountId, Gates, LaneId, Now, Provider, Trigger};
use sluice_protocol::refused;
use sluice_protocol::{Answer, Refused, Request, SwapView};

/// A foreign write this soon after a swap is a clobber, seconds.
const CLOBBER_S: f64 = 60.0;
/// Swaps done again after clobbers, before the seat is left alone.
const CLOBBERS_MAX: u32 = 2;
/// A swap that something passing stood in the way of is tried again after this, seconds.
const AGAIN_S: i64 = 60;
/// Waits of altogether this long, seconds, are nothing anybody need hear of.
const WAITS_UNTOLD_S: f64 = 900.0;

impl Core {
    pub(super) fn begin_swap(
        &mut self,
        provider: Provider,
        to: AccountId,
        trigger: Trigger,
        reason: String,
        call: Option<CallId>,
        now: Now,
    ) {
        let Some(lane) = self.lane(provider) else { return };
        let order = SwapOrder {
            lane: lane.id,
            generation: lane.generation,
            provider,
            from: None,
            to: (to, self.key(to)),
            trigger,
            reason,
            by_person: call.is_some(),
            gates_after: Gates::default(),
            residency_seconds: None,
            at: now.wall,
        };
        let order = self.order_anew(order, call.is_some(), now);
        self.order_swap(order, call, now);
    }

    /// The order as it has to be now: who leaves, under which generation, and what follows.
    pub(super) fn order_anew(&self, order: SwapOrder, by_person: bool, now: Now) -> SwapOrder {
        let Some(lane) = self.lane(order.provider) else { return order };
        let residency =
            lane.gates.last_committed.map(|at| now.wall.seconds_since(at).max(0.0) as i64);
        let from = self.live(order.provider).map(|account| (account, self.key(account)));
        SwapOrder {
            generation: lane.generation,
            from,
            gates_after: self.gates_after(lane.id, order.to.0, by_person, now),
            residency_seconds: residency,
            at: now.wall,
            ..order
        }
    }

    pub(super) fn carry_out_swap(&mut self, order: SwapOrder, call: Option<CallId>) {
        self.probe(order.to.0, order.at);
        self.flag(super::wishes::Flag::Swapping(order.at));
        self.swap = Some(Running { order: order.clone(), call, overdue: false });
        self.out.push(Effect::Swap(Box::new(order)));
    }

    /// The gates as they will be once the swap is committed: journalled in the same transaction.
    fn gates_after(&self, lane: LaneId, to: AccountId, by_person: bool, now: Now) -> Gates {
        let mut after = self.world.clone();
        after.settle(lane, Settlement::Committed { to, by_person }, now);
        after
            .lanes
            .into_iter()
            .find(|found| found.id == lane)
            .map(|lane| lane.gates)
            .unwrap_or_default()
    }

    pub(super) fn on_swapped(&mut self, report: SwapReport, now: Now) {
        let Some(Running { order, call, overdue: _ }) = self.swap.take() else { return };
        self.unflag(super::wishes::Flag::Swapping(order.at));
        let mut retry_after_s = None;
        let view = match report {
            SwapReport::Committed { row, lingering, caveats } => {
                self.on_committed(&order, row, (lingering, &caveats), now);
                Ok(swap_view(&order, row, "committed", None))
            }
            SwapReport::Failed { row, trouble } => {
                let to = order.to.0;
                let begun = row.map_or(Settlement::Failed, |_| Settlement::Unwritten { to });
                self.world.settle(order.lane, begun, now);
                self.tell_swap_failed(&order, row, &trouble, now);
                Err(trouble)
            }
            SwapReport::Waits { trouble } => {
                self.world.settle(order.lane, Settlement::Stale, now);
                self.wait_to_swap(&order, &trouble, now);
                retry_after_s = Some(AGAIN_S.unsigned_abs());
                let text = format!("{} Ask again in {AGAIN_S} seconds.", trouble.text);
                Err(Trouble::new(trouble.code, text))
            }
            SwapReport::Stale { text } => {
                self.world.settle(order.lane, Settlement::Stale, now);
                Err(Trouble::new("stale", text))
            }
            SwapReport::Stuck { row: _, text } => {
                self.world.settle(order.lane, Settlement::Failed, now);
                self.lanes.entry(order.lane).or_default().stuck = Some(text.clone());
                self.tell_stuck(order.lane, &text, now);
                self.recover_later(now);
                Err(Trouble::new("stuck_swap", text))
            }
        };
        self.store_lane(order.lane, now);
        self.read_seat(order.provider);
        self.out.push(Effect::LookAtRuns);
        if let Some(call) = call {
            let answer = match view {
                Ok(view) => Answer::Swapped(view),
                Err(Trouble { code, text }) => {
                    Answer::Refused(Refused { code: code.to_owned(), text, retry_after_s })
                }
            };
            self.out.push(Effect::Answer(call, Box::new(answer)));
        }
    }

    /// A swap that something passing stood in the way of is decided anew soon. A person is told when
    /// it does not pass.
    fn wait_to_swap(&mut self, order: &SwapOrder, trouble: &Trouble, now: Now) {
        if order.by_person {
            return;
        }
        let book = self.lanes.entry(order.lane).or_default();
        book.tick_due = Some(now.wall.plus_seconds(AGAIN_S));
        let since = *book.waits_since.get_or_insert(now.wall);
        if now.wall.seconds_since(since) >= WAITS_UNTOLD_S {
            self.tell_swap_failed(order, None, trouble, now);
        }
    }

    fn on_committed(
        &mut self,
        order: &SwapOrder,
        row: i64,
        (lingering, caveats): (bool, &[String]),
        now: Now,
    ) {
        let to = order.to.0;
        let settlement = Settlement::Committed { to, by_person: order.by_person };
        self.world.settle(order.lane, settlement, now);
        self.swaps.push_back(now.wall);
        let arriving = self.cards.get(&to).and_then(|card| card.kept);
        let book = self.seats.entry(order.provider).or_default();
        let leaving = book.expires_at;
        book.seat = Seat::Known(to);
        book.expires_at = arriving.and_then(|kept| kept.access_expires_at);
        book.fingerprint = None;
        book.kept_fingerprint = None;
        if let Some((from, _)) = &order.from
            && let Some(card) = self.cards.get_mut(from)
        {
            // What left the seat was captured, so the vault has the rotation the seat had.
            let kept = card.kept.unwrap_or_default();
            card.kept = Some(crate::ports::Kept { access_expires_at: leaving, ..kept });
        }
        self.note_fresh(order, now);
        if let Some(book) = self.lanes.get_mut(&order.lane) {
            book.advice = None;
            book.tick_due = None;
            book.waits_since = None;
        }
        self.end_cause(&super::deciding::advice_cause(order.provider, to));
        self.end_cause(&format!("swap_failed:{}", order.provider.name()));
        self.tell_swap_done(order, row, (lingering, caveats), now);
    }

    fn note_fresh(&mut self, order: &SwapOrder, now: Now) {
        let Some((from, _)) = order.from else { return };
        let before = self.fresh.filter(|fresh| fresh.lane == order.lane && fresh.to == order.to.0);
        let clobbers = before.map_or(0, |fresh| fresh.clobbers);
        self.fresh = Some(Fresh { lane: order.lane, from, to: order.to.0, at: now.wall, clobbers });
    }

    /// Somebody put the old login back a moment after our swap. Says whether that was it: the lane
    /// then decides afresh, and after two times in a row the seat is left to its writer.
    pub(super) fn clobbered(&mut self, lane: LaneId, found: AccountId, now: Now) -> bool {
        let Some(fresh) = &mut self.fresh else { return false };
        let near = now.wall.seconds_since(fresh.at) <= CLOBBER_S;
        if fresh.lane != lane || fresh.from != found || !near {
            return false;
        }
        fresh.clobbers += 1;
        let (times, to) = (fresh.clobbers, fresh.to);
        tracing::warn!(times, "another program put the former login back after a swap");
        if times > CLOBBERS_MAX {
            let text = format!(
                "Another program keeps putting {} back after a swap to {}. Nothing more is written; end \
                 that program, then start Sluice anew. Every login is kept.",
                self.label(found),
                self.label(to)
            );
            self.lanes.entry(lane).or_default().stuck = Some(text.clone());
            self.tell_stuck(lane, &text, now);
        } else {
            self.want_decision(lane, now);
        }
        true
    }

    /// The swap that is being carried out or waits for the proof of its target.
    pub(crate) fn under_way(&self) -> Option<&SwapOrder> {
        let running = self.swap.as_ref().map(|running| &running.order);
        running.or(self.proving.as_ref().map(|proving| &proving.order))
    }

    /// A person asks for an account.
    pub(super) fn ask_swap(&mut self, call: CallId, to: AccountId, now: Now) {
        match self.person_may_swap(to) {
            Err(No { seen: Some(provider), .. })
                if self.look_first(provider, call, Request::Swap { to }) => {}
            Err(No { answer, .. }) => self.out.push(Effect::Answer(call, answer)),
            Ok(Waits::No(provider)) => {
                let reason = "you asked for it".to_owned();
                self.begin_swap(provider, to, Trigger::Manual, reason, Some(call), now);
            }
            Ok(Waits::Yes) => self.waiting.push_back((call, to)),
        }
    }

    pub(super) fn serve_waiting(&mut self, now: Now) {
        for _ in 0..self.waiting.len() {
            if let Some((call, to)) = self.waiting.pop_front() {
                self.ask_swap(call, to, now);
            }
        }
    }

    fn person_may_swap(&self, to: AccountId) -> Result<Waits, No> {
        let Some(account) = self.account(to) else {
            return Err(refusal("unknown_account", "There is no such account."));
        };
        let provider = account.provider;
        let label = self.label(to);
        if self.settings.stopped {
            return Err(refusal("stopped", "Sluice is stopped. Start it again before you swap."));
        }
        if self.live(provider) == Some(to) {
            let answer = refusal("live_account", format!("{label} is live already."));
            return Err(answer.seen_in(provider));
        }
        if let Some(text) = login_text(account.login) {
            return Err(refusal("not_signed_in", format!("{label} cannot be made live: {text}.")));
        }
        match self.seats.get(&provider).map(|book| &book.seat) {
            Some(Seat::Unmanaged) => {
                let text = "The seat holds a login that Sluice does not keep. Add it first, so that it is \
                            not lost.";
                return Err(refusal("unmanaged_login", text).seen_in(provider));
            }
            Some(Seat::Unread) | None => {
                let text = "The seat is still being read; try again.";
                return Err(refusal("busy", text).seen_in(provider));
            }
            Some(Seat::Known(_) | Seat::Empty | Seat::Unreadable(_) | Seat::Foreign(_)) => {}
        }
        if let Some(text) = self.observe_only(provider) {
            return Err(refusal("observe_only", text).seen_in(provider));
        }
        if let Some(order) = self.under_way() {
            let text = format!("A swap to {} is being carried out.", self.label(order.to.0));
            return Err(refusal("busy", text));
        }
        let renewing = self.refreshing.is_some_and(|busy| busy == to);
        Ok(if renewing || self.capturing.contains_key(&provider) {
            Waits::Yes
        } else {
            Waits::No(provider)
        })
    }
}

fn refusal(code: &str, text: impl Into<String>) -> No {
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

fn swap_view(order: &SwapOrder, row: i64, status: &str, error: Option<String>) -> SwapView {
    SwapView {
        id: row,
        at_ms: order.at.millis(),
        provider: order.provider,
        from: order.from.as_ref().map(|(account, _)| *account),
        to: order.to.0,
        trigger: order.trigger,
        reason: order.reason.clone(),
        status: status.to_owned(),
        residency_seconds: order.residency_seconds,
        error,
    }
}
