//! What the person is told, in words: each condition with its cause, its kind and what can be done about it.

use super::Core;
use super::accounts::Profiles;
use super::notices::Notices;
use crate::ports::{Health, PortError, SharedLogin, SwapOrder};
use crate::records::Record;
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::forecast::Kind as Window;
use sluice_engine::limits::USED_UP_PERCENT;
use sluice_engine::{
    AccountId, Action, Decision, LaneId, Now, Provider, Refusal, Trigger, Usage, Utc, WindowKind,
    World,
};
use sluice_protocol::words::percent;
use sluice_protocol::{Cause, Code, Episode, Need, NeedsYou, Notice, NoticeAction, window_name};

/// How long *Snooze* silences a cause, seconds.
pub(super) const SNOOZE_S: i64 = 3_600;
/// An account of an urgent tier this far behind its target is worth a word, percent.
const SAME_TIER_DEFICIT: f64 = 15.0;
/// Steps of the weekly and the 5-hour window that are told when wished, percent.
const STEPS: [u8; 3] = [75, 90, 95];
/// Days before something ends at which it is told.
const LAST_DAYS: [u8; 3] = [7, 3, 1];
/// Of what makes a login have no effect, so much is told with a swap; `sluice doctor` has the rest.
const CAVEATS_MAX: usize = 2;

/// A word to the person: a notice, and whether it stays among what needs them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    notice: Notice,
    /// What needs the person until the cause has ended.
    need: Option<NeedsYou>,
    /// An act of the person brought it about: it is told at once.
    prompted: bool,
}

impl From<Notice> for Word {
    fn from(notice: Notice) -> Self {
        Self { notice, need: None, prompted: false }
    }
}

impl Word {
    pub(super) fn new(cause: Cause, title: impl Into<String>, text: impl Into<String>) -> Self {
        Notice::new(cause, title, text).into()
    }

    /// The same text stands among what needs the person.
    fn needs(mut self, code: Need, account: Option<AccountId>) -> Self {
        self.need = Some(NeedsYou { code, account, text: self.notice.body.clone() });
        self
    }

    fn prompted(mut self, prompted: bool) -> Self {
        self.prompted = prompted;
        self
    }

    fn with(mut self, action: NoticeAction) -> Self {
        self.notice = self.notice.with(action);
        self
    }

    /// The sentences of it.
    pub(super) fn text(&self) -> &str {
        &self.notice.body
    }

    /// A notice that was made beside the loop, in the same transaction as what it tells of, and is
    /// claimed. It is written down anew under a cause of the loop's own: under its first one it would
    /// be found, claimed and told again.
    pub(super) fn retold(mut notice: Notice) -> Self {
        notice.cause = Cause::Retold(Box::new(notice.cause));
        notice.into()
    }

    pub(super) fn note(text: &str) -> Self {
        Self::new(Cause::Note(text.to_owned()), "Sluice", text).needs(Need::Note, None)
    }

    pub(super) fn unmanaged(provider: Provider) -> Self {
        let text = format!(
            "The {} tool uses a login that Sluice does not keep yet. Add it, so that a swap cannot lose it; \
             until then nothing is swapped.",
            provider.name()
        );
        let word = Self::new(Cause::Unmanaged(provider), "A new login was found", text);
        let word = word.needs(Need::UnmanagedLogin, None).with(NoticeAction::add(provider));
        // The person has just signed in.
        word.prompted(true)
    }

    /// The seat holds something that is left as it is.
    pub(super) fn left_alone(provider: Provider, need: Need, title: &str, text: String) -> Self {
        Self::new(Cause::Seat(provider), title, text).needs(need, None)
    }

    pub(super) fn stuck(lane: LaneId, text: &str) -> Self {
        Self::new(Cause::Stuck(lane), "A swap needs you", text).needs(Need::StuckSwap, None)
    }

    pub(super) fn ledger(trouble: &PortError) -> Self {
        let need = if trouble.code == Code::DiskFull { Need::DiskFull } else { Need::Disk };
        let title = "The database could not be written";
        Self::new(Cause::Ledger, title, trouble.text.clone()).needs(need, None)
    }

    pub(super) fn keychain(text: String) -> Self {
        Self::new(Cause::Keychain, "Sluice only watches", text).needs(Need::Keychain, None)
    }

