//! The decision log: one row per decision, also for the decision to stay.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use crate::sqlite;
use crate::swaps::SwapId;
use rusqlite::types::Value as Sql;
use rusqlite::{OptionalExtension, Row, params, params_from_iter};
use serde_json::Value;
use sluice_engine::{
    AccountId, Action, Candidate, Decision, Generation, LaneId, Provider, Trigger, Utc,
};
use sluice_protocol::DecisionAction;

/// A decision to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDecision<'a> {
    /// The engine's answer.
    pub decision: &'a Decision,
    /// Whose seat.
    pub provider: Provider,
    /// What was made of it.
    pub outcome: DecisionAction,
    /// The decision in a sentence.
    pub sentence: &'a str,
    /// The reason as structured data.
    pub reason: &'a Value,
    /// Digest of the world it was made in.
    pub digest: &'a str,
    /// That world, where it is kept for replay.
    pub world: Option<&'a str>,
}

/// A decision as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    /// Row id; grows with time.
    pub id: i64,
    /// The instant it was made.
    pub at: Utc,
    /// Whose seat.
    pub provider: Provider,
    /// Which lane.
    pub lane: LaneId,
    /// Of which generation.
    pub generation: Generation,
    /// The branch.
    pub trigger: Trigger,
    /// What was made of it.
    pub outcome: DecisionAction,
    /// Who was active.
    pub active: Option<AccountId>,
    /// Who was chosen.
    pub target: Option<AccountId>,
    /// The best candidate, chosen or not.
    pub best: Option<AccountId>,
    /// In a sentence.
    pub sentence: String,
    /// The swap that followed, whatever came of it.
    pub swap: Option<SwapId>,
    /// Digest of the world.
    pub digest: String,
    /// The reason as structured data; `None` once the details have been let go.
    pub reason: Option<Value>,
    /// Every candidate; empty once the details have been let go.
    pub candidates: Vec<Candidate>,
    /// The world, where it was kept. Filled by [`Ledger::decision`] only.
    pub world: Option<String>,
}

/// Which decisions to list. Every field that is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionQuery {
    /// Whose seat.
    pub provider: Option<Provider>,
    /// The branch.
    pub trigger: Option<Trigger>,
    /// What was made of it.
    pub outcome: Option<DecisionAction>,
    /// Who was active or chosen.
    pub account: Option<AccountId>,
    /// Not before.
    pub since: Option<Utc>,
    /// Only decisions before this instant.
    pub until: Option<Utc>,
    /// Only rows older than this one.
    pub before: Option<i64>,
    /// Only rows newer than this one (to follow the log).
    pub after: Option<i64>,
    /// At most this many.
    pub limit: u32,
    /// Also the details (reason and candidates).
    pub details: bool,
}

impl DecisionQuery {
    fn sql(&self) -> (String, Vec<Sql>) {
        let (conditions, mut values) = self.conditions();
        values.push(Sql::Integer(i64::from(self.limit)));
        let limit = values.len();
        let page = format!("{conditions} ORDER BY d.id DESC LIMIT ?{limit}");
        let ids = match self.account {
            None => format!("SELECT d.id FROM decisions d WHERE 1{page}"),
            // Two walks that each end after a page, instead of one through every row.
            Some(account) => {
                values.push(Sql::Integer(account.0));
                let n = values.len();
                format!(
                    "SELECT id FROM (SELECT d.id FROM decisions d WHERE d.active = ?{n}{page})
                     UNION
                     SELECT id FROM (SELECT d.id FROM decisions d WHERE d.target = ?{n}{page})"
                )
            }
        };
        let (columns, details) = if self.details {
            ("x.reason, x.candidates", "LEFT JOIN decision_details x ON x.decision = d.id")
        } else {
            ("NULL AS reason, NULL AS candidates", "")
        };
        let sql = format!(
            "SELECT d.*, {SWAP}, {columns} FROM decisions d {details} WHERE d.id IN ({ids})
             ORDER BY d.id DESC LIMIT ?{limit}"
        );
        (sql, values)
    }

