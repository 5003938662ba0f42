//! What Codex's login file says besides its secrets.

use crate::json::{Oddities, clean};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sluice_engine::Utc;

/// The tool renews this long before the end.
const REFRESH_AHEAD_S: i64 = 300;
/// Without a readable end the tool renews by age.
const AGE_MAX_S: f64 = 8.0 * 86_400.0;
/// Claims about the account stand under this name.
const CLAIMS: &str = "https://api.openai.com/auth";
/// Ways of signing in the tool knows; with any other it refuses to start.
const MODES: [&str; 5] =
    ["apikey", "chatgpt", "chatgptAuthTokens", "agentIdentity", "personalAccessToken"];

/// Whether a tool's login on disk could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// The bearer can be sent.
    Usable,
    /// The bearer is past its time; the tool renews it.
    NeedsRefresh,
    /// A person must sign in again.
    LoginRequired,
    /// Nobody is signed in.
    SignedOut,
    /// Not readable now; perhaps being written.
    Unreadable,
}

/// A file of logins, read; no secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Whether it could be used.
    pub state: StoreState,
    /// The tool would refuse the file.
    pub invalid_for_tool: bool,
    /// The way of signing in; an old file does not say and means `chatgpt`.
    pub auth_mode: Option<String>,
    /// A refresh token is there.
    pub refreshable: bool,
    /// The account's id.
    pub account: Option<String>,
    /// The person's id: a team shares one account.
    pub user: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// The plan, as sent.
    pub plan: Option<String>,
}

impl Store {
    const fn bare(state: StoreState) -> Self {
        Self {
            state,
            invalid_for_tool: false,
            auth_mode: None,
            refreshable: false,
            account: None,
            user: None,
            email: None,
            plan: None,
        }
    }
}

/// Reads `auth.json` at `now`. Total; no token leaves this function.
#[must_use]
pub fn parse_store(bytes: &[u8], now: Utc) -> Store {
    let mut odd = Oddities::default();
    let Some(document) = odd.document(bytes).filter(Value::is_object) else {
        return Store::bare(StoreState::Unreadable);
    };
    let tokens = &document["tokens"];
    let filled = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let key = filled(&document["OPENAI_API_KEY"]);
    let told = odd.text(document.get("auth_mode"), "auth_mode");
    let claims = tokens["id_token"].as_str().and_then(shown_claims).unwrap_or_default();
    let own = &claims[CLAIMS];
    let shown = |value: &Value| value.as_str().map(clean).filter(|text| !text.is_empty());
    let guessed = if key && !tokens.is_object() { "apikey" } else { "chatgpt" };
    let mut store = Store {
        invalid_for_tool: told.as_deref().is_some_and(|mode| !MODES.contains(&mode)),
        refreshable: filled(&tokens["refresh_token"]),
        account: shown(&tokens["account_id"]).or_else(|| shown(&own["chatgpt_account_id"])),
        user: shown(&own["chatgpt_user_id"]).or_else(|| shown(&own["user_id"])),
        email: shown(&claims["email"]),
        plan: shown(&own["chatgpt_plan_type"]),
        auth_mode: Some(told.unwrap_or_else(|| guessed.to_owned())),
        ..Store::bare(StoreState::SignedOut)
    };
    let modes = ["agentIdentity", "personalAccessToken"];
    let other = store.auth_mode.as_deref().is_some_and(|mode| modes.contains(&mode));
    if !filled(&tokens["access_token"]) && (key || other) {
        store.state = StoreState::Usable;
    } else if filled(&tokens["access_token"]) {
        let last = odd.instant(document.get("last_refresh"), "last_refresh");
        let access = tokens["access_token"].as_str().unwrap_or_default();
        store.state = state_of(access, last, store.refreshable, now);
        // Without the time of the last refresh the tool takes the tokens for absent.
        store.invalid_for_tool |= last.is_none();
    } else if tokens.is_object() {
        store.state = StoreState::LoginRequired;
    }
    store
}

fn state_of(access: &str, last: Option<Utc>, refreshable: bool, now: Utc) -> StoreState {
    let ends = shown_claims(access).and_then(|claims| claims["exp"].as_i64());
    let due = match ends {
        Some(ends) => Utc::from_seconds(ends) <= now.plus_seconds(REFRESH_AHEAD_S),
        None => last.is_none_or(|last| now.seconds_since(last) > AGE_MAX_S),
    };
    match (due, refreshable) {
        (false, _) => StoreState::Usable,
        (true, true) => StoreState::NeedsRefresh,
        (true, false) => StoreState::LoginRequired,
    }
}

/// The claims of a JSON web token, unchecked: good for showing, never for deciding who may do what.
fn shown_claims(token: &str) -> Option<Value> {
    let part = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}
