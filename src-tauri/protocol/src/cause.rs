//! What a notice is about. A cause that is open is not told again; it is stored and sent as text, so that
//! rows of other versions stay readable: the text and its parser stand here, side by side.

use crate::{Code, NoticeKind};
use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sluice_engine::forecast::Kind as Window;
use sluice_engine::{AccountId, LaneId, Provider, WindowKind};

/// The cause of a notice: what it is about and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The login of an account is refused or no longer kept.
    SignIn(AccountId),
    /// A login could not be put into the store.
    Capture(AccountId),
    /// Another place holds the login of an account.
    SharedLogin(AccountId),
    /// A login ends within so many days.
    LoginEnds {
        /// Of which account.
        account: AccountId,
        /// 7, 3 or 1.
        days: u8,
        /// When it ends.
        ends_ms: i64,
    },
    /// A seat holds a login that is not kept yet.
    Unmanaged(Provider),
    /// A seat is left alone.
    Seat(Provider),
    /// The store of logins does not answer.
    Keychain,
    /// The database cannot be written.
    Ledger,
    /// Something to know, told at the start.
    Note(String),
    /// A swap is advised.
    Advice {
        /// In which tool's seat.
        provider: Provider,
        /// The account to make live.
        to: AccountId,
    },
    /// A swap was made: its row in the journal.
    SwapDone(i64),
    /// A swap did not happen.
    SwapFailed(Provider),
    /// A swap could neither be finished nor undone.
    Stuck(LaneId),
    /// A lane was moved beside the driver: the swap's row.
    Moved(i64),
    /// A lane should be moved, and nobody has room.
    NoAlternative(Provider),
    /// A notice made beside the driver, told by it.
    Retold(Box<Self>),
    /// Nobody can take over.
    Exhausted {
        /// Among the accounts of this provider.
        provider: Provider,
        /// Until when it is the same episode.
        episode: Episode,
    },
    /// Nothing can be decided.
    Stall(Provider),
    /// An equally urgent account is far behind.
    SameTier {
        /// In which tool's seat.
        provider: Provider,
        /// The account that is behind.
        account: AccountId,
        /// The hour of its reset.
        hour: i64,
    },
    /// Quota will expire unused.
    Drain {
        /// Whose.
        account: AccountId,
        /// The hour of its reset.
        hour: i64,
    },
    /// What is about to be lost on the day that begins then.
    Digest {
        /// Its midnight.
        midnight_ms: i64,
    },
    /// A window passed a step.
    Threshold {
        /// Whose.
        account: AccountId,
        /// Which window.
        window: Window,
        /// The step.
        percent: u8,
        /// The hour of its reset.
        hour: i64,
    },
    /// A window has reset.
    Reset {
        /// Whose.
        account: AccountId,
        /// Which window.
        window: Window,
        /// The hour of its next reset.
        hour: i64,
    },
    /// A plan lost a window, or got one.
    Limits {
        /// Whose.
        account: AccountId,
        /// Which window.
        window: Window,
        /// The hour in which it was seen.
        hour: i64,
    },
    /// Limit resets end unused within so many days.
    ResetEnds {
        /// Whose.
        account: AccountId,
        /// 7, 3 or 1.
        days: u8,
        /// The hour of their end.
        hour: i64,
    },
    /// Nobody has room, and an account has a limit reset in hand.
    ResetLeft {
        /// Whose.
        account: AccountId,
        /// Until when it is the same episode.
        episode: Episode,
    },
    /// Windows of an account emptied before their reset.
    Fell {
        /// Whose.
        account: AccountId,
        /// The hour in which it was seen.
        hour: i64,
    },
    /// Those of several accounts did so together.
    Promotion {
        /// Whose accounts.
        provider: Provider,
        /// The hour in which the first was seen.
        hour: i64,
    },
    /// A plan is another one.
    Plan {
        /// Whose.
        account: AccountId,
        /// The hour in which it was seen.
        hour: i64,
    },
    /// The answers of a provider have another shape.
    Answers {
        /// Whose answers.
        provider: Provider,
        /// Weeks since 1970.
        week: i64,
    },
    /// The desktop shows no icon.
    NoTray,
    /// A click was refused.
    Refused(Code),
    /// Of another version.
    Other(String),
}

/// What bounds an episode: the hour of a reset, or the day where no reset is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Episode {
    /// Hours since 1970.
    Hour(i64),
    /// Days since 1970.
    Day(i64),
}

/// A window as people call it.
#[must_use]
pub const fn window_name(window: Window) -> &'static str {
    match window {
        Window::FiveHour => "5-hour window",
        Window::SevenDay => "week",
    }
}

/// The same of any window: that of a model is named by it.
#[must_use]
pub fn kind_name(kind: &WindowKind) -> String {
    Window::of(kind)
        .map_or_else(|| format!("window of {}", kind.label()), |own| window_name(own).to_owned())
}

