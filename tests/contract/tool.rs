//! The official tool, played: it signs in, refreshes under its own locks, clobbers and signs out.

use super::routes::{SCOPES, organization_name, rfc3339};
use super::tokens::Pair;
use super::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A lock directory older than this is a dead holder's.
const STALE: Duration = Duration::from_secs(60);
/// How often the storage lock is tried, and the pause between.
const STORAGE_TRIES: u32 = 10;
const STORAGE_PAUSE: Duration = Duration::from_millis(100);

/// How a store is written: the tool renames, and truncates where it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteStyle {
    /// Temporary file and rename.
    Rename,
    /// In place.
    Truncate,
}

/// How an attempt of the tool to refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// A new pair stands in the store.
    Done,
    /// Somebody else holds a lock.
    Busy,
    /// There is no login to refresh.
    NoLogin,
    /// The refresh token was refused; the store was emptied.
    Refused,
    /// Somebody else changed the store meanwhile; the new pair was given up.
    Overtaken,
}

/// An installation of the tool: one store, one configuration.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Directory of `.credentials.json`.
    pub dir: PathBuf,
    /// The global configuration, with the identity.
    pub config: PathBuf,
    /// How it writes its store.
    pub style: WriteStyle,
}

impl Tool {
    /// As with `CLAUDE_CONFIG_DIR=dir`.
    ///
    /// # Panics
    /// When the directory cannot be made.
    #[must_use]
    pub fn in_config_dir(dir: &Path) -> Self {
        let tool = Self {
            dir: dir.to_owned(),
            config: dir.join(".claude.json"),
            style: WriteStyle::Rename,
        };
        tool.prepare()
    }

    /// As with the defaults of a home directory: `~/.claude` and `~/.claude.json`.
    ///
    /// # Panics
    /// When the directory cannot be made.
    #[must_use]
    pub fn in_home(home: &Path) -> Self {
        let tool = Self {
            dir: home.join(".claude"),
            config: home.join(".claude.json"),
            style: WriteStyle::Rename,
        };
        tool.prepare()
    }

