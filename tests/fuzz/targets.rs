//! Every parser of what others wrote, as a function of bytes that must hold for any bytes: no panic, no
//! share that is no share, no login changed by being moved.

use crate::run::NOW;
use crate::run::observe::{Channel, Held, Manner};
use crate::splice;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use sluice_custody::{Secret, credential_state, doors};
use sluice_engine::{Percent, Provider, Usage};
use sluice_providers::claude::{self, config, control, headers, parse_profile, signals, token};
use sluice_providers::json::{Oddities, clean, written_instant};
use sluice_providers::words::{self, classify_text};
use sluice_providers::{RetryAfter, codex, spoken};
use std::collections::BTreeMap;

/// A name, and what is done with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    ("claude_auth_status", |bytes| seen(control::parse_auth_status(bytes))),
    ("claude_config", claude_config),
    ("claude_control", |bytes| sane(&control::parse_control(bytes).reply.usage)),
    ("claude_headers", |bytes| sane(&headers::parse_headers(&header_map(bytes).0))),
    ("claude_hook", claude_hook),
    ("claude_profile", |bytes| seen(parse_profile(bytes))),
    ("claude_records", claude_records),
    ("claude_refusal", claude_refusal),
    ("claude_status_line", |bytes| sane(&signals::parse_status_line(bytes).usage)),
    ("claude_stream", claude_stream),
    ("claude_token", |bytes| seen(token::token_facts(bytes))),
    ("claude_usage", |bytes| sane(&claude::parse_usage(bytes).usage)),
    ("codex_credits", |bytes| seen(codex::parse_resets(bytes))),
    ("codex_headers", |bytes| {
        sane(&codex::signals::parse_headers(&header_map(bytes).0, NOW).usage)
    }),
    ("codex_log", codex_log),
    ("codex_message", codex_message),
    ("codex_refusal", codex_refusal),
    ("codex_store", |bytes| seen(codex::store::parse_store(bytes, NOW))),
    ("codex_usage", |bytes| sane(&codex::parse_usage(bytes, NOW).usage)),
    ("custody_claude", |bytes| login(Provider::Claude, bytes)),
    ("custody_codex", |bytes| login(Provider::Codex, bytes)),
    ("custody_config", custody_config),
    ("custody_exchange", custody_exchange),
    ("custody_kept", |bytes| seen(doors::kept(bytes))),
    ("custody_settings", doors::settings),
    ("hooks_splice", hooks_splice),
    ("json", json),
    ("protocol_answer", protocol_answer),
    ("protocol_request", protocol_request),
    ("retry_after", retry_after),
    ("run_output", run_output),
    ("scenario", |bytes| seen(sluice_lab::simulate::Scenario::parse(bytes))),
    ("settings", settings),
    ("spooled", spooled),
    ("text_spoken", text_spoken),
    ("text_words", text_words),
    ("world", |bytes| seen(serde_json::from_slice::<sluice_engine::World>(bytes))),
];

/// What a parser made of the bytes matters only where something is said of it below.
fn seen<T>(_value: T) {}

/// A share is a share and an instant is one: nothing a provider says may look like another number.
fn sane(usage: &Usage) {
    for window in usage.windows().map(|metered| &metered.window) {
        let used = window.used.map_or(0.0, Percent::get);
        assert!(used.is_finite() && (0.0..=10_000.0).contains(&used), "{used}");
        let year = window.resets_at.map_or(2026, |at| 1970 + at.millis() / 31_556_952_000);
        assert!((1999..=2201).contains(&year), "year {year}");
    }
    assert!(usage.models().count() <= sluice_engine::limits::MODEL_WINDOWS_MAX);
}

/// A first line with a number, and the rest.
fn numbered(bytes: &[u8]) -> (u16, &[u8]) {
    let (first, rest) = bytes.split_at(bytes.len().min(2));
    match first {
        [a, b] => (u16::from_be_bytes([*a, *b]), rest),
        _ => (0, rest),
    }
}

