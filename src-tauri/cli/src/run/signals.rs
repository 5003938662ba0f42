//! Signals to the wrapper, handled as if it were not there.
//!
//! The terminal signals the whole group, so the tool gets those itself. Every other signal was meant for
//! the wrapper alone and is passed on. What is ignored when the wrapper starts (`nohup`, a job in the
//! background of a script) stays ignored in both.

use rustix::process::{Pid, WaitId, WaitIdOptions};
use signal_hook::consts as name;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;
use std::os::raw::c_int;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;
use tokio::sync::mpsc;

/// Signals that are handed on.
const HANDED_ON: [c_int; 14] = [
    name::SIGHUP,
    name::SIGINT,
    name::SIGQUIT,
    name::SIGTERM,
    name::SIGUSR1,
    name::SIGUSR2,
    name::SIGALRM,
    name::SIGVTALRM,
    name::SIGPROF,
    name::SIGIO,
    name::SIGURG,
    name::SIGTSTP,
    name::SIGCONT,
    name::SIGWINCH,
];
/// Signals on their way from the handler; the kernel keeps one of each kind at a time.
const WAITING_MAX: usize = 64;
/// A tool that stands still for this long was not stopped together with the wrapper.
const SETTLED: Duration = Duration::from_millis(30);

/// A signal that came.
#[derive(Clone, Copy, Debug)]
struct Came {
    number: c_int,
    /// By the terminal: its whole foreground group has it.
    by_terminal: bool,
}

/// The wrapper's ear.
pub struct Signals {
    came: mpsc::Receiver<Came>,
    /// The tool ended, stopped or went on.
    of_child: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on to everything that is not ignored.
    pub fn new() -> std::io::Result<Self> {
        let ignored = ignored();
        let wanted = HANDED_ON.into_iter().filter(|number| !is_in(ignored, *number));
        let mut heard = SignalsInfo::<WithOrigin>::new(wanted)?;
        let (tell, came) = mpsc::channel(WAITING_MAX);
        std::thread::Builder::new().name("sluice-signals".to_owned()).spawn(move || {
            for origin in &mut heard {
                let by_terminal = matches!(origin.cause, Cause::Kernel);
                if tell.blocking_send(Came { number: origin.signal, by_terminal }).is_err() {
                    return;
                }
            }
        })?;
        let of_child = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child())?;
        Ok(Self { came, of_child })
    }

    /// Waits for the next thing that happens and does what is to be done about it. Gives the signal
    /// that came.
    pub async fn next(&mut self, child: Option<u32>) -> Option<c_int> {
        let child = child.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        tokio::select! {
            biased;
            Some(came) = self.came.recv() => Some(came.passed_to(child)),
            _ = self.of_child.recv() => {
                let child = child.filter(|child| has_stopped(*child, WaitIdOptions::NOWAIT))?;
                self.stop_with(child).await
            }
        }
    }

    /// A tool that stopped itself takes the wrapper with it, so that the shell sees a stopped job; what
    /// wakes the wrapper wakes the tool. Where both were stopped from outside, both are being woken:
    /// that is waited for, so that the wrapper does not stop a second time.
    async fn stop_with(&mut self, child: Pid) -> Option<c_int> {
        if let Ok(Some(came)) = tokio::time::timeout(SETTLED, self.came.recv()).await {
            return Some(came.passed_to(Some(child)));
        }
        if has_stopped(child, WaitIdOptions::empty()) {
            let _stopped = signal_hook::low_level::raise(name::SIGSTOP);
        }
        None
    }
}

impl Came {
    /// Hands it on, unless the tool has it from the terminal.
    fn passed_to(self, child: Option<Pid>) -> c_int {
        if let Some(child) = child.filter(|_| !self.by_terminal) {
            hand_on(child, self.number);
        }
        self.number
    }
}

fn hand_on(child: Pid, number: c_int) {
    if let Some(which) = rustix::process::Signal::from_named_raw(number) {
        // It may have ended in this moment; its exit tells.
        let _ended = rustix::process::kill_process(child, which);
    }
}

/// Whether the tool stands still; what is asked without `NOWAIT` is not told again.
fn has_stopped(child: Pid, also: WaitIdOptions) -> bool {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | also;
    let seen = rustix::process::waitid(WaitId::Pid(child), options);
    matches!(&seen, Ok(Some(status)) if status.stopped())
}

/// The reader of what the tool writes is gone: the tool learns of it as it would without us.
pub fn reader_gone(child: u32) {
    let child = i32::try_from(child).ok().and_then(Pid::from_raw);
    if let Some(child) = child {
        hand_on(child, name::SIGPIPE);
    }
}

/// Whether a signal asks a program to end.
pub const fn is_an_end(number: c_int) -> bool {
    matches!(number, name::SIGHUP | name::SIGINT | name::SIGQUIT | name::SIGTERM)
}

/// The set of ignored signals, one bit each; none where the system does not show it.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

const fn is_in(set: u64, number: c_int) -> bool {
    number > 0 && number <= 64 && set >> (number - 1) & 1 == 1
}

/// Ends as the tool did: with its exit code, or by the same signal, so that a shell that asks which it
/// was (after Ctrl-C in a loop) gets the same answer.
pub fn end_as(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt as _;
    if let Some(number) = status.signal() {
        // The tool has dumped its core where it is to have one; ours would tell nobody anything.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        let _kept = rustix::process::setrlimit(rustix::process::Resource::Core, none);
        let _lived_on = signal_hook::low_level::emulate_default_handler(number);
        return ExitCode::from(u8::try_from(128 + number).unwrap_or(u8::MAX));
    }
    let code = status.code().unwrap_or(1);
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_signals_is_read_bit_by_bit() {
        let hang_up_and_interrupt = 0b11;
        assert!(is_in(hang_up_and_interrupt, name::SIGHUP));
        assert!(is_in(hang_up_and_interrupt, name::SIGINT));
        assert!(!is_in(hang_up_and_interrupt, name::SIGTERM));
        assert!(!is_in(u64::MAX, 0) && !is_in(u64::MAX, 65));
        // The runtime of Rust ignores it in every program.
        assert!(is_in(ignored(), name::SIGPIPE));
    }
}
