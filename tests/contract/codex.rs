//! Codex: its usage and token endpoints, and its official tool.

use super::accounts::FakeAccount;
use super::answers::{faulty_status, rfc3339};
use super::faults::Endpoint;
use super::http::{Request, Response};
use super::tokens::{Bearer, Pair, Presenter};
use super::tool::{Refreshed, WriteStyle, read_object, write};
use super::world::{State, World};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sluice_engine::{Provider, Utc};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where the usage stands, below the base given to the program.
pub(super) const USAGE_PATH: &str = "/backend-api/wham/usage";
/// Where limit resets are listed.
pub(super) const RESETS_PATH: &str = "/backend-api/wham/rate-limit-reset-credits";
/// Where the tokens are exchanged.
pub(super) const TOKEN_PATH: &str = "/codex/oauth/token";
/// Where the tool itself exchanges them, at the host of its issuer.
pub(super) const OWN_TOKEN_PATH: &str = "/oauth/token";
/// The client id of Codex; any other is refused.
pub const CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

pub(super) fn honest(
    state: &mut State,
    endpoint: Endpoint,
    request: &Request,
    caller: Bearer,
    now: Utc,
) -> Response {
    if endpoint == Endpoint::Token {
        return token(state, &request.body, now);
    }
    let mine = |account: usize| state.accounts[account].spec.provider == Provider::Codex;
    let account = match caller {
        Bearer::Good(account) if mine(account) => &state.accounts[account],
        Bearer::Expired(account) if mine(account) => {
            return refusal("token_expired", "Provided authentication token is expired.");
        }
        _ => {
            return refusal("token_invalidated", "Your authentication token has been invalidated.");
        }
    };
    let named = request.header("chatgpt-account-id");
    if named.is_some_and(|named| named != account.organization) {
        return refusal("token_invalidated", "The account does not match the token.");
    }
    if state.usage_per_hour.is_some_and(|bound| account.recent.len() > bound) {
        return faulty_status(429, None, Some("0"));
    }
    match endpoint {
        Endpoint::Resets => Response::json(200, &resets(account, now)),
        _ => Response::json(200, &usage_body(account, now)),
    }
}

fn refusal(code: &str, message: &str) -> Response {
    let body = json!({"error": {"message": message, "code": code}, "status": 401});
    Response::json(401, &body)
}

fn usage_body(account: &FakeAccount, now: Utc) -> Value {
    let window = |used: f64, span_s: i64, ends: Option<Utc>| {
        let left = ends.map(|ends| ends.seconds_since(now).max(0.0) as i64);
        json!({
            "used_percent": used.round(),
            "limit_window_seconds": span_s,
            "reset_after_seconds": left.unwrap_or(span_s),
            // A window that has not started ends one span from now, whenever that is.
            "reset_at": ends.unwrap_or(now.plus_seconds(span_s)).millis() / 1_000,
        })
    };
    let (five, week) = (account.five_hour, account.seven_day);
    let reached = !account.has_room();
    let week = window(week.used, 604_800, week.resets_at);
    let (primary, secondary) = if account.spec.short_window {
        (window(five.used, 18_000, five.resets_at), week)
    } else {
        // The one window there is comes first.
        (week, Value::Null)
    };
    json!({
        "user_id": account.uuid, "account_id": account.organization,
        "email": account.spec.email, "plan_type": account.spec.plan,
        "rate_limit": {
            "allowed": !reached, "limit_reached": reached,
            "primary_window": primary,
            "secondary_window": secondary,
        },
        "code_review_rate_limit": null, "additional_rate_limits": null,
        "credits": {"has_credits": false, "unlimited": false, "balance": "0"},
        "spend_control": {"reached": false, "individual_limit": null},
        "rate_limit_reached_type": reached.then_some("rate_limit_reached"),
        "promo": null, "rate_limit_reset_credits": {"available_count": in_hand(account, now)},
    })
}

fn in_hand(account: &FakeAccount, now: Utc) -> u32 {
    account.spec.resets.filter(|_| now < account.resets_end).unwrap_or(0)
}

/// Each limit reset on a line of its own.
fn resets(account: &FakeAccount, now: Utc) -> Value {
    let left = in_hand(account, now);
    let ends = rfc3339(account.resets_end);
    let credits: Vec<Value> = (0..left)
        .map(|one| {
            json!({
                "id": format!("credit-{one}"), "status": "available",
                "granted_at": null, "expires_at": ends,
            })
        })
        .collect();
    json!({"available_count": left, "credits": credits})
}

