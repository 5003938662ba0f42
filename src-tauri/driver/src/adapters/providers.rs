//! The providers behind their port.

use crate::clock::Clock;
use crate::ports::{Pending, Providers, ReadError, TokenAnswer, ToolNumbers, Trouble};
use sluice_custody::Seats;
use sluice_engine::{Provider, Usage};
use sluice_providers::{Claude, FailureClass, ProviderError};
use zeroize::Zeroizing;

pub(super) struct RealProviders {
    claude: Claude,
    clock: Clock,
}

impl RealProviders {
    pub(super) fn open(_seats: &Seats, clock: Clock) -> Result<Self, Trouble> {
        let claude =
            Claude::from_env().map_err(|error| Trouble::new("unusable", error.to_string()))?;
        Ok(Self { claude, clock })
    }
}

impl Providers for RealProviders {
    fn usage(
        &self,
        provider: Provider,
        bearer: http::HeaderValue,
    ) -> Pending<Result<Usage, ReadError>> {
        let (claude, clock) = (self.claude.clone(), self.clock);
        Box::pin(async move {
            match provider {
                Provider::Claude => {
                    let reply = claude.usage(bearer).await.map_err(|error| read_error(&error))?;
                    for oddity in &reply.oddities {
                        tracing::debug!(?oddity, "an unusual usage answer");
                    }
                    let mut usage = reply.usage;
                    usage.observed_at.get_or_insert(clock.now().wall);
                    Ok(usage)
                }
                Provider::Codex => Err(ReadError::Forbidden("Codex is not read yet".to_owned())),
            }
        })
    }

    fn token(&self, provider: Provider, body: Zeroizing<Vec<u8>>) -> Pending<Option<TokenAnswer>> {
        let claude = self.claude.clone();
        Box::pin(async move {
            match provider {
                Provider::Claude => {
                    let reply = claude.token(body).await.ok()?;
                    Some(TokenAnswer {
                        status: reply.status,
                        body: reply.body,
                        retry_after_s: reply.retry_after.map(|after| after.seconds()),
                    })
                }
                Provider::Codex => None,
            }
        })
    }

    fn tool_numbers(&self, _provider: Provider) -> Option<ToolNumbers> {
        None
    }
}

fn read_error(error: &ProviderError) -> ReadError {
    let retry_after_s = error.retry_after.map(|after| after.seconds());
    match error.class {
        FailureClass::UsageEndpointThrottled | FailureClass::Throttled => ReadError::Throttled {
            retry_after_s: retry_after_s.or(Some(error.min_wait().as_secs())),
        },
        FailureClass::AuthExpired
        | FailureClass::AuthInvalid
        | FailureClass::AuthRevoked
        | FailureClass::AuthLoginRequired => ReadError::TokenRefused,
        class if class.transient() => ReadError::Unreachable(error.to_string()),
        _ => ReadError::Forbidden(error.to_string()),
    }
}
