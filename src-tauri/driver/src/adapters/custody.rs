//! Custody behind its trait; its journal and pointers are rows of the ledger.

use super::Shared;
use super::seat::{seat_report, sentence};
use crate::clock::Clock;
use crate::lanes;
use crate::paths::Paths;
use crate::ports::{
    Custody, Health, Holder, Kept, PortError, Recovered, RefreshReport, Renewal, SeatReport,
    Settled, SharedLogin, SwapOrder, SwapReport, TokenAnswer,
};
use crate::whereabouts;
use sluice_custody as real;
use sluice_custody::{
    CustodyError, Intent, IntentId, Journal, OpenIntent, Party, Pointers, RecordError,
    RefreshOutcome, SagaOutcome, Seats, Step, StoreError, SwapFailure, VintageRef,
};
use sluice_engine::{AccountId, AskedBy, Provider, Trigger, Utc};
use sluice_ledger::{Commit, NewRequest, NewSwap, RequestKind, SwapId, VintageRow};
use sluice_protocol::Code;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) struct RealCustody {
    custody: Arc<real::Custody>,
    watched: Vec<(Provider, PathBuf)>,
    /// Homes of the tools that are not their seats, and where the accounts' own seats would be.
    elsewhere: Vec<(Provider, PathBuf)>,
    paths: Paths,
    ledger: Shared,
    clock: Clock,
}

impl RealCustody {
    pub(super) fn new(
        custody: real::Custody,
        (seats, home, paths): (&Seats, &Path, &Paths),
        ledger: Shared,
        clock: Clock,
    ) -> Self {
        let usual = Seats::from_env(home, |_| None);
        let elsewhere = Provider::ALL
            .into_iter()
            .filter_map(|provider| Some((provider, usual.credential_path(provider)?)))
            .collect();
        let config = |provider| Some((provider, seats.config(provider)?.to_path_buf()));
        let configs = Provider::ALL.into_iter().filter_map(config);
        let files = Provider::ALL
            .into_iter()
            .filter_map(|provider| Some((provider, seats.credential_path(provider)?)));
        let decides = whereabouts::deciding(seats);
        let watched = files.chain(configs).chain(decides).collect();
        Self { custody: Arc::new(custody), watched, elsewhere, paths: paths.clone(), ledger, clock }
    }
}

impl RealCustody {
    /// Whether the tool's own background process runs: it holds the login it was started with.
    fn lingers(&self, provider: Provider) -> bool {
        let Some(background) = &provider.spec().background else { return false };
        let file = self.watched.iter().find(|(whose, _)| *whose == provider);
        let home = file.and_then(|(_, file)| file.parent());
        home.is_some_and(|home| {
            std::os::unix::net::UnixStream::connect(home.join(background.socket)).is_ok()
        })
    }
}

impl Custody for RealCustody {
    fn health(&self) -> Health {
        health(self.custody.health())
    }

    fn watched(&self) -> Vec<(Provider, PathBuf)> {
        self.watched.clone()
    }

    fn seat(&self, provider: Provider) -> SeatReport {
        seat_report(provider, self.custody.inspect(provider))
    }

    fn capture(
        &self,
        provider: Provider,
        account: AccountId,
        key: &str,
    ) -> Result<Kept, PortError> {
        let expect = real::AccountKey(key.to_owned());
        let captured = self.custody.capture(provider, account, &expect).map_err(|e| trouble(&e))?;
        Ok(Kept {
            access_expires_at: captured.login.access_expires_at,
            login_ends_at: captured.login.login_ends_at,
            login_since: None,
        })
    }

    fn kept(&self, _provider: Provider, account: AccountId) -> Result<Kept, PortError> {
        match self.custody.kept(account) {
            Ok(kept) => Ok(Kept {
                access_expires_at: kept.access_expires_at,
                login_ends_at: kept.login_ends_at,
                login_since: None,
            }),
            Err(error @ CustodyError::KeptUnusable(_)) => {
                Err(PortError::new(Code::NoCredential, sentence(&error.to_string())))
            }
            Err(error) => Err(trouble(&error)),
        }
    }

    fn bearer(&self, _provider: Provider, holder: Holder) -> Result<http::HeaderValue, PortError> {
        let holder = match holder {
            Holder::Seat(provider) => real::Holder::Seat(provider),
            Holder::Account(account) => real::Holder::Account(account),
        };
        self.custody.bearer(holder).map_err(|error| trouble(&error))
    }

