//! A lane leaves its account: after a failure, before a start on a refused account, or because the
//! person asks. However many ask at once, one generation is left once.

use crate::accounts::{self, AccountRow};
use crate::codec;
use crate::error::{Error, Result};
use crate::failures::{self, FailureReport};
use crate::inflight::USES;
use crate::lanes::{self, LaneRow};
use crate::notices;
use crate::open::Ledger;
use crate::sqlite;
use crate::swaps::{self, Commit, NewSwap, Settled, SwapId};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sluice_engine::breaker::Admit;
use sluice_engine::gates::{self, Shares};
use sluice_engine::herd::Place;
use sluice_engine::limits::FULL_PERCENT;
use sluice_engine::skip::{FailureKind, Out};
use sluice_engine::{
    AccountId, AskedBy, Block, Gates, Generation, LaneId, Login, Refusal, Rules, Trigger, Usage,
    Utc, WindowKind,
};
use sluice_protocol::{Cause, Notice};
use std::time::Duration;

/// A failure older than this is remembered and moves nothing any more.
const LATE_SECONDS: i64 = 600;
/// Lanes that moved this lately are not in the measured use yet.
const MOVED_SECONDS: i64 = 60;
/// Notices that nothing is left are told once in this time.
const EXHAUSTED_SECONDS: i64 = 3_600;

/// How a lane leaves an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Only the pointer moves: check, choice, compare-and-set and settlement are one transaction.
    Pointer,
    /// A credential has to be placed: the intent is journalled and the caller carries it out.
    Placing,
}

/// What was made of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Verdict {
    /// The lane points at another account.
    Swapped {
        /// The row of the journal.
        swap: SwapId,
        /// The account that left; `None` when the lane had none.
        from: Option<AccountId>,
        /// The account that came.
        to: AccountId,
        /// The lane's new generation.
        generation: Generation,
    },
    /// The intent to place another account is journalled; the caller has to carry it out.
    Ordered {
        /// The row of the journal.
        swap: SwapId,
        /// The account that is to leave.
        from: AccountId,
        /// The account that is to come.
        to: AccountId,
    },
    /// The lane had moved on before; nothing was chosen.
    Stale {
        /// The account active now.
        current: Option<AccountId>,
        /// The lane's generation now.
        generation: Generation,
        /// The active account is not known to be walled: a retry is worth it.
        retry_advised: bool,
    },
    /// A swap of this lane is being carried out.
    UnderWay {
        /// The row of the journal.
        swap: SwapId,
    },
    /// Nobody can take the lane; it stays where it is.
    NoAlternative {
        /// The earliest time somebody is expected to have room.
        earliest: Option<Utc>,
    },
    /// Automatic swaps are off for this lane; the failure is remembered.
    Disabled,
    /// It cannot be said which account failed, or in which lane.
    Unattributed,
    /// Told too long after the fact; remembered only.
    Late,
}

/// What a choice is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The lane that leaves.
    pub lane: LaneRow,
    /// The instant of the choice.
    pub now: Utc,
    /// Who could take it.
    pub places: Vec<Place>,
    /// The earliest time one of the others is expected back.
    pub earliest: Option<Utc>,
}

/// How a choice is made; [`sluice_engine::herd::choose`] over the places is the usual one. An
/// account that is not among the places is not accepted.
pub type Choose<'a> = &'a mut dyn FnMut(&Field) -> Option<AccountId>;

/// The usual choice.
pub fn by_headroom(field: &Field) -> Option<AccountId> {
    sluice_engine::herd::choose(&field.places)
}

/// Why a lane is to be left.
struct Leave<'a> {
    lane: LaneId,
    from: AccountId,
    generation: Option<Generation>,
    style: Style,
    asked_by: AskedBy,
    trigger: Trigger,
    reason: &'a str,
    now: Utc,
}

