//! What the person is told, in words: each condition with its cause, its kind and what can be done about it.

use super::Core;
use crate::ports::{PortError, SharedLogin, SwapOrder};
use crate::records::Record;
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::forecast::Kind as Window;
use sluice_engine::limits::USED_UP_PERCENT;
use sluice_engine::{AccountId, Action, Decision, LaneId, Now, Provider, Trigger, Usage, Utc};
use sluice_protocol::{Cause, Code, Episode, Need, NeedsYou, Notice, NoticeAction, window_name};

/// How long *Snooze* silences a cause, seconds.
pub(super) const SNOOZE_S: i64 = 3_600;
/// Stalled decisions in a row that are told.
const STALLED_LOOKS: u32 = 10;
/// Numbers older than this count as stalled, seconds.
const STALE_S: f64 = 1_800.0;
/// An account of an urgent tier this far behind its target is worth a word, percent.
const SAME_TIER_DEFICIT: f64 = 15.0;
/// Steps of the weekly and the 5-hour window that are told when wished, percent.
const STEPS: [u8; 3] = [75, 90, 95];
/// Days before a login ends at which it is told.
const LOGIN_DAYS: [u8; 3] = [7, 3, 1];
/// Minutes of a day.
const DAY_MIN: f64 = 1_440.0;
/// Clocks are put forward or back in the first hours of a day, minutes.
const CLOCKS_CHANGED_MIN: f64 = 180.0;
/// Of what makes a login have no effect, so much is told with a swap; `sluice doctor` has the rest.
const CAVEATS_MAX: usize = 2;

impl Core {
    pub(super) fn tell(&mut self, notice: Notice, now: Now) {
        self.tell_of(notice, false, now);
    }

    /// `prompted` by an act of the person.
    fn tell_of(&mut self, notice: Notice, prompted: bool, now: Now) {
        if self.settings.tells(notice.kind) {
            let quiet = self.is_quiet(now);
            self.notices.tell(notice, (prompted, quiet), now.wall, &mut self.effects);
        }
    }

    /// A notice that was made beside the loop, in the same transaction as what it tells of, and is
    /// claimed. It is written down anew under a cause of the loop's own: under its first one it would
    /// be found, claimed and told again.
    pub(super) fn tell_as_it_is(&mut self, mut notice: Notice, now: Now) {
        notice.cause = Cause::Retold(Box::new(notice.cause));
        self.tell_of(notice, false, now);
    }

    /// Whether the person's quiet hours last; local time comes from the calendar's midnights.
    pub(super) fn is_quiet(&self, now: Now) -> bool {
        let quiet = self.settings.quiet;
        let minute = local_minute(&self.world.calendar.midnights, now.wall);
        quiet.zip(minute).is_some_and(|(quiet, minute)| quiet.contain(minute))
    }

    /// The cause has ended; should it come back it is told again.
    pub(super) fn end_cause(&mut self, cause: &Cause) {
        self.notices.end(cause);
    }

    pub(super) fn need(
        &mut self,
        cause: Cause,
        code: Need,
        account: Option<AccountId>,
        text: &str,
    ) {
        self.notices.need(cause, NeedsYou { code, account, text: text.to_owned() });
    }

    /// Tells what was held and may be told now.
    pub(super) fn release_held(&mut self, now: Now) {
        let quiet = self.is_quiet(now);
        self.notices.release(quiet, now.wall, &mut self.effects);
    }

    pub(super) fn tell_note(&mut self, text: &str, now: Now) {
        let cause = Cause::Note(text.to_owned());
        self.need(cause.clone(), Need::Note, None, text);
        self.tell(Notice::new(cause, "Sluice", text), now);
    }

    pub(super) fn tell_unmanaged(&mut self, provider: Provider, now: Now) {
        let cause = Cause::Unmanaged(provider);
        let text = format!(
            "The {} tool uses a login that Sluice does not keep yet. Add it, so that a swap cannot lose it; \
             until then nothing is swapped.",
            provider.name()
        );
        self.need(cause.clone(), Need::UnmanagedLogin, None, &text);
        let notice = Notice::new(cause, "A new login was found", text);
        // The person has just signed in.
        self.tell_of(notice.with(NoticeAction::add(provider)), true, now);
    }

