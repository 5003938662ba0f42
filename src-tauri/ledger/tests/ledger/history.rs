//! Readings over time.

use crate::support::{T0, account, open, sample};
use sluice_engine::WindowKind;
use sluice_engine::observation::Source;
use sluice_engine::{AccountId, Amounts, Block, Credits, Percent, Utc, Verdict, Window};
use sluice_ledger::{Ledger, Sample};

#[test]
fn work_is_what_windows_grew_by_in_each_hour() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let hour = Utc::from_seconds(T0.0 / 3_600_000_000 * 3_600);
    let later = |minutes: i64| hour.plus_seconds(minutes * 60);
    for (who, minutes, used) in [
        (a, 0, 10.0),
        (b, 5, 50.0),
        (a, 20, 14.0),
        // A reset is no negative work.
        (b, 30, 0.0),
        (b, 40, 1.0),
        (a, 70, 20.0),
    ] {
        ledger.record_sample(&sample(who, later(minutes), used)).unwrap();
    }
    let work = ledger.work(hour, later(120)).unwrap();
    assert_eq!(work, [(hour, 5.0), (later(60), 6.0)]);
    assert_eq!(ledger.work(later(60), later(120)).unwrap(), [], "one reading shows no growth");
}

const REFUSED: Verdict = Verdict::Refused { why: Block::Limit, until: None };

fn told(ledger: &Ledger, account: AccountId) -> Option<Verdict> {
    ledger.standing(account).unwrap().unwrap().usage.verdict
}

#[test]
fn the_providers_word_is_kept_until_it_is_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let mut seen = sample(a, T0, 12.0);
    seen.usage.verdict = Some(REFUSED);
    ledger.record_sample(&seen).unwrap();
    assert_eq!(
        ledger.samples(Some(a), T0, T0.plus_seconds(1)).unwrap()[0].usage.verdict,
        Some(REFUSED)
    );
    let silent = Sample { source: Source::StatusLine, ..sample(a, T0.plus_seconds(60), 13.0) };
    ledger.record_sample(&silent).unwrap();
    assert_eq!(told(&ledger, a), Some(REFUSED), "a status line says nothing of it");
    drop(ledger);
    let mut ledger = open(home.path());
    assert_eq!(told(&ledger, a), Some(REFUSED), "also over a restart");
    ledger.record_sample(&sample(a, T0.plus_seconds(120), 14.0)).unwrap();
    assert_eq!(told(&ledger, a), None, "the endpoint no longer says so");
    ledger.record_verdict(a, REFUSED, T0.plus_seconds(60)).unwrap();
    assert_eq!(told(&ledger, a), None, "what is older than the last reading comes too late");
    ledger.record_verdict(a, REFUSED, T0.plus_seconds(180)).unwrap();
    let standing = ledger.standing(a).unwrap().unwrap().usage;
    assert_eq!((standing.verdict, standing.short().used), (Some(REFUSED), Percent::new(14.0)));
}

#[test]
fn windows_of_money_and_of_unknown_kinds_are_stored_with_the_rest() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let mut seen = sample(a, T0, 12.0);
    let amounts = Amounts { used: Some(10.5), limit: Some(25.0), currency: Some("EUR".into()) };
    let window = Window { used: amounts.share(), resets_at: None };
    seen.usage.add(WindowKind::money("spend"), window, Some(amounts.clone()));
    seen.usage.add(WindowKind::other("fortnightly"), window, None);
    ledger.record_sample(&seen).unwrap();
    let standing = ledger.standing(a).unwrap().unwrap().usage;
    let kept = &ledger.samples(Some(a), T0, T0.plus_seconds(1)).unwrap()[0].usage;
    for usage in [&standing, kept] {
        assert_eq!(usage.amounts(&WindowKind::money("spend")), Some(&amounts));
        assert_eq!(usage.window(&WindowKind::other("fortnightly")), window);
        assert_eq!(usage.further().count(), 2);
    }
}

#[test]
fn a_vaguer_or_older_reading_overwrites_nothing_it_does_not_speak_of() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let mut whole = sample(a, T0.plus_seconds(60), 12.0);
    whole.usage.of_kind(&WindowKind::SevenDay).used = Percent::new(80.0);
    whole.usage.credits = Some(Credits { enabled: true, ..Credits::default() });
    ledger.record_sample(&whole).unwrap();
    ledger.record_sample(&sample(a, T0, 99.0)).unwrap();
    let later = sample(a, T0.plus_seconds(120), 13.0);
    ledger.record_sample(&Sample { source: Source::StatusLine, ..later }).unwrap();
    let usage = ledger.standing(a).unwrap().unwrap().usage;
    assert_eq!((usage.short().used, usage.long().used), (Percent::new(13.0), Percent::new(80.0)));
    assert_eq!(usage.credits.map(|credits| credits.enabled), Some(true));
}
