//! Grants of limit resets, as they are told.

use crate::units::Utc;
use crate::window::WindowKind;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Grants remembered per account; real accounts have one or two.
pub const GRANTS_MAX: usize = 16;
/// Resets in one grant; more is a mistake.
pub const LEFT_MAX: u32 = 1_000;
/// A grant that ends later than so many days from now is a mistake.
pub const AHEAD_DAYS_MAX: i64 = 400;

/// Resets of one kind that were granted together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grant {
    /// The provider's name for it; empty where only a number was told.
    pub id: String,
    /// How many are left of it.
    pub left: u32,
    /// It cannot be spent before then.
    pub starts_at: Option<Utc>,
    /// What is left then is lost; `None` is unknown.
    pub ends_at: Option<Utc>,
    /// The provider holds it back for now.
    pub paused: bool,
    /// Whether it could be spent when it was read; `None` is unknown.
    pub usable_now: Option<bool>,
    /// The windows that it empties; none: nobody said which.
    pub frees: Vec<WindowKind>,
}

impl Grant {
    /// Something of it is left at `now`.
    #[must_use]
    pub fn stands(&self, now: Utc) -> bool {
        self.left > 0 && self.ends_at.is_none_or(|end| end > now)
    }

    /// It can be spent at `now`, as far as anybody said.
    #[must_use]
    pub fn usable(&self, now: Utc) -> bool {
        let begun = self.starts_at.is_none_or(|start| start <= now);
        self.stands(now) && begun && !self.paused && self.usable_now != Some(false)
    }

    /// It empties this window, as far as anybody said; one that says nothing empties them all.
    #[must_use]
    pub fn empties(&self, kind: &WindowKind) -> bool {
        self.frees.is_empty() || self.frees.contains(kind)
    }

    /// Nothing of it contradicts itself, read at `at`.
    pub(crate) fn is_sane(&self, at: Utc) -> bool {
        let ordered = self.starts_at.zip(self.ends_at).is_none_or(|(start, end)| start < end);
        let latest = at.plus_seconds(AHEAD_DAYS_MAX * 86_400);
        let near = self.ends_at.is_none_or(|end| end <= latest);
        ordered && near && self.left <= LEFT_MAX
    }
}

/// What one answer, or a person, says of resets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// These, and no others.
    Grants(Vec<Grant>),
    /// How many, and no more than that.
    Count(u32),
    /// The provider does not tell us.
    Withheld,
    /// What was said before is void.
    Nothing,
}
