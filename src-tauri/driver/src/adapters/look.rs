//! The parts of a look while another process drives: what is kept is read; nothing is made, moved, written
//! or sent.

use super::seat::seat_report;
use crate::ports::{
    Custody, Health, Holder, Kept, Ledger, Loaded, PortError, Query, Record, Recovered,
    RefreshReport, Renewal, SeatReport, SwapOrder, SwapReport,
};
use sluice_custody as real;
use sluice_custody::{Pointers, RecordError, VintageRef};
use sluice_engine::{AccountId, Gates, Generation, Lane, LaneId, Provider, Utc};
use sluice_protocol::{Answer, Code};

/// What a look does not do.
fn needs_a_driver() -> PortError {
    PortError::new(Code::NoDriver, "This needs a driver; nothing was changed.")
}

/// Sees seats and nothing else.
pub(super) struct Glance(pub(super) real::Custody);

impl Custody for Glance {
    fn health(&self) -> Health {
        super::custody::health(self.0.health())
    }

    fn seat(&self, provider: Provider) -> SeatReport {
        seat_report(provider, self.0.peek(provider))
    }

    fn capture(&self, _: Provider, _: AccountId, _: &str) -> Result<Kept, PortError> {
        Err(needs_a_driver())
    }

    fn kept(&self, _: Provider, _: AccountId) -> Result<Kept, PortError> {
        Err(needs_a_driver())
    }

    fn bearer(&self, _: Provider, _: Holder) -> Result<http::HeaderValue, PortError> {
        Err(needs_a_driver())
    }

    fn begin_refresh(
        &self,
        _: Provider,
        _: AccountId,
        _: bool,
    ) -> Result<Box<dyn Renewal>, RefreshReport> {
        Err(RefreshReport::Later { text: needs_a_driver().text, retry_after_s: None })
    }

    fn swap(&self, _: &SwapOrder) -> SwapReport {
        SwapReport::Failed { row: None, trouble: needs_a_driver() }
    }

    fn recover(&self) -> Vec<Recovered> {
        Vec::new()
    }

    fn forget(&self, _: AccountId) -> Result<(), PortError> {
        Err(needs_a_driver())
    }
}

/// No pointers: a look never asks the vault.
pub(super) struct NoPointers;

impl Pointers for NoPointers {
    fn current(&self, _: AccountId) -> Result<Option<VintageRef>, RecordError> {
        Ok(None)
    }

    fn advance(&self, _: AccountId, _: &VintageRef) -> Result<(), RecordError> {
        Err(RecordError::Failed("a look writes nothing".to_owned()))
    }
}

/// Where there is no database yet: nothing is known, of both providers.
pub(super) struct Blank;

impl Ledger for Blank {
    fn load(&mut self, _: Utc) -> Result<Loaded, PortError> {
        let lane = |(id, provider)| Lane {
            id: LaneId(id),
            provider,
            active: None,
            generation: Generation(0),
            model: None,
            gates: Gates::default(),
        };
        let lanes = (1..).zip(Provider::ALL).map(lane).collect();
        Ok(Loaded { lanes, ..Loaded::default() })
    }

    fn record(&mut self, _: &Record) -> Result<i64, PortError> {
        Err(needs_a_driver())
    }

    fn work(&mut self, _: Utc, _: Utc) -> Result<Vec<(Utc, f64)>, PortError> {
        Ok(Vec::new())
    }

    fn query(&mut self, query: &Query) -> Result<Answer, PortError> {
        match query {
            Query::Decisions { .. } => Ok(Answer::Decisions { rows: Vec::new() }),
            Query::Swaps { .. } => Ok(Answer::Swaps { rows: Vec::new() }),
            Query::Stranded { .. } => Ok(Answer::Stranded { rows: Vec::new() }),
            Query::History { .. } => {
                Ok(Answer::History { rows: Vec::new(), fell: Vec::new(), others: Vec::new() })
            }
            Query::Replay { .. } => Err(needs_a_driver()),
        }
    }
}