impl Cause {
    /// The kind of notice that tells it.
    #[must_use]
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::SignIn(_) | Self::SharedLogin(_) | Self::Unmanaged(_) => NoticeKind::SignIn,
            Self::LoginEnds { .. } => NoticeKind::LoginEnds,
            Self::Capture(_) | Self::Seat(_) | Self::Keychain | Self::Ledger | Self::Note(_) => {
                NoticeKind::Keychain
            }
            Self::Advice { .. } => NoticeKind::Advice,
            Self::SwapDone(_) | Self::Moved(_) => NoticeKind::SwapDone,
            Self::SwapFailed(_) | Self::Stuck(_) => NoticeKind::SwapFailed,
            Self::NoAlternative(_) | Self::Exhausted { .. } => NoticeKind::Exhausted,
            Self::Retold(first) => first.kind(),
            Self::Stall(_) => NoticeKind::Stall,
            Self::SameTier { .. } => NoticeKind::SameTier,
            Self::Drain { .. } => NoticeKind::Drain,
            Self::Digest { .. } => NoticeKind::Digest,
            Self::Threshold { .. } => NoticeKind::Threshold,
            Self::Reset { .. } => NoticeKind::Reset,
            Self::ResetEnds { .. } | Self::ResetLeft { .. } => NoticeKind::LimitReset,
            Self::Limits { .. } | Self::Plan { .. } => NoticeKind::Limits,
            Self::Answers { .. } => NoticeKind::Answers,
            Self::Fell { .. } | Self::Promotion { .. } => NoticeKind::Fall,
            Self::NoTray => NoticeKind::NoTray,
            Self::Refused(_) => NoticeKind::Refused,
            Self::Other(_) => NoticeKind::Other,
        }
    }

    /// Its notice is made in the transaction that moved a lane, not by the driver's loop.
    #[must_use]
    pub const fn made_beside(&self) -> bool {
        matches!(self, Self::Moved(_) | Self::NoAlternative(_))
    }
}

impl Default for Cause {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignIn(account) => write!(f, "sign_in:{}", account.0),
            Self::Capture(account) => write!(f, "capture:{}", account.0),
            Self::SharedLogin(account) => write!(f, "twin_login:{}", account.0),
            Self::LoginEnds { account, days, ends_ms } => {
                write!(f, "login_ends:{}:{days}:{ends_ms}", account.0)
            }
            Self::Unmanaged(provider) => write!(f, "unmanaged:{}", provider.name()),
            Self::Seat(provider) => write!(f, "seat:{}", provider.name()),
            Self::Keychain => f.write_str("keychain"),
            Self::Ledger => f.write_str("ledger"),
            Self::Note(text) => write!(f, "note:{text}"),
            Self::Advice { provider, to } => write!(f, "advice:{}:{}", provider.name(), to.0),
            Self::SwapDone(row) => write!(f, "swap_done:{row}"),
            Self::SwapFailed(provider) => write!(f, "swap_failed:{}", provider.name()),
            Self::Stuck(lane) => write!(f, "stuck:{}", lane.0),
            Self::Moved(row) => write!(f, "swap:{row}"),
            Self::NoAlternative(provider) => write!(f, "no_alternative:{}", provider.name()),
            Self::Retold(first) => write!(f, "lane_{first}"),
            Self::Exhausted { provider, episode: Episode::Hour(hour) } => {
                write!(f, "exhausted:{}:{hour}", provider.name())
            }
            Self::Exhausted { provider, episode: Episode::Day(day) } => {
                write!(f, "exhausted:{}:day:{day}", provider.name())
            }
            Self::Stall(provider) => write!(f, "stall:{}", provider.name()),
            Self::SameTier { provider, account, hour } => {
                write!(f, "same_tier:{}:{}:{hour}", provider.name(), account.0)
            }
            Self::Drain { account, hour } => write!(f, "drain:{}:{hour}", account.0),
            Self::Digest { midnight_ms } => write!(f, "digest:{midnight_ms}"),
            Self::Threshold { account, window, percent, hour } => {
                let window = window_name(*window);
                write!(f, "threshold:{}:{window}:{percent}:{hour}", account.0)
            }
            Self::Reset { account, window, hour } => {
                write!(f, "reset:{}:{}:{hour}", account.0, window_name(*window))
            }
            Self::Limits { account, window, hour } => {
                write!(f, "limits:{}:{}:{hour}", account.0, window_name(*window))
            }
            Self::ResetEnds { account, days, hour } => {
                write!(f, "reset_ends:{}:{days}:{hour}", account.0)
            }
            Self::ResetLeft { account, episode: Episode::Hour(hour) } => {
                write!(f, "reset_left:{}:{hour}", account.0)
            }
            Self::ResetLeft { account, episode: Episode::Day(day) } => {
                write!(f, "reset_left:{}:day:{day}", account.0)
            }
            Self::Fell { account, hour } => write!(f, "fell:{}:{hour}", account.0),
            Self::Promotion { provider, hour } => write!(f, "promotion:{}:{hour}", provider.name()),
            Self::Plan { account, hour } => write!(f, "plan:{}:{hour}", account.0),
            Self::Answers { provider, week } => write!(f, "answers:{}:{week}", provider.name()),
            Self::NoTray => f.write_str("no_tray"),
            Self::Refused(code) => write!(f, "refused:{code}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl FromStr for Cause {
    type Err = Infallible;

    /// Any text is a cause: one that this version does not write, to the letter, is another's.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let known = known(text).filter(|cause| cause.to_string() == text);
        Ok(known.unwrap_or_else(|| Self::Other(text.to_owned())))
    }
}

