//! Failures that tools report against the live account. However many report one generation, it is left once.

use super::polling::observe;
use super::{CallId, Core};
use crate::ports::ToolFailure;
use alloc::borrow::ToOwned as _;
use sluice_engine::observation::Fact;
use sluice_engine::skip::{FailureKind, Out, Skip, Wall};
use sluice_engine::{
    AccountId, AskedBy, Generation, LaneId, Now, Observation, Provider, Source, Utc, WindowKind,
    World,
};
use sluice_protocol::{Answer, Code, Mode, Outcome, ReportOutcome};

/// A report older than this is remembered by the ledger and moves nothing any more, seconds.
const LATE_S: f64 = 600.0;
/// A window's name longer than this is none.
const WINDOW_MAX: usize = 80;

impl Core {
    pub(super) fn on_told(&mut self, call: CallId, told: &ToolFailure, now: Now) {
        let Some(provider) = self.world.account(told.account).map(|account| account.provider)
        else {
            return self.effects.refuse(call, Code::UnknownAccount, "There is no such account.");
        };
        if told.window.as_ref().is_some_and(|window| window.name().len() > WINDOW_MAX) {
            return self.effects.refuse(call, Code::Invalid, "That is no name of a window.");
        }
        let outcome = self.take_report(provider, told, now);
        self.answer_report(call, provider, told.account, outcome);
    }

    fn answer_report(
        &mut self,
        call: CallId,
        provider: Provider,
        account: AccountId,
        outcome: ReportOutcome,
    ) {
        let Some(lane) = self.world.lane_of(provider) else { return };
        let to = match outcome {
            ReportOutcome::Ordered | ReportOutcome::UnderWay => {
                self.swaps.under_way().map(|order| order.to.0)
            }
            _ => None,
        };
        let answer = Outcome {
            outcome,
            from: to.and(lane.active),
            to,
            current: lane.active,
            generation: lane.generation,
            retry_advised: outcome == ReportOutcome::Stale && lane.active != Some(account),
            earliest_ms: lane
                .gates
                .paused_until
                .filter(|_| outcome == ReportOutcome::Resting)
                .map(sluice_engine::Utc::millis),
        };
        self.effects.answer(call, Answer::Reported(answer));
    }

    fn take_report(&mut self, provider: Provider, told: &ToolFailure, now: Now) -> ReportOutcome {
        let Some(lane) = self.world.lane_of(provider).cloned() else {
            return ReportOutcome::Disabled;
        };
        // The guard: before anything is learnt or chosen. What was launched under another
        // generation says nothing of the account that is active now.
        if lane.active != Some(told.account) || lane.generation != told.generation {
            return ReportOutcome::Stale;
        }
        if self.swaps.under_way().is_some() {
            return ReportOutcome::UnderWay;
        }
        if now.wall.seconds_since(told.failed_at) > LATE_S {
            return ReportOutcome::Ignored;
        }
        self.learn(told, now);
        self.leave(lane.id, provider, now)
    }

    /// Decides at once, as far as automatic swaps are on.
    fn leave(&mut self, lane: LaneId, provider: Provider, now: Now) -> ReportOutcome {
        let known = self.seats.live(provider).is_some();
        let paused = self.world.lane_of(provider).is_some_and(|found| found.gates.paused(now.wall));
        if self.options.offline {
            // Nobody drives: what is known is remembered, and nothing is swapped from old numbers.
            return ReportOutcome::CoolingOnly;
        }
        if self.settings.stopped || self.settings.mode(provider) == Mode::Off || !known {
            return ReportOutcome::Disabled;
        }
        if paused {
            return ReportOutcome::Resting;
        }
        self.decide(lane, provider, AskedBy::Report, now);
        let advised = self.lanes.advice(lane).is_some();
        match (self.swaps.under_way().is_some(), advised) {
            (true, _) => ReportOutcome::Ordered,
            (false, true) => ReportOutcome::Advised,
            (false, false) => ReportOutcome::NoAlternative,
        }
    }

