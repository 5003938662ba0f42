//! Claude Code's seat: `.credentials.json`, and `oauthAccount` in `.claude.json`.

mod kind;
pub(crate) mod settings;

pub use kind::{LoginKind, login_kind};

use super::caveats::{Caveat, Surroundings};
use super::foreign::{holds_more_than, holds_text};
use super::found::{Found, FoundLogin};
use super::locks::{Locks, ToolLock, with_suffix};
use super::{Facts, Seat, Tool, filled, tool_home};
use crate::error::CustodyError;
use crate::json::{self, Entry};
use crate::login::{AccountKey, Fingerprint, Identity};
use crate::refused::{ForeignLogin, Unreadable};
use crate::secret::Secret;
use crate::vault::{Salt, Vintage};
use serde::Deserialize;
use serde_json::value::RawValue;
use sluice_engine::renew::{RENEW_AHEAD_S, renewal_due};
use sluice_engine::{Plan, Provider, Utc};
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Claude Code.
pub(super) struct Claude;

const PROVIDER: Provider = Provider::Claude;
/// The tool's directory below the home, and its settings' below a project.
const USUAL: &str = ".claude";
/// The global configuration's name.
const CONFIG: &str = ".claude.json";
/// The same where an early version has left it: as long as it is there it is the one that is used.
const LEGACY_CONFIG: &str = ".config.json";

static FACTS: Facts = Facts {
    usual: USUAL,
    file: ".credentials.json",
    config: Some(CONFIG),
    keys: &[
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_API_KEY",
        "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
        "ANTHROPIC_PROFILE",
    ],
    clouds: &["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"],
    address: "ANTHROPIC_BASE_URL",
    shared: &[
        "projects",
        "history.jsonl",
        "CLAUDE.md",
        "settings.json",
        "keybindings.json",
        "agents",
        "commands",
        "skills",
        "plugins",
        "hooks",
        "output-styles",
        "themes",
        "rules",
        "workflows",
        "file-history",
        "paste-cache",
        "shell-snapshots",
        "session-env",
    ],
};

impl Tool for Claude {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    /// The variable of the login alone means the usual store when it is set and empty.
    fn seat(&self, home: &Path, var: &dyn Fn(&str) -> Option<OsString>) -> Seat {
        let spec = PROVIDER.spec();
        let own = tool_home(PROVIDER, home, var);
        let dir = match spec.login_variable.and_then(var) {
            Some(empty) if empty.is_empty() => home.join(USUAL),
            named => filled(named).unwrap_or_else(|| own.clone()),
        };
        let legacy = own.join(LEGACY_CONFIG);
        let config = match filled(var(spec.home_variable)) {
            _ if legacy.is_file() => legacy,
            Some(named) => named.join(CONFIG),
            None => home.join(CONFIG),
        };
        Seat { config: Some(config), ..Seat::at(PROVIDER, &dir) }
    }

    fn examine(&self, bytes: &Secret, salt: &Salt) -> Found {
        examine(bytes, salt)
    }

    fn compose(&self, live: Option<&Secret>, vintage: &Vintage) -> Option<Secret> {
        compose(live, vintage)
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

    fn locks(&self, _seat: &Seat, real: &Path) -> Locks {
        Locks::Directories(vec![
            ToolLock::new(real.join(".oauth_refresh.lock"), 60),
            ToolLock::new(with_suffix(real, ".lock"), 60),
            ToolLock::new(real.join(".storage-write.lock"), 15),
        ])
    }

    fn unrenewable(&self, path: PathBuf) -> CustodyError {
        CustodyError::Foreign { provider: PROVIDER, path, what: ForeignLogin::SetupToken }
    }

    fn settings_caveats(&self, around: &Surroundings<'_>, found: &mut Vec<Caveat>) {
        let files = settings::files(PROVIDER, around);
        files.iter().for_each(|path| settings::caveats(PROVIDER, path, found));
    }

    fn keeps_out(&self, _seat: &Seat, key: &AccountKey, etc: &Path) -> Option<PathBuf> {
        settings::keeps_out(etc, key)
    }
}

/// Keys of the credential file that belong to the account; every other key belongs to the machine.
const ACCOUNT_KEYS: [&str; 2] = ["claudeAiOauth", "trustedDeviceToken"];
/// What else lies in the credential file, none of it a login: the machine's.
const MACHINE_KEYS: [&str; 5] =
    ["mcpOAuth", "mcpOAuthClientConfig", "mcpXaaIdp", "mcpXaaIdpConfig", "pluginSecrets"];
/// What may stand beside emptied tokens and is no credential.
const STUB_KEYS: [&str; 7] = [
    "scopes",
    "subscriptionType",
    "subscriptionTypeSource",
    "rateLimitTier",
    "clientId",
    "expiresAt",
    "refreshTokenExpiresAt",
];
/// The tool's public client id, part of each refresh request.
const CLIENT_ID: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";

/// The state of a credential file, as people and fixtures name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialState {
    /// Usable now.
    Ok,
    /// The access token has ended or is about to; the login is fine.
    NeedsRefresh,
    /// Emptied, or past its own end: a person must sign in.
    LoginRequired,
    /// No login in it.
    SignedOut,
    /// Holds something else, which may be a login: never *absent*.
    Foreign(ForeignLogin),
    /// Not understood at the moment: never *absent*.
    Unreadable(Unreadable),
}

