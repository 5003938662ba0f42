//! Claude Code's seat: `.credentials.json`, and `oauthAccount` in `.claude.json`.

/// The credential file's name.
pub(crate) const FILE: &str = ".credentials.json";
