//! Commands that ask the driver: the running one over its socket. Without one, what only looks reads
//! beside everybody, without a lock; what changes something becomes the driver for that one thing.

use crate::args::{Command, Failing, OnOff, ReportArgs};
use crate::names::find;
use crate::outcome::{Driver, Outcome, finish};
use crate::{Exit, ahead, doctor, explain, resets, show};
use sluice_driver::socket::{Client, Found};
use sluice_driver::{Config, Link, PATIENCE, Paths, StartError, spoken};
use sluice_engine::Utc;
use sluice_protocol::{Code, Failure, FailureKind, Generation, Refused, Request, View};
use sluice_providers::spoken::{Spoken, reset_said};
use std::time::Duration;

/// A driver of our own ends within this time.
const FAREWELL: Duration = Duration::from_secs(5);
/// Between two attempts to reach a driver that listens and does not answer.
const AGAIN: Duration = Duration::from_millis(100);
/// Carries a command out and prints what came of it.
pub async fn run(paths: &Paths, command: Command, json: bool) -> Exit {
    let name = command.name();
    let reached = if only_looks(&command) { look(paths).await } else { act(paths).await };
    let (link, driver) = match reached {
        Ok(reached) => reached,
        Err(error) => return finish(name, Outcome::Refused(not_started(&error)), json),
    };
    let exit = if let Command::Log { follow: true, .. } = &command {
        show::follow(&link, &command, json).await
    } else {
        let tells = matches!(command, Command::Status | Command::Accounts | Command::Forecast);
        let outcome = carry_out(paths, (&link, driver), command).await;
        finish(name, if tells { with_driver(outcome, driver) } else { outcome }, json)
    };
    if let Link::Local(handle) = &link {
        handle.shut_down(FAREWELL).await;
    }
    exit
}

/// What changes nothing needs no lock, and never stands in a driver's way.
fn only_looks(command: &Command) -> bool {
    matches!(
        command,
        Command::Status
            | Command::Accounts
            | Command::Forecast
            | Command::Mode { mode: None, .. }
            | Command::Resets { count: None, forget: false, .. }
            | Command::Log { .. }
            | Command::Explain { .. }
            | Command::Settings { value: None, .. }
            | Command::Doctor { .. }
            | Command::Metrics { .. }
    )
}

/// The running driver, waited for while it starts, else a look of our own beside it.
async fn look(paths: &Paths) -> Result<(Link, Driver), StartError> {
    let finding = async {
        loop {
            match Client::find(paths, false).await {
                Found::Driver(client) => return Ok(client),
                Found::Nobody => return Err(Driver::None),
                // Starting and failing, ending, or busy with others: each passes.
                Found::Silent => tokio::time::sleep(AGAIN).await,
            }
        }
    };
    match tokio::time::timeout(PATIENCE, finding).await.unwrap_or(Err(Driver::Silent)) {
        Ok(client) => Ok((Link::Remote(client), Driver::Running)),
        Err(driver) => sluice_driver::look(paths).map(|handle| (Link::Local(handle), driver)),
    }
}

/// The running driver, else one of our own that does this one thing and lets go.
async fn act(paths: &Paths) -> Result<(Link, Driver), StartError> {
    let config = Config { role: "sluice command".to_owned(), offline: true };
    let link = sluice_driver::attach_or_start(paths, config).await?;
    let driver = if matches!(link, Link::Remote(_)) { Driver::Running } else { Driver::None };
    Ok((link, driver))
}

fn not_started(error: &StartError) -> Refused {
    let code = if error.passes() { Code::Busy } else { Code::Unusable };
    Refused::new(code, error.to_string())
}

/// An outcome that says who drives, in words only when nobody answers.
fn with_driver(outcome: Outcome, driver: Driver) -> Outcome {
    match outcome {
        Outcome::Shown { mut json, text } => {
            if let Some(fields) = json.as_object_mut() {
                fields.insert("driver".to_owned(), driver.name().into());
            }
            let text = driver.text().map_or(text.clone(), |told| format!("{told}\n{text}"));
            Outcome::Shown { json, text }
        }
        refused @ Outcome::Refused(_) => refused,
    }
}

async fn carry_out(paths: &Paths, (link, driver): (&Link, Driver), command: Command) -> Outcome {
    // What a driver answered when it was found is of this moment: it may be ending by now.
    let view = match link {
        Link::Remote(client) => Ok(View::clone(&client.views().borrow())),
        Link::Local(_) => show::current(link).await,
    };
    let view = match view {
        Ok(view) => view,
        Err(refused) => return Outcome::Refused(refused),
    };
    match command {
        Command::Status => show::status(&view),
        Command::Accounts => show::accounts(&view),
        Command::Forecast => ahead::forecast(link, &view).await,
        Command::Mode { mode: None, provider } => show::mode(&view, provider.into()),
        Command::Resets { account, count: None, forget: false, .. } => {
            resets::show(&view, account.as_deref())
        }
        Command::Log { .. } => show::log(link, &view, &command).await,
        Command::Explain { decision } => explain::explain(link, &view, decision.as_deref()).await,
        Command::Settings { key, value: None } => show::settings(link, key.as_deref()).await,
        Command::Doctor { show_mail } => doctor::look(paths, driver, &view, show_mail).await,
        command => match request(&view, command) {
            Ok(request) => show::answer(&view, link.call(request).await),
            Err(refused) => Outcome::Refused(refused),
        },
    }
}

