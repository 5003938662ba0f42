//! Accounts of the fake provider: windows that fill and empty, and logins of single-use tokens.

use super::tokens::Claims;
use serde::{Deserialize, Serialize};
use sluice_engine::{Provider, Utc};
use std::collections::HashMap;

/// Seconds of the short window.
pub const FIVE_HOURS_S: i64 = 5 * 3_600;
/// Seconds of the weekly window.
pub const WEEK_S: i64 = 7 * 86_400;

/// What an account starts as.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSpec {
    /// Whose subscription.
    pub provider: Provider,
    /// Mail address, also its name in the admin interface.
    pub email: String,
    /// `pro`, `max`, `ultra`, `team`.
    pub plan: String,
    /// Size of its windows relative to the smallest plan.
    pub weight: f64,
    /// Percent of the 5-hour window used at the start.
    pub five_hour: f64,
    /// Percent of the weekly window used at the start.
    pub seven_day: f64,
    /// Hours from the start to the first weekly reset.
    pub weekly_reset_h: f64,
    /// Percent of a model's own weekly window, when it has one.
    pub model: Option<(String, f64)>,
    /// There is a 5-hour window: the largest plan has none.
    pub short_window: bool,
    /// Limit resets in hand; `None`: the provider does not tell this client of any.
    pub resets: Option<u32>,
    /// Hours from the start to the end of these.
    pub resets_end_h: f64,
}

impl Default for AccountSpec {
    fn default() -> Self {
        Self {
            provider: Provider::Claude,
            email: String::new(),
            plan: "max".to_owned(),
            weight: 5.0,
            five_hour: 0.0,
            seven_day: 0.0,
            weekly_reset_h: 96.0,
            model: None,
            short_window: true,
            resets: None,
            resets_end_h: 240.0,
        }
    }
}

impl AccountSpec {
    /// A Codex account.
    #[must_use]
    pub fn codex(email: &str, seven_day: f64, weekly_reset_h: f64) -> Self {
        let plan = "plus".to_owned();
        let new = Self::new(email, seven_day, weekly_reset_h);
        Self { provider: Provider::Codex, plan, weight: 1.0, ..new }
    }

    /// An account with everything standard but its name, its weekly use and its weekly reset.
    #[must_use]
    pub fn new(email: &str, seven_day: f64, weekly_reset_h: f64) -> Self {
        Self { email: email.to_owned(), seven_day, weekly_reset_h, ..Self::default() }
    }
}

/// A window: percent used and the end of its span.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Meter {
    /// Percent used.
    pub used: f64,
    /// When it empties; `None` while it has not started.
    pub resets_at: Option<Utc>,
}

impl Meter {
    /// Whether anything is left.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.used < 100.0
    }
}

/// One subscription.
#[derive(Clone, Debug, Serialize)]
pub struct FakeAccount {
    /// What it started as.
    pub spec: AccountSpec,
    /// Person.
    pub uuid: String,
    /// Organisation.
    pub organization: String,
    /// 5-hour window: starts at the first use, and never where the plan has none.
    pub five_hour: Meter,
    /// Weekly window: empties at a fixed time of the week.
    pub seven_day: Meter,
    /// When its limit resets end.
    pub resets_end: Utc,
    /// Requests per endpoint name.
    pub requests: HashMap<String, u64>,
    /// Usage requests of the last hour.
    #[serde(skip)]
    pub recent: Vec<Utc>,
    /// Most usage requests within any hour.
    pub peak_per_hour: usize,
    /// Percent of the weekly window lost at resets.
    pub stranded: f64,
}

