//! Whether exactly this process is still alive, by boot, process id and start time together: a process id
//! alone is soon another program's.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The environment variable that carries the id of an execution to everything it starts.
pub const EXECUTION_VARIABLE: &str = "SLUICE_EXECUTION_ID";

/// A process of one boot: an id alone may have been given to another since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// Process id.
    pub pid: u32,
    /// Start time in the kernel's ticks since boot.
    pub start: u64,
}

/// Where a process lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Stable id of the machine.
    pub host: String,
    /// Id of this boot.
    pub boot: String,
    /// Process namespace, where the system has such a thing.
    pub namespace: Option<u64>,
}

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It exists and is the same one.
    Alive,
    /// It does not exist, or the id belongs to another one now.
    Gone,
    /// The system would not say.
    Unknown,
}

/// The process table, so that tests can put another in its place.
pub trait Processes {
    /// This machine, this boot.
    fn machine(&self) -> &Machine;
    /// One process.
    fn probe(&self, process: ProcessId) -> Probe;
    /// Ids of every process there is, for passes over many rows; `None` asks for each by itself.
    fn living(&self) -> Option<BTreeSet<u32>> {
        None
    }
    /// The parent of a running process; `None` when there is none or the system would not say.
    fn parent_of(&self, _pid: u32) -> Option<ProcessId> {
        None
    }
    /// The session of a running process; `None` when the system would not say.
    fn session_of(&self, _pid: u32) -> Option<u32> {
        None
    }
    /// Ids of the executions whose variable some living process carries; `None` when the system
    /// would not say.
    fn carried(&self) -> Option<BTreeSet<String>>;
}

/// The real process table.
#[derive(Debug)]
pub struct Kernel {
    machine: Machine,
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{BTreeSet, EXECUTION_VARIABLE, Kernel, Machine, Probe, ProcessId, Processes};
    use std::fs;
    use std::io::{ErrorKind, Read as _};

    /// An environment larger than this is not read to its end.
    const ENVIRONMENT_MAX: u64 = 1 << 20;
    /// The kernel's unit of start times, the same on every architecture this is built for.
    const TICKS_PER_SECOND: f64 = 100.0;

    impl Kernel {
        /// The process table of this machine; `None` when it cannot be read (no `/proc`).
        #[must_use]
        pub fn here() -> Option<Self> {
            let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            // The machine id is confidential outside the machine; it stays in the ledger here.
            let host = fs::read_to_string("/etc/machine-id")
                .or_else(|_| fs::read_to_string("/proc/sys/kernel/hostname"))
                .ok()?;
            let namespace = fs::metadata("/proc/self/ns/pid")
                .ok()
                .map(|found| std::os::unix::fs::MetadataExt::ino(&found));
            let machine = Machine { host: host.trim().into(), boot: boot.trim().into(), namespace };
            Some(Self { machine })
        }

        /// The running process `pid` with its start time.
        #[must_use]
        pub fn identify(pid: u32) -> Option<ProcessId> {
            match start_of(pid) {
                Ok(Some(start)) => Some(ProcessId { pid, start }),
                Ok(None) | Err(_) => None,
            }
        }

        /// For how many seconds a process has been running; `None` when it does not.
        #[must_use]
        pub fn age_s(process: ProcessId) -> Option<i64> {
            Self::identify(process.pid).filter(|found| *found == process)?;
            let uptime = fs::read_to_string("/proc/uptime").ok()?;
            let up_s: f64 = uptime.split(' ').next()?.parse().ok()?;
            Some((up_s - process.start as f64 / TICKS_PER_SECOND).max(0.0) as i64)
        }

        /// The parent of a running process.
        #[must_use]
        pub fn parent(pid: u32) -> Option<u32> {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            fields(&stat)?.nth(1)?.parse().ok()
        }
    }

    /// What follows the command's name, which may itself hold spaces and brackets.
    fn fields(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace())
    }

    /// `Ok(None)` is proof that no such process runs; a zombie has ended too.
    fn start_of(pid: u32) -> std::io::Result<Option<u64>> {
        let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // ESRCH: it ended while it was being read.
            Err(error) if error.raw_os_error() == Some(3) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut rest = fields(&stat).ok_or(ErrorKind::InvalidData)?;
        if matches!(rest.next(), Some("Z" | "X")) {
            return Ok(None);
        }
        // Field 22 of the whole line is the 19th after the state.
        let start = rest.nth(18).and_then(|field| field.parse().ok());
        start.map(Some).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    impl Processes for Kernel {
        fn machine(&self) -> &Machine {
            &self.machine
        }

        fn probe(&self, process: ProcessId) -> Probe {
            match start_of(process.pid) {
                Ok(Some(start)) if start == process.start => Probe::Alive,
                Ok(_) => Probe::Gone,
                Err(_) => Probe::Unknown,
            }
        }

        fn parent_of(&self, pid: u32) -> Option<ProcessId> {
            Self::identify(Self::parent(pid)?)
        }

        fn session_of(&self, pid: u32) -> Option<u32> {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            fields(&stat)?.nth(3)?.parse().ok()
        }

        fn living(&self) -> Option<BTreeSet<u32>> {
            let entries = fs::read_dir("/proc").ok()?;
            Some(
                entries
                    .flatten()
                    .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                    .collect(),
            )
        }

        fn carried(&self) -> Option<BTreeSet<String>> {
            let prefix = format!("{EXECUTION_VARIABLE}=");
            let mut found = BTreeSet::new();
            for entry in fs::read_dir("/proc").ok()?.flatten() {
                let name = entry.file_name();
                if !name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
                    continue;
                }
                // Other people's processes cannot be read and cannot be ours.
                let Ok(file) = fs::File::open(entry.path().join("environ")) else { continue };
                let mut bytes = Vec::new();
                if file.take(ENVIRONMENT_MAX).read_to_end(&mut bytes).is_err() {
                    continue;
                }
                let ids = bytes
                    .split(|byte| *byte == 0)
                    .filter_map(|entry| entry.strip_prefix(prefix.as_bytes()))
                    .filter_map(|id| std::str::from_utf8(id).ok());
                found.extend(ids.map(str::to_owned));
            }
            Some(found)
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Kernel {
    /// Not written for this system yet: everything stays unknown, and unknown rows are kept.
    #[must_use]
    pub fn here() -> Option<Self> {
        let machine = Machine { host: String::new(), boot: String::new(), namespace: None };
        Some(Self { machine })
    }

    /// Not known on this system yet.
    #[must_use]
    pub fn identify(_pid: u32) -> Option<ProcessId> {
        None
    }

    /// Not known on this system yet.
    #[must_use]
    pub fn age_s(_process: ProcessId) -> Option<i64> {
        None
    }

    /// Not known on this system yet.
    #[must_use]
    pub fn parent(_pid: u32) -> Option<u32> {
        None
    }
}

#[cfg(not(target_os = "linux"))]
impl Processes for Kernel {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn probe(&self, _process: ProcessId) -> Probe {
        Probe::Unknown
    }

    fn carried(&self) -> Option<BTreeSet<String>> {
        None
    }
}
