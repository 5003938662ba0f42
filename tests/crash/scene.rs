//! A home in one of seven start states, what may be done in it, and what must be true of it.

use crate::store::{FileJournal, FilePointers, FileStore};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sluice_custody::{AccountKey, Config, Custody, Party, Seats};
use sluice_engine::{AccountId, Provider};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How the seat looks when a swap begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// `a` is live and was refreshed since the vault saw it.
    Rotated,
    /// `a` is live exactly as the vault has it.
    Captured,
    /// The credential file is a link to another directory.
    Linked,
    /// `a` is live, with keys of the machine, and something is parked from an earlier swap.
    Crowded,
    /// The tool is signed out.
    SignedOut,
    /// There is no credential file.
    Empty,
    /// As [`Self::Rotated`], in Codex's seat.
    Codex,
}

impl Start {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Rotated,
        Self::Captured,
        Self::Linked,
        Self::Crowded,
        Self::SignedOut,
        Self::Empty,
        Self::Codex,
    ];

    /// Name on the command line.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Whether `a` is live.
    pub fn is_occupied(self) -> bool {
        !matches!(self, Self::SignedOut | Self::Empty)
    }
}

/// Far in the future, milliseconds.
const EXPIRES_MS: i64 = 4_000_000_000_000;

/// A credential file of `name` after `rotation` refreshes.
pub fn credential(name: &str, rotation: u32) -> String {
    let expires = EXPIRES_MS + i64::from(rotation) * 1_000;
    let ends = EXPIRES_MS + name.bytes().map(i64::from).sum::<i64>() * 1_000_000;
    format!(
        "{{\"claudeAiOauth\":{{\"accessToken\":\"at-{name}-{rotation}.\",\
         \"refreshToken\":\"rt-{name}-{rotation}.\",\"expiresAt\":{expires},\
         \"refreshTokenExpiresAt\":{ends},\"scopes\":[\"user:inference\"],\
         \"subscriptionType\":\"max\"}},\"mcpOAuth\":{{\"s\":{{\"accessToken\":\"m\"}}}}}}\n"
    )
}

/// Codex's file of `name` after `rotation` refreshes.
fn codex_credential(name: &str, rotation: u32) -> String {
    let token = |claims: String| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let id = token(format!(
        "{{\"https://api.openai.com/auth\":{{\"chatgpt_account_id\":\"u-{name}\",\
         \"chatgpt_user_id\":\"o-{name}\"}}}}"
    ));
    let access = token(format!("{{\"exp\":{}}}", EXPIRES_MS / 1_000 + i64::from(rotation)));
    format!(
        "{{\n  \"auth_mode\": \"chatgpt\",\n  \"tokens\": {{\"id_token\": \"{id}\", \"access_token\": \
         \"{access}\", \"refresh_token\": \"rt-{name}-{rotation}.\", \"account_id\": \"u-{name}\"}}\n}}\n"
    )
}

/// The emptied credential a tool leaves after a refused refresh.
pub const STUB: &str =
    "{\"claudeAiOauth\":{\"accessToken\":\"\",\"refreshToken\":\"\",\"expiresAt\":0}}";

fn config_text(name: &str) -> String {
    format!(
        "{{\n  \"numStartups\": 3,\n  \"oauthAccount\": {{\"accountUuid\":\"u-{name}\",\
         \"organizationUuid\":\"o-{name}\"}},\n  \"projects\": {{}}\n}}\n"
    )
}

/// An account of the scene.
pub fn party(id: i64, name: &str) -> Party {
    Party { account: AccountId(id), key: AccountKey(format!("u-{name}/o-{name}")) }
}

/// A directory with everything.
pub struct Scene {
    /// Where.
    pub dir: PathBuf,
}

impl Scene {
    /// The directory `dir`, as it is.
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    /// Whose seat it is about.
    pub fn provider(&self) -> Provider {
        let is_codex = self.dir.join("home/.codex").is_dir();
        if is_codex { Provider::Codex } else { Provider::Claude }
    }

    /// The credential file as the tool names it.
    pub fn credential_path(&self) -> PathBuf {
        self.dir.join(match self.provider() {
            Provider::Claude => "home/.claude/.credentials.json",
            Provider::Codex => "home/.codex/auth.json",
        })
    }

    /// What the tool writes for `name` after `rotation` refreshes.
    pub fn credential(&self, name: &str, rotation: u32) -> String {
        match self.provider() {
            Provider::Claude => credential(name, rotation),
            Provider::Codex => codex_credential(name, rotation),
        }
    }

