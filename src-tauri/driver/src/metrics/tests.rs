//! The page of numbers as a collector reads it.

use super::*;
use sluice_engine::AccountId;
use sluice_engine::{Generation, LaneId};
use sluice_protocol::{Amounts, NamedWindow, View, WindowKind};
use sluice_protocol::{ForecastView, LaneView, Login, LoginHealth, Mode, ProviderView};
use std::collections::BTreeSet;

fn account(id: i64, label: &str) -> AccountView {
    let window = |used, resets_at_ms| WindowView { used, resets_at_ms, ..WindowView::default() };
    let named = |kind, window| NamedWindow::plain(WindowKind::named(kind), window);
    let said = ForecastView { p50: 34.0, p90: 55.0, low: 20.0, high: 60.0, resets_at_ms: 9 };
    AccountView {
        id: AccountId(id),
        provider: Provider::Claude,
        label: label.to_owned(),
        email: Some("rose@example.test".to_owned()),
        organization: None,
        plan: None,
        live: id == 1,
        enabled: true,
        automatic: true,
        login: Login::Valid,
        login_ends_at_ms: None,
        login_health: LoginHealth::default(),
        windows: vec![
            named("five_hour", window(Some(42.5), Some(61_000))),
            named("seven_day", window(None, None)),
            named("opus", window(Some(7.0), None)),
        ],
        blocked: None,
        observed_at_ms: Some(500),
        refreshing: false,
        tier: None,
        target: None,
        stranding: None,
        refusal: None,
        problem: None,
        rests_until_ms: None,
        forecasts: sluice_protocol::ForecastsView { five_hour: None, seven_day: Some(said) },
        resets: Some(sluice_protocol::ResetsView {
            left: 2,
            ends_at_ms: Some(61_000),
            grants: Vec::new(),
            said_by: sluice_engine::Source::Endpoint,
            read_at_ms: 0,
            counsel: None,
        }),
        resets_withheld: false,
        fell: Vec::new(),
    }
}

fn page(labels: &[&str]) -> Page {
    let accounts: Vec<_> = (1..).zip(labels).map(|(id, label)| account(id, label)).collect();
    let provider = ProviderView {
        provider: Provider::Claude,
        mode: Mode::Auto,
        paused_until_ms: None,
        live: Some(AccountId(1)),
        unmanaged_login: false,
        observe_only: None,
        next_poll_at_ms: None,
        advice: None,
        after_turn: None,
        run_out: None,
    };
    let lane = LaneView {
        id: LaneId(7),
        provider: Provider::Claude,
        name: "shop".to_owned(),
        folder: None,
        active: Some(AccountId(2)),
        generation: Generation(1),
        since_ms: None,
        automatic: true,
        ready: Vec::new(),
    };
    let view = View {
        at_ms: 1_000,
        providers: vec![provider],
        accounts,
        lanes: vec![lane],
        ..View::default()
    };
    let requests_left = BTreeMap::from([(AccountId(1), 17)]);
    Page { view, requests_left, show_mail: false }
}

fn counts() -> Counts {
    let mut counts = Counts::default();
    counts.swap(Provider::Claude, SwapEnd::Committed);
    counts.decision(Provider::Claude, DecisionAction::Stay, Trigger::Tick);
    counts.decision(Provider::Claude, DecisionAction::Stay, Trigger::Tick);
    counts.request(Provider::Codex, "usage", Some(429));
    counts.request(Provider::Claude, "token", None);
    counts.notice(NoticeKind::Drain);
    counts
}

/// The grammar of OpenMetrics 1.0 as far as gauges, counters and info use it; the samples by name
/// and labels.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
    let (mut samples, mut families) = (BTreeMap::new(), BTreeSet::new());
    let (mut family, mut kind, mut seen) = (String::new(), String::new(), BTreeSet::new());
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').expect(line);
            let (name, value) = rest.split_once(' ').expect(line);
            assert!(is_name(name), "{line}");
            if name != family {
                assert!(families.insert(name.to_owned()), "a family in two places: {line}");
                (family, kind, seen) = (name.to_owned(), String::new(), BTreeSet::new());
            }
            assert!(seen.insert(word.to_owned()), "twice: {line}");
            assert!(!seen.contains("sample"), "metadata after a sample: {line}");
            match word {
                "TYPE" => kind = value.to_owned(),
                "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{line}"),
                "HELP" => assert!(!value.is_empty()),
                _ => panic!("{line}"),
            }
            continue;
        }
        seen.insert("sample".to_owned());
        let (series, value) = line.rsplit_once(' ').expect(line);
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let suffix = match kind.as_str() {
            "gauge" => "",
            "counter" => "_total",
            "info" => "_info",
            _ => panic!("{kind}: {line}"),
        };
        assert_eq!(name, format!("{family}{suffix}"), "{line}");
        let names = label_names(labels.strip_suffix('}').expect(line));
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{line}");
        let value: f64 = value.parse().expect(line);
        assert!(value.is_finite() && (kind != "counter" || value >= 0.0), "{line}");
        assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }
    samples
}

