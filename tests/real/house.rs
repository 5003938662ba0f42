//! A home with the real tools and Sluice in it, and the provider it all talks to.

use crate::Ground;
use serde_json::{Map, Value, json};
use sluice_tests::contract::{Asked, CodexTool, FakeProvider, Setup, Tool};
use sluice_tests::desktop::{Environment, Process, wait_for};
use sluice_tests::stage::{Said, census, program};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long one step of a tool may take: it starts in one to three seconds, beside other work.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between the ends of two logins, seconds: nearer ones count as one login.
const LOGINS_APART_S: i64 = 3_600;

/// One story's home.
pub struct House {
    /// The provider.
    pub fake: FakeProvider,
    /// Where Claude Code looks, as our stand-in signs in there.
    pub claude: Tool,
    /// Where Codex looks.
    pub codex: CodexTool,
    environment: Environment,
    root: tempfile::TempDir,
}

impl House {
    /// A home whose provider knows these accounts. Logins are kept in encrypted files: there is no
    /// keychain in here.
    pub fn new(ground: &Ground, setup: Setup) -> Self {
        let mut root = tempfile::Builder::new().prefix("sr").tempdir().expect("a home");
        // For a look at what a story left behind.
        root.disable_cleanup(ground.keep);
        let at = |name: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(&path).expect("a folder of the home");
            path
        };
        let (home, work) = (at("home"), at("work"));
        std::fs::write(work.join("note.txt"), "a note\n").expect("a file to read");
        let fake = FakeProvider::start(setup);
        ground.front.lead_to(fake.address());
        let mut environment = Environment::bare();
        environment
            .set("PATH", path(ground))
            .set("HOME", &home)
            .set("TMPDIR", at("tmp"))
            .set("SLUICE_HOME", root.path().join("sluice"))
            .set("TERM", "xterm-256color")
            .set("SSL_CERT_FILE", &ground.front.bundle)
            .set("NODE_EXTRA_CA_CERTS", &ground.front.authority)
            .set("DISABLE_AUTOUPDATER", "1");
        let config = first_config(&work);
        std::fs::write(home.join(".claude.json"), config.to_string()).expect("a configuration");
        let claude = Tool::in_home(&home);
        let codex = CodexTool::in_home(&home.join(".codex"));
        let house = Self { fake, claude, codex, environment, root };
        let key = house.root.path().join("key");
        house.done(&["vault", "file", "--key-file", &key.to_string_lossy()]);
        house
    }

    /// Where the tools work.
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Sets one more variable for what is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.set(name, value);
    }

    /// A command in here, in the folder where the tools work.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.environment.command(program);
        command.current_dir(self.work());
        command
    }

    /// A log in the home.
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs a program to its end.
    pub fn run(&self, words: &[&str]) -> Said {
        let mut command = self.command("timeout");
        command.arg("90").args(words).stdin(std::process::Stdio::null());
        let output = command.output().expect("run a program");
        Said {
            code: output.status.code().unwrap_or(256),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs `sluice` with these words.
    pub fn sluice(&self, words: &[&str]) -> Said {
        self.run(&[&["sluice"], words].concat())
    }

    /// Runs `sluice`, which succeeds.
    pub fn done(&self, words: &[&str]) -> Said {
        let said = self.sluice(words);
        assert_eq!(said.code, 0, "sluice {words:?}: {said:?}");
        said
    }

    /// Starts the driver and waits until it answers.
    pub fn daemon(&self) -> Process {
        let mut command = self.command("sluice");
        let log = self.log("daemon.log");
        command.arg("daemon").env("SLUICE_LOG", "debug");
        let daemon = Process::start("sluice daemon", &mut command, &log);
        let socket = self.root.path().join("sluice/run/sluice.sock");
        wait_for("a driver's socket", PATIENCE, || {
            let open = std::os::unix::net::UnixStream::connect(&socket);
            open.ok().map(drop)
        });
        daemon
    }

    /// Signs in to Claude Code and has Sluice keep the login under the name before the `@`.
    pub fn add(&self, email: &str) {
        self.space_logins();
        self.claude.sign_in(self.fake.world(), email);
        self.done(&["add", label(email)]);
    }

    /// The same for Codex.
    pub fn add_codex(&self, email: &str) {
        self.space_logins();
        self.codex.sign_in(self.fake.world(), email);
        self.done(&["add", label(email), "--provider", "codex"]);
    }

    fn space_logins(&self) {
        self.fake.world().state().tokens.login_life_s += LOGINS_APART_S;
    }

    /// Requests of the tools and of Sluice that reached this path.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let mut asked = self.fake.world().asked();
        asked.retain(|one| one.path.split('?').next() == Some(path));
        asked
    }

    /// Waits until so many requests have reached this path.
    pub fn wait_asked(&self, path: &str, count: usize) -> Vec<Asked> {
        wait_for(&format!("{count} requests to {path}"), PATIENCE, || {
            Some(self.asked(path)).filter(|asked| asked.len() >= count)
        })
    }

    /// Mail address of whoever's login Claude Code's store holds.
    pub fn in_store(&self) -> Option<String> {
        self.owner(&self.claude.tokens()?.1)
    }

    /// Mail address of whoever's login Codex's store holds.
    pub fn in_codex_store(&self) -> Option<String> {
        let store = json_file(&self.codex.store());
        self.owner(store["tokens"]["refresh_token"].as_str()?)
    }

    /// Mail address that Claude Code shows.
    pub fn identity(&self) -> Option<String> {
        let config = json_file(&self.claude.config);
        config["oauthAccount"]["emailAddress"].as_str().map(str::to_owned)
    }

    fn owner(&self, refresh: &str) -> Option<String> {
        let state = self.fake.world().state();
        state.tokens.owner(refresh).map(|index| state.accounts[index].spec.email.clone())
    }

    /// One window of the account with this label as `sluice accounts --json` tells it; null: it is not there.
    #[must_use]
    pub fn window(&self, label: &str, kind: &str) -> Value {
        let account = self.account(label);
        let windows = account["windows"].as_array().cloned().unwrap_or_default();
        let found = windows.into_iter().find(|one| one["kind"] == kind);
        found.map_or(Value::Null, |one| one["window"].clone())
    }

    /// An account as `sluice accounts` shows it.
    pub fn account(&self, label: &str) -> Value {
        let shown = self.done(&["accounts", "--json"]).json();
        let found = shown["accounts"].as_array().and_then(|accounts| {
            accounts.iter().find(|account| account["label"] == label).cloned()
        });
        found.unwrap_or_else(|| panic!("no account {label} in {shown}"))
    }

    /// Every swap that went through, newest first.
    pub fn swaps(&self) -> Vec<Value> {
        let shown = self.done(&["log", "--swaps", "--json", "-n", "1000"]).json();
        let rows = shown["swaps"].as_array().or_else(|| shown["rows"].as_array());
        let rows = rows.unwrap_or_else(|| panic!("no swaps in {shown}")).iter();
        rows.filter(|row| row["status"] == "committed").cloned().collect()
    }

    /// No used token was presented, no lock is left, and every one of these logins can be made live
    /// and pays for a turn of Claude Code.
    pub fn assert_whole(&self, emails: &[&str]) {
        self.assert_nothing_lost();
        assert_eq!(self.locks(), BTreeSet::new(), "locks that were left");
        for email in emails {
            if self.in_store().as_deref() != Some(email) {
                self.done(&["swap", label(email)]);
            }
            let said = self.run(&["claude", "-p", "hi"]);
            assert!(said.out.contains(&format!("answered for {email}")), "{said:?}");
        }
        self.assert_nothing_lost();
    }

    /// The provider has seen no used token and no chain of logins has died.
    pub fn assert_nothing_lost(&self) {
        let counts = self.fake.world().state().tokens.counts;
        assert_eq!((counts.reuse_detections, counts.lost_lineages), (0, 0), "{counts:?}");
    }

    /// The tool's lock directories that stand now.
    pub fn locks(&self) -> BTreeSet<String> {
        let home = self.root.path().join("home");
        let mut found = BTreeSet::new();
        for folder in [home.clone(), home.join(".claude"), home.join(".codex")] {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                // Directories are held locks; Codex's lock files stay for good.
                if name.ends_with(".lock") && entry.path().is_dir() {
                    found.insert(name);
                }
            }
        }
        found
    }

    /// No token of this story stands in anything Sluice wrote in the clear.
    pub fn assert_no_secret(&self) {
        let canary = census::Canary::new(&self.fake.canary());
        let ours = self.root.path().join("sluice");
        for file in census::files_below(&ours).into_iter().chain([self.log("daemon.log")]) {
            let bytes = std::fs::read(&file).unwrap_or_default();
            assert_eq!(canary.found_in(&bytes), None, "a token stands in {}", file.display());
        }
    }
}

