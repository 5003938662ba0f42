//! Accounts: who they are, never what they sign in with.

use crate::codec;
use crate::error::{Error, Result};
use crate::open::Ledger;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sluice_engine::{AccountId, Login, Plan, Provider, Utc};

/// An account to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAccount {
    /// Whose subscription.
    pub provider: Provider,
    /// The provider's own identity of it (Claude: account uuid `/` organisation uuid).
    pub key: String,
    /// Name for people.
    pub label: String,
    /// Mail address as the tool knows it.
    pub email: Option<String>,
    /// Organisation's name.
    pub organization: Option<String>,
    /// What was bought.
    pub plan: Plan,
}

/// An account as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRow {
    /// Its row, never used again for another account.
    pub id: AccountId,
    /// Whose subscription.
    pub provider: Provider,
    /// The provider's own identity of it.
    pub key: String,
    /// Name for people.
    pub label: String,
    /// Mail address.
    pub email: Option<String>,
    /// Organisation's name.
    pub organization: Option<String>,
    /// What was bought.
    pub plan: Plan,
    /// Switched on by the person.
    pub enabled: bool,
    /// May be chosen by automatic swaps.
    pub automatic: bool,
    /// The person's order, smallest first.
    pub position: i64,
    /// State of the login.
    pub login: Login,
    /// When the login ends however often it is refreshed.
    pub login_ends_at: Option<Utc>,
    /// Since when it is kept.
    pub added_at: Utc,
    /// When it was removed.
    pub removed_at: Option<Utc>,
}

/// What [`Ledger::add_account`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// The account.
    pub id: AccountId,
    /// It was already kept; identity and plan were brought up to date, the label left alone.
    pub known: bool,
}

fn read(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        id: codec::account(row, "id")?,
        provider: codec::provider(row, "provider")?,
        key: row.get("key")?,
        label: row.get("label")?,
        email: row.get("email")?,
        organization: row.get("organization")?,
        plan: codec::from_json::<PlanColumn>(row, "plan")?.into(),
        enabled: row.get("enabled")?,
        automatic: row.get("automatic")?,
        position: row.get("position")?,
        login: codec::from_json(row, "login")?,
        login_ends_at: codec::utc_opt(row, "login_ends_at")?,
        added_at: codec::utc(row, "added_at")?,
        removed_at: codec::utc_opt(row, "removed_at")?,
    })
}

/// A plan column in which every part may be missing.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct PlanColumn {
    subscription: Option<String>,
    rate_limit_tier: Option<String>,
    weight: Option<f64>,
}

impl From<PlanColumn> for Plan {
    fn from(column: PlanColumn) -> Self {
        Self {
            subscription: column.subscription,
            rate_limit_tier: column.rate_limit_tier,
            weight: column.weight,
        }
    }
}

/// Every kept account of a provider, inside the caller's transaction.
pub(crate) fn kept(connection: &Connection, provider: Provider) -> Result<Vec<AccountRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM accounts WHERE provider = ?1 AND removed_at IS NULL ORDER BY position, id",
    )?;
    let rows = statement.query_map([provider.name()], read)?.collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