    pub(super) fn tell_not_kept(&mut self, account: AccountId, trouble: &PortError, now: Now) {
        let title = format!("The login of {} could not be kept", self.label(account));
        self.tell(Notice::new(Cause::Capture(account), title, trouble.text.clone()), now);
    }

    pub(super) fn tell_sign_in(&mut self, account: AccountId, now: Now) {
        let label = self.label(account).to_owned();
        let text = format!(
            "The provider no longer takes the login of {label}. Sign in as it with the tool, then add it again; \
             its history is kept."
        );
        self.tell_sign_in_for(account, text, now);
    }

    /// The same for another reason.
    pub(super) fn tell_sign_in_for(&mut self, account: AccountId, text: String, now: Now) {
        let cause = Cause::SignIn(account);
        let title = format!("{} needs you to sign in", self.label(account));
        self.need(cause.clone(), Need::SignIn, Some(account), &text);
        self.tell(Notice::new(cause, title, text), now);
    }

    pub(super) fn tell_advice(
        &mut self,
        provider: Provider,
        to: AccountId,
        reason: &str,
        now: Now,
    ) {
        let cause = Cause::Advice { provider, to };
        let until_ms = now.wall.plus_seconds(SNOOZE_S).millis();
        let notice = Notice::new(cause.clone(), format!("Swap to {}?", self.label(to)), reason);
        let snooze = NoticeAction::snooze(cause, until_ms);
        self.tell(notice.with(NoticeAction::swap(to)).with(snooze), now);
    }

    pub(super) fn tell_swap_done(
        &mut self,
        order: &SwapOrder,
        row: i64,
        (lingering, caveats): (bool, &[String]),
        now: Now,
    ) {
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
        let mut notice = Notice::new(Cause::SwapDone(row), title, body);
        if lingering {
            notice = notice.with(NoticeAction::restart(order.provider));
        }
        self.tell_of(notice, order.by_person(), now);
    }

    pub(super) fn tell_swap_failed(
        &mut self,
        order: &SwapOrder,
        _row: Option<i64>,
        trouble: &PortError,
        now: Now,
    ) {
        let title = format!("The swap to {} did not happen", self.label(order.to.0));
        let body = format!("{} The login that was live stays live.", trouble.text);
        let notice = Notice::new(Cause::SwapFailed(order.provider), title, body);
        self.tell_of(notice, order.by_person(), now);
    }

    pub(super) fn tell_stuck(&mut self, lane: LaneId, text: &str, now: Now) {
        self.need(Cause::Stuck(lane), Need::StuckSwap, None, text);
        self.tell(Notice::new(Cause::Stuck(lane), "A swap needs you", text), now);
    }

    pub(super) fn tell_ledger(&mut self, trouble: &PortError, now: Now) {
        let need = if trouble.code == Code::DiskFull { Need::DiskFull } else { Need::Disk };
        self.need(Cause::Ledger, need, None, &trouble.text);
        let title = "The database could not be written";
        self.tell(Notice::new(Cause::Ledger, title, trouble.text.clone()), now);
    }

    pub(super) fn on_health(&mut self, health: crate::ports::Health, now: Now) {
        if !self.health.set_keychain(health) {
            return;
        }
        // It may be another one than before.
        self.chores.read_back_now();
        self.end_cause(&Cause::Keychain);
        let text = self
            .world
            .lanes
            .first()
            .map(|lane| lane.provider)
            .and_then(|provider| self.observe_only(provider));
        if !self.health.keychain_answers()
            && let Some(text) = text
        {
            self.need(Cause::Keychain, Need::Keychain, None, &text);
            self.tell(Notice::new(Cause::Keychain, "Sluice only watches", text), now);
        }
    }

