//! The real client against the fake provider: what it makes of each fault, and that nothing hangs.

use http::{HeaderMap, HeaderValue};
use sluice_providers::claude::{Asked, classify};
use sluice_providers::codex::refusal;
use sluice_providers::codex::store::parse_store;
use sluice_providers::{Claude, Codex, Deadlines, Endpoints, FailureClass, Http, ProviderError};
use sluice_tests::contract::codex::{CLIENT_ID as CODEX_CLIENT, CodexTool};
use sluice_tests::contract::routes::CLIENT_ID;
use sluice_tests::contract::tokens::Pair;
use sluice_tests::contract::{
    AccountSpec, Endpoint, FakeProvider, Fault, FaultKind, Refreshed, Setup,
};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const EMAIL: &str = "harbour@example.test";
/// For what is answered, however busy the machine is.
const PATIENT: Deadlines =
    Deadlines { connect: Duration::from_secs(30), total: Duration::from_secs(30) };
/// For what is never answered: these faults last for a minute or for ever.
const BRIEF: Deadlines =
    Deadlines { connect: Duration::from_secs(30), total: Duration::from_millis(800) };

fn world() -> (FakeProvider, Claude) {
    let fake = FakeProvider::start(Setup::of(vec![AccountSpec::new(EMAIL, 41.5, 30.0)]));
    let claude = client(&fake, PATIENT);
    (fake, claude)
}

fn endpoints(fake: &FakeProvider) -> Endpoints {
    let env = fake.env();
    let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|it| it.1.clone());
    Endpoints::from_lookup(lookup).unwrap()
}

fn client(fake: &FakeProvider, deadlines: Deadlines) -> Claude {
    let http = Http::new(&endpoints(fake), deadlines).unwrap();
    Claude::new(endpoints(fake), http)
}

fn bearer(pair: &Pair) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {}", pair.access)).unwrap()
}

