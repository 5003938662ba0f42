//! Finishes or undoes a swap that a crash left half done, by looking at the files and never by repeating.

use crate::error::CustodyError;
use crate::files::{Nowhere, Place, Read};
use crate::journal::{Intent, IntentId, Journal, OpenIntent, Party, SagaOutcome, Step};
use crate::refused::Unreadable;
use crate::seats::found::{Found, FoundLogin, same_login};
use crate::seats::locks::{Locks, ToolLock};
use crate::seats::look::{Configuration, Stable};
use crate::seats::{examine, tool};
use crate::secret::Secret;
use crate::swap::{Recovery, SwapFailure, park, parked_name, staged_name};
use crate::{Custody, identity, lease};
use sluice_engine::{AccountId, Provider};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for our own lock of the seat at start.
const PATIENCE: Duration = Duration::from_secs(10);
/// How an intent turned out when it was looked at.
struct Resolution {
    outcome: SagaOutcome,
    kept: Vec<PathBuf>,
}

/// Whose credential is in the seat.
enum Owner {
    Target,
    From,
    Unknown,
}

impl Custody {
    pub(crate) fn recover_now(
        &self,
        open: &[OpenIntent],
        journal: &mut dyn Journal,
    ) -> Vec<Recovery> {
        self.clear_own_locks();
        open.iter().map(|open| self.recover_one(open, journal)).collect()
    }

    /// Locks of the tool that an earlier process of ours took to its grave are given back.
    fn clear_own_locks(&self) {
        for (provider, seat) in self.config.seats.all() {
            // Those of the kernel end with their holder.
            let Locks::Directories(_) = tool(provider).locks(seat, &seat.dir) else { continue };
            let Ok(_lease) = self.seat_lease(provider, PATIENCE) else { continue };
            if let Ok(place) = self.locate(provider)
                && let Locks::Directories(locks) = tool(provider).locks(seat, &place.dir_path)
            {
                lease::clear_leftovers(&locks, self.mark);
            }
            if let Some(place) = seat.config.as_deref().and_then(|it| Place::locate(it).ok()) {
                let config = place.path(&place.name);
                lease::clear_leftovers(&[ToolLock::of_config(&config)], self.mark);
            }
        }
    }

    fn recover_one(&self, open: &OpenIntent, journal: &mut dyn Journal) -> Recovery {
        let lease = self.seat_lease(open.intent.provider, PATIENCE);
        let resolved = lease.and_then(|lease| {
            let resolution = self.resolve(&open.intent, open.last, "it was interrupted")?;
            journal.settle(open.id, &resolution.outcome)?;
            drop(lease);
            Ok(resolution)
        });
        let (outcome, settled, kept) = match resolved {
            Ok(resolution) => (resolution.outcome, true, resolution.kept),
            Err(error) => {
                (SagaOutcome::Stuck { why: error.to_string() }, false, self.ours(&open.intent))
            }
        };
        Recovery {
            intent: open.id,
            lane: open.intent.lane,
            to: open.intent.to.account,
            outcome,
            settled,
            kept,
        }
    }

    /// After a failed step: undo if that can be done, else look, and finish or undo.
    ///
    /// `Ok`: the swap turned out to be done after all.
    pub(crate) fn settle_failed(
        &self,
        intent: &Intent,
        id: IntentId,
        cause: CustodyError,
        journal: &mut dyn Journal,
    ) -> Result<String, SwapFailure> {
        let resolved = self.turn_back(intent).and_then(|resolution| {
            let outcome = match resolution.outcome {
                SagaOutcome::Undone { .. } => {
                    SagaOutcome::Undone { code: cause.code().to_owned(), why: cause.to_string() }
                }
                other @ (SagaOutcome::Committed | SagaOutcome::Stuck { .. }) => other,
            };
            journal.settle(id, &outcome)?;
            Ok((outcome, resolution.kept))
        });
        match resolved {
            Ok((SagaOutcome::Committed, _)) => Ok(format!("finished at the second try: {cause}")),
            Ok((SagaOutcome::Undone { .. }, _)) => Err(SwapFailure::Undone { intent: id, cause }),
            Ok((SagaOutcome::Stuck { .. }, kept)) => {
                Err(SwapFailure::Stuck { intent: id, cause, kept })
            }
            Err(error) => {
                tracing::error!(code = error.code(), "a failed swap could not be undone");
                Err(SwapFailure::Stuck { intent: id, cause, kept: self.ours(intent) })
            }
        }
    }

