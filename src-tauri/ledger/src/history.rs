//! Usage over time, and the last whole reading of each account.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use crate::sqlite;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sluice_engine::observation::Source;
use sluice_engine::{
    AccountId, Amounts, Credits, Percent, Usage, Utc, Verdict, Window, WindowKind,
};

/// Microseconds of an hour.
const HOUR_US: i64 = 3_600_000_000;

/// One reading of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The account that was read.
    pub account: AccountId,
    /// When it was true.
    pub at: Utc,
    /// From where.
    pub source: Source,
    /// What was read.
    pub usage: Usage,
}

/// What was last known of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The windows.
    pub usage: Usage,
    /// Reads that failed in a row.
    pub failures: u32,
}

#[derive(Default, Serialize, Deserialize)]
struct Rest {
    #[serde(default)]
    models: Vec<Model>,
    #[serde(default)]
    credits: Option<Credits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    /// Windows of unknown kinds and of money.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    further: Vec<Further>,
}

/// A window of money or of an unknown kind in a row.
#[derive(Serialize, Deserialize)]
struct Further {
    kind: WindowKind,
    window: Window,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amounts: Option<Amounts>,
}

/// A model's window in a row.
#[derive(Serialize, Deserialize)]
struct Model {
    model: String,
    window: Window,
    #[serde(default)]
    binding: bool,
}

impl Rest {
    /// What of a reading has no column of its own; `None` when there is nothing.
    fn of(usage: &Usage) -> Option<Self> {
        let Usage { credits, verdict, .. } = usage;
        let models: Vec<Model> = usage
            .models()
            .map(|(model, metered)| Model {
                model: model.to_owned(),
                window: metered.window,
                binding: metered.binding,
            })
            .collect();
        let further: Vec<Further> = usage
            .further()
            .map(|metered| Further {
                kind: metered.kind.clone(),
                window: metered.window,
                amounts: metered.amounts.clone(),
            })
            .collect();
        let windows = !models.is_empty() || !further.is_empty();
        let any = windows || credits.is_some() || verdict.is_some();
        any.then(|| Self { models, credits: credits.clone(), verdict: *verdict, further })
    }
}

