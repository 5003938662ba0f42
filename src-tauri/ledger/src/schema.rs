//! The schema and its versions. A published migration is never edited; a change is a new file.

use crate::error::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};

/// One file per version; the n-th brings the database to version n.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
    include_str!("../migrations/0006.sql"),
    include_str!("../migrations/0007.sql"),
    include_str!("../migrations/0008.sql"),
    include_str!("../migrations/0009.sql"),
];

/// The version this build writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// The version of the file.
pub(crate) fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings the file to `target`, one transaction per version. Refuses a newer file untouched.
pub(crate) fn migrate(connection: &mut Connection, target: i64) -> Result<()> {
    let found = version(connection)?;
    if found > SCHEMA_VERSION {
        return Err(Error::Newer { found, known: SCHEMA_VERSION });
    }
    for (index, sql) in MIGRATIONS.iter().enumerate() {
        let reached = index as i64 + 1;
        if reached <= found || reached > target {
            continue;
        }
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster while this one waited for the lock.
        if version(&tx)? < reached {
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "user_version", reached)?;
        }
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each version looks like; a published one must never change.
    fn snapshot(version: i64) -> String {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, version).unwrap();
        let mut statement = connection
            .prepare(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
                 ORDER BY type DESC, name",
            )
            .unwrap();
        let parts: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        parts.join(";\n\n") + ";\n"
    }

    #[test]
    fn every_version_is_what_it_was() {
        for version in 1..=SCHEMA_VERSION {
            insta::assert_snapshot!(format!("{version:04}"), snapshot(version));
        }
    }

    #[test]
    fn rows_of_every_older_version_survive_the_way_up() {
        for start in 1..SCHEMA_VERSION {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection, start).unwrap();
            connection
                .execute_batch(
                    "INSERT INTO accounts (id, provider, key, label, added_at)
                         VALUES (7, 'claude', 'k', 'Work', 1);
                     INSERT INTO lanes (id, provider, name, active, generation)
                         VALUES (3, 'claude', 'default', 7, 41);
                     INSERT INTO vintages VALUES (7, 5, 'f', 2);",
                )
                .unwrap();
            migrate(&mut connection, SCHEMA_VERSION).unwrap();
            assert_eq!(version(&connection).unwrap(), SCHEMA_VERSION);
            let row: (i64, i64, i64) = connection
                .query_row(
                    "SELECT l.active, l.generation, v.vintage FROM lanes l
                     JOIN vintages v ON v.account = l.active",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
                .unwrap();
            assert_eq!(row, (7, 41, 5), "from version {start}");
        }
    }

    #[test]
    fn a_newer_file_is_refused_untouched() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        let refused = migrate(&mut connection, SCHEMA_VERSION);
        assert!(matches!(refused, Err(Error::Newer { found, .. }) if found == SCHEMA_VERSION + 1));
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 0);
    }
}
