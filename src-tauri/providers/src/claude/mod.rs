//! Claude: its endpoints and the signals of Claude Code.

pub mod config;
pub mod control;
pub mod headers;
pub mod profile;
pub mod refusal;
pub(crate) mod resets;
pub mod signals;
pub mod softer;
pub mod token;
pub mod usage;

pub use profile::{Identity, ProfileReply, parse_profile};
pub use refusal::{Asked, classify};
pub use usage::{ExtraUsage, UsageReply, parse_usage};

use crate::client::{Answer, Http, failure, fetch};
use crate::endpoints::{Endpoints, join};
use crate::failure::{FailureClass, ProviderError};
use crate::reading::mind_ends;
use crate::retry_after::RetryAfter;
use bytes::Bytes;
use http::{HeaderValue, header};
use sluice_engine::Provider;
use zeroize::Zeroizing;

/// Without it the endpoints answer to API keys only.
const BETA: (&str, &str) = ("anthropic-beta", "oauth-2025-04-20");

/// The answer of the token endpoint, untouched: only custody reads the body.
pub struct TokenReply {
    /// HTTP status.
    pub status: u16,
    /// The body as it came; wiped when dropped.
    pub body: Zeroizing<Vec<u8>>,
    /// How long the endpoint asked us to stay away.
    pub retry_after: Option<RetryAfter>,
}

/// Claude's endpoints.
#[derive(Clone, Debug)]
pub struct Claude {
    endpoints: Endpoints,
    http: Http,
}

impl Claude {
    /// Claude at `endpoints`, through `http`.
    #[must_use]
    pub const fn new(endpoints: Endpoints, http: Http) -> Self {
        Self { endpoints, http }
    }

    /// Reads the windows of the account that `bearer` (the whole `Authorization` value) belongs to.
    /// `observed_at` stays empty: the caller's clock fills it.
    ///
    /// # Errors
    /// [`ProviderError`] with the class of the refusal; `bad_output` when a 200 is not JSON.
    pub async fn usage(&self, bearer: HeaderValue) -> Result<UsageReply, ProviderError> {
        self.usage_at(self.endpoints.usage(Provider::Claude), bearer).await
    }

    /// As [`Self::usage`], and asks for limit resets, too: the endpoint limits that harder.
    ///
    /// # Errors
    /// As [`Self::usage`].
    pub async fn usage_with_resets(
        &self,
        bearer: HeaderValue,
    ) -> Result<UsageReply, ProviderError> {
        let mut url = self.endpoints.usage(Provider::Claude);
        url.query_pairs_mut().append_pair("cedar_ember", "1");
        self.usage_at(url, bearer).await
    }

    async fn usage_at(
        &self,
        url: reqwest::Url,
        bearer: HeaderValue,
    ) -> Result<UsageReply, ProviderError> {
        let doing = "reading Claude's usage";
        let answer = self.ask(url, bearer, doing).await?;
        let answer = accepted(answer, Asked::Usage, doing)?;
        let mut reply = parse_usage(&answer.body);
        mind_ends(&mut reply.usage, answer.sent_at(), &mut reply.oddities);
        for oddity in &reply.oddities {
            tracing::debug!(path = oddity.path, odd = ?oddity.odd, "an unfamiliar usage answer");
        }
        if reply.readable { Ok(reply) } else { Err(unreadable(doing, &answer)) }
    }

    /// Reads who the account that `bearer` belongs to is, and its plan.
    ///
    /// # Errors
    /// As [`Self::usage`].
    pub async fn profile(&self, bearer: HeaderValue) -> Result<ProfileReply, ProviderError> {
        let doing = "reading Claude's account";
        let answer =
            self.ask(join(&self.endpoints.claude_api, "api/oauth/profile"), bearer, doing).await?;
        let answer = accepted(answer, Asked::Profile, doing)?;
        parse_profile(&answer.body).ok_or_else(|| unreadable(doing, &answer))
    }

    /// Exchanges a refresh token: `body` goes out and the answer comes back as they are. Any status
    /// is an answer; an error means that none came, and the token may have been used up.
    ///
    /// # Errors
    /// [`ProviderError`] of class `network` or `bad_output` (answer too long).
    pub async fn token(&self, body: Zeroizing<Vec<u8>>) -> Result<TokenReply, ProviderError> {
        let request = self
            .http
            .post(self.endpoints.claude_token.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            // The owner wipes the bytes when the last reference goes.
            .body(Bytes::from_owner(body));
        let answer = fetch(request, "refreshing a Claude login").await?;
        Ok(TokenReply {
            status: answer.status,
            retry_after: answer.retry_after(),
            body: answer.body,
        })
    }

    async fn ask(
        &self,
        url: reqwest::Url,
        mut bearer: HeaderValue,
        doing: &'static str,
    ) -> Result<Answer, ProviderError> {
        bearer.set_sensitive(true);
        let request = self
            .http
            .get(url)
            .header(header::AUTHORIZATION, bearer)
            .header(BETA.0, BETA.1)
            .header(header::ACCEPT, "application/json");
        fetch(request, doing).await
    }
}

fn accepted(answer: Answer, asked: Asked, doing: &'static str) -> Result<Answer, ProviderError> {
    match classify(asked, answer.status, &answer.headers, &answer.body) {
        None => Ok(answer),
        Some(class) => Err(ProviderError {
            class,
            status: Some(answer.status),
            retry_after: answer.retry_after(),
            doing,
        }),
    }
}

fn unreadable(doing: &'static str, answer: &Answer) -> ProviderError {
    ProviderError {
        status: Some(answer.status),
        retry_after: answer.retry_after(),
        ..failure(doing, FailureClass::BadOutput)
    }
}
