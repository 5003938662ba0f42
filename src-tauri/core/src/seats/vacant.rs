//! A seat with nobody signed in. The person is told who could be placed; it is filled automatically only
//! when the provider ended the login, and not the person.

use super::Seat;
use crate::Core;
use crate::ports::login_text;
use alloc::collections::BTreeMap;
use sluice_engine::choose::REFUGE_ROOMY;
use sluice_engine::decide::lane_refusal;
use sluice_engine::{AccountId, Lane, Login, Now, Provider, Refusal, Utc, World};
use sluice_protocol::Mode;

/// A seat counts as left empty after so long, seconds: a person who signs in anew is given the time,
/// and so often it is thought about again.
const SETTLE_S: i64 = 60;

/// Nobody is signed in.
#[derive(Clone, Debug)]
struct Vacancy {
    /// Who was live before, if that was seen.
    left: Option<AccountId>,
    /// The provider had refused that login before it went; one automatic attempt is due to it.
    refused: bool,
    due: Utc,
}

/// Seats with nobody signed in.
#[derive(Clone, Debug, Default)]
pub(super) struct Vacancies {
    open: BTreeMap<Provider, Vacancy>,
}

impl Vacancies {
    /// The seat was found empty; `left` was live until now, with its login as known.
    pub(super) fn note(&mut self, provider: Provider, left: Option<(AccountId, Login)>, now: Utc) {
        let refused = left.is_some_and(|(_, login)| login == Login::NeedsSignIn);
        let due = now.plus_seconds(SETTLE_S);
        let left = left.map(|(account, _)| account);
        self.open.entry(provider).or_insert(Vacancy { left, refused, due });
    }

    /// The vacancy that is to be thought about now; the next time is a while later.
    fn due(&mut self, provider: Provider, now: Utc) -> Option<Vacancy> {
        let vacancy = self.open.get_mut(&provider).filter(|vacancy| vacancy.due <= now)?;
        vacancy.due = now.plus_seconds(SETTLE_S);
        Some(vacancy.clone())
    }

    fn next(&self, provider: Provider) -> Option<Utc> {
        self.open.get(&provider).map(|vacancy| vacancy.due)
    }
}

impl Core {
    /// The seat is not empty any more: the advice to fill it has ended.
    pub(crate) fn end_vacancy(&mut self, provider: Provider) {
        if self.seats.vacancies.open.remove(&provider).is_some()
            && let Some(over) = self.lanes.forget_advice(provider, &self.world)
        {
            self.notices.end(&over.cause);
        }
    }

    pub(crate) fn drive_vacancies(&mut self, now: Now) {
        for provider in self.world.providers() {
            if self.seats.seat(provider) != Some(&Seat::Empty) {
                continue;
            }
            if let Some(vacancy) = self.seats.vacancies.due(provider, now.wall) {
                self.fill(provider, &vacancy, now);
            }
            self.effects.wake_by(self.seats.vacancies.next(provider));
        }
    }

    fn fill(&mut self, provider: Provider, vacancy: &Vacancy, now: Now) {
        let mode = self.settings.mode(provider);
        let Some(lane) = self.world.lane_of(provider) else { return };
        let resting = lane.gates.paused_until.is_some_and(|until| until > now.wall);
        if mode == Mode::Off || resting || self.swaps.under_way().is_some() {
            return;
        }
        let (id, best) = (lane.id, best_for_empty(&self.world, lane, vacancy.left, now.wall));
        let to = best.filter(|to| self.may_swap(provider, *to).is_ok());
        let busy = self.seats.is_capturing(provider);
        if let (Some(to), Some(left), Mode::Auto, true, false) =
            (to, vacancy.left, mode, vacancy.refused, busy)
        {
            if let Some(open) = self.seats.vacancies.open.get_mut(&provider) {
                open.refused = false;
            }
            let reason = format!(
                "{} takes over: the seat is empty, and the provider had refused the login of {}.",
                self.profiles.label(to),
                self.profiles.label(left)
            );
            return self.decide_to_fill(provider, to, reason, now);
        }
        let advice = to.map(|to| {
            let label = self.profiles.label(to);
            let reason = format!(
                "The seat is empty: nobody is signed in to {}, and {label} has room.",
                provider.spec().tool
            );
            (to, reason)
        });
        self.take_advice(id, provider, advice, now);
    }
}

/// The best account with room, other than the one that `left` a moment ago.
fn best_for_empty(
    world: &World,
    lane: &Lane,
    left: Option<AccountId>,
    now: Utc,
) -> Option<AccountId> {
    let survey = world.survey(now);
    let behind = survey
        .eligible()
        .filter(|one| lane_refusal(world, &survey, lane, one) == Refusal::Eligible);
    let roomy = survey.refuges().filter(|one| {
        let skipped = lane.gates.skips.get(&one.id).is_some_and(|until| *until > now);
        one.refuge == Some(REFUGE_ROOMY) && !skipped
    });
    let mut found = behind.chain(roomy).filter(|one| {
        one.provider == lane.provider
            && Some(one.id) != left
            && world.account(one.id).is_some_and(|account| login_text(account.login).is_none())
    });
    found.next().map(|one| one.id)
}
