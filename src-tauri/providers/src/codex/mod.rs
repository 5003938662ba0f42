//! Codex: its endpoints and the signals of its tool.

pub mod limits;
pub mod refusal;
pub mod resets;
pub mod signals;
pub mod store;
pub mod usage;

pub use resets::{ResetsReply, parse_resets};
pub use usage::{CodexUsage, parse_usage};

use crate::claude::TokenReply;
use crate::client::{Answer, Http, failure, fetch};
use crate::endpoints::Endpoints;
use crate::failure::{FailureClass, ProviderError};
use bytes::Bytes;
use http::{HeaderValue, header};
use refusal::{Asked, classify};
use sluice_engine::Provider;
use sluice_engine::grant::Said;
use zeroize::Zeroizing;

/// Codex's endpoints.
#[derive(Clone, Debug)]
pub struct Codex {
    endpoints: Endpoints,
    http: Http,
}

impl Codex {
    /// Codex at `endpoints`, through `http`.
    #[must_use]
    pub const fn new(endpoints: Endpoints, http: Http) -> Self {
        Self { endpoints, http }
    }

    /// Reads the windows of `account` (the provider's account id) with `bearer` (the whole
    /// `Authorization` value).
    ///
    /// # Errors
    /// [`ProviderError`] with the class of the refusal; `bad_output` when a 200 is not JSON.
    pub async fn usage(
        &self,
        bearer: HeaderValue,
        account: Option<HeaderValue>,
    ) -> Result<CodexUsage, ProviderError> {
        let doing = "reading Codex's usage";
        let url = self.endpoints.usage(Provider::Codex);
        let answer = self.ask(url, bearer, account, doing).await?;
        let reading = parse_usage(&answer.body, answer.sent_at());
        if reading.readable { Ok(reading) } else { Err(unreadable(doing, &answer)) }
    }

    /// Reads the limit resets of `account`. It only looks: spending one is the person's alone.
    ///
    /// # Errors
    /// As [`Self::usage`]; `bad_output` when a 200 says nothing of them.
    pub async fn resets(
        &self,
        bearer: HeaderValue,
        account: Option<HeaderValue>,
    ) -> Result<Said, ProviderError> {
        let doing = "reading Codex's limit resets";
        let url = self.endpoints.resets(Provider::Codex);
        let url = url.ok_or_else(|| failure(doing, FailureClass::Network))?;
        let answer = self.ask(url, bearer, account, doing).await?;
        parse_resets(&answer.body).said.ok_or_else(|| unreadable(doing, &answer))
    }

    async fn ask(
        &self,
        url: reqwest::Url,
        mut bearer: HeaderValue,
        account: Option<HeaderValue>,
        doing: &'static str,
    ) -> Result<Answer, ProviderError> {
        bearer.set_sensitive(true);
        let mut request = self
            .http
            .get(url)
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, "application/json");
        if let Some(account) = account {
            request = request.header("chatgpt-account-id", account);
        }
        let answer = fetch(request, doing).await?;
        match classify(Asked::Usage, answer.status, &answer.body, answer.sent_at()) {
            None => Ok(answer),
            Some(refused) => Err(ProviderError {
                class: refused.class,
                status: Some(answer.status),
                retry_after: answer.retry_after(),
                doing,
            }),
        }
    }

    /// Exchanges a refresh token: `body` goes out and the answer comes back as they are.
    ///
    /// # Errors
    /// [`ProviderError`] of class `network` or `bad_output` (answer too long): no answer came, and
    /// the token may have been used up.
    pub async fn token(&self, body: Zeroizing<Vec<u8>>) -> Result<TokenReply, ProviderError> {
        let request = self
            .http
            .post(self.endpoints.codex_token.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(Bytes::from_owner(body));
        let answer = fetch(request, "refreshing a Codex login").await?;
        Ok(TokenReply {
            status: answer.status,
            retry_after: answer.retry_after(),
            body: answer.body,
        })
    }
}

fn unreadable(doing: &'static str, answer: &Answer) -> ProviderError {
    ProviderError {
        status: Some(answer.status),
        retry_after: answer.retry_after(),
        ..failure(doing, FailureClass::BadOutput)
    }
}