/// The `claudeAiOauth` object, borrowed from the file.
#[derive(Deserialize)]
struct Oauth<'a> {
    #[serde(borrow, rename = "accessToken", default)]
    access: Option<&'a RawValue>,
    #[serde(borrow, rename = "refreshToken", default)]
    refresh: Option<&'a RawValue>,
    #[serde(borrow, rename = "expiresAt", default)]
    expires_at: Option<&'a RawValue>,
    #[serde(borrow, rename = "refreshTokenExpiresAt", default)]
    login_ends_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    scopes: Option<&'a RawValue>,
    #[serde(borrow, rename = "subscriptionType", default)]
    subscription: Option<&'a RawValue>,
    #[serde(borrow, rename = "rateLimitTier", default)]
    tier: Option<&'a RawValue>,
}

/// A JSON string's text.
pub(crate) fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(raw?.get()).ok().map(|text| text.0)
}

fn number(raw: Option<&RawValue>) -> Option<i64> {
    let raw = raw?.get().trim_matches('"');
    raw.parse::<i64>().ok().or_else(|| {
        let value = raw.parse::<f64>().ok().filter(|v| v.is_finite() && v.abs() < 9e15)?;
        Some(value as i64)
    })
}

/// A login as read from the file; borrows its bytes.
pub(crate) struct Login<'a> {
    oauth: Oauth<'a>,
    access: Cow<'a, str>,
    refresh: Option<Cow<'a, str>>,
    account_part: Vec<(&'static str, &'a str)>,
}

/// What the credential file says.
pub(crate) enum Reading<'a> {
    Login(Login<'a>),
    /// Emptied tokens (`""`, 0): left by a refused refresh, or for a moment during a login.
    Emptied,
    /// No `claudeAiOauth` at all.
    SignedOut,
    /// Something that is no login of a subscription, or is not known.
    Foreign(ForeignLogin),
    Unreadable(Unreadable),
}

/// Tells a file that ends in the middle from one that was never JSON.
pub(crate) fn not_json(text: &str) -> Unreadable {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Err(error) if error.is_eof() => Unreadable::Torn,
        Ok(_) | Err(_) => Unreadable::NotJson,
    }
}

/// The file's top level, or why it is left alone.
pub(crate) fn top_level(bytes: &Secret) -> Result<(&str, Vec<Entry<'_>>), Unreadable> {
    if bytes.expose().iter().all(u8::is_ascii_whitespace) {
        return Err(Unreadable::Empty);
    }
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| Unreadable::NotText)?;
    if text.starts_with('\u{feff}') {
        return Err(Unreadable::ByteOrderMark);
    }
    let entries = json::entries(text).ok_or_else(|| not_json(text))?;
    if json::has_duplicates(&entries) {
        return Err(Unreadable::NotJson);
    }
    Ok((text, entries))
}