impl Ledger {
    /// Every account that is kept, in the person's order.
    pub fn accounts(&self) -> Result<Vec<AccountRow>> {
        let mut statement = self.history.prepare_cached(
            "SELECT * FROM accounts WHERE removed_at IS NULL ORDER BY position, id",
        )?;
        let rows = statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// One account, also a removed one.
    pub fn account(&self, id: AccountId) -> Result<Option<AccountRow>> {
        let mut statement = self.history.prepare_cached("SELECT * FROM accounts WHERE id = ?1")?;
        Ok(statement.query_row([id.0], read).optional()?)
    }

    /// Keeps an account. The same identity again is the same row; a removed one comes back under
    /// its old id, so that its history stays its own.
    pub fn add_account(&mut self, new: &NewAccount, at: Utc) -> Result<Added> {
        let tx = self.begin()?;
        let found: Option<(i64, bool)> = tx
            .query_row(
                "SELECT id, removed_at IS NULL FROM accounts WHERE provider = ?1 AND key = ?2",
                params![new.provider.name(), new.key],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let plan = codec::json(&new.plan);
        let (id, known) = match found {
            Some((id, true)) => {
                tx.execute(
                    "UPDATE accounts SET email = ?2, organization = ?3, plan = ?4 WHERE id = ?1",
                    params![id, new.email, new.organization, plan],
                )?;
                (id, true)
            }
            Some((id, false)) => {
                tx.execute(
                    "UPDATE accounts SET label = ?2, email = ?3, organization = ?4, plan = ?5,
                         enabled = 1, automatic = 1, login = '\"unverified\"',
                         login_ends_at = NULL, added_at = ?6, removed_at = NULL,
                         position = (SELECT coalesce(max(position), 0) + 1 FROM accounts)
                     WHERE id = ?1",
                    params![id, new.label, new.email, new.organization, plan, at.0],
                )?;
                (id, false)
            }
            None => {
                tx.execute(
                    "INSERT INTO accounts
                         (provider, key, label, email, organization, plan, position, added_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                         (SELECT coalesce(max(position), 0) + 1 FROM accounts), ?7)",
                    params![
                        new.provider.name(),
                        new.key,
                        new.label,
                        new.email,
                        new.organization,
                        plan,
                        at.0
                    ],
                )?;
                (tx.last_insert_rowid(), false)
            }
        };
        tx.commit()?;
        self.keep();
        Ok(Added { id: AccountId(id), known })
    }

    /// Forgets an account: its address, its vintage pointers and its place in lanes. The row stays
    /// so that past swaps keep their meaning. Refused while it is active in a lane.
    pub fn remove_account(&mut self, id: AccountId, at: Utc) -> Result<()> {
        let tx = self.begin()?;
        let live: bool =
            tx.query_row("SELECT EXISTS (SELECT 1 FROM lanes WHERE active = ?1)", [id.0], |row| {
                row.get(0)
            })?;
        if live {
            return Err(Error::Refused("the account is live; swap to another one first".into()));
        }
        let changed = tx.execute(
            "UPDATE accounts SET removed_at = ?2, email = NULL, organization = NULL
             WHERE id = ?1 AND removed_at IS NULL",
            params![id.0, at.0],
        )?;
        tx.execute("DELETE FROM vintages WHERE account = ?1", [id.0])?;
        tx.execute("DELETE FROM standing WHERE account = ?1", [id.0])?;
        tx.execute("DELETE FROM limit_resets WHERE account = ?1", [id.0])?;
        tx.commit()?;
        self.keep();
        one(changed)
    }

    /// Renames an account.
    pub fn rename_account(&mut self, id: AccountId, label: &str) -> Result<()> {
        self.update_account("UPDATE accounts SET label = ?2 WHERE id = ?1", id, &label)
    }

    /// Switches an account on or off.
    pub fn set_enabled(&mut self, id: AccountId, enabled: bool) -> Result<()> {
        self.update_account("UPDATE accounts SET enabled = ?2 WHERE id = ?1", id, &enabled)
    }

    /// Lets automatic swaps choose the account or not.
    pub fn set_automatic(&mut self, id: AccountId, automatic: bool) -> Result<()> {
        self.update_account("UPDATE accounts SET automatic = ?2 WHERE id = ?1", id, &automatic)
    }

    /// Records what is known of the login.
    pub fn set_login(&mut self, id: AccountId, login: Login) -> Result<()> {
        self.update_account(
            "UPDATE accounts SET login = ?2 WHERE id = ?1",
            id,
            &codec::json(&login),
        )
    }

    /// Records when the login ends; `None` is unknown.
    pub fn set_login_end(&mut self, id: AccountId, ends_at: Option<Utc>) -> Result<()> {
        self.update_account(
            "UPDATE accounts SET login_ends_at = ?2 WHERE id = ?1",
            id,
            &ends_at.map(|at| at.0),
        )
    }

    /// Records what was bought.
    pub fn set_plan(&mut self, id: AccountId, plan: &Plan) -> Result<()> {
        self.update_account("UPDATE accounts SET plan = ?2 WHERE id = ?1", id, &codec::json(plan))
    }

    /// Puts the accounts in this order. Every kept account must be named exactly once.
    pub fn reorder_accounts(&mut self, order: &[AccountId]) -> Result<()> {
        let tx = self.begin()?;
        let kept: Vec<i64> = tx
            .prepare("SELECT id FROM accounts WHERE removed_at IS NULL ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut named: Vec<i64> = order.iter().map(|id| id.0).collect();
        named.sort_unstable();
        if named != kept {
            return Err(Error::Refused("the order must name every account exactly once".into()));
        }
        for (position, id) in order.iter().enumerate() {
            tx.execute(
                "UPDATE accounts SET position = ?2 WHERE id = ?1",
                params![id.0, position as i64 + 1],
            )?;
        }
        tx.commit()?;
        self.keep();
        Ok(())
    }

    fn update_account(
        &mut self,
        sql: &str,
        id: AccountId,
        value: &dyn rusqlite::ToSql,
    ) -> Result<()> {
        one(self.durable.prepare_cached(sql)?.execute(params![id.0, value])?)?;
        self.keep();
        Ok(())
    }
}

fn one(changed: usize) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(Error::NotFound("account")) }
}
