//! What counts as a failure of the account, line by line.

use super::*;
use sluice_engine::WindowKind;

fn manner_of(words: &[&str]) -> Manner {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let program = words[0].to_str().unwrap();
    let provider = if program.starts_with("codex") { Provider::Codex } else { Provider::Claude };
    manner(provider, program, &words).unwrap()
}

/// What was passed on while it ran and what came of it.
fn said(words: &[&str], output: &str, errors: &str, success: bool) -> (Evidence, String) {
    let mut held = Held::new(manner_of(words));
    let mut passed = Vec::new();
    // Torn anywhere, as a pipe does it.
    for chunk in errors.as_bytes().chunks(7) {
        assert_eq!(held.feed(Channel::Errors, chunk), chunk, "errors are never kept back");
    }
    for chunk in output.as_bytes().chunks(7) {
        passed.extend(held.feed(Channel::Output, chunk));
    }
    let (evidence, kept) = held.end(success);
    passed.extend(kept);
    assert_eq!(passed, output.as_bytes(), "every byte arrives, in order");
    (evidence, String::from_utf8(passed).unwrap())
}

fn told(lines: &str, success: bool) -> Evidence {
    said(&["claude", "-p"], lines, "", success).0
}

fn streamed(lines: &str, success: bool) -> Evidence {
    said(&["claude", "-p", "--output-format", "stream-json"], lines, "", success).0
}

const INIT: &str = "{\"type\":\"system\",\"subtype\":\"init\"}\n";

#[test]
fn a_rejected_limit_event_and_its_result_are_one_failure_and_no_product() {
    let limit = "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\
                 \"rateLimitType\":\"five_hour\",\"resetsAt\":1790009000}}\n";
    let result = "{\"type\":\"result\",\"is_error\":true,\"result\":\"You've hit your session \
                  limit \u{b7} resets 3:45pm\",\"api_error_status\":429}\n";
    let evidence = told(&format!("{INIT}{limit}{result}"), false);
    let seen = evidence.failure.unwrap();
    assert_eq!((seen.kind, seen.structured), (FailureKind::RateLimit, true));
    assert_eq!(seen.resets_at, Some(Utc::from_seconds(1_790_009_000)));
    assert!(!evidence.produced);
}

/// The window is used up, and the run goes on at low priority.
const SLOW: &str = "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\
                    \"rateLimitType\":\"five_hour\",\"slow\":{\"status\":\"active\"}}}\n";

#[test]
fn a_run_that_goes_on_says_how_and_one_that_ends_did_not() {
    let served = "{\"type\":\"result\",\"is_error\":false,\"result\":\"done\"}\n";
    let seen = streamed(&format!("{INIT}{SLOW}{served}"), true).failure.unwrap();
    assert_eq!((seen.kind, seen.softer), (FailureKind::RateLimit, Some(Softer::LowPriority)));
    let failed = "{\"type\":\"result\",\"is_error\":true,\"result\":\"You've hit your session \
                  limit\",\"api_error_status\":429}\n";
    let seen = streamed(&format!("{INIT}{SLOW}{failed}"), false).failure.unwrap();
    assert_eq!((seen.kind, seen.softer), (FailureKind::RateLimit, None));
}

#[test]
fn both_windows_of_a_limit_event_are_numbers() {
    let mut held = Held::new(manner_of(&["claude", "-p", "--output-format", "stream-json"]));
    held.feed(Channel::Output, INIT.as_bytes());
    assert_eq!(held.numbers(), None);
    let event = "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"allowed\",\
                 \"unifiedWindows\":{\"five_hour\":{\"utilization\":0.5,\"resetsAt\":1790009000},\
                 \"seven_day\":{\"utilization\":0.25,\"resetsAt\":1790600000}}}}\n";
    held.feed(Channel::Output, event.as_bytes());
    let usage = held.numbers().unwrap().usage;
    let used = |window: sluice_engine::Window| window.used.map(sluice_engine::Percent::get);
    assert_eq!((used(usage.short()), used(usage.long())), (Some(50.0), Some(25.0)));
    assert_eq!(held.numbers(), None, "told once");
}