    fn prepare(self) -> Self {
        fs::create_dir_all(&self.dir).expect("a directory for the tool");
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&self.dir, private).expect("a private directory");
        self
    }

    /// The file with the login.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.dir.join(".credentials.json")
    }

    /// Signs in as the person called `email`: store and identity.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn sign_in(&self, world: &World, email: &str) -> Pair {
        let pair = world.sign_in(email);
        self.place(world, email, &pair);
        pair
    }

    /// Writes a login that exists: what signing in does after the browser.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn place(&self, world: &World, email: &str, pair: &Pair) {
        let index = world.account(email).expect("a known account");
        let account = world.state().accounts[index].clone();
        let mut store = read_object(&self.store());
        if store.is_empty() {
            let token = format!("mcp-{}", world.state().tokens.canary);
            store.insert(
                "mcpOAuth".to_owned(),
                json!({"tracker|0a1b": {"serverName": "tracker", "accessToken": token}}),
            );
        }
        store.insert(
            "claudeAiOauth".to_owned(),
            json!({
                "accessToken": pair.access,
                "refreshToken": pair.refresh,
                "expiresAt": pair.access_ends.millis(),
                "refreshTokenExpiresAt": pair.login_ends.millis(),
                "scopes": SCOPES.split(' ').collect::<Vec<_>>(),
                "subscriptionType": account.spec.plan,
                "rateLimitTier": account.tier(),
            }),
        );
        self.write_store(&Value::Object(store).to_string());
        let name = email.split('@').next().unwrap_or_default();
        let born = rfc3339(world.clock.now().plus_seconds(-86_400 * 200));
        self.write_identity(Some(json!({
            "accountUuid": account.uuid,
            "emailAddress": email,
            "organizationUuid": account.organization,
            "hasExtraUsageEnabled": false,
            "billingType": "stripe_subscription",
            "accountCreatedAt": born,
            "subscriptionCreatedAt": born,
            "displayName": name,
            "organizationRole": "admin",
            "workspaceRole": null,
            "organizationName": organization_name(&account),
            "organizationType": format!("claude_{}", account.spec.plan),
            "organizationRateLimitTier": account.tier(),
            "userRateLimitTier": null,
            "seatTier": null,
        })));
    }

    /// Refreshes the login in the store as the tool does: both refresh locks, exchange, storage
    /// lock, compare, write.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn refresh(&self, world: &World) -> Refreshed {
        let Some(_locks) = self.refresh_locks() else {
            return Refreshed::Busy;
        };
        let Some((_, sent)) = self.tokens() else {
            return Refreshed::NoLogin;
        };
        let exchanged = world.state().tokens.exchange(&sent, world.clock.now());
        // The token is spent by now: the tool tries for a while, as the real one does.
        let storage = self.dir.join(".storage-write.lock");
        let tried = (0..STORAGE_TRIES).find_map(|_| {
            self.lock(storage.clone()).or_else(|| {
                std::thread::sleep(STORAGE_PAUSE);
                None
            })
        });
        let Some(_storage) = tried else {
            return Refreshed::Overtaken;
        };
        let current = self.tokens().map(|(_, refresh)| refresh);
        if current.is_some_and(|current| current != sent) {
            return Refreshed::Overtaken;
        }
        let mut store = read_object(&self.store());
        let Some(Value::Object(login)) = store.get_mut("claudeAiOauth") else {
            return Refreshed::Overtaken;
        };
        let result = match exchanged {
            Some((_, pair)) => {
                login.insert("accessToken".to_owned(), json!(pair.access));
                login.insert("refreshToken".to_owned(), json!(pair.refresh));
                login.insert("expiresAt".to_owned(), json!(pair.access_ends.millis()));
                Refreshed::Done
            }
            None => {
                empty(login);
                Refreshed::Refused
            }
        };
        self.write_store(&Value::Object(store).to_string());
        result
    }

    /// Puts bytes back that a running process had in memory, whatever stands there now.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn clobber(&self, store: &str) {
        self.write_store(store);
    }

    /// Leaves the stub of a sign-out: a store without tokens, no identity.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn sign_out(&self) {
        let mut store = read_object(&self.store());
        if let Some(Value::Object(login)) = store.get_mut("claudeAiOauth") {
            empty(login);
        }
        self.write_store(&Value::Object(store).to_string());
        self.write_identity(None);
    }

    /// Access and refresh token in the store, when it holds a whole login.
    #[must_use]
    pub fn tokens(&self) -> Option<(String, String)> {
        let store = read_object(&self.store());
        let login = store.get("claudeAiOauth")?;
        let part =
            |name: &str| login[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Some((part("accessToken")?, part("refreshToken")?))
    }

    /// When the bearer in the store ends, milliseconds since the epoch.
    #[must_use]
    pub fn access_ends_ms(&self) -> Option<i64> {
        read_object(&self.store()).get("claudeAiOauth")?["expiresAt"].as_i64()
    }

    fn refresh_locks(&self) -> Option<(LockDir, LockDir)> {
        let primary = self.lock(self.dir.join(".oauth_refresh.lock"))?;
        let real = fs::canonicalize(&self.dir).ok()?;
        let name = format!("{}.lock", real.file_name()?.to_string_lossy());
        Some((primary, self.lock(real.with_file_name(name))?))
    }

    fn lock(&self, path: PathBuf) -> Option<LockDir> {
        if fs::create_dir(&path).is_err() {
            let age = fs::metadata(&path).ok()?.modified().ok()?.elapsed().unwrap_or_default();
            if age < STALE {
                return None;
            }
            fs::remove_dir(&path).ok()?;
            fs::create_dir(&path).ok()?;
        }
        Some(LockDir(path))
    }

    fn write_store(&self, text: &str) {
        write(&self.store(), text, self.style).expect("the tool's store is writable");
    }

    /// Rewrites the identity block and leaves every other key.
    fn write_identity(&self, identity: Option<Value>) {
        let lock = self.config.with_file_name(".claude.json.lock");
        let _lock = self.lock(lock);
        let mut config = read_object(&self.config);
        if config.is_empty() {
            config = first_config();
        }
        match identity {
            Some(identity) => config.insert("oauthAccount".to_owned(), identity),
            None => config.shift_remove("oauthAccount"),
        };
        let text = serde_json::to_string_pretty(&config).expect("a writable document");
        write(&self.config, &text, WriteStyle::Rename).expect("the tool's config is writable");
    }
}

/// What the tool leaves of a login it gave up.
fn empty(login: &mut Map<String, Value>) {
    login.insert("accessToken".to_owned(), json!(""));
    login.insert("refreshToken".to_owned(), json!(""));
    login.insert("expiresAt".to_owned(), json!(0));
}

fn first_config() -> Map<String, Value> {
    let config = json!({
        "numStartups": 42,
        "installMethod": "native",
        "autoUpdates": false,
        "tipsHistory": {"new-user-warmup": 3, "plan-mode-for-complex-tasks": 17},
        "userID": "5f0c1a".repeat(10),
        "hasCompletedOnboarding": true,
        "lastOnboardingVersion": "2.1.288",
        "theme": "dark",
        "projects": {"/home/demo/work": {"allowedTools": [], "hasTrustDialogAccepted": true}},
        "mcpServers": {"tracker": {"type": "http", "url": "https://tracker.example.test/mcp"}},
    });
    config.as_object().cloned().unwrap_or_default()
}

pub(super) fn read_object(path: &Path) -> Map<String, Value> {
    let read = fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.unwrap_or_default()
}

pub(super) fn write(path: &Path, text: &str, style: WriteStyle) -> io::Result<()> {
    let private = |path: &Path| {
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
    };
    if style == WriteStyle::Truncate {
        return private(path)?.write_all(text.as_bytes());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!("{name}.tmp.{:08x}", fastrand::u32(..)));
    private(&temporary)?.write_all(text.as_bytes())?;
    // A symbolic link stays one: the tool renames beside the file it leads to.
    fs::rename(&temporary, fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
}

/// A lock directory, removed when dropped.
struct LockDir(PathBuf);

impl Drop for LockDir {
    fn drop(&mut self) {
        let _gone = fs::remove_dir(&self.0);
    }
}