/// Reads a credential file's bytes; total.
pub(crate) fn read(bytes: &Secret) -> Reading<'_> {
    let entries = match top_level(bytes) {
        Ok((_, entries)) => entries,
        Err(why) => return Reading::Unreadable(why),
    };
    let Some(raw) = json::value(&entries, ACCOUNT_KEYS[0]).filter(|raw| *raw != "null") else {
        let known = [ACCOUNT_KEYS.as_slice(), MACHINE_KEYS.as_slice()].concat();
        return match holds_more_than(&entries, &known) {
            true => Reading::Foreign(ForeignLogin::Unknown),
            false => Reading::SignedOut,
        };
    };
    let Ok(oauth) = serde_json::from_str::<Oauth<'_>>(raw) else {
        return Reading::Unreadable(Unreadable::NotJson);
    };
    let filled = |raw| text(raw).filter(|token: &Cow<'_, str>| !token.is_empty());
    let refresh = filled(oauth.refresh);
    let Some(access) = filled(oauth.access) else {
        return without_access(raw, &oauth);
    };
    // A token that is no text is not one that is missing; an emptied one beside a live one is the
    // middle of a sign-in, or half of one.
    let refresh_is_none = oauth.refresh.is_none_or(|raw| raw.get() == "null");
    if refresh.is_none() && !refresh_is_none {
        return Reading::Unreadable(Unreadable::HalfLogin);
    }
    let account_part = ACCOUNT_KEYS
        .iter()
        .filter_map(|key| json::value(&entries, key).map(|raw| (*key, raw)))
        .collect();
    Reading::Login(Login { oauth, access, refresh, account_part })
}

/// Without an access token: emptied, as far as nothing else in it could be a credential.
fn without_access<'a>(raw: &str, oauth: &Oauth<'_>) -> Reading<'a> {
    let empty =
        |raw: Option<&RawValue>| raw.is_none_or(|raw| raw.get() == "null" || raw.get() == "\"\"");
    if !empty(oauth.access) || !empty(oauth.refresh) {
        return Reading::Unreadable(Unreadable::HalfLogin);
    }
    match json::entries(raw) {
        Some(entries) if !holds_more_than(&entries, &STUB_KEYS) => Reading::Emptied,
        Some(_) | None => Reading::Foreign(ForeignLogin::Unknown),
    }
}

/// The state of a credential file at an instant.
#[must_use]
pub fn credential_state(bytes: &Secret, now: Utc) -> CredentialState {
    match read(bytes) {
        Reading::Unreadable(why) => CredentialState::Unreadable(why),
        Reading::Foreign(what) => CredentialState::Foreign(what),
        Reading::SignedOut => CredentialState::SignedOut,
        Reading::Emptied => CredentialState::LoginRequired,
        Reading::Login(login) => {
            let is_due =
                |at: Option<Utc>| at.is_some() && renewal_due(true, at, RENEW_AHEAD_S, now);
            if login.login_ends_at().is_some_and(|at| at <= now) {
                CredentialState::LoginRequired
            } else if is_due(login.access_expires_at()) {
                CredentialState::NeedsRefresh
            } else {
                CredentialState::Ok
            }
        }
    }
}

/// Reads a credential file's bytes into an owned login; total.
pub(crate) fn examine(bytes: &Secret, salt: &Salt) -> Found {
    match read(bytes) {
        Reading::Unreadable(why) => Found::Unreadable(why),
        Reading::Foreign(what) => Found::Foreign(what),
        Reading::Emptied | Reading::SignedOut => Found::Stub,
        Reading::Login(login) => Found::Login(FoundLogin {
            credential: login.account_object(),
            access: Secret::new(login.access.as_bytes().to_vec()),
            fingerprint: login.fingerprint(salt),
            lineage: login.refresh.as_ref().map(|token| salt.lineage(token.as_bytes())),
            access_expires_at: login.access_expires_at(),
            login_ends_at: login.login_ends_at(),
            refreshable: login.refresh.is_some(),
            plan: login.plan(),
            identity: None,
        }),
    }
}