    /// The ledger has it already; the loop's own copy must not be older than the decision.
    fn learn(&mut self, told: &ToolFailure, now: Now) {
        let at = told.failed_at.min(now.wall);
        let new = Skip {
            kind: told.kind,
            model: told.window.as_ref().and_then(WindowKind::model).map(str::to_owned),
            failed_at: at,
            resets_at: told.resets_at,
            served_at: None,
            softer: told.softer,
        };
        self.skips.add(told.account, new);
        if told.kind == FailureKind::Auth {
            self.needs_sign_in(told.account, "a tool reported that its login is refused", now);
            return;
        }
        let full = (told.window.clone(), told.resets_at);
        let hit = limit_hit(&self.world, told.account, full, at);
        observe(&mut self.world, &mut self.effects, hit, now);
    }

    /// A tool is about to be started. What is known against the live account is held up to the engine
    /// once more; it may have been recorded while nobody drove.
    pub(super) fn leave_walled(
        &mut self,
        call: CallId,
        lane: LaneId,
        generation: Generation,
        now: Now,
    ) {
        let own = self.world.lane(lane).cloned();
        let Some(own) = own else {
            let request = sluice_protocol::Request::LeaveWalled { lane, generation };
            self.effects.about_runs(call, request);
            return;
        };
        let Some(account) = own.active else {
            return self.effects.refuse(call, Code::NotSignedIn, "Nobody is signed in there.");
        };
        let wall = self.skips.of(account);
        let found = self.world.account(account);
        let walled = wall.out(now.wall, own.model.as_deref()).is_some()
            || found.is_some_and(|found| found.usage.blocked(now.wall).is_some());
        let outcome = if own.generation != generation {
            ReportOutcome::Stale
        } else if !walled {
            ReportOutcome::Ignored
        } else if self.swaps.under_way().is_some() {
            ReportOutcome::UnderWay
        } else {
            self.report_again(account, &wall, now);
            self.leave(lane, own.provider, now)
        };
        self.answer_report(call, own.provider, account, outcome);
    }

    fn report_again(&mut self, account: AccountId, wall: &Wall, now: Now) {
        let Some(skip) = &wall.skip else { return };
        if wall.awaits_sign_in() {
            return self.tell_refused_logins(now);
        }
        let resets_at = match wall.out(now.wall, None) {
            Some(Out::Until(at)) => Some(at),
            Some(Out::UntilSignIn) | None => None,
        };
        let known = self.world.account(account).map(|found| &found.usage);
        let window = skip.model.clone().map(WindowKind::Model);
        let at = skip.failed_at.min(now.wall);
        let window = window.or_else(|| Some(known?.refused_kind(skip.resets_at, at)));
        let hit = limit_hit(&self.world, account, (window, resets_at), at);
        observe(&mut self.world, &mut self.effects, hit, now);
    }

    /// A front end points a lane at an account: the machine's own seat is swapped by the loop, any
    /// other lane beside it.
    pub(super) fn point_lane(
        &mut self,
        call: CallId,
        lane: LaneId,
        to: Option<AccountId>,
        expected: Option<Generation>,
        now: Now,
    ) {
        let own = self.world.lane(lane).cloned();
        let Some(own) = own else {
            let request =
                sluice_protocol::Request::PointLane { lane, to, expected_generation: expected };
            self.effects.about_runs(call, request);
            return;
        };
        if expected.is_some_and(|expected| expected != own.generation) {
            let text = "The lane has moved on since this was shown; nothing was changed.";
            return self.effects.refuse(call, Code::Stale, text);
        }
        match to {
            Some(to) => self.ask_swap(call, to, now),
            None => {
                let text = "Which account the machine's own seat should have must be said.";
                self.effects.refuse(call, Code::Invalid, text);
            }
        }
    }
}

/// The account refuses work; see [`Usage::refused_kind`] for a window that was not named.
fn limit_hit(
    world: &World,
    account: AccountId,
    (window, resets_at): (Option<WindowKind>, Option<Utc>),
    at: Utc,
) -> Observation {
    let usage = world.account(account).map(|found| &found.usage);
    let kind = window.or_else(|| Some(usage?.refused_kind(resets_at, at)));
    let window = kind.unwrap_or(WindowKind::FiveHour);
    let fact = Fact::LimitHit { resets_at, window };
    Observation { account, at, source: Source::Hook, fact }
}
