//! Numbers for a collector as OpenMetrics text: over the socket, or in a file if the person wants one.
//! Accounts by the person's name for them, never by mail address unless asked.

use crate::lock::private_dir;
use sluice_core::Page;
use sluice_engine::Provider;
use sluice_protocol::{AccountView, DecisionAction, NoticeKind, Trigger, WindowView};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a swap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SwapEnd {
    /// The other account is live.
    Committed,
    /// Nothing changed, or it was undone.
    Failed,
    /// Nothing was tried.
    Stale,
    /// It could neither be finished nor undone.
    Stuck,
}

impl SwapEnd {
    const ALL: [Self; 4] = [Self::Committed, Self::Failed, Self::Stale, Self::Stuck];

    /// The label of its count.
    const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Failed => "failed",
            Self::Stale => "stale",
            Self::Stuck => "stuck",
        }
    }
}

/// What has been counted since the driver's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    swaps: BTreeMap<(Provider, SwapEnd), u64>,
    decisions: BTreeMap<(Provider, &'static str, &'static str), u64>,
    requests: BTreeMap<(Provider, &'static str, Option<u16>), u64>,
    notices: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// A swap ended.
    pub fn swap(&mut self, provider: Provider, end: SwapEnd) {
        *self.swaps.entry((provider, end)).or_default() += 1;
    }

    /// A decision was taken.
    pub fn decision(&mut self, provider: Provider, action: DecisionAction, trigger: Trigger) {
        // By their words, in whose order they are told.
        *self.decisions.entry((provider, action.name(), trigger.name())).or_default() += 1;
    }

    /// A request ended, with the status that came.
    pub fn request(&mut self, provider: Provider, kind: &'static str, status: Option<u16>) {
        *self.requests.entry((provider, kind, status)).or_default() += 1;
    }

    /// A notice was made.
    pub fn notice(&mut self, kind: NoticeKind) {
        *self.notices.entry(kind.name()).or_default() += 1;
    }
}

/// The counts of a running driver; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<Counts>>);

impl Counters {
    /// The counts, to add to or to read; hold them for a moment only.
    pub fn counts(&self) -> MutexGuard<'_, Counts> {
        // Whole numbers are never half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

/// A metric family under construction.
struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
    total: &'static str,
}

