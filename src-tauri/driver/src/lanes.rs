//! Lanes beside the machine's own seat: where each account's own seat lies, and which lane a folder
//! belongs to. One answer for the driver, `sluice run` and the hooks.

use crate::paths::Paths;
use crate::whereabouts;
pub use sluice_custody::shared;
use sluice_custody::{Seat, Seats};
use sluice_engine::{AccountId, Generation, Provider, Utc};
use sluice_ledger::{Error, Field, LaneRow, Ledger, by_headroom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the lane that is the machine's own seat.
pub const DEFAULT: &str = sluice_ledger::DEFAULT_LANE;
/// The longest name of a lane, in characters.
pub const NAME_MAX: usize = 50;
/// How long the first use of a lane waits for another hand in it.
const WAIT: Duration = Duration::from_secs(1);

/// Where the driver notes which directory the machine's own seat of a provider is.
pub(crate) const SEAT_NOTE: &str = "seat.";

/// The seat a tool uses, as its environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeatInUse {
    /// The machine's own, whose account the default lane has.
    Default,
    /// An account's own.
    Own(AccountId),
    /// One that Sluice knows nothing of: whoever is signed in there is nobody of ours.
    Foreign(PathBuf),
}

/// Where somebody wants a tool to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// In this lane, by name.
    pub lane: Option<&'a str>,
    /// On this account, whatever its lane.
    pub account: Option<AccountId>,
    /// In this folder: its lane, when it has one.
    pub folder: Option<&'a Path>,
}

/// Where a tool runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The lane; `None` when an account was named.
    pub lane: Option<LaneRow>,
    /// The account.
    pub account: Option<AccountId>,
    /// The lane's generation now.
    pub generation: Generation,
    /// The lane has a seat per account: its pointer moves, no credential does.
    pub pointer: bool,
    /// The variable that points the tool at the account's own seat.
    pub environment: Option<(&'static str, PathBuf)>,
}

