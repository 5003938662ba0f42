//! Plans: what was bought, as the providers tell it. A change is told once, by name.

use super::telling::{Texts, Word};
use super::{Core, Now};
use alloc::collections::BTreeMap;
use alloc::string::String;
use sluice_engine::forecast::Kind as Window;
use sluice_engine::{AccountId, Plan, Usage, Utc, WindowKind, WindowState};
use sluice_protocol::{Cause, text};

/// The windows of an account as a whole, as limits of a plan.
const LIMITS: [(Window, &str); 2] =
    [(Window::FiveHour, "5-hour limit"), (Window::SevenDay, "weekly limit")];
/// The provider is asked for an account's plan this often, seconds.
const ASK_S: f64 = 86_400.0;
/// A plan and its windows change together: the one waits so long for the other, seconds.
const WAIT_S: i64 = 900;

/// Who says what the plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// The login in the seat: as old as its sign-in, or its last renewal.
    Seat,
    /// The provider itself, now.
    Provider,
}

/// What changed about an account and was not told yet.
#[derive(Clone, Debug, Default)]
struct News {
    /// The plan before.
    from: Option<Plan>,
    /// Windows that came (`true`) or went.
    limits: BTreeMap<Window, bool>,
    /// Told then at the latest.
    due: Option<Utc>,
}

/// What is known of the plans beside their names.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// The last word of the seat, by account.
    seats: BTreeMap<AccountId, Plan>,
    /// When the provider was last asked.
    asked: BTreeMap<AccountId, Utc>,
    news: BTreeMap<AccountId, News>,
}

impl Plans {
    /// Whether the provider is asked for the plan with the next reading, which is noted.
    pub(super) fn ask(&mut self, account: AccountId, now: Utc) -> bool {
        let age = self.asked.get(&account).map(|at| now.seconds_since(*at));
        let due = age.is_none_or(|age| !(0.0..ASK_S).contains(&age));
        if due {
            self.asked.insert(account, now);
        }
        due
    }

    pub(super) fn forget(&mut self, account: AccountId) {
        self.seats.remove(&account);
        self.asked.remove(&account);
        self.news.remove(&account);
    }

    /// The seat repeats itself until the tool signs in or renews; only another word than before is news.
    fn is_new_word(&mut self, account: AccountId, plan: &Plan, says: Says, known: &Plan) -> bool {
        match says {
            Says::Provider => true,
            Says::Seat => match self.seats.insert(account, plan.clone()) {
                Some(before) => before != *plan,
                None => *known == Plan::default(),
            },
        }
    }

    fn note(&mut self, account: AccountId, now: Utc) -> &mut News {
        let news = self.news.entry(account).or_default();
        news.due.get_or_insert(now.plus_seconds(WAIT_S));
        news
    }
}

impl Core {
    /// Somebody says what the account's plan is.
    pub(super) fn on_plan(&mut self, account: AccountId, plan: &Plan, says: Says, now: Now) {
        let Some(found) = self.world.account(account) else { return };
        let before = found.plan.clone();
        let new = *plan != Plan::default()
            && self.plans.is_new_word(account, plan, says, &before)
            && before != *plan;
        if !new {
            return;
        }
        let provider = found.provider;
        let renamed = before.is_renamed(plan, provider);
        self.world.replan(account, plan.clone(), now);
        if !renamed {
            self.foresight.replanned(account);
        }
        self.profiles.store(account, &self.world, &mut self.effects);
        // The first word of a plan is no change, and neither is a finer one of the same name.
        if before.name(provider).is_some() && before.name(provider) != plan.name(provider) {
            self.plans.note(account, now.wall).from.get_or_insert(before);
        }
    }

    /// Windows that the provider took away from the account, or gave it.
    pub(super) fn on_limits(&mut self, account: AccountId, before: &Usage, now: Now) {
        let Some(found) = self.world.account(account) else { return };
        let is_there = |usage: &Usage, kind: &WindowKind| match usage.state(kind) {
            WindowState::Absent => Some(false),
            WindowState::Closed | WindowState::Open => Some(true),
            WindowState::Unknown => None,
        };
        for (window, _) in LIMITS {
            let kind = window.into();
            let now_there = is_there(&found.usage, &kind);
            let was = is_there(before, &kind);
            if let (Some(was), Some(is)) = (was, now_there)
                && was != is
            {
                self.plans.note(account, now.wall).limits.insert(window, is);
                // The plan's name may be older than this.
                self.plans.asked.remove(&account);
                self.polls.want(account);
            }
        }
    }

    /// Tells what is known whole, or has waited long enough.
    pub(super) fn drive_plans(&mut self, now: Now) {
        let mut due = alloc::vec::Vec::new();
        for (account, news) in &self.plans.news {
            let whole = news.from.is_some() && !news.limits.is_empty();
            if whole || news.due.is_none_or(|at| at <= now.wall) {
                due.push(*account);
            } else {
                self.effects.wake_by(news.due);
            }
        }
        for account in due {
            let Some(news) = self.plans.news.remove(&account) else { continue };
            if let Some(word) = self.texts().plan_changed(account, &news, now.wall) {
                self.tell(word, now);
            }
        }
    }
}

impl Texts<'_> {
    fn plan_changed(&self, account: AccountId, news: &News, now: Utc) -> Option<Word> {
        let found = self.world().account(account)?;
        let label = self.label(account);
        let hour = now.millis().div_euclid(3_600_000);
        let limits = LIMITS.iter().filter_map(|(window, name)| {
            let is = news.limits.get(window)?;
            Some((*window, format!("{} {name}", if *is { "a" } else { "no" }), *is))
        });
        let limits: alloc::vec::Vec<_> = limits.collect();
        let named = |plan: &Plan| name(plan, found.provider);
        let Some((from, to)) = news.from.as_ref().zip(named(&found.plan)) else {
            let (window, what, is) = limits.first()?;
            let (title, body) = if *is {
                (format!("{label} has {what} now"), "The provider tells of such a window.")
            } else {
                let body = "The provider tells of no such window any more. What it had said of it is void.";
                (format!("{label} has {what} any more"), body)
            };
            return Some(Word::new(Cause::Limits { account, window: *window, hour }, title, body));
        };
        let what = limits.first().map(|(_, what, _)| what.clone());
        let what = what.unwrap_or_else(|| size_words(from, &found.plan, found.provider).into());
        let title = format!("{label} is now {to}: {what}");
        let before = named(from).unwrap_or_default();
        let rest = if from.is_renamed(&found.plan, found.provider) {
            "What was learned of its size stays."
        } else {
            "What was learned of its size is learned anew, which takes a day of work."
        };
        let cause = Cause::Plan { account, hour };
        Some(Word::new(cause, title, format!("It was {before}. {rest}")))
    }
}

/// What another plan means where its windows are the same.
fn size_words(from: &Plan, to: &Plan, provider: sluice_engine::Provider) -> &'static str {
    if from.is_renamed(to, provider) {
        return "the same plan under another name";
    }
    match (from.weight, to.weight) {
        (Some(from), Some(to)) if to > from => "more room",
        (Some(from), Some(to)) if to < from => "less room",
        _ => "another plan",
    }
}

/// A plan's name on every surface.
pub(crate) fn name(plan: &Plan, provider: sluice_engine::Provider) -> Option<String> {
    // Rows of earlier versions hold such texts as they came.
    plan.name(provider).map(|name| text::short(&name))
}