    fn begin_refresh(
        &self,
        _provider: Provider,
        account: AccountId,
        patient: bool,
    ) -> Result<Box<dyn Renewal>, RefreshReport> {
        let begun = if patient {
            self.custody.begin_refresh(account)
        } else {
            self.custody.try_begin_refresh(account)
        };
        match begun {
            Ok(ticket) => Ok(Box::new(RealRenewal { custody: Arc::clone(&self.custody), ticket })),
            Err(CustodyError::NotKept(_) | CustodyError::KeptUnusable(_)) => {
                Err(RefreshReport::NeedsSignIn("no usable login is kept for it".to_owned()))
            }
            Err(error) => Err(later(error.to_string(), None)),
        }
    }

    fn swap(&self, order: &SwapOrder) -> SwapReport {
        let party = |(account, key): &(AccountId, String)| Party {
            account: *account,
            key: real::AccountKey(key.clone()),
        };
        let asked = real::SwapOrder {
            lane: order.lane,
            generation: order.generation,
            provider: order.provider,
            from: order.from.as_ref().map(party),
            to: party(&order.to),
        };
        let mut journal = SwapJournal::new(&self.ledger, self.clock, Some(order));
        match self.custody.swap(&asked, &mut journal) {
            Ok(swapped) => {
                for remark in &swapped.remarks {
                    tracing::warn!(%remark, "a swap went less well than it should");
                }
                let lingering = self.lingers(order.provider);
                let caveats = whereabouts::caveats(order.provider, None, None);
                let caveats = caveats.iter().map(ToString::to_string).collect();
                let settled = journal.settled.pop().map(Box::new);
                SwapReport::Committed { row: swapped.intent.0, settled, lingering, caveats }
            }
            Err(failure) => failed(&failure),
        }
    }

    fn shared_logins(&self) -> Vec<SharedLogin> {
        let accounts = self.ledger.lock().accounts().unwrap_or_default();
        let mut places = self.elsewhere.clone();
        for row in &accounts {
            let seat = lanes::seat(&self.paths, row.provider, row.id);
            places.push((row.provider, real::Seat::at(row.provider, &seat).login));
        }
        let ids: Vec<AccountId> = accounts.iter().map(|row| row.id).collect();
        let found = self.custody.shared_logins(&ids, &places).unwrap_or_else(|error| {
            tracing::debug!(code = error.code(), "other places are looked into later");
            Vec::new()
        });
        let named = found.into_iter().map(|shared| SharedLogin {
            account: shared.account,
            linked: shared.linked,
            also_in: shared.place.map_or_else(
                || "another account kept here".to_owned(),
                |place| place.display().to_string(),
            ),
        });
        named.collect()
    }

    fn settle_parked(&self, provider: Provider) {
        if let Err(error) = self.custody.settle_parked(provider) {
            tracing::debug!(code = error.code(), "what is parked stays for the next time");
        }
        if let Err(error) = self.custody.reconcile_identity(provider) {
            tracing::debug!(code = error.code(), "the tool's configuration is compared later");
        }
    }

    fn recover(&self) -> Vec<Recovered> {
        let open = match self.ledger.lock().pending_swaps() {
            Ok(rows) => rows,
            Err(error) => {
                // Asked again later, as for a swap that could not be settled.
                let text = format!("The journal could not be read: {error}.");
                let lane = sluice_engine::LaneId(0);
                return vec![Recovered {
                    lane,
                    committed: None,
                    stuck: false,
                    settled: false,
                    text,
                }];
            }
        };
        let open: Vec<OpenIntent> = open.into_iter().filter_map(open_intent).collect();
        let mut journal = SwapJournal::new(&self.ledger, self.clock, None);
        let recoveries = self.custody.recover(&open, &mut journal);
        recoveries.into_iter().map(|found| recovered(found, &journal.settled)).collect()
    }

    fn forget(&self, account: AccountId) -> Result<(), PortError> {
        let at = self.clock.now().wall;
        self.custody.forget(account).map_err(|error| trouble(&error))?;
        note_write(&mut self.ledger.lock(), (VAULT, ""), (account, "removed"), at);
        Ok(())
    }
}

/// A renewal under way: custody's ticket holds the account's lock until it ends.
struct RealRenewal {
    custody: Arc<real::Custody>,
    ticket: real::RefreshTicket,
}

impl Renewal for RealRenewal {
    fn body(&self) -> Zeroizing<Vec<u8>> {
        self.ticket.body()
    }

    fn finish(self: Box<Self>, answer: Option<TokenAnswer>) -> RefreshReport {
        let Some(answer) = answer else {
            return later("the provider did not answer".to_owned(), None);
        };
        let outcome = self.custody.finish_refresh(self.ticket, answer.status, answer.body);
        report(&outcome, answer.retry_after_s)
    }
}

