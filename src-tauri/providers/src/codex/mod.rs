//! Codex: its endpoints and the signals of its tool.

pub mod refusal;
pub mod signals;
pub mod store;
pub mod usage;

pub use usage::{CodexUsage, parse_usage};

use crate::claude::TokenReply;
use crate::client::{Http, failure, fetch};
use crate::endpoints::Endpoints;
use crate::failure::{FailureClass, ProviderError};
use bytes::Bytes;
use http::{HeaderValue, header};
use refusal::{Asked, classify};
use sluice_engine::Provider;
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
        mut bearer: HeaderValue,
        account: Option<HeaderValue>,
    ) -> Result<CodexUsage, ProviderError> {
        let doing = "reading Codex's usage";
        bearer.set_sensitive(true);
        let mut request = self
            .http
            .get(self.endpoints.usage(Provider::Codex))
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, "application/json");
        if let Some(account) = account {
            request = request.header("chatgpt-account-id", account);
        }
        let answer = fetch(request, doing).await?;
        let at = answer.sent_at();
        if let Some(refused) = classify(Asked::Usage, answer.status, &answer.body, at) {
            return Err(ProviderError {
                class: refused.class,
                status: Some(answer.status),
                retry_after: answer.retry_after(),
                doing,
            });
        }
        let reading = parse_usage(&answer.body, at);
        if reading.readable {
            return Ok(reading);
        }
        let bad = failure(doing, FailureClass::BadOutput);
        Err(ProviderError { status: Some(answer.status), ..bad })
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
