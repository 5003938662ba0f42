//! Where each tool keeps its login, and how its files are read and written: one [`Tool`] per provider, and
//! nobody else asks who the provider is.

pub(crate) mod caveats;
pub(crate) mod claude;
pub(crate) mod codex;
pub(crate) mod foreign;
pub(crate) mod found;
pub(crate) mod locks;
pub(crate) mod look;
mod settings;

use crate::error::CustodyError;
use crate::login::AccountKey;
use crate::processes::AtWork;
use crate::refused::Barred;
use crate::secret::Secret;
use crate::vault::{Salt, Vintage};
use caveats::{Caveat, Surroundings};
use found::{Found, Merged};
use locks::Locks;
use sluice_engine::{Provider, Utc};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What custody knows of one provider's tool.
pub(crate) trait Tool: Sync {
    /// What is plain data of it.
    fn facts(&self) -> &'static Facts;

    /// Its files as the tool itself finds them from the environment.
    fn seat(&self, home: &Path, var: &dyn Fn(&str) -> Option<OsString>) -> Seat;

    /// Reads a credential file's bytes; total.
    fn examine(&self, bytes: &Secret, salt: &Salt) -> Found;

    /// The bytes that make `vintage` live over what lies in the seat now.
    fn compose(&self, live: Option<&Secret>, vintage: &Vintage) -> Option<Secret>;

    /// The body of the refresh request; `None` when the credential has no means for it.
    fn refresh_request(&self, vintage: &Vintage) -> Option<Secret>;

    /// The credential with what the token endpoint's answer names.
    fn merge_reply(&self, kept: &Vintage, body: &Secret, now: Utc) -> Option<Secret>;

    /// Whether the token endpoint's answer names another account than the one that `kept` is kept for.
    fn is_for_another(&self, kept: &Vintage, body: &Secret) -> bool;

    /// The locks it takes before it writes its login, in its order. `real` is the directory of the
    /// credential file with all links resolved.
    fn locks(&self, seat: &Seat, real: &Path) -> Locks;

    /// Why a login without the means to renew it is not kept.
    fn unrenewable(&self, path: PathBuf) -> CustodyError;

    /// What its settings files say against its login.
    fn settings_caveats(&self, around: &Surroundings<'_>, found: &mut Vec<Caveat>);

    /// The configuration that keeps this account out, if one does: the tool would sign it out or refuse
    /// to start.
    fn keeps_out(&self, seat: &Seat, key: &AccountKey, etc: &Path) -> Option<PathBuf>;

    /// Why the login in its file is not the one it uses, if so.
    fn barred(&self, _seat: &Seat, _etc: &Path) -> Option<Barred> {
        None
    }

    /// Its own configuration file that decides where it looks for its login.
    fn deciding(&self, _seat: &Seat) -> Option<PathBuf> {
        None
    }

    /// Whether it may be renewing the login in its seat without a lock that shows it.
    fn renewing(&self, _seat: &Seat) -> AtWork {
        AtWork::Nobody
    }
}

/// What is plain data of a tool's seat.
pub(crate) struct Facts {
    /// The tool's directory below the home, when no variable names another.
    pub(crate) usual: &'static str,
    /// The credential file's name.
    pub(crate) file: &'static str,
    /// The name of the configuration that names the account; `None` where the login itself does.
    pub(crate) config: Option<&'static str>,
    /// Variables that outrank the login, strongest first.
    pub(crate) keys: &'static [&'static str],
    /// Switches that send the tool to another provider; they count when they are on.
    pub(crate) clouds: &'static [&'static str],
    /// The variable that names another address for its requests.
    pub(crate) address: &'static str,
    /// What the tool keeps in its directory that is not of one account; everything else stays apart.
    pub(crate) shared: &'static [&'static str],
}

/// What custody knows of the provider's tool.
pub(crate) fn tool(provider: Provider) -> &'static dyn Tool {
    match provider {
        Provider::Claude => &claude::Claude,
        Provider::Codex => &codex::Codex,
    }
}

/// One tool's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The directory of the login and of the tool's locks (`~/.claude`, `~/.codex`).
    pub dir: PathBuf,
    /// The file that holds the login.
    pub login: PathBuf,
    /// The configuration that names the account (`~/.claude.json`); `None` where the login itself does.
    pub config: Option<PathBuf>,
}

impl Seat {
    /// The seat of a tool that is pointed at `dir`.
    #[must_use]
    pub fn at(provider: Provider, dir: &Path) -> Self {
        let facts = tool(provider).facts();
        Self {
            dir: dir.to_path_buf(),
            login: dir.join(facts.file),
            config: facts.config.map(|name| dir.join(name)),
        }
    }
}

/// The default seats of this machine's user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seats(BTreeMap<Provider, Seat>);

/// The folder that a tool keeps its settings in: as its own variable says, else the usual one below
/// `home`. The one answer for everybody who asks; a variable that is set but empty counts as unset.
#[must_use]
pub fn tool_home(
    provider: Provider,
    home: &Path,
    var: impl Fn(&str) -> Option<OsString>,
) -> PathBuf {
    let named = filled(var(provider.spec().home_variable));
    named.unwrap_or_else(|| home.join(tool(provider).facts().usual))
}

/// What a tool keeps in its directory that is not of one account.
#[must_use]
pub fn shared(provider: Provider) -> &'static [&'static str] {
    tool(provider).facts().shared
}

fn filled(value: Option<OsString>) -> Option<PathBuf> {
    value.filter(|value| !value.is_empty()).map(PathBuf::from)
}

