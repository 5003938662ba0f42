//! Another program that puts the earlier login back after our swap. It is told apart from the person, and
//! not fought for ever.

use crate::Custody;
use crate::clock::{self, Stopwatch};
use crate::error::CustodyError;
use crate::login::AccountKey;
use sluice_engine::Provider;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Re-applications of a swap that was written over; afterwards we only watch.
const REAPPLICATIONS_MAX: usize = 2;
/// A write-back this soon after a swap is the tool's, not the person's.
const SUSPECT: Duration = Duration::from_secs(60);
/// How long we only watch, and how long a write-back is remembered.
const REMEMBERED: Duration = Duration::from_secs(900);
/// Parked files are looked at this often while there are any.
const TEND_EVERY: Duration = Duration::from_secs(2);

/// What happened in one seat lately.
#[derive(Default)]
struct Seat {
    /// Who was swapped out, and when.
    last_swap: Option<(AccountKey, Stopwatch)>,
    clobbers: Vec<Stopwatch>,
    /// When what is parked was looked at; `None` when nothing is.
    tended: Option<Stopwatch>,
}

/// The memory of foreign writes, per provider.
#[derive(Default)]
pub(crate) struct Clobbers(Mutex<BTreeMap<Provider, Seat>>);

impl Clobbers {
    fn seats(&self) -> MutexGuard<'_, BTreeMap<Provider, Seat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A swap of ours is about to change the seat: whoever is seen in it next came by us, also an
    /// account that left a moment ago.
    pub(crate) fn begun(&self, provider: Provider) {
        self.seats().entry(provider).or_default().last_swap = None;
    }

    /// A swap was committed: `out` left the seat.
    pub(crate) fn swapped(&self, provider: Provider, out: Option<AccountKey>) {
        let mut seats = self.seats();
        let seat = seats.entry(provider).or_default();
        seat.last_swap = out.map(|key| (key, Stopwatch::start()));
        seat.tended = Some(Stopwatch::start());
    }

    /// Somebody wrote over what we had placed.
    pub(crate) fn clobbered(&self, provider: Provider) {
        let mut seats = self.seats();
        let seat = seats.entry(provider).or_default();
        seat.last_swap = None;
        seat.clobbers.push(Stopwatch::start());
    }

    /// Looks at who is in the seat; an account we swapped out a moment ago did not walk back in.
    pub(crate) fn seen(&self, provider: Provider, live: &AccountKey) {
        let back = self.seats().get(&provider).is_some_and(|seat| {
            let recent = seat.last_swap.as_ref();
            recent.is_some_and(|(out, since)| out == live && since.elapsed_by_logins() < SUSPECT)
        });
        if back {
            tracing::warn!(
                provider = provider.name(),
                "a swap was written over by another program"
            );
            self.clobbered(provider);
        }
    }

    /// Refuses once a swap was written over and put back too often.
    pub(crate) fn check(&self, provider: Provider) -> Result<(), CustodyError> {
        let mut seats = self.seats();
        let seat = seats.entry(provider).or_default();
        seat.clobbers.retain(|since| since.elapsed_by_logins() < REMEMBERED);
        if seat.clobbers.len() > REAPPLICATIONS_MAX {
            drop(seats);
            return Err(CustodyError::ForeignWriter { program: writer(provider) });
        }
        Ok(())
    }

    /// Whether what is parked is due to be looked at; counts as looked at.
    fn is_tending_due(&self, provider: Provider) -> bool {
        let mut seats = self.seats();
        let seat = seats.entry(provider).or_default();
        let due = seat.tended.is_some_and(|since| since.elapsed() >= TEND_EVERY);
        if due {
            seat.tended = Some(Stopwatch::start());
        }
        due
    }

    fn nothing_parked(&self, provider: Provider) {
        self.seats().entry(provider).or_default().tended = None;
    }

    /// There may be something parked from before this process.
    pub(crate) fn suspect_parked(&self) {
        let mut seats = self.seats();
        for provider in Provider::ALL {
            seats.entry(provider).or_default().tended = Some(Stopwatch::start());
        }
    }
}

/// A running program that looks like the provider's tool, for the notice.
fn writer(provider: Provider) -> String {
    let tool = provider.spec().program;
    match crate::processes::named(tool) {
        Some(pid) => format!("{tool} (process {pid})"),
        None => "another program".to_owned(),
    }
}

impl Custody {
    /// Tends what is parked while there is any, at most every two seconds; never waits for a lock.
    pub(crate) fn settle_parked_if_due(&self, provider: Provider) {
        if !self.clobbers.is_tending_due(provider) {
            return;
        }
        let tended = self.seat_lease(provider, Duration::ZERO).and_then(|lease| {
            self.settle_parked_leased(provider, clock::now()).inspect(|_| drop(lease))
        });
        match tended {
            Ok(0) | Err(CustodyError::SeatAbsent { .. } | CustodyError::NoSeat { .. }) => {
                self.clobbers.nothing_parked(provider);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(code = error.code(), "what is parked is tended later"),
        }
    }
}