impl Login<'_> {
    fn access_expires_at(&self) -> Option<Utc> {
        number(self.oauth.expires_at).map(Utc::from_millis)
    }

    fn login_ends_at(&self) -> Option<Utc> {
        number(self.oauth.login_ends_at).map(Utc::from_millis)
    }

    fn plan(&self) -> Plan {
        let tier = text(self.oauth.tier).map(Cow::into_owned);
        let subscription = text(self.oauth.subscription).map(Cow::into_owned);
        Plan::told(Provider::Claude, subscription.as_deref(), tier)
    }

    /// Hash of the tokens and their end; formatting does not matter.
    fn fingerprint(&self, salt: &Salt) -> Fingerprint {
        let refresh = self.refresh.as_deref().unwrap_or_default();
        let expires = number(self.oauth.expires_at).unwrap_or_default().to_le_bytes();
        salt.fingerprint(&[self.access.as_bytes(), refresh.as_bytes(), &expires])
    }

    /// The account's keys as one object, each value byte for byte as it was.
    fn account_object(&self) -> Secret {
        let size: usize =
            self.account_part.iter().map(|(key, raw)| key.len() + raw.len() + 4).sum();
        let mut object = Zeroizing::new(Vec::with_capacity(size + 2));
        object.push(b'{');
        for (index, (key, raw)) in self.account_part.iter().enumerate() {
            if index > 0 {
                object.push(b',');
            }
            for part in ["\"", key, "\":", raw] {
                object.extend_from_slice(part.as_bytes());
            }
        }
        object.push(b'}');
        Secret::from(object)
    }

    /// The body of the refresh request; `None` without a refresh token.
    pub(crate) fn refresh_request(&self) -> Option<Secret> {
        let quoted = self.oauth.refresh.map(RawValue::get)?;
        self.refresh.as_ref()?;
        let scopes: Vec<Cow<'_, str>> = self
            .oauth
            .scopes
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        let scope = match scopes.is_empty() {
            true => String::new(),
            false => format!(",\"scope\":{}", serde_json::Value::from(scopes.join(" "))),
        };
        let mut body = Zeroizing::new(Vec::with_capacity(quoted.len() + scope.len() + 160));
        for part in [
            "{\"grant_type\":\"refresh_token\",\"refresh_token\":",
            quoted,
            ",\"client_id\":\"",
            CLIENT_ID,
            "\"",
            &scope,
            "}",
        ] {
            body.extend_from_slice(part.as_bytes());
        }
        Some(Secret::from(body))
    }
}

/// The refresh request for a kept credential.
pub(crate) fn refresh_request(vintage: &Vintage) -> Option<Secret> {
    match read(&vintage.credential) {
        Reading::Login(login) => login.refresh_request(),
        Reading::Emptied | Reading::SignedOut | Reading::Foreign(_) | Reading::Unreadable(_) => {
            None
        }
    }
}

/// The kept credential with what the token endpoint's answer names; a sparse answer keeps the rest.
pub(crate) fn merge_reply(kept: &Vintage, body: &Secret, now: Utc) -> Option<Secret> {
    #[derive(Deserialize)]
    struct Reply<'a> {
        #[serde(borrow)]
        access_token: &'a RawValue,
        #[serde(borrow, default)]
        refresh_token: Option<&'a RawValue>,
        #[serde(borrow, default)]
        expires_in: Option<&'a RawValue>,
        #[serde(borrow, default)]
        refresh_token_expires_in: Option<&'a RawValue>,
        #[serde(borrow, default)]
        scope: Option<&'a RawValue>,
    }
    let reply: Reply<'_> = serde_json::from_slice(body.expose()).ok()?;
    text(Some(reply.access_token)).filter(|token| !token.is_empty())?;
    let end = |seconds: Option<&RawValue>| {
        number(seconds).map(|seconds| now.plus_seconds(seconds).millis().to_string())
    };
    let (ends, login_ends) = (end(reply.expires_in), end(reply.refresh_token_expires_in));
    let scopes = text(reply.scope)
        .map(|scope| scope.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|scopes| !scopes.is_empty())
        .map(|scopes| serde_json::Value::from(scopes).to_string());
    let refresh = reply.refresh_token.filter(|raw| text(Some(raw)).is_some_and(|t| !t.is_empty()));
    let mut changes = vec![("accessToken", Some(reply.access_token.get()))];
    for (key, new) in [
        ("refreshToken", refresh.map(RawValue::get)),
        ("expiresAt", ends.as_deref()),
        ("refreshTokenExpiresAt", login_ends.as_deref()),
        ("scopes", scopes.as_deref()),
    ] {
        changes.extend(new.map(|new| (key, Some(new))));
    }
    let credential = std::str::from_utf8(kept.credential.expose()).ok()?;
    let entries = json::entries(credential)?;
    let oauth = json::splice(json::value(&entries, ACCOUNT_KEYS[0])?, &changes)?;
    let oauth = std::str::from_utf8(&oauth).ok()?;
    json::splice(credential, &[(ACCOUNT_KEYS[0], Some(oauth))]).map(Secret::from)
}

