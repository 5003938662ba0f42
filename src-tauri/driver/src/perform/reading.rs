//! One reading of usage. The seat is read before and after, because a swap in between would credit the
//! numbers to another account.

use super::recording::Asking;
use super::{READ_DEADLINE, busy};
use crate::ports::{Custody, Holder, Providers, SeatReport};
use crate::worker::Worker;
use sluice_core::{Input, PollError};
use sluice_engine::Provider;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A seat, the key it must have, and where what is seen there goes.
pub(super) type SeatCheck = (Worker<Arc<dyn Custody>>, String, mpsc::Sender<Input>);

pub(super) async fn read_usage(
    (asking, key): (Asking, String),
    holder: Holder,
    seat: Option<SeatCheck>,
    bearers: Worker<Arc<dyn Custody>>,
    providers: Arc<dyn Providers>,
) -> Result<sluice_engine::Usage, PollError> {
    let provider = asking.provider;
    if let Some(check) = &seat {
        check_seat(provider, check).await?;
    }
    let bearer = bearers
        .run(READ_DEADLINE, move |custody| custody.bearer(provider, holder))
        .await
        .unwrap_or_else(|missed| Err(busy(missed)))
        .map_err(PollError::Bearer)?;
    let asked = asking.begin();
    let answer = providers.usage(provider, &key, bearer).await;
    asked.end(answer.status);
    let usage = answer.usage.map_err(PollError::Read)?;
    // Whose numbers these are is only certain when the seat has not changed hands meanwhile.
    if let Some(check) = &seat {
        check_seat(provider, check).await?;
    }
    Ok(usage)
}

async fn check_seat(provider: Provider, (seats, key, inputs): &SeatCheck) -> Result<(), PollError> {
    let report = seats
        .run(READ_DEADLINE, move |custody| custody.seat(provider))
        .await
        .map_err(|missed| PollError::Bearer(busy(missed)))?;
    let same = matches!(&report, SeatReport::Login(login) if login.identity.key == *key);
    let _ended = inputs.send(Input::SeatSeen { provider, report }).await;
    if same { Ok(()) } else { Err(PollError::OtherLogin) }
}
