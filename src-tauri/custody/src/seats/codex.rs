//! Codex's seat: `auth.json`, rewritten in place by the tool; its identity is inside.

pub(crate) mod config;

use super::caveats::{Caveat, Surroundings};
use super::claude::{text, top_level};
use super::foreign::{holds_more_than, holds_text};
use super::found::{Found, FoundLogin};
use super::locks::Locks;
use super::{Facts, Seat, Tool, tool_home};
use crate::error::CustodyError;
use crate::json::{self, Entry};
use crate::login::{AccountKey, Identity};
use crate::processes::{self, AtWork};
use crate::refused::{Barred, ForeignLogin, Unreadable};
use crate::secret::Secret;
use crate::vault::{Salt, Vintage};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;
use sluice_engine::{Plan, Provider, Utc};
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Codex.
pub(super) struct Codex;

const PROVIDER: Provider = Provider::Codex;

static FACTS: Facts = Facts {
    usual: ".codex",
    file: "auth.json",
    config: None,
    keys: &["CODEX_API_KEY", "OPENAI_API_KEY", "CODEX_ACCESS_TOKEN"],
    clouds: &[],
    address: "OPENAI_BASE_URL",
    shared: &[],
};

impl Tool for Codex {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn seat(&self, home: &Path, var: &dyn Fn(&str) -> Option<OsString>) -> Seat {
        Seat::at(PROVIDER, &tool_home(PROVIDER, home, var))
    }

    fn examine(&self, bytes: &Secret, salt: &Salt) -> Found {
        examine(bytes, salt)
    }

    /// The whole file is the account's.
    fn compose(&self, _live: Option<&Secret>, vintage: &Vintage) -> Option<Secret> {
        Some(Secret::new(vintage.credential.expose().to_vec()))
    }

    fn refresh_request(&self, vintage: &Vintage) -> Option<Secret> {
        refresh_request(vintage)
    }

    fn merge_reply(&self, kept: &Vintage, body: &Secret, now: Utc) -> Option<Secret> {
        merge_reply(kept, body, now)
    }

    fn is_for_another(&self, kept: &Vintage, body: &Secret) -> bool {
        is_for_another(kept, body)
    }

    /// They lie in the tool's own directory, wherever its files lead.
    fn locks(&self, seat: &Seat, _real: &Path) -> Locks {
        Locks::Files(vec![seat.dir.join("auth.lock"), seat.dir.join("auth.json.lock")])
    }

    fn unrenewable(&self, path: PathBuf) -> CustodyError {
        CustodyError::SeatUnreadable { path, why: Unreadable::HalfLogin }
    }

    fn settings_caveats(&self, around: &Surroundings<'_>, found: &mut Vec<Caveat>) {
        let home = tool_home(PROVIDER, around.home, around.var);
        config::caveats(PROVIDER, &config::layers(&home, around.etc), found);
    }

    fn keeps_out(&self, seat: &Seat, key: &AccountKey, etc: &Path) -> Option<PathBuf> {
        config::keeps_out(&config::layers(&seat.dir, etc), key)
    }

    fn barred(&self, seat: &Seat, etc: &Path) -> Option<Barred> {
        config::barred(&config::layers(&seat.dir, etc))
    }

    fn deciding(&self, seat: &Seat) -> Option<PathBuf> {
        Some(seat.dir.join(config::FILE))
    }

    /// It asks the provider first and takes its locks only to save.
    fn renewing(&self, seat: &Seat) -> AtWork {
        processes::at_work(PROVIDER.spec(), FACTS.usual, &seat.dir)
    }
}

/// The tool's public client id, part of each refresh request.
const CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
/// Longest token that is looked into.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// The `tokens` object, borrowed from the file.
#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow, default)]
    id_token: Option<&'a RawValue>,
    #[serde(borrow, default)]
    access_token: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refresh_token: Option<&'a RawValue>,
    #[serde(borrow, default)]
    account_id: Option<&'a RawValue>,
}

/// Claims of a token's middle part that matter here.
#[derive(Default, Deserialize)]
struct Claims {
    #[serde(default)]
    exp: Option<f64>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default, rename = "https://api.openai.com/auth")]
    auth: Auth,
}

