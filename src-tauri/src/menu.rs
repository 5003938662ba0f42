//! The tray's menu as a value: a pure function of the view and the moment.
//!
//! The back ends (`tray.rs`) only translate it; the tests read it as text.

use crate::words::{self, Moment};
use sluice_driver::lanes;
use sluice_protocol::{
    AccountId, AccountView, LaneView, Mode, Provider, ProviderView, Request, View,
};
use sluice_protocol::{label, outlook};
use std::fmt;

/// Everything the tray shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// From top to bottom.
    pub items: Vec<Item>,
}

/// One line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Text that cannot be clicked.
    Note(String),
    /// A line that does something.
    Entry {
        /// The words.
        label: String,
        /// Can be clicked.
        enabled: bool,
        /// What a click does.
        act: Act,
    },
    /// One of several.
    Choice {
        /// Which one holds now; `None` when none does.
        selected: Option<usize>,
        /// The words and what choosing them does.
        options: Vec<(String, Act)>,
    },
    /// A menu inside the menu.
    Sub {
        /// The words.
        label: String,
        /// Its lines; a submenu without lines is greyed.
        items: Vec<Item>,
    },
    /// A line between groups.
    Rule,
}

/// What a click does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Asks the driver.
    Ask(Request),
    /// Rests automatic swaps; the end is computed when clicked, not when drawn.
    Pause(Rest),
    /// Opens the settings window.
    Open,
    /// Ends the application.
    Quit,
}

/// How long automatic swaps rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// So many minutes.
    Minutes(i64),
    /// Until the next morning.
    Tomorrow,
}

impl Rest {
    /// The request for it.
    #[must_use]
    pub fn request(self, moment: Moment) -> Request {
        let until_ms = match self {
            Self::Minutes(minutes) => moment.at_ms + minutes * 60_000,
            Self::Tomorrow => moment.tomorrow_ms(),
        };
        Request::Pause { provider: None, until_ms }
    }
}

/// The menu for a view.
#[must_use]
pub fn menu(view: &View, moment: Moment) -> Menu {
    let mut items = vec![Item::Note(headline(view))];
    items.extend(calls(view));
    items.push(Item::Rule);
    items.extend(view.accounts.iter().flat_map(|account| lines(view, account, moment)));
    if view.accounts.is_empty() {
        items.push(Item::Note("No account yet".to_owned()));
    }
    items.push(Item::Rule);
    items.push(swap_to(view));
    items.extend(lane_menu(view));
    items.push(modes(view));
    items.extend(rest(view, moment));
    items.push(entry("Refresh now", Act::Ask(Request::Refresh { account: None }), !view.stopped));
    items.push(Item::Rule);
    items.push(entry("Open Sluice…", Act::Open, true));
    items.push(if view.stopped {
        entry("Start again", Act::Ask(Request::Start), true)
    } else {
        entry("Stop everything", Act::Ask(Request::Stop), true)
    });
    items.push(Item::Rule);
    items.push(entry("Quit", Act::Quit, true));
    Menu { items }
}

/// The menu while no driver answers.
#[must_use]
pub fn without_driver(reason: &str) -> Menu {
    Menu {
        items: vec![
            Item::Note(reason.to_owned()),
            Item::Rule,
            entry("Open Sluice…", Act::Open, true),
            entry("Quit", Act::Quit, true),
        ],
    }
}

/// The state in one line; also the first line of the tooltip.
#[must_use]
pub fn headline(view: &View) -> String {
    if view.stopped {
        return "Stopped: nothing is polled or swapped".to_owned();
    }
    if let Some(swapping) = view.swapping {
        return format!("Swapping to {}…", name(view, swapping.to));
    }
    let live: Vec<&str> =
        view.accounts.iter().filter(|a| a.live).map(|a| a.label.as_str()).collect();
    match live.as_slice() {
        [] => "No account is live".to_owned(),
        [one] => format!("{one} is live"),
        several => format!("{} are live", several.join(" and ")),
    }
}