#[test]
fn a_fixed_wording_counts_only_when_the_tool_failed() {
    let text = "You've hit your session limit \u{b7} resets 3:45pm\n";
    assert_eq!(told(text, false).failure.unwrap().kind, FailureKind::RateLimit);
    assert_eq!(told(text, true).failure, None);
}

#[test]
fn prose_about_limits_is_content() {
    for line in [
        "The rate limit of 429 requests is documented here.",
        "line 4290: opus weekly",
        "You have used 91 % of your session limit",
        "error: the test quotes \"You've hit your session limit\"",
        "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"You've hit your session limit\"}]}}",
        "{\"type\":\"result\",\"is_error\":false,\"result\":\"rate limit 429\"}",
        "Zoom",
    ] {
        let evidence = told(&format!("{line}\n"), false);
        assert_eq!(evidence.failure, None, "{line}");
        assert!(evidence.produced, "{line}");
    }
}

#[test]
fn what_passes_by_itself_is_no_failure_of_the_account() {
    for (status, text) in [(529, "Overloaded"), (500, "Internal"), (429, "Too many requests")] {
        let line = format!(
            "{{\"type\":\"result\",\"is_error\":true,\"result\":\"API Error: {text}\",\
             \"api_error_status\":{status}}}\n"
        );
        assert_eq!(told(&line, false).failure, None, "{status}");
    }
}

#[test]
fn limits_billing_and_logins_alone_are_the_accounts_failures() {
    let of = |name: &str| {
        let class = FailureClass::ALL.iter().find(|class| class.name() == name);
        kind(*class.unwrap())
    };
    for name in ["session_limit", "weekly_limit", "model_limit", "limit_unspecified"] {
        assert_eq!(of(name), Some(FailureKind::RateLimit), "{name}");
    }
    assert_eq!(of("billing"), Some(FailureKind::Billing));
    for name in ["auth_expired", "auth_invalid", "auth_revoked", "auth_org_disabled"] {
        assert_eq!(of(name), Some(FailureKind::Auth), "{name}");
    }
    for name in ["overloaded", "throttled", "server_error", "network", "invalid_request", "unknown"]
    {
        assert_eq!(of(name), None, "{name}");
    }
}

const HIT: &str = "You've hit your 5-hour limit \u{b7} resets 11:02pm (UTC)\n";

#[test]
fn a_wording_counts_only_where_it_is_all_that_was_said() {
    let quoted = "Here is what the log means.\nUsage limit reached - try again later.\n";
    assert_eq!(told(quoted, false).failure, None, "the second line of an answer");
    let first = "Usage limit reached - that is what the log says.\nIt is harmless.\n";
    let evidence = told(first, false);
    assert_eq!(evidence.failure, None, "the first line of an answer");
    assert!(evidence.produced);
    assert_eq!(streamed(HIT, false).failure, None, "where events exist, words are none");
    assert_eq!(told(HIT, true).failure, None, "it did not fail");
    assert!(told(HIT, false).failure.is_some_and(|seen| !seen.structured));
}

const GUESS: &str = "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\
                     \"isUsingOverage\":false}}\n";
const LIMIT: &str = "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\
                     \"rateLimitType\":\"seven_day\",\"resetsAt\":1790009000}}\n";

#[test]
fn a_guess_is_taken_back_by_a_later_clearer_word() {
    let throttled = "{\"type\":\"result\",\"is_error\":true,\"result\":\"API Error: Server is temporarily \
                     limiting requests (not your usage limit)\",\"api_error_status\":429}\n";
    assert_eq!(streamed(&format!("{INIT}{GUESS}{throttled}"), false).failure, None);
    let answered = "{\"type\":\"result\",\"is_error\":false,\"result\":\"done\"}\n";
    assert_eq!(streamed(&format!("{INIT}{GUESS}{answered}"), true).failure, None);
}

#[test]
fn what_is_specific_is_not_overwritten_by_what_is_vague() {
    let vague = "{\"type\":\"result\",\"is_error\":true,\"result\":\"You've hit your limit\",\
                 \"api_error_status\":429}\n";
    let unknown = "{\"type\":\"result\",\"is_error\":true,\"result\":\"?\"}\n";
    for later in [vague, unknown, ""] {
        let seen = streamed(&format!("{INIT}{LIMIT}{later}"), false).failure.unwrap();
        assert_eq!(seen.class, FailureClass::WeeklyLimit, "{later}");
        assert_eq!(window(seen.class), Some(WindowKind::SevenDay));
        assert_eq!(seen.resets_at, Some(Utc::from_seconds(1_790_009_000)), "{later}");
    }
    assert_eq!(window(FailureClass::LimitUnspecified), None, "unknown is not the 5-hour window");
}

