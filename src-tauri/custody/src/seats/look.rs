//! Reads a seat while its tool may be writing it: a file is taken only when two reads agree.

use super::claude;
use super::found::{Found, FoundLogin};
use crate::clock;
use crate::error::CustodyError;
use crate::files::{Nowhere, Place, Read};
use crate::json::{Entry, Outline};
use crate::login::{AccountKey, Identity, SeatLogin};
use crate::refused::Unreadable;
use crate::seats::examine;
use crate::secret::Secret;
use crate::vault::Salt;
use sluice_engine::Provider;
use sluice_engine::limits::CONFIGURATION_BYTES_MAX;
use std::ffi::OsStr;
use std::path::Path;

/// Pause between two readings that must agree.
const AGREE_MS: u64 = 20;
/// Readings before a file counts as restless.
const READINGS_MAX: usize = 10;
/// A file not written for so long is at rest, and one reading is enough.
const AT_REST_MS: i64 = 1_000;

/// What a file of a seat held once it had come to rest.
#[allow(
    clippy::large_enum_variant,
    reason = "short-lived, one at a time, most often the large one"
)]
pub(crate) enum Stable {
    Absent,
    Unreadable(Unreadable),
    /// Changed with every reading.
    Restless,
    /// Its bytes and what they say (a login or a stub).
    Found(Secret, Found),
}

/// Reads until two readings agree and are understood; at most ten times.
///
/// An empty or torn file is a writer at work, never an absent login. With `expected`, a missing
/// file is waited for, too (deleted and about to be made again).
pub(crate) fn stable(
    place: &Place,
    name: &OsStr,
    provider: Provider,
    salt: &Salt,
    expected: bool,
) -> Stable {
    let mut before: Option<Secret> = None;
    let mut last = Stable::Absent;
    for reading in 0..READINGS_MAX {
        if reading > 0 {
            clock::rest(AGREE_MS);
        }
        match place.read(name) {
            Read::Absent if !expected => return Stable::Absent,
            Read::Absent => (before, last) = (None, Stable::Absent),
            Read::Unreadable(Unreadable::Torn) => {
                (before, last) = (None, Stable::Unreadable(Unreadable::Torn));
            }
            Read::Unreadable(why) => return Stable::Unreadable(why),
            Read::Bytes(bytes) => match examine(provider, &bytes, salt) {
                Found::Unreadable(why) => (before, last) = (None, Stable::Unreadable(why)),
                found => {
                    let agrees = before.as_ref().is_some_and(|before| before.same(&bytes));
                    if agrees || is_at_rest(place, name) {
                        return Stable::Found(bytes, found);
                    }
                    (before, last) = (Some(bytes), Stable::Restless);
                }
            },
        }
    }
    last
}

/// The login that was found with the file's bytes, or why there is none to work with.
pub(crate) fn login_in(
    provider: Provider,
    path: &Path,
    found: Stable,
) -> Result<(Secret, FoundLogin), CustodyError> {
    let path = path.to_path_buf();
    match found {
        Stable::Absent => Err(CustodyError::SeatAbsent { path }),
        Stable::Restless => Err(CustodyError::Restless),
        Stable::Unreadable(why) | Stable::Found(_, Found::Unreadable(why)) => {
            Err(CustodyError::SeatUnreadable { path, why })
        }
        Stable::Found(_, Found::Stub) => Err(CustodyError::SeatStub),
        Stable::Found(_, Found::Foreign(what)) => {
            Err(CustodyError::Foreign { provider, path, what })
        }
        Stable::Found(bytes, Found::Login(login)) => Ok((bytes, login)),
    }
}

fn is_at_rest(place: &Place, name: &OsStr) -> bool {
    place.modified_ms(name).is_some_and(|at| clock::now().millis() - at >= AT_REST_MS)
}

/// Claude Code's global configuration, found and read.
pub(crate) struct Configuration {
    pub(crate) place: Place,
    /// `None` when there is no such file.
    pub(crate) bytes: Option<Secret>,
    outline: Outline,
}

/// Whose a login is, with the configuration's whole block where that is where we know it from.
pub(crate) struct Named {
    pub(crate) identity: Identity,
    pub(crate) block: Option<Secret>,
    /// The tool's own files name somebody else.
    pub(crate) misnamed: bool,
}

impl Named {
    /// All that is known is the key it is kept under.
    pub(crate) fn only(key: AccountKey) -> Self {
        let identity = Identity { key, email: None, organization: None };
        Self { identity, block: None, misnamed: false }
    }

    /// The login of whoever is named; without its secrets.
    pub(crate) fn seat_login(self, login: FoundLogin) -> SeatLogin {
        SeatLogin {
            identity: self.identity,
            fingerprint: login.fingerprint,
            access_expires_at: login.access_expires_at,
            login_ends_at: login.login_ends_at,
            plan: login.plan,
            misnamed: self.misnamed,
        }
    }
}

fn refused(path: &Path, why: Unreadable) -> CustodyError {
    CustodyError::SeatUnreadable { path: path.to_path_buf(), why }
}

impl Configuration {
    /// Reads the configuration; a torn one is waited for.
    pub(crate) fn read(path: &Path) -> Result<Self, CustodyError> {
        let place = Place::locate(path).map_err(|nowhere| match nowhere {
            Nowhere::Absent => refused(path, Unreadable::NoIdentity),
            Nowhere::Unreadable(why) => refused(path, why),
        })?;
        let mut why = Unreadable::Torn;
        for reading in 0..READINGS_MAX {
            if reading > 0 {
                clock::rest(AGREE_MS);
            }
            match place.read_up_to(&place.name, CONFIGURATION_BYTES_MAX) {
                Read::Absent => {
                    return Ok(Self { place, bytes: None, outline: Outline::default() });
                }
                Read::Unreadable(Unreadable::Torn) => {}
                Read::Unreadable(why) => return Err(refused(path, why)),
                Read::Bytes(bytes) => match claude::top_level(&bytes) {
                    Ok((text, entries)) => {
                        let outline = Outline::of(text, &entries);
                        return Ok(Self { place, bytes: Some(bytes), outline });
                    }
                    Err(problem) => why = problem,
                },
            }
        }
        Err(refused(path, why))
    }

    /// Whether the tool uses an API key where no login lies in its credential file.
    pub(crate) fn holds_api_key(&self) -> bool {
        self.top_level().is_some_and(|(_, entries)| claude::holds_api_key(&entries))
    }

    /// Its text and its top level; `None` when there is no such file.
    pub(crate) fn top_level(&self) -> Option<(&str, Vec<Entry<'_>>)> {
        let text = std::str::from_utf8(self.bytes.as_ref()?.expose()).ok()?;
        Some((text, self.outline.entries(text)))
    }

    /// Who is named, if anybody.
    pub(crate) fn named(&self) -> Result<Option<Named>, CustodyError> {
        let Some((_, entries)) = self.top_level() else { return Ok(None) };
        let path = self.place.path(&self.place.name);
        let named = claude::read_identity(&entries).map_err(|why| refused(&path, why))?;
        Ok(named.map(|named| Named {
            identity: named.identity,
            block: Some(Secret::new(named.block.as_bytes().to_vec())),
            misnamed: false,
        }))
    }
}
