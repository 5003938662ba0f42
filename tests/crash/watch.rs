//! The live watcher: the real daemon sees a rotation when the tool writes it, so that a tool that
//! empties its store afterwards takes nothing with it.

use crate::scene::{STUB, credential};
use crate::verdict::Tally;
use sluice_custody::{FileVault, ItemKey, Opener, SecretStore, VaultKey};
use sluice_engine::AccountId;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Between a rotation and the emptying of the store, milliseconds, where nobody watches.
pub const GAP_MS: u64 = 400;
/// The longest the watcher is waited for; what it took is told.
const WATCH_MAX: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "sluice-crash";

struct Home {
    dir: PathBuf,
    program: PathBuf,
    vault: VaultKey,
}

impl Home {
    fn new(dir: &Path, program: PathBuf) -> Self {
        fs::create_dir_all(dir.join(".claude")).expect("home");
        let identity = "{\"oauthAccount\":{\"accountUuid\":\"u-a\",\"organizationUuid\":\"o-a\"}}";
        fs::write(dir.join(".claude.json"), identity).expect("config");
        let vault = VaultKey::File { path: dir.join("key.txt") };
        let home = Self { dir: dir.to_path_buf(), program, vault };
        home.write(&credential("a", 0));
        std::thread::sleep(Duration::from_millis(100));
        let key = home.dir.join("key.txt").display().to_string();
        assert!(home.run(&["vault", "file", "--key-file", &key]), "the file vault is chosen");
        assert!(home.run(&["add", "a"]), "the login is kept");
        home
    }

    fn write(&self, text: &str) {
        fs::write(self.dir.join(".claude/.credentials.json"), text).expect("the tool writes");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env_clear().env("HOME", &self.dir);
        command.env("SLUICE_HOME", self.dir.join("data"));
        command.env("SLUICE_KEYCHAIN_NAMESPACE", NAMESPACE);
        for name in ["SLUICE_CLAUDE_API", "SLUICE_CLAUDE_TOKEN_URL"] {
            command.env(name, "http://127.0.0.1:9");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> bool {
        self.command(words).status().is_ok_and(|status| status.success())
    }

    fn daemon(&self) -> Child {
        let daemon = self.command(&["daemon"]).spawn().expect("daemon");
        let (socket, begun) = (self.dir.join("data/run/sluice.sock"), Instant::now());
        while !socket.exists() && begun.elapsed() < WATCH_MAX {
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    /// The vault holds this refresh token.
    fn keeps(&self, token: &str) -> bool {
        let data = self.dir.join("data");
        let vault = FileVault::open(&data, &self.vault, &Opener::KeyFile).expect("vault");
        let account = AccountId(1);
        let vintages = vault.vintages(NAMESPACE, account).unwrap_or_default();
        vintages.into_iter().any(|vintage| {
            let key = ItemKey { namespace: NAMESPACE.to_owned(), account, vintage };
            vault.get(&key).ok().flatten().is_some_and(|item| {
                item.expose().windows(token.len()).any(|part| part == token.as_bytes())
            })
        })
    }

    /// The tool rotates its login and empties its store once the watcher has kept it, or in vain has
    /// had its time; how long the watcher took.
    fn rotate_watched(&self, rotation: u32) -> Option<Duration> {
        let token = format!("rt-a-{rotation}.");
        let begun = Instant::now();
        self.write(&credential("a", rotation));
        while !self.keeps(&token) && begun.elapsed() < WATCH_MAX {
            std::thread::sleep(Duration::from_millis(5));
        }
        let took = begun.elapsed();
        self.write(STUB);
        std::thread::sleep(Duration::from_millis(GAP_MS));
        self.keeps(&token).then_some(took)
    }

    /// The tool rotates its login and empties its store a moment later, and nobody looks.
    fn rotate_unwatched(&self, rotation: u32) -> bool {
        self.write(&credential("a", rotation));
        std::thread::sleep(Duration::from_millis(GAP_MS));
        self.write(STUB);
        std::thread::sleep(Duration::from_millis(GAP_MS));
        self.keeps(&format!("rt-a-{rotation}."))
    }
}

/// Counts rotations that were lost, `many` with the daemon at work and as many without it.
pub fn rounds(work: &Path, many: u32, tally: &Tally) {
    let program = std::env::current_exe().expect("own path").with_file_name("sluice");
    if !program.exists() {
        return tally.count("live_unbuilt");
    }
    let home = Home::new(&work.join("live"), program);
    let mut daemon = home.daemon();
    let mut slowest = Duration::ZERO;
    for rotation in 1..=many {
        tally.count("live_rounds");
        match home.rotate_watched(rotation) {
            Some(took) => slowest = slowest.max(took),
            None => {
                let story = format!("rotation {rotation} was not kept in {WATCH_MAX:?}");
                tally.breach("stub_live_watched_lost", &story);
            }
        }
    }
    eprintln!("a rotation was kept after {slowest:?} at most");
    drop(daemon.kill());
    drop(daemon.wait());
    for rotation in many + 1..=2 * many {
        if !home.rotate_unwatched(rotation) {
            tally.count("stub_live_unwatched_lost");
        }
    }
}
