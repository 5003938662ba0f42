//! The swap in a seat: exchange, park, fold, verify. Each step is journalled, so that recovery can tell how
//! far a crash let it come.

use crate::clock::{self, Stopwatch};
use crate::error::{CustodyError, FileError};
use crate::files::Place;
use crate::journal::{Intent, IntentId, Journal, Party, SagaOutcome, Step};
use crate::lease::{self, KernelLock, ToolLocks};
use crate::login::{AccountKey, Fingerprint, Identity, VintageRef};
use crate::refused::Unreadable;
use crate::seats::found::Found;
use crate::seats::locks::Locks;
use crate::seats::look::{Named, Stable};
use crate::seats::tool;
use crate::secret::Secret;
use crate::vault::Vintage;
use crate::{Custody, files, live};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sluice_engine::{AccountId, Generation, LaneId, Provider, Utc};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for our own lock of the seat.
const SEAT_PATIENCE: Duration = Duration::from_secs(2);
/// Longest wait for an account that is being refreshed.
const ACCOUNT_PATIENCE: Duration = Duration::from_millis(500);
/// Stagings before a seat that keeps changing is given up.
const STAGINGS_MAX: usize = 3;

/// What the driver asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapOrder {
    /// The lane.
    pub lane: LaneId,
    /// Its generation when the swap was decided.
    pub generation: Generation,
    /// Whose seat.
    pub provider: Provider,
    /// Who is live now; `None` for an empty or signed-out seat.
    pub from: Option<Party>,
    /// Who is to be live.
    pub to: Party,
}

/// A swap that is done: the new account is live and was read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swapped {
    /// The journal's row.
    pub intent: IntentId,
    /// Who was live.
    pub from: Option<AccountId>,
    /// Who is live.
    pub to: AccountId,
    /// The vintage that was placed.
    pub placed: VintageRef,
    /// The outgoing account's newest vintage.
    pub captured: Option<VintageRef>,
    /// Something that went less well than it should, for people; the swap stands.
    pub remarks: Vec<String>,
    /// Milliseconds from the order to the settlement.
    pub took_ms: u64,
}

/// A swap that was not done.
#[derive(Debug)]
pub enum SwapFailure {
    /// Refused before any intent was written; the outside was not touched.
    Refused(CustodyError),
    /// Begun and undone; the old account is live. The intent is settled.
    Undone {
        /// The journal's row.
        intent: IntentId,
        /// What kept it from being finished.
        cause: CustodyError,
    },
    /// Neither finished nor undone. Every file was kept. A person is to be told.
    Stuck {
        /// The journal's row; open still when its settlement could not be written.
        intent: IntentId,
        /// What kept it from being undone.
        cause: CustodyError,
        /// Files that hold a credential and were left in place.
        kept: Vec<PathBuf>,
    },
}

impl SwapFailure {
    /// The cause.
    #[must_use]
    pub const fn cause(&self) -> &CustodyError {
        match self {
            Self::Refused(cause) | Self::Undone { cause, .. } | Self::Stuck { cause, .. } => cause,
        }
    }
}

/// What recovery found out about one open intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The journal's row.
    pub intent: IntentId,
    /// The lane.
    pub lane: LaneId,
    /// Who was to be live.
    pub to: AccountId,
    /// How it ended.
    pub outcome: crate::journal::SagaOutcome,
    /// Whether the settlement is in the journal; if not, the next start tries again.
    pub settled: bool,
    /// Files that hold a credential and were left in place.
    pub kept: Vec<PathBuf>,
}

/// Our names beside the credential file, all starting with its own name.
pub(crate) fn staged_name(name: &OsStr, tag: &str) -> OsString {
    suffixed(name, &format!(".sluice-staged-{tag}"))
}

/// Where what came out of the seat is kept; says whose it is (0: nobody's).
pub(crate) fn parked_name(name: &OsStr, owner: Option<AccountId>, tag: &str) -> OsString {
    suffixed(name, &format!("{PARKED}{}-{tag}", owner.map_or(0, |account| account.0)))
}

/// The part of a parked name after the credential file's own name and before the owner.
pub(crate) const PARKED: &str = ".sluice-parked-";

fn suffixed(name: &OsStr, suffix: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(suffix);
    name
}

/// The live credential as the swap found it.
pub(crate) struct Live {
    pub(crate) bytes: Option<Secret>,
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The identity block that belongs to it.
    pub(crate) block: Option<Secret>,
    /// When its access token ends.
    pub(crate) access_expires_at: Option<Utc>,
    /// Its tool can renew it.
    pub(crate) renewable: bool,
}

