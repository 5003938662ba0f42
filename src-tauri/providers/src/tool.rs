//! What each provider's tool prints and leaves behind, with its parser; and both providers' endpoints behind
//! one call. The one place of this crate that picks by provider.

use crate::claude::config::{ConfigReading, parse_config};
use crate::claude::control::{ControlReading, USAGE_ARGUMENTS, USAGE_REQUESTS, usage_answer};
use crate::claude::signals::{Numbers, ProcessRecord, Signal, parse_process_record};
use crate::claude::{Claude, TokenReply};
use crate::client::Http;
use crate::codex::Codex;
use crate::endpoints::Endpoints;
use crate::failure::ProviderError;
use crate::json::Oddity;
use crate::json::shape::Field;
use crate::words::{self, Table};
use crate::{claude, codex};
use http::HeaderValue;
use sluice_engine::grant::Said;
use sluice_engine::observation::Reading;
use sluice_engine::{Plan, Provider};
use zeroize::Zeroizing;

/// A parser; total.
pub type Reader<T> = fn(&[u8]) -> T;

/// What one tool tells on this machine.
pub struct Tool {
    /// How it is started without a person at it.
    pub unattended: Unattended,
    /// Reads one line of what it prints then, one JSON document.
    pub read_line: Reader<Signal>,
    /// Reads the windows that such a line tells of; `None` where no line does.
    pub read_windows: Option<Reader<Option<Numbers>>>,
    /// Its wordings, where nothing structured was said.
    pub wordings: Table,
    /// Reads the configuration that names the account; `None` where the login itself does, which is a
    /// secret.
    pub read_config: Option<Reader<Option<ConfigReading>>>,
    /// Its records of its running processes, if it keeps any.
    pub records: Option<Records>,
    /// How it is asked for its own limits, if it can be.
    pub asking: Option<Asking>,
}

/// How a tool is asked for its own limits, without a prompt.
pub struct Asking {
    /// The arguments it is started with.
    pub arguments: &'static [&'static str],
    /// What is written to it, each on a line.
    pub requests: &'static [&'static str],
    /// Reads one line of what it says; `None` for all but the answer.
    pub read: Reader<Option<ControlReading>>,
}

/// Records of running processes.
#[derive(Clone, Copy)]
pub struct Records {
    /// Their directory below the tool's own.
    pub directory: &'static str,
    /// Reads one of them.
    pub read: Reader<Option<ProcessRecord>>,
}

/// How a tool is started, and speaks, without a person at it.
pub struct Unattended {
    /// One of these words on the command line makes it so.
    pub words: &'static [&'static str],
    /// One of these has it print one JSON document per line, or one at its end.
    pub structured: &'static [&'static str],
    /// The option that names the format of its output, if it has one.
    pub output_format: Option<&'static str>,
    /// The option that names the format of its input, if it has one.
    pub input_format: Option<&'static str>,
    /// Without structure it tells of failures on standard error, and elsewhere on standard output.
    pub fails_on_errors: bool,
    /// It shows its work differently where its output is no terminal.
    pub heeds_terminal: bool,
    /// Lines with which it heads its own work on standard error.
    pub headings: &'static [&'static str],
}

static CLAUDE: Tool = Tool {
    unattended: Unattended {
        words: &["-p", "--print"],
        structured: &[],
        output_format: Some("--output-format"),
        input_format: Some("--input-format"),
        fails_on_errors: false,
        heeds_terminal: false,
        headings: &[],
    },
    read_line: claude::signals::parse_stream_line,
    read_windows: Some(claude::signals::parse_limit_event),
    wordings: words::CLAUDE,
    read_config: Some(parse_config),
    records: Some(Records { directory: "sessions", read: parse_process_record }),
    asking: Some(Asking {
        arguments: &USAGE_ARGUMENTS,
        requests: &USAGE_REQUESTS,
        read: usage_answer,
    }),
};

static CODEX: Tool = Tool {
    unattended: Unattended {
        words: &["exec", "e"],
        structured: &["--json", "--experimental-json"],
        output_format: None,
        input_format: None,
        fails_on_errors: true,
        heeds_terminal: true,
        headings: &["codex", "exec", "thinking"],
    },
    read_line: codex::signals::parse_event_line,
    read_windows: None,
    wordings: words::CODEX,
    read_config: None,
    records: None,
    asking: None,
};

/// What the provider's tool tells on this machine.
#[must_use]
pub const fn tool(provider: Provider) -> &'static Tool {
    match provider {
        Provider::Claude => &CLAUDE,
        Provider::Codex => &CODEX,
    }
}