/// Lines `name: value` up to an empty one, and what follows.
fn header_map(bytes: &[u8]) -> (HeaderMap, &[u8]) {
    let mut map = HeaderMap::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            // More than so many are refused by the library that reads them.
            if map.len() < 64 {
                map.append(name, value);
            }
        }
    }
    (map, rest)
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn claude_config(bytes: &[u8]) {
    if let Some(cached) = config::parse_config(bytes).and_then(|reading| reading.cached) {
        sane(&cached.reply.usage);
    }
}

fn claude_hook(bytes: &[u8]) {
    seen(signals::parse_hook(bytes));
}

fn claude_records(bytes: &[u8]) {
    seen(signals::parse_process_record(bytes));
    seen(signals::parse_supervisor_note(bytes));
}

fn claude_refusal(bytes: &[u8]) {
    use claude::Asked;
    let (number, rest) = numbered(bytes);
    let (headers, body) = header_map(rest);
    let asked = [Asked::Usage, Asked::Profile, Asked::Token, Asked::Messages];
    let status = 200 + number % 400;
    let class = claude::classify(asked[usize::from(number / 400 % 4)], status, &headers, body);
    assert!(class.is_some() || status < 300, "a refusal has a class: {status}");
}

fn claude_stream(bytes: &[u8]) {
    sane(&signals::limit_event_usage(bytes).usage);
    seen(signals::parse_stream_line(bytes));
}

fn codex_log(bytes: &[u8]) {
    if let Some(log) = codex::signals::parse_log_line(bytes) {
        sane(&log.usage);
    }
    let _class = codex::signals::parse_log_failure(bytes);
}

fn codex_message(bytes: &[u8]) {
    if let codex::signals::Message::Limits { usage, .. } = codex::signals::parse_message(bytes) {
        sane(&usage.usage);
    }
    seen(codex::signals::parse_event_line(bytes));
    let _named = codex::signals::doctor_env_override(bytes);
}

fn codex_refusal(bytes: &[u8]) {
    use codex::refusal::{Asked, classify};
    let (number, body) = numbered(bytes);
    let asked = [Asked::Usage, Asked::Token, Asked::Responses];
    let status = 200 + number % 400;
    let refused = classify(asked[usize::from(number / 400 % 3)], status, body, NOW);
    assert!(refused.is_some() || status < 300, "a refusal has a class: {status}");
}

/// A login that is put over another file, and over its own, is still that login.
fn login(provider: Provider, bytes: &[u8]) {
    if provider == Provider::Claude {
        seen(credential_state(&Secret::new(bytes.to_vec()), NOW));
    }
    for live in [None, Some(bytes), Some(b"{\"mcpOAuth\":{\"a\":1},\"later\":[]}".as_slice())] {
        doors::placed(provider, bytes, live);
    }
}

fn custody_config(bytes: &[u8]) {
    doors::named(bytes);
}

/// A kept login, a zero byte, and the answer of the token endpoint.
fn custody_exchange(bytes: &[u8]) {
    let (number, rest) = numbered(bytes);
    let cut = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let answer = rest.get(cut + 1..).unwrap_or_default();
    for provider in [Provider::Claude, Provider::Codex] {
        doors::exchanged(provider, &rest[..cut], answer, number % 600, NOW);
    }
}

/// What is added to a settings file can be taken out again, and every other byte stays.
fn hooks_splice(bytes: &[u8]) {
    let text = text(bytes);
    let at = splice::whole(&text);
    let Some(members) = splice::members(&text, &at) else { return };
    let name = "sluice-fuzz";
    if members.iter().any(|(found, _)| found == name) {
        return;
    }
    let style = splice::Style::of(&text);
    let value = serde_json::json!({"hooks": [{"type": "command"}]});
    let added = splice::add_member(&text, (&at, 0), (name, &value), &style);
    let at = splice::whole(&added);
    let more = splice::members(&added, &at).expect("still an object");
    assert_eq!(more.len(), members.len() + 1);
    let places: Vec<_> = more.iter().map(|(_, place)| place.clone()).collect();
    let back = splice::take_out(&added, &at, &places, places.len() - 1);
    let left = splice::members(&back, &splice::whole(&back)).expect("an object again");
    assert_eq!(left.len(), members.len());
    for ((before, old), (after, new)) in members.iter().zip(&left) {
        assert_eq!((before, &text[old.clone()]), (after, &back[new.clone()]));
    }
    for (_, place) in &members {
        seen(splice::elements(&text, place));
    }
}

