//! The database: what it promises, and what it does when its file is damaged.

mod corruption;
mod files;
mod history;
mod journal;
mod retention;
mod support;