impl Ledger {
    /// Takes in a failure: remembers it, then moves the lane if it is still the one the failure was
    /// launched in. `wait` bounds the wait for another hand in the same lane.
    pub fn report_failure(
        &mut self,
        report: &FailureReport,
        style: Style,
        now: Utc,
        wait: Duration,
        choose: Choose<'_>,
    ) -> Result<Verdict> {
        let tx = sqlite::begin(&mut self.history)?;
        failures::record(&tx, report, now)?;
        tx.commit()?;
        let verdict = self.judge(report, style, now, wait, choose)?;
        self.history
            .prepare_cached(
                "UPDATE failures SET verdict = ?2 WHERE dedupe = ?1 AND verdict IS NULL",
            )?
            .execute(params![report.dedupe, codec::json(&verdict)])?;
        Ok(verdict)
    }

    fn judge(
        &mut self,
        report: &FailureReport,
        style: Style,
        now: Utc,
        wait: Duration,
        choose: Choose<'_>,
    ) -> Result<Verdict> {
        let Some(lane) = report.lane.filter(|_| !report.shadowed) else {
            return Ok(Verdict::Unattributed);
        };
        let before = self.lane(lane)?.ok_or(Error::NotFound("lane"))?;
        if !before.automatic || before.lane.gates.off {
            return Ok(Verdict::Disabled);
        }
        let leave = Leave {
            lane,
            from: report.account,
            generation: report.generation,
            style,
            asked_by: AskedBy::Report,
            trigger: Trigger::FailureReported,
            reason: match report.kind {
                FailureKind::RateLimit => "it reported that its limit is reached",
                FailureKind::Billing => "it reported that its plan does not pay for more",
                FailureKind::Auth => "its login was refused",
            },
            now,
        };
        // Generations only grow, so what is stale without the lock is stale with it.
        if let Some(stale) = stale(&self.history, &before, &leave)? {
            return Ok(stale);
        }
        if report.late || now.seconds_since(report.failed_at) > LATE_SECONDS as f64 {
            return Ok(Verdict::Late);
        }
        self.leave(&leave, wait, choose)
    }

    /// Leaves a walled account before a start. `None` when the active account is not known to be
    /// walled, or the lane may not be moved.
    pub fn leave_walled(
        &mut self,
        lane: LaneId,
        style: Style,
        now: Utc,
        wait: Duration,
        choose: Choose<'_>,
    ) -> Result<Option<Verdict>> {
        let found = self.lane(lane)?.ok_or(Error::NotFound("lane"))?;
        let Some(active) = found.lane.active else { return Ok(None) };
        let model = found.lane.model.as_deref();
        let out = failures::skip(&self.history, active)?.and_then(|skip| skip.out(now, model));
        let blocked = usage(&self.history, active)?.and_then(|known| known.blocked(now));
        if out.is_none() && blocked.is_none() || !found.automatic || found.lane.gates.off {
            return Ok(None);
        }
        let leave = Leave {
            lane,
            from: active,
            generation: Some(found.lane.generation),
            style,
            asked_by: AskedBy::Driver,
            trigger: Trigger::FailureReported,
            reason: blocked.map_or("it refused work before and has not recovered", Block::words),
            now,
        };
        self.leave(&leave, wait, choose).map(Some)
    }

    /// Whom the lane would go to now, had it to leave; nothing is changed.
    pub fn best_for(
        &mut self,
        lane: LaneId,
        now: Utc,
        choose: Choose<'_>,
    ) -> Result<Option<AccountId>> {
        let tx = sqlite::begin(&mut self.history)?;
        let found = lanes::find(&tx, lane)?.ok_or(Error::NotFound("lane"))?;
        let field = field(&tx, found, Style::Pointer, now)?;
        Ok(choose(&field).filter(|to| field.places.iter().any(|place| place.account == *to)))
    }