/// Why a tool cannot run there.
#[derive(Debug, thiserror::Error)]
pub enum NoPlace {
    /// The database.
    #[error("{0}")]
    Ledger(#[from] Error),
    /// The name of the lane.
    #[error("{0}")]
    Name(String),
    /// No account of the provider is kept.
    #[error("no {} account is kept yet; add one first", .0.name())]
    NoAccount(Provider),
    /// The account has no seat of its own; how to make one.
    #[error("{0}")]
    NoSeat(String),
}

/// Finds where a tool runs; a lane that is new, or has no account yet, gets one.
///
/// # Errors
/// [`NoPlace`].
pub fn place(
    ledger: &mut Ledger,
    paths: &Paths,
    provider: Provider,
    wish: Wish<'_>,
    now: Utc,
) -> Result<Place, NoPlace> {
    if let Some(account) = wish.account {
        return on_account(ledger, paths, provider, account);
    }
    let name = match wish.lane {
        Some(name) => Some(clean_name(name).map_err(NoPlace::Name)?),
        None => {
            let lanes = ledger.lanes()?;
            let bound = wish.folder.and_then(|folder| of_folder(&lanes, provider, folder));
            bound.map(|row| row.name.clone())
        }
    };
    match name.filter(|name| name != DEFAULT) {
        Some(name) => in_lane(ledger, paths, provider, &name, now),
        None => {
            let lane = ledger.default_lane(provider)?;
            let (account, generation) = (lane.lane.active, lane.lane.generation);
            Ok(Place { lane: Some(lane), account, generation, ..Place::default() })
        }
    }
}

/// The account's own seat, which nothing moves; where it has none and is live, the machine's own.
fn on_account(
    ledger: &mut Ledger,
    paths: &Paths,
    provider: Provider,
    account: AccountId,
) -> Result<Place, NoPlace> {
    let lane = ledger.default_lane(provider)?;
    if lane.lane.active == Some(account) && !ready(paths, provider, account) {
        let generation = lane.lane.generation;
        return Ok(Place {
            lane: Some(lane),
            account: Some(account),
            generation,
            ..Place::default()
        });
    }
    let environment = Some(own_seat(ledger, paths, provider, account)?);
    Ok(Place { account: Some(account), environment, ..Place::default() })
}

fn in_lane(
    ledger: &mut Ledger,
    paths: &Paths,
    provider: Provider,
    name: &str,
    now: Utc,
) -> Result<Place, NoPlace> {
    let mut lane = ledger.ensure_lane(provider, name, None)?;
    if lane.lane.active.is_none() {
        let first = first_ready(ledger, paths, provider)?;
        ledger.point_lane(lane.lane.id, first, lane.lane.generation, now, WAIT)?;
        lane = ledger.ensure_lane(provider, name, None)?;
    }
    let (account, generation) = (lane.lane.active, lane.lane.generation);
    let environment = match account {
        Some(account) => Some(own_seat(ledger, paths, provider, account)?),
        None => None,
    };
    Ok(Place { lane: Some(lane), account, generation, pointer: true, environment })
}

fn own_seat(
    ledger: &Ledger,
    paths: &Paths,
    provider: Provider,
    account: AccountId,
) -> Result<(&'static str, PathBuf), NoPlace> {
    let seat = seat(paths, provider, account);
    if signed_in(provider, &seat) {
        return Ok((provider.spec().home_variable, seat));
    }
    let label = ledger.account(account)?.map(|row| row.label).unwrap_or_default();
    Err(NoPlace::NoSeat(format!(
        "{label} has no seat of its own yet. `sluice lane seat {label}` makes one, or sign in to it \
         once with the official tool:\n  {}={} {}",
        provider.spec().home_variable,
        seat.display(),
        provider.spec().program
    )))
}

/// The account of the machine default when it has a seat of its own, else the first that has one,
/// else whoever is named in the complaint.
fn first_ready(
    ledger: &mut Ledger,
    paths: &Paths,
    provider: Provider,
) -> Result<AccountId, NoPlace> {
    let live = ledger.default_lane(provider)?.lane.active;
    let ids: Vec<AccountId> = ledger
        .accounts()?
        .into_iter()
        .filter(|row| row.provider == provider)
        .map(|row| row.id)
        .collect();
    let has_seat = |id: &AccountId| ready(paths, provider, *id);
    live.filter(has_seat)
        .or_else(|| ids.iter().copied().find(has_seat))
        .or(live)
        .or_else(|| ids.first().copied())
        .ok_or(NoPlace::NoAccount(provider))
}

/// The seat that a tool started from here uses.
///
/// # Errors
/// The database.
pub fn seat_in_use(ledger: &Ledger, paths: &Paths, provider: Provider) -> Result<SeatInUse, Error> {
    let Ok(home) = whereabouts::home() else { return Ok(SeatInUse::Foreign(PathBuf::new())) };
    let directory = |seats: Seats| seats.of(provider).map(|seat| seat.dir.clone());
    let used = directory(Seats::from_env(&home, |name| std::env::var_os(name)));
    let used = used.unwrap_or_default();
    let noted = ledger.setting(&seat_note(provider))?;
    let own = match noted.as_ref().and_then(|noted| noted.as_str()) {
        Some(noted) => PathBuf::from(noted),
        // No driver has noted it yet: where the tool looks when nothing is set.
        None => directory(Seats::from_env(&home, |_| None)).unwrap_or_default(),
    };
    if same_place(&used, &own) {
        return Ok(SeatInUse::Default);
    }
    let accounts = ledger.accounts()?;
    let ids = accounts.iter().filter(|row| row.provider == provider).map(|row| row.id);
    let found = ids.into_iter().find(|id| same_place(&used, &seat(paths, provider, *id)));
    Ok(found.map_or(SeatInUse::Foreign(used), SeatInUse::Own))
}

fn seat_note(provider: Provider) -> String {
    format!("{SEAT_NOTE}{}", provider.name())
}

/// One directory under two names is one.
fn same_place(one: &Path, other: &Path) -> bool {
    one == other
        || matches!(
            (std::fs::canonicalize(one), std::fs::canonicalize(other)),
            (Ok(one), Ok(other)) if one == other
        )
}

/// Notes where the driver has the machine's own seat, for those who only see a tool's environment.
pub(crate) fn note_seat(
    ledger: &mut Ledger,
    provider: Provider,
    directory: &Path,
) -> Result<(), Error> {
    // A name that is no text cannot be noted, and nothing is taken for it then.
    let Some(text) = directory.to_str() else { return Ok(()) };
    let (key, value) = (seat_note(provider), serde_json::Value::from(text));
    if ledger.setting(&key)?.as_ref() == Some(&value) {
        return Ok(());
    }
    ledger.set_setting(&key, &value)
}

/// An account's own seat: a directory that the official tool was signed in to by itself.
#[must_use]
pub fn seat(paths: &Paths, provider: Provider, account: AccountId) -> PathBuf {
    paths.home().join("seats").join(provider.name()).join(account.0.to_string())
}

/// Whether the tool is signed in to a seat. Only that a login lies there is looked at.
#[must_use]
pub fn signed_in(provider: Provider, seat: &Path) -> bool {
    Seat::at(provider, seat).login.is_file()
}

/// The configuration in a seat that names whose login lies there, where the login itself does not.
#[must_use]
pub fn config(provider: Provider, seat: &Path) -> Option<PathBuf> {
    Seat::at(provider, seat).config
}

/// Whether an account has a seat of its own that the tool is signed in to.
#[must_use]
pub fn ready(paths: &Paths, provider: Provider, account: AccountId) -> bool {
    signed_in(provider, &seat(paths, provider, account))
}

/// The usual choice among the accounts that have a seat of their own: nobody else can take a lane
/// whose pointer moves.
#[must_use]
pub fn with_seat(paths: &Paths, field: &Field) -> Option<AccountId> {
    let provider = field.lane.lane.provider;
    let mut ready_only = field.clone();
    ready_only.places.retain(|place| ready(paths, provider, place.account));
    by_headroom(&ready_only)
}

/// The lane bound to a folder, or to the nearest one above it.
#[must_use]
pub fn of_folder<'a>(
    lanes: &'a [LaneRow],
    provider: Provider,
    folder: &Path,
) -> Option<&'a LaneRow> {
    lanes
        .iter()
        .filter(|row| row.lane.provider == provider)
        .filter_map(|row| Some((row.folder.as_deref()?, row)))
        .filter(|(bound, _)| folder.starts_with(bound))
        .max_by_key(|(bound, _)| Path::new(bound).components().count())
        .map(|(_, row)| row)
}