    /// Every restriction but the account, as ` AND …` with its values.
    fn conditions(&self) -> (String, Vec<Sql>) {
        let (mut sql, mut values) = (String::new(), Vec::new());
        let mut bind = |clause: &str, value: Sql| {
            values.push(value);
            sql.push_str(&clause.replace('?', &format!("?{}", values.len())));
        };
        if let Some(provider) = self.provider {
            bind(" AND d.provider = ?", Sql::Text(provider.name().to_owned()));
        }
        if let Some(trigger) = self.trigger {
            bind(" AND d.trigger = ?", Sql::Text(trigger.name().to_owned()));
        }
        if let Some(outcome) = self.outcome {
            bind(" AND d.action = ?", Sql::Text(outcome.name().to_owned()));
        }
        // Ids grow with time, so a bound on time is turned into one on ids, which every index ends
        // in; otherwise the planner would have to choose between the two orders.
        if let Some(since) = self.since {
            bind(
                " AND d.id >= (SELECT coalesce(min(id), 0x7fffffffffffffff) FROM
                     (SELECT id FROM decisions WHERE at >= ? ORDER BY at LIMIT 1))",
                Sql::Integer(since.0),
            );
            bind(" AND d.at >= ?", Sql::Integer(since.0));
        }
        if let Some(until) = self.until {
            bind(
                " AND d.id <= (SELECT coalesce(max(id), 0) FROM
                     (SELECT id FROM decisions WHERE at < ? ORDER BY at DESC LIMIT 1))",
                Sql::Integer(until.0),
            );
            bind(" AND d.at < ?", Sql::Integer(until.0));
        }
        if let Some(before) = self.before {
            bind(" AND d.id < ?", Sql::Integer(before));
        }
        if let Some(after) = self.after {
            bind(" AND d.id > ?", Sql::Integer(after));
        }
        (sql, values)
    }
}

/// The swap of a decision `d`, as a column.
const SWAP: &str = "(SELECT max(s.id) FROM swaps s WHERE s.decision = d.id) AS swap";

fn read(row: &Row<'_>) -> rusqlite::Result<DecisionRow> {
    Ok(DecisionRow {
        id: row.get("id")?,
        at: codec::utc(row, "at")?,
        provider: codec::provider(row, "provider")?,
        lane: codec::lane(row, "lane")?,
        generation: codec::generation(row, "generation")?,
        trigger: codec::word(row, "trigger")?,
        outcome: codec::word(row, "action")?,
        active: codec::account_opt(row, "active")?,
        target: codec::account_opt(row, "target")?,
        best: codec::account_opt(row, "best")?,
        sentence: row.get("sentence")?,
        swap: row.get::<_, Option<i64>>("swap")?.map(SwapId),
        digest: row.get("digest")?,
        reason: codec::from_json_opt(row, "reason")?,
        candidates: codec::from_json_opt(row, "candidates")?.unwrap_or_default(),
        world: None,
    })
}

impl Ledger {
    /// Records a decision and returns its row id.
    pub fn record_decision(&mut self, new: &NewDecision<'_>) -> Result<i64> {
        let decision = new.decision;
        let target = match decision.action {
            Action::Stay => None,
            Action::Swap { to } => Some(to.0),
        };
        let tx = sqlite::begin(&mut self.history)?;
        tx.prepare_cached(
            "INSERT INTO decisions (at, provider, lane, generation, trigger, action, active, target,
                 best, sentence, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            decision.at.0,
            new.provider.name(),
            decision.lane.0,
            codec::stored(decision.generation),
            decision.trigger.name(),
            new.outcome.name(),
            decision.active.map(|id| id.0),
            target,
            decision.best.map(|id| id.0),
            new.sentence,
            new.digest,
        ])?;
        let id = tx.last_insert_rowid();
        tx.prepare_cached(
            "INSERT INTO decision_details (decision, reason, candidates, world)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            id,
            codec::json(new.reason),
            codec::json(&decision.candidates),
            new.world
        ])?;
        tx.commit()?;
        self.fold.committed();
        Ok(id)
    }

    /// Decisions, newest first.
    pub fn decisions(&self, query: &DecisionQuery) -> Result<Vec<DecisionRow>> {
        let (sql, values) = query.sql();
        let mut statement = self.history.prepare_cached(&sql)?;
        let rows = statement
            .query_map(params_from_iter(values), read)?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// One decision with its details and, where it was kept, its world.
    pub fn decision(&self, id: i64) -> Result<Option<DecisionRow>> {
        let mut statement = self.history.prepare_cached(&format!(
            "SELECT d.*, {SWAP}, x.reason, x.candidates, x.world FROM decisions d
             LEFT JOIN decision_details x ON x.decision = d.id WHERE d.id = ?1",
        ))?;
        Ok(statement
            .query_row([id], |row| {
                let mut found = read(row)?;
                found.world = row.get("world")?;
                Ok(found)
            })
            .optional()?)
    }
}