/// The tooltip: the headline and the live accounts' windows.
#[must_use]
pub fn tooltip(view: &View, moment: Moment) -> String {
    let mut text = headline(view);
    for account in view.accounts.iter().filter(|a| a.live) {
        text.push('\n');
        text.push_str(&words::windows(account, moment));
    }
    if let Some(first) = view.needs_you.first() {
        text.push_str("\nNeeds you: ");
        text.push_str(&first.text);
    }
    text
}

/// What waits for the person: the first question, advice, a login to keep, things to mend.
fn calls(view: &View) -> Vec<Item> {
    let mut items = Vec::new();
    if view.first_start {
        items.push(entry("Choose what Sluice may do…", Act::Open, true));
    }
    for provider in &view.providers {
        if let Some(advice) = &provider.advice {
            let label = format!("Advised: swap to {}", name(view, advice.to));
            let act = Act::Ask(Request::Swap { to: advice.to });
            items.push(entry(&label, act, !view.stopped));
        }
        if let Some(to) = provider.after_turn {
            items.push(Item::Note(format!("{} comes after this turn", name(view, to))));
        }
        if provider.unmanaged_login {
            let label = format!("Keep the login found in {}", provider.provider.spec().tool);
            let act = Act::Ask(Request::Add { provider: provider.provider, label: None });
            items.push(entry(&label, act, true));
        }
        if provider.observe_only.is_some() {
            let label = format!("{}: watching only…", provider.provider.spec().tool);
            items.push(entry(&label, Act::Open, true));
        }
    }
    let mends = view.needs_you.iter().map(|need| {
        let who = need.account.map_or_else(|| "Sluice".to_owned(), |id| name(view, id));
        // The whole text stands in the window.
        entry(&format!("⚠ {who}: {}…", need.code.words()), Act::Open, true)
    });
    items.extend(mends);
    items
}

/// An account, and below a live one what lies ahead of it.
fn lines(view: &View, account: &AccountView, moment: Moment) -> Vec<Item> {
    let mut items = vec![line(account, moment)];
    let provider = view.providers.iter().find(|found| found.live == Some(account.id));
    if let Some(provider) = provider.filter(|_| account.live) {
        let ahead = outlook::ahead(provider, account, moment.at_ms, moment.offset);
        items.extend(ahead.into_iter().map(|text| Item::Note(format!("↳ {text}"))));
    }
    items
}

fn line(account: &AccountView, moment: Moment) -> Item {
    let mark = if account.live { "●" } else { "○" };
    let state =
        words::obstacle(account).map_or_else(|| words::windows(account, moment), str::to_owned);
    entry(&format!("{mark} {} — {state}", label::told_apart(account)), Act::Open, true)
}

fn swap_to(view: &View) -> Item {
    let several = view.providers.len() > 1;
    let items = view
        .accounts
        .iter()
        .filter(|account| !account.live)
        .map(|account| {
            let tool = if several {
                format!(" ({})", account.provider.spec().tool)
            } else {
                String::new()
            };
            let ready = account.enabled
                && account.login.is_usable()
                && view.swapping.is_none()
                && !view.stopped;
            let act = Act::Ask(Request::Swap { to: account.id });
            entry(&format!("{}{tool}", label::told_apart(account)), act, ready)
        })
        .collect();
    Item::Sub { label: "Swap to".to_owned(), items }
}

/// Named lanes: what runs there, and which account new tools get. Nothing while there is none.
fn lane_menu(view: &View) -> Option<Item> {
    let named = view.lanes.iter().filter(|lane| lane.name != lanes::DEFAULT);
    let items: Vec<Item> = named.map(|lane| lane_accounts(view, lane)).collect();
    (!items.is_empty()).then(|| Item::Sub { label: "Lanes".to_owned(), items })
}

