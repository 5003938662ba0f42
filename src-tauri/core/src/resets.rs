//! Limit resets: what is told of them, when a provider is asked, and what the person is told in time.
//! None is ever spent from here.

use super::polling::observe;
use super::telling::{Texts, Word, last_days};
use super::{AfterStore, CallId, Core};
use crate::records::Record;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use sluice_engine::grant::{AHEAD_DAYS_MAX, Grant, LEFT_MAX, Said};
use sluice_engine::limits::USAGE_REQUESTS_PER_HOUR;
use sluice_engine::observation::Fact;
use sluice_engine::provider::ResetSource;
use sluice_engine::reset_plan::{Counsel, counsel};
use sluice_engine::{
    Account, AccountId, Now, Observation, Provider, Resets, Source, Utc, WindowKind,
};
use sluice_protocol::resets::count_words;
use sluice_protocol::{Answer, Cause, Code, Episode};

/// The same word again is written down this often, seconds: readings may tell it every few minutes.
const SAME_S: f64 = 3_600.0;

impl Core {
    /// Whether the reading that goes out now asks for limit resets, too. Noted before it goes.
    pub(super) fn asks_resets(
        &mut self,
        (account, provider): (AccountId, Provider),
        now: Utc,
    ) -> bool {
        let memory = self.world.memory.get(&account);
        let sent = memory.map_or(0, |memory| memory.requests_in_hour(now));
        let room = (USAGE_REQUESTS_PER_HOUR as usize).saturating_sub(sent);
        let needs = match provider.spec().resets.source {
            ResetSource::WithUsage => 1,
            ResetSource::Apart => 2,
        };
        // Nor while somebody waits for the numbers: a refused question would be their answer.
        let calm = memory.is_none_or(|memory| memory.throttled == 0)
            && self.wishes.for_numbers(account).is_empty();
        let may = self.world.resets.get(&account).map_or_else(
            || Resets::default().may_ask(provider, now),
            |known| known.may_ask(provider, now),
        );
        let asks = calm && room >= needs && may;
        if asks {
            self.world.resets.entry(account).or_default().asked_at = Some(now);
            self.effects.store(Record::ResetsAsked { account, at: now }, AfterStore::Nothing);
        }
        asks
    }

    /// Takes in what somebody said of an account's limit resets.
    pub(super) fn on_resets(&mut self, account: AccountId, source: Source, said: Said, now: Now) {
        // Only what the provider tells Sluice itself says that it does not.
        if said == Said::Withheld && source != Source::Endpoint {
            return;
        }
        let known = self.world.resets.get(&account).cloned().unwrap_or_default();
        let mut after = known.clone();
        after.take(&said, source, now.wall);
        if is_same(&known, &after, now.wall) {
            return;
        }
        let left = |of: &Resets| of.left(now.wall);
        let fewer = left(&after).zip(left(&known)).is_some_and(|(after, before)| after < before);
        let fact = Fact::Resets(said);
        let observation = Observation { account, at: now.wall, source, fact };
        observe(&mut self.world, &mut self.effects, observation, now);
        if fewer && source != Source::Person {
            self.on_limit_reset_spent(account, now);
        }
    }

    /// A person says how many an account has, and until when; `None`: what is known is void.
    pub(super) fn set_resets(
        &mut self,
        call: CallId,
        account: AccountId,
        (count, until_ms): (Option<u32>, Option<i64>),
        now: Now,
    ) {
        if self.world.account(account).is_none() {
            return self.effects.refuse(call, Code::UnknownAccount, "There is no such account.");
        }
        let until = until_ms.map(Utc::from_millis);
        let latest = now.wall.plus_seconds(AHEAD_DAYS_MAX * 86_400);
        if until.is_some_and(|until| until <= now.wall || until > latest) {
            let text = format!(
                "The end must lie ahead, by at most {AHEAD_DAYS_MAX} days; nothing was changed."
            );
            return self.effects.refuse(call, Code::Invalid, text);
        }
        let said = match count {
            None => Said::Nothing,
            Some(0) => Said::Grants(Vec::new()),
            Some(left) => {
                let left = left.min(LEFT_MAX);
                Said::Grants(vec![Grant { left, ends_at: until, ..Grant::default() }])
            }
        };
        let fact = Fact::Resets(said);
        let observation = Observation { account, at: now.wall, source: Source::Person, fact };
        self.world.observe(&observation, now);
        let done = AfterStore::Answer(call, Box::new(Answer::Done));
        self.effects.store(Record::Observation(Box::new(observation)), done);
    }