    /// Puts the old credential back if the new one is live, then looks.
    fn turn_back(&self, intent: &Intent) -> Result<Resolution, CustodyError> {
        let place = self.place_of(intent)?;
        let parked = parked_of(&place, intent);
        let staged = staged_name(&place.name, &intent.tag);
        let displaced = [parked, staged].into_iter().find(|name| {
            matches!(place.read(name), Read::Bytes(bytes) if self.is_outgoing(intent, &bytes))
        });
        if let (Some(displaced), true) = (displaced, self.live_is_target(&place, intent)) {
            // A seat without exchange keeps what is live now; the look below finishes the swap.
            if place.exchange(&displaced, &place.name).is_ok() {
                let came_out = place.read(&displaced);
                if matches!(came_out, Read::Bytes(bytes) if self.is_target(intent, &bytes)) {
                    place.remove(&displaced)?;
                }
                place.sync_dir()?;
                self.restore_identity(intent)?;
                return Ok(undone("put back"));
            }
        }
        self.resolve(intent, None, "a step failed")
    }

    /// One reading suffices to see that it is exactly what we placed.
    pub(crate) fn live_is_target(&self, place: &Place, intent: &Intent) -> bool {
        matches!(place.read(&place.name), Read::Bytes(bytes) if self.is_target(intent, &bytes))
    }

    fn is_target(&self, intent: &Intent, bytes: &Secret) -> bool {
        matches!(examine(intent.provider, bytes, &self.salt),
            Found::Login(login) if login.fingerprint == intent.target.fingerprint)
    }

    /// Anything complete that is not what we were about to place.
    fn is_outgoing(&self, intent: &Intent, bytes: &Secret) -> bool {
        match examine(intent.provider, bytes, &self.salt) {
            Found::Login(login) => login.fingerprint != intent.target.fingerprint,
            Found::Stub => intent.from.is_none(),
            Found::Foreign(_) => true,
            Found::Unreadable(_) => false,
        }
    }

    fn place_of(&self, intent: &Intent) -> Result<Place, CustodyError> {
        let path = intent.seat.clone();
        Place::locate(&path).map_err(|nowhere| match nowhere {
            Nowhere::Absent => CustodyError::SeatAbsent { path },
            Nowhere::Unreadable(why) => CustodyError::SeatUnreadable { path, why },
        })
    }

    /// Walks the checks from the last step backwards: exchanged? then whose is live? then finish
    /// or undo; what is neither is left alone with every file.
    fn resolve(
        &self,
        intent: &Intent,
        last: Option<Step>,
        why: &str,
    ) -> Result<Resolution, CustodyError> {
        let place = self.place_of(intent)?;
        let staged = staged_name(&place.name, &intent.tag);
        if !self.was_exchanged(&place, intent, last)? {
            place.remove(&staged)?;
            place.sync_dir()?;
            return Ok(undone(why));
        }
        let parked = parked_of(&place, intent);
        park(&place, &staged, &parked)?;
        place.sync_dir()?;
        if let Err(error) = self.fold_parked(&place, intent) {
            tracing::warn!(code = error.code(), "what came out stays parked");
        }
        if self.live_is_target(&place, intent) {
            self.identify_from_vault(intent.provider, &intent.to)?;
            return Ok(Resolution { outcome: SagaOutcome::Committed, kept: Vec::new() });
        }
        let live = self.stable(&place, &place.name, intent.provider, true);
        let owner = match &live {
            Stable::Unreadable(why @ (Unreadable::Io | Unreadable::NoPermission)) => {
                let path = place.path(&place.name);
                return Err(CustodyError::SeatUnreadable { path, why: *why });
            }
            Stable::Found(_, Found::Login(login)) => self.owner(intent, login)?,
            Stable::Found(_, Found::Stub) if intent.from.is_none() => Owner::From,
            Stable::Found(..) | Stable::Absent | Stable::Unreadable(_) | Stable::Restless => {
                Owner::Unknown
            }
        };
        match owner {
            Owner::Target => {
                self.identify_from_vault(intent.provider, &intent.to)?;
                Ok(Resolution { outcome: SagaOutcome::Committed, kept: Vec::new() })
            }
            Owner::From => {
                self.restore_identity(intent)?;
                if let (Some(from), Stable::Found(bytes, _)) = (&intent.from, &live) {
                    self.seal(intent.provider, from, bytes, None)?;
                }
                Ok(undone(why))
            }
            Owner::Unknown => Ok(Resolution {
                outcome: SagaOutcome::Stuck {
                    why: "the seat holds neither of the two logins; every file was kept".to_owned(),
                },
                kept: self.ours(intent),
            }),
        }
    }

    fn was_exchanged(
        &self,
        place: &Place,
        intent: &Intent,
        last: Option<Step>,
    ) -> Result<bool, CustodyError> {
        // A file system that fails for the moment tells nothing: the intent stays open then.
        let read = |name: &OsStr| match place.read(name) {
            Read::Unreadable(why) => {
                Err(CustodyError::SeatUnreadable { path: place.path(name), why })
            }
            read @ (Read::Absent | Read::Bytes(_)) => Ok(read),
        };
        if matches!(read(&parked_of(place, intent))?, Read::Bytes(_)) {
            return Ok(true);
        }
        let live_is_target = || {
            let live = read(&place.name)?;
            Ok(matches!(live, Read::Bytes(bytes) if self.is_target(intent, &bytes)))
        };
        match read(&staged_name(&place.name, &intent.tag))? {
            Read::Bytes(bytes) => match examine(intent.provider, &bytes, &self.salt) {
                Found::Login(login) => Ok(login.fingerprint != intent.target.fingerprint),
                // Cut off by a crash while it was written, or cut by the tool after it came out.
                Found::Stub | Found::Foreign(_) | Found::Unreadable(_) => live_is_target(),
            },
            Read::Absent | Read::Unreadable(_) if last >= Some(Step::Exchanged) => Ok(true),
            Read::Absent | Read::Unreadable(_) => live_is_target(),
        }
    }