#[derive(Default, Deserialize)]
struct Auth {
    #[serde(default)]
    chatgpt_account_id: Option<String>,
    #[serde(default)]
    chatgpt_user_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    /// Person and account in one: `PERSON__ACCOUNT`.
    #[serde(default)]
    chatgpt_account_user_id: Option<String>,
    #[serde(default)]
    chatgpt_plan_type: Option<String>,
}

impl Claims {
    /// The person by their own id in this service, where the token has one.
    fn user(&self) -> Option<&str> {
        let named = |id: &'_ Option<String>| id.as_deref().filter(|id| !id.is_empty()).is_some();
        let auth = &self.auth;
        match (named(&auth.chatgpt_user_id), named(&auth.user_id)) {
            (true, _) => auth.chatgpt_user_id.as_deref(),
            (false, true) => auth.user_id.as_deref(),
            (false, false) => {
                let joined = auth.chatgpt_account_user_id.as_deref()?;
                joined.split("__").next().filter(|user| !user.is_empty())
            }
        }
    }

    fn account(&self) -> Option<&str> {
        self.auth.chatgpt_account_id.as_deref().filter(|id| !id.is_empty())
    }

    /// The person by how they sign in.
    fn subject(&self) -> Option<&str> {
        self.sub.as_deref().filter(|id| !id.is_empty())
    }
}

/// What a token says of itself; nothing when it is opaque. The signature is not ours to check.
fn claims(token: &str) -> Claims {
    let middle = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES_MAX);
    let decoded = middle.and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
    let decoded = decoded.map(Zeroizing::new).unwrap_or_default();
    serde_json::from_slice(&decoded).unwrap_or_default()
}

fn filled(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    text(raw).filter(|text| !text.is_empty())
}

/// What beside `tokens` tells how the file is used, and is no credential.
const PLAIN_KEYS: [&str; 3] = ["auth_mode", "last_refresh", "tokens"];
/// The same inside `tokens`.
const PLAIN_TOKEN_KEYS: [&str; 1] = ["account_id"];

/// The kind of login that the file says it is for the tool, if that is not a subscription's.
///
/// The mode decides; without one a key outranks the tokens beside it.
fn foreign(entries: &[Entry<'_>]) -> Option<ForeignLogin> {
    let filled = |key| json::value(entries, key).is_some_and(holds_text);
    let mode = json::value(entries, "auth_mode").filter(|raw| *raw != "null");
    match mode {
        Some("\"chatgpt\"") => None,
        Some("\"apikey\"" | "\"apiKey\"" | "\"bedrockApiKey\"") => Some(ForeignLogin::ApiKey),
        Some("\"personalAccessToken\"" | "\"agentIdentity\"") => Some(ForeignLogin::AccessToken),
        Some("\"chatgptAuthTokens\"") => Some(ForeignLogin::HandedOver),
        Some(_) => Some(ForeignLogin::Unknown),
        None if filled("personal_access_token") || filled("agent_identity") => {
            Some(ForeignLogin::AccessToken)
        }
        None if filled("OPENAI_API_KEY") => Some(ForeignLogin::ApiKey),
        None => None,
    }
}

/// What a file without a subscription's tokens is: signed out only when nothing in it could be a
/// credential.
fn without_tokens(entries: &[Entry<'_>], tokens: Option<&[Entry<'_>]>) -> Found {
    if let Some(what) = foreign(entries) {
        return match holds_more_than(entries, &["auth_mode", "last_refresh"]) {
            true => Found::Foreign(what),
            false => Found::Stub,
        };
    }
    if json::value(entries, "OPENAI_API_KEY").is_some_and(holds_text) {
        return Found::Foreign(ForeignLogin::ApiKey);
    }
    if holds_more_than(entries, &PLAIN_KEYS) {
        return Found::Foreign(ForeignLogin::Unknown);
    }
    match tokens {
        Some(tokens) if holds_more_than(tokens, &PLAIN_TOKEN_KEYS) => {
            Found::Unreadable(Unreadable::HalfLogin)
        }
        Some(_) | None => Found::Stub,
    }
}

/// Reads `auth.json`; total.
pub(crate) fn examine(bytes: &Secret, salt: &Salt) -> Found {
    let entries = match top_level(bytes) {
        Ok((_, entries)) => entries,
        Err(why) => return Found::Unreadable(why),
    };
    let Some(raw) = json::value(&entries, "tokens").filter(|raw| *raw != "null") else {
        return without_tokens(&entries, None);
    };
    let Ok(tokens) = serde_json::from_str::<Tokens<'_>>(raw) else {
        return Found::Unreadable(Unreadable::NotJson);
    };
    let Some(access) = filled(tokens.access_token) else {
        return without_tokens(&entries, Some(&json::entries(raw).unwrap_or_default()));
    };
    // Newer tools refuse to start with a mode they do not know: such a file is never placed.
    if let Some(what) = foreign(&entries) {
        return Found::Foreign(what);
    }
    let refresh = filled(tokens.refresh_token);
    let said = filled(tokens.id_token).map(|token| claims(&token)).unwrap_or_default();
    let granted = claims(&access);
    let expires = granted.exp.filter(|exp| exp.is_finite() && exp.abs() < 9e12);
    let access_expires_at = expires.map(|exp| Utc::from_seconds(exp as i64));
    let stamp = access_expires_at.map_or(0, |at| at.0).to_le_bytes();
    let (a, r) = (access.as_bytes(), refresh.as_deref().unwrap_or_default().as_bytes());
    let named = filled(tokens.account_id);
    let account = named.as_deref().or(said.account()).or(granted.account());
    let identity = account.zip(person(&said, &granted)).map(|(account, person)| Identity {
        key: AccountKey(format!("{account}/{person}")),
        email: said.email.clone(),
        organization: None,
    });
    Found::Login(FoundLogin {
        credential: Secret::new(bytes.expose().to_vec()),
        access: Secret::new(access.as_bytes().to_vec()),
        fingerprint: salt.fingerprint(&[a, r, &stamp]),
        lineage: refresh.is_some().then(|| salt.lineage(r)),
        access_expires_at,
        login_ends_at: None,
        refreshable: refresh.is_some(),
        identity,
        plan: Plan { subscription: said.auth.chatgpt_plan_type, ..Plan::default() },
    })
}