    /// What to do with the reset of an account that ends first.
    pub(crate) fn reset_counsel(
        &self,
        account: &Account,
        resets: &Resets,
        now: Utc,
    ) -> Option<Counsel> {
        let outlooks = self.foresight.outlooks();
        counsel((account.id, &account.usage), resets, outlooks, now)
    }

    /// Resets that end soon unused, once per step.
    pub(super) fn tell_ending_resets(&mut self, now: Now) {
        let known: Vec<_> = self.world.resets.keys().copied().collect();
        for account in known {
            if let Some(word) = self.texts().reset_ends(account, now.wall) {
                self.tell(word, now);
            }
        }
    }

    /// Nobody has room, and an account has a reset in hand: the person may want to spend it.
    pub(super) fn tell_reset_left(&mut self, provider: Provider, now: Now) {
        if let Some(word) = self.texts().reset_left(provider, now.wall) {
            self.tell(word, now);
        }
    }
}

/// Nothing new, and not so long ago that its age would mislead.
fn is_same(known: &Resets, after: &Resets, now: Utc) -> bool {
    let same_withheld = known.withheld == after.withheld;
    match (&known.told, &after.told) {
        (None, None) => same_withheld,
        (Some(one), Some(other)) => {
            let young = now.seconds_since(one.read_at).abs() < SAME_S;
            same_withheld && young && one.grants == other.grants && one.by == other.by
        }
        _ => false,
    }
}

impl Texts<'_> {
    /// What ends within seven, three or one day, and can still be used by an account that is.
    fn reset_ends(&self, account: AccountId, now: Utc) -> Option<Word> {
        let found = self.world().account(account).filter(|found| found.enabled)?;
        let resets = self.world().resets.get(&account)?;
        let ends = resets.first_end(now)?;
        let days = last_days(ends, now)?;
        let ending = resets.in_hand(now).into_iter().filter(|grant| grant.ends_at == Some(ends));
        let (left, frees) = sum(ending);
        let cause =
            self.notices().episode(|hour| Cause::ResetEnds { account, days, hour }, Some(ends));
        let title = format!(
            "{}: {} in {}",
            self.label(account),
            if left == 1 {
                "a limit reset ends".into()
            } else {
                format!("{left} limit resets end")
            },
            sluice_protocol::words::span(now, ends)
        );
        let body = format!("{frees}What is not used by then is lost. {}", how(found.provider));
        Some(Word::new(cause, title, body))
    }

    /// The account of this provider whose reset ends first, where one can be spent now.
    fn reset_left(&self, provider: Provider, now: Utc) -> Option<Word> {
        let accounts = self.world().accounts.iter();
        let usable =
            accounts.filter(|one| one.provider == provider && one.enabled).filter_map(|one| {
                let resets = self.world().resets.get(&one.id).filter(|known| known.usable(now))?;
                let end = resets.first_end(now);
                Some((end.unwrap_or(Utc(i64::MAX)), one, resets))
            });
        let (_, found, resets) = usable.min_by_key(|(end, one, _)| (*end, one.id))?;
        let (left, frees) = sum(resets.in_hand(now).into_iter().filter(|one| one.usable(now)));
        let account = found.id;
        let reset = found.usage.long().resets_at.filter(|at| *at > now);
        let left_at = |episode| Cause::ResetLeft { account, episode };
        let cause = match reset {
            Some(_) => self.notices().episode(|hour| left_at(Episode::Hour(hour)), reset),
            None => left_at(Episode::Day(now.millis().div_euclid(86_400_000))),
        };
        let title = format!("{} has {} in hand", self.label(account), limit_resets(left));
        let body = format!("Every account is used up. {frees}{}", how(provider));
        Some(Word::new(cause, title, body))
    }
}

fn limit_resets(left: u32) -> String {
    count_words(left).replace("reset", "limit reset")
}

/// How many there are, and a sentence on what one empties, where anybody said.
fn sum<'g>(grants: impl Iterator<Item = &'g Grant>) -> (u32, String) {
    let (mut left, mut windows) = (0_u32, Vec::new());
    for grant in grants {
        left = left.saturating_add(grant.left);
        for kind in &grant.frees {
            let name = match kind {
                WindowKind::FiveHour => "the 5-hour window".into(),
                WindowKind::SevenDay => "the week".into(),
                kind => format!("what {} used", kind.label()),
            };
            if !windows.contains(&name) {
                windows.push(name);
            }
        }
    }
    let frees = match windows.as_slice() {
        [] => String::new(),
        names => format!("It empties {}. ", names.join(" and ")),
    };
    (left, frees)
}

/// How a person spends one.
fn how(provider: Provider) -> String {
    let spec = provider.spec();
    format!("Only you can spend it: type {} in {}.", spec.resets.command, spec.tool)
}