impl FakeAccount {
    pub(crate) fn new(index: usize, spec: AccountSpec, now: Utc) -> Self {
        let first = (spec.weekly_reset_h * 3_600.0) as i64;
        let running = spec.five_hour > 0.0;
        Self {
            uuid: format!("00000000-0000-4000-8000-0000000001{index:02x}"),
            organization: format!("00000000-0000-4000-8000-0000000002{index:02x}"),
            five_hour: Meter {
                used: spec.five_hour,
                resets_at: running.then(|| now.plus_seconds(FIVE_HOURS_S)),
            },
            seven_day: Meter { used: spec.seven_day, resets_at: Some(now.plus_seconds(first)) },
            resets_end: now.plus_seconds((spec.resets_end_h * 3_600.0) as i64),
            requests: HashMap::new(),
            recent: Vec::new(),
            peak_per_hour: 0,
            stranded: 0.0,
            spec,
        }
    }

    /// What a Codex account's tokens say of it.
    pub(crate) fn claims(&self) -> Claims {
        Claims {
            email: self.spec.email.clone(),
            plan: self.spec.plan.clone(),
            account: self.organization.clone(),
            user: self.uuid.clone(),
        }
    }

    /// Empties the windows whose end has come.
    pub(crate) fn roll(&mut self, now: Utc) {
        if self.five_hour.resets_at.is_some_and(|end| end <= now) {
            self.five_hour = Meter { used: 0.0, resets_at: None };
        }
        while let Some(end) = self.seven_day.resets_at.filter(|end| *end <= now) {
            self.stranded += (100.0 - self.seven_day.used).max(0.0);
            self.seven_day = Meter { used: 0.0, resets_at: Some(end.plus_seconds(WEEK_S)) };
        }
    }

    /// Its plan becomes another one, with or without a 5-hour window; what is used of the week stays.
    pub(crate) fn change_plan(&mut self, plan: &str, weight: f64, short_window: bool) {
        (self.spec.plan, self.spec.weight) = (plan.to_owned(), weight);
        self.spec.short_window = short_window;
        self.five_hour = Meter { used: 0.0, resets_at: None };
    }

    /// Spends a limit reset, as the person does in the tool; false when none is left.
    pub(crate) fn spend_reset(&mut self, now: Utc) -> bool {
        let left = self.spec.resets.filter(|left| *left > 0 && now < self.resets_end);
        let Some(left) = left else { return false };
        self.spec.resets = Some(left - 1);
        self.empty_early(true, now);
        true
    }

    /// Its windows empty before their reset, as by a limit reset that was spent; `restart`: the week
    /// begins anew, else its end stays.
    pub(crate) fn empty_early(&mut self, restart: bool, now: Utc) {
        self.five_hour = Meter { used: 0.0, resets_at: None };
        self.seven_day.used = 0.0;
        if restart {
            self.seven_day.resets_at = Some(now.plus_seconds(WEEK_S));
        }
    }

    /// Whether a request would be served.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.five_hour.has_room() && self.seven_day.has_room()
    }

    /// Uses `percent` of the 5-hour window and the matching share of the week.
    pub(crate) fn burn(&mut self, percent: f64, weekly_share: f64, now: Utc) {
        if self.spec.short_window {
            self.five_hour.resets_at.get_or_insert(now.plus_seconds(FIVE_HOURS_S));
            self.five_hour.used = (self.five_hour.used + percent).min(100.0);
        }
        self.seven_day.used = (self.seven_day.used + percent * weekly_share).min(100.0);
    }

    pub(crate) fn count(&mut self, endpoint: &str, now: Utc) {
        *self.requests.entry(endpoint.to_owned()).or_default() += 1;
        if endpoint == "usage" {
            self.recent.retain(|at| now.seconds_since(*at) < 3_600.0);
            self.recent.push(now);
            self.peak_per_hour = self.peak_per_hour.max(self.recent.len());
        }
    }

    /// The name Claude gives its limits.
    #[must_use]
    pub fn tier(&self) -> String {
        match self.spec.plan.as_str() {
            "max" => format!("default_claude_max_{}x", self.spec.weight),
            "ultra" => "default_claude_ultra".to_owned(),
            _ => "default_claude_ai".to_owned(),
        }
    }
}