/// Who of a workspace it is. The two tokens are of one sign-in, and either may name the person.
fn person<'a>(said: &'a Claims, granted: &'a Claims) -> Option<&'a str> {
    said.user().or(granted.user()).or(said.subject()).or(granted.subject())
}

/// The key under which a login was kept as long as its person was looked for in one place only.
pub(crate) fn key_without_person(key: &AccountKey) -> Option<AccountKey> {
    let (account, person) = key.0.rsplit_once('/')?;
    (!person.is_empty()).then(|| AccountKey(format!("{account}/")))
}

/// The body of the refresh request; `None` without a refresh token.
pub(crate) fn refresh_request(vintage: &Vintage) -> Option<Secret> {
    let (_, entries) = top_level(&vintage.credential).ok()?;
    let tokens: Tokens<'_> = serde_json::from_str(json::value(&entries, "tokens")?).ok()?;
    let quoted = tokens.refresh_token?;
    filled(Some(quoted))?;
    let parts = [
        "{\"client_id\":\"",
        CLIENT_ID,
        "\",\"grant_type\":\"refresh_token\",\"refresh_token\":",
        quoted.get(),
        "}",
    ];
    let mut body = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| body.extend_from_slice(part.as_bytes()));
    Some(Secret::from(body))
}

/// `auth.json` after a refresh: any of the three tokens that the answer names is new.
pub(crate) fn merge_reply(kept: &Vintage, body: &Secret, now: Utc) -> Option<Secret> {
    let reply: Tokens<'_> = serde_json::from_slice(body.expose()).ok()?;
    let changes: Vec<(&str, Option<&str>)> = [
        ("id_token", reply.id_token),
        ("access_token", reply.access_token),
        ("refresh_token", reply.refresh_token),
    ]
    .into_iter()
    .filter_map(|(key, raw)| filled(raw).and(raw).map(|raw| (key, Some(raw.get()))))
    .collect();
    if changes.is_empty() {
        return None;
    }
    let (whole, entries) = top_level(&kept.credential).ok()?;
    let tokens = json::splice(json::value(&entries, "tokens")?, &changes)?;
    let tokens = std::str::from_utf8(&tokens).ok()?;
    let stamp = format!("\"{}\"", rfc3339(now));
    let changes = [("tokens", Some(tokens)), ("last_refresh", Some(stamp.as_str()))];
    json::splice(whole, &changes).map(Secret::from)
}

