//! Claude Code's global configuration: who is signed in, and its own last usage answer.

use super::profile::{Identity, plan};
use super::usage::{UsageReply, read_usage};
use crate::json::{Odd, Oddities, Oddity};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sluice_engine::limits::CONFIGURATION_BYTES_MAX;
use sluice_engine::{Plan, Utc};
use std::fmt;

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
    let map = &wanted(bytes, &mut odd)?;
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

/// Its keys that say something here. The others are passed over and nothing of them is kept: the
/// history of every project may be hundreds of megabytes.
const WANTED: [&str; 2] = ["oauthAccount", "cachedUsageUtilization"];

fn wanted(bytes: &[u8], odd: &mut Oddities) -> Option<Map<String, Value>> {
    if bytes.len() > CONFIGURATION_BYTES_MAX {
        odd.note("", Odd::TooLarge);
        return None;
    }
    // A byte order mark is no part of JSON, but some editors write one.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let parts = source.deserialize_map(Parts).and_then(|parts| source.end().map(|()| parts));
    let Ok(parts) = parts else {
        odd.note("", Odd::NotJson);
        return None;
    };
    let mut map = Map::new();
    for (key, raw) in parts {
        let Some(value) = odd.document(raw.get().as_bytes()) else { continue };
        if map.insert(key.to_owned(), value).is_some() {
            odd.note(key, Odd::DuplicateKey);
        }
    }
    Some(map)
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Vec<(&'static str, &'de RawValue)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            match WANTED.into_iter().find(|key| *key == name) {
                // Twice is odd, more often is hostile.
                Some(key) if parts.len() < 2 * WANTED.len() => {
                    parts.push((key, entries.next_value()?));
                }
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(parts)
    }
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
