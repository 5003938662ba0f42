//! The providers behind their trait.

use super::asking::{self, Pace};
use crate::clock::Clock;
use crate::ports::{
    Beside, Pending, PlanAnswer, PortError, Providers, ReadError, ResetsAnswer, TokenAnswer,
    ToolNumbers, UsageAnswer,
};
use crate::whereabouts::tool_home;
use sluice_core::ports::{Field, Oddity, Told};
use sluice_custody::Seats;
use sluice_engine::limits::CONFIGURATION_BYTES_MAX;
use sluice_engine::{Block, Provider, Source, Usage};
use sluice_protocol::Code;
use sluice_providers::{
    Clients, Deadlines, Endpoints, FailureClass, Http, ProviderError, Tool, reads_field, tool,
};
use std::path::Path;
use zeroize::Zeroizing;

/// The tool answers from numbers of its own that are no older than this, seconds.
const OWN_AGE_S: f64 = 65.0;

pub(super) struct RealProviders {
    clients: Clients,
    endpoints: Endpoints,
    seats: Seats,
    clock: Clock,
    asking: Pace,
}

impl RealProviders {
    pub(super) fn open(
        endpoints: &Endpoints,
        seats: &Seats,
        clock: Clock,
    ) -> Result<Self, PortError> {
        let http = Http::new(endpoints, Deadlines::default())
            .map_err(|error| PortError::new(Code::Unusable, error.to_string()))?;
        Ok(Self {
            clients: Clients::new(endpoints, http),
            endpoints: endpoints.clone(),
            seats: seats.clone(),
            clock,
            asking: Pace::default(),
        })
    }
}

impl Providers for RealProviders {
    fn usage(
        &self,
        provider: Provider,
        key: &str,
        bearer: http::HeaderValue,
        resets: bool,
    ) -> Pending<UsageAnswer> {
        let (clients, key, clock) = (self.clients.clone(), key.to_owned(), self.clock);
        Box::pin(async move {
            match clients.usage(provider, &key, bearer, resets).await {
                Ok(heard) => {
                    let beside = beside(provider, &heard);
                    let mut reading = heard.reading;
                    reading.usage.observed_at.get_or_insert(clock.now().wall);
                    UsageAnswer { status: Some(200), usage: Ok(reading), beside }
                }
                Err(error) => UsageAnswer {
                    status: error.status,
                    usage: Err(read_error(&error)),
                    beside: Beside::default(),
                },
            }
        })
    }

    fn resets(
        &self,
        provider: Provider,
        key: &str,
        bearer: http::HeaderValue,
    ) -> Pending<ResetsAnswer> {
        let (clients, key) = (self.clients.clone(), key.to_owned());
        Box::pin(async move {
            match clients.resets(provider, &key, bearer).await {
                Ok(said) => ResetsAnswer { status: Some(200), said },
                Err(error) => {
                    tracing::debug!(%error, "limit resets were not told");
                    ResetsAnswer { status: error.status, said: None }
                }
            }
        })
    }

    fn plan(&self, provider: Provider, bearer: http::HeaderValue) -> Option<Pending<PlanAnswer>> {
        self.endpoints.profile(provider)?;
        let clients = self.clients.clone();
        Some(Box::pin(async move {
            match clients.plan(provider, bearer).await {
                Some(Ok(plan)) => {
                    PlanAnswer { status: Some(200), plan: Some(super::seat::plain_plan(plan)) }
                }
                Some(Err(error)) => PlanAnswer { status: error.status, plan: None },
                None => PlanAnswer { status: None, plan: None },
            }
        }))
    }

    fn token(&self, provider: Provider, body: Zeroizing<Vec<u8>>) -> Pending<Option<TokenAnswer>> {
        let clients = self.clients.clone();
        Box::pin(async move {
            let reply = clients.token(provider, body).await.ok()?;
            Some(TokenAnswer {
                status: reply.status,
                body: reply.body,
                retry_after_s: reply.retry_after.map(sluice_providers::RetryAfter::seconds),
            })
        })
    }

    fn ask_tool(&self, provider: Provider) -> Option<Pending<Option<ToolNumbers>>> {
        let config = self.seats.config(provider)?.to_owned();
        let (home, began) = (tool_home(provider)?, self.clock.now().wall);
        let asked = asking::ask(provider, &home, &self.asking, began)?;
        Some(Box::pin(async move {
            let answer = asked.await?;
            let read = move || cached_numbers(tool(provider), &config);
            let mut numbers = tokio::task::spawn_blocking(read).await.ok().flatten()?;
            // Where the provider refuses, the tool gives what it read long ago, and does not say so.
            let age_s = numbers.usage.observed_at.map(|at| began.seconds_since(at));
            age_s.filter(|age_s| *age_s <= OWN_AGE_S)?;
            numbers.resets = answer.reply.resets.or(numbers.resets);
            Some(numbers)
        }))
    }

