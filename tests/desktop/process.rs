//! Child processes that end when their handle goes, each by its own id.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a state that announces itself by no event is looked at again.
const LOOK: Duration = Duration::from_millis(25);

/// Looks until `probe` yields something, or tells after `deadline` what was waited for.
///
/// # Panics
/// When the deadline passes.
pub fn wait_for<T>(what: &str, deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "waited {deadline:?} in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

/// The environment a process of the private desktop is started with; nothing is inherited.
#[derive(Clone, Default)]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// `PATH`, a UTF-8 locale and nothing else.
    #[must_use]
    pub fn bare() -> Self {
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
        let mut bare = Self::default();
        bare.set("PATH", path);
        bare.set("LANG", "C.UTF-8");
        for kept in ["RUST_BACKTRACE", "RUST_LOG", "LLVM_PROFILE_FILE"] {
            if let Ok(value) = std::env::var(kept) {
                bare.set(kept, value);
            }
        }
        bare
    }

    /// Sets one variable, replacing an older value.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.into(), value.as_ref().to_string_lossy().into_owned()));
        self
    }

    /// Forgets one variable.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// One variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every variable.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A command that sees exactly this environment.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.pairs());
        command
    }
}

/// A running process of ours. Dropping it ends the process: politely, then with `KILL`.
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` in a group of its own with both outputs appended to `log`.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).expect("open a log file");
        let err = out.try_clone().expect("duplicate a file handle");
        command.stdout(out).stderr(err);
        Self::start_piped(name, command, log)
    }

    /// As [`Process::start`], with the outputs as the caller set them.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn start_piped(name: &str, command: &mut Command, log: &Path) -> Self {
        command.process_group(0);
        if command.get_program() != "gnome-keyring-daemon" {
            command.stdin(Stdio::null());
        }
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        Self { child, name: name.into(), log: log.into(), ended: None }
    }

    /// The process, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, when it has.
    ///
    /// # Panics
    /// When the system refuses to say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("ask for a child's state");
        }
        self.ended
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it runs on after `deadline`.
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        wait_for(&what, deadline, || self.ended())
    }

    /// `kill -9`, and its end.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn kill(&mut self) -> ExitStatus {
        if self.ended().is_none() {
            self.child.kill().expect("kill a child");
            self.ended = Some(self.child.wait().expect("wait for a killed child"));
        }
        self.ended.expect("set above")
    }

    /// Asks it to end (`TERM`) and waits; `KILL` when it takes longer than `grace`.
    pub fn end(&mut self, grace: Duration) -> ExitStatus {
        if let Some(pid) = self.unended_pid() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let end = Instant::now() + grace;
        while self.ended().is_none() && Instant::now() < end {
            std::thread::sleep(LOOK);
        }
        self.kill()
    }

    /// What it has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn unended_pid(&mut self) -> Option<rustix::process::Pid> {
        if self.ended().is_some() {
            return None;
        }
        i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Duration::from_secs(2));
    }
}
