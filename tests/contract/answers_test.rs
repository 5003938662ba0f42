//! Every status with every body and every `Retry-After`, at every endpoint: one table of rules.

use http::{HeaderMap, HeaderValue};
use sluice_engine::Utc;
use sluice_providers::FailureClass as Class;
use sluice_providers::RetryAfter;
use sluice_providers::claude::{Asked, classify};
use sluice_providers::codex::refusal;

const STATUSES: [u16; 24] = [
    200, 204, 301, 302, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422, 429, 500,
    502, 503, 504, 520, 529,
];
const BODIES: [&str; 22] = [
    "",
    "null",
    "[]",
    "{}",
    "0",
    "\"text\"",
    "<html><body>Just a moment...</body></html>",
    "{\"error\":",
    "{\"error\":null}",
    "{\"error\":[]}",
    "{\"error\":{\"type\":7}}",
    r#"{"type":"error","error":{"type":"authentication_error","message":"Invalid bearer token"}}"#,
    r#"{"error":{"type":"permission_error","message":"OAuth token does not meet scope requirement: x"}}"#,
    r#"{"error":{"type":"rate_limit_error","message":"Rate limited. Please try again later."}}"#,
    r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    r#"{"error":{"type":"api_error","message":"Internal server error"}}"#,
    r#"{"error":{"type":"invalid_request_error","message":"Invalid request format"}}"#,
    r#"{"error":"invalid_grant","error_description":"Refresh token not found or invalid"}"#,
    r#"{"error":"invalid_client"}"#,
    r#"{"error":"some_future_error"}"#,
    r#"{"code":"refresh_token_reused"}"#,
    r#"{"five_hour":{"utilization":3,"resets_at":null}}"#,
];
const WAITS: [&str; 14] = [
    "0",
    "1",
    "12",
    "3187",
    "86400",
    "99999999999999999999999",
    "-5",
    "1e300",
    "NaN",
    "soon",
    "",
    "Sat, 21 Nov 2026 12:20:00 GMT",
    "Sat, 21 Nov 2020 12:20:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
];
const ENDPOINTS: [Asked; 4] = [Asked::Usage, Asked::Profile, Asked::Token, Asked::Messages];
const NOON: Utc = Utc::from_seconds(1_795_262_400);

fn each(mut check: impl FnMut(Asked, u16, &str, Option<&str>, Option<Class>)) -> usize {
    let mut combinations = 0;
    let waits = WAITS.into_iter().map(Some).chain([None]);
    for wait in waits {
        let mut headers = HeaderMap::new();
        if let Some(wait) = wait {
            headers.insert("retry-after", HeaderValue::from_str(wait).unwrap());
        }
        for asked in ENDPOINTS {
            for status in STATUSES {
                for body in BODIES {
                    let class = classify(asked, status, &headers, body.as_bytes());
                    check(asked, status, body, wait, class);
                    combinations += 1;
                }
            }
        }
    }
    combinations
}

fn json(body: &str) -> Option<serde_json::Value> {
    serde_json::from_str(body).ok().filter(serde_json::Value::is_object)
}

fn is_told(error: &serde_json::Value) -> bool {
    error.is_object() || error.is_string()
}

/// A success that is no error by its body.
fn accepted(status: u16, body: &str) -> bool {
    let error = json(body).is_some_and(|it| it["type"] == "error" || is_told(&it["error"]));
    (200..300).contains(&status) && !error
}

#[test]
fn every_combination_has_a_class_and_a_bounded_wait() {
    let combinations = each(|asked, status, body, wait, class| {
        let seen = format!("{asked:?} {status} {body} {wait:?}");
        assert_eq!(class.is_none(), accepted(status, body), "{seen}");
        let Some(class) = class else { return };
        let asked_for = wait.and_then(|wait| RetryAfter::parse(wait.as_bytes(), NOON));
        let least = class.min_wait(asked_for).as_secs();
        assert!((1..=4_500).contains(&least), "{seen}: {least} s");
        if asked == Asked::Usage && status == 429 {
            assert_eq!(class, Class::UsageEndpointThrottled, "{seen}");
            assert!(least >= 300, "{seen}: {least} s");
        }
    });
    assert_eq!(combinations, 15 * 4 * 24 * 22);
}

#[test]
fn only_a_clear_word_of_the_token_endpoint_ends_a_login() {
    each(|asked, status, body, wait, class| {
        let ends = class.is_some_and(Class::permanent);
        let clear = asked == Asked::Token
            && body.contains("invalid_grant")
            && (400..500).contains(&status)
            && !matches!(status, 408 | 429);
        assert_eq!(ends, clear, "{asked:?} {status} {body} {wait:?}: {class:?}");
    });
}

#[test]
fn a_filter_in_front_is_not_the_provider() {
    each(|asked, status, body, wait, class| {
        let seen = format!("{asked:?} {status} {body} {wait:?}");
        let object = serde_json::from_str::<serde_json::Value>(body).is_ok_and(|it| it.is_object());
        if matches!(status, 400 | 401 | 403 | 404 | 418) && !object {
            assert_eq!(class, Some(Class::EdgeBlock), "{seen}");
        }
        if status >= 500 {
            assert!(class.is_some_and(Class::transient), "{seen}: {class:?}");
        }
    });
}

#[test]
fn a_refused_usage_request_says_nothing_of_the_quota() {
    each(|asked, status, body, wait, class| {
        if asked == Asked::Usage && status != 402 {
            let limits = class.is_some_and(Class::limits_account);
            assert!(!limits, "{status} {body} {wait:?}: {class:?}");
        }
    });
}

#[test]
fn codex_keeps_a_login_alive_on_anything_unclear() {
    for asked in [refusal::Asked::Usage, refusal::Asked::Token, refusal::Asked::Responses] {
        for status in STATUSES {
            for body in BODIES {
                let refused = refusal::classify(asked, status, body.as_bytes(), NOON);
                let error = json(body).is_some_and(|it| is_told(&it["error"]));
                let accepted = (200..300).contains(&status) && !error;
                assert_eq!(refused.is_none(), accepted, "{status} {body}");
                let object =
                    serde_json::from_str::<serde_json::Value>(body).is_ok_and(|it| it.is_object());
                let ends = refused.is_some_and(|refused| refused.class == Class::InvalidGrant);
                let may =
                    asked == refusal::Asked::Token && matches!(status, 400 | 401 | 403) && object;
                assert!(!ends || may, "{asked:?} {status} {body}");
            }
        }
    }
}
