//! Running a child under strace: listing its calls, and doing something at the n-th one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The calls that matter: everything that names, reads, writes or locks a file.
const CALLS: &str = "open,openat,read,write,fsync,fdatasync,rename,renameat,renameat2,linkat,\
                     unlink,unlinkat,rmdir,mkdir,mkdirat,fstat,newfstatat,statx,utimensat,flock,\
                     readlink,readlinkat,getdents64,fchmodat";

/// First argument of the child: this very program in its other part.
pub const CHILD: &str = "--child";
/// No child may take longer.
const CHILD_MAX: Duration = Duration::from_secs(180);

/// One call: its name, and that it is the `nth` of this name since the child started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// System call.
    pub call: String,
    /// From 1.
    pub nth: usize,
}

/// What to do at a point.
#[derive(Clone, Copy, Debug)]
pub enum Fault<'a> {
    /// `kill -9` before the call takes effect.
    Kill,
    /// The call fails once.
    Once(&'a str),
    /// The call and every later one of its name fail.
    From(&'a str),
    /// The process stops when the call is over.
    Stop,
}

/// The child program and how it is traced.
pub struct Tracer {
    child: PathBuf,
}

impl Tracer {
    /// Traces `child`.
    pub fn new(child: PathBuf) -> Self {
        Self { child }
    }

    fn command(&self, calls: &str, log: &Path, extra: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq"]).arg("-e").arg(format!("trace={calls}"));
        command.args(extra).arg("-o").arg(log).arg(&self.child).arg(CHILD);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The calls of one undisturbed run, from its beginning mark on, with the raw log.
    pub fn list(&self, scene: &Path, what: &str, log: &Path) -> (Vec<Point>, String) {
        let extra = ["-e", "signal=none", "-y", "-s", "1000000", "-xx"];
        let mut command = self.command(CALLS, log, &extra);
        let status = command.arg(scene).arg(what).status().expect("strace runs");
        assert!(status.success(), "an undisturbed {what} fails");
        let text = fs::read_to_string(log).expect("log");
        let (mut counts, mut points, mut begun) = (BTreeMap::new(), Vec::new(), false);
        for line in text.lines() {
            let Some(call) = name_of(line) else { continue };
            let nth: &mut usize = counts.entry(call.to_owned()).or_default();
            *nth += 1;
            begun |= decoded(line).contains(crate::child::BEGIN);
            if begun {
                points.push(Point { call: call.to_owned(), nth: *nth });
            }
        }
        assert!(points.len() > 20, "the log holds {} calls", points.len());
        (points, text)
    }

    fn faulty(&self, scene: &Path, what: &str, point: &Point, fault: Fault<'_>) -> Command {
        let Point { call, nth } = point;
        let inject = match fault {
            Fault::Kill => format!("inject={call}:signal=KILL:when={nth}"),
            Fault::Stop => format!("inject={call}:signal=STOP:when={nth}"),
            Fault::Once(errno) => format!("inject={call}:error={errno}:when={nth}"),
            Fault::From(errno) => format!("inject={call}:error={errno}:when={nth}+"),
        };
        let log = log_beside(scene);
        let mut extra = vec!["-e", "signal=STOP", "-e", &inject];
        // Faster, but with it injected signals never arrive.
        if matches!(fault, Fault::Once(_) | Fault::From(_)) {
            extra.push("--seccomp-bpf");
        }
        let mut command = self.command(call, &log, &extra);
        command.arg(scene).arg(what);
        command
    }

    /// Runs with a fault to the end.
    pub fn run(&self, scene: &Path, what: &str, point: &Point, fault: Fault<'_>) -> End {
        let child = self.faulty(scene, what, point, fault).spawn().expect("strace runs");
        wait_end(child, Instant::now())
    }

    /// Runs until the child stands still at the point, lets `act` happen, and lets it go on.
    pub fn interrupt(&self, scene: &Path, point: &Point, act: impl FnOnce()) -> End {
        let mut strace = self.faulty(scene, "swap", point, Fault::Stop).spawn().expect("strace");
        let begun = Instant::now();
        let Some(pid) = wait_stopped(&mut strace, &log_beside(scene), begun) else {
            return wait_end(strace, begun);
        };
        act();
        let signal = rustix::process::Signal::CONT;
        let pid = rustix::process::Pid::from_raw(pid).expect("pid");
        rustix::process::kill_process(pid, signal).expect("continue");
        wait_end(strace, begun)
    }

    /// Runs undisturbed, without strace.
    pub fn plainly(&self, scene: &Path, what: &str) -> bool {
        let mut command = Command::new(&self.child);
        command.arg(CHILD).arg(scene).arg(what).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// How a traced run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exited,
    /// By the injected signal (strace dies of what its child died of).
    Killed,
    /// We had to end it.
    Hung,
}

fn wait_end(mut strace: Child, begun: Instant) -> End {
    loop {
        match strace.try_wait().expect("wait") {
            Some(status) if status.signal() == Some(9) => return End::Killed,
            Some(_) => return End::Exited,
            None if begun.elapsed() > CHILD_MAX => {
                strace.kill().expect("kill");
                strace.wait().expect("wait");
                return End::Hung;
            }
            None => std::thread::sleep(Duration::from_micros(500)),
        }
    }
}

fn log_beside(scene: &Path) -> PathBuf {
    scene.join("strace.log")
}

/// The traced process once the log says that it stands still; `None` when it ended before.
fn wait_stopped(strace: &mut Child, log: &Path, begun: Instant) -> Option<i32> {
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        if let Some(line) = text.lines().find(|line| line.contains("--- stopped by SIGSTOP")) {
            return line.split_whitespace().next()?.parse().ok();
        }
        if strace.try_wait().expect("wait").is_some() || begun.elapsed() > CHILD_MAX {
            return None;
        }
        std::thread::sleep(Duration::from_micros(300));
    }
}

/// The call's name in a line of the log.
pub fn name_of(line: &str) -> Option<&str> {
    let rest = line.split_once(' ')?.1.trim_start();
    let name = &rest[..rest.find('(')?];
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
}

/// The line with `\x41` read as `A`.
pub fn decoded(line: &str) -> String {
    String::from_utf8_lossy(&unescape(line.as_bytes())).into_owned()
}

/// Bytes of a quoted string of the log.
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let (mut bytes, mut at) = (Vec::with_capacity(text.len()), 0);
    while at < text.len() {
        let hex = (text[at] == b'\\' && text.get(at + 1) == Some(&b'x'))
            .then(|| std::str::from_utf8(text.get(at + 2..at + 4)?).ok())
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                at += 4;
            }
            None => {
                bytes.push(text[at]);
                at += 1;
            }
        }
    }
    bytes
}
