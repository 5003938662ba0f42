//! Claude Code's global configuration: who is signed in, and its own last usage answer.

use super::profile::{Identity, plan};
use super::usage::{UsageReply, read_usage};
use crate::json::{Oddities, Oddity};
use serde_json::{Map, Value};
use sluice_engine::{Plan, Utc};

/// Longest configuration looked at: it holds the history of every project.
const CONFIG_MAX: usize = 16 * 1024 * 1024;
/// The tool itself forgets its answer after an hour.
const CACHE_LIFE_S: f64 = 3_600.0;
/// A cache this far in the future was written under another clock.
const FUTURE_S: f64 = 60.0;

/// What the configuration says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigReading {
    /// Who is signed in; `None` when nobody is.
    pub identity: Option<Identity>,
    /// What was bought.
    pub plan: Plan,
    /// The tool's own last usage answer.
    pub cached: Option<CachedUsage>,
    /// Departures from the known shapes.
    pub oddities: Vec<Oddity>,
}

/// The tool's own last usage answer.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedUsage {
    /// When the tool asked.
    pub fetched_at: Option<Utc>,
    /// Whose numbers these are: not always the live account's.
    pub account: Option<String>,
    /// The numbers.
    pub reply: UsageReply,
}

/// Why a cached answer says nothing of the live account now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Older than the tool itself would believe, or undated.
    Stale,
    /// Another account's.
    OtherAccount,
}

impl CachedUsage {
    /// Seconds since the tool asked.
    #[must_use]
    pub fn age_s(&self, now: Utc) -> Option<f64> {
        self.fetched_at.map(|at| now.seconds_since(at))
    }

    /// Whether the numbers speak of `live` at `now`.
    ///
    /// # Errors
    /// Why not.
    pub fn usable(&self, live: Option<&Identity>, now: Utc) -> Result<(), Unusable> {
        let owner = live.and_then(|live| live.account.as_ref());
        if owner.is_none() || owner != self.account.as_ref() {
            return Err(Unusable::OtherAccount);
        }
        let fresh = self.age_s(now).is_some_and(|age| (-FUTURE_S..=CACHE_LIFE_S).contains(&age));
        if fresh { Ok(()) } else { Err(Unusable::Stale) }
    }
}

/// Reads `.claude.json`; `None` when it is not a JSON object (then nothing about it may be assumed).
#[must_use]
pub fn parse_config(bytes: &[u8]) -> Option<ConfigReading> {
    let mut odd = Oddities::default();
    let document = odd.document_up_to(bytes, CONFIG_MAX)?;
    let map = odd.object(Some(&document), "")?;
    let account = odd.object(map.get("oauthAccount"), "oauthAccount");
    let mut reading = ConfigReading {
        identity: account.map(|account| read_identity(account, &mut odd)),
        plan: account.map(|account| read_plan(account, &mut odd)).unwrap_or_default(),
        cached: read_cache(map, &mut odd),
        oddities: Vec::new(),
    };
    reading.oddities = odd.into_vec();
    Some(reading)
}

fn read_identity(account: &Map<String, Value>, odd: &mut Oddities) -> Identity {
    Identity {
        account: odd.text(account.get("accountUuid"), "oauthAccount.accountUuid"),
        organization: odd.text(account.get("organizationUuid"), "oauthAccount.organizationUuid"),
        email: odd.text(account.get("emailAddress"), "oauthAccount.emailAddress"),
        organization_name: odd
            .text(account.get("organizationName"), "oauthAccount.organizationName"),
    }
}

fn read_plan(account: &Map<String, Value>, odd: &mut Oddities) -> Plan {
    let kind = odd.text(account.get("organizationType"), "oauthAccount.organizationType");
    let own = odd.text(account.get("userRateLimitTier"), "oauthAccount.userRateLimitTier");
    let tier = own.or_else(|| {
        odd.text(account.get("organizationRateLimitTier"), "oauthAccount.organizationRateLimitTier")
    });
    plan(kind.as_deref(), tier)
}

fn read_cache(map: &Map<String, Value>, odd: &mut Oddities) -> Option<CachedUsage> {
    let path = "cachedUsageUtilization";
    let cache = odd.object(map.get(path), path)?;
    let body = odd.object(cache.get("utilization"), path)?;
    let fetched_at = odd.instant(cache.get("fetchedAtMs"), path);
    let mut reply = read_usage(body, odd);
    reply.usage.observed_at = fetched_at;
    Some(CachedUsage { fetched_at, account: odd.text(cache.get("accountUuid"), path), reply })
}