/// What the new tokens do not say contradicts nothing.
fn is_for_another(kept: &Vintage, body: &Secret) -> bool {
    let Ok(reply) = serde_json::from_slice::<Tokens<'_>>(body.expose()) else { return false };
    let Some((account, person)) = kept.key.0.split_once('/') else { return false };
    [reply.id_token, reply.access_token].into_iter().any(|token| {
        let said = filled(token).map(|token| claims(&token)).unwrap_or_default();
        let other =
            |said: Option<&str>, own: &str| said.is_some_and(|said| !own.is_empty() && said != own);
        other(said.account(), account) || other(said.user(), person)
    })
}

/// An instant as the tool writes it.
fn rfc3339(at: Utc) -> String {
    let (days, rest) = (at.0.div_euclid(86_400_000_000), at.0.rem_euclid(86_400_000_000));
    // Days to a date in the proleptic Gregorian calendar, in years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{micros:06}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::{examine, merge_reply, rfc3339};
    use crate::refused::{ForeignLogin, Unreadable};
    use crate::seats::found::Found;
    use crate::secret::Secret;
    use crate::vault::Salt;
    use base64::Engine as _;
    use sluice_engine::{Provider, Utc};
    use zeroize::Zeroizing;

    fn token(claims: &str) -> String {
        let middle = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
        format!("eyJh.{middle}.c2ln")
    }

    fn auth(refresh: &str, exp: u32) -> String {
        let id = token(
            "{\"email\":\"dev@example.test\",\"https://api.openai.com/auth\":\
             {\"chatgpt_account_id\":\"acct\",\"chatgpt_user_id\":\"user\",\"chatgpt_plan_type\":\"plus\"}}",
        );
        let access = token(&format!("{{\"exp\":{exp}}}"));
        format!(
            "{{\n  \"auth_mode\": \"chatgpt\",\n  \"OPENAI_API_KEY\": null,\n  \"tokens\": \
             {{\"id_token\":\"{id}\",\"access_token\":\"{access}\",\"refresh_token\":\"{refresh}\",\
             \"account_id\":null}},\n  \"last_refresh\": \"2026-01-01T00:00:00Z\"\n}}"
        )
    }

    fn salt() -> Salt {
        Salt(Zeroizing::new(vec![7; 32]))
    }

    #[test]
    fn the_identity_is_read_from_the_id_token() {
        let bytes = Secret::new(auth("rt-1", 1_795_694_400).into_bytes());
        let Found::Login(login) = examine(&bytes, &salt()) else { panic!("no login") };
        let identity = login.identity.expect("named");
        assert_eq!(identity.key.0, "acct/user");
        assert_eq!(identity.email.as_deref(), Some("dev@example.test"));
        assert_eq!(login.access_expires_at, Some(Utc::from_seconds(1_795_694_400)));
        assert_eq!(login.plan.subscription.as_deref(), Some("plus"));
        assert!(login.refreshable);
    }

    fn found(text: &str) -> Found {
        examine(&Secret::new(text.as_bytes().to_vec()), &salt())
    }

    #[test]
    fn only_known_empty_shapes_count_as_signed_out() {
        for empty in [
            "{}",
            "{\"tokens\":null}",
            "{\"tokens\":{}}",
            "{\"auth_mode\":\"chatgpt\",\"OPENAI_API_KEY\":null,\"tokens\":{\"access_token\":\"\"}}",
            "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":null}",
        ] {
            assert!(matches!(found(empty), Found::Stub), "{empty}");
        }
        assert!(matches!(found("{\"tokens\":{\"acc"), Found::Unreadable(Unreadable::Torn)));
        let half = "{\"tokens\":{\"refresh_token\":\"rt\",\"access_token\":\"\"}}";
        assert!(matches!(found(half), Found::Unreadable(Unreadable::HalfLogin)));
    }

    #[test]
    fn logins_of_another_kind_are_named_and_never_empty() {
        use ForeignLogin::{AccessToken, ApiKey, HandedOver, Unknown};
        let mode = |mode: &str| auth("rt", 1).replace("\"chatgpt\",", &format!("\"{mode}\","));
        let key = "\"OPENAI_API_KEY\": \"sk-live\"";
        let without_mode = auth("rt", 1).replace("\"auth_mode\": \"chatgpt\",", "");
        for (text, what) in [
            ("{\"OPENAI_API_KEY\":\"sk\"}".to_owned(), ApiKey),
            (
                "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"sk\",\"tokens\":null}".to_owned(),
                ApiKey,
            ),
            ("{\"auth_mode\":\"chatgpt\",\"OPENAI_API_KEY\":\"sk\"}".to_owned(), ApiKey),
            ("{\"personal_access_token\":\"at-x\",\"tokens\":null}".to_owned(), AccessToken),
            (
                "{\"auth_mode\":\"personalAccessToken\",\"personal_access_token\":\"at-x\",\
                 \"tokens\":null}"
                    .to_owned(),
                AccessToken,
            ),
            ("{\"auth_mode\":\"agentIdentity\",\"agent_identity\":\"ey\"}".to_owned(), AccessToken),
            ("{\"bedrock_api_key\":{\"key\":\"x\"}}".to_owned(), Unknown),
            ("{\"tokens\":null,\"later\":[\"x\"]}".to_owned(), Unknown),
            (mode("apikey"), ApiKey),
            (mode("chatgptAuthTokens"), HandedOver),
            (mode("oauth"), Unknown),
            (without_mode.replace("\"OPENAI_API_KEY\": null", key), ApiKey),
        ] {
            assert!(matches!(found(&text), Found::Foreign(is) if is == what), "{what:?}: {text}");
        }
        let beside = auth("rt", 1).replace("\"OPENAI_API_KEY\": null", key);
        assert!(matches!(found(&beside), Found::Login(_)), "its mode says the tokens are used");
    }

    /// The key of a login whose tokens make these claims.
    fn key_of(id: &str, access: &str) -> Option<String> {
        let file = format!(
            "{{\"tokens\":{{\"id_token\":\"{}\",\"access_token\":\"{}\",\"refresh_token\":\"rt\"}}}}",
            token(id),
            token(access)
        );
        let Found::Login(login) = found(&file) else { panic!("no login: {file}") };
        login.identity.map(|identity| identity.key.0)
    }

    #[test]
    fn the_person_is_looked_for_in_both_tokens() {
        let auth = |inner: &str| format!("{{\"https://api.openai.com/auth\":{{{inner}}}}}");
        let space = auth("\"chatgpt_account_id\":\"w\"");
        for (id, access, key) in [
            (space.clone(), auth("\"chatgpt_user_id\":\"u1\""), Some("w/u1")),
            (space.clone(), auth("\"chatgpt_account_user_id\":\"u2__w\""), Some("w/u2")),
            (space.clone(), "{\"sub\":\"auth0|3\"}".to_owned(), Some("w/auth0|3")),
            (auth("\"user_id\":\"u4\""), auth("\"chatgpt_account_id\":\"w\""), Some("w/u4")),
            (
                auth("\"chatgpt_account_id\":\"w\",\"chatgpt_user_id\":\"\""),
                auth("\"chatgpt_user_id\":\"u5\""),
                Some("w/u5"),
            ),
            (space.clone(), "{}".to_owned(), None),
        ] {
            assert_eq!(key_of(&id, &access).as_deref(), key, "{id} {access}");
        }
    }

    #[test]
    fn a_refresh_renews_what_the_answer_names_and_keeps_the_rest() {
        let bytes = Secret::new(auth("rt-1", 1_700_000_000).into_bytes());
        let Found::Login(login) = examine(&bytes, &salt()) else { panic!("no login") };
        let key = login.identity.as_ref().expect("named").key.clone();
        let kept = login.into_vintage(Provider::Codex, key, None);
        let reply = Secret::new(b"{\"refresh_token\":\"rt-2\",\"id_token\":\"\"}".to_vec());
        let at = Utc::from_seconds(1_795_262_400);
        let merged = merge_reply(&kept, &reply, at).expect("merged");
        let value: serde_json::Value = serde_json::from_slice(merged.expose()).expect("json");
        assert_eq!(value["tokens"]["refresh_token"], "rt-2");
        assert_eq!(value["last_refresh"], "2026-11-21T12:00:00.000000Z");
        assert_eq!(value["auth_mode"], "chatgpt");
        assert!(value["tokens"]["id_token"].as_str().is_some_and(|token| token.len() > 20));
        assert!(merge_reply(&kept, &Secret::new(b"{}".to_vec()), at).is_none());
    }

    #[test]
    fn instants_are_written_as_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (4_102_444_800, "2100-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(rfc3339(Utc::from_seconds(seconds)), text);
        }
    }
}