/// What one answer of a usage endpoint says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// The windows, and limit resets.
    pub reading: Reading,
    /// The plan, where the answer names it.
    pub plan: Option<Plan>,
    /// Departures from the known shapes.
    pub oddities: Vec<Oddity>,
    /// The form of the answer, without any value.
    pub shape: Vec<Field>,
}

/// Fields of a usage answer that the windows are read from: one that goes is missed.
const CLAUDE_FIELDS: [&str; 11] = [
    "five_hour",
    "five_hour.utilization",
    "five_hour.resets_at",
    "seven_day",
    "seven_day.utilization",
    "seven_day.resets_at",
    "limits",
    "limits[].kind",
    "limits[].percent",
    "limits[].resets_at",
    "extra_usage",
];
const CODEX_FIELDS: [&str; 5] = [
    "plan_type",
    "rate_limit",
    "rate_limit.primary_window",
    "rate_limit.primary_window.used_percent",
    "rate_limit.primary_window.reset_at",
];

/// Whether the windows of the provider's accounts are read from this field of its answers.
#[must_use]
pub fn reads_field(provider: Provider, path: &str) -> bool {
    let fields: &[&str] = match provider {
        Provider::Claude => &CLAUDE_FIELDS,
        Provider::Codex => &CODEX_FIELDS,
    };
    fields.contains(&path)
}

/// The endpoints of every provider.
#[derive(Clone, Debug)]
pub struct Clients {
    claude: Claude,
    codex: Codex,
}

impl Clients {
    /// The providers at `endpoints`, through `http`.
    #[must_use]
    pub fn new(endpoints: &Endpoints, http: Http) -> Self {
        Self {
            claude: Claude::new(endpoints.clone(), http.clone()),
            codex: Codex::new(endpoints.clone(), http),
        }
    }

    /// Reads the windows of the account that `bearer` belongs to; `key` is the one it is kept under. With
    /// `resets` limit resets are asked for, where they come with the windows.
    ///
    /// # Errors
    /// [`ProviderError`] with the class of the refusal; `bad_output` when a 200 is not JSON.
    pub async fn usage(
        &self,
        provider: Provider,
        key: &str,
        bearer: HeaderValue,
        resets: bool,
    ) -> Result<Heard, ProviderError> {
        match provider {
            Provider::Claude => {
                let claude = &self.claude;
                let reply = match resets {
                    true => claude.usage_with_resets(bearer).await?,
                    false => claude.usage(bearer).await?,
                };
                Ok(Heard {
                    reading: Reading { usage: reply.usage, resets: reply.resets },
                    plan: None,
                    oddities: reply.oddities,
                    shape: reply.shape,
                })
            }
            Provider::Codex => {
                let reply = self.codex.usage(bearer, codex_account(key)).await?;
                Ok(Heard {
                    plan: reply.plan.map(|name| Plan::told(provider, Some(&name), None)),
                    reading: Reading { usage: reply.usage, resets: reply.resets },
                    oddities: reply.oddities,
                    shape: reply.shape,
                })
            }
        }
    }

    /// Reads the limit resets of the account where an endpoint of their own tells them
    /// ([`sluice_engine::provider::ResetSource::Apart`]). It only looks.
    ///
    /// # Errors
    /// As [`Self::usage`].
    pub async fn resets(
        &self,
        provider: Provider,
        key: &str,
        bearer: HeaderValue,
    ) -> Result<Option<Said>, ProviderError> {
        match provider {
            Provider::Claude => Ok(None),
            Provider::Codex => self.codex.resets(bearer, codex_account(key)).await.map(Some),
        }
    }

    /// Asks for the plan of the account that `bearer` belongs to; `None` where the usage answer names it.
    ///
    /// # Errors
    /// As [`Self::usage`].
    pub async fn plan(
        &self,
        provider: Provider,
        bearer: HeaderValue,
    ) -> Option<Result<Plan, ProviderError>> {
        match provider {
            Provider::Claude => Some(self.claude.profile(bearer).await.map(|reply| reply.plan)),
            Provider::Codex => None,
        }
    }

    /// Exchanges a refresh token: `body` goes out and the answer comes back as they are.
    ///
    /// # Errors
    /// [`ProviderError`] of class `network` or `bad_output` (answer too long): no answer came, and
    /// the token may have been used up.
    pub async fn token(
        &self,
        provider: Provider,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<TokenReply, ProviderError> {
        match provider {
            Provider::Claude => self.claude.token(body).await,
            Provider::Codex => self.codex.token(body).await,
        }
    }
}

/// It wants the account in a header of its own; the key begins with it.
fn codex_account(key: &str) -> Option<HeaderValue> {
    key.split('/').next().and_then(|id| HeaderValue::from_str(id).ok())
}
