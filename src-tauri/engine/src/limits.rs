//! Every bound of the engine, with its reason.

/// Accounts of one person that the interface shows; the engine itself takes more.
pub const ACCOUNTS_MAX: usize = 64;
/// Windows of single models kept per account; providers name about a dozen.
pub const MODEL_WINDOWS_MAX: usize = 16;
/// Requests to the usage endpoint per rolling hour and account (decided).
pub const USAGE_REQUESTS_PER_HOUR: u32 = 20;