    /// What the tool leaves of a login it gave up.
    pub fn stub(&self) -> &'static str {
        match self.provider() {
            Provider::Claude => STUB,
            Provider::Codex => "{\"tokens\":null}",
        }
    }

    /// The tool's locks, none of which may be left behind.
    pub fn locks_left(&self) -> Vec<&'static str> {
        let home = self.dir.join("home");
        let dirs = [
            ".claude.lock",
            ".claude.json.lock",
            ".claude/.oauth_refresh.lock",
            ".claude/.storage-write.lock",
        ];
        let files = [".codex/auth.lock", ".codex/auth.json.lock"];
        let held = |name: &&str| {
            fs::File::open(home.join(name)).is_ok_and(|file| file.try_lock().is_err())
        };
        let left = dirs.into_iter().filter(|name| home.join(name).exists());
        left.chain(files.into_iter().filter(held)).collect()
    }

    fn config_path(&self) -> PathBuf {
        self.dir.join("home/.claude.json")
    }

    /// The journal's file.
    pub fn journal_path(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Custody over this scene.
    pub fn custody(&self) -> Custody {
        let home = self.dir.join("home");
        let config = Config {
            data_dir: self.dir.join("data"),
            namespace: "crash".into(),
            seats: Seats::from_env(&home, |_| None),
        };
        let store = Arc::new(FileStore { dir: self.dir.join("store") });
        let pointers = Arc::new(FilePointers { dir: self.dir.join("store") });
        Custody::open_direct(config, store, pointers).expect("custody opens")
    }

    fn sign_in(&self, name: &str, rotation: u32) {
        fs::write(self.credential_path(), self.credential(name, rotation)).expect("seat");
        // As a tool with an open mask leaves it: others may read the seat.
        set_mode(&self.credential_path(), 0o644);
        fs::write(self.config_path(), config_text(name)).expect("config");
        self.age();
    }

    /// Makes the seat look as if nobody had written it for a minute.
    fn age(&self) {
        rest(&self.credential_path());
    }

    /// Builds the start state in an empty directory.
    pub fn build(dir: &Path, start: Start) -> Self {
        let scene = Self::at(dir);
        let seat = if start == Start::Codex { "home/.codex" } else { "home/.claude" };
        fs::create_dir_all(dir.join(seat)).expect("home");
        fs::create_dir_all(dir.join("store")).expect("store");
        let custody = scene.custody();
        for (id, name) in [(2, "b"), (1, "a")] {
            scene.sign_in(name, 0);
            let party = party(id, name);
            custody.capture(scene.provider(), party.account, &party.key).expect("capture");
        }
        match start {
            Start::Rotated | Start::Codex => scene.sign_in("a", 1),
            Start::Captured => {}
            Start::Linked => {
                scene.sign_in("a", 1);
                let real = dir.join("home/real.json");
                fs::rename(scene.credential_path(), &real).expect("move");
                let link = scene.credential_path();
                std::os::unix::fs::symlink("../real.json", link).expect("link");
            }
            Start::Crowded => {
                let crowded = credential("a", 1).replacen('{', "{\"x\" : [1, {}],\n", 1);
                fs::write(scene.credential_path(), crowded).expect("seat");
                scene.age();
                let parked = dir.join("home/.claude/.credentials.json.sluice-parked-2-0011");
                fs::write(&parked, credential("b", 0)).expect("parked");
                set_mode(&parked, 0o600);
                rest(&parked);
            }
            Start::SignedOut => {
                fs::write(scene.credential_path(), STUB).expect("seat");
                scene.age();
            }
            Start::Empty => fs::remove_file(scene.credential_path()).expect("remove"),
        }
        scene
    }

    /// Copies the scene, times of modification included.
    pub fn copy_to(&self, to: &Path) -> Self {
        copy(&self.dir, to).expect("copy");
        let copied = Self::at(to);
        copied.move_journal(&self.dir);
        copied
    }

    /// The journal names the seat by its path; a copied scene has its own.
    pub fn move_journal(&self, from: &Path) {
        if let Ok(text) = fs::read_to_string(self.journal_path()) {
            let (old, new) = (format!("{}/home", from.display()), self.dir.join("home"));
            let text = text.replace(&old, &new.display().to_string());
            fs::write(self.journal_path(), text).expect("journal");
        }
    }

    /// Intents without a settlement.
    pub fn open_intents(&self) -> usize {
        FileJournal::open(&self.journal_path()).1.len()
    }

    /// What the live file is, to the letter: whose and which rotation, or why not.
    pub fn live(&self) -> Live {
        let text = match fs::read_to_string(self.credential_path()) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Live::Absent,
            Err(_) => return Live::Torn,
        };
        if serde_json::from_str::<serde_json::Value>(&text).is_err() {
            return Live::Torn;
        }
        match text.split("\"rt-").nth(1).and_then(|rest| rest.split('.').next()) {
            Some(token) => Live::Login(token.to_owned()),
            None => Live::Stub,
        }
    }

    /// Whom the configuration names; `None` when it is not whole.
    pub fn named(&self) -> Option<String> {
        let text = fs::read_to_string(self.config_path()).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        (value["numStartups"] == 3).then_some(())?;
        Some(value["oauthAccount"]["accountUuid"].as_str()?.trim_start_matches("u-").to_owned())
    }

    /// Staged and parked files beside the seat, with their permissions.
    pub fn ours(&self) -> Vec<(String, u32)> {
        let entries = ["home", "home/.claude"].map(|dir| fs::read_dir(self.dir.join(dir)));
        let named = entries.into_iter().flatten().flatten().flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let ours = name.contains(".sluice-staged-") || name.contains(".sluice-parked-");
            let mode = entry.metadata().ok()?.permissions().mode() & 0o777;
            ours.then_some((name, mode))
        });
        named.collect()
    }

    /// Every refresh token in the seat, beside it and in the keychain.
    pub fn census(&self) -> String {
        let mut text = String::new();
        for dir in ["home", "home/.claude", "home/.codex", "store"] {
            for entry in fs::read_dir(self.dir.join(dir)).into_iter().flatten().flatten() {
                text += &fs::read_to_string(entry.path()).unwrap_or_default();
            }
        }
        text
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

/// A file at rest is read once, a fresh one twice; the number of calls must not depend on the hour.
fn rest(path: &Path) {
    if let Ok(file) = fs::File::options().append(true).open(path) {
        let then = SystemTime::now() - Duration::from_secs(60);
        file.set_modified(then).expect("mtime");
    }
}

/// The live file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// No file.
    Absent,
    /// Not whole.
    Torn,
    /// No login.
    Stub,
    /// `a-1`: account and rotation.
    Login(String),
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            let modified = entry.metadata()?.modified()?;
            fs::File::options().append(true).open(&target)?.set_modified(modified)?;
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    let modified = fs::metadata(from)?.modified()?;
    fs::File::open(to)?.set_modified(modified)
}