    pub(super) fn tell_exhausted(&mut self, provider: Provider, decision: &Decision, now: Now) {
        let until = self.earliest_recovery(provider, now.wall);
        // Told once until the account that recovers first has recovered, or once a day.
        let exhausted = |episode| Cause::Exhausted { provider, episode };
        let cause = match until {
            Some((_, at)) => self.notices.episode(|hour| exhausted(Episode::Hour(hour)), Some(at)),
            None => exhausted(Episode::Day(now.wall.millis().div_euclid(86_400_000))),
        };
        let when = until.map_or_else(String::new, |(account, at)| {
            format!(
                " {} has room again in {}.",
                self.label(account),
                sluice_protocol::words::span(now.wall, at)
            )
        });
        let body = format!("No other account has room for the work at hand.{when}");
        let title = decision.active.map_or_else(
            || "Every account is used up".to_owned(),
            |active| format!("{} is running out and nobody can take over", self.label(active)),
        );
        self.tell(Notice::new(cause, title, body), now);
    }

    fn earliest_recovery(&self, provider: Provider, now: Utc) -> Option<(AccountId, Utc)> {
        let recoveries =
            self.world.accounts.iter().filter(|account| account.provider == provider).filter_map(
                |account| {
                    let full = |window: &sluice_engine::Window| {
                        window.used.is_some_and(|used| used.get() >= USED_UP_PERCENT)
                    };
                    let week =
                        full(&account.usage.seven_day).then_some(account.usage.seven_day.resets_at);
                    let short =
                        full(&account.usage.five_hour).then_some(account.usage.five_hour.resets_at);
                    let at = match (week, short) {
                        (Some(week), Some(short)) => week?.max(short?),
                        (Some(at), None) | (None, Some(at)) => at?,
                        (None, None) => return None,
                    };
                    (at > now).then_some((account.id, at))
                },
            );
        recoveries.min_by_key(|(_, at)| *at)
    }

    pub(super) fn watch_stall(
        &mut self,
        lane: LaneId,
        provider: Provider,
        decision: &Decision,
        now: Now,
    ) {
        let seen = decision
            .active
            .and_then(|id| self.account(id))
            .and_then(|account| account.usage.observed_at);
        let old = seen.is_none_or(|seen| now.wall.seconds_since(seen) > STALE_S);
        let others =
            self.world.accounts.iter().filter(|account| account.provider == provider).count() > 1;
        let stalled = decision.action == Action::Stay && decision.best.is_none() && old && others;
        let cause = Cause::Stall(provider);
        if self.lanes.count_stalled(lane, stalled) >= STALLED_LOOKS {
            let title = "The live account's numbers are old";
            let body = "Its usage could not be read for half an hour and no other account can be judged. Use the \
                        tool once, or look at the accounts.";
            self.tell(Notice::new(cause, title, body), now);
        } else if !stalled {
            self.end_cause(&cause);
        }
    }

    /// Information only: an urgent account of the same tier is far behind.
    pub(super) fn same_tier(&mut self, provider: Provider, decision: &Decision, now: Now) {
        if decision.action != Action::Stay || decision.trigger != Trigger::Tick {
            return;
        }
        let found = decision
            .best
            .and_then(|best| decision.candidates.iter().find(|one| one.account == best));
        let Some(found) = found.filter(|one| {
            one.tier <= 1
                && one.deficit.is_some_and(|deficit| deficit >= SAME_TIER_DEFICIT)
                && super::deciding::eligible(one.refusal)
        }) else {
            return;
        };
        let reset =
            self.account(found.account).and_then(|account| account.usage.seven_day.resets_at);
        let account = found.account;
        let same_tier = |hour| Cause::SameTier { provider, account, hour };
        let cause = self.notices.episode(same_tier, reset);
        let title = format!("{} is behind", self.label(found.account));
        let body = format!(
            "{:.0} % of its week should have been used by now and was not. The live account is as \
             urgent, so it stays.",
            found.deficit.unwrap_or_default()
        );
        self.tell(Notice::new(cause, title, body), now);
    }

    /// Login deadlines; once per step.
    pub(super) fn advise(&mut self, now: Now) {
        let ids: Vec<_> = self.world.accounts.iter().map(|account| account.id).collect();
        for id in ids {
            self.tell_login_end(id, now);
        }
    }