impl Ledger {
    /// Stores a reading and takes it into the account's standing: what a reading does not speak of stays
    /// as it was, and an older reading that comes late changes nothing.
    pub fn record_sample(&mut self, sample: &Sample) -> Result<()> {
        let usage = &sample.usage;
        let rest = Rest::of(usage).map(|rest| codec::json(&rest));
        let mut known = self.standing(sample.account)?.unwrap_or_default().usage;
        if known.observed_at.is_none_or(|last| last <= sample.at) {
            known.take(usage, sample.at, sample.source == Source::Endpoint);
        }
        let tx = sqlite::begin(&mut self.history)?;
        tx.prepare_cached(
            "INSERT INTO samples (account, at, source, five_hour, five_hour_reset, seven_day,
                 seven_day_reset, rest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            sample.account.0,
            sample.at.0,
            codec::name(&sample.source),
            usage.short().used.map(Percent::get),
            usage.short().resets_at.map(|at| at.0),
            usage.long().used.map(Percent::get),
            usage.long().resets_at.map(|at| at.0),
            rest,
        ])?;
        tx.prepare_cached(
            "INSERT INTO standing (account, usage) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET usage = excluded.usage, failures = 0",
        )?
        .execute(params![sample.account.0, codec::json(&known)])?;
        tx.commit()?;
        self.fold.committed();
        Ok(())
    }

    /// Stores what the provider said of an account as a whole, without numbers, at `at`.
    pub fn record_verdict(&mut self, account: AccountId, verdict: Verdict, at: Utc) -> Result<()> {
        let mut known = self.standing(account)?.unwrap_or_default();
        if known.usage.observed_at.is_some_and(|last| last > at) {
            return Ok(());
        }
        known.usage.verdict = Some(verdict.said(at));
        self.history
            .prepare_cached(
                "INSERT INTO standing (account, usage, failures) VALUES (?1, ?2, ?3)
                 ON CONFLICT (account) DO UPDATE SET usage = excluded.usage",
            )?
            .execute(params![account.0, codec::json(&known.usage), known.failures])?;
        Ok(())
    }

    /// Stores how many reads failed in a row.
    pub fn record_failures(&mut self, account: AccountId, failures: u32) -> Result<()> {
        self.history
            .prepare_cached(
                "INSERT INTO standing (account, usage, failures) VALUES (?1, ?2, ?3)
                 ON CONFLICT (account) DO UPDATE SET failures = excluded.failures",
            )?
            .execute(params![account.0, codec::json(&Usage::default()), failures])?;
        Ok(())
    }

    /// What was last known of an account; `None` before the first reading.
    pub fn standing(&self, account: AccountId) -> Result<Option<Standing>> {
        let mut statement = self
            .history
            .prepare_cached("SELECT usage, failures FROM standing WHERE account = ?1")?;
        Ok(statement
            .query_row([account.0], |row| {
                Ok(Standing {
                    usage: codec::from_json(row, "usage")?,
                    failures: row.get("failures")?,
                })
            })
            .optional()?)
    }

    /// Work per hour in `since..until`: the instant at which each hour with readings begins, and the
    /// percent by which 5-hour windows grew in it, all accounts together.
    pub fn work(&self, since: Utc, until: Utc) -> Result<Vec<(Utc, f64)>> {
        let mut statement = self.history.prepare_cached(
            "SELECT at / ?3 * ?3, sum(max(grown, 0)) FROM
                 (SELECT at, five_hour - lag(five_hour) OVER (PARTITION BY account ORDER BY at, id)
                      AS grown
                  FROM samples WHERE at >= ?1 AND at < ?2 AND five_hour IS NOT NULL)
             WHERE grown IS NOT NULL GROUP BY 1 ORDER BY 1",
        )?;
        let rows = statement
            .query_map(params![since.0, until.0, HOUR_US], |row| {
                Ok((Utc(row.get(0)?), row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// Readings in `since..until`, oldest first, of one account or of all.
    pub fn samples(
        &self,
        account: Option<AccountId>,
        since: Utc,
        until: Utc,
    ) -> Result<Vec<Sample>> {
        let sql = if account.is_some() {
            "SELECT * FROM samples WHERE account = ?3 AND at >= ?1 AND at < ?2 ORDER BY at, id"
        } else {
            "SELECT * FROM samples WHERE ?3 IS NULL AND at >= ?1 AND at < ?2 ORDER BY at, id"
        };
        let mut statement = self.history.prepare_cached(sql)?;
        let rows = statement
            .query_map(params![since.0, until.0, account.map(|id| id.0)], read)?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sample> {
    let rest: Option<Rest> = codec::from_json_opt(row, "rest")?;
    let rest = rest.unwrap_or_default();
    let at = codec::utc(row, "at")?;
    let mut usage = Usage {
        credits: rest.credits,
        observed_at: Some(at),
        verdict: rest.verdict,
        ..Usage::default()
    };
    for kind in WindowKind::ACCOUNT_WIDE {
        let window = window(row, kind.name())?;
        if window != Window::default() {
            // What has no numbers was not named.
            *usage.of_kind(&kind) = window;
        }
    }
    for Model { model, window, binding } in rest.models {
        usage.add_model(&model, window, binding);
    }
    for Further { kind, window, amounts } in rest.further {
        usage.add(kind, window, amounts);
    }
    let source = codec::word(row, "source")?;
    Ok(Sample { account: codec::account(row, "account")?, at, source, usage })
}

/// The window in the columns of this name.
fn window(row: &rusqlite::Row<'_>, name: &str) -> rusqlite::Result<Window> {
    let used: Option<f64> = row.get(name)?;
    let resets_at = codec::utc_opt(row, &format!("{name}_reset"))?;
    Ok(Window { used: used.and_then(Percent::new), resets_at })
}