/// A name for a lane, trimmed.
///
/// # Errors
/// What is wrong with it, for people.
pub fn clean_name(name: &str) -> Result<String, String> {
    let name = name.trim();
    let sane = !name.is_empty()
        && name.chars().count() <= NAME_MAX
        && !name.starts_with('-')
        && !name.chars().any(sluice_protocol::text::is_unseen);
    if sane {
        Ok(name.to_owned())
    } else {
        Err(format!("a lane's name has 1 to {NAME_MAX} visible characters and no dash first"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_engine::{Gates, Generation, Lane, LaneId};

    fn lane(id: i64, name: &str, folder: Option<&str>) -> LaneRow {
        LaneRow {
            lane: Lane {
                id: LaneId(id),
                provider: Provider::Claude,
                active: None,
                generation: Generation(0),
                model: None,
                gates: Gates::default(),
            },
            name: name.to_owned(),
            folder: folder.map(str::to_owned),
            since: None,
            automatic: true,
        }
    }

    #[test]
    fn the_nearest_bound_folder_wins_and_a_name_is_not_a_prefix() {
        let lanes = [
            lane(1, "default", None),
            lane(2, "home", Some("/home/me")),
            lane(3, "app", Some("/home/me/app")),
        ];
        let of = |folder: &str| {
            of_folder(&lanes, Provider::Claude, Path::new(folder)).map(|row| row.name.as_str())
        };
        assert_eq!(of("/home/me/app/src"), Some("app"));
        assert_eq!(of("/home/me/apple"), Some("home"));
        assert_eq!(of("/srv"), None);
        assert_eq!(
            of_folder(&lanes, Provider::Codex, Path::new("/home/me")).map(|row| row.lane.id),
            None
        );
    }

    #[test]
    fn names_are_short_and_no_option() {
        assert_eq!(clean_name("  work ").as_deref(), Ok("work"));
        for bad in ["", " ", "-x", "a\nb", "a\u{202e}b", "a\u{200b}b", &"x".repeat(51)] {
            assert!(clean_name(bad).is_err(), "{bad:?}");
        }
    }
}