fn later(text: String, retry_after_s: Option<u64>) -> RefreshReport {
    RefreshReport::Later { text, retry_after_s }
}

/// What an outcome means for the account; where the provider named no pause, its class does.
fn report(outcome: &RefreshOutcome, asked_s: Option<u64>) -> RefreshReport {
    let wait = asked_s.or(Some(outcome.cooldown_s()));
    match outcome {
        RefreshOutcome::Rotated { vintage: _, access_expires_at } => {
            RefreshReport::Kept(Kept { access_expires_at: *access_expires_at, ..Kept::default() })
        }
        RefreshOutcome::Unsealed { code } => later(
            format!("the renewed login is held in memory, the keychain did not take it ({code})"),
            wait,
        ),
        RefreshOutcome::Unsendable { .. } => RefreshReport::Unsendable,
        RefreshOutcome::IdentityConflict => RefreshReport::NeedsSignIn(
            "its renewal was answered with the login of another account (identity_conflict); what came \
             is kept apart and not used"
                .to_owned(),
        ),
        RefreshOutcome::NeedsSignIn => {
            RefreshReport::NeedsSignIn("the provider refused its login".to_owned())
        }
        RefreshOutcome::OurFault { code } => {
            later(format!("the provider refused the request ({code})"), Some(3_600))
        }
        RefreshOutcome::EdgeBlocked => {
            later("a filter answered instead of the provider".to_owned(), wait)
        }
        RefreshOutcome::Throttled => {
            later("the provider asked to wait".to_owned(), asked_s.or(Some(900)))
        }
        RefreshOutcome::ServerError => later("the provider failed".to_owned(), wait),
        RefreshOutcome::ReplyLost => later("the provider's answer was lost".to_owned(), wait),
    }
}

pub(super) fn health(found: real::Health) -> Health {
    match found {
        real::Health::Ok => Health::Ok,
        real::Health::Locked => Health::Locked,
        real::Health::Absent => Health::Absent,
        real::Health::Hanging => Health::Hanging,
    }
}

fn trouble(error: &CustodyError) -> PortError {
    PortError::new(code(error), sentence(&error.to_string()))
}

/// What custody's trouble is called outside.
fn code(error: &CustodyError) -> Code {
    match error {
        CustodyError::NoSeat { .. } => Code::NoSeat,
        CustodyError::SeatAbsent { .. } | CustodyError::SeatStub => Code::NotSignedIn,
        CustodyError::SeatUnreadable { .. } => Code::SeatUnreadable,
        CustodyError::Foreign { .. } => Code::ForeignLogin,
        CustodyError::Barred { .. } => Code::Barred,
        CustodyError::NotAdmitted { .. } => Code::NotAdmitted,
        CustodyError::WrongAccount { .. } => Code::WrongAccount,
        CustodyError::Unsettled => Code::Unsettled,
        CustodyError::NotKept(_) => Code::NoCredential,
        CustodyError::KeptUnusable(_) => Code::KeptUnusable,
        CustodyError::InUse(_) => Code::InUse,
        CustodyError::LockTimeout { .. } => Code::LockTimeout,
        CustodyError::TooSlow(_) => Code::TooSlow,
        CustodyError::ToolRenews { .. } => Code::ToolRenews,
        CustodyError::Restless => Code::Restless,
        CustodyError::Clobbered => Code::Clobbered,
        CustodyError::ForeignWriter { .. } => Code::ForeignWriter,
        CustodyError::Vault { .. } => Code::Vault,
        CustodyError::Keychain(error) => keychain_code(error),
        CustodyError::File(_) => Code::File,
        CustodyError::Record(_) => Code::Record,
    }
}

/// The same of the store of logins.
pub(crate) const fn keychain_code(error: &StoreError) -> Code {
    match error {
        StoreError::Locked => Code::KeychainLocked,
        StoreError::Absent => Code::KeychainAbsent,
        StoreError::Hanging => Code::KeychainHanging,
        StoreError::Refused => Code::KeychainRefused,
        StoreError::Mismatch => Code::KeychainMismatch,
        StoreError::Failed(_) => Code::KeychainFailed,
    }
}

/// The tool is at its login, or another swap is: over in a moment, and nobody's failure.
fn passes(cause: &CustodyError) -> bool {
    matches!(
        cause,
        CustodyError::ToolRenews { .. }
            | CustodyError::LockTimeout { .. }
            | CustodyError::Unsettled
            | CustodyError::Restless
    )
}

