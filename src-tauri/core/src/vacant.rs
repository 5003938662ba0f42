//! A seat with nobody signed in. The person is told who could be placed; it is filled automatically only
//! when the provider ended the login, and not the person.

use super::{Core, Seat};
use crate::ports::login_text;
use sluice_engine::choose::REFUGE_ROOMY;
use sluice_engine::decide::lane_refusal;
use sluice_engine::{AccountId, Lane, Login, Now, Provider, Refusal, Trigger, Utc};
use sluice_protocol::Mode;

/// A seat counts as left empty after so long, seconds: a person who signs in anew is given the time,
/// and so often it is thought about again.
const SETTLE_S: i64 = 60;

/// Nobody is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Vacancy {
    /// Who was live before, if that was seen.
    left: Option<AccountId>,
    /// The provider had refused that login before it went; one automatic attempt is due to it.
    refused: bool,
    due: Utc,
}

impl Core {
    /// The seat was found empty; `left` was live until now.
    pub(super) fn note_vacancy(&mut self, provider: Provider, left: Option<AccountId>, now: Now) {
        let refused = left
            .and_then(|account| self.account(account))
            .is_some_and(|account| account.login == Login::NeedsSignIn);
        let Some(book) = self.seats.get_mut(&provider) else { return };
        let due = now.wall.plus_seconds(SETTLE_S);
        book.vacancy.get_or_insert(Vacancy { left, refused, due });
    }

    /// The seat is not empty any more: the advice to fill it has ended.
    pub(super) fn end_vacancy(&mut self, provider: Provider) {
        let ended = self.seats.get_mut(&provider).and_then(|book| book.vacancy.take());
        let lane = self.lane(provider).map(|lane| lane.id);
        let advice =
            lane.and_then(|id| self.lanes.get_mut(&id)?.advice.take_if(|_| ended.is_some()));
        if let Some(advice) = advice {
            self.end_cause(&super::deciding::advice_cause(provider, advice.to));
        }
    }

    pub(super) fn drive_vacancies(&mut self, now: Now) {
        for provider in self.providers() {
            let Some(book) = self.seats.get_mut(&provider) else { continue };
            let Some(vacancy) = book.vacancy.as_mut().filter(|_| book.seat == Seat::Empty) else {
                continue;
            };
            if vacancy.due <= now.wall {
                vacancy.due = now.wall.plus_seconds(SETTLE_S);
                let vacancy = vacancy.clone();
                self.fill(provider, &vacancy, now);
            }
            let due = self.seats.get(&provider).and_then(|book| book.vacancy.as_ref());
            self.wake_by(due.map(|vacancy| vacancy.due));
        }
    }

    fn fill(&mut self, provider: Provider, vacancy: &Vacancy, now: Now) {
        let mode = self.mode(provider);
        let Some(lane) = self.lane(provider) else { return };
        let resting = lane.gates.paused_until.is_some_and(|until| until > now.wall);
        if mode == Mode::Off || resting || self.under_way().is_some() {
            return;
        }
        let (id, best) = (lane.id, self.best_for_empty(lane, vacancy, now));
        let to = best.filter(|to| self.may_swap(provider, *to).is_ok());
        let busy = self.capturing.contains_key(&provider);
        if let (Some(to), Some(left), Mode::Auto, true, false) =
            (to, vacancy.left, mode, vacancy.refused, busy)
        {
            if let Some(open) = self.seats.get_mut(&provider).and_then(|book| book.vacancy.as_mut())
            {
                open.refused = false;
            }
            let reason = format!(
                "{} takes over: the seat is empty, and the provider had refused the login of {}.",
                self.label(to),
                self.label(left)
            );
            return self.begin_swap(provider, to, Trigger::FailureReported, reason, None, now);
        }
        let advice = to.map(|to| {
            let label = self.label(to);
            let reason = format!(
                "The seat is empty: nobody is signed in with the {} tool, and {label} has room.",
                provider.name()
            );
            (to, reason)
        });
        self.take_advice(id, provider, advice, now);
    }

    /// The best account with room, other than the one that has just been signed out.
    fn best_for_empty(&self, lane: &Lane, vacancy: &Vacancy, now: Now) -> Option<AccountId> {
        let survey = self.world.survey(now.wall);
        let behind = survey
            .eligible()
            .filter(|one| lane_refusal(&self.world, &survey, lane, one) == Refusal::None);
        let roomy = survey.refuges().filter(|one| {
            let skipped = lane.gates.skips.get(&one.id).is_some_and(|until| *until > now.wall);
            one.refuge == Some(REFUGE_ROOMY) && !skipped
        });
        let mut found = behind.chain(roomy).filter(|one| {
            one.provider == lane.provider
                && Some(one.id) != vacancy.left
                && self.account(one.id).is_some_and(|account| login_text(account.login).is_none())
        });
        found.next().map(|one| one.id)
    }
}