    /// Points a lane at an account by the person's wish, if it still has this generation.
    pub fn point_lane(
        &mut self,
        lane: LaneId,
        to: AccountId,
        expected: Generation,
        now: Utc,
        wait: Duration,
    ) -> Result<Verdict> {
        let _guard = self.lock_lane(lane, wait)?;
        let tx = self.begin()?;
        let found = lanes::find(&tx, lane)?.ok_or(Error::NotFound("lane"))?;
        let (active, generation) = (found.lane.active, found.lane.generation);
        if generation != expected || active == Some(to) {
            return Ok(Verdict::Stale { current: active, generation, retry_advised: true });
        }
        let new = NewSwap {
            at: now,
            lane,
            generation,
            provider: found.lane.provider,
            from: active,
            to,
            asked_by: AskedBy::Person,
            trigger: Trigger::Manual,
            reason: "the person chose it".into(),
            decision: None,
            usage_from: active.map(|id| usage(&tx, id)).transpose()?.flatten(),
            usage_to: usage(&tx, to)?,
            intent: serde_json::Value::Null,
        };
        let swap = swaps::insert(&tx, &new)?;
        let gates = Gates { last_target: Some(to), ..found.lane.gates };
        let settled = settle(&tx, swap, &gates, now)?;
        activity(&tx, now, "lane_pointed", &json!({ "lane": lane, "to": to, "swap": swap }))?;
        tx.commit()?;
        self.keep();
        Ok(match settled {
            Settled::Committed { lane, .. } => {
                Verdict::Swapped { swap, from: active, to, generation: lane.generation }
            }
            Settled::Stale { active, generation } => {
                Verdict::Stale { current: active, generation, retry_advised: true }
            }
        })
    }

    /// The one place where a lane is left: lock, re-read, choose, commit.
    fn leave(&mut self, leave: &Leave<'_>, wait: Duration, choose: Choose<'_>) -> Result<Verdict> {
        let _guard = self.lock_lane(leave.lane, wait)?;
        let tx = self.begin()?;
        let found = lanes::find(&tx, leave.lane)?.ok_or(Error::NotFound("lane"))?;
        // The stale guard. Without it a third account would be burnt: see tests/lanes/guard.rs.
        if let Some(stale) = stale(&tx, &found, leave)? {
            return Ok(stale);
        }
        if let Some(swap) = pending(&tx, leave.lane)? {
            return Ok(Verdict::UnderWay { swap });
        }
        let field = field(&tx, found, leave.style, leave.now)?;
        let chosen =
            choose(&field).filter(|to| field.places.iter().any(|place| place.account == *to));
        let verdict = match chosen {
            None => {
                exhausted(&tx, &field)?;
                Verdict::NoAlternative { earliest: field.earliest }
            }
            Some(to) => go(&tx, &field, leave, to)?,
        };
        tx.commit()?;
        if matches!(verdict, Verdict::Swapped { .. }) {
            self.keep();
        }
        Ok(verdict)
    }
}

/// The lane moved on since the launch, or a failure of unknown generation is too close to a swap.
fn stale(connection: &Connection, lane: &LaneRow, leave: &Leave<'_>) -> Result<Option<Verdict>> {
    let current = lane.lane.active;
    let moved = current != Some(leave.from)
        || match leave.generation {
            Some(launched) => launched != lane.lane.generation,
            None => !lane.settled(leave.now),
        };
    if !moved {
        return Ok(None);
    }
    let model = lane.lane.model.as_deref();
    let retry_advised = match current {
        None => false,
        Some(id) => {
            failures::skip(connection, id)?.is_none_or(|skip| skip.out(leave.now, model).is_none())
        }
    };
    Ok(Some(Verdict::Stale { current, generation: lane.lane.generation, retry_advised }))
}

fn pending(tx: &Connection, lane: LaneId) -> Result<Option<SwapId>> {
    let mut statement =
        tx.prepare_cached("SELECT id FROM swaps WHERE lane = ?1 AND status = 'pending'")?;
    Ok(statement.query_row([lane.0], |row| row.get(0).map(SwapId)).optional()?)
}

