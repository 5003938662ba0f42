//! The ledger behind its trait.

use super::Shared;
use crate::lanes;
use crate::ports::{Identity, Kept, KeptAccount, Ledger, Loaded, PortError, Query, Record};
use serde_json::Value;
use sluice_engine::limits::{MODEL_WINDOWS_MAX, usage_requests_left};
use sluice_engine::memory::Memory;
use sluice_engine::observation::Fact;
use sluice_engine::{Account, AccountId, Observation, Percent, Provider, Utc, WindowKind};
use sluice_lab::compare;
use sluice_ledger as real;
use sluice_ledger::{DecisionQuery, NewAccount, NewDecision, Sample};
use sluice_protocol::{
    Answer, Code, DecisionView, OtherHistory, StrandedView, SwapStatus, SwapView, text,
};
use sluice_providers::Endpoints;
use std::collections::BTreeMap;

/// Setting that holds the engine's memory of the accounts.
const MEMORY: &str = "engine.memory";
/// Settings that hold what is known of the shape of a provider's answers.
pub(crate) const ANSWERS: &str = "answers.";
/// Setting that holds what watches for windows that empty early.
const WATCHES: &str = "engine.watches";
/// Setting that holds what the forecasts have learned.
const FORECAST: &str = "engine.forecast";
/// Told causes are remembered so long, seconds: a week's episode and a day.
const TOLD_S: i64 = 8 * DAY_S;
/// Settings that hold when the kept access tokens end, by account.
const ACCESS: &str = "access_ends.";
/// Settings that hold when a sign-in was first seen, by account.
const SINCE: &str = "login_since.";
/// Settings that hold silenced causes.
const SNOOZE: &str = "snooze.";
/// Swaps counted for the last day.
const DAY_SWAPS_MAX: u32 = 500;
const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;
/// Rows let go in one go: a few milliseconds.
const TIDY_ROWS: usize = 500;

pub(super) struct SqlLedger {
    shared: Shared,
    /// Where usage and tokens are asked for.
    endpoints: Endpoints,
}

impl SqlLedger {
    pub(super) fn new(shared: Shared, endpoints: Endpoints) -> Self {
        Self { shared, endpoints }
    }
}

fn trouble(error: real::Error) -> PortError {
    PortError::new(super::code(&error), format!("The database: {error}."))
}

impl Ledger for SqlLedger {
    fn load(&mut self, now: Utc) -> Result<Loaded, PortError> {
        let mut ledger = self.shared.lock();
        load(&mut ledger, now).map_err(trouble)
    }

    fn record(&mut self, record: &Record) -> Result<i64, PortError> {
        let mut ledger = self.shared.lock();
        match record {
            Record::Token { account, provider, at, status } => {
                let url = self.endpoints.token(*provider);
                let place = (url.host_str().unwrap_or_default(), url.path());
                let sent = real::NewRequest {
                    status: *status,
                    ..sent(real::RequestKind::Token, *account, place, *at)
                };
                ledger.record_request(&sent).map_err(trouble)
            }
            Record::PlanAsked { account, provider, at, status } => {
                let Some(url) = self.endpoints.profile(*provider) else { return Ok(0) };
                let place = (url.host_str().unwrap_or_default(), url.path());
                let sent = real::NewRequest {
                    status: *status,
                    ..sent(real::RequestKind::Identity, *account, place, *at)
                };
                ledger.record_request(&sent).map_err(trouble)
            }
            Record::Request { account, provider, resets, at } => {
                let url = self.endpoints.usage(*provider);
                let apart = self.endpoints.resets(*provider).filter(|_| *resets);
                let url = apart.unwrap_or(url);
                let place = (url.host_str().unwrap_or_default(), url.path());
                ask(&mut ledger, (*account, *at), place).map_err(trouble)
            }
            record => write(&mut ledger, record).map_err(trouble),
        }
    }

    fn work(&mut self, since: Utc, until: Utc) -> Result<Vec<(Utc, f64)>, PortError> {
        self.shared.lock().work(since, until).map_err(trouble)
    }