fn token(state: &mut State, body: &[u8], now: Utc) -> Response {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let refresh = sent["refresh_token"].as_str().unwrap_or_default();
    if sent["client_id"] != CLIENT_ID || sent["grant_type"] != "refresh_token" {
        let body = json!({"error": {"message": "Invalid request.", "code": "invalid_request"}});
        return Response::json(400, &body);
    }
    let fate = state.tokens.fate(refresh);
    if let Some((_, pair)) = state.tokens.exchange(refresh, Presenter::Request, now) {
        let body = json!({
            "id_token": pair.identity, "access_token": pair.access,
            "refresh_token": pair.refresh, "token_type": "Bearer",
            "expires_in": pair.access_ends.seconds_since(now).round() as i64,
            "scope": "openid profile email offline_access",
        });
        return Response::json(200, &body);
    }
    let code = match fate {
        Some((_, true)) => "refresh_token_reused",
        Some((true, false)) => "refresh_token_invalidated",
        Some((false, false)) => "refresh_token_expired",
        None => "refresh_token_invalidated",
    };
    let body = json!({"error": {"message": "Please sign in again.", "code": code}});
    Response::json(401, &body)
}

/// An installation of Codex: it asks the provider first, then saves under its locks by a rename, and
/// throws away what belongs to another account than the file has by then (0.171.0).
#[derive(Clone, Debug)]
pub struct CodexTool {
    /// `CODEX_HOME`.
    pub home: PathBuf,
}

/// The tool renews what ends within this, seconds.
const DUE_S: f64 = 300.0;

/// A renewal the provider has answered and the tool has not saved.
#[derive(Debug)]
pub struct Asked {
    account: String,
    pair: Option<Pair>,
}

impl CodexTool {
    /// As with `CODEX_HOME=home`.
    ///
    /// # Panics
    /// When the directory cannot be made.
    #[must_use]
    pub fn in_home(home: &Path) -> Self {
        fs::create_dir_all(home).expect("a directory for the tool");
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(home, private).expect("a private directory");
        Self { home: home.to_owned() }
    }

    /// The file with the login.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.home.join("auth.json")
    }

    /// Signs in as the person called `email`.
    ///
    /// # Panics
    /// When there is no such account or the file cannot be written.
    pub fn sign_in(&self, world: &World, email: &str) -> Pair {
        let pair = world.sign_in(email);
        let index = world.account(email).expect("a known account");
        let account = world.state().accounts[index].organization.clone();
        self.write(&pair, &account, world.clock.now());
        pair
    }

    fn write(&self, pair: &Pair, account: &str, now: Utc) {
        let store = json!({
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": null,
            "tokens": {
                "id_token": pair.identity, "access_token": pair.access,
                "refresh_token": pair.refresh, "account_id": account,
            },
            "last_refresh": rfc3339(now),
        });
        let text = serde_json::to_string_pretty(&store).expect("a writable document");
        write(&self.store(), &text, WriteStyle::Rename).expect("the tool's store is writable");
    }

    /// What a session does as it begins: renews a login that is due.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn start(&self, world: &World) -> Option<Refreshed> {
        let (token, now) = (self.tokens()["access_token"].as_str()?.to_owned(), world.clock.now());
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let ends = Utc::from_seconds(claims["exp"].as_i64()?);
        (ends.seconds_since(now) <= DUE_S).then(|| self.refresh(world))
    }

    /// Refreshes the login in the file as the tool does.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn refresh(&self, world: &World) -> Refreshed {
        match self.ask(world) {
            Some(asked) => self.save(world, asked),
            None => Refreshed::NoLogin,
        }
    }

    /// The first half of a renewal: the token of the file is exchanged, no lock is held.
    #[must_use]
    pub fn ask(&self, world: &World) -> Option<Asked> {
        let tokens = self.tokens();
        let (sent, account) = (tokens["refresh_token"].as_str()?, tokens["account_id"].as_str()?);
        let now = world.clock.now();
        let pair = world.state().tokens.exchange(sent, Presenter::Tool, now).map(|(_, pair)| pair);
        Some(Asked { account: account.to_owned(), pair })
    }

    /// The second half: saved under both locks, unless the file has another account by now.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn save(&self, world: &World, asked: Asked) -> Refreshed {
        let Some(pair) = asked.pair else { return Refreshed::Refused };
        let file = |name: &str| fs::File::create(self.home.join(name)).expect("a lock file");
        let outer = file("auth.lock");
        outer.lock().expect("the outer lock");
        let is_its_own = || self.tokens()["account_id"].as_str() == Some(&asked.account);
        if !is_its_own() {
            return Refreshed::Overtaken;
        }
        let inner = file("auth.json.lock");
        if inner.try_lock().is_err() {
            return Refreshed::Busy;
        }
        if !is_its_own() {
            return Refreshed::Overtaken;
        }
        self.write(&pair, &asked.account, world.clock.now());
        drop((inner, outer));
        Refreshed::Done
    }

    fn tokens(&self) -> Value {
        read_object(&self.store()).get("tokens").cloned().unwrap_or_default()
    }

    /// Signs out: the file goes.
    pub fn sign_out(&self) {
        let _gone = fs::remove_file(self.store());
    }
}