fn is_name(text: &str) -> bool {
    let head = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    head && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `a="x",b="y"`, with the three escapes that are allowed.
fn label_names(mut rest: &str) -> Vec<String> {
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").expect(rest);
        assert!(is_name(name), "{name}");
        names.push(name.to_owned());
        let mut chars = value.char_indices();
        let end = loop {
            match chars.next().expect("a closing quote") {
                (_, '\\') => {
                    let (_, escaped) = chars.next().expect("an escaped character");
                    assert!(matches!(escaped, '\\' | '"' | 'n'), "{value}");
                }
                (at, '"') => break at,
                (_, char) => assert_ne!(char, '\n'),
            }
        };
        rest = value[end + 1..].strip_prefix(',').unwrap_or(&value[end + 1..]);
    }
    names
}

#[test]
fn the_text_is_openmetrics_whatever_accounts_are_called() {
    let steering = "x\u{1b}[2J\u{202e}y";
    let names = ["Work", "Work", "a\"b\\c\nd", "", "Rosé {x=\"1\"} # EOF", steering];
    let text = render(&page(&names), &counts());
    assert!(
        !text.chars().any(|char| char != '\n' && sluice_protocol::text::is_unseen(char)),
        "{text:?}"
    );
    let samples = parsed(&text);
    assert!(samples.len() > 30, "{samples:#?}");
    parsed(&render(&Page { view: View::default(), ..page(&[]) }, &Counts::default()));
}

#[test]
fn what_is_known_is_told_and_what_is_unknown_is_left_out() {
    let samples = parsed(&render(&page(&["Work", "Home"]), &counts()));
    let work = r#"account="Work",id="1",provider="claude""#;
    let value = |series: &str| samples.get(series).copied();
    let of = |name: &str, more: &str| value(&format!("{name}{{{work}{more}}}"));
    assert_eq!(of("sluice_used_percent", r#",window="five_hour""#), Some(42.5));
    assert_eq!(of("sluice_used_percent", r#",window="seven_day""#), None);
    assert_eq!(of("sluice_used_percent", r#",model="opus",window="seven_day""#), Some(7.0));
    assert_eq!(of("sluice_reset_seconds", r#",window="five_hour""#), Some(60.0));
    let unused = r#",estimate="p50",window="seven_day""#;
    assert_eq!(of("sluice_forecast_unused_percent", unused), Some(34.0));
    assert_eq!(of("sluice_limit_resets_left", ""), Some(2.0));
    assert_eq!(of("sluice_limit_resets_end_seconds", ""), Some(60.0));
    assert_eq!(of("sluice_requests_left", ""), Some(17.0));
    assert!(!samples.keys().any(|key| key.contains(r#"requests_left{account="Home""#)));
    let live = |lane, account, id| {
        let labels = format!(r#"account="{account}",id="{id}",lane="{lane}",provider="claude""#);
        value(&format!("sluice_lane_account{{{labels}}}"))
    };
    assert_eq!((live("default", "Work", 1), live("shop", "Home", 2)), (Some(1.0), Some(1.0)));
    let counted = [
        (r#"sluice_swaps_total{outcome="committed",provider="claude"}"#, 1.0),
        (r#"sluice_swaps_total{outcome="failed",provider="claude"}"#, 0.0),
        (r#"sluice_decisions_total{action="stay",provider="claude",trigger="tick"}"#, 2.0),
        (r#"sluice_requests_total{kind="usage",provider="codex",status="429"}"#, 1.0),
        (r#"sluice_requests_total{kind="token",provider="claude",status="none"}"#, 1.0),
        (r#"sluice_notices_total{kind="drain"}"#, 1.0),
    ];
    for (series, count) in counted {
        assert_eq!(value(series), Some(count), "{series}");
    }
}

#[test]
fn money_is_told_with_its_currency() {
    let mut page = page(&["rose"]);
    let amounts = Amounts { used: Some(10.5), limit: Some(25.0), currency: Some("EUR".to_owned()) };
    let kind = WindowKind::money("spend");
    let window = WindowView { used: Some(42.0), ..WindowView::default() };
    page.view.accounts[0].windows = vec![NamedWindow { kind, window, amounts: Some(amounts) }];
    let text = render(&page, &counts());
    for line in [
        r#"amount="used",currency="EUR",window="money:spend"} 10.5"#,
        r#"amount="limit",currency="EUR",window="money:spend"} 25"#,
        r#"window="money:spend"} 42"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn no_mail_address_is_told_unless_asked_for() {
    let named = page(&["rose@example.test"]);
    assert!(!render(&named, &counts()).contains('@'));
    let asked = render(&Page { show_mail: true, ..named }, &counts());
    assert!(asked.contains(r#"email="rose@example.test""#));
    parsed(&asked);
}

#[test]
fn the_file_is_replaced_as_a_whole_and_only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("metrics/sluice.prom");
    let file = MetricsFile::at(path.clone());
    let put = |text: Option<&str>| {
        assert!(file.wish(text.map(str::to_owned)));
        file.put().unwrap();
    };
    put(Some("one"));
    put(Some("two"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    put(None);
    put(None);
    assert!(!path.exists());
    // While one hand writes no other is sent for, and the last wish counts.
    assert!(file.wish(Some("slow".to_owned())));
    assert!(!file.wish(Some("skipped".to_owned())));
    assert!(!file.wish(Some("last".to_owned())));
    file.put().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "last");
    let blocked = home.path().join("blocked");
    std::fs::write(&blocked, "mine").unwrap();
    assert!(write(&blocked.join("sluice.prom"), "x").is_err());
    assert_eq!(std::fs::read_to_string(&blocked).unwrap(), "mine");
}