/// Everybody who could take the lane now, and when the first of the others is expected back.
fn field(tx: &Connection, lane: LaneRow, style: Style, now: Utc) -> Result<Field> {
    let model = lane.lane.model.clone();
    let (mut places, mut earliest) = (Vec::new(), None);
    let mut expect = |at: Option<Utc>| {
        if let Some(at) = at.filter(|at| *at > now) {
            earliest = Some(earliest.map_or(at, |known: Utc| known.min(at)));
        }
    };
    for row in accounts::kept(tx, lane.lane.provider)? {
        let signed_in = match row.login {
            Login::Valid | Login::Unverified => true,
            // A seat of its own has its own login; what is kept in the vault is another matter.
            Login::Missing => style == Style::Pointer,
            Login::NeedsSignIn => false,
        };
        if !row.enabled || !row.automatic || !signed_in {
            continue;
        }
        let skip = failures::skip(tx, row.id)?;
        let out = skip.and_then(|skip| skip.out(now, model.as_deref()));
        if let Some(out) = out {
            expect(match out {
                Out::Until(at) => Some(at),
                Out::UntilSignIn => None,
            });
            continue;
        }
        if Some(row.id) == lane.lane.active {
            continue;
        }
        if let Admit::Wait { until } = failures::breaker(tx, row.id)?.admit(now) {
            expect(Some(until));
            continue;
        }
        let known = usage(tx, row.id)?.unwrap_or_default();
        if gates::barred(&known, Shares::read(&known, now), &Rules::default(), now)
            != Refusal::Eligible
        {
            expect(known.blocked_until());
            continue;
        }
        let place = place(tx, &known, &row, now)?;
        if place.used.is_some_and(|used| used >= FULL_PERCENT) {
            expect(place.resets_at);
            continue;
        }
        places.push(place);
    }
    Ok(Field { lane, now, places, earliest })
}

