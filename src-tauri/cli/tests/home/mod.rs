//! A throw-away home for the command.

use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// For what a busy machine may take its time for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Everything of one person.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("SLUICE_HOME", self.path().join("data"))
            .env("SLUICE_KEYCHAIN_NAMESPACE", "sluice-test")
            .env("SLUICE_CLAUDE_API", "http://127.0.0.1:9")
            .env("SLUICE_CLAUDE_TOKEN_URL", "http://127.0.0.1:9/token");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> (Value, Option<i32>) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let document = serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!(
                "{arguments:?} printed {text:?} ({error}): {}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
        (document, output.status.code())
    }

    /// Starts a daemon and waits until it answers.
    pub fn daemon(&self) -> Child {
        self.daemon_with(&[])
    }

    /// The same with more in its environment.
    pub fn daemon_with(&self, more: &[(&str, &str)]) -> Child {
        let mut command = self.command(&["daemon"]);
        command.envs(more.iter().copied());
        self.begin(&mut command)
    }

    /// The same, standing in this folder.
    pub fn daemon_in(&self, folder: &Path) -> Child {
        self.begin(self.command(&["daemon"]).current_dir(folder))
    }

    fn begin(&self, command: &mut Command) -> Child {
        let daemon = command.stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        // A file alone may be what a killed one left behind.
        while std::os::unix::net::UnixStream::connect(self.path().join("data/run/sluice.sock"))
            .is_err()
        {
            assert!(begun.elapsed() < PATIENCE, "the daemon does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }
}

pub fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn end(mut daemon: Child) -> Duration {
    let begun = Instant::now();
    let killed = Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(daemon.wait().unwrap().success(), "told to end is a good end");
    begun.elapsed()
}

/// A login as the tool leaves it.
pub fn sign_in(home: &Home) {
    sign_in_until(home, 4_000_000_000_000);
}

/// The same, for a login that ends then.
pub fn sign_in_until(home: &Home, ends_ms: i64) {
    let claude = home.path().join(".claude");
    std::fs::create_dir_all(&claude).unwrap();
    let credential = format!(
        r#"{{"claudeAiOauth":{{"accessToken":"sk-at-box","refreshToken":"sk-rt-box",
        "expiresAt":4000000000000,"refreshTokenExpiresAt":{ends_ms},"scopes":["user:inference"],
        "subscriptionType":"max"}}}}"#
    );
    std::fs::write(claude.join(".credentials.json"), credential).unwrap();
    let identity =
        r#"{"oauthAccount":{"accountUuid":"u","organizationUuid":"o","emailAddress":"e@x.test"}}"#;
    std::fs::write(home.path().join(".claude.json"), identity).unwrap();
    // Long enough ago for the files to be at rest.
    let then = std::time::SystemTime::now() - Duration::from_secs(60);
    for name in [".claude/.credentials.json", ".claude.json"] {
        let file = std::fs::File::options().append(true).open(home.path().join(name)).unwrap();
        file.set_modified(then).unwrap();
    }
}
