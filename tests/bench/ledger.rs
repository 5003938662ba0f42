//! The database: a decision written, the log asked, a year of twelve accounts, a reconcile.

use super::{Row, Unit, timed};
use serde_json::Value;
use sluice_engine::observation::Source;
use sluice_engine::{
    AccountId, Action, Candidate, Decision, Generation, LaneId, Percent, Provider, Refusal,
    Trigger, Usage, Utc, Window,
};
use sluice_ledger::{
    DecisionQuery, Kernel, Ledger, NewDecision, NewRequest, Processes as _, RequestKind, Retention,
    Sample,
};
use sluice_protocol::DecisionAction;
use std::path::Path;
use std::time::Instant;

const T0: Utc = Utc::from_seconds(1_790_000_000);
const ACCOUNTS: i64 = 12;
const LOG_ROWS: i64 = 1_000_000;

/// Every figure of the ledger. `days` is the length of the simulated year.
///
/// # Errors
/// What the database says.
pub fn rows(days: i64) -> sluice_ledger::Result<Vec<Row>> {
    let home =
        tempfile::tempdir().map_err(|error| sluice_ledger::Error::Refused(error.to_string()))?;
    let mut rows = Vec::new();
    let path = home.path().join("log").join("sluice.db");
    let mut ledger = Ledger::open(&path)?.ledger;
    fill_log(&path)?;
    rows.push(writes(&mut ledger)?);
    rows.extend(queries(&ledger)?);
    let path = home.path().join("runs").join("sluice.db");
    let mut ledger = Ledger::open(&path)?.ledger;
    rows.push(reconcile(&mut ledger, &path)?);
    rows.extend(year(&home.path().join("year").join("sluice.db"), days)?);
    Ok(rows)
}

fn decision(at: Utc, trigger: Trigger, active: i64) -> Decision {
    Decision {
        at,
        lane: LaneId(1),
        generation: Generation(7),
        active: Some(AccountId(active)),
        action: if trigger == Trigger::Tick {
            Action::Stay
        } else {
            Action::Swap { to: AccountId(active % ACCOUNTS + 1) }
        },
        trigger,
        reason: String::new(),
        best: Some(AccountId(active % ACCOUNTS + 1)),
        candidates: (1..=ACCOUNTS)
            .map(|id| Candidate {
                account: AccountId(id),
                tier: (id % 5) as u8,
                target: Some(83.333_333_333_333_33),
                deficit: Some(12.345_678_912_345 + id as f64),
                stranding: Some(3.333_333_333_333_333 * id as f64),
                value: None,
                refusal: Refusal::NotBehind,
            })
            .collect(),
    }
}

fn record(
    ledger: &mut Ledger,
    decision: &Decision,
    provider: Provider,
    world: Option<&str>,
) -> sluice_ledger::Result<()> {
    let outcome = match decision.action {
        Action::Stay => DecisionAction::Stay,
        Action::Swap { .. } => DecisionAction::Swap,
    };
    ledger.record_decision(&NewDecision {
        decision,
        provider,
        outcome,
        sentence: "Work stays live: it is behind its target by 12.3 points and nothing more \
                   urgent waits.",
        reason: &Value::Null,
        digest: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        world,
    })?;
    Ok(())
}

/// A million rows, written by SQL: how they came there is not measured here.
fn fill_log(path: &Path) -> sluice_ledger::Result<()> {
    let raw = rusqlite::Connection::open(path)?;
    raw.execute_batch(&format!(
        "PRAGMA synchronous = OFF; BEGIN;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LOG_ROWS})
         INSERT INTO decisions (at, provider, lane, generation, trigger, action, active, target,
             best, sentence, digest)
         SELECT {} + i * 60000000, CASE i % 2 WHEN 0 THEN 'claude' ELSE 'codex' END, 1, i / 500,
             CASE WHEN i % 500 = 0 THEN 'tier_drained' WHEN i % 97 = 0 THEN 'residency_blocked'
                  ELSE 'tick' END,
             CASE WHEN i % 500 = 0 THEN 'swap' ELSE 'stay' END,
             CASE WHEN i < 20 THEN 99 ELSE i % 12 + 1 END,
             CASE WHEN i % 500 = 0 THEN (i / 500) % 12 + 1 END, (i / 7) % 12 + 1,
             'Work stays live: it is behind its target and nothing more urgent waits.',
             '0123456789abcdef0123456789abcdef'
         FROM n;
         INSERT INTO decision_details (decision, reason, candidates)
         SELECT id, 'null', '[]' FROM decisions; COMMIT;",
        T0.0
    ))?;
    Ok(())
}