fn exchange(refresh: &str) -> Zeroizing<Vec<u8>> {
    let body = serde_json::json!({
        "grant_type": "refresh_token", "refresh_token": refresh, "client_id": CLIENT_ID,
    });
    Zeroizing::new(body.to_string().into_bytes())
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// Every fault of the wire, with what it must end as.
fn wire_faults() -> Vec<(FaultKind, FailureClass)> {
    vec![
        (FaultKind::Hang, FailureClass::Network),
        (FaultKind::SlowHead { ms: 60_000 }, FailureClass::Network),
        (FaultKind::Drip { ms: 400 }, FailureClass::Network),
        (FaultKind::WrongLength, FailureClass::Network),
        (FaultKind::HalfThenReset, FailureClass::Network),
        (FaultKind::Reset, FailureClass::Network),
        (FaultKind::LoseReply, FailureClass::Network),
        (FaultKind::Endless, FailureClass::BadOutput),
    ]
}

#[test]
fn usage_profile_and_exchange_arrive_whole() {
    let (fake, claude) = world();
    let pair = fake.world().sign_in(EMAIL);
    run(async {
        let reply = claude.usage(bearer(&pair)).await.unwrap();
        assert_eq!(reply.usage.long().used.map(|used| used.get()), Some(41.5));
        assert!(reply.usage.long().resets_at.is_some());
        assert_eq!(reply.usage.short().resets_at, None, "not started is not a time");
        assert_eq!(reply.oddities, []);
        let profile = claude.profile(bearer(&pair)).await.unwrap();
        assert_eq!(profile.identity.email.as_deref(), Some(EMAIL));
        assert_eq!(profile.plan.weight, Some(5.0));
        let reply = claude.token(exchange(&pair.refresh)).await.unwrap();
        assert_eq!(reply.status, 200);
        let sent: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let next = sent["refresh_token"].as_str().unwrap().to_owned();
        assert_ne!(next, pair.refresh);
        assert!(fake.world().state().tokens.usable(&next, fake.world().clock.now()));
    });
    let own = format!("sluice/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(fake.world().state().agents.iter().collect::<Vec<_>>(), [&own]);
}

#[test]
fn every_wire_fault_ends_within_the_deadline_and_says_what_it_was() {
    let (fake, patient) = world();
    let brief = client(&fake, BRIEF);
    let pair = fake.world().sign_in(EMAIL);
    for endpoint in [Endpoint::Usage, Endpoint::Profile, Endpoint::Token] {
        for (kind, class) in wire_faults() {
            fake.world().fault(Fault::once(endpoint, kind.clone()));
            let silent = matches!(
                kind,
                FaultKind::Hang | FaultKind::SlowHead { .. } | FaultKind::Drip { .. }
            );
            let claude = if silent { &brief } else { &patient };
            let started = Instant::now();
            let error = run(async {
                match endpoint {
                    Endpoint::Usage => claude.usage(bearer(&pair)).await.err(),
                    Endpoint::Profile => claude.profile(bearer(&pair)).await.err(),
                    // A refusal that was cut off is one, and says nothing that ends a login.
                    _ => claude.token(exchange("unknown")).await.map_or_else(Some, |reply| {
                        let none = HeaderMap::new();
                        let told = classify(Asked::Token, reply.status, &none, &reply.body);
                        assert!(told.is_some_and(FailureClass::transient), "{kind:?}: {told:?}");
                        None
                    }),
                }
            });
            let took = started.elapsed();
            // Its own end, or the client's deadline: never the minute of the fault.
            assert!(took < PATIENT.total, "{endpoint:?} {kind:?} took {took:?}");
            match error {
                Some(error) => assert_eq!(error.class, class, "{endpoint:?} {kind:?}"),
                None => assert!(matches!(endpoint, Endpoint::Token), "{endpoint:?} {kind:?}"),
            }
            assert_eq!(fake.world().state().faults.len(), 0, "{kind:?} did not strike");
        }
    }
}

#[test]
fn a_lost_reply_is_never_sent_again() {
    let (fake, claude) = world();
    let pair = fake.world().sign_in(EMAIL);
    for kind in [FaultKind::LoseReply, FaultKind::Reset, FaultKind::HalfThenReset] {
        let before = fake.world().state().accounts[0].requests.get("token").copied();
        fake.world().fault(Fault::once(Endpoint::Token, kind.clone()));
        let refresh = fake.world().sign_in(EMAIL).refresh;
        assert!(run(claude.token(exchange(&refresh))).is_err());
        let after = fake.world().state().accounts[0].requests.get("token").copied();
        assert_eq!(after.unwrap_or(0) - before.unwrap_or(0), 1, "{kind:?}");
    }
    let counts = fake.world().state().tokens.counts;
    assert_eq!(counts.lost_replies, 1);
    assert_eq!(counts.reuse_detections, 0);
    // The fake does punish what the client must never do.
    let first = run(claude.token(exchange(&pair.refresh))).unwrap();
    let again = run(claude.token(exchange(&pair.refresh))).unwrap();
    assert_eq!((first.status, again.status), (200, 400));
    let counts = fake.world().state().tokens.counts;
    assert_eq!((counts.reuse_detections, counts.lost_lineages), (1, 1));
}

#[test]
fn refusals_carry_class_and_wait() {
    let (fake, claude) = world();
    let pair = fake.world().sign_in(EMAIL);
    let ask = |kind: FaultKind| -> ProviderError {
        fake.world().fault(Fault::once(Endpoint::Usage, kind));
        run(claude.usage(bearer(&pair))).unwrap_err()
    };
    let status = |status, body: Option<&str>, retry_after: Option<&str>| FaultKind::Status {
        status,
        body: body.map(str::to_owned),
        retry_after: retry_after.map(str::to_owned),
    };
    let saturated = ask(status(429, None, Some("0")));
    assert_eq!(saturated.class, FailureClass::UsageEndpointThrottled);
    assert_eq!(saturated.min_wait(), Duration::from_secs(300));
    let asked = ask(status(429, None, Some("3187")));
    assert_eq!(asked.min_wait(), Duration::from_secs(3187));
    let absurd = ask(status(429, None, Some("99999999999999999999")));
    assert_eq!(absurd.min_wait(), Duration::from_secs(4_500));
    assert_eq!(ask(status(503, Some("<html>busy</html>"), None)).class, FailureClass::ServerError);
    assert_eq!(ask(status(403, Some("<html>no</html>"), None)).class, FailureClass::EdgeBlock);
    assert_eq!(ask(status(302, Some(""), None)).class, FailureClass::EdgeBlock);
    assert_eq!(ask(status(529, None, None)).class, FailureClass::Overloaded);
    assert_eq!(ask(Fault::status(401)).class, FailureClass::AuthExpired);
    for body in ["<html>sign in to the network</html>", "", "null", "[]", "{\"five_hour\":"] {
        let error = ask(FaultKind::Body { body: body.to_owned() });
        assert_eq!(error.class, FailureClass::BadOutput, "{body:?}");
        assert_eq!(error.status, Some(200));
    }
}

#[test]
fn an_ended_bearer_and_a_revoked_login_are_told_apart() {
    let (fake, claude) = world();
    let pair = fake.world().sign_in(EMAIL);
    let now = fake.world().clock.now();
    fake.world().state().tokens.expire_access(0, now);
    let error = run(claude.usage(bearer(&pair))).unwrap_err();
    assert_eq!(error.class, FailureClass::AuthExpired);
    assert!(!error.class.needs_sign_in());
    fake.world().state().tokens.revoke(0);
    let error = run(claude.usage(bearer(&pair))).unwrap_err();
    assert_eq!(error.class, FailureClass::AuthInvalid);
}

#[test]
fn nothing_listening_is_a_network_failure_at_once() {
    let (fake, claude) = world();
    let pair = fake.world().sign_in(EMAIL);
    drop(fake);
    let started = Instant::now();
    let error = run(claude.usage(bearer(&pair))).unwrap_err();
    assert_eq!(error.class, FailureClass::Network);
    assert!(started.elapsed() < PATIENT.total, "no deadline was waited for");
}

#[test]
fn no_error_text_holds_a_token_or_a_body() {
    let (fake, claude) = world();
    let pair = fake.world().sign_in(EMAIL);
    let canary = fake.canary();
    let body = format!("{{\"error\":{{\"message\":\"{canary}\"}}}}");
    for status in [400, 401, 403, 429, 500] {
        let kind = FaultKind::Status { status, body: Some(body.clone()), retry_after: None };
        fake.world().fault(Fault::once(Endpoint::Usage, kind));
        let error = run(claude.usage(bearer(&pair))).unwrap_err();
        let told = format!("{error} {error:?} {claude:?}");
        assert!(!told.contains(&canary), "{told}");
    }
}

#[test]
fn codex_usage_and_exchange_arrive_whole() {
    let spec = AccountSpec::codex("dev@example.test", 62.0, 50.0);
    let fake = FakeProvider::start(Setup::of(vec![spec]));
    let codex = Codex::new(endpoints(&fake), Http::new(&endpoints(&fake), PATIENT).unwrap());
    let home = tempfile::tempdir().unwrap();
    let tool = CodexTool::in_home(home.path());
    let pair = tool.sign_in(fake.world(), "dev@example.test");
    let account = fake.world().state().accounts[0].organization.clone();
    let header = HeaderValue::from_str(&account).unwrap();
    run(async {
        let reading = codex.usage(bearer(&pair), Some(header)).await.unwrap();
        assert_eq!(reading.usage.long().used.map(|used| used.get()), Some(62.0));
        assert_eq!(reading.plan.as_deref(), Some("plus"));
        let other = HeaderValue::from_static("another");
        let error = codex.usage(bearer(&pair), Some(other)).await.unwrap_err();
        assert_eq!(error.class, FailureClass::AuthInvalid);
    });
    let bytes = std::fs::read(tool.store()).unwrap();
    let store = parse_store(&bytes, fake.world().clock.now());
    assert_eq!(store.account.as_deref(), Some(account.as_str()));
    assert_eq!(store.state, sluice_providers::codex::store::StoreState::Usable);
    let body = serde_json::json!({
        "client_id": CODEX_CLIENT, "grant_type": "refresh_token", "refresh_token": pair.refresh,
    });
    let body = body.to_string().into_bytes();
    let first = run(codex.token(Zeroizing::new(body.clone()))).unwrap();
    let again = run(codex.token(Zeroizing::new(body))).unwrap();
    assert_eq!((first.status, again.status), (200, 401));
    let now = fake.world().clock.now();
    let refused = refusal::classify(refusal::Asked::Token, again.status, &again.body, now).unwrap();
    assert_eq!((refused.class, refused.reason), (FailureClass::InvalidGrant, Some("reused")));
    assert_eq!(tool.refresh(fake.world()), Refreshed::Refused, "the chain is dead");
}

/// Runs one test of this file again in a process of its own with another environment.
fn again(test: &str, environment: &[(&str, &str)]) -> std::process::Output {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).envs(environment.iter().copied()).output().unwrap()
}

#[test]
fn loopback_goes_past_any_proxy_and_needs_no_certificates() {
    // Nothing listens at port 1: a request that took the proxy would fail.
    let dead = "http://127.0.0.1:1";
    for environment in [
        vec![("HTTP_PROXY", dead), ("http_proxy", dead), ("ALL_PROXY", dead)],
        vec![("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")],
    ] {
        let output = again("usage_profile_and_exchange_arrive_whole", &environment);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{environment:?}: {said}");
    }
}