fn place(tx: &Connection, usage: &Usage, row: &AccountRow, now: Utc) -> Result<Place> {
    let account = row.id;
    let fuller = WindowKind::ACCOUNT_WIDE
        .iter()
        .filter_map(|kind| {
            let used = usage.shown(kind, now).used?.get();
            Some((used, usage.window(kind).resets_at.filter(|reset| *reset > now)))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let lately = now.plus_seconds(-MOVED_SECONDS).0;
    let moved: u32 = tx
        .prepare_cached(
            "SELECT count(*) FROM swaps
             WHERE to_account = ?1 AND status <> 'failed' AND at > ?2",
        )?
        .query_row(params![account.0, lately], |row| row.get(0))?;
    let load: u32 = tx
        .prepare_cached(&format!(
            "SELECT (SELECT count(*) FROM lanes WHERE active = ?1)
                  + (SELECT count(*) FROM executions
                     WHERE ({USES}) = ?1 AND state IN ('starting', 'running'))"
        ))?
        .query_row([account.0], |row| row.get(0))?;
    Ok(Place {
        account,
        used: fuller.map(|(used, _)| used),
        moved,
        load,
        resets_at: fuller.and_then(|(_, reset)| reset),
        position: row.position,
    })
}

fn usage(tx: &Connection, account: AccountId) -> Result<Option<Usage>> {
    let mut statement = tx.prepare_cached("SELECT usage FROM standing WHERE account = ?1")?;
    Ok(statement.query_row([account.0], |row| codec::from_json(row, "usage")).optional()?)
}

fn settle(tx: &Connection, swap: SwapId, gates: &Gates, at: Utc) -> Result<Settled> {
    swaps::settle_in(tx, &Commit { swap, gates: Some(gates), protect_s: None, at })
}

/// Journals the swap and, in style pointer, settles it in the same transaction together with its
/// one activity row and its one notice.
fn go(tx: &Connection, field: &Field, leave: &Leave<'_>, to: AccountId) -> Result<Verdict> {
    let lane = &field.lane.lane;
    let label = |id: AccountId| -> Result<String> {
        let found: Option<String> = tx
            .prepare_cached("SELECT label FROM accounts WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0))
            .optional()?;
        Ok(found.unwrap_or_else(|| format!("account {}", id.0)))
    };
    let (old, new) = (label(leave.from)?, label(to)?);
    let swap = swaps::insert(
        tx,
        &NewSwap {
            at: leave.now,
            lane: leave.lane,
            generation: lane.generation,
            provider: lane.provider,
            from: Some(leave.from),
            to,
            asked_by: leave.asked_by,
            trigger: leave.trigger,
            reason: format!("{old} was left because {}.", leave.reason),
            decision: None,
            usage_from: usage(tx, leave.from)?,
            usage_to: usage(tx, to)?,
            intent: serde_json::Value::Null,
        },
    )?;
    let content = json!({ "lane": leave.lane, "from": leave.from, "to": to, "swap": swap });
    activity(tx, leave.now, "lane_left_account", &content)?;
    if leave.style == Style::Placing {
        return Ok(Verdict::Ordered { swap, from: leave.from, to });
    }
    let gates = Gates { last_target: Some(to), ..lane.gates.clone() };
    let Settled::Committed { lane: moved, .. } = settle(tx, swap, &gates, leave.now)? else {
        return Err(Error::Refused("the lane changed inside its own transaction".into()));
    };
    let notice = Notice::new(
        Cause::Moved(swap.0),
        format!("{new} is live in {}", field.lane.name),
        format!("{old} was left because {}.", leave.reason),
    );
    notices::put_in(tx, &notice, leave.now)?;
    Ok(Verdict::Swapped { swap, from: Some(leave.from), to, generation: moved.generation })
}

/// Nobody is left: said once an hour, however many lanes ask.
fn exhausted(tx: &Connection, field: &Field) -> Result<()> {
    let cause = Cause::NoAlternative(field.lane.lane.provider);
    let last: Option<i64> = tx
        .prepare_cached("SELECT max(at) FROM outbox WHERE cause = ?1")?
        .query_row([cause.to_string()], |row| row.get(0))?;
    if last.is_some_and(|last| field.now < Utc(last).plus_seconds(EXHAUSTED_SECONDS)) {
        return Ok(());
    }
    let body = "Every other account is full, signed out or switched off. Nothing was changed.";
    let notice = Notice::new(cause, "No account has room", body);
    notices::put_in(tx, &notice, field.now)?;
    Ok(())
}

fn activity(tx: &Connection, at: Utc, kind: &str, content: &serde_json::Value) -> Result<()> {
    tx.prepare_cached("INSERT INTO activity (at, kind, content) VALUES (?1, ?2, ?3)")?
        .execute(params![at.0, kind, codec::json(content)])?;
    Ok(())
}

/// A row of the activity log.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityRow {
    /// Row id.
    pub id: i64,
    /// The instant it happened.
    pub at: Utc,
    /// What kind.
    pub kind: String,
    /// The details, as JSON.
    pub content: serde_json::Value,
}

impl Ledger {
    /// Writes a row of the activity log.
    pub fn record_activity(
        &mut self,
        at: Utc,
        kind: &str,
        content: &serde_json::Value,
    ) -> Result<()> {
        activity(&self.history, at, kind, content)
    }

    /// The activity log since then, oldest first.
    pub fn activity(&self, since: Utc, limit: u32) -> Result<Vec<ActivityRow>> {
        let mut statement = self
            .history
            .prepare_cached("SELECT * FROM activity WHERE at >= ?1 ORDER BY at, id LIMIT ?2")?;
        let rows = statement
            .query_map(params![since.0, limit], |row| {
                Ok(ActivityRow {
                    id: row.get("id")?,
                    at: codec::utc(row, "at")?,
                    kind: row.get("kind")?,
                    content: codec::from_json(row, "content")?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}