/// The name Sluice keeps an account under.
pub fn label(email: &str) -> &str {
    email.split('@').next().unwrap_or(email)
}

/// A JSON file, `null` when it cannot be read.
pub fn json_file(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// A tool that has been used here before: nothing to welcome, the folder trusted.
fn first_config(work: &Path) -> Value {
    let mut projects = Map::new();
    let trusted = json!({"allowedTools": [], "hasTrustDialogAccepted": true});
    projects.insert(work.to_string_lossy().into_owned(), trusted);
    json!({
        "numStartups": 42, "installMethod": "global", "autoUpdates": false,
        "hasCompletedOnboarding": true, "lastOnboardingVersion": "2.1.332", "theme": "dark",
        "projects": projects,
    })
}

/// The tools, the programs of this build, Node, and the system's.
fn path(ground: &Ground) -> String {
    let built = program("sluice");
    let mut folders: Vec<PathBuf> = ground.tools.clone();
    folders.extend(built.parent().map(Path::to_path_buf));
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&inherited));
    std::env::join_paths(folders).expect("folders without colons").to_string_lossy().into_owned()
}

/// What the tools say of themselves.
pub fn versions(ground: &Ground) -> Result<Value, String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut versions = Map::new();
    for tool in ["claude", "codex"] {
        let mut environment = Environment::bare();
        environment.set("PATH", path(ground)).set("HOME", home.path()).set("TMPDIR", home.path());
        let said = environment.command("timeout").args(["60", tool, "--version"]).output();
        let said = said.map_err(|error| format!("{tool}: {error}"))?;
        let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        if !said.status.success() {
            return Err(format!("{tool} --version: {}", String::from_utf8_lossy(&said.stderr)));
        }
        versions.insert(tool.to_owned(), json!(text));
    }
    Ok(Value::Object(versions))
}