fn known(text: &str) -> Option<Cause> {
    let parts: Vec<&str> = text.split(':').collect();
    Some(match parts.as_slice() {
        ["sign_in", id] => Cause::SignIn(account(id)?),
        ["capture", id] => Cause::Capture(account(id)?),
        ["twin_login", id] => Cause::SharedLogin(account(id)?),
        ["login_ends", id, days, ends_ms] => Cause::LoginEnds {
            account: account(id)?,
            days: number(days)?,
            ends_ms: number(ends_ms)?,
        },
        ["unmanaged", name] => Cause::Unmanaged(provider(name)?),
        ["seat", name] => Cause::Seat(provider(name)?),
        ["keychain"] => Cause::Keychain,
        ["ledger"] => Cause::Ledger,
        ["note", ..] => Cause::Note(text.strip_prefix("note:")?.to_owned()),
        ["advice", name, to] => Cause::Advice { provider: provider(name)?, to: account(to)? },
        ["swap_done", row] => Cause::SwapDone(number(row)?),
        ["swap_failed", name] => Cause::SwapFailed(provider(name)?),
        ["stuck", id] => Cause::Stuck(LaneId(number(id)?)),
        ["swap", row] => Cause::Moved(number(row)?),
        ["no_alternative", name] => Cause::NoAlternative(provider(name)?),
        ["exhausted", name, hour] => {
            Cause::Exhausted { provider: provider(name)?, episode: Episode::Hour(number(hour)?) }
        }
        ["exhausted", name, "day", day] => {
            Cause::Exhausted { provider: provider(name)?, episode: Episode::Day(number(day)?) }
        }
        ["stall", name] => Cause::Stall(provider(name)?),
        ["same_tier", name, id, hour] => Cause::SameTier {
            provider: provider(name)?,
            account: account(id)?,
            hour: number(hour)?,
        },
        ["drain", id, hour] => Cause::Drain { account: account(id)?, hour: number(hour)? },
        ["digest", midnight_ms] => Cause::Digest { midnight_ms: number(midnight_ms)? },
        ["threshold", id, name, percent, hour] => Cause::Threshold {
            account: account(id)?,
            window: window(name)?,
            percent: number(percent)?,
            hour: number(hour)?,
        },
        ["reset", id, name, hour] => {
            Cause::Reset { account: account(id)?, window: window(name)?, hour: number(hour)? }
        }
        ["limits", id, name, hour] => {
            Cause::Limits { account: account(id)?, window: window(name)?, hour: number(hour)? }
        }
        ["no_tray"] => Cause::NoTray,
        ["refused", code] => {
            let Ok(code) = code.parse();
            Cause::Refused(code)
        }
        parts => match changed(parts) {
            Some(cause) => cause,
            None => {
                let Ok(first) = text.strip_prefix("lane_")?.parse();
                Cause::Retold(Box::new(first))
            }
        },
    })
}