impl<'a> Family<'a> {
    fn begin(
        text: &'a mut String,
        (name, kind, unit): (&'static str, &str, &str),
        help: &str,
    ) -> Self {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# TYPE {name} {kind}");
        if !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {help}");
        let total = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        Self { text, name, total }
    }

    fn sample(&mut self, labels: &Labels<'_>, value: impl std::fmt::Display) {
        let _ = write!(self.text, "{}{}", self.name, self.total);
        for (index, (name, value)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{name}=\"{}\"", escaped(value));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{close} {value}");
    }
}

fn escaped(value: &str) -> String {
    let value = sluice_protocol::text::one_line(value);
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The whole text, ending with `# EOF`. What is unknown is left out.
#[must_use]
pub fn render(page: &Page, counts: &Counts) -> String {
    let mut text = String::new();
    state(&mut text, page);
    windows(&mut text, page);
    money(&mut text, page);
    forecasts(&mut text, page);
    resets(&mut text, page);
    budgets(&mut text, page);
    counters(&mut text, counts);
    text.push_str("# EOF\n");
    text
}

fn state(text: &mut String, page: &Page) {
    let view = &page.view;
    let mut build = Family::begin(text, ("sluice", "info", ""), "The program.");
    build.sample(&vec![("version", env!("CARGO_PKG_VERSION"))], 1);
    let help = "Whether everything is stopped by its switch.";
    Family::begin(text, ("sluice_stopped", "gauge", ""), help)
        .sample(&Vec::new(), u8::from(view.stopped));
    let help = "The account that a lane gives to new work.";
    let mut live = Family::begin(text, ("sluice_lane_account", "gauge", ""), help);
    let own = view.providers.iter().filter_map(|one| Some((one.provider, "default", one.live?)));
    let named = view.lanes.iter().filter(|lane| lane.name != crate::lanes::DEFAULT);
    let named = named.filter_map(|lane| Some((lane.provider, lane.name.as_str(), lane.active?)));
    for (provider, lane, account) in own.chain(named) {
        let Some(account) = view.accounts.iter().find(|found| found.id == account) else {
            continue;
        };
        let (id, name) = (account.id.0.to_string(), named_on(page, account));
        let labels =
            vec![("account", &*name), ("id", &id), ("lane", lane), ("provider", provider.name())];
        live.sample(&labels, 1);
    }
}

/// The person's name for an account; one that is a mail address stays out of sight.
#[must_use]
pub fn shown(account: &AccountView) -> String {
    if account.label.contains('@') {
        format!("account {}", account.id.0)
    } else {
        account.label.clone()
    }
}

fn named_on(page: &Page, account: &AccountView) -> String {
    if page.show_mail { account.label.clone() } else { shown(account) }
}

fn each(page: &Page, mut tell: impl FnMut(&AccountView, &Labels<'_>)) {
    for account in &page.view.accounts {
        let id = account.id.0.to_string();
        let name = named_on(page, account);
        let mut labels =
            vec![("account", &*name), ("id", &*id), ("provider", account.provider.name())];
        let mail = account.email.as_deref().filter(|_| page.show_mail);
        labels.extend(mail.map(|mail| ("email", mail)));
        tell(account, &labels);
    }
}

/// Every window of an account with its labels.
fn windows_of(account: &AccountView) -> Vec<(WindowView, Labels<'_>)> {
    let each = account.windows.iter().map(|named| {
        let model = named.kind.model().map(|model| ("model", model));
        let window = if model.is_some() { "seven_day" } else { named.kind.name() };
        (named.window, model.into_iter().chain([("window", window)]).collect())
    });
    each.collect()
}

fn windows(text: &mut String, page: &Page) {
    let help = "Used share of a usage window.";
    let mut used = Family::begin(text, ("sluice_used_percent", "gauge", "percent"), help);
    each(page, |account, labels| {
        for (window, more) in windows_of(account) {
            if let Some(share) = window.used {
                used.sample(&[labels.as_slice(), &more].concat(), share);
            }
        }
    });
    let help = "Time until a usage window empties.";
    let mut reset = Family::begin(text, ("sluice_reset_seconds", "gauge", "seconds"), help);
    each(page, |account, labels| {
        for (window, more) in windows_of(account) {
            if let Some(at) = window.resets_at_ms {
                let left = (at - page.view.at_ms).max(0) as f64 / 1_000.0;
                reset.sample(&[labels.as_slice(), &more].concat(), left);
            }
        }
    });
    let help = "Age of an account's numbers.";
    let mut age = Family::begin(text, ("sluice_usage_age_seconds", "gauge", "seconds"), help);
    each(page, |account, labels| {
        if let Some(at) = account.observed_at_ms {
            age.sample(labels, (page.view.at_ms - at).max(0) as f64 / 1_000.0);
        }
    });
}

fn money(text: &mut String, page: &Page) {
    let help = "Money metered by a usage window, in its currency.";
    let mut money = Family::begin(text, ("sluice_money", "gauge", ""), help);
    each(page, |account, labels| {
        for named in &account.windows {
            let Some(amounts) = &named.amounts else { continue };
            for (amount, value) in [("used", amounts.used), ("limit", amounts.limit)] {
                let currency = amounts.currency.as_deref().unwrap_or_default();
                let more =
                    [("amount", amount), ("currency", currency), ("window", named.kind.name())];
                if let Some(value) = value {
                    money.sample(&[labels.as_slice(), &more].concat(), value);
                }
            }
        }
    });
}

fn forecasts(text: &mut String, page: &Page) {
    let help = "Share of a window expected to be unused at its reset.";
    let name = ("sluice_forecast_unused_percent", "gauge", "percent");
    let mut unused = Family::begin(text, name, help);
    each(page, |account, labels| {
        let said = account.forecasts;
        for (window, said) in [("five_hour", said.five_hour), ("seven_day", said.seven_day)] {
            let Some(said) = said else { continue };
            for (estimate, share) in [("p50", said.p50), ("p90", said.p90)] {
                let more = [("estimate", estimate), ("window", window)];
                unused.sample(&[labels.as_slice(), &more].concat(), share);
            }
        }
    });
}

fn resets(text: &mut String, page: &Page) {
    let help = "Limit resets that the account has in hand.";
    let mut left = Family::begin(text, ("sluice_limit_resets_left", "gauge", ""), help);
    each(page, |account, labels| {
        if let Some(resets) = &account.resets {
            left.sample(labels, resets.left);
        }
    });
    let help = "Time until the first of them is lost.";
    let name = ("sluice_limit_resets_end_seconds", "gauge", "seconds");
    let mut end = Family::begin(text, name, help);
    each(page, |account, labels| {
        if let Some(at) = account.resets.as_ref().and_then(|resets| resets.ends_at_ms) {
            end.sample(labels, (at - page.view.at_ms).max(0) as f64 / 1_000.0);
        }
    });
}

fn budgets(text: &mut String, page: &Page) {
    let help = "Requests for usage that the account's hour still allows.";
    let mut left = Family::begin(text, ("sluice_requests_left", "gauge", ""), help);
    each(page, |account, labels| {
        if let Some(requests) = page.requests_left.get(&account.id) {
            left.sample(labels, requests);
        }
    });
}

fn counters(text: &mut String, counts: &Counts) {
    let help = "Swaps since the driver's start, by how they ended.";
    let mut swaps = Family::begin(text, ("sluice_swaps", "counter", ""), help);
    for provider in Provider::ALL {
        for end in SwapEnd::ALL {
            let count = counts.swaps.get(&(provider, end)).copied().unwrap_or_default();
            swaps.sample(&vec![("outcome", end.name()), ("provider", provider.name())], count);
        }
    }
    let help = "Decisions since the driver's start, by the branch that took them.";
    let mut decisions = Family::begin(text, ("sluice_decisions", "counter", ""), help);
    for ((provider, action, trigger), count) in &counts.decisions {
        let labels =
            vec![("action", *action), ("provider", provider.name()), ("trigger", *trigger)];
        decisions.sample(&labels, count);
    }
    let help = "Requests sent since the driver's start, by the status that came.";
    let mut requests = Family::begin(text, ("sluice_requests", "counter", ""), help);
    for ((provider, kind, status), count) in &counts.requests {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        requests.sample(
            &vec![("kind", *kind), ("provider", provider.name()), ("status", &*status)],
            count,
        );
    }
    let help = "Notices made since the driver's start, by kind.";
    let mut notices = Family::begin(text, ("sluice_notices", "counter", ""), help);
    for (kind, count) in &counts.notices {
        notices.sample(&vec![("kind", *kind)], count);
    }
}

/// The file that numbers are kept in. One hand writes it, however slow the disk is; of the wishes
/// that come meanwhile the last one counts.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    wishes: Mutex<Wishes>,
}

#[derive(Debug, Default)]
struct Wishes {
    /// The text to put there, or none to take the file away.
    next: Option<Option<String>>,
    writing: bool,
}

impl MetricsFile {
    /// A file in this place.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path, wishes: Mutex::new(Wishes { next: None, writing: false }) }
    }

    /// Wishes a text there, or the file away. Whoever is told `true` has to [`Self::put`] it.
    #[must_use]
    pub fn wish(&self, text: Option<String>) -> bool {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        wishes.next = Some(text);
        !std::mem::replace(&mut wishes.writing, true)
    }

    /// Carries out what is wished until nothing is. Blocks.
    ///
    /// # Errors
    /// What the file system said last; what stood there still does.
    pub fn put(&self) -> io::Result<()> {
        let mut last = Ok(());
        loop {
            let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(wish) = wishes.next.take() else {
                wishes.writing = false;
                return last;
            };
            drop(wishes);
            last = match wish {
                Some(text) => write(&self.path, &text),
                None => match std::fs::remove_file(&self.path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                },
            };
        }
    }
}

/// Puts the text in place as a whole, readable by its owner: who reads it sees the old or the new one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    private_dir(directory)?;
    sluice_ground::replace(path, text.as_bytes(), sluice_ground::Lasting::Whole)
}

#[cfg(test)]
mod tests;