fn failed(failure: &SwapFailure) -> SwapReport {
    match failure {
        SwapFailure::Refused(cause @ CustodyError::WrongAccount { .. }) => {
            SwapReport::Stale { text: sentence(&cause.to_string()) }
        }
        SwapFailure::Refused(CustodyError::Record(RecordError::Stale(text))) => {
            SwapReport::Stale { text: sentence(text) }
        }
        // Codex came between the last look and the exchange: as if it had been seen before.
        SwapFailure::Refused(cause) | SwapFailure::Undone { cause, .. } if passes(cause) => {
            SwapReport::Waits { trouble: trouble(cause) }
        }
        SwapFailure::Refused(cause) => SwapReport::Failed { row: None, trouble: trouble(cause) },
        SwapFailure::Undone { intent, cause } => {
            SwapReport::Failed { row: Some(intent.0), trouble: trouble(cause) }
        }
        SwapFailure::Stuck { intent, cause, kept } => {
            let files: Vec<_> = kept.iter().map(|path| path.display().to_string()).collect();
            let text = format!(
                "The last swap could neither be finished nor undone: {cause}. Nothing is written \
                 any more. Every login was kept{}; sign in with the tool again, then start Sluice \
                 anew.",
                if files.is_empty() { String::new() } else { format!(" ({})", files.join(", ")) }
            );
            SwapReport::Stuck { row: Some(intent.0), text }
        }
    }
}

fn open_intent(row: sluice_ledger::SwapRow) -> Option<OpenIntent> {
    let intent = match serde_json::from_value(row.swap.intent) {
        Ok(intent) => intent,
        Err(error) => {
            tracing::error!(swap = row.id.0, %error, "an open intent was not understood; it is left open");
            return None;
        }
    };
    let last = row.steps.last().and_then(|step| serde_json::from_value(step.step.clone()).ok());
    Some(OpenIntent { id: IntentId(row.id.0), intent, last })
}

fn recovered(found: real::Recovery, settled: &[Settled]) -> Recovered {
    let (committed, stuck, text) = match found.outcome {
        SagaOutcome::Committed => {
            let own = settled.iter().rfind(|one| one.lane.id == found.lane).cloned();
            (own, false, "The last swap was finished.".to_owned())
        }
        SagaOutcome::Undone { why, .. } => {
            (None, false, format!("The last swap was undone: {why}."))
        }
        SagaOutcome::Stuck { why } => (
            None,
            true,
            format!(
                "The last swap could neither be finished nor undone: {why}. Every login was kept; sign \
             in with the tool again, then start Sluice anew."
            ),
        ),
    };
    Recovered { lane: found.lane, committed, stuck, settled: found.settled, text }
}

/// The ledger's pointers to vintages.
pub(super) struct LedgerPointers(pub(super) Shared);

impl Pointers for LedgerPointers {
    fn current(&self, account: AccountId) -> Result<Option<VintageRef>, RecordError> {
        let row = self.0.lock().current_vintage(account).map_err(record)?;
        Ok(row.map(|row| VintageRef {
            vintage: row.vintage,
            fingerprint: real::Fingerprint(row.fingerprint),
            stored_at: row.stored_at,
        }))
    }

    fn advance(&self, account: AccountId, vintage: &VintageRef) -> Result<(), RecordError> {
        let row = VintageRow {
            account,
            vintage: vintage.vintage,
            fingerprint: vintage.fingerprint.0.clone(),
            stored_at: vintage.stored_at,
        };
        let mut ledger = self.0.lock();
        ledger.advance_vintage(&row).map_err(record)?;
        note_write(&mut ledger, (VAULT, ""), (account, "kept"), vintage.stored_at);
        Ok(())
    }
}

/// Hosts of a credential that was written, in the record of activity.
pub(super) const VAULT: &str = "vault";
const SEAT: &str = "seat";

/// A credential was written. What was done is done, whether or not it can be noted.
pub(super) fn note_write(
    ledger: &mut sluice_ledger::Ledger,
    (host, path): (&str, &str),
    (account, what): (AccountId, &str),
    at: Utc,
) {
    let noted = ledger.record_request(&NewRequest {
        at,
        kind: RequestKind::CredentialWrite,
        account: Some(account),
        host,
        path,
        status: None,
        budget_left: None,
        note: Some(what),
    });
    if let Err(error) = noted {
        tracing::warn!(%error, "a credential's write is not in the record of activity");
    }
}

fn record(error: sluice_ledger::Error) -> RecordError {
    RecordError::Failed(error.to_string())
}

/// The journal of one swap, or of a recovery.
struct SwapJournal<'a> {
    ledger: &'a Shared,
    clock: Clock,
    order: Option<&'a SwapOrder>,
    /// Lanes as their settlements left them.
    settled: Vec<Settled>,
}