impl FromIterator<(Provider, Seat)> for Seats {
    fn from_iter<T: IntoIterator<Item = (Provider, Seat)>>(seats: T) -> Self {
        Self(seats.into_iter().collect())
    }
}

impl Seats {
    /// The seats as the tools themselves find them from the environment.
    ///
    /// `var` reads an environment variable; empty counts as unset, as the tools have it.
    #[must_use]
    pub fn from_env(home: &Path, var: impl Fn(&str) -> Option<OsString>) -> Self {
        Provider::ALL.into_iter().map(|one| (one, tool(one).seat(home, &var))).collect()
    }

    /// The provider's seat; `None` where no home is known.
    #[must_use]
    pub fn of(&self, provider: Provider) -> Option<&Seat> {
        self.0.get(&provider)
    }

    /// Every seat, in display order.
    pub fn all(&self) -> impl Iterator<Item = (Provider, &Seat)> {
        self.0.iter().map(|(provider, seat)| (*provider, seat))
    }

    /// The file that holds the provider's login.
    #[must_use]
    pub fn credential_path(&self, provider: Provider) -> Option<PathBuf> {
        self.of(provider).map(|seat| seat.login.clone())
    }

    /// The configuration that names whose login is in the provider's seat, where that is not said by
    /// the login itself.
    #[must_use]
    pub fn config(&self, provider: Provider) -> Option<&Path> {
        self.of(provider)?.config.as_deref()
    }

    /// Configurations that decide where a tool looks for its login.
    #[must_use]
    pub fn deciding(&self) -> Vec<(Provider, PathBuf)> {
        let found = |(provider, seat)| Some((provider, tool(provider).deciding(seat)?));
        self.all().filter_map(found).collect()
    }

    /// Why the login in the provider's file is not the one its tool uses, if so.
    pub(crate) fn barred(&self, provider: Provider) -> Option<Barred> {
        tool(provider).barred(self.of(provider)?, Path::new(settings::ETC))
    }

    /// The configuration that keeps this account out, if one does.
    pub(crate) fn keeps_out(&self, provider: Provider, key: &AccountKey) -> Option<PathBuf> {
        tool(provider).keeps_out(self.of(provider)?, key, Path::new(settings::ETC))
    }
}

/// The login itself says whose it is, and no configuration beside it.
pub(crate) fn login_names_account(provider: Provider) -> bool {
    tool(provider).facts().config.is_none()
}

/// Reads a credential file's bytes; total.
pub(crate) fn examine(provider: Provider, bytes: &Secret, salt: &Salt) -> Found {
    tool(provider).examine(bytes, salt)
}

/// The credential after a refresh: what the answer names is new, everything else is kept.
pub(crate) fn merge_reply(kept: &Vintage, body: &Secret, now: Utc, salt: &Salt) -> Merged {
    let merged = tool(kept.provider).merge_reply(kept, body, now);
    let Some(credential) = merged else { return Merged::Unreadable };
    let another = tool(kept.provider).is_for_another(kept, body);
    match examine(kept.provider, &credential, salt) {
        Found::Login(login) => {
            let block = kept.identity.as_ref().map(|raw| Secret::new(raw.expose().to_vec()));
            let new = Box::new(login.into_vintage(kept.provider, kept.key.clone(), block));
            if another { Merged::OfAnother(new) } else { Merged::New(new) }
        }
        Found::Stub | Found::Foreign(_) | Found::Unreadable(_) => Merged::Unreadable,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod tests {
    use super::Seats;
    use sluice_engine::Provider;
    use std::path::Path;

    fn claude(home: &Path, vars: &[(&str, &str)]) -> (String, String) {
        let found = Seats::from_env(home, |name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
        });
        let seat = found.of(Provider::Claude).unwrap();
        let below = |path: &Path| path.strip_prefix(home).unwrap_or(path).display().to_string();
        (below(&seat.dir), below(seat.config.as_ref().unwrap()))
    }

    #[test]
    fn set_but_empty_is_as_unset_and_an_own_store_is_one_directory() {
        let home = tempfile::tempdir().unwrap();
        let usual = (".claude".to_owned(), ".claude.json".to_owned());
        assert_eq!(claude(home.path(), &[]), usual);
        assert_eq!(claude(home.path(), &[("CLAUDE_CONFIG_DIR", "")]), usual);
        let own = claude(home.path(), &[("CLAUDE_CONFIG_DIR", "/x")]);
        assert_eq!(own, ("/x".to_owned(), "/x/.claude.json".to_owned()));
        let store = "CLAUDE_SECURESTORAGE_CONFIG_DIR";
        let apart = claude(home.path(), &[("CLAUDE_CONFIG_DIR", "/x"), (store, "/y")]);
        assert_eq!(apart, ("/y".to_owned(), "/x/.claude.json".to_owned()));
        let usual_store = claude(home.path(), &[("CLAUDE_CONFIG_DIR", "/x"), (store, "")]);
        assert_eq!(usual_store, (".claude".to_owned(), "/x/.claude.json".to_owned()));
        for set in [None, Some("")] {
            let found = Seats::from_env(home.path(), |name| {
                set.filter(|_| name == "CODEX_HOME").map(Into::into)
            });
            assert_eq!(found.of(Provider::Codex).unwrap().dir, home.path().join(".codex"));
        }
    }

    #[test]
    fn a_configuration_left_by_an_early_version_is_the_one_used() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".claude")).unwrap();
        std::fs::write(home.path().join(".claude/.config.json"), "{}").unwrap();
        assert_eq!(claude(home.path(), &[]).1, ".claude/.config.json");
    }
}