fn writes(ledger: &mut Ledger) -> sluice_ledger::Result<Row> {
    let start = T0.plus_seconds(LOG_ROWS * 60);
    let mut failed = Ok(());
    let text = world(start);
    let taken = timed(5_000, |n| {
        let made = decision(start.plus_seconds(n as i64), Trigger::Tick, 3);
        if let Err(error) = record(ledger, &made, Provider::Claude, Some(&text)) {
            failed = Err(error);
        }
    });
    failed.map(|()| Row::times("ledger.decision_write", taken))
}

fn queries(ledger: &Ledger) -> sluice_ledger::Result<Vec<Row>> {
    let page = DecisionQuery { limit: 50, details: true, ..DecisionQuery::default() };
    let middle = T0.plus_seconds(LOG_ROWS * 30);
    let kinds = [
        ("newest", page.clone()),
        ("older_page", DecisionQuery { before: Some(LOG_ROWS / 2), ..page.clone() }),
        ("trigger", DecisionQuery { trigger: Some(Trigger::TierDrained), ..page.clone() }),
        (
            "provider_and_action",
            DecisionQuery {
                provider: Some(Provider::Claude),
                outcome: Some(DecisionAction::Swap),
                ..page.clone()
            },
        ),
        ("account", DecisionQuery { account: Some(AccountId(5)), ..page.clone() }),
        ("rare_account", DecisionQuery { account: Some(AccountId(99)), ..page.clone() }),
        (
            "day",
            DecisionQuery {
                since: Some(middle),
                until: Some(middle.plus_seconds(86_400)),
                ..page.clone()
            },
        ),
        (
            "trigger_in_a_day",
            DecisionQuery {
                trigger: Some(Trigger::ResidencyBlocked),
                since: Some(middle),
                until: Some(middle.plus_seconds(86_400)),
                ..page
            },
        ),
    ];
    let mut rows = Vec::new();
    for (name, query) in kinds {
        let mut failed = Ok(());
        let taken = timed(300, |n| {
            let query = DecisionQuery {
                before: query.before.map(|before| before - n as i64 * 50),
                ..query.clone()
            };
            match ledger.decisions(&query) {
                Ok(found) => assert!(!found.is_empty(), "{name}"),
                Err(error) => failed = Err(error),
            }
        });
        failed?;
        rows.push(Row::times(&format!("ledger.log_1m.{name}"), taken));
    }
    Ok(rows)
}

fn reconcile(ledger: &mut Ledger, path: &Path) -> sluice_ledger::Result<Row> {
    let Some(kernel) = Kernel::here() else {
        return Err(sluice_ledger::Error::Refused("no process table here".into()));
    };
    let machine = kernel.machine().clone();
    let raw = rusqlite::Connection::open(path)?;
    let mut taken = Vec::new();
    for round in 0..5 {
        raw.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             INSERT INTO executions (id, provider, source, program, state, host, boot, namespace,
                 wrapper_pid, wrapper_start, child_pid, child_start, started_at)
             SELECT ?1 || '-' || i, 'claude', 'wrapper', 'claude', 'running', ?2, ?3, ?4,
                 4000000 + i, 7, 5000000 + i, 7, ?5 FROM n",
            rusqlite::params![
                round,
                machine.host,
                machine.boot,
                machine.namespace.map(u64::cast_signed),
                T0.0
            ],
        )?;
        let begun = Instant::now();
        let pass = ledger.reconcile(&kernel, T0.plus_seconds(3_600), true)?;
        taken.push(begun.elapsed());
        assert_eq!(pass.actions.len(), 10_000);
    }
    Ok(Row::times("ledger.reconcile_10k", taken))
}