const CODEX_HIT: &str = "You\u{2019}ve hit your usage limit. Visit https://chatgpt.com/settings/usage to \
                         purchase more credits or try again in 2 hours.";

#[test]
fn codex_says_its_limit_on_standard_error() {
    let banner = "OpenAI Codex v0.171.0\n--------\nworkdir: /tmp\n--------\nuser\nhello\n";
    let errors = format!("{banner}ERROR: {CODEX_HIT}\n");
    let (evidence, _) = said(&["codex", "exec", "hello"], "", &errors, false);
    let seen = evidence.failure.unwrap();
    assert_eq!((seen.kind, seen.structured), (FailureKind::RateLimit, false));
    assert!(seen.resets_at.is_some() && !evidence.produced);
    let worked = format!("{banner}codex\nI quote:\nERROR: {CODEX_HIT}\n");
    let (evidence, _) = said(&["codex", "exec", "hello"], "", &worked, false);
    assert_eq!(evidence.failure, None, "after work it is a quotation");
    assert!(evidence.produced);
    let last = format!("ERROR: {CODEX_HIT}\nERROR: No such file or directory\n");
    assert_eq!(said(&["codex", "exec"], "", &last, false).0.failure, None, "it failed otherwise");
    assert_eq!(said(&["codex", "exec"], "an answer\n", &errors, false).0.failure, None);
}

#[test]
fn events_of_codex_are_no_content_and_name_the_reset() {
    let began = "{\"type\":\"thread.started\"}\n{\"type\":\"turn.started\"}\n";
    let error = format!("{{\"type\":\"error\",\"message\":\"{CODEX_HIT}\"}}\n");
    let failed =
        format!("{{\"type\":\"turn.failed\",\"error\":{{\"message\":\"{CODEX_HIT}\"}}}}\n");
    let words = ["codex", "exec", "--json", "hello"];
    let (evidence, _) = said(&words, &format!("{began}{error}{failed}"), "", false);
    let seen = evidence.failure.unwrap();
    assert!(seen.structured && seen.resets_at.is_some() && !evidence.produced, "{seen:?}");
    let retried = "{\"type\":\"error\",\"message\":\"Reconnecting... 1/5\"}\n";
    let (evidence, _) = said(&words, &format!("{began}{retried}"), "", false);
    assert_eq!(evidence.failure, None);
    let (evidence, _) = said(&words, began, &format!("ERROR: {CODEX_HIT}\n"), false);
    assert_eq!(evidence.failure, None, "where events exist, words are none");
}

#[test]
fn half_a_character_makes_no_event_an_answer() {
    let cut = "{\"type\":\"system\",\"subtype\":\"init\",\"cwd\":\"cut \\ud83d\"}\n";
    let evidence = streamed(&format!("{cut}{LIMIT}"), false);
    assert!(evidence.failure.is_some() && !evidence.produced, "it may be tried again");
    let error = format!("{{\"type\":\"error\",\"message\":\"{CODEX_HIT} \\ud83d\"}}\n");
    let (evidence, _) = said(&["codex", "exec", "--json", "hello"], &error, "", false);
    assert_eq!(evidence.failure.map(|seen| seen.kind), Some(FailureKind::RateLimit));
}

#[test]
fn a_mode_is_read_from_the_words_of_the_call() {
    assert!(!manner_of(&["claude", "-p", "x"]).structured);
    assert!(manner_of(&["claude", "-p", "--output-format=json"]).structured);
    assert!(!manner_of(&["claude", "-p", "--output-format", "text"]).structured);
    assert!(manner_of(&["claude", "-p", "--input-format", "stream-json"]).led);
    assert!(manner_of(&["codex", "exec", "--json"]).structured);
    assert!(!manner_of(&["codex", "exec", "--", "--json"]).structured, "a prompt is no option");
    let words = ["claude", "resume"].map(OsString::from);
    assert_eq!(manner(Provider::Claude, "claude", &words), None);
}