    fn tool_numbers(&self, provider: Provider) -> Option<ToolNumbers> {
        cached_numbers(tool(provider), self.seats.config(provider)?)
    }
}

/// What came with the numbers, in the core's words.
fn beside(provider: Provider, heard: &sluice_providers::Heard) -> Beside {
    let fields = heard.shape.iter().map(|field| Field {
        path: field.path.clone(),
        kinds: field.kinds.clone(),
        known: reads_field(provider, &field.path),
    });
    Beside {
        plan: heard.plan.clone().map(super::seat::plain_plan),
        told: Told { odd: odd(&heard.oddities), fields: fields.collect() },
    }
}

fn odd(oddities: &[sluice_providers::json::Oddity]) -> Vec<Oddity> {
    let told = oddities
        .iter()
        .map(|one| Oddity { path: one.path.clone(), odd: one.odd.name().to_owned() });
    told.collect()
}

/// The last numbers that the tool itself has read, where it keeps them.
fn cached_numbers(tool: &Tool, path: &Path) -> Option<ToolNumbers> {
    let read = tool.read_config?;
    let bytes = sluice_ground::read_regular(path, CONFIGURATION_BYTES_MAX as u64).ok()?;
    let reading = read(&bytes)?;
    let odd = odd(&reading.oddities);
    let Some(cached) = reading.cached else {
        // Nobody's numbers, and perhaps a word on why.
        let (account, usage) = (String::new(), Usage::default());
        let told = ToolNumbers { account, source: Source::ToolCache, usage, resets: None, odd };
        return (!told.odd.is_empty()).then_some(told);
    };
    let same = reading.identity.as_ref().and_then(|found| found.account.as_ref())
        == cached.account.as_ref();
    // With the identity beside it the organisation is known too; without it the person only.
    let key = reading.identity.as_ref().filter(|_| same).and_then(sluice_providers::Identity::key);
    let account = key.or(cached.account)?;
    cached.fetched_at?;
    let (usage, resets) = (cached.reply.usage, cached.reply.resets);
    Some(ToolNumbers { account, source: Source::ToolCache, usage, resets, odd })
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
        // Whoever names a time to stay away is asked again after it, whatever else was wrong.
        class if class.transient() && retry_after_s.is_some_and(|seconds| seconds > 0) => {
            ReadError::Throttled { retry_after_s }
        }
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
    fn a_time_to_stay_away_is_kept_to_whatever_failed() {
        let read = |retry: Option<&[u8]>| {
            let at = sluice_engine::Utc::from_seconds(1_795_262_400);
            let retry_after =
                retry.and_then(|value| sluice_providers::RetryAfter::parse(value, at));
            let (class, doing) = (FailureClass::ServerError, "reading usage");
            read_error(&ProviderError { class, status: Some(503), retry_after, doing })
        };
        let asked = read(Some(b"1200"));
        assert!(matches!(asked, ReadError::Throttled { retry_after_s: Some(1_200) }), "{asked:?}");
        for unasked in [None, Some(b"0".as_slice())] {
            assert!(matches!(read(unasked), ReadError::Unreachable(_)));
        }
    }

    #[test]
    fn the_tools_own_numbers_carry_whose_they_are_and_when() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".claude.json");
        let claude = tool(Provider::Claude);
        let numbers = |owner: &str| {
            let text = format!(
                r#"{{"oauthAccount":{{"accountUuid":"a","organizationUuid":"o"}},
                "cachedUsageUtilization":{{"fetchedAtMs":1795262400000,"accountUuid":"{owner}",
                "utilization":{{"five_hour":{{"utilization":12,"resets_at":null}}}}}}}}"#
            );
            std::fs::write(&file, text).unwrap();
            cached_numbers(claude, &file)
        };
        let own = numbers("a").unwrap();
        assert_eq!(own.account, "a/o");
        assert_eq!(own.usage.observed_at, Some(sluice_engine::Utc::from_seconds(1_795_262_400)));
        assert_eq!(numbers("b").unwrap().account, "b", "another account's numbers stay its own");
        let padding = "x".repeat(17 << 20);
        let large = std::fs::read_to_string(&file).unwrap();
        let large = large.replacen('{', &format!("{{\"projects\":{{\"p\":\"{padding}\"}},"), 1);
        std::fs::write(&file, large).unwrap();
        assert_eq!(
            cached_numbers(claude, &file).unwrap().account,
            "b",
            "its history is not in the way"
        );
        std::fs::write(&file, r#"{"cachedUsageUtilization":7}"#).unwrap();
        let odd = cached_numbers(claude, &file).unwrap().odd;
        let odd: Vec<_> = odd.iter().map(|one| (one.path.as_str(), one.odd.as_str())).collect();
        assert_eq!(odd, [("cachedUsageUtilization", "wrong_type")]);
        std::fs::write(&file, b"{torn").unwrap();
        assert_eq!(cached_numbers(claude, &file), None);
    }
}