    fn tell_login_end(&mut self, account: AccountId, now: Now) {
        let ends = self.profiles.kept(account).and_then(|kept| kept.login_ends_at);
        let Some(ends) = ends.filter(|at| *at > now.wall) else { return };
        let Some(days) = login_warning(ends, now.wall) else { return };
        let title = format!(
            "The login of {} ends in {}",
            self.label(account),
            sluice_protocol::words::span(now.wall, ends)
        );
        let body = "Sign in as it with the tool before then, then add it again.";
        let cause = Cause::LoginEnds { account, days, ends_ms: ends.millis() };
        let before = self.notices.knows(&cause);
        self.tell(Notice::new(cause.clone(), title, body), now);
        if !before && self.notices.is_open(&cause) {
            // Once is once, also over a restart.
            let until = ends;
            self.effects.store(Record::Snooze { cause, until }, super::AfterStore::Nothing);
        }
    }

    /// Logins that another place of this machine holds, too.
    pub(super) fn on_shared_logins(&mut self, shared_logins: Vec<SharedLogin>, now: Now) {
        for id in self.profiles.ids() {
            let shared = shared_logins.iter().find(|shared| shared.account == id);
            let found = shared.map(|shared| &shared.also_in);
            let cause = Cause::SharedLogin(id);
            self.profiles.set_also_in(id, found.cloned());
            let Some(place) = found else {
                self.end_cause(&cause);
                continue;
            };
            let label = self.label(id);
            let text = if shared.is_some_and(|shared| shared.linked) {
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
            self.need(cause.clone(), Need::SharedLogin, Some(id), &text);
            let title = format!("The login of {} is used twice", self.label(id));
            self.tell(Notice::new(cause, title, text), now);
        }
    }

    /// Resets and steps of the windows, where wished.
    pub(super) fn tell_milestones(&mut self, account: AccountId, before: &Usage, now: Now) {
        let Some(after) = self.account(account).map(|found| found.usage.clone()) else { return };
        let pairs = [
            (Window::FiveHour, before.five_hour, after.five_hour),
            (Window::SevenDay, before.seven_day, after.seven_day),
        ];
        for (window, before, after) in pairs {
            let (Some(was), Some(is)) = (before.used, after.used) else { continue };
            let label = self.label(account).to_owned();
            let name = window_name(window);
            let hour = after.resets_at.map_or(0, |at| at.millis().div_euclid(3_600_000));
            if is.get() + 20.0 < was.get() {
                let cause = Cause::Reset { account, window, hour };
                let title = format!("{label}: the {name} has reset");
                let body = format!("{:.0} % used now.", is.get());
                self.tell(Notice::new(cause, title, body), now);
            }
            if let Some(step) = STEPS.into_iter().rev().find(|step| {
                let step = f64::from(*step);
                was.get() < step && is.get() >= step
            }) {
                let cause = Cause::Threshold { account, window, percent: step, hour };
                let title = format!("{label}: {:.0} % of the {name} used", is.get());
                self.tell(Notice::new(cause, title, ""), now);
            }
        }
    }
}

/// Minutes of the local day. A day that is an hour short or long has lost or gained it by then.
fn local_minute(midnights: &[Utc], now: Utc) -> Option<u16> {
    let next = midnights.partition_point(|midnight| *midnight <= now);
    let begun = midnights[next.checked_sub(1)?];
    let passed = now.seconds_since(begun) / 60.0;
    let whole = midnights.get(next).map_or(DAY_MIN, |end| end.seconds_since(begun) / 60.0);
    let shift = if passed >= CLOCKS_CHANGED_MIN { DAY_MIN - whole } else { 0.0 };
    Some((passed + shift).clamp(0.0, DAY_MIN) as u16)
}

/// The warning a login is under whose end comes near: the days of its step.
#[must_use]
pub(crate) fn login_warning(ends: Utc, now: Utc) -> Option<u8> {
    let left = ends.seconds_since(now);
    let steps = LOGIN_DAYS.into_iter().filter(|days| left <= f64::from(*days) * 86_400.0);
    steps.min()
}
