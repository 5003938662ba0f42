//! No core dump may carry what is kept to the disk.
//!
//! Whoever opens a store of logins calls this, so no program can forget it: a crash, the watchdog's
//! abort or a signal from outside then leaves nothing behind.

/// Switches core dumps of this process off. Programs that it starts may dump as ever, but for the soft
/// limit, which they can raise again.
#[cfg(target_os = "linux")]
pub(crate) fn harden() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, setrlimit};
    // The mark in the kernel counts even where cores go to a program instead of a file, which the
    // limit does not stop; it ends with the next program that is executed.
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    let limit = Rlimit { current: Some(0), ..getrlimit(Resource::Core) };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::warn!(%error, "core dumps could not be limited");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn harden() {}