    fn query(&mut self, query: &Query) -> Result<Answer, PortError> {
        if let Query::Replay { since, until, policy } = query {
            let past = compare::Past::read(&self.shared.lock(), *since, *until).map_err(trouble)?;
            let compared = compare::compare(&past, policy.name());
            return compared
                .map(Answer::Compared)
                .map_err(|text| PortError::new(Code::Invalid, text));
        }
        let ledger = self.shared.lock();
        look_up(&ledger, query).map_err(trouble)
    }
}

fn load(ledger: &mut real::Ledger, now: Utc) -> real::Result<Loaded> {
    for provider in Provider::ALL {
        ledger.default_lane(provider)?;
    }
    let rows = ledger.settings()?;
    let mut loaded = Loaded::default();
    let (mut access, mut since) = (BTreeMap::new(), BTreeMap::new());
    for (key, value) in rows {
        if key == MEMORY {
            loaded.memory = serde_json::from_value(value).unwrap_or_default();
        } else if key == WATCHES {
            loaded.watches = serde_json::from_value(value).unwrap_or_default();
        } else if key == FORECAST {
            loaded.forecast = serde_json::from_value(value).unwrap_or_default();
        } else if let Some(name) = key.strip_prefix(ANSWERS) {
            let named = Provider::ALL.into_iter().find(|provider| provider.name() == name);
            let answers = serde_json::from_value(value).unwrap_or_default();
            loaded.answers.extend(named.map(|provider| (provider, answers)));
        } else if let Some(id) = key.strip_prefix(ACCESS) {
            access.insert(id.to_owned(), value.as_i64());
        } else if let Some(id) = key.strip_prefix(SINCE) {
            since.insert(id.to_owned(), value.as_i64());
        } else if let Some(cause) = key.strip_prefix(SNOOZE) {
            let until = value.as_i64().map(Utc).filter(|until| *until > now);
            let Ok(cause) = cause.parse();
            loaded.snoozed.extend(until.map(|until| (cause, until)));
        } else if !key.starts_with(lanes::SEAT_NOTE) {
            loaded.settings.insert(key, value);
        }
    }
    for row in ledger.accounts()? {
        let id = row.id.0.to_string();
        let instant =
            |known: &BTreeMap<String, Option<i64>>| known.get(&id).copied().flatten().map(Utc);
        let (ends, began) = (instant(&access), instant(&since));
        loaded.accounts.push(kept_account(ledger, row, ends, began)?);
    }
    loaded.lanes = ledger
        .lanes()?
        .into_iter()
        .filter(|row| row.name == lanes::DEFAULT)
        .map(|row| row.lane)
        .collect();
    loaded.walls = ledger.walls()?;
    loaded.resets = ledger.resets()?;
    for account in &loaded.accounts {
        merge_requests(ledger, &mut loaded.memory, account.account.id, now)?;
    }
    let day = now.plus_seconds(-DAY_S);
    let swaps = ledger.swaps(DAY_SWAPS_MAX, None)?.into_iter();
    loaded.swaps = swaps
        .filter(|row| row.status == SwapStatus::Committed && row.swap.at > day)
        .map(|row| row.swap.at)
        .collect();
    loaded.swaps.reverse();
    loaded.told = ledger.told_notices(now.plus_seconds(-TOLD_S))?;
    let young = ledger.untold_notices(now.plus_seconds(-sluice_core::AGE_MAX_S))?;
    loaded.untold = young
        .into_iter()
        .filter(|row| !row.made_beside())
        .map(|row| (row.id, row.at, row.notice))
        .collect();
    Ok(loaded)
}

/// The request budget survives a crash: what was asked in the last hour is in the activity table.
fn merge_requests(
    ledger: &real::Ledger,
    memory: &mut BTreeMap<AccountId, Memory>,
    account: AccountId,
    now: Utc,
) -> real::Result<()> {
    let asked = ledger.usage_requests(account, now.plus_seconds(-HOUR_S))?;
    let memory = memory.entry(account).or_default();
    if asked.len() > memory.requests.len() {
        memory.requests = asked;
        memory.requests.sort_unstable();
    }
    Ok(())
}

