//! The database: journal, decisions, history.