fn json(bytes: &[u8]) {
    let mut odd = Oddities::default();
    let document = odd.document(bytes);
    for value in document.iter().flat_map(|document| match document {
        Value::Array(list) => list.iter().take(16).collect::<Vec<_>>(),
        other => vec![other],
    }) {
        let some = Some(value);
        let share = odd.percent(some, "p").map_or(0.0, Percent::get);
        assert!((0.0..=10_000.0).contains(&share));
        seen((odd.number(some, "n"), odd.text(some, "t"), odd.instant(some, "i")));
        seen((odd.boolean(some, "b"), odd.object(some, "o").is_some()));
    }
    assert!(odd.into_vec().len() <= 32);
}

fn protocol_request(bytes: &[u8]) {
    let _understood = sluice_driver::socket::is_understood(bytes);
}

fn protocol_answer(bytes: &[u8]) {
    seen(serde_json::from_slice::<sluice_protocol::Answer>(bytes));
    seen(serde_json::from_slice::<sluice_driver::socket::Event>(bytes));
}

fn retry_after(bytes: &[u8]) {
    if let Some(wait) = RetryAfter::parse(bytes, NOW) {
        assert!(wait.seconds() <= 75 * 60);
    }
}

/// A run's output in pieces, then its end: nothing that was written is lost.
fn run_output(bytes: &[u8]) {
    let (number, rest) = numbered(bytes);
    let provider = if number & 1 == 0 { Provider::Claude } else { Provider::Codex };
    let structured = number & 2 == 0;
    let piece = usize::from(number >> 8) + 1;
    let mut held = Held::new(Manner { provider, structured, led: false });
    let mut passed = Vec::new();
    for chunk in rest.chunks(piece.max(rest.len() / 256 + 1)) {
        passed.extend(held.feed(Channel::Output, chunk));
    }
    let (_, kept) = held.end(number & 4 == 0);
    passed.extend(kept);
    assert_eq!(passed, rest, "what the tool wrote comes out whole");
    let mut held = Held::new(Manner { provider, structured, led: false });
    assert_eq!(held.feed(Channel::Errors, rest), rest);
    let _evidence = held.end(false);
}

/// A row of settings, and each kind of value at every key.
fn settings(bytes: &[u8]) {
    use sluice_core::settings::Settings;
    let rows: BTreeMap<String, Value> = serde_json::from_slice(bytes).unwrap_or_default();
    let (read, _odd) = Settings::from_rows(&rows);
    // What was taken is what is shown, and is taken again.
    let (again, odd) = Settings::from_rows(&read.values());
    assert!(odd.is_empty(), "{odd:?}");
    assert_eq!(again.values(), read.values());
    let _day = sluice_core::hours::day(&Value::from(text(bytes)));
}

fn spooled(bytes: &[u8]) {
    seen(serde_json::from_slice::<sluice_ledger::spool::Spooled>(bytes));
}

fn text_spoken(bytes: &[u8]) {
    let text = text(bytes);
    seen(written_instant(&text));
    if let Some(said) = spoken::reset_said(&text) {
        let zone = "Europe/Berlin".parse().unwrap_or_default();
        if let Some(at) = sluice_driver::spoken::instant(&said, zone, NOW) {
            let ahead = at.seconds_since(NOW);
            assert!((-120.0..=41.0 * 86_400.0).contains(&ahead), "{ahead}");
        }
    }
}

fn text_words(bytes: &[u8]) {
    let text = text(bytes);
    assert!(clean(&text).chars().count() <= 120);
    for speaker in [words::CLAUDE, words::CODEX] {
        let _class = classify_text(speaker, &text);
    }
}