/// A swap with everything it needs at hand; from here on only the seat's directory, the journal
/// and the tool's configuration are touched.
pub(crate) struct Prepared {
    pub(crate) place: Place,
    locks: ToolLocks,
    target: (VintageRef, Vintage),
    pub(crate) live: Live,
    captured: Option<VintageRef>,
}

impl Custody {
    pub(crate) fn swap_now(
        &self,
        order: &SwapOrder,
        journal: &mut dyn Journal,
    ) -> Result<Swapped, SwapFailure> {
        let watch = Stopwatch::start();
        let refused = SwapFailure::Refused;
        if order.from.as_ref().is_some_and(|from| from.key == order.to.key) {
            return Err(refused(CustodyError::InUse(order.to.account)));
        }
        self.clobbers.check(order.provider).map_err(refused)?;
        self.flush_unsealed().map_err(refused)?;
        let lease = self.seat_lease(order.provider, SEAT_PATIENCE).map_err(refused)?;
        let accounts = self.account_locks(order).map_err(refused)?;
        if let Err(error) = self.settle_parked_leased(order.provider, clock::now()) {
            tracing::warn!(code = error.code(), "what is parked stays");
        }
        let mut prepared = self.prepare(order).map_err(refused)?;
        let intent = self.intent(order, &prepared).map_err(refused)?;
        let id = journal.intent(&intent).map_err(|error| refused(error.into()))?;
        self.clobbers.begun(order.provider);
        let placed = self.place(&mut prepared, &intent, id, journal);
        let mut remarks = Vec::new();
        match placed {
            Ok(()) => {
                drop(prepared.locks);
                match self.fold_parked(&prepared.place, &intent) {
                    Ok(_) => drop(journal.step(id, Step::Folded)),
                    Err(error) => remarks.push(format!("what came out stays parked: {error}")),
                }
                if let Err(error) = journal.settle(id, &SagaOutcome::Committed) {
                    remarks.push(format!("the new account is live, but {error}"));
                }
            }
            Err(cause) => {
                if matches!(cause, CustodyError::Clobbered) {
                    self.clobbers.clobbered(order.provider);
                }
                // Putting back is an exchange, too: under the tool's locks.
                let settled = self.settle_failed(&intent, id, cause, journal);
                drop(prepared.locks);
                remarks.push(settled?);
            }
        }
        self.clobbers.swapped(order.provider, order.outgoing());
        drop((lease, accounts));
        Ok(Swapped {
            intent: id,
            from: order.from.as_ref().map(|party| party.account),
            to: order.to.account,
            placed: intent.target,
            captured: prepared.captured,
            remarks,
            took_ms: watch.elapsed_ms(),
        })
    }

    pub(crate) fn seat_lease(
        &self,
        provider: Provider,
        patience: Duration,
    ) -> Result<KernelLock, CustodyError> {
        let path = self.lease_dir().join(format!("seat-{}.lock", provider.name()));
        KernelLock::take(&path, &format!("the seat of {}", provider.name()), patience)
    }

    pub(crate) fn account_lock(
        &self,
        account: AccountId,
        patience: Duration,
    ) -> Result<KernelLock, CustodyError> {
        let path = self.lease_dir().join(format!("account-{}.lock", account.0));
        KernelLock::take(&path, "the account", patience)
    }

    /// Both accounts, in the order of their ids so that two callers never wait for each other.
    fn account_locks(&self, order: &SwapOrder) -> Result<Vec<KernelLock>, CustodyError> {
        let mut ids = vec![order.to.account];
        ids.extend(order.from.as_ref().map(|party| party.account));
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(|id| self.account_lock(id, ACCOUNT_PATIENCE)).collect()
    }

    /// Looks, captures and takes the tool's locks; nothing in the seat has changed after it.
    fn prepare(&self, order: &SwapOrder) -> Result<Prepared, CustodyError> {
        let target = self.vault.load(order.to.account)?;
        check_target(order, &target.1)?;
        if !live::is_sendable(&target.1, &self.salt) {
            return Err(CustodyError::KeptUnusable(live::UNSENDABLE));
        }
        let seats = &self.config.seats;
        if let Some(config) = seats.keeps_out(order.provider, &order.to.key) {
            return Err(CustodyError::NotAdmitted { config });
        }
        let place = self.locate(order.provider)?;
        if !place.is_writable(&place.name) {
            let path = place.path(&place.name);
            return Err(CustodyError::SeatUnreadable { path, why: Unreadable::ReadOnly });
        }
        // Captured before the tool's locks are taken: the keychain may be slow, the locks are not
        // ours to hold for long.
        let mut live = self.look(&place, order)?;
        self.capture_live(order, &live)?;
        let waiting = Stopwatch::start();
        loop {
            self.wait_for_renewal(&place, order, &mut live, waiting)?;
            let patience = lease::TOOL_WAIT_MAX.saturating_sub(waiting.elapsed());
            let locks = self.tool_locks(order.provider, &place, patience)?;
            live = self.look(&place, order)?;
            let captured = self.capture_live(order, &live)?;
            if self.check_not_renewing(order, &live).is_ok() {
                return Ok(Prepared { place, locks, target, live, captured });
            }
            // The tool needs its locks to write what is waited for.
            drop(locks);
        }
    }

