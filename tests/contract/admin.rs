//! The provider moved from outside: `/__admin/…`, JSON in, JSON out.

use super::faults::Fault;
use super::http::{Request, Response};
use super::tool::{Tool, WriteStyle};
use super::world::{Work, World};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountOrder {
    email: String,
    five_hour: Option<f64>,
    seven_day: Option<f64>,
    #[serde(default)]
    expire_access: bool,
    #[serde(default)]
    revoke: bool,
    /// Its windows empty now: `keep` the end of its week, or `restart` it.
    empty_early: Option<EarlyReset>,
}

/// What becomes of the end of a week that empties early.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EarlyReset {
    Keep,
    Restart,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolOrder {
    /// `sign_in`, `refresh`, `sign_out`.
    order: String,
    email: Option<String>,
    /// Configuration directory of the tool.
    dir: PathBuf,
    style: Option<WriteStyle>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldOrder {
    /// Whose answers wait, or go.
    path: String,
}

/// Answers a request below `/__admin/`; `None` for any other.
pub(super) fn answer(world: &World, request: &Request) -> Option<Response> {
    let path = request.path.strip_prefix("/__admin/")?;
    let done = match (request.method.as_str(), path) {
        ("GET", "state") => Ok(state(world)),
        ("POST", "fault") => parse::<Fault>(request).map(|fault| {
            world.fault(fault);
            json!({})
        }),
        ("POST", "heal") => {
            world.heal();
            Ok(json!({}))
        }
        ("POST", "work") => parse::<Work>(request).map(|work| {
            world.state().work = work;
            json!({})
        }),
        ("POST", "account") => parse(request).and_then(|order| move_account(world, &order)),
        ("POST", "tool") => parse(request).and_then(|order| use_tool(world, &order)),
        ("GET", "asked") => Ok(json!(world.asked())),
        ("POST", "hold" | "release") => parse::<HoldOrder>(request).map(|order| {
            if path == "hold" {
                world.hold(&order.path)
            } else {
                world.release(&order.path)
            }
            json!({})
        }),
        _ => Err("no such order".to_owned()),
    };
    Some(match done {
        Ok(body) => Response::json(200, &body),
        Err(why) => Response::json(400, &json!({"error": why})),
    })
}

fn parse<'a, T: Deserialize<'a>>(request: &'a Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}

/// Accounts and counters, without tokens.
pub(super) fn state(world: &World) -> Value {
    let now = world.clock.now();
    let state = world.state();
    json!({
        "now_ms": now.millis(),
        "accounts": state.accounts,
        "tokens": state.tokens.counts,
        "work": state.counts,
        "strangers": state.strangers,
        "faults": state.faults.len(),
    })
}

fn move_account(world: &World, order: &AccountOrder) -> Result<Value, String> {
    let index = world.account(&order.email).ok_or("no such account")?;
    let (five, seven) = {
        let account = &world.state().accounts[index];
        (account.five_hour.used, account.seven_day.used)
    };
    if order.five_hour.is_some() || order.seven_day.is_some() {
        let five = order.five_hour.unwrap_or(five);
        world.set_usage(&order.email, five, order.seven_day.unwrap_or(seven));
    }
    if let Some(early) = order.empty_early {
        world.empty_early(&order.email, early == EarlyReset::Restart);
    }
    let now = world.clock.now();
    let mut state = world.state();
    if order.expire_access {
        state.tokens.expire_access(index, now);
    }
    if order.revoke {
        state.tokens.revoke(index);
    }
    Ok(json!({}))
}

fn use_tool(world: &World, order: &ToolOrder) -> Result<Value, String> {
    let mut tool = Tool::in_config_dir(&order.dir);
    tool.style = order.style.unwrap_or(WriteStyle::Rename);
    match order.order.as_str() {
        "sign_in" => {
            let email = order.email.as_deref().ok_or("an e-mail is needed")?;
            world.account(email).ok_or("no such account")?;
            tool.sign_in(world, email);
        }
        "refresh" => return Ok(json!({"refreshed": format!("{:?}", tool.refresh(world))})),
        "sign_out" => tool.sign_out(),
        _ => return Err("no such order".to_owned()),
    }
    Ok(json!({}))
}
