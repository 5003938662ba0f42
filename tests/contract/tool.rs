//! The official tool, played: it signs in, begins a session, refreshes under its own locks, clobbers
//! and signs out; file by file and lock by lock as Claude Code 2.1.332 was seen to do it.

use super::accounts::FakeAccount;
use super::answers::{SCOPES, organization_name, rfc3339};
use super::tokens::{Bearer, Pair, Presenter};
use super::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sluice_engine::Utc;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A lock directory older than this is a dead holder's.
const STALE: Duration = Duration::from_secs(60);
/// A holder of the refresh locks touches them this often.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A session that begins reads its profile anew when it is older than this, milliseconds.
const PROFILE_MS: i64 = 86_400_000;
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
        self.write_identity(Some(identity(&account, world.clock.now(), None)));
    }

    /// A session begins. Marks the login once with where its plan came from, and reads the profile
    /// where it is missing or a day old: that request is under way when this returns.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn start(&self, world: &World) -> Option<ProfileRead> {
        self.mark_plan();
        let now = world.clock.now();
        let config = read_object(&self.config);
        let fetched = config.get("oauthAccount").and_then(|it| it["profileFetchedAt"].as_i64());
        if fetched.is_some_and(|at| now.millis() - at < PROFILE_MS) {
            return None;
        }
        let (access, _) = self.tokens()?;
        let state = world.state();
        let Bearer::Good(account) = state.tokens.bearer(&access, now) else { return None };
        Some(ProfileRead(identity(&state.accounts[account], now, Some(now))))
    }

    /// Says once where the plan is known from: the same tokens in other bytes.
    fn mark_plan(&self) {
        let Some(_storage) = self.lock(self.dir.join(".storage-write.lock")) else { return };
        let mut store = read_object(&self.store());
        let Some(Value::Object(login)) = store.get_mut("claudeAiOauth") else { return };
        let signed_in = login["refreshToken"].as_str().is_some_and(|token| !token.is_empty());
        if signed_in && !login.contains_key("subscriptionTypeSource") {
            login.insert("subscriptionTypeSource".to_owned(), json!("profile"));
            self.write_store(&Value::Object(store).to_string());
        }
    }

    /// The profile has come: it is written whoever is signed in by now.
    ///
    /// # Panics
    /// When the configuration cannot be written.
    pub fn finish_start(&self, profile: ProfileRead) {
        self.write_identity(Some(profile.0));
    }

    /// Refreshes the login in the store as the tool does.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn refresh(&self, world: &World) -> Refreshed {
        self.refresh_during(world, || ())
    }

    /// The same, with what happens while the provider's answer is on its way: both refresh locks and
    /// their owner's file, exchange and profile, the identity, storage lock, compare, the store.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn refresh_during(&self, world: &World, answering: impl FnOnce()) -> Refreshed {
        let Some(locks) = self.refresh_locks() else {
            return Refreshed::Busy;
        };
        let Some((_, sent)) = self.tokens() else {
            return Refreshed::NoLogin;
        };
        let now = world.clock.now();
        let exchanged = world.state().tokens.exchange(&sent, Presenter::Tool, now);
        locks.while_touched(answering);
        if let Some((account, _)) = &exchanged {
            let account = world.state().accounts[*account].clone();
            self.write_identity(Some(identity(&account, now, Some(now))));
        }
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

    fn refresh_locks(&self) -> Option<RefreshLocks> {
        let primary = self.lock(self.dir.join(".oauth_refresh.lock"))?;
        let real = fs::canonicalize(&self.dir).ok()?;
        let name = format!("{}.lock", real.file_name()?.to_string_lossy());
        let legacy = self.lock(real.with_file_name(name))?;
        let owner = self.dir.join(".oauth_refresh.lock.owner");
        let text = json!({"pid": std::process::id()}).to_string();
        write(&owner, &text, WriteStyle::Rename).ok()?;
        Some(RefreshLocks { owner, legacy, primary })
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

/// A reading of the profile that is under way.
#[derive(Clone, Debug)]
pub struct ProfileRead(Value);

/// The identity block of an account; `fetched` is when the tool read its profile.
fn identity(account: &FakeAccount, now: Utc, fetched: Option<Utc>) -> Value {
    let email = account.spec.email.as_str();
    let born = rfc3339(now.plus_seconds(-86_400 * 200));
    let mut block = json!({
        "accountUuid": account.uuid,
        "emailAddress": email,
        "organizationUuid": account.organization,
        "hasExtraUsageEnabled": false,
        "billingType": "stripe_subscription",
        "accountCreatedAt": born,
        "subscriptionCreatedAt": born,
        "displayName": email.split('@').next().unwrap_or_default(),
        "organizationRole": "admin",
        "workspaceRole": null,
        "organizationName": organization_name(account),
        "organizationType": format!("claude_{}", account.spec.plan),
        "organizationRateLimitTier": account.tier(),
        "userRateLimitTier": null,
        "seatTier": null,
    });
    if let Some(fetched) = fetched {
        block["profileFetchedAt"] = json!(fetched.millis());
        block["ccOnboardingFlags"] = json!({});
        block["claudeCodeTrialEndsAt"] = Value::Null;
        block["claudeCodeTrialDurationDays"] = Value::Null;
        block["fullName"] = block["displayName"].clone();
    }
    block
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

/// What a refresh holds; the owner's file goes first, the lock taken first goes last.
struct RefreshLocks {
    owner: PathBuf,
    legacy: LockDir,
    primary: LockDir,
}

impl RefreshLocks {
    /// Does `work` and shows meanwhile that the holder lives.
    fn while_touched(&self, work: impl FnOnce()) {
        let (done, ended) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let timed_out = std::sync::mpsc::RecvTimeoutError::Timeout;
                while ended.recv_timeout(HEARTBEAT) == Err(timed_out) {
                    for lock in [&self.primary, &self.legacy] {
                        let touched = fs::File::open(&lock.0)
                            .and_then(|dir| dir.set_modified(std::time::SystemTime::now()));
                        drop(touched);
                    }
                }
            });
            work();
            drop(done);
        });
    }
}

impl Drop for RefreshLocks {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.owner);
    }
}

/// A lock directory, removed when dropped.
struct LockDir(PathBuf);

impl Drop for LockDir {
    fn drop(&mut self) {
        let _gone = fs::remove_dir(&self.0);
    }
}