    /// All locks the tool takes before it writes its login, in its order.
    fn tool_locks(
        &self,
        provider: Provider,
        place: &Place,
        patience: Duration,
    ) -> Result<ToolLocks, CustodyError> {
        let seat = self.config.seats.of(provider).ok_or(CustodyError::NoSeat { provider })?;
        match tool(provider).locks(seat, &place.dir_path) {
            Locks::Directories(locks) => ToolLocks::take(&locks, self.mark, patience),
            Locks::Files(paths) => ToolLocks::take_files(&paths, self.mark, patience),
        }
    }

    /// The live credential, if it is whose it should be.
    pub(crate) fn look(&self, place: &Place, order: &SwapOrder) -> Result<Live, CustodyError> {
        let path = place.path(&place.name);
        let expected = order.from.is_some();
        let (bytes, found) = match self.stable(place, &place.name, order.provider, expected) {
            Stable::Absent => return self.empty_seat(order, None),
            Stable::Unreadable(why) => return Err(CustodyError::SeatUnreadable { path, why }),
            Stable::Restless => return Err(CustodyError::Restless),
            Stable::Found(bytes, found) => (bytes, found),
        };
        let login = match found {
            Found::Stub => return self.empty_seat(order, Some(bytes)),
            Found::Unreadable(why) => return Err(CustodyError::SeatUnreadable { path, why }),
            Found::Foreign(what) => {
                return Err(CustodyError::Foreign { provider: order.provider, path, what });
            }
            Found::Login(login) => login,
        };
        let named = self.named(order.provider, &login)?;
        let from = order.from.as_ref();
        let Some(Named { identity: Identity { key, .. }, block, .. }) = named else {
            return Err(CustodyError::SeatUnreadable { path, why: Unreadable::NoIdentity });
        };
        if from.map(|party| &party.key) != Some(&key) {
            return Err(CustodyError::WrongAccount { expected: order.outgoing(), found: key });
        }
        if let Some(from) = from {
            // The keychain is not asked about what its pointer names already.
            let current = self.vault.current(from.account)?;
            if current.is_none_or(|current| current.fingerprint != login.fingerprint) {
                self.check_settled(place, from.account, &login)?;
            }
        }
        Ok(Live {
            bytes: Some(bytes),
            fingerprint: Some(login.fingerprint),
            block,
            access_expires_at: login.access_expires_at,
            renewable: login.refreshable,
        })
    }

    fn empty_seat(&self, order: &SwapOrder, bytes: Option<Secret>) -> Result<Live, CustodyError> {
        match (&order.from, &bytes) {
            (None, _) => {
                self.check_signed_out(order.provider)?;
                Ok(Live {
                    bytes,
                    fingerprint: None,
                    block: None,
                    access_expires_at: None,
                    renewable: false,
                })
            }
            (Some(_), Some(_)) => Err(CustodyError::SeatStub),
            (Some(_), None) => {
                let path = self.credential_path(order.provider)?;
                Err(CustodyError::SeatAbsent { path })
            }
        }
    }

    /// Seals the live login unless the vault has it.
    pub(crate) fn capture_live(
        &self,
        order: &SwapOrder,
        live: &Live,
    ) -> Result<Option<VintageRef>, CustodyError> {
        let (Some(from), Some(bytes)) = (&order.from, &live.bytes) else { return Ok(None) };
        let sealed = self.seal_live(order.provider, from, bytes, live.block.as_ref())?;
        Ok(Some(sealed.current().clone()))
    }

    fn intent(&self, order: &SwapOrder, prepared: &Prepared) -> Result<Intent, CustodyError> {
        let random = files::random(8)?;
        let tag = random.iter().fold(String::new(), |tag, byte| format!("{tag}{byte:02x}"));
        Ok(Intent {
            lane: order.lane,
            generation: order.generation,
            provider: order.provider,
            seat: self.credential_path(order.provider)?,
            from: order.from.clone(),
            to: order.to.clone(),
            live: prepared.live.fingerprint.clone(),
            target: prepared.target.0.clone(),
            tag,
        })
    }

