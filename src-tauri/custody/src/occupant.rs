//! What a seat holds: a login, a known empty shape, or something that is left alone.

use crate::Custody;
use crate::error::CustodyError;
use crate::files::{Place, Read};
use crate::journal::Intent;
use crate::login::SeatState;
use crate::refused::{ForeignLogin, Unreadable};
use crate::seats::codex::key_without_person;
use crate::seats::examine;
use crate::seats::found::Found;
use crate::seats::look::{Configuration, login_in};
use crate::secret::Secret;
use sluice_engine::Provider;
use std::ffi::OsStr;

impl Custody {
    pub(crate) fn inspect_seat(&self, provider: Provider) -> SeatState {
        let unreadable = |why| SeatState::Unreadable {
            path: self.credential_path(provider).unwrap_or_default(),
            why,
        };
        match self.login_of(provider) {
            Ok(state) => state,
            Err(CustodyError::NoSeat { .. }) => SeatState::Absent,
            Err(CustodyError::SeatAbsent { .. }) => self.empty(provider, SeatState::Absent),
            Err(CustodyError::SeatStub) => self.empty(provider, SeatState::Stub),
            Err(CustodyError::SeatUnreadable { path, why }) => SeatState::Unreadable { path, why },
            Err(CustodyError::Foreign { path, what, .. }) => SeatState::Foreign { path, what },
            Err(CustodyError::Barred { why }) => SeatState::Barred(why),
            Err(CustodyError::Restless) => unreadable(Unreadable::Torn),
            Err(_) => unreadable(Unreadable::Io),
        }
    }

    fn login_of(&self, provider: Provider) -> Result<SeatState, CustodyError> {
        let place = self.locate(provider)?;
        let path = place.path(&place.name);
        let (_, login) =
            login_in(provider, &path, self.stable(&place, &place.name, provider, false))?;
        let unnamed = CustodyError::SeatUnreadable { path, why: Unreadable::NoIdentity };
        let named = self.named(provider, &login)?.ok_or(unnamed)?;
        Ok(SeatState::Login(named.seat_login(login)))
    }

    fn empty(&self, provider: Provider, state: SeatState) -> SeatState {
        match self.check_signed_out(provider) {
            Err(CustodyError::Foreign { path, what, .. }) => SeatState::Foreign { path, what },
            Ok(()) | Err(_) => state,
        }
    }

    /// A seat without a login may still not be empty: signing in to the provider's console leaves an
    /// API key in Claude Code's configuration, which is what the tool uses then.
    pub(crate) fn check_signed_out(&self, provider: Provider) -> Result<(), CustodyError> {
        let Some(config) = self.config.seats.config(provider) else { return Ok(()) };
        match Configuration::read(config) {
            Ok(config) if config.holds_api_key() => {
                let path = config.place.path(&config.place.name);
                Err(CustodyError::Foreign { provider, path, what: ForeignLogin::ApiKey })
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

impl Custody {
    /// What came out must be what was looked at, or a newer login of the account that leaves: a login of
    /// somebody else, written at the last moment, goes back.
    pub(crate) fn check_came_out(
        &self,
        place: &Place,
        base: Option<&Secret>,
        intent: &Intent,
        staged: &OsStr,
        parked: &OsStr,
    ) -> Result<(), CustodyError> {
        let Some(base) = base else { return Ok(()) };
        let found = [staged, parked].into_iter().find_map(|name| match place.read(name) {
            Read::Bytes(bytes) => Some(bytes),
            Read::Absent | Read::Unreadable(_) => None,
        });
        match found {
            Some(bytes) if !bytes.same(base) && self.is_strange(intent, &bytes) => {
                Err(CustodyError::Unsettled)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Certainly not the outgoing account's: a login where nobody was signed in, another account's by
    /// its own word, or one of a kind that is not kept.
    fn is_strange(&self, intent: &Intent, bytes: &Secret) -> bool {
        match (examine(intent.provider, bytes, &self.salt), &intent.from) {
            (Found::Login(_), None) | (Found::Foreign(_), _) => true,
            (Found::Login(login), Some(from)) => login.identity.is_some_and(|found| {
                found.key != from.key && key_without_person(&found.key).as_ref() != Some(&from.key)
            }),
            (Found::Stub | Found::Unreadable(_), _) => false,
        }
    }
}