/// What the answer does not say contradicts nothing.
fn is_for_another(kept: &Vintage, body: &Secret) -> bool {
    #[derive(Deserialize, Default)]
    struct Named {
        #[serde(default)]
        uuid: Option<String>,
    }
    #[derive(Deserialize, Default)]
    struct Reply {
        #[serde(default)]
        account: Option<Named>,
        #[serde(default)]
        organization: Option<Named>,
    }
    let reply: Reply = serde_json::from_slice(body.expose()).unwrap_or_default();
    let Some((account, organization)) = kept.key.0.split_once('/') else { return false };
    let other = |named: Option<Named>, own: &str| {
        let said = named.and_then(|named| named.uuid).filter(|said| !said.is_empty());
        said.is_some_and(|said| !own.is_empty() && said != own)
    };
    other(reply.account, account) || other(reply.organization, organization)
}

/// The bytes that make `vintage` live: its account keys over the live file's, every key of the
/// machine as it is in the live file. `None` when the live file cannot be spliced.
pub(crate) fn compose(live: Option<&Secret>, vintage: &Vintage) -> Option<Secret> {
    let base = match live {
        Some(live) => std::str::from_utf8(live.expose()).ok()?,
        None => "{}",
    };
    let kept = std::str::from_utf8(vintage.credential.expose()).ok()?;
    let kept = json::entries(kept)?;
    let changes: Vec<(&str, Option<&str>)> =
        ACCOUNT_KEYS.iter().map(|key| (*key, json::value(&kept, key))).collect();
    json::splice(base, &changes).map(Secret::from)
}

/// The identity in `.claude.json`: the whole `oauthAccount` block and who it names.
pub(crate) struct Named<'a> {
    pub(crate) identity: Identity,
    pub(crate) block: &'a str,
}

/// Reads the top level of the global configuration. `Ok(None)`: it names nobody.
pub(crate) fn read_identity<'a>(entries: &[Entry<'a>]) -> Result<Option<Named<'a>>, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Block<'a> {
        #[serde(borrow, default)]
        account_uuid: Option<&'a RawValue>,
        #[serde(borrow, default)]
        organization_uuid: Option<&'a RawValue>,
        #[serde(borrow, default)]
        email_address: Option<&'a RawValue>,
        #[serde(borrow, default)]
        organization_name: Option<&'a RawValue>,
    }
    let Some(raw) = json::value(entries, "oauthAccount").filter(|raw| *raw != "null") else {
        return Ok(None);
    };
    let block: Block<'_> = serde_json::from_str(raw).map_err(|_| Unreadable::NotJson)?;
    let filled =
        |raw| text(raw).filter(|text: &Cow<'_, str>| !text.is_empty()).map(Cow::into_owned);
    let Some(account) = filled(block.account_uuid) else {
        return Ok(None);
    };
    let organization = filled(block.organization_uuid).unwrap_or_default();
    Ok(Some(Named {
        identity: Identity {
            key: AccountKey(format!("{account}/{organization}")),
            email: filled(block.email_address),
            organization: filled(block.organization_name),
        },
        block: raw,
    }))
}

/// Whether the configuration holds an API key that a sign-in to the provider's console has made:
/// without a login in the credential file it is what the tool uses.
pub(crate) fn holds_api_key(entries: &[Entry<'_>]) -> bool {
    json::value(entries, "primaryApiKey").is_some_and(holds_text)
}

/// The parts of the configuration with another identity block; `None` when it cannot be spliced.
pub(crate) fn with_identity(
    config: &str,
    entries: &[Entry<'_>],
    block: &Secret,
) -> Option<Vec<json::Piece>> {
    let block = std::str::from_utf8(block.expose()).ok()?;
    json::pieces_of(config, entries, &[("oauthAccount", Some(block))])
}