fn request(view: &View, command: Command) -> Result<Request, Refused> {
    let find = |text: &str| find(view, text);
    Ok(match command {
        Command::Add { label, provider } => Request::Add { provider: provider.into(), label },
        Command::Remove { account } => Request::Remove { account: find(&account)? },
        Command::Rename { account, label } => Request::Rename { account: find(&account)?, label },
        Command::Reorder { accounts } => {
            let accounts =
                accounts.iter().map(|account| find(account)).collect::<Result<_, _>>()?;
            Request::Reorder { accounts }
        }
        Command::Enable { account } => {
            Request::SetEnabled { account: find(&account)?, enabled: true }
        }
        Command::Disable { account } => {
            Request::SetEnabled { account: find(&account)?, enabled: false }
        }
        Command::Automatic { account, state } => {
            Request::SetAutomatic { account: find(&account)?, automatic: state == OnOff::On }
        }
        Command::Resets { account, count, until, .. } => {
            let account = find(account.as_deref().unwrap_or_default())?;
            resets::set(account, count, until.as_deref(), view.at_ms)?
        }
        Command::Swap { account } => Request::Swap { to: find(&account)? },
        Command::Pause { minutes, provider } => Request::Pause {
            provider: provider.map(Into::into),
            until_ms: view.at_ms + i64::from(minutes) * 60_000,
        },
        Command::Resume { provider } => Request::Resume { provider: provider.map(Into::into) },
        Command::Stop => Request::Stop,
        Command::Start => Request::Start,
        Command::Mode { mode: Some(mode), provider } => {
            Request::SetMode { provider: provider.into(), mode: mode.into() }
        }
        Command::Refresh { account, wait } => {
            match (account.as_deref().map(find).transpose()?, wait) {
                (account, false) => Request::Refresh { account },
                (Some(account), true) => Request::ReadUsage { account },
                (None, true) => Request::ReadAll,
            }
        }
        Command::Renew { account } => Request::Renew { account: find(&account)? },
        Command::Validate { account } => Request::Validate { account: find(&account)? },
        Command::Settings { key: Some(key), value: Some(value) } => {
            // A value that is no JSON is meant as text.
            let value = serde_json::from_str(&value).unwrap_or(serde_json::Value::String(value));
            Request::Set { key, value }
        }
        Command::Settings { .. } => Request::Settings,
        Command::Metrics { show_mail } => Request::Metrics { show_mail },
        Command::Report(args) => report(view, args)?,
        // Answered from the view, or carried out before a driver is asked.
        _ => Request::Status,
    })
}

fn report(view: &View, args: ReportArgs) -> Result<Request, Refused> {
    let account = args.account.as_deref().map(|text| find(view, text)).transpose()?;
    let said_at = crate::run::now();
    let reset_at_ms = match args.resets.as_deref() {
        None => None,
        Some(text) => Some(reset(text, said_at).ok_or_else(|| Refused {
            code: Code::Invalid,
            text: format!("{text} is no time at which a window could empty; nothing was reported."),
            retry_after_s: None,
        })?),
    };
    Ok(Request::Failure(Failure {
        execution: args.execution,
        lane: args.lane,
        account,
        generation: args.generation.map(Generation),
        kind: match args.kind {
            Failing::RateLimit => FailureKind::RateLimit,
            Failing::Billing => FailureKind::Billing,
            Failing::Auth => FailureKind::Auth,
        },
        window: args.window,
        failed_at_ms: said_at.millis(),
        reset_at_ms,
        softer: None,
        source: "report".to_owned(),
        dedupe_key: args.key,
    }))
}

/// Seconds since the epoch, or words of a tool.
fn reset(text: &str, said_at: Utc) -> Option<i64> {
    let spoken = match text.trim().parse::<i64>() {
        Ok(seconds) => Spoken::At(Utc::from_seconds(seconds)),
        Err(_) => reset_said(text).or_else(|| reset_said(&format!("resets {text}")))?,
    };
    spoken::instant(&spoken, spoken::local_zone(), said_at).map(Utc::millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_counts_from_the_drivers_clock() {
        let view = View { at_ms: 1_000, ..View::default() };
        let asked = request(&view, Command::Pause { minutes: 15, provider: None });
        assert_eq!(asked, Ok(Request::Pause { provider: None, until_ms: 901_000 }));
    }

    #[test]
    fn a_setting_may_be_json_or_plain_text() {
        let view = View::default();
        let asked = |value: &str| {
            request(
                &view,
                Command::Settings { key: Some("k".to_owned()), value: Some(value.to_owned()) },
            )
        };
        let set = |value| Ok(Request::Set { key: "k".to_owned(), value });
        assert_eq!(asked("85"), set(85.into()));
        assert_eq!(asked("07:00-24:00"), set("07:00-24:00".into()));
        assert_eq!(asked("[1,2]"), set(serde_json::json!([1, 2])));
    }
}