fn kept_account(
    ledger: &real::Ledger,
    row: real::AccountRow,
    access_ends: Option<Utc>,
    login_since: Option<Utc>,
) -> real::Result<KeptAccount> {
    let standing = ledger.standing(row.id)?.unwrap_or_default();
    let kept =
        Kept { access_expires_at: access_ends, login_ends_at: row.login_ends_at, login_since };
    Ok(KeptAccount {
        identity: Identity {
            key: row.key,
            // Rows of earlier versions hold such texts as they came.
            email: row.email.as_deref().map(text::one_line),
            organization: row.organization.as_deref().map(text::one_line),
            plan: row.plan.clone(),
        },
        label: row.label,
        kept: access_ends.map(|_| kept),
        account: Account {
            id: row.id,
            provider: row.provider,
            plan: row.plan,
            enabled: row.enabled,
            automatic: row.automatic,
            login: row.login,
            failures: standing.failures,
            usage: standing.usage,
            position: row.position,
        },
    })
}

fn write(ledger: &mut real::Ledger, record: &Record) -> real::Result<i64> {
    match record {
        Record::NewAccount { provider, identity, label, position: _, at } => {
            add_account(ledger, *provider, identity, label, *at)
        }
        Record::Account(kept) => write_account(ledger, kept).map(|()| 0),
        Record::Removed { account, at } => {
            for name in [ACCESS, SINCE] {
                ledger.set_setting(&format!("{name}{}", account.0), &Value::Null)?;
            }
            ledger.remove_account(*account, *at).map(|()| 0)
        }
        Record::Reordered(order) => ledger.reorder_accounts(order).map(|()| 0),
        Record::Observation(observation) => observe(ledger, observation).map(|()| 0),
        Record::Failures { account, failures } => {
            ledger.record_failures(*account, *failures).map(|()| 0)
        }
        Record::Tidy { now } => {
            let pruned = ledger.prune(*now, &real::Retention::default(), TIDY_ROWS)?;
            Ok(i64::from(pruned.more))
        }
        Record::Decision { decision, provider, action, sentence, mode, world } => {
            let reason = serde_json::json!({ "rule": decision.reason, "mode": mode });
            ledger.record_decision(&NewDecision {
                decision,
                provider: *provider,
                outcome: *action,
                sentence,
                reason: &reason,
                digest: &sluice_lab::replay::digest(world.as_deref().unwrap_or_default()),
                world: world.as_deref(),
            })
        }
        Record::Gates { lane, generation, gates } => {
            ledger.save_gates(*lane, *generation, gates).map(i64::from)
        }
        Record::Found { lane, at } => {
            let generation = ledger.adopt(lane.id, lane.active, Some(&lane.gates), *at)?;
            Ok(i64::try_from(generation.0).unwrap_or(i64::MAX))
        }
        Record::Memory(memory) => {
            let value = serde_json::to_value(memory).unwrap_or_default();
            ledger.set_setting(MEMORY, &value).map(|()| 0)
        }
        Record::Setting { key, value } => ledger.set_setting(key, value).map(|()| 0),
        Record::Served { account, at } => ledger.record_served(*account, *at).map(|()| 0),
        Record::SignedIn { account, at } => ledger.record_signed_in(*account, *at).map(|()| 0),
        Record::Probed { account, at } => ledger.record_probe(*account, *at).map(|()| 0),
        Record::ResetsAsked { account, at } => {
            ledger.record_resets_asked(*account, *at).map(|()| 0)
        }
        Record::Snooze { cause, until } => {
            ledger.set_setting(&format!("{SNOOZE}{cause}"), &Value::from(until.0)).map(|()| 0)
        }
        Record::Watches(_)
        | Record::Answers { .. }
        | Record::Forecast(_)
        | Record::Stranded(_)
        | Record::Fall { .. }
        | Record::Notice { .. }
        | Record::NoticeShown { .. } => note(ledger, record),
        Record::RequestEnded { row, status } => ledger.request_ended(*row, *status).map(|()| 0),
        // Written with their addresses, by `record`.
        Record::Request { .. } | Record::Token { .. } | Record::PlanAsked { .. } => Ok(0),
    }
}

