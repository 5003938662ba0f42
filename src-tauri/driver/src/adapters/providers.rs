//! The providers behind their trait.

use crate::clock::Clock;
use crate::ports::{Pending, Providers, ReadError, TokenAnswer, ToolNumbers, Trouble, UsageAnswer};
use sluice_custody::Seats;
use sluice_engine::limits::CONFIGURATION_BYTES_MAX;
use sluice_engine::{Block, Provider, Usage};
use sluice_providers::claude::config::parse_config;
use sluice_providers::codex::Codex;
use sluice_providers::{Claude, Deadlines, Endpoints, FailureClass, Http, ProviderError};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) struct RealProviders {
    claude: Claude,
    codex: Codex,
    claude_config: Option<PathBuf>,
    clock: Clock,
}

impl RealProviders {
    pub(super) fn open(
        endpoints: &Endpoints,
        seats: &Seats,
        clock: Clock,
    ) -> Result<Self, Trouble> {
        let http = Http::new(endpoints, Deadlines::default())
            .map_err(|error| Trouble::new("unusable", error.to_string()))?;
        Ok(Self {
            claude: Claude::new(endpoints.clone(), http.clone()),
            codex: Codex::new(endpoints.clone(), http),
            claude_config: seats.claude.as_ref().map(|seat| seat.config.clone()),
            clock,
        })
    }
}

impl Providers for RealProviders {
    fn usage(
        &self,
        provider: Provider,
        key: &str,
        bearer: http::HeaderValue,
    ) -> Pending<UsageAnswer> {
        let (claude, codex, clock) = (self.claude.clone(), self.codex.clone(), self.clock);
        // Codex names the account in a header of its own; the key begins with it.
        let account = key.split('/').next().and_then(|id| http::HeaderValue::from_str(id).ok());
        Box::pin(async move {
            let read: Result<Usage, ProviderError> = match provider {
                Provider::Claude => claude.usage(bearer).await.map(|reply| reply.usage),
                Provider::Codex => codex.usage(bearer, account).await.map(|reply| reply.usage),
            };
            match read {
                Ok(mut usage) => {
                    usage.observed_at.get_or_insert(clock.now().wall);
                    UsageAnswer { status: Some(200), usage: Ok(usage) }
                }
                Err(error) => UsageAnswer { status: error.status, usage: Err(read_error(&error)) },
            }
        })
    }

    fn token(&self, provider: Provider, body: Zeroizing<Vec<u8>>) -> Pending<Option<TokenAnswer>> {
        let (claude, codex) = (self.claude.clone(), self.codex.clone());
        Box::pin(async move {
            let reply = match provider {
                Provider::Claude => claude.token(body).await,
                Provider::Codex => codex.token(body).await,
            };
            let reply = reply.ok()?;
            Some(TokenAnswer {
                status: reply.status,
                body: reply.body,
                retry_after_s: reply.retry_after.map(sluice_providers::RetryAfter::seconds),
            })
        })
    }

    fn tool_numbers(&self, provider: Provider) -> Option<ToolNumbers> {
        match provider {
            Provider::Claude => claude_numbers(self.claude_config.as_deref()?),
            Provider::Codex => None,
        }
    }
}

fn claude_numbers(path: &Path) -> Option<ToolNumbers> {
    let bytes = sluice_ground::read_regular(path, CONFIGURATION_BYTES_MAX as u64).ok()?;
    let reading = parse_config(&bytes)?;
    let cached = reading.cached?;
    let same = reading.identity.as_ref().and_then(|found| found.account.as_ref())
        == cached.account.as_ref();
    // With the identity beside it the organisation is known too; without it the person only.
    let key = reading.identity.as_ref().filter(|_| same).and_then(sluice_providers::Identity::key);
    let account = key.or(cached.account)?;
    cached.fetched_at?;
    Some(ToolNumbers { account, usage: cached.reply.usage })
}

fn read_error(error: &ProviderError) -> ReadError {
    let retry_after_s = error.retry_after.map(sluice_providers::RetryAfter::seconds);
    match error.class {
        FailureClass::UsageEndpointThrottled | FailureClass::Throttled => ReadError::Throttled {
            retry_after_s: retry_after_s.or(Some(error.min_wait().as_secs())),
        },
        FailureClass::AuthExpired
        | FailureClass::AuthInvalid
        | FailureClass::AuthRevoked
        | FailureClass::AuthLoginRequired => ReadError::TokenRefused,
        FailureClass::AuthOrgDisabled => ReadError::Blocked(Block::Disabled, error.to_string()),
        FailureClass::Billing => ReadError::Blocked(Block::Spending, error.to_string()),
        FailureClass::PlanIneligible => ReadError::Blocked(Block::NotAllowed, error.to_string()),
        class if class.transient() => ReadError::Unreachable(error.to_string()),
        _ => ReadError::Forbidden(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_account_is_refused_for_is_a_block() {
        let read = |class| {
            let doing = "reading usage";
            read_error(&ProviderError { class, status: Some(403), retry_after: None, doing })
        };
        for (class, why) in [
            (FailureClass::AuthOrgDisabled, Block::Disabled),
            (FailureClass::Billing, Block::Spending),
            (FailureClass::PlanIneligible, Block::NotAllowed),
        ] {
            let read = read(class);
            assert!(matches!(&read, ReadError::Blocked(said, _) if *said == why), "{read:?}");
        }
        assert!(matches!(read(FailureClass::Forbidden), ReadError::Forbidden(_)));
    }

    #[test]
    fn the_tools_own_numbers_carry_whose_they_are_and_when() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".claude.json");
        let numbers = |owner: &str| {
            let text = format!(
                r#"{{"oauthAccount":{{"accountUuid":"a","organizationUuid":"o"}},
                "cachedUsageUtilization":{{"fetchedAtMs":1795262400000,"accountUuid":"{owner}",
                "utilization":{{"five_hour":{{"utilization":12,"resets_at":null}}}}}}}}"#
            );
            std::fs::write(&file, text).unwrap();
            claude_numbers(&file)
        };
        let own = numbers("a").unwrap();
        assert_eq!(own.account, "a/o");
        assert_eq!(own.usage.observed_at, Some(sluice_engine::Utc::from_seconds(1_795_262_400)));
        assert_eq!(numbers("b").unwrap().account, "b", "another account's numbers stay its own");
        let padding = "x".repeat(17 << 20);
        let large = std::fs::read_to_string(&file).unwrap();
        let large = large.replacen('{', &format!("{{\"projects\":{{\"p\":\"{padding}\"}},"), 1);
        std::fs::write(&file, large).unwrap();
        assert_eq!(claude_numbers(&file).unwrap().account, "b", "its history is not in the way");
        std::fs::write(&file, b"{torn").unwrap();
        assert_eq!(claude_numbers(&file), None);
    }
}