/// Bytes of a recorded world of twelve accounts after some weeks (37,000 were seen under the plan,
/// 16,000 under the tiers).
const WORLD: usize = 40_000;
/// Minutes between two readings of an account: its whole budget.
const READS_MIN: i64 = 3;
/// Minutes between two decisions of a lane; under the plan the driver makes 330 a day, under the
/// tiers 470 with worlds of less than half the size.
const DECIDES_MIN: i64 = 4;

/// Twelve accounts read twenty times an hour, two lanes deciding 360 times a day with their worlds
/// (`core::tests::rows` holds the driver to no more bytes than that), let go each night.
fn year(path: &Path, days: i64) -> sluice_ledger::Result<Vec<Row>> {
    let mut ledger = Ledger::open(path)?.ledger;
    let keep = Retention::default();
    let (mut largest, mut pruning) = (0_u64, Vec::new());
    for day in 0..days {
        let midnight = T0.plus_seconds(day * 86_400);
        for minute in 0..1_440 {
            let now = midnight.plus_seconds(minute * 60);
            if minute % READS_MIN == 0 {
                read_all(&mut ledger, now, day, minute)?;
            }
            if minute % DECIDES_MIN == 0 {
                decide_all(&mut ledger, now, minute)?;
            }
        }
        largest = largest.max(ledger.bytes_in_use()?);
        loop {
            let begun = Instant::now();
            let pruned = ledger.prune(midnight.plus_seconds(86_400), &keep, 500)?;
            pruning.push(begun.elapsed());
            if !pruned.more {
                break;
            }
        }
    }
    let file = std::fs::metadata(path).map_or(0, |found| found.len());
    Ok(vec![
        Row::single("ledger.year_12_accounts.in_use", Unit::Megabytes, largest as f64 / 1e6),
        Row::single("ledger.year_12_accounts.file", Unit::Megabytes, file as f64 / 1e6),
        Row::times("ledger.prune_batch_500", pruning),
    ])
}

fn read_all(ledger: &mut Ledger, now: Utc, day: i64, minute: i64) -> sluice_ledger::Result<()> {
    for account in 1..=ACCOUNTS {
        let used = Percent::new((minute + account) as f64 / 15.0 % 100.0);
        let window = Window { used, resets_at: Some(now.plus_seconds(9_000)) };
        let week = Window { used, resets_at: Some(T0.plus_seconds((day / 7 + 1) * 604_800)) };
        let usage = Usage::of(window, week);
        let (account, source) = (AccountId(account), Source::Endpoint);
        ledger.record_sample(&Sample { account, at: now, source, usage })?;
        ledger.record_request(&NewRequest {
            at: now,
            kind: RequestKind::Usage,
            account: Some(account),
            host: "api.example.test",
            path: "/api/oauth/usage",
            status: Some(200),
            budget_left: Some(7),
            note: None,
        })?;
    }
    Ok(())
}

fn decide_all(ledger: &mut Ledger, now: Utc, minute: i64) -> sluice_ledger::Result<()> {
    for provider in Provider::ALL {
        let trigger = match minute / DECIDES_MIN % 97 {
            0 => Trigger::TierDrained,
            1..=3 => Trigger::ResidencyBlocked,
            _ => Trigger::Tick,
        };
        let world = world(now);
        record(ledger, &decision(now, trigger, minute % ACCOUNTS + 1), provider, Some(&world))?;
    }
    Ok(())
}

/// A text of the length of a world, no two alike.
fn world(now: Utc) -> String {
    let piece = format!("{{\"account\":{},\"used\":12.345}},", now.0);
    piece.repeat(WORLD / piece.len())
}
