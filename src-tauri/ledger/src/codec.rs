//! Values in and out of columns, in one place: a number that is misread here is wrong everywhere.

use rusqlite::types::{FromSqlError, Type};
use serde::{Serialize, de::DeserializeOwned};
use sluice_engine::{AccountId, Generation, LaneId, Provider, Utc};
use std::convert::Infallible;
use std::str::FromStr;

/// A JSON column. Our own types cannot fail to serialise; a map with odd keys would give `null`.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// Reads a JSON column.
pub(crate) fn from_json<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(row, column, &text)
}

/// Reads a JSON column that may be null.
pub(crate) fn from_json_opt<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| parse(row, column, &text)).transpose()
}

fn parse<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
    text: &str,
) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let index = row.as_ref().column_index(column).unwrap_or(0);
        rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
    })
}

/// Reads a closed word list (`"tick"`, `"claude"`) through its serde names.
pub(crate) fn word<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_value(serde_json::Value::String(text)).map_err(|error| {
        let index = row.as_ref().column_index(column).unwrap_or(0);
        rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
    })
}

/// The same where there may be none; a word of another version is none.
pub(crate) fn word_opt<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| serde_json::from_value(serde_json::Value::String(text)).ok()))
}

/// Reads a text that means something in every case: a word of another version, too.
pub(crate) fn parsed<T: FromStr<Err = Infallible>>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let Ok(value) = text.parse();
    Ok(value)
}

/// The serde name of a unit variant.
pub(crate) fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

pub(crate) fn provider(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Provider> {
    word(row, column)
}

pub(crate) fn utc(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Utc> {
    Ok(Utc(row.get(column)?))
}

pub(crate) fn utc_opt(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Option<Utc>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Utc))
}

pub(crate) fn account(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<AccountId> {
    Ok(AccountId(row.get(column)?))
}

pub(crate) fn account_opt(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<AccountId>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(AccountId))
}

pub(crate) fn lane(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<LaneId> {
    Ok(LaneId(row.get(column)?))
}

pub(crate) fn generation(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Generation> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map(Generation).map_err(|_| FromSqlError::OutOfRange(value).into())
}

/// A generation as the column stores it. `i64::MAX` swaps of one lane do not happen.
pub(crate) fn stored(generation: Generation) -> i64 {
    i64::try_from(generation.0).unwrap_or(i64::MAX)
}
