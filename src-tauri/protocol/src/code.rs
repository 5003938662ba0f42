//! Codes of refusals and troubles: what a front end or a script may branch on.

use crate::closed::closed;

closed! {
    /// Why something was not done.
    Code {
        /// The request makes no sense or is out of bounds.
        Invalid = "invalid",
        /// There is no such account.
        UnknownAccount = "unknown_account",
        /// There is no open run of that id.
        UnknownRun = "unknown_run",
        /// There is no such row.
        Unknown = "unknown",
        /// There is no such request.
        UnknownVerb = "unknown_verb",
        /// The two sides are of different versions.
        Version = "version",
        /// This does not exist for that tool.
        Unsupported = "unsupported",
        /// Everything is stopped, or the account is not watched.
        Stopped = "stopped",
        /// The account is live already, or must not be.
        LiveAccount = "live_account",
        /// The account's tool uses the login at this moment.
        InUse = "in_use",
        /// Nobody is signed in, or the login is refused.
        NotSignedIn = "not_signed_in",
        /// No login is kept.
        NoCredential = "no_credential",
        /// What is kept cannot be used.
        KeptUnusable = "kept_unusable",
        /// The provider did not confirm the login.
        Unproven = "unproven",
        /// The seat holds a login that is not kept yet.
        UnmanagedLogin = "unmanaged_login",
        /// The seat holds a login of a kind that is not kept.
        ForeignLogin = "foreign_login",
        /// What lies in the seat is not understood.
        SeatUnreadable = "seat_unreadable",
        /// Nothing is written at the moment.
        ObserveOnly = "observe_only",
        /// What it was decided on has changed.
        Stale = "stale",
        /// A swap could neither be finished nor undone.
        StuckSwap = "stuck_swap",
        /// No other account has room.
        NoAlternative = "no_alternative",
        /// No place is known for this login.
        NoSeat = "no_seat",
        /// Something else is under way.
        Busy = "busy",
        /// It was done or tried a moment ago.
        Cooldown = "cooldown",
        /// The hour's requests are used up, or the provider asks to wait.
        Throttled = "throttled",
        /// No answer in time.
        Timeout = "timeout",
        /// No renewal or reading in time.
        RefreshTimeout = "REFRESH_TIMEOUT",
        /// No proof of a login in time.
        ValidateTimeout = "VALIDATE_TIMEOUT",
        /// Every account is being read already.
        RefreshInProgress = "REFRESH_IN_PROGRESS",
        /// A login could not be renewed.
        RefreshFailed = "refresh_failed",
        /// Usage could not be read.
        ReadFailed = "read_failed",
        /// The tool's background process did not restart.
        RestartFailed = "restart_failed",
        /// Nothing reads or renews: no driver runs.
        NotRunning = "not_running",
        /// It needs a driver.
        NoDriver = "no_driver",
        /// The driver cannot be reached.
        Unreachable = "unreachable",
        /// The driver is ending.
        Ended = "ended",
        /// A part of the program cannot be used.
        Unusable = "unusable",
        /// The disk is full.
        DiskFull = "disk_full",
        /// The database failed.
        Disk = "disk",
        /// The tool's configuration says that the login is not used.
        Barred = "barred",
        /// The tool's configuration does not let the account in.
        NotAdmitted = "not_admitted",
        /// The seat holds another login than expected.
        WrongAccount = "wrong_account",
        /// The login in the seat has just changed.
        Unsettled = "unsettled",
        /// Another one holds a lock.
        LockTimeout = "lock_timeout",
        /// A step took too long.
        TooSlow = "too_slow",
        /// The tool may be renewing its login.
        ToolRenews = "tool_renews",
        /// The login file does not come to rest.
        Restless = "restless",
        /// Another program wrote the login file right after the swap.
        Clobbered = "clobbered",
        /// Another program keeps writing it.
        ForeignWriter = "foreign_writer",
        /// A file of the encrypted vault cannot be used.
        Vault = "vault",
        /// The keychain is locked.
        KeychainLocked = "keychain_locked",
        /// There is no keychain.
        KeychainAbsent = "keychain_absent",
        /// The keychain does not answer.
        KeychainHanging = "keychain_hanging",
        /// The keychain refuses.
        KeychainRefused = "keychain_refused",
        /// The keychain returned something else than was put in.
        KeychainMismatch = "keychain_mismatch",
        /// The keychain failed.
        KeychainFailed = "keychain_failed",
        /// A file operation failed.
        File = "file",
        /// Our own record failed.
        Record = "record",
        /// Of another version.
        Other = "other",
    }
}

/// What helps against a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// To ask for something else.
    AskAnew,
    /// To ask again later: it passes by itself.
    Wait,
    /// To look into it.
    Mend,
}

impl Code {
    /// What helps against it.
    #[must_use]
    pub const fn remedy(self) -> Remedy {
        match self {
            Self::Invalid | Self::UnknownAccount => Remedy::AskAnew,
            Self::RefreshInProgress
            | Self::RefreshTimeout
            | Self::ValidateTimeout
            | Self::ReadFailed
            | Self::RefreshFailed
            | Self::Throttled
            | Self::Busy
            | Self::Cooldown
            | Self::Timeout
            | Self::LockTimeout
            | Self::Unsettled
            | Self::TooSlow
            | Self::ToolRenews
            | Self::Restless
            | Self::Stale
            | Self::ObserveOnly
            | Self::KeychainHanging => Remedy::Wait,
            Self::UnknownRun
            | Self::Unknown
            | Self::UnknownVerb
            | Self::Version
            | Self::Unsupported
            | Self::Stopped
            | Self::LiveAccount
            | Self::InUse
            | Self::NotSignedIn
            | Self::NoCredential
            | Self::KeptUnusable
            | Self::Unproven
            | Self::UnmanagedLogin
            | Self::ForeignLogin
            | Self::SeatUnreadable
            | Self::StuckSwap
            | Self::NoAlternative
            | Self::NoSeat
            | Self::RestartFailed
            | Self::NotRunning
            | Self::NoDriver
            | Self::Unreachable
            | Self::Ended
            | Self::Unusable
            | Self::DiskFull
            | Self::Disk
            | Self::Barred
            | Self::NotAdmitted
            | Self::WrongAccount
            | Self::Clobbered
            | Self::ForeignWriter
            | Self::Vault
            | Self::KeychainLocked
            | Self::KeychainAbsent
            | Self::KeychainRefused
            | Self::KeychainMismatch
            | Self::KeychainFailed
            | Self::File
            | Self::Record
            | Self::Other => Remedy::Mend,
        }
    }
}
