//! Corrects a tool configuration that names another account than the login in the seat.
//!
//! Claude Code fetches its profile beside its other requests and writes it down without another look at who is
//! signed in by then. Over a swap it writes the account that left: the tool then shows, caches and reports for
//! that one while it works on another login, for a day.

use crate::error::CustodyError;
use crate::files::Place;
use crate::journal::Party;
use crate::live::SETTLED_MS_MIN;
use crate::seats::found::Found;
use crate::seats::look::{Configuration, Stable};
use crate::{Agreement, Custody};
use sluice_engine::{Provider, Utc};

impl Custody {
    /// Whose the login in the seat certainly is, where the configuration names somebody else. A new
    /// sign-in is nobody's yet: what it names is right.
    pub(crate) fn owner_misnamed(&self, provider: Provider) -> Result<Option<Party>, CustodyError> {
        let Some(config) = self.config.seats.config(provider) else { return Ok(None) };
        let place = self.locate(provider)?;
        let login = match self.stable(&place, &place.name, provider, false) {
            Stable::Found(_, Found::Login(login)) => login,
            _ => return Ok(None),
        };
        let Some(named) = Configuration::read(config)?.named()? else { return Ok(None) };
        let named = named.identity.key;
        let owner = self.lineages.owner_beside(&login, &named, self.vault.pointers.as_ref())?;
        Ok(owner.filter(|owner| owner.key != named))
    }

    /// Puts the configuration right under its own lock, once both files have come to rest: signing in
    /// writes one after the other. The caller holds the seat's lease.
    pub(crate) fn agree(&self, provider: Provider, now: Utc) -> Result<Agreement, CustodyError> {
        let Some(owner) = self.owner_misnamed(provider)? else { return Ok(Agreement::Agrees) };
        if !self.is_settled(provider, now)? {
            return Ok(Agreement::Differs);
        }
        let (_, kept) = self.vault.load(owner.account)?;
        self.identify(provider, &owner, kept.identity.as_ref())?;
        tracing::info!(
            account = owner.account.0,
            "the tool's configuration named another account than its login is; it was put right"
        );
        Ok(Agreement::Mended)
    }

    fn is_settled(&self, provider: Provider, now: Utc) -> Result<bool, CustodyError> {
        let mut places = vec![self.locate(provider)?];
        if let Some(config) = self.config.seats.config(provider) {
            places.extend(Place::locate(config).ok());
        }
        let rests = |place: &Place| {
            let since = place.modified_ms(&place.name);
            since.is_some_and(|at| now.millis() - at >= SETTLED_MS_MIN)
        };
        Ok(places.iter().all(rests))
    }
}