impl<'a> SwapJournal<'a> {
    fn new(ledger: &'a Shared, clock: Clock, order: Option<&'a SwapOrder>) -> Self {
        Self { ledger, clock, order, settled: Vec::new() }
    }

    fn now(&self) -> Utc {
        self.clock.now().wall
    }
}

impl Journal for SwapJournal<'_> {
    fn intent(&mut self, intent: &Intent) -> Result<IntentId, RecordError> {
        let at = self.now();
        let mut ledger = self.ledger.lock();
        let lane = ledger.lane(intent.lane).map_err(record)?;
        let lane =
            lane.ok_or_else(|| RecordError::Failed("the lane is not in the database".to_owned()))?;
        let from = intent.from.as_ref().map(|party| party.account);
        if lane.lane.generation != intent.generation || lane.lane.active != from {
            return Err(RecordError::Stale("the live account had changed underneath"));
        }
        let usage =
            |account| ledger.standing(account).ok().flatten().map(|standing| standing.usage);
        let (usage_from, usage_to) = (from.and_then(usage), usage(intent.to.account));
        let order = self.order;
        let new = NewSwap {
            at,
            lane: intent.lane,
            generation: intent.generation,
            provider: intent.provider,
            from,
            to: intent.to.account,
            asked_by: order.map_or(AskedBy::Driver, |order| order.asked_by),
            trigger: order.map_or(Trigger::Manual, |order| order.trigger),
            reason: order.map(|order| order.reason.clone()).unwrap_or_default(),
            decision: order.and_then(|order| order.decision),
            usage_from,
            usage_to,
            intent: serde_json::to_value(intent)
                .map_err(|error| RecordError::Failed(error.to_string()))?,
        };
        let id = ledger.begin_swap(&new).map_err(record)?;
        Ok(IntentId(id.0))
    }

    fn step(&mut self, id: IntentId, step: Step) -> Result<(), RecordError> {
        let value =
            serde_json::to_value(step).map_err(|error| RecordError::Failed(error.to_string()))?;
        let at = self.now();
        let mut ledger = self.ledger.lock();
        ledger.swap_step(SwapId(id.0), &value, at).map_err(record)?;
        if let (Step::Exchanged, Some(order)) = (step, self.order) {
            let place = (SEAT, order.provider.name());
            note_write(&mut ledger, place, (order.to.0, "placed"), at);
        }
        Ok(())
    }

    fn settle(&mut self, id: IntentId, outcome: &SagaOutcome) -> Result<(), RecordError> {
        let (swap, at) = (SwapId(id.0), self.now());
        let mut ledger = self.ledger.lock();
        note_settlement(&mut ledger, swap, outcome, at);
        match outcome {
            SagaOutcome::Committed => {
                let gates = self.order.map(|order| &order.gates);
                let protect_s = self.order.and_then(|order| order.protect_s);
                let commit = Commit { swap, gates, protect_s, at };
                match ledger.settle(&commit).map_err(record)? {
                    sluice_ledger::Settled::Committed { lane, residency_seconds } => {
                        self.settled.push(Settled { lane: *lane, residency_seconds });
                        Ok(())
                    }
                    sluice_ledger::Settled::Stale { .. } => {
                        Err(RecordError::Stale("the lane had moved on"))
                    }
                }
            }
            SagaOutcome::Undone { why, .. } => ledger.fail_swap(swap, at, why).map_err(record),
            SagaOutcome::Stuck { why } => {
                ledger.fail_swap(swap, at, &format!("stuck: {why}")).map_err(record)
            }
        }
    }
}

/// What the settling itself wrote into the seat: the old login again, or a new one whose exchange was
/// not recorded any more.
fn note_settlement(
    ledger: &mut sluice_ledger::Ledger,
    swap: SwapId,
    outcome: &SagaOutcome,
    at: Utc,
) {
    let Ok(Some(row)) = ledger.swap(swap) else { return };
    let exchanged = serde_json::json!(Step::Exchanged);
    let exchanged = row.steps.iter().any(|found| found.step == exchanged);
    let wrote = match (outcome, exchanged) {
        (SagaOutcome::Committed, false) => Some((row.swap.to, "placed")),
        (SagaOutcome::Undone { .. }, true) => row.swap.from.map(|from| (from, "put back")),
        (SagaOutcome::Committed, true)
        | (SagaOutcome::Undone { .. }, false)
        | (SagaOutcome::Stuck { .. }, _) => None,
    };
    if let Some(wrote) = wrote {
        note_write(ledger, (SEAT, row.swap.provider.name()), wrote, at);
    }
}