    pub(super) fn stalled(provider: Provider) -> Self {
        let title = "The live account's numbers are old";
        let body = "Its usage could not be read for half an hour and no other account can be judged. Use the \
                    tool once, or look at the accounts.";
        Self::new(Cause::Stall(provider), title, body)
    }
}

/// What the texts about accounts are made from.
#[derive(Clone, Copy)]
pub(super) struct Texts<'core> {
    world: &'core World,
    profiles: &'core Profiles,
    notices: &'core Notices,
}

impl<'core> Texts<'core> {
    pub(super) fn label(&self, account: AccountId) -> &'core str {
        self.profiles.label(account)
    }

    pub(super) const fn world(&self) -> &'core World {
        self.world
    }

    pub(super) const fn notices(&self) -> &'core Notices {
        self.notices
    }

    pub(super) fn not_kept(&self, account: AccountId, trouble: &PortError) -> Word {
        let title = format!("The login of {} could not be kept", self.label(account));
        Word::new(Cause::Capture(account), title, trouble.text.clone())
    }

    pub(super) fn sign_in(&self, account: AccountId) -> Word {
        let label = self.label(account);
        let text = format!(
            "The provider no longer takes the login of {label}. Sign in as it with the tool, then add it again; \
             its history is kept."
        );
        self.sign_in_for(account, text)
    }

    /// The same for another reason.
    pub(super) fn sign_in_for(&self, account: AccountId, text: String) -> Word {
        let title = format!("{} needs you to sign in", self.label(account));
        Word::new(Cause::SignIn(account), title, text).needs(Need::SignIn, Some(account))
    }

    /// The exchange is no proof. Another one may bring a better token and is tried by itself.
    pub(super) fn unsendable(&self, account: AccountId) -> Word {
        let text = format!(
            "The login of {} cannot be used: {}. It is renewed again in an hour; if that \
             does not help, sign in as it with the tool, then `sluice add`.",
            self.label(account),
            crate::ports::UNSENDABLE
        );
        self.sign_in_for(account, text)
    }

    /// The store of logins has nothing usable of it.
    pub(super) fn lost(&self, account: AccountId, live: bool) -> Word {
        let label = self.label(account);
        if live {
            let text = format!(
                "The store of logins has none of {label} any more. It is live in its tool, so `sluice \
                 add` stores it again."
            );
            // Nobody has to sign in for that.
            let title = format!("The login of {label} is not kept any more");
            let word = Word::new(Cause::SignIn(account), title, text);
            return word.needs(Need::NotKept, Some(account));
        }
        let text = format!(
            "The store of logins has none of {label} any more; its keychain may have been made anew. \
             Sign in as it with the tool, then `sluice add`; its history is kept."
        );
        self.sign_in_for(account, text)
    }

    pub(super) fn advice(&self, provider: Provider, to: AccountId, reason: &str, now: Utc) -> Word {
        let cause = Cause::Advice { provider, to };
        let until_ms = now.plus_seconds(SNOOZE_S).millis();
        let word = Word::new(cause.clone(), format!("Swap to {}?", self.label(to)), reason);
        word.with(NoticeAction::swap(to)).with(NoticeAction::snooze(cause, until_ms))
    }

    pub(super) fn swap_done(
        &self,
        order: &SwapOrder,
        row: i64,
        (lingering, caveats): (bool, &[String]),
    ) -> Word {
        let title = format!("Now on {}", self.label(order.to.0));
        let mut body =
            if order.by_person() { "As you asked.".to_owned() } else { order.reason.clone() };
        for caveat in caveats.iter().take(CAVEATS_MAX) {
            body.push_str(&format!(" But: {caveat}"));
        }
        let spec = order.provider.spec();
        if !spec.running_sessions_follow {
            let tool = spec.tool;
            body.push_str(&format!(
                " {tool} sessions that are open keep the former account: restart them."
            ));
        }
        let mut word = Word::new(Cause::SwapDone(row), title, body);
        if lingering {
            word = word.with(NoticeAction::restart(order.provider));
        }
        word.prompted(order.by_person())
    }

    pub(super) fn swap_failed(&self, order: &SwapOrder, trouble: &PortError) -> Word {
        let title = format!("The swap to {} did not happen", self.label(order.to.0));
        let body = format!("{} The login that was live stays live.", trouble.text);
        Word::new(Cause::SwapFailed(order.provider), title, body).prompted(order.by_person())
    }

    pub(super) fn exhausted(&self, provider: Provider, decision: &Decision, now: Utc) -> Word {
        let until = earliest_recovery(self.world, provider, now);
        // Told once until the account that recovers first has recovered, or once a day.
        let exhausted = |episode| Cause::Exhausted { provider, episode };
        let cause = match until {
            Some((_, at)) => self.notices.episode(|hour| exhausted(Episode::Hour(hour)), Some(at)),
            None => exhausted(Episode::Day(now.millis().div_euclid(86_400_000))),
        };
        let when = until.map_or_else(String::new, |(account, at)| {
            format!(
                " {} has room again in {}.",
                self.label(account),
                sluice_protocol::words::span(now, at)
            )
        });
        let body = format!("No other account has room for the work at hand.{when}");
        let title = decision.active.map_or_else(
            || "Every account is used up".to_owned(),
            |active| format!("{} is running out and nobody can take over", self.label(active)),
        );
        Word::new(cause, title, body)
    }

    /// Information only: an urgent account of the same tier is far behind.
    pub(super) fn same_tier(&self, provider: Provider, decision: &Decision) -> Option<Word> {
        if decision.action != Action::Stay || decision.trigger != Trigger::Tick {
            return None;
        }
        let best = decision.best?;
        let found = decision.candidates.iter().find(|one| one.account == best).filter(|one| {
            one.tier <= 1
                && one.deficit.is_some_and(|deficit| deficit >= SAME_TIER_DEFICIT)
                && is_eligible(one.refusal)
        })?;
        let account = found.account;
        let reset = self.world.account(account).and_then(|one| one.usage.long().resets_at);
        let same_tier = |hour| Cause::SameTier { provider, account, hour };
        let cause = self.notices.episode(same_tier, reset);
        let title = format!("{} is behind", self.label(account));
        let body = format!(
            "{} of its week should have been used by now and was not. The live account is as \
             urgent, so it stays.",
            percent(found.deficit.unwrap_or_default())
        );
        Some(Word::new(cause, title, body))
    }

    /// A login that ends soon; once per step. With it, when that is.
    fn login_ends(&self, account: AccountId, now: Utc) -> Option<(Word, Utc)> {
        let kept = self.profiles.kept(account)?;
        let ends = kept.login_ends_at.filter(|at| *at > now)?;
        let days = last_days(ends, now)?;
        let title = format!(
            "The login of {} ends in {}",
            self.label(account),
            sluice_protocol::words::span(now, ends)
        );
        let body = "Sign in as it with the tool before then, then add it again.";
        let cause = Cause::LoginEnds { account, days, ends_ms: ends.millis() };
        Some((Word::new(cause, title, body), ends))
    }

    fn shared_login(&self, shared: &SharedLogin) -> Word {
        let (account, place) = (shared.account, &shared.also_in);
        let label = self.label(account);
        let text = if shared.linked {
            format!(
                "The tool's login file is a link to {place}: the login of {label} lies there, and \
                 what is swapped in is written there. If another program keeps its logins there, \
                 let only one of the two swap; to part them, replace the link by a file and sign \
                 in again."
            )
        } else {
            format!(
                "The login of {label} also lies in {place}. Whoever renews it first spends the \
                 other's token and signs it out; sign in there anew, so that each has a login of \
                 its own."
            )
        };
        let title = format!("The login of {label} is used twice");
        let word = Word::new(Cause::SharedLogin(account), title, text);
        word.needs(Need::SharedLogin, Some(account))
    }

    /// Resets and steps of the windows, where wished.
    pub(super) fn milestones(&self, account: AccountId, before: &Usage) -> Vec<Word> {
        let Some(found) = self.world.account(account) else { return Vec::new() };
        let after = &found.usage;
        let pairs = [
            (Window::FiveHour, before.short(), after.short()),
            (Window::SevenDay, before.long(), after.long()),
        ];
        let mut words = Vec::new();
        for (window, before, after) in pairs {
            let (Some(was), Some(is)) = (before.used, after.used) else { continue };
            let label = self.label(account);
            let name = window_name(window);
            let hour = after.resets_at.map_or(0, |at| at.millis().div_euclid(3_600_000));
            if is.get() + 20.0 < was.get() {
                let cause = Cause::Reset { account, window, hour };
                let title = format!("{label}: the {name} has reset");
                let body = format!("{} used now.", percent(is.get()));
                words.push(Word::new(cause, title, body));
            }
            if let Some(step) = STEPS.into_iter().rev().find(|step| {
                let step = f64::from(*step);
                was.get() < step && is.get() >= step
            }) {
                let cause = Cause::Threshold { account, window, percent: step, hour };
                let title = format!("{label}: {} of the {name} used", percent(is.get()));
                words.push(Word::new(cause, title, ""));
            }
        }
        words
    }
}

