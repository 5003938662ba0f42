//! One reading of usage. The seat is read before and after, because a swap in between would credit the
//! numbers to another account.

use super::recording::Asking;
use super::{READ_DEADLINE, busy};
use crate::ports::{Asks, Custody, Holder, Pending, Providers, ResetsAnswer, SeatReport};
use crate::worker::Worker;
use sluice_core::{Input, PollError};
use sluice_engine::Provider;
use sluice_engine::grant::Said;
use sluice_engine::observation::Reading;
use sluice_engine::provider::ResetSource;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Limit resets and plans are waited for no longer, in real time: the numbers are there already.
const APART_DEADLINE: Duration = Duration::from_secs(5);

/// A seat, the key it must have, and where what is seen there goes.
pub(super) type SeatCheck = (Worker<Arc<dyn Custody>>, String, mpsc::Sender<Input>);

pub(super) async fn read_usage(
    (asking, key, asks): (Asking, String, Asks),
    holder: Holder,
    seat: Option<SeatCheck>,
    bearers: Worker<Arc<dyn Custody>>,
    providers: Arc<dyn Providers>,
    inputs: mpsc::Sender<Input>,
) -> Result<Reading, PollError> {
    let provider = asking.provider;
    if let Some(check) = &seat {
        check_seat(provider, check).await?;
    }
    if asks.tool
        && let Some(reading) = ask_tool(&asking, &key, &providers).await
    {
        if let Some(check) = &seat {
            check_seat(provider, check).await?;
        }
        return Ok(reading);
    }
    let bearer = bearers
        .run(READ_DEADLINE, move |custody| custody.bearer(provider, holder))
        .await
        .unwrap_or_else(|missed| Err(busy(missed)))
        .map_err(PollError::Bearer)?;
    let (account, noting) = (asking.account, asking.plan());
    let asked = asking.clone().begin(false);
    let mut answer = providers.usage(provider, &key, bearer.clone(), asks.resets).await;
    asked.end(answer.status);
    let mut reading = answer.usage.map_err(PollError::Read)?;
    if asks.plan
        && let Some(asked) = providers.plan(provider, bearer.clone())
    {
        let told = tokio::time::timeout(APART_DEADLINE, asked).await.ok();
        noting.note(told.as_ref().and_then(|told| told.status));
        answer.beside.plan = told.and_then(|told| told.plan).or(answer.beside.plan);
    }
    if asks.resets && provider.spec().resets.source == ResetSource::Apart {
        let told = ask_apart(asking, providers.resets(provider, &key, bearer)).await;
        reading.resets = told.or(reading.resets);
    }
    // Whose numbers these are is only certain when the seat has not changed hands meanwhile.
    if let Some(check) = &seat {
        check_seat(provider, check).await?;
    }
    let beside = Box::new(answer.beside);
    let _ended = inputs.send(Input::Answered { account, beside }).await;
    Ok(reading)
}

/// The tool's own numbers, where it can be asked and they are this account's. Worth no failure of the
/// reading: the provider is asked then.
async fn ask_tool(asking: &Asking, key: &str, providers: &Arc<dyn Providers>) -> Option<Reading> {
    let answer = providers.ask_tool(asking.provider)?;
    // The tool sends a request for usage, which counts for the account like ours.
    let asked = asking.clone().begin(false);
    let numbers = answer.await;
    asked.end(numbers.is_some().then_some(200));
    let numbers = numbers.filter(|numbers| numbers.are_of(key))?;
    Some(Reading { usage: numbers.usage, resets: numbers.resets })
}

/// Limit resets from the endpoint of their own. They are worth no failure of the reading.
async fn ask_apart(asking: Asking, answer: Pending<ResetsAnswer>) -> Option<Said> {
    let asked = asking.begin(true);
    let answer = tokio::time::timeout(APART_DEADLINE, answer).await.ok()?;
    asked.end(answer.status);
    answer.said
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
