//! What is known of the shape of one provider's answers. Fields by their path; no value of any is kept.

use alloc::borrow::ToOwned as _;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use sluice_engine::{AccountId, Utc};

/// Oddities kept per provider; those not seen for the longest go first.
const ODD_MAX: usize = 64;
/// One that was not seen for so long is forgotten, seconds.
const ODD_S: f64 = 14.0 * DAY_S;
/// Fields followed per provider.
const FIELDS_MAX: usize = 64;
/// A field is gone when no answer had it for so long, seconds.
const GONE_S: f64 = DAY_S;
/// An account that was not read for so long says nothing about fields, seconds.
const SILENT_S: f64 = DAY_S;
/// What tells a part of an answer counts once in so long, seconds.
const PART_S: f64 = 3_600.0;
/// Changes are told at most this often, seconds.
const TOLD_S: f64 = 7.0 * DAY_S;
const DAY_S: f64 = 86_400.0;

/// The word for a field that is new and holds a window.
pub const UNKNOWN_WINDOW: &str = "unknown_window";

/// Something odd about an answer: where, and what. Never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// A path of field names.
    pub path: String,
    /// A word: `out_of_range`, `unknown_field`, …
    pub odd: String,
}

/// One place of an answer's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// A path of field names, without anything private.
    pub path: String,
    /// The kinds of value seen there.
    pub kinds: String,
    /// The windows are read from it.
    pub known: bool,
}

/// What an answer was like, beside its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What was odd.
    pub odd: Vec<Oddity>,
    /// Its form; empty where only a part of an answer is known.
    pub fields: Vec<Field>,
}

/// Something that was odd in answers of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OddSeen {
    /// Where, as a path of field names.
    pub path: String,
    /// What, as a word: `out_of_range`, `unknown_field`, …
    pub odd: String,
    /// When it was first seen.
    pub first: Utc,
    /// When it was last seen.
    pub last: Utc,
    /// In so many answers.
    pub count: u32,
}

/// A field as one account's answers have it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct FieldSeen {
    /// When it was last there.
    last: Utc,
    /// Since when what should hold it is there without it.
    missing: Option<Utc>,
}

/// What is known of the shape of one provider's answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    odd: Vec<OddSeen>,
    fields: BTreeMap<String, BTreeMap<AccountId, FieldSeen>>,
    /// When each account was last read.
    read: BTreeMap<AccountId, Utc>,
    /// The shape of the last answer: each path with the kinds of value seen there.
    shape: Vec<(String, String)>,
    /// When a change was last told, and which paths.
    told_at: Option<Utc>,
    told: BTreeSet<String>,
}

impl Answers {
    /// Every oddity that is remembered.
    #[must_use]
    pub fn odd(&self) -> &[OddSeen] {
        &self.odd
    }

    /// The shape of the last answer, redacted: paths and kinds of value.
    #[must_use]
    pub fn shape(&self) -> &[(String, String)] {
        &self.shape
    }

    /// Fields that no account's answers had for a day by `now`, though they had them before; each with
    /// the instant at which it was last there.
    #[must_use]
    pub fn gone(&self, now: Utc) -> Vec<(&str, Utc)> {
        let heard =
            |id: &AccountId| self.read.get(id).is_some_and(|at| now.seconds_since(*at) < SILENT_S);
        let gone = self.fields.iter().filter_map(|(path, accounts)| {
            let mut of = accounts.iter().filter(|(id, _)| heard(id)).map(|(_, field)| field);
            let first = of.next()?;
            let missing = |field: &FieldSeen| {
                field.missing.is_some_and(|since| now.seconds_since(since) >= GONE_S)
            };
            let all = missing(first) && of.all(missing);
            let last = accounts.values().map(|field| field.last).max()?;
            all.then_some((path.as_str(), last))
        });
        gone.collect()
    }