    fn owner(&self, intent: &Intent, live: &FoundLogin) -> Result<Owner, CustodyError> {
        if live.fingerprint == intent.target.fingerprint {
            return Ok(Owner::Target);
        }
        let (_, to) = self.vault.load(intent.to.account)?;
        let Some(from) = &intent.from else {
            return Ok(if same_login(live, &to) { Owner::Target } else { Owner::Unknown });
        };
        if intent.live.as_ref() == Some(&live.fingerprint)
            || self.vault.holds(from.account, &live.fingerprint)?
        {
            return Ok(Owner::From);
        }
        let (_, kept) = self.vault.load(from.account)?;
        Ok(match (same_login(live, &kept), same_login(live, &to)) {
            (true, false) => Owner::From,
            (false, true) => Owner::Target,
            (true, true) | (false, false) => Owner::Unknown,
        })
    }

    fn identify_from_vault(&self, provider: Provider, party: &Party) -> Result<(), CustodyError> {
        if self.names(provider, &party.key)? {
            return Ok(());
        }
        let (_, vintage) = self.vault.load(party.account)?;
        self.identify(provider, party, vintage.identity.as_ref())
    }

    /// Names the old account again, but only where the configuration names the new one.
    fn restore_identity(&self, intent: &Intent) -> Result<(), CustodyError> {
        match &intent.from {
            Some(from) if self.names(intent.provider, &intent.to.key)? => {
                self.identify_from_vault(intent.provider, from)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn names(&self, provider: Provider, key: &crate::AccountKey) -> Result<bool, CustodyError> {
        let Some(config) = self.config.seats.config(provider) else { return Ok(true) };
        let named = Configuration::read(config)?.named()?;
        Ok(named.is_some_and(|named| named.identity.key == *key))
    }

    /// Makes the tool's configuration name the account that is in the seat now.
    pub(crate) fn identify(
        &self,
        provider: Provider,
        party: &Party,
        block: Option<&Secret>,
    ) -> Result<(), CustodyError> {
        let Some(config) = self.config.seats.config(provider) else { return Ok(()) };
        let block = block.ok_or(CustodyError::KeptUnusable("it came without its identity"))?;
        identity::place(config, &party.key, block, self.mark).map(|_| ())
    }

    /// Seals what lies parked for this intent, if it is newer than what the vault has.
    pub(crate) fn fold_parked(&self, place: &Place, intent: &Intent) -> Result<bool, CustodyError> {
        let Some(from) = &intent.from else { return Ok(false) };
        let parked = parked_of(place, intent);
        self.fold(place, &parked, intent.provider, from)
    }

    /// `Ok(true)`: the vault holds this file's credential, or there is none in it to hold.
    pub(crate) fn fold(
        &self,
        place: &Place,
        parked: &OsStr,
        provider: Provider,
        owner: &Party,
    ) -> Result<bool, CustodyError> {
        match self.stable(place, parked, provider, false) {
            // Written by a tool that held the file open: it stays, and is nobody's that is kept here.
            Stable::Found(_, Found::Login(login)) if self.is_anothers(owner.account, &login)? => {
                Ok(false)
            }
            Stable::Found(bytes, Found::Login(_)) => {
                let sealed = self.seal(provider, owner, &bytes, None)?;
                Ok(!matches!(sealed, crate::Sealed::Older(_)))
            }
            Stable::Found(_, Found::Stub) | Stable::Absent => Ok(true),
            Stable::Found(_, Found::Foreign(_) | Found::Unreadable(_))
            | Stable::Unreadable(_)
            | Stable::Restless => Ok(false),
        }
    }

    /// Our files of this intent that are there now.
    fn ours(&self, intent: &Intent) -> Vec<PathBuf> {
        let Ok(place) = self.place_of(intent) else { return Vec::new() };
        [staged_name(&place.name, &intent.tag), parked_of(&place, intent)]
            .into_iter()
            .filter(|name| !matches!(place.read(name), Read::Absent))
            .map(|name| place.path(&name))
            .collect()
    }
}

fn undone(why: &str) -> Resolution {
    let outcome = SagaOutcome::Undone { code: "interrupted".to_owned(), why: why.to_owned() };
    Resolution { outcome, kept: Vec::new() }
}

fn parked_of(place: &Place, intent: &Intent) -> OsString {
    let owner: Option<AccountId> = intent.from.as_ref().map(|party| party.account);
    parked_name(&place.name, owner, &intent.tag)
}