    /// Captured → staged → exchanged → parked → identified → verified.
    fn place(
        &self,
        prepared: &mut Prepared,
        intent: &Intent,
        id: IntentId,
        journal: &mut dyn Journal,
    ) -> Result<(), CustodyError> {
        journal.step(id, Step::Captured)?;
        let staged = staged_name(&prepared.place.name, &intent.tag);
        self.stage(prepared, intent, &staged)?;
        journal.step(id, Step::Staged)?;
        prepared.locks.renew()?;
        // Looked at last: a tool that starts after this reads what is placed.
        self.check_not_renewing(&intent.order(), &prepared.live)?;
        let parked = parked_name(
            &prepared.place.name,
            intent.from.as_ref().map(|party| party.account),
            &intent.tag,
        );
        let place = &prepared.place;
        exchange(place, &staged, &parked, prepared.live.bytes.is_some())?;
        journal.step(id, Step::Exchanged)?;
        self.check_came_out(place, prepared.live.bytes.as_ref(), intent, &staged, &parked)?;
        if prepared.live.bytes.is_some() {
            park(place, &staged, &parked)?;
        }
        place.sync_dir()?;
        journal.step(id, Step::Parked)?;
        self.identify(intent.provider, &intent.to, prepared.target.1.identity.as_ref())?;
        journal.step(id, Step::Identified)?;
        if !self.live_is_target(place, intent) {
            return Err(CustodyError::Clobbered);
        }
        Ok(journal.step(id, Step::Verified)?)
    }

    /// Writes the new credential beside the live one, composed over what is live at this moment.
    fn stage(
        &self,
        prepared: &mut Prepared,
        intent: &Intent,
        staged: &OsStr,
    ) -> Result<(), CustodyError> {
        for _ in 0..STAGINGS_MAX {
            let place = &prepared.place;
            let unspliced = || CustodyError::SeatUnreadable {
                path: place.path(&place.name),
                why: Unreadable::NotJson,
            };
            let base = prepared.live.bytes.as_ref();
            let bytes =
                tool(intent.provider).compose(base, &prepared.target.1).ok_or_else(unspliced)?;
            place.create(staged, &bytes)?;
            let unchanged = match (place.read(&place.name), base) {
                (files::Read::Bytes(now), Some(base)) => now.same(base),
                (files::Read::Absent, None) => true,
                _ => false,
            };
            if unchanged {
                return Ok(());
            }
            place.remove(staged)?;
            let order = intent.order();
            prepared.live = self.look(&prepared.place, &order)?;
            prepared.captured = self.capture_live(&order, &prepared.live)?;
        }
        Err(CustodyError::Restless)
    }
}

fn check_target(order: &SwapOrder, target: &Vintage) -> Result<(), CustodyError> {
    if target.provider != order.provider || target.key != order.to.key {
        let expected = Some(order.to.key.clone());
        return Err(CustodyError::WrongAccount { expected, found: target.key.clone() });
    }
    if target.login_ends_at.is_some_and(|ends| ends <= clock::login_now()) {
        return Err(CustodyError::KeptUnusable("the login has reached its end"));
    }
    Ok(())
}

/// Lets the staged and the live file change places; an empty seat is simply filled.
fn exchange(
    place: &Place,
    staged: &OsStr,
    parked: &OsStr,
    occupied: bool,
) -> Result<(), CustodyError> {
    if !occupied {
        return Ok(place.rename_new(staged, &place.name)?);
    }
    // What comes out keeps its rights, and gets a name that no tool looks after.
    place.close_to_others(&place.name)?;
    match place.exchange(staged, &place.name) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS) => {
            Ok(place.replace_keeping(staged, &place.name, parked)?)
        }
        Err(errno) => {
            let path = place.path(&place.name);
            Err(FileError { what: "exchanging", path, source: errno.into() }.into())
        }
    }
}

/// Gives what came out its parked name; on a weak seat it has it already.
pub(crate) fn park(place: &Place, staged: &OsStr, parked: &OsStr) -> Result<(), CustodyError> {
    // Its tool may have written it anew right before the exchange; what lies parked is looked at again.
    if let Err(error) = place.close_to_others(staged) {
        tracing::warn!(%error, "what came out may be readable by others for a moment");
    }
    match place.rename_new(staged, parked) {
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}

impl SwapOrder {
    fn outgoing(&self) -> Option<AccountKey> {
        self.from.as_ref().map(|party| party.key.clone())
    }
}

impl Intent {
    pub(crate) fn order(&self) -> SwapOrder {
        SwapOrder {
            lane: self.lane,
            generation: self.generation,
            provider: self.provider,
            from: self.from.clone(),
            to: self.to.clone(),
        }
    }
}