/// What is foreseen, told and noted beside the world itself.
fn note(ledger: &mut real::Ledger, record: &Record) -> real::Result<i64> {
    match record {
        Record::Forecast(book) => {
            let value = serde_json::to_value(book).unwrap_or_default();
            ledger.set_setting(FORECAST, &value).map(|()| 0)
        }
        Record::Answers { provider, answers } => {
            let value = serde_json::to_value(answers).unwrap_or_default();
            ledger.set_setting(&format!("{ANSWERS}{}", provider.name()), &value).map(|()| 0)
        }
        Record::Watches(watches) => {
            let value = serde_json::to_value(watches).unwrap_or_default();
            ledger.set_setting(WATCHES, &value).map(|()| 0)
        }
        Record::Stranded(ended) => {
            let row = real::StrandedRow {
                account: ended.account,
                resets_at: ended.resets_at,
                unused: ended.unused,
                foreseen: ended.foreseen,
            };
            ledger.record_stranded(&row).map(|()| 0)
        }
        Record::Fall { account, fall } => ledger.record_fall(*account, fall).map(|()| 0),
        Record::Notice { notice, at } => ledger.put_notice(notice, *at),
        Record::NoticeShown { row, at } => ledger.claim_notice(*row, *at).map(i64::from),
        _ => Ok(0),
    }
}

/// A request for usage on its way out: the hour's budget counts it from now on.
fn ask(
    ledger: &mut real::Ledger,
    (account, at): (AccountId, Utc),
    place: (&str, &str),
) -> real::Result<i64> {
    let before = ledger.usage_requests(account, at.plus_seconds(-HOUR_S))?.len();
    let new = real::NewRequest {
        budget_left: Some(usage_requests_left(before + 1)),
        ..sent(real::RequestKind::Usage, account, place, at)
    };
    ledger.record_request(&new)
}

/// A request as it is written down: neither query nor header nor body.
fn sent<'place>(
    kind: real::RequestKind,
    account: AccountId,
    (host, path): (&'place str, &'place str),
    at: Utc,
) -> real::NewRequest<'place> {
    real::NewRequest {
        at,
        kind,
        account: Some(account),
        host,
        path,
        status: None,
        budget_left: None,
        note: None,
    }
}

fn add_account(
    ledger: &mut real::Ledger,
    provider: Provider,
    identity: &Identity,
    label: &str,
    at: Utc,
) -> real::Result<i64> {
    let new = NewAccount {
        provider,
        key: identity.key.clone(),
        label: label.to_owned(),
        email: identity.email.clone(),
        organization: identity.organization.clone(),
        plan: identity.plan.clone(),
    };
    let added = ledger.add_account(&new, at)?;
    ledger.rename_account(added.id, label)?;
    Ok(added.id.0)
}

fn write_account(ledger: &mut real::Ledger, kept: &KeptAccount) -> real::Result<()> {
    let id = kept.account.id;
    let Some(row) = ledger.account(id)? else { return Err(real::Error::NotFound("account")) };
    if row.label != kept.label {
        ledger.rename_account(id, &kept.label)?;
    }
    if row.enabled != kept.account.enabled {
        ledger.set_enabled(id, kept.account.enabled)?;
    }
    if row.automatic != kept.account.automatic {
        ledger.set_automatic(id, kept.account.automatic)?;
    }
    if row.login != kept.account.login {
        ledger.set_login(id, kept.account.login)?;
    }
    if row.plan != kept.account.plan {
        ledger.set_plan(id, &kept.account.plan)?;
    }
    let Some(known) = kept.kept else { return Ok(()) };
    if known.login_ends_at.is_some() && row.login_ends_at != known.login_ends_at {
        ledger.set_login_end(id, known.login_ends_at)?;
    }
    for (name, instant) in [(ACCESS, known.access_expires_at), (SINCE, known.login_since)] {
        let Some(instant) = instant else { continue };
        let (key, value) = (format!("{name}{}", id.0), Value::from(instant.0));
        if ledger.setting(&key)?.as_ref() != Some(&value) {
            ledger.set_setting(&key, &value)?;
        }
    }
    Ok(())
}

