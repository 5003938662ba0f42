//! The real command line program with a fake `claude`, in a home of its own.

use crate::support::{T0, account, open, sample};
use sluice_engine::{AccountId, LaneId, Provider};
use sluice_ledger::{ExecutionRow, Ledger, State};
use sluice_tests::pace::PATIENCE;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// All the time a hook may take of its tool.
const HOOK_BUDGET: Duration = Duration::from_millis(200);

/// `sluice` as it lies beside this test program, or where `SLUICE_BIN` says.
pub fn sluice() -> PathBuf {
    if let Some(given) = std::env::var_os("SLUICE_BIN") {
        return PathBuf::from(given);
    }
    let own = std::env::current_exe().unwrap();
    let built = own.parent().and_then(Path::parent).unwrap().join("sluice");
    assert!(built.exists(), "build it first: cargo build -p sluice-cli ({})", built.display());
    built
}

/// A session limit as the tool tells it in its stream.
pub const LIMIT: &str = r#"{"type":"system","subtype":"init"}
{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","rateLimitType":"five_hour","resetsAt":4102444800}}
{"type":"result","subtype":"success","is_error":true,"result":"You've hit your session limit","api_error_status":429,"total_cost_usd":0.02}"#;
/// A turn that worked.
pub const SERVED: &str = r#"{"type":"system","subtype":"init"}
{"type":"assistant","message":{"content":[{"type":"text","text":"done"}]}}
{"type":"result","subtype":"success","is_error":false,"result":"done","total_cost_usd":0.05}"#;

/// Accounts A, B, … with seats of their own and the lane `work` on A.
pub struct Bench {
    pub home: tempfile::TempDir,
    pub accounts: Vec<AccountId>,
    pub lane: LaneId,
}

impl Bench {
    pub fn new(count: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut ledger = open(&home.path().join("data"));
        let mut accounts = Vec::new();
        for index in 0..count {
            let name = char::from(b'A' + index as u8).to_string();
            let id = account(&mut ledger, &name);
            ledger.record_sample(&sample(id, 10.0 * index as f64)).unwrap();
            let seat = home.path().join(format!("data/seats/claude/{}", id.0));
            std::fs::create_dir_all(&seat).unwrap();
            std::fs::write(
                seat.join(".credentials.json"),
                format!("{{\"canary\":\"{name}-secret\"}}"),
            )
            .unwrap();
            accounts.push(id);
        }
        let lane = crate::support::lane_on(&mut ledger, "work", accounts[0]);
        Self { home, accounts, lane }
    }

    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The directory of an account's own seat.
    pub fn seat(&self, account: usize) -> PathBuf {
        self.data().join(format!("seats/claude/{}", self.accounts[account].0))
    }

    pub fn ledger(&self) -> Ledger {
        open(&self.data())
    }

    /// A program called `claude` that does what `script` says; `$SEAT` is the seat's directory.
    pub fn claude(&self, script: &str) -> PathBuf {
        self.program("claude", &format!("SEAT=$CLAUDE_CONFIG_DIR\ncat > /dev/null\n{script}"))
    }

    /// A program of that name that does what `script` says.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.home.path().join(name);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o755)
            .open(&path)
            .unwrap();
        writeln!(file, "#!/bin/sh\n{script}").unwrap();
        path
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(sluice());
        command.args(words).env("SLUICE_HOME", self.data()).env("HOME", self.home.path());
        for name in ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"] {
            command.env_remove(name);
        }
        command.env_remove("CLAUDE_CONFIG_DIR").env_remove("SLUICE_EXECUTION_ID");
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// `sluice run --lane work -- claude -p`.
    pub fn in_lane(&self, script: &str) -> Output {
        let claude = self.claude(script);
        self.run(&["run", "--lane", "work", "--", claude.to_str().unwrap(), "-p"])
    }

    /// A hook with its document.
    /// A hook that was given the time it may take. One that used all of it may have recorded nothing,
    /// which is its promise to the tool: then the tool calls again.
    pub fn hook(&self, event: &str, document: &str, with: &[(&str, &str)]) -> Output {
        self.hook_bytes(event, document.as_bytes(), with)
    }

    /// The same with a document that need not be text.
    pub fn hook_bytes(&self, event: &str, document: &[u8], with: &[(&str, &str)]) -> Output {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let begun = Instant::now();
            let output = self.hook_once(event, document, with);
            if begun.elapsed() < HOOK_BUDGET {
                return output;
            }
            assert!(Instant::now() < deadline, "no hook was given its {HOOK_BUDGET:?}");
        }
    }

    /// A hook, however long it takes and whatever it records.
    pub fn hook_once(&self, event: &str, document: &[u8], with: &[(&str, &str)]) -> Output {
        let mut command = self.command(&["hook", event]);
        command.envs(with.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(document).unwrap();
        child.wait_with_output().unwrap()
    }

    pub fn active(&self) -> (AccountId, u64) {
        let lane = self.ledger().lane(self.lane).unwrap().unwrap().lane;
        (lane.active.unwrap(), lane.generation.0)
    }

    pub fn rows(&self) -> Vec<ExecutionRow> {
        let raw = rusqlite::Connection::open(crate::support::database(&self.data())).unwrap();
        let ids: Vec<String> = raw
            .prepare("SELECT id FROM executions ORDER BY started_at")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let ledger = self.ledger();
        ids.iter().map(|id| ledger.execution(id).unwrap().unwrap()).collect()
    }

    /// Waits until the newest row is in that state.
    pub fn wait_for(&self, state: State) -> ExecutionRow {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(row) = self.rows().into_iter().last().filter(|row| row.state == state) {
                return row;
            }
            assert!(Instant::now() < deadline, "no row came to {state:?}: {:?}", self.rows());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub fn lines(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

pub fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What the clock on the wall shows.
pub fn present() -> sluice_engine::Utc {
    later().plus_seconds(-3_600)
}

/// Long enough after the start that no grace applies.
pub fn later() -> sluice_engine::Utc {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = sluice_engine::Utc(i64::try_from(now.as_micros()).unwrap());
    assert!(now > T0 && Provider::ALL.len() == 2);
    now.plus_seconds(3_600)
}