impl Core {
    /// The one way to the person: what needs them is noted, and the notice is told where its kind is
    /// wished.
    pub(super) fn tell(&mut self, word: impl Into<Word>, now: Now) {
        let Word { notice, need, prompted } = word.into();
        if let Some(need) = need {
            self.notices.need(notice.cause.clone(), need);
        }
        if self.settings.tells(notice.kind) {
            let quiet = self.settings.is_quiet(&self.world.calendar, now.wall);
            self.notices.tell(notice, (prompted, quiet), now.wall, &mut self.effects);
        }
    }

    pub(super) const fn texts(&self) -> Texts<'_> {
        Texts { world: &self.world, profiles: &self.profiles, notices: &self.notices }
    }

    pub(super) fn on_health(&mut self, health: Health, now: Now) {
        if !self.health.set_keychain(health) {
            return;
        }
        // It may be another one than before.
        self.chores.read_back_now();
        self.notices.end(&Cause::Keychain);
        let first = self.world.lanes.first().map(|lane| lane.provider);
        let text = first.and_then(|provider| self.observe_only(provider));
        if !self.health.keychain_answers()
            && let Some(text) = text
        {
            self.tell(Word::keychain(text), now);
        }
    }

    /// Deadlines of logins and limit resets; once per step.
    pub(super) fn advise(&mut self, now: Now) {
        self.tell_ending_resets(now);
        let ids: Vec<_> = self.world.accounts.iter().map(|account| account.id).collect();
        for id in ids {
            let Some((word, until)) = self.texts().login_ends(id, now.wall) else { continue };
            let cause = word.notice.cause.clone();
            let before = self.notices.knows(&cause);
            self.tell(word, now);
            if !before && self.notices.is_open(&cause) {
                // Once is once, also over a restart.
                self.effects.store(Record::Snooze { cause, until }, super::AfterStore::Nothing);
            }
        }
    }

    /// Logins that another place of this machine holds, too.
    pub(super) fn on_shared_logins(&mut self, shared_logins: &[SharedLogin], now: Now) {
        for id in self.profiles.ids() {
            let shared = shared_logins.iter().find(|shared| shared.account == id);
            self.profiles.set_also_in(id, shared.map(|shared| shared.also_in.clone()));
            match shared.map(|shared| self.texts().shared_login(shared)) {
                Some(word) => self.tell(word, now),
                None => self.notices.end(&Cause::SharedLogin(id)),
            }
        }
    }
}

/// Whether a candidate could have been chosen.
const fn is_eligible(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::Outranked | Refusal::Eligible)
}

/// Who recovers first of those that are used up, and when.
fn earliest_recovery(world: &World, provider: Provider, now: Utc) -> Option<(AccountId, Utc)> {
    let of_provider = world.accounts.iter().filter(|account| account.provider == provider);
    let recoveries = of_provider.filter_map(|account| {
        let mut recovers = None;
        for kind in WindowKind::ACCOUNT_WIDE {
            let window = account.usage.window(&kind);
            if window.used.is_some_and(|used| used.get() >= USED_UP_PERCENT) {
                recovers = recovers.max(Some(window.resets_at?));
            }
        }
        Some((account.id, recovers.filter(|at| *at > now)?))
    });
    recoveries.min_by_key(|(_, at)| *at)
}

/// The days of the step that something is in whose end comes near.
#[must_use]
pub(crate) fn last_days(ends: Utc, now: Utc) -> Option<u8> {
    let left = ends.seconds_since(now);
    let steps = LAST_DAYS.into_iter().filter(|days| left <= f64::from(*days) * 86_400.0);
    steps.min()
}
