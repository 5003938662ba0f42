//! Where the providers are: fixed addresses. The environment may name others on this machine only, so that
//! no variable sends a token elsewhere.

use reqwest::Url;
use sluice_engine::Provider;
use std::net::IpAddr;
use thiserror::Error;

/// The variable that points an endpoint elsewhere, with the address used without it.
const CLAUDE_API: (&str, &str) = ("SLUICE_CLAUDE_API", "https://api.anthropic.com");
const CLAUDE_TOKEN: (&str, &str) =
    ("SLUICE_CLAUDE_TOKEN_URL", "https://platform.claude.com/v1/oauth/token");
const CODEX_API: (&str, &str) = ("SLUICE_CODEX_API", "https://chatgpt.com/backend-api");
const CODEX_TOKEN: (&str, &str) = ("SLUICE_CODEX_TOKEN_URL", "https://auth.openai.com/oauth/token");

/// Variables that point to another server.
pub const VARIABLES: [&str; 4] = [CLAUDE_API.0, CLAUDE_TOKEN.0, CODEX_API.0, CODEX_TOKEN.0];

/// The one name that is taken; the client pins it to loopback.
pub(crate) const LOCAL_NAME: &str = "localhost";

/// An endpoint override that was refused. Nothing was sent.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// The variable does not hold an address.
    #[error("{variable} is not an http or https address; nothing was sent. Unset it or correct it")]
    NotAnAddress {
        /// The environment variable.
        variable: String,
    },
    /// The variable names another machine.
    #[error(
        "{variable} points to {host}, which is not this machine; nothing was sent. Only loopback \
         addresses (127.0.0.1, ::1, localhost) are taken from the environment"
    )]
    NotLoopback {
        /// The environment variable.
        variable: String,
        /// The host it names.
        host: String,
    },
}

/// The addresses of both providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Base of Claude's API, without a trailing slash.
    pub claude_api: Url,
    /// Claude's token endpoint, whole.
    pub claude_token: Url,
    /// Base of Codex's backend, without a trailing slash.
    pub codex_api: Url,
    /// Codex's token endpoint, whole.
    pub codex_token: Url,
    /// At least one address came from the environment.
    pub overridden: bool,
}

impl Endpoints {
    /// The providers' own addresses, or the loopback ones named by the process environment.
    ///
    /// # Errors
    /// [`EndpointError`] when a variable is set to anything but a loopback address.
    pub fn from_env() -> Result<Self, EndpointError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// As [`Self::from_env`], with the variables given by `lookup`.
    ///
    /// # Errors
    /// As [`Self::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EndpointError> {
        let mut overridden = false;
        let mut take = |(variable, standard): (&str, &str)| match lookup(variable)
            .filter(|value| !value.trim().is_empty())
        {
            Some(value) => {
                overridden = true;
                loopback(variable, value.trim())
            }
            None => address(variable, standard),
        };
        Ok(Self {
            claude_api: take(CLAUDE_API)?,
            claude_token: take(CLAUDE_TOKEN)?,
            codex_api: take(CODEX_API)?,
            codex_token: take(CODEX_TOKEN)?,
            overridden,
        })
    }

    /// Where the plan of an account is asked for; `None` where its usage answers name it.
    #[must_use]
    pub fn profile(&self, provider: Provider) -> Option<Url> {
        match provider {
            Provider::Claude => Some(join(&self.claude_api, "api/oauth/profile")),
            Provider::Codex => None,
        }
    }

    /// Where a provider's usage is asked for.
    #[must_use]
    pub fn usage(&self, provider: Provider) -> Url {
        match provider {
            Provider::Claude => join(&self.claude_api, "api/oauth/usage"),
            // The subscription's backend and a server of one's own name it differently.
            Provider::Codex if self.codex_api.path().contains("/backend-api") => {
                join(&self.codex_api, "wham/usage")
            }
            Provider::Codex => join(&self.codex_api, "api/codex/usage"),
        }
    }

    /// Where a provider lists limit resets, if it has a place of their own for them.
    #[must_use]
    pub fn resets(&self, provider: Provider) -> Option<Url> {
        match provider {
            Provider::Claude => None,
            // It stands beside usage, under either name.
            Provider::Codex => self.usage(provider).join("rate-limit-reset-credits").ok(),
        }
    }

    /// Where a provider's tokens are exchanged.
    #[must_use]
    pub fn token(&self, provider: Provider) -> &Url {
        match provider {
            Provider::Claude => &self.claude_token,
            Provider::Codex => &self.codex_token,
        }
    }
}

fn address(variable: &str, value: &str) -> Result<Url, EndpointError> {
    let wrong = || EndpointError::NotAnAddress { variable: variable.to_owned() };
    let url = Url::parse(value).map_err(|_| wrong())?;
    let plain = url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        Ok(url)
    } else {
        Err(wrong())
    }
}

fn loopback(variable: &str, value: &str) -> Result<Url, EndpointError> {
    let url = address(variable, value)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let here = host == LOCAL_NAME || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if here {
        Ok(url)
    } else {
        Err(EndpointError::NotLoopback { variable: variable.to_owned(), host })
    }
}

/// `base` with `path` appended, whatever slashes stand between.
pub(crate) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let joined = format!("{}/{path}", base.path().trim_end_matches('/'));
    url.set_path(&joined);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variable: &'static str, value: &'static str) -> Result<Endpoints, EndpointError> {
        Endpoints::from_lookup(|name| (name == variable).then(|| value.to_owned()))
    }

    #[test]
    fn without_variables_the_providers_are_asked() {
        let ends = Endpoints::from_lookup(|_| None).unwrap();
        assert!(!ends.overridden);
        assert_eq!(
            ends.usage(Provider::Claude).as_str(),
            "https://api.anthropic.com/api/oauth/usage"
        );
        let codex = ends.usage(Provider::Codex);
        assert_eq!(codex.as_str(), "https://chatgpt.com/backend-api/wham/usage");
        let own = with("SLUICE_CODEX_API", "http://127.0.0.1:9").unwrap();
        assert_eq!(own.usage(Provider::Codex).as_str(), "http://127.0.0.1:9/api/codex/usage");
    }

    #[test]
    fn only_this_machine_is_taken_from_the_environment() {
        for good in
            ["http://127.0.0.1:9", "http://localhost:9/", "https://[::1]:9", "http://127.8.8.8"]
        {
            assert!(with("SLUICE_CLAUDE_API", good).unwrap().overridden, "{good}");
        }
        for bad in [
            "http://10.0.0.1",
            "http://localhost.evil.test",
            "http://127.0.0.1.evil.test",
            "http://0.0.0.0",
            "http://[::]",
        ] {
            let refused = with("SLUICE_CODEX_TOKEN_URL", bad);
            assert!(matches!(refused, Err(EndpointError::NotLoopback { .. })), "{bad}");
        }
        for bad in ["nonsense", "file:///etc/passwd", "http://user:secret@127.0.0.1", "unix:/x"] {
            let refused = with("SLUICE_CLAUDE_TOKEN_URL", bad);
            assert!(matches!(refused, Err(EndpointError::NotAnAddress { .. })), "{bad}");
        }
    }

    #[test]
    fn a_base_keeps_its_path() {
        let base = Url::parse("http://127.0.0.1:9/backend-api/").unwrap();
        assert_eq!(join(&base, "wham/usage").path(), "/backend-api/wham/usage");
    }
}