fn observe(ledger: &mut real::Ledger, observation: &Observation) -> real::Result<()> {
    match &observation.fact {
        Fact::Usage(usage) => ledger.record_sample(&Sample {
            account: observation.account,
            at: observation.at,
            source: observation.source,
            usage: usage.clone(),
        }),
        Fact::Verdict(verdict) => {
            ledger.record_verdict(observation.account, *verdict, observation.at)
        }
        Fact::Login(login) => ledger.set_login(observation.account, *login),
        Fact::Plan(plan) => ledger.set_plan(observation.account, plan),
        Fact::Resets(said) => {
            let Observation { account, source, at, .. } = *observation;
            ledger.record_resets(account, said, source, at)
        }
        Fact::Unreachable
        | Fact::Throttled { .. }
        | Fact::LimitHit { .. }
        | Fact::Closed { .. } => Ok(()),
    }
}

fn look_up(ledger: &real::Ledger, query: &Query) -> real::Result<Answer> {
    match query {
        Query::Decisions { limit, before, only } => {
            let query = DecisionQuery {
                limit: *limit,
                before: *before,
                trigger: only.trigger,
                outcome: only.action,
                account: only.account,
                details: true,
                ..DecisionQuery::default()
            };
            let rows = ledger.decisions(&query)?.into_iter().map(decision_view).collect();
            Ok(Answer::Decisions { rows })
        }
        Query::Swaps { limit } => {
            let rows = ledger.swaps(*limit, None)?.into_iter().map(swap_view).collect();
            Ok(Answer::Swaps { rows })
        }
        Query::Stranded { since } => {
            let rows = ledger.stranded(*since)?.into_iter().map(stranded_view).collect();
            Ok(Answer::Stranded { rows })
        }
        // Answered by `query` itself, which lets the database go before the long part.
        Query::Replay { .. } => Err(real::Error::Refused("a replay is no look-up".into())),
        Query::History { account, since } => {
            let fell = ledger.falls(*account, *since)?.iter().map(Into::into).collect();
            let samples = ledger.samples(Some(*account), *since, Utc(i64::MAX))?;
            let used = |window: sluice_engine::Window| window.used.map(Percent::get);
            let rows = samples
                .iter()
                .map(|row| (row.at.millis(), used(row.usage.short()), used(row.usage.long())));
            Ok(Answer::History { rows: rows.collect(), fell, others: other_windows(&samples) })
        }
    }
}

/// The windows beside those of the account as a whole, each over all the readings.
fn other_windows(samples: &[Sample]) -> Vec<OtherHistory> {
    let windows = samples.iter().flat_map(|row| row.usage.windows());
    let others = windows.map(|metered| &metered.kind).filter(|kind| !kind.is_own());
    let kinds: std::collections::BTreeSet<&WindowKind> = others.collect();
    let of = |kind: &WindowKind| OtherHistory {
        kind: kind.clone(),
        used: samples.iter().map(|row| row.usage.window(kind).used.map(Percent::get)).collect(),
    };
    kinds.into_iter().take(MODEL_WINDOWS_MAX).map(of).collect()
}

fn decision_view(row: real::DecisionRow) -> DecisionView {
    DecisionView {
        id: row.id,
        at_ms: row.at.millis(),
        provider: row.provider,
        action: row.outcome,
        trigger: row.trigger,
        active: row.active,
        target: row.target.or(row.best),
        sentence: row.sentence,
        swap: row.swap.map(|swap| swap.0),
        candidates: row.candidates,
    }
}

fn stranded_view(row: real::StrandedRow) -> StrandedView {
    StrandedView {
        account: row.account,
        resets_at_ms: row.resets_at.millis(),
        unused: row.unused,
        p50: row.foreseen.map(|said| said.0),
        p90: row.foreseen.map(|said| said.1),
    }
}

fn swap_view(row: real::SwapRow) -> SwapView {
    SwapView {
        id: row.id.0,
        at_ms: row.swap.at.millis(),
        provider: row.swap.provider,
        from: row.swap.from,
        to: row.swap.to,
        asked_by: row.swap.asked_by,
        decision: row.swap.decision,
        trigger: row.swap.trigger,
        reason: row.swap.reason,
        status: row.status,
        residency_seconds: row.residency_seconds,
        error: row.error,
    }
}