fn lane_accounts(view: &View, lane: &LaneView) -> Item {
    let active = lane.active.map_or_else(|| "no account".to_owned(), |id| listed(view, id));
    let work = view.runs.iter().filter(|run| run.lane == Some(lane.id)).count();
    let work = if work == 0 { String::new() } else { format!(" · {work} at work") };
    let point = |to| {
        Act::Ask(Request::PointLane {
            lane: lane.id,
            to: Some(to),
            expected_generation: Some(lane.generation),
        })
    };
    let choice = Item::Choice {
        selected: lane.ready.iter().position(|id| Some(*id) == lane.active),
        options: lane.ready.iter().map(|id| (listed(view, *id), point(*id))).collect(),
    };
    let items = if lane.ready.is_empty() {
        vec![Item::Note("No account has a seat of its own yet".to_owned())]
    } else {
        vec![choice]
    };
    Item::Sub { label: format!("{} — {active}{work}", lane.name), items }
}

fn modes(view: &View) -> Item {
    let items = match view.providers.as_slice() {
        [one] => vec![mode_choice(one)],
        several => several
            .iter()
            .map(|provider| Item::Sub {
                label: provider.provider.spec().tool.to_owned(),
                items: vec![mode_choice(provider)],
            })
            .collect(),
    };
    Item::Sub { label: "Mode".to_owned(), items }
}

fn mode_choice(state: &ProviderView) -> Item {
    let set = |provider: Provider, mode| Act::Ask(Request::SetMode { provider, mode });
    Item::Choice {
        selected: Mode::ALL.iter().position(|mode| *mode == state.mode),
        options: Mode::ALL
            .iter()
            .map(|mode| (mode.words().to_owned(), set(state.provider, *mode)))
            .collect(),
    }
}

fn rest(view: &View, moment: Moment) -> Vec<Item> {
    let until = view
        .providers
        .iter()
        .filter_map(|provider| provider.paused_until_ms)
        .filter(|until| *until > moment.at_ms)
        .max();
    let pause = |label: &str, rest| entry(label, Act::Pause(rest), !view.stopped);
    let mut items = vec![Item::Sub {
        label: "Pause".to_owned(),
        items: vec![
            pause("15 minutes", Rest::Minutes(15)),
            pause("1 hour", Rest::Minutes(60)),
            pause("Until tomorrow", Rest::Tomorrow),
        ],
    }];
    if let Some(until) = until {
        let label = format!("Resume (paused until {})", moment.clock(until));
        items.push(entry(&label, Act::Ask(Request::Resume { provider: None }), !view.stopped));
    }
    items
}

fn entry(label: &str, act: Act, enabled: bool) -> Item {
    Item::Entry { label: label.to_owned(), enabled, act }
}

fn name(view: &View, id: AccountId) -> String {
    called(view, id, |account| account.label.clone())
}

/// As a person finds it in a list, whether or not it was named.
fn listed(view: &View, id: AccountId) -> String {
    called(view, id, |account| label::told_apart(account))
}

fn called(view: &View, id: AccountId, how: impl Fn(&AccountView) -> String) -> String {
    let account = view.accounts.iter().find(|account| account.id == id);
    account.map_or_else(|| format!("account {}", id.0), how)
}

impl fmt::Display for Menu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_items(f, &self.items, 0)
    }
}

fn write_items(f: &mut fmt::Formatter<'_>, items: &[Item], depth: usize) -> fmt::Result {
    let pad = "    ".repeat(depth);
    for item in items {
        match item {
            Item::Note(text) => writeln!(f, "{pad}# {text}")?,
            Item::Entry { label, enabled: true, .. } => writeln!(f, "{pad}{label}")?,
            Item::Entry { label, enabled: false, .. } => writeln!(f, "{pad}[{label}]")?,
            Item::Choice { selected, options } => {
                for (index, (label, _)) in options.iter().enumerate() {
                    let mark = if *selected == Some(index) { "(*)" } else { "( )" };
                    writeln!(f, "{pad}{mark} {label}")?;
                }
            }
            Item::Sub { label, items } => {
                writeln!(f, "{pad}{label} >")?;
                write_items(f, items, depth + 1)?;
            }
            Item::Rule => writeln!(f, "{pad}---")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