/// What changed about accounts and their provider.
fn changed(parts: &[&str]) -> Option<Cause> {
    Some(match parts {
        ["reset_ends", id, days, hour] => {
            Cause::ResetEnds { account: account(id)?, days: number(days)?, hour: number(hour)? }
        }
        ["reset_left", id, hour] => {
            Cause::ResetLeft { account: account(id)?, episode: Episode::Hour(number(hour)?) }
        }
        ["reset_left", id, "day", day] => {
            Cause::ResetLeft { account: account(id)?, episode: Episode::Day(number(day)?) }
        }
        ["fell", id, hour] => Cause::Fell { account: account(id)?, hour: number(hour)? },
        ["promotion", name, hour] => {
            Cause::Promotion { provider: provider(name)?, hour: number(hour)? }
        }
        ["plan", id, hour] => Cause::Plan { account: account(id)?, hour: number(hour)? },
        ["answers", name, week] => {
            Cause::Answers { provider: provider(name)?, week: number(week)? }
        }
        _ => return None,
    })
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn account(text: &str) -> Option<AccountId> {
    number(text).map(AccountId)
}

fn provider(name: &str) -> Option<Provider> {
    Provider::ALL.into_iter().find(|provider| provider.name() == name)
}

fn window(name: &str) -> Option<Window> {
    Window::ALL.into_iter().find(|window| window_name(*window) == name)
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, target: S) -> Result<S::Ok, S::Error> {
        target.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let Ok(cause) = String::deserialize(source)?.parse();
        Ok(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const A: AccountId = AccountId(3);
    const P: Provider = Provider::Claude;

    /// Each cause with the text under which versions before this one stored it.
    fn stored() -> Vec<(&'static str, Cause)> {
        let (account, provider, hour) = (A, P, 480_000);
        let (window, week) = (Window::FiveHour, Window::SevenDay);
        let exhausted = |episode| Cause::Exhausted { provider, episode };
        vec![
            ("sign_in:3", Cause::SignIn(A)),
            ("capture:3", Cause::Capture(A)),
            ("twin_login:3", Cause::SharedLogin(A)),
            ("login_ends:3:7:17", Cause::LoginEnds { account, days: 7, ends_ms: 17 }),
            ("unmanaged:claude", Cause::Unmanaged(P)),
            ("seat:codex", Cause::Seat(Provider::Codex)),
            ("keychain", Cause::Keychain),
            ("ledger", Cause::Ledger),
            ("note:Kept aside: a: b.", Cause::Note("Kept aside: a: b.".to_owned())),
            ("advice:claude:3", Cause::Advice { provider, to: A }),
            ("swap_done:12", Cause::SwapDone(12)),
            ("limits:3:week:480000", Cause::Limits { account, window: week, hour }),
            ("swap_failed:claude", Cause::SwapFailed(P)),
            ("stuck:1", Cause::Stuck(LaneId(1))),
            ("swap:12", Cause::Moved(12)),
            ("no_alternative:claude", Cause::NoAlternative(P)),
            ("lane_swap:12", Cause::Retold(Box::new(Cause::Moved(12)))),
            ("exhausted:claude:480000", exhausted(Episode::Hour(hour))),
            ("exhausted:claude:day:20000", exhausted(Episode::Day(20_000))),
            ("stall:claude", Cause::Stall(P)),
            ("same_tier:claude:3:480000", Cause::SameTier { provider, account, hour }),
            ("drain:3:480000", Cause::Drain { account, hour }),
            ("digest:-5", Cause::Digest { midnight_ms: -5 }),
            (
                "threshold:3:week:95:480000",
                Cause::Threshold { account, window: week, percent: 95, hour },
            ),
            ("reset:3:5-hour window:480000", Cause::Reset { account, window, hour }),
            ("reset_ends:3:7:480000", Cause::ResetEnds { account, days: 7, hour }),
            ("reset_left:3:480000", Cause::ResetLeft { account, episode: Episode::Hour(hour) }),
            ("reset_left:3:day:9", Cause::ResetLeft { account, episode: Episode::Day(9) }),
            ("fell:3:480000", Cause::Fell { account, hour }),
            ("promotion:claude:480000", Cause::Promotion { provider, hour }),
            ("plan:3:480000", Cause::Plan { account, hour }),
            ("answers:claude:2970", Cause::Answers { provider, week: 2_970 }),
            ("no_tray", Cause::NoTray),
            ("refused:busy", Cause::Refused(Code::Busy)),
            ("", Cause::default()),
        ]
    }

    #[test]
    fn stored_causes_are_read_and_written_as_before() {
        for (text, cause) in stored() {
            assert_eq!(text.parse(), Ok(cause.clone()), "{text}");
            assert_eq!(cause.to_string(), text);
            assert_eq!(serde_json::to_value(&cause).unwrap(), text);
        }
        let shapes = stored().into_iter().map(|(_, cause)| core::mem::discriminant(&cause));
        let told: BTreeSet<NoticeKind> = stored().iter().map(|(_, cause)| cause.kind()).collect();
        assert_eq!(told.len(), NoticeKind::ALL.len(), "each kind has a cause");
        assert_eq!(shapes.collect::<std::collections::HashSet<_>>().len(), 33, "each cause");
    }

    #[test]
    fn a_cause_of_another_version_keeps_its_text() {
        for text in [
            "sign_in",
            "sign_in:",
            "sign_in:x",
            "sign_in:03",
            "sign_in:3:4",
            "advice:claude",
            "stall:gemini",
            "login_ends:3:7",
            "reset:3:month:1",
            "refused:of_tomorrow",
            "x:y",
            ":",
        ] {
            let Ok(cause) = text.parse::<Cause>();
            assert_eq!(cause, Cause::Other(text.to_owned()));
            assert_eq!((cause.to_string(), cause.kind()), (text.to_owned(), NoticeKind::Other));
        }
    }
}