    /// Takes in an answer about `account`; `lacks`: fields that its plan has no use for. Says whether
    /// there is anything new in it.
    pub(crate) fn take(
        &mut self,
        account: AccountId,
        told: &Told,
        lacks: &[&str],
        now: Utc,
    ) -> bool {
        let mut new = self.take_odd(&told.odd, now);
        self.read.insert(account, now);
        let kind = |path: &str| told.fields.iter().find(|field| field.path == path);
        for field in told.fields.iter().filter(|field| field.known) {
            let is_new = !self.fields.contains_key(&field.path);
            if is_new && self.fields.len() >= FIELDS_MAX {
                continue;
            }
            new |= is_new;
            let seen = FieldSeen { last: now, missing: None };
            self.fields.entry(field.path.clone()).or_default().insert(account, seen);
        }
        for (path, accounts) in &mut self.fields {
            let Some(field) = accounts.get_mut(&account).filter(|field| field.last != now) else {
                continue;
            };
            let holder = path.rsplit_once('.').map(|(holder, _)| holder);
            let is_open = holder.is_none_or(|holder| {
                kind(holder).is_some_and(|holder| holder.kinds.contains("object"))
            });
            if is_open && !lacks.contains(&path.as_str()) {
                new |= field.missing.is_none();
                field.missing.get_or_insert(now);
            } else {
                field.missing = None;
            }
        }
        let shape = told.fields.iter().map(|field| (field.path.clone(), field.kinds.clone()));
        let shape: Vec<_> = shape.collect();
        new |= self.shape != shape;
        self.shape = shape;
        new
    }

    /// Takes in what was odd where a tool told a part. The same part is read many times: what was odd
    /// within the last hour is not counted again. Says whether there is anything new in it.
    pub(crate) fn take_part(&mut self, odd: &[Oddity], now: Utc) -> bool {
        let lately = |one: &Oddity| {
            self.odd.iter().any(|seen| {
                let same = seen.path == one.path && seen.odd == one.odd;
                same && (0.0..PART_S).contains(&now.seconds_since(seen.last))
            })
        };
        let fresh: Vec<Oddity> = odd.iter().filter(|one| !lately(one)).cloned().collect();
        self.take_odd(&fresh, now)
    }

    /// The account is gone.
    pub(crate) fn forget(&mut self, account: AccountId) {
        self.read.remove(&account);
        self.fields.retain(|_, accounts| {
            accounts.remove(&account);
            !accounts.is_empty()
        });
    }

    fn take_odd(&mut self, odd: &[Oddity], now: Utc) -> bool {
        self.odd.retain(|seen| now.seconds_since(seen.last) < ODD_S);
        let mut new = false;
        for oddity in odd {
            let known =
                self.odd.iter_mut().find(|seen| seen.path == oddity.path && seen.odd == oddity.odd);
            if let Some(seen) = known {
                (seen.last, seen.count) = (now, seen.count.saturating_add(1));
                continue;
            }
            new = true;
            if self.odd.len() >= ODD_MAX
                && let Some(oldest) = (0..self.odd.len()).min_by_key(|at| self.odd[*at].last)
            {
                self.odd.remove(oldest);
            }
            let (path, odd) = (oddity.path.clone(), oddity.odd.clone());
            self.odd.push(OddSeen { path, odd, first: now, last: now, count: 1 });
        }
        new
    }

    /// What is to be told now: fields that are gone, and new ones that hold windows; once a week at
    /// most, and each once.
    pub(crate) fn news(&mut self, now: Utc) -> Option<(Vec<String>, Vec<String>)> {
        if self.told_at.is_some_and(|at| (0.0..TOLD_S).contains(&now.seconds_since(at))) {
            return None;
        }
        let gone: Vec<String> = self.gone(now).iter().map(|(path, _)| (*path).to_owned()).collect();
        let windows = self.odd.iter().filter(|seen| seen.odd == UNKNOWN_WINDOW);
        let windows: Vec<String> = windows.map(|seen| seen.path.clone()).collect();
        let now_so: BTreeSet<String> = gone.iter().chain(&windows).cloned().collect();
        // What came back is worth a word should it go again.
        self.told.retain(|path| now_so.contains(path));
        if now_so.is_subset(&self.told) {
            return None;
        }
        (self.told, self.told_at) = (now_so, Some(now));
        Some((gone, windows))
    }
}
